"""How an examination looks on a terminal: one screen, no secrets, readable without colour."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.readiness.report import Gap, Report, State

COLOURS = {
    State.OK: "green",
    State.NOTE: "cyan",
    State.WARNING: "yellow",
    State.LACKING: "yellow",
    State.WRONG: "red",
    State.UNREACHABLE: "red",
}
ENDINGS = {
    0: "ready: everything this scope needs is there",
    2: "not ready: the profile or a key has to be corrected first",
    3: "a run can start, and will be incomplete: something in scope cannot be evidenced",
    4: "not ready: the target does not answer",
}
SHOWN = 6
"""Requirement ids named in full; further ones are counted."""


def render(report: Report, console: Console) -> None:
    """Print ``report``."""
    console.print(f"target {report.target}, tier {report.tier}, scope {report.scope}\n", markup=False)
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in report.checks:
        table.add_row(Text(check.state, COLOURS[check.state]), check.subject, Text(check.text))
    console.print(table)
    if report.gaps:
        console.print("\nWhat keeps requirements in scope from being evidenced, by who could provide it", markup=False)
    for provider in dict.fromkeys(gap.provider for gap in report.gaps):
        console.print(f"  {provider}", markup=False)
        for gap in report.gaps:
            if gap.provider == provider:
                console.print(f"    {_line(gap)}", markup=False, soft_wrap=True)
    if report.embedded:
        console.print("\nThe embedded sandbox: it proves the harness, not an environment.", markup=False)
    console.print(f"\n{ENDINGS[report.exit_code]} (exit code {report.exit_code})", markup=False)


def _line(gap: Gap) -> str:
    named = ", ".join(gap.requirements[:SHOWN])
    further = len(gap.requirements) - SHOWN
    return f"{gap.missing}: {named}{f' and {further} more' if further > 0 else ''}"

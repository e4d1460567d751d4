"""``conformance requirements``: the catalogue, which scenarios judge what, and what no run can decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # loaded when the command runs
    from rich.console import Console

    from conformance.requirements import Requirement

HEAD = ("id", "level", "basis", "scope", "step", "judged by")


def requirements(
    step: Annotated[int | None, typer.Option(help="Only one step of the smoke plan.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Statements, sources and derivations.")] = False,
    undecided: Annotated[
        bool, typer.Option("--undecided", help="What the sources say and no run can decide, with the reason.")
    ] = False,
) -> None:
    """List the requirements: id, level, basis, scope, step and how many scenarios judge each."""
    from rich.console import Console

    from conformance.requirements import PRODUCTS, load
    from conformance.requirements import undecided as listed
    from conformance.scenarios.coverage import judged_by

    console = Console(highlight=False)
    if undecided:
        _undecided(console)
        return
    catalogue = load()
    # What is about a recording or order records is judged by a command of its own and has no scenario.
    elsewhere = {r.id: (f"conformance {PRODUCTS[r.product]}",) for r in catalogue if PRODUCTS[r.product] != "run"}
    coverage = elsewhere | judged_by()
    chosen = [r for r in catalogue if step is None or r.step == step]
    if verbose:
        _told(console, chosen, coverage)
        return
    _table(console, chosen, coverage)
    unjudged = [r.id for r in chosen if not coverage.get(r.id)]
    if step is None:
        further = len(listed())
        words = f"{further} statements of the sources cannot be decided by a run: --undecided"
        console.print(words, soft_wrap=True, markup=False)
    console.print(f"{len(chosen)} requirements, {len(unjudged)} without a scenario", soft_wrap=True, markup=False)


def _table(console: Console, chosen: Sequence[Requirement], coverage: Mapping[str, Sequence[str]]) -> None:
    rows = [HEAD]
    for r in chosen:
        rows.append((r.id, r.level, r.basis, r.scope, str(r.step or ""), str(len(coverage.get(r.id, ())))))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        # Never cut, however narrow the terminal: an id is there to be copied.
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        console.print(line.rstrip(), soft_wrap=True, markup=False, style="bold" if row is HEAD else "")


def _told(console: Console, chosen: Sequence[Requirement], coverage: Mapping[str, Sequence[str]]) -> None:
    for r in chosen:
        console.print(f"[bold]{r.id}[/]  {r.level} · {r.basis} · {r.side} · {r.scope}", soft_wrap=True)
        console.print(f"  {r.statement}\n  source: {r.source}", soft_wrap=True, markup=False)
        if r.derivation:
            console.print(f"  follows: {r.derivation}", soft_wrap=True, markup=False)
        console.print(f"  judged by: {', '.join(coverage.get(r.id, ())) or 'nothing'}", soft_wrap=True, markup=False)


def _undecided(console: Console) -> None:
    from conformance.requirements import Reason
    from conformance.requirements import undecided as listed
    from conformance.requirements.undecidable import MEANING

    for reason in Reason:
        entries = [entry for entry in listed() if entry.reason is reason]
        console.print(f"[bold]{reason}[/] ({len(entries)}): {MEANING[reason]}", soft_wrap=True)
        for entry in entries:
            console.print(f"  {entry.statement}", soft_wrap=True, markup=False)
            console.print(f"    {entry.because}\n    source: {entry.source}", soft_wrap=True, markup=False)
    console.print(f"{len(listed())} statements that no run can decide", markup=False)

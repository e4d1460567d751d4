"""``conformance requirements``: the catalogue, and which scenarios judge what."""

from __future__ import annotations

from typing import Annotated

import typer


def requirements(
    step: Annotated[int | None, typer.Option(help="Only one step of the smoke plan.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Statements, sources and derivations.")] = False,
) -> None:
    """List the requirements: id, level, basis, scope, step and the scenarios that judge each."""
    from rich.console import Console
    from rich.table import Table

    from conformance.requirements import load
    from conformance.scenarios.coverage import judged_by

    catalogue, coverage = load(), judged_by()
    chosen = [r for r in catalogue if step is None or r.step == step]
    console = Console(highlight=False)
    if verbose:
        for r in chosen:
            console.print(f"[bold]{r.id}[/]  {r.level} · {r.basis} · {r.side} · {r.scope}", soft_wrap=True)
            console.print(f"  {r.statement}\n  source: {r.source}", soft_wrap=True, markup=False)
            if r.derivation:
                console.print(f"  follows: {r.derivation}", soft_wrap=True, markup=False)
            console.print(
                f"  judged by: {', '.join(coverage.get(r.id, ())) or 'nothing'}", soft_wrap=True, markup=False
            )
        return
    table = Table("id", "level", "basis", "scope", "step", "scenarios", box=None)
    for r in chosen:
        table.add_row(r.id, r.level, r.basis, r.scope, str(r.step or ""), str(len(coverage.get(r.id, ()))))
    console.print(table)
    unjudged = [r.id for r in chosen if not coverage.get(r.id)]
    console.print(f"{len(chosen)} requirements, {len(unjudged)} without a scenario", markup=False)

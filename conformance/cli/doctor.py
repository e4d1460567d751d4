"""``conformance doctor``: look before the run whether everything it needs is there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer


def doctor(
    target: Annotated[str | None, typer.Option(help="Profile name or file; without it the embedded sandbox.")] = None,
    tier: Annotated[str, typer.Option(help="The tier to prepare for: smoke, certify or regress.")] = "certify",
    scope: Annotated[str | None, typer.Option(help="The scope to prepare for: partner or operator.")] = None,
    show_delivery: Annotated[
        bool, typer.Option("--show-delivery", help="Execute one trade and show the delivery that announces it.")
    ] = False,
) -> None:
    """Check profile, keys, clocks and limits, and say what a run could not evidence and who could provide it."""
    from rich.console import Console

    from conformance import readiness
    from conformance.readiness.screen import render
    from conformance.run import Options, UsageProblem, prepare

    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="conformance-doctor-") as folder:
        options = Options(target=target, tier=tier, scope=scope, output=Path(folder) / "run")
        try:
            run = prepare(options, os.environ)
        except UsageProblem as problem:
            typer.echo(str(problem), err=True)
            raise typer.Exit(2) from None
        try:
            report = readiness.examine(run)
            render(report, console)
            code = report.exit_code
            if show_delivery and code in (0, 3):
                shown = readiness.show_delivery(run)
                console.print("\n" + "\n".join(shown.lines), markup=False, soft_wrap=True)
                code = code if shown.arrived else 3
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        finally:
            run.abandon()
    raise typer.Exit(code)

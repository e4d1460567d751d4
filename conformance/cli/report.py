"""``conformance report``: rebuild every report of a run from its journal alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(folder: Annotated[Path, typer.Argument(help="The run folder.")]) -> None:
    """Rebuild all reports of a run, finished or not, and leave with its verdict's exit code."""
    from rich.console import Console

    from conformance import evidence
    from conformance.requirements import load

    try:
        packet = evidence.assemble(folder, load())
    except (FileNotFoundError, ValueError) as problem:
        typer.echo(f"{folder}: {problem}", err=True)
        raise typer.Exit(2) from None
    evidence.write_packet(packet, folder)
    evidence.render(packet, folder, Console(highlight=False))
    raise typer.Exit(packet.verdict.exit_code)

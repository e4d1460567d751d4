"""``conformance packet``: put several runs and what people state together into one folder to hand over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # loaded when there is something to do
    from conformance.evidence.bundle import Sources

StatementsOption = Annotated[
    list[Path] | None, typer.Option(help="TOML file with what its owner states; repeatable, one for each owner.")
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="The packet's folder; by default a new one under reports/.")
]

SHORTEST = 8
"""Characters below which a variable's value is no secret worth looking for in words."""


def packet(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of any command, or packets made before.")],
    statements: StatementsOption = None,
    output: OutputOption = None,
) -> None:
    """Fill in the tables of the access page from several runs, and gather them in one folder.

    A report, not a verdict: it ends with 0 whatever the rows say, and with 2 when it cannot be made.
    """
    import secrets

    from conformance.client import SystemClock, stamp
    from conformance.evidence import access_page, access_reports, bundle
    from conformance.partner import launch_statements
    from conformance.requirements import load
    from conformance.run import REPORTS
    from conformance.target import ProfileError

    catalogue = load()
    now = SystemClock().now()
    folder = output or REPORTS / f"{now:%Y%m%d-%H%M%S}-launch-{secrets.token_hex(2)}"
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise _refused(f"--output {folder} is not an empty folder; name one that does not exist yet")
        taken = bundle.sources(runs, catalogue)
        known = launch_statements.load(statements or (), access_page.keys(), tuple(catalogue), _secrets(taken))
        made = bundle.join(taken, known, folder, stamp(now), _versions(), catalogue)
    except (bundle.BundleError, ProfileError) as problem:
        raise _refused(str(problem)) from None
    except OSError as problem:
        raise _refused(f"{folder} cannot be written ({problem.strerror}); choose another --output") from None
    if made.watermark:
        typer.echo(made.watermark)
    for table in made.tables:
        typer.echo(f"{table.table.title}: {access_reports.told(table.counts)}")
    typer.echo(f"Packet: {folder / 'index.html'}")


def _secrets(taken: Sources) -> list[str]:
    """The values here and now of the variables the runs took their keys from."""
    names = {name for source in taken.runs for name in source.packet.run.variables.values()}
    return [value for name in sorted(names) if len(value := os.environ.get(name, "")) >= SHORTEST]


def _versions() -> dict[str, str]:
    from importlib import metadata

    return {"obit-conformance": metadata.version("obit-conformance")}


def _refused(text: str) -> typer.Exit:
    typer.echo(text, err=True)
    return typer.Exit(2)

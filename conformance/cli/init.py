"""``conformance init``: writes a commented profile and an approval record to begin with."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

FILES = ("conformance.toml", "approval.toml")


def init(
    directory: Annotated[Path, typer.Argument(help="Where to write the files.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")] = False,
) -> None:
    """Write a commented target profile and an approval record for you to complete."""
    present = [name for name in FILES if (directory / name).exists()]
    if present and not force:
        paths = ", ".join(str(directory / name) for name in present)
        typer.echo(f"{paths}: exists already; nothing was written. Use --force to overwrite it.", err=True)
        raise typer.Exit(2)
    templates = resources.files("conformance.target") / "templates"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            (directory / name).write_text((templates / name).read_text("utf-8"), "utf-8")
    except OSError as problem:
        typer.echo(f"{directory}: cannot be written to ({problem.strerror})", err=True)
        raise typer.Exit(2) from None
    profile = directory / FILES[0]
    typer.echo(f"wrote {profile} and {directory / FILES[1]}")
    typer.echo(f"next: complete both, export the variables they name, then: conformance doctor --target {profile}")

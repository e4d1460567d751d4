"""``conformance report``: rebuild every report of a run from its journal alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from conformance.cli.signing import PasswordOption, RoleOption, SignOption, signing


def report(
    folder: Annotated[Path, typer.Argument(help="The run folder.")],
    sign: SignOption = None,
    signer_role: RoleOption = None,
    sign_password_variable: PasswordOption = None,
) -> None:
    """Rebuild all reports of a run, finished or not, and leave with its verdict's exit code."""
    from rich.console import Console

    from conformance import evidence
    from conformance.evidence import attestation
    from conformance.requirements import load

    signs = signing(sign, signer_role, sign_password_variable, os.environ)
    try:
        packet = evidence.assemble(folder, load())
        if signs:
            attestation.check_signable(packet, folder)
    except (FileNotFoundError, ValueError) as problem:
        typer.echo(f"{folder}: {problem}", err=True)
        raise typer.Exit(2) from None
    except attestation.NotSigned as problem:
        typer.echo(str(problem), err=True)
        raise typer.Exit(2) from None
    evidence.write_packet(packet, folder)
    evidence.render(packet, folder, Console(highlight=False))
    if signs:
        typer.echo(signs.sign(packet, folder))
    raise typer.Exit(packet.verdict.exit_code)

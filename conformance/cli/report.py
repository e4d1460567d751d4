"""``conformance report``: rebuild every report of a run from its journal alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from conformance.cli.signing import PasswordOption, RoleOption, SignOption, signing


def report(
    folder: Annotated[Path, typer.Argument(help="The run folder, or a launch packet.")],
    sign: SignOption = None,
    signer_role: RoleOption = None,
    sign_password_variable: PasswordOption = None,
) -> None:
    """Rebuild all reports of a run, finished or not, and leave with its verdict's exit code."""
    from rich.console import Console

    from conformance import evidence
    from conformance.evidence import attestation, bundle
    from conformance.requirements import load

    signs = signing(sign, signer_role, sign_password_variable, os.environ)
    if bundle.is_packet(folder):
        _packet_again(folder, signs is not None)
        return
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


def _packet_again(folder: Path, signs: bool) -> None:
    """Rebuild a launch packet. Only runs are signed: a packet concludes nothing."""
    from conformance.evidence import access_reports, bundle
    from conformance.requirements import load

    if signs:
        typer.echo(f"{folder} is a launch packet; --sign is for the runs in it", err=True)
        raise typer.Exit(2)
    try:
        made = bundle.rebuild(folder, load())
    except (bundle.BundleError, OSError) as problem:
        typer.echo(str(problem), err=True)
        raise typer.Exit(2) from None
    typer.echo(f"{access_reports.told(made.counts)}\nPacket: {folder / 'index.html'}")

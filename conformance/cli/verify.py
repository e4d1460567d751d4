"""``conformance verify``: whether a run folder is what it claims to be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def verify(
    folder: Annotated[Path, typer.Argument(help="The run folder.")],
    key: Annotated[Path | None, typer.Option(help="PEM file of the signer's public key.")] = None,
) -> None:
    """Check journal, seal, verdict.json and attestation of a run: exit 0 if all holds, 1 if not, 2 if nothing can be.

    The chain and the seal show accident and loss; only a signature checked with --key shows who vouches for the run.
    """
    from conformance.evidence import verification
    from conformance.evidence.signing_keys import KeyProblem, verifier
    from conformance.evidence.text import one_line
    from conformance.requirements import load

    try:
        found = verification.verify(folder, load(), verifier(key) if key else None)
    except KeyProblem as problem:
        typer.echo(f"--key {problem}", err=True)
        raise typer.Exit(2) from None
    except OSError as problem:
        typer.echo(f"{folder} cannot be verified: {problem}", err=True)
        raise typer.Exit(2) from None
    packet = found.packet
    if packet is not None:
        if packet.watermark:
            typer.echo(packet.watermark)
        run, verdict = packet.run, packet.verdict
        typer.echo(one_line(f"{run.run}: {run.target} ({run.environment}) is {verdict.status} in scope {run.scope}"))
        typer.echo(one_line(f"{verdict.launch_line}; evidence until {packet.expires}"))
    for check in found.checks:
        typer.echo(f"{check.holds:<14} {check.subject}: {check.text}")
    raise typer.Exit(0 if found.good else 1)

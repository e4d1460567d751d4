"""``conformance verify``: whether a run folder is what it claims to be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # loaded only where there is a key
    from securesystemslib.signer import SSlibKey


def verify(
    folder: Annotated[Path, typer.Argument(help="The run folder, or a launch packet.")],
    key: Annotated[Path | None, typer.Option(help="PEM file of the signer's public key.")] = None,
) -> None:
    """Check journal, seal, verdict.json and attestation of a run: exit 0 if all holds, 1 if not, 2 if nothing can be.

    The chain and the seal show accident and loss; only a signature checked with --key shows who vouches for the run.
    """
    from conformance.evidence import bundle
    from conformance.evidence.signing_keys import KeyProblem, verifier

    try:
        public = verifier(key) if key else None
        good = _packet(folder, public) if bundle.is_packet(folder) else _run(folder, public)
    except KeyProblem as problem:
        typer.echo(f"--key {problem}", err=True)
        raise typer.Exit(2) from None
    except OSError as problem:
        typer.echo(f"{folder} cannot be verified: {problem}", err=True)
        raise typer.Exit(2) from None
    raise typer.Exit(0 if good else 1)


def _packet(folder: Path, public: SSlibKey | None) -> bool:
    """Check a launch packet and every run in it."""
    from conformance.evidence import bundle
    from conformance.evidence.text import one_line
    from conformance.requirements import load

    try:
        launch = bundle.launch_of(folder, load())
    except bundle.BundleError as problem:
        typer.echo(one_line(f"DOES NOT HOLD  launch packet: {problem}"))
        return False
    rebuilt = bundle.is_rebuilt(folder, launch)
    said = "is what the journals yield" if rebuilt else "is not what the journals yield"
    typer.echo(f"{'holds' if rebuilt else 'DOES NOT HOLD':<14} {bundle.LAUNCH}: {said}")
    return all([rebuilt, *(_run(folder / bundle.RUNS / name, public) for name in launch.folders)])


def _run(folder: Path, public: SSlibKey | None) -> bool:
    """Check a run's folder."""
    from conformance.evidence import verification
    from conformance.evidence.text import one_line
    from conformance.requirements import load

    found = verification.verify(folder, load(), public)
    packet = found.packet
    if packet is not None:
        if packet.watermark:
            typer.echo(packet.watermark)
        run, verdict = packet.run, packet.verdict
        typer.echo(one_line(f"{run.run}: {run.target} ({run.environment}) is {verdict.status} in scope {run.scope}"))
        typer.echo(one_line(f"{verdict.launch_line}; evidence until {packet.expires}"))
    for check in found.checks:
        typer.echo(f"{check.holds:<14} {check.subject}: {check.text}")
    return found.good

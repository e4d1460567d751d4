"""Run folders with every report and an attestation, and the parts of an attestation."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from conformance.evidence import Packet, assemble, write_packet
from conformance.evidence.attestation import FILE, SignerRole, sign
from conformance.evidence.signing_keys import signer
from conformance.journal import Record
from conformance.requirements import load
from tests.attestation import keys
from tests.evidence import synthetic

CATALOGUE = load()
DIGESTS = {"profile": "a" * 64, "approval": "b" * 64, "contract pools": "c" * 64, "known failures": "d" * 64}


def reported(folder: Path, records: Iterable[Record] | None = None, *, sealed: bool = True) -> Packet:
    """A run of few exchanges with its reports, not signed."""
    synthetic.write_journal(folder, synthetic.green(4, digests=DIGESTS) if records is None else records, sealed)
    packet = assemble(folder, CATALOGUE)
    write_packet(packet, folder)
    return packet


def signed(
    folder: Path,
    records: Iterable[Record] | None = None,
    kind: str = "ed25519",
    role: SignerRole = SignerRole.PARTNER,
) -> Path:
    """The same, signed; returns the run folder."""
    run_folder = folder / "run"
    packet = reported(run_folder, records)
    private_file, _ = keys.written(folder, kind)
    sign(packet, run_folder, signer(private_file, None), role)
    return run_folder


def envelope(run_folder: Path) -> dict[str, Any]:
    """The envelope as any reader of JSON sees it."""
    found: dict[str, Any] = json.loads((run_folder / FILE).read_text(encoding="ascii"))
    return found


def statement(run_folder: Path) -> dict[str, Any]:
    """The signed statement."""
    found: dict[str, Any] = json.loads(base64.b64decode(envelope(run_folder)["payload"]))
    return found


def change_envelope(run_folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Rewrite the envelope without signing it again."""
    found = envelope(run_folder)
    change(found)
    (run_folder / FILE).write_text(json.dumps(found), encoding="ascii")


def change_statement(run_folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Rewrite the statement within the envelope without signing it again."""
    said = statement(run_folder)
    change(said)
    payload = base64.b64encode(json.dumps(said).encode()).decode()
    change_envelope(run_folder, lambda found: found.update(payload=payload))

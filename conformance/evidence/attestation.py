"""``attestation.json``: what a sealed run concluded, as an in-toto test result in a signed DSSE envelope.

The statement is derived from the journal, so it can be derived again and compared (``verification``).

- ``subject``  the target; its SHA-256 is that of ``journal/seal.json``, which holds the head of every segment
- ``predicate.result``  ``PASSED`` only for a conformant run of an environment without any reservation; ``WARNED``
  where all that was asked for was shown with a reservation (excuse, warning, selection, our own sandbox); else
  ``FAILED``
- ``predicate.configuration``  profile, approval, contract and known failures, by digest, as far as the run had them;
  a contract's is that of the parsed document, written as JSON with sorted members
- ``predicate.passedTests``, ``warnedTests``, ``failedTests``  requirement ids; an excused failure is a failure
- ``predicate.obit_conformance``  the rest, with the names ``verdict.json`` uses: schema, signer role, verdict,
  watermark, launch, run, the requirements neither passed nor failed by status, the heads of the journal, and the
  SHA-256 of every file it vouches for
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conformance.evidence import verdict_json
from conformance.evidence.packet import Packet
from conformance.evidence.per_requirement import Status
from conformance.evidence.verdicts import RunStatus, RunVerdict
from conformance.journal.writer import SEAL, canonical

if TYPE_CHECKING:  # loaded only by a run that signs: start-up time counts
    from securesystemslib.signer import CryptoSigner

FILE = "attestation.json"
SCHEMA = "conformance-attestation/1"
EXTENSION = "obit_conformance"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
NO_ENVIRONMENT = "embedded sandbox, not an environment"
"""Stands where a target's name would: whoever reads nothing but the subject is not misled either."""


class SignerRole(StrEnum):
    """As whom a signer vouches for a run."""

    PARTNER = "partner"
    OPERATOR = "operator"


class NotSigned(Exception):
    """A run cannot be signed: says why, and what to do."""


class Result(StrEnum):
    """The results the predicate knows."""

    PASSED = "PASSED"
    WARNED = "WARNED"
    FAILED = "FAILED"


def sign(packet: Packet, run_folder: Path, signer: CryptoSigner, role: SignerRole) -> Path:
    """Sign what the run concluded and write it into its folder, whose reports have been written.

    Returns the file. Raises ``NotSigned`` for a journal that is not whole, and where an attestation lies already.
    """
    from securesystemslib.dsse import Envelope

    check_signable(packet, run_folder)
    envelope = Envelope(canonical(statement(packet, run_folder, role)).encode("ascii"), PAYLOAD_TYPE, {})
    envelope.sign(signer)
    path = run_folder / FILE
    with path.open("x", encoding="ascii") as file:
        file.write(json.dumps(envelope.to_dict(), indent=2) + "\n")
    return path


def check_signable(packet: Packet, run_folder: Path) -> None:
    """Raise ``NotSigned`` unless the run's journal is whole and nobody's attestation would be overwritten."""
    if packet.verdict.problems:
        raise NotSigned(f"{run_folder} is not signed: its journal is damaged ({packet.verdict.problems[0]})")
    if not packet.verdict.sealed:
        raise NotSigned(f"{run_folder} is not signed: the run did not end, so its journal has no seal; run it again")
    if (run_folder / FILE).exists():
        raise NotSigned(f"{run_folder} is not signed: it holds {FILE} already; move that file away to sign anew")


def statement(packet: Packet, run_folder: Path, role: SignerRole) -> dict[str, Any]:
    """The in-toto Statement (version 1) on a sealed run."""
    run, verdict = packet.run, packet.verdict
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {
                "name": NO_ENVIRONMENT if run.embedded else run.target,
                "digest": {"sha256": file_digest(run_folder / "journal" / SEAL)},
                "annotations": {
                    "digest_of": f"journal/{SEAL}",
                    "environment": run.environment,
                    "embedded": run.embedded,
                    "base_urls": run.base_urls,
                },
            }
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": result(verdict),
            "configuration": [
                {"name": name, "digest": {"sha256": digest}} for name, digest in sorted(run.digests.items())
            ],
            "passedTests": _ids(verdict, Status.PASS),
            "warnedTests": _ids(verdict, Status.WARN),
            "failedTests": _ids(verdict, Status.FAIL, Status.EXCUSED),
            EXTENSION: _extension(packet, run_folder, role),
        },
    }


def result(verdict: RunVerdict) -> Result:
    """What the predicate's three words can honestly say of a run.

    A consumer may look at this word alone, so that ours never says more than the verdict: what is incomplete or
    inconclusive was not shown, and our own sandbox is not an environment.
    """
    if verdict.status not in (RunStatus.CONFORMANT, RunStatus.CONFORMANT_WITH_EXCEPTIONS, RunStatus.PARTIAL):
        return Result.FAILED
    reserved = verdict.of_status(Status.WARN, Status.FAIL, Status.EXCUSED)
    if verdict.status is RunStatus.CONFORMANT and not reserved and not verdict.run.embedded:
        return Result.PASSED
    return Result.WARNED


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, hexadecimal. Raises ``OSError`` when it does not read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _extension(packet: Packet, run_folder: Path, role: SignerRole) -> dict[str, Any]:
    run, verdict = packet.run, packet.verdict
    verdict_text = verdict_json.render(packet).encode("ascii")
    files = {
        f"journal/{segment.name}.jsonl": file_digest(run_folder / "journal" / f"{segment.name}.jsonl")
        for segment in packet.segments
    }
    return {
        "schema": SCHEMA,
        "signer_role": role,
        "watermark": packet.watermark,
        "verdict": verdict.status,
        "reasons": [reason.text for reason in verdict.reasons],
        "launch": {"evidence": verdict.launch_evidence, "line": verdict.launch_line},
        "run": {
            "id": run.run,
            "scope": run.scope,
            "tier": run.tier,
            "selection": list(run.selection),
            "seed": run.seed,
            "strict": run.strict,
            "features": list(run.features),
            "contract_revision": run.contract_revision,
            "started": run.started,
            "finished": verdict.finished,
            "expires": packet.expires,
            "versions": run.versions,
        },
        "excused": _ids(verdict, Status.EXCUSED),
        "not_evidenced": _ids(verdict, Status.NOT_EVIDENCED),
        "not_applicable": _ids(verdict, Status.NOT_APPLICABLE),
        "error": _ids(verdict, Status.ERROR),
        "heads": {segment.name: {"records": segment.records, "head": segment.head} for segment in packet.segments},
        "files": files | {"verdict.json": hashlib.sha256(verdict_text).hexdigest()},
    }


def _ids(verdict: RunVerdict, *statuses: Status) -> list[str]:
    return [v.requirement.id for v in verdict.of_status(*statuses)]

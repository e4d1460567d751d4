"""Checking a run folder somebody hands over: what about it holds, what does not, and what could not be checked.

Reads files that others may have written; decides nothing about the run itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conformance.evidence import attestation, verdict_json
from conformance.evidence.attestation import EXTENSION, FILE, SignerRole
from conformance.evidence.packet import Packet, assemble
from conformance.evidence.text import clip, count, one_line
from conformance.journal import Reading, read
from conformance.journal.writer import SEAL, canonical
from conformance.requirements import Catalogue

if TYPE_CHECKING:  # loaded only where there is an envelope: start-up time counts
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey

LARGEST = 4 << 20
"""Bytes. An attestation of the whole catalogue takes some twenty thousand."""


class Holds(StrEnum):
    """What became of one check."""

    YES = "holds"
    NO = "DOES NOT HOLD"
    UNCHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    subject: str
    holds: Holds
    text: str


@dataclass(frozen=True, slots=True)
class Verification:
    """All that was looked at. ``packet`` is None when the journal does not say what was judged."""

    checks: tuple[Check, ...]
    packet: Packet | None

    @property
    def good(self) -> bool:
        """Whether nothing that was checked failed."""
        return all(check.holds is not Holds.NO for check in self.checks)


def verify(run_folder: Path, catalogue: Catalogue, key: SSlibKey | None) -> Verification:
    """Check a run folder, and its attestation's signature when given a public ``key``.

    Raises ``FileNotFoundError`` when there is no journal.
    """
    reading = read(run_folder / "journal")
    try:
        packet = assemble(run_folder, catalogue)
    # A chain that holds says nothing about values: a journal made by hand may hold any JSON in any place.
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        packet, why = None, str(problem)
    else:
        why = ""
    checks = [
        _chain(reading, packet),
        _seal(run_folder, reading),
        _verdict(run_folder, packet, why),
        *_attested(run_folder, packet, key),
    ]
    return Verification(tuple(checks), packet)


def _check(subject: str, problem: str, good: str) -> Check:
    return Check(subject, Holds.NO, clip(one_line(problem), 400)) if problem else Check(subject, Holds.YES, good)


def _chain(reading: Reading, packet: Packet | None) -> Check:
    broken = [problem for problem in reading.problems if not _of_seal(problem)]
    segments = len(packet.segments) if packet else 0
    good = f"{count(len(reading.records), 'record')} in {count(segments, 'segment')}" if packet else ""
    return _check("hash chain", "; ".join(broken), good)


def _of_seal(problem: str) -> bool:
    return problem.startswith(("segment ", SEAL))


def _seal(run_folder: Path, reading: Reading) -> Check:
    if not (run_folder / "journal" / SEAL).exists():
        return _check("seal", "there is none: the run did not end, or its end was taken away", "")
    return _check("seal", "; ".join(filter(_of_seal, reading.problems)), f"finished {one_line(reading.finished)}")


def _verdict(run_folder: Path, packet: Packet | None, why: str) -> Check:
    subject = "verdict.json"
    if packet is None:
        return _check(subject, f"no verdict follows from the journal: {why}", "")
    try:
        found = (run_folder / subject).read_bytes()
    except OSError as problem:
        return _check(subject, f"cannot be read ({problem.strerror})", "")
    if found == verdict_json.render(packet).encode("ascii"):
        return _check(subject, "", "is what the journal yields")
    written = one_line(str(packet.run.versions.get("obit-conformance", "unknown")))
    return _check(subject, f"is not what the journal yields (judged with harness version {written})", "")


def _attested(run_folder: Path, packet: Packet | None, key: SSlibKey | None) -> list[Check]:
    path = run_folder / FILE
    if not path.exists():
        if key is None:
            return [Check(FILE, Holds.UNCHECKED, "the run is not signed")]
        return [_check("signature", f"there is no {FILE}: the run is not signed", "")]
    try:
        envelope = _envelope(path)
    except _Unreadable as problem:
        return [_check(FILE, str(problem), "")]
    checks = [_signature(envelope, key)]
    try:
        statement = _statement(envelope)
    except _Unreadable as problem:
        return [*checks, _check(FILE, str(problem), "")]
    return [*checks, *_statements(run_folder, packet, statement)]


class _Unreadable(Exception):
    """The attestation is not one of ours."""


def _envelope(path: Path) -> Envelope:
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import Error

    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
        if len(raw) > LARGEST:
            raise _Unreadable(f"is larger than {LARGEST} bytes")
        return Envelope.from_dict(json.loads(raw))
    except OSError as problem:
        raise _Unreadable(f"cannot be read ({problem.strerror})") from problem
    except (Error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise _Unreadable(f"is no DSSE envelope ({type(problem).__name__}: {problem})") from problem


def _statement(envelope: Envelope) -> dict[str, Any]:
    if envelope.payload_type != attestation.PAYLOAD_TYPE:
        raise _Unreadable(f"holds {envelope.payload_type!r}, expected {attestation.PAYLOAD_TYPE!r}")
    try:
        found: dict[str, Any] = json.loads(envelope.payload)
        role = found["predicate"][EXTENSION]["signer_role"]
        kinds = found["_type"], found["predicateType"]
        SignerRole(role)
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise _Unreadable(f"holds no statement on a run ({type(problem).__name__}: {problem})") from problem
    if kinds != (attestation.STATEMENT_TYPE, attestation.PREDICATE_TYPE):
        raise _Unreadable(f"holds {kinds[0]!r} with {kinds[1]!r}, expected an in-toto test result")
    return found


def _signature(envelope: Envelope, key: SSlibKey | None) -> Check:
    from securesystemslib.exceptions import UnverifiedSignatureError

    ids = [one_line(name)[:16] for name in envelope.signatures]
    if key is None:
        by = ", ".join(ids) or "nobody"
        return Check("signature", Holds.UNCHECKED, f"claims to be by {by}; give the signer's public key with --key")
    try:
        envelope.verify([key], 1)
    except UnverifiedSignatureError:
        if key.keyid in envelope.signatures:
            return _check("signature", "does not fit the content: the attestation was changed after it was signed", "")
        by = ", ".join(ids) or "nobody"
        return _check("signature", f"is by {by}, not by the given key {key.keyid[:16]}", "")
    return _check("signature", "", f"by the given key {key.keyid[:16]}")


def _statements(run_folder: Path, packet: Packet | None, found: dict[str, Any]) -> list[Check]:
    """Compare what was attested with what the folder yields now, part by part."""
    parts = ("attested journal", "attested configuration", "attested results")
    if packet is None or not packet.verdict.sealed:
        return [_check(part, "no whole journal to compare it with", "") for part in parts]
    role = SignerRole(found["predicate"][EXTENSION]["signer_role"])
    wanted = json.loads(canonical(attestation.statement(packet, run_folder, role)))
    checks = []
    for part, split in zip(parts, (_journal_part, _configuration_part, _result_part), strict=True):
        attested, yielded = split(found), split(wanted)
        names = [name for name in attested.keys() | yielded.keys() if attested.get(name) != yielded.get(name)]
        problem = f"not what this folder yields: {', '.join(sorted(names))}" if names else ""
        checks.append(_check(part, problem, _told(part, found)))
    return checks


def _told(part: str, found: dict[str, Any]) -> str:
    if part == "attested results":
        predicate = found["predicate"]
        return one_line(f"{predicate.get('result')}, as {predicate[EXTENSION]['signer_role']}")
    return "is that of this folder"


def _journal_part(statement: dict[str, Any]) -> dict[str, Any]:
    extension = statement["predicate"][EXTENSION]
    return {"subject": statement.get("subject"), "heads": extension.get("heads"), "files": extension.get("files")}


def _configuration_part(statement: dict[str, Any]) -> dict[str, Any]:
    return {"configuration": statement["predicate"].get("configuration")}


def _result_part(statement: dict[str, Any]) -> dict[str, Any]:
    predicate = statement["predicate"]
    flat = {name: value for name, value in predicate.items() if name not in (EXTENSION, "configuration")}
    others = {name: value for name, value in statement.items() if name not in ("subject", "predicate")}
    apart = ("heads", "files")
    return others | flat | {name: value for name, value in predicate[EXTENSION].items() if name not in apart}

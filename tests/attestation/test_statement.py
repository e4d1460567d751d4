"""What an attestation says of a run, and that it says it in a form other tools read."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from conformance.evidence.attestation import FILE, NotSigned, SignerRole, sign
from conformance.evidence.packet import WATERMARK
from conformance.evidence.signing_keys import signer
from conformance.journal import Judgement, Outcome, Record
from conformance.journal.reader import read_segment
from tests.attestation import keys
from tests.attestation.signed import DIGESTS, envelope, reported, signed, statement
from tests.evidence import synthetic

EXCUSE = {"requirement": "WIRE-BODY", "reason": "ticket 4711", "owner": "payments", "expires": "2026-12-31"}


def but(requirement: str, outcome: Outcome | None, **run: object) -> list[Record]:
    """A green run in which one requirement ended otherwise; None: nobody judged it."""
    records: list[Record] = []
    for record in synthetic.green(4, **run):
        if isinstance(record, Judgement) and record.requirement == requirement:
            if outcome is None:
                continue
            records.append(dataclasses.replace(record, outcome=outcome, observed="otherwise"))
        else:
            records.append(record)
    return records


@pytest.mark.parametrize(
    ("records", "verdict", "result"),
    [
        (synthetic.green(4), "CONFORMANT", "PASSED"),
        (synthetic.green(4, strict=True), "CONFORMANT", "WARNED"),
        (synthetic.green(4, embedded=True, target="embedded", environment="embedded"), "CONFORMANT", "WARNED"),
        (synthetic.green(4, tier="smoke"), "PARTIAL", "WARNED"),
        (but("WIRE-BODY", Outcome.FAIL, known_failures=(EXCUSE,)), "CONFORMANT WITH EXCEPTIONS", "WARNED"),
        (but("POOLS-TRANSACT-ONCE", Outcome.NOT_EVIDENCED), "INCOMPLETE", "FAILED"),
        (but("POOLS-TRANSACT-ONCE", None), "INCONCLUSIVE", "FAILED"),
        (but("POOLS-TRANSACT-ONCE", Outcome.ERROR), "INCONCLUSIVE", "FAILED"),
        (but("POOLS-TRANSACT-ONCE", Outcome.FAIL), "NONCONFORMANT", "FAILED"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_result_never_says_more_than_the_verdict(
    records: list[Record], verdict: str, result: str, tmp_path: Path
) -> None:
    predicate = statement(signed(tmp_path, records))["predicate"]

    assert (predicate["obit_conformance"]["verdict"], predicate["result"]) == (verdict, result)


def test_every_requirement_is_listed_once_under_what_became_of_it(tmp_path: Path) -> None:
    records = synthetic.red(10)

    predicate = statement(signed(tmp_path, records))["predicate"]

    own = predicate["obit_conformance"]
    listed = [
        *predicate["passedTests"],
        *predicate["warnedTests"],
        *predicate["failedTests"],
        *own["not_evidenced"],
        *own["not_applicable"],
        *own["error"],
    ]
    assert sorted(listed) == sorted({r.requirement for r in records if isinstance(r, Judgement)})


def test_an_excused_failure_stays_a_failure_and_is_named_as_excused(tmp_path: Path) -> None:
    predicate = statement(signed(tmp_path, synthetic.red(10)))["predicate"]

    assert "POOLS-LEDGER-CLAMP" in predicate["failedTests"]
    assert predicate["obit_conformance"]["excused"] == ["POOLS-LEDGER-CLAMP"]


def test_a_warning_under_strictness_is_listed_as_one(tmp_path: Path) -> None:
    predicate = statement(signed(tmp_path, synthetic.green(4, strict=True)))["predicate"]

    assert predicate["warnedTests"] == ["WIRE-BODY"]


def test_the_subject_is_the_target_bound_to_the_sealed_journal(tmp_path: Path) -> None:
    run_folder = signed(tmp_path)

    subject = statement(run_folder)["subject"]

    seal = hashlib.sha256((run_folder / "journal" / "seal.json").read_bytes()).hexdigest()
    assert [(s["name"], s["digest"], s["annotations"]["base_urls"]) for s in subject] == [
        ("sandbox", {"sha256": seal}, {"pools": "https://pools.example.test/v1"})
    ]


def test_heads_and_digests_are_those_of_the_files(tmp_path: Path) -> None:
    run_folder = signed(tmp_path)

    own = statement(run_folder)["predicate"]["obit_conformance"]

    segment = read_segment(run_folder / "journal" / "main.jsonl")
    assert own["heads"] == {"main": {"records": len(segment.records), "head": segment.head}}
    assert own["files"] == {
        name: hashlib.sha256((run_folder / name).read_bytes()).hexdigest()
        for name in ("journal/main.jsonl", "verdict.json")
    }


def test_the_configuration_names_profile_approval_contract_and_exceptions(tmp_path: Path) -> None:
    configuration = statement(signed(tmp_path))["predicate"]["configuration"]

    assert {entry["name"]: entry["digest"]["sha256"] for entry in configuration} == DIGESTS


def test_it_says_which_run_how_much_of_it_until_when_and_as_whom(tmp_path: Path) -> None:
    records = synthetic.green(4, selection=("step 5",), seed=99)

    own = statement(signed(tmp_path, records, role=SignerRole.OPERATOR))["predicate"]["obit_conformance"]

    run = own["run"]
    assert (run["id"], run["scope"], run["tier"], run["selection"], run["seed"], run["expires"]) == (
        "20261001-080000-7",
        "operator",
        "certify",
        ["step 5"],
        99,
        "2026-12-30T08:00:00+00:00",
    )
    assert run["versions"]["python"] == "3.11.9"
    assert own["signer_role"] == "operator"
    assert "only a selection was tried" in own["launch"]["line"]


def test_our_own_sandbox_is_no_environment_wherever_one_looks(tmp_path: Path) -> None:
    records = synthetic.green(4, embedded=True, target="embedded", environment="embedded")

    said = statement(signed(tmp_path, records))

    (subject,) = said["subject"]
    assert subject["name"] == "embedded sandbox, not an environment"
    assert subject["annotations"]["embedded"] is True
    assert said["predicate"]["obit_conformance"]["watermark"] == WATERMARK
    assert said["predicate"]["obit_conformance"]["launch"]["evidence"] is False


def test_a_reader_who_knows_only_the_dsse_protocol_can_check_the_signature(tmp_path: Path) -> None:
    found = envelope(signed(tmp_path))

    kind, payload = found["payloadType"].encode(), base64.b64decode(found["payload"])
    encoded = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    public = load_pem_public_key(keys.public_pem())
    assert isinstance(public, Ed25519PublicKey)
    public.verify(base64.b64decode(found["signatures"][0]["sig"]), encoded)
    assert kind == b"application/vnd.in-toto+json"


def test_an_unsealed_run_is_not_signed(tmp_path: Path) -> None:
    packet = reported(tmp_path / "run", synthetic.green(4)[:30], sealed=False)
    key, _ = keys.written(tmp_path)

    with pytest.raises(NotSigned, match="its journal has no seal"):
        sign(packet, tmp_path / "run", signer(key, None), SignerRole.PARTNER)

    assert not (tmp_path / "run" / FILE).exists()


def test_an_attestation_is_never_overwritten(tmp_path: Path) -> None:
    run_folder = signed(tmp_path)
    before = (run_folder / FILE).read_bytes()
    key, _ = keys.written(tmp_path, "another ed25519")
    packet = reported(tmp_path / "same")

    with pytest.raises(NotSigned, match=r"holds attestation\.json already"):
        sign(packet, run_folder, signer(key, None), SignerRole.OPERATOR)

    assert (run_folder / FILE).read_bytes() == before

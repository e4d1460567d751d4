"""Whatever is changed in a signed run folder is noticed; what was not changed holds."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.evidence import write
from conformance.evidence.attestation import FILE, SignerRole, sign
from conformance.evidence.signing_keys import signer, verifier
from conformance.evidence.verification import Holds, Verification, verify
from conformance.journal import seal
from conformance.journal.writer import GENESIS, canonical, link
from tests.attestation import keys
from tests.attestation.signed import (
    CATALOGUE,
    change_envelope,
    change_statement,
    reported,
    signed,
)
from tests.evidence import synthetic


def verified(run_folder: Path, kind: str | None = "ed25519") -> Verification:
    """What becomes of the folder under the public key beside it, or under none."""
    key = None if kind is None else verifier(keys.written(run_folder.parent, kind)[1])
    return verify(run_folder, CATALOGUE, key)


def broken(found: Verification) -> list[str]:
    return [check.subject for check in found.checks if check.holds is Holds.NO]


@pytest.mark.parametrize("kind", keys.USABLE)
def test_what_was_signed_verifies_with_the_public_key(kind: str, tmp_path: Path) -> None:
    found = verified(signed(tmp_path, kind=kind), kind)

    assert {check.subject: check.holds for check in found.checks} == dict.fromkeys(
        (
            "hash chain",
            "seal",
            "verdict.json",
            "signature",
            "attested journal",
            "attested configuration",
            "attested results",
        ),
        Holds.YES,
    )


def another_value(line: str) -> str:
    """The line with one text of its record changed and its chain value kept."""
    wrapped = json.loads(line)
    name = next(n for n, value in wrapped["record"].items() if isinstance(value, str) and n != "kind")
    wrapped["record"][name] += "x"
    return canonical(wrapped) + "\n"


@pytest.mark.parametrize("signed_too", [True, False], ids=["signed", "not signed"])
def test_a_change_to_any_line_of_the_journal_breaks_the_chain(signed_too: bool, tmp_path: Path) -> None:
    run_folder = signed(tmp_path)
    if not signed_too:
        (run_folder / FILE).unlink()
    journal = run_folder / "journal" / "main.jsonl"
    lines = journal.read_text(encoding="ascii").splitlines(keepends=True)
    unnoticed = []

    for number, line in enumerate(lines):
        journal.write_text("".join([*lines[:number], another_value(line), *lines[number + 1 :]]), encoding="ascii")
        if "hash chain" not in broken(verified(run_folder, None)):
            unnoticed.append(number)

    assert unnoticed == []


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:-1],
        lambda lines: lines[1:],
        lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [*lines[:-1], lines[-1][:-5]],
        lambda lines: [lines[0][:-2] + ',"note":"added"}\n', *lines[1:]],
        lambda lines: ["[" * 5 + "\n", *lines[1:]],
    ],
    ids=["cut", "beheaded", "swapped", "repeated", "torn", "added to", "no record"],
)
def test_lines_taken_moved_or_added_are_noticed(change: Callable[[list[str]], list[str]], tmp_path: Path) -> None:
    run_folder = signed(tmp_path)
    journal = run_folder / "journal" / "main.jsonl"
    lines = journal.read_text(encoding="ascii").splitlines(keepends=True)

    journal.write_text("".join(change(lines)), encoding="ascii")

    assert not verified(run_folder).good


def test_a_second_segment_slipped_in_is_noticed(tmp_path: Path) -> None:
    run_folder = signed(tmp_path)

    (run_folder / "journal" / "other.jsonl").write_text("", encoding="ascii")

    assert "seal" in broken(verified(run_folder))


def test_another_end_under_the_seal_is_noticed(tmp_path: Path) -> None:
    run_folder = signed(tmp_path)
    path = run_folder / "journal" / "seal.json"

    path.write_text(path.read_text(encoding="ascii").replace("2026", "2027", 1), encoding="ascii")

    assert broken(verified(run_folder)) == ["verdict.json", "attested journal", "attested results"]


def test_a_missing_seal_is_noticed(tmp_path: Path) -> None:
    run_folder = signed(tmp_path)

    (run_folder / "journal" / "seal.json").unlink()

    assert "seal" in broken(verified(run_folder))


def test_another_verdict_than_the_journal_yields_is_noticed(tmp_path: Path) -> None:
    run_folder = signed(tmp_path, synthetic.red(10))
    path = run_folder / "verdict.json"

    path.write_text(path.read_text(encoding="ascii").replace("NONCONFORMANT", "CONFORMANT"), encoding="ascii")

    assert broken(verified(run_folder)) == ["verdict.json"]


def test_a_missing_verdict_is_noticed(tmp_path: Path) -> None:
    run_folder = signed(tmp_path)

    (run_folder / "verdict.json").unlink()

    assert broken(verified(run_folder)) == ["verdict.json"]


def _first(found: dict[str, Any]) -> dict[str, Any]:
    signature: dict[str, Any] = found["signatures"][0]
    return signature


@pytest.mark.parametrize(
    "change",
    [
        lambda found: _first(found).update(sig=base64.b64encode(b"\0" * 64).decode()),
        lambda found: _first(found).update(sig=""),
        lambda found: _first(found).update(keyid="0" * 64),
        lambda found: found.update(signatures=[]),
        lambda found: found.update(payloadType="application/json"),
    ],
    ids=["another signature", "empty signature", "another key id", "no signature", "another payload type"],
)
def test_a_changed_envelope_is_noticed(change: Callable[[dict[str, Any]], object], tmp_path: Path) -> None:
    run_folder = signed(tmp_path)

    change_envelope(run_folder, change)

    assert "signature" in broken(verified(run_folder))


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said["predicate"].update(result="PASSED"),
        lambda said: said["predicate"].update(failedTests=[]),
        lambda said: said["predicate"]["configuration"].pop(),
        lambda said: said["predicate"]["obit_conformance"].update(signer_role="operator"),
        lambda said: said["predicate"]["obit_conformance"].update(watermark="none"),
        lambda said: said["subject"][0].update(name="production"),
    ],
    ids=["result", "failures", "configuration", "role", "watermark", "subject"],
)
def test_a_changed_statement_breaks_the_signature(change: Callable[[dict[str, Any]], object], tmp_path: Path) -> None:
    run_folder = signed(tmp_path, synthetic.red(10))

    change_statement(run_folder, change)

    assert "signature" in broken(verified(run_folder))


def test_a_statement_that_flatters_the_journal_is_noticed_without_a_key(tmp_path: Path) -> None:
    run_folder = signed(tmp_path, synthetic.red(10))

    change_statement(run_folder, lambda said: said["predicate"].update(result="PASSED"))

    assert broken(verified(run_folder, None)) == ["attested results"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "nonsense", '{"payload": 1, "payloadType": 2, "signatures": 3}', "[" * 100_000],
    ids=["empty", "list", "object", "text", "numbers", "deep"],
)
def test_an_attestation_that_is_none_is_reported(text: str, tmp_path: Path) -> None:
    run_folder = signed(tmp_path)

    (run_folder / FILE).write_text(text, encoding="ascii")

    assert broken(verified(run_folder)) == [FILE]


def test_another_signers_key_does_not_verify(tmp_path: Path) -> None:
    run_folder = signed(tmp_path)

    assert broken(verified(run_folder, "another ed25519")) == ["signature"]


def test_a_run_rewritten_whole_does_not_fit_its_old_attestation(tmp_path: Path) -> None:
    run_folder = signed(tmp_path, synthetic.red(10))
    for path in (run_folder / "journal").iterdir():
        path.unlink()
    synthetic.write_journal(run_folder, synthetic.green(10))
    write(run_folder, CATALOGUE)

    assert broken(verified(run_folder)) == ["attested journal", "attested results"]


def test_an_attestation_of_another_run_does_not_fit(tmp_path: Path) -> None:
    run_folder = signed(tmp_path)
    other = tmp_path / "other"
    reported(other, synthetic.green(10))

    (other / FILE).write_bytes((run_folder / FILE).read_bytes())

    assert "attested journal" in broken(verified(other))


def test_without_a_key_the_signature_is_not_called_good(tmp_path: Path) -> None:
    found = verified(signed(tmp_path), None)

    assert [check.holds for check in found.checks if check.subject == "signature"] == [Holds.UNCHECKED]


def test_a_run_nobody_signed_does_not_satisfy_a_key(tmp_path: Path) -> None:
    reported(tmp_path / "run")

    assert broken(verified(tmp_path / "run")) == ["signature"]


def test_a_run_nobody_signed_holds_as_far_as_it_goes(tmp_path: Path) -> None:
    reported(tmp_path / "run")

    assert verified(tmp_path / "run", None).good


def test_a_well_chained_journal_of_nonsense_is_reported(tmp_path: Path) -> None:
    reported(tmp_path / "run")
    journal = tmp_path / "run" / "journal" / "main.jsonl"
    record = json.loads(journal.read_text(encoding="ascii").splitlines()[0])["record"] | {"started": 5, "scope": None}
    body = canonical(record)
    journal.write_text(f'{{"chain":"{link(GENESIS, body)}","record":{body}}}\n', encoding="ascii")
    seal(journal.parent, synthetic.FINISHED)

    assert broken(verified(tmp_path / "run", None)) == ["verdict.json"]


def test_no_journal_is_nothing_to_verify(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        verify(tmp_path, CATALOGUE, None)


def test_two_signers_of_one_run_in_turn(tmp_path: Path) -> None:
    run_folder = signed(tmp_path)
    (run_folder / FILE).rename(run_folder / "attestation-partner.json")
    operator, _ = keys.written(tmp_path, "ecdsa-p256")
    found = verified(run_folder, None)
    assert found.packet is not None

    sign(found.packet, run_folder, signer(operator, None), SignerRole.OPERATOR)

    assert verified(run_folder, "ecdsa-p256").good

"""A journal gives back exactly what was written, and no accident to it goes unnoticed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.journal import Journal, Judgement, Leftover, Observation, Outcome, Record, read, seal
from conformance.journal.reader import read_segment
from conformance.journal.records import KINDS, from_json, to_json

records = st.one_of(*(st.from_type(kind) for kind in KINDS.values()))

THREE = (Leftover("quote", "1", "open"), Leftover("quote", "2", "open"), Leftover("trade", "3", "stays"))


def write(folder: Path, *written: Record, segment: str = "main") -> Path:
    """A closed segment with these records."""
    journal = Journal(folder, segment)
    for record in written:
        journal.append(record)
    journal.close()
    return folder / f"{segment}.jsonl"


@given(record=records)
def test_every_record_survives_json(record: Record) -> None:
    assert from_json(json.loads(json.dumps(to_json(record)))) == record


@given(written=st.lists(records, max_size=5))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_what_was_written_is_read_back(written: list[Record], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("journal")
    write(folder, *written)
    seal(folder, "now")

    reading = read(folder)

    assert reading.records == tuple(written)
    assert (reading.sealed, reading.finished, reading.problems) == (True, "now", ())


def test_a_text_of_any_signs_stays_on_one_line(tmp_path: Path) -> None:
    record = Leftover("quote", "a\nb\r\u2028\x85\0", "\ud800")

    path = write(tmp_path, record, *THREE)

    assert len(path.read_text("ascii").splitlines()) == 4
    assert read(tmp_path).records == (record, *THREE)


def test_records_of_one_kind_are_found_in_order(tmp_path: Path) -> None:
    write(tmp_path, THREE[0], Observation("a", "b"), THREE[1])

    assert read(tmp_path).of(Leftover) == [THREE[0], THREE[1]]


def test_the_main_segment_is_read_first(tmp_path: Path) -> None:
    write(tmp_path, THREE[1], segment="gw0")
    write(tmp_path, THREE[2], segment="gw1")
    write(tmp_path, THREE[0], segment="main")

    assert read(tmp_path).records == THREE


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"kind": "nobody"}, "unknown record kind 'nobody'"),
        ({"subject": "quote"}, "unknown record kind None"),
        ({"kind": ["leftover"]}, "unknown record kind"),
        ({**to_json(THREE[0]), "colour": "red"}, "a 'leftover' record has no field 'colour'"),
        ({"kind": "leftover", "subject": "quote"}, "a 'leftover' record is incomplete"),
        ({**to_json(Judgement("R", Outcome.PASS, "scenario", "s")), "outcome": "splendid"}, "splendid"),
    ],
)
def test_a_record_nobody_writes_is_refused_with_its_fault(raw: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        from_json(raw)


def changed(lines: list[str], at: int) -> list[str]:
    return [line.replace('"subject":"', '"subject":"x') if n == at else line for n, line in enumerate(lines)]


def removed(lines: list[str], at: int) -> list[str]:
    return lines[:at] + lines[at + 1 :]


def repeated(lines: list[str], at: int) -> list[str]:
    return [*lines[: at + 1], *lines[at:]]


def swapped(lines: list[str], at: int) -> list[str]:
    other = (at + 1) % len(lines)
    lines = list(lines)
    lines[at], lines[other] = lines[other], lines[at]
    return lines


def cut(lines: list[str], at: int) -> list[str]:
    return [*lines[:at], lines[at][: len(lines[at]) // 2]]


def rechained(lines: list[str], at: int) -> list[str]:
    return [line.replace('"chain":"', '"chain":"0', 1) if n == at else line for n, line in enumerate(lines)]


def overwritten(lines: list[str], at: int) -> list[str]:
    return ["[" * 100_000 if n == at else line for n, line in enumerate(lines)]


@pytest.mark.parametrize("accident", [changed, removed, repeated, swapped, cut, rechained, overwritten])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_an_accident_to_any_line_is_noticed(
    tmp_path: Path, accident: Callable[[list[str], int], list[str]], at: int
) -> None:
    path = write(tmp_path, *THREE)
    seal(tmp_path, "now")
    path.write_text("\n".join(accident(path.read_text().splitlines(), at)) + "\n")

    reading = read(tmp_path)

    assert not reading.sealed
    assert reading.problems


@pytest.mark.parametrize("at", [0, 1, 2])
def test_what_stands_before_the_damage_is_still_read(tmp_path: Path, at: int) -> None:
    path = write(tmp_path, *THREE)
    path.write_text("\n".join(changed(path.read_text().splitlines(), at)) + "\n")

    reading = read(tmp_path)

    assert reading.records == THREE[:at]
    assert reading.problems == (f"main.jsonl line {at + 1} breaks the hash chain",)


def test_a_killed_process_loses_no_more_than_the_line_in_hand(tmp_path: Path) -> None:
    path = write(tmp_path, *THREE)
    path.write_text(path.read_text()[:-20])

    reading = read(tmp_path)

    assert reading.records == THREE[:2]
    assert reading.problems[0].startswith("main.jsonl line 3 does not read")


def test_bytes_that_are_no_text_are_damage(tmp_path: Path) -> None:
    path = write(tmp_path, *THREE)
    path.write_bytes(path.read_bytes().replace(b"quote", b"qu\xff\xfee", 1))

    assert read(tmp_path).problems == ("main.jsonl line 1 breaks the hash chain",)


def test_each_line_is_on_disk_before_the_next_is_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "main")
    journal.append(THREE[0])

    assert read(tmp_path).records == (THREE[0],)
    journal.close()


def test_a_journal_without_a_seal_is_whole_but_not_sealed(tmp_path: Path) -> None:
    write(tmp_path, *THREE)

    reading = read(tmp_path)

    assert (reading.sealed, reading.finished, reading.problems) == (False, "", ())


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (lambda folder: (folder / "gw0.jsonl").unlink(), "segment gw0 is sealed but missing"),
        (lambda folder: write(folder, THREE[0], segment="gw1"), "segment gw1 is not under the seal"),
        (
            lambda folder: (folder / "main.jsonl").write_text(
                "".join((folder / "main.jsonl").read_text().splitlines(keepends=True)[:2])
            ),
            "segment main does not match its seal",
        ),
        (lambda folder: (folder / "seal.json").write_text("{"), "seal.json does not read"),
        (lambda folder: (folder / "seal.json").write_text("[]"), "seal.json does not read"),
        (lambda folder: (folder / "seal.json").write_text('{"finished": ""}'), "seal.json does not read"),
        (lambda folder: (folder / "seal.json").write_text("[" * 100_000), "seal.json does not read"),
        (lambda folder: (folder / "seal.json").write_bytes(b"\xff"), "seal.json does not read"),
    ],
    ids=["missing", "extra", "shortened", "cut", "list", "incomplete", "deep", "bytes"],
)
def test_a_seal_that_does_not_fit_is_no_seal(tmp_path: Path, tamper: Callable[[Path], object], said: str) -> None:
    write(tmp_path, *THREE)
    write(tmp_path, THREE[0], segment="gw0")
    seal(tmp_path, "now")
    tamper(tmp_path)

    reading = read(tmp_path)

    assert not reading.sealed
    assert any(problem.startswith(said) for problem in reading.problems)


def test_a_damaged_journal_is_never_sealed(tmp_path: Path) -> None:
    path = write(tmp_path, *THREE)
    path.write_text(path.read_text()[:-20])

    with pytest.raises(ValueError, match=r"main\.jsonl cannot be sealed: main\.jsonl line 3"):
        seal(tmp_path, "now")
    assert not (tmp_path / "seal.json").exists()


def test_a_folder_without_segments_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no journal segment"):
        read(tmp_path)


def test_a_segment_is_never_written_over(tmp_path: Path) -> None:
    write(tmp_path, *THREE)

    with pytest.raises(FileExistsError):
        Journal(tmp_path, "main")


def test_nothing_is_appended_after_the_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "main")
    journal.close()

    with pytest.raises(ValueError, match="closed"):
        journal.append(THREE[0])


def test_threads_share_a_journal_without_breaking_its_chain(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "main")
    start = threading.Barrier(8)
    names: list[str] = []

    def work(thread: int) -> None:
        start.wait(10)
        for number in range(50):
            names.append(journal.name())
            journal.append(Leftover("quote", f"{thread}-{number}", ""))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    journal.close()
    segment = read_segment(tmp_path / "main.jsonl")

    assert segment.problem == ""
    assert {record.id for record in segment.records if isinstance(record, Leftover)} == {
        f"{thread}-{number}" for thread in range(8) for number in range(50)
    }
    assert len(set(names)) == 400

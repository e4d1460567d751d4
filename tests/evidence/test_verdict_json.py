"""``verdict.json``: what readers of the data rely on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from conformance.evidence import assemble, write
from conformance.journal import Judgement, Observation, Outcome
from conformance.requirements import load
from tests.evidence import synthetic


def document(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / "verdict.json").read_text(encoding="ascii"))
    return loaded


def test_it_names_subject_environment_versions_seed_features_and_expiry(folders: dict[str, Path]) -> None:
    run = document(folders["green"])["run"]

    assert {name: run[name] for name in ("target", "environment", "seed", "features", "expires")} == {
        "target": "sandbox",
        "environment": "sandbox",
        "seed": 7,
        "features": ["on_ramp", "webhooks"],
        "expires": "2026-12-30T08:00:00+00:00",
    }
    assert run["versions"]["conformance"] == "0.1.0"
    assert set(run["digests"]) == {"profile", "approval", "contract"}


def test_a_green_run_counts_every_requirement_as_passed(folders: dict[str, Path]) -> None:
    green = document(folders["green"])

    assert (green["verdict"], green["exit_code"], green["counts"]["pass"]) == (
        "CONFORMANT",
        0,
        len(load().requirements),
    )


def test_a_failure_carries_its_whole_case(folders: dict[str, Path]) -> None:
    found = {r["id"]: r for r in document(folders["red"])["requirements"]}

    case = found["POOLS-TRANSACT-CONCURRENT-ONCE"]["cases"][0]

    assert case["request_ids"] == ["req_main-2", "req_main-3", "req_main-7"]
    assert len(case["steps"]) == 3
    assert case["observed"].startswith("2 trades")


def test_alike_judgements_are_told_once_with_their_number(folders: dict[str, Path]) -> None:
    found = {r["id"]: r for r in document(folders["red"])["requirements"]}

    assert sorted(case["count"] for case in found["WIRE-BODY"]["cases"]) == [1, 4]


def test_only_so_many_different_cases_are_told_and_the_rest_is_counted(tmp_path: Path) -> None:
    words = [synthetic.judgement("WIRE-BODY", Outcome.FAIL, observed=f"departure {n}") for n in range(8)]
    folder = synthetic.write_journal(tmp_path, [synthetic.run(), *words])

    finding = assemble(folder, load()).findings[0]

    assert (len(finding.cases), finding.untold) == (5, 3)


def test_the_shortest_story_is_told_first(tmp_path: Path) -> None:
    words = [
        synthetic.judgement("WIRE-BODY", Outcome.FAIL, observed=f"{n} steps", steps=("step",) * n, exchanges=("e",))
        for n in (3, 1, 2)
    ]
    folder = synthetic.write_journal(tmp_path, [synthetic.run(), *words])

    told = [case.judgement.observed for case in assemble(folder, load()).findings[0].cases]

    assert told == ["1 steps", "2 steps", "3 steps"]


def test_the_heads_are_those_of_the_chain(folders: dict[str, Path]) -> None:
    lines = (folders["green"] / "journal" / "main.jsonl").read_text().splitlines()
    head = "0" * 64
    for line in lines:
        body = line.partition('"record":')[2][:-1]
        head = hashlib.sha256(f"{head}\n{body}".encode()).hexdigest()

    journal = document(folders["green"])["journal"]

    assert journal["segments"] == [{"name": "main", "records": len(lines), "head": head}]


def test_an_unsealed_run_is_incomplete_and_still_names_its_heads(folders: dict[str, Path]) -> None:
    unsealed = document(folders["unsealed"])

    assert (unsealed["verdict"], unsealed["journal"]["sealed"]) == ("INCOMPLETE", False)
    assert unsealed["reasons"][0]["text"].startswith("the run did not end: its journal has no seal")
    assert len(unsealed["journal"]["segments"][0]["head"]) == 64


def test_coverage_counts_operation_and_status_and_shows_what_was_never_called(folders: dict[str, Path]) -> None:
    coverage = document(folders["red"])["coverage"]

    assert coverage["POST /pools/{id}/quote"] == {"200": 4, "400": 4}
    assert coverage["not in the contract"] == {"404": 4}
    assert coverage["GET /pools/funding"] == {}


def test_an_exchange_without_an_answer_is_counted_as_such(tmp_path: Path) -> None:
    silent = synthetic.exchange("main-1", status=None, error="could not be reached")
    folder = synthetic.write_journal(tmp_path, [synthetic.run(), silent])

    assert assemble(folder, load()).coverage["POST /pools/{id}/quote"] == {"no answer": 1}


def test_observations_are_counted_not_repeated(folders: dict[str, Path]) -> None:
    seen = {o["subject"]: o["count"] for o in document(folders["green"])["observations"]}

    assert seen["status of a transact that makes a trade"] == 2


def test_reconciliation_is_counted_by_result(folders: dict[str, Path]) -> None:
    assert document(folders["red"])["reconciliation"] == {"debited twice": 1, "matched": 2}


def test_the_steps_and_the_launch_line_are_in_it(folders: dict[str, Path]) -> None:
    launch = document(folders["red"])["launch"]

    states = [step["state"] for step in launch["steps"]]
    assert launch["evidence"] is False
    assert states == [
        "not proved",
        "not proved",
        "proved",
        "proved",
        "failed",
        "proved",
        "not proved",
        "proved",
    ]
    assert launch["steps"][6]["gaps"][0]["missing"] == "no handler given"


@pytest.mark.parametrize("name", ["green", "red", "unsealed", "hostile"])
def test_writing_again_gives_the_same_evidence(folders: dict[str, Path], name: str) -> None:
    before = (folders[name] / "verdict.json").read_bytes()

    write(folders[name], load())

    assert (folders[name] / "verdict.json").read_bytes() == before


def test_a_reference_to_an_exchange_that_was_lost_is_counted(tmp_path: Path) -> None:
    lost = Judgement("WIRE-BODY", Outcome.FAIL, "contract", "s", observed="x", exchanges=("gone-1",))
    folder = synthetic.write_journal(tmp_path, [synthetic.run(), lost])

    case = assemble(folder, load()).findings[0].cases[0]

    assert (case.requests, case.unshown) == ((), 1)


def test_a_warning_that_only_an_observation_gave_is_a_finding(tmp_path: Path) -> None:
    guess = Observation("member rate", "absent", "WIRE-BODY", warn=True)
    passed = synthetic.judgement("WIRE-BODY", Outcome.PASS)
    folder = synthetic.write_journal(tmp_path, [synthetic.run(strict=True), passed, guess])

    assert [(f.id, f.status.value) for f in assemble(folder, load()).findings] == [("WIRE-BODY", "warn")]


def test_without_a_journal_there_is_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(tmp_path, load())

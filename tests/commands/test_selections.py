"""A run of a part says that it is one."""

from __future__ import annotations

import json
from pathlib import Path

from conformance.journal import Engine, ScenarioRecord, read

from .command import conformance


def test_without_state_machines_a_run_is_quicker_and_partial(tmp_path: Path) -> None:
    words = ["--skip-machines", "--only", "POOLS-REJECT-ONCE", "--output", "run"]

    run = conformance("run", *words, cwd=tmp_path)

    engines = {record.engine for record in read(tmp_path / "run" / "journal").of(ScenarioRecord)}
    verdict = json.loads((tmp_path / "run" / "verdict.json").read_text())
    assert engines == {Engine.SCENARIO}
    assert (run.code, verdict["verdict"]) == (0, "PARTIAL")


def test_a_run_that_fails_fast_ends_with_the_scenario_that_failed(tmp_path: Path) -> None:
    words = ["--fail-fast", "--only", "GATE-SESSION-CANCEL-CONFLICT", "--sandbox-fault", "gate-cancel-again-is-fine"]

    run = conformance("run", *words, "--output", "run", cwd=tmp_path)

    ran = read(tmp_path / "run" / "journal").of(ScenarioRecord)
    assert run.code == 1
    assert [record.result for record in ran].count("failed") == 1
    assert ran[-1].result == "failed"


def test_a_product_the_target_does_not_have_is_refused(tmp_path: Path) -> None:
    run = conformance("run", "--product", "cards", cwd=tmp_path)

    assert (run.code, run.err.strip()) == (2, "--product 'cards': embedded has no such product; it has pools, gate")


def test_only_one_product_is_judged_and_the_run_is_partial(tmp_path: Path) -> None:
    words = ["--product", "gate", "--skip-machines", "--only", "GATE-CAP-LISTS", "--output", "run"]

    run = conformance("run", *words, cwd=tmp_path)

    verdict = json.loads((tmp_path / "run" / "verdict.json").read_text())
    judged = {entry["id"].partition("-")[0] for entry in verdict["requirements"]}
    assert (run.code, verdict["verdict"]) == (0, "PARTIAL")
    assert judged == {"WIRE", "GATE", "PARTNER"}

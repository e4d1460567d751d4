"""``--budget``: seconds of generated traffic in the regress tier, told beside the verdict; nonsense is exit 2."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from conformance.journal import RunRecord

from .command import Ended, conformance, exchanges, journal

NO_LENGTH = "is no length of time; give seconds above 0, such as 60"

NONSENSE = [
    (["--tier", "regress", "--budget", "0"], f"--budget 0 {NO_LENGTH}"),
    (["--tier", "regress", "--budget", "-5"], f"--budget -5 {NO_LENGTH}"),
    (["--tier", "regress", "--budget", "nan"], f"--budget nan {NO_LENGTH}"),
    (["--tier", "regress", "--budget", "inf"], f"--budget inf {NO_LENGTH}"),
    (["--tier", "regress", "--budget", "soon"], "Invalid value for '--budget': 'soon' is not a valid float"),
    (["--budget", "20"], "--budget is spent by the regress tier only, and this is --tier certify; add --tier regress"),
    (["--tier", "smoke", "--budget", "20"], "--budget is spent by the regress tier only, and this is --tier smoke"),
]


@pytest.mark.parametrize(("words", "sentence"), NONSENSE, ids=[" ".join(words) for words, _ in NONSENSE])
def test_a_budget_nothing_can_be_spent_of_is_refused(words: list[str], sentence: str, tmp_path: Path) -> None:
    ended = conformance("run", *words, cwd=tmp_path)
    assert ended.code == 2
    assert sentence in " ".join(ended.err.replace("│", " ").split())
    assert "Traceback" not in ended.said
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def spent(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, Path]:
    folder = tmp_path_factory.mktemp("spent")
    words = ["run", "--tier", "regress", "--budget", "4", "--only", "POOLS-FUNDING", "--seed", "3", "--output", "run"]
    return conformance(*words, cwd=folder), folder / "run"


COVERED = (
    r"4 seconds; \d+ generated requests \(.*\d+ fuzzing, \d+ stateful\) to 12 of 12 operations.*; "
    r"\d+ of \d+ \(operation, status\) pairs the contract lists; \d+ links followed, \d+ of the 14 the contract states"
)


def test_the_terminal_says_what_the_time_was_spent_on(spent: tuple[Ended, Path]) -> None:
    ended, _ = spent
    assert ended.code == 0, ended.said
    assert re.search(f"^Generated traffic: {COVERED}$", ended.out, re.MULTILINE)


def test_the_summary_and_the_verdict_file_say_the_same(spent: tuple[Ended, Path]) -> None:
    ended, folder = spent
    (told,) = re.findall("^Generated traffic: (.*)$", ended.out, re.MULTILINE)
    (summed,) = re.findall("^Generated traffic: (.*)$", (folder / "summary.md").read_text("utf-8"), re.MULTILINE)
    assert summed.replace("\\", "") == f"{told}."
    observations = json.loads((folder / "verdict.json").read_text("utf-8"))["observations"]
    assert told in [seen["value"] for seen in observations if seen["subject"] == "generated traffic"]


def test_the_command_that_runs_it_again_names_the_budget(spent: tuple[Ended, Path]) -> None:
    _, folder = spent
    (run,) = journal(folder).of(RunRecord)
    assert run.command.endswith("--tier regress --budget 4")


def test_generated_requests_and_all_others_lie_in_one_journal(spent: tuple[Ended, Path]) -> None:
    _, folder = spent
    engines = {exchange.engine for exchange in exchanges(folder)}
    assert {"generated", "scenario"} <= engines


def test_a_run_without_a_budget_says_nothing_of_one(tmp_path: Path) -> None:
    ended = conformance("run", "--only", "POOLS-FUNDING", "--output", "run", cwd=tmp_path)
    assert ended.code == 0, ended.said
    assert "Generated traffic" not in ended.said + (tmp_path / "run" / "summary.md").read_text("utf-8")


def test_two_products_share_the_time_equally(tmp_path: Path) -> None:
    selection = ["--only", "POOLS-FUNDING", "--only", "GATE-PREVIEW-VALIDATION"]
    ended = conformance("run", "--tier", "regress", "--budget", "4", *selection, "--output", "run", cwd=tmp_path)
    (told,) = re.findall("^Generated traffic: (.*)$", ended.out, re.MULTILINE)
    assert sorted(re.findall(r"(?:0Gate: )?\d+ seconds", told)) == ["0Gate: 2 seconds", "2 seconds"]

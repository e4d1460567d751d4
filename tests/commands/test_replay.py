"""A failure can be seen again: by the command it prints, and by its replay file against a target that still runs."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.journal import Judgement, Outcome
from conformance.target import STANDINGS

from .command import Ended, conformance, environment, journal, sandbox

KEYS = {f"OBIT_SANDBOX_{name.upper()}_SECRET_KEY": f"sk_test_sandbox_{name}" for name in STANDINGS}


def stories(folder: Path) -> list[Judgement]:
    """The failures of a run that a state machine shrank to a story."""
    return [j for j in journal(folder).of(Judgement) if j.outcome is Outcome.FAIL and j.steps]


def failed(folder: Path) -> set[str]:
    """The requirements a run found broken."""
    told = json.loads((folder / "verdict.json").read_text("utf-8"))["requirements"]
    return {requirement["id"] for requirement in told if requirement["status"] == "fail"}


def printed(run: Ended, requirement: str) -> list[str]:
    """The words of the command printed below a failure."""
    told = run.out.partition(f"FAIL {requirement}\n")[2].splitlines()
    command = next(line.strip() for line in told if line.strip().startswith("conformance run "))
    return shlex.split(command)[1:]


def test_the_printed_command_repeats_a_failure_with_its_shrunk_steps(tmp_path: Path) -> None:
    words = ["--step", "5", "--sandbox-fault", "replay-names-new-trade", "--seed", "11"]
    run = conformance("run", *words, "--output", "run", cwd=tmp_path)
    assert run.code == 1, run.out
    [story] = stories(tmp_path / "run")
    told = run.out.partition(f"FAIL {story.requirement}\n")[2].splitlines()
    assert [line for line in told if line == f"    1. {story.steps[0]}"]
    second = conformance(*printed(run, story.requirement), "--output", "again", cwd=tmp_path)
    assert second.code == 1
    [same] = stories(tmp_path / "again")
    assert (same.requirement, same.steps) == (story.requirement, story.steps)
    assert (same.expected, same.observed) == (story.expected, story.observed)


FAULTS = {
    "a race": ("race-same-key", "POOLS-TRANSACT-CONCURRENT-ONCE"),
    "time passing": ("expired-executable", "POOLS-QUOTE-EXPIRES"),
    "a second partner": ("foreign-quote-executable", "POOLS-ISOLATION-OBJECTS"),
    "a row nobody was told of": ("indicative-makes-trade", "POOLS-INDICATIVE-MOVES-NOTHING"),
    "a word of its own": ("status-of-the-bank", "POOLS-POLL-TERMINAL"),
}


@pytest.mark.parametrize(("fault", "requirement"), FAULTS.values(), ids=FAULTS)
def test_a_failure_shows_again_by_its_command_and_by_its_file(tmp_path: Path, fault: str, requirement: str) -> None:
    words = ["--only", requirement, "--sandbox-fault", fault, "--seed", "3"]
    run = conformance("run", *words, "--output", "run", cwd=tmp_path)
    assert requirement in failed(tmp_path / "run"), run.out

    again = conformance(*printed(run, requirement), "--output", "again", cwd=tmp_path)
    # What else a race breaks on its way need not be the same twice.
    assert (again.code, requirement in failed(tmp_path / "again")) == (1, True)

    files = sorted((tmp_path / "run" / "replay").glob(f"{requirement}-*.py"))
    with sandbox("--control", "--fault", fault) as faulty, sandbox("--control") as healthy:
        codes = [(replayed(file, faulty.url), replayed(file, healthy.url)) for file in files]
    # Where one requirement broke in several ways, a way that takes a meeting of requests need not happen again.
    assert (1, 0) in codes


def replayed(file: Path, url: str) -> int:
    """How a replay file ends against the sandbox at ``url``, which must be what it says."""
    ended = subprocess.run(
        [sys.executable, file, "--base-url", url],
        env=environment(**KEYS),
        cwd=file.parent,
        capture_output=True,
        text=True,
        timeout=120,
    )
    says = {1: "the fault still shows (exit 1)", 0: "the fault does not show as recorded (exit 0)"}
    assert says.get(ended.returncode, "") in ended.stdout, ended.stdout + ended.stderr
    return ended.returncode


def test_every_failure_of_a_run_has_its_command_and_its_case_a_file(tmp_path: Path) -> None:
    run = conformance("run", "--step", "5", "--sandbox-fault", "key-ignored", "--output", "run", cwd=tmp_path)
    broken = failed(tmp_path / "run")
    assert len(broken) > 1, run.out
    summary = (tmp_path / "run" / "summary.md").read_text("utf-8")
    for requirement in broken:
        words = printed(run, requirement)
        assert words[words.index("--only") + 1] == requirement
        assert "--seed" in words
        assert f"conformance {shlex.join(words)}" in summary
        assert f"replay/{requirement}-1.py" in summary
        assert os.access(tmp_path / "run" / "replay" / f"{requirement}-1.py", os.R_OK)

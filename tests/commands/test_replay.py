"""The command a failure prints runs it again: the same scenarios fail in the same words, by the same steps."""

from __future__ import annotations

import shlex
from pathlib import Path

from conformance.journal import Judgement, Outcome

from .command import conformance, journal


def stories(folder: Path) -> list[Judgement]:
    """The failures of a run that a state machine shrank to a story."""
    return [j for j in journal(folder).of(Judgement) if j.outcome is Outcome.FAIL and j.steps]


def test_the_printed_command_repeats_a_failure_with_its_shrunk_steps(tmp_path: Path) -> None:
    words = ["--step", "5", "--sandbox-fault", "replay-names-new-trade", "--seed", "11"]
    run = conformance("run", *words, "--output", "run", cwd=tmp_path)
    assert run.code == 1, run.out
    [story] = stories(tmp_path / "run")
    told = run.out.partition(f"FAIL {story.requirement}\n")[2].splitlines()
    assert [line for line in told if line == f"    1. {story.steps[0]}"]
    again = next(line.strip() for line in told if line.strip().startswith("conformance run "))
    second = conformance(*shlex.split(again)[1:], "--output", "again", cwd=tmp_path)
    assert second.code == 1
    [same] = stories(tmp_path / "again")
    assert (same.requirement, same.steps) == (story.requirement, story.steps)
    assert (same.expected, same.observed) == (story.expected, story.observed)

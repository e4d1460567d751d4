"""A state machine's shortest failing story is what is reported, whatever it took to find it, within bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import rule

from conformance.client import NetworkTrouble, Refused
from conformance.journal import Judgement, Outcome
from conformance.scenarios.bench import Bench
from conformance.scenarios.machine import StoryMachine, run_machine
from tests.scenarios.benches import bench, judge, judgements, reply

HELD, BROKEN, NEVER = "POOLS-POLL-FORWARD", "POOLS-READS-PURE", "POOLS-FUNDING"


class Stack:
    """The judged side of the toy: a stack. ``flaw`` says what goes wrong with a pop."""

    def __init__(self, flaw: str = "") -> None:
        self.flaw = flaw
        self.stories = 0
        self.asked = 0
        self.first_wrong = 0
        """The request that was answered wrongly first."""
        self.items: list[int] = []

    def pop(self) -> int | None:
        if not self.items:
            return None
        top = self.items.pop()
        if self.flaw == "forgets one of two equals" and self.items and self.items[-1] == top:
            return self.wrong()
        if self.flaw == "once" and len(self.items) >= 2:
            self.flaw = ""
            return self.wrong()
        return top

    def wrong(self) -> int:
        self.first_wrong = self.first_wrong or self.asked
        return -1


class ToyMachine(StoryMachine):
    """Pushes and pops, each of them one request."""

    stack: ClassVar[Stack]
    trouble_at: ClassVar[int] = 0
    trouble: ClassVar[Exception] = NetworkTrouble("gone", "main-99")
    bug: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.stack.items, self.known = [], []
        self.stack.stories += 1

    def ask(self) -> None:
        wire: Any = self.hunt.bench.wire
        wire.sent += 1
        self.stack.asked = wire.sent
        if wire.sent == self.trouble_at:
            raise self.trouble

    @rule(item=st.integers(0, 9))
    def push(self, item: int) -> None:
        def move() -> None:
            self.ask()
            self.stack.items.append(item)
            self.known.append(item)
            self.tell(f"push({item})", reply(exchange=f"main-{self.hunt.bench.wire.sent}"))
            if self.bug:
                raise ZeroDivisionError("ours")

        self.attempt(move)

    @rule()
    def pop(self) -> None:
        def move() -> None:
            self.ask()
            self.tell("pop()", reply(exchange=f"main-{self.hunt.bench.wire.sent}"))
            found, expected = self.stack.pop(), self.known.pop() if self.known else None
            self.hold(HELD, True, "", "")
            self.hold(BROKEN, found == expected, f"{expected}", f"{found}")

        self.attempt(move)


@pytest.fixture(autouse=True)
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shrink less than a run does, where a test does not say how much."""
    monkeypatch.setattr("conformance.scenarios.machine.SHRINKING", 50)


def hunted(folder: Path, *, flaw: str = "", seed: int = 1, examples: int = 200, **settings: Any) -> tuple[Bench, Stack]:
    """Run the toy; its judgements are in the journal below ``folder``."""
    at, stack = bench(folder), Stack(flaw)
    machine = type("Toy", (ToyMachine,), {"stack": stack, **settings})
    run_machine(machine, at, judge(at, HELD, BROKEN, NEVER), examples=examples, steps=20, run_seed=seed)
    return at, stack


def said(folder: Path) -> dict[str, Judgement]:
    """The judgements by requirement; each must have been judged once."""
    found = judgements(folder)
    assert len({judgement.requirement for judgement in found}) == len(found)
    return {judgement.requirement: judgement for judgement in found}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_shortest_story_of_a_planted_violation_is_reported(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conformance.scenarios.machine.SHRINKING", 4_000)

    hunted(tmp_path, flaw="forgets one of two equals", seed=seed)

    broken = said(tmp_path)[BROKEN]
    assert broken.outcome is Outcome.FAIL
    assert broken.steps == ("push(0)", "push(0)", "pop()")
    assert (broken.expected, broken.observed) == ("0", "-1")
    assert len(broken.exchanges) == 3
    assert not broken.nondeterministic


def test_what_held_is_judged_so_and_what_was_never_reached_is_not_evidenced(tmp_path: Path) -> None:
    hunted(tmp_path)

    assert {requirement: judgement.outcome for requirement, judgement in said(tmp_path).items()} == {
        HELD: Outcome.PASS,
        BROKEN: Outcome.PASS,
        NEVER: Outcome.NOT_EVIDENCED,
    }


def test_a_failure_leaves_what_held_beside_it_standing(tmp_path: Path) -> None:
    hunted(tmp_path, flaw="forgets one of two equals")

    assert said(tmp_path)[HELD].outcome is Outcome.PASS


def test_an_answer_that_is_wrong_only_once_is_called_nondeterministic(tmp_path: Path) -> None:
    hunted(tmp_path, flaw="once")

    broken = said(tmp_path)[BROKEN]
    assert (broken.outcome, broken.nondeterministic) == (Outcome.FAIL, True)
    assert broken.steps[-1] == "pop()"


@pytest.mark.parametrize("bound", [0, 10, 200])
def test_shrinking_ends_at_its_bound_and_what_was_seen_by_then_stands(
    tmp_path: Path, bound: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conformance.scenarios.machine.SHRINKING", bound)

    at, stack = hunted(tmp_path, flaw="forgets one of two equals")

    broken = said(tmp_path)[BROKEN]
    assert at.wire.sent <= stack.first_wrong + bound + 1
    assert (broken.outcome, broken.nondeterministic) == (Outcome.FAIL, False)
    assert broken.steps[-1] == "pop()"


def test_one_run_asks_no_more_than_its_examples_have_steps(tmp_path: Path) -> None:
    at, stack = hunted(tmp_path, examples=10)

    assert 0 < at.wire.sent <= 10 * 20
    assert stack.stories >= 2


def test_the_same_seed_tells_the_same_story(tmp_path: Path) -> None:
    runs = [hunted(tmp_path / name, flaw="forgets one of two equals", seed=7)[0].wire.sent for name in ("a", "b")]

    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    "trouble", [NetworkTrouble("gone", "main-99", persistent=True), Refused("limits", "the author")]
)
def test_trouble_ends_the_hunt_and_is_passed_on(tmp_path: Path, trouble: Exception) -> None:
    at, stack = bench(tmp_path), Stack()
    machine = type("Toy", (ToyMachine,), {"stack": stack, "trouble_at": 5, "trouble": trouble})

    with pytest.raises(type(trouble)) as caught:
        run_machine(machine, at, judge(at, HELD, BROKEN), examples=50, steps=20, run_seed=1)

    assert caught.value is trouble
    assert at.wire.sent == 5
    assert judgements(tmp_path) == []


def test_trouble_after_a_violation_does_not_hide_it(tmp_path: Path) -> None:
    quiet, _ = hunted(tmp_path / "quiet", flaw="forgets one of two equals")
    hunted(tmp_path / "loud", flaw="forgets one of two equals", trouble_at=quiet.wire.sent - 1)

    assert said(tmp_path / "loud")[BROKEN].outcome is Outcome.FAIL


def test_a_lost_answer_ends_its_story_and_not_the_hunt(tmp_path: Path) -> None:
    at, stack = hunted(tmp_path, examples=10, trouble_at=5)

    assert at.wire.sent > 5
    assert stack.stories >= 2
    assert said(tmp_path)[HELD].outcome is Outcome.PASS


def test_a_defect_of_the_machine_itself_is_not_the_targets(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError, match="ours"):
        hunted(tmp_path, bug=True)
    assert judgements(tmp_path) == []

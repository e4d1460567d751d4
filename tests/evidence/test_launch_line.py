"""The launch line: when a step is proved, and when a run is launch evidence."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.evidence import RunVerdict, judge
from conformance.evidence.launch import StepState
from conformance.journal import Judgement, Outcome, Record
from conformance.requirements import Catalogue, Level, Scope
from tests.evidence.synthetic import catalogue, judgement, reading, requirement, run

P, F, E = Outcome.PASS, Outcome.FAIL, Outcome.ERROR
NA, NE = Outcome.NOT_APPLICABLE, Outcome.NOT_EVIDENCED


def eight() -> Catalogue:
    """One must for each step, a second one for step 7 outside partner scope, and one beside the steps."""
    steps = [requirement(f"S{number}", step=number) for number in range(1, 9)]
    handler = requirement("HANDLER", step=7, scope=Scope.OPERATOR, needs=("handler",))
    return catalogue(*steps, handler, requirement("BESIDE"))


def judged(sealed: bool = True, how: dict[str, Any] | None = None, **outcomes: Outcome) -> RunVerdict:
    words: list[Record] = [judgement(r.id, outcomes.get(r.id, P)) for r in eight()]
    return judge(reading([run(**(how or {})), *words], sealed), eight())


def test_eight_of_eight_in_one_unlimited_run_on_a_foreign_target_is_launch_evidence() -> None:
    verdict = judged()

    assert (verdict.launch_evidence, verdict.launch_line) == (
        True,
        "8 of 8 steps proved; this run is launch evidence",
    )


@pytest.mark.parametrize(
    ("sealed", "how", "outcomes", "because"),
    [
        (True, {"embedded": True}, {}, "the embedded sandbox proves the harness, not an environment"),
        (True, {"tier": "smoke"}, {}, "only a selection was tried"),
        (True, {"selection": ("step 5",)}, {}, "only a selection was tried"),
        (True, {"selection": ("shard 1/2",)}, {}, "only a selection was tried"),
        (False, {}, {}, "the journal is not whole"),
        (True, {}, {"S4": NE}, "not every step is proved"),
        (True, {}, {"BESIDE": F}, "the run is NONCONFORMANT"),
        (True, {}, {"BESIDE": E}, "the run is INCONCLUSIVE"),
    ],
)
def test_anything_less_is_not(sealed: bool, how: dict[str, Any], outcomes: dict[str, Outcome], because: str) -> None:
    verdict = judged(sealed, how, **outcomes)

    assert not verdict.launch_evidence
    assert because in verdict.launch_line


def test_the_partner_scope_does_not_shorten_the_list() -> None:
    verdict = judged(how={"scope": "partner"}, HANDLER=NE)

    assert verdict.steps[6].state is StepState.NOT_PROVED


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        (P, P, StepState.PROVED),
        (P, F, StepState.FAILED),
        (NE, F, StepState.FAILED),
        (E, F, StepState.FAILED),
        (P, NE, StepState.NOT_PROVED),
        (P, E, StepState.NOT_PROVED),
        (P, NA, StepState.PROVED),
        (NA, NA, StepState.NOT_PROVED),
    ],
)
def test_a_step_is_proved_when_every_must_of_it_passed(first: Outcome, second: Outcome, state: StepState) -> None:
    assert judged(S7=first, HANDLER=second).steps[6].state is state


def test_an_excused_failure_still_fails_its_step() -> None:
    excuse = {"requirement": "S5", "reason": "ticket 1", "owner": "payments", "expires": "2026-12-31"}

    verdict = judged(how={"known_failures": (excuse,)}, S5=F)

    assert verdict.steps[4].state is StepState.FAILED


@pytest.mark.parametrize("changes", [{"level": Level.SHOULD}, {"provisional": True}])
def test_only_promoted_musts_are_asked_of_a_step(changes: dict[str, Any]) -> None:
    known = catalogue(requirement("A", step=3), requirement("B", step=3, **changes))
    words: list[Record] = [run(), judgement("A", P), judgement("B", F)]

    assert judge(reading(words), known).steps[2].state is StepState.PROVED


def test_a_step_nothing_asks_about_is_not_proved() -> None:
    verdict = judge(reading([run(), judgement("A", P)]), catalogue(requirement("A", step=3)))

    assert verdict.steps[0].state is StepState.NOT_PROVED


@pytest.mark.parametrize(
    ("word", "missing"),
    [
        (judgement("R", NE, missing="receiver unreachable"), "receiver unreachable"),
        (judgement("R", NE), "no handler given"),
        (judgement("R", E, observed="did not answer in time"), "error: did not answer in time"),
    ],
)
def test_what_is_missing_is_said_in_words(word: Judgement, missing: str) -> None:
    known = catalogue(requirement("R", step=7, scope=Scope.OPERATOR, needs=("handler",)))

    step = judge(reading([run(), word]), known).steps[6]

    assert [gap.missing for gap in step.gaps] == [missing]


def test_one_gap_is_named_once_with_all_it_leaves_open() -> None:
    known = catalogue(requirement("A", step=7), requirement("B", step=7))
    words: list[Record] = [judgement(name, NE, missing="no handler given") for name in ("A", "B")]

    step = judge(reading([run(), *words]), known).steps[6]

    assert [(gap.missing, gap.requirements) for gap in step.gaps] == [("no handler given", ("A", "B"))]

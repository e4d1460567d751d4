"""What a scenario declares is judged exactly as found, and nothing it declared falls between."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.client import NetworkTrouble, Refused
from conformance.journal import Observation, Outcome, read
from conformance.scenarios.judging import MARK, Declaration, Halt, Judge, exchange_ids, scenario
from tests.scenarios.benches import bench, judge, judgements, reply

ONE, TWO = "POOLS-POLL-FORWARD", "POOLS-READS-PURE"
SECRET = "sk_test_0123456789abcdef"


@pytest.fixture
def voice(tmp_path: Path) -> Judge:
    return judge(bench(tmp_path), ONE, TWO)


@pytest.mark.parametrize(("ok", "outcome"), [(True, Outcome.PASS), (False, Outcome.FAIL)])
def test_a_check_says_what_was_expected_what_was_seen_and_where(
    voice: Judge, tmp_path: Path, ok: bool, outcome: Outcome
) -> None:
    returned = voice.check(ONE, ok, "this", "that", reply(exchange="main-7"), "main-8", "main-7", steps=["a()"])

    [said] = judgements(tmp_path)
    assert returned is ok
    assert (said.requirement, said.outcome, said.expected, said.observed) == (ONE, outcome, "this", "that")
    assert (said.exchanges, said.steps) == (("main-7", "main-8"), ("a()",))
    assert voice.failures == ([] if ok else [ONE])


def test_a_requirement_that_must_hold_stops_the_scenario_when_it_does_not(voice: Judge, tmp_path: Path) -> None:
    voice.require(ONE, True, "x", "x")
    with pytest.raises(Halt):
        voice.require(ONE, False, "x", "y")

    assert [said.outcome for said in judgements(tmp_path)] == [Outcome.PASS, Outcome.FAIL]


@pytest.mark.parametrize("speak", [
    lambda voice: voice.check("POOLS-FUNDING", True, "", ""),
    lambda voice: voice.require("POOLS-FUNDING", True, "", ""),
    lambda voice: voice.cannot("POOLS-FUNDING", "", ""),
    lambda voice: voice.trouble("POOLS-FUNDING", ""),
    lambda voice: voice.not_applicable("POOLS-FUNDING", ""),
])  # fmt: skip
def test_nothing_is_judged_that_was_not_declared(voice: Judge, tmp_path: Path, speak: object) -> None:
    with pytest.raises(LookupError, match="a scenario judges POOLS-FUNDING without declaring it"):
        speak(voice)  # type: ignore[operator]

    assert judgements(tmp_path) == []


def test_what_was_declared_and_not_judged_is_an_error_of_ours(voice: Judge, tmp_path: Path) -> None:
    voice.check(ONE, True, "", "")
    voice.close(None)

    assert [(said.requirement, said.outcome) for said in judgements(tmp_path)] == [
        (ONE, Outcome.PASS),
        (TWO, Outcome.ERROR),
    ]
    assert judgements(tmp_path)[1].observed == "the scenario ended without judging it"


@pytest.mark.parametrize(
    ("problem", "outcome", "field", "said"),
    [
        (Halt("it did not hold"), Outcome.NOT_EVIDENCED, "missing", "an earlier step of the scenario did not hold"),
        (Refused("a recipe", "the operator"), Outcome.NOT_EVIDENCED, "missing", "a recipe"),
        (Refused("a recipe", "the operator"), Outcome.NOT_EVIDENCED, "provider", "the operator"),
        (NetworkTrouble("host went away", "main-9"), Outcome.ERROR, "observed", "host went away"),
        (ZeroDivisionError("ours"), Outcome.ERROR, "observed", "ZeroDivisionError: ours"),
    ],
)
def test_what_ended_the_scenario_says_why_the_rest_was_not_judged(
    voice: Judge, tmp_path: Path, problem: BaseException, outcome: Outcome, field: str, said: str
) -> None:
    voice.close(problem)

    found = judgements(tmp_path)
    assert [(judgement.requirement, judgement.outcome) for judgement in found] == [(ONE, outcome), (TWO, outcome)]
    assert all(str(getattr(judgement, field)).startswith(said) for judgement in found)


def test_network_trouble_is_shown_by_its_exchange(voice: Judge, tmp_path: Path) -> None:
    voice.close(NetworkTrouble("host went away", "main-9"))

    assert judgements(tmp_path)[0].exchanges == ("main-9",)


def test_the_end_leaves_alone_what_was_judged(voice: Judge, tmp_path: Path) -> None:
    voice.check(ONE, False, "", "")
    voice.cannot(TWO, "an account", "the operator")
    voice.close(NetworkTrouble("host went away", "main-9"))

    assert [said.outcome for said in judgements(tmp_path)] == [Outcome.FAIL, Outcome.NOT_EVIDENCED]


def test_no_judgement_repeats_a_secret(voice: Judge, tmp_path: Path) -> None:
    voice.check(ONE, False, SECRET, f"{SECRET} was echoed", steps=[f"use({SECRET})"])
    voice.cannot(TWO, f"another {SECRET}", "the operator")
    voice.observe("echo", SECRET)
    voice.close(ValueError(SECRET))

    assert SECRET not in (tmp_path / "journal" / "main.jsonl").read_text()


def test_an_observation_is_no_judgement(voice: Judge, tmp_path: Path) -> None:
    voice.observe("status of a repeat", "200", ONE, reply(exchange="main-3"))

    assert judgements(tmp_path) == []
    assert read(tmp_path / "journal").of(Observation) == [Observation("status of a repeat", "200", ONE, "main-3")]


def test_exchanges_are_named_once_in_order() -> None:
    assert exchange_ids([reply(exchange="b"), "a", "", reply(exchange="b"), "c"]) == ("b", "a", "c")


def test_the_decorator_attaches_what_was_declared_and_leaves_the_test_as_it_is() -> None:
    @scenario(ONE, TWO, smoke=True, needs=["approval"], trades=3)
    def test_something() -> str:
        return "done"

    [mark] = test_something.pytestmark  # type: ignore[attr-defined]
    assert (mark.name, mark.args) == (MARK, (Declaration((ONE, TWO), smoke=True, needs=("approval",), trades=3),))
    assert test_something() == "done"


def attempts_until(*endings: Exception | None) -> tuple[list[int], object]:
    """A scenario that ends so at its first try, then so at its second; and the list of its tries."""
    tries: list[int] = []

    @scenario(ONE)
    def story(judge: Judge) -> None:
        tries.append(len(tries))
        ending = endings[len(tries) - 1]
        if ending is not None:
            raise ending

    return tries, story


def test_a_scenario_that_one_lost_answer_ended_is_begun_once_more(voice: Judge) -> None:
    tries, story = attempts_until(NetworkTrouble("answered 502", "main-3"), None)

    story(voice)  # type: ignore[operator]

    assert tries == [0, 1]


@pytest.mark.parametrize(
    ("ending", "failed"),
    [
        (NetworkTrouble("did not answer", "main-3", persistent=True), False),
        (NetworkTrouble("answered 502", "main-3"), True),
        (Refused("a key", "the partner"), False),
        (Halt("x did not hold"), False),
    ],
    ids=["the target is gone", "something failed already", "refused", "halted"],
)
def test_a_scenario_that_ended_otherwise_is_not_begun_again(voice: Judge, ending: Exception, failed: bool) -> None:
    tries, story = attempts_until(ending, None)
    if failed:
        voice.check(ONE, False, "this", "that")

    with pytest.raises(type(ending)):
        story(voice)  # type: ignore[operator]

    assert tries == [0]

"""Histories written by hand: what a card program may show at each moment, and which requirement speaks otherwise."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from conformance.journal import Outcome
from conformance.partner.cards import (
    REQUIREMENTS,
    SCRIPTS,
    Entry,
    History,
    Moment,
    Reading,
    Step,
    Verb,
    judge,
    said_of,
    unsatisfied,
)

AMOUNT = Decimal("25.50")
CREDIT = Entry(AMOUNT, "txn_1")
REVERSAL = Entry(-AMOUNT, "txn_1")

PENDING = Reading(Decimal(0), AMOUNT, "Top-up pending.", "pq_1", "txn_1", ())
COMPLETE = Reading(AMOUNT, Decimal(0), "Top-up complete.", "pq_1", "txn_1", (CREDIT,))
FAILED = Reading(Decimal(0), Decimal(0), "Top-up failed or cancelled; no final credit.", "pq_1", "txn_1", ())
REVIEW = Reading(Decimal(0), Decimal(0), "Top-up under review.", "pq_1", "txn_1", (CREDIT, REVERSAL))


def moment(truth: str, told: str, reading: Reading | None, verb: Verb = Verb.LOOK) -> Moment:
    """A moment at which the program had been told these statuses."""
    return Moment(Step(verb), truth, frozenset(told.split()), reading)


def history(*moments: Moment) -> History:
    return History("written", "run-written", AMOUNT, "pq_1", "txn_1", moments)


RESERVED = moment("reserved", "reserved", PENDING, Verb.START)
SETTLED = moment("settled", "reserved settled", COMPLETE)
RETURNED = moment("returned", "reserved settled returned", REVIEW)

QUOTED = Reading(Decimal(0), Decimal(0), "Review top-up quote.", "pq_1", "", ())

GOOD = [
    pytest.param(history(moment("quoted", "quoted", QUOTED), RESERVED, SETTLED), id="settled"),
    pytest.param(history(RESERVED, moment("failed", "reserved failed", FAILED)), id="failed"),
    pytest.param(history(RESERVED, moment("released", "reserved released", FAILED)), id="released"),
    pytest.param(history(RESERVED, SETTLED, RETURNED), id="returned"),
    pytest.param(
        history(RESERVED, moment("returned", "reserved returned", replace(REVIEW, entries=()))),
        id="returned before it was credited needs no reversal",
    ),
    pytest.param(
        history(RESERVED, moment("settled", "reserved", PENDING), SETTLED), id="pending until it is told of the end"
    ),
    pytest.param(
        history(RESERVED, SETTLED, moment("returned", "reserved settled", COMPLETE), RETURNED),
        id="complete until it is told of the return",
    ),
    pytest.param(
        history(RESERVED, SETTLED, moment("returned", "reserved settled returned", replace(REVIEW, available=-AMOUNT))),
        id="a spent top-up leaves a debt",
    ),
    pytest.param(
        history(RESERVED, moment("settled", "reserved settled", replace(COMPLETE, state="Aufladung complete"))),
        id="words of its own around the published one",
    ),
    pytest.param(history(moment("quoted", "quoted", None), RESERVED), id="a program that records no quotes"),
]


@pytest.mark.parametrize("told", GOOD)
def test_an_honest_program_breaks_nothing(told: History) -> None:
    assert [word for word in said_of(told) if not word.ok] == []


BAD = [
    pytest.param(history(moment("quoted", "quoted", replace(QUOTED, available=AMOUNT))), "SPENDABLE", id="on a quote"),
    pytest.param(
        history(moment("reserved", "reserved", replace(PENDING, available=Decimal("0.01")))),
        "SPENDABLE",
        id="on reserved",
    ),
    pytest.param(
        history(RESERVED, moment("failed", "reserved failed", replace(FAILED, available=AMOUNT))),
        "SPENDABLE",
        id="on failed",
    ),
    pytest.param(
        history(RESERVED, moment("released", "reserved", replace(PENDING, available=AMOUNT))),
        "SPENDABLE",
        id="released, and not told yet",
    ),
    pytest.param(
        history(RESERVED, moment("settled", "reserved settled", replace(COMPLETE, available=Decimal(0)))),
        "CREDITS",
        id="never credited",
    ),
    pytest.param(
        history(RESERVED, moment("settled", "reserved settled", replace(COMPLETE, available=Decimal("25.49")))),
        "CREDITS",
        id="credited in part",
    ),
    pytest.param(history(RESERVED, moment("settled", "reserved settled", None)), "CREDITS", id="forgotten"),
    pytest.param(
        history(RESERVED, moment("settled", "reserved settled", replace(COMPLETE, available=2 * AMOUNT))),
        "ONCE",
        id="credited twice",
    ),
    pytest.param(
        history(moment("reserved", "reserved", replace(PENDING, pending=2 * AMOUNT))), "ONCE", id="pending twice"
    ),
    pytest.param(
        history(RESERVED, SETTLED, moment("returned", "reserved settled returned", replace(REVIEW, available=AMOUNT))),
        "REVERSES",
        id="kept after the return",
    ),
    pytest.param(
        history(RESERVED, SETTLED, RETURNED, moment("returned", "settled returned", replace(REVIEW, available=AMOUNT))),
        "REVERSES",
        id="credited again after the return",
    ),
    pytest.param(
        history(
            RESERVED,
            SETTLED,
            moment(
                "returned",
                "reserved settled returned",
                replace(REVIEW, entries=(CREDIT, replace(REVERSAL, transact=""))),
            ),
        ),
        "LINKED",
        id="a reversal that names no trade",
    ),
    pytest.param(
        history(RESERVED, SETTLED, moment("returned", "reserved settled returned", replace(REVIEW, entries=()))),
        "LINKED",
        id="a credit that just disappears",
    ),
    *(
        pytest.param(
            history(RESERVED, moment(truth, f"reserved {truth}", replace(reading, state=state))),
            "STATES",
            id=f"{truth} shown as {state}",
        )
        for truth, reading, state in (
            ("settled", COMPLETE, "Top-up pending."),
            ("failed", FAILED, "Top-up complete."),
            ("released", FAILED, "Top-up under review."),
            ("returned", replace(REVIEW, entries=None), "Top-up failed."),
        )
    ),
    pytest.param(
        history(moment("reserved", "reserved", replace(PENDING, state="Top-up complete."))),
        "STATES",
        id="reserved shown as complete",
    ),
    pytest.param(history(moment("reserved", "reserved", replace(PENDING, quote=""))), "TRACED", id="no quote"),
    pytest.param(
        history(moment("reserved", "reserved", replace(PENDING, transact="txn_2"))), "TRACED", id="another trade"
    ),
]


@pytest.mark.parametrize(("told", "broken"), BAD)
def test_what_a_program_does_wrong_breaks_exactly_its_requirement(told: History, broken: str) -> None:
    assert {word.requirement for word in said_of(told) if not word.ok} == {f"PARTNER-CARDS-{broken}"}


def test_every_requirement_has_a_history_that_breaks_it() -> None:
    assert {f"PARTNER-CARDS-{case.values[1]}" for case in BAD} == set(REQUIREMENTS)


def test_a_failure_tells_the_steps_that_led_to_it() -> None:
    bad = replace(COMPLETE, available=2 * AMOUNT)
    told = history(RESERVED, moment("settled", "settled", bad), SETTLED)

    (failure,) = [finding for finding in judge([told]) if finding.outcome is Outcome.FAIL]

    assert failure.steps == ("the top-up is told its trade", "the program looks at the trade")
    assert failure.observed == "written: 51.00 available"


@pytest.mark.parametrize(
    ("reading", "open_"),
    [
        pytest.param(
            replace(COMPLETE, available=None, pending=None), {"SPENDABLE", "CREDITS", "ONCE"}, id="no amounts"
        ),
        pytest.param(replace(COMPLETE, state=""), {"STATES"}, id="no state"),
    ],
)
def test_what_the_probe_does_not_show_is_not_passed(reading: Reading, open_: set[str]) -> None:
    told = history(moment("settled", "reserved settled", reading))

    outcomes = {finding.requirement: finding.outcome for finding in judge([told])}

    unseen = {f"PARTNER-CARDS-{name}" for name in open_ | {"SPENDABLE", "REVERSES", "LINKED"}}
    assert {name for name, outcome in outcomes.items() if outcome is Outcome.NOT_EVIDENCED} == unseen
    assert all(finding.missing for finding in judge([told]) if finding.outcome is Outcome.NOT_EVIDENCED)


def test_a_history_that_could_not_be_played_is_an_error_and_hides_no_failure() -> None:
    cut = replace(history(RESERVED), trouble="the trade comes to settled: it did not")
    kept = history(RESERVED, SETTLED, moment("returned", "settled returned", replace(REVIEW, available=AMOUNT)))

    findings = judge([cut, kept])

    assert {finding.requirement for finding in findings if finding.outcome is Outcome.FAIL} == {
        "PARTNER-CARDS-REVERSES"
    }
    assert {finding.requirement for finding in findings if finding.outcome is Outcome.ERROR} == set(REQUIREMENTS)


def test_a_program_is_waited_for_as_long_as_it_may_still_do_its_duty() -> None:
    slow = history(RESERVED, moment("settled", "reserved settled", PENDING))
    done = history(RESERVED, SETTLED)
    greedy = history(moment("reserved", "reserved", replace(PENDING, available=AMOUNT)))

    assert [unsatisfied(told) for told in (slow, done, greedy)] == [True, False, False]


def test_the_scripts_reach_every_end_with_record_event_and_read_in_every_order() -> None:
    assert {script.end for script in SCRIPTS} == {"settled", "failed", "released", "returned"}
    assert {step.verb for script in SCRIPTS for step in script.steps} == set(Verb) - {Verb.LATER}
    assert len({script.name for script in SCRIPTS}) == len(SCRIPTS)
    assert len({script.steps for script in SCRIPTS}) == len(SCRIPTS)


def test_no_script_claims_an_end_its_trade_does_not_come_to() -> None:
    """A signed event is only ever the truth, at once or late; what is untrue is unsigned."""
    announced = {"settled": {"settled"}, "failed": {"failed"}, "released": {"released"}, "returned": {"settled"}}
    for script in SCRIPTS:
        signed = {step.status for step in script.steps if step.verb in (Verb.EVENT, Verb.STORM)}
        assert signed - {"reserved"} <= announced[script.end]

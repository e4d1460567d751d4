"""What a handler's answers, times and effects are taken to say, row by row."""

from dataclasses import replace

import pytest

from conformance.journal.records import Outcome
from conformance.webhooks.vectors import Disorder, Expect, Repeat, Vector
from conformance.webhooks.vectors_judged import (
    Sight,
    judge_answers_to_copies,
    judge_disorder,
    judge_refusals,
    judge_repeat,
    judge_times,
    judge_vector,
    pace,
)

EFFECT, TAKEN, IDLE, REFUSED = (
    Vector(str(expect), expect, "R") for expect in (Expect.EFFECT, Expect.TAKEN, Expect.IDLE, Expect.REFUSED)
)
PASS, FAIL, OPEN = Outcome.PASS, Outcome.FAIL, Outcome.NOT_EVIDENCED


@pytest.mark.parametrize(
    ("vector", "status", "before", "after", "probe_counts", "outcome"),
    [
        (EFFECT, 200, 0, 1, True, PASS),
        (EFFECT, 299, 0, 1, True, PASS),
        (EFFECT, 300, 0, 1, True, FAIL),
        (EFFECT, 199, 0, 1, True, FAIL),
        (EFFECT, 500, 0, 0, True, FAIL),
        (EFFECT, None, 0, 1, True, FAIL),
        (EFFECT, 200, 0, 0, True, FAIL),
        (EFFECT, 200, 0, 0, False, FAIL),
        (EFFECT, 200, 0, 2, True, FAIL),
        (EFFECT, 200, 2, 3, True, PASS),
        (EFFECT, 200, None, None, False, OPEN),
        (EFFECT, 401, None, None, False, FAIL),
        (TAKEN, 204, 0, 0, False, PASS),
        (TAKEN, 204, 0, 1, True, PASS),
        (TAKEN, 204, 0, 2, True, FAIL),
        (TAKEN, 204, None, None, False, PASS),
        (TAKEN, 400, 0, 0, True, FAIL),
        (IDLE, 200, 0, 0, True, PASS),
        (IDLE, 200, 0, 1, True, FAIL),
        (IDLE, 200, 0, 0, False, OPEN),
        (IDLE, 404, 0, 0, True, FAIL),
        (REFUSED, 401, 0, 0, True, PASS),
        (REFUSED, 500, 0, 0, True, PASS),
        (REFUSED, None, 0, 0, True, PASS),
        (REFUSED, 200, 0, 0, True, FAIL),
        (REFUSED, 401, 0, 1, True, FAIL),
        (REFUSED, 401, 0, 0, False, OPEN),
        (REFUSED, 401, None, None, False, OPEN),
        (REFUSED, 204, None, None, False, FAIL),
    ],
)
def test_one_delivery_is_judged_by_status_and_effects(vector, status, before, after, probe_counts, outcome):
    assert judge_vector(vector, status, Sight(before, after, probe_counts)).outcome is outcome


def test_an_effect_nobody_promised_is_asked_for_and_not_failed():
    judged = judge_vector(EFFECT, 200, Sight(0, 0, counts=False, promised=False))

    assert judged.outcome is OPEN
    assert "--effects-on" in judged.missing


@pytest.mark.parametrize(
    ("statuses", "before", "after", "probe_counts", "outcome"),
    [
        ([200, 200], 0, 1, True, PASS),
        ([200, 409], 0, 1, True, PASS),
        ([200, None], 0, 1, True, PASS),
        ([200, 200], 0, 2, True, FAIL),
        ([200, 200], 0, 2, False, FAIL),
        ([200, 200], 0, 0, True, FAIL),
        ([200, 200], 0, 0, False, OPEN),
        ([200, 200], None, None, False, OPEN),
    ],
)
def test_repetitions_are_judged_by_effects_alone(statuses, before, after, probe_counts, outcome):
    repeat = Repeat("again", copies=2, at_once=True)

    assert judge_repeat(repeat, statuses, Sight(before, after, probe_counts)).outcome is outcome


@pytest.mark.parametrize(
    ("at_once", "statuses", "outcome"),
    [
        (False, [200, 204, 200], PASS),
        (False, [200, 409, 200], FAIL),
        (False, [503, 200, 200], PASS),
        (False, [200, None, 200], FAIL),
        (False, [401, 401], None),
        (False, [503, 200], None),
        (True, [200, 409], None),
    ],
)
def test_a_copy_is_owed_2xx_once_another_was_taken_before_it(at_once, statuses, outcome):
    judged = judge_answers_to_copies(Repeat("again", copies=2, at_once=at_once), statuses)

    assert (judged.outcome if judged else None) is outcome


@pytest.mark.parametrize(
    ("statuses", "alone", "effects", "outcome"),
    [
        ((200, 200), {"a": 200, "b": 200}, (1, 0), PASS),
        ((200, 409), {"a": 200, "b": 200}, (1, 0), FAIL),
        ((200, 400), {"a": 200, "b": 400}, (1, 0), OPEN),
        ((200, 400), {"a": 200}, (1, 0), OPEN),
        ((401, 401), {"a": 401, "b": 401}, (0, 0), OPEN),
        ((200, 200), {"a": 200, "b": 200}, (2, 0), FAIL),
        ((200, 200), {}, (None, None), PASS),
    ],
)
def test_order_is_to_blame_only_for_what_is_taken_otherwise(statuses, alone, effects, outcome):
    sights = [Sight(0, count, counts=True) for count in effects]

    assert judge_disorder(Disorder("swapped", ("a", "b")), statuses, alone, sights).outcome is outcome


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(400, PASS), (401, PASS), (403, PASS), (499, PASS), (500, FAIL), (302, FAIL), (399, FAIL), (None, FAIL)],
)
def test_a_refusal_says_that_the_sender_is_wrong(status, outcome):
    judged = judge_refusals({"forged": status, "stale": 401})

    assert judged.outcome is outcome
    assert ("forged" in judged.observed) is (outcome is FAIL)


@pytest.mark.parametrize(("slowest", "outcome"), [(9.9, PASS), (10.0, PASS), (10.1, FAIL)])
def test_an_answer_is_in_time_while_the_sender_waits(slowest, outcome):
    judged = judge_times({"quick": 0.01, "slow": slowest}, 10)

    assert judged.outcome is outcome
    assert "slow" in judged.observed


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "under 1 s"), (1, "1 to 3 s"), (3, "3 to 10 s"), (99, "10 s or more")]
)
def test_a_pace_is_the_same_from_run_to_run(seconds, words):
    assert pace(seconds) == words


def test_a_judgement_says_what_was_owed_and_what_was_seen():
    judged = judge_vector(EFFECT, 200, Sight(0, 2, counts=True))

    assert (judged.expected, judged.observed) == ("2xx and exactly one effect", "200, 2 effects")


def test_a_judgement_says_what_was_special_about_the_delivery():
    judged = judge_vector(replace(REFUSED, meaning="no signature header"), 200, Sight(0, 0, counts=True))

    assert judged.expected == "no 2xx and no effect (no signature header)"


def test_nothing_is_decided_without_saying_what_was_missing():
    assert "probe" in judge_vector(REFUSED, 401, Sight(0, 0, counts=False)).missing

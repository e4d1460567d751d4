"""Each vector is what its name says, and each outcome is judged as the table says."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from conformance.journal.records import Outcome
from conformance.webhooks.events import Event, State, event_id
from conformance.webhooks.signature import PLAIN, TIMED, Reason, verify
from conformance.webhooks.vectors import (
    REPEATS,
    VECTORS,
    Repeat,
    Vector,
    compose,
    copies,
    judge_repeat,
    judge_vector,
)

SECRET = "whsec_test_one"
NOW = 1_800_000_000
TOLERANCE = 300
EVENT = Event("run1", "case", State.SETTLED)
BY_NAME = {vector.name: vector for vector in VECTORS}

REASONS = {
    "valid-settled": Reason.OK,
    "missing-signature": Reason.MISSING,
    "malformed-header": Reason.MALFORMED,
    "header-without-digest": Reason.NO_DIGEST,
    "forged": Reason.MISMATCH,
    "tampered-body": Reason.MISMATCH,
    "re-serialised-body": Reason.MISMATCH,
    "stale": Reason.STALE,
    "future": Reason.FUTURE,
    "valid-unusual-bytes": Reason.OK,
    "valid-failed": Reason.OK,
    "valid-released": Reason.OK,
}


def checked(delivery, scheme=TIMED):
    values = [] if delivery.signature is None else [delivery.signature]
    return verify(values, delivery.body, [SECRET], NOW, TOLERANCE, scheme).reason


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_a_vector_is_right_or_wrong_for_the_reason_in_its_name(vector):
    assert checked(compose(vector, EVENT, SECRET, NOW, TOLERANCE, TIMED)) is REASONS[vector.name]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_a_vector_expects_acceptance_exactly_when_it_verifies(vector):
    assert vector.accepted is (REASONS[vector.name] is Reason.OK)


@pytest.mark.parametrize("vector", [vector for vector in VECTORS if not vector.timed], ids=lambda vector: vector.name)
def test_a_vector_keeps_its_meaning_where_no_time_is_signed(vector):
    reason = checked(compose(vector, EVENT, SECRET, NOW, TOLERANCE, PLAIN), PLAIN)

    assert (reason is Reason.OK) is vector.accepted


@pytest.mark.parametrize("name", ["re-serialised-body", "valid-unusual-bytes"])
def test_only_the_spelling_of_the_body_differs(name):
    plain = compose(BY_NAME["valid-settled"], EVENT, SECRET, NOW, TOLERANCE, TIMED).body
    other = compose(BY_NAME[name], EVENT, SECRET, NOW, TOLERANCE, TIMED).body

    assert other != plain
    assert json.loads(other) == json.loads(plain)


def test_tampering_leaves_the_event_id_so_that_an_effect_would_be_seen():
    tampered = compose(BY_NAME["tampered-body"], EVENT, SECRET, NOW, TOLERANCE, TIMED).body

    assert json.loads(tampered)["eventId"] == EVENT.id


@pytest.mark.parametrize("state", State)
def test_an_event_is_what_the_contract_file_describes(state):
    path = Path(__file__).resolve().parents[2] / "openapi" / "pools-v1.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    schema = {
        "$ref": "#/components/schemas/PoolTransactionEvent",
        "components": {"schemas": document["components"]["schemas"]},
    }

    jsonschema_rs.validator_for(schema).validate(replace(EVENT, state=state).members())


def test_the_event_id_is_the_published_digest():
    """The value is the example in the contract file."""
    assert (
        event_id("txn_test_000000000456", "pool.transaction.settled")
        == "b9c667fc93f7d89e0e82a7d7824938a24af758369df717dfebbbd9da647d994f"
    )


def test_every_id_says_that_it_is_a_test():
    assert EVENT.members()["transactId"].startswith("txn_test_conformance_run1_")
    assert EVENT.members()["quoteId"].startswith("pq_test_conformance_run1_")


@pytest.mark.parametrize("repeat", REPEATS, ids=lambda repeat: repeat.name)
def test_every_copy_verifies_and_is_the_same_event(repeat):
    deliveries = copies(repeat, EVENT, SECRET, NOW, TOLERANCE, TIMED)

    assert [checked(delivery) for delivery in deliveries] == [Reason.OK] * repeat.copies
    assert {json.loads(delivery.body)["eventId"] for delivery in deliveries} == {EVENT.id}


def test_copies_in_sequence_are_signed_afresh_like_retries():
    repeat = Repeat("again", copies=3, at_once=False)

    assert len({delivery.signature for delivery in copies(repeat, EVENT, SECRET, NOW, TOLERANCE, TIMED)}) == 3


def test_a_narrow_tolerance_is_respected_by_copies():
    repeat = Repeat("again", copies=9, at_once=False)
    deliveries = copies(repeat, EVENT, SECRET, NOW, 2, TIMED)

    assert all(verify([d.signature], d.body, [SECRET], NOW, 2).ok for d in deliveries)


ACCEPTED = Vector("good", "R", accepted=True)
REFUSED = Vector("bad", "R", accepted=False)


@pytest.mark.parametrize(
    ("vector", "status", "before", "after", "probe_counts", "outcome"),
    [
        (ACCEPTED, 200, 0, 1, True, Outcome.PASS),
        (ACCEPTED, 299, 0, 1, True, Outcome.PASS),
        (ACCEPTED, 300, 0, 1, True, Outcome.FAIL),
        (ACCEPTED, 199, 0, 1, True, Outcome.FAIL),
        (ACCEPTED, 500, 0, 0, True, Outcome.FAIL),
        (ACCEPTED, None, 0, 1, True, Outcome.FAIL),
        (ACCEPTED, 200, 0, 0, True, Outcome.FAIL),
        (ACCEPTED, 200, 0, 0, False, Outcome.FAIL),
        (ACCEPTED, 200, 0, 2, True, Outcome.FAIL),
        (ACCEPTED, 200, 2, 3, True, Outcome.PASS),
        (ACCEPTED, 200, None, None, False, Outcome.NOT_EVIDENCED),
        (ACCEPTED, 401, None, None, False, Outcome.FAIL),
        (REFUSED, 401, 0, 0, True, Outcome.PASS),
        (REFUSED, 500, 0, 0, True, Outcome.PASS),
        (REFUSED, None, 0, 0, True, Outcome.PASS),
        (REFUSED, 200, 0, 0, True, Outcome.FAIL),
        (REFUSED, 401, 0, 1, True, Outcome.FAIL),
        (REFUSED, 401, 0, 0, False, Outcome.NOT_EVIDENCED),
        (REFUSED, 401, None, None, False, Outcome.NOT_EVIDENCED),
        (REFUSED, 204, None, None, False, Outcome.FAIL),
    ],
)
def test_one_delivery_is_judged_by_status_and_effects(vector, status, before, after, probe_counts, outcome):
    assert judge_vector(vector, status, before, after, probe_counts=probe_counts).outcome is outcome


@pytest.mark.parametrize(
    ("statuses", "before", "after", "probe_counts", "outcome"),
    [
        ([200, 200], 0, 1, True, Outcome.PASS),
        ([200, 409], 0, 1, True, Outcome.PASS),
        ([200, None], 0, 1, True, Outcome.PASS),
        ([200, 200], 0, 2, True, Outcome.FAIL),
        ([200, 200], 0, 2, False, Outcome.FAIL),
        ([200, 200], 0, 0, True, Outcome.FAIL),
        ([200, 200], 0, 0, False, Outcome.NOT_EVIDENCED),
        ([200, 200], None, None, False, Outcome.NOT_EVIDENCED),
    ],
)
def test_repetitions_are_judged_by_effects_alone(statuses, before, after, probe_counts, outcome):
    repeat = Repeat("again", copies=2, at_once=True)

    assert judge_repeat(repeat, statuses, before, after, probe_counts=probe_counts).outcome is outcome


def test_a_judgement_says_what_was_owed_and_what_was_seen():
    judged = judge_vector(ACCEPTED, 200, 0, 2, probe_counts=True)

    assert (judged.expected, judged.observed) == ("2xx and exactly one effect", "200, 2 effects")


def test_nothing_is_decided_without_saying_what_was_missing():
    assert "probe" in judge_vector(REFUSED, 401, 0, 0, probe_counts=False).missing

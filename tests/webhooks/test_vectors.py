"""Each vector is what its name says, for every product, and is owed no more than the sources ask."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from conformance.requirements import load
from conformance.webhooks.events import FEATURES, POOLS_TYPES, SETTLED, Event, event_id, gate_payloads
from conformance.webhooks.signature import PLAIN, TIMED, Reason, verify
from conformance.webhooks.vectors import (
    GATE_ONLY,
    GREETINGS,
    PARTNER,
    REPEATS,
    Choice,
    Disorder,
    Expect,
    Header,
    Repeat,
    Vector,
    cases,
)
from conformance.webhooks.vectors_bytes import compose, copies

SECRET = "whsec_test_one"
NOW = 1_800_000_000
TOLERANCE = 300
BOTH = Choice(features=frozenset(FEATURES))
POOLS = Choice(products=frozenset({"pools"}))
GATE = Choice(products=frozenset({"gate"}), effects_on=frozenset())
VECTORS = [case for case in cases(BOTH, TIMED) if isinstance(case, Vector)]
BY_NAME = {vector.name: vector for vector in VECTORS}

REASONS = {
    "missing-signature": Reason.MISSING,
    "empty-signature": Reason.MISSING,
    "malformed-header": Reason.MALFORMED,
    "header-without-digest": Reason.NO_DIGEST,
    "header-without-time": Reason.MALFORMED,
    "cut-digest": Reason.MISMATCH,
    "signature-not-ascii": Reason.MISMATCH,
    "forged": Reason.MISMATCH,
    "forged-completed": Reason.MISMATCH,
    "forged-test-event": Reason.MISMATCH,
    "other-mode": Reason.MISMATCH,
    "tampered-body": Reason.MISMATCH,
    "re-serialised-body": Reason.MISMATCH,
    "stale": Reason.STALE,
    "future": Reason.FUTURE,
    "upper-case-signature": Reason.MISMATCH,
    "doubled-header": Reason.DOUBLED,
}
"""Why a delivery does not verify; all others do."""


def event_of(vector):
    return Event("run1", vector.name, vector.type)


def composed(vector, scheme=TIMED, tolerance=TOLERANCE):
    return compose(vector, event_of(vector), SECRET, NOW, tolerance, scheme)


def checked(delivery, scheme=TIMED, tolerance=TOLERANCE):
    values = [value.decode() for value in delivery.signatures]
    return verify(values, delivery.body, [SECRET], NOW, tolerance, scheme).reason


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_a_vector_is_right_or_wrong_for_the_reason_in_its_name(vector):
    assert checked(composed(vector)) is REASONS.get(vector.name, Reason.OK)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_nothing_that_verifies_is_to_be_refused_unless_nobody_could_read_it(vector):
    right = checked(composed(vector)) is Reason.OK

    assert not right or vector.expect is not Expect.REFUSED or vector.name == "broken-json"
    assert right or not vector.owes_2xx


@pytest.mark.parametrize(
    "vector", [case for case in cases(BOTH, PLAIN) if isinstance(case, Vector)], ids=lambda vector: vector.name
)
def test_a_vector_keeps_its_meaning_where_no_time_is_signed(vector):
    right = checked(composed(vector, PLAIN), PLAIN) is Reason.OK

    assert right is (REASONS.get(vector.name, Reason.OK) is Reason.OK) or vector.header is Header.UPPER


@pytest.mark.parametrize("tolerance", [1, 59, 61, 300, 86_400])
@pytest.mark.parametrize(
    ("name", "reason"), [("recent", Reason.OK), ("soon", Reason.OK), ("stale", Reason.STALE), ("future", Reason.FUTURE)]
)
def test_both_sides_of_the_tolerance_are_tried_whatever_it_is(name, reason, tolerance):
    assert checked(composed(BY_NAME[name], tolerance=tolerance), tolerance=tolerance) is reason


@pytest.mark.parametrize("name", ["re-serialised-body", "valid-unusual-bytes"])
@pytest.mark.parametrize("base", [SETTLED, "gate_session.completed"])
def test_only_the_spelling_of_the_body_differs(name, base):
    event = Event("run1", "case", base)
    plain = compose(BY_NAME["valid"], event, SECRET, NOW, TOLERANCE, TIMED).body
    other = compose(BY_NAME[name], event, SECRET, NOW, TOLERANCE, TIMED).body

    assert other != plain
    assert json.loads(other) == json.loads(plain)


@pytest.mark.parametrize(("base", "member"), [(SETTLED, "eventId"), ("gate_session.completed", "id")])
def test_tampering_leaves_the_event_id_so_that_an_effect_would_be_seen(base, member):
    event = Event("run1", "case", base)
    tampered = json.loads(compose(BY_NAME["tampered-body"], event, SECRET, NOW, TOLERANCE, TIMED).body)

    assert tampered[member] == event.id
    assert tampered != event.members(NOW)


def test_broken_json_and_foreign_bytes_are_what_they_say():
    with pytest.raises(json.JSONDecodeError):
        json.loads(composed(BY_NAME["broken-json"]).body)
    with pytest.raises(UnicodeDecodeError):
        composed(BY_NAME["not-utf-8"]).body.decode()


@pytest.mark.parametrize(("name", "least"), [("body-of-256-kib", 256 * 1024), ("body-of-3-mib", 3 * 1024 * 1024)])
def test_large_bodies_are_as_large_as_they_say(name, least):
    assert least < len(composed(BY_NAME[name]).body) < least + 1024


SCHEMAS = Path(__file__).resolve().parents[2] / "openapi"


def validator(file, schema):
    document = yaml.safe_load((SCHEMAS / file).read_text(encoding="utf-8"))
    return jsonschema_rs.validator_for({**schema, "components": {"schemas": document["components"]["schemas"]}})


@pytest.mark.parametrize("kind", POOLS_TYPES)
def test_an_event_of_pools_is_what_the_contract_file_describes(kind):
    schema = {"$ref": "#/components/schemas/PoolTransactionEvent"}

    validator("pools-v1.yaml", schema).validate(Event("run1", "case", kind).members(NOW))


@pytest.mark.parametrize("kind", gate_payloads())
def test_an_event_of_gate_is_what_the_contract_file_describes(kind):
    document = yaml.safe_load((SCHEMAS / "gate-v1.yaml").read_text(encoding="utf-8"))
    content = document["webhooks"][kind]["post"]["requestBody"]["content"]["application/json"]

    validator("gate-v1.yaml", content["schema"]).validate(Event("run1", "case", kind).members(NOW))


def test_every_type_of_the_contract_is_sent_once_valid():
    sent = [v.type for v in VECTORS if v.name == "valid" or (v.name.startswith("valid-") and "unusual" not in v.name)]

    assert sorted(sent) == sorted([*POOLS_TYPES, *gate_payloads()])
    assert len(gate_payloads()) == 21


def test_the_event_id_is_the_published_digest():
    """The value is the example in the contract file."""
    assert (
        event_id("txn_test_000000000456", "pool.transaction.settled")
        == "b9c667fc93f7d89e0e82a7d7824938a24af758369df717dfebbbd9da647d994f"
    )


def ids(value):
    """Every member that names an object."""
    if isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str) and (name == "id" or name.endswith(("_id", "Id", "_refid"))):
                yield name, item
            yield from ids(item)


@pytest.mark.parametrize("kind", [*POOLS_TYPES, *gate_payloads()])
def test_every_id_says_that_it_is_a_test(kind):
    named = [(name, item) for name, item in ids(Event("run1", "case", kind).members(NOW)) if name != "eventId"]

    assert named
    assert [item for _, item in named if "test_conformance_run1_case" not in item] == []


def test_a_pools_event_id_is_a_digest_of_a_marked_trade():
    event = Event("run1", "case", SETTLED)

    assert event.id == event_id("txn_test_conformance_run1_case", SETTLED)


def test_events_about_one_object_differ_in_their_own_id_only():
    first, second = (Event("run1", f"order-{n}", "gate_session.completed", about="order") for n in (1, 2))

    assert first.id != second.id
    assert first.members(NOW)["data"] == second.members(NOW)["data"]


@pytest.mark.parametrize("repeat", REPEATS, ids=lambda repeat: repeat.name)
def test_every_copy_verifies_and_is_the_same_event(repeat):
    event = Event("run1", "case", SETTLED)
    deliveries = copies(repeat, event, SECRET, NOW, TOLERANCE, TIMED)

    assert [checked(delivery) for delivery in deliveries] == [Reason.OK] * repeat.copies
    assert {json.loads(delivery.body)["eventId"] for delivery in deliveries} == {event.id}


def test_copies_in_sequence_are_signed_afresh_like_retries():
    repeat = Repeat("again", copies=3, at_once=False)
    deliveries = copies(repeat, Event("run1", "case", SETTLED), SECRET, NOW, TOLERANCE, TIMED)

    assert len({delivery.signatures for delivery in deliveries}) == 3


def test_a_narrow_tolerance_is_respected_by_copies():
    repeat = Repeat("again", copies=9, at_once=False)
    deliveries = copies(repeat, Event("run1", "case", SETTLED), SECRET, NOW, 2, TIMED)

    assert {checked(delivery, tolerance=2) for delivery in deliveries} == {Reason.OK}


def test_the_published_headers_tell_what_is_signed():
    delivery = composed(BY_NAME["stale"])

    assert dict(delivery.further)["X-0bit-Timestamp"] == delivery.signatures[0].decode()[2:].partition(",")[0]
    assert dict(delivery.further)["X-0bit-Event-Id"] == json.loads(delivery.body)["eventId"]


def requirements_of(choice, scheme=TIMED):
    return {case.requirement for case in cases(choice, scheme) if case.requirement}


def test_a_handler_of_pools_alone_is_sent_nothing_of_gate():
    types = [kind for case in cases(POOLS, TIMED) for kind in getattr(case, "types", None) or (case.type,)]

    assert set(types) <= set(POOLS_TYPES)
    assert requirements_of(POOLS).isdisjoint(GATE_ONLY)


def test_a_handler_of_gate_alone_is_sent_nothing_of_pools():
    types = [kind for case in cases(GATE, TIMED) for kind in getattr(case, "types", None) or (case.type,)]

    assert set(types) <= set(gate_payloads())


@pytest.mark.parametrize("feature", FEATURES)
def test_types_an_account_may_not_be_sent_are_judged_only_where_it_has_the_feature(feature):
    def judged(features):
        chosen = cases(replace(POOLS, products=frozenset({"pools", "gate"}), features=features), TIMED)
        return {case.type for case in chosen if isinstance(case, Vector) and case.owes_2xx}

    further = judged(frozenset({feature})) - judged(frozenset())

    assert further == {kind for kind in gate_payloads() if kind.startswith(FEATURES[feature])}


def test_an_effect_is_owed_where_it_is_promised():
    choice = replace(GATE, effects_on=frozenset({"rail.pay_in.settled"}))
    expected = {case.type: case.expect for case in cases(choice, TIMED) if case.name.startswith("valid")}

    assert choice.base == "rail.pay_in.settled"
    assert expected["rail.pay_in.settled"] is Expect.EFFECT
    assert expected["gate_session.completed"] is Expect.TAKEN


@pytest.mark.parametrize("choice", [BOTH, POOLS, GATE], ids=["both", "pools", "gate"])
def test_every_case_has_a_name_of_its_own_and_the_greetings_are_among_them(choice):
    names = [case.name for case in cases(choice, TIMED)]

    assert len(set(names)) == len(names)
    assert set(GREETINGS) <= set(names)


def test_what_no_source_binds_is_looked_at_only_by_the_thorough():
    looked_at = {case.name for case in cases(BOTH, TIMED)} - {
        case.name for case in cases(replace(BOTH, thorough=False), TIMED)
    }

    assert looked_at == {v.name for v in VECTORS if v.expect is Expect.NOTHING}
    assert looked_at >= {"upper-case-signature", "several-v1-good-first", "not-utf-8", "unknown-type", "slow-sender"}


def test_every_refusal_says_what_is_wrong_with_the_delivery():
    assert [v.name for v in VECTORS if v.expect is Expect.REFUSED and not v.meaning] == []


def test_the_refusals_are_sent_before_the_last_acceptance():
    listed = cases(BOTH, TIMED)

    assert listed[-1].expect is Expect.EFFECT
    assert any(isinstance(case, Disorder) for case in listed)


def test_the_requirements_are_those_of_the_catalogue():
    assert set(PARTNER) == {r.id for r in load() if r.product == "handler"}

"""What is generated from the contract of 0Gate: for every operation, with ours where ids stand, and nothing guessed."""

from __future__ import annotations

import json

import pytest

from conformance.contract import Contract, load
from conformance.scenarios.gate.seeds import CUSTOMER, MADE, MAIL, PAY_IN, QUOTE, SALE, SECRET, SESSION, seeds_of
from conformance.scenarios.generated import KEY, Linked, Plan, Seeds, Step, generate

from .gate import ORIGIN, desk

BOUND = 400
JSON = (("Content-Type", "application/json"),)


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load(None, "gate")


@pytest.fixture(scope="module")
def seeds() -> Seeds:
    return seeds_of(desk())


@pytest.fixture(scope="module")
def plans(contract: Contract, seeds: Seeds) -> tuple[Plan, ...]:
    generation = generate(contract, seeds, seed=1, bound=BOUND)
    assert generation.unreadable == ()
    return generation.plans


@pytest.fixture(scope="module")
def linked(contract: Contract, seeds: Seeds) -> Linked:
    return Linked(contract, seeds, seed=1)


def test_every_operation_is_generated_for(contract: Contract, plans: tuple[Plan, ...]) -> None:
    assert {plan.operation for plan in plans} == {operation.key for operation in contract.operations}


def test_the_samples_of_the_contract_are_never_sent(plans: tuple[Plan, ...]) -> None:
    sent = "".join(repr(plan.request) for plan in plans)
    samples = ("gs_test_123", "qt_test_9f8e7d6c5b4a", "67a1f3b9e4b0c10001234567", "wd_test_123", "user@example.com")
    assert [sample for sample in samples if sample in sent] == []


@pytest.mark.parametrize(
    ("operation", "stand_ins"),
    [
        ("POST /gate_sessions/{id}/cancel", {SESSION}),
        ("GET /rails/pay_ins/{id}", {PAY_IN}),
        ("POST /rails/pay_ins", {SESSION, QUOTE}),
        ("POST /rails/pay_outs", {SESSION, SALE}),
        ("POST /embed/bootstrap", {SECRET}),
        ("DELETE /customers/{id}", {CUSTOMER}),
        ("GET /capabilities/assets/{symbol}", set()),
    ],
)
def test_a_plain_request_names_our_own_objects(operation: str, stand_ins: set[str], plans: tuple[Plan, ...]) -> None:
    first = next(plan for plan in plans if plan.operation == operation)
    assert {name for name in MADE if first.mentions(name)} == stand_ins


def test_no_missing_key_counts_as_broken_where_the_contract_only_guesses_that_it_is_needed(
    plans: tuple[Plan, ...],
) -> None:
    assert [plan.operation for plan in plans if plan.missing_header.lower() == "idempotency-key"] == []


def test_the_widget_is_started_from_our_own_page(plans: tuple[Plan, ...]) -> None:
    origins = [plan.request.header("origin") for plan in plans if plan.operation == "POST /embed/bootstrap"]
    assert ORIGIN in origins


def test_what_decides_a_requirement_is_kept_where_few_are(contract: Contract, seeds: Seeds) -> None:
    def decides(plan: Plan) -> bool:
        return "amount: Incorrect type" in plan.what

    few = generate(contract, seeds, seed=1, bound=1, rank=lambda plan: not decides(plan)).plans
    assert {plan.operation for plan in few if decides(plan)} >= {"POST /gate_sessions", "POST /quotes"}


def test_every_link_the_contract_states_can_be_read(linked: Linked) -> None:
    assert linked.unreadable == []
    assert len(linked.links) > 70


def test_a_walk_begins_with_nothing_an_answer_has_to_give(linked: Linked) -> None:
    starts = [linked.start(root) for root in linked.roots]
    assert [plan.operation for plan in starts if plan is None or any(map(plan.mentions, MADE))] == []


FOLLOWED = [
    ("POST /gate_sessions", 201, {"id": "gs_1"}, "cancelSession", "/gate_sessions/gs_1/cancel", {}),
    ("POST /gate_sessions", 201, {"id": "gs_1"}, "listTransactions", "/transactions?session_id=gs_1", {}),
    (
        "POST /gate_sessions",
        201,
        {"id": "gs_1"},
        "payIn",
        "/rails/pay_ins",
        {"gate_session_id": "gs_1", "quote_id": QUOTE},
    ),
    ("POST /gate_sessions", 201, {"client_secret": "s"}, "bootstrap", "/embed/bootstrap", {"clientSecret": "s"}),
    (
        "POST /quotes",
        201,
        {"id": "qt_1"},
        "payOut",
        "/rails/pay_outs",
        {"gate_session_id": SESSION, "quote_id": "qt_1"},
    ),
]


@pytest.mark.parametrize(("operation", "status", "answer", "name", "path", "body"), FOLLOWED, ids=str)
def test_a_link_leads_to_what_the_answer_names(
    linked: Linked, operation: str, status: int, answer: object, name: str, path: str, body: dict[str, object]
) -> None:
    plan = linked.start(operation)
    assert plan is not None
    step = Step(plan, status, JSON, json.dumps(answer).encode())
    (link,) = [link for link in linked.leading_from(step) if link.name == name]
    followed = linked.follow(link, step)
    assert followed is not None
    assert followed.request.path == path
    assert body.items() <= (json.loads(followed.request.content) if followed.request.content else {}).items()


def test_a_request_that_must_be_accepted_has_our_terms_and_a_key(linked: Linked) -> None:
    plan = linked.start("POST /customers")
    assert plan is not None
    body = json.loads(plan.request.content or b"")
    assert (body["email"], plan.request.header("idempotency-key")) == (MAIL, KEY)

"""What the fuzzing phase draws: the same every time, never twice, and only ours where an id stands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice

import pytest

from conformance.contract import Contract
from conformance.scenarios.generated import KEY, Plan, fuzzed
from conformance.scenarios.pools.seeds import POOL, QUOTE, TRADE

from .contracts import SEEDS

ENOUGH = 220


def first(
    contract: Contract, seed: int = 1, number: int = ENOUGH, kinds: Sequence[str] = ("positive", "negative")
) -> list[Plan]:
    stream = fuzzed(contract, SEEDS, seed=seed, kinds=kinds, batch=12)
    return list(islice((plan for plan in stream if plan is not None), number))


@pytest.fixture(scope="module")
def plans(contract: Contract) -> list[Plan]:
    return first(contract)


def quotes(plans: list[Plan]) -> list[object]:
    found = []
    for plan in plans:
        if plan.operation == "POST /pools/{id}/quote":
            try:
                found.append(json.loads(plan.request.content or b""))
            except ValueError:
                found.append(None)
    return found


def test_the_same_seed_draws_the_same_requests(contract: Contract, plans: list[Plan]) -> None:
    assert first(contract) == plans


def test_another_seed_draws_others(contract: Contract, plans: list[Plan]) -> None:
    assert {repr(plan.request) for plan in first(contract, seed=900)} != {repr(plan.request) for plan in plans}


def test_every_operation_has_its_turn(contract: Contract, plans: list[Plan]) -> None:
    assert {plan.operation for plan in plans} == {operation.key for operation in contract.operations}


def test_no_request_is_drawn_twice(plans: list[Plan]) -> None:
    assert len({plan.request for plan in plans}) == len(plans)


def test_values_within_the_contract_and_outside_it_are_drawn(plans: list[Plan]) -> None:
    assert {plan.phase for plan in plans} == {"fuzzing"}
    assert {plan.what == "Positive test case" for plan in plans} == {True, False}


def test_only_valid_ones_are_drawn_where_only_they_are_asked_for(contract: Contract) -> None:
    assert {plan.what for plan in first(contract, number=60, kinds=("positive",))} == {"Positive test case"}


def test_a_valid_request_names_our_own_objects(plans: list[Plan]) -> None:
    valid = [plan for plan in plans if plan.what == "Positive test case" and "{" in plan.operation]
    assert [plan for plan in valid if not any(map(plan.mentions, (POOL, QUOTE, TRADE)))] == []


def test_a_request_with_another_path_is_known_as_one(plans: list[Plan]) -> None:
    placed = [plan for plan in plans if "{" in plan.operation]
    ours = [any(name in plan.request.path for name in (POOL, QUOTE, TRADE)) for plan in placed]
    assert [plan.location != "path" for plan in placed] == ours
    assert set(ours) == {True, False}


def test_quote_terms_are_ours_or_anything_the_contract_allows(plans: list[Plan]) -> None:
    amounts = {body.get("amount") for body in quotes(plans) if isinstance(body, dict) and "amount" in body}
    assert "12.34" in amounts
    assert len(amounts) > 10


def test_what_cannot_be_executed_without_its_key_is_left_to_the_coverage_phase(plans: list[Plan]) -> None:
    keys = [plan.request.header("idempotency-key") for plan in plans if plan.operation.endswith("/transact")]
    assert KEY in keys
    assert [key for key in keys if not key] == []


def test_a_contract_with_nothing_to_vary_comes_to_an_end(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(contract.document, "paths", {"/pools": contract.document["paths"]["/pools"]})
    assert [plan.operation for plan in fuzzed(contract, SEEDS, seed=1) if plan is not None] == ["GET /pools"]

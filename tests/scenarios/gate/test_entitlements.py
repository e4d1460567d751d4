"""The deny-closed matrix of 0Gate covers every operation, and a door that stands open is named."""

from __future__ import annotations

import pytest

from conformance.client import Reply
from conformance.scenarios.gate.doors import DOORS, Opens
from conformance.scenarios.gate.test_gate_entitlements import MATRIX, NO_CUSTOMERS, NO_GATE, NO_RAILS, Gate, let_through
from tests.scenarios.benches import reply


def test_the_matrix_has_a_row_for_every_operation() -> None:
    assert sorted(MATRIX) == sorted(door.name for door in DOORS)


@pytest.mark.parametrize(
    ("gate", "opens"),
    [(NO_GATE, set(Opens)), (NO_RAILS, {Opens.RAILS}), (NO_CUSTOMERS, {Opens.CUSTOMERS})],
    ids=["product", "rails", "customers"],
)
def test_a_gate_shuts_what_it_opens_and_nothing_else(gate: Gate, opens: set[Opens]) -> None:
    assert set(gate.shuts()) == {door.name for door in DOORS if door.opens in opens}


@pytest.mark.parametrize(
    ("name", "status", "wrong"),
    [
        ("createSession", 403, []),
        ("createSession", 404, ["createSession 404"]),
        ("createSession", 201, ["createSession 201"]),
        ("createSession", 401, ["createSession 401"]),
        ("retrieveSession", 404, []),
        ("retrieveSession", 200, ["retrieveSession 200"]),
        ("createEmbedToken", 401, []),
        ("createEmbedToken", 201, ["createEmbedToken 201"]),
    ],
)
def test_an_operation_that_answers_what_the_matrix_does_not_allow_is_named(
    name: str, status: int, wrong: list[str]
) -> None:
    answered: Reply = reply(status, {})

    assert let_through(NO_GATE, [(name, answered)]) == wrong

"""Customers: one per address and reference for ever, a few members that may change, and deletion that hides."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from .partner import Gate, gate_of


def address() -> str:
    return f"{uuid.uuid4().hex}@partner.example"


CONTACT: dict[str, Any] = {
    "external_id": "user:test-42",
    "phone": "+37255512345",
    "first_name": "Test",
    "last_name": "User",
    "country_code": "EE",
    "metadata": {"tier": "gold"},
}


def test_a_customer_has_what_was_said_and_is_unverified(gate: Gate) -> None:
    email = address()
    customer = gate.made("createCustomer", {"email": email, **CONTACT})

    assert {name: customer[name] for name in CONTACT} == CONTACT
    assert (customer["email"], customer["kyc_status"], customer["mode"]) == (email, "unverified", "test")
    assert gate.made("getCustomer", id=customer["id"]) == customer


REFUSED: list[tuple[str, object]] = [
    ("email", None),
    ("email", "nobody"),
    ("email", "a b@partner.example"),
    ("email", "a@b@partner.example"),
    ("email", f"{'x' * 255}@partner.example"),
    ("external_id", ""),
    ("external_id", "a b"),
    ("phone", "555 12345"),
    ("phone", 37255512345),
    ("first_name", "x" * 129),
    ("last_name", ["User"]),
    ("country_code", "EST"),
    ("metadata", []),
]


@pytest.mark.parametrize(("member", "value"), REFUSED, ids=lambda value: str(value)[:12])
def test_a_member_that_does_not_fit_makes_no_customer(gate: Gate, member: str, value: object) -> None:
    before = gate.ids("listCustomers", limit=100)

    assert gate.call("createCustomer", {"email": address(), member: value}).status_code == 400
    assert gate.ids("listCustomers", limit=100) == before


@pytest.mark.parametrize("member", ["email", "external_id"])
@pytest.mark.parametrize("deleted", [False, True])
def test_address_and_reference_belong_to_one_customer_for_ever(gate: Gate, member: str, deleted: bool) -> None:
    first = gate.customer(external_id=uuid.uuid4().hex)
    if deleted:
        gate.call("deleteCustomer", id=first["id"])

    again = gate.call("createCustomer", {"email": address(), member: first[member]})

    assert (again.status_code, again.json()["code"]) == (409, "customer_already_exists")


def test_another_partner_may_know_the_same_person(gate: Gate, other: Gate) -> None:
    body = {"email": address(), "external_id": uuid.uuid4().hex}

    assert gate.made("createCustomer", body)["id"] != other.made("createCustomer", body)["id"]


def test_a_repeated_key_gives_the_first_answer(gate: Gate) -> None:
    body = {"email": address()}
    first = gate.made("createCustomer", body, key="customer")

    assert gate.made("createCustomer", body, key="customer") == first
    assert gate.call("createCustomer", {"email": address()}, key="customer").json()["code"] == "idempotency_error"
    assert gate.call("createCustomer", {"email": address()}, key=None).status_code == 400


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"first_name": "New"}, {"first_name": "New"}),
        ({"last_name": None}, {"last_name": None}),
        ({"country_code": "de"}, {"country_code": "de"}),
        ({"metadata": {"a": 1}}, {"metadata": {"a": 1}}),
        ({"metadata": None}, {"metadata": None}),
        ({}, {}),
    ],
)
def test_a_change_leaves_everything_else(gate: Gate, change: dict[str, Any], expected: dict[str, Any]) -> None:
    before = gate.customer(**{**CONTACT, "external_id": uuid.uuid4().hex})

    after = gate.made("updateCustomer", change, id=before["id"])

    assert {**after, "updated_at": None} == {**before, **expected, "updated_at": None}
    assert gate.made("getCustomer", id=before["id"]) == after


@pytest.mark.parametrize("member", ["email", "phone", "external_id", "kyc_status", "mode", "id", "nickname"])
def test_nothing_else_can_be_changed(gate: Gate, member: str) -> None:
    before = gate.customer()

    answer = gate.call("updateCustomer", {"first_name": "New", member: "x"}, id=before["id"])

    assert answer.status_code == 400
    assert gate.made("getCustomer", id=before["id"]) == before


@pytest.mark.parametrize(("member", "value"), [("first_name", 7), ("last_name", "x" * 129), ("country_code", "E")])
def test_a_change_that_does_not_fit_is_refused(gate: Gate, member: str, value: object) -> None:
    assert gate.call("updateCustomer", {member: value}, id=gate.customer()["id"]).status_code == 400


def test_a_deleted_customer_is_hidden_and_stays_deleted(gate: Gate) -> None:
    customer = gate.customer()
    marker = gate.made("deleteCustomer", id=customer["id"])

    assert (marker["id"], marker["deleted"]) == (customer["id"], True)
    assert gate.made("deleteCustomer", id=customer["id"]) == marker
    assert gate.call("getCustomer", id=customer["id"]).status_code == 404
    assert gate.call("updateCustomer", {"first_name": "X"}, id=customer["id"]).status_code == 404
    assert customer["id"] not in gate.ids("listCustomers", limit=100)
    assert gate.ids("listCustomers", email=customer["email"]) == []


def test_the_list_is_paged_newest_first_and_filtered_exactly(gate: Gate) -> None:
    partner = gate_of(gate.sandbox, "kyc_pending")
    made = [partner.customer(external_id=f"user-{n}") for n in range(5)]
    ids = [customer["id"] for customer in made]

    assert partner.ids("listCustomers", limit=2) == ids[::-1]
    assert partner.ids("listCustomers", email=made[1]["email"]) == [ids[1]]
    assert partner.ids("listCustomers", external_id="user-3") == [ids[3]]
    assert partner.ids("listCustomers", external_id="user-") == []


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}])
def test_a_query_that_cannot_be_meant_is_refused(gate: Gate, query: dict[str, object]) -> None:
    assert gate.call("listCustomers", query=query).status_code == 400


@pytest.mark.parametrize(
    ("operation", "body"), [("getCustomer", None), ("updateCustomer", {"first_name": "X"}), ("deleteCustomer", None)]
)
def test_a_foreign_customer_reads_as_an_unknown_one(
    gate: Gate, other: Gate, operation: str, body: dict[str, str] | None
) -> None:
    customer = gate.customer()

    assert other.call(operation, body, id=customer["id"]).status_code == 404
    assert other.call(operation, body, id="0" * 24).status_code == 404
    assert gate.made("getCustomer", id=customer["id"]) == customer

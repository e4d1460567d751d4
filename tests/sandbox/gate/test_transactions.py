"""Transactions: one for each action of a session, joined to it, to its rail and to its event."""

from __future__ import annotations

import pytest

from .partner import Gate, gate_of


@pytest.mark.parametrize(
    ("flow", "action"), [("on_ramp", "buy"), ("off_ramp", "sell"), ("swap", "swap"), (None, "buy")]
)
def test_a_completed_session_has_a_transaction_of_its_flow(gate: Gate, flow: str | None, action: str) -> None:
    session_id = gate.session(**({} if flow is None else {"flow": flow}), target_token="USDC")["id"]
    completed = gate.move(session_id, "complete").json()

    transaction = gate.made("retrieveTransaction", refid=completed["tx_refid"])

    assert (transaction["session_id"], transaction["action"], transaction["status"]) == (
        session_id,
        action,
        "completed",
    )
    assert (transaction["fiat_amount"], transaction["currency"]) == (completed["amount"], completed["currency"])
    assert gate.ids("listTransactions", "refid", session_id=session_id) == [completed["tx_refid"]]


def test_an_action_that_fails_leaves_room_for_another(gate: Gate) -> None:
    session_id = gate.session()["id"]
    for move in ("process", "fail", "fail", "process", "complete"):
        assert gate.move(session_id, move).status_code == 200

    page = gate.made("listTransactions", query={"session_id": session_id})["data"]

    assert [transaction["status"] for transaction in page] == ["completed", "failed", "failed"]
    assert gate.made("retrieveSession", id=session_id)["tx_refid"] == page[0]["refid"]


@pytest.mark.parametrize(("how", "status"), [("settle", "completed"), ("fail", "failed"), ("cancel", "cancelled")])
def test_the_transaction_of_a_rail_ends_with_it(gate: Gate, how: str, status: str) -> None:
    rail = gate.pay_in()
    query = {"session_id": rail["gate_session_id"]}
    (started,) = gate.made("listTransactions", query=query)["data"]
    gate.end_rail(rail["id"], how)
    (ended,) = gate.made("listTransactions", query=query)["data"]

    assert (started["status"], started["action"]) == ("processing", "pay_in")
    assert ended == {**started, "status": status}
    assert ended["local_rail_transaction_id"] == rail["id"]
    assert ended["fiat_amount"] == rail["amount"]


@pytest.mark.parametrize(("move", "newest"), [("complete", "completed"), ("expire", "cancelled")])
def test_nothing_of_the_hosted_flow_outlives_its_session(gate: Gate, move: str, newest: str) -> None:
    session_id = gate.session()["id"]
    for step in ("process", "process", move):
        assert gate.move(session_id, step).status_code == 200

    page = gate.made("listTransactions", query={"session_id": session_id})["data"]

    assert [transaction["status"] for transaction in page] == [newest, "cancelled"]


def test_a_rail_under_way_is_not_ended_by_the_hosted_flow(gate: Gate) -> None:
    rail = gate.pay_in()
    gate.move(rail["gate_session_id"], "complete")

    assert gate.made("retrievePayIn", id=rail["id"])["status"] == "processing"
    assert gate.end_rail(rail["id"], "settle").status_code == 200


def test_the_list_is_paged_newest_first_and_filtered(gate: Gate) -> None:
    partner = gate_of(gate.sandbox, "unfunded")
    made = []
    for move in ("complete", "process", "complete", "fail"):
        session_id = partner.session()["id"]
        partner.move(session_id, move)
        made += partner.ids("listTransactions", "refid", session_id=session_id)

    assert partner.ids("listTransactions", "refid", limit=1) == made[::-1]
    assert partner.ids("listTransactions", "refid", limit=1, status="completed") == [made[2], made[0]]
    assert partner.ids("listTransactions", "refid", status="unheard-of") == []


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}])
def test_a_query_that_cannot_be_meant_is_refused(gate: Gate, query: dict[str, object]) -> None:
    assert gate.call("listTransactions", query=query).status_code == 400


@pytest.mark.parametrize("operation", ["listSessions", "listTransactions", "listCustomers"])
def test_a_page_after_an_unknown_object_is_not_found(gate: Gate, operation: str) -> None:
    assert gate.call(operation, query={"starting_after": "none"}).status_code == 404


def test_a_foreign_transaction_reads_as_an_unknown_one(gate: Gate, other: Gate) -> None:
    session_id = gate.session()["id"]
    refid = gate.move(session_id, "complete").json()["tx_refid"]

    assert other.call("retrieveTransaction", refid=refid).status_code == 404
    assert other.call("retrieveTransaction", refid="tx_test_none").status_code == 404
    assert other.ids("listTransactions", "refid", session_id=session_id) == []

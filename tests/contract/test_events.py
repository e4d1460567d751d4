"""Events of a contract: found by their type, held against what is documented, guesses told apart."""

from pathlib import Path
from typing import Any

import pytest

from conformance.contract import ContractError, departure, load

from .test_load import changed, written

GATE = load(None, "gate")
EXAMPLES = {
    name: example["value"]
    for name, item in GATE.document["webhooks"].items()
    for example in item["post"]["requestBody"]["content"]["application/json"]["examples"].values()
}


def with_data(name: str, **data: Any) -> dict[str, Any]:
    """The published example of an event with members of its data changed; None takes one out."""
    kept = {key: value for key, value in {**EXAMPLES[name]["data"], **data}.items() if value is not None}
    return {**EXAMPLES[name], "data": kept}


def test_every_event_of_the_file_has_a_schema_and_an_example() -> None:
    assert len(GATE.events) == 21
    assert set(GATE.events) == set(GATE.document["webhooks"]) == set(EXAMPLES)


@pytest.mark.parametrize("kind", sorted(GATE.events))
@pytest.mark.parametrize("full", [False, True])
def test_the_example_of_an_event_departs_from_nothing(kind: str, full: bool) -> None:
    assert departure(GATE, kind, EXAMPLES[kind], full=full) == ""


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("gate_session.created", with_data("gate_session.created", amount=100), "data.amount"),
        ("gate_session.created", with_data("gate_session.created", client_secret="gsec_x"), "data.client_secret"),
        ("gate_session.completed", with_data("gate_session.completed", tx_refid=None), "data.tx_refid"),
        ("gate_session.cancelled", with_data("gate_session.cancelled", status="open"), "data.status"),
        ("rail.pay_in.settled", with_data("rail.pay_in.settled", object="rail_pay_out"), "data.object"),
        ("webhook.test", with_data("webhook.test", livemode=True), "data.livemode"),
        ("webhook.test", {**EXAMPLES["webhook.test"], "created_at": "2026-01-01T00:00:00Z"}, "created_at"),
        ("webhook.test", {**EXAMPLES["webhook.test"], "type": "webhook.tests"}, "type"),
        ("webhook.test", [], "body"),
    ],
)
def test_what_no_source_allows_is_a_departure_that_names_the_place(kind: str, body: Any, says: str) -> None:
    told = departure(GATE, kind, body)
    assert told.startswith(f"{says}: expected ")
    assert "gsec_x" not in told


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("customer.created", {**EXAMPLES["customer.created"], "data": {"customer": "67a1"}}),
        ("quote.consumed", {**EXAMPLES["quote.consumed"], "data": {"quote_id": "qt_1"}}),
        ("gate_session.failed", with_data("gate_session.failed", status="cancelled")),
    ],
)
def test_a_departure_from_a_guess_shows_in_the_full_view_only(kind: str, body: Any) -> None:
    assert departure(GATE, kind, body) == ""
    assert departure(GATE, kind, body, full=True) != ""


def test_an_event_no_file_describes_has_no_schema_and_departs_from_nothing() -> None:
    assert GATE.event_schema("gate_session.renamed") is None
    assert departure(GATE, "gate_session.renamed", {"id": 5}) == ""


def test_an_event_behind_references_is_found(tmp_path: Path) -> None:
    body = {"content": {"application/json": {"schema": {"required": ["id"]}}}}
    path = written(
        tmp_path,
        changed(
            webhooks={
                "a.done": {"post": {"requestBody": {"$ref": "#/components/requestBodies/Done"}}},
                "a.get": {"get": {}},
            },
            components={"requestBodies": {"Done": body}},
        ),
    )
    contract = load(path)
    assert contract.event_schema("a.done") == "/components/requestBodies/Done/content/application~1json/schema"
    assert departure(contract, "a.done", {}) == "id: expected present, observed absent"
    assert contract.event_schema("a.get") is None


def test_events_that_are_no_mapping_are_told_with_their_place(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"/webhooks"):
        load(written(tmp_path, changed(webhooks=["a.done"])))

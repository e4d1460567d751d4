"""The dialects of what 0Gate delivers: what a look at each finds."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.sandbox.dialects.gate_deliveries import LATE_SECONDS
from tests.sandbox.looks import Look, Row, is_uuid
from tests.sandbox.process import Sandbox, running

from .endpoint import Endpoint, listening
from .partner import LOCK, SESSION, Gate, gate_of, until


@contextlib.contextmanager
def subscribed(sandbox: Sandbox) -> Iterator[tuple[Gate, Endpoint]]:
    """The approved account, whose events come here as long as the context lasts; answers are not held to the contract
    by its usual sandbox's statuses."""
    with listening() as endpoint:
        assert sandbox.control("/gate/webhooks/endpoint", account="approved", url=endpoint.url).status_code == 200
        try:
            yield gate_of(sandbox), endpoint
        finally:
            sandbox.control("/gate/webhooks/endpoint", account="approved", url=None)


def made(gate: Gate, path: str, body: object, key: str) -> Any:
    return gate.http.post(path, json=body, headers={"Idempotency-Key": key}).json()


def event_of_session(sandbox: Sandbox, **changes: object) -> tuple[dict[str, str], dict[str, Any], bytes]:
    with subscribed(sandbox) as (gate, endpoint):
        made(gate, "/gate_sessions", {**SESSION, **changes}, f"session-{id(endpoint)}")
        return endpoint.next()


def brief_session(sandbox: Sandbox) -> tuple[str, str, bool]:
    data = event_of_session(sandbox)[1]["data"]
    return data["object"], data["amount"], "cancel_url" in data


def references(sandbox: Sandbox) -> list[list[str]]:
    """The members of the data of a customer's, a quote's and a verification's event."""
    with subscribed(sandbox) as (gate, endpoint):
        found = []
        made(gate, "/customers", {"email": f"look{id(endpoint)}@partner.example"}, f"customer-{id(endpoint)}")
        found.append(endpoint.next()[1])
        session = made(gate, "/gate_sessions", SESSION, f"session-{id(endpoint)}")["id"]
        quote = made(gate, "/quotes", LOCK, f"quote-{id(endpoint)}")["id"]
        made(gate, "/rails/pay_ins", {"gate_session_id": session, "quote_id": quote}, f"rail-{id(endpoint)}")
        gate.move(session, "require_kyc")
        found += [endpoint.next()[1] for _ in range(5)]
        wanted = {"customer.created", "quote.consumed", "kyc.required"}
        return [sorted(event["data"])[:2] for event in found if event["type"] in wanted]


def delay(sandbox: Sandbox) -> bool:
    """Whether a test event is still waiting when it has been asked for."""
    with subscribed(sandbox) as (gate, endpoint):
        queued = gate.http.post("/webhooks/test").json()
        endpoint.next()

        def row() -> dict[str, Any]:
            rows = gate.http.get("/webhooks/deliveries").json()["data"]
            return next(found for found in rows if found["event_id"] == queued["event_id"])

        taken = until(row, lambda found: found["status"] == "succeeded")
        return taken["next_attempt_at"] is None and slow(endpoint, gate)


def slow(endpoint: Endpoint, gate: Gate) -> bool:
    """Whether a delivery is not there while less than its delay has passed."""
    gate.http.post("/webhooks/test")
    try:
        endpoint.received.get(timeout=LATE_SECONDS / 2)
    except Exception:
        endpoint.next()
        return True
    return False


def is_logged_at_once(sandbox: Sandbox) -> bool:
    with subscribed(sandbox) as (gate, _):
        queued = gate.http.post("/webhooks/test").json()["event_id"]
        return queued in [row["event_id"] for row in gate.http.get("/webhooks/deliveries").json()["data"]]


def row_members(sandbox: Sandbox) -> bool:
    with subscribed(sandbox) as (gate, _):
        return {"created_at", "last_error"} <= gate.http.post("/webhooks/test").json().keys()


def sent_test(sandbox: Sandbox) -> int:
    with subscribed(sandbox) as (gate, _):
        return gate.http.post("/webhooks/test").status_code


def header(name: str) -> Look:
    return lambda sandbox: event_of_session(sandbox)[0][name]


ROWS = [
    Row("gate-event-id-uuid", lambda s: is_uuid(event_of_session(s)[1]["id"]), False, True),
    Row("gate-event-more", lambda s: "api_version" in event_of_session(s)[1], False, True),
    Row("gate-event-many-lines", lambda s: event_of_session(s)[2].count(b"\n") > 5, False, True),
    Row("gate-event-session-brief", brief_session, ("gate_session", "100.00", True), ("session", "100", False)),
    Row(
        "gate-event-refers",
        references,
        [["country_code", "created_at"], ["asset", "created_at"], ["amount", "cancel_url"]],
        [["customer_id"], ["quote_id"], ["gate_session_id"]],
    ),
    Row("gate-deliveries-late", delay, False, True),
    Row("gate-deliveries-log-lags", is_logged_at_once, True, False),
    Row("gate-deliveries-brief", row_members, True, False),
    Row("gate-webhook-answers-200-201", sent_test, 201, 200),
    Row("gate-signature-spaced", lambda s: header("gate-signature")(s).count(",") > 1, False, True),  # type: ignore[attr-defined]
    Row("gate-timestamp-in-words", lambda s: str(header("x-0bit-timestamp")(s)).isdigit(), True, False),
]


@pytest.fixture(scope="module")
def usual() -> Iterator[Sandbox]:
    with running("--control") as started:
        yield started


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.dialect)
def test_the_usual_sandbox_does_not_behave_so(usual: Sandbox, row: Row) -> None:
    assert row.look(usual) == row.usual


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.dialect)
def test_a_dialect_behaves_as_it_says(row: Row) -> None:
    with running("--control", "--dialect", row.dialect) as varied:
        assert row.look(varied) == row.varied

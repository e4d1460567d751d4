"""Webhooks: which events there are, how they are signed, tried, given up, ordered, replayed and logged."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.sandbox import assembly
from conformance.sandbox.gate import events, outbox, webhooks
from conformance.sandbox.variations import Patch
from tests.sandbox.process import Sandbox, running

from . import contract
from .endpoint import Endpoint, listening
from .partner import SESSION, Gate, gate_of, until


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with listening() as made:
        yield made


def subscribed(sandbox: Sandbox, endpoint: Endpoint, account: str = "approved") -> Gate:
    assert sandbox.control("/gate/webhooks/endpoint", account=account, url=endpoint.url).status_code == 200
    return gate_of(sandbox, account)


@pytest.fixture
def partner(sandbox: Sandbox, endpoint: Endpoint) -> Iterator[Gate]:
    """The approved account with an endpoint of its own, until the test is over."""
    yield subscribed(sandbox, endpoint)
    sandbox.control("/gate/webhooks/endpoint", account="approved", url=None)


def received(endpoint: Endpoint, count: int) -> list[dict[str, Any]]:
    """So many events, each as the contract says and named in its headers."""
    seen = []
    for _ in range(count):
        headers, event, _ = endpoint.next()
        contract.check_event(event)
        assert (event["id"], event["type"]) == (headers["x-0bit-event-id"], headers["x-0bit-event-type"])
        seen.append(event)
    return seen


def types(endpoint: Endpoint, count: int) -> list[str]:
    return [event["type"] for event in received(endpoint, count)]


def settled(gate: Gate, event_id: str, status: str) -> dict[str, Any]:
    """The delivery of an event once it has this status."""

    def look() -> dict[str, Any]:
        page = gate.made("listPartnerWebhookDeliveries", query={"limit": 200})["data"]
        return next(delivery for delivery in page if delivery["event_id"] == event_id)

    return until(look, lambda delivery: delivery["status"] == status)


def test_a_session_is_announced_without_its_secret(partner: Gate, endpoint: Endpoint) -> None:
    session = partner.session(user_reference="user_test_42", metadata={"order_id": "order_test_123"})
    secret = session.pop("client_secret")

    _, event, body = endpoint.next()

    contract.check_event(event)
    assert (event["type"], event["data"]) == ("gate_session.created", session)
    assert secret.encode() not in body


MOVES = [
    (["process"], ["gate_session.processing"]),
    (["complete"], ["gate_session.processing", "gate_session.completed"]),
    (["process", "fail", "complete"], ["processing", "failed", "processing", "completed"]),
    (["expire"], ["gate_session.expired"]),
    (["require_kyc", "approve_kyc", "expire"], ["kyc.required", "gate_session.expired"]),
    (["expire", "expire", "complete"], ["gate_session.expired"]),
]


@pytest.mark.parametrize(("moves", "expected"), MOVES, ids=" ".join)
def test_what_befalls_a_session_is_announced_in_order(
    partner: Gate, endpoint: Endpoint, moves: list[str], expected: list[str]
) -> None:
    session = partner.session()
    for move in moves:
        partner.move(session["id"], move)
    following = partner.session()

    seen = received(endpoint, len(expected) + 2)

    told = [event["type"] for event in seen if event["data"]["id"] == session["id"]]
    assert told == ["gate_session.created", *(name if "." in name else f"gate_session.{name}" for name in expected)]
    assert {event["data"]["id"] for event in seen} == {session["id"], following["id"]}


def test_a_completed_session_names_its_transaction(partner: Gate, endpoint: Endpoint) -> None:
    session_id = partner.session()["id"]
    partner.move(session_id, "complete")

    completed = received(endpoint, 3)[-1]["data"]

    transaction = partner.made("retrieveTransaction", refid=completed["tx_refid"])
    assert (transaction["session_id"], transaction["status"]) == (session_id, "completed")


def test_a_cancellation_is_announced_once(partner: Gate, endpoint: Endpoint) -> None:
    session_id = partner.session()["id"]
    for _ in range(2):
        partner.call("cancelSession", id=session_id, key="cancel-and-tell")
    partner.call("cancelSession", id=session_id)
    partner.customer()

    assert sorted(types(endpoint, 3)) == ["customer.created", "gate_session.cancelled", "gate_session.created"]


def test_an_accepted_package_is_announced_without_what_it_holds(sandbox: Sandbox, endpoint: Endpoint) -> None:
    trusted = subscribed(sandbox, endpoint, "trusted")
    trusted.session(kyc_package={"document": "PASSPORT-SPECIMEN"})

    bodies = [endpoint.next()[2] for _ in range(2)]

    told = [json.loads(body)["type"] for body in bodies]
    assert told == ["gate_session.created", "gate_session.kyc_package_accepted"]
    assert b"SPECIMEN" not in b"".join(bodies)


@pytest.mark.parametrize(
    ("how", "rail", "session"),
    [
        ("settle", "settled", ["gate_session.completed"]),
        ("fail", "failed", ["gate_session.failed"]),
        ("cancel", "cancelled", []),
    ],
)
@pytest.mark.parametrize("kind", ["pay_in", "pay_out"])
def test_a_rail_is_announced_from_its_quote_to_its_end(
    partner: Gate, endpoint: Endpoint, kind: str, how: str, rail: str, session: list[str]
) -> None:
    made = partner.pay_in() if kind == "pay_in" else partner.pay_out()
    partner.end_rail(made["id"], how)
    expected = [
        "gate_session.created",
        "quote.consumed",
        "gate_session.processing",
        f"rail.{kind}.processing",
        f"rail.{kind}.{rail}",
        *session,
    ]

    seen = received(endpoint, len(expected))

    assert [event["type"] for event in seen] == expected
    assert seen[1]["data"]["id"] == made["quote_id"]
    assert [event["data"]["id"] for event in seen[3:5]] == [made["id"]] * 2


def test_customers_are_announced_and_a_second_deletion_is_not(partner: Gate, endpoint: Endpoint) -> None:
    customer_id = partner.customer()["id"]
    partner.made("updateCustomer", {"first_name": "New"}, id=customer_id)
    for _ in range(2):
        partner.made("deleteCustomer", id=customer_id)
    partner.made("sendTestWebhook")

    assert sorted(types(endpoint, 4)) == ["customer.created", "customer.deleted", "customer.updated", "webhook.test"]


def test_the_signature_covers_timestamp_and_raw_body(partner: Gate, endpoint: Endpoint) -> None:
    partner.session(metadata={"name": "\u00e9\U0001f4a9"})

    headers, _, body = endpoint.next()

    timestamp = headers["x-0bit-timestamp"]
    digest = hmac.new(b"whsec_sandbox_approved", timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["gate-signature"] == f"t={timestamp},v1={digest}"
    assert headers["content-type"] == "application/json"


def test_five_refusals_are_the_end_and_each_attempt_is_signed_anew(partner: Gate, endpoint: Endpoint) -> None:
    for status in (500, 404, 302, 400, 503):
        endpoint.answers.put(status)
    queued = partner.made("sendTestWebhook")

    attempts = [endpoint.next() for _ in range(5)]

    dead = settled(partner, queued["event_id"], "dead_lettered")
    assert (dead["attempts"], dead["last_response_status"], dead["next_attempt_at"]) == (5, 503, None)
    assert (dead["id"], dead["delivered_at"]) == (queued["id"], None)
    assert len({body for _, _, body in attempts}) == 1
    moments = [int(headers["x-0bit-timestamp"]) for headers, _, _ in attempts]
    assert moments == sorted(moments)
    assert moments[-1] > moments[0]
    assert endpoint.received.empty()


def test_a_dead_letter_is_replayed_as_the_same_event(partner: Gate, endpoint: Endpoint) -> None:
    for _ in range(outbox.MAX_ATTEMPTS):
        endpoint.answers.put(500)
    queued = partner.made("sendTestWebhook")
    _, first, *_ = [endpoint.next()[2] for _ in range(outbox.MAX_ATTEMPTS)]
    settled(partner, queued["event_id"], "dead_lettered")

    replayed = partner.made("replayWebhookDelivery", id=queued["id"])
    again = partner.call("replayWebhookDelivery", id=queued["id"])
    _, _, body = endpoint.next()

    assert (replayed["status"], replayed["id"], replayed["event_id"]) == ("pending", queued["id"], queued["event_id"])
    assert again.status_code == 400
    assert body == first
    assert settled(partner, queued["event_id"], "succeeded")["attempts"] == outbox.MAX_ATTEMPTS + 1
    assert partner.call("replayWebhookDelivery", id=queued["id"]).status_code == 400


def test_a_foreign_delivery_is_neither_replayed_nor_seen(partner: Gate, endpoint: Endpoint, other: Gate) -> None:
    queued = partner.made("sendTestWebhook")
    endpoint.next()

    assert other.call("replayWebhookDelivery", id=queued["id"]).status_code == 404
    assert other.call("replayWebhookDelivery", id="wd_test_none").status_code == 404
    page = other.made("listPartnerWebhookDeliveries", query={"limit": 200})["data"]
    assert queued["id"] not in [delivery["id"] for delivery in page]


def test_an_event_in_trouble_holds_back_the_later_ones_of_its_session(partner: Gate, endpoint: Endpoint) -> None:
    endpoint.answers.put(500)
    endpoint.answers.put(500)
    session_id = partner.session()["id"]
    first = endpoint.next()[1]["type"]
    partner.call("cancelSession", id=session_id)

    following = [endpoint.next()[1]["type"] for _ in range(3)]

    assert [first, *following] == ["gate_session.created"] * 3 + ["gate_session.cancelled"]


def test_an_event_in_flight_holds_back_its_session_and_nobody_else() -> None:
    sandbox = assembly.assemble(assembly.Options(), {}).sandbox
    with sandbox.store.write() as tx:
        for number, session_id in enumerate(("gs_a", "gs_a", "gs_b", None, None)):
            event = outbox.Event(f"evt_{number}", "gate_session.created", "test:approved", session_id, "{}")
            outbox.enqueue(tx, event, "http://127.0.0.1:9/hook", wall=1.0)

        claimed = [outbox.claim_due(tx, wall=2.0) for _ in range(5)]
        waiting = outbox.next_due(tx)
        assert claimed[0] is not None
        outbox.record_attempt(tx, claimed[0], 204, None, wall=3.0)
        following = outbox.claim_due(tx, wall=3.0)

    assert [due and due.event_id for due in claimed] == ["evt_0", "evt_2", "evt_3", "evt_4", None]
    assert waiting is None
    assert following is not None
    assert following.event_id == "evt_1"


def test_a_session_goes_on_after_an_event_that_was_given_up(partner: Gate, endpoint: Endpoint) -> None:
    for _ in range(outbox.MAX_ATTEMPTS):
        endpoint.answers.put(500)
    session_id = partner.session()["id"]
    partner.call("cancelSession", id=session_id)

    seen = [endpoint.next()[1]["type"] for _ in range(outbox.MAX_ATTEMPTS + 1)]

    assert seen == ["gate_session.created"] * outbox.MAX_ATTEMPTS + ["gate_session.cancelled"]


def test_each_test_event_is_a_new_one(partner: Gate, endpoint: Endpoint) -> None:
    queued = [partner.made("sendTestWebhook", key="same") for _ in range(2)]

    seen = received(endpoint, 2)

    assert {delivery["event_id"] for delivery in queued} == {event["id"] for event in seen}
    assert len({event["id"] for event in seen}) == 2
    assert {(delivery["event_type"], delivery["status"]) for delivery in queued} == {("webhook.test", "pending")}
    assert all(event["data"]["livemode"] is False for event in seen)


def test_without_an_endpoint_there_is_nothing_to_test_and_nothing_is_queued(gate: Gate) -> None:
    silent = gate_of(gate.sandbox, "ungated")
    silent.session()

    assert silent.call("sendTestWebhook").status_code == 400
    assert silent.made("listPartnerWebhookDeliveries")["data"] == []


def test_the_log_is_newest_first_paged_filtered_and_without_bodies(sandbox: Sandbox, endpoint: Endpoint) -> None:
    partner = subscribed(sandbox, endpoint, "other_partner")
    session = partner.session(metadata={"order_id": "order_test_log"})
    ids = [partner.made("sendTestWebhook")["event_id"] for _ in range(3)]
    for _ in range(4):
        endpoint.next()
    for event_id in ids:
        delivered = settled(partner, event_id, "succeeded")
        assert delivered["delivered_at"] is not None
        assert (delivered["last_response_status"], delivered["target_url"]) == (204, endpoint.url)

    log = partner.call("listPartnerWebhookDeliveries")
    pages = [
        partner.made("listPartnerWebhookDeliveries", query={"limit": 1, "skip": skip, "status": "succeeded"})
        for skip in range(3)
    ]

    assert [delivery["event_id"] for delivery in log.json()["data"]][:3] == ids[::-1]
    assert [page["data"][0]["event_id"] for page in pages] == ids[::-1]
    assert [page["has_more"] for page in pages] == [True] * 3
    assert partner.made("listPartnerWebhookDeliveries", query={"skip": 2**31 - 1})["data"] == []
    assert partner.made("listPartnerWebhookDeliveries", query={"status": "dead_lettered"})["data"] == []
    assert "order_test_log" not in log.text
    assert session["client_secret"] not in log.text


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 201}, {"skip": -1}, {"skip": 2**31}, {"status": "delivered"}]
)
def test_a_query_that_cannot_be_meant_is_refused(gate: Gate, query: dict[str, object]) -> None:
    assert gate.call("listPartnerWebhookDeliveries", query=query).status_code == 400


@pytest.mark.parametrize(
    ("tries_left", "status", "state", "published_wait"),
    [
        (4, 200, "succeeded", None),
        (0, 299, "succeeded", None),
        (4, 500, "pending", 60),
        (3, None, "pending", 300),
        (2, 404, "pending", 1800),
        (1, 302, "pending", 7200),
        (0, 500, "dead_lettered", None),
        (0, None, "dead_lettered", None),
    ],
)
def test_an_attempt_is_followed_by_the_published_wait_in_its_scale(
    tries_left: int, status: int | None, state: str, published_wait: float | None
) -> None:
    expected = None if published_wait is None else pytest.approx(1000 + published_wait * outbox.TIME_SCALE)

    assert outbox.after_attempt(tries_left, status, 1000.0) == (state, expected)


def test_an_endpoint_that_does_not_answer_in_time_has_failed() -> None:
    patch = Patch()
    patch.replace(outbox, "TIMEOUT_SECONDS", 0.1)
    assembled = assembly.assemble(assembly.Options(), {})
    sandbox = assembled.sandbox
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        with sandbox.store.write() as tx:
            outbox.set_endpoint(tx, "approved", f"http://127.0.0.1:{deaf.getsockname()[1]}/hook")
            made = events.announce(tx, sandbox, "test:approved", "webhook.test", {"livemode": False})
        assembled.start()

        def look() -> dict[str, object]:
            with sandbox.store.read() as tx:
                return webhooks.render(webhooks.find(tx, "test:approved", str(made)))

        try:
            dead = until(look, lambda delivery: delivery["status"] == "dead_lettered")
        finally:
            assembled.stop()
            patch.undo()

    assert (dead["attempts"], dead["last_response_status"]) == (outbox.MAX_ATTEMPTS, None)
    assert "TimeoutError" in str(dead["last_error"])


def test_an_event_outlives_the_process_that_could_not_deliver_it(tmp_path: Path, endpoint: Endpoint) -> None:
    db = str(tmp_path / "state.db")
    assembled = assembly.assemble(assembly.Options(db=db, webhook_url=endpoint.url), {})
    with assembled.sandbox.store.write() as tx:
        events.announce(tx, assembled.sandbox, "test:approved", "webhook.test", {"livemode": False})
        claimed = outbox.claim_due(tx, assembled.sandbox.clock())
    assembled.sandbox.store.close()

    with running("--db", db):
        _, event, _ = endpoint.next()

    assert claimed is not None
    assert event["id"] == claimed.event_id


def test_the_option_for_a_webhook_address_serves_both_products(endpoint: Endpoint) -> None:
    with running("--webhook-url", endpoint.url) as sandbox:
        gate_of(sandbox).made("createSession", SESSION)

        assert endpoint.next()[1]["type"] == "gate_session.created"

"""Deliveries: which events exist, how they are signed, and that they are tried again until answered."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from .process import FAILS, RELEASED, RETURNED, Partner, Sandbox, running

PATIENCE = 15


class Endpoint:
    """A partner's handler: keeps what it receives and answers as it is told, 204 by default."""

    def __init__(self) -> None:
        self.received: Queue[tuple[dict[str, str], bytes]] = Queue()
        self.answers: Queue[int] = Queue()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                try:
                    status = endpoint.answers.get_nowait()
                except Empty:
                    status = 204
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
                endpoint.received.put((headers | {":path": self.path}, body))

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self) -> tuple[dict[str, str], dict[str, Any], bytes]:
        """Headers, document and raw bytes of the next delivery."""
        headers, body = self.received.get(timeout=PATIENCE)
        return headers, json.loads(body), body


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def partner(sandbox: Sandbox, approved: Partner, endpoint: Endpoint) -> Partner:
    sandbox.control("/webhooks/endpoint", account="approved", url=endpoint.url)
    return approved


def deliveries(sandbox: Sandbox, transact_id: str) -> list[dict[str, Any]]:
    rows = sandbox.client().get(f"{sandbox.control_url}/deliveries").json()["deliveries"]
    return [row for row in rows if row["transactId"] == transact_id]


def ended(partner: Partner, address: str = "0xsettles", polls: int = 2) -> dict[str, Any]:
    trade = partner.trade(destAddress=address)
    partner.poll(trade["quoteId"], times=polls)
    return trade


@pytest.mark.parametrize(("address", "status"), [("0xsettles", "settled"), (FAILS, "failed"), (RELEASED, "released")])
def test_a_trade_that_ends_is_announced_with_its_facts(
    partner: Partner, endpoint: Endpoint, address: str, status: str
) -> None:
    trade = ended(partner, address)

    headers, event, _ = endpoint.next()

    event_type = f"pool.transaction.{status}"
    assert event["type"] == headers["x-0bit-event-type"] == event_type
    assert {name: event[name] for name in ("transactId", "quoteId", "poolId", "fiatAmount")} == {
        name: trade[name] for name in ("transactId", "quoteId", "poolId", "fiatAmount")
    }
    assert event["status"] == status
    expected_id = hashlib.sha256(f"{trade['transactId']}:{event_type}".encode()).hexdigest()
    assert event["eventId"] == headers["x-0bit-event-id"] == expected_id


def test_the_signature_covers_timestamp_and_raw_body(partner: Partner, endpoint: Endpoint) -> None:
    ended(partner)

    headers, _, body = endpoint.next()

    timestamp = headers["x-0bit-timestamp"]
    digest = hmac.new(b"whsec_sandbox_approved", timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["gate-signature"] == f"t={timestamp},v1={digest}"


def test_a_return_and_a_rejection_are_not_announced(sandbox: Sandbox, partner: Partner, endpoint: Endpoint) -> None:
    partner.http.post(f"/pools/quotes/{partner.firm()}/reject")
    returned = ended(partner, RETURNED, polls=4)
    later = ended(partner)

    announced = [endpoint.next()[1] for _ in range(2)]

    assert {event["transactId"]: event["type"] for event in announced} == {
        returned["transactId"]: "pool.transaction.settled",
        later["transactId"]: "pool.transaction.settled",
    }
    assert len(deliveries(sandbox, returned["transactId"])) == 1


@pytest.mark.parametrize("refusal", [500, 404, 302])
def test_a_delivery_that_is_not_accepted_is_tried_again(
    sandbox: Sandbox, partner: Partner, endpoint: Endpoint, refusal: int
) -> None:
    endpoint.answers.put(refusal)
    endpoint.answers.put(refusal)
    trade = ended(partner)

    attempts = [endpoint.next() for _ in range(3)]

    assert len({event["eventId"] for _, event, _ in attempts}) == 1
    assert len({body for _, _, body in attempts}) == 1
    assert {headers[":path"] for headers, _, _ in attempts} == {"/hook"}
    assert [row["eventId"] for row in deliveries(sandbox, trade["transactId"])] == [attempts[0][1]["eventId"]]


@pytest.mark.parametrize("name", ["transactId", "eventId"])
def test_a_redelivery_is_the_same_event(sandbox: Sandbox, partner: Partner, endpoint: Endpoint, name: str) -> None:
    trade = ended(partner)
    _, first, first_body = endpoint.next()

    answer = sandbox.control("/webhooks/redeliver", **{name: first[name]})
    _, again, again_body = endpoint.next()

    assert answer.status_code == 200
    assert again["transactId"] == trade["transactId"]
    assert (again["eventId"], again_body) == (first["eventId"], first_body)


def test_another_accounts_events_do_not_arrive_here(sandbox: Sandbox, partner: Partner, endpoint: Endpoint) -> None:
    other = sandbox.partner("other_partner")
    unannounced = ended(other)
    ended(partner)

    assert endpoint.next()[1]["transactId"] != unannounced["transactId"]
    assert sandbox.control("/webhooks/redeliver", transactId=unannounced["transactId"]).status_code == 409


def test_an_event_outlives_the_process_that_could_not_deliver_it(tmp_path: Path, endpoint: Endpoint) -> None:
    db = str(tmp_path / "state.db")
    endpoint.server.shutdown()
    endpoint.server.server_close()
    with running("--db", db, "--webhook-url", endpoint.url) as sandbox:
        trade = ended(sandbox.partner())
    reopened = ThreadingHTTPServer(("127.0.0.1", endpoint.server.server_port), endpoint.server.RequestHandlerClass)
    threading.Thread(target=reopened.serve_forever, daemon=True).start()
    try:
        with running("--db", db):
            _, event, _ = endpoint.next()
    finally:
        reopened.shutdown()
        reopened.server_close()

    assert event["transactId"] == trade["transactId"]

"""Stories of calls that meet each other, and of what arrives at an endpoint."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from .process import FAILS, RELEASED, RETURNED, Partner
from .worlds import World

PATIENCE = 15


def at_once(*calls: Callable[[], httpx.Response]) -> list[int]:
    """The statuses of calls released at the same moment, in order of size."""
    together = threading.Barrier(len(calls), timeout=PATIENCE)

    def run(call: Callable[[], httpx.Response]) -> int:
        together.wait()
        return call().status_code

    with ThreadPoolExecutor(len(calls)) as pool:
        return sorted(pool.map(run, calls))


def races(world: World) -> None:
    """Whether two calls at once ever do more than one of them may, each pair tried up to twenty times."""
    world.recording = False
    partner = world.partner()
    for race in (duplicates, two_keys, execution_against_reject, reject_against_execution, two_polls):
        found = (race(partner) for _ in range(20))
        world.note(next((seen for seen in found if seen != "one winner"), "one winner"))


def outcome(partner: Partner, quote_id: str, statuses: list[int], winners: int, movements: int) -> str:
    """What came of a race: too many winners, too many ledger entries, a crash, or one winner."""
    if statuses[-1] >= 500:
        return "a crash"
    if sum(status < 300 for status in statuses) != winners:
        return "too many winners"
    return "one winner" if len(partner.movements(quote_id)) <= movements else "too many entries"


def duplicates(partner: Partner) -> str:
    quote_id = partner.firm()
    statuses = at_once(*[lambda: partner.transact(quote_id, quote_id)] * 2)
    return outcome(partner, quote_id, statuses, 2, 1)


def two_keys(partner: Partner) -> str:
    quote_id = partner.firm()
    statuses = at_once(*[lambda: partner.transact(quote_id)] * 2)
    return outcome(partner, quote_id, statuses, 2, 1)


def execution_against_reject(partner: Partner) -> str:
    quote_id = partner.firm()
    both = [lambda: partner.transact(quote_id), lambda: partner.http.post(f"/pools/quotes/{quote_id}/reject")]
    return outcome(partner, quote_id, at_once(*both), 1, 1)


def reject_against_execution(partner: Partner) -> str:
    """The same with the reject released first."""
    quote_id = partner.firm()
    both = [lambda: partner.http.post(f"/pools/quotes/{quote_id}/reject"), lambda: partner.transact(quote_id)]
    return outcome(partner, quote_id, at_once(*both), 1, 1)


def two_polls(partner: Partner) -> str:
    quote_id = partner.trade(destAddress=FAILS)["quoteId"]
    partner.poll(quote_id)
    statuses = at_once(*[lambda: partner.http.get(f"/pools/transactions/{quote_id}")] * 2)
    return outcome(partner, quote_id, statuses, 2, 2)


def overspending(world: World) -> None:
    """What several orders at once take out of a small balance, and out of a cap, that one of them uses up."""
    world.recording = False
    for account, amount in (("unfunded", "6.00"), ("velocity_capped", "10.00")):
        partner = world.partner(account)
        orders = [partner.firm(amount=amount) for _ in range(3)]
        statuses = at_once(*[partial(partner.transact, order) for order in orders])
        world.note([statuses, sorted(len(partner.movements(order)) for order in orders)])


def deliveries(world: World) -> None:
    """Every event of four trades that end differently, the first one sent twice."""
    with endpoint() as (url, received):
        world.control("/webhooks/endpoint", account="approved", url=url)
        world.recording = False
        partner = world.partner()
        made = [partner.trade(destAddress=address) for address in ("0xsettles", FAILS, RELEASED, RETURNED)]
        for trade in made:
            partner.poll(trade["quoteId"], 4)
        all_sent(world)
        known = [summary(headers, body, set()) for headers, body in received]
        before = {json.loads(body).get("eventId") for _, body in received}
        world.operator.post("/webhooks/redeliver", json={"transactId": made[0]["transactId"]})
        all_sent(world)
        again = [summary(headers, body, before) for headers, body in received[len(known) :]]
    world.note(sorted(known, key=json.dumps))
    world.note(again)


def summary(headers: Mapping[str, str], body: bytes, before: set[str]) -> list[object]:
    """Whether a delivery verifies, what it says, and whether its id is the digest it should be and known already."""
    document = json.loads(body)
    stamp, _, given = headers.get("gate-signature", "").partition(",")
    signed = hmac.new(b"whsec_sandbox_approved", stamp[2:].encode() + b"." + body, hashlib.sha256).hexdigest()
    fresh = stamp[2:].isdigit() and abs(int(stamp[2:]) - datetime.now(UTC).timestamp()) < 300
    digest = hashlib.sha256(f"{document['transactId']}:{document['type']}".encode()).hexdigest()
    its_id = document.get("eventId")
    return [given == f"v1={signed}", fresh, document["type"], document["status"], its_id == digest, its_id in before]


def all_sent(world: World) -> None:
    """Wait until no delivery is under way."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        rows = world.operator.get("/deliveries").json()["deliveries"]
        if all(row["state"] == "delivered" for row in rows):
            return
        time.sleep(0.01)
    raise TimeoutError("the deliveries did not come to an end")


@contextlib.contextmanager
def endpoint() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """An endpoint for deliveries and what arrives there."""
    received: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", received
    finally:
        server.shutdown()
        server.server_close()

"""Stories of callers that come back: later, with others, or after hanging up. Tests about faults tell them."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx

from .meetings import PATIENCE, at_once
from .process import Partner
from .stories import look_at_money
from .worlds import World

TRIES = 12


def retries_after_others(world: World) -> None:
    """An execution repeated after another one, once it is final, and by a stranger who knows its key."""
    partner, stranger = world.partner(), world.partner("other_partner")
    first, second = partner.firm(), partner.firm(amount="70.00")
    partner.transact(first, "K-one")
    partner.transact(second, "K-two")
    partner.transact(first, "K-one")
    stranger.transact(first, "K-one")
    partner.poll(first, 3)
    partner.transact(first, "K-one")
    partner.http.get("/pools/trades")
    look_at_money(partner)


def hang_ups(world: World) -> None:
    """An execution whose caller hangs up, repeated with its key until something is wrong, or often enough."""
    world.recording = False
    partner = world.partner()
    quote_id = partner.firm()
    send_and_hang_up(world.url, quote_id)
    executed(partner, quote_id)
    seen = "the same trade"
    for _ in range(TRIES):
        time.sleep(0.01)
        answer = partner.transact(quote_id, quote_id)
        if not answer.is_success or trades_of(partner, quote_id) > 1:
            seen = f"{answer.status_code}, {trades_of(partner, quote_id)} trade(s)"
            break
    world.note(seen)


def impatient_retries(world: World) -> None:
    """An execution repeated every few milliseconds by somebody who does not wait for the first answer."""
    world.recording = False
    partner = world.partner()

    def late(seconds: float, quote_id: str) -> Callable[[], httpx.Response]:
        def call() -> httpx.Response:
            time.sleep(seconds)
            return partner.transact(quote_id, quote_id)

        return call

    quote_id = partner.firm()
    at_once(*[late(turn * 0.01, quote_id) for turn in range(6)])
    world.note(f"{trades_of(partner, quote_id)} trade(s)")


def hang_up_on_a_reject(world: World) -> None:
    """A reject whose caller hangs up: the quote afterwards, once it has been rejected."""
    world.recording = False
    partner = world.partner()
    quote_id = partner.firm()
    send_and_hang_up(world.url, quote_id, f"/pools/quotes/{quote_id}/reject")
    words = [status_of(partner, quote_id)]
    for _ in range(TRIES * 4):
        time.sleep(0.01)
        words.append(status_of(partner, quote_id))
    world.note(sorted(set(words[words.index("rejected") :])) if "rejected" in words else "never rejected")


def status_of(partner: Partner, quote_id: str) -> str:
    return str(partner.http.get(f"/pools/quotes/{quote_id}").json()["status"])


def send_and_hang_up(base_url: str, quote_id: str, path: str = "/pools/EUR-USDT/transact") -> None:
    """Send a whole execution, or a request of another path, over a connection of its own and close it unread."""
    url = urlsplit(base_url)
    body = json.dumps({"quoteId": quote_id})
    head = (
        f"POST {url.path}{path} HTTP/1.1\r\nHost: {url.netloc}\r\n"
        f"Authorization: Bearer sk_test_sandbox_approved\r\nIdempotency-Key: {quote_id}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    assert url.hostname is not None
    with socket.create_connection((url.hostname, url.port or 80), PATIENCE) as line:
        line.sendall((head + body).encode())


def executed(partner: Partner, quote_id: str) -> None:
    """Wait until a quote has a trade."""
    end = time.monotonic() + PATIENCE
    while not trades_of(partner, quote_id) and time.monotonic() < end:
        time.sleep(0.005)


def trades_of(partner: Partner, quote_id: str) -> int:
    rows = partner.http.get("/pools/trades", params={"limit": 100}).json()["trades"]
    return sum(row["quoteId"] == quote_id for row in rows)


def crossings(world: World) -> None:
    """What becomes of calls that cross each other, each kind tried until something is wrong, or often enough."""
    world.recording = False
    for crossing in (one_key_two_quotes, one_key_two_partners, duplicates, two_orders, expiry):
        found = (crossing(world) for _ in range(TRIES))
        world.note([crossing.__name__, next((seen for seen in found if seen != "fine"), "fine")])


def one_key_two_quotes(world: World) -> str:
    partner = world.partner()
    quotes = [partner.firm(), partner.firm()]
    statuses = at_once(*[lambda quote_id=quote_id: partner.transact(quote_id, quotes[0]) for quote_id in quotes])
    return "fine" if statuses == [201, 409] else str(statuses)


def one_key_two_partners(world: World) -> str:
    both = [world.partner(), world.partner("other_partner")]
    quotes = [partner.firm() for partner in both]
    calls = zip(both, quotes, strict=True)
    statuses = at_once(*[lambda who=who, what=what: who.transact(what, quotes[0]) for who, what in calls])
    return "fine" if statuses == [201, 201] else str(statuses)


def duplicates(world: World) -> str:
    partner = world.partner()
    quote_id = partner.firm()
    at_once(*[lambda: partner.transact(quote_id, quote_id)] * 3)
    movements = partner.movements(quote_id)
    return "fine" if len(movements) == 1 else str(movements)


def two_orders(world: World) -> str:
    """Two executions at once, and whether the balance is what its movements say."""
    partner = world.partner()
    quotes = [partner.firm(), partner.firm()]
    at_once(*[lambda quote_id=quote_id: partner.transact(quote_id) for quote_id in quotes])
    page = partner.http.get("/pools/ledger", params={"limit": 200}).json()
    told = sum(round(float(entry["delta"]) * 100) for entry in page["entries"])
    return "fine" if told == round(float(page["available"]) * 100) else "the balance is not the sum"


def expiry(world: World) -> str:
    """An execution while the quote's clock is moved past its expiry."""
    partner = world.partner()
    quote_id = partner.firm()

    def pass_time() -> httpx.Response:
        time.sleep(0.008)
        return world.operator.post("/clock", json={"quoteId": quote_id, "advance_seconds": 20})

    at_once(lambda: partner.transact(quote_id), pass_time)
    movements = partner.movements(quote_id)
    return "fine" if len(movements) == trades_of(partner, quote_id) else f"{len(movements)} movement(s), no trade"

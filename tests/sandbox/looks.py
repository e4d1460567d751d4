"""Looks at a running sandbox that the rows about dialects share. What each should find stands in the rows."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx

from .process import FAILS, ORDER, RETURNED, Json, Sandbox

DAY = 25 * 60 * 60
Look = Callable[[Sandbox], object]


@dataclass(frozen=True)
class Row:
    """A dialect, the look at it, and what that look finds in the usual sandbox and in the varied one."""

    dialect: str
    look: Look
    usual: object
    varied: object


def get(
    path: str, name: str = "approved", key: str | None = None, **params: Any
) -> Callable[[Sandbox], httpx.Response]:
    return lambda sandbox: sandbox.partner(name, key).http.get(path, params=params)


def status_of(path: str, name: str = "approved", key: str | None = None, **params: Any) -> Look:
    return lambda sandbox: get(path, name, key, **params)(sandbox).status_code


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def refusal_of(path: str, name: str = "approved", key: str | None = None) -> Look:
    return lambda sandbox: refusal(get(path, name, key)(sandbox))


def is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def executed(sandbox: Sandbox, name: str = "approved", **changes: Any) -> httpx.Response:
    partner = sandbox.partner(name)
    return partner.transact(partner.firm(**changes))


def trade(sandbox: Sandbox, **changes: Any) -> Json:
    body: Json = executed(sandbox, **changes).json()
    return body


def has(*names: str) -> Callable[[Json], list[bool]]:
    return lambda body: [name in body for name in names]


def replayed(sandbox: Sandbox, polls: int = 0, same_key: bool = True) -> httpx.Response:
    partner = sandbox.partner()
    quote_id = partner.firm()
    partner.transact(quote_id, quote_id)
    partner.poll(quote_id, polls)
    return partner.transact(quote_id, quote_id if same_key else "another-key")


def replayed_late(sandbox: Sandbox) -> int:
    partner = sandbox.partner()
    quote_id = partner.firm()
    partner.transact(quote_id, quote_id)
    sandbox.control("/clock", quoteId=quote_id, advance_seconds=60)
    return partner.transact(quote_id, quote_id).status_code


def duplicates_at_once(sandbox: Sandbox) -> list[int]:
    partner = sandbox.partner()
    quote_id = partner.firm()
    together = threading.Barrier(2)

    def execute() -> int:
        together.wait(10)
        return partner.transact(quote_id, quote_id).status_code

    with ThreadPoolExecutor(2) as pool:
        return sorted(made.result() for made in [pool.submit(execute), pool.submit(execute)])


def refused_and_tried_again(sandbox: Sandbox) -> list[int]:
    """Executed while suspended and again afterwards, with the same key."""
    partner = sandbox.partner("other_partner")
    quote_id = partner.firm()
    sandbox.control("/accounts/other_partner", status="suspended")
    first = partner.transact(quote_id, quote_id)
    sandbox.control("/accounts/other_partner", status="active")
    return [first.status_code, partner.transact(quote_id, quote_id).status_code]


def used_key_with_unknown_quote(sandbox: Sandbox) -> int:
    partner = sandbox.partner()
    quote_id = partner.firm()
    partner.transact(quote_id, quote_id)
    return partner.transact("pq_test_unknown", quote_id).status_code


def rejected(sandbox: Sandbox) -> httpx.Response:
    partner = sandbox.partner()
    return partner.http.post(f"/pools/quotes/{partner.firm()}/reject")


def read_quote(sandbox: Sandbox) -> Json:
    partner = sandbox.partner()
    body: Json = partner.http.get(f"/pools/quotes/{partner.firm()}").json()
    return body


def quoted(sandbox: Sandbox, **changes: Any) -> Json:
    body: Json = sandbox.partner().quote(**changes).json()
    return body


def quote_without(*names: str) -> Callable[[Sandbox], httpx.Response]:
    order = {name: value for name, value in ORDER.items() if name not in names}
    return lambda sandbox: sandbox.partner().http.post("/pools/EUR-USDT/quote", json=order)


def side_refused(sandbox: Sandbox) -> tuple[int, object]:
    answer = sandbox.partner().quote(side="off_ramp")
    return answer.status_code, answer.json().get("code", answer.json().get("available"))


def lifetime(sandbox: Sandbox) -> float:
    quote = quoted(sandbox)
    return (datetime.fromisoformat(quote["expiresAt"]) - datetime.fromisoformat(quote["createdAt"])).total_seconds()


def polls(outcome: str, times: int) -> Callable[[Sandbox], list[str]]:
    def look(sandbox: Sandbox) -> list[str]:
        partner = sandbox.partner()
        made = partner.trade(destAddress=outcome)
        return partner.poll(made["quoteId"], times)

    return look


def poll_without_trade(change: Callable[[Sandbox, str], object]) -> Look:
    """What a poll of an unexecuted quote answers after something has been done to the quote."""

    def look(sandbox: Sandbox) -> object:
        partner = sandbox.partner()
        quote_id = partner.firm()
        change(sandbox, quote_id)
        answer = partner.http.get(f"/pools/transactions/{quote_id}")
        return answer.status_code, answer.json().get("status")

    return look


def awaited(look: Callable[[], str], wanted: str, seconds: float) -> str:
    """What a look shows once it shows what is wanted, or in the end."""
    end = time.monotonic() + seconds
    while (shown := look()) != wanted and time.monotonic() < end:
        time.sleep(0.02)
    return shown


def unpolled(address: str, polls_before: int, wanted: str) -> Callable[[Sandbox], str]:
    """What pure reads come to show of a trade that nobody polls any more."""

    def look(sandbox: Sandbox) -> str:
        partner = sandbox.partner()
        made = partner.trade(destAddress=address)
        partner.poll(made["quoteId"], polls_before)

        def shown() -> str:
            status: str = partner.http.get(f"/pools/trades/{made['transactId']}").json()["status"]
            return status

        return awaited(shown, wanted, 3)

    return look


def refs(sandbox: Sandbox) -> list[str]:
    """What debit and refund of a failed trade refer to, with its ids replaced by letters."""
    partner = sandbox.partner()
    made = partner.trade(destAddress=FAILS)
    partner.poll(made["quoteId"], 2)
    names = {made["quoteId"]: "Q", made["transactId"]: "T"}
    found = [entry["ref"] for entry in partner.http.get("/pools/ledger", params={"limit": 2}).json()["entries"]]
    for plain, letter in names.items():
        found = [ref.replace(plain, letter) for ref in found]
    return found[::-1]


def newest_reason(sandbox: Sandbox) -> str:
    reason: str = sandbox.partner().http.get("/pools/ledger", params={"limit": 1}).json()["entries"][0]["reason"]
    return reason


def reason_of_return(sandbox: Sandbox) -> str:
    partner = sandbox.partner()
    partner.poll(partner.trade(destAddress=RETURNED)["quoteId"], 3)
    return newest_reason(sandbox)


def reason_after_execution(sandbox: Sandbox) -> str:
    executed(sandbox)
    return newest_reason(sandbox)


def long_ledger_page(sandbox: Sandbox) -> bool:
    for _ in range(21):
        executed(sandbox)
    return len(get("/pools/ledger", limit=100)(sandbox).json()["entries"]) > 20


def second_page(sandbox: Sandbox) -> tuple[bool, bool]:
    """Whether the cursor is the last trade's id, and whether it leads to the trade before."""
    for _ in range(2):
        executed(sandbox)
    first = get("/pools/trades", limit=1)(sandbox).json()
    second = get("/pools/trades", limit=1, cursor=first["nextCursor"])(sandbox).json()
    newest = get("/pools/trades", limit=2)(sandbox).json()["trades"]
    return first["nextCursor"] == first["trades"][0]["transactId"], second["trades"] == newest[1:]


def bounds(sandbox: Sandbox) -> list[bool]:
    """Whether a trade lies after, and before, its own second."""
    made = trade(sandbox)

    def listed(**bound: str) -> bool:
        rows = get("/pools/trades", **bound)(sandbox).json()["trades"]
        return made["transactId"] in [row["transactId"] for row in rows]

    return [listed(created_after=made["createdAt"]), listed(created_before=made["createdAt"])]


def capped(sandbox: Sandbox, end_first: str | None = None, cap: str = "15.00") -> httpx.Response:
    """A second order of 10.00 within a day, the first of which may have ended."""
    partner = sandbox.partner("velocity_capped")
    sandbox.control("/accounts/velocity_capped", velocityCap=cap)
    sandbox.control("/clock", account="velocity_capped", advance_seconds=DAY)
    address = {} if end_first is None else {"destAddress": end_first}
    first = partner.transact(quote_id := partner.firm(amount="10.00", **address))
    if first.status_code != 201:
        return first
    if end_first is not None:
        partner.poll(quote_id, 2)
    return partner.transact(partner.firm(amount="10.00"))


def unfunded_after_reject(sandbox: Sandbox) -> int:
    partner = sandbox.partner("unfunded")
    quote_id = partner.firm()
    partner.http.post(f"/pools/quotes/{quote_id}/reject")
    return partner.transact(quote_id).status_code


def request_id(headers: dict[str, str]) -> Callable[[Sandbox], str]:
    return lambda sandbox: httpx.get(f"{sandbox.url}/pools", headers=headers).json()["request_id"]


def error(sandbox: Sandbox, path: str = "/pools/quotes/none") -> Json:
    body: Json = get(path)(sandbox).json()
    return body


def every(times: int, call: Callable[[Sandbox], httpx.Response]) -> Callable[[Sandbox], list[tuple[int, str | None]]]:
    """The different statuses, with Retry-After, that so many calls get."""

    def look(sandbox: Sandbox) -> list[tuple[int, str | None]]:
        answers = [call(sandbox) for _ in range(times)]
        return sorted({(answer.status_code, answer.headers.get("retry-after")) for answer in answers}, key=str)

    return look


def head(name: str) -> Callable[[Sandbox], str | None]:
    return lambda sandbox: get("/pools")(sandbox).headers.get(name)


def fastest_of_ten(sandbox: Sandbox) -> bool:
    """Whether the fastest of ten answers takes a tenth of a second."""
    return min(get("/pools")(sandbox).elapsed.total_seconds() for _ in range(10)) >= 0.1


@dataclass
class Received:
    """What arrived at an endpoint."""

    deliveries: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, number: int) -> list[tuple[dict[str, str], bytes]]:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.deliveries) >= number, 15)
            return self.deliveries[:number]


@contextlib.contextmanager
def endpoint(sandbox: Sandbox) -> Iterator[Received]:
    """An endpoint of the approved account, for as long as the context lasts."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with received.arrived:
                received.deliveries.append((dict(self.headers), body))
                received.arrived.notify_all()
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Stay silent."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/hook"
        assert sandbox.control("/webhooks/endpoint", account="approved", url=url).status_code == 200
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def settled(sandbox: Sandbox) -> Json:
    made = trade(sandbox)
    sandbox.partner().poll(made["quoteId"], 2)
    return made


def delivery(look: Callable[[dict[str, str], bytes, Json], object]) -> Look:
    """A look at headers and body of the event about a trade, given that trade."""

    def whole(sandbox: Sandbox) -> object:
        with endpoint(sandbox) as received:
            made = settled(sandbox)
            headers, body = received.wait_for(1)[0]
        return look(headers, body, made)

    return whole


def event(look: Callable[[Json], object]) -> Look:
    return delivery(lambda headers, body, made: look(httpx.Response(200, content=body).json()))


def delivered_times(sandbox: Sandbox) -> int:
    with endpoint(sandbox):
        made = settled(sandbox)
        rows = sandbox.client().get(f"{sandbox.control_url}/deliveries").json()["deliveries"]
        return [row["transactId"] for row in rows].count(made["transactId"])


def delivered_late(sandbox: Sandbox) -> bool:
    """Whether even the fastest of three events is sent a second or more after what it tells."""
    delays: list[float] = []
    with endpoint(sandbox) as received:
        for number in range(1, 4):
            settled(sandbox)
            headers, body = received.wait_for(number)[-1]
            occurred = datetime.fromisoformat(httpx.Response(200, content=body).json()["occurredAt"]).timestamp()
            delays.append(int(headers["X-0bit-Timestamp"]) - occurred)
    return min(delays) >= 1


def delivered_in_order(sandbox: Sandbox) -> bool:
    with endpoint(sandbox) as received:
        made = [settled(sandbox)["transactId"] for _ in range(4)]
        bodies = [httpx.Response(200, content=body).json() for _, body in received.wait_for(4)]
    return [body["transactId"] for body in bodies] == made

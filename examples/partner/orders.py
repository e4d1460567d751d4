"""Orders over 0Pools as a partner should place them: quote, write the key down, execute once, poll, reconcile.

It needs Python's own library and nothing of the harness. Its broken twins are in ``orders_faults.py`` beside it.
Customers, prices of your own and the webhook handler (``handler.py``) are not here.
"""

from __future__ import annotations

import argparse
import csv
import http.client
import json
import os
import random
import sqlite3
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

URL_VARIABLE, KEY_VARIABLE = "OBIT_POOLS_URL", "OBIT_POOLS_SECRET_KEY"
LONGEST_WAIT = 60  # seconds; what asks for more is left for the next time the program runs
MARGIN = 2  # seconds before its expiry after which a quote is no longer executed
PAGES = 500  # of the ledger, 200 movements each
POLLS = 12  # of one trade at a time; one that is still reserved then is taken up by the next run
ENDED = ("settled", "failed", "released", "returned")

# A key belongs to one order, a quote and a trade to one order: the constraints say so. Amounts and rates are texts.
SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (order_id TEXT PRIMARY KEY, pool_id TEXT NOT NULL, side TEXT NOT NULL,
    amount TEXT NOT NULL, currency TEXT NOT NULL, quote_id TEXT UNIQUE, idempotency_key TEXT UNIQUE,
    transact_id TEXT UNIQUE, request_id TEXT, status TEXT NOT NULL, rate TEXT, fee_bps INTEGER, spread_bps INTEGER,
    created_at TEXT NOT NULL, reconciliation_state TEXT NOT NULL DEFAULT 'open');
CREATE TABLE IF NOT EXISTS calls (at TEXT NOT NULL, endpoint TEXT NOT NULL, status INTEGER, code TEXT, request_id TEXT);
"""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What came back of a request; status 0 where nothing did."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)
    headers: Message = field(default_factory=Message)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def unknown(self) -> bool:
        """Whether the request may have been carried out all the same."""
        return self.status == 0 or (self.status >= 500 and self.status != 501)

    @property
    def refusal(self) -> str:
        """What becomes of an order whose quote is refused like this."""
        return {400: "rejected", 401: "denied", 403: "denied", 404: "denied", 501: "denied"}.get(
            self.status, "unavailable"
        )


class Orders:
    """Places orders and keeps their records: one duty in each method, to be read, tested or replaced alone."""

    schema = SCHEMA
    timeout = 10.0  # seconds for one request
    tries = 5  # of one request that is throttled or fails at the server

    def __init__(self, base: str, key: str, database: sqlite3.Connection) -> None:
        self.base, self.key, self.database = base.rstrip("/"), key, database
        self.capabilities: dict[str, Answer] = {}
        database.row_factory = sqlite3.Row
        database.executescript(self.schema)

    # --- requests ---------------------------------------------------------------------------------------------------

    def send(self, method: str, path: str, body: Row | None = None, key: str | None = None) -> Answer:
        """One request, sent once; its request id is kept, whatever came of it."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, self.headers(key), method=method)  # noqa: S310 - ours
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as response:  # noqa: S310 - likewise
                answer = Answer(response.status, parsed(response.read()), response.headers)
        except urllib.error.HTTPError as refused:
            with refused:
                answer = Answer(refused.code, parsed(refused.read()), refused.headers)
        except (OSError, http.client.HTTPException):
            answer = Answer(0)
        kept = (now(), f"{method} {path}", answer.status, answer.body.get("code"), answer.headers["X-Request-Id"])
        with self.database:
            self.database.execute("INSERT INTO calls VALUES (?, ?, ?, ?, ?)", kept)
        return answer

    def headers(self, key: str | None) -> dict[str, str]:
        every = {"Authorization": f"Bearer {self.key}", "User-Agent": "example-partner/1.0"}
        return {**every, "Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}

    def call(self, method: str, path: str, body: Row | None = None, key: str | None = None) -> Answer:
        """One request, tried again with the same key and within bounds where it was throttled or failed."""
        answer = self.send(method, path, body, key)
        for attempt in range(1, self.tries):
            pause = self.pause(answer, attempt)
            if pause is None or pause > LONGEST_WAIT:
                break
            time.sleep(pause)
            answer = self.send(method, path, body, key)
        return answer

    def pause(self, answer: Answer, attempt: int) -> float | None:
        """Seconds to wait before the same request is sent again; None where it must not be."""
        if answer.status != 429 and not answer.unknown:
            return None
        backing_off: float = 0.25 * 2**attempt + random.random() / 4  # noqa: S311 - jitter, not a secret
        asked = answer.headers.get("Retry-After", "") if answer.status == 429 else ""
        return max(float(asked), backing_off) if asked.isdigit() else backing_off

    # --- one order --------------------------------------------------------------------------------------------------

    def place(self, wanted: Row) -> None:
        """One order from capabilities to the end of its trade. One that is in the store already is left alone."""
        if self.find(wanted["order_id"]) is not None:
            return
        capabilities = self.offers(wanted["pool_id"])
        if not capabilities.ok or not self.offered(wanted, capabilities.body):
            self.record(wanted, "denied" if capabilities.ok else capabilities.refusal)
            return
        answer = self.call("POST", f"/pools/{quoted(wanted['pool_id'])}/quote", self.terms(wanted))
        if not answer.ok or not self.executable(answer.body):
            self.record(wanted, "unavailable" if answer.ok else answer.refusal)
            return
        # The key is on disk before the request is: whoever starts again after a crash sends the same one.
        self.record(wanted, "quoted", answer.body, self.new_key(wanted))
        self.go_on(wanted["order_id"], answer)

    def go_on(self, order_id: str, quote: Answer) -> None:
        """Execute a quote that is still good, and follow its trade."""
        if self.lifetime(quote) > MARGIN:
            self.execute(self.find(order_id))
        else:
            self.update(self.find(order_id), status="expired")
        self.follow(order_id)

    def offers(self, pool: str) -> Answer:
        """The capabilities of a pool, read before it is first quoted."""
        if pool not in self.capabilities or not self.capabilities[pool].ok:
            self.capabilities[pool] = self.call("GET", f"/pools/{quoted(pool)}/capabilities")
        return self.capabilities[pool]

    def offered(self, wanted: Row, capabilities: Row) -> bool:
        """Whether capabilities list the side and the network of an order."""
        return wanted["side"] in capabilities["sides"] and wanted["network"] in capabilities["supportedNetworks"]

    def terms(self, wanted: Row) -> dict[str, Any]:
        """What a firm quote is asked for. The amount stays the text it is; the destination is locked here for good."""
        return {
            "side": wanted["side"],
            "fiatCurrency": wanted["currency"],
            "cryptoCurrency": wanted["crypto"],
            "amount": wanted["amount"],
            "cryptoNetwork": wanted["network"],
            "type": "firm",
            "destAddress": wanted["address"],
        }

    def executable(self, quote: Row) -> bool:
        """Whether a quote may be executed: a 200 alone does not say so."""
        return quote.get("available") is True and quote.get("executable") is True and bool(quote.get("quoteId"))

    def lifetime(self, quote: Answer) -> float:
        """Seconds a quote was good for when it was answered, by the server's own clock: ours may be wrong."""
        try:
            expires = datetime.fromisoformat(quote.body["expiresAt"])
            return (expires - parsedate_to_datetime(quote.headers["Date"])).total_seconds()
        except (KeyError, TypeError, ValueError):
            return 0

    def new_key(self, wanted: Row) -> str:
        return str(uuid.uuid4())

    def execute(self, order: Row) -> None:
        """Execute a quote with the key in the store. What is not known afterwards is read, never guessed."""
        path = f"/pools/{quoted(order['pool_id'])}/transact"
        answer = self.call("POST", path, {"quoteId": order["quote_id"]}, order["idempotency_key"])
        if answer.ok:
            self.adopt(order, answer)
        elif answer.status in (402, 403, 501):
            self.update(order, status="denied")
        elif answer.status == 429 and self.call("POST", f"/pools/quotes/{quoted(order['quote_id'])}/reject").ok:
            self.update(order, status="rejected")
        else:
            self.look(order)

    def look(self, order: Row) -> Answer | None:
        """How an order stands whose quote may have been executed: its trade, else the quote where that is active."""
        if self.poll(order):
            return None
        quote = self.call("GET", f"/pools/quotes/{quoted(order['quote_id'])}")
        if quote.ok and quote.body.get("status") in ("expired", "rejected"):
            self.update(order, status=quote.body["status"])
        return quote if quote.ok and quote.body.get("status") == "active" else None

    def follow(self, order_id: str) -> None:
        """Poll a reserved trade, ever more slowly, and stop at its end."""
        for number in range(POLLS):
            order = self.find(order_id)
            if order["status"] != "reserved":
                return
            time.sleep(self.poll_pause(number))
            self.poll(order)

    def poll_pause(self, number: int) -> float:
        """Seconds before the poll of this number."""
        return float(min(0.3 * 1.5**number, 10))

    def poll(self, order: Row) -> bool:
        """Ask for the trade by the id of its quote; only this moves it. False where there is none."""
        answer = self.call("GET", f"/pools/transactions/{quoted(order['quote_id'])}")
        if answer.ok and answer.body.get("transactId"):
            self.adopt(order, answer)
            return True
        return False

    # --- records ----------------------------------------------------------------------------------------------------

    def adopt(self, order: Row, answer: Answer) -> None:
        """Write down the trade of an order. The request id stays that of the execution."""
        request = order["request_id"] or answer.headers["X-Request-Id"]
        self.update(order, transact_id=answer.body["transactId"], status=answer.body["status"], request_id=request)

    def record(self, wanted: Row, status: str, quote: Row | None = None, key: str | None = None) -> None:
        """Write an order down, as what it is at this moment."""
        quote = quote or {}
        told = [wanted[name] for name in ("order_id", "pool_id", "side", "amount", "currency")]
        told += [quote.get("quoteId"), key, None, None, status]
        told += [quote.get(name) for name in ("rate", "feeBps", "spreadBps")]
        with self.database:
            self.database.execute("INSERT INTO orders VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,'open')", [*told, now()])

    def update(self, order: Row, **changes: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in changes)
        with self.database:
            self.database.execute(
                f"UPDATE orders SET {names} WHERE order_id = ?",  # noqa: S608 - names of ours
                [*changes.values(), order["order_id"]],
            )

    def find(self, order_id: str) -> Any:
        return self.database.execute("SELECT * FROM orders WHERE order_id = ?", [order_id]).fetchone()

    def having(self, status: str) -> list[Row]:
        return self.database.execute("SELECT * FROM orders WHERE status = ? ORDER BY created_at", [status]).fetchall()

    # --- after a crash, and every day -------------------------------------------------------------------------------

    def resume(self) -> None:
        """Take up what was left open, by its stored quote and key: nothing is quoted or keyed anew."""
        for order in self.having("quoted"):
            quote = self.look(order)
            if quote is not None:
                self.go_on(order["order_id"], quote)
        for order in self.having("reserved"):
            self.follow(order["order_id"])

    def reconcile(self) -> None:
        """Look once more at what has settled, since it may have been returned, and close what the ledger confirms."""
        for order in self.having("settled"):
            self.poll(order)
        moved = self.movements()
        for status in ENDED:
            for order in self.having(status):
                deltas = [delta for ref, delta in moved if ref in (order["quote_id"], order["transact_id"])]
                amount = Decimal(order["amount"])
                right = [-amount] if status == "settled" else [-amount, amount]
                self.update(order, reconciliation_state="closed" if sorted(deltas) == sorted(right) else "open")

    def movements(self) -> list[tuple[str, Decimal]]:
        """Every movement of the ledger: its reference and its signed amount."""
        found, cursor = [], ""
        for _ in range(PAGES):
            page = self.call("GET", f"/pools/ledger?limit=200{cursor}").body
            found += [(entry["ref"], Decimal(entry["delta"])) for entry in page.get("entries", [])]
            if not page.get("nextCursor"):
                break
            cursor = f"&cursor={quoted(page['nextCursor'])}"
        return found


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def quoted(part: str) -> str:
    return urllib.parse.quote(part, safe="")


def parsed(raw: bytes) -> dict[str, Any]:
    """The JSON object in a body; an empty one for anything else, such as a gateway's page."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def run(arguments: argparse.Namespace, make: type[Orders] = Orders) -> int:
    """Place the orders of a file; return 0 when each has come to an end, else 1."""
    base, key = (os.environ.get(name, "") for name in (URL_VARIABLE, KEY_VARIABLE))
    if not base.startswith(("http://", "https://")) or not key:
        print(f"set {URL_VARIABLE} to the base URL of 0Pools and {KEY_VARIABLE} to a secret key", file=sys.stderr)
        return 2
    wanted = list(csv.DictReader(Path(arguments.wanted).read_text("utf-8").splitlines()))
    orders = make(base, key, sqlite3.connect(arguments.db))
    orders.resume()
    for order in wanted:
        orders.place(order)
    orders.reconcile()
    print(json.dumps(dict(orders.database.execute("SELECT status, COUNT(*) FROM orders GROUP BY status").fetchall())))
    return 1 if orders.having("reserved") or orders.having("quoted") else 0


def options(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The options of the program, for itself and for its broken twins."""
    columns = "order_id, pool_id, side, amount, currency, crypto, network, address"
    parser.add_argument("wanted", help=f"CSV file of the orders to place: {columns}")
    parser.add_argument("--db", default="orders.db", help="SQLite file of the order records")
    return parser


if __name__ == "__main__":
    sys.exit(run(options(argparse.ArgumentParser(description=__doc__)).parse_args()))

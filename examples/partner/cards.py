"""A card program as a partner should write one over 0Pools, small enough to read: record, wait, credit once, reverse.

It needs Python's own library and nothing of the harness. Its broken twins are in ``cards_faults.py`` beside it. Cards,
authorization and disputes are not here: only when a top-up becomes spendable, and when it stops being so.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import socketserver
import sqlite3
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from http.server import BaseHTTPRequestHandler
from typing import Any

SECRET_VARIABLE = "OBIT_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable, not what is in it
KEY_VARIABLE = "OBIT_POOLS_SECRET_KEY"
SIGNATURE_HEADER = "Gate-Signature"
TOLERANCE_SECONDS = 300
MAX_BODY = 64 * 1024
SECONDS = 10

# The card ledger stands apart from the pool record. One credit and one reversal for a trade, whoever tells of its
# end and however often: the constraint says so, not the order in which things arrive.
SCHEMA = """
CREATE TABLE IF NOT EXISTS topups (ref TEXT PRIMARY KEY, amount TEXT NOT NULL, currency TEXT NOT NULL,
    quote_id TEXT NOT NULL, transact_id TEXT NOT NULL DEFAULT '', pool_status TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS card_ledger (n INTEGER PRIMARY KEY, ref TEXT NOT NULL, kind TEXT NOT NULL,
    amount TEXT NOT NULL, transact_id TEXT NOT NULL, UNIQUE (ref, kind));
CREATE TABLE IF NOT EXISTS told (transact_id TEXT NOT NULL, status TEXT NOT NULL, PRIMARY KEY (transact_id, status));
"""

SHOWN = {
    "quoted": "Review top-up quote.",
    "expired": "Refresh quote.",
    "reserved": "Top-up pending.",
    "settled": "Top-up complete.",
    "failed": "Top-up failed or cancelled; no final credit.",
    "released": "Top-up failed or cancelled; no final credit.",
    "returned": "Top-up under review.",
}
"""What the card app shows for each state of the pool, as published."""

AFTER = {
    "quoted": ("expired", "reserved", "settled", "failed", "released", "returned"),
    "reserved": ("settled", "failed", "released", "returned"),
    "settled": ("returned",),
}
"""Where a state may go. Whatever else is told comes late and is old news."""

EVENTS = {f"pool.transaction.{status}": status for status in ("settled", "failed", "released")}

TopUp = Mapping[str, Any]


class Refused(Exception):
    """A request that cannot be taken, with the status to answer."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


class CardProgram:
    """What the program does with what it hears: one duty in each method, to be read, tested or replaced alone.

    ``read_status`` asks the pool how a quote's trade stands; None where it cannot say. Threads may share an instance.
    """

    def __init__(self, secret: str, database: sqlite3.Connection, read_status: Callable[[str], str | None]) -> None:
        self.secret = secret.encode()
        self.database = database
        self.read_status = read_status
        self.lock = threading.RLock()
        database.executescript(SCHEMA)

    def start(self, topup: TopUp) -> None:
        """Record a top-up, first with its quote and then with its trade; the same one again changes nothing."""
        with self.lock, self.database:
            known = self.find(topup["ref"])
            if known is None:
                self.record(topup)
            elif any(known[name] != topup[name] for name in ("amount", "currency", "quoteId")):
                raise Refused(409)
            if topup.get("transactId"):
                self.bind(topup["ref"], topup["transactId"])

    def record(self, topup: TopUp) -> None:
        self.database.execute(
            "INSERT INTO topups (ref, amount, currency, quote_id, pool_status) VALUES (?, ?, ?, ?, 'quoted')",
            (topup["ref"], topup["amount"], topup["currency"], topup["quoteId"]),
        )

    def bind(self, ref: str, transact_id: str) -> None:
        """Note which trade pays for a top-up, and catch up with what was told of that trade before."""
        self.database.execute(
            "UPDATE topups SET transact_id = ? WHERE ref = ? AND transact_id IN ('', ?)",
            (transact_id, ref, transact_id),
        )
        self.move(ref, "reserved")
        for (status,) in self.database.execute(
            "SELECT status FROM told WHERE transact_id = ?", (transact_id,)
        ).fetchall():
            self.move(ref, status)

    def hear(self, signatures: Sequence[str], raw: bytes) -> None:
        """Take a delivery: verified over the raw bytes, kept even where its top-up is not recorded yet."""
        if not self.authentic(signatures, raw):
            raise Refused(401)
        event = parsed(raw)
        status = EVENTS.get(str(event.get("type")))
        transact_id = event.get("transactId")
        if status is None or not isinstance(transact_id, str):
            return
        with self.lock, self.database:
            self.database.execute("INSERT OR IGNORE INTO told VALUES (?, ?)", (transact_id, status))
            for (ref,) in self.database.execute(
                "SELECT ref FROM topups WHERE transact_id = ?", (transact_id,)
            ).fetchall():
                self.move(ref, status)

    def authentic(self, signatures: Sequence[str], raw: bytes) -> bool:
        """Whether exactly one header signs exactly these bytes at a time close to now."""
        if len(signatures) != 1:
            return False
        parts = dict(part.strip().split("=", 1) for part in signatures[0].split(",") if "=" in part)
        at, digest = parts.get("t", ""), parts.get("v1", "")
        if not (at.isascii() and at.isdigit() and len(at) <= 15 and abs(time.time() - int(at)) <= TOLERANCE_SECONDS):
            return False
        wanted = hmac.new(self.secret, at.encode() + b"." + raw, hashlib.sha256).hexdigest()
        return hmac.compare_digest(wanted.encode(), digest.encode())

    def look(self, ref: str) -> None:
        """Ask the pool how the trade of a top-up stands. Returns are seen in no other way."""
        topup = self.find(ref)
        if topup is None:
            raise Refused(404)
        status = self.read_status(topup["quoteId"]) if topup["transactId"] else None
        if status is not None:
            with self.lock, self.database:
                self.move(ref, status)

    def come_back(self, ref: str, claimed: str) -> None:
        """The customer's browser comes back, claiming whatever its address says: nothing is believed."""

    def move(self, ref: str, status: str) -> None:
        """Bring a top-up to a later state of its trade, with what that does to the card ledger."""
        topup = self.find(ref)
        if topup is None or status not in AFTER.get(topup["poolStatus"], ()):
            return
        self.database.execute("UPDATE topups SET pool_status = ? WHERE ref = ?", (status, ref))
        if status == "settled":
            self.post(topup, "credit", topup["amount"])
        elif status == "returned" and self.spendable(ref) > 0:
            self.post(topup, "reversal", f"-{topup['amount']}")

    def post(self, topup: TopUp, kind: str, amount: str) -> None:
        """One movement of the card ledger, tied to the trade it comes from."""
        self.database.execute(
            "INSERT OR IGNORE INTO card_ledger (ref, kind, amount, transact_id) VALUES (?, ?, ?, ?)",
            (topup["ref"], kind, amount, topup["transactId"]),
        )

    def find(self, ref: str) -> dict[str, Any] | None:
        row = self.database.execute(
            "SELECT ref, amount, currency, quote_id, transact_id, pool_status FROM topups WHERE ref = ?", (ref,)
        ).fetchone()
        names = ("ref", "amount", "currency", "quoteId", "transactId", "poolStatus")
        return None if row is None else dict(zip(names, row, strict=True))

    def spendable(self, ref: str) -> Decimal:
        """What the customer can spend of a top-up."""
        rows = self.database.execute("SELECT amount FROM card_ledger WHERE ref = ?", (ref,))
        return sum((Decimal(amount) for (amount,) in rows), Decimal(0))

    def pending(self, topup: TopUp) -> Decimal:
        """What is on its way."""
        return Decimal(topup["amount"]) if topup["poolStatus"] == "reserved" else Decimal(0)

    def show(self, ref: str) -> dict[str, Any]:
        """A top-up as support and the read-only probe see it."""
        with self.lock:
            topup = self.find(ref)
            if topup is None:
                raise Refused(404)
            rows = self.database.execute(
                "SELECT kind, amount, transact_id FROM card_ledger WHERE ref = ? ORDER BY n", (ref,)
            ).fetchall()
            return {
                **topup,
                "state": self.shown(topup["poolStatus"]),
                "available": str(self.spendable(ref)),
                "pending": str(self.pending(topup)),
                "entries": [{"kind": kind, "amount": amount, "transactId": trade} for kind, amount, trade in rows],
            }

    def shown(self, pool_status: str) -> str:
        return SHOWN[pool_status]


def parsed(raw: bytes) -> dict[str, Any]:
    """The JSON object in a body. Raises ``Refused`` for anything else."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise Refused(400) from None
    if not isinstance(found, dict):
        raise Refused(400)
    return found


def checked(topup: dict[str, Any]) -> TopUp:
    """A request for a top-up that can be recorded. Raises ``Refused`` otherwise."""
    wanted = ("ref", "amount", "currency", "quoteId")
    if not all(isinstance(topup.get(name), str) and topup[name] for name in wanted):
        raise Refused(400)
    if not isinstance(topup.get("transactId", ""), str):
        raise Refused(400)
    try:
        amount = Decimal(topup["amount"])
    except InvalidOperation:
        raise Refused(400) from None
    if not (amount.is_finite() and amount > 0):
        raise Refused(400)
    return topup


def pool_reader(base: str, key: str) -> Callable[[str], str | None]:
    """Asks a pool at ``base`` for the status of a quote's trade; None when there is no answer worth believing."""

    def read(quote_id: str) -> str | None:
        url = f"{base.rstrip('/')}/pools/transactions/{urllib.parse.quote(quote_id, safe='')}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})  # noqa: S310 - from a flag
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - likewise
                found = json.loads(answer.read(MAX_BODY))
        except (urllib.error.URLError, OSError, ValueError):
            return None
        status = found.get("status") if isinstance(found, dict) else None
        return status if status in SHOWN else None

    return read


class Server(socketserver.ThreadingTCPServer):
    """One thread for each connection; a client silent for ``SECONDS`` is hung up on."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, host: str, port: int, program: CardProgram) -> None:
        self.program = program
        super().__init__((host, port), Door)


class Door(BaseHTTPRequestHandler):
    """The HTTP side: top-ups, deliveries, the customer's way back, and the probe ``GET /topups/{ref}``."""

    server: Server
    timeout = SECONDS
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together: in two packets the second would wait for the first's receipt

    def do_POST(self) -> None:
        self.tried(self.posted)

    def do_GET(self) -> None:
        self.tried(self.got)

    def posted(self) -> dict[str, Any] | None:
        raw, program = self.body(), self.server.program
        match self.parts():
            case ["webhooks"]:
                program.hear(self.headers.get_all(SIGNATURE_HEADER, []), raw)
            case ["topups"]:
                topup = checked(parsed(raw))
                program.start(topup)
                return program.show(topup["ref"])
            case ["topups", ref, "look"]:
                program.look(ref)
                return program.show(ref)
            case _:
                raise Refused(404)
        return None

    def got(self) -> dict[str, Any] | None:
        match self.parts():
            case ["topups", ref]:
                return self.server.program.show(ref)
            case ["done", ref, claimed]:
                self.server.program.come_back(ref, claimed)
                return {"thanks": True}
            case _:
                raise Refused(404)

    def parts(self) -> list[str]:
        path = urllib.parse.urlsplit(self.path).path
        return [urllib.parse.unquote(part) for part in path.strip("/").split("/")]

    def body(self) -> bytes:
        size = self.headers.get("Content-Length", "0")
        if not (size.isascii() and size.isdigit() and len(size) < 9 and int(size) <= MAX_BODY):
            self.close_connection = True
            raise Refused(413)
        return self.rfile.read(int(size))

    def tried(self, answered: Callable[[], dict[str, Any] | None]) -> None:
        try:
            self.answer(200, answered())
        except Refused as refused:
            self.answer(refused.status, None)
        except sqlite3.Error:
            self.answer(503, None)

    def answer(self, status: int, document: Mapping[str, Any] | None) -> None:
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if document is not None:
            self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
        """Say nothing: standard output carries the ready line."""


def options(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The options of the program, for itself and for its broken twins."""
    parser.add_argument("--pools", required=True, help="base URL of 0Pools, to ask how trades stand")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--db", default=":memory:", help="SQLite file; without one nothing outlives the process")
    parser.add_argument("--exit-with-stdin", action="store_true", help="stop when standard input is closed")
    return parser


Maker = Callable[[str, sqlite3.Connection, Callable[[str], str | None]], CardProgram]


def run(arguments: argparse.Namespace, make: Maker = CardProgram) -> int:
    """Serve until interrupted; return the exit code."""
    secret, key = (os.environ.get(name, "") for name in (SECRET_VARIABLE, KEY_VARIABLE))
    if not secret or not key:
        missing = SECRET_VARIABLE if not secret else KEY_VARIABLE
        print(f"{missing} is not set", file=sys.stderr)
        return 2
    if not arguments.pools.startswith(("http://", "https://")):
        print("--pools takes the base URL of 0Pools, such as https://pools-api-sandbox.0bit.app/v1", file=sys.stderr)
        return 2
    database = sqlite3.connect(arguments.db, check_same_thread=False)
    program = make(secret, database, pool_reader(arguments.pools, key))
    with Server(arguments.host, arguments.port, program) as server:
        host, port = server.server_address[:2]
        base = f"http://{host!s}:{port}"
        paths = {"start": "/topups", "look": "/topups/{ref}/look", "probe": "/topups/{ref}"}
        paths |= {"events": "/webhooks", "callback": "/done/{ref}/{status}"}
        print(json.dumps({"ready": True, **{name: base + path for name, path in paths.items()}}), flush=True)
        if arguments.exit_with_stdin:
            threading.Thread(target=_stop_with_stdin, args=(server,), daemon=True).start()
        try:
            server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            return 130
    return 0


def _stop_with_stdin(server: Server) -> None:
    sys.stdin.buffer.read()
    server.shutdown()


if __name__ == "__main__":
    parser = options(argparse.ArgumentParser(description=__doc__))
    parser.add_argument("--fault", help="serve a broken twin in its place: see cards_faults.py")
    chosen = parser.parse_args()
    if chosen.fault is None:
        sys.exit(run(chosen))
    # The twins stand on the module of this name, which is another one than the program that was started.
    import cards
    from cards_faults import twin

    sys.exit(cards.run(chosen, twin(chosen.fault)))

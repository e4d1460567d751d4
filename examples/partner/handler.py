"""A webhook handler as a partner should write one, small enough to read: verify, deduplicate, store, answer.

It stands on the vendor's client library, 0bit-gate, and on nothing of the harness. Its broken twins are in
``faults.py`` beside it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import socketserver
import sqlite3
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from http.server import BaseHTTPRequestHandler
from typing import Any

SECRET_VARIABLE = "OBIT_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable, not what is in it
SIGNATURE_HEADER = "Gate-Signature"
TOLERANCE_SECONDS = 300
MAX_BODY = 1024 * 1024
CLIENT_SECONDS = 10

# The primary key is what makes an event happen once: of two deliveries only one can insert it. The effect is
# written in the same transaction, so neither is ever there without the other.
SCHEMA = """
CREATE TABLE IF NOT EXISTS events (event_id TEXT PRIMARY KEY, type TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS effects (event_id TEXT NOT NULL, object_id TEXT NOT NULL, state TEXT NOT NULL);
"""

ACTED_ON = (
    "pool.transaction.settled",
    "pool.transaction.failed",
    "pool.transaction.released",
    "gate_session.completed",
)

Event = Mapping[str, Any]


@cache
def library() -> Any:
    """The vendor's client library: its webhook helper and the error that says a delivery is not genuine."""
    from zerobit.gate import WebhookSignatureError, WebhooksResource

    return WebhooksResource(), WebhookSignatureError


def identity(event: Event) -> Any:
    """What an event is deduplicated by: the two products name it differently."""
    return event.get("eventId", event.get("id"))


def subject(event: Event) -> Any:
    """The trade or session an event is about."""
    data = event.get("data")
    return data.get("id") if isinstance(data, dict) else event.get("transactId")


class Partner:
    """What the partner does with a delivery: one duty in each method, to be read, tested or replaced alone.

    Threads may share an instance.
    """

    tolerance = TOLERANCE_SECONDS

    def __init__(self, secret: str, database: sqlite3.Connection) -> None:
        self.secret = secret
        self.database = database
        self.lock = threading.Lock()
        database.executescript(SCHEMA)

    def receive(self, signatures: Sequence[str], raw: bytes) -> int:
        """Handle one delivery and return the status to answer with: 2xx only once it is stored.

        An event of a type we do not act on is taken without effect: refusing it would only bring it back.
        """
        try:
            event = self.verified(signatures, raw)
        except library()[1]:
            return 401
        if not self.readable(event):
            return 400
        if event["type"] in ACTED_ON:
            try:
                self.store(event)
            except sqlite3.Error:
                return 503
        return 200

    def verified(self, signatures: Sequence[str], raw: bytes) -> Any:
        """The body as JSON, once exactly one header is known to sign exactly these bytes at a time close to now.

        The library counts a signed body that is no JSON as a bad signature. Raises its ``WebhookSignatureError``.
        """
        webhooks, not_genuine = library()
        # The library compares texts, which Python does only for ASCII; headers come in any bytes.
        if len(signatures) != 1 or not signatures[0].isascii():
            raise not_genuine("expected one signature header, in ASCII")
        return webhooks.construct_event(raw, signatures[0], self.secret, tolerance=self.tolerance)

    def readable(self, event: Any) -> bool:
        """Whether this is an event, with what we need to act on it."""
        if not isinstance(event, dict) or not isinstance(event.get("type"), str):
            return False
        return isinstance(identity(event), str) and (event["type"] not in ACTED_ON or isinstance(subject(event), str))

    def store(self, event: Event) -> bool:
        """Write the event and its effect down together; False when the event has been here before."""
        with self.lock, self.database:
            first = self.database.execute(
                "INSERT INTO events VALUES (?, ?) ON CONFLICT DO NOTHING", (identity(event), event["type"])
            )
            if first.rowcount == 1:
                self.apply(event)
            return first.rowcount == 1

    def apply(self, event: Event) -> None:
        """The effect, within the transaction of ``store``; a shop would move its order to the final state."""
        self.database.execute(
            "INSERT INTO effects VALUES (?, ?, ?)",
            (identity(event), subject(event), event["type"].rpartition(".")[2]),
        )

    def effects(self, event_id: str) -> int:
        """How many effects the event has had."""
        with self.lock:
            row = self.database.execute("SELECT count(*) FROM effects WHERE event_id = ?", (event_id,))
            return int(row.fetchone()[0])


class Server(socketserver.ThreadingTCPServer):
    """One thread for each connection; a client silent for ``CLIENT_SECONDS`` is hung up on."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, partner: Partner) -> None:
        self.partner = partner
        super().__init__((host, port), Door)

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"


class Door(BaseHTTPRequestHandler):
    """The HTTP side: ``POST /webhooks`` takes deliveries, ``GET /effects/{eventId}`` counts effects."""

    server: Server
    timeout = CLIENT_SECONDS
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        size = self.headers.get("Content-Length", "")
        if self.path != "/webhooks":
            self.answer(404)
        elif not (size.isascii() and size.isdigit()):
            self.answer(411)
        elif len(size) > 9 or int(size) > MAX_BODY:
            self.answer(413)
        else:
            raw = self.rfile.read(int(size))
            self.answer(self.server.partner.receive(self.headers.get_all(SIGNATURE_HEADER, []), raw))

    def do_GET(self) -> None:
        prefix, _, event_id = self.path.rpartition("/")
        if prefix != "/effects":
            self.answer(404)
        else:
            self.answer(200, {"eventId": event_id, "count": self.server.partner.effects(event_id)})

    def answer(self, status: int, document: Mapping[str, Any] | None = None) -> None:
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if document is not None:
            self.send_header("Content-Type", "application/json")
        if status in {404, 411, 413} and self.command == "POST":
            # The body was not read, so nothing after it on this connection could be understood.
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
        """Say nothing: standard output carries the ready line, and an access log would bury what matters."""


def options(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The options of the handler, for this program and for the faulty twins."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--db", default=":memory:", help="SQLite file; without one nothing outlives the process")
    parser.add_argument("--exit-with-stdin", action="store_true", help="stop when standard input is closed")
    return parser


def run(arguments: argparse.Namespace, partner_type: Callable[[str, sqlite3.Connection], Partner] = Partner) -> int:
    """Serve until interrupted; return the exit code."""
    secret = os.environ.get(SECRET_VARIABLE, "")
    if not secret:
        print(f"{SECRET_VARIABLE} is not set: put the webhook signing secret there", file=sys.stderr)
        return 2
    if not _installed("zerobit.gate"):
        print("the vendor's client library is missing: pip install 0bit-gate", file=sys.stderr)
        return 2
    # It takes a moment to load; the door is open meanwhile, and whoever comes first waits for it.
    threading.Thread(target=library, daemon=True).start()
    database = sqlite3.connect(arguments.db, check_same_thread=False)
    with Server(arguments.host, arguments.port, partner_type(secret, database)) as server:
        ready = {
            "ready": True,
            "url": f"{server.url}/webhooks",
            "effects": f"{server.url}/effects/{{eventId}}",
        }
        print(json.dumps(ready), flush=True)
        if arguments.exit_with_stdin:
            threading.Thread(target=_stop_with_stdin, args=(server,), daemon=True).start()
        try:
            server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            return 130
    return 0


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _stop_with_stdin(server: Server) -> None:
    sys.stdin.buffer.read()
    server.shutdown()


if __name__ == "__main__":
    sys.exit(run(options(argparse.ArgumentParser(description=__doc__)).parse_args()))

"""Servers on loopback that misbehave: each passes on to a real sandbox what it does not lie about."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

JSON = "application/json"
MEGABYTE = 1 << 20
DRIP = 0.05
"""Seconds between two bytes of an answer that drips: far below any timeout, so that no single wait is too long."""


@dataclass(frozen=True)
class Asked:
    """One request a liar got."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Answering(BaseHTTPRequestHandler):
    """One connection of a liar."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    asked: Asked

    def handle_one_request(self) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            super().handle_one_request()

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        liar = self.server.liar
        self.asked = asked = Asked(self.command, self.path, dict(self.headers), body)
        liar.asked.append(asked)
        lie = next((lie for pattern, lie in liar.lies.items() if re.fullmatch(pattern, str(asked))), None)
        if lie is not None:
            self.close_connection = True
            lie(self)
        elif liar.truth:
            self._pass_on()
        else:
            self.reply(404, b"{}")

    do_GET = do_POST = do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _any  # noqa: N815

    def truth(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """What the sandbox answers to the request at hand: status, headers, body."""
        asked = self.asked
        connection = http.client.HTTPConnection(urlsplit(self.server.liar.truth or "").netloc, timeout=30)
        with contextlib.closing(connection):
            connection.request(asked.method, asked.path, asked.body or None, dict(asked.headers))
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()

    def _pass_on(self) -> None:
        status, headers, body = self.truth()
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def reply(self, status: int, body: bytes, kind: str = JSON, length: int | None = None, **headers: str) -> None:
        """Answer with ``body``, claiming ``length`` bytes of it; header names have _ for -."""
        self.send_response_only(status)
        known = {"content_type": kind, "content_length": str(len(body) if length is None else length)}
        known |= {"connection": "close"} if self.close_connection else {}
        for name, value in {**known, "x_request_id": "req_test_liar0000000", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    @property
    def over(self) -> threading.Event:
        """Set when the liar is closed: whoever holds a connection lets go."""
        return self.server.liar.over

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


Lie = Callable[[Answering], None]


@dataclass
class Liar:
    """A running liar: what it was asked, and what it lies about (``METHOD path`` as a regular expression)."""

    truth: str | None
    lies: Mapping[str, Lie]
    origin: str = ""
    asked: list[Asked] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{self.origin}/v1"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    liar: Liar

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that ends in disorder is what these servers are for."""


@contextlib.contextmanager
def lying(truth: str | None = None, **lies: Lie) -> Iterator[Liar]:
    """A liar in front of the sandbox at the origin ``truth``; keywords are names of ``PLACES``."""
    liar = Liar(truth, {PLACES[name]: lie for name, lie in lies.items()})
    server = _Server(("127.0.0.1", 0), Answering)
    server.liar = liar
    liar.origin = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield liar
    finally:
        liar.over.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


PLACES = {
    "balance": r"GET /v1/pools/[^/]+/balance",
    "quote": r"POST /v1/pools/[^/]+/quote",
    "transact": r"POST /v1/pools/[^/]+/transact",
    "poll": r"GET /v1/pools/transactions/.*",
    "reject": r"POST /v1/pools/quotes/.*/reject",
    "hook": r"(POST /hook|GET /effects/.*)",
    "api": r"\S+ /v1/.*",
    "everything": r".*",
}


@contextlib.contextmanager
def mute() -> Iterator[str]:
    """A base URL whose server accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"


@contextlib.contextmanager
def absent() -> Iterator[str]:
    """A base URL where nobody listens: the port is bound, so that nobody else can take it meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/v1"


def html(answering: Answering) -> None:
    answering.reply(200, b"<html><body>Sign in to continue</body></html>", "text/html")


def truncated_json(answering: Answering) -> None:
    answering.reply(200, b'{"poolId": "EUR-USDT", "balance": "10')


def fifty_megabytes(answering: Answering) -> None:
    piece = b'"' + b"x" * (MEGABYTE - 3) + b'",'
    answering.reply(200, b"[", length=50 * MEGABYTE + 2)
    for _ in range(50):
        answering.wfile.write(piece)
    answering.wfile.write(b"]")


def silent(answering: Answering) -> None:
    answering.over.wait(60)


def _drip(answering: Answering, text: bytes) -> None:
    for byte in text:
        if answering.over.wait(DRIP):
            return
        answering.wfile.write(bytes([byte]))


def dripping_body(answering: Answering) -> None:
    answering.reply(200, b"", length=5000)
    _drip(answering, b'"' + b"x" * 4998 + b'"')


def dripping_headers(answering: Answering) -> None:
    _drip(answering, b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * 5000)


def closing_mid_body(answering: Answering) -> None:
    answering.reply(200, b'{"poolId": ', length=400)


def gzip_bomb(answering: Answering) -> None:
    """Four megabytes that are four gigabytes: after a full flush the same zeros compress to the same bytes."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = squeeze.compress(b'"') + squeeze.flush(zlib.Z_FULL_FLUSH)
    zeros = squeeze.compress(bytes(MEGABYTE)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    answering.reply(200, head, length=len(head) + 4096 * len(zeros), content_encoding="gzip")
    for _ in range(4096):
        answering.wfile.write(zeros)


def redirecting_to(place: str) -> Lie:
    """A lie that sends everybody to ``place``, body and all."""

    def redirect(answering: Answering) -> None:
        answering.reply(307, b"", location=f"{place}{answering.path}")

    return redirect


def distorting(**members: object) -> Lie:
    """A lie that answers the truth, but for these members, wherever they stand."""

    def distorted(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: members[name] if name in members else distorted(item) for name, item in value.items()}
        return [distorted(item) for item in value] if isinstance(value, list) else value

    def distort(answering: Answering) -> None:
        status, headers, body = answering.truth()
        kind = next((value for name, value in headers if name.lower() == "content-type"), JSON)
        answering.reply(status, json.dumps(distorted(json.loads(body))).encode() if body else b"", kind)

    return distort

"""A server on loopback that answers each request with the next bytes of a script, and keeps what it was asked."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


def answer(status: int = 200, body: bytes = b"{}", *headers: tuple[str, str]) -> bytes:
    """A whole response, after which the connection closes."""
    lines = [f"HTTP/1.1 {status} Scripted", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


RESET = b""
"""Hang up without a word."""

SILENCE = b"\0"
"""Say nothing until the other side hangs up."""


@dataclass
class Script:
    """What a server will say; the last answer is repeated."""

    answers: list[bytes]
    asked: list[bytes] = field(default_factory=list)
    url: str = ""

    def next(self, request: bytes) -> bytes:
        self.asked.append(request)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]

    @property
    def methods(self) -> list[str]:
        """The methods it was asked with, in order."""
        return [request.split(b" ", 1)[0].decode() for request in self.asked]

    def headers(self, at: int = -1) -> dict[str, str]:
        """The headers of one request, their names in lower case."""
        head = self.asked[at].split(b"\r\n\r\n", 1)[0].decode("latin-1")
        pairs = (line.partition(": ") for line in head.split("\r\n")[1:])
        return {name.lower(): value for name, _, value in pairs}


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    script: Script
    lock = threading.Lock()


class _Handler(socketserver.StreamRequestHandler):
    timeout = 10
    server: _Server

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = self.rfile.readline(65_536)
                if not line:
                    return
                head += line
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            body = self.rfile.read(int(lengths[0].split(b":")[1])) if lengths else b""
            with self.server.lock:
                said = self.server.script.next(head + body)
            if said == RESET:
                # Closing with data unread, or with no lingering, makes the other side see a reset.
                self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return
            if said == SILENCE:
                self.rfile.read(1)
                return
            self.wfile.write(said)


@contextlib.contextmanager
def serving(answers: Iterable[bytes]) -> Iterator[Script]:
    """A server that answers in this order, alive as long as the context."""
    script = Script(list(answers))
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.script = script
        script.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield script
        finally:
            server.shutdown()
            thread.join(10)

"""A partner's webhook handler for tests: it keeps what it receives, in order, and answers as it is told."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from typing import Any

PATIENCE = 20.0
SILENCE = 0


@dataclass
class Endpoint:
    """Where it listens, what has arrived, and the statuses it will answer with; 204 once they are used up.

    ``SILENCE`` among them answers nothing until the sender hangs up.
    """

    url: str
    received: Queue[tuple[dict[str, str], bytes]] = field(default_factory=Queue)
    answers: Queue[int] = field(default_factory=Queue)

    def next(self) -> tuple[dict[str, str], dict[str, Any], bytes]:
        """Headers, document and raw bytes of the next delivery."""
        headers, body = self.received.get(timeout=PATIENCE)
        return headers, json.loads(body), body

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Keep a delivery before it is answered, so that none that follows the answer comes before it."""
        self.received.put((headers, body))
        try:
            return self.answers.get_nowait()
        except Empty:
            return 204


@contextlib.contextmanager
def listening() -> Iterator[Endpoint]:
    """An endpoint on a free port for as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = endpoint.take({name.lower(): value for name, value in self.headers.items()}, body)
            if status == SILENCE:
                self.rfile.read(1)
                return
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    endpoint = Endpoint(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

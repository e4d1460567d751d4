"""A webhook handler on ``standardwebhooks``, a library for a convention that the vendor does not follow.

It shows what the certification says when the wrong library is at the door: nothing genuine gets in.
"""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from common import begin, ready
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

OPTIONS, SECRET, STORE = begin(__doc__)

# It reads the part after whsec_ as base64; 0Gate's key is the whole text as it stands.
VERIFIER = Webhook(SECRET)


class Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        try:
            event = VERIFIER.verify(raw, dict(self.headers.items()))
        except WebhookVerificationError:
            return self.answer(401)
        STORE.take(event)
        return self.answer(200)

    def do_GET(self) -> None:
        count = STORE.count(self.path.rpartition("/")[2])
        self.answer(200, b'{"count": %d}' % count)

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
        """Say nothing: standard output carries the ready line."""


class Server(ThreadingHTTPServer):
    request_queue_size = 64


if __name__ == "__main__":
    server = Server(("127.0.0.1", OPTIONS.port), Door)
    ready(server.server_port, server.shutdown, with_stdin=OPTIONS.exit_with_stdin)
    server.serve_forever(poll_interval=0.1)

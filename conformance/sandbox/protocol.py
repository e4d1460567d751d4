"""The server's own answers: bytes that are no HTTP, or a head without end, get the envelope too."""

from __future__ import annotations

import asyncio
import json
import socket
from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from conformance.sandbox import edge, refusal
from conformance.sandbox.refusal import Refusal

# A refused sender is heard out for this long, so that it reads the answer instead of a reset connection.
LINGER_SECONDS: Final = 2.0


class EnvelopeProtocol(HttpToolsProtocol):
    """Uvicorn's protocol with bounds on the head and our envelope in place of its plain text."""

    mode = "test"
    _head_bytes = 0
    _messages = 0
    _in_head = True
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        # Head and body are written apart; waiting for an acknowledgement between them costs 40 ms a response.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        before = self._messages
        super().data_received(data)
        if not self._in_head or self._refused:
            return
        # Of data in which a message ended, only a little can belong to the head that follows it.
        self._head_bytes += len(data) if self._messages == before else 0
        if self._head_bytes > edge.MAX_HEAD:
            long_target = len(getattr(self, "url", b"")) > edge.MAX_TARGET
            self._refuse(edge.target_too_long() if long_target else edge.head_too_large())

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        self._messages += 1
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(refusal.invalid("this is not readable HTTP"))

    def _refuse(self, refused: Refusal) -> None:
        self._refused = True
        request_id = edge.new_request_id(self.mode)
        body = json.dumps(refusal.envelope(refused, request_id)).encode()
        head = (
            f"HTTP/1.1 {refused.status} {HTTPStatus(refused.status).phrase}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
            f"x-request-id: {request_id}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


def protocol_for(mode: str) -> type[EnvelopeProtocol]:
    """The protocol class whose request ids name this mode."""
    return type("ModedProtocol", (EnvelopeProtocol,), {"mode": mode})

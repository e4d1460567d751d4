"""The outermost layer of HTTP: a request id on every response, and bounds on what is read.

Which operation answers is decided by the routes behind it; broken HTTP is answered before it gets here.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conformance.sandbox import refusal
from conformance.sandbox.refusal import Refusal

MAX_BODY: Final = 1024 * 1024
# How much of an oversized body is read away, so that its sender gets to read the answer.
MAX_DRAINED: Final = 16 * MAX_BODY
BODY_SECONDS: Final = 5.0
MAX_TARGET: Final = 16 * 1024
MAX_HEAD: Final = 64 * 1024


def new_request_id(mode: str) -> str:
    return f"req_{mode}_{secrets.token_hex(12)}"


def refused(refused_call: Refusal, request_id: str) -> JSONResponse:
    """The envelope as a response; the edge adds the header that repeats its ``request_id``."""
    return JSONResponse(
        refusal.envelope(refused_call, request_id),
        status_code=refused_call.status,
        headers=dict(refused_call.headers),
    )


class Edge:
    """Names every exchange and refuses what is out of bounds or cannot be a path of ours."""

    def __init__(self, app: ASGIApp, mode: str) -> None:
        self.app = app
        self.mode = mode

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = new_request_id(self.mode)
        scope["request_id"] = request_id

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                name_response(message, request_id)
            await send(message)

        try:
            check_head(scope)
        except Refusal as out_of_bounds:
            await refused(out_of_bounds, request_id)(scope, receive, send_named)
            return
        await self.app(scope, receive, send_named)


def name_response(start: Message, request_id: str) -> None:
    """``X-Request-Id`` on every response; no response may be cached, since even a GET may move a trade."""
    headers = MutableHeaders(scope=start)
    headers["X-Request-Id"] = request_id
    headers["Cache-Control"] = "no-store"


def check_head(scope: Scope) -> None:
    """414, 431 or 404 for a head that no client of this API would send."""
    if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_TARGET:
        raise target_too_long()
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEAD:
        raise head_too_large()
    if any(character < " " or character == "\x7f" for character in scope["path"]):
        raise refusal.not_found()


def target_too_long() -> Refusal:
    return Refusal(414, "uri_too_long", f"path and query must stay under {MAX_TARGET} bytes")


def head_too_large() -> Refusal:
    return Refusal(431, "headers_too_large", f"all headers together must stay under {MAX_HEAD} bytes")


async def read_body(request: Request) -> bytes:
    """The whole body within the bounds of size and time; 413 or 408 beyond them."""
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= MAX_BODY:
                    chunks.append(chunk)
                elif size > MAX_DRAINED:
                    break
    except TimeoutError:
        late = f"the body did not arrive within {BODY_SECONDS:.0f} s"
        raise Refusal(408, "request_timeout", late, {"Connection": "close"}) from None
    if size > MAX_BODY:
        headers = {"Connection": "close"} if size > MAX_DRAINED else {}
        raise Refusal(413, "content_too_large", f"the body must not exceed {MAX_BODY} bytes", headers)
    return b"".join(chunks)

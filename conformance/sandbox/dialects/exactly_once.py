"""Variations in what becomes of an execution whose caller has gone before it was answered."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import Request

from conformance.sandbox import edge
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch, dialect

QUEUED_SECONDS: Final = 0.02


@dialect(
    "dropped-when-hung-up",
    summary="An execution waits its turn, and is not begun once its caller has hung up",
    fact="facts section 6: an execution without an answer is retried; nothing says that it was made",
)
def dropped_when_hung_up(patch: Patch) -> None:
    inner = edge.read_body

    async def read_body(request: Request) -> bytes:
        body = await inner(request)
        if request.url.path.endswith("/transact"):
            await asyncio.sleep(QUEUED_SECONDS)
            if await request.is_disconnected():
                raise Refusal(408, "request_timeout", "the caller has hung up")
        return body

    patch.replace(edge, "read_body", read_body)

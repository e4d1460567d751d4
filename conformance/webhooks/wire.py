"""One HTTP exchange with a partner's handler or its probe, bounded in time and size, and the record of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

import httpx

from conformance.webhooks.effects import ProbeError
from conformance.webhooks.under_test import HandlerUnderTest
from conformance.webhooks.vectors import Signed

MAX_ANSWER: Final = 64 * 1024
_CONNECTIONS: Final = 8


@dataclass(frozen=True, slots=True)
class Attempt:
    """One delivery that was sent, and what came back: a ``status``, or else an ``error``."""

    url: str
    request_headers: tuple[tuple[str, str], ...]
    request_body: bytes
    started: float
    """Wall time in Unix seconds."""
    elapsed: float
    """Seconds."""
    status: int | None = None
    response_headers: tuple[tuple[str, str], ...] = ()
    response_body: bytes = b""
    """At most ``MAX_ANSWER`` bytes of it."""
    error: str | None = None
    timed_out: bool = False


class Wire:
    """The HTTP side: an exchange takes at most ``patience.answer`` seconds and ``MAX_ANSWER`` bytes."""

    def __init__(self, handler: HandlerUnderTest) -> None:
        self.handler = handler
        self._client = httpx.AsyncClient(
            timeout=handler.patience.answer,
            limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
            headers={"User-Agent": "0bit-conformance", "Accept-Encoding": "identity"},
            follow_redirects=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_failure: object) -> None:
        await self._client.aclose()

    async def deliver(self, delivery: Signed) -> Attempt:
        headers = {"Content-Type": "application/json"}
        if delivery.signature is not None:
            headers[self.handler.header] = delivery.signature
        request = self._client.build_request("POST", self.handler.url, headers=headers, content=delivery.body)
        loop = asyncio.get_running_loop()
        started, begun = self.handler.clock(), loop.time()
        response, body, error, timed_out = None, b"", None, False
        try:
            response, body = await self._exchange(request)
        except (httpx.HTTPError, TimeoutError) as failure:
            error, timed_out = _describe(failure), isinstance(failure, httpx.TimeoutException | TimeoutError)
        return Attempt(
            url=self.handler.url,
            request_headers=tuple(request.headers.multi_items()),
            request_body=delivery.body,
            started=started,
            elapsed=loop.time() - begun,
            status=response.status_code if response is not None else None,
            response_headers=tuple(response.headers.multi_items()) if response is not None else (),
            response_body=body,
            error=error,
            timed_out=timed_out,
        )

    async def counts(self, event_ids: Iterable[str]) -> dict[str, int]:
        """How many effects each event has had. Raises ``ProbeError``."""
        ids = list(event_ids)
        return dict(zip(ids, await asyncio.gather(*map(self._count, ids)), strict=True))

    async def _count(self, event_id: str) -> int:
        probe = self.handler.effects
        try:
            response, body = await self._exchange(self._client.build_request("GET", probe.url_of(event_id)))
        except (httpx.HTTPError, TimeoutError) as failure:
            raise ProbeError(f"the effects probe did not answer: {_describe(failure)}") from failure
        return probe.count(response.status_code, body)

    async def _exchange(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        """Send and read within one deadline; the client's own timeouts hold for each read only."""
        async with asyncio.timeout(self.handler.patience.answer):
            response = await self._client.send(request, stream=True)
            try:
                body = b""
                async for part in response.aiter_raw():
                    body += part
                    if len(body) >= MAX_ANSWER:
                        break
            finally:
                await response.aclose()
            return response, body[:MAX_ANSWER]


def _describe(failure: Exception) -> str:
    return f"{type(failure).__name__}: {failure}".rstrip(": ")

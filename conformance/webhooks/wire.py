"""One HTTP exchange with a partner's handler or its probe, bounded in time and size, and the record of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Final, Self

import httpx

from conformance.webhooks import commands
from conformance.webhooks.effects import EffectsCommand, EffectsProbe, ProbeError
from conformance.webhooks.under_test import HandlerUnderTest
from conformance.webhooks.vectors_bytes import Signed

MAX_ANSWER: Final = 64 * 1024
MAX_SILENCES: Final = 6
"""Deliveries that may go unanswered until patience ends; after that nothing more is sent."""

_CONNECTIONS: Final = 8
_COMMANDS: Final = 4
"""Effects commands that run at a time."""
_PIECES: Final = 8
"""In how many pieces the slow sender sends."""


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
    sent: bool = True
    """False where too many before it had gone unanswered."""
    truncated: bool = False


class Wire:
    """The HTTP side: an exchange takes at most the patience for an answer and the grace, and ``MAX_ANSWER`` bytes."""

    def __init__(self, handler: HandlerUnderTest) -> None:
        self.handler = handler
        self.silences = 0
        self._commands = asyncio.Semaphore(_COMMANDS)
        self._limit = handler.patience.answer + handler.patience.grace
        self._client = httpx.AsyncClient(
            timeout=self._limit,
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
        """Send one delivery and take what comes back; nothing is followed, tried again or believed."""
        request = self._request(delivery)
        loop = asyncio.get_running_loop()
        started, begun = self.handler.clock(), loop.time()
        response, body, error, timed_out = None, b"", None, False
        sent = self.silences < MAX_SILENCES
        try:
            if sent:
                response, body = await self._exchange(request)
            else:
                error = f"not sent: {self.silences} deliveries before it were never answered"
        except (httpx.HTTPError, TimeoutError) as failure:
            timed_out = isinstance(failure, httpx.TimeoutException | TimeoutError)
            error = f"no whole answer within {self._limit:g} s" if timed_out else _describe(failure)
            self.silences += timed_out
        return Attempt(
            url=self.handler.url,
            request_headers=tuple(request.headers.multi_items()),
            request_body=delivery.body,
            started=started,
            elapsed=loop.time() - begun,
            status=response.status_code if response is not None else None,
            response_headers=tuple(response.headers.multi_items()) if response is not None else (),
            response_body=body[:MAX_ANSWER],
            error=error,
            timed_out=timed_out,
            sent=sent,
            truncated=len(body) > MAX_ANSWER,
        )

    def _request(self, delivery: Signed) -> httpx.Request:
        name = self.handler.header.encode()
        headers = [
            (b"Content-Type", b"application/json"),
            # Stated for a body in pieces too: the sender knows how long it is.
            (b"Content-Length", str(len(delivery.body)).encode()),
            *((key.encode(), value.encode()) for key, value in delivery.further),
            *((name, value) for value in delivery.signatures),
        ]
        content = self._pieces(delivery.body) if delivery.slow else delivery.body
        return self._client.build_request("POST", self.handler.url, headers=headers, content=content)

    async def _pieces(self, body: bytes) -> AsyncIterator[bytes]:
        size = -(-len(body) // _PIECES)
        for start in range(0, len(body), size):
            yield body[start : start + size]
            await asyncio.sleep(self.handler.patience.body / _PIECES)

    async def counts(self, event_ids: Iterable[str]) -> dict[str, int]:
        """How many effects each event has had. Raises ``ProbeError``."""
        ids = list(dict.fromkeys(event_ids))
        asking = [asyncio.ensure_future(self._count(event_id)) for event_id in ids]
        try:
            return dict(zip(ids, await asyncio.gather(*asking), strict=True))
        finally:
            # What one could not tell, the others need not be waited for.
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    async def _count(self, event_id: str) -> int:
        match self.handler.effects:
            case EffectsProbe() as probe:
                return await self._fetched(probe, event_id)
            case EffectsCommand() as command:
                return await self._printed(command, event_id)
            case None:
                raise ProbeError("no probe was named: --effects-url, or --effects-command")

    async def _fetched(self, probe: EffectsProbe, event_id: str) -> int:
        try:
            response, body = await self._exchange(self._client.build_request("GET", probe.url_of(event_id)))
        except (httpx.HTTPError, TimeoutError) as failure:
            raise ProbeError(f"the effects probe did not answer: {_describe(failure)}") from failure
        return probe.count(response.status_code, body)

    async def _printed(self, command: EffectsCommand, event_id: str) -> int:
        async with self._commands:
            try:
                return command.count(await commands.run(command.words_of(event_id), command.timeout))
            except OSError as failure:
                raise ProbeError(f"the effects command cannot be started: {failure.strerror}") from failure

    async def _exchange(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        """Send and read within one deadline; the client's own timeouts hold for each read only."""
        async with asyncio.timeout(self._limit):
            response = await self._client.send(request, stream=True)
            try:
                body = b""
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > MAX_ANSWER:
                        break
            finally:
                await response.aclose()
            return response, body


def _describe(failure: Exception) -> str:
    return f"{type(failure).__name__}: {failure}".rstrip(": ")

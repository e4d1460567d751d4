"""A reverse proxy that passes bytes on as they are, both ways and as they come, and hands each exchange to a recorder.

Only the Host header is changed. What is kept of an exchange is ``proxy_record``'s business; judging it is the rules'.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import ssl
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

import h11

from conformance.partner.proxy_types import Exchanged, Hung, Limits, Message, Upstream

log = logging.getLogger(__name__)

CHUNK: Final = 1 << 16
HEAD: Final = 1 << 16
"""Bytes of a request's or response's head; more is refused."""

EARLY: Final = 0.05
"""Seconds a request may still take to arrive in full once it was answered."""

LIVE_KEY = re.compile(rb"(?:sk|pk)_live_[A-Za-z0-9_-]{4,}")
_HOST = re.compile(rb"(?im)^(host[ \t]*:[ \t]*)[^\r\n]*")


class Proxy:
    """Passes connections on to ``upstream``; ``record`` is called once for each exchange, on the event loop."""

    def __init__(self, upstream: Upstream, record: Callable[[Exchanged], None], limits: Limits | None = None) -> None:
        self.upstream = upstream
        self.refused = 0
        """Requests with a live key, which were not passed on."""
        self._record = record
        self._limits = limits or Limits()
        self._tls = ssl.create_default_context() if upstream.scheme == "https" else None
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen, and give the port. Raises ``OSError`` when that is not possible."""
        self._server = await asyncio.start_server(self._accept, host, port, limit=CHUNK, backlog=256)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self, grace: float = 2.0) -> None:
        """Take no further connection, give those under way ``grace`` seconds, and end them."""
        if self._server is not None:
            self._server.close()
        if self._connections:
            await asyncio.wait(self._connections, timeout=grace)
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if len(self._connections) <= self._limits.connections:
                await _Line(self, self._limits, reader, writer).serve()
        except (Hung, OSError) as problem:
            # Either side ended it, and so does the proxy, as soon as what came before is passed on.
            log.debug("a connection ended: %s", type(problem).__name__)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            writer.close()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A fresh connection to the upstream. Raises ``Hung``."""
        name = self.upstream.host if self._tls else None
        try:
            async with asyncio.timeout(self._limits.connect):
                return await asyncio.open_connection(
                    self.upstream.host, self.upstream.port, ssl=self._tls, server_hostname=name, limit=CHUNK
                )
        except (OSError, TimeoutError) as problem:
            raise Hung(f"the upstream cannot be reached ({type(problem).__name__})") from problem

    def file(self, exchanged: Exchanged) -> None:
        """Hand an exchange to the recorder."""
        self._record(exchanged)


class _Line:
    """One client connection and the upstream connection that goes with it."""

    def __init__(
        self, proxy: Proxy, limits: Limits, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._proxy, self._limits = proxy, limits
        self._reader, self._writer = reader, writer
        self._up: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._ahead = b""
        """Bytes of the client's that came before their turn: pipelined requests."""

    async def serve(self) -> None:
        """Pass on one request after another until either side ends the connection."""
        try:
            while await self._exchange():
                pass
        finally:
            if self._up is not None:
                self._up[1].close()

    async def _exchange(self) -> bool:
        """One request and its answer. False when the connection ends with it, or ended before it."""
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD)
        first = await self._first()
        if not first:
            return False
        began, started = time.monotonic(), datetime.now(UTC)
        raw, request = await self._head(parser, first)
        exchanged = Exchanged(
            started=started,
            method=request.method.decode("ascii"),
            url=f"{self._proxy.upstream.origin}{request.target.decode('latin-1')}",
            request=Message(_texts(request.headers.raw_items())),
            response=Message(),
        )
        try:
            if refusal := self._refusal(request):
                exchanged.error = refusal
                return False
            if self._up is not None and self._up[0].at_eof():
                self._up[1].close()
                self._up = None
            if self._up is None:
                self._up = await self._proxy.connect()
            return await self._pass_on(parser, raw, request, exchanged)
        except (Hung, OSError) as problem:
            exchanged.error = exchanged.error or str(problem) or type(problem).__name__
            raise
        finally:
            exchanged.elapsed = time.monotonic() - began
            self._proxy.file(exchanged)

    async def _first(self) -> bytes:
        """The first bytes of the next request; empty when the client, or the idle upstream, has hung up."""
        if self._ahead:
            ahead, self._ahead = self._ahead, b""
            return ahead
        asked = asyncio.ensure_future(self._reader.read(CHUNK))
        waiting = {asked}
        if self._up is not None:
            # An upstream that ends an idle connection is passed on too: the client must not send into the void.
            waiting.add(asyncio.ensure_future(self._up[0].read(1)))
        try:
            await asyncio.wait(waiting, timeout=self._limits.idle, return_when=asyncio.FIRST_COMPLETED)
            return asked.result() if asked.done() else b""
        except OSError:
            return b""
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _head(self, parser: h11.Connection, received: bytes) -> tuple[bytes, h11.Request]:
        """Everything received so far, and the request whose head it holds. Raises ``Hung``."""
        raw = received
        try:
            parser.receive_data(received)
            while (event := parser.next_event()) is h11.NEED_DATA:
                more = await self._read(self._reader)
                raw += more
                parser.receive_data(more)
        except h11.RemoteProtocolError as problem:
            await self._answer(b"400 Bad Request", f"the proxy cannot read this request: {problem}")
            raise Hung("the request was not HTTP") from problem
        if not isinstance(event, h11.Request):
            raise Hung("the client hung up")
        return raw, event

    def _refusal(self, request: h11.Request) -> str:
        """Why a request is not passed on; empty if it is."""
        headers = dict(request.headers)
        words = ""
        if any(LIVE_KEY.search(value) for value in headers.values()) or LIVE_KEY.search(request.target):
            self._proxy.refused += 1
            words = "a live key is never sent to a sandbox; nothing was passed on"
        elif request.method == b"CONNECT" or b"upgrade" in headers:
            words = "connections of another protocol are not passed on"
        if words:
            self._writer.write(_refused(words))
        return words

    async def _pass_on(self, parser: h11.Connection, raw: bytes, request: h11.Request, exchanged: Exchanged) -> bool:
        assert self._up is not None
        reader, writer = self._up
        answer = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD)
        named = [(name, value) for name, value in request.headers if name != b"host"]
        answer.send(h11.Request(method=request.method, target=request.target, headers=[(b"host", b"x"), *named]))
        sending = asyncio.ensure_future(self._send(parser, raw, writer, exchanged.request))
        receiving = asyncio.ensure_future(self._receive(answer, reader, exchanged))
        try:
            await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
            keeps = await receiving
            if not sending.done():
                # Answered before all of the request was there: nobody knows what the client does with the rest.
                await asyncio.wait({sending}, timeout=EARLY)
            if not sending.done():
                return False
            sending.result()
        finally:
            for task in (sending, receiving):
                task.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)
        return keeps and request.http_version == b"1.1" and not _says_close(request.headers)

    async def _send(self, parser: h11.Connection, raw: bytes, writer: asyncio.StreamWriter, message: Message) -> None:
        """Pass the request on as it comes, its Host replaced. Raises ``Hung``."""
        head, blank, rest = _split(raw)
        fresh = _HOST.sub(lambda found: found[1] + self._proxy.upstream.authority.encode(), head, count=1) + blank
        pending, received = fresh, rest
        while True:
            done = self._parsed(parser, message)
            if done:
                self._ahead = bytes(parser.trailing_data[0])
                received = received[: len(received) - len(self._ahead)]
            writer.write(pending + received)
            await self._drain(writer)
            if done:
                return
            pending, received = b"", await self._read(self._reader)
            parser.receive_data(received)

    @staticmethod
    def _parsed(parser: h11.Connection, message: Message) -> bool:
        """Take what the parser has of a request's body; True once it is complete. Raises ``Hung``."""
        try:
            while (event := parser.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.Data):
                    message.add(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    message.done = True
                    return True
                else:
                    raise Hung("the client hung up")
        except h11.RemoteProtocolError as problem:
            raise Hung(f"the request broke off: {problem}") from problem
        return False

    async def _receive(self, answer: h11.Connection, reader: asyncio.StreamReader, exchanged: Exchanged) -> bool:
        """Pass the answer on as it comes; whether the upstream keeps the connection. Raises ``Hung``."""
        keeps = False
        while True:
            received = await self._read(reader, ends=True)
            if not received and exchanged.status is None:
                raise Hung("the upstream hung up without an answer")
            try:
                answer.receive_data(received)
                while (event := answer.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                    if isinstance(event, h11.Response):
                        exchanged.status = event.status_code
                        exchanged.response.headers = _texts(event.headers.raw_items())
                        keeps = event.http_version == b"1.1" and not _says_close(event.headers)
                    elif isinstance(event, h11.Data):
                        exchanged.response.add(event.data)
                    elif isinstance(event, h11.EndOfMessage):
                        exchanged.response.done = True
                        break
            except h11.RemoteProtocolError as problem:
                self._writer.write(received)
                raise Hung(f"the answer broke off: {problem}") from problem
            if received:
                self._writer.write(received)
                await self._drain(self._writer)
            if exchanged.response.done:
                return keeps and bool(received)

    async def _read(self, reader: asyncio.StreamReader, *, ends: bool = False) -> bytes:
        """The next bytes; none at the end where ``ends`` allows it. Raises ``Hung``."""
        try:
            async with asyncio.timeout(self._limits.idle):
                data = await reader.read(CHUNK)
        except TimeoutError:
            raise Hung(f"nothing came for {self._limits.idle:g} s") from None
        if not data and not ends:
            raise Hung("the client hung up")
        return data

    async def _drain(self, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(self._limits.idle):
                await writer.drain()
        except TimeoutError:
            raise Hung(f"nothing was taken for {self._limits.idle:g} s") from None

    async def _answer(self, status: bytes, words: str) -> None:
        with contextlib.suppress(OSError):
            self._writer.write(b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (status, len(words)))
            self._writer.write(words.encode("ascii", "replace"))
            await self._drain(self._writer)


def _refused(words: str) -> bytes:
    body = words.encode("ascii")
    head = b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    return b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body)


def _split(raw: bytes) -> tuple[bytes, bytes, bytes]:
    """The head of a request, the blank line, and what follows."""
    found = re.search(rb"\r?\n\r?\n", raw)
    assert found is not None, "h11 gave a request, so its head has ended"
    return raw[: found.start()], found[0], raw[found.end() :]


def _says_close(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(b"close" in value.lower() for name, value in headers if name == b"connection")


def _texts(pairs: list[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs]


__all__ = ["Proxy"]

"""An HTTP receiver for real deliveries: it keeps each one raw and answers as told. It judges none of them.

It serves from a thread of its own, one delivery per connection, with bounds on bytes, deliveries and time.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_BODY: Final = 1024 * 1024
MAX_DELIVERIES: Final = 10_000
PATIENCE: Final = 10.0
_START_SECONDS: Final = 10.0
_MAX_CONNECTIONS: Final = 512


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery as it came: the body raw, header names in lower case as HTTP servers hand them on."""

    sequence: int
    received: float
    """Wall time in Unix seconds by the receiver's clock, once the body was complete."""
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> tuple[str, ...]:
        """Every value the delivery gave this header; case does not matter."""
        return tuple(value for key, value in self.headers if key == name.lower())


class Late(int):
    """A status given once the sender has hung up, or after so many ``seconds`` to one that has not."""

    seconds: float

    def __new__(cls, status: int, seconds: float) -> Self:
        found = super().__new__(cls, status)
        found.seconds = seconds
        return found


Answer = Callable[[Delivery], int]
"""Chooses the status for a delivery, ``Late`` to be slow. Runs on the receiver's one event loop: it must not block."""


def always(status: int) -> Answer:
    """Answer every delivery alike."""
    return lambda _delivery: status


def in_turn(plans: Mapping[str, Sequence[int]], event_id: Callable[[Delivery], str | None]) -> Answer:
    """Answer the deliveries of an event with the statuses planned for it, in order, and with 200 after that.

    Plans that begin with failures provoke the sender's retries.
    """
    left = {event: list(statuses) for event, statuses in plans.items()}

    def answer(delivery: Delivery) -> int:
        waiting = left.get(event_id(delivery) or "")
        return waiting.pop(0) if waiting else 200

    return answer


class Receiver:
    """Listens on ``host:port`` (port 0: any free one) as a context manager, and records what is POSTed.

    ``clock`` gives wall time in Unix seconds. A client has ``patience`` seconds for the head of its request
    and as many for the body. What cannot be kept is answered with an error and counted in ``refused``.
    Entering raises ``ValueError`` when ``host`` is a name and ``OSError`` when the port is taken.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        answer: Answer | None = None,
        clock: Callable[[], float] = time.time,
        patience: float = PATIENCE,
        max_body: int = MAX_BODY,
        max_deliveries: int = MAX_DELIVERIES,
    ) -> None:
        self.answer = answer or always(200)
        self.refused: Counter[str] = Counter()
        self.abandoned: set[int] = set()
        """Deliveries answered late whose senders had hung up by then."""
        self._host, self._port = host, port
        self._clock, self._patience = clock, patience
        self._max_body, self._max_deliveries = max_body, max_deliveries
        self._deliveries: list[Delivery] = []
        self._arrived = threading.Condition()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        listening = _listen(self._host, self._port)
        self._host, self._port = listening.getsockname()[:2]
        self._server = _Server(self._serve, self._patience)
        self._thread = threading.Thread(
            target=self._server.run, args=([listening],), name="webhook-receiver", daemon=True
        )
        self._thread.start()
        if not self._server.ready.wait(_START_SECONDS):
            raise RuntimeError(f"the webhook receiver did not start within {_START_SECONDS:.0f} s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(_START_SECONDS)

    @property
    def url(self) -> str:
        """Where this machine reaches the receiver: by loopback when it listens on every interface."""
        address = ipaddress.ip_address(self._host)
        if address.is_unspecified:
            address = ipaddress.ip_address("::1" if address.version == 6 else "127.0.0.1")
        host = f"[{address}]" if address.version == 6 else str(address)
        return f"http://{host}:{self._port}"

    def deliveries(self) -> tuple[Delivery, ...]:
        """Everything received so far, in order of arrival."""
        with self._arrived:
            return tuple(self._deliveries)

    def wait_for(self, predicate: Callable[[Delivery], bool], timeout: float) -> Delivery | None:
        """The first delivery, past or to come, to satisfy ``predicate``; None after ``timeout`` seconds."""
        seen = 0

        def found() -> Delivery | None:
            nonlocal seen
            while seen < len(self._deliveries):
                seen += 1
                if predicate(self._deliveries[seen - 1]):
                    return self._deliveries[seen - 1]
            return None

        with self._arrived:
            return self._arrived.wait_for(found, timeout)

    async def _serve(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """The ASGI application: read one delivery, keep it, answer it, and ask the client to hang up."""
        status = await self._take(scope, receive)
        if isinstance(status, Late):
            await self._outwait(status, receive)
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-length", b"0"), (b"connection", b"close")],
            }
        )
        await send({"type": "http.response.body"})

    async def _outwait(self, late: Late, receive: Any) -> None:
        """Wait for the sender to hang up. After the whole body that is the only message there can be."""
        number = len(self._deliveries)  # nothing has been awaited since it was kept: it is the newest
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(late.seconds):
                await receive()
                self.abandoned.add(number)

    async def _take(self, scope: dict[str, Any], receive: Any) -> int:
        if scope["method"] != "POST":
            return self._refuse("not a POST", 405)
        try:
            async with asyncio.timeout(self._patience):
                body = await self._body(receive)
        except TimeoutError:
            return self._refuse("body too slow", 408)
        except ConnectionError:
            return self._refuse("body cut short", 400)
        if body is None:
            return self._refuse("body too large", 413)
        with self._arrived:
            if len(self._deliveries) >= self._max_deliveries:
                return self._refuse("receiver full", 503)
            delivery = Delivery(
                sequence=len(self._deliveries) + 1,
                received=self._clock(),
                path=scope["raw_path"].decode("latin-1"),
                headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]),
                body=body,
            )
            self._deliveries.append(delivery)
            self._arrived.notify_all()
        return self.answer(delivery)

    async def _body(self, receive: Any) -> bytes | None:
        """The whole body, or None as soon as it is known to be too large."""
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError("the sender hung up before the body was complete")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._max_body:
                return None
            if not message.get("more_body"):
                return b"".join(parts)

    def _refuse(self, why: str, status: int) -> int:
        self.refused[why] += 1
        return status


class _Server(uvicorn.Server):
    """Uvicorn with a flag that says when it listens, and a deadline for the head of each request."""

    def __init__(self, app: Any, patience: float) -> None:
        class Impatient(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                self.loop.call_later(patience, self._hang_up_if_headless)

            def _hang_up_if_headless(self) -> None:
                if self.cycle is None and not self.transport.is_closing():
                    self.transport.close()

        # h11 rather than httptools: it bounds the size of a request's head.
        super().__init__(
            uvicorn.Config(
                app,
                interface="asgi3",
                proxy_headers=False,
                http=Impatient,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level=logging.ERROR,
                access_log=False,
                server_header=False,
                limit_concurrency=_MAX_CONNECTIONS,
                timeout_graceful_shutdown=1,
            )
        )
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket on a literal address."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        raise ValueError(f"cannot listen on {host!r}: write an address such as 127.0.0.1") from None
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=256)

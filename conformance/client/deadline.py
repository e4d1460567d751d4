"""Connections whose answers have an end: however slowly a target drips, headers included, reading stops in time.

What an answer may be large is the wire's business; how long each single wait may be is httpx's own.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from conformance.client.clock import Clock

Sockets = Iterable[Any] | None


class BoundedTransport(httpx.HTTPTransport):
    """httpx's transport, giving up on an answer that is not whole ``seconds`` after its request was sent."""

    def __init__(self, clock: Clock, seconds: float, connections: int) -> None:
        context = httpx.create_ssl_context(trust_env=False)
        super().__init__(verify=context, trust_env=False)
        # httpx exposes everything of its pool but this; the pool it makes itself has opened no connection yet.
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=5.0,
            network_backend=_Backend(clock, seconds),
        )


class _Backend(httpcore.NetworkBackend):
    def __init__(self, clock: Clock, seconds: float) -> None:
        self._inner = httpcore.SyncBackend()
        self._clock = clock
        self._seconds = seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Sockets = None,
    ) -> httpcore.NetworkStream:
        stream = self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return _Stream(stream, self._clock, self._seconds)


class _Stream(httpcore.NetworkStream):
    """A connection that carries one request after another: each thing written starts the time anew."""

    def __init__(self, inner: httpcore.NetworkStream, clock: Clock, seconds: float) -> None:
        self._inner = inner
        self._clock = clock
        self._seconds = seconds
        self._until = clock.monotonic() + seconds

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._until - self._clock.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the answer kept dripping")
        return self._inner.read(max_bytes, left if timeout is None else min(left, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout)
        self._until = self._clock.monotonic() + self._seconds

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._inner.start_tls(ssl_context, server_hostname, timeout)
        return _Stream(stream, self._clock, self._seconds)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


__all__ = ["BoundedTransport"]

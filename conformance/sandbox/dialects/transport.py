"""Variations in the HTTP around an answer that change nothing of what it says."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable
from typing import Final

import uvicorn
from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conformance.sandbox import app, protocol
from conformance.sandbox.calls import Reply
from conformance.sandbox.dialects.rewriting import around
from conformance.sandbox.variations import Patch, dialect

SILENT: Final = "facts section 14: HTTP details, caching and CORS headers among them, are stated nowhere"
JSON: Final = "facts section 1: responses are JSON; how it is written is stated nowhere"
DELAY_SECONDS: Final = 0.1


def each_head(patch: Patch, change: Callable[[MutableHeaders], None]) -> None:
    """Pass the headers of every response through ``change``."""

    def wrap(application: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            async def changing(message: Message) -> None:
                if message["type"] == "http.response.start":
                    change(MutableHeaders(scope=message))
                await send(message)

            await application(scope, receive, changing)

        return wrapped

    around(patch, wrap)


@dialect("gzip", summary="Responses are compressed where the client accepts it", fact=SILENT)
def gzip(patch: Patch) -> None:
    around(patch, lambda application: GZipMiddleware(application, minimum_size=1))


@dialect("chunked", summary="Responses are sent in chunks without a length", fact=SILENT)
def chunked(patch: Patch) -> None:
    def drop_length(headers: MutableHeaders) -> None:
        del headers["content-length"]

    each_head(patch, drop_length)


@dialect("connection-closed", summary="Every response closes its connection", fact=SILENT)
def connection_closed(patch: Patch) -> None:
    def close(headers: MutableHeaders) -> None:
        headers["connection"] = "close"

    each_head(patch, close)


@dialect("charset", summary="The content type names a charset", fact=JSON)
def charset(patch: Patch) -> None:
    def name_charset(headers: MutableHeaders) -> None:
        if headers.get("content-type") == "application/json":
            headers["content-type"] = "application/json; charset=utf-8"

    each_head(patch, name_charset)


@dialect("proxy-headers", summary="Responses carry what proxies, CDNs and frameworks add", fact=SILENT)
def proxy_headers(patch: Patch) -> None:
    def add(headers: MutableHeaders) -> None:
        headers["via"] = "1.1 edge"
        headers["strict-transport-security"] = "max-age=31536000"
        headers["set-cookie"] = "__edge=1; Path=/; HttpOnly"
        headers["vary"] = "Origin"
        headers["access-control-allow-origin"] = "*"
        headers["x-ratelimit-remaining"] = "99"
        headers["etag"] = 'W/"1"'

    each_head(patch, add)


@dialect("date-absent", summary="Responses have no Date header", fact=SILENT)
def date_absent(patch: Patch) -> None:
    patch.replace(uvicorn, "Config", functools.partial(uvicorn.Config, date_header=False))


@dialect(
    "slow",
    summary="Every response takes a tenth of a second longer",
    fact="facts section 9: no figure of speed is published",
)
def slow(patch: Patch) -> None:
    def wrap(application: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            await asyncio.sleep(DELAY_SECONDS)
            await application(scope, receive, send)

        return wrapped

    around(patch, wrap)


@dialect("json-spread-out", summary="JSON is indented, in reverse order and escaped to ASCII", fact=JSON)
def json_spread_out(patch: Patch) -> None:
    def rendered(reply: Reply) -> Response:
        text = json.dumps({name: reply.body[name] for name in reversed([*reply.body])}, indent=2, ensure_ascii=True)
        return Response(text + "\n", reply.status, dict(reply.headers), media_type="application/json")

    patch.replace(app, "rendered", rendered)


class TitleCasing:
    """A transport that writes header names as people do: X-Request-Id."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        self._transport.write(title_cased(data) if data.startswith(b"HTTP/1.1 ") else data)

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)


def title_cased(head: bytes) -> bytes:
    lines, separator, rest = head.partition(b"\r\n\r\n")
    first, *headers = lines.split(b"\r\n")
    named = [name.title() + colon + value for name, colon, value in (line.partition(b":") for line in headers)]
    return b"\r\n".join([first, *named]) + separator + rest


@dialect(
    "header-case",
    summary="Header names are written with capitals",
    fact="facts section 1: header names are shown with capitals; HTTP does not tell them apart",
)
def header_case(patch: Patch) -> None:
    inner = protocol.protocol_for

    def protocol_for(mode: str) -> type[protocol.EnvelopeProtocol]:
        class CasedProtocol(inner(mode)):  # type: ignore[misc]
            def connection_made(self, transport: asyncio.Transport) -> None:
                super().connection_made(transport)
                self.transport = TitleCasing(transport)

        return CasedProtocol

    patch.replace(protocol, "protocol_for", protocol_for)


@dialect("cache-headers-absent", summary="Responses say nothing about caching", fact=SILENT)
def cache_headers_absent(patch: Patch) -> None:
    def drop(headers: MutableHeaders) -> None:
        del headers["cache-control"]

    each_head(patch, drop)

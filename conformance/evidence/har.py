"""``exchanges.har``: every exchange of the run as an HTTP Archive 1.2, for tools that read traffic."""

from __future__ import annotations

from http import HTTPStatus
from typing import IO
from urllib.parse import parse_qsl

import harfile

from conformance.evidence.packet import Packet
from conformance.evidence.text import url_path, visible
from conformance.journal import Exchange

BODY = 256 * 1024
"""Characters of one body that are kept."""

TOTAL = 64 * 1024 * 1024
"""Characters of all bodies together; entries beyond it keep everything but their bodies."""


def write(packet: Packet, target: IO[str]) -> None:
    """Stream the archive to ``target``, entry by entry. Bodies are redacted already; long ones are cut and
    say so.
    """
    run = packet.run
    version = run.versions.get("conformance", "")
    about = packet.watermark or f"Run {run.run} on {run.target}, {run.environment}."
    left = TOTAL
    creator = harfile.Creator(name="obit-conformance", version=version)
    with harfile.HarFile(target, creator=creator, comment=visible(about)) as archive:
        for exchange in packet.exchanges.values():
            request_body, request_cut = _cut(exchange.request_body, left)
            left -= len(request_body or "")
            response_body, response_cut = _cut(exchange.response_body, left)
            left -= len(response_body or "")
            archive.add_entry(
                startedDateTime=exchange.started,
                time=exchange.elapsed_ms,
                request=_request(exchange, request_body, request_cut),
                response=_response(exchange, response_body, response_cut),
                timings=harfile.Timings(send=0, wait=exchange.elapsed_ms, receive=0),
                comment=visible(f"{exchange.id}: {exchange.account or 'no account'}, {exchange.scenario}"),
            )


def _request(exchange: Exchange, body: str | None, cut: str | None) -> harfile.Request:
    posted = None
    if body is not None:
        posted = harfile.PostData(mimeType=_header(exchange.request_headers, "content-type"), text=body, comment=cut)
    query = parse_qsl(url_path(exchange.url).partition("?")[2], keep_blank_values=True)
    return harfile.Request(
        method=exchange.method,
        url=exchange.url,
        httpVersion="HTTP/1.1",
        headers=_records(exchange.request_headers),
        queryString=_records(query),
        postData=posted,
        bodySize=len((exchange.request_body or "").encode("utf-8", "surrogatepass")),
    )


def _response(exchange: Exchange, body: str | None, cut: str | None) -> harfile.Response:
    """What came back; status 0 is the archive's way to say that nothing did."""
    content = harfile.Content(
        size=exchange.response_size,
        mimeType=_header(exchange.response_headers, "content-type"),
        text=body,
        comment=cut,
    )
    return harfile.Response(
        status=exchange.status or 0,
        statusText=_phrase(exchange.status),
        httpVersion="HTTP/1.1",
        headers=_records(exchange.response_headers),
        content=content,
        redirectURL=_header(exchange.response_headers, "location"),
        bodySize=exchange.response_size,
        comment=visible(exchange.error) if exchange.error else None,
    )


def _records(pairs: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> list[harfile.Record]:
    return [harfile.Record(name=name, value=value) for name, value in pairs]


def _header(headers: tuple[tuple[str, str], ...], wanted: str) -> str:
    return next((value for name, value in headers if name.lower() == wanted), "")


def _phrase(status: int | None) -> str:
    try:
        return HTTPStatus(status or 0).phrase
    except ValueError:
        return ""


def _cut(body: str | None, left: int) -> tuple[str | None, str | None]:
    """The body as far as it is kept, and a comment where it is not whole."""
    if body is None:
        return None, None
    keep = min(BODY, max(0, left))
    if len(body) <= keep:
        return body, None
    return body[:keep], f"cut after {keep} of {len(body)} characters"

"""Writing what went through the proxy as an HTTP Archive, redacted at birth, and trying the rules as it comes."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import IO, Any, Final
from urllib.parse import parse_qsl, urlsplit

import harfile

from conformance.client import Redactor, stamp
from conformance.contract import Contract
from conformance.journal import Outcome
from conformance.partner import rules
from conformance.partner import traffic_reading as reading
from conformance.partner.har import HarError
from conformance.partner.proxy_types import KEPT_BODY, Exchanged, Message
from conformance.partner.traffic import Call, Traffic
from conformance.partner.traffic_reading import Origins
from conformance.partner.traffic_record import redacted_headers, redacted_url

WATCHED: Final = 2_000
"""Calls up to which the rules are tried while they come; the whole recording is judged at the end in any case."""

BODIES: Final = 512 << 20
"""Characters of all bodies together; entries beyond it keep everything but their bodies."""


class Archive:
    """An archive that grows with every exchange. Secrets are replaced before anything is written."""

    def __init__(self, target: IO[str], redactor: Redactor, sensitive: frozenset[str], comment: str) -> None:
        creator = harfile.Creator(name="conformance observe", version="1")
        self._har = harfile.HarFile(target, creator=creator, comment=comment)
        self._redact, self._sensitive = redactor, sensitive
        self._left = BODIES
        self.entries = 0

    def add(self, exchanged: Exchanged) -> dict[str, Any]:
        """Write one exchange down; gives the entry as it stands in the archive."""
        self.entries += 1
        took = round(exchanged.elapsed * 1000, 3)
        request, response = self._request(exchanged), self._response(exchanged)
        self._har.add_entry(
            startedDateTime=stamp(exchanged.started),
            time=took,
            request=request,
            response=response,
            timings=harfile.Timings(send=0, wait=took, receive=0),
            comment=self._redact.text(exchanged.error) or None,
        )
        self._har.flush()
        return {
            "startedDateTime": stamp(exchanged.started),
            "time": took,
            "request": request.asdict(),
            "response": response.asdict(),
        }

    def close(self) -> None:
        """End the archive; it is complete only then."""
        self._har.close()

    def _request(self, exchanged: Exchanged) -> harfile.Request:
        message = exchanged.request
        url = redacted_url(exchanged.url, self._sensitive, self._redact)
        text, comment = self._text(message)
        posted = None
        # A body that is not kept is left out: an empty one would say that nothing was sent.
        if message.done and text is not None and (message.size or exchanged.method in ("POST", "PUT", "PATCH")):
            posted = harfile.PostData(mimeType=header(message, "content-type"), text=text, comment=comment)
        return harfile.Request(
            method=exchanged.method,
            url=url,
            httpVersion="HTTP/1.1",
            headers=self._headers(message),
            queryString=[harfile.Record(name=n, value=v) for n, v in parse_qsl(urlsplit(url).query)],
            postData=posted,
            bodySize=message.size,
        )

    def _response(self, exchanged: Exchanged) -> harfile.Response:
        message, status = exchanged.response, exchanged.status or 0
        text, comment = self._text(message)
        content = harfile.Content(
            size=message.size, mimeType=header(message, "content-type"), text=text, comment=comment
        )
        return harfile.Response(
            status=status,
            statusText=HTTPStatus(status).phrase if status in set(HTTPStatus) else "",
            httpVersion="HTTP/1.1",
            headers=self._headers(message),
            content=content,
            redirectURL=self._redact.text(header(message, "location")),
            bodySize=message.size,
        )

    def _headers(self, message: Message) -> list[harfile.Record]:
        listed = [{"name": name, "value": value} for name, value in message.headers]
        return [harfile.Record(name=name, value=value) for name, value in redacted_headers(listed, self._redact)]

    def _text(self, message: Message) -> tuple[str | None, str | None]:
        """A body as text, and what is to be said of it. What cannot be read cannot be redacted, and is not kept."""
        if not message.size:
            return "", None
        if message.size > KEPT_BODY:
            return None, f"not kept: {message.size} bytes"
        raw = decoded(bytes(message.body), header(message, "content-encoding").strip().lower())
        try:
            text = raw.decode("utf-8") if raw is not None else None
        except UnicodeDecodeError:
            text = None
        if text is None:
            return None, "not kept: no text, or an encoding that is not read here"
        if self._left < len(text):
            return None, "not kept: the archive holds enough bodies"
        self._left -= len(text)
        return self._redact.text(text), None


def header(message: Message, wanted: str) -> str:
    """The first header of this name (lower case); empty if there is none."""
    return next((value for name, value in message.headers if name.lower() == wanted), "")


def decoded(raw: bytes, encoding: str) -> bytes | None:
    """A body without its content encoding, within bounds; None where it cannot be read."""
    if encoding in ("", "identity"):
        return raw
    if encoding not in ("gzip", "x-gzip", "deflate"):
        return None
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        text = unpacking.decompress(raw, KEPT_BODY)
    except zlib.error:
        return None
    return None if unpacking.unconsumed_tail else text


class Watch:
    """Tries the rules on what came so far, and says each requirement once, as soon as it is seen broken."""

    def __init__(
        self, contracts: Mapping[str, Contract], origins: Origins, from_start: bool, say: Callable[[str, str], None]
    ) -> None:
        self._contracts, self._origins = contracts, origins
        self._from_start, self._say = from_start, say
        self._calls: list[Call] = []
        self._fresh = False
        self._told: set[str] = set()

    def take(self, number: int, entry: Mapping[str, Any]) -> None:
        """Take one more entry, to be looked at next time."""
        if len(self._calls) >= WATCHED:
            return
        self._origins.note(entry)
        try:
            where = reading.locate(entry, self._origins, self._contracts)
            if where is None or where.operation == "OPTIONS":
                return
            self._calls.append(reading.call(entry, number, where, in_browser=False))
        except HarError:
            return
        self._fresh = True

    def look(self) -> None:
        """Try the rules, if anything came since the last look."""
        if not self._fresh:
            return
        self._fresh = False
        ordered = sorted(self._calls, key=lambda call: (call.started, call.number))
        for ruling in rules.judge(Traffic(tuple(ordered), frozenset(), self._from_start)):
            if ruling.outcome is Outcome.FAIL and ruling.requirement not in self._told:
                self._told.add(ruling.requirement)
                self._say(ruling.requirement, ruling.observed)


__all__ = ["Archive", "Watch", "decoded", "header"]

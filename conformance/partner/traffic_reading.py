"""From one entry of an archive to a call: whose it is, and what of it is recorded. Refuses what no recorder writes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

from conformance.contract import Contract
from conformance.partner.har import HarError, shape
from conformance.partner.traffic import KEY, MASKED, PUBLISHED, Body, Call, Key, Kind
from conformance.partner.traffic_caller import caller

DISTINCT: Final = {"pools": ("/pools/",), "gate": ("/gate_sessions/", "/embed/", "/rails/")}
"""Paths that nobody else's API has beside keys of these shapes: others have customers and quotes too."""

_BASE = re.compile(r"((?:/[^/]+)*?/v1)(/.*)")

CLIPPED: Final = 300
LARGEST_BODY: Final = 1 << 20
"""Characters of a body that are looked into; a longer one counts as not recorded."""


@dataclass(slots=True)
class Origins:
    """Which origins of a recording are 0Bit's, by product; published hosts and named ones are known before."""

    named: frozenset[str] = frozenset()
    """Hosts (``host`` or ``host:port``) the user says are 0Bit's."""
    found: dict[str, set[str]] = field(default_factory=dict)

    def products(self, origin: str) -> tuple[str, ...]:
        """The products an origin serves; none for somebody else's."""
        parts = urlsplit(origin)
        published = PUBLISHED.get(parts.hostname or "")
        if published is not None:
            return (published[0],)
        if self.named & {parts.hostname, parts.netloc}:
            return ("pools", "gate")
        return tuple(sorted(self.found.get(origin, ())))

    def note(self, entry: Mapping[str, Any]) -> None:
        """Learn from an entry: a path only 0Bit has, asked for with a key of its shape, shows an origin of 0Bit's."""
        request = entry.get("request")
        url = request.get("url") if isinstance(request, dict) else None
        if not isinstance(request, dict) or not isinstance(url, str):
            return
        place = _place(url)
        if place is None:
            return
        origin, path = place
        shown = any(
            KEY.search(item["value"])
            for item in _pairs(request.get("headers"))
            if item["name"].lower() in ("authorization", "x-publishable-key")
        )
        for product, prefix in DISTINCT.items():
            if shown and f"{path}/".startswith(prefix):
                self.found.setdefault(origin, set()).add(product)


def locate(entry: Mapping[str, Any], origins: Origins, contracts: Mapping[str, Contract]) -> Located | None:
    """The operation of 0Bit an entry calls; None for everything else in the recording.

    Raises ``HarError`` naming the field where an entry has no request to look at.
    """
    request = entry.get("request")
    if not isinstance(request, dict):
        raise HarError(f"request is {shape(request)}; expected an object with method, url and headers")
    method, url = request.get("method"), request.get("url")
    for name, value in (("method", method), ("url", url)):
        if not isinstance(value, str) or not value:
            raise HarError(f"request.{name} is {shape(value)}; expected a text")
    assert isinstance(method, str)
    assert isinstance(url, str)
    place = _place(url)
    if place is None:
        return None
    origin, path = place
    for product in origins.products(origin):
        match = contracts[product].find(method, path)
        if match is not None:
            return Located(product, match.operation.key, dict(match.parameters), origin, path)
        if method.upper() == "OPTIONS" and contracts[product].knows(path):
            return Located(product, "OPTIONS", {}, origin, path)
    return None


@dataclass(frozen=True, slots=True)
class Located:
    """Where in 0Bit's API an entry went."""

    product: str
    operation: str
    """``OPTIONS`` for a preflight."""
    parameters: Mapping[str, str]
    origin: str
    path: str


def call(entry: Mapping[str, Any], number: int, where: Located, in_browser: bool) -> Call:
    """An entry as a call. Raises ``HarError`` naming field, shape and fix for what no recorder writes."""
    request = entry["request"]
    response = _object(entry, "response", "an object with status and headers")
    sent, got = headers(request, "request"), headers(response, "response")
    started = _moment(entry.get("startedDateTime"))
    took = _number(entry.get("time"))
    who, shown = caller(sent, in_browser)
    url = urlsplit(request["url"])
    status = _number(response.get("status"))
    if status is None:
        raise HarError(f"response.status is {shape(response.get('status'))}; expected a number, 0 where nothing came")
    return Call(
        id=f"entry-{number}",
        number=number,
        started=started,
        ended=started + took / 1000 if took is not None and took >= 0 else None,
        product=where.product,
        operation=where.operation,
        parameters=where.parameters,
        target=f"{request['method'].upper()} {request['url'].partition('#')[0]}",
        origin=where.origin,
        mode=PUBLISHED.get(url.hostname or "", ("", ""))[1],
        key=key_of(sent),
        caller=who,
        caller_shown=shown,
        page=sent.get("origin", ""),
        # What the application set itself: some recorders leave such headers out, and say nothing then.
        has_headers=bool(sent.keys() & {"content-type", "authorization", "idempotency-key"}),
        idempotency=sent.get("idempotency-key", "").strip() or None,
        request=body(request_text(request)),
        status=int(status) if status > 0 else None,
        response=body(response_text(response)),
        retry_after=_retry_after(got),
        served=_http_date(got.get("date", "")),
    )


def key_of(sent: Mapping[str, str]) -> Key:
    """The key among request headers (names in lower case); the identity is a digest of it."""
    for value in (sent.get("authorization", ""), sent.get("x-publishable-key", "")):
        token = value.partition(" ")[2].strip() if " " in value else value.strip()
        if not token:
            continue
        if MASKED.fullmatch(token):
            return Key(Kind.OTHER)
        identity = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        found = KEY.fullmatch(token)
        if found is None:
            return Key(Kind.OTHER, "", identity)
        return Key(Kind.SECRET if found[1] == "sk" else Kind.PUBLISHABLE, found[2], identity)
    return Key()


def headers(message: Mapping[str, Any], where: str) -> dict[str, str]:
    """The headers of a request or response by lower-case name, the first of each. Raises ``HarError``."""
    listed = message.get("headers", [])
    if not isinstance(listed, list):
        raise HarError(f"{where}.headers is {shape(listed)}; expected a list of name and value")
    found: dict[str, str] = {}
    for item in listed:
        pair = (item.get("name"), item.get("value")) if isinstance(item, dict) else (None, None)
        if not isinstance(pair[0], str) or not isinstance(pair[1], str):
            raise HarError(f"{where}.headers holds {shape(item)} without a text as name and as value; expected both")
        found.setdefault(pair[0].lower(), pair[1])
    return found


def request_text(request: Mapping[str, Any]) -> str | None:
    """The body of a request; empty where it has none, None where the recording leaves it out. Raises ``HarError``."""
    posted = request.get("postData")
    if posted is None:
        return None if request.get("method", "").upper() in ("POST", "PUT", "PATCH") else ""
    if not isinstance(posted, dict):
        raise HarError(f"request.postData is {shape(posted)}; expected an object with mimeType and text")
    return _text(posted, "request.postData")


def response_text(response: Mapping[str, Any]) -> str | None:
    """The body of a response, None where the recording leaves it out. Raises ``HarError``."""
    content = response.get("content")
    if content is None:
        return None
    if not isinstance(content, dict):
        raise HarError(f"response.content is {shape(content)}; expected an object with mimeType and text")
    return _text(content, "response.content")


def _text(holder: Mapping[str, Any], where: str) -> str | None:
    text = holder.get("text")
    if text is None:
        return None
    if not isinstance(text, str):
        raise HarError(f"{where}.text is {shape(text)}; expected a text")
    encoding = holder.get("encoding")
    if encoding in (None, ""):
        return text
    if encoding != "base64":
        raise HarError(f"{where}.encoding is {shape(encoding)} other than base64, which is all HAR knows")
    try:
        return base64.b64decode(text, validate=False).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise HarError(f"{where}.text is no base64, as its encoding says; export the recording again") from None


def body(text: str | None) -> Body | None:
    """A body as rules see it; None for one that was not recorded, is too long or is no JSON object."""
    if text is None or len(text) > LARGEST_BODY:
        return None
    if not text.strip():
        return Body({}, frozenset(), "")
    try:
        document = json.loads(text)
        # Two spellings of one document are one body: some clients write members in any order.
        spelled = json.dumps(document, sort_keys=True)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    digest = hashlib.sha256(spelled.encode()).hexdigest()
    return Body({name: _kept(value) for name, value in document.items()}, frozenset(_names(document)), digest)


def _kept(value: Any) -> Any:
    """A member as far as rules look: scalars, and the texts of a list or the ids of its objects."""
    if isinstance(value, str):
        return value[:CLIPPED]
    if isinstance(value, list):
        flat = (item.get("id") if isinstance(item, dict) else item for item in value[:500])
        return tuple(item[:CLIPPED] for item in flat if isinstance(item, str))
    return value if value is None or isinstance(value, bool | int | float) else {}


def _names(document: Any) -> Iterator[str]:
    pending = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            yield from value
            # What a partner keeps in metadata is its own and is given no meaning here.
            pending.extend(item for name, item in value.items() if name != "metadata")
        elif isinstance(value, list):
            pending.extend(value)


def _place(url: str) -> tuple[str, str] | None:
    """Origin and path below ``/v1`` of a URL; None for one that has no such path."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    found = _BASE.fullmatch(parts.path)
    if parts.scheme not in ("http", "https") or not parts.hostname or found is None:
        return None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}", found[2]


def _pairs(listed: Any) -> list[dict[str, str]]:
    """The well-formed headers of a list, whatever else is in it."""
    items = listed if isinstance(listed, list) else []
    pairs = [item for item in items if isinstance(item, dict)]
    return [item for item in pairs if isinstance(item.get("name"), str) and isinstance(item.get("value"), str)]


def _object(holder: Mapping[str, Any], name: str, expected: str) -> Mapping[str, Any]:
    value = holder.get(name)
    if not isinstance(value, dict):
        raise HarError(f"{name} is {shape(value)}; expected {expected}")
    return value


def _number(value: Any) -> float | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12
    return float(value) if fits else None


def _moment(value: Any) -> float:
    """ISO 8601 as Unix seconds; a time without a zone counts as UTC, which no rule on durations minds."""
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        wanted = "expected ISO 8601, such as 2026-05-25T12:00:00.000Z"
        raise HarError(f"startedDateTime is {shape(value)} that is no time; {wanted}") from None


def _http_date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _retry_after(got: Mapping[str, str]) -> float | None:
    """Seconds to wait, from either form of Retry-After; a date counts from the answer's own."""
    value = got.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,6}", value):
        return float(value)
    until, served = _http_date(value), _http_date(got.get("date", ""))
    return None if until is None or served is None else max(0.0, until - served)


__all__ = ["Located", "Origins", "body", "call", "headers", "key_of", "locate", "request_text", "response_text"]

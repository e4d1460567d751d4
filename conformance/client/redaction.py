"""Replacing secrets and personal data by keyed fingerprints before anything is written down.

By value (every credential of the run, and every sensitive value once seen) and by name (members the contract marks
``x-sensitive``). The key lives for one run, so equal values look equal within it and nothing can be looked up later.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

CREDENTIAL = re.compile(
    r"(?:sk|pk)_(?:test|live)_[A-Za-z0-9_\-]{6,}|whsec_[A-Za-z0-9_\-+/=]{6,}|gsec_[A-Za-z0-9_\-]{6,}"
)
"""The published shapes of credentials: redacted even where the run does not know the value."""

CARRIES_SECRET = re.compile(r"cookie|token|secret|publishable|api-?key", re.IGNORECASE)
"""Headers whose whole value is one."""

SIGNATURE = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
"""A digest in a header that signs: verified before it is recorded, and something to try secrets against afterwards."""

MINIMUM = 4
"""Values shorter than this are redacted where they stand, not everywhere: ``"EU"`` would blank half a report."""

DIGITS = 8
"""Numbers shorter than this likewise."""

LEARNED = 20_000
"""How many sensitive values of responses are remembered."""


class _Number(str):
    """A JSON number as it is spelled: neither its digits nor its size are ours to change."""

    __slots__ = ()


_DECODER = json.JSONDecoder(parse_float=_Number, parse_int=_Number, parse_constant=_Number, strict=False)
_ABSENT: Any = object()


class Redactor:
    """Redacts texts of one run. Threads may share it."""

    def __init__(self, key: bytes, secrets: Iterable[str] = (), sensitive: Iterable[str] = ()) -> None:
        self._key = key
        self._lock = threading.Lock()
        self._values: dict[str, str] = {}
        """Every spelling of a known value, longest first, and the value."""
        self._names = frozenset(sensitive)
        self._member = _member_pattern(self._names)
        self._learn(secrets)

    def fingerprint(self, value: str) -> str:
        """The stand-in for ``value``: the same for the same value, in this run only."""
        digest = hmac.new(self._key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return f"[redacted:{digest[:12]}]"

    def text(self, text: str) -> str:
        """``text`` without any known secret, any credential shape and any sensitive JSON member."""
        if self._member is not None and ("\\u" in text or any(name in text for name in self._names)):
            text = self._without_members(text, self._member)
        values = self._values
        present = [spelling for spelling in values if spelling in text]
        if present:
            # One pass, so that nothing is found inside a fingerprint that was just put there.
            pattern = re.compile("|".join(map(re.escape, present)))
            text = pattern.sub(lambda found: self.fingerprint(values[found.group()]), text)
        return CREDENTIAL.sub(lambda found: self.fingerprint(found.group()), text)

    def header(self, name: str, value: str) -> str:
        """A header's value; a bearer token is fingerprinted whatever it looks like."""
        if name.lower() in ("authorization", "proxy-authorization"):
            scheme, _, token = value.partition(" ")
            return f"{scheme} {self.fingerprint(token)}" if token else self.fingerprint(value)
        if CARRIES_SECRET.search(name):
            return self.fingerprint(value)
        if "signature" in name.lower():
            value = SIGNATURE.sub(lambda found: self.fingerprint(found.group()), value)
        return self.text(value)

    def _without_members(self, text: str, member: re.Pattern[str]) -> str:
        document = _parse(text)
        if document is not _ABSENT:
            self._learn(_sensitive_leaves(document, self._names))
            if "\\" in text:
                # Escapes can spell a name in many ways, so the document is redacted and written anew.
                try:
                    return _written(self._redacted(document, inside=False))
                except RecursionError:
                    return self.fingerprint(text)
        parts, position = [], 0
        for found in member.finditer(text):
            if found.start() >= position:
                end, stand_in = self._replacement(text, found.end())
                parts += [text[position : found.end()], stand_in]
                position = end
        return "".join([*parts, text[position:]])

    def _replacement(self, text: str, start: int) -> tuple[int, str]:
        """Where the sensitive value that begins at ``start`` ends, and what stands in for it."""
        try:
            value, end = _DECODER.raw_decode(text, start)
            return end, _written(self._redacted(value, inside=True))
        except (ValueError, RecursionError):
            # Cut off, or never JSON: nobody knows where it ends, so everything after it goes.
            return len(text), f'"{self.fingerprint(text[start:].lstrip(chr(34)))}'

    def _redacted(self, value: Any, *, inside: bool) -> Any:
        """A document with everything at or under a sensitive member fingerprinted; its shape and names stay."""
        if isinstance(value, dict):
            return {name: self._redacted(item, inside=inside or name in self._names) for name, item in value.items()}
        if isinstance(value, list):
            return [self._redacted(item, inside=inside) for item in value]
        if isinstance(value, str) and inside:
            return self.fingerprint(value)
        if isinstance(value, str) and not isinstance(value, _Number) and _may_hold_json(value):
            return self.text(value)
        return value

    def _learn(self, values: Iterable[str]) -> None:
        with self._lock:
            known = self._values
            fresh = {value for value in values if len(value) >= (DIGITS if isinstance(value, _Number) else MINIMUM)}
            fresh -= known.keys()
            if not fresh or len(known) >= LEARNED:
                return
            together = known | {spelling: value for value in fresh for spelling in _spellings(value)}
            # Replaced as a whole: another thread may be reading.
            self._values = dict(sorted(together.items(), key=lambda item: -len(item[0])))


def _spellings(value: str) -> set[str]:
    """A value as it stands in a text, in a URL, in JSON and in JSON within JSON."""
    once = json.dumps(value)[1:-1]
    unescaped = json.dumps(value, ensure_ascii=False)[1:-1]
    encodable = value.encode("utf-8", "replace")
    return {value, quote(encodable, safe=""), quote_plus(encodable), once, unescaped, json.dumps(once)[1:-1]}


def _member_pattern(names: frozenset[str]) -> re.Pattern[str] | None:
    if not names:
        return None
    alternatives = "|".join(re.escape(name) for name in sorted(names))
    return re.compile(rf'\\*"(?:{alternatives})\\*"\s*:\s*')


def _parse(text: str) -> Any:
    """The JSON document in ``text``, or ``_ABSENT``."""
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        return _ABSENT


def _may_hold_json(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[")


def _sensitive_leaves(document: Any, names: frozenset[str]) -> Iterator[str]:
    """Every value at or under a sensitive member, so that the same value is recognised elsewhere too."""
    pending: list[tuple[Any, bool]] = [(document, False)]
    while pending:
        value, inside = pending.pop()
        if isinstance(value, dict):
            pending.extend((item, inside or name in names) for name, item in value.items())
        elif isinstance(value, list):
            pending.extend((item, inside) for item in value)
        elif inside and isinstance(value, str):
            yield value


def _written(value: Any) -> str:
    """A document as JSON, its numbers spelled as they came."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        members = (f"{json.dumps(name)}: {_written(item)}" for name, item in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return json.dumps(value)

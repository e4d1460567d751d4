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
from urllib.parse import quote

CREDENTIAL = re.compile(
    r"(?:sk|pk)_(?:test|live)_[A-Za-z0-9_\-]{6,}|whsec_[A-Za-z0-9_\-+/=]{6,}|gsec_[A-Za-z0-9_\-]{6,}"
)
"""The published shapes of credentials: redacted even where the run does not know the value."""

MINIMUM = 4
"""Values shorter than this are redacted where they stand, not everywhere: ``"EU"`` would blank half a report."""

LEARNED = 20_000
"""How many sensitive values of responses are remembered."""


class Redactor:
    """Redacts texts of one run. Threads may share it."""

    def __init__(self, key: bytes, secrets: Iterable[str] = (), sensitive: Iterable[str] = ()) -> None:
        self._key = key
        self._lock = threading.Lock()
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._names = frozenset(sensitive)
        self._member = _member_pattern(self._names)
        self._learn(value for secret in secrets for value in (secret, quote(secret, safe="")))

    def fingerprint(self, value: str) -> str:
        """The stand-in for ``value``: the same for the same value, in this run only."""
        digest = hmac.new(self._key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return f"[redacted:{digest[:12]}]"

    def text(self, text: str) -> str:
        """``text`` without any known secret, any credential shape and any sensitive JSON member."""
        if self._member is not None and any(name in text for name in self._names):
            self._learn(_sensitive_leaves(text, self._names))
            text = self._member.sub(self._replace_member, text)
        pattern = self._pattern
        if pattern is not None:
            text = pattern.sub(lambda found: self.fingerprint(found.group()), text)
        return CREDENTIAL.sub(lambda found: self.fingerprint(found.group()), text)

    def header(self, name: str, value: str) -> str:
        """A header's value; a bearer token is fingerprinted whatever it looks like."""
        if name.lower() in ("authorization", "proxy-authorization"):
            scheme, _, token = value.partition(" ")
            return f"{scheme} {self.fingerprint(token)}" if token else self.fingerprint(value)
        if name.lower() in ("cookie", "set-cookie", "x-publishable-key", "x-embed-token"):
            return self.fingerprint(value)
        return self.text(value)

    def _replace_member(self, found: re.Match[str]) -> str:
        return f'{found.group(1)}"{self.fingerprint(found.group(2))}"'

    def _learn(self, values: Iterable[str]) -> None:
        with self._lock:
            fresh = {v for v in values if len(v) >= MINIMUM} - self._values
            fresh |= {escaped for v in fresh if (escaped := json.dumps(v)[1:-1]) != v}
            if not fresh or len(self._values) >= LEARNED:
                return
            self._values |= fresh
            longest_first = sorted(self._values, key=len, reverse=True)
            self._pattern = re.compile("|".join(re.escape(value) for value in longest_first))


def _member_pattern(names: frozenset[str]) -> re.Pattern[str] | None:
    if not names:
        return None
    alternatives = "|".join(re.escape(name) for name in sorted(names))
    return re.compile(rf'("(?:{alternatives})"\s*:\s*)"((?:[^"\\]|\\.)*)"?')


def _sensitive_leaves(text: str, names: frozenset[str]) -> Iterator[str]:
    """Every string at or under a sensitive member, so that the same value is recognised elsewhere too."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return
    pending: list[tuple[Any, bool]] = [(document, False)]
    while pending:
        value, inside = pending.pop()
        if isinstance(value, dict):
            pending.extend((item, inside or name in names) for name, item in value.items())
        elif isinstance(value, list):
            pending.extend((item, inside) for item in value)
        elif inside and isinstance(value, str):
            yield value

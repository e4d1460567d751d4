"""A credential's value in memory, shown by no representation. Where it comes from is not known here."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

_LIVE = re.compile(r"[A-Za-z]+_live_")


class Secret:
    """A value that is compared, sent and fingerprinted, and never printed."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value: Final = value

    def reveal(self) -> str:
        """The value itself. For the wire and for redaction only."""
        return self._value

    def fingerprint(self, key: bytes) -> str:
        """Twelve hex digits that say "the same value again" to whoever holds ``key``, and nothing else."""
        return hmac.new(key, self._value.encode(), hashlib.sha256).hexdigest()[:12]

    @property
    def is_live(self) -> bool:
        """Whether the value has the shape of a live key (``sk_live_…``, ``pk_live_…``); facts, section 1."""
        return _LIVE.match(self._value) is not None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret(hidden)"


__all__ = ["Secret"]

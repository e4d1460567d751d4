"""A credential's value in memory, shown by no representation. Where it comes from is not known here."""

from __future__ import annotations

import hmac
import re
from typing import Final

_LIVE = re.compile(r"[A-Za-z]+_live_")


class Secret:
    """A value that is compared and sent, and never printed."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value: Final = value

    def reveal(self) -> str:
        """The value itself. For the wire and for redaction only."""
        return self._value

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

"""Recorded traffic as typed calls: which of a recording's requests went to 0Bit, with what key, saying what.

What calls may look like is the business of the rules; how an archive is read is that of ``har``, how an entry becomes
a call that of ``traffic_reading``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from conformance.partner.traffic_caller import Caller

PUBLISHED: Final[Mapping[str, tuple[str, str]]] = {
    "pools-api.0bit.app": ("pools", "live"),
    "pools-api-sandbox.0bit.app": ("pools", "test"),
    "gate-api.0bit.app": ("gate", "live"),
    "gate-api-sandbox.0bit.app": ("gate", "test"),
    "0gate-api.0bit.app": ("gate", ""),
}
"""Host to product and to the mode of the keys that belong there; the last one is what the vendor's library takes
where nothing is said, so it shows no mode."""

KEY = re.compile(r"(sk|pk)_(test|live)_\S{4,}")
MASKED = re.compile(r"\W*(?:redacted|filtered|masked|hidden|removed|sanitized|secret|x{3,})?\W*", re.IGNORECASE)
"""What tools put in the place of a value: present, and the same for every value."""


class Kind(StrEnum):
    """What kind of key a call carries."""

    SECRET = "secret"  # noqa: S105 - the word, not a secret
    PUBLISHABLE = "publishable"
    OTHER = "other"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Key:
    """The credential of a call: its kind, its mode, and a value that is equal for equal keys."""

    kind: Kind = Kind.NONE
    mode: str = ""
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON body as far as rules look: the members on top, names at any depth but in metadata, and an identity."""

    members: Mapping[str, Any]
    names: frozenset[str]
    digest: str

    def text(self, name: str) -> str:
        """The member if it is a text, else an empty one."""
        value = self.members.get(name)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Call:
    """One recorded request to 0Bit and its answer. Bodies and headers that were not recorded are None."""

    id: str
    number: int
    """The entry in the archive, counted from 1."""
    started: float
    """Unix seconds by the recorder's clock, as is ``ended``; the latter is None where no duration was recorded."""
    ended: float | None
    product: str
    operation: str
    """Method and path template, e.g. ``POST /pools/{id}/quote``."""
    parameters: Mapping[str, str]
    target: str
    """Method and URL: equal for equal requests, their bodies aside."""
    origin: str
    mode: str
    """The mode of the published host it went to; empty for any other host."""
    key: Key
    caller: Caller
    caller_shown: str
    page: str
    """The ``Origin`` it was sent from, where there is one."""
    has_headers: bool
    idempotency: str | None
    """The Idempotency-Key; None when there is none, ``MASKED`` text when the recording hides it."""
    request: Body | None
    status: int | None
    """None when nothing came back."""
    response: Body | None
    retry_after: float | None
    served: float | None
    """The answer's ``Date`` in Unix seconds: the server's clock, cut to whole seconds."""

    @property
    def ok(self) -> bool:
        """Whether it was answered with 2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def unknown(self) -> bool:
        """Whether nobody can tell from the answer if the request took effect."""
        return self.status is None or (self.status >= 500 and self.status != 501) or self.status in (408, 425)

    @property
    def hidden_key(self) -> bool:
        """Whether its Idempotency-Key is there, but not to be told from others."""
        return self.idempotency is not None and MASKED.fullmatch(self.idempotency) is not None

    def after(self, other: Call) -> bool:
        """Whether it was sent once the answer to ``other`` had come; False where the recording does not tell."""
        return other.ended is not None and self.started >= other.ended

    def says(self, name: str) -> Any:
        """A member of the answer; None where there is none or no answer was recorded."""
        return self.response.members.get(name) if self.response is not None else None


@dataclass(frozen=True, slots=True)
class Traffic:
    """The calls of one recording in the order they were sent."""

    calls: tuple[Call, ...]
    preflights: frozenset[tuple[str, str]] = frozenset()
    """Page and path of each CORS preflight that asked to send ``Authorization``."""
    from_start: bool = False
    """Whether nothing was sent before the recording began."""

    def of(self, *operations: str) -> list[Call]:
        """The calls of these operations in order."""
        return [call for call in self.calls if call.operation in operations]


def moment(text: Any) -> float | None:
    """ISO 8601 with a zone as Unix seconds; None for anything else."""
    try:
        found = datetime.fromisoformat(text)
        return found.timestamp() if found.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        return None


__all__ = ["KEY", "MASKED", "PUBLISHED", "Body", "Call", "Key", "Kind", "Traffic", "moment"]

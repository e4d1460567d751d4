"""The read-only probes by which a partner shows how many effects an event had, as data. They fetch nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from conformance.webhooks.commands import Done

_PLACEHOLDER: Final = "{eventId}"
_DIGITS: Final = 9


class ProbeError(Exception):
    """The probe could not be read; the message names what came and what to change."""


@dataclass(frozen=True, slots=True)
class EffectsProbe:
    """``GET url`` with ``{eventId}`` filled in answers JSON, where the dotted ``path`` leads to a count."""

    url: str
    path: str = "count"

    def __post_init__(self) -> None:
        if _PLACEHOLDER not in self.url:
            raise ValueError(f"effects_url {self.url!r} names no event: write {_PLACEHOLDER} where its id belongs")

    def url_of(self, event_id: str) -> str:
        return self.url.replace(_PLACEHOLDER, event_id)

    def count(self, status: int, body: bytes) -> int:
        """The count in an answer; a 404 is zero, an event the handler never saw. Raises ``ProbeError``."""
        if status == 404:
            return 0
        if status != 200:
            raise ProbeError(f"the effects probe answered {status}; it should answer 200 with a JSON count")
        try:
            node: Any = json.loads(body)
        except (ValueError, RecursionError):
            raise ProbeError("the effects probe answered 200 without readable JSON") from None
        for name in self.path.split("."):
            if not isinstance(node, dict) or name not in node:
                raise ProbeError(f"effects_path {self.path!r}: the probe's answer has no member {name!r} there")
            node = node[name]
        if isinstance(node, bool) or not isinstance(node, int) or node < 0:
            raise ProbeError(f"effects_path {self.path!r} leads to {type(node).__name__}, not to an integer from 0 up")
        return node


@dataclass(frozen=True, slots=True)
class EffectsCommand:
    """A command with ``{eventId}`` in one of its arguments that prints a count and nothing else.

    ``timeout`` is in seconds, for each run of it.
    """

    words: tuple[str, ...]
    timeout: float = 10.0

    def __post_init__(self) -> None:
        if not any(_PLACEHOLDER in word for word in self.words[1:]):
            raise ValueError(f"the effects command names no event: give it an argument with {_PLACEHOLDER}")

    def words_of(self, event_id: str) -> tuple[str, ...]:
        """The command for one event; the program's own name is never filled in."""
        return (self.words[0], *(word.replace(_PLACEHOLDER, event_id) for word in self.words[1:]))

    def count(self, done: Done) -> int:
        """The count a run of it printed. Raises ``ProbeError``."""
        if done.code is None:
            raise ProbeError(f"the effects command did not end within {self.timeout:g} s, or printed without end")
        if done.code != 0:
            raise ProbeError(f"the effects command left with exit code {done.code}; it should leave with 0")
        text = done.output.strip()
        if not text.isdigit() or len(text) > _DIGITS:
            raise ProbeError("the effects command should print one integer from 0 up and nothing else")
        return int(text)


Probe = EffectsProbe | EffectsCommand

"""The read-only probe by which a partner shows how many effects an event had, as data. It fetches nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

_PLACEHOLDER: Final = "{eventId}"


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

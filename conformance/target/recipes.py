"""Recipes: what a profile says makes an outcome happen at its target, by test values or by helper calls.

Filling a call's placeholders happens here; sending it is the client's business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class HelperCall:
    """One call that stands in for what the partner API cannot do; ``{name}`` stands for the object at hand.

    A member of the body whose placeholder has no value is left out; a value that is ``{seconds}`` and nothing
    else becomes a number.
    """

    method: str
    url: str
    """Absolute, or a path from the root of the target."""
    body: Mapping[str, Any] | None
    account: str | None
    """The account whose secret key authorises the call; None sends no key."""

    def url_for(self, base_url: str, facts: Mapping[str, str]) -> str:
        """The absolute URL. Raises ``LookupError`` if a placeholder has no value that can stand in a path."""
        # An empty id or one of dots would make another URL of it, even one at another host.
        missing = [name for name in placeholders(self.url) if facts.get(name, "") in ("", ".", "..")]
        if missing:
            raise LookupError(f"the helper call needs {{{missing[0]}}}, which is not known here")
        path = _PLACEHOLDER.sub(lambda match: quote(facts[match[1]], safe=""), self.url)
        return urljoin(base_url, path)

    def body_for(self, facts: Mapping[str, str]) -> dict[str, Any] | None:
        """The JSON body, or None for a call without one."""
        return None if self.body is None else dict(_filled(self.body, facts))


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to bring an outcome about: what to ask for in the quote, then the helper calls, in order."""

    request: Mapping[str, str]
    calls: tuple[HelperCall, ...]


def placeholders(value: Any) -> Iterator[str]:
    """The placeholder names in a text, or in all texts of a table or list."""
    if isinstance(value, str):
        yield from _PLACEHOLDER.findall(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from placeholders(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from placeholders(item)


def has_stray_brace(text: str) -> bool:
    """Whether a brace is left when all placeholders are taken out."""
    rest = _PLACEHOLDER.sub("", text)
    return "{" in rest or "}" in rest


_ABSENT: Any = object()


def _filled(value: Any, facts: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        members = {key: _filled(item, facts) for key, item in value.items()}
        return {key: item for key, item in members.items() if item is not _ABSENT}
    if isinstance(value, (list, tuple)):
        items = [_filled(item, facts) for item in value]
        return [item for item in items if item is not _ABSENT]
    if not isinstance(value, str):
        return value
    if any(name not in facts for name in placeholders(value)):
        return _ABSENT
    text = _PLACEHOLDER.sub(lambda match: facts[match[1]], value)
    return json.loads(text) if value == "{seconds}" else text


__all__ = ["HelperCall", "Recipe", "has_stray_brace", "placeholders"]

"""Recipes: what a profile says makes an outcome happen at its target, by test values or by helper calls.

Filling a call's placeholders happens here; sending it is the client's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class HelperCall:
    """One call that stands in for what the partner API cannot do; ``{name}`` stands for the object at hand.

    A value in the body that is one placeholder and nothing else takes the type of what it stands for; a
    member of the body whose placeholder has no value is left out.
    """

    method: str
    url: str
    """Absolute."""
    body: Mapping[str, Any] | None
    account: str | None
    """The account whose secret key authorises the call; None sends no key."""

    def filled(self, values: Mapping[str, str | int]) -> HelperCall:
        """The call ready to be sent. Raises ``LookupError`` if a placeholder of the URL has no value."""
        missing = [name for name in placeholders(self.url) if name not in values]
        if missing:
            raise LookupError(f"the helper call needs {{{missing[0]}}}, which is not known here")
        url = _PLACEHOLDER.sub(lambda match: quote(str(values[match[1]]), safe=""), self.url)
        body = None if self.body is None else _filled(self.body, values)
        return HelperCall(self.method, url, body, self.account)


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


def _filled(value: Any, values: Mapping[str, str | int]) -> Any:
    if isinstance(value, Mapping):
        members = {key: _filled(item, values) for key, item in value.items()}
        return {key: item for key, item in members.items() if item is not _ABSENT}
    if isinstance(value, (list, tuple)):
        items = [_filled(item, values) for item in value]
        return [item for item in items if item is not _ABSENT]
    if not isinstance(value, str):
        return value
    names = list(placeholders(value))
    if any(name not in values for name in names):
        return _ABSENT
    whole = _PLACEHOLDER.fullmatch(value)
    return values[whole[1]] if whole else _PLACEHOLDER.sub(lambda match: str(values[match[1]]), value)


__all__ = ["HelperCall", "Recipe", "has_stray_brace", "placeholders"]

"""Making foreign text safe to show: control characters become visible escapes, length is bounded.

Escaping for one format (HTML, XML, Markdown, shell) belongs to the writer of that format.
"""

from __future__ import annotations

import re

_HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
    r"\ud800-\udfff\ufdd0-\ufdef\ufeff\ufffe\uffff]"
)


def visible(text: str) -> str:
    """The text with everything that could drive a terminal, hide or not be encoded spelled out as
    ``\\xNN``/``\\uNNNN``.

    Line feeds and tabs stay. The result encodes to UTF-8 and is legal in XML 1.0.
    """
    return _HIDDEN.sub(_spell, text)


def one_line(text: str) -> str:
    """The text with every run of white space as one blank, made visible."""
    return visible(" ".join(text.split()))


def clip(text: str, limit: int) -> str:
    """The text cut at ``limit`` characters, saying how much was left out."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit} more characters)"


def _spell(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def count(number: int, noun: str) -> str:
    """``1 requirement``, ``2 requirements``: a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def url_path(url: str) -> str:
    """The path of a URL with its query, whatever else may be wrong with it."""
    return re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*", "", url) or "/"

"""Reading what came over the wire: JSON bodies, their members, and query values. Refuses with 400 or 415."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from conformance.sandbox.refusal import Refusal, invalid

INTEGER = re.compile(r"-?[0-9]{1,400}", re.ASCII)
LONGEST_ECHO = 60


def read_object(content_type: str | None, body: bytes) -> Mapping[str, object]:
    """The JSON object of a request body. 415 for another media type, 400 for anything else."""
    if not body:
        raise invalid("a JSON body is required")
    if (content_type or "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "unsupported_media_type", "send the body as application/json")
    try:
        document = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise invalid(f"the body is not readable JSON ({type(error).__name__})") from None
    if not isinstance(document, dict):
        raise invalid("the body must be a JSON object")
    return document


def _no_constant(word: str) -> object:
    raise ValueError(word)


def text(document: Mapping[str, object], name: str, longest: int) -> str:
    """A required string member of 1 to ``longest`` characters without controls or lone surrogates."""
    if name not in document:
        raise invalid(f"{name} is required")
    value = document[name]
    if not isinstance(value, str):
        raise invalid(f"{name} must be a string")
    if not 1 <= len(value) <= longest:
        raise invalid(f"{name} must have 1 to {longest} characters, this has {len(value)}")
    if any(
        character < " " or "\x7f" <= character <= "\x9f" or "\ud800" <= character <= "\udfff" for character in value
    ):
        raise invalid(f"{name} must not contain control characters or lone surrogates")
    return value


def optional_text(document: Mapping[str, object], name: str, longest: int) -> str | None:
    """Like ``text``, or nothing where the member is absent. ``null`` is not absence."""
    return text(document, name, longest) if name in document else None


def one_of(value: str, name: str, words: tuple[str, ...]) -> str:
    """One of a closed set of words."""
    if value not in words:
        raise invalid(f"{name} must be one of {', '.join(words)}")
    return value


def integer(query: Mapping[str, str], name: str, default: int) -> int:
    """A whole number from the query, of any size."""
    value = query.get(name)
    if value is None:
        return default
    if not INTEGER.fullmatch(value):
        raise invalid(f"{name} must be a whole number, not {value[:LONGEST_ECHO]!r}")
    return int(value)


def moment(query: Mapping[str, str], name: str) -> float | None:
    """An ISO 8601 time from the query as seconds since the epoch; without an offset it is taken as UTC."""
    value = query.get(name)
    if value is None:
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise invalid(f"{name} must be an ISO 8601 time such as 2026-01-01T00:00:00Z") from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()

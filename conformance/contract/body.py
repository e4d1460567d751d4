"""Reading a response body strictly as JSON, hostile ones included, and walking it. What it must contain is
not known here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from conformance.contract.words import safe_name

MAX_DEPTH = 100
"""Levels of nesting that are read; the deepest documented body has four."""

_LONG_INTEGER = 4000
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class UnreadableError(Exception):
    """A body that is no usable JSON text; the message says what was seen, never quoting it."""


def parse(body: bytes) -> Any:
    """The JSON value of a body, fractions as ``Decimal``.

    Raises ``UnreadableError`` for anything that is not one UTF-8 JSON text, that names a member twice
    (readers differ in which one they take) or that nests beyond ``MAX_DEPTH``.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise UnreadableError(f"bytes that are not UTF-8, from offset {problem.start}") from None
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as problem:
        raise UnreadableError(_describe(text, problem)) from None
    except RecursionError:
        raise UnreadableError(f"nesting beyond {MAX_DEPTH} levels") from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_deep(value):
        raise UnreadableError(f"nesting beyond {MAX_DEPTH} levels")
    return _well_formed(value) if "\\ud" in text or "\\uD" in text else value


def members(value: Any) -> Iterator[tuple[tuple[str | int, ...], str, Any]]:
    """Every member at any depth: the path of its object, its name and its value. An element of an array
    goes by the name of the member that holds the array."""
    pending: list[tuple[tuple[str | int, ...], str, Any]] = [((), "", value)]
    while pending:
        path, name, node = pending.pop()
        if isinstance(node, dict):
            for key, child in node.items():
                yield path, key, child
                if isinstance(child, dict | list):
                    pending.append(((*path, key), key, child))
        elif isinstance(node, list):
            for index, child in enumerate(node):
                if isinstance(child, dict | list):
                    pending.append(((*path, index), name, child))
                elif name:
                    yield path, name, child


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built: dict[str, Any] = {}
    for name, value in pairs:
        if name in built:
            raise UnreadableError(f"an object that names {safe_name(name)} twice")
        built[name] = value
    return built


def _integer(digits: str) -> int:
    """Python converts no more than a few thousand digits; the leading ones say all a range check needs."""
    return int(digits[:_LONG_INTEGER])


def _fraction(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise UnreadableError("a number whose exponent no decimal type can hold") from None


def _constant(name: str) -> NoReturn:
    raise UnreadableError(f"{name}, which JSON does not have")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=_fraction, parse_int=_integer, parse_constant=_constant
)


def _describe(text: str, problem: json.JSONDecodeError) -> str:
    start = text.lstrip()
    if not start:
        return "white space only"
    if start.startswith("<"):
        return "HTML or XML"
    if text.startswith("\ufeff"):
        return "a byte order mark before the JSON text"
    rest = text[problem.pos :].rstrip()
    if problem.msg.startswith("Unterminated") or any(word.startswith(rest) for word in ("true", "false", "null")):
        return "JSON that ends too early"
    return f"text that is not JSON ({problem.msg}, line {problem.lineno} column {problem.colno})"


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return False
    return True


def _well_formed(value: Any) -> Any:
    """Replace halves of surrogate pairs, which JSON can write and no validator can take."""
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_well_formed(child) for child in value]
    if isinstance(value, dict):
        return {_well_formed(key): _well_formed(child) for key, child in value.items()}
    return value

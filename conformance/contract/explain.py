"""Turning a validator's complaints into words a partner can act on, without quoting what a body holds.

A value is described by its shape; only a short word where the contract lists words is repeated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError, ValidationErrorKind

from conformance.contract.words import is_word, safe_name

_ARTICLE = {
    "string": "a string",
    "number": "a number",
    "integer": "an integer",
    "boolean": "true or false",
    "object": "an object",
    "array": "an array",
    "null": "null",
}
_LIMITS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
    "minLength": "a length of at least",
    "maxLength": "a length of at most",
    "minItems": "a number of elements of at least",
    "maxItems": "a number of elements of at most",
    "minProperties": "a number of members of at least",
    "maxProperties": "a number of members of at most",
    "multipleOf": "a multiple of",
}

Path = tuple[str | int, ...]

# These name the value itself, which says more than its type does.
_Exact = ValidationErrorKind.Constant | ValidationErrorKind.Enum


@dataclass(frozen=True, slots=True)
class Problem:
    """One departure of a body from a schema: where, what was expected, what was there."""

    path: Path
    expected: str
    observed: str


def problems(validator: Draft202012Validator, value: Any, sensitive: frozenset[str]) -> list[Problem]:
    """Where ``value`` departs, one problem a place; of alternatives those of the one it comes nearest to."""
    found: dict[Path, Problem] = {}
    for error in validator.iter_errors(value):
        for leaf in _leaves(error):
            problem = _problem(leaf, sensitive)
            if problem.path not in found or isinstance(leaf.kind, _Exact):
                found[problem.path] = problem
    return sorted(found.values(), key=lambda problem: [str(part) for part in problem.path])


def spell(path: Path, *, elements: bool = True) -> str:
    """A path as text, ``entries[3].delta``; with ``elements`` False every index is ``[]``, which is the
    same for every response."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]" if elements else "[]"
        else:
            text += ("." if text else "") + safe_name(part)
    return text or "body"


def shape(value: Any) -> str:
    """What kind of value this is, without the value or its length, so that it reads the same in every run."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return "an integer"
    if isinstance(value, Decimal | float):
        return "a number"
    if isinstance(value, str):
        return "a string" if value else "an empty string"
    return "an object" if isinstance(value, dict) else "an array"


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """The errors that matter in an error: for alternatives, those of the branch that was meant."""
    kind = error.kind
    if isinstance(kind, ValidationErrorKind.AnyOf | ValidationErrorKind.OneOfNotValid):
        branches = [[leaf for part in branch for leaf in _leaves(part)] for branch in kind.context]
        if branches and not _is_choice_of_types(error, branches):
            yield from min(branches, key=lambda leaves: _distance(error, leaves))
            return
    yield error


def _is_choice_of_types(error: ValidationError, branches: Sequence[Sequence[ValidationError]]) -> bool:
    """Whether the alternatives differ in nothing but the type of this one value, as in a string or null."""
    return all(
        isinstance(leaf.kind, ValidationErrorKind.Type) and leaf.instance_path == error.instance_path
        for leaves in branches
        for leaf in leaves
    )


def _distance(error: ValidationError, leaves: Sequence[ValidationError]) -> tuple[int, int, int]:
    """How far a value is from one alternative: another type of value first, then members that mark another
    shape (``available`` and ``executable`` of a quote are constants of each), then the number of
    departures."""
    other_type = sum(
        isinstance(leaf.kind, ValidationErrorKind.Type) and leaf.instance_path == error.instance_path for leaf in leaves
    )
    marks = sum(isinstance(leaf.kind, ValidationErrorKind.Constant) for leaf in leaves)
    return other_type, marks, len(leaves)


def _problem(error: ValidationError, sensitive: frozenset[str]) -> Problem:
    path: Path = tuple(error.instance_path)
    kind = error.kind
    value: Any = error.instance
    secret = any(part in sensitive for part in path)
    match kind:
        case ValidationErrorKind.Required():
            return Problem((*path, kind.property), "present", "absent")
        case ValidationErrorKind.Type():
            return Problem(path, _either(kind.types), shape(value))
        case ValidationErrorKind.Constant():
            return Problem(path, _word(kind.expected_value), _quoted(value, secret=secret))
        case ValidationErrorKind.Enum():
            options = ", ".join(_word(option) for option in kind.options)
            return Problem(path, f"one of {options}", _quoted(value, secret=secret))
        case ValidationErrorKind.Pattern():
            return Problem(path, f"a string of the form {kind.pattern}", f"{shape(value)} of another form")
        case ValidationErrorKind.Format():
            return Problem(path, f"a {kind.format}", f"{shape(value)} that is none")
        case ValidationErrorKind.AnyOf() | ValidationErrorKind.OneOfNotValid():
            types = {name for branch in kind.context for leaf in branch for name in _types(leaf)}
            names = sorted(types, key=lambda name: (name == "null", name))
            return Problem(path, _either(names) if names else "one of the alternatives", shape(value))
        case ValidationErrorKind.OneOfMultipleValid():
            return Problem(path, "exactly one of the alternatives", f"{shape(value)} that fits several")
        case ValidationErrorKind.PropertyNames():
            name = str(kind.error.instance)
            return Problem((*path, name), "absent: no member of that name", "present")
        case ValidationErrorKind.AdditionalProperties() | ValidationErrorKind.UnevaluatedProperties():
            return Problem((*path, kind.unexpected[0]), "absent: no further members", "present")
        case _ if kind.name in _LIMITS:
            return Problem(path, f"{_LIMITS[kind.name]} {kind.value}", shape(value))
        case _:
            return Problem(path, f"what the contract says under {kind.name}", shape(value))


def _types(error: ValidationError) -> list[str]:
    if isinstance(error.kind, ValidationErrorKind.Type):
        return error.kind.types
    if isinstance(error.kind, ValidationErrorKind.AnyOf | ValidationErrorKind.OneOfNotValid):
        return [name for branch in error.kind.context for leaf in branch for name in _types(leaf)]
    return []


def _either(types: Sequence[str]) -> str:
    return " or ".join(_ARTICLE.get(name, name) for name in types)


def _word(value: Any) -> str:
    """A value the contract itself states."""
    return str(value) if isinstance(value, Decimal) else json.dumps(value, default=str)


def _quoted(value: Any, *, secret: bool) -> str:
    if isinstance(value, str) and not secret and is_word(value):
        return f'"{value}"'
    return shape(value)

"""The schemas of a contract in two strengths: the full view as written, and the judging view without our
guesses.

Both are copies made for the validator; what is done with a body is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.contract.source import Node

_SCHEMA = frozenset(
    {
        "items",
        "additionalProperties",
        "additionalItems",
        "unevaluatedProperties",
        "unevaluatedItems",
        "contains",
        "propertyNames",
        "then",
        "else",
    }
)
_SCHEMAS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED_SCHEMAS = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
_SKIPPED = frozenset({"example", "examples", "description", "links", "x-boundary"})


def has_marks(document: Any) -> bool:
    """Whether anything in the document is marked as our guess. A vendor's own file has no marks."""
    pending = [document]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            if "x-inferred" in node or node.get("x-basis") == "inferred":
                return True
            pending += node.values()
        elif isinstance(node, list):
            pending += node
    return False


def judging(document: Node) -> Node:
    """The document with everything inferred loosened; JSON pointers to schemas keep their meaning."""
    loosened: Node = _walk(document, _loosen)
    return loosened


def modern(document: Node) -> Node:
    """An OpenAPI 3.0 document with its schemas in the JSON Schema of 3.1; other versions as they are."""
    if not str(document.get("openapi", "")).startswith("3.0"):
        return document
    rewritten: Node = _walk(document, _modernise)
    return rewritten


def _walk(node: Any, change: Callable[[Any], Any]) -> Any:
    """Copy what is no schema, and hand every schema to ``change``."""
    if isinstance(node, list):
        return [_walk(child, change) for child in node]
    if not isinstance(node, dict):
        return node
    copy: Node = {}
    for key, child in node.items():
        if key in _SKIPPED:
            continue
        if key == "schema":
            copy[key] = change(child)
        elif key == "schemas" and isinstance(child, dict):
            copy[key] = {name: change(schema) for name, schema in child.items()}
        else:
            copy[key] = _walk(child, change)
    return copy


def _loosen(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-basis") == "inferred":
        return {}
    guessed = frozenset(schema.get("x-inferred", ()))
    copy: Node = {}
    for key, value in schema.items():
        if key in guessed or key in _SKIPPED:
            continue
        if key == "required" and isinstance(value, list):
            copy[key] = [name for name in value if not _is_optional(schema, guessed, name)]
        else:
            copy[key] = _deeper(key, value, _loosen)
    if "oneOf" in copy:
        # Loosened shapes may overlap, so fitting one of them is all that can still be asked.
        copy["allOf"] = [*copy.get("allOf", []), {"anyOf": copy.pop("oneOf")}]
    return copy


def _is_optional(schema: Node, guessed: frozenset[str], name: str) -> bool:
    members = schema.get("properties")
    member = members.get(name) if isinstance(members, dict) else None
    return f"required:{name}" in guessed or (isinstance(member, dict) and member.get("x-basis") == "inferred")


def _deeper(key: str, value: Any, change: Callable[[Any], Any]) -> Any:
    """Apply ``change`` to the schemas below one keyword. ``not`` and ``if`` are left as written: loosening
    them would tighten the whole."""
    if key in _SCHEMA:
        return change(value)
    if key in _SCHEMAS and isinstance(value, list):
        return [change(part) for part in value]
    if key in _NAMED_SCHEMAS and isinstance(value, dict):
        return {name: change(part) for name, part in value.items()}
    return value


def _modernise(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    copy: Node = {key: _deeper(key, value, _modernise) for key, value in schema.items()}
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(copy.get(exclusive), bool) and copy.pop(exclusive) and bound in copy:
            copy[exclusive] = copy.pop(bound)
    if copy.pop("nullable", False) is not True:
        return copy
    return {"anyOf": [copy, {"type": "null"}]}

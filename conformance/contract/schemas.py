"""Compiled schemas of one contract, in the full and in the judging view, and which members of a schema
carry money.

Schemas are addressed by JSON pointer; reading a validator's complaints is done next door.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import jsonschema_rs
from jsonschema_rs import Draft202012Validator

from conformance.contract import views
from conformance.contract.source import Node, resolve
from conformance.contract.words import MONEY

_URI = "urn:contract"
_NUMERIC = frozenset({"number", "integer"})
_DECIMAL_FORMATS = frozenset({"decimal", "money", "amount"})
_FRACTION = re.compile(r"-?[0-9]+\.[0-9]+")


class BrokenSchemaError(Exception):
    """A schema the validator cannot compile."""


@dataclass(frozen=True, slots=True, eq=False)
class Schemas:
    """The schemas of one document, compiled when first asked for."""

    document: Node
    loosened: Node
    """The same object as ``document`` when nothing in the file is marked as a guess."""
    _full: dict[str, Draft202012Validator] = field(default_factory=dict)
    _judging: dict[str, Draft202012Validator] = field(default_factory=dict)
    _money: dict[str, frozenset[str]] = field(default_factory=dict)
    _registries: dict[int, jsonschema_rs.Registry] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Node) -> Schemas:
        """Both views of a parsed contract."""
        full = views.modern(document)
        return cls(full, views.judging(full) if views.has_marks(full) else full)

    def full(self, pointer: str) -> Draft202012Validator:
        """The validator of a schema as written. Raises ``BrokenSchemaError``."""
        if pointer not in self._full:
            self._full[pointer] = self._compile(self.document, pointer)
        return self._full[pointer]

    def judging(self, pointer: str) -> Draft202012Validator:
        """The validator of a schema without what is inferred."""
        if pointer not in self._judging:
            self._judging[pointer] = (
                self.full(pointer) if self.loosened is self.document else self._compile(self.loosened, pointer)
            )
        return self._judging[pointer]

    def says_nothing(self, pointer: str) -> bool:
        """Whether the judging view of a schema accepts everything because all of it is a guess."""
        return resolve(self.loosened, pointer) in ({}, True)

    def money(self, pointer: str) -> frozenset[str]:
        """Names of the members that carry amounts or rates in a body of this schema: those whose schema is
        a decimal string, and the well-known ones unless this schema makes them something else."""
        if pointer not in self._money:
            decimal: set[str] = set()
            other: set[str] = set()
            self._collect(resolve(self.document, pointer), "", decimal, other, set())
            self._money[pointer] = frozenset((MONEY | decimal) - other)
        return self._money[pointer]

    def _compile(self, document: Node, pointer: str) -> Draft202012Validator:
        try:
            if id(document) not in self._registries:
                self._registries[id(document)] = jsonschema_rs.Registry(
                    [(_URI, document)], draft=jsonschema_rs.Draft202012
                )
            return Draft202012Validator(
                {"$ref": f"{_URI}#{quote(pointer)}"},
                registry=self._registries[id(document)],
                validate_formats=True,
                offline=True,
            )
        except (
            jsonschema_rs.ValidationError,
            jsonschema_rs.ReferencingError,
            ValueError,
            TypeError,
        ) as problem:
            raise BrokenSchemaError(str(getattr(problem, "message", problem)).splitlines()[0]) from None

    def _collect(self, schema: Any, name: str, decimal: set[str], other: set[str], seen: set[tuple[int, str]]) -> None:
        """Sort the member names below one schema into decimal strings and what may be a number or boolean."""
        if not isinstance(schema, dict) or (id(schema), name) in seen:
            return
        seen.add((id(schema), name))
        if name and _is_decimal_string(schema):
            decimal.add(name)
        if name and _types(schema) & (_NUMERIC | {"boolean"}):
            other.add(name)
        if isinstance(schema.get("$ref"), str):
            self._collect(resolve(self.document, schema["$ref"]), name, decimal, other, seen)
        for keyword in ("allOf", "anyOf", "oneOf", "prefixItems"):
            for part in schema.get(keyword, ()):
                self._collect(part, name, decimal, other, seen)
        for keyword in ("items", "then", "else"):
            self._collect(schema.get(keyword), name, decimal, other, seen)
        for member, part in schema.get("properties", {}).items():
            self._collect(part, member, decimal, other, seen)


def _types(schema: Node) -> set[str]:
    kinds = schema.get("type", ())
    return {kinds} if isinstance(kinds, str) else set(kinds)


def _is_decimal_string(schema: Node) -> bool:
    """Whether a schema describes a number written as a string, by its pattern, its format or its examples."""
    if "string" not in _types(schema):
        return False
    if schema.get("format") in _DECIMAL_FORMATS or _is_decimal_pattern(schema.get("pattern")):
        return True
    examples = [schema.get("example"), *(schema.get("examples") or ())]
    return any(isinstance(example, str) and _FRACTION.fullmatch(example) for example in examples)


def _is_decimal_pattern(pattern: Any) -> bool:
    if not isinstance(pattern, str):
        return False
    try:
        accepts = re.compile(pattern).search
    except re.error:
        return False
    return bool(accepts("107.31")) and not accepts("x107") and not accepts("1.2.3")

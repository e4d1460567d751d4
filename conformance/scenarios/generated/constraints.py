"""Which constraints of a contract a request breaks, however leniently it may be read, and where they stand.

Whether a source says that breaking them is refused is for each product to say.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from jsonschema_rs import ValidationError, ValidationErrorKind

from conformance.contract import Contract
from conformance.contract.source import escape, resolve
from conformance.scenarios.generated.plans import Plan, Request


@dataclass(frozen=True, slots=True)
class Demand:
    """That a request must be refused: what it breaks, and whether a safe ``available: false`` will do as well."""

    requirement: str
    broken: str
    soft: bool = False


def broken_members(contract: Contract, plan: Plan, request: Request, stated: Collection[str]) -> tuple[str, ...]:
    """Those of ``stated`` that break a stated constraint in a request; ``body`` when it is no object at all."""
    pointer = body_schema(contract, plan.operation)
    media = request.header("content-type") or "application/json"
    if pointer is None or "json" not in media:
        return ()
    body = leniently(json_of(request.content) if request.content else {})
    found = {_member(error) for error in contract.schemas.judging(pointer).iter_errors(body)}
    return tuple(sorted(found & set(stated)))


def leniently(body: Any) -> Any:
    """The body as an API may still read it: null, false, zero and empty text are absent, a number is its text."""
    if not isinstance(body, dict):
        return body
    return {
        name: json.dumps(value) if isinstance(value, bool | int | float) else value
        for name, value in body.items()
        if value or isinstance(value, dict | list)
    }


def body_schema(contract: Contract, operation: str) -> str | None:
    """JSON pointer of the schema of an operation's JSON body, if it has one."""
    place = _operation(operation)
    if "requestBody" not in resolve(contract.document, place):
        return None
    body, content = _followed(contract, f"{place}/requestBody")
    media = next((name for name in content.get("content", {}) if "json" in name), None)
    return f"{body}/content/{escape(media)}/schema" if media else None


def parameter_schema(contract: Contract, operation: str, name: str) -> str | None:
    """JSON pointer of the schema of an operation's parameter, if it has one."""
    place = _operation(operation)
    for holder in (place, place.rpartition("/")[0]):
        for index, _ in enumerate(resolve(contract.document, holder).get("parameters", ())):
            found, parameter = _followed(contract, f"{holder}/parameters/{index}")
            if parameter.get("name") == name and "schema" in parameter:
                return f"{found}/schema"
    return None


def _operation(operation: str) -> str:
    method, _, template = operation.partition(" ")
    return f"/paths/{escape(template)}/{method.lower()}"


def _followed(contract: Contract, place: str) -> tuple[str, Mapping[str, Any]]:
    node = resolve(contract.document, place)
    for _ in range(20):
        if "$ref" not in node:
            break
        place = unquote(node["$ref"].removeprefix("#"))
        node = resolve(contract.document, place)
    return place, node


def _member(error: ValidationError) -> str:
    """The member an error is about, or ``body`` when it is the body as a whole."""
    if error.instance_path:
        return str(error.instance_path[0])
    return error.kind.property if isinstance(error.kind, ValidationErrorKind.Required) else "body"


def json_of(content: bytes | None) -> Any:
    """A body as JSON; None where it is none."""
    try:
        return json.loads(content or b"")
    except ValueError:
        return None

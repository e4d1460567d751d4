"""The contract as requests are generated from it: ids and quote terms are ours, so that they get deep into the target.

Places are known by method and path template, never by parameter or component names.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from itertools import pairwise

from conformance.contract.contract import METHODS
from conformance.contract.source import Node, resolve
from conformance.scenarios.generated.plans import CURSOR, KEY, POOL, QUOTE, STAND_INS, TRADE

_OWNER = {"pools": POOL, "transactions": QUOTE, "quotes": QUOTE, "trades": TRADE}
_PARAMETER = re.compile(r"\{([^{}]+)\}")
_ID = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[A-Za-z0-9_-]+$"}
"""Ids are opaque to partners (facts, section 3), so every contract gets the same ids tried."""


class Drawn(Enum):
    """What the document is for, and with it how close a valid request keeps to ours."""

    VARIED = auto()
    """Examples and coverage: ours are the examples, and every constraint around them is met and broken."""
    LOOSE = auto()
    """Fuzzing: ids and keys are ours, and of the quote terms each is either ours or anything the contract allows."""
    STEADY = auto()
    """Following links: a request is one the target should accept, and answers name the requests that follow."""


def seeded(document: Node, quote_request: Mapping[str, object], drawn: Drawn = Drawn.VARIED) -> Node:
    """A copy of the contract whose ids and quote terms are ours, ``drawn`` as close to them as its phase needs."""
    ours: Node = copy.deepcopy(
        {name: document[name] for name in ("openapi", "info", "paths", "components") if name in document}
    )
    for template, raw in ours["paths"].items():
        if not template.startswith("/"):
            continue
        item = _followed(ours, raw)
        ids = _stand_ins(template)
        methods = {method: item[method] for method in METHODS if method in item}
        for holder in (item, *methods.values()):
            found = [_parameter(ours, raw, ids, drawn) for raw in holder.get("parameters", ())]
            holder["parameters"] = [parameter for parameter in found if parameter]
        for method, operation in methods.items():
            # What answers look like is judged elsewhere; the ids in sample answers must not be sent.
            operation["responses"] = _links(ours, operation) if drawn is Drawn.STEADY else {"200": {"description": ""}}
            operation.pop("callbacks", None)
            values = _body_values(method, template, quote_request)
            if values and "requestBody" in operation:
                operation["requestBody"] = _body(ours, operation["requestBody"], values, drawn)
        ours["paths"][template] = item
    return ours


def _stand_ins(template: str) -> dict[str, str]:
    """The stand-in of each path parameter whose owner is known by the literal before it."""
    found = {}
    for before, segment in pairwise(template.split("/")):
        name = _PARAMETER.fullmatch(segment)
        if name and before in _OWNER:
            found[name[1]] = _OWNER[before]
    return found


def _links(document: Node, operation: Node) -> Node:
    """The responses of an operation with nothing but their links."""
    found = {}
    for status, raw in operation.get("responses", {}).items():
        response = _followed(document, raw)
        found[status] = {"description": "", "links": response.get("links", {})}
    return found or {"200": {"description": ""}}


def _body_values(method: str, template: str, quote_request: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Bodies that fit the run: the first is firm."""
    if method == "post" and re.fullmatch(r"/pools/\{[^{}]+\}/quote", template):
        preview = {k: v for k, v in quote_request.items() if not k.startswith("dest")} | {"type": "indicative"}
        return [quote_request, preview]
    if method == "post" and re.fullmatch(r"/pools/\{[^{}]+\}/transact", template):
        return [{"quoteId": QUOTE}]
    return []


def _parameter(document: Node, raw: Node, ids: Mapping[str, str], drawn: Drawn) -> Node | None:
    """The parameter with ours as its example or value; None where it has no place in such a document."""
    parameter = dict(_followed(document, raw))
    place, name = parameter.get("in"), str(parameter.get("name"))
    varied = drawn is Drawn.VARIED
    if place == "path" and name in ids:
        schema = dict(_ID) if varied else {"type": "string", "enum": [ids[name]]}
        return {"name": name, "in": "path", "required": True, "schema": schema, "example": ids[name]}
    if place == "header" and name.lower() == "idempotency-key":
        parameter.pop("examples", None)
        parameter["example"] = KEY
        if not varied:
            parameter["schema"] = {"type": "string", "enum": [KEY]}
    if place == "query" and drawn is Drawn.STEADY and not parameter.get("required"):
        # A filter may leave nothing to go on with.
        return None
    if place == "query" and name == "cursor":
        parameter.pop("examples", None)
        parameter["example"] = CURSOR
    return parameter


def _body(document: Node, raw: Node, values: Sequence[Mapping[str, object]], drawn: Drawn) -> Node:
    body = copy.deepcopy(_followed(document, raw))
    for name, media in body.get("content", {}).items():
        if "json" not in name or "schema" not in media:
            continue
        schema = copy.deepcopy(_followed(document, media["schema"]))
        for keyword in ("if", "then", "else"):
            # Schemathesis meets a conditional by varying nothing but what it names.
            schema.pop(keyword, None)
        known = schema.get("properties", {})
        for member, value in values[0].items():
            if member not in known:
                continue
            if drawn is not Drawn.VARIED:
                known[member] = _drawn(known[member], member, value, drawn)
            elif value in STAND_INS:
                known[member] = {**_ID, "example": value}
        if drawn is not Drawn.VARIED and known:
            # A member no source names may be refused, and nothing else of the request would then be tried.
            schema["additionalProperties"] = False
        if drawn is Drawn.STEADY:
            schema["required"] = sorted(values[0].keys() & known.keys())
        media.pop("example", None)
        media["examples"] = {f"ours{index}": {"value": dict(value)} for index, value in enumerate(values)}
        media["schema"] = schema
    return body


_FREE = frozenset({"type", "cryptoNetwork"})
"""Members whose every word is as good as ours: a preview and another network lead on as well."""


def _drawn(schema: Node, member: str, value: object, drawn: Drawn) -> Node:
    if value in STAND_INS:
        return {"type": "string", "enum": [value]}
    if drawn is Drawn.STEADY:
        return schema if member in _FREE else {"enum": [value]}
    return {"anyOf": [{"const": value}, schema]}


def _followed(document: Node, node: Node) -> Node:
    for _ in range(20):
        if "$ref" not in node:
            break
        node = resolve(document, node["$ref"])
    return node

"""The contract as requests are generated from it: ids and terms are ours, so that they get deep into the target.

Places are known by method and path template, never by parameter or component names.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

from conformance.contract.contract import METHODS
from conformance.contract.source import Node, resolve
from conformance.scenarios.generated.plans import CURSOR, KEY, OWN
from conformance.scenarios.generated.seeds import Body, Seeds

_CURSORS = ("cursor", "starting_after")
_PARAMETER = re.compile(r"\{([^{}]+)\}")
_ID = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[A-Za-z0-9_-]+$"}
"""Ids are opaque to partners (facts, section 3), so every contract gets the same ids tried."""


class Drawn(Enum):
    """What the document is for, and with it how close a valid request keeps to ours."""

    VARIED = auto()
    """Examples and coverage: ours are the examples, and every constraint around them is met and broken."""
    LOOSE = auto()
    """Fuzzing: ids and keys are ours, and of the terms each is either ours or anything the contract allows."""
    STEADY = auto()
    """Following links: a request is one the target should accept, and answers name the requests that follow."""


def seeded(document: Node, seeds: Seeds, drawn: Drawn = Drawn.VARIED) -> Node:
    """A copy of the contract whose ids and terms are ours, ``drawn`` as close to them as its phase needs."""
    ours: Node = copy.deepcopy(
        {name: document[name] for name in ("openapi", "info", "paths", "components") if name in document}
    )
    linked = _linked(ours)
    for template, raw in ours["paths"].items():
        if not template.startswith("/"):
            continue
        item = _followed(ours, raw)
        given = _Given(_stand_ins(template, seeds), linked, seeds, drawn)
        methods = {method: item[method] for method in METHODS if method in item}
        for holder in (item, *methods.values()):
            found = [_parameter(ours, raw, given) for raw in holder.get("parameters", ())]
            holder["parameters"] = [parameter for parameter in found if parameter]
        for method, operation in methods.items():
            # What answers look like is judged elsewhere; the ids in sample answers must not be sent.
            operation["responses"] = _links(ours, operation) if drawn is Drawn.STEADY else {"200": {"description": ""}}
            operation.pop("callbacks", None)
            values = seeds.bodies_of(method, template)
            if values and "requestBody" in operation:
                operation["requestBody"] = _body(ours, operation["requestBody"], values, seeds, drawn)
        ours["paths"][template] = item
    return ours


def _stand_ins(template: str, seeds: Seeds) -> dict[str, str]:
    """What stands for each path parameter whose owner is known by the literal before it."""
    found = {}
    for before, segment in pairwise(template.split("/")):
        name = _PARAMETER.fullmatch(segment)
        if name and before in seeds.owners:
            found[name[1]] = seeds.owners[before]
    return found


def _links(document: Node, operation: Node) -> Node:
    """The responses of an operation with nothing but their links."""
    found = {}
    for status, raw in operation.get("responses", {}).items():
        response = _followed(document, raw)
        found[status] = {"description": "", "links": response.get("links", {})}
    return found or {"200": {"description": ""}}


def _linked(document: Node) -> frozenset[str]:
    """The names of parameters that links of the contract give values to."""
    holders = [document.get("components", {}).get("links", {})]
    holders += [
        response.get("links", {})
        for response in [
            *document.get("components", {}).get("responses", {}).values(),
            *(
                response
                for item in document["paths"].values()
                for method in METHODS
                for response in item.get(method, {}).get("responses", {}).values()
            ),
        ]
    ]
    return frozenset(
        name.rpartition(".")[2] for links in holders for link in links.values() for name in link.get("parameters", ())
    )


@dataclass(frozen=True, slots=True)
class _Given:
    """What the parameters of one path are to become."""

    ids: Mapping[str, str]
    linked: Collection[str]
    seeds: Seeds
    drawn: Drawn


def _parameter(document: Node, raw: Node, given: _Given) -> Node | None:
    """The parameter with ours as its example or value; None where it has no place in such a document."""
    ids, linked, seeds, drawn = given.ids, given.linked, given.seeds, given.drawn
    parameter = dict(_followed(document, raw))
    place, name = parameter.get("in"), str(parameter.get("name"))
    varied = drawn is Drawn.VARIED
    if place == "path" and name in ids:
        known = parameter.get("schema", {}) if OWN not in ids[name] else _ID
        schema = dict(known) if varied else {"type": "string", "enum": [ids[name]]}
        return {"name": name, "in": "path", "required": True, "schema": schema, "example": ids[name]}
    own = KEY if name.lower() == "idempotency-key" else seeds.headers.get(name.lower())
    if place == "header" and own is not None:
        parameter.pop("examples", None)
        parameter["example"] = own
        if not varied:
            parameter["schema"] = {"type": "string", "enum": [own]}
    if "required" in parameter.get("x-inferred", ()):
        # That it must be there is a guess of the contract, so leaving it out breaks nothing; we send it all the same.
        parameter["required"] = place == "header" and own is not None and not varied
    if place == "query" and drawn is Drawn.STEADY and not parameter.get("required") and name not in linked:
        # A filter may leave nothing to go on with.
        return None
    sample = CURSOR if name in _CURSORS else seeds.query.get(name)
    if place == "query" and sample is not None:
        parameter.pop("examples", None)
        parameter["example"] = sample
    return parameter


def _body(document: Node, raw: Node, values: Sequence[Body], seeds: Seeds, drawn: Drawn) -> Node:
    body = copy.deepcopy(_followed(document, raw))
    for name, media in body.get("content", {}).items():
        if "json" not in name or "schema" not in media:
            continue
        schema = copy.deepcopy(_followed(document, media["schema"]))
        for keyword in ("if", "then", "else"):
            # Schemathesis meets a conditional by varying nothing but what it names.
            schema.pop(keyword, None)
        known = schema.get("properties", {})
        ours = {member: value for each in reversed(values) for member, value in each.items()}
        for member, value in ours.items():
            if member not in known:
                continue
            if drawn is not Drawn.VARIED:
                known[member] = _drawn(known[member], value, drawn, is_free=member in seeds.free)
            elif _stands_for(value):
                kept = known[member] if "format" in known[member] else _ID
                known[member] = {name: part for name, part in kept.items() if name != "examples"} | {"example": value}
        if drawn is not Drawn.VARIED and known:
            # A member no source names may be refused, and nothing else of the request would then be tried.
            schema["additionalProperties"] = False
        if drawn is Drawn.STEADY and seeds.is_all:
            schema["properties"] = {member: known[member] for member in values[0] if member in known}
        if drawn is Drawn.STEADY:
            schema["required"] = sorted(values[0].keys() & known.keys())
        media.pop("example", None)
        media["examples"] = {f"ours{index}": {"value": dict(value)} for index, value in enumerate(values)}
        media["schema"] = schema
    return body


def _drawn(schema: Node, value: object, drawn: Drawn, *, is_free: bool) -> Node:
    if _stands_for(value):
        return {"type": "string", "enum": [value]}
    if drawn is Drawn.STEADY:
        return schema if is_free else {"enum": [value]}
    return {"anyOf": [{"const": value}, schema]}


def _stands_for(value: object) -> bool:
    return isinstance(value, str) and OWN in value


def _followed(document: Node, node: Node) -> Node:
    for _ in range(20):
        if "$ref" not in node:
            break
        node = resolve(document, node["$ref"])
    return node

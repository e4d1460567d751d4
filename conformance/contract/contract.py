"""The OpenAPI file of one product as data: its operations by method and path, its names, its schemas.

Operations are found by method and path alone, so that a file with other operation ids or component names
serves as well. Judging an exchange against it is done next door.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from conformance.contract.schemas import BrokenSchemaError, Schemas
from conformance.contract.source import ContractError, Node, Source, builtin, escape, read, resolve
from conformance.contract.words import BOUNDARY

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

_STATUS = re.compile(r"[1-5](?:[0-9]{2}|XX)|default")
_WILDCARDS = frozenset({"application/*", "*/*"})
_PARAMETER = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Response:
    """What the contract says of one status of one operation."""

    status: str
    """``"200"``, a range such as ``"5XX"``, or ``"default"``."""
    inferred: bool
    """No source ties this status to this operation; it is accepted and noted."""
    media: tuple[str, ...]
    schema: str | None
    """JSON pointer of the schema of its JSON body; None where it describes none."""
    open: bool
    """The body is described, but only by our guess, so nothing in it is judged."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the partner API."""

    method: str
    template: str
    operation_id: str
    responses: tuple[Response, ...]

    @property
    def key(self) -> str:
        """Method and path template, e.g. ``POST /pools/{id}/quote``: how the harness names an operation."""
        return f"{self.method} {self.template}"

    @property
    def statuses(self) -> tuple[str, ...]:
        """The documented statuses as written, ranges and ``default`` included."""
        return tuple(response.status for response in self.responses)

    @property
    def stated(self) -> tuple[str, ...]:
        """The statuses a source ties to this operation, without those of a broken server; ``2XX`` where no source says
        which success it is."""
        found = [r.status for r in self.responses if not r.inferred and r.status.isdigit() and r.status < "500"]
        return tuple(found if any(status.startswith("2") for status in found) else ["2XX", *found])

    def response(self, status: int) -> Response | None:
        """What is documented for a status: itself, else its range, else ``default``."""
        by_status = {response.status: response for response in self.responses}
        for name in (str(status), f"{status // 100}XX", "default"):
            if name in by_status:
                return by_status[name]
        return None


@dataclass(frozen=True, slots=True)
class Match:
    """An operation and the decoded values of its path parameters."""

    operation: Operation
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class Route:
    """A path template taken apart, one pattern a segment; lower ranks are more literal and win."""

    rank: tuple[int, ...]
    segments: tuple[re.Pattern[str], ...]
    names: tuple[str, ...]
    operation: Operation

    @classmethod
    def of(cls, operation: Operation) -> Route:
        """The route of an operation's template."""
        rank, segments, names = [], [], []
        for segment in operation.template.split("/")[1:]:
            pieces = _PARAMETER.split(segment)
            names += pieces[1::2]
            rank.append(0 if len(pieces) == 1 else 2 if pieces[0::2] == ["", ""] else 1)
            text = "".join("(.+)" if index % 2 else re.escape(unquote(piece)) for index, piece in enumerate(pieces))
            segments.append(re.compile(text, re.DOTALL))
        return cls(tuple(rank), tuple(segments), tuple(names), operation)

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The parameters of these decoded segments, or None when they are another path."""
        if len(segments) != len(self.segments):
            return None
        values: list[str] = []
        for pattern, segment in zip(self.segments, segments, strict=True):
            found = pattern.fullmatch(segment)
            if found is None:
                return None
            values += found.groups()
        return dict(zip(self.names, values, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Contract:
    """One contract file, ready to be asked and judged against."""

    product: str
    revision: str
    file: str
    operations: tuple[Operation, ...]
    document: Node
    """The whole file, the full view: for generating traffic and for showing."""
    sensitive: frozenset[str]
    """Names of members whose values are secret or personal (``x-sensitive``)."""
    boundary: frozenset[str]
    """Words that no member name of a response may contain (public boundary)."""
    members: frozenset[str]
    """Every member name any schema of the file describes."""
    events: Mapping[str, str]
    """The type of every event the file describes (``webhooks``), with the JSON pointer of the schema of its body."""
    schemas: Schemas = field(repr=False)
    routes: tuple[Route, ...] = field(repr=False)

    def event_schema(self, kind: str) -> str | None:
        """JSON pointer of the schema of the body that tells of an event of this type; None where there is none."""
        return self.events.get(kind)

    def find(self, method: str, path: str) -> Match | None:
        """The operation of a method and a path relative to the server base (no query); literal segments win
        over parameters. None when the contract has no such operation."""
        return next((match for match in self._matches(path) if match.operation.method == method.upper()), None)

    def knows(self, path: str) -> bool:
        """Whether any operation, of whatever method, has this path."""
        return next(self._matches(path), None) is not None

    def _matches(self, path: str) -> Iterator[Match]:
        if not path.startswith("/"):
            return
        segments = [unquote(segment, errors="replace") for segment in path.split("/")[1:]]
        if {".", ".."} & set(segments):
            return
        for route in self.routes:
            parameters = route.match(segments)
            if parameters is not None:
                yield Match(route.operation, parameters)


def load(path: Path | None = None, product: str = "pools") -> Contract:
    """Load a contract file, the one this project ships for ``product`` when ``path`` is None.

    Any OpenAPI 3.1 (or 3.0) file of the vendor will do. Raises ``ContractError`` naming the file, the
    place, what was found there and what was expected.
    """
    return _shipped(builtin(product), product) if path is None else _loaded(path, product)


@cache
def _shipped(path: Path, product: str) -> Contract:
    return _loaded(path, product)


def _loaded(path: Path, product: str) -> Contract:
    source = read(path)
    _check_head(source)
    _check_marks(source)
    schemas = Schemas.of(source.document)
    operations = tuple(_operations(source, schemas))
    return Contract(
        product=product,
        revision=str(source.document["info"]["version"]),
        file=source.file,
        operations=operations,
        document=source.document,
        sensitive=frozenset(name for name, member in _members(source) if _is_sensitive(source, member)),
        boundary=_boundary(source),
        members=frozenset(name for name, _ in _members(source)),
        events=dict(_events(source, schemas)),
        schemas=schemas,
        routes=tuple(sorted(map(Route.of, operations), key=lambda route: route.rank)),
    )


def _check_head(source: Source) -> None:
    document = source.document
    version = str(document.get("openapi", ""))
    if not version.startswith(("3.0", "3.1")):
        found = next(
            (f"{name} {document[name]!r}" for name in ("openapi", "swagger") if name in document),
            "no openapi member",
        )
        raise source.error("/openapi", found, "openapi 3.1.x")
    for name in ("info", "paths"):
        if not isinstance(document.get(name), dict) or not document[name]:
            raise source.error(f"/{name}", _found(document, name), f"a mapping {name!r} with content")
    if not isinstance(document["info"].get("version"), str | int | float):
        raise source.error("/info/version", _found(document["info"], "version"), "the revision of the API")


def _check_marks(source: Source) -> None:
    """A mark that cannot be read would turn a guess into a demand."""
    for pointer, node in source.walk():
        if node.get("x-basis", "inferred") not in ("inferred", "entailed"):
            raise source.error(f"{pointer}/x-basis", repr(node["x-basis"]), "inferred or entailed")
        listed = node.get("x-inferred", [])
        if not isinstance(listed, list) or not all(isinstance(word, str) for word in listed):
            raise source.error(f"{pointer}/x-inferred", _kind(listed), "a list of keywords")


def _operations(source: Source, schemas: Schemas) -> Iterator[Operation]:
    for template, item in source.document["paths"].items():
        place = f"/paths/{escape(template)}"
        if template.startswith("x-"):
            continue
        if not template.startswith("/"):
            raise source.error(place, f"the path {template!r}", "a path that starts with a slash")
        _, path_item = _follow(source, place, item)
        for method in METHODS:
            if method in path_item:
                yield _operation(source, schemas, method, template, path_item[method])


def _operation(source: Source, schemas: Schemas, method: str, template: str, raw: Any) -> Operation:
    place = f"/paths/{escape(template)}/{method}"
    if not isinstance(raw, dict):
        raise source.error(place, _kind(raw), "an operation")
    responses = raw.get("responses")
    if not isinstance(responses, dict) or not responses:
        raise source.error(f"{place}/responses", _found(raw, "responses"), "the responses by status")
    found = []
    for status, response in responses.items():
        if status.startswith("x-"):
            continue
        if not _STATUS.fullmatch(status):
            raise source.error(
                f"{place}/responses/{status}",
                f"the status {status!r}",
                "a status such as 200, 5XX or default",
            )
        found.append(_response(source, schemas, status, f"{place}/responses/{status}", response))
    return Operation(method.upper(), template, str(raw.get("operationId", "")), tuple(found))


def _response(source: Source, schemas: Schemas, status: str, place: str, raw: Any) -> Response:
    inferred = isinstance(raw, dict) and raw.get("x-basis") == "inferred"
    place, response = _follow(source, place, raw)
    content, schema = _content(source, schemas, place, response)
    return Response(
        status=status,
        inferred=inferred or response.get("x-basis") == "inferred",
        media=tuple(_essence(name) for name in content),
        schema=schema,
        open=schema is not None and schemas.says_nothing(schema),
    )


def _events(source: Source, schemas: Schemas) -> Iterator[tuple[str, str]]:
    """Type and body schema of each event; one that is not POSTed as JSON, or without a schema, says nothing."""
    listed = source.document.get("webhooks", {})
    if not isinstance(listed, dict):
        raise source.error("/webhooks", _kind(listed), "events by their type")
    for name, item in listed.items():
        place, path_item = _follow(source, f"/webhooks/{escape(name)}", item)
        operation = path_item.get("post")
        if isinstance(operation, dict) and "requestBody" in operation:
            place, body = _follow(source, f"{place}/post/requestBody", operation["requestBody"])
            schema = _content(source, schemas, place, body)[1]
            if schema is not None:
                yield name, schema


def _content(source: Source, schemas: Schemas, place: str, holder: Node) -> tuple[Node, str | None]:
    """The media types of a body, and the pointer of the schema of its JSON form, which compiles."""
    content = holder.get("content", {})
    if not isinstance(content, dict):
        raise source.error(f"{place}/content", _kind(content), "media types by name")
    schema = None
    for name, media in content.items():
        if not isinstance(media, dict):
            raise source.error(f"{place}/content/{escape(name)}", _kind(media), "a media type")
        kind = _essence(name)
        if schema is None and "schema" in media and (is_json(kind) or kind in _WILDCARDS):
            schema = f"{place}/content/{escape(name)}/schema"
    if schema is not None:
        try:
            schemas.full(schema)
        except BrokenSchemaError as problem:
            raise source.error(schema, f"a schema that does not compile ({problem})", "a JSON Schema") from None
    return content, schema


def is_json(media: str) -> bool:
    """Whether a media type, without parameters and in lower case, is JSON."""
    return media == "application/json" or media.endswith("+json")


def _essence(media: str) -> str:
    return media.partition(";")[0].strip().lower()


def _follow(source: Source, place: str, node: Any) -> tuple[str, Node]:
    """Follow references from an object to the object itself and its pointer."""
    for _ in range(20):
        if not isinstance(node, dict):
            raise source.error(place, _kind(node), "a mapping")
        if not isinstance(node.get("$ref"), str):
            return place, node
        place = unquote(node["$ref"].removeprefix("#"))
        node = resolve(source.document, place)
    raise source.error(place, "references that go round in circles", "a reference that ends somewhere")


def _members(source: Source) -> Iterator[tuple[str, Any]]:
    """Every member any schema describes, by name, with what it says."""
    for _, node in source.walk():
        if isinstance(node.get("properties"), dict):
            yield from node["properties"].items()


def _is_sensitive(source: Source, schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    if isinstance(schema.get("$ref"), str) and resolve(source.document, schema["$ref"]).get("x-sensitive") is True:
        return True
    return schema.get("x-sensitive") is True


def _boundary(source: Source) -> frozenset[str]:
    listed = source.document.get("x-boundary")
    if listed is None:
        return BOUNDARY
    if not isinstance(listed, list) or not all(isinstance(word, str) for word in listed):
        raise source.error("/x-boundary", _kind(listed), "a list of words")
    return frozenset(word.lower() for word in listed)


def _found(holder: Node, name: str) -> str:
    return _kind(holder[name]) if name in holder else f"no member {name!r}"


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "a single value"


__all__ = ["Contract", "ContractError", "Match", "Operation", "Response", "Route", "is_json", "load"]

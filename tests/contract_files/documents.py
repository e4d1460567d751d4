"""Reading the contract files as plain documents: walking, following references, validating at a pointer.

Holds no expectation about any contract; those are in the test modules beside it.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import jsonschema_rs
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = tuple(sorted((ROOT / "openapi").glob("*.yaml")))
METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})

Node: TypeAlias = dict[str, Any]

_URI = "urn:contract"
# Under the first lies data; the second hold names chosen by the author, which may coincide with a keyword.
_DATA = frozenset({"example", "examples", "default", "enum", "const", "value"})
_NAMED = frozenset({"properties", "schemas", "parameters", "headers", "responses", "links"})


@cache
def load(path: Path) -> Node:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict), f"{path.name} is not a mapping"
    return document


def walk(node: object, pointer: str = "", *, named: bool = False) -> Iterator[tuple[str, Node]]:
    """Yield every mapping that describes something, with its JSON pointer; leaves example data out."""
    if isinstance(node, dict):
        if not named:
            yield pointer, node
        for key, child in node.items():
            if named or key not in _DATA:
                inner = key in _NAMED and not named
                yield from walk(child, f"{pointer}/{escape(str(key))}", named=inner)
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from walk(child, f"{pointer}/{index}")


def escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def resolve(document: Node, pointer: str) -> Any:
    """Return what a pointer such as `#/components/schemas/Error` names; KeyError if it names nothing."""
    node: Any = document
    for part in pointer.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        node = node[int(key)] if isinstance(node, list) else node[key]
    return node


def follow(document: Node, pointer: str) -> tuple[str, Node]:
    """Follow reference objects from `pointer` to the object itself; schemas keep their references."""
    node = resolve(document, pointer)
    while "$ref" in node and len(node) == 1:
        pointer = node["$ref"].removeprefix("#")
        node = resolve(document, pointer)
    return pointer, node


def operations(document: Node) -> Iterator[tuple[str, str, str, Node]]:
    """Yield method, path, pointer and operation object of every operation under `paths`."""
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            yield method, path, f"/paths/{escape(path)}/{method}", item[method]


def parameters(document: Node, path: str, method: str) -> list[Node]:
    """Return the parameters that apply to one operation, those of its path included."""
    item = document["paths"][path]
    own = [(f"/paths/{escape(path)}/parameters", item.get("parameters", []))]
    own.append((f"/paths/{escape(path)}/{method}/parameters", item[method].get("parameters", [])))
    return [follow(document, f"{base}/{index}")[1] for base, rows in own for index in range(len(rows))]


def responses(document: Node) -> Iterator[tuple[str, str, str, Node]]:
    """Yield operation id, status, pointer and response object of every response under `paths`."""
    for _, _, pointer, operation in operations(document):
        for status in operation["responses"]:
            place, response = follow(document, f"{pointer}/responses/{status}")
            yield operation["operationId"], status, place, response


def media_types(document: Node) -> Iterator[tuple[str, Node]]:
    """Yield every media type object of the file with its pointer, reusable ones included."""
    for pointer, node in walk(document):
        if isinstance(node.get("content"), dict):
            for kind, media in node["content"].items():
                yield f"{pointer}/content/{escape(kind)}", media


def examples_of(document: Node, node: Node) -> dict[str, Any]:
    """Return the example values of a media type, parameter or header by name."""
    found: dict[str, Any] = {"example": node["example"]} if "example" in node else {}
    for name, example in node.get("examples", {}).items():
        target = resolve(document, example["$ref"]) if "$ref" in example else example
        found[name] = target["value"]
    return found


def validator(document: Node, pointer: str, *, closed: bool = False) -> jsonschema_rs.Draft202012Validator:
    """Build a validator for the schema at `pointer`; `closed` also refuses members it does not describe."""
    registry = jsonschema_rs.Registry([(_URI, document)], draft=jsonschema_rs.Draft202012)
    schema: Node = {"$ref": f"{_URI}#{quote(pointer)}"}
    if closed:
        schema["unevaluatedProperties"] = False
    return jsonschema_rs.Draft202012Validator(schema, registry=registry, validate_formats=True)

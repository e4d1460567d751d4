"""Getting a contract file from disk into memory: finding the built-in one, parsing it, saying what is wrong
with it.

What the document means, operations and views, is decided by its neighbours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote

import yaml

Node: TypeAlias = dict[str, Any]

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 100
MAX_NODES = 500_000
"""Far above any contract; they stop a file that only pretends to be one, YAML aliases that multiply
included."""

_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Under the first lies data; the second hold names chosen by the author, which may coincide with a keyword.
_DATA = frozenset({"example", "default", "enum", "const", "value"})
_NAMED = frozenset(
    {
        "properties",
        "patternProperties",
        "dependentSchemas",
        "$defs",
        "definitions",
        "schemas",
        "responses",
        "parameters",
        "headers",
        "requestBodies",
        "examples",
        "links",
        "callbacks",
        "pathItems",
        "securitySchemes",
        "mapping",
    }
)


class ContractError(Exception):
    """A contract file that cannot be used: where, what was found there, what was expected instead."""

    def __init__(self, file: str, found: str, expected: str, *, line: int | None = None, pointer: str = "") -> None:
        self.file, self.found, self.expected, self.line, self.pointer = file, found, expected, line, pointer
        place = file if line is None else f"{file}:{line}"
        inside = f" at {pointer}" if pointer else ""
        super().__init__(f"contract {place}{inside}: found {found}, expected {expected}")


class Source:
    """One contract file as parsed, able to say where in the text a JSON pointer lies."""

    def __init__(self, file: str, text: str, document: Node) -> None:
        self.file, self.text, self.document = file, text, document

    def error(self, pointer: str, found: str, expected: str) -> ContractError:
        """The error for what ``pointer`` names, with its line where the text still yields one."""
        line = _line(self.text, pointer)
        return ContractError(self.file, found, expected, line=line, pointer=pointer)

    def walk(self) -> Iterator[tuple[str, Node]]:
        """Every mapping that describes something, with its pointer; example data and maps of names are left
        out.

        Raises ``ContractError`` for a document without a reasonable end.
        """
        pending: list[tuple[Any, str, bool, int]] = [(self.document, "", False, 0)]
        seen = 0
        while pending:
            node, pointer, named, depth = pending.pop()
            seen += 1
            if depth > MAX_DEPTH or seen > MAX_NODES:
                raise ContractError(
                    self.file,
                    "a document that grows without end, perhaps through YAML aliases",
                    f"at most {MAX_NODES} nodes and {MAX_DEPTH} levels",
                )
            if isinstance(node, list):
                pending += [(child, f"{pointer}/{i}", False, depth + 1) for i, child in enumerate(node)]
            if not isinstance(node, dict):
                continue
            if not named:
                yield pointer, node
            for key, child in node.items():
                if named or not (key in _DATA or (key == "examples" and isinstance(child, list))):
                    inner = not named and key in _NAMED
                    pending.append((child, f"{pointer}/{escape(str(key))}", inner, depth + 1))


def builtin(product: str) -> Path:
    """The contract file this project ships for ``product``. Raises ``ContractError`` when there is none."""
    name = f"{product}-v1.yaml"
    packaged = Path(str(resources.files("conformance"))) / "openapi" / name
    checkout = Path(__file__).resolve().parents[2] / "openapi" / name
    for candidate in (packaged, checkout):
        if candidate.is_file():
            return candidate
    raise ContractError(name, "no such built-in contract", "a product this project has a contract for")


def read(path: Path) -> Source:
    """Read a YAML or JSON file whose root is a mapping and whose references all resolve.

    Raises ``ContractError`` for anything else.
    """
    file = str(path)
    text = _text(file, path)
    document = _json(file, text) if path.suffix.lower() == ".json" else _yaml(file, text)
    if document is None:
        raise ContractError(file, "an empty file", "an OpenAPI 3.1 document", line=1)
    if not isinstance(document, dict):
        raise ContractError(file, f"a {_kind(document)} at the root", "a mapping with openapi, info and paths", line=1)
    source = Source(file, text, document)
    _check_references(source)
    return source


def escape(key: str) -> str:
    """A mapping key as one token of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def resolve(document: Any, pointer: str) -> Any:
    """What a JSON pointer names, percent-encoded or not. Raises ``KeyError`` if it names nothing."""
    node = document
    for part in unquote(pointer.removeprefix("#")).split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        try:
            node = node[int(key)] if isinstance(node, list) else node[key]
        except (KeyError, IndexError, ValueError, TypeError):
            raise KeyError(pointer) from None
    return node


def _text(file: str, path: Path) -> str:
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ContractError(file, "no such file", "an OpenAPI 3.1 file in YAML or JSON") from None
    except IsADirectoryError:
        raise ContractError(file, "a directory", "an OpenAPI 3.1 file in YAML or JSON") from None
    except OSError as problem:
        raise ContractError(file, f"a file that cannot be read ({problem.strerror})", "a readable file") from None
    if len(raw) > MAX_BYTES:
        raise ContractError(file, f"more than {MAX_BYTES} bytes", "a contract file of ordinary size")
    if b"\0" in raw:
        line = raw[: raw.index(b"\0")].count(b"\n") + 1
        raise ContractError(file, "binary data", "UTF-8 text in YAML or JSON", line=line)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = raw[: problem.start].count(b"\n") + 1
        raise ContractError(file, "bytes that are not UTF-8", "UTF-8 text in YAML or JSON", line=line) from None


def _json(file: str, text: str) -> Any:
    try:
        return json.loads(text) if text.strip() else None
    except json.JSONDecodeError as problem:
        raise ContractError(file, f"broken JSON ({problem.msg})", "valid JSON", line=problem.lineno) from None
    except RecursionError:
        raise ContractError(file, "very deep nesting", f"at most {MAX_DEPTH} levels") from None


class _Loader(_LOADER):  # type: ignore[misc]
    """YAML as OpenAPI reads it: keys and dates stay text, and only ``true`` and ``false`` are booleans."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Keep every key as written: an unquoted ``200`` under responses is the name ``"200"``."""
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                key.tag = "tag:yaml.org,2002:str"
        built: dict[Any, Any] = super().construct_mapping(node, deep)
        return built


def _resolvers() -> dict[Any, Any]:
    kept = {
        first: [
            row
            for row in rows
            if row[0] not in {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:int"}
        ]
        for first, rows in _LOADER.yaml_implicit_resolvers.items()
    }
    return {first: rows for first, rows in kept.items() if rows}


_Loader.yaml_implicit_resolvers = _resolvers()
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))


def _yaml(file: str, text: str) -> Any:
    try:
        _check_depth(file, text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader with fewer guesses
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = None if mark is None else mark.line + 1
        what = problem.problem or problem.context or "unreadable"
        raise ContractError(file, f"broken YAML ({what})", "valid YAML", line=line) from None
    except (yaml.YAMLError, ValueError, TypeError) as problem:
        raise ContractError(file, f"broken YAML ({problem})", "valid YAML") from None


def _check_depth(file: str, text: str) -> None:
    """Bound the nesting before anything recursive, the C composer included, sees the text."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                line = None if event.start_mark is None else event.start_mark.line + 1
                raise ContractError(file, "very deep nesting", f"at most {MAX_DEPTH} levels", line=line)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _check_references(source: Source) -> None:
    for pointer, node in source.walk():
        reference = node.get("$ref")
        if not isinstance(reference, str):
            continue
        if not reference.startswith("#"):
            raise source.error(
                pointer, f"a reference out of the file ({reference!r})", "one bundled file; bundle it first"
            )
        try:
            resolve(source.document, reference)
        except KeyError:
            raise source.error(
                pointer, f"a dangling reference ({reference!r})", "a reference to something in this file"
            ) from None


def _line(text: str, pointer: str) -> int | None:
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError:
        return None
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        found = None
        if isinstance(node, yaml.MappingNode):
            found = next((value for name, value in node.value if name.value == key), None)
        elif isinstance(node, yaml.SequenceNode) and key.isdecimal() and int(key) < len(node.value):
            found = node.value[int(key)]
        if found is None:
            break
        node = found
    return None if node is None else int(node.start_mark.line) + 1


def _kind(value: Any) -> str:
    return "list" if isinstance(value, list) else "single value"

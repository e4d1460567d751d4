"""A TOML or JSON file, its sections checked one by one, and every problem noted with file and line.

What the sections mean together is judged in ``resolve``.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
import typing
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from conformance.target.lines import key_lines, line_of
from conformance.target.problems import (
    NEVER_SECRETS,
    Path,
    Problem,
    ProfileError,
    choices,
    dotted,
    instead,
    looks_like_credential,
    shape,
)
from conformance.target.sections import Section

LARGEST = 1 << 20
"""Bytes. A profile is written by hand; anything larger is something else."""

_PLACE = re.compile(r"\(at (?:line (\d+), column \d+|end of document)\)")

_QUOTED = re.compile(r"(['\"]).{5,}\1")

SectionT = TypeVar("SectionT", bound=Section)


class Document:
    """One parsed file and the problems found in it so far; at most one problem for each key."""

    def __init__(self, file: str, text: str, data: dict[str, Any], *, as_json: bool = False) -> None:
        self.file = file
        self.data = data
        self._as_json = as_json
        self.digest = hashlib.sha256(text.encode()).hexdigest()
        self.problems: list[Problem] = []
        self._lines = _lines(text)
        self._noted: set[Path] = set()
        self._refuse_secrets((), data)

    def note(self, path: Path, found: str, expected: str, fix: str) -> None:
        """Keep a problem, unless the key has one already."""
        if path in self._noted:
            return
        self._noted.add(path)
        line = line_of(self._lines, path)
        self.problems.append(Problem(self.file, line, dotted(path), found, expected, fix))

    def section(self, model: type[SectionT], path: Path, value: Any) -> SectionT | None:
        """The value as this model, or None after noting everything that is wrong with it."""
        if not isinstance(value, dict):
            self.note(path, shape(value), "a table", f"write it as a table: [{dotted(path)}]")
            return None
        errors: list[ErrorDetails] = []
        try:
            return model.model_validate(value)
        except ValidationError as invalid:
            errors = invalid.errors(include_url=False)
        for error in errors:
            self._note_error(model, path, error)
        return None

    def unknown(self, path: Path, known: typing.Iterable[str], what: str) -> None:
        """Note a name nobody knows, with the nearest known one."""
        known = list(known)
        self.note(
            path,
            f"an unknown {what}",
            choices(known),
            instead(str(path[-1]), known, f"take {dotted(path)} out or use a known {what}"),
        )

    def _note_error(self, model: type[Section], base: Path, error: ErrorDetails) -> None:
        inner = error["loc"]
        path = (*base, *inner)
        key = dotted(path[-1:])
        if error["type"] == "extra_forbidden":
            self.unknown(path, _model_at(model, inner[:-1]).model_fields, "key")
            return
        expected, example = _described(model, inner)
        fix = f"correct or remove {dotted(path)}"
        if example is not None:
            sample = json.dumps({key: example})[1:-1] if self._as_json else f"{key} = {_toml(example)}"
            fix = f"write for example {sample}"
        if error["type"] == "missing":
            found, fix = "nothing", fix.replace("write for example", "add")
        else:
            found = shape(error["input"])
        context = error.get("ctx", {})
        if error["type"] == "profile":
            expected = context["expected"]
            fix = context["fix"].format(key=key)
        self.note(path, found, expected, fix)

    def _refuse_secrets(self, path: Path, value: Any) -> None:
        """Note every credential in the file, wherever somebody pasted it, as a value or as a name."""
        fix = "take it out (replace the secret if the file was shared) and name an environment variable instead"
        if isinstance(value, dict):
            for key, item in value.items():
                if looks_like_credential(key):
                    self.note((*path, key), "a name that looks like a secret", NEVER_SECRETS, fix)
                self._refuse_secrets((*path, key), item)
        elif isinstance(value, list):
            for position, item in enumerate(value):
                self._refuse_secrets((*path, position), item)
        elif isinstance(value, str) and looks_like_credential(value):
            self.note(path, shape(value), NEVER_SECRETS, fix)


def read_text(path: FilePath, shown: str) -> str:
    """The text of a file, at most ``LARGEST`` bytes. Raises ``ProfileError``, naming it as ``shown``."""
    try:
        if not path.is_file():
            raise ProfileError([_unreadable(shown, "no such file, or not a file")])
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as problem:
        reason = problem.strerror or "it cannot be read"
    else:
        reason = f"more than {LARGEST} bytes" if len(raw) > LARGEST else ""
    if reason:
        raise ProfileError([_unreadable(shown, reason)])
    text = _decoded(raw)
    if text is None:
        raise ProfileError([_unreadable(shown, "bytes that are not UTF-8")])
    return text


def parse(text: str, file: str, *, as_json: bool = False) -> Document:
    """The text as a document. Raises ``ProfileError`` with the line of a syntax error."""
    found = line = None
    data: Any = None
    try:
        data = json.loads(text, object_pairs_hook=_once) if as_json else tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        place = _PLACE.search(str(problem))
        line = int(place[1]) if place and place[1] else text.count("\n") + 1
        found = f"broken TOML ({_harmless(_PLACE.sub('', str(problem)).strip())})"
    except json.JSONDecodeError as problem:
        line, found = problem.lineno, f"broken JSON ({problem.msg})"
    except RecursionError:
        found = "values nested too deeply"
    except ValueError:
        found = "a number with too many digits"
    if found is None and not isinstance(data, dict):
        found = shape(data)
    if found is not None:
        form = "a JSON object" if as_json else "TOML 1.0"
        raise ProfileError([Problem(file, line, "", found, form, "correct the syntax there, or just before")])
    return Document(file, text, data, as_json=as_json)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose names are unique, as TOML demands of its own tables."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise json.JSONDecodeError("an object with the same name twice", "", 0)
    return members


def _unreadable(shown: str, found: str) -> Problem:
    return Problem(shown, None, "", found, f"a readable text file of at most {LARGEST} bytes", "check the path")


def _decoded(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _harmless(message: str) -> str:
    """A parser's message, unless it quotes more of the file than a sign or two."""
    return "syntax" if _QUOTED.search(message) or len(message) > 100 else message


def _lines(text: str) -> dict[Path, int]:
    try:
        return key_lines(text)
    except RecursionError:
        return {}


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel]:
    """The model that describes the table at this path inside ``model``."""
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            model = _models_in(model.model_fields[part].annotation) or model
    return model


def _models_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in typing.get_args(annotation) if (found := _models_in(arg))), None)


def _described(model: type[BaseModel], path: Path) -> tuple[str, Any]:
    """What the model says belongs at the path, and an example."""
    names = [part for part in path if isinstance(part, str)]
    owner: type[BaseModel] = model
    field = None
    for name in names:
        if name in owner.model_fields:
            field = owner.model_fields[name]
            owner = _models_in(field.annotation) or owner
    if field is None:
        return "something else", None
    return field.description or "something else", (field.examples or [None])[0]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


__all__ = ["Document", "parse", "read_text"]

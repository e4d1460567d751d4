"""What the owners of a launch packet's rows state, read from TOML files: the form ``judge`` takes, with ``[access]``.

A statement is a person's word: it is shown as stated, never as passed, and holds no secret.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from conformance.journal import Statement
from conformance.partner.statement import CLIPPED, duties, name_of
from conformance.requirements import Requirement
from conformance.target.document import Document, parse, read_text
from conformance.target.problems import Problem, ProfileError, looks_like_credential, shape, visible

_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")

NO_SECRETS: Final = "words for people to read: no keys, no webhook secrets, no bank details"

_TOP = ("by", "on", "duties", "access")


def load(
    paths: Sequence[Path], rows: Collection[str], known: Collection[Requirement], secrets: Iterable[str] = ()
) -> tuple[Statement, ...]:
    """The statements of these files, on rows of the launch packet and on duties.

    ``secrets`` are values that must appear in none. Raises ``ProfileError`` with everything that is wrong: file, line,
    key, what was found there, what belongs there, and how to put it right. No value is repeated in it.
    """
    found: dict[str, tuple[Statement, str]] = {}
    problems: list[Problem] = []
    hidden = [value for value in secrets if value]
    for path in paths:
        shown = visible(str(path))
        try:
            document = parse(read_text(path, shown), shown)
        except ProfileError as broken:
            problems += broken.problems
            continue
        for key, statement in _statements(document, rows, known, hidden):
            if statement.subject in found:
                fix = f"keep one of the two: {found[statement.subject][1]} has it already"
                document.note(key, "something that is stated twice", "one statement for each row and duty", fix)
            found[statement.subject] = statement, shown
        problems += document.problems
    if problems:
        raise ProfileError(problems)
    return tuple(statement for statement, _ in found.values())


def _statements(
    document: Document, rows: Collection[str], known: Collection[Requirement], secrets: Sequence[str]
) -> list[tuple[tuple[str, str], Statement]]:
    """What a file states, each with its place; what cannot be taken is noted in the document."""
    data = document.data
    for key in data.keys() - set(_TOP):
        document.unknown((key,), _TOP, "key")
    by, on = data.get("by"), data.get("on")
    if not isinstance(by, str) or not by.strip():
        document.note(
            ("by",), _found(by), "the name and role of whoever states this", 'write by = "Jane Doe, Compliance"'
        )
    elif _hides(by, secrets):
        document.note(("by",), "text that looks like a secret", NO_SECRETS, "take it out")
    if not isinstance(on, date) or isinstance(on, datetime):
        document.note(("on",), _found(on), "the day it is stated, as a date", "write on = 2026-05-25 (no quotes)")
    if not ({"duties", "access"} & data.keys()):
        fix = 'add [access] and a line for each row, such as product-fit = "…"'
        document.note(("access",), "nothing", "a table of what is stated", fix)
    subjects = {"access": {row: row for row in rows}, "duties": {name_of(r.id): r.id for r in duties(known)}}
    found = []
    for table, names in subjects.items():
        for name, words in _table(document, table, names, secrets).items():
            statement = Statement(names[name], words, str(by).strip()[:CLIPPED], str(on))
            found.append(((table, name), statement))
    return found


def _table(document: Document, table: str, names: Mapping[str, str], secrets: Sequence[str]) -> dict[str, str]:
    """The lines of one table that say something, by name."""
    lines: Any = document.data.get(table, {})
    if not isinstance(lines, dict):
        document.note((table,), shape(lines), "a table", f"write it as a table: [{table}]")
        return {}
    found = {}
    for name, words in lines.items():
        if name not in names:
            document.unknown((table, name), sorted(names), "row" if table == "access" else "duty")
        elif not isinstance(words, str) or not words.strip():
            document.note((table, name), _found(words), "what is stated, in words", f'write {name} = "…"')
        elif _hides(words, secrets):
            document.note((table, name), "text that holds a secret or bank details", NO_SECRETS, "take it out")
        else:
            found[name] = words.strip()[:CLIPPED]
    return found


def _hides(text: str, secrets: Sequence[str]) -> bool:
    known = any(value in text for value in secrets)
    return known or looks_like_credential(text) or _IBAN.search(text) is not None


def _found(value: object) -> str:
    return "nothing" if value is None else shape(value)


__all__ = ["load"]

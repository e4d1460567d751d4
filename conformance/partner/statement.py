"""What a partner states of itself, read from a TOML file: duties no traffic can show. Stated is never passed."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from conformance import journal
from conformance.journal import Outcome
from conformance.partner.rules_base import Ruling
from conformance.requirements import Requirement

PREFIX: Final = "PARTNER-STATED-"
LARGEST: Final = 1 << 20
CLIPPED: Final = 600

TEMPLATE = """\
by = "name and role of whoever states this"
on = 2026-05-25

[duties]
request-ids = "where and for how long they are kept"
"""


class StatementError(Exception):
    """The file cannot be used: names the file, the key, what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Who states what, and when: duty (as in the file) to the words."""

    by: str
    on: date
    duties: Mapping[str, str]


def name_of(requirement: str) -> str:
    """The key under which a statement speaks of a requirement, e.g. ``request-ids``."""
    return requirement.removeprefix(PREFIX).lower()


def duties(requirements: Collection[Requirement]) -> list[Requirement]:
    """The requirements only a statement can speak of."""
    return [requirement for requirement in requirements if requirement.id.startswith(PREFIX)]


def load(path: Path, known: Collection[Requirement]) -> Statement:
    """Read a statement. Raises ``StatementError`` with the first thing that is wrong and how to put it right."""
    document = _document(path)
    stated = document.pop("duties", None)
    by, on = document.pop("by", None), document.pop("on", None)
    document.pop("access", None)  # the rows of a launch packet, which no rule over traffic has a use for
    if document:
        raise StatementError(f"{path}: unknown key {sorted(document)[0]!r}; expected by, on and [duties]")
    if not isinstance(by, str) or not by.strip():
        raise StatementError(f'{path}: by is missing or empty; write by = "name and role of whoever states this"')
    if not isinstance(on, date) or isinstance(on, datetime):
        raise StatementError(f"{path}: on must be a date, such as on = 2026-05-25 (no quotes)")
    if not isinstance(stated, dict):
        raise StatementError(f"{path}: [duties] is missing; write one line for each duty that is stated")
    names = [name_of(requirement.id) for requirement in duties(known)]
    for name, words in stated.items():
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f"nearest: {near[0]}" if near else f"known: {', '.join(names)}"
            raise StatementError(f"{path}: duties.{name} is no duty; {hint}")
        if not isinstance(words, str) or not words.strip():
            raise StatementError(f'{path}: duties.{name} is empty or no text; write {name} = "what you do"')
    return Statement(by.strip()[:CLIPPED], on, {name: words.strip()[:CLIPPED] for name, words in stated.items()})


def rulings(statement: Statement | None, known: Collection[Requirement]) -> list[Ruling]:
    """One ruling for each duty: stated by whom, or not stated. Neither is ever a pass."""
    found = []
    for requirement in duties(known):
        words = statement.duties.get(name_of(requirement.id)) if statement is not None else None
        if statement is None or words is None:
            missing = "no traffic shows it, and no statement says it (--statement FILE)"
        else:
            missing = f"stated by {statement.by} on {statement.on}, and shown by nothing here: {words}"
        found.append(Ruling(requirement.id, Outcome.NOT_EVIDENCED, requirement.statement, "", missing=missing))
    return found


def records(statement: Statement | None, known: Collection[Requirement]) -> list[journal.Statement]:
    """What is stated, as the journal keeps it for a launch packet."""
    if statement is None:
        return []
    ids = {name_of(requirement.id): requirement.id for requirement in duties(known)}
    stated = statement.duties.items()
    return [journal.Statement(ids[name], words, statement.by, str(statement.on)) for name, words in stated]


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
        if len(raw) > LARGEST:
            raise StatementError(f"{path}: found more than {LARGEST} bytes; expected a file written by hand")
        return tomllib.loads(raw.decode())
    except OSError as problem:
        raise StatementError(f"{path}: cannot be read ({problem.strerror}); check --statement") from problem
    except (ValueError, RecursionError) as problem:
        raise StatementError(f"{path}: found broken TOML ({problem}); expected:\n{TEMPLATE}") from problem


__all__ = ["PREFIX", "Statement", "StatementError", "duties", "load", "name_of", "records", "rulings"]

"""The known-failures file: which requirements a run may fail, why, who owns it and until when.

An entry excuses nothing by itself: it still runs, and one that passes or has expired fails the run (``evidence``).
"""

from __future__ import annotations

import tomllib
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any

from conformance.requirements import Catalogue

FIELDS = ("requirement", "reason", "owner", "expires")
LARGEST = 1 << 20


class KnownFailuresError(Exception):
    """The file cannot be used: names the file, the entry, what was found and what was expected."""


def load(path: Path, catalogue: Catalogue) -> tuple[dict[str, str], ...]:
    """Read ``[[known_failure]]`` entries of a TOML file. Raises ``KnownFailuresError``, listing every problem."""
    document = _document(path)
    entries = document.pop("known_failure", None)
    if document or not isinstance(entries, list):
        found = f"{sorted(document)[0]!r}" if document else type(entries).__name__
        raise KnownFailuresError(f"{path}: found {found} at the top; expected only [[known_failure]] tables")
    problems = [text for number, entry in enumerate(entries, 1) for text in _problems(number, entry, catalogue)]
    problems += _repeated(entries)
    if problems:
        raise KnownFailuresError("\n".join(f"{path}: {problem}" for problem in problems))
    return tuple({name: str(entry[name]) for name in FIELDS} for entry in entries)


def _document(path: Path) -> dict[str, Any]:
    """The file as TOML. Raises ``KnownFailuresError``."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as problem:
        raise KnownFailuresError(f"{path}: cannot be read ({problem.strerror})") from problem
    if len(raw) > LARGEST:
        raise KnownFailuresError(f"{path}: found more than {LARGEST} bytes; expected a file written by hand")
    try:
        return tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as problem:
        raise KnownFailuresError(
            f"{path}: found broken TOML ({problem}); expected [[known_failure]] tables"
        ) from problem


def _repeated(entries: list[Any]) -> list[str]:
    """Requirements with two entries: nobody could tell which of them holds."""
    names = (entry.get("requirement") for entry in entries if isinstance(entry, dict))
    counted = Counter(name for name in names if isinstance(name, str))
    return [f"{name} has {count} entries; keep one" for name, count in counted.items() if count > 1]


def _problems(number: int, entry: object, catalogue: Catalogue) -> list[str]:
    where = f"known_failure {number}"
    if not isinstance(entry, dict):
        return [f"{where}: found {type(entry).__name__}; expected a table with {', '.join(FIELDS)}"]
    unknown = sorted(entry.keys() - set(FIELDS))
    found = [f"{where}: unknown key {name!r}; expected {', '.join(FIELDS)}" for name in unknown]
    for name in FIELDS:
        value = entry.get(name)
        if name == "expires":
            if not isinstance(value, date) or isinstance(value, datetime):
                found.append(f"{where}: expires must be a date, such as expires = 2026-12-31 (no quotes)")
        elif not isinstance(value, str) or not value.strip():
            found.append(f'{where}: {name} is missing or empty; write {name} = "…"')
    requirement = entry.get("requirement")
    if isinstance(requirement, str):
        try:
            catalogue[requirement]
        except KeyError as problem:
            found.append(f"{where}: {problem.args[0]}")
    return found

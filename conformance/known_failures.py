"""The known-failures file: which requirements a run may fail, why, who owns it and until when.

An entry excuses nothing by itself: it still runs, and one that passes or has expired fails the run (``evidence``).
"""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

from conformance.requirements import Catalogue

FIELDS = ("requirement", "reason", "owner", "expires")
LARGEST = 1 << 20


class KnownFailuresError(Exception):
    """The file cannot be used: names the file, the entry, what was found and what was expected."""


def load(path: Path, catalogue: Catalogue) -> tuple[dict[str, str], ...]:
    """Read ``[[known_failure]]`` entries of a TOML file. Raises ``KnownFailuresError``, listing every problem."""
    try:
        raw = path.read_bytes()[: LARGEST + 1]
        document = tomllib.loads(raw.decode())
    except OSError as problem:
        raise KnownFailuresError(f"{path}: cannot be read ({problem.strerror})") from problem
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise KnownFailuresError(
            f"{path}: found broken TOML ({problem}); expected [[known_failure]] tables"
        ) from problem
    entries = document.pop("known_failure", None)
    if document or not isinstance(entries, list):
        found = f"{sorted(document)[0]!r}" if document else type(entries).__name__
        raise KnownFailuresError(f"{path}: found {found} at the top; expected only [[known_failure]] tables")
    problems = [text for number, entry in enumerate(entries, 1) for text in _problems(number, entry, catalogue)]
    if problems:
        raise KnownFailuresError("\n".join(f"{path}: {problem}" for problem in problems))
    return tuple({name: str(entry[name]) for name in FIELDS} for entry in entries)


def _problems(number: int, entry: object, catalogue: Catalogue) -> list[str]:
    where = f"known_failure {number}"
    if not isinstance(entry, dict):
        return [f"{where}: found {type(entry).__name__}; expected a table with {', '.join(FIELDS)}"]
    found = [f"{where}: unknown key {name!r}; expected {', '.join(FIELDS)}" for name in entry.keys() - set(FIELDS)]
    for name in FIELDS:
        value = entry.get(name)
        if name == "expires":
            if not isinstance(value, date):
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

"""The tables of the Getting access page as data (``access.toml``), loaded. Filling them in is next door.

Knows what is asked and who owns it; nothing about any run.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

FILE = "access.toml"

ENVIRONMENTS = ("", "sandbox", "production")

_TEXTS = ("name", "asks", "why", "example", "owner", "owner_as", "environment", "value", "key", "states")
_LISTS = ("needs", "duties", "approval")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table of the page (seed 000)."""

    name: str
    asks: str
    why: str
    example: str
    owner: str
    """Who states what only a person can."""
    owner_as: str
    """The row of the access packet that lends its owner where the page names none; empty where it does."""
    environment: str
    """``sandbox`` or ``production`` where only runs of that environment count, else empty."""
    needs: tuple[str, ...]
    """Requirement ids that together show what evidence can show."""
    value: str
    """What is filled in from the journal; empty where nothing is."""
    key: str
    """The name under which a statement answers the row; empty where evidence alone settles it."""
    states: str
    duties: tuple[str, ...]
    """Requirement ids of duties that, all of them stated, answer the row too."""
    approval: tuple[str, ...]
    """Fields of the approval record that answer the row too."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the page."""

    id: str
    title: str
    columns: tuple[str, str]
    rows: tuple[Row, ...]


@cache
def tables() -> tuple[Table, ...]:
    """The tables in the page's order. Raises ``ValueError`` naming table and row for anything malformed."""
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    raw = tomllib.loads(text)["table"]
    owners = {row["name"]: row["owner"] for table in raw for row in table["row"] if table["id"] == "packet"}
    return tuple(_table(table, owners) for table in raw)


def keys() -> dict[str, Row]:
    """Every name a statement can answer, with the first row it answers."""
    found: dict[str, Row] = {}
    for table in tables():
        for row in table.rows:
            if row.key:
                found.setdefault(row.key, row)
    return found


def _table(raw: dict[str, Any], owners: dict[str, str]) -> Table:
    first, second = raw["columns"]
    rows = tuple(_row(f"{FILE}: {raw['id']}", row, owners) for row in raw["row"])
    return Table(raw["id"], raw["title"], (first, second), rows)


def _row(where: str, raw: dict[str, Any], owners: dict[str, str]) -> Row:
    texts = {name: str(raw.get(name, "")) for name in _TEXTS}
    lists = {name: tuple(map(str, raw.get(name, ()))) for name in _LISTS}
    where = f"{where}: {texts['name']}"
    unknown = raw.keys() - set(_TEXTS) - set(_LISTS)
    if unknown:
        raise ValueError(f"{where}: unknown field {sorted(unknown)[0]!r}")
    texts["owner"] = texts["owner"] or owners.get(texts["owner_as"], "")
    if not texts["owner"]:
        raise ValueError(f"{where}: nobody owns it; name an owner, or the row of the packet that lends its own")
    if texts["environment"] not in ENVIRONMENTS:
        raise ValueError(f"{where}: environment is {texts['environment']!r}; expected sandbox or production")
    if bool(texts["key"]) != bool(texts["states"]):
        raise ValueError(f"{where}: key and states come together: what is to be stated, and under which name")
    if not (texts["key"] or lists["needs"] or texts["value"]):
        raise ValueError(f"{where}: nothing could ever settle it")
    return Row(
        name=texts["name"],
        asks=texts["asks"],
        why=texts["why"],
        example=texts["example"],
        owner=texts["owner"],
        owner_as=texts["owner_as"],
        environment=texts["environment"],
        needs=lists["needs"],
        value=texts["value"],
        key=texts["key"],
        states=texts["states"],
        duties=lists["duties"],
        approval=lists["approval"],
    )

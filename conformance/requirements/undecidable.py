"""What the sources say that no run can decide, each with the reason, so that nothing falls between.

The statements are in ``undecided.yaml`` and, for 0Gate, ``undecided-gate.yaml``. What a run can decide is a requirement
(``catalogue.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

import yaml

from conformance.requirements.catalogue import LOADER

FILES = ("undecided.yaml", "undecided-gate.yaml")


class Reason(StrEnum):
    """Why no run can decide a statement."""

    UNPUBLISHED = "unpublished"
    CONTRADICTED = "contradicted"
    UNSEEN = "unseen"
    OUTSIDE = "outside"
    PRODUCTION = "production"
    PEOPLE = "people"
    PARTNER = "partner"
    WORDS = "words"


MEANING = {
    Reason.UNPUBLISHED: "the sources leave out the name, number or format a test would need",
    Reason.CONTRADICTED: "the sources disagree, so either reading is legal and at most observed",
    Reason.UNSEEN: "it happens where no client of the API can look",
    Reason.OUTSIDE: "it takes something the API cannot do: a bank, an operator's hand, a second environment",
    Reason.PRODUCTION: "it is about real money, so only a controlled order in production shows it",
    Reason.PEOPLE: "people agree, decide or provide it",
    Reason.PARTNER: "it binds the partner's own product",
    Reason.WORDS: "a description, sample or reason; nothing in it can turn out false",
}
"""The reasons in words."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """One statement of the sources that is no requirement, where it stands, and why it is none."""

    statement: str
    source: str
    reason: Reason
    because: str


@cache
def undecided() -> tuple[Undecided, ...]:
    """What is written in ``FILES``. Raises ``ValueError`` naming file and entry for anything malformed."""
    found: tuple[Undecided, ...] = ()
    for file in FILES:
        text = resources.files(__package__).joinpath(file).read_text(encoding="utf-8")
        found += tuple(_entry(file, raw) for raw in yaml.load(text, Loader=LOADER))  # noqa: S506 - a safe loader
    twice = {entry.statement for entry in found if sum(entry.statement == other.statement for other in found) > 1}
    if twice:
        raise ValueError(f"{FILES[0]}: {sorted(twice)[0]!r} is written twice")
    return found


def _entry(file: str, raw: Any) -> Undecided:
    if not isinstance(raw, dict):
        problem = f"found {type(raw).__name__}; expected an entry with statement, source, reason and because"
        raise ValueError(f"{file}: {problem}")  # noqa: TRY004 - a fault of the file
    name = raw.get("statement", "an entry without statement")
    fields = dict(raw)
    try:
        entry = Undecided(
            statement=fields.pop("statement"),
            source=fields.pop("source"),
            reason=Reason(fields.pop("reason")),
            because=fields.pop("because"),
        )
    except (KeyError, ValueError) as problem:
        raise ValueError(f"{file}: {name}: {problem}") from problem
    if fields:
        raise ValueError(f"{file}: {name}: unknown field {sorted(fields)[0]!r}")
    return entry

"""Loading the catalogue and asking it questions: which requirements are wanted in a scope, a step, a selection.

The statements themselves are in the YAML files beside this module. Ids are frozen once released: evidence refers to
them for years, so they are never renamed, renumbered or reused.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

import yaml

REVISION = "2026-05-25"
"""The API revision whose required set is frozen here."""

STEPS = {
    1: "Discovery returns only allowed pools",
    2: "Capabilities match the approved side, network and limit set",
    3: "Indicative quote prices or is safely unavailable",
    4: "Firm quote returns expiry and quote id",
    5: "Duplicate transact creates no duplicate trade",
    6: "Status polling reaches a terminal state",
    7: "Webhooks verify and deduplicate",
    8: "Balance and ledger reconcile with the order record",
}
"""The published smoke test plan (Getting access), in our words."""


class Level(StrEnum):
    """How binding a requirement is."""

    MUST = "must"
    SHOULD = "should"
    MAY = "may"


class Basis(StrEnum):
    """What a requirement rests on. Only the first two may fail a target."""

    DOCUMENTED = "documented"
    ENTAILED = "entailed"
    INFERRED = "inferred"


class Side(StrEnum):
    """Whom the requirement binds."""

    ENVIRONMENT = "environment"
    PARTNER = "partner"


class Scope(StrEnum):
    """Who certifies. ``partner``: what one secret key can prove on a bare target; ``operator``: everything."""

    PARTNER = "partner"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One falsifiable statement of the contract."""

    id: str
    statement: str
    level: Level
    basis: Basis
    side: Side
    scope: Scope
    source: str
    derivation: str = ""
    step: int | None = None
    product: str = "pools"
    operations: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    """What proving it takes beyond one secret key: ``approval``, ``publishable_key``, ``account:NAME``,
    ``outcome:NAME``, ``webhooks``, ``handler``; for 0Gate also ``gate_webhooks``, ``gate_retries``,
    ``gate_dead_letters``, ``gate_timeouts``, ``rails``, ``customers``, ``origin``; of the partner ``cards``."""
    provisional: bool = False
    """New since the required set was frozen: reported, not scored."""

    @property
    def may_fail(self) -> bool:
        """Whether a departure can be a ``fail``; an inferred statement can at most warn."""
        return self.basis is not Basis.INFERRED


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All requirements, by id, in the order they are written down."""

    requirements: dict[str, Requirement]

    def __getitem__(self, requirement: str) -> Requirement:
        """The requirement with this id. Raises ``KeyError`` naming the nearest known id."""
        try:
            return self.requirements[requirement]
        except KeyError:
            near = difflib.get_close_matches(requirement, self.requirements, 1)
            hint = f"; nearest: {near[0]}" if near else ""
            raise KeyError(f"no requirement {requirement!r}{hint}") from None

    def __iter__(self) -> Iterator[Requirement]:
        return iter(self.requirements.values())

    def in_scope(self, scope: Scope) -> list[Requirement]:
        """The requirements a run in ``scope`` is scored on."""
        return [r for r in self.requirements.values() if scope is Scope.OPERATOR or r.scope is Scope.PARTNER]

    def of(self, products: Collection[str]) -> Catalogue:
        """The part of the catalogue that speaks of these products; all of it where none is named."""
        found = {name: r for name, r in self.requirements.items() if not products or r.product in products}
        return Catalogue(found)

    def of_step(self, step: int) -> list[Requirement]:
        """The requirements that together prove one step of the smoke plan."""
        return [r for r in self.requirements.values() if r.step == step]


PRODUCTS = {
    "wire": "run",
    "pools": "run",
    "gate": "run",
    "handler": "webhook",
    "traffic": "judge",
    "orders": "reconcile",
    "cards": "run",
}
"""What the requirements speak of, one file each, and the command that judges them at the least.

``wire`` is true of every product of the vendor; from ``handler`` on, the subject is the partner.
"""

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def load() -> Catalogue:
    """Load the built-in catalogue. Raises ``ValueError`` naming file and entry for anything malformed."""
    found: dict[str, Requirement] = {}
    for product in PRODUCTS:
        name = f"{product}.yaml"
        text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
        for raw in yaml.load(text, Loader=LOADER):  # noqa: S506 - a safe loader, the C one where there is one
            requirement = _requirement(name, raw, product)
            if requirement.id in found:
                raise ValueError(f"{name}: {requirement.id} is written twice")
            found[requirement.id] = requirement
    return Catalogue(found)


def _requirement(file: str, raw: Any, product: str) -> Requirement:
    if not isinstance(raw, dict):
        problem = f"found {type(raw).__name__}; expected an entry with id, statement and source"
        raise ValueError(f"{file}: {problem}")  # noqa: TRY004 - a fault of the file, like the others
    name = raw.get("id", "an entry without id")
    for field in ("operations", "needs"):
        if not isinstance(raw.get(field, []), list):
            raise ValueError(f"{file}: {name}: {field} must be a list")  # noqa: TRY004 - likewise
    fields = dict(raw)
    try:
        requirement = Requirement(
            id=fields.pop("id"),
            statement=fields.pop("statement"),
            level=Level(fields.pop("level", "must")),
            basis=Basis(fields.pop("basis", "documented")),
            side=Side(fields.pop("side", "environment")),
            scope=Scope(fields.pop("scope", "partner")),
            source=fields.pop("source"),
            derivation=fields.pop("derivation", ""),
            step=fields.pop("step", None),
            product=product,
            operations=tuple(fields.pop("operations", ())),
            needs=tuple(fields.pop("needs", ())),
            provisional=fields.pop("provisional", False),
        )
    except (KeyError, ValueError) as problem:
        raise ValueError(f"{file}: {name}: {problem}") from problem
    if fields:
        raise ValueError(f"{file}: {name}: unknown field {sorted(fields)[0]!r}")
    if requirement.step is not None and requirement.step not in STEPS:
        raise ValueError(f"{file}: {name}: step {requirement.step} does not exist")
    if requirement.basis is Basis.ENTAILED and not requirement.derivation:
        raise ValueError(f"{file}: {name}: entailed without a derivation")
    if requirement.needs and requirement.scope is Scope.PARTNER:
        raise ValueError(f"{file}: {name}: needs more than one secret key, so its scope is operator")
    return requirement

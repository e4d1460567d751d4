"""Which requirements a run could evidence as things stand, and what keeps it from the others."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from conformance.readiness.report import Check, Gap, State
from conformance.requirements import STEPS, Catalogue, Requirement, Scope
from conformance.scenarios.judging import Declaration
from conformance.scenarios.needs import gap, unmet
from conformance.scenarios.selection import wanted
from conformance.target import Target

Missing = tuple[str, str]
"""What is missing, and who could provide it."""

LIMITS: Missing = ("[limits] that allow the planned trades", "the author of the profile")


def obstacles(
    catalogue: Catalogue, scenarios: Sequence[tuple[str, Declaration]], target: Target, short: Collection[str]
) -> dict[str, Missing]:
    """What keeps each requirement from being evidenced by ``scenarios``; those in nobody's way are left out.

    ``short`` names the scenarios the limits leave without trades.
    """
    found = {}
    for requirement in catalogue:
        obstacle = _obstacle(requirement, scenarios, target, short)
        if obstacle is not None:
            found[requirement.id] = obstacle
    return found


def _obstacle(
    requirement: Requirement, scenarios: Sequence[tuple[str, Declaration]], target: Target, short: Collection[str]
) -> Missing | None:
    if requirement.id.startswith("WIRE-"):
        return None  # judged on every exchange, whoever makes it
    for need in requirement.needs:
        missing = unmet(need, target)
        if missing:
            return missing
    judging = [(name, declaration) for name, declaration in scenarios if requirement.id in declaration.judges]
    stopped = [LIMITS if name in short else gap(declaration, target) for name, declaration in judging]
    if None in stopped:
        return None
    return next(filter(None, stopped), ("a scenario of this tier that judges it", "--tier certify"))


def gaps(requirements: Sequence[Requirement], found: dict[str, Missing]) -> tuple[Gap, ...]:
    """The obstacles of these requirements put together, each with everything it keeps open, the widest first."""
    grouped: dict[Missing, list[str]] = {}
    for requirement in requirements:
        if requirement.id in found:
            grouped.setdefault(found[requirement.id], []).append(requirement.id)
    together = [Gap(missing, provider, tuple(ids)) for (missing, provider), ids in grouped.items()]
    return tuple(sorted(together, key=lambda gap: -len(gap.requirements)))


def in_scope(catalogue: Catalogue, scope: Scope, tier: str) -> list[Requirement]:
    """The requirements a run of this scope and tier answers for."""
    return [requirement for requirement in catalogue.in_scope(scope) if wanted(requirement, tier)]


def coverage(catalogue: Catalogue, scope: Scope, tier: str, found: dict[str, Missing]) -> Check:
    """How many requirements are in scope, and how many of them can be evidenced."""
    asked = in_scope(catalogue, scope, tier)
    open_ = [requirement.id for requirement in asked if requirement.id in found]
    text = f"{len(asked)} in scope {scope}, tier {tier}: "
    text += f"{len(open_)} cannot be evidenced, see below" if open_ else "each can be evidenced"
    beyond = len(list(catalogue)) - len(asked)
    if beyond:
        text += f"; {beyond} beyond"
    return Check("requirements", State.LACKING if open_ else State.OK, text)


def launch(catalogue: Catalogue, found: dict[str, Missing]) -> Check:
    """Which of the eight steps could be proved: scope and tier cannot shorten that list."""
    open_ = {step: [r.id for r in catalogue.of_step(step) if r.id in found] for step in STEPS}
    lacking = {step: ids for step, ids in open_.items() if ids}
    if not lacking:
        return Check("launch", State.OK, "all eight steps can be proved")
    why = dict.fromkeys(found[id_][0] for ids in lacking.values() for id_ in ids)
    steps = ", ".join(map(str, lacking))
    return Check("launch", State.NOTE, f"{8 - len(lacking)} of 8 steps can be proved, not {steps}: {'; '.join(why)}")

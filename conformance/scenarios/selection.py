"""Which scenarios a run tries, and in which order. What each of them declares is its own business."""

from __future__ import annotations

from collections.abc import Collection

from conformance.journal import Engine
from conformance.requirements import Catalogue, Requirement
from conformance.scenarios.judging import Declaration


def selected(
    declaration: Declaration,
    catalogue: Catalogue,
    *,
    tier: str,
    steps: Collection[int] = (),
    only: Collection[str] = (),
) -> bool:
    """Whether a run of this tier, or of these steps and requirements where any are given, tries the scenario."""
    if only or steps:
        if any(requirement.startswith("WIRE-") for requirement in only):
            # Any exchange may show what holds for all of them; how many there are is the tier's business.
            return tier != "smoke" or declaration.smoke
        covered = {catalogue[requirement].step for requirement in declaration.judges}
        return bool(set(only) & set(declaration.judges) or set(steps) & covered)
    return tier != "smoke" or declaration.smoke


def wanted(requirement: Requirement, tier: str) -> bool:
    """Whether a run of this tier answers for the requirement: the smoke tier stands for the eight steps only."""
    return tier != "smoke" or requirement.step is not None


def turn(declaration: Declaration) -> int:
    """Scenarios first, engines with what the limits leave them, then what has to look back on all of them."""
    return 2 if declaration.last else int(declaration.engine is not Engine.SCENARIO)

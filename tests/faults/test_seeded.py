"""The judge judged: a fault turns a requirement red that it breaks, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from conformance.cli.faults import Result, Seeded, judged, line, listed
from conformance.requirements import PRODUCTS, Level, load

SEED = 1
ALL = listed()
FAULTS = [seeded for seeded in ALL if seeded.kind != "dialect"]


EACH = 2
"""How many faults of a kind each requirement meets here; `make faults` tries them all, under three seeds."""


def tried_here(faults: Sequence[Seeded]) -> list[Seeded]:
    """All faults but those whose every requirement has met enough others already."""
    met: Counter[str] = Counter()
    kept = []
    for seeded in faults:
        if any(met[requirement] < EACH for requirement in seeded.breaks):
            kept.append(seeded)
            met.update(seeded.breaks)
    return kept


def soonest(seeded: Seeded) -> Result:
    """What the harness says of a fault up to the first red, without the state machines if it can be: one of the wire of
    0Pools, which any exchange may show, from the eight steps.

    Whatever else it turns red in a whole run, `make faults` tells.
    """
    wire = any(requirement.startswith("WIRE-") for requirement in seeded.breaks)
    smoke = wire and not seeded.name.startswith("gate-")
    for tier in ("smoke", "certify") if smoke else ("certify",):
        early = judged(seeded, SEED, full=False, tier=tier, quick=True)
        if early.by:
            return early
    return judged(seeded, SEED, full=False)


@pytest.mark.parametrize("seeded", tried_here(FAULTS), ids=lambda seeded: seeded.name)
def test_a_fault_is_caught_by_a_requirement_it_breaks_and_by_no_other(seeded: Seeded) -> None:
    result = soonest(seeded)
    if not result.good:
        # Races, ids and clocks differ from run to run; what is wrong with the harness shows under another seed too.
        result = judged(seeded, SEED + 1, full=False)

    assert result.good, line(result)


def test_every_must_is_broken_by_a_fault() -> None:
    """Those a run or a certified handler answers for: recordings and order books that break the others are told by
    `tests/partner/traffic/test_misbehaving.py` and `tests/partner/orders/test_reconcile.py`.
    """
    broken = {requirement for seeded in FAULTS for requirement in seeded.breaks}

    tried = [r for r in load() if PRODUCTS[r.product] in ("run", "webhook") and r.level is Level.MUST]
    unbroken = [r.id for r in tried if r.id not in broken]

    assert not unbroken


def test_faults_name_requirements_that_exist() -> None:
    known = set(load().requirements)

    unknown = {seeded.name: set(seeded.breaks + seeded.drags) - known for seeded in FAULTS}

    assert not {name: ids for name, ids in unknown.items() if ids}

"""The judge judged: a fault turns a requirement it breaks red, and nothing else; legal variations stay green."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from conformance.cli.faults import Result, Seeded, bundles, judged, line, listed
from conformance.requirements import PRODUCTS, Level, load

SEED = 1
ALL = listed()
FAULTS = [seeded for seeded in ALL if seeded.kind != "dialect"]
DIALECTS = [seeded for seeded in ALL if seeded.kind == "dialect"]
TROUBLES = frozenset(
    {"slow", "throttled-reads", "throttled-until", "throttled-writes", "unavailable-at-times", "resets-at-times"}
    | {"answers-lost-at-times", "dry-at-times", "gateway-page-at-times", "in-flight-409", "returns-by-itself"}
    | {"worker-alone-settles", "worker-settles"}
)
"""Dialects that cost retries or time by their nature, or ask for a profile of their own: `make faults` and `make seeds`
try them one at a time; together they exhaust what is bounded."""

EACH = 1
"""Faults each requirement meets here at the least, the suite having to end in time; `make faults` tries all of them,
under three seeds."""

TOGETHER = 16
"""Dialects spoken at once here; `make faults` tries each by itself, state machines and all."""


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


@pytest.mark.parametrize(
    "bundle", bundles([d for d in DIALECTS if d.name not in TROUBLES], TOGETHER), ids=lambda bundle: bundle.name
)
def test_legal_variations_stay_green(bundle: Seeded) -> None:
    result = judged(bundle, SEED, full=False, machines=False)

    assert (result.verdict, result.red) == ("PARTIAL", ()), line(result)


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

"""The judge judged: every seeded fault turns red what it breaks and nothing else, every legal variation stays green."""

from __future__ import annotations

import pytest

from conformance.cli.faults import Seeded, judged, line, listed
from conformance.requirements import Level, load

SEED = 1
ALL = listed()
FAULTS = [seeded for seeded in ALL if seeded.kind != "dialect"]
DIALECTS = [seeded for seeded in ALL if seeded.kind == "dialect"]


@pytest.mark.parametrize("seeded", FAULTS, ids=lambda seeded: seeded.name)
def test_a_fault_is_caught_by_a_requirement_it_breaks_and_by_no_other(seeded: Seeded) -> None:
    result = judged(seeded, SEED, full=False)

    assert result.good, line(result)


@pytest.mark.parametrize("seeded", DIALECTS, ids=lambda seeded: seeded.name)
def test_a_legal_variation_stays_green(seeded: Seeded) -> None:
    result = judged(seeded, SEED, full=False)

    assert result.good, line(result)


def test_every_must_is_broken_by_a_fault() -> None:
    broken = {requirement for seeded in FAULTS for requirement in seeded.breaks}

    unbroken = [r.id for r in load() if r.level is Level.MUST and r.id not in broken]

    assert not unbroken


def test_faults_name_requirements_that_exist() -> None:
    known = set(load().requirements)

    unknown = {seeded.name: set(seeded.breaks + seeded.drags) - known for seeded in FAULTS}

    assert not {name: ids for name, ids in unknown.items() if ids}

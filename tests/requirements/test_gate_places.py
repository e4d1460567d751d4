"""Nothing the sources say about 0Gate falls between: each place is stated by a requirement, or listed with a reason."""

from __future__ import annotations

import pytest

from conformance.requirements import load, undecided
from tests.requirements.gate_places import PLACES, cited

REQUIRED = {place for requirement in load() for place in cited(requirement.source)}
OF_0GATE = {place for requirement in load().of(("gate",)) for place in cited(requirement.source)}
LISTED = {place for entry in undecided() for place in cited(entry.source)}


@pytest.mark.parametrize("place", sorted(PLACES))
def test_every_place_is_stated_by_a_requirement_or_listed_with_a_reason(place: str) -> None:
    assert place in REQUIRED | LISTED


def test_no_source_names_a_place_that_does_not_exist() -> None:
    assert sorted((OF_0GATE | LISTED) - PLACES) == []


@pytest.mark.parametrize(
    ("source", "places"),
    [
        (
            "seed 002 (operation map); gate facts 4.A, 11 (7)",
            ["seed 002 (operation map)", "gate facts 4.A", "gate facts 11 (7)"],
        ),
        ("seed 003; gate facts 9", ["gate facts 9"]),
        ("facts 4.A", []),
    ],
)
def test_how_a_source_is_read(source: str, places: list[str]) -> None:
    assert list(cited(source)) == places

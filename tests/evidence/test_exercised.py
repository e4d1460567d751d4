"""What of the stated (operation, status) pairs a run met."""

from __future__ import annotations

import pytest

from conformance.evidence.exercised import exercised
from tests.evidence import synthetic

STATED = {"GET /pools": ["200", "401"], "POST /pools/{id}/transact": ["2XX", "409"]}


def met(*seen: tuple[str | None, int | None]) -> tuple[str, tuple[str, ...]]:
    exchanges = [
        synthetic.exchange(f"main-{n}", operation=operation, status=status)
        for n, (operation, status) in enumerate(seen)
    ]
    found = exercised(STATED, exchanges)
    return str(found), found.missing


@pytest.mark.parametrize(
    ("seen", "missing"),
    [
        (("GET /pools", 200), ("GET /pools 401", "POST /pools/{id}/transact 2XX", "POST /pools/{id}/transact 409")),
        (("POST /pools/{id}/transact", 201), ("GET /pools 200", "GET /pools 401", "POST /pools/{id}/transact 409")),
    ],
)
def test_a_pair_is_met_by_its_status_and_any_success_by_another(
    seen: tuple[str, int], missing: tuple[str, ...]
) -> None:
    assert met(seen)[1] == missing


def test_answers_that_nobody_states_and_silence_meet_nothing() -> None:
    line, missing = met(("GET /pools", 418), ("GET /pools", None), (None, 200), ("GET /other", 200))

    assert len(missing) == 4
    assert line == "1 of 2 operations, 0 of 4 stated (operation, status) pairs (0 %)"


def test_nothing_stated_says_nothing() -> None:
    assert str(exercised({}, [synthetic.exchange("main-1")])) == ""

"""Which scenarios a run tries, in which order, and what keeps one from being tried."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.journal import Engine
from conformance.requirements import load
from conformance.scenarios.coverage import declarations
from conformance.scenarios.judging import Declaration
from conformance.scenarios.needs import PROVIDERS, gap, unmet
from conformance.scenarios.selection import selected, turn, wanted
from tests.doctor.targets import account, bare

STEP_6, NO_STEP = "POOLS-READS-PURE", "POOLS-FUNDING"
PLAIN = Declaration((STEP_6, NO_STEP))


@pytest.mark.parametrize(
    ("declaration", "asked", "tried"),
    [
        (PLAIN, {"tier": "certify"}, True),
        (PLAIN, {"tier": "regress"}, True),
        (PLAIN, {"tier": "smoke"}, False),
        (Declaration((STEP_6,), smoke=True), {"tier": "smoke"}, True),
        (PLAIN, {"tier": "certify", "steps": (6,)}, True),
        (PLAIN, {"tier": "certify", "steps": (5,)}, False),
        (PLAIN, {"tier": "smoke", "steps": (6,)}, True),
        (PLAIN, {"tier": "certify", "only": (NO_STEP,)}, True),
        (PLAIN, {"tier": "certify", "only": ("POOLS-LEDGER-SUM",)}, False),
        (PLAIN, {"tier": "certify", "only": ("POOLS-LEDGER-SUM",), "steps": (6,)}, True),
        (PLAIN, {"tier": "certify", "only": ("WIRE-BODY",)}, True),
        (PLAIN, {"tier": "smoke", "only": ("WIRE-BODY",)}, False),
        (Declaration((NO_STEP,), smoke=True), {"tier": "smoke", "only": ("WIRE-BODY",)}, True),
    ],
)
def test_a_scenario_is_tried_when_tier_step_or_requirement_asks_for_it(
    declaration: Declaration, asked: dict[str, Any], tried: bool
) -> None:
    assert selected(declaration, load(), **asked) is tried


def test_the_smoke_tier_answers_for_the_steps_and_the_others_for_everything() -> None:
    assert {r.id for r in load() if wanted(r, "smoke")} == {r.id for r in load() if r.step}
    assert all(wanted(r, "certify") for r in load())


@pytest.mark.parametrize("requirement", [r.id for r in load() if r.step])
def test_the_smoke_tier_tries_every_requirement_of_the_steps(requirement: str) -> None:
    judged = [d for d in declarations().values() if d.smoke and requirement in d.judges]

    assert judged


def test_engines_come_after_scenarios_and_the_last_after_all() -> None:
    found = [
        turn(Declaration((), last=True)),
        turn(Declaration((), engine=Engine.MACHINE)),
        turn(Declaration((), engine=Engine.GENERATED)),
        turn(Declaration(())),
    ]

    assert found == [2, 1, 1, 0]


@pytest.mark.parametrize(
    "need", ["approval", "publishable_key", "account:suspended", "outcome:failed", "webhooks", "handler"]
)
def test_an_unmet_need_names_what_is_missing_and_who_could_provide_it(need: str) -> None:
    found = unmet(need, bare())

    assert found is not None
    assert found[0]
    assert found[1] == PROVIDERS[need.partition(":")[0]]


def test_a_need_that_is_met_keeps_nobody() -> None:
    target = bare(accounts={"approved": account(), "suspended": account("suspended")})

    assert unmet("account:suspended", target) is None


@pytest.mark.parametrize(
    ("declaration", "environment", "kept"),
    [
        (Declaration(()), "sandbox", ""),
        (Declaration((), needs=("approval",)), "sandbox", "approval record"),
        (Declaration((), needs=("account:suspended", "approval")), "sandbox", "[accounts.suspended]"),
        (Declaration(()), "production", "only reads are sent there"),
        (Declaration((), reads_only=True), "production", ""),
        (Declaration((), reads_only=True, needs=("approval",)), "production", "approval record"),
    ],
)
def test_a_gap_is_the_first_thing_that_keeps_a_scenario_from_being_tried(
    declaration: Declaration, environment: str, kept: str
) -> None:
    found = gap(declaration, bare(environment=environment))

    assert (found is not None) == bool(kept)
    assert kept in (found[0] if found else "")

"""The built-in catalogue is well-formed, complete over the steps, and frozen in its ids."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from conformance.requirements import PRODUCTS, STEPS, Basis, Level, Requirement, Scope, Side, load
from conformance.scenarios.coverage import judged_by
from conformance.target import STANDINGS, Target
from conformance.target.sections import RECIPES
from tests.doctor.targets import bare

IDS = re.compile(r"(?:WIRE|AUTH|POOLS|GATE|PARTNER)(?:-[A-Z]+)+")

ONLY_THE_TARGET_CAN_TELL = ("rails", "customers")

ALL = tuple(load())
JUDGED = judged_by()


def test_ids_are_unique_and_well_formed() -> None:
    assert [r.id for r in ALL if not IDS.fullmatch(r.id)] == []
    assert len({r.id for r in ALL}) == len(ALL)


def test_no_two_requirements_state_the_same() -> None:
    twice = [statement for statement, count in Counter(r.statement for r in ALL).items() if count > 1]

    assert twice == []


@pytest.mark.parametrize("requirement", ALL, ids=lambda r: r.id)
def test_a_requirement_states_one_thing_and_its_source(requirement: Requirement) -> None:
    assert requirement.statement.endswith(".")
    assert requirement.source.strip()
    assert (requirement.basis is Basis.ENTAILED) == bool(requirement.derivation)


@pytest.mark.parametrize("step", STEPS)
def test_every_step_is_proved_by_musts_that_may_fail(step: int) -> None:
    proving = [r for r in load().of_step(step) if r.level is Level.MUST and r.may_fail and not r.provisional]

    assert proving


def test_no_requirement_belongs_to_a_step_that_does_not_exist() -> None:
    assert {r.step for r in ALL} <= {None, *STEPS}


@pytest.mark.parametrize("requirement", [r for r in ALL if PRODUCTS[r.product] == "run"], ids=lambda r: r.id)
def test_every_requirement_of_a_run_is_judged_by_a_scenario(requirement: Requirement) -> None:
    assert JUDGED.get(requirement.id)


def test_scenarios_judge_nothing_the_catalogue_does_not_know() -> None:
    assert set(JUDGED) <= {r.id for r in ALL}


def test_partner_scope_is_part_of_operator_scope_and_needs_nothing_beyond_a_key() -> None:
    partner, operator = load().in_scope(Scope.PARTNER), load().in_scope(Scope.OPERATOR)

    assert operator == list(ALL)
    assert [r.id for r in partner if r.needs] == []
    assert 0 < len(partner) < len(operator)


@pytest.mark.parametrize(("requirement", "need"), [(r.id, need) for r in ALL for need in r.needs])
def test_every_need_is_one_a_profile_can_meet(requirement: str, need: str) -> None:
    kind, _, name = need.partition(":")
    target: Target = bare()

    assert target.lacking(need) or need in ONLY_THE_TARGET_CAN_TELL
    assert not name or name in {"account": STANDINGS, "outcome": RECIPES}[kind]


def test_both_sides_are_bound() -> None:
    assert {r.side for r in ALL} == set(Side)


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("POOLS-TRANSACT-ONCE-PER-QOUTE", "; nearest: POOLS-TRANSACT-ONCE-PER-QUOTE"),
        ("pools-reads-pure", ""),
        ("POOLS-READ-PURE", "; nearest: POOLS-READS-PURE"),
        ("", ""),
    ],
)
def test_an_unknown_id_is_answered_with_the_nearest(wrong: str, nearest: str) -> None:
    with pytest.raises(KeyError) as caught:
        load()[wrong]

    assert caught.value.args[0].startswith(f"no requirement {wrong!r}")
    assert caught.value.args[0].endswith(nearest or repr(wrong))

"""What the doctor concludes from a target it was given: clocks, key modes, spend, and what stays open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest

from conformance.journal import Engine
from conformance.readiness import declared, live, outlook, spending
from conformance.readiness.report import Check, Report, State
from conformance.requirements import Scope, load
from conformance.scenarios.coverage import declarations
from conformance.scenarios.judging import Declaration
from conformance.scenarios.pools.desk import Terms
from conformance.target import Limits, Target
from tests.doctor.targets import account, bare, recipe

NOON = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
TERMS = Terms("EUR-USDT", "on_ramp", "EUR", "USDT", "10.00", "tron", "0x", None)


@pytest.mark.parametrize(
    ("target_clock", "ahead"),
    [
        (timedelta(0), 0.0),
        (timedelta(seconds=1), 0.5),
        (timedelta(seconds=-1), 0.0),
        (timedelta(seconds=5), 4.5),
        (timedelta(seconds=-5), -4.0),
        (timedelta(hours=1), 3599.5),
    ],
)
def test_skew_is_what_neither_rounding_nor_travel_explains(target_clock: timedelta, ahead: float) -> None:
    date = format_datetime(NOON + target_clock, usegmt=True)

    assert live.skew(date, NOON, NOON + timedelta(seconds=0.5)) == ahead


@pytest.mark.parametrize("date", [None, "", "noon", "Mon, 01 Jun 2026", "Mon, 01 Jun 99999 12:00:00 GMT"])
def test_a_date_nobody_can_read_tells_no_skew(date: str | None) -> None:
    assert live.skew(date, NOON, NOON) is None


def test_a_date_without_a_zone_is_in_utc() -> None:
    assert live.skew("Mon, 01 Jun 2026 12:00:00 -0000", NOON, NOON) == 0.0


@pytest.mark.parametrize(
    ("changes", "state", "said"),
    [
        ({}, State.OK, "no live key among 1 account(s)"),
        ({"accounts": {"approved": account(key="sk_live_0123456789")}}, State.OK, "live, as production expects"),
        ({"environment": "production"}, State.WARNING, "production expects live keys; not so for approved"),
        (
            {"accounts": {"approved": account(), "wrong_mode": account("wrong_mode", "sk_live_01", disposable=True)}},
            State.OK,
            "wrong_mode is disposable",
        ),
    ],
    ids=["test key", "live key", "test key in production", "disposable live key"],
)
def test_key_modes_are_held_against_the_environment(changes: dict[str, Any], state: State, said: str) -> None:
    check = declared.key_modes(bare(**changes))

    assert check.state is state
    assert said in check.text


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, []),
        ({"environment": "production"}, ["the profile says so"]),
        ({"base_urls": {"pools": "https://pools-api.0bit.app/v1"}}, ["pools-api.0bit.app is production"]),
        ({"accounts": {"approved": account(key="sk_live_0123456789")}}, ["account approved holds a live key"]),
    ],
    ids=["sandbox", "word", "host", "key"],
)
def test_the_guard_says_what_raised_it(changes: dict[str, Any], reasons: list[str]) -> None:
    target = bare(**changes)

    assert declared.guard_reasons(target) == reasons
    assert target.is_production is bool(reasons)


def limited(trades: int, notional: str) -> Target:
    return bare(limits=Limits(trades=trades, notional=Decimal(notional), requests_per_second=5.0))


SCENARIOS = [
    ("one", Declaration(("A",), trades=2)),
    ("needy", Declaration(("B",), trades=5, needs=("approval",))),
    ("made_up", Declaration(("C",), trades=50, engine=Engine.GENERATED)),
    ("two", Declaration(("D",), trades=3, last=True)),
    ("reader", Declaration(("E",))),
]


@pytest.mark.parametrize(
    ("target", "short"),
    [
        (bare(limits=None), set()),
        (limited(5, "50.00"), set()),
        (limited(4, "50.00"), {"two"}),
        (limited(1, "50.00"), {"one", "two"}),
        (limited(5, "49.99"), {"two"}),
    ],
    ids=["no limits", "just enough", "one trade short", "nothing fits", "a cent short"],
)
def test_the_plan_counts_what_will_be_tried_and_names_what_the_limits_leave_out(
    target: Target, short: set[str]
) -> None:
    plan = spending.planned(target, SCENARIOS, TERMS)

    assert (plan.trades, plan.notional) == (5, Decimal("50.00"))
    assert plan.short == short


def test_the_dearest_recipe_sets_the_price_of_a_planned_trade() -> None:
    target = bare(outcomes={"failed": recipe(amount="77.00"), "unavailable": recipe(amount="666.01")})

    assert spending.planned(target, SCENARIOS, TERMS).each == Decimal("77.00")


def test_a_requirement_is_open_only_when_every_scenario_that_judges_it_is_stopped() -> None:
    scenarios = [
        ("with_approval", Declaration(("POOLS-POLL-FORWARD", "POOLS-READS-PURE"), needs=("approval",))),
        ("without", Declaration(("POOLS-POLL-FORWARD",))),
    ]

    found = outlook.obstacles(load(), scenarios, bare(), ())

    assert "POOLS-POLL-FORWARD" not in found
    assert found["POOLS-READS-PURE"][0] == "the profile names no approval record (target.approval)"


def test_a_scenario_the_limits_leave_out_proves_nothing() -> None:
    scenarios = [("without", Declaration(("POOLS-POLL-FORWARD",), trades=1))]

    found = outlook.obstacles(load(), scenarios, bare(), {"without"})

    assert found["POOLS-POLL-FORWARD"] == outlook.LIMITS


def test_the_wire_is_judged_whatever_is_missing() -> None:
    found = outlook.obstacles(load(), [], bare(environment="production"), ())

    assert not [requirement for requirement in found if requirement.startswith("WIRE-")]


def test_everything_outside_partner_scope_is_open_with_one_key_and_nothing_within() -> None:
    catalogue = load().of(bare().products)

    found = outlook.obstacles(catalogue, list(declarations().items()), bare(), ())

    assert set(found) == {requirement.id for requirement in catalogue if requirement.scope is Scope.OPERATOR}


def test_gaps_are_grouped_by_what_is_missing_widest_first() -> None:
    catalogue = load()
    found = {"WIRE-BODY": ("x", "them"), "WIRE-MONEY": ("y", "us"), "WIRE-STATUS": ("y", "us")}

    gaps = outlook.gaps(list(catalogue), found)

    assert [(gap.missing, gap.requirements) for gap in gaps] == [
        ("y", ("WIRE-STATUS", "WIRE-MONEY")),
        ("x", ("WIRE-BODY",)),
    ]


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ([], 0),
        ([State.OK, State.NOTE, State.WARNING], 0),
        ([State.LACKING, State.OK], 3),
        ([State.LACKING, State.UNREACHABLE], 4),
        ([State.LACKING, State.UNREACHABLE, State.WRONG], 2),
    ],
)
def test_the_gravest_check_decides_the_exit_code(states: list[State], code: int) -> None:
    checks = tuple(Check("subject", state, "text") for state in states)

    assert Report("t", "certify", "partner", False, checks).exit_code == code

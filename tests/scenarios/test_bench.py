"""The bench keeps within limits, performs recipes to the end or not at all, and starts simultaneous calls together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from conformance.client import Refused
from conformance.scenarios import bench as bench_module
from conformance.scenarios.bench import Bench, merged, settled_replies
from conformance.target import HelperCall, Limits, Patience, Recipe
from tests.scenarios.benches import FakeWire, bench, reply


def limited(folder: Path, trades: int, notional: str) -> Bench:
    return bench(folder, limits=Limits(trades=trades, notional=Decimal(notional), requests_per_second=1.0))


def spend(at: Bench, *amounts: str) -> list[bool]:
    """For each amount whether the limits allowed it."""
    allowed = []
    for amount in amounts:
        try:
            at.afford(amount)
            allowed.append(True)
        except Refused:
            allowed.append(False)
    return allowed


@pytest.mark.parametrize(
    ("trades", "notional", "amounts", "allowed"),
    [
        (2, "100.00", ["10.00", "10.00", "10.00"], [True, True, False]),
        (9, "25.00", ["10.00", "10.00", "10.00", "5.00"], [True, True, False, True]),
        (0, "100.00", ["10.00"], [False]),
        (9, "0", ["0.01"], [False]),
    ],
)
def test_a_trade_beyond_the_limits_is_refused_and_not_counted(
    tmp_path: Path, trades: int, notional: str, amounts: list[str], allowed: list[bool]
) -> None:
    assert spend(limited(tmp_path, trades, notional), *amounts) == allowed


def test_without_limits_everything_is_afforded(tmp_path: Path) -> None:
    at = bench(tmp_path, limits=None)

    assert spend(at, *["1000000.00"] * 100) == [True] * 100
    assert at.trades_left("10.00") is None


def test_production_affords_nothing(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="production"):
        bench(tmp_path, environment="production").afford("10.00")


def test_what_is_reserved_is_left_for_the_last(tmp_path: Path) -> None:
    at = limited(tmp_path, 5, "1000.00")
    at.reserved = 2

    assert spend(at, *["10.00"] * 4) == [True, True, True, False]
    at.reserved = 0
    assert spend(at, *["10.00"] * 3) == [True, True, False]


@pytest.mark.parametrize(
    ("trades", "notional", "amount", "reserved", "left"),
    [
        (10, "1000.00", "10.00", 0, 10),
        (10, "35.00", "10.00", 0, 3),
        (10, "35.00", "10.00", 2, 1),
        (10, "1000.00", "10.00", 11, 0),
        (10, "0", "10.00", 0, 0),
        (10, "0", "0.00", 0, 10),
    ],
)
def test_what_is_left_is_the_scarcer_of_trades_and_money(
    tmp_path: Path, trades: int, notional: str, amount: str, reserved: int, left: int
) -> None:
    at = limited(tmp_path, trades, notional)
    at.reserved = reserved

    assert at.trades_left(amount) == left


def test_simultaneous_calls_wait_for_each_other(tmp_path: Path) -> None:
    everyone = threading.Barrier(6)

    def call() -> int:
        return everyone.wait(10)  # passes only while all six calls are under way at once

    assert sorted(bench(tmp_path).together([call] * 6)) == list(range(6))  # type: ignore[type-var]


def test_simultaneous_results_come_in_order_and_problems_among_them(tmp_path: Path) -> None:
    problem = ValueError("broken")

    def broken() -> str:
        raise problem

    assert bench(tmp_path).together([lambda: "a", broken, lambda: "c"]) == ["a", problem, "c"]


def test_a_call_that_does_not_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_module, "TOGETHER", 0.05)
    forever, at = threading.Event(), bench(tmp_path, patience=Patience(request=0.01))

    results = at.together([lambda: "a", forever.wait])
    forever.set()

    assert results[0] == "a"
    assert isinstance(results[1], TimeoutError)


def test_a_reply_among_problems_is_enough() -> None:
    answered = reply()

    assert settled_replies([ValueError("x"), answered, TimeoutError("y")]) == [answered]


def test_without_a_reply_the_first_problem_is_raised() -> None:
    with pytest.raises(ValueError, match="first"):
        settled_replies([ValueError("first"), TimeoutError("second")])


@pytest.mark.parametrize(
    ("base", "overrides", "result"),
    [
        ({"a": 1}, [], {"a": 1}),
        ({"a": 1}, [{"a": 2, "b": 3}], {"a": 2, "b": 3}),
        ({"a": 1, "b": 2}, [{"a": None}], {"b": 2}),
        ({"a": 1}, [{"a": None}, {"a": 3}], {"a": 3}),
        ({"a": None}, [], {}),
    ],
)
def test_overrides_replace_and_none_removes(base: Any, overrides: Any, result: Any) -> None:
    assert merged(base, *overrides) == result


CALLS = (
    HelperCall("POST", "/helpers/{quoteId}", {"outcome": "returned", "by": "{nobody}"}, "approved"),
    HelperCall("PUT", "/helpers/clock", None, None),
)


def test_a_recipe_is_performed_call_by_call_at_the_root_of_the_target(tmp_path: Path) -> None:
    at = bench(tmp_path, reply(204), outcomes={"returned": Recipe({}, CALLS)})

    at.perform("returned", quoteId="q 1")

    wire: FakeWire = at.wire  # type: ignore[assignment]
    assert wire.asked == [
        ("POST", "https://pools.example.com/helpers/q%201", {"outcome": "returned"}),
        ("PUT", "https://pools.example.com/helpers/clock", None),
    ]


def test_a_helper_that_refuses_ends_the_recipe(tmp_path: Path) -> None:
    at = bench(tmp_path, reply(404), outcomes={"returned": Recipe({}, CALLS)})

    with pytest.raises(Refused, match=r"helper POST of \[outcomes\.returned\] to succeed \(it answered 404\)"):
        at.perform("returned", quoteId="q1")
    assert at.wire.sent == 1


@pytest.mark.parametrize(
    ("ask", "missing"),
    [
        (lambda at: at.recipe("failed"), "a recipe [outcomes.failed] in the profile"),
        (lambda at: at.pools("suspended"), "account 'suspended' with a secret key"),
        (lambda at: at.published(), "a publishable key of account 'approved'"),
        (lambda at: at.published("suspended"), "a publishable key of account 'suspended'"),
    ],
)
def test_what_the_profile_does_not_provide_is_refused_by_name(
    tmp_path: Path, ask: Callable[[Bench], object], missing: str
) -> None:
    with pytest.raises(Refused) as caught:
        ask(bench(tmp_path))

    assert caught.value.missing == missing
    assert caught.value.provider


def test_nobody_sends_no_key(tmp_path: Path) -> None:
    assert bench(tmp_path).anonymous().who.token is None


def test_keys_are_fresh_and_repeat_with_the_seed(tmp_path: Path) -> None:
    one, again = (bench(tmp_path / name) for name in ("one", "again"))
    keys = [one.key() for _ in range(50)]

    assert len(set(keys)) == 50
    assert [again.key() for _ in range(50)] == keys

"""A budget grants planned trades up to the limits of the profile, and says why it grants no more."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from conformance.target import Budget, Limits


def limited(trades: int = 3, notional: str = "100.00") -> Budget:
    return Budget(Limits(trades=trades, notional=Decimal(notional), requests_per_second=1))


def test_trades_are_granted_up_to_their_number() -> None:
    budget = limited(trades=2)

    answers = [budget.take("1.00") for _ in range(3)]

    assert answers[:2] == [None, None]
    assert answers[2] == "limits.trades allows 2 trades, 2 are planned already"


def test_fiat_is_granted_up_to_the_last_cent() -> None:
    budget = limited(notional="100.00")

    assert budget.take(Decimal("99.99")) is None
    assert budget.take("0.02") == "limits.notional allows 100.00, 99.99 is planned already"
    assert budget.take("0.01") is None


def test_a_refusal_costs_nothing() -> None:
    budget = limited(notional="10.00")

    budget.take("11.00")

    assert budget.planned == (0, Decimal(0))


def test_without_limits_everything_is_granted_and_counted() -> None:
    budget = Budget(None)

    assert budget.take("1000000.00") is None
    assert budget.planned == (1, Decimal("1000000.00"))


@pytest.mark.parametrize("amount", ["-1", "NaN", "ten", ""])
def test_an_amount_that_is_none_is_a_mistake_of_the_caller(amount: str) -> None:
    with pytest.raises(ValueError, match="decimal amount"):
        limited().take(amount)


def test_two_threads_cannot_both_have_the_last_trade() -> None:
    both_inside = threading.Barrier(2)

    class Meeting(Limits):
        """Limits whose reader waits a moment for a second reader, who comes only if nothing keeps it out."""

        def __getattribute__(self, name: str) -> Any:
            if name == "trades":
                with contextlib.suppress(threading.BrokenBarrierError):
                    both_inside.wait(0.2)
            return super().__getattribute__(name)

    budget = Budget(Meeting(trades=1, notional=Decimal(100), requests_per_second=1))

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(budget.take, ["1.00", "1.00"]))

    assert answers.count(None) == 1

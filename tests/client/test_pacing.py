"""Requests are spaced evenly, and a refusal is waited out as long as it asks for, within a bound."""

from __future__ import annotations

import threading

import pytest

from conformance.client.pacing import CALM, LONGEST_WAIT, Pacer, retry_after
from tests.client.clocks import FakeClock


def test_requests_are_spaced_by_the_rate() -> None:
    clock = FakeClock()
    pacer = Pacer(4.0, clock)

    for _ in range(4):
        pacer.wait()

    assert clock.slept == [0.25, 0.25, 0.25]


def test_time_that_passed_anyway_is_not_waited_again() -> None:
    clock = FakeClock()
    pacer = Pacer(1.0, clock)
    pacer.wait()
    clock.sleep(0.75)
    pacer.wait()
    clock.sleep(60)
    pacer.wait()

    assert clock.slept == [0.75, 0.25, 60]


def test_a_pause_does_not_save_up_a_burst() -> None:
    clock = FakeClock()
    pacer = Pacer(1.0, clock)
    pacer.wait()
    clock.sleep(60)
    for _ in range(3):
        pacer.wait()

    assert clock.slept == [60, 1.0, 1.0]


def test_a_target_that_asked_for_less_gets_its_rate_back_once_it_stays_calm() -> None:
    clock = FakeClock()
    pacer = Pacer(50.0, clock)
    for _ in range(3):
        pacer.slow_down()
    for _ in range(4 * CALM):
        pacer.wait()

    assert [round(gap, 3) for gap in clock.slept[:3]] == [0.1, 0.1, 0.1]
    assert round(clock.slept[-1], 3) == 0.02


@pytest.mark.parametrize("rate", [None, 0.0])
def test_without_a_rate_nobody_waits(rate: float | None) -> None:
    clock = FakeClock()
    pacer = Pacer(rate, clock)

    for _ in range(100):
        pacer.wait()

    assert clock.slept == []


class Standing(FakeClock):
    """A clock that does not move even for sleepers, so that every turn is counted from the same moment."""

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def test_threads_take_turns_of_their_own() -> None:
    clock = Standing()
    pacer = Pacer(10.0, clock)
    threads = [threading.Thread(target=pacer.wait) for _ in range(20)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert sorted(round(seconds, 6) for seconds in clock.slept) == [round(turn / 10, 6) for turn in range(1, 20)]


@pytest.mark.parametrize(
    ("value", "attempt", "seconds"),
    [
        ("0", 0, 0.0),
        ("7", 0, 7.0),
        ("30", 2, LONGEST_WAIT),
        ("31", 0, None),
        ("9" * 400, 0, None),
        (None, 0, 0.25),
        (None, 1, 0.5),
        (None, 2, 1.0),
        (None, 50, LONGEST_WAIT),
        ("-1", 0, 0.25),
        ("1.5", 0, 0.25),
        ("٣", 0, 0.25),
        ("soon", 0, 0.25),
        ("Mon, 01 Jun 2026 12:00:00 GMT", 1, 0.5),
        ("", 0, 0.25),
    ],
)
def test_a_refusal_is_waited_out_within_the_bound(value: str | None, attempt: int, seconds: float | None) -> None:
    assert retry_after(value, attempt) == seconds


def test_a_burst_leaves_at_once_and_is_paid_for_afterwards() -> None:
    clock = FakeClock()
    pacer = Pacer(4.0, clock)

    pacer.burst(3)
    for _ in range(3):
        pacer.wait()
    together = list(clock.slept)
    pacer.wait()

    assert (together, clock.slept) == ([], [0.75])

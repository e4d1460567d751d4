"""Clocks for tests: time passes only when somebody waits, or a little with every look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)


class FakeClock:
    """Stands still; ``sleep`` moves it, and ``slept`` tells how often and how far. Each look takes ``tick`` seconds."""

    def __init__(self, tick: float = 0.0) -> None:
        self.slept: list[float] = []
        self._passed = 0.0
        self._tick = tick

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        self._passed += self._tick
        return self._passed

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._passed += seconds

"""Politeness: how many requests a second a target gets, and how long a refusal makes us wait."""

from __future__ import annotations

import threading

from conformance.client.clock import Clock

CALM = 20
"""Requests in a row without a refusal, after which a target that asked for less is sent twice as much again."""

LONGEST_WAIT = 30.0
"""Seconds. A target that asks for more is not waited for; the answer stands as it is."""


class Pacer:
    """Spaces requests evenly. ``rate`` is requests per second; None means as fast as they come."""

    def __init__(self, rate: float | None, clock: Clock) -> None:
        self._least = self._gap = 1.0 / rate if rate else 0.0
        self._calm = 0
        self._clock = clock
        self._lock = threading.Lock()
        self._next = 0.0
        self._free = 0

    def slow_down(self) -> None:
        """Send half as often, down to ten a second, until the target that said it is too much has stayed calm."""
        with self._lock:
            self._gap = max(self._gap, min(0.1, max(0.02, 2 * self._gap)))
            self._calm = 0

    def burst(self, count: int) -> None:
        """Let the next ``count`` requests leave at once, and pay for them afterwards: the average rate holds."""
        if not self._gap:
            return
        with self._lock:
            self._free += count
            self._next = max(self._clock.monotonic(), self._next) + count * self._gap

    def wait(self) -> None:
        """Return when the next request may be sent."""
        if not self._gap:
            return
        with self._lock:
            self._calm += 1
            if self._calm >= CALM and self._gap > self._least:
                self._gap = max(self._least, self._gap / 2 if self._gap > 0.01 else 0.0)
                self._calm = 0
            if self._free:
                self._free -= 1
                return
            now = self._clock.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._gap
        if turn > now:
            self._clock.sleep(turn - now)


def retry_after(value: str | None, attempt: int) -> float | None:
    """Seconds to wait before trying again after a 429 or 503, or None when it asks for more than we wait.

    ``value`` is the Retry-After header (seconds; a date or garbage counts as absent); ``attempt`` starts at 0.
    """
    if value is not None and value.isascii() and value.isdigit():
        seconds = float(value) if len(value) < 9 else LONGEST_WAIT + 1
        return seconds if seconds <= LONGEST_WAIT else None
    return float(min(0.25 * 2**attempt, LONGEST_WAIT))

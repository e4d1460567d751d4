"""Politeness: how many requests a second a target gets, and how long a refusal makes us wait."""

from __future__ import annotations

import threading

from conformance.client.clock import Clock

LONGEST_WAIT = 30.0
"""Seconds. A target that asks for more is not waited for; the answer stands as it is."""


class Pacer:
    """Spaces requests evenly. ``rate`` is requests per second; None means as fast as they come."""

    def __init__(self, rate: float | None, clock: Clock) -> None:
        self._gap = 1.0 / rate if rate else 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._next = 0.0
        self._free = 0

    def slow_down(self) -> None:
        """Send half as often from now on, down to ten a second: the target has said it is too much."""
        with self._lock:
            self._gap = max(self._gap, min(0.1, max(0.02, 2 * self._gap)))

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

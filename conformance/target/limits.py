"""Keeping a run within what its profile lets it spend. Pacing of requests is the client's business."""

from __future__ import annotations

import threading
from decimal import Decimal

from conformance.target.sections import Limits, money


class Budget:
    """The trades and the fiat a run may still plan. Threads may share it.

    A trade is charged when it is planned, not when it succeeds: an answer may be lost, money may not.
    """

    def __init__(self, limits: Limits | None) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._trades = 0
        self._notional = Decimal(0)

    def take(self, notional: Decimal | str) -> str | None:
        """Charge one planned trade of ``notional`` fiat, or say why the limits forbid it.

        What is refused is not charged. Raises ``ValueError`` if ``notional`` is no amount of zero or more.
        """
        amount = money(str(notional))
        with self._lock:
            after, spent = self._trades + 1, self._notional + amount
            if self._limits is not None and after > self._limits.trades:
                return f"limits.trades allows {self._limits.trades} trades, {self._trades} are planned already"
            if self._limits is not None and spent > self._limits.notional:
                return f"limits.notional allows {self._limits.notional}, {self._notional} is planned already"
            self._trades, self._notional = after, spent
            return None

    @property
    def planned(self) -> tuple[int, Decimal]:
        """Trades and fiat charged so far."""
        with self._lock:
            return self._trades, self._notional


__all__ = ["Budget"]

"""What a controlled order may send to production: reads, one kind of quote request, one order. Nothing here sends.

The wire asks before each attempt, retries included, so that no caller can go round it.
"""

from __future__ import annotations

import json
from decimal import Decimal
from urllib.parse import unquote

import httpx

from conformance.client.recording import path_within
from conformance.scenarios.pools.desk import decimal
from conformance.target.production import READS

QUOTES = 3
"""Attempts at one firm quote: more than one only against network trouble, since a spare quote moves nothing."""

TRANSACTS = 3
"""Attempts at the one order: the first, one more after a lost answer, and one to show that it is idempotent."""


class Permit:
    """What one run may still send. It is bound to one quote under one key, once; anything else is refused."""

    def __init__(self, base_url: str, most: Decimal) -> None:
        """``most`` is the fiat that all attempts together may cost, were each of them executed."""
        self.most = most
        self._base = base_url.rstrip("/")
        self._quotes = QUOTES
        self._transacts = 0
        self._bound: tuple[str, str, str] | None = None
        self._own: set[str] = set()

    def own(self, quote: str) -> None:
        """Let this quote of the run be rejected: that gives a lock back and moves nothing."""
        self._own.add(quote)

    def bind(self, pool: str, quote: str, key: str, cost: Decimal) -> None:
        """Allow the execution of ``quote`` under ``key``, as often as ``most`` covers were each of them a trade.

        Raises ``ValueError`` for a cost that is not covered, and ``RuntimeError`` for a second order.
        """
        if self._bound is not None:
            raise RuntimeError("a controlled order is one order, and it is bound already")
        if not 0 < cost <= self.most:
            raise ValueError(f"a cost of {cost} is not covered by {self.most}")
        self._bound = (pool, quote, key)
        self._quotes = 0
        self._transacts = min(TRANSACTS, int(self.most // cost))

    @property
    def transacts_left(self) -> int:
        """How many times the order may still be sent."""
        return self._transacts

    def objection(self, request: httpx.Request) -> str | None:
        """Why this request must not be sent; None if it may, which is then counted."""
        if request.method.upper() in READS:
            return None
        steps = path_within(self._base, str(request.url)).strip("/").split("/")
        match [request.method.upper(), *(unquote(step) for step in steps)]:
            case ["POST", "pools", _, "quote"]:
                return self._quote(request)
            case ["POST", "pools", pool, "transact"]:
                return self._transact(request, pool)
            case ["POST", "pools", "quotes", quote, "reject"] if quote in self._own:
                return None
        return "besides reads it sends one quote request, its one order, and the rejection of its own quote"

    def _quote(self, request: httpx.Request) -> str | None:
        amount = decimal(_body(request).get("amount"))
        if self._quotes <= 0:
            return "it has taken its quote"
        if amount is None or not 0 < amount <= self.most:
            return f"the quote is not for an amount of at most {self.most}"
        self._quotes -= 1
        return None

    def _transact(self, request: httpx.Request, pool: str) -> str | None:
        body = _body(request)
        asked = (pool, body.get("quoteId"), request.headers.get("idempotency-key"))
        if self._bound is None or asked != self._bound or set(body) != {"quoteId"}:
            return "it is not the one order, under its one key, that this run is bound to"
        if self._transacts <= 0:
            return f"executed once more, the order could cost more than {self.most}"
        self._transacts -= 1
        return None


def _body(request: httpx.Request) -> dict[str, object]:
    try:
        found = json.loads(request.content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


__all__ = ["QUOTES", "TRANSACTS", "Permit"]

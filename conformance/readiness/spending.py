"""What a run would spend at most, from what its scenarios declare, and which of them the limits leave without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from conformance.journal import Engine
from conformance.readiness.report import Check, State
from conformance.scenarios.judging import Declaration
from conformance.scenarios.needs import gap
from conformance.scenarios.pools.desk import Terms, decimal
from conformance.target import Target

TRADED = ("settled", "failed", "released", "returned")
"""Recipes whose quote request is executed."""


@dataclass(frozen=True, slots=True)
class Spending:
    """At most ``trades`` of ``each`` fiat; ``short`` names the scenarios that the limits leave nothing for."""

    trades: int
    each: Decimal
    fiat: str
    short: frozenset[str]

    @property
    def notional(self) -> Decimal:
        """The fiat of all of them."""
        return self.trades * self.each


def planned(target: Target, scenarios: Sequence[tuple[str, Declaration]], terms: Terms) -> Spending:
    """What ``scenarios``, in the order they run, may spend. Engines take what is left and are left out of this."""
    limits = target.limits
    each = max([Decimal(terms.amount), *_recipe_amounts(target)])
    trades, short = 0, set()
    for name, declaration in scenarios:
        if declaration.engine is not Engine.SCENARIO or not declaration.trades or gap(declaration, target):
            continue
        trades += declaration.trades
        if limits is not None and (trades > limits.trades or trades * each > limits.notional):
            short.add(name)
    return Spending(trades, each, terms.fiat, frozenset(short))


def _recipe_amounts(target: Target) -> list[Decimal]:
    recipes = [target.outcomes[name] for name in TRADED if name in target.outcomes]
    return [amount for recipe in recipes if (amount := decimal(recipe.request.get("amount"))) is not None]


def check(target: Target, spending: Spending) -> Check:
    """The planned spend beside the limits."""
    plan = f"scenarios take at most {spending.trades} trades of {spending.each:f} {spending.fiat}"
    plan += f", {spending.notional:f} in all"
    limits = target.limits
    if limits is None:
        return Check("spend", State.OK, f"{plan}; no limits, nobody else uses this target")
    allowed = f"limits: {limits.trades} trades, {limits.notional:f}, {limits.requests_per_second:g} requests a second"
    if spending.short:
        return Check("spend", State.LACKING, f"{plan}; too much for the {allowed}")
    return Check("spend", State.OK, f"{plan}; generated sequences use what remains ({allowed})")

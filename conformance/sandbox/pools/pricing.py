"""What an order costs: rate, output (amount times rate, floored to 6 digits), and its size in USDT."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from conformance.sandbox import money
from conformance.sandbox.pools import catalogue
from conformance.sandbox.pools.catalogue import ON_RAMP, Pool

OUTPUT_DIGITS: Final = 6


def rate(pool: Pool, side: str) -> str:
    """Units of output for one unit of input, costs included."""
    return pool.rates[side]


def output(pool: Pool, side: str, amount: Decimal) -> Decimal:
    """What an amount turns into. Basis points are disclosure; the rate already holds them."""
    return money.floor(amount * Decimal(rate(pool, side)), OUTPUT_DIGITS)


def usdt_equivalent(pool: Pool, side: str, amount: Decimal) -> Decimal:
    """The crypto side of the order; one unit of any of the stablecoins here counts as one USDT."""
    return output(pool, side, amount) if side == ON_RAMP else amount


def spread_bps() -> int:
    """The spread quoted, never above the cap in the capabilities."""
    return catalogue.SPREAD_BPS


def fee_bps() -> int:
    """The fee of the tier, equal to ``drawFeeBps`` in the capabilities."""
    return catalogue.DRAW_FEE_BPS

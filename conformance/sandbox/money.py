"""Exact amounts: reading, writing, and the integer units the ledger adds up in. Never a float."""

from __future__ import annotations

import re
from decimal import ROUND_FLOOR, Decimal
from typing import Final

# One unit is 10^-8 of the currency, the finest an amount may be.
UNITS: Final = 10**8
AMOUNT: Final = re.compile(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,8})?", re.ASCII)


def parse(text: str) -> Decimal | None:
    """An amount with at most twelve whole and eight fraction digits; ``None`` for anything else."""
    return Decimal(text) if AMOUNT.fullmatch(text) else None


def to_units(amount: Decimal) -> int:
    """The amount as a whole number of 10^-8."""
    return int(amount * UNITS)


def from_units(units: int) -> Decimal:
    """The amount that a number of 10^-8 stands for."""
    return Decimal(units).scaleb(-8)


def floor(amount: Decimal, digits: int) -> Decimal:
    """Rounded towards zero to a number of fraction digits; amounts here are never negative."""
    return amount.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_FLOOR)


def render(amount: Decimal) -> str:
    """Plain decimal text with at least two fraction digits and no further trailing zeros."""
    whole, _, fraction = f"{amount:f}".partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"

"""Published values of this sandbox that force an outcome. They are its own and no part of the contract.

| value | where | effect |
|---|---|---|
| ``0x...fa11`` (40 hex digits, the others zero) | ``destAddress`` | the trade ends ``failed`` |
| ``0x...4e1e`` | ``destAddress`` | the trade ends ``released`` |
| ``0x...4e74`` | ``destAddress`` | the trade settles and is ``returned`` by the next poll |
| any other | ``destAddress`` | the trade ends ``settled`` |
| ``66.01`` | ``amount`` | quote unavailable, ``pool_dry`` |
| ``66.02`` | ``amount`` | quote unavailable, ``engine_unavailable`` |
| ``66.03`` | ``amount`` | quote unavailable, ``rate_unavailable`` |
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

FAILS: Final = "0x000000000000000000000000000000000000fa11"
IS_RELEASED: Final = "0x0000000000000000000000000000000000004e1e"
IS_RETURNED: Final = "0x0000000000000000000000000000000000004e74"

OUTCOMES: Final = ("settled", "failed", "released", "returned")

ADDRESS_OUTCOMES: Final[Mapping[str, str]] = {
    FAILS: "failed",
    IS_RELEASED: "released",
    IS_RETURNED: "returned",
}

AMOUNT_REASONS: Final[Mapping[Decimal, str]] = {
    Decimal("66.01"): "pool_dry",
    Decimal("66.02"): "engine_unavailable",
    Decimal("66.03"): "rate_unavailable",
}


def outcome_for(dest_address: str | None) -> str:
    """How a trade delivered to this address will end; letter case does not matter."""
    return ADDRESS_OUTCOMES.get((dest_address or "").lower(), "settled")


def reason_for(amount: Decimal) -> str | None:
    """Why this amount cannot be quoted, if it is one of the test values."""
    return AMOUNT_REASONS.get(amount)

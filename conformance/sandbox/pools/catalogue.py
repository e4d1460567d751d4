"""Which pools exist and what each costs. Who may use one is a matter of access."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from conformance.sandbox.refusal import not_found

ON_RAMP: Final = "on_ramp"
OFF_RAMP: Final = "off_ramp"
SIDES: Final = (ON_RAMP, OFF_RAMP)
NETWORKS: Final = ("tron", "ethereum", "bsc", "polygon", "solana")
DEFAULT_NETWORK: Final = "tron"
UNAVAILABLE_REASONS: Final = ("pool_dry", "engine_unavailable", "rate_unavailable")

DRAW_FEE_BPS: Final = 30
SPREAD_CAP_BPS: Final = 50
SPREAD_BPS: Final = 25


@dataclass(frozen=True, slots=True)
class Pool:
    """One pair. ``rates`` gives, per side, the output for one unit of input, costs included."""

    id: str
    fiat_currency: str
    crypto_currency: str
    networks: tuple[str, ...]
    rates: Mapping[str, str]
    min_order_usdt: Decimal
    max_order_usdt: Decimal | None

    @property
    def pair(self) -> str:
        return f"{self.fiat_currency}/{self.crypto_currency}"


POOLS: Final = {
    pool.id: pool
    for pool in (
        Pool(
            "EUR-USDT",
            "EUR",
            "USDT",
            ("tron", "ethereum"),
            {ON_RAMP: "1.0731", OFF_RAMP: "0.9272"},
            Decimal("5.00"),
            Decimal("10000.00"),
        ),
        Pool(
            "EUR-USDC",
            "EUR",
            "USDC",
            ("ethereum", "polygon", "solana"),
            {ON_RAMP: "1.0729", OFF_RAMP: "0.9271"},
            Decimal("5.00"),
            None,
        ),
        Pool(
            "EUR-DAI",
            "EUR",
            "DAI",
            ("ethereum", "polygon"),
            {ON_RAMP: "1.0724", OFF_RAMP: "0.9268"},
            Decimal("5.00"),
            Decimal("20000.00"),
        ),
    )
}


def find(pool_id: str) -> Pool:
    """The pool of this id; 404 when there is none at all."""
    pool = POOLS.get(pool_id)
    if pool is None:
        raise not_found("no such pool")
    return pool

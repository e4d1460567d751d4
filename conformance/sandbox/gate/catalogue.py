"""What 0Gate offers in this sandbox: countries, currencies, assets, methods and prices. Facts only, no decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from conformance.sandbox.gate.members import OFF_RAMP, ON_RAMP, SIDES

FEE_BPS: Final = 30


@dataclass(frozen=True, slots=True)
class Country:
    """A country; ``supported`` says whether there is a corridor."""

    code: str
    name: str
    currency: str
    supported: bool = True


@dataclass(frozen=True, slots=True)
class Currency:
    """A fiat currency with its methods: ids and names, for paying in and for paying out."""

    code: str
    name: str
    symbol: str
    payment_methods: Mapping[str, str]
    payout_methods: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asset:
    """A crypto asset. ``networks`` gives the contract by chain, ``prices`` the fiat for one unit by currency."""

    symbol: str
    networks: Mapping[str, str | None]
    prices: Mapping[str, Decimal]
    sides: tuple[str, ...] = SIDES
    withheld_in: tuple[str, ...] = ()
    active: bool = True
    min_amount: str = "10.00"
    max_amount: str | None = field(default=None)


COUNTRIES: Final = {
    country.code: country
    for country in (
        Country("EE", "Estonia", "EUR"),
        Country("DE", "Germany", "EUR"),
        Country("FR", "France", "EUR"),
        Country("GB", "United Kingdom", "GBP"),
        Country("BR", "Brazil", "BRL"),
        Country("US", "United States", "USD", supported=False),
    )
}

CURRENCIES: Final = {
    currency.code: currency
    for currency in (
        Currency(
            "EUR",
            "Euro",
            "€",
            {"bank_transfer": "Bank transfer", "card": "Card"},
            {"bank_transfer": "Bank transfer"},
        ),
        Currency("GBP", "Pound sterling", "£", {"bank_transfer": "Bank transfer"}, {"bank_transfer": "Bank transfer"}),
        Currency("BRL", "Brazilian real", "R$", {"pix": "Pix"}, {"pix": "Pix"}),
    )
}

ASSETS: Final = {
    asset.symbol: asset
    for asset in (
        Asset(
            "USDC",
            {"BASE": "0x52908400098527886E0F7030069857D2E4169EE7", "ETHEREUM": None},
            {"EUR": Decimal("0.93"), "GBP": Decimal("0.79"), "BRL": Decimal("5.60")},
        ),
        Asset(
            "USDT",
            {"ETHEREUM": "0x8617E340B3D01FA5F11F306F4090FD50E238070D", "arbitrum": None},
            {"EUR": Decimal("0.93"), "GBP": Decimal("0.79"), "BRL": Decimal("5.60")},
        ),
        Asset(
            "ETH",
            {"ETHEREUM": None},
            {"EUR": Decimal("2500.00"), "GBP": Decimal("2100.00")},
            sides=(ON_RAMP,),
            withheld_in=("BR",),
        ),
        Asset("EURX", {"ETHEREUM": None}, {"EUR": Decimal("1.00")}, active=False),
    )
}


def methods(currency: Currency, side: str) -> Mapping[str, str]:
    """How this currency moves on one side of a quote: paying in to buy, paying out when selling."""
    return currency.payout_methods if side == OFF_RAMP else currency.payment_methods


def offered_currencies() -> list[Currency]:
    """The currencies of all countries with a corridor."""
    served = {country.currency for country in COUNTRIES.values() if country.supported}
    return [currency for currency in CURRENCIES.values() if currency.code in served]

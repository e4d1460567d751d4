"""Reading the body of a quote request against its pool (gate 10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from conformance.sandbox import inputs, money
from conformance.sandbox.pools import catalogue, pricing
from conformance.sandbox.pools.catalogue import ON_RAMP, Pool
from conformance.sandbox.refusal import invalid

FIRM: Final = "firm"
INDICATIVE: Final = "indicative"
LONGEST_WORD: Final = 64
LONGEST_ADDRESS: Final = 128


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be quoted. ``amount`` is fiat for ``on_ramp`` and crypto for ``off_ramp``."""

    side: str
    kind: str
    amount: Decimal
    crypto_network: str
    dest_address: str | None
    dest_network: str | None


def read(document: Mapping[str, object], pool: Pool) -> Order:
    """The order in this body. Raises a 400 that names the member; unknown members are ignored."""
    side = read_side(document)
    kind = read_kind(document)
    check_currency(document, "fiatCurrency", pool.fiat_currency)
    check_currency(document, "cryptoCurrency", pool.crypto_currency)
    amount = read_amount(document)
    check_bounds(pool, side, amount)
    return Order(
        side=side,
        kind=kind,
        amount=amount,
        crypto_network=read_network(document, pool),
        dest_address=read_address(document, side, kind),
        dest_network=read_dest_network(document),
    )


def read_side(document: Mapping[str, object]) -> str:
    """One of the two API words; product language such as ``buy`` is none."""
    return inputs.one_of(inputs.text(document, "side", LONGEST_WORD), "side", catalogue.SIDES)


def read_kind(document: Mapping[str, object]) -> str:
    """``firm`` unless an indicative quote is asked for."""
    kind = inputs.optional_text(document, "type", LONGEST_WORD) or FIRM
    return inputs.one_of(kind, "type", (FIRM, INDICATIVE))


def check_currency(document: Mapping[str, object], name: str, expected: str) -> None:
    """The currency must be the pool's."""
    if inputs.text(document, name, LONGEST_WORD) != expected:
        raise invalid(f"{name} must be {expected}, the currency of this pool")


def read_amount(document: Mapping[str, object]) -> Decimal:
    """A decimal string above zero with at most eight fraction digits; a JSON number is refused."""
    amount = money.parse(inputs.text(document, "amount", LONGEST_WORD))
    if amount is None or amount <= 0:
        raise invalid("amount must be a decimal string above zero with at most eight fraction digits")
    return amount


def check_bounds(pool: Pool, side: str, amount: Decimal) -> None:
    """The order's USDT-equivalent must lie within the pool's minimum and maximum."""
    usdt = pricing.usdt_equivalent(pool, side, amount)
    if usdt < pool.min_order_usdt:
        raise invalid(f"amount is below the minimum order of {money.render(pool.min_order_usdt)} USDT")
    if pool.max_order_usdt is not None and usdt > pool.max_order_usdt:
        raise invalid(f"amount is above the maximum order of {money.render(pool.max_order_usdt)} USDT")


def read_network(document: Mapping[str, object], pool: Pool) -> str:
    """A network of the vocabulary that the pool supports; ``tron`` when none is named."""
    named = inputs.optional_text(document, "cryptoNetwork", LONGEST_WORD) or catalogue.DEFAULT_NETWORK
    network = inputs.one_of(named, "cryptoNetwork", catalogue.NETWORKS)
    if network not in pool.networks:
        raise invalid(f"cryptoNetwork must be one of {', '.join(pool.networks)} in this pool")
    return network


def read_address(document: Mapping[str, object], side: str, kind: str) -> str | None:
    """The delivery address. A firm on-ramp quote needs one; an indicative quote has no use for it."""
    address = inputs.optional_text(document, "destAddress", LONGEST_ADDRESS)
    if address is None and side == ON_RAMP and kind == FIRM:
        raise invalid("destAddress is required for a firm on-ramp quote")
    return address


def read_dest_network(document: Mapping[str, object]) -> str | None:
    """The delivery network: a vocabulary of its own, not checked against ``cryptoNetwork``."""
    return inputs.optional_text(document, "destNetwork", LONGEST_WORD)

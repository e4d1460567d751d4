"""Mistakes in reading a quote request, and in what its trade keeps of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import replace
from decimal import Decimal

from conformance.sandbox import inputs, money
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.pools import catalogue, orders, pricing, transact
from conformance.sandbox.pools.catalogue import ON_RAMP, Pool
from conformance.sandbox.pools.quotes import Quote
from conformance.sandbox.pools.terms import Terms
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch, fault


@fault(
    "negative-amount-accepted",
    summary="The sign of an amount is dropped, so that -100.00 is quoted as 100.00",
    fact="facts section 4.3: amount is above zero, else 400",
    klass="validation",
    breaks=("POOLS-QUOTE-VALIDATION",),
)
def negative_amount_accepted(patch: Patch) -> None:
    healthy = orders.read_amount

    def read_amount(document: Mapping[str, object]) -> Decimal:
        amount = document.get("amount")
        return healthy({**document, "amount": amount.removeprefix("-")} if isinstance(amount, str) else document)

    patch.replace(orders, "read_amount", read_amount)


@fault(
    "unreadable-amount-becomes-minimum",
    summary="An amount that cannot be read is quoted as the smallest order",
    fact="facts section 2.2: an invalid amount is a 400",
    klass="validation",
    breaks=("POOLS-QUOTE-VALIDATION",),
)
def unreadable_amount_becomes_minimum(patch: Patch) -> None:
    healthy = orders.read_amount

    def read_amount(document: Mapping[str, object]) -> Decimal:
        try:
            return healthy(document)
        except Refusal:
            return Decimal("5.00")

    patch.replace(orders, "read_amount", read_amount)


@fault(
    "zero-amount-accepted",
    summary="An amount of zero counts as absent in every check and is quoted",
    fact="facts section 4.3: amount is above zero, else 400",
    klass="validation",
    breaks=("POOLS-QUOTE-VALIDATION",),
    drags=("POOLS-QUOTE-LIMITS",),
)
def zero_amount_accepted(patch: Patch) -> None:
    read_amount, check_bounds = orders.read_amount, orders.check_bounds

    def read_amount_or_zero(document: Mapping[str, object]) -> Decimal:
        zero = money.parse(str(document.get("amount"))) == 0
        return Decimal(0) if zero else read_amount(document)

    def check_bounds_unless_zero(pool: Pool, side: str, amount: Decimal) -> None:
        if amount:
            check_bounds(pool, side, amount)

    patch.replace(orders, "read_amount", read_amount_or_zero)
    patch.replace(orders, "check_bounds", check_bounds_unless_zero)


@fault(
    "unknown-side-accepted",
    summary="Any side that is not off_ramp is taken for a buy",
    fact="facts section 4.3: side is on_ramp or off_ramp, else 400",
    klass="validation",
    breaks=("POOLS-QUOTE-VALIDATION",),
)
def unknown_side_accepted(patch: Patch) -> None:
    def read_side(document: Mapping[str, object]) -> str:
        side = inputs.text(document, "side", orders.LONGEST_WORD)
        return side if side in catalogue.SIDES else ON_RAMP

    patch.replace(orders, "read_side", read_side)


@fault(
    "other-currency-accepted",
    summary="The currencies of a request are not compared with those of the pool",
    fact="facts section 4.3: fiatCurrency and cryptoCurrency must be the pool's, else 400",
    klass="validation",
    breaks=("POOLS-QUOTE-VALIDATION",),
)
def other_currency_accepted(patch: Patch) -> None:
    patch.replace(orders, "check_currency", lambda document, name, expected: None)


@fault(
    "unknown-network-accepted",
    summary="A network nobody supports falls back to the first one of the pool",
    fact="facts section 2.2: an invalid network is a 400",
    klass="validation",
    breaks=("POOLS-QUOTE-VALIDATION",),
)
def unknown_network_accepted(patch: Patch) -> None:
    def read_network(document: Mapping[str, object], pool: Pool) -> str:
        named = inputs.optional_text(document, "cryptoNetwork", orders.LONGEST_WORD) or catalogue.DEFAULT_NETWORK
        return named if named in pool.networks else pool.networks[0]

    patch.replace(orders, "read_network", read_network)


@fault(
    "maximum-not-enforced",
    summary="Orders above the published maximum get an executable quote",
    fact="facts section 9: the maximum, if configured, always holds",
    klass="validation",
    breaks=("POOLS-QUOTE-LIMITS",),
)
def maximum_not_enforced(patch: Patch) -> None:
    healthy = orders.check_bounds
    patch.replace(
        orders, "check_bounds", lambda pool, side, amount: healthy(replace(pool, max_order_usdt=None), side, amount)
    )


@fault(
    "minimum-not-enforced",
    summary="Orders below the published minimum get an executable quote",
    fact="facts section 9: the minimum always holds",
    klass="validation",
    breaks=("POOLS-QUOTE-LIMITS",),
)
def minimum_not_enforced(patch: Patch) -> None:
    healthy = orders.check_bounds
    unbounded = Decimal(0)
    patch.replace(
        orders,
        "check_bounds",
        lambda pool, side, amount: healthy(replace(pool, min_order_usdt=unbounded), side, amount),
    )


@fault(
    "limits-in-fiat",
    summary="The USDT bounds are compared with the fiat amount of a buy",
    fact="facts section 9: both bounds are in USDT-equivalent",
    klass="validation",
    breaks=("POOLS-QUOTE-LIMITS",),
)
def limits_in_fiat(patch: Patch) -> None:
    patch.replace(pricing, "usdt_equivalent", lambda pool, side, amount: amount)


@fault(
    "destination-from-transact",
    summary="A destAddress in the body of transact replaces the one of the quote",
    fact="facts section 4.4: a destination in this body is not honoured",
    klass="terms",
    breaks=("POOLS-TRANSACT-DESTINATION-LOCKED",),
)
def destination_from_transact(patch: Patch) -> None:
    healthy = transact.execute
    sent: ContextVar[str | None] = ContextVar("sent", default=None)

    def execute(call: Call) -> Reply:
        sent.set(read_destination(call.body))
        return healthy(call)

    def copy_terms(quote: Quote) -> Terms:
        return replace(quote.terms, dest_address=sent.get() or quote.terms.dest_address)

    patch.replace(transact, "execute", execute)
    patch.replace(transact, "copy_terms", copy_terms)


@fault(
    "trade-drops-network",
    summary="A trade is delivered on the default network, whatever its quote says",
    fact="facts section 10, invariant 11: a trade copies the network of its quote",
    klass="terms",
    breaks=("POOLS-TRADE-COPIES-QUOTE",),
    drags=("POOLS-TRANSACT-DESTINATION-LOCKED",),
)
def trade_drops_network(patch: Patch) -> None:
    def copy_terms(quote: Quote) -> Terms:
        return replace(quote.terms, crypto_network=catalogue.DEFAULT_NETWORK, dest_network=None)

    patch.replace(transact, "copy_terms", copy_terms)


@fault(
    "trade-reprices",
    summary="A trade is made at the rate of the moment of execution",
    fact="facts section 10, invariant 11: a trade copies rate and amounts of its quote",
    klass="terms",
    breaks=("POOLS-TRADE-COPIES-QUOTE",),
    drags=("POOLS-RECONCILES",),
)
def trade_reprices(patch: Patch) -> None:
    def copy_terms(quote: Quote) -> Terms:
        moved = Decimal(quote.terms.rate) * Decimal("0.998")
        output = money.floor(quote.terms.fiat_amount * moved, pricing.OUTPUT_DIGITS)
        return replace(quote.terms, rate=money.render(moved), crypto_amount=output)

    patch.replace(transact, "copy_terms", copy_terms)


@fault(
    "trade-amount-less-fee",
    summary="The fiat amount of a trade is that of its quote less the fee",
    fact="facts section 10, invariant 11: a trade copies the amounts of its quote",
    klass="terms",
    breaks=("POOLS-TRADE-COPIES-QUOTE",),
    drags=(
        "POOLS-RECONCILES",
        "POOLS-LEDGER-ONE-DEBIT",
        "POOLS-LEDGER-REFUNDS",
        "POOLS-OUTCOME-FAILED",
        "POOLS-OUTCOME-RELEASED",
        "POOLS-OUTCOME-RETURNED",
    ),
)
def trade_amount_less_fee(patch: Patch) -> None:
    def copy_terms(quote: Quote) -> Terms:
        return replace(quote.terms, fiat_amount=money.floor(quote.terms.fiat_amount * Decimal("0.9970"), 2))

    patch.replace(transact, "copy_terms", copy_terms)


def read_destination(body: bytes) -> str | None:
    """The destAddress of a transact body, if it has one."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    address = document.get("destAddress") if isinstance(document, dict) else None
    return address if isinstance(address, str) else None

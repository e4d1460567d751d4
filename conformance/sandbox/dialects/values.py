"""Variations in how a value is written, and in values the sources leave open: digits, times, rates, lifetimes."""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from conformance.sandbox import clock, money
from conformance.sandbox.pools import access, catalogue, ledger, orders, pricing, quotes
from conformance.sandbox.pools.catalogue import ON_RAMP, Pool
from conformance.sandbox.pools.orders import Order
from conformance.sandbox.pools.terms import Terms
from conformance.sandbox.variations import Patch, dialect

DIGITS: Final = "facts section 3: the number of fraction digits is not stated"
TIMES: Final = "facts section 3: times are ISO 8601 in UTC; whole seconds and Z are seen in samples only"
ROUNDING: Final = "facts section 14: digits and mode of rounding of output and rate are stated nowhere"
LIFETIME: Final = "facts section 4.3: a firm quote lives about 15 s; the exact time is read from expiresAt"


def least_digits(amount: Decimal, digits: int) -> str:
    """Plain decimal text with at least so many fraction digits, and none that would change the amount dropped."""
    whole, _, fraction = f"{amount:f}".partition(".")
    kept = fraction.rstrip("0").ljust(digits, "0")
    return f"{whole}.{kept}" if kept else whole


@dialect("money-shortest", summary="Amounts have no trailing zeros: 25, -25, 107.31", fact=DIGITS)
def money_shortest(patch: Patch) -> None:
    patch.replace(money, "render", lambda amount: least_digits(amount, 0))


@dialect("money-one-digit", summary="Amounts have at least one fraction digit: 25.0, -25.0", fact=DIGITS)
def money_one_digit(patch: Patch) -> None:
    patch.replace(money, "render", lambda amount: least_digits(amount, 1))


@dialect("money-six-digits", summary="Amounts have six fraction digits: 25.000000", fact=DIGITS)
def money_six_digits(patch: Patch) -> None:
    patch.replace(money, "render", lambda amount: least_digits(amount, 6))


@dialect("money-eighteen-digits", summary="Amounts have eighteen fraction digits", fact=DIGITS)
def money_eighteen_digits(patch: Patch) -> None:
    patch.replace(money, "render", lambda amount: least_digits(amount, 18))


@dialect(
    "delta-plus",
    summary="Credits in the ledger carry a plus sign",
    fact="facts section 3: delta is a signed decimal string; only the minus of a debit is seen",
)
def delta_plus(patch: Patch) -> None:
    inner = ledger.render_entry

    def render_entry(row: sqlite3.Row) -> dict[str, object]:
        entry = inner(row)
        delta = str(entry["delta"])
        return {**entry, "delta": delta if delta.startswith("-") else f"+{delta}"}

    patch.replace(ledger, "render_entry", render_entry)


@dialect("times-milliseconds", summary="Times have milliseconds", fact=TIMES)
def times_milliseconds(patch: Patch) -> None:
    inner = clock.iso
    patch.replace(clock, "iso", lambda moment: inner(moment).replace("Z", ".000Z"))


@dialect("times-offset", summary="Times have microseconds and the offset +00:00", fact=TIMES)
def times_offset(patch: Patch) -> None:
    patch.replace(clock, "iso", lambda moment: datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds"))


def rates(patch: Patch, ending: str) -> None:
    inner = pricing.rate
    patch.replace(pricing, "rate", lambda pool, side: inner(pool, side) + ending)


@dialect("rate-twelve-digits", summary="Rates have twelve fraction digits", fact=ROUNDING)
def rate_twelve_digits(patch: Patch) -> None:
    rates(patch, "12345678")


@dialect(
    "rate-moves",
    summary="Every quote has another rate and another spread below the cap",
    fact="facts section 4.2: spreadCapBps is an upper bound of the spread that can be quoted; rates are runtime values",
)
def rate_moves(patch: Patch) -> None:
    inner = quotes.price
    steps = itertools.cycle(range(1, 20))

    def price(pool: Pool, order: Order) -> Terms:
        plain, step = inner(pool, order), next(steps)
        rate = Decimal(plain.rate) + Decimal(step).scaleb(-4)
        output = money.floor(order.amount * rate, pricing.OUTPUT_DIGITS)
        moved = replace(plain, rate=str(rate), spread_bps=catalogue.SPREAD_CAP_BPS - step)
        if order.side == ON_RAMP:
            return replace(moved, crypto_amount=output)
        return replace(moved, fiat_amount=output)

    patch.replace(quotes, "price", price)


@dialect("output-cents", summary="Outputs are rounded down to two digits", fact=ROUNDING)
def output_cents(patch: Patch) -> None:
    patch.replace(pricing, "OUTPUT_DIGITS", 2)


@dialect("output-half-up", summary="Outputs are rounded half up, to four digits", fact=ROUNDING)
def output_half_up(patch: Patch) -> None:
    def output(pool: Pool, side: str, amount: Decimal) -> Decimal:
        return (amount * Decimal(pricing.rate(pool, side))).quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP)

    patch.replace(pricing, "output", output)


@dialect("quote-lives-10-s", summary="A quote lives 10 s", fact=LIFETIME)
def quote_lives_10_s(patch: Patch) -> None:
    patch.replace(quotes, "TTL_SECONDS", 10)


@dialect("quote-lives-30-s", summary="A quote lives 30 s", fact=LIFETIME)
def quote_lives_30_s(patch: Patch) -> None:
    patch.replace(quotes, "TTL_SECONDS", 30)


@dialect(
    "delivery-network-filled-in",
    summary="A quote without destNetwork gets one",
    fact="facts section 4.3 and C11: destNetwork is optional and a free string; what stands for it is stated nowhere",
)
def delivery_network_filled_in(patch: Patch) -> None:
    inner = orders.read_dest_network
    patch.replace(orders, "read_dest_network", lambda document: inner(document) or catalogue.DEFAULT_NETWORK)


@dialect(
    "funding-reference-other",
    summary="Funding references are a word, a space and nine digits",
    fact="facts section 4.11: the reference is a text that must accompany the transfer; its format is unstated",
)
def funding_reference_other(patch: Patch) -> None:
    def funding_reference(account: str) -> str:
        number = int.from_bytes(hashlib.sha256(account.encode()).digest()) % 10**9
        return f"0BIT {number:09d}"

    patch.replace(access, "funding_reference", funding_reference)

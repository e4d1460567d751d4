"""Quotes: indicative previews that keep nothing, and signed locks that can be redeemed once before they lapse."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from conformance.sandbox import clock, money
from conformance.sandbox.calls import Call, Reply, Sandbox
from conformance.sandbox.gate import access, catalogue, events, idempotency, members, paging
from conformance.sandbox.gate.catalogue import Asset
from conformance.sandbox.gate.members import OFF_RAMP
from conformance.sandbox.refusal import conflict, invalid, not_found

ACTIVE: Final = "active"
CONSUMED: Final = "consumed"
EXPIRED: Final = "expired"
PREVIEWED_STATUS: Final = 200
LOCKED_STATUS: Final = 201
TTL_SECONDS: Final = 60
RATE_DIGITS: Final = 8
AMOUNT_DIGITS: Final = 8
LONGEST_METHOD: Final = 64
# A signature is made once, with the lock, and stored; nothing takes one back, so the key may end with the process.
SIGNING_KEY: Final = secrets.token_bytes(32)

Terms = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Order:
    """What a price is asked for. ``amount`` is fiat when buying and crypto when selling."""

    side: str
    currency: str
    asset: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Quote:
    """A stored lock. Moments are whole seconds; ``clock_offset`` is how far its own clock is ahead."""

    quote_id: str
    owner: str
    terms: Terms
    signature: str
    created_at: int
    expires_at: int
    consumed_at: int | None
    clock_offset: int


def preview(call: Call) -> Reply:
    """``POST /quotes/preview``: an option for each method that applies; nothing is stored.

    A key is read and makes no difference, because there is nothing to do twice.
    """
    idempotency.read_key(call.headers, required=False)
    document = members.body_of(call)
    order = read_order(document)
    country = members.country(document).upper() if "country_code" in document else None
    options = [price(order, method) for method in applicable(order, country)]
    return Reply(PREVIEWED_STATUS, paging.render("/quotes/preview", options, has_more=False).body)


def read_order(document: Mapping[str, object]) -> Order:
    """The order in this body; a 400 names the member that does not fit."""
    return Order(
        side=members.side(document),
        currency=members.currency(document),
        asset=members.symbol(document, "asset"),
        amount=Decimal(members.amount(document)),
    )


def applicable(order: Order, country: str | None = None) -> list[str]:
    """The methods by which this order can be filled; none for what is not on offer."""
    asset = catalogue.ASSETS.get(order.asset)
    currency = catalogue.CURRENCIES.get(order.currency)
    if asset is None or currency is None or not can_fill(asset, order):
        return []
    if country is not None:
        place = catalogue.COUNTRIES.get(country)
        if place is None or not place.supported or country in asset.withheld_in:
            return []
    return list(catalogue.methods(currency, order.side))


def can_fill(asset: Asset, order: Order) -> bool:
    """Whether the asset is on offer on this side and against this currency."""
    return asset.active and order.side in asset.sides and order.currency in asset.prices


def price(order: Order, method: str) -> dict[str, object]:
    """The terms of an order by one method. The rate gives the output for one unit of input, fees included."""
    rate = rate_of(order)
    output = members.times(order.amount, rate, AMOUNT_DIGITS)
    fiat, crypto = (output, order.amount) if order.side == OFF_RAMP else (order.amount, output)
    fees = members.times(fiat, Decimal(catalogue.FEE_BPS).scaleb(-4), AMOUNT_DIGITS)
    return {
        "payment_method": method,
        "side": order.side,
        "currency": order.currency,
        "asset": order.asset,
        "fiat_amount": money.render(fiat),
        "crypto_amount": money.render(crypto),
        "exchange_rate": money.render(rate),
        "fees": {"total_fees": money.render(fees), "currency": order.currency},
    }


def rate_of(order: Order) -> Decimal:
    """Crypto for one unit of fiat when buying, fiat for one unit of crypto when selling, after fees."""
    kept = 1 - Decimal(catalogue.FEE_BPS).scaleb(-4)
    per_unit = catalogue.ASSETS[order.asset].prices[order.currency]
    return members.times(kept, per_unit if order.side == OFF_RAMP else 1 / per_unit, RATE_DIGITS)


def lock(call: Call) -> Reply:
    """``POST /quotes``: a signed price, good for a minute and for one redemption."""
    with call.sandbox.store.read() as tx:
        access.check_rails(access.load(tx, call.account))
    document = members.body_of(call)
    order = read_order(document)
    method = members.words(document, "payment_method", 1, LONGEST_METHOD)
    offered = applicable(order)
    if not offered:
        raise not_found("no such asset on this side and in this currency")
    if method not in offered:
        raise invalid(f"payment_method must be one of {', '.join(offered)} here")

    def perform(tx: sqlite3.Connection) -> Reply:
        quote = issue(tx, call, price(order, method))
        return Reply(LOCKED_STATUS, render(quote, ACTIVE))

    return idempotency.once(call, "lockQuote", document, perform)


def issue(tx: sqlite3.Connection, call: Call, terms: Terms) -> Quote:
    """A new stored lock on these terms."""
    now = clock.account_now(tx, call.sandbox.clock, call.account)
    quote_id = f"qt_{call.sandbox.mode}_{secrets.token_hex(8)}"
    expires_at = now + TTL_SECONDS
    tx.execute(
        "INSERT INTO gate_quotes (quote_id, owner, terms, signature, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
        (quote_id, call.owner, json.dumps(terms), sign(quote_id, terms, expires_at), now, expires_at),
    )
    return find(tx, call.owner, quote_id)


def sign(quote_id: str, terms: Terms, expires_at: int) -> str:
    """An opaque value that belongs to this quote, these terms and this moment."""
    signed = json.dumps([quote_id, terms, expires_at], sort_keys=True).encode()
    return hmac.new(SIGNING_KEY, signed, hashlib.sha256).hexdigest()


def find(tx: sqlite3.Connection, owner: str, quote_id: str) -> Quote:
    """The owner's quote of this id; 404 for an unknown one and for anybody else's."""
    row = tx.execute("SELECT * FROM gate_quotes WHERE owner = ? AND quote_id = ?", (owner, quote_id)).fetchone()
    if row is None:
        raise not_found("no such quote")
    return Quote(
        quote_id=row["quote_id"],
        owner=row["owner"],
        terms=json.loads(row["terms"]),
        signature=row["signature"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        consumed_at=row["consumed_at"],
        clock_offset=row["clock_offset"],
    )


def state(quote: Quote, now: int) -> str:
    """Consumed before expired before active; ``now`` is the account's time."""
    if quote.consumed_at is not None:
        return CONSUMED
    return EXPIRED if now + quote.clock_offset >= quote.expires_at else ACTIVE


def check_active(quote: Quote, now: int) -> None:
    """409 unless the quote can still be redeemed."""
    current = state(quote, now)
    if current != ACTIVE:
        raise conflict(f"the quote is {current}")


def consume(tx: sqlite3.Connection, sandbox: Sandbox, quote: Quote, session_id: str, now: int) -> None:
    """Close the quote by redeeming it in this session, and its event; 409 if another call was first."""
    closed = tx.execute(
        "UPDATE gate_quotes SET consumed_at = ? WHERE quote_id = ? AND consumed_at IS NULL", (now, quote.quote_id)
    )
    if closed.rowcount != 1:
        raise conflict("the quote is consumed")
    events.announce(tx, sandbox, quote.owner, "quote.consumed", render(quote, CONSUMED), session_id)


def advance(tx: sqlite3.Connection, quote_id: str, seconds: int) -> None:
    """Move the clock by which this quote lapses, and nothing else; 404 if there is none."""
    moved = tx.execute("UPDATE gate_quotes SET clock_offset = clock_offset + ? WHERE quote_id = ?", (seconds, quote_id))
    if moved.rowcount != 1:
        raise not_found("no such quote")


def read(call: Call) -> Reply:
    """``GET /quotes/{id}``: terms and state of now; redeems nothing. A lapsed quote is no 404."""
    with call.sandbox.store.read() as tx:
        access.check_rails(access.load(tx, call.account))
        quote = find(tx, call.owner, call.path["id"])
        now = clock.account_now(tx, call.sandbox.clock, call.account)
    return Reply(200, render(quote, state(quote, now)))


def render(quote: Quote, current: str) -> dict[str, object]:
    return {
        "id": quote.quote_id,
        "object": "signed_quote",
        "status": current,
        **quote.terms,
        "signature": quote.signature,
        "expires_at": clock.iso(quote.expires_at),
        "created_at": clock.iso(quote.created_at),
    }

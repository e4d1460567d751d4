"""Quotes: creating firm and indicative ones, deriving the state of a stored one, reading and rejecting it."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from conformance.sandbox import clock, inputs
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.pools import access, gates, orders, pricing, terms, test_values
from conformance.sandbox.pools.access import Access
from conformance.sandbox.pools.catalogue import ON_RAMP, Pool
from conformance.sandbox.pools.orders import FIRM, Order
from conformance.sandbox.pools.terms import Terms
from conformance.sandbox.refusal import conflict, not_found

TTL_SECONDS: Final = 15


class QuoteState(StrEnum):
    """State of a stored quote, derived whenever it is looked at."""

    ACTIVE = "active"
    CONSUMED = "consumed"
    EXPIRED = "expired"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Quote:
    """A stored firm quote. Moments are whole seconds; ``clock_offset`` is how far its own clock is ahead."""

    quote_id: str
    owner: str
    terms: Terms
    created_at: int
    expires_at: int
    consumed_at: int | None
    rejected_at: int | None
    clock_offset: int
    outcome: str


def create(call: Call) -> Reply:
    """``POST /pools/{id}/quote``: a stored lock, a price without one, or no price at all now."""
    document = inputs.read_object(call.headers.get("content-type"), call.body)
    with call.sandbox.store.write() as tx:
        its_access = access.load(tx, call.account)
        pool = gates.entitle(its_access, call.path["id"])
        order = orders.read(document, pool)
        gates.check_side_quotable(its_access, order.side)
        reason = unavailable_reason(its_access, pool, order)
        if reason is not None:
            return Reply(200, render_unavailable(reason))
        locked = price(pool, order)
        if order.kind != FIRM:
            return Reply(200, render_indicative(locked))
        quote = issue(call, locked, clock.account_now(tx, call.sandbox.clock, call.account))
        insert(tx, quote)
    return Reply(200, render_firm(quote))


def unavailable_reason(its_access: Access, pool: Pool, order: Order) -> str | None:
    """Why the pool cannot be quoted now (gate 11), or ``None`` when it can."""
    return test_values.reason_for(order.amount) or its_access.unavailable.get(pool.id)


def price(pool: Pool, order: Order) -> Terms:
    """The terms an order gets: the amount asked for on one side, the output on the other."""
    output = pricing.output(pool, order.side, order.amount)
    buying = order.side == ON_RAMP
    return Terms(
        pool_id=pool.id,
        side=order.side,
        fiat_currency=pool.fiat_currency,
        crypto_currency=pool.crypto_currency,
        fiat_amount=order.amount if buying else output,
        crypto_amount=output if buying else order.amount,
        rate=pricing.rate(pool, order.side),
        spread_bps=pricing.spread_bps(),
        fee_bps=pricing.fee_bps(),
        crypto_network=order.crypto_network,
        dest_address=order.dest_address,
        dest_network=order.dest_network,
    )


def issue(call: Call, locked: Terms, now: int) -> Quote:
    """A new lock on these terms, good for 15 s."""
    return Quote(
        quote_id=new_quote_id(call.sandbox.mode),
        owner=call.owner,
        terms=locked,
        created_at=now,
        expires_at=now + TTL_SECONDS,
        consumed_at=None,
        rejected_at=None,
        clock_offset=0,
        outcome=test_values.outcome_for(locked.dest_address),
    )


def new_quote_id(mode: str) -> str:
    return f"pq_{mode}_{secrets.token_hex(8)}"


def insert(tx: sqlite3.Connection, quote: Quote) -> None:
    tx.execute(
        "INSERT INTO quotes (quote_id, owner, terms, created_at, expires_at, outcome) VALUES (?, ?, ?, ?, ?, ?)",
        (
            quote.quote_id,
            quote.owner,
            terms.store(quote.terms),
            quote.created_at,
            quote.expires_at,
            quote.outcome,
        ),
    )


def find(tx: sqlite3.Connection, owner: str, quote_id: str) -> Quote:
    """The owner's quote of this id; 404 for an unknown one and for anybody else's."""
    row = tx.execute("SELECT * FROM quotes WHERE quote_id = ? AND owner = ?", (quote_id, owner)).fetchone()
    if row is None:
        raise not_found("no such quote")
    return Quote(
        quote_id=row["quote_id"],
        owner=row["owner"],
        terms=terms.restore(row["terms"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        consumed_at=row["consumed_at"],
        rejected_at=row["rejected_at"],
        clock_offset=row["clock_offset"],
        outcome=row["outcome"],
    )


def state(quote: Quote, now: int) -> QuoteState:
    """Rejected before consumed before expired before active; ``now`` is the account's time."""
    if quote.rejected_at is not None:
        return QuoteState.REJECTED
    if quote.consumed_at is not None:
        return QuoteState.CONSUMED
    if is_expired(quote, now):
        return QuoteState.EXPIRED
    return QuoteState.ACTIVE


def is_expired(quote: Quote, now: int) -> bool:
    """Whether ``expiresAt`` has come, by the account's time plus the quote's own offset."""
    return now + quote.clock_offset >= quote.expires_at


def check_active(quote: Quote, now: int) -> None:
    """409 unless the quote can still be executed or rejected (gate 12)."""
    current = state(quote, now)
    if current is not QuoteState.ACTIVE:
        raise conflict(f"the quote is {current}")


def consume(tx: sqlite3.Connection, quote: Quote, now: int) -> bool:
    """Close the quote by execution; ``False`` if another call has closed it first."""
    return close(tx, "consumed_at", quote.quote_id, now)


def decline(tx: sqlite3.Connection, quote: Quote, now: int) -> bool:
    """Close the quote by rejection; ``False`` if another call has closed it first."""
    return close(tx, "rejected_at", quote.quote_id, now)


CLOSINGS: Final = {
    "consumed_at": (
        "UPDATE quotes SET consumed_at = ? WHERE quote_id = ? AND consumed_at IS NULL AND rejected_at IS NULL"
    ),
    "rejected_at": (
        "UPDATE quotes SET rejected_at = ? WHERE quote_id = ? AND consumed_at IS NULL AND rejected_at IS NULL"
    ),
}


def close(tx: sqlite3.Connection, how: str, quote_id: str, now: int) -> bool:
    """Compare and swap out of the open state."""
    return tx.execute(CLOSINGS[how], (now, quote_id)).rowcount == 1


def read(call: Call) -> Reply:
    """``GET /pools/quotes/{quoteId}``: terms and derived state; changes nothing."""
    with call.sandbox.store.read() as tx:
        quote = find(tx, call.owner, call.path["quoteId"])
        now = clock.account_now(tx, call.sandbox.clock, call.account)
    return Reply(200, render_stored(quote, state(quote, now)))


def reject(call: Call) -> Reply:
    """``POST /pools/quotes/{quoteId}/reject``: succeeds once, for an active quote; 409 ever after."""
    with call.sandbox.store.write() as tx:
        quote = find(tx, call.owner, call.path["quoteId"])
        now = clock.account_now(tx, call.sandbox.clock, call.account)
        check_active(quote, now)
        if not decline(tx, quote, now):
            raise conflict("the quote is not active")
    return Reply(200, render_stored(quote, QuoteState.REJECTED))


def render_firm(quote: Quote) -> dict[str, object]:
    return {"available": True, "executable": True, **render_lock(quote)}


def render_stored(quote: Quote, current: QuoteState) -> dict[str, object]:
    return {**render_lock(quote), "status": current}


def render_lock(quote: Quote) -> dict[str, object]:
    """The members every view of a firm quote has."""
    return {
        "type": FIRM,
        "quoteId": quote.quote_id,
        **terms.render(quote.terms),
        "totalBps": quote.terms.spread_bps + quote.terms.fee_bps,
        "createdAt": clock.iso(quote.created_at),
        "expiresAt": clock.iso(quote.expires_at),
    }


def render_indicative(priced: Terms) -> dict[str, object]:
    """A price without a quote id: nothing is stored and nothing can be executed."""
    return {
        "available": True,
        "executable": False,
        "type": orders.INDICATIVE,
        **terms.render(priced),
        "totalBps": priced.spread_bps + priced.fee_bps,
    }


def render_unavailable(reason: str) -> dict[str, object]:
    """The fail-soft answer, a 200."""
    return {"available": False, "executable": False, "unavailableReason": reason}

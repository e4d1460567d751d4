"""Executing a firm quote exactly once: replay, gates, money and the booking of one trade with one debit."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from conformance.sandbox import clock, inputs, money
from conformance.sandbox.calls import Call, Reply, Sandbox
from conformance.sandbox.pools import access, catalogue, gates, ledger, quotes, trades
from conformance.sandbox.pools.access import Access
from conformance.sandbox.pools.catalogue import ON_RAMP
from conformance.sandbox.pools.quotes import Quote
from conformance.sandbox.pools.terms import Terms
from conformance.sandbox.pools.trades import Trade
from conformance.sandbox.refusal import Refusal, conflict, invalid, not_found

MADE_STATUS: Final = 201
REPLAYED_STATUS: Final = 200
KEY: Final = re.compile(r"[!-~]{1,255}", re.ASCII)
LONGEST_QUOTE_ID: Final = 128
VELOCITY_WINDOW_SECONDS: Final = 24 * 60 * 60


class LostRaceError(Exception):
    """Another call has closed the quote between our look at it and our claim."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One request to execute a quote."""

    sandbox: Sandbox
    account: str
    owner: str
    pool_id: str
    quote_id: str
    key: str


def execute(call: Call) -> Reply:
    """``POST /pools/{id}/transact``: 201 with the trade this call made, 200 with one made before."""
    document = inputs.read_object(call.headers.get("content-type"), call.body)
    execution = Execution(
        sandbox=call.sandbox,
        account=call.account,
        owner=call.owner,
        pool_id=call.path["id"],
        quote_id=inputs.text(document, "quoteId", LONGEST_QUOTE_ID),
        key=read_key(call.headers),
    )
    trade, made = execute_once(execution)
    return Reply(MADE_STATUS if made else REPLAYED_STATUS, trades.render(trade))


def read_key(headers: Mapping[str, str]) -> str:
    """The mandatory ``Idempotency-Key``; 400 when it is absent or not 1 to 255 visible ASCII characters."""
    key = headers.get("idempotency-key", "")
    if not KEY.fullmatch(key):
        raise invalid("the Idempotency-Key header must have 1 to 255 visible ASCII characters")
    return key


def execute_once(execution: Execution) -> tuple[Trade, bool]:
    """One trade for this quote, whoever else asks at the same moment, and whether this call has made it.

    The constraints decide: a call that meets one has lost, and is answered with what the winner has made.
    """
    try:
        with execution.sandbox.store.write() as tx:
            earlier = find_earlier(tx, execution)
            if earlier is not None:
                return earlier, False
            return book(tx, execution, admit(tx, execution)), True
    except (sqlite3.IntegrityError, LostRaceError):
        with execution.sandbox.store.write() as tx:
            earlier = find_earlier(tx, execution)
        if earlier is None:
            raise conflict("the quote is not free for this execution") from None
        return earlier, False


def find_earlier(tx: sqlite3.Connection, execution: Execution) -> Trade | None:
    """The trade this execution has made before, as it stands now; 409 if the key belongs to another quote."""
    bound = bound_quote(tx, execution)
    if bound is not None and bound != execution.quote_id:
        raise conflict("the idempotency key was used with another body")
    trade = trades.by_quote(tx, execution.owner, execution.quote_id)
    if trade is None:
        return None
    if trade.terms.pool_id != execution.pool_id:
        raise not_found("no such quote in this pool")
    if bound is None:
        bind_key(tx, execution)
    return trade


def bound_quote(tx: sqlite3.Connection, execution: Execution) -> str | None:
    """The quote this partner's key has executed, if any."""
    row = tx.execute(
        "SELECT quote_id FROM idempotency_keys WHERE owner = ? AND idempotency_key = ?",
        (execution.owner, execution.key),
    ).fetchone()
    return None if row is None else str(row["quote_id"])


def bind_key(tx: sqlite3.Connection, execution: Execution) -> None:
    """Tie the key to the quote. ``sqlite3.IntegrityError`` if it is tied already."""
    tx.execute(
        "INSERT INTO idempotency_keys (owner, idempotency_key, quote_id) VALUES (?, ?, ?)",
        (execution.owner, execution.key, execution.quote_id),
    )


def admit(tx: sqlite3.Connection, execution: Execution) -> Quote:
    """The quote, if a fresh execution passes gates 5 to 12. They are checked anew: a quote is no entitlement."""
    its_access = access.load(tx, execution.account)
    pool = gates.entitle(its_access, execution.pool_id)
    quote = quotes.find(tx, execution.owner, execution.quote_id)
    check_same_pool(quote, pool)
    gates.check_side_executable(its_access, quote.terms.side)
    quotes.check_active(quote, clock.account_now(tx, execution.sandbox.clock, execution.account))
    return quote


def check_same_pool(quote: Quote, pool: catalogue.Pool) -> None:
    """404 for a quote of another pool than the one in the path."""
    if quote.terms.pool_id != pool.id:
        raise not_found("no such quote in this pool")


def book(tx: sqlite3.Connection, execution: Execution, quote: Quote) -> Trade:
    """Gates 13 and 14, then quote, key, trade and debit together. Any exception leaves none of it."""
    now = clock.account_now(tx, execution.sandbox.clock, execution.account)
    its_access = access.load(tx, execution.account)
    check_velocity(tx, its_access, quote, now)
    check_balance(tx, its_access, quote)
    if not quotes.consume(tx, quote, now):
        raise LostRaceError
    bind_key(tx, execution)
    trades.insert(tx, execution.sandbox.mode, quote.owner, quote.quote_id, copy_terms(quote), now)
    debit(tx, its_access, quote, now)
    trade = trades.by_quote(tx, quote.owner, quote.quote_id)
    if trade is None:
        raise LostRaceError
    return trade


def copy_terms(quote: Quote) -> Terms:
    """The trade's terms: the quote's, unchanged."""
    return quote.terms


def check_velocity(tx: sqlite3.Connection, its_access: Access, quote: Quote, now: int) -> None:
    """429 if this trade would lift the fiat notional of the last 24 hours above the cap."""
    if its_access.cap is None:
        return
    spent = notional_since(tx, quote.owner, now - VELOCITY_WINDOW_SECONDS)
    if spent + quote.terms.fiat_amount > its_access.cap:
        raise Refusal(429, "velocity_limit_exceeded", "the rolling 24-hour notional cap is reached")


def notional_since(tx: sqlite3.Connection, owner: str, since: int) -> Decimal:
    """Fiat notional of all trades made after a moment, however they ended."""
    row = tx.execute(
        "SELECT COALESCE(SUM(fiat_units), 0) AS units FROM trades WHERE owner = ? AND created_at > ?",
        (owner, since),
    ).fetchone()
    return money.from_units(row["units"])


def check_balance(tx: sqlite3.Connection, its_access: Access, quote: Quote) -> None:
    """402 if the balance gate is on and the balance does not cover the debit."""
    due = debit_due(its_access, quote)
    if due > 0 and ledger.balance(tx, quote.owner) < due:
        raise Refusal(402, "insufficient_balance", "the balance does not cover this trade")


def debit_due(its_access: Access, quote: Quote) -> Decimal:
    """What executing takes from the balance: the fiat amount of a buy while the gate is on, else nothing."""
    return quote.terms.fiat_amount if its_access.balance_gate and quote.terms.side == ON_RAMP else Decimal(0)


def debit(tx: sqlite3.Connection, its_access: Access, quote: Quote, now: int) -> None:
    """Post the one debit of this trade."""
    due = debit_due(its_access, quote)
    if due > 0:
        ledger.post_debit(tx, quote.owner, quote.quote_id, due, now)

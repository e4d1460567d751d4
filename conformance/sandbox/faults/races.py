"""Mistakes that only show when two requests meet: looking first and writing a few milliseconds later."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from conformance.sandbox import clock
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import seams
from conformance.sandbox.pools import access, events, ledger, quotes, settlement, trades, transact
from conformance.sandbox.pools.access import Access
from conformance.sandbox.pools.quotes import Quote, QuoteState
from conformance.sandbox.pools.trades import Trade
from conformance.sandbox.pools.transact import Execution
from conformance.sandbox.refusal import Refusal, conflict
from conformance.sandbox.variations import Patch, fault

# What two trades of one quote leave behind, whoever looks.
OF_A_SECOND_TRADE = (
    "POOLS-RECONCILES",
    "POOLS-LEDGER-ONE-DEBIT",
    "POOLS-LEDGER-REFUNDS",
    "POOLS-POLL-FORWARD",
    "POOLS-TRADE-READ",
    "POOLS-TRADES-FILTERS",
    "POOLS-TRADES-PAGES",
)


@fault(
    "race-same-key",
    summary="The key is looked up in one transaction and stored in the next: two identical requests both execute",
    fact="facts section 6: same key and same body give one trade",
    klass="race",
    breaks=("POOLS-TRANSACT-CONCURRENT-ONCE",),
    drags=(
        "POOLS-TRANSACT-ONCE",
        "POOLS-TRANSACT-ONCE-PER-QUOTE",
        "POOLS-TRANSACT-KEY-CONFLICT",
        *OF_A_SECOND_TRADE,
    ),
)
def race_same_key(patch: Patch) -> None:
    seams.allow_second_trade(patch)
    patch.replace(transact, "execute_once", look_then_book_or_refuse)


@fault(
    "race-other-keys",
    summary="Requests take turns per key, so that two keys at once execute one quote twice",
    fact="facts section 6: the same quoteId with any key gives the same trade, never a second one",
    klass="race",
    breaks=("POOLS-TRANSACT-ONCE-PER-QUOTE", "POOLS-TRANSACT-CONCURRENT-ONCE"),
    drags=OF_A_SECOND_TRADE,
)
def race_other_keys(patch: Patch) -> None:
    turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        with turns[execution.key]:
            return look_then_book_or_refuse(execution)

    seams.allow_second_trade(patch)
    patch.replace(transact, "execute_once", execute_once)


@fault(
    "race-loser-debited",
    summary="Of two requests at once one makes the trade, but both have posted their debit by then",
    fact="facts sections 6 and 10, invariant 3: one trade has one debit",
    klass="race",
    breaks=("POOLS-TRANSACT-CONCURRENT-ONCE",),
    drags=(
        "POOLS-TRANSACT-ONCE-PER-QUOTE",
        "POOLS-RECONCILES",
        "POOLS-LEDGER-ONE-DEBIT",
        "POOLS-LEDGER-REFUNDS",
        "POOLS-REJECT-BLOCKS",
        "POOLS-TRANSACT-KEY-CONFLICT",
    ),
)
def race_loser_debited(patch: Patch) -> None:
    healthy = transact.execute_once

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        with execution.sandbox.store.write() as tx:
            first = transact.find_earlier(tx, execution) is None
            quote = transact.admit(tx, execution) if first else None
        if quote is not None:
            time.sleep(seams.RACE_WINDOW_SECONDS)
            with execution.sandbox.store.write() as tx:
                its_access = access.load(tx, execution.account)
                now = clock.account_now(tx, execution.sandbox.clock, execution.account)
                transact.check_velocity(tx, its_access, quote, now)
                transact.check_balance(tx, its_access, quote)
                if (due := transact.debit_due(its_access, quote)) > 0:
                    ledger.post_debit(tx, quote.owner, quote.quote_id, due, now)
        return healthy(execution)

    seams.drop(patch, seams.ONE_ENTRY_PER_REASON)
    patch.replace(transact, "execute_once", execute_once)
    patch.replace(transact, "debit", lambda tx, its_access, quote, now: None)


@fault(
    "race-loser-crashes",
    summary="The request that meets the constraint of another one is answered with a 500",
    fact="facts section 6: a duplicate gives the original outcome",
    klass="race",
    breaks=("WIRE-NO-SERVER-ERROR",),
    drags=("WIRE-STATUS", "POOLS-TRANSACT-CONCURRENT-ONCE", "POOLS-TRANSACT-ONCE-PER-QUOTE", "POOLS-REJECT-BLOCKS"),
)
def race_loser_crashes(patch: Patch) -> None:
    patch.replace(transact, "execute_once", look_then_book)


@fault(
    "race-reject-against-transact",
    summary="Reject looks at the quote, then marks it without looking again: reject and transact both win",
    fact="facts section 4.9: of reject and transact exactly one wins",
    klass="race",
    breaks=("POOLS-REJECT-BLOCKS", "POOLS-REJECT-CONSUMED"),
    drags=("POOLS-REJECT-ONCE", "POOLS-TRANSACT-RESERVES", "POOLS-RECONCILES"),
)
def race_reject_against_transact(patch: Patch) -> None:
    def reject(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            quote = quotes.find(tx, call.owner, call.path["quoteId"])
            now = clock.account_now(tx, call.sandbox.clock, call.account)
            quotes.check_active(quote, now)
        time.sleep(seams.RACE_WINDOW_SECONDS)
        with call.sandbox.store.write() as tx:
            tx.execute("UPDATE quotes SET rejected_at = ? WHERE quote_id = ?", (now, quote.quote_id))
        return Reply(200, quotes.render_stored(quote, QuoteState.REJECTED))

    seams.drop(patch, seams.ONE_ENDING)
    patch.replace(quotes, "reject", reject)


@fault(
    "race-transact-against-reject",
    summary="Transact looks at the quote, then books without looking again: a reject in between is overrun",
    fact="facts section 4.9: of reject and transact exactly one wins",
    klass="race",
    breaks=("POOLS-REJECT-BLOCKS",),
    drags=("POOLS-REJECT-CONSUMED", "POOLS-TRANSACT-RESERVES", "POOLS-RECONCILES"),
)
def race_transact_against_reject(patch: Patch) -> None:
    healthy = transact.execute_once

    def consume(tx: sqlite3.Connection, quote: Quote, now: int) -> bool:
        marked = tx.execute(
            "UPDATE quotes SET consumed_at = ? WHERE quote_id = ? AND consumed_at IS NULL", (now, quote.quote_id)
        )
        return marked.rowcount == 1

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        try:
            return look_then_book(execution)
        except (sqlite3.IntegrityError, transact.LostRaceError):
            return healthy(execution)

    seams.drop(patch, seams.ONE_ENDING)
    patch.replace(transact, "quotes", seams.module_with(quotes, consume=consume))
    patch.replace(transact, "execute_once", execute_once)


@fault(
    "race-polls-refund",
    summary="Two polls at once each see the trade reserved and each post its refund",
    fact="facts section 4.5: parallel polls end in the same state and post nothing twice",
    klass="race",
    breaks=("POOLS-LEDGER-REFUNDS",),
    drags=(
        "POOLS-POLL-IDEMPOTENT",
        "POOLS-OUTCOME-FAILED",
        "POOLS-OUTCOME-RELEASED",
        "POOLS-OUTCOME-RETURNED",
        "POOLS-RECONCILES",
    ),
)
def race_polls_refund(patch: Patch) -> None:
    def poll(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            quote = quotes.find(tx, call.owner, call.path["quoteId"])
            trade = trades.by_quote(tx, call.owner, quote.quote_id)
            now = clock.account_now(tx, call.sandbox.clock, call.account)
        if trade is None:
            return settlement.unexecuted(quote)
        if trade.status == trades.RESERVED:
            time.sleep(seams.RACE_WINDOW_SECONDS)
        with call.sandbox.store.write() as tx:
            shown = settlement.advance(tx, call, trade, quote.outcome, now)
        call.sandbox.wake_deliveries()
        return Reply(200, trades.render(shown))

    def announce(tx: sqlite3.Connection, *event: Any) -> None:
        with contextlib.suppress(sqlite3.IntegrityError):
            events.announce(tx, *event)

    seams.drop(patch, seams.ONE_ENTRY_PER_REASON)
    patch.replace(settlement, "events", seams.module_with(events, announce=announce))
    patch.replace(settlement, "poll", poll)


@fault(
    "race-overdraws",
    summary="Whether the balance covers an order is asked some milliseconds before the debit, and not again",
    fact="facts section 8, gate 14: the balance covers the debit, else 402; section 10, invariant 8: never negative",
    klass="race",
    breaks=("POOLS-DENY-BALANCE-AT-ONCE",),
)
def race_overdraws(patch: Patch) -> None:
    healthy = transact.check_balance
    patch.replace(transact, "check_balance", lambda tx, its_access, quote: None)
    ask_before(patch, lambda tx, its_access, quote, now: healthy(tx, its_access, quote))


@fault(
    "race-passes-cap",
    summary="What was traded in the last day is summed some milliseconds before the trade is made, and not again",
    fact="facts section 8, gate 13 and section 9: the rolling notional stays below the cap, else 429",
    klass="race",
    breaks=("POOLS-DENY-VELOCITY-AT-ONCE",),
)
def race_passes_cap(patch: Patch) -> None:
    healthy = transact.check_velocity
    patch.replace(transact, "check_velocity", lambda tx, its_access, quote, now: None)
    ask_before(patch, healthy)


@fault(
    "race-refused-debit-stays",
    summary="The debit is posted before the balance is asked, and given back only to the last who was refused",
    fact="facts section 4.4: a 4xx leaves no debit behind; section 10, invariant 6",
    klass="race",
    breaks=("POOLS-DENY-BALANCE-AT-ONCE",),
)
def race_refused_debit_stays(patch: Patch) -> None:
    healthy = transact.execute_once
    refused: dict[str, str] = {}

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        try:
            return healthy(execution)
        except Refusal as refusal:
            if refusal.status == 402:
                take_and_give_back(execution)
            raise

    def take_and_give_back(execution: Execution) -> None:
        with execution.sandbox.store.write() as tx:
            quote = quotes.find(tx, execution.owner, execution.quote_id)
            now = clock.account_now(tx, execution.sandbox.clock, execution.account)
            with contextlib.suppress(sqlite3.IntegrityError):
                ledger.post_debit(tx, quote.owner, quote.quote_id, quote.terms.fiat_amount, now)
            refused[execution.owner] = quote.quote_id
        time.sleep(seams.RACE_WINDOW_SECONDS)
        with execution.sandbox.store.write() as tx:
            tx.execute(
                "DELETE FROM ledger WHERE owner = ? AND reason = ? AND ref = ?",
                (execution.owner, ledger.BUY_DEBIT, refused[execution.owner]),
            )

    patch.replace(transact, "execute_once", execute_once)


def ask_before(patch: Patch, check: Callable[[sqlite3.Connection, Access, Quote, int], None]) -> None:
    """Let a gate be asked in a transaction of its own, with time for other requests before the trade is made."""
    healthy = transact.execute_once

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        with execution.sandbox.store.write() as tx:
            if transact.find_earlier(tx, execution) is None:
                quote = transact.admit(tx, execution)
                now = clock.account_now(tx, execution.sandbox.clock, execution.account)
                check(tx, access.load(tx, execution.account), quote, now)
        time.sleep(seams.RACE_WINDOW_SECONDS)
        return healthy(execution)

    patch.replace(transact, "execute_once", execute_once)


def look_then_book_or_refuse(execution: Execution) -> tuple[Trade, bool]:
    """The same with a 409 for a quote that was rejected in between."""
    try:
        return look_then_book(execution)
    except transact.LostRaceError:
        raise conflict("the quote is not active") from None


def look_then_book(execution: Execution) -> tuple[Trade, bool]:
    """Execute in two transactions with time for another request between them."""
    with execution.sandbox.store.write() as tx:
        earlier = transact.find_earlier(tx, execution)
        if earlier is not None:
            return earlier, False
        quote = transact.admit(tx, execution)
    time.sleep(seams.RACE_WINDOW_SECONDS)
    with execution.sandbox.store.write() as tx:
        return transact.book(tx, execution, quote), True

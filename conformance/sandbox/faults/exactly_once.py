"""Mistakes in executing once that a call and its repetition do not show: they take a longer story or a meeting."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

from conformance.sandbox import clock
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import races, seams
from conformance.sandbox.pools import access, ledger, quotes, trades, transact
from conformance.sandbox.pools.quotes import QuoteState
from conformance.sandbox.pools.trades import Trade
from conformance.sandbox.pools.transact import Execution
from conformance.sandbox.refusal import Refusal, conflict
from conformance.sandbox.variations import Patch, fault

OF_A_SECOND_DEBIT = ("POOLS-RECONCILES", "POOLS-LEDGER-ONE-DEBIT", "POOLS-LEDGER-REFUNDS")


@fault(
    "final-trade-forgotten",
    summary="Only open trades are looked up: once a trade is final, a replay of its execution executes again",
    fact="facts section 6: the same quoteId again, with any key, gives the same trade, never a second one",
    klass="idempotency",
    breaks=("POOLS-TRANSACT-ONCE",),
    drags=(
        "POOLS-TRANSACT-CONCURRENT-ONCE",
        "POOLS-TRANSACT-ONCE-PER-QUOTE",
        "POOLS-TRANSACT-LATE-REPLAY",
        *races.OF_A_SECOND_TRADE,
    ),
)
def final_trade_forgotten(patch: Patch) -> None:
    healthy = transact.find_earlier

    def find_earlier(tx: sqlite3.Connection, execution: Execution) -> Trade | None:
        trade = healthy(tx, execution)
        return trade if trade is not None and trade.status == trades.RESERVED else None

    seams.allow_second_trade(patch)
    patch.replace(transact, "find_earlier", find_earlier)


@fault(
    "last-execution-only",
    summary="Each partner's last execution is remembered; a replay of an earlier one executes again",
    fact="facts section 6: same key and same body give the original outcome, one trade",
    klass="idempotency",
    breaks=("POOLS-TRANSACT-ONCE",),
    drags=(
        "POOLS-TRANSACT-CONCURRENT-ONCE",
        "POOLS-TRANSACT-ONCE-PER-QUOTE",
        "POOLS-TRANSACT-LATE-REPLAY",
        *races.OF_A_SECOND_TRADE,
    ),
)
def last_execution_only(patch: Patch) -> None:
    healthy_once, healthy_earlier = transact.execute_once, transact.find_earlier
    last: dict[str, str] = {}

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        trade, made = healthy_once(execution)
        last[execution.owner] = execution.quote_id
        return trade, made

    def find_earlier(tx: sqlite3.Connection, execution: Execution) -> Trade | None:
        trade = healthy_earlier(tx, execution)
        return trade if last.get(execution.owner) == execution.quote_id else None

    seams.allow_second_trade(patch)
    patch.replace(transact, "execute_once", execute_once)
    patch.replace(transact, "find_earlier", find_earlier)


@fault(
    "replay-names-newest-trade",
    summary="A replay is answered with the partner's newest trade, whichever quote that executed",
    fact="facts section 6: same key and same body give the original outcome",
    klass="idempotency",
    breaks=("POOLS-TRANSACT-ONCE",),
    drags=(
        "POOLS-TRANSACT-CONCURRENT-ONCE",
        "POOLS-TRANSACT-ONCE-PER-QUOTE",
        "POOLS-TRANSACT-LATE-REPLAY",
        "POOLS-RECONCILES",
    ),
)
def replay_names_newest_trade(patch: Patch) -> None:
    healthy = transact.find_earlier

    def find_earlier(tx: sqlite3.Connection, execution: Execution) -> Trade | None:
        if healthy(tx, execution) is None:
            return None
        row = tx.execute(
            "SELECT * FROM trades WHERE owner = ? ORDER BY seq DESC LIMIT 1", (execution.owner,)
        ).fetchone()
        return trades.restore(row)

    patch.replace(transact, "find_earlier", find_earlier)


@fault(
    "replay-served-to-strangers",
    summary="Answers are kept under key and body alone, and given to whoever sends both, before anything is checked",
    fact="facts sections 1 and 4.4: a foreign quote resolves 404; a key never sees another partner's objects",
    klass="isolation",
    breaks=("POOLS-ISOLATION-KEYS", "POOLS-ISOLATION-OBJECTS"),
)
def replay_served_to_strangers(patch: Patch) -> None:
    healthy = transact.execute
    kept: dict[tuple[str, bytes], Reply] = {}

    def execute(call: Call) -> Reply:
        this = (call.headers.get("idempotency-key", ""), call.body)
        if this not in kept:
            kept[this] = healthy(call)
            return kept[this]
        return replace(kept[this], status=transact.REPLAYED_STATUS)

    patch.replace(transact, "execute", execute)


@fault(
    "race-one-key-two-quotes",
    summary="Requests take turns per quote, so that one key sent for two quotes at once executes both",
    fact="facts section 6: a key must not be shared across executions; same key and another quoteId give 409",
    klass="race",
    breaks=("POOLS-TRANSACT-KEY-CONFLICT",),
)
def race_one_key_two_quotes(patch: Patch) -> None:
    turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        with turns[execution.quote_id]:
            return races.look_then_book_or_refuse(execution)

    seams.drop(patch, seams.ONE_QUOTE_PER_KEY)
    patch.replace(transact, "execute_once", execute_once)


@fault(
    "key-in-progress-for-everybody",
    summary="A key in progress is kept off without asking whose it is: another partner's request with it is a 409",
    fact="facts section 1: a key never sees another partner's objects; section 6: same key, same partner",
    klass="race",
    breaks=("POOLS-ISOLATION-KEYS",),
)
def key_in_progress_for_everybody(patch: Patch) -> None:
    healthy = transact.execute_once
    under_way: dict[str, str] = {}
    door = threading.Lock()

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        with door:
            first = under_way.setdefault(execution.key, execution.owner) == execution.owner
        if not first:
            raise conflict("a request with this key is in progress")
        try:
            time.sleep(seams.RACE_WINDOW_SECONDS)
            return healthy(execution)
        finally:
            with door:
                under_way.pop(execution.key, None)

    patch.replace(transact, "execute_once", execute_once)


@fault(
    "in-flight-refusal-debits",
    summary="A duplicate that meets the first one under way is refused with 409 after its debit has been posted",
    fact="facts section 4.4: no 4xx leaves a debit behind; section 10, invariant 7: repeating transact adds no entry",
    klass="race",
    breaks=("POOLS-TRANSACT-CONCURRENT-ONCE",),
    drags=(
        "POOLS-TRANSACT-ONCE",
        "POOLS-TRANSACT-ONCE-PER-QUOTE",
        "POOLS-TRANSACT-KEY-CONFLICT",
        "POOLS-REJECT-BLOCKS",
        "POOLS-QUOTE-EXPIRES",
        *OF_A_SECOND_DEBIT,
    ),
)
def in_flight_refusal_debits(patch: Patch) -> None:
    healthy = transact.execute_once
    under_way: set[tuple[str, str]] = set()
    door = threading.Lock()

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        this = (execution.owner, execution.quote_id)
        with door:
            met = this in under_way
            under_way.add(this)
        if met:
            take_debit(execution)
            raise conflict("the quote is being executed")
        try:
            time.sleep(seams.RACE_WINDOW_SECONDS)
            return healthy(execution)
        finally:
            with door:
                under_way.discard(this)

    seams.drop(patch, seams.ONE_ENTRY_PER_REASON)
    patch.replace(transact, "execute_once", execute_once)


@fault(
    "race-expiry-keeps-debit",
    summary="The quote is looked at, debited, and looked at again: one that expires in between is a 409 with a debit",
    fact="facts section 10, invariant 6: no trade means no debit; section 4.4: no 4xx leaves a debit behind",
    klass="race",
    breaks=("POOLS-QUOTE-EXPIRES",),
    drags=OF_A_SECOND_DEBIT,
)
def race_expiry_keeps_debit(patch: Patch) -> None:
    healthy = transact.execute_once

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        try:
            mine = take_debit(execution)
        except sqlite3.IntegrityError:
            mine = False
        if not mine:
            return healthy(execution)
        time.sleep(seams.RACE_WINDOW_SECONDS)
        with execution.sandbox.store.read() as tx:
            quote = quotes.find(tx, execution.owner, execution.quote_id)
            now = clock.account_now(tx, execution.sandbox.clock, execution.account)
            if quotes.state(quote, now) is QuoteState.EXPIRED:
                raise conflict("the quote is expired")
        try:
            return healthy(execution)
        except Refusal:
            give_debit_back(execution)
            raise

    patch.replace(transact, "execute_once", execute_once)
    patch.replace(transact, "debit", lambda tx, its_access, quote, now: None)


@fault(
    "race-balance-update-lost",
    summary="The balance is read, and written back some milliseconds later: of two debits at once it forgets one",
    fact="facts section 10, invariant 1: the sum of all movements is the available balance",
    klass="race",
    breaks=("POOLS-LEDGER-SUM",),
)
def race_balance_update_lost(patch: Patch) -> None:
    healthy_once, healthy_balance = transact.execute_once, ledger.balance
    astray: defaultdict[str, Decimal] = defaultdict(Decimal)

    def balance(tx: sqlite3.Connection, owner: str, currency: str = ledger.CURRENCY) -> Decimal:
        return healthy_balance(tx, owner, currency) + astray[owner]

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        owner = execution.owner
        with execution.sandbox.store.read() as tx:
            before = balance(tx, owner)
        time.sleep(seams.RACE_WINDOW_SECONDS)
        trade, made = healthy_once(execution)
        if made:
            with execution.sandbox.store.read() as tx:
                written = before - (ledger.debit_of(tx, owner, execution.quote_id) or 0)
                astray[owner] = written - healthy_balance(tx, owner)
        return trade, made

    patch.replace(ledger, "balance", balance)
    patch.replace(transact, "execute_once", execute_once)


def take_debit(execution: Execution) -> bool:
    """Post the debit of a quote that may be executed and has no trade yet; whether there was one to post."""
    with execution.sandbox.store.write() as tx:
        if transact.find_earlier(tx, execution) is not None:
            return False
        quote = transact.admit(tx, execution)
        its_access = access.load(tx, execution.account)
        now = clock.account_now(tx, execution.sandbox.clock, execution.account)
        transact.check_velocity(tx, its_access, quote, now)
        transact.check_balance(tx, its_access, quote)
        due = transact.debit_due(its_access, quote)
        if due > 0:
            ledger.post_debit(tx, quote.owner, quote.quote_id, due, now)
        return due > 0


def give_debit_back(execution: Execution) -> None:
    """Take back the debit of a quote that has no trade after all."""
    with execution.sandbox.store.write() as tx:
        if trades.by_quote(tx, execution.owner, execution.quote_id) is None:
            tx.execute(
                "DELETE FROM ledger WHERE owner = ? AND reason = ? AND ref = ?",
                (execution.owner, ledger.BUY_DEBIT, execution.quote_id),
            )

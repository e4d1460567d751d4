"""Mistakes with the idempotency key and with executing a quote again, one call after the other."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import replace

from conformance.sandbox import clock
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import seams
from conformance.sandbox.pools import ledger, quotes, trades, transact
from conformance.sandbox.pools.trades import Trade
from conformance.sandbox.pools.transact import Execution
from conformance.sandbox.refusal import Refusal, conflict, invalid
from conformance.sandbox.variations import Patch, fault

# What can be seen of a second trade beside the call that made it.
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
    "key-ignored",
    summary="Every transact executes: neither the key nor the quote remembers an earlier one",
    fact="facts section 6: same key and same body give the original outcome, one trade",
    klass="idempotency",
    breaks=("POOLS-TRANSACT-ONCE", "POOLS-TRANSACT-CONCURRENT-ONCE"),
    drags=(
        "POOLS-TRANSACT-ONCE-PER-QUOTE",
        "POOLS-TRANSACT-LATE-REPLAY",
        "POOLS-TRANSACT-KEY-CONFLICT",
        *OF_A_SECOND_TRADE,
    ),
)
def key_ignored(patch: Patch) -> None:
    seams.allow_second_trade(patch)
    patch.replace(transact, "find_earlier", lambda tx, execution: None)


@fault(
    "key-is-the-only-guard",
    summary="Another key executes a consumed quote a second time",
    fact="facts section 6: the same quoteId again, with any key, gives the same trade",
    klass="idempotency",
    breaks=("POOLS-TRANSACT-ONCE-PER-QUOTE",),
    drags=("POOLS-TRANSACT-CONCURRENT-ONCE", *OF_A_SECOND_TRADE),
)
def key_is_the_only_guard(patch: Patch) -> None:
    healthy = transact.find_earlier

    def find_earlier(tx: sqlite3.Connection, execution: Execution) -> Trade | None:
        return None if transact.bound_quote(tx, execution) is None else healthy(tx, execution)

    seams.allow_second_trade(patch)
    patch.replace(transact, "find_earlier", find_earlier)


@fault(
    "key-answers-for-other-quote",
    summary="A key used for another quote answers with the trade it made first",
    fact="facts section 6: same key and another quoteId give 409",
    klass="idempotency",
    breaks=("POOLS-TRANSACT-KEY-CONFLICT",),
)
def key_answers_for_other_quote(patch: Patch) -> None:
    healthy = transact.find_earlier

    def find_earlier(tx: sqlite3.Connection, execution: Execution) -> Trade | None:
        bound = transact.bound_quote(tx, execution)
        return healthy(tx, execution) if bound is None else trades.by_quote(tx, execution.owner, bound)

    patch.replace(transact, "find_earlier", find_earlier)


@fault(
    "key-executes-other-quote",
    summary="A key used for another quote executes that one too",
    fact="facts section 6: same key and another quoteId give 409",
    klass="idempotency",
    breaks=("POOLS-TRANSACT-KEY-CONFLICT",),
)
def key_executes_other_quote(patch: Patch) -> None:
    def find_earlier(tx: sqlite3.Connection, execution: Execution) -> Trade | None:
        return trades.by_quote(tx, execution.owner, execution.quote_id)

    patch.replace(transact, "find_earlier", find_earlier)
    patch.replace(transact, "bind_key", lambda tx, execution: None)


@fault(
    "key-conflict-uses-quote-up",
    summary="A key used for another quote answers 409, but that quote is consumed by it",
    fact="facts sections 4.4 and 6: 409 for the reused key, and no 4xx leaves anything behind",
    klass="idempotency",
    breaks=("POOLS-TRANSACT-KEY-CONFLICT",),
)
def key_conflict_uses_quote_up(patch: Patch) -> None:
    healthy = transact.execute_once

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        with execution.sandbox.store.write() as tx:
            if transact.bound_quote(tx, execution) not in {None, execution.quote_id}:
                quote = quotes.find(tx, execution.owner, execution.quote_id)
                now = clock.account_now(tx, execution.sandbox.clock, execution.account)
                quotes.consume(tx, quote, now)
        return healthy(execution)

    patch.replace(transact, "execute_once", execute_once)


@fault(
    "replay-debits-again",
    summary="A replay returns the trade and posts its debit once more",
    fact="facts sections 6 and 10: repeating transact adds no ledger entry",
    klass="idempotency",
    breaks=("POOLS-TRANSACT-ONCE",),
    drags=(
        "POOLS-TRANSACT-CONCURRENT-ONCE",
        "POOLS-TRANSACT-ONCE-PER-QUOTE",
        "POOLS-TRANSACT-LATE-REPLAY",
        "POOLS-RECONCILES",
        "POOLS-LEDGER-ONE-DEBIT",
        "POOLS-LEDGER-REFUNDS",
    ),
)
def replay_debits_again(patch: Patch) -> None:
    healthy = transact.find_earlier

    def find_earlier(tx: sqlite3.Connection, execution: Execution) -> Trade | None:
        trade = healthy(tx, execution)
        debited = None if trade is None else ledger.debit_of(tx, execution.owner, execution.quote_id)
        if debited is not None:
            now = clock.account_now(tx, execution.sandbox.clock, execution.account)
            ledger.post_debit(tx, execution.owner, execution.quote_id, debited, now)
        return trade

    seams.drop(patch, seams.ONE_ENTRY_PER_REASON)
    patch.replace(transact, "find_earlier", find_earlier)


@fault(
    "replay-refused",
    summary="The same transact with the same key again is a 409",
    fact="facts section 6: same key and same body give the original outcome",
    klass="idempotency",
    breaks=("POOLS-TRANSACT-ONCE",),
    drags=("POOLS-TRANSACT-CONCURRENT-ONCE", "POOLS-TRANSACT-LATE-REPLAY"),
)
def replay_refused(patch: Patch) -> None:
    healthy = transact.find_earlier

    def find_earlier(tx: sqlite3.Connection, execution: Execution) -> Trade | None:
        if healthy(tx, execution) is not None:
            raise conflict("the idempotency key has been used")
        return None

    patch.replace(transact, "find_earlier", find_earlier)


@fault(
    "replay-names-new-trade",
    summary="A replay answers with a trade id of its own that no list knows",
    fact="facts section 6: a replay gives the same trade",
    klass="idempotency",
    breaks=("POOLS-TRANSACT-ONCE",),
    drags=(
        "POOLS-TRANSACT-CONCURRENT-ONCE",
        "POOLS-TRANSACT-ONCE-PER-QUOTE",
        "POOLS-TRANSACT-LATE-REPLAY",
        "POOLS-RECONCILES",
    ),
)
def replay_names_new_trade(patch: Patch) -> None:
    healthy = transact.execute_once

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        trade, made = healthy(execution)
        its_id = trade.transact_id if made else trades.new_transact_id(execution.sandbox.mode)
        return replace(trade, transact_id=its_id), made

    patch.replace(transact, "execute_once", execute_once)


@fault(
    "late-replay-executes",
    summary="Keys and executions are remembered only while the quote lives; a later replay executes again",
    fact="facts section 6: a retry uses the same key and quote and never makes a second trade",
    klass="idempotency",
    breaks=("POOLS-TRANSACT-LATE-REPLAY",),
    drags=("POOLS-TRANSACT-ONCE-PER-QUOTE", *OF_A_SECOND_TRADE),
)
def late_replay_executes(patch: Patch) -> None:
    healthy = transact.find_earlier

    def find_earlier(tx: sqlite3.Connection, execution: Execution) -> Trade | None:
        trade = healthy(tx, execution)
        if trade is None:
            return None
        now = clock.account_now(tx, execution.sandbox.clock, execution.account)
        return None if quotes.is_expired(quotes.find(tx, trade.owner, trade.quote_id), now) else trade

    seams.allow_second_trade(patch)
    patch.replace(transact, "find_earlier", find_earlier)


@fault(
    "key-missing-accepted",
    summary="Without the header the server makes up a key and executes",
    fact="facts section 4.4: the Idempotency-Key is mandatory on transact",
    klass="idempotency",
    breaks=("POOLS-TRANSACT-KEY-REQUIRED",),
)
def key_missing_accepted(patch: Patch) -> None:
    healthy = transact.read_key

    def read_key(headers: Mapping[str, str]) -> str:
        return healthy(headers) if "idempotency-key" in headers else str(uuid.uuid4())

    patch.replace(transact, "read_key", read_key)


@fault(
    "key-missing-refused-too-late",
    summary="A transact without the header is a 400, after it has been executed",
    fact="facts section 4.4: no 4xx leaves a debit or a trade behind",
    klass="idempotency",
    breaks=("POOLS-TRANSACT-KEY-REQUIRED",),
)
def key_missing_refused_too_late(patch: Patch) -> None:
    healthy = transact.execute

    def execute(call: Call) -> Reply:
        if "idempotency-key" in call.headers:
            return healthy(call)
        healthy(replace(call, headers={**call.headers, "idempotency-key": str(uuid.uuid4())}))
        raise invalid("the Idempotency-Key header is required")

    patch.replace(transact, "execute", execute)


@fault(
    "key-compared-without-case",
    summary="Two keys that differ in upper and lower case only are taken for one",
    fact="facts section 6: another key with another quote is another execution; free-form keys are legitimate",
    klass="idempotency",
    breaks=("POOLS-TRANSACT-RESERVES", "POOLS-TRANSACT-KEY-CONFLICT", "POOLS-TRANSACT-ONCE"),
)
def key_compared_without_case(patch: Patch) -> None:
    healthy = transact.read_key
    patch.replace(transact, "read_key", lambda headers: healthy(headers).lower())


@fault(
    "key-cut-short",
    summary="Only the first 32 characters of a key are kept, so long keys with a common beginning collide",
    fact="facts section 6: another key with another quote is another execution; free-form keys are legitimate",
    klass="idempotency",
    breaks=("POOLS-TRANSACT-RESERVES", "POOLS-TRANSACT-KEY-CONFLICT", "POOLS-TRANSACT-ONCE"),
    # Whatever else is executed under a key may meet an earlier one that began alike.
    drags=("POOLS-ISOLATION-KEYS",),
)
def key_cut_short(patch: Patch) -> None:
    healthy = transact.read_key
    patch.replace(transact, "read_key", lambda headers: healthy(headers)[:32])


@fault(
    "key-stuck-after-402",
    summary="A transact refused with 402 keeps its key for good: the same request again is a 409",
    fact="seed 001: fund the balance, then retry; facts section 6: a retry uses the same key and quote",
    klass="idempotency",
    breaks=("POOLS-DENY-BALANCE",),
)
def key_stuck_after_402(patch: Patch) -> None:
    healthy = transact.execute_once

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        with execution.sandbox.store.read() as tx:
            bound = transact.bound_quote(tx, execution)
            unfinished = trades.by_quote(tx, execution.owner, execution.quote_id) is None
        if bound is not None and unfinished:
            raise conflict("a request with this key is in progress")
        try:
            return healthy(execution)
        except Refusal as refused:
            if refused.status == 402:
                with execution.sandbox.store.write() as tx:
                    transact.bind_key(tx, execution)
            raise

    patch.replace(transact, "execute_once", execute_once)


@fault(
    "key-shared-by-partners-blocks",
    summary="A key another partner has used refuses this partner's execution with 409",
    fact="facts section 1: a key never sees another partner's objects",
    klass="idempotency",
    breaks=("POOLS-ISOLATION-KEYS",),
)
def key_shared_by_partners_blocks(patch: Patch) -> None:
    patch.replace(transact, "bound_quote", bound_quote_of_anybody)


@fault(
    "key-shared-by-partners-answers",
    summary="A key another partner has used answers with that partner's trade",
    fact="facts section 1: a key never sees another partner's objects",
    klass="idempotency",
    breaks=("POOLS-ISOLATION-KEYS",),
    drags=("POOLS-ISOLATION-OBJECTS",),
)
def key_shared_by_partners_answers(patch: Patch) -> None:
    healthy = transact.find_earlier

    def find_earlier(tx: sqlite3.Connection, execution: Execution) -> Trade | None:
        own = transact.bound_quote(tx, execution)
        row = tx.execute(
            "SELECT t.* FROM trades t JOIN idempotency_keys k ON k.quote_id = t.quote_id WHERE k.idempotency_key = ?",
            (execution.key,),
        ).fetchone()
        return trades.restore(row) if own is None and row is not None else healthy(tx, execution)

    patch.replace(transact, "find_earlier", find_earlier)


def bound_quote_of_anybody(tx: sqlite3.Connection, execution: Execution) -> str | None:
    """The quote a key has executed, whoever sent it."""
    row = tx.execute("SELECT quote_id FROM idempotency_keys WHERE idempotency_key = ?", (execution.key,)).fetchone()
    return None if row is None else str(row["quote_id"])

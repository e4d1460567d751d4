"""Mistakes with the life of a trade: what moves it, where it may go, and what each read shows of it."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from decimal import Decimal

from conformance.sandbox import clock, money
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import seams
from conformance.sandbox.pools import discovery, ledger, quotes, settlement, trades, transact
from conformance.sandbox.pools.trades import RESERVED, Trade
from conformance.sandbox.pools.transact import Execution
from conformance.sandbox.variations import Patch, fault

# Seen wherever a trade goes another way than its outcome.
OF_AN_OUTCOME = ("POOLS-OUTCOME-FAILED", "POOLS-OUTCOME-RELEASED", "POOLS-OUTCOME-RETURNED")
OF_A_TRADE_THAT_NEVER_ENDS = (
    *OF_AN_OUTCOME,
    "POOLS-POLL-FORWARD",
    "POOLS-POLL-IDEMPOTENT",
    "POOLS-LEDGER-REFUNDS",
    "POOLS-RECONCILES",
    "POOLS-TRADES-FILTERS",
    "POOLS-WEBHOOK-SIGNED",
    "POOLS-WEBHOOK-EVENT",
    "POOLS-WEBHOOK-STABLE-ID",
)


@fault(
    "poll-never-advances",
    summary="The status poll shows the trade and leaves it reserved for ever",
    fact="facts section 4.5: the poll advances a reserved trade",
    klass="trade states",
    breaks=("POOLS-POLL-TERMINAL",),
    drags=OF_A_TRADE_THAT_NEVER_ENDS,
)
def poll_never_advances(patch: Patch) -> None:
    patch.replace(settlement, "next_status", lambda status, polls, outcome, polls_to_settle: status)


@fault(
    "poll-flickers-back",
    summary="The poll that ends a trade shows its end once; the next ones read reserved from a lagging copy",
    fact="facts section 5.2: nothing goes back to reserved",
    klass="trade states",
    breaks=("POOLS-POLL-FORWARD",),
    drags=(
        "POOLS-POLL-IDEMPOTENT",
        "POOLS-TRADE-READ",
        *OF_AN_OUTCOME,
        "POOLS-LEDGER-REFUNDS",
    ),
)
def poll_flickers_back(patch: Patch) -> None:
    healthy = settlement.poll
    seen: dict[object, int] = {}

    def poll(call: Call) -> Reply:
        reply = healthy(call)
        if reply.body["status"] == RESERVED:
            return reply
        quote_id = reply.body["quoteId"]
        seen[quote_id] = seen.get(quote_id, 0) + 1
        return seams.with_members(reply, status=RESERVED) if seen[quote_id] == 2 else reply

    patch.replace(settlement, "poll", poll)


@fault(
    "failed-becomes-settled",
    summary="A failed trade is tried again by the next poll and settles",
    fact="facts section 5.2: failed is final",
    klass="trade states",
    breaks=("POOLS-POLL-FORWARD", "POOLS-OUTCOME-FAILED", "POOLS-POLL-IDEMPOTENT"),
    drags=("POOLS-LEDGER-REFUNDS", "POOLS-RECONCILES", "POOLS-WEBHOOK-EVENT"),
)
def failed_becomes_settled(patch: Patch) -> None:
    healthy = settlement.next_status

    def next_status(status: str, polls: int, outcome: str, polls_to_settle: int) -> str:
        return settlement.SETTLED if status == "failed" else healthy(status, polls, outcome, polls_to_settle)

    patch.replace(settlement, "next_status", next_status)


@fault(
    "released-reopens",
    summary="A released trade is reserved again by the next poll",
    fact="facts section 5.2: nothing goes back to reserved",
    klass="trade states",
    breaks=("POOLS-POLL-FORWARD", "POOLS-OUTCOME-RELEASED", "POOLS-POLL-IDEMPOTENT"),
    drags=("POOLS-LEDGER-REFUNDS", "POOLS-RECONCILES"),
)
def released_reopens(patch: Patch) -> None:
    healthy = settlement.next_status

    def next_status(status: str, polls: int, outcome: str, polls_to_settle: int) -> str:
        ended = outcome == "released" and polls > polls_to_settle
        return RESERVED if ended else healthy(status, polls, outcome, polls_to_settle)

    patch.replace(settlement, "next_status", next_status)


@fault(
    "returned-settles-again",
    summary="The poll after a return reads settled again, from what the bank confirmed first",
    fact="facts section 5.2: returned is final",
    klass="trade states",
    breaks=("POOLS-OUTCOME-RETURNED",),
    drags=("POOLS-POLL-FORWARD", "POOLS-POLL-IDEMPOTENT", "POOLS-LEDGER-REFUNDS", "POOLS-RECONCILES"),
)
def returned_settles_again(patch: Patch) -> None:
    healthy = settlement.advance

    def advance(tx: sqlite3.Connection, call: Call, trade: Trade, outcome: str, now: int) -> Trade:
        if trade.status != settlement.RETURNED:
            return healthy(tx, call, trade, outcome, now)
        tx.execute("UPDATE trades SET status = 'settled' WHERE transact_id = ?", (trade.transact_id,))
        tx.execute("UPDATE quotes SET outcome = 'settled' WHERE quote_id = ?", (trade.quote_id,))
        return replace(trade, status=settlement.SETTLED)

    patch.replace(settlement, "advance", advance)


@fault(
    "returned-without-settling",
    summary="A trade that will be returned goes there straight from reserved",
    fact="facts section 5.2: reserved never becomes returned directly",
    klass="trade states",
    breaks=("POOLS-POLL-FORWARD", "POOLS-OUTCOME-RETURNED"),
    drags=("POOLS-POLL-TERMINAL",),
)
def returned_without_settling(patch: Patch) -> None:
    patch.replace(settlement, "FIRST_ENDS", {**settlement.FIRST_ENDS, "returned": settlement.RETURNED})


@fault(
    "return-not-surfaced",
    summary="A settled trade stays settled, whatever is returned later",
    fact="facts section 4.5: the poll surfaces the later returned state",
    klass="trade states",
    breaks=("POOLS-OUTCOME-RETURNED",),
)
def return_not_surfaced(patch: Patch) -> None:
    healthy = settlement.next_status

    def next_status(status: str, polls: int, outcome: str, polls_to_settle: int) -> str:
        return status if status == settlement.SETTLED else healthy(status, polls, outcome, polls_to_settle)

    patch.replace(settlement, "next_status", next_status)


@fault(
    "failure-reads-settled",
    summary="Whatever ends a trade is shown and stored as settled",
    fact="facts section 5.2: reserved becomes settled, failed or released",
    klass="trade states",
    breaks=("POOLS-OUTCOME-FAILED", "POOLS-OUTCOME-RELEASED"),
)
def failure_reads_settled(patch: Patch) -> None:
    patch.replace(settlement, "FIRST_ENDS", dict.fromkeys(settlement.FIRST_ENDS, settlement.SETTLED))


@fault(
    "poll-refunds-each-time",
    summary="Every poll of a failed, released or returned trade posts the refund again",
    fact="facts sections 4.5 and 10, invariant 7: repeating the poll adds no entry",
    klass="trade states",
    breaks=("POOLS-POLL-IDEMPOTENT", "POOLS-LEDGER-REFUNDS"),
    drags=("POOLS-RECONCILES", *OF_AN_OUTCOME),
)
def poll_refunds_each_time(patch: Patch) -> None:
    healthy = settlement.advance

    def advance(tx: sqlite3.Connection, call: Call, trade: Trade, outcome: str, now: int) -> Trade:
        if trade.status in settlement.REFUNDED:
            ledger.post_refund(tx, trade.owner, trade.quote_id, now)
        return healthy(tx, call, trade, outcome, now)

    seams.drop(patch, seams.ONE_ENTRY_PER_REASON)
    patch.replace(settlement, "advance", advance)


@fault(
    "transact-answers-settled",
    summary="Transact answers that the trade is settled, although it is only reserved",
    fact="facts section 4.4: transact answers with the trade, reserved",
    klass="trade states",
    breaks=("POOLS-TRANSACT-RESERVES",),
    drags=("POOLS-POLL-FORWARD", "POOLS-TRADE-READ"),
)
def transact_answers_settled(patch: Patch) -> None:
    healthy = transact.execute_once

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        trade, made = healthy(execution)
        return replace(trade, status=settlement.SETTLED), made

    patch.replace(transact, "execute_once", execute_once)


@fault(
    "trade-read-advances",
    summary="Reading a trade moves it on as the poll does",
    fact="facts section 4.7: a trade read never advances",
    klass="trade states",
    breaks=("POOLS-READS-PURE",),
)
def trade_read_advances(patch: Patch) -> None:
    healthy = trades.read

    def read(call: Call) -> Reply:
        with call.sandbox.store.write() as tx:
            trade = trades.by_id(tx, call.owner, call.path["transactId"])
            if trade is not None:
                move_on(tx, call, trade)
        call.sandbox.wake_deliveries()
        return healthy(call)

    patch.replace(trades, "read", read)


@fault(
    "trade-list-advances",
    summary="Listing trades moves the reserved ones on",
    fact="facts section 4.6: the list is a pure read",
    klass="trade states",
    breaks=("POOLS-READS-PURE",),
    drags=("POOLS-TRADES-FILTERS",),
)
def trade_list_advances(patch: Patch) -> None:
    healthy = trades.list_page

    def list_page(call: Call) -> Reply:
        move_all_on(call)
        return healthy(call)

    patch.replace(trades, "list_page", list_page)


@fault(
    "balance-read-advances",
    summary="Reading the balance settles what is reserved first",
    fact="facts section 4.10: the balance read does not advance settlement",
    klass="trade states",
    breaks=("POOLS-READS-PURE",),
)
def balance_read_advances(patch: Patch) -> None:
    healthy = discovery.read_balance

    def read_balance(call: Call) -> Reply:
        move_all_on(call)
        return healthy(call)

    patch.replace(discovery, "read_balance", read_balance)


@fault(
    "ledger-read-advances",
    summary="Reading the ledger settles what is reserved first",
    fact="seed 001, reconciliation model: the ledger read does not advance settlement",
    klass="trade states",
    breaks=("POOLS-READS-PURE",),
)
def ledger_read_advances(patch: Patch) -> None:
    healthy = ledger.list_entries

    def list_entries(call: Call) -> Reply:
        move_all_on(call)
        return healthy(call)

    patch.replace(ledger, "list_entries", list_entries)


@fault(
    "trade-read-lags",
    summary="A trade read comes from a copy made when it was first looked at",
    fact="facts sections 4.5 and 4.7: the read shows the same trade as the poll",
    klass="trade states",
    breaks=("POOLS-TRADE-READ", "POOLS-POLL-FORWARD"),
    drags=OF_AN_OUTCOME,
)
def trade_read_lags(patch: Patch) -> None:
    healthy = trades.read
    copies: dict[str, Reply] = {}

    def read(call: Call) -> Reply:
        transact_id = call.path["transactId"]
        fresh = healthy(call)
        return copies.setdefault(transact_id, fresh)

    patch.replace(trades, "read", read)


@fault(
    "trade-amount-differs-on-read",
    summary="A single trade shows its fiat amount less the fee, the list and the poll show it whole",
    fact="facts sections 4.5 and 4.7: every read shows the same trade",
    klass="trade states",
    breaks=("POOLS-TRADE-READ",),
    drags=("POOLS-TRADE-COPIES-QUOTE", "POOLS-RECONCILES", "POOLS-POLL-FORWARD"),
)
def trade_amount_differs_on_read(patch: Patch) -> None:
    def less_fee(reply: Reply) -> Reply:
        amount = money.floor(Decimal(str(reply.body["fiatAmount"])) * Decimal("0.9970"), 2)
        return seams.with_members(reply, fiatAmount=money.render(amount))

    seams.amend(patch, trades, "read", less_fee)


def move_on(tx: sqlite3.Connection, call: Call, trade: Trade) -> None:
    """What a poll would do to this trade."""
    outcome = quotes.find(tx, trade.owner, trade.quote_id).outcome
    now = clock.account_now(tx, call.sandbox.clock, call.account)
    settlement.advance(tx, call, trade, outcome, now)


def move_all_on(call: Call) -> None:
    """What a poll would do to each of the caller's reserved trades."""
    with call.sandbox.store.write() as tx:
        rows = tx.execute("SELECT * FROM trades WHERE owner = ? AND status = 'reserved'", (call.owner,)).fetchall()
        for row in rows:
            move_on(tx, call, trades.restore(row))
    call.sandbox.wake_deliveries()

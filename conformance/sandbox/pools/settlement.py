"""The status poll: the only thing that moves a trade, and what each move brings with it."""

from __future__ import annotations

import sqlite3
from typing import Final

from conformance.sandbox import clock
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.pools import events, ledger, quotes, trades
from conformance.sandbox.pools.quotes import Quote
from conformance.sandbox.pools.trades import RESERVED, Trade
from conformance.sandbox.refusal import not_found

SETTLED: Final = "settled"
RETURNED: Final = "returned"
# A value that is returned has settled before.
FIRST_ENDS: Final = {"settled": SETTLED, "failed": "failed", "released": "released", "returned": SETTLED}
REFUNDED: Final = ("failed", "released", RETURNED)


def poll(call: Call) -> Reply:
    """``GET /pools/transactions/{quoteId}``: count the poll, move the trade if it is due, and show it.

    404 for a quote that was never executed, in whichever state it is.
    """
    with call.sandbox.store.write() as tx:
        quote = quotes.find(tx, call.owner, call.path["quoteId"])
        trade = trades.by_quote(tx, call.owner, quote.quote_id)
        if trade is None:
            return unexecuted(quote)
        now = clock.account_now(tx, call.sandbox.clock, call.account)
        shown = advance(tx, call, trade, quote.outcome, now)
    if shown.status != trade.status:
        call.sandbox.wake_deliveries()
    return Reply(200, trades.render(shown))


def unexecuted(quote: Quote) -> Reply:
    """What a poll says about a quote without a trade."""
    raise not_found("this quote has no transaction")


def advance(tx: sqlite3.Connection, call: Call, trade: Trade, outcome: str, now: int) -> Trade:
    """The trade after this poll, with refund and event posted if it has moved."""
    following = next_status(trade.status, trade.polls + 1, outcome, call.sandbox.polls_to_settle)
    record_poll(tx, trade, following, now)
    if following != trade.status:
        apply_move(tx, call, trade, following, now)
    return trades.by_quote(tx, trade.owner, trade.quote_id) or trade


def next_status(status: str, polls: int, outcome: str, polls_to_settle: int) -> str:
    """Where a trade stands after a poll. Ends are final, except that ``settled`` may become ``returned``."""
    if status == RESERVED and polls >= polls_to_settle:
        return FIRST_ENDS[outcome]
    if status == SETTLED and outcome == RETURNED:
        return RETURNED
    return status


def record_poll(tx: sqlite3.Connection, trade: Trade, following: str, now: int) -> None:
    """Count the poll and write the status; ``settled_at`` is set on settling and kept."""
    settled_at = now if following == SETTLED and trade.settled_at is None else trade.settled_at
    tx.execute(
        "UPDATE trades SET status = ?, polls = polls + 1, settled_at = ? WHERE transact_id = ? AND status = ?",
        (following, settled_at, trade.transact_id, trade.status),
    )


def apply_move(tx: sqlite3.Connection, call: Call, trade: Trade, following: str, now: int) -> None:
    """What a transition brings: a refund where the money goes back, an event where there is one."""
    if following in REFUNDED:
        ledger.post_refund(tx, trade.owner, trade.quote_id, now)
    events.announce(tx, call.account, trade, following, now, call.sandbox.clock())

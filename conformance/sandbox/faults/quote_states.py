"""Mistakes with the state of a quote: its expiry, its two endings, and what reading it does."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from conformance.sandbox import clock
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import seams
from conformance.sandbox.pools import quotes, trades, transact
from conformance.sandbox.pools.quotes import Quote, QuoteState
from conformance.sandbox.refusal import conflict, not_found
from conformance.sandbox.variations import Patch, fault


@fault(
    "expired-executable",
    summary="Execution does not look at the expiry of the quote",
    fact="facts sections 5.1 and 2.2: transact on an expired quote is a 409",
    klass="quote states",
    breaks=("POOLS-QUOTE-EXPIRES",),
    drags=("POOLS-REJECT-EXPIRED",),
)
def expired_executable(patch: Patch) -> None:
    def check_active(quote: Quote, now: int) -> None:
        if quotes.state(quote, now) in {QuoteState.CONSUMED, QuoteState.REJECTED}:
            raise conflict("the quote is closed")

    patch.replace(transact, "quotes", seams.module_with(quotes, check_active=check_active))


@fault(
    "expired-reads-active",
    summary="A quote past its expiry still reads active",
    fact="facts section 5.1: active becomes expired when the clock passes expiresAt",
    klass="quote states",
    breaks=("POOLS-QUOTE-EXPIRES",),
    drags=("POOLS-REJECT-EXPIRED",),
)
def expired_reads_active(patch: Patch) -> None:
    def read(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            quote = quotes.find(tx, call.owner, call.path["quoteId"])
        return Reply(200, quotes.render_stored(quote, quotes.state(quote, quote.created_at - quote.clock_offset)))

    patch.replace(quotes, "read", read)


@fault(
    "expired-purged",
    summary="Expired quotes are swept away: reading, rejecting and executing them is a 404",
    fact="facts sections 5.1 and 4.9: an expired quote reads expired, and rejecting it is a 409",
    klass="quote states",
    breaks=("POOLS-QUOTE-EXPIRES", "POOLS-REJECT-EXPIRED"),
)
def expired_purged(patch: Patch) -> None:
    healthy = quotes.state

    def state(quote: Quote, now: int) -> QuoteState:
        current = healthy(quote, now)
        if current is QuoteState.EXPIRED:
            raise not_found("no such quote")
        return current

    patch.replace(quotes, "state", state)


@fault(
    "expired-is-gone",
    summary="Executing an expired quote answers 410",
    fact="facts section 2.2: an expired quote is a 409",
    klass="quote states",
    breaks=("POOLS-QUOTE-EXPIRES",),
    drags=("WIRE-STATUS", "WIRE-BODY", "WIRE-ERROR-ENVELOPE"),
)
def expired_is_gone(patch: Patch) -> None:
    healthy = quotes.check_active

    def check_active(quote: Quote, now: int) -> None:
        if quotes.state(quote, now) is QuoteState.EXPIRED:
            raise seams.refusing(410, "quote_expired")("the quote has expired")
        healthy(quote, now)

    seams.know_status(patch, 410, "gone")
    patch.replace(transact, "quotes", seams.module_with(quotes, check_active=check_active))


@fault(
    "reading-extends-expiry",
    summary="Every read of a quote renews its 15 seconds",
    fact="facts section 4.8: reading a quote is pure, without extension",
    klass="quote states",
    breaks=("POOLS-QUOTE-READ-PURE",),
    drags=("POOLS-QUOTE-EXPIRES", "POOLS-REJECT-EXPIRED", "POOLS-FIRM-NEAR-EXPIRY"),
)
def reading_extends_expiry(patch: Patch) -> None:
    def read(call: Call) -> Reply:
        with call.sandbox.store.write() as tx:
            now = clock.account_now(tx, call.sandbox.clock, call.account)
            quote = quotes.find(tx, call.owner, call.path["quoteId"])
            if quotes.state(quote, now) is QuoteState.ACTIVE:
                renewed = max(quote.expires_at + 1, now + quotes.TTL_SECONDS)
                tx.execute("UPDATE quotes SET expires_at = ? WHERE quote_id = ?", (renewed, quote.quote_id))
            quote = quotes.find(tx, call.owner, call.path["quoteId"])
        return Reply(200, quotes.render_stored(quote, quotes.state(quote, now)))

    patch.replace(quotes, "read", read)


@fault(
    "reading-reprices",
    summary="A read of a quote shows the rate of the moment instead of the locked one",
    fact="facts section 4.8: reading a quote is pure, without a new price",
    klass="quote states",
    breaks=("POOLS-QUOTE-READ-PURE",),
)
def reading_reprices(patch: Patch) -> None:
    seams.amend(patch, quotes, "read", lambda reply: seams.with_members(reply, rate="1.0688"))


@fault(
    "consumed-reads-active",
    summary="Executing makes the trade but never marks the quote",
    fact="facts sections 4.4 and 5.1: a successful transact makes the quote consumed",
    klass="quote states",
    breaks=("POOLS-TRANSACT-RESERVES",),
    drags=(
        "POOLS-REJECT-CONSUMED",
        "POOLS-QUOTE-PRECEDENCE",
        "POOLS-TRANSACT-KEY-CONFLICT",
        "POOLS-REJECT-BLOCKS",
    ),
)
def consumed_reads_active(patch: Patch) -> None:
    patch.replace(quotes, "consume", lambda tx, quote, now: True)


@fault(
    "consumed-becomes-expired",
    summary="A consumed quote reads expired once its expiry has passed",
    fact="facts section 5.1: consumed comes before expired",
    klass="quote states",
    breaks=("POOLS-QUOTE-PRECEDENCE",),
    drags=("POOLS-TRANSACT-LATE-REPLAY",),
)
def consumed_becomes_expired(patch: Patch) -> None:
    patch.replace(quotes, "state", expiry_before(quotes.state, QuoteState.CONSUMED))


@fault(
    "rejected-becomes-expired",
    summary="A rejected quote reads expired once its expiry has passed",
    fact="facts section 5.1: rejected comes before expired",
    klass="quote states",
    breaks=("POOLS-QUOTE-PRECEDENCE",),
)
def rejected_becomes_expired(patch: Patch) -> None:
    patch.replace(quotes, "state", expiry_before(quotes.state, QuoteState.REJECTED))


@fault(
    "reject-idempotent",
    summary="Rejecting a rejected quote again is a 200",
    fact="facts section 4.9: reject is not idempotent; a second one is a 409",
    klass="quote states",
    breaks=("POOLS-REJECT-ONCE",),
)
def reject_idempotent(patch: Patch) -> None:
    tolerate_in_reject(patch, QuoteState.REJECTED)


@fault(
    "reject-not-kept",
    summary="Reject answers rejected, but nothing is stored and the quote stays executable",
    fact="facts section 4.9: reject makes the quote rejected for good",
    klass="quote states",
    breaks=("POOLS-REJECT-ONCE", "POOLS-REJECT-BLOCKS"),
    drags=("POOLS-QUOTE-PRECEDENCE", "POOLS-REJECT-CONSUMED"),
)
def reject_not_kept(patch: Patch) -> None:
    patch.replace(quotes, "decline", lambda tx, quote, now: True)


@fault(
    "rejected-executable",
    summary="Execution asks whether a quote is expired or consumed, but not whether it is rejected",
    fact="facts sections 4.9 and 5.1: rejected is terminal, and transact on it is a 409",
    klass="quote states",
    breaks=("POOLS-REJECT-BLOCKS",),
    drags=("POOLS-RECONCILES",),
)
def rejected_executable(patch: Patch) -> None:
    def consume(tx: sqlite3.Connection, quote: Quote, now: int) -> bool:
        marked = tx.execute(
            "UPDATE quotes SET consumed_at = ? WHERE quote_id = ? AND consumed_at IS NULL", (now, quote.quote_id)
        )
        return marked.rowcount == 1

    def check_active(quote: Quote, now: int) -> None:
        if quote.consumed_at is not None or quotes.is_expired(quote, now):
            raise conflict("the quote is closed")

    seams.drop(patch, seams.ONE_ENDING)
    patch.replace(transact, "quotes", seams.module_with(quotes, consume=consume, check_active=check_active))


@fault(
    "reject-consumed-accepted",
    summary="A consumed quote can be rejected: the answer is a 200 and the quote reads rejected",
    fact="facts section 4.9: rejecting a consumed quote is a 409",
    klass="quote states",
    breaks=("POOLS-REJECT-CONSUMED",),
    drags=(
        "POOLS-TRANSACT-RESERVES",
        "POOLS-RECONCILES",
        "POOLS-REJECT-BLOCKS",
        "POOLS-QUOTE-PRECEDENCE",
    ),
)
def reject_consumed_accepted(patch: Patch) -> None:
    seams.drop(patch, seams.ONE_ENDING)
    tolerate_in_reject(patch, QuoteState.CONSUMED)


@fault(
    "reject-consumed-undoes-trade",
    summary="Rejecting a consumed quote is a 409 and releases its trade all the same",
    fact="facts section 4.9: a refused reject leaves everything as it was",
    klass="quote states",
    breaks=("POOLS-REJECT-CONSUMED",),
    drags=("POOLS-READS-PURE", "POOLS-POLL-FORWARD", "POOLS-POLL-TERMINAL", "POOLS-LEDGER-REFUNDS", "POOLS-RECONCILES"),
)
def reject_consumed_undoes_trade(patch: Patch) -> None:
    healthy = quotes.reject

    def reject(call: Call) -> Reply:
        with call.sandbox.store.write() as tx:
            trade = trades.by_quote(tx, call.owner, call.path["quoteId"])
            if trade is not None:
                tx.execute("UPDATE trades SET status = 'released' WHERE transact_id = ?", (trade.transact_id,))
        return healthy(call)

    patch.replace(quotes, "reject", reject)


@fault(
    "reject-expired-accepted",
    summary="An expired quote can still be rejected",
    fact="facts section 4.9: rejecting an expired quote is a 409",
    klass="quote states",
    breaks=("POOLS-REJECT-EXPIRED",),
)
def reject_expired_accepted(patch: Patch) -> None:
    tolerate_in_reject(patch, QuoteState.EXPIRED)


def tolerate_in_reject(patch: Patch, tolerated: QuoteState) -> None:
    """Let reject succeed in one more state."""

    def reject(call: Call) -> Reply:
        with call.sandbox.store.write() as tx:
            quote = quotes.find(tx, call.owner, call.path["quoteId"])
            now = clock.account_now(tx, call.sandbox.clock, call.account)
            if quotes.state(quote, now) is not tolerated:
                quotes.check_active(quote, now)
            tx.execute("UPDATE quotes SET rejected_at = ? WHERE quote_id = ?", (now, quote.quote_id))
        return Reply(200, quotes.render_stored(quote, QuoteState.REJECTED))

    patch.replace(quotes, "reject", reject)


StateOf = Callable[[Quote, int], QuoteState]


def expiry_before(healthy: StateOf, closed: QuoteState) -> StateOf:
    """The order of states with expiry in front of one of the endings."""

    def state(quote: Quote, now: int) -> QuoteState:
        current = healthy(quote, now)
        return QuoteState.EXPIRED if current is closed and quotes.is_expired(quote, now) else current

    return state

"""Mistakes with debits, refunds and the balance they add up to."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

from conformance.sandbox import clock, money
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import seams
from conformance.sandbox.pools import access, discovery, ledger, quotes, settlement, transact
from conformance.sandbox.pools.access import Access
from conformance.sandbox.pools.quotes import Quote
from conformance.sandbox.pools.trades import Trade
from conformance.sandbox.pools.transact import Execution
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch, fault

OF_A_WRONG_REFUND = ("POOLS-OUTCOME-FAILED", "POOLS-OUTCOME-RELEASED", "POOLS-OUTCOME-RETURNED", "POOLS-RECONCILES")
OF_A_WRONG_AMOUNT = ("POOLS-LEDGER-REFUNDS", *OF_A_WRONG_REFUND)
# What else counts the debits of a trade.
OF_A_DEBIT_MORE_OR_LESS = (
    "POOLS-TRANSACT-ONCE",
    "POOLS-TRANSACT-CONCURRENT-ONCE",
    "POOLS-TRANSACT-ONCE-PER-QUOTE",
    "POOLS-TRANSACT-LATE-REPLAY",
    "POOLS-LEDGER-REFUNDS",
    *OF_A_WRONG_REFUND,
)


@fault(
    "refund-forgotten",
    summary="A trade that fails, is released or returned never gives its debit back",
    fact="facts section 10: buy_refund when a trade is failed, released, or later returned",
    klass="money",
    breaks=("POOLS-LEDGER-REFUNDS",),
    drags=OF_A_WRONG_REFUND,
)
def refund_forgotten(patch: Patch) -> None:
    def post_nothing(tx: sqlite3.Connection, owner: str, quote_id: str, now: int) -> None:
        """The branch that somebody meant to write."""

    patch.replace(ledger, "post_refund", post_nothing)


@fault(
    "refund-less-fee",
    summary="A refund keeps the draw fee of 30 bps back",
    fact="facts section 10, invariant 4: a refund equals its debit",
    klass="money",
    breaks=("POOLS-LEDGER-REFUNDS",),
    drags=OF_A_WRONG_REFUND,
)
def refund_less_fee(patch: Patch) -> None:
    healthy = ledger.debit_of

    def debit_of(tx: sqlite3.Connection, owner: str, quote_id: str) -> Decimal | None:
        debited = healthy(tx, owner, quote_id)
        return None if debited is None else money.floor(debited * Decimal("0.9970"), 2)

    patch.replace(ledger, "debit_of", debit_of)


@fault(
    "refund-twice",
    summary="Both the move and the release of its reservation post the refund",
    fact="facts section 10, invariant 4: exactly one buy_refund",
    klass="money",
    breaks=("POOLS-LEDGER-REFUNDS",),
    drags=OF_A_WRONG_REFUND,
)
def refund_twice(patch: Patch) -> None:
    healthy = ledger.post_refund

    def post_refund(tx: sqlite3.Connection, owner: str, quote_id: str, now: int) -> None:
        healthy(tx, owner, quote_id, now)
        healthy(tx, owner, quote_id, now)

    seams.drop(patch, seams.ONE_ENTRY_PER_REASON)
    patch.replace(ledger, "post_refund", post_refund)


@fault(
    "refund-as-deposit",
    summary="A refund is booked as a payin_credit",
    fact="facts section 10: buy_refund is the reason of the money given back",
    klass="money",
    breaks=("POOLS-LEDGER-REFUNDS",),
    drags=OF_A_WRONG_REFUND,
)
def refund_as_deposit(patch: Patch) -> None:
    def post_refund(tx: sqlite3.Connection, owner: str, quote_id: str, now: int) -> None:
        debited = ledger.debit_of(tx, owner, quote_id)
        if debited is not None:
            ledger.post(tx, owner, debited, ledger.PAYIN_CREDIT, quote_id, now)

    patch.replace(ledger, "post_refund", post_refund)


@fault(
    "refund-on-settlement",
    summary="Settling gives the debit back, as if the reservation had been released",
    fact="facts section 10, invariant 5: a settled trade has no refund",
    klass="money",
    breaks=("POOLS-LEDGER-REFUNDS",),
    drags=("POOLS-RECONCILES", "POOLS-OUTCOME-RETURNED", "POOLS-POLL-IDEMPOTENT"),
)
def refund_on_settlement(patch: Patch) -> None:
    patch.replace(settlement, "REFUNDED", ("failed", "released", settlement.SETTLED))


@fault(
    "return-not-credited",
    summary="A returned trade reads returned, but its money does not come back",
    fact="facts section 5.2: settled to returned brings a buy_refund",
    klass="money",
    breaks=("POOLS-OUTCOME-RETURNED", "POOLS-LEDGER-REFUNDS"),
    drags=("POOLS-RECONCILES",),
)
def return_not_credited(patch: Patch) -> None:
    patch.replace(settlement, "REFUNDED", ("failed", "released"))


@fault(
    "debit-forgotten",
    summary="Executing takes nothing from the balance",
    fact="facts section 10, invariant 3: every on-ramp trade has exactly one buy_debit",
    klass="money",
    breaks=("POOLS-LEDGER-ONE-DEBIT",),
    drags=OF_A_DEBIT_MORE_OR_LESS,
)
def debit_forgotten(patch: Patch) -> None:
    patch.replace(transact, "debit", lambda tx, its_access, quote, now: None)


@fault(
    "debit-in-crypto",
    summary="The debit is the crypto amount of the trade, booked as EUR",
    fact="facts section 10: the debit is minus the fiat amount of the quote",
    klass="money",
    breaks=("POOLS-LEDGER-ONE-DEBIT",),
    drags=OF_A_WRONG_AMOUNT,
)
def debit_in_crypto(patch: Patch) -> None:
    healthy = transact.debit_due

    def debit_due(its_access: Access, quote: Quote) -> Decimal:
        return quote.terms.crypto_amount if healthy(its_access, quote) > 0 else Decimal(0)

    patch.replace(transact, "debit_due", debit_due)


@fault(
    "debit-rounded",
    summary="The debit is rounded up to whole EUR",
    fact="facts section 10: the debit is minus the fiat amount of the quote",
    klass="money",
    breaks=("POOLS-LEDGER-ONE-DEBIT",),
    drags=OF_A_WRONG_AMOUNT,
)
def debit_rounded(patch: Patch) -> None:
    healthy = transact.debit_due
    patch.replace(transact, "debit_due", lambda its_access, quote: -money.floor(-healthy(its_access, quote), 0))


@fault(
    "debit-twice",
    summary="Both the reservation and the trade post the debit",
    fact="facts section 10, invariant 3: exactly one buy_debit",
    klass="money",
    breaks=("POOLS-LEDGER-ONE-DEBIT",),
    # Two entries that say the same look like one that is shown twice.
    drags=(*OF_A_DEBIT_MORE_OR_LESS, "POOLS-LEDGER-PAGES"),
)
def debit_twice(patch: Patch) -> None:
    healthy = transact.debit

    def debit(tx: sqlite3.Connection, its_access: Access, quote: Quote, now: int) -> None:
        healthy(tx, its_access, quote, now)
        healthy(tx, its_access, quote, now)

    seams.drop(patch, seams.ONE_ENTRY_PER_REASON)
    patch.replace(transact, "debit", debit)


@fault(
    "debit-at-quote",
    summary="A firm quote takes the money at once, executed or not",
    fact="facts sections 4.3 and 10, invariant 6: no trade, no debit",
    klass="money",
    breaks=("POOLS-QUOTE-MOVES-NOTHING",),
    drags=(
        "POOLS-RECONCILES",
        "POOLS-REJECT-BLOCKS",
        "POOLS-REJECT-ONCE",
        "POOLS-QUOTE-EXPIRES",
        "POOLS-REJECT-EXPIRED",
        "POOLS-TRANSACT-KEY-CONFLICT",
        "POOLS-TRANSACT-KEY-REQUIRED",
        "POOLS-DENY-BALANCE",
        "POOLS-DENY-VELOCITY",
        "POOLS-DENY-AT-TRANSACT",
        "POOLS-DENY-POOL",
        "POOLS-ISOLATION-OBJECTS",
        "POOLS-ISOLATION-KEYS",
        "AUTH-PUBLISHABLE-DISCOVERY-ONLY",
        "AUTH-KEY-MODE",
        "POOLS-LEDGER-ONE-DEBIT",
    ),
)
def debit_at_quote(patch: Patch) -> None:
    healthy = quotes.insert
    debit = transact.debit

    def insert(tx: sqlite3.Connection, quote: Quote) -> None:
        healthy(tx, quote)
        account = quote.owner.partition(":")[2]
        debit(tx, access.load(tx, account), quote, quote.created_at)

    patch.replace(quotes, "insert", insert)
    patch.replace(transact, "debit", lambda tx, its_access, quote, now: None)


@fault(
    "indicative-debits",
    summary="An indicative quote blocks its amount in the ledger",
    fact="facts section 4.3: an indicative quote stores nothing and posts nothing",
    klass="money",
    breaks=("POOLS-INDICATIVE-MOVES-NOTHING",),
    drags=("POOLS-RECONCILES", "POOLS-LEDGER-ONE-DEBIT"),
)
def indicative_debits(patch: Patch) -> None:
    healthy = quotes.create

    def create(call: Call) -> Reply:
        reply = healthy(call)
        if reply.body.get("type") == "indicative":
            with call.sandbox.store.write() as tx:
                now = clock.account_now(tx, call.sandbox.clock, call.account)
                held = Decimal(str(reply.body["fiatAmount"]))
                ledger.post_debit(tx, call.owner, quotes.new_quote_id(call.sandbox.mode), held, now)
        return reply

    patch.replace(quotes, "create", create)


@fault(
    "refused-402-keeps-debit",
    summary="The debit is posted before the balance is looked at, and a 402 does not take it back",
    fact="facts section 4.4: no 4xx leaves a debit behind",
    klass="money",
    breaks=("POOLS-DENY-BALANCE",),
    drags=(
        "POOLS-RECONCILES",
        "POOLS-LEDGER-ONE-DEBIT",
    ),
)
def refused_402_keeps_debit(patch: Patch) -> None:
    healthy = transact.execute_once

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        try:
            return healthy(execution)
        except Refusal as refused:
            if refused.status == 402:
                with execution.sandbox.store.write() as tx:
                    quote = quotes.find(tx, execution.owner, execution.quote_id)
                    now = clock.account_now(tx, execution.sandbox.clock, execution.account)
                    ledger.post_debit(tx, quote.owner, quote.quote_id, quote.terms.fiat_amount, now)
            raise

    seams.drop(patch, seams.ONE_ENTRY_PER_REASON)
    patch.replace(transact, "execute_once", execute_once)


@fault(
    "ledger-available-forgets-refunds",
    summary="The ledger's available balance counts deposits and debits, not refunds",
    fact="facts section 10, invariants 1 and 2: the deltas add up to available, which is the balance",
    klass="money",
    breaks=("POOLS-LEDGER-SUM", "POOLS-LEDGER-BALANCE"),
    drags=("POOLS-RECONCILES",),
)
def ledger_available_forgets_refunds(patch: Patch) -> None:
    healthy = ledger.list_entries

    def list_entries(call: Call) -> Reply:
        reply = healthy(call)
        with call.sandbox.store.read() as tx:
            row = tx.execute(
                "SELECT COALESCE(SUM(delta_units), 0) AS units FROM ledger WHERE owner = ? AND reason <> 'buy_refund'",
                (call.owner,),
            ).fetchone()
        return seams.with_members(reply, available=money.render(money.from_units(row["units"])))

    patch.replace(ledger, "list_entries", list_entries)


@fault(
    "balance-stale",
    summary="The balance read is cached when first read and never refreshed",
    fact="facts section 10, invariant 2: ledger and balance show the same current balance",
    klass="money",
    breaks=("POOLS-LEDGER-BALANCE",),
    drags=("POOLS-RECONCILES",),
)
def balance_stale(patch: Patch) -> None:
    healthy = discovery.read_balance
    first: dict[str, object] = {}

    def read_balance(call: Call) -> Reply:
        reply = healthy(call)
        return seams.with_members(reply, balance=first.setdefault(call.owner, reply.body["balance"]))

    patch.replace(discovery, "read_balance", read_balance)


@fault(
    "balance-zero-when-ungated",
    summary='An account without the balance gate reads a balance of "0.00"',
    fact="facts section 4.10: balance is null exactly when the gate is off",
    klass="money",
    breaks=("POOLS-BALANCE-UNGATED",),
)
def balance_zero_when_ungated(patch: Patch) -> None:
    def zero(reply: Reply) -> Reply:
        return seams.with_members(reply, balance=reply.body["balance"] or "0.00")

    seams.amend(patch, discovery, "read_balance", zero)


@fault(
    "balance-always-null",
    summary="The balance is null for accounts with the balance gate on as well",
    fact="facts section 4.10: balance is null exactly when the gate is off",
    klass="money",
    breaks=("POOLS-BALANCE-UNGATED", "POOLS-LEDGER-BALANCE"),
    drags=("POOLS-BALANCE-CONTEXT", "POOLS-RECONCILES"),
)
def balance_always_null(patch: Patch) -> None:
    seams.amend(patch, discovery, "read_balance", lambda reply: seams.with_members(reply, balance=None))


@fault(
    "ledger-ref-without-join",
    summary="Entries carry a reference of the booking system that no quote or trade knows",
    fact="facts section 10: the ref of a debit is the quote id",
    klass="money",
    breaks=("POOLS-RECONCILES",),
    drags=(
        "POOLS-LEDGER-ONE-DEBIT",
        "POOLS-LEDGER-REFUNDS",
        "POOLS-LEDGER-PAGES",
        "POOLS-TRANSACT-ONCE",
        "POOLS-TRANSACT-CONCURRENT-ONCE",
        "POOLS-OUTCOME-FAILED",
        "POOLS-OUTCOME-RELEASED",
        "POOLS-OUTCOME-RETURNED",
        "POOLS-TRANSACT-ONCE-PER-QUOTE",
        "POOLS-TRANSACT-LATE-REPLAY",
    ),
)
def ledger_ref_without_join(patch: Patch) -> None:
    healthy = ledger.render_entry
    patch.replace(ledger, "render_entry", lambda row: {**healthy(row), "ref": f"bk_{row['seq']:010d}"})

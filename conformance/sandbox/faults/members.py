"""Mistakes in the members of a body: numbers for money, wrong types, words and names left out."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

from conformance.sandbox.calls import Reply
from conformance.sandbox.faults import seams
from conformance.sandbox.pools import discovery, ledger, settlement, terms, trades
from conformance.sandbox.pools.terms import Terms
from conformance.sandbox.pools.trades import Trade
from conformance.sandbox.variations import Patch, fault


@fault(
    "rate-as-number",
    summary="The rate is a JSON number",
    fact="facts section 3: rates are decimal strings, never JSON numbers",
    klass="wire",
    breaks=("WIRE-MONEY",),
    drags=("WIRE-BODY", "POOLS-FIRM-EXECUTABLE", "POOLS-INDICATIVE-SAFE", "POOLS-FIRM-OUTPUT"),
)
def rate_as_number(patch: Patch) -> None:
    healthy = terms.render
    patch.replace(terms, "render", lambda locked: {**healthy(locked), "rate": float(locked.rate)})


@fault(
    "delta-as-number",
    summary="The delta of a ledger entry is a JSON number",
    fact="facts section 3: the delta is a signed decimal string",
    klass="wire",
    breaks=("WIRE-MONEY",),
    drags=(
        "WIRE-BODY",
        "POOLS-RECONCILES",
        "POOLS-LEDGER-ONE-DEBIT",
        "POOLS-LEDGER-REFUNDS",
        "POOLS-LEDGER-SUM",
        "POOLS-OUTCOME-FAILED",
        "POOLS-OUTCOME-RELEASED",
        "POOLS-OUTCOME-RETURNED",
    ),
)
def delta_as_number(patch: Patch) -> None:
    healthy = ledger.render_entry
    patch.replace(ledger, "render_entry", lambda row: {**healthy(row), "delta": row["delta_units"] / 10**8})


@fault(
    "balance-as-number",
    summary="The balance is a JSON number",
    fact="facts section 4.10: the balance is a decimal string or null",
    klass="wire",
    breaks=("WIRE-MONEY",),
    drags=("WIRE-BODY", "POOLS-BALANCE-CONTEXT", "POOLS-LEDGER-BALANCE", "POOLS-RECONCILES"),
)
def balance_as_number(patch: Patch) -> None:
    def as_number(reply: Reply) -> Reply:
        balance = reply.body["balance"]
        return seams.with_members(reply, balance=None if balance is None else float(Decimal(str(balance))))

    seams.amend(patch, discovery, "read_balance", as_number)


@fault(
    "spread-as-text",
    summary="spreadBps and feeBps are strings",
    fact="facts section 3: basis points are JSON integers",
    klass="wire",
    breaks=("WIRE-BODY",),
    drags=("POOLS-FIRM-TERMS",),
)
def spread_as_text(patch: Patch) -> None:
    healthy = terms.render

    def render(locked: Terms) -> dict[str, object]:
        return {**healthy(locked), "spreadBps": str(locked.spread_bps), "feeBps": str(locked.fee_bps)}

    patch.replace(terms, "render", render)


@fault(
    "capabilities-without-spread-cap",
    summary="Capabilities leave spreadCapBps out",
    fact="facts section 4.2: the fields of capabilities",
    klass="wire",
    breaks=("WIRE-BODY",),
    drags=("POOLS-FIRM-TERMS", "POOLS-CAPABILITIES-CONSISTENT"),
)
def capabilities_without_spread_cap(patch: Patch) -> None:
    seams.amend(patch, discovery, "read_capabilities", lambda reply: seams.without(reply, "spreadCapBps"))


@fault(
    "trade-without-quote-id",
    summary="A trade does not name its quote",
    fact="facts section 4.7: quoteId is the join key everywhere",
    klass="wire",
    breaks=("WIRE-BODY", "POOLS-RECONCILES"),
    drags=(
        "POOLS-TRANSACT-RESERVES",
        "POOLS-TRADE-READ",
        "POOLS-TRADE-COPIES-QUOTE",
        "POOLS-TRADES-PAGES",
        "POOLS-TRADES-FILTERS",
        "POOLS-TRANSACT-ONCE",
        "POOLS-TRANSACT-CONCURRENT-ONCE",
        "POOLS-LEDGER-ONE-DEBIT",
        "POOLS-LEDGER-REFUNDS",
        "POOLS-TRANSACT-ONCE-PER-QUOTE",
        "POOLS-TRANSACT-LATE-REPLAY",
        "POOLS-POLL-FORWARD",
        "POOLS-OUTCOME-FAILED",
        "POOLS-OUTCOME-RELEASED",
        "POOLS-OUTCOME-RETURNED",
    ),
)
def trade_without_quote_id(patch: Patch) -> None:
    healthy = trades.render

    def render(trade: Trade) -> dict[str, object]:
        return {name: value for name, value in healthy(trade).items() if name != "quoteId"}

    patch.replace(trades, "render", render)


@fault(
    "ledger-entry-without-reason",
    summary="Ledger entries have no reason",
    fact="facts section 4.12: every entry has delta, reason and ref",
    klass="wire",
    breaks=("WIRE-BODY",),
    drags=(
        "POOLS-RECONCILES",
        "POOLS-LEDGER-ONE-DEBIT",
        "POOLS-LEDGER-REFUNDS",
        "POOLS-TRANSACT-ONCE",
        "POOLS-TRANSACT-CONCURRENT-ONCE",
        "POOLS-OUTCOME-FAILED",
        "POOLS-OUTCOME-RELEASED",
        "POOLS-OUTCOME-RETURNED",
        "POOLS-TRANSACT-ONCE-PER-QUOTE",
        "POOLS-TRANSACT-LATE-REPLAY",
    ),
)
def ledger_entry_without_reason(patch: Patch) -> None:
    healthy = ledger.render_entry

    def render_entry(row: sqlite3.Row) -> dict[str, object]:
        return {name: value for name, value in healthy(row).items() if name != "reason"}

    patch.replace(ledger, "render_entry", render_entry)


@fault(
    "status-of-the-bank",
    summary="Settled trades read completed",
    fact="facts section 5.2: the six words for the status of a trade",
    klass="wire",
    breaks=("WIRE-BODY", "POOLS-POLL-TERMINAL"),
    drags=(
        "POOLS-POLL-FORWARD",
        "POOLS-POLL-IDEMPOTENT",
        "POOLS-TRADE-READ",
        "POOLS-RECONCILES",
        "POOLS-OUTCOME-RETURNED",
        "POOLS-WEBHOOK-EVENT",
        "POOLS-LEDGER-REFUNDS",
        "POOLS-WEBHOOK-SIGNED",
        "POOLS-WEBHOOK-STABLE-ID",
    ),
)
def status_of_the_bank(patch: Patch) -> None:
    healthy = trades.render

    def render(trade: Trade) -> dict[str, object]:
        shown = healthy(trade)
        return {**shown, "status": "completed"} if trade.status == settlement.SETTLED else shown

    patch.replace(trades, "render", render)

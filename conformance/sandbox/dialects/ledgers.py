"""Variations of the ledger: what an entry refers to, which further rows there are, and how pages are cut."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from conformance.sandbox import calls, clock
from conformance.sandbox.calls import Call
from conformance.sandbox.clock import Clock
from conformance.sandbox.pools import access, events, ledger, settlement, trades, transact, world
from conformance.sandbox.pools.access import Access
from conformance.sandbox.pools.catalogue import ON_RAMP
from conformance.sandbox.pools.quotes import Quote
from conformance.sandbox.pools.settlement import RETURNED
from conformance.sandbox.pools.trades import Trade
from conformance.sandbox.pools.transact import Execution
from conformance.sandbox.refusal import invalid
from conformance.sandbox.storage import Transaction
from conformance.sandbox.variations import Patch, dialect

REFS: Final = "facts section 14: the exact ref format per reason, and the ref of a refund, are unread"
ADJUSTMENT: Final = Decimal("0.37")
DEPOSIT: Final = Decimal("1.25")

Ref = Callable[[Transaction, str, str], str]


def by_quote(prefix: str = "") -> Ref:
    return lambda tx, owner, quote_id: f"{prefix}{quote_id}"


def by_trade(tx: Transaction, owner: str, quote_id: str) -> str:
    trade = trades.by_quote(tx, owner, quote_id)
    return quote_id if trade is None else trade.transact_id


def refer(patch: Patch, debits: Ref, refunds: Ref) -> None:
    """Write debits and refunds under these refs."""
    inner = ledger.debit_of

    def post_debit(tx: Transaction, owner: str, quote_id: str, amount: Decimal, now: int) -> None:
        ledger.post(tx, owner, -amount, ledger.BUY_DEBIT, debits(tx, owner, quote_id), now)

    def debit_of(tx: Transaction, owner: str, quote_id: str) -> Decimal | None:
        return inner(tx, owner, debits(tx, owner, quote_id))

    def post_refund(tx: Transaction, owner: str, quote_id: str, now: int) -> None:
        debited = debit_of(tx, owner, quote_id)
        if debited is not None:
            ledger.post(tx, owner, debited, ledger.BUY_REFUND, refunds(tx, owner, quote_id), now)

    patch.replace(ledger, "post_debit", post_debit)
    patch.replace(ledger, "debit_of", debit_of)
    patch.replace(ledger, "post_refund", post_refund)


@dialect("ref-quote-word", summary="Debits and refunds refer to quote:<quote id>", fact=REFS)
def ref_quote_word(patch: Patch) -> None:
    refer(patch, by_quote("quote:"), by_quote("quote:"))


@dialect("ref-reason-word", summary="Refs read debit:<quote id> and refund:<quote id>", fact=REFS)
def ref_reason_word(patch: Patch) -> None:
    refer(patch, by_quote("debit:"), by_quote("refund:"))


@dialect("ref-trade", summary="Debits and refunds refer to the trade id", fact=REFS)
def ref_trade(patch: Patch) -> None:
    refer(patch, by_trade, by_trade)


@dialect("ref-refund-trade", summary="Debits refer to the quote id, refunds to the trade id", fact=REFS)
def ref_refund_trade(patch: Patch) -> None:
    refer(patch, by_quote(), by_trade)


@dialect(
    "ref-deposit-plain",
    summary="Every deposit refers to the bare funding reference",
    fact="facts section 10: payin_credit joins by the funding reference; the format of its ref is unread",
)
def ref_deposit_plain(patch: Patch) -> None:
    inner = ledger.render_entry

    def render_entry(row: sqlite3.Row) -> dict[str, object]:
        entry = inner(row)
        bare = str(entry["ref"]).rpartition("/")[0]
        return {**entry, "ref": bare} if entry["reason"] == ledger.PAYIN_CREDIT else entry

    patch.replace(ledger, "render_entry", render_entry)


@dialect(
    "ledger-adjustment",
    summary="Every ledger holds an operator's adjustment under a reason of its own",
    fact="facts C10: readers tolerate unknown reasons",
)
def ledger_adjustment(patch: Patch) -> None:
    inner = world.open_accounts

    def open_accounts(tx: Transaction, wall: Clock, mode: str) -> None:
        inner(tx, wall, mode)
        for account in world.ACCOUNTS:
            owner = calls.owner_of(account, mode)
            if world.opening_balance(account) > 0 and len(ledger.page(tx, owner, "EUR", ledger.LARGEST_SEQ, 2)) == 1:
                now = clock.account_now(tx, wall, account)
                ledger.post(tx, owner, ADJUSTMENT, "adjustment", "ops-2026-0017", now)

    patch.replace(world, "open_accounts", open_accounts)


@dialect(
    "deposits-arrive",
    summary="Somebody's deposit of 1.25 arrives with every execution",
    fact="facts section 10: payin_credit whenever a bank deposit is attributed; it belongs to no trade",
)
def deposits_arrive(patch: Patch) -> None:
    inner = transact.book

    def book(tx: Transaction, execution: Execution, quote: Quote) -> Trade:
        trade = inner(tx, execution, quote)
        now = clock.account_now(tx, execution.sandbox.clock, execution.account)
        ledger.post_credit(tx, execution.owner, access.funding_reference(execution.account), DEPOSIT, now)
        return trade

    patch.replace(transact, "book", book)


@dialect(
    "return-reason",
    summary="A returned trade is credited under a reason of its own",
    fact="facts C10: three reasons on one page, an unnamed return-related kind on another",
)
def return_reason(patch: Patch) -> None:
    inner = settlement.apply_move

    def apply_move(tx: Transaction, call: Call, trade: Trade, following: str, now: int) -> None:
        if following != RETURNED:
            inner(tx, call, trade, following, now)
            return
        debited = ledger.debit_of(tx, trade.owner, trade.quote_id)
        if debited is not None:
            ledger.post(tx, trade.owner, debited, "return_credit", trade.quote_id, now)
        events.announce(tx, call.account, trade, following, now, call.sandbox.clock())

    patch.replace(settlement, "apply_move", apply_move)


@dialect(
    "ungated-ledger",
    summary="With the balance gate off debits and refunds are written all the same",
    fact="facts section 10: whether entries are written with the gate off is unstated",
)
def ungated_ledger(patch: Patch) -> None:
    def debit(tx: Transaction, its_access: Access, quote: Quote, now: int) -> None:
        if quote.terms.side == ON_RAMP:
            ledger.post_debit(tx, quote.owner, quote.quote_id, quote.terms.fiat_amount, now)

    patch.replace(transact, "debit", debit)


@dialect(
    "ledger-currency-400",
    summary="A ledger in another currency than EUR answers 400",
    fact="facts section 14: a currency other than EUR may answer 400 or an empty page",
)
def ledger_currency_400(patch: Patch) -> None:
    inner = ledger.read_currency

    def read_currency(query: Mapping[str, str]) -> str:
        currency = inner(query)
        if currency != ledger.CURRENCY:
            raise invalid("only EUR has a ledger")
        return currency

    patch.replace(ledger, "read_currency", read_currency)


@dialect(
    "ledger-short-pages",
    summary="A ledger page never holds more than 20 entries, whatever limit is asked for",
    fact="facts section 4.12: limit is clamped; that a page is full while more follow is stated nowhere",
)
def ledger_short_pages(patch: Patch) -> None:
    inner = ledger.clamp_limit
    patch.replace(ledger, "clamp_limit", lambda limit: min(inner(limit), 20))

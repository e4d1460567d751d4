"""Mistakes that let one partner see or change what belongs to another, or learn that it exists."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace

from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import seams
from conformance.sandbox.pools import ledger, quotes, settlement, trades, transact, world
from conformance.sandbox.pools.quotes import Quote
from conformance.sandbox.pools.trades import Filters, Trade
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch, fault


@fault(
    "foreign-quote-readable",
    summary="Any partner can read a quote by its id",
    fact="facts section 0.6: foreign objects are a 404",
    klass="isolation",
    breaks=("POOLS-ISOLATION-OBJECTS",),
)
def foreign_quote_readable(patch: Patch) -> None:
    as_owner_of_quote(patch, "read")


@fault(
    "foreign-quote-rejectable",
    summary="Any partner can reject a quote by its id",
    fact="facts section 0.6: foreign objects are a 404",
    klass="isolation",
    breaks=("POOLS-ISOLATION-OBJECTS",),
)
def foreign_quote_rejectable(patch: Patch) -> None:
    as_owner_of_quote(patch, "reject")


@fault(
    "foreign-quote-rejected-behind-404",
    summary="Rejecting a foreign quote answers 404 and rejects it",
    fact="facts section 0.6: foreign objects are a 404 and are not touched",
    klass="isolation",
    breaks=("POOLS-ISOLATION-OBJECTS",),
)
def foreign_quote_rejected_behind_404(patch: Patch) -> None:
    healthy = quotes.reject

    def reject(call: Call) -> Reply:
        with call.sandbox.store.write() as tx:
            tx.execute(
                "UPDATE quotes SET rejected_at = created_at"
                " WHERE quote_id = ? AND owner <> ? AND consumed_at IS NULL AND rejected_at IS NULL",
                (call.path["quoteId"], call.owner),
            )
        return healthy(call)

    patch.replace(quotes, "reject", reject)


@fault(
    "foreign-quote-executable",
    summary="Any partner can execute a quote by its id, at its owner's expense",
    fact="facts section 0.6: foreign objects are a 404",
    klass="isolation",
    breaks=("POOLS-ISOLATION-OBJECTS",),
    drags=("POOLS-ISOLATION-LISTS", "POOLS-RECONCILES"),
)
def foreign_quote_executable(patch: Patch) -> None:
    patch.replace(transact, "quotes", seams.module_with(quotes, find=find_anybodys))


@fault(
    "foreign-trade-readable",
    summary="Any partner can read a trade by its id",
    fact="facts section 4.7: a foreign id is not found",
    klass="isolation",
    breaks=("POOLS-ISOLATION-OBJECTS",),
)
def foreign_trade_readable(patch: Patch) -> None:
    healthy = trades.read

    def read(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            row = tx.execute("SELECT owner FROM trades WHERE transact_id = ?", (call.path["transactId"],)).fetchone()
        return healthy(call if row is None else replace(call, owner=row["owner"]))

    patch.replace(trades, "read", read)


@fault(
    "foreign-trade-pollable",
    summary="Any partner can poll, and so advance, a trade by its quote id",
    fact="facts section 4.5: a foreign quote id is a 404",
    klass="isolation",
    breaks=("POOLS-ISOLATION-OBJECTS",),
)
def foreign_trade_pollable(patch: Patch) -> None:
    healthy = settlement.poll

    def poll(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            return_owner = owner_of_quote(tx, call.path["quoteId"])
        return healthy(call if return_owner is None else replace(call, owner=return_owner))

    patch.replace(settlement, "poll", poll)


@fault(
    "foreign-quote-as-403",
    summary="A quote of another partner is a 403, which says that it exists",
    fact="facts section 0.6: foreign objects are a 404, never a 403",
    klass="isolation",
    breaks=("POOLS-ISOLATION-OBJECTS",),
)
def foreign_quote_as_403(patch: Patch) -> None:
    healthy = quotes.find

    def find(tx: sqlite3.Connection, owner: str, quote_id: str) -> Quote:
        if owner_of_quote(tx, quote_id) not in {None, owner}:
            raise Refusal(403, "forbidden", "this quote belongs to another partner")
        return healthy(tx, owner, quote_id)

    patch.replace(quotes, "find", find)


@fault(
    "foreign-trade-as-403",
    summary="A trade of another partner is a 403, which says that it exists",
    fact="facts section 0.6: foreign objects are a 404, never a 403",
    klass="isolation",
    breaks=("POOLS-ISOLATION-OBJECTS",),
)
def foreign_trade_as_403(patch: Patch) -> None:
    healthy = trades.read

    def read(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            row = tx.execute("SELECT owner FROM trades WHERE transact_id = ?", (call.path["transactId"],)).fetchone()
        if row is not None and row["owner"] != call.owner:
            raise Refusal(403, "forbidden", "this trade belongs to another partner")
        return healthy(call)

    patch.replace(trades, "read", read)


@fault(
    "trades-of-everybody",
    summary="The trades list is not restricted to the partner",
    fact="facts section 4.6: rows of other partners never appear",
    klass="isolation",
    breaks=("POOLS-ISOLATION-LISTS",),
    drags=("POOLS-RECONCILES", "POOLS-TRADES-PAGES"),
)
def trades_of_everybody(patch: Patch) -> None:
    def page(tx: sqlite3.Connection, owner: str, filters: Filters, before: int, rows: int) -> list[Trade]:
        found = [
            trade
            for row in tx.execute("SELECT DISTINCT owner FROM trades").fetchall()
            for trade in healthy(tx, row["owner"], filters, before, rows)
        ]
        return sorted(found, key=lambda trade: -trade.seq)[:rows]

    healthy = trades.page
    patch.replace(trades, "page", page)
    patch.replace(trades, "read_cursor", read_cursor_of_anybody)


def filtered_for_everybody(patch: Patch, is_set: Callable[[Filters], object]) -> None:
    """Let a filter that is set stand beside the partner with OR where AND belongs: it opens the list to everybody."""
    healthy = trades.page

    def page(tx: sqlite3.Connection, owner: str, filters: Filters, before: int, rows: int) -> list[Trade]:
        owners = [row["owner"] for row in tx.execute("SELECT DISTINCT owner FROM trades").fetchall()]
        asked = owners if is_set(filters) else [owner]
        found = [trade for one in asked for trade in healthy(tx, one, filters, before, rows)]
        return sorted(found, key=lambda trade: -trade.seq)[:rows]

    patch.replace(trades, "page", page)


@fault(
    "status-filter-of-everybody",
    summary="A filter by status is joined to the partner's own rows with OR",
    fact="facts section 4.6: rows of other partners never appear",
    klass="isolation",
    breaks=("POOLS-ISOLATION-LISTS",),
    drags=("POOLS-TRADES-FILTERS",),
)
def status_filter_of_everybody(patch: Patch) -> None:
    filtered_for_everybody(patch, lambda filters: filters.status)


@fault(
    "time-filter-of-everybody",
    summary="A filter by creation time is joined to the partner's own rows with OR",
    fact="facts section 4.6: rows of other partners never appear",
    klass="isolation",
    breaks=("POOLS-ISOLATION-LISTS",),
    drags=("POOLS-TRADES-FILTERS",),
)
def time_filter_of_everybody(patch: Patch) -> None:
    filtered_for_everybody(patch, lambda filters: filters.created_after)


@fault(
    "ledger-of-everybody",
    summary="The ledger list is not restricted to the partner",
    fact="facts sections 1 and 4.12: a partner never sees another's objects",
    klass="isolation",
    breaks=("POOLS-ISOLATION-LISTS",),
    drags=("POOLS-LEDGER-SUM", "POOLS-RECONCILES", "POOLS-LEDGER-ONE-DEBIT"),
)
def ledger_of_everybody(patch: Patch) -> None:
    def page(tx: sqlite3.Connection, owner: str, currency: str, before: int, rows: int) -> list[sqlite3.Row]:
        return tx.execute(
            "SELECT * FROM ledger WHERE currency = ? AND seq < ? ORDER BY seq DESC LIMIT ?", (currency, before, rows)
        ).fetchall()

    # Opening the accounts looks into the ledger too; it must go on seeing each one's own.
    patch.replace(world, "ledger", seams.module_with(ledger))
    patch.replace(ledger, "page", page)


@fault(
    "cursor-carries-its-owner",
    summary="A page continues the list of the partner whose trade the cursor is, whoever asks",
    fact="facts section 4.6: rows of other partners never appear",
    klass="isolation",
    breaks=("POOLS-ISOLATION-LISTS", "POOLS-ISOLATION-OBJECTS"),
)
def cursor_carries_its_owner(patch: Patch) -> None:
    healthy = trades.page

    def page(tx: sqlite3.Connection, owner: str, filters: Filters, before: int, rows: int) -> list[Trade]:
        row = tx.execute("SELECT owner FROM trades WHERE seq = ?", (before,)).fetchone()
        return healthy(tx, owner if row is None else row["owner"], filters, before, rows)

    patch.replace(trades, "page", page)
    patch.replace(trades, "read_cursor", read_cursor_of_anybody)


def as_owner_of_quote(patch: Patch, handler: str) -> None:
    """Let one handler of quotes work for the owner of the quote instead of for the caller."""
    healthy = quotes.read if handler == "read" else quotes.reject

    def handle(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            owner = owner_of_quote(tx, call.path["quoteId"])
        return healthy(call if owner is None else replace(call, owner=owner))

    patch.replace(quotes, handler, handle)


def owner_of_quote(tx: sqlite3.Connection, quote_id: str) -> str | None:
    row = tx.execute("SELECT owner FROM quotes WHERE quote_id = ?", (quote_id,)).fetchone()
    return None if row is None else str(row["owner"])


def find_anybodys(tx: sqlite3.Connection, owner: str, quote_id: str) -> Quote:
    """The quote of this id, whoever's it is."""
    return quotes.find(tx, owner_of_quote(tx, quote_id) or owner, quote_id)


def read_cursor_of_anybody(tx: sqlite3.Connection, owner: str, cursor: str | None) -> int:
    """The position of a trade, whoever's it is."""
    row = tx.execute("SELECT owner FROM trades WHERE transact_id = ?", (cursor,)).fetchone()
    return healthy_read_cursor(tx, owner if row is None else row["owner"], cursor)


healthy_read_cursor = trades.read_cursor

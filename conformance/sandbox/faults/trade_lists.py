"""Mistakes with the pages and the filters of the trades list."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace

from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import seams
from conformance.sandbox.pools import trades
from conformance.sandbox.pools.trades import Filters, Trade
from conformance.sandbox.variations import Patch, fault

Page = Callable[[sqlite3.Connection, str, Filters, int, int], list[Trade]]

# A walk that loses or repeats rows shows an order without its trade, or twice.
OF_A_BROKEN_WALK = ("POOLS-RECONCILES", "POOLS-TRADES-FILTERS", "POOLS-LEDGER-ONE-DEBIT", "POOLS-LEDGER-REFUNDS")


@fault(
    "trades-skip-at-page-end",
    summary="A page starts one trade too late: the first of every further page is left out",
    fact="facts section 4.6: a walk shows every trade once",
    klass="pages",
    breaks=("POOLS-TRADES-PAGES",),
    drags=OF_A_BROKEN_WALK,
)
def trades_skip_at_page_end(patch: Patch) -> None:
    healthy = trades.page

    def page(tx: sqlite3.Connection, owner: str, filters: Filters, before: int, rows: int) -> list[Trade]:
        if before == trades.LARGEST_SEQ:
            return healthy(tx, owner, filters, before, rows)
        return healthy(tx, owner, filters, before, rows + 1)[1:]

    patch.replace(trades, "page", page)


@fault(
    "trades-repeat-at-page-end",
    summary="The cursor's own trade is the first of the next page too",
    fact="facts section 4.6: a walk shows every trade once",
    klass="pages",
    breaks=("POOLS-TRADES-PAGES",),
    drags=OF_A_BROKEN_WALK,
)
def trades_repeat_at_page_end(patch: Patch) -> None:
    healthy = trades.page

    def page(tx: sqlite3.Connection, owner: str, filters: Filters, before: int, rows: int) -> list[Trade]:
        again = before if before == trades.LARGEST_SEQ else before + 1
        return healthy(tx, owner, filters, again, rows)

    patch.replace(trades, "page", page)


@fault(
    "trades-never-end",
    summary="The last page has a cursor too, and it leads to the first page again",
    fact="facts section 4.6: the end is nextCursor null and hasMore false",
    klass="pages",
    breaks=("POOLS-TRADES-PAGES",),
    drags=OF_A_BROKEN_WALK,
)
def trades_never_end(patch: Patch) -> None:
    def go_round(reply: Reply) -> Reply:
        rows = reply.body["trades"]
        if reply.body["hasMore"] or not isinstance(rows, list) or not rows:
            return reply
        return seams.with_members(reply, hasMore=True, nextCursor=START_AGAIN)

    healthy = trades.read_cursor

    def read_cursor(tx: sqlite3.Connection, owner: str, cursor: str | None) -> int:
        return healthy(tx, owner, None if cursor == START_AGAIN else cursor)

    seams.amend(patch, trades, "list_page", go_round)
    patch.replace(trades, "read_cursor", read_cursor)


@fault(
    "trades-oldest-first",
    summary="The list starts with the oldest trade",
    fact="facts section 4.6: newest first",
    klass="pages",
    breaks=("POOLS-TRADES-PAGES",),
    drags=OF_A_BROKEN_WALK,
)
def trades_oldest_first(patch: Patch) -> None:
    def page(tx: sqlite3.Connection, owner: str, filters: Filters, before: int, rows: int) -> list[Trade]:
        after = 0 if before == trades.LARGEST_SEQ else before
        matching = reversed(healthy(tx, owner, filters, trades.LARGEST_SEQ, -1))
        return [trade for trade in matching if trade.seq > after][:rows]

    healthy = trades.page
    patch.replace(trades, "page", page)


@fault(
    "trades-has-more-at-the-end",
    summary="hasMore is true whenever the page is not empty",
    fact="facts section 4.6: hasMore is false at the end",
    klass="pages",
    breaks=("POOLS-TRADES-PAGES",),
    drags=OF_A_BROKEN_WALK,
)
def trades_has_more_at_the_end(patch: Patch) -> None:
    seams.amend(patch, trades, "list_page", lambda reply: seams.with_members(reply, hasMore=bool(reply.body["trades"])))


@fault(
    "trades-has-more-never",
    summary="hasMore is always false, also where a cursor is given",
    fact="facts section 4.6: hasMore is false at the end, and only there",
    klass="pages",
    breaks=("POOLS-TRADES-PAGES",),
    drags=OF_A_BROKEN_WALK,
)
def trades_has_more_never(patch: Patch) -> None:
    seams.amend(patch, trades, "list_page", lambda reply: seams.with_members(reply, hasMore=False))


@fault(
    "trades-limit-ignored",
    summary="A page always has 50 trades",
    fact="facts section 4.6: limit 1 to 100",
    klass="pages",
    breaks=("POOLS-TRADES-PAGES",),
)
def trades_limit_ignored(patch: Patch) -> None:
    patch.replace(trades, "read_limit", lambda query: trades.DEFAULT_LIMIT)


@fault(
    "trades-pages-by-offset",
    summary="The cursor counts rows from the top: a trade that arrives during a walk repeats another",
    fact="facts section 4.6: trades that arrive during a walk cause neither skips nor repeats",
    klass="pages",
    breaks=("POOLS-TRADES-PAGES",),
    drags=OF_A_BROKEN_WALK,
)
def trades_pages_by_offset(patch: Patch) -> None:
    healthy = trades.page

    def list_page(call: Call) -> Reply:
        limit = trades.read_limit(call.query)
        offset = int(call.query["cursor"]) if call.query.get("cursor", "").isdigit() else 0
        with call.sandbox.store.read() as tx:
            found = healthy(tx, call.owner, trades.read_filters(call.query), trades.LARGEST_SEQ, -1)
        more = len(found) > offset + limit
        body = {
            "trades": [trades.render(trade) for trade in found[offset : offset + limit]],
            "nextCursor": str(offset + limit) if more else None,
            "hasMore": more,
        }
        return Reply(200, body)

    patch.replace(trades, "list_page", list_page)


@fault(
    "trades-settled-only",
    summary="The list shows settled trades only, unless a status is asked for",
    fact="facts section 4.6: the list has every trade",
    klass="pages",
    breaks=("POOLS-TRADES-PAGES", "POOLS-RECONCILES"),
    drags=(
        "POOLS-TRADES-FILTERS",
        "POOLS-LEDGER-ONE-DEBIT",
        "POOLS-LEDGER-REFUNDS",
        "POOLS-TRADE-READ",
        "POOLS-POLL-FORWARD",
        "POOLS-TRANSACT-ONCE",
        "POOLS-TRANSACT-CONCURRENT-ONCE",
        "POOLS-TRANSACT-ONCE-PER-QUOTE",
    ),
)
def trades_settled_only(patch: Patch) -> None:
    change_filters(patch, lambda filters: replace(filters, status=filters.status or "settled"))


@fault(
    "filter-side-ignored",
    summary="The filter on side is not applied",
    fact="facts section 4.6: side is a filter",
    klass="filters",
    breaks=("POOLS-TRADES-FILTERS",),
)
def filter_side_ignored(patch: Patch) -> None:
    change_filters(patch, lambda filters: replace(filters, side=None))


@fault(
    "filter-forgets-released",
    summary="The word released is missing from the statuses a filter knows",
    fact="facts section 4.6: status is a filter; section 5.2: released is a status",
    klass="pages",
    breaks=("POOLS-TRADES-FILTERS",),
)
def filter_forgets_released(patch: Patch) -> None:
    patch.replace(trades, "STATUSES", tuple(status for status in trades.STATUSES if status != "released"))


@fault(
    "filter-status-ignored",
    summary="The filter on status is not applied",
    fact="facts section 4.6: status is a filter",
    klass="filters",
    breaks=("POOLS-TRADES-FILTERS",),
)
def filter_status_ignored(patch: Patch) -> None:
    change_filters(patch, lambda filters: replace(filters, status=None))


@fault(
    "filter-created-after-ignored",
    summary="The filter created_after is not applied",
    fact="facts section 4.6: created_after is a filter",
    klass="filters",
    breaks=("POOLS-TRADES-FILTERS",),
)
def filter_created_after_ignored(patch: Patch) -> None:
    change_filters(patch, lambda filters: replace(filters, created_after=None))


@fault(
    "filter-created-before-ignored",
    summary="The filter created_before is not applied",
    fact="facts section 4.6: created_before is a filter",
    klass="filters",
    breaks=("POOLS-TRADES-FILTERS",),
)
def filter_created_before_ignored(patch: Patch) -> None:
    change_filters(patch, lambda filters: replace(filters, created_before=None))


@fault(
    "filters-after-paging",
    summary="A page is cut first and filtered then, so that a filtered list may lose what matches",
    fact="facts section 4.6: the list has every trade that passes the filters",
    klass="filters",
    breaks=("POOLS-TRADES-FILTERS",),
    drags=("POOLS-TRADES-PAGES",),
)
def filters_after_paging(patch: Patch) -> None:
    healthy = trades.page
    none = Filters(None, None, None, None)

    def page(tx: sqlite3.Connection, owner: str, filters: Filters, before: int, rows: int) -> list[Trade]:
        cut = healthy(tx, owner, none, before, rows)
        passing = {trade.seq for trade in healthy(tx, owner, filters, before, -1)}
        return [trade for trade in cut if trade.seq in passing]

    patch.replace(trades, "page", page)


def change_filters(patch: Patch, change: Callable[[Filters], Filters]) -> None:
    """Apply other filters than were asked for."""
    healthy = trades.read_filters
    patch.replace(trades, "read_filters", lambda query: change(healthy(query)))


START_AGAIN = "txn_test_0000000000000000"

"""Variations of the trades list: names, cursors, limits and filters."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from conformance.sandbox import inputs
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.pools import trades
from conformance.sandbox.pools.trades import Filters, Trade
from conformance.sandbox.refusal import Refusal, invalid
from conformance.sandbox.storage import Transaction
from conformance.sandbox.variations import Patch, dialect

ARRAY: Final = "facts section 14: the key of the array in the trades list is unread"
CURSOR: Final = "facts section 7: what an invalid cursor answers is unstated"
FILTERS: Final = "facts section 14: inclusivity, format and bad values of the filters are stated nowhere"


def name_array(patch: Patch, name: str) -> None:
    inner = trades.list_page

    def list_page(call: Call) -> Reply:
        plain = inner(call)
        return replace(plain, body={name if key == "trades" else key: value for key, value in plain.body.items()})

    patch.replace(trades, "list_page", list_page)


@dialect("trades-under-data", summary="The trades list is called data", fact=ARRAY)
def trades_under_data(patch: Patch) -> None:
    name_array(patch, "data")


@dialect("trades-under-items", summary="The trades list is called items", fact=ARRAY)
def trades_under_items(patch: Patch) -> None:
    name_array(patch, "items")


@dialect(
    "trades-cursor-opaque",
    summary="The cursor of the trades list is an opaque token",
    fact="facts C15: the cursor is opaque by one sentence, the last transactId by another",
)
def trades_cursor_opaque(patch: Patch) -> None:
    inner = trades.read_cursor

    def write_cursor(last: Trade) -> str:
        return base64.urlsafe_b64encode(f"trade:{last.transact_id}".encode()).decode().rstrip("=")

    def read_cursor(tx: Transaction, owner: str, cursor: str | None) -> int:
        if cursor is None:
            return trades.LARGEST_SEQ
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            kind, _, transact_id = base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition(":")
        except ValueError:
            raise invalid("cursor was not given out by this API") from None
        if kind != "trade":
            raise invalid("cursor was not given out by this API")
        return inner(tx, owner, transact_id)

    patch.replace(trades, "write_cursor", write_cursor)
    patch.replace(trades, "read_cursor", read_cursor)


@dialect(
    "trades-limit-clamped",
    summary="A limit of the trades list outside 1 to 100 is clamped",
    fact="facts section 14: a limit out of range may be clamped or answered with 400",
)
def trades_limit_clamped(patch: Patch) -> None:
    def read_limit(query: Mapping[str, str]) -> int:
        return max(1, min(inputs.integer(query, "limit", trades.DEFAULT_LIMIT), trades.MAX_LIMIT))

    patch.replace(trades, "read_limit", read_limit)


@dialect("trades-bad-cursor-first-page", summary="A cursor nobody gave out starts at the first page", fact=CURSOR)
def trades_bad_cursor_first_page(patch: Patch) -> None:
    inner = trades.read_cursor

    def read_cursor(tx: Transaction, owner: str, cursor: str | None) -> int:
        try:
            return inner(tx, owner, cursor)
        except Refusal:
            return trades.LARGEST_SEQ

    patch.replace(trades, "read_cursor", read_cursor)


@dialect("trades-bad-cursor-empty-page", summary="A cursor nobody gave out gives an empty last page", fact=CURSOR)
def trades_bad_cursor_empty_page(patch: Patch) -> None:
    inner = trades.read_cursor

    def read_cursor(tx: Transaction, owner: str, cursor: str | None) -> int:
        try:
            return inner(tx, owner, cursor)
        except Refusal:
            return 0

    patch.replace(trades, "read_cursor", read_cursor)


@dialect("trades-bad-filter-ignored", summary="A filter that is no known word or time is ignored", fact=FILTERS)
def trades_bad_filter_ignored(patch: Patch) -> None:
    inner = trades.read_filters

    def read_filters(query: Mapping[str, str]) -> Filters:
        readable: dict[str, str] = {}
        for name in ("side", "status", "created_after", "created_before"):
            if name not in query:
                continue
            try:
                inner({name: query[name]})
            except Refusal:
                continue
            readable[name] = query[name]
        return inner(readable)

    patch.replace(trades, "read_filters", read_filters)


@dialect(
    "trades-bounds-swapped",
    summary="created_after excludes its own second, created_before includes it",
    fact=FILTERS,
)
def trades_bounds_swapped(patch: Patch) -> None:
    inner = trades.read_filters

    def read_filters(query: Mapping[str, str]) -> Filters:
        plain = inner(query)
        after, before = plain.created_after, plain.created_before
        # Trades are made on whole seconds.
        return replace(
            plain,
            created_after=None if after is None else after + 0.5,
            created_before=None if before is None else before + 0.5,
        )

    patch.replace(trades, "read_filters", read_filters)

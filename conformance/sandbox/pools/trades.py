"""Trades: storing one, the pure reads of one and of many, and how it is written. Advances nothing."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from conformance.sandbox import clock, inputs, money
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.pools import terms
from conformance.sandbox.pools.catalogue import SIDES
from conformance.sandbox.pools.terms import Terms
from conformance.sandbox.refusal import invalid, not_found

RESERVED: Final = "reserved"
STATUSES: Final = ("quoted", "reserved", "settled", "released", "failed", "returned")
DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 100
LARGEST_SEQ: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Trade:
    """One executed quote. ``seq`` orders trades by their making; ``polls`` counts polls."""

    seq: int
    transact_id: str
    owner: str
    quote_id: str
    status: str
    terms: Terms
    polls: int
    created_at: int
    settled_at: int | None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which trades to list. ``created_after`` is inclusive, ``created_before`` exclusive, in seconds."""

    side: str | None
    status: str | None
    created_after: float | None
    created_before: float | None


def new_transact_id(mode: str) -> str:
    return f"txn_{mode}_{secrets.token_hex(8)}"


def insert(tx: sqlite3.Connection, mode: str, owner: str, quote_id: str, copied: Terms, now: int) -> None:
    """Store a reserved trade. ``sqlite3.IntegrityError`` if the quote has one already."""
    tx.execute(
        "INSERT INTO trades (transact_id, owner, quote_id, status, side, fiat_units, terms, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            new_transact_id(mode),
            owner,
            quote_id,
            RESERVED,
            copied.side,
            money.to_units(copied.fiat_amount),
            terms.store(copied),
            now,
        ),
    )


def by_quote(tx: sqlite3.Connection, owner: str, quote_id: str) -> Trade | None:
    row = tx.execute("SELECT * FROM trades WHERE owner = ? AND quote_id = ?", (owner, quote_id)).fetchone()
    return None if row is None else restore(row)


def by_id(tx: sqlite3.Connection, owner: str, transact_id: str) -> Trade | None:
    row = tx.execute("SELECT * FROM trades WHERE owner = ? AND transact_id = ?", (owner, transact_id)).fetchone()
    return None if row is None else restore(row)


def restore(row: sqlite3.Row) -> Trade:
    return Trade(
        seq=row["seq"],
        transact_id=row["transact_id"],
        owner=row["owner"],
        quote_id=row["quote_id"],
        status=row["status"],
        terms=terms.restore(row["terms"]),
        polls=row["polls"],
        created_at=row["created_at"],
        settled_at=row["settled_at"],
    )


def render(trade: Trade) -> dict[str, object]:
    """The trade as every operation shows it."""
    return {
        "transactId": trade.transact_id,
        "quoteId": trade.quote_id,
        "status": trade.status,
        **terms.render(trade.terms),
        "createdAt": clock.iso(trade.created_at),
        "settledAt": None if trade.settled_at is None else clock.iso(trade.settled_at),
    }


def read(call: Call) -> Reply:
    """``GET /pools/trades/{transactId}``: persisted state only."""
    with call.sandbox.store.read() as tx:
        trade = by_id(tx, call.owner, call.path["transactId"])
    if trade is None:
        raise not_found("no such trade")
    return Reply(200, render(trade))


def list_page(call: Call) -> Reply:
    """``GET /pools/trades``: newest first, by cursor, persisted state only."""
    filters = read_filters(call.query)
    limit = read_limit(call.query)
    with call.sandbox.store.read() as tx:
        before = read_cursor(tx, call.owner, call.query.get("cursor"))
        rows = page(tx, call.owner, filters, before, limit + 1)
    shown = rows[:limit]
    more = len(rows) > limit
    body = {
        "trades": [render(trade) for trade in shown],
        "nextCursor": write_cursor(shown[-1]) if more else None,
        "hasMore": more,
    }
    return Reply(200, body)


def read_filters(query: Mapping[str, str]) -> Filters:
    """The four filters; 400 for a word or time that is none."""
    side = query.get("side")
    status = query.get("status")
    return Filters(
        side=None if side is None else inputs.one_of(side, "side", SIDES),
        status=None if status is None else inputs.one_of(status, "status", STATUSES),
        created_after=inputs.moment(query, "created_after"),
        created_before=inputs.moment(query, "created_before"),
    )


def read_limit(query: Mapping[str, str]) -> int:
    """1 to 100; anything else is a 400."""
    limit = inputs.integer(query, "limit", DEFAULT_LIMIT)
    if not 1 <= limit <= MAX_LIMIT:
        raise invalid(f"limit must be 1 to {MAX_LIMIT}")
    return limit


def write_cursor(last: Trade) -> str:
    """The published choice: the id of the last trade of the page."""
    return last.transact_id


def read_cursor(tx: sqlite3.Connection, owner: str, cursor: str | None) -> int:
    """The position after which the page starts; 400 for a cursor that is none of the owner's trades."""
    if cursor is None:
        return LARGEST_SEQ
    last = by_id(tx, owner, cursor)
    if last is None:
        raise invalid("cursor was not given out by this API")
    return last.seq


def page(tx: sqlite3.Connection, owner: str, filters: Filters, before: int, rows: int) -> list[Trade]:
    """Trades older than a position that pass the filters, newest first."""
    found = tx.execute(
        "SELECT * FROM trades WHERE owner = :owner AND seq < :before"
        " AND (:side IS NULL OR side = :side)"
        " AND (:status IS NULL OR status = :status)"
        " AND (:created_after IS NULL OR created_at >= :created_after)"
        " AND (:created_before IS NULL OR created_at < :created_before)"
        " ORDER BY seq DESC LIMIT :rows",
        {
            "owner": owner,
            "before": before,
            "side": filters.side,
            "status": filters.status,
            "created_after": filters.created_after,
            "created_before": filters.created_before,
            "rows": rows,
        },
    ).fetchall()
    return [restore(row) for row in found]

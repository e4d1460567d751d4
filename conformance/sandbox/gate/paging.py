"""Lists: their envelope, and the cursor and limit that the lists of stored objects share."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from conformance.sandbox import inputs
from conformance.sandbox.calls import Reply
from conformance.sandbox.refusal import invalid, not_found

DEFAULT_LIMIT: Final = 10
MAX_LIMIT: Final = 100
LARGEST_SEQ: Final = 2**63 - 1


def render(path: str, data: Sequence[object], has_more: bool) -> Reply:
    """One page. ``path`` is that of the list, without the prefix it is served under."""
    return Reply(200, {"object": "list", "data": list(data), "has_more": has_more, "url": f"/v1{path}"})


def read_limit(query: Mapping[str, str], default: int = DEFAULT_LIMIT, largest: int = MAX_LIMIT) -> int:
    """1 to ``largest``; anything else is a 400."""
    limit = inputs.integer(query, "limit", default)
    if not 1 <= limit <= largest:
        raise invalid(f"limit must be 1 to {largest}")
    return limit


CURSORS: Final[Mapping[str, str]] = {
    "gate_sessions": "SELECT seq FROM gate_sessions WHERE owner = ? AND session_id = ?",
    "gate_transactions": "SELECT seq FROM gate_transactions WHERE owner = ? AND refid = ?",
    "gate_customers": "SELECT seq FROM gate_customers WHERE owner = ? AND customer_id = ?",
}


def position(tx: sqlite3.Connection, table: str, owner: str, query: Mapping[str, str]) -> int:
    """Where the page starts: after ``starting_after``; 404 when that is none of the owner's objects."""
    cursor = query.get("starting_after")
    if cursor is None:
        return LARGEST_SEQ
    row = tx.execute(CURSORS[table], (owner, cursor)).fetchone()
    if row is None:
        raise not_found("starting_after is no object of this list")
    seq: int = row["seq"]
    return seq

"""Partner transactions: one for each linked action of a session, and the two reads of them."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping
from typing import Final

from conformance.sandbox import clock
from conformance.sandbox.calls import Call, Reply, Sandbox
from conformance.sandbox.gate import access, paging
from conformance.sandbox.refusal import conflict, not_found

PROCESSING: Final = "processing"
COMPLETED: Final = "completed"

Facts = Mapping[str, object]


def start(tx: sqlite3.Connection, sandbox: Sandbox, owner: str, session_id: str, facts: Facts) -> str:
    """A transaction under way in this session; returns its reference."""
    refid = f"tx_{access.mode_of(owner)}_{secrets.token_hex(8)}"
    now = clock.account_now(tx, sandbox.clock, access.account_of(owner))
    tx.execute(
        "INSERT INTO gate_transactions (refid, owner, session_id, status, facts, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        (refid, owner, session_id, PROCESSING, json.dumps(facts), now),
    )
    return refid


def finish(tx: sqlite3.Connection, refid: str, status: str) -> None:
    """Bring a transaction under way to its end; 409 if it has one."""
    moved = tx.execute(
        "UPDATE gate_transactions SET status = ? WHERE refid = ? AND status = ?", (status, refid, PROCESSING)
    )
    if moved.rowcount != 1:
        raise conflict("the transaction has ended already")


def hosted_in_progress(tx: sqlite3.Connection, session_id: str) -> str | None:
    """The newest transaction under way in a session that belongs to no rail."""
    row = tx.execute(
        "SELECT refid FROM gate_transactions t WHERE session_id = ? AND status = ?"
        " AND NOT EXISTS (SELECT 1 FROM gate_rails r WHERE r.refid = t.refid) ORDER BY seq DESC LIMIT 1",
        (session_id, PROCESSING),
    ).fetchone()
    return None if row is None else str(row["refid"])


def abandon(tx: sqlite3.Connection, session_id: str) -> None:
    """What the hosted flow has under way ends with its session; what a rail has under way goes on."""
    tx.execute(
        "UPDATE gate_transactions SET status = 'cancelled' WHERE session_id = ? AND status = ?"
        " AND NOT EXISTS (SELECT 1 FROM gate_rails r WHERE r.refid = gate_transactions.refid)",
        (session_id, PROCESSING),
    )


def render(row: sqlite3.Row) -> dict[str, object]:
    """The transaction as list and read show it."""
    return {
        "refid": row["refid"],
        "object": "transaction",
        "session_id": row["session_id"],
        "status": row["status"],
        **json.loads(row["facts"]),
        "created_at": clock.iso(row["created_at"]),
    }


def read(call: Call) -> Reply:
    """``GET /transactions/{refid}``; 404 for an unknown one and for anybody else's."""
    with call.sandbox.store.read() as tx:
        row = tx.execute(
            "SELECT * FROM gate_transactions WHERE owner = ? AND refid = ?", (call.owner, call.path["refid"])
        ).fetchone()
    if row is None:
        raise not_found("no such transaction")
    return Reply(200, render(row))


def list_page(call: Call) -> Reply:
    """``GET /transactions``: newest first, by cursor, filtered by ``status`` and ``session_id``."""
    limit = paging.read_limit(call.query)
    with call.sandbox.store.read() as tx:
        rows = tx.execute(
            "SELECT * FROM gate_transactions WHERE owner = :owner AND seq < :before"
            " AND (:status IS NULL OR status = :status)"
            " AND (:session_id IS NULL OR session_id = :session_id) ORDER BY seq DESC LIMIT :rows",
            {
                "owner": call.owner,
                "before": paging.position(tx, "gate_transactions", call.owner, call.query),
                "status": call.query.get("status"),
                "session_id": call.query.get("session_id"),
                "rows": limit + 1,
            },
        ).fetchall()
    return paging.render("/transactions", [render(row) for row in rows[:limit]], len(rows) > limit)

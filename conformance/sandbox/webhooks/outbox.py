"""Events and deliveries as rows: an event is stored once, each sending of it is a delivery with attempts."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

# Seconds before each further attempt; in a sandbox nobody wants to wait for hours.
RETRY_DELAYS: Final = (0.2, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery that is due, with what has to be sent. ``attempts`` counts the ones already made."""

    delivery_id: int
    event_id: str
    account: str
    event_type: str
    body: bytes
    url: str
    attempts: int


def set_endpoint(tx: sqlite3.Connection, account: str, url: str) -> None:
    """Where the account's events go from now on."""
    tx.execute(
        "INSERT INTO endpoints (account, url) VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET url = excluded.url",
        (account, url),
    )


def endpoint_of(tx: sqlite3.Connection, account: str) -> str | None:
    row = tx.execute("SELECT url FROM endpoints WHERE account = ?", (account,)).fetchone()
    return None if row is None else str(row["url"])


def store_event(
    tx: sqlite3.Connection, event_id: str, account: str, event_type: str, subject: str, body: str, wall: float
) -> None:
    """Keep the event, and its first delivery where the account has an endpoint."""
    tx.execute(
        "INSERT INTO events (event_id, account, event_type, subject, body) VALUES (?, ?, ?, ?, ?)",
        (event_id, account, event_type, subject, body),
    )
    url = endpoint_of(tx, account)
    if url is not None:
        enqueue(tx, event_id, url, wall)


def enqueue(tx: sqlite3.Connection, event_id: str, url: str, wall: float) -> int:
    """A delivery of this event, due at once; returns its number."""
    made = tx.execute(
        "INSERT INTO deliveries (event_id, url, state, next_attempt_at) VALUES (?, ?, 'pending', ?)",
        (event_id, url, wall),
    )
    return int(made.lastrowid or 0)


def events_about(tx: sqlite3.Connection, subject_or_event_id: str) -> list[sqlite3.Row]:
    """Events by the object they are about or by their own id."""
    return tx.execute(
        "SELECT event_id, account FROM events WHERE subject = ? OR event_id = ?",
        (subject_or_event_id, subject_or_event_id),
    ).fetchall()


def claim_due(tx: sqlite3.Connection, wall: float) -> Delivery | None:
    """The delivery that has been due for longest, marked as being in flight; nothing if none is due."""
    row = tx.execute(
        "SELECT d.delivery_id, d.event_id, d.url, d.attempts, e.account, e.event_type, e.body"
        " FROM deliveries d JOIN events e ON e.event_id = d.event_id"
        " WHERE d.state = 'pending' AND d.next_attempt_at <= ? ORDER BY d.next_attempt_at LIMIT 1",
        (wall,),
    ).fetchone()
    if row is None:
        return None
    tx.execute("UPDATE deliveries SET state = 'in_flight' WHERE delivery_id = ?", (row["delivery_id"],))
    return Delivery(
        delivery_id=row["delivery_id"],
        event_id=row["event_id"],
        account=row["account"],
        event_type=row["event_type"],
        body=row["body"].encode(),
        url=row["url"],
        attempts=row["attempts"],
    )


def next_due(tx: sqlite3.Connection) -> float | None:
    """When the next pending delivery is due, in wall time."""
    row = tx.execute("SELECT MIN(next_attempt_at) AS due FROM deliveries WHERE state = 'pending'").fetchone()
    due: float | None = row["due"]
    return due


def record_attempt(
    tx: sqlite3.Connection, delivery: Delivery, status: int | None, error: str | None, wall: float
) -> None:
    """Write down how an attempt went: delivered on 2xx, else due again later or, after the last, given up."""
    state, due = after_attempt(delivery.attempts + 1, status, wall)
    tx.execute(
        "UPDATE deliveries SET state = ?, attempts = attempts + 1, last_status = ?, last_error = ?,"
        " next_attempt_at = ? WHERE delivery_id = ?",
        (state, status, error, due, delivery.delivery_id),
    )


def after_attempt(attempts: int, status: int | None, wall: float) -> tuple[str, float]:
    """State and due time after so many attempts, the last of which got this status (``None``: no answer)."""
    if status is not None and 200 <= status < 300:
        return "delivered", wall
    if attempts > len(RETRY_DELAYS):
        return "given_up", wall
    return "pending", wall + RETRY_DELAYS[attempts - 1]


def resume(tx: sqlite3.Connection) -> None:
    """After a restart, whatever was in flight is due again: delivery is at least once."""
    tx.execute("UPDATE deliveries SET state = 'pending' WHERE state = 'in_flight'")


def list_deliveries(tx: sqlite3.Connection) -> list[dict[str, object]]:
    """Every delivery, oldest first, without the bodies."""
    rows = tx.execute(
        "SELECT d.delivery_id AS deliveryId, d.event_id AS eventId, e.account, e.event_type AS type,"
        " e.subject AS transactId, d.url, d.state, d.attempts, d.last_status AS lastStatus,"
        " d.last_error AS lastError"
        " FROM deliveries d JOIN events e ON e.event_id = d.event_id ORDER BY d.delivery_id"
    ).fetchall()
    return [dict(row) for row in rows]

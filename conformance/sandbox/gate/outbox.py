"""Deliveries as rows: one for each event, with state and attempts, in order within a session."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass
from typing import Final

from conformance.sandbox.gate import access

PENDING: Final = "pending"
IN_FLIGHT: Final = "in_flight"
SUCCEEDED: Final = "succeeded"
DEAD_LETTERED: Final = "dead_lettered"
STATUSES: Final = (PENDING, IN_FLIGHT, SUCCEEDED, DEAD_LETTERED)

MAX_ATTEMPTS: Final = 5
# The published waits before the second to fifth attempt, in seconds, and how much shorter they are here.
PUBLISHED_WAITS: Final = (60.0, 300.0, 1800.0, 7200.0)
TIME_SCALE: Final = 1 / 6000
# Seconds an attempt may take. The published ten are shortened less than the waits: an endpoint needs its time here too.
TIMEOUT_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Event:
    """What has happened, as it will be sent. ``session_id`` is the order it keeps to."""

    event_id: str
    event_type: str
    owner: str
    session_id: str | None
    body: str


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery to be attempted now. ``tries_left`` counts this attempt."""

    delivery_id: str
    event_id: str
    event_type: str
    account: str
    body: bytes
    url: str
    tries_left: int


def set_endpoint(tx: sqlite3.Connection, account: str, url: str) -> None:
    """Where the account's events go from now on."""
    tx.execute(
        "INSERT INTO gate_endpoints (account, url) VALUES (?, ?)"
        " ON CONFLICT (account) DO UPDATE SET url = excluded.url",
        (account, url),
    )


def remove_endpoint(tx: sqlite3.Connection, account: str) -> None:
    """No events for this account from now on; what is queued is still delivered."""
    tx.execute("DELETE FROM gate_endpoints WHERE account = ?", (account,))


def endpoint_of(tx: sqlite3.Connection, account: str) -> str | None:
    row = tx.execute("SELECT url FROM gate_endpoints WHERE account = ?", (account,)).fetchone()
    return None if row is None else str(row["url"])


def enqueue(tx: sqlite3.Connection, event: Event, url: str, wall: float) -> str:
    """A delivery of this event, due at once; returns its id."""
    delivery_id = f"wd_{access.mode_of(event.owner)}_{secrets.token_hex(12)}"
    tx.execute(
        "INSERT INTO gate_deliveries (delivery_id, owner, event_id, event_type, session_id, url, body, status,"
        " tries_left, next_attempt_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            delivery_id,
            event.owner,
            event.event_id,
            event.event_type,
            event.session_id,
            url,
            event.body,
            PENDING,
            MAX_ATTEMPTS,
            wall,
            wall,
        ),
    )
    return delivery_id


def claim_due(tx: sqlite3.Connection, wall: float) -> Due | None:
    """The delivery that has been due for longest and waits for no earlier one, marked as being in flight."""
    row = tx.execute(
        "SELECT * FROM gate_deliveries_ready WHERE next_attempt_at <= ? ORDER BY next_attempt_at, seq LIMIT 1",
        (wall,),
    ).fetchone()
    if row is None:
        return None
    tx.execute("UPDATE gate_deliveries SET status = 'in_flight' WHERE delivery_id = ?", (row["delivery_id"],))
    return Due(
        delivery_id=row["delivery_id"],
        event_id=row["event_id"],
        event_type=row["event_type"],
        account=access.account_of(row["owner"]),
        body=row["body"].encode(),
        url=row["url"],
        tries_left=row["tries_left"],
    )


def next_due(tx: sqlite3.Connection) -> float | None:
    """When the next delivery that waits for no earlier one is due, in wall time."""
    row = tx.execute("SELECT MIN(next_attempt_at) AS due FROM gate_deliveries_ready").fetchone()
    due: float | None = row["due"]
    return due


def record_attempt(tx: sqlite3.Connection, due: Due, status: int | None, error: str | None, wall: float) -> None:
    """Write down how an attempt went; ``status`` is ``None`` where there was no answer."""
    state, next_attempt_at = after_attempt(due.tries_left - 1, status, wall)
    tx.execute(
        "UPDATE gate_deliveries SET status = ?, attempts = attempts + 1, tries_left = ?, last_response_status = ?,"
        " last_error = ?, next_attempt_at = ?, delivered_at = ? WHERE delivery_id = ? AND status = 'in_flight'",
        (
            state,
            due.tries_left - 1,
            status,
            error,
            next_attempt_at,
            wall if state == SUCCEEDED else None,
            due.delivery_id,
        ),
    )


def after_attempt(tries_left: int, status: int | None, wall: float) -> tuple[str, float | None]:
    """State and next attempt after an attempt that got this status and left so many tries."""
    if status is not None and 200 <= status < 300:
        return SUCCEEDED, None
    if tries_left == 0:
        return DEAD_LETTERED, None
    return PENDING, wall + PUBLISHED_WAITS[MAX_ATTEMPTS - 1 - tries_left] * TIME_SCALE


def requeue(tx: sqlite3.Connection, owner: str, delivery_id: str, wall: float) -> bool:
    """Queue a dead-lettered delivery again with all its tries; ``False`` if it is not dead-lettered."""
    moved = tx.execute(
        "UPDATE gate_deliveries SET status = 'pending', tries_left = ?, next_attempt_at = ?"
        " WHERE owner = ? AND delivery_id = ? AND status = 'dead_lettered'",
        (MAX_ATTEMPTS, wall, owner, delivery_id),
    )
    return moved.rowcount == 1


def resume(tx: sqlite3.Connection) -> None:
    """After a restart, whatever was in flight is due again: delivery is at least once."""
    tx.execute("UPDATE gate_deliveries SET status = 'pending' WHERE status = 'in_flight'")

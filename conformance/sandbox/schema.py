"""Tables that every product of the sandbox shares. A product brings its own beside them."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    """
    CREATE TABLE IF NOT EXISTS clocks (
        account TEXT PRIMARY KEY,
        offset_seconds INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS endpoints (
        account TEXT PRIMARY KEY,
        url TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS events (
        event_id TEXT PRIMARY KEY,
        account TEXT NOT NULL,
        event_type TEXT NOT NULL,
        subject TEXT NOT NULL,
        body TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS deliveries (
        delivery_id INTEGER PRIMARY KEY AUTOINCREMENT,
        event_id TEXT NOT NULL REFERENCES events (event_id),
        url TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('pending', 'in_flight', 'delivered', 'given_up')),
        attempts INTEGER NOT NULL DEFAULT 0,
        last_status INTEGER,
        last_error TEXT,
        next_attempt_at REAL NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (state, next_attempt_at)",
)

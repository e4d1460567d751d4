"""Tables of 0Gate and the constraints that make its writes happen once.

``owner`` is partner and mode together. A key stands for one call (``gate_calls``), a quote is redeemed by at most one
rail (``gate_rails.quote_id``), an address or reference belongs to one customer, deleted ones included, and an event
has one delivery (``gate_deliveries.event_id``). An unfinished delivery keeps the later ones of its session from being
ready (``gate_deliveries_ready``). An end is reached once, because every move out of a state is an
update that names that state.
"""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    """
    CREATE TABLE IF NOT EXISTS gate_access (
        account TEXT PRIMARY KEY,
        record TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS gate_calls (
        owner TEXT NOT NULL,
        operation TEXT NOT NULL,
        idempotency_key TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        status INTEGER NOT NULL,
        body TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        PRIMARY KEY (owner, operation, idempotency_key)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS gate_sessions (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        session_id TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('open', 'completed', 'expired', 'cancelled')),
        terms TEXT NOT NULL,
        user_approved INTEGER NOT NULL DEFAULT 1,
        tx_refid TEXT,
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS gate_sessions_by_owner ON gate_sessions (owner, seq)",
    "CREATE INDEX IF NOT EXISTS gate_sessions_due ON gate_sessions (status, expires_at)",
    """
    CREATE TABLE IF NOT EXISTS gate_client_secrets (
        digest TEXT PRIMARY KEY,
        session_id TEXT NOT NULL REFERENCES gate_sessions (session_id)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS gate_allowed_domains (
        account TEXT PRIMARY KEY,
        domains TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS gate_quotes (
        quote_id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        terms TEXT NOT NULL,
        signature TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        consumed_at INTEGER,
        clock_offset INTEGER NOT NULL DEFAULT 0
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS gate_transactions (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        refid TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        session_id TEXT NOT NULL REFERENCES gate_sessions (session_id),
        status TEXT NOT NULL CHECK (status IN ('processing', 'completed', 'failed', 'cancelled')),
        facts TEXT NOT NULL,
        created_at INTEGER NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS gate_transactions_by_owner ON gate_transactions (owner, seq)",
    "CREATE INDEX IF NOT EXISTS gate_transactions_by_session ON gate_transactions (session_id, seq)",
    """
    CREATE TABLE IF NOT EXISTS gate_rails (
        rail_id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('pay_in', 'pay_out')),
        status TEXT NOT NULL CHECK (status IN ('processing', 'settled', 'failed', 'cancelled')),
        quote_id TEXT NOT NULL UNIQUE REFERENCES gate_quotes (quote_id),
        session_id TEXT NOT NULL REFERENCES gate_sessions (session_id),
        refid TEXT NOT NULL UNIQUE REFERENCES gate_transactions (refid),
        facts TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        ended_at INTEGER
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS gate_customers (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        customer_id TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        email TEXT NOT NULL,
        external_id TEXT,
        contact TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        deleted_at INTEGER,
        UNIQUE (owner, email),
        UNIQUE (owner, external_id)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS gate_branding (
        owner TEXT PRIMARY KEY,
        tokens TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS gate_endpoints (
        account TEXT PRIMARY KEY,
        url TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS gate_deliveries (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        delivery_id TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        event_id TEXT NOT NULL UNIQUE,
        event_type TEXT NOT NULL,
        session_id TEXT,
        url TEXT NOT NULL,
        body TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('pending', 'in_flight', 'succeeded', 'dead_lettered')),
        attempts INTEGER NOT NULL DEFAULT 0,
        tries_left INTEGER NOT NULL,
        last_response_status INTEGER,
        last_error TEXT,
        next_attempt_at REAL,
        delivered_at REAL,
        created_at REAL NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS gate_deliveries_due ON gate_deliveries (status, next_attempt_at)",
    "CREATE INDEX IF NOT EXISTS gate_deliveries_by_session ON gate_deliveries (session_id, seq)",
    """
    CREATE VIEW IF NOT EXISTS gate_deliveries_ready AS
        SELECT * FROM gate_deliveries d
        WHERE d.status = 'pending' AND NOT EXISTS (
            SELECT 1 FROM gate_deliveries earlier
            WHERE earlier.session_id = d.session_id AND earlier.seq < d.seq
            AND earlier.status IN ('pending', 'in_flight')
        )
    """,
    "CREATE INDEX IF NOT EXISTS gate_deliveries_by_owner ON gate_deliveries (owner, seq)",
)

"""Tables of the pools and the constraints that make an execution happen once.

``owner`` is partner and mode together. A quote has at most one trade (``trades.quote_id``), a key names at
most one quote (``idempotency_keys``), a quote ends in one way (``CHECK``), and each debit and refund is posted
once (``ledger``). Amounts in the ledger are whole numbers of 10^-8.
"""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    """
    CREATE TABLE IF NOT EXISTS pool_access (
        account TEXT PRIMARY KEY,
        record TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS quotes (
        quote_id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        terms TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        consumed_at INTEGER,
        rejected_at INTEGER,
        clock_offset INTEGER NOT NULL DEFAULT 0,
        outcome TEXT NOT NULL,
        CHECK (consumed_at IS NULL OR rejected_at IS NULL)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS trades (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        transact_id TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        quote_id TEXT NOT NULL UNIQUE,
        status TEXT NOT NULL,
        side TEXT NOT NULL,
        fiat_units INTEGER NOT NULL,
        terms TEXT NOT NULL,
        polls INTEGER NOT NULL DEFAULT 0,
        created_at INTEGER NOT NULL,
        settled_at INTEGER
    )
    """,
    "CREATE INDEX IF NOT EXISTS trades_by_owner ON trades (owner, seq)",
    """
    CREATE TABLE IF NOT EXISTS idempotency_keys (
        owner TEXT NOT NULL,
        idempotency_key TEXT NOT NULL,
        quote_id TEXT NOT NULL,
        PRIMARY KEY (owner, idempotency_key)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS ledger (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        owner TEXT NOT NULL,
        currency TEXT NOT NULL,
        delta_units INTEGER NOT NULL,
        reason TEXT NOT NULL,
        ref TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        UNIQUE (owner, reason, ref)
    )
    """,
    "CREATE INDEX IF NOT EXISTS ledger_by_owner ON ledger (owner, currency, seq)",
)

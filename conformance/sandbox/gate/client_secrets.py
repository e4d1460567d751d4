"""The client secrets of sessions: given out once, kept as a digest, and known again at the bootstrap of the widget.

The answer kept under an idempotency key holds the secret for as long as the key counts, because a repeat is given
the same answer.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3


def issue(tx: sqlite3.Connection, session_id: str) -> str:
    """A browser-safe secret that is good for this session only."""
    made = f"gsec_{session_id}_{secrets.token_hex(16)}"
    tx.execute("INSERT INTO gate_client_secrets (digest, session_id) VALUES (?, ?)", (digest(made), session_id))
    return made


def digest(secret: str) -> str:
    """What is stored of a secret. It is random enough to need no salt."""
    return hashlib.sha256(secret.encode()).hexdigest()


def session_of(tx: sqlite3.Connection, owner: str, secret: str) -> str | None:
    """The owner's session that this secret was given out for; ``None`` for any other secret."""
    row = tx.execute(
        "SELECT session_id FROM gate_client_secrets JOIN gate_sessions USING (session_id)"
        " WHERE digest = ? AND owner = ?",
        (digest(secret), owner),
    ).fetchone()
    return None if row is None else str(row["session_id"])

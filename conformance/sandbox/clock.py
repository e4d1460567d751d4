"""Time in the sandbox: one wall clock, and per account or per object an offset that only it sees.

Domain times are whole seconds since the epoch. Signatures and the HTTP ``Date`` always carry wall time.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]

wall: Clock = time.time


def account_now(tx: sqlite3.Connection, clock: Clock, account: str) -> int:
    """The account's present moment: wall time plus the offset the control surface gave it."""
    row = tx.execute("SELECT offset_seconds FROM clocks WHERE account = ?", (account,)).fetchone()
    offset: int = row["offset_seconds"] if row else 0
    return int(clock()) + offset


def advance_account(tx: sqlite3.Connection, account: str, seconds: int) -> None:
    """Move one account's clock forward; every other account keeps its own."""
    tx.execute(
        "INSERT INTO clocks (account, offset_seconds) VALUES (?, ?)"
        " ON CONFLICT (account) DO UPDATE SET offset_seconds = offset_seconds + excluded.offset_seconds",
        (account, seconds),
    )


def iso(moment: int) -> str:
    """ISO 8601 in UTC with a ``Z``, whole seconds as in the published samples."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

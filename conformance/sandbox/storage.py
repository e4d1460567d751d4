"""One SQLite connection with real transactions, in memory or in a file. What the tables mean is elsewhere.

The lock only serves the connection, which one thread may use at a time. That something happens once is the
business of the constraints in the schema.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

Transaction = sqlite3.Connection


class Store:
    """Hands out transactions. Threads wait for each other at the door of one."""

    def __init__(self, path: str | None, statements: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False, timeout=10
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA foreign_keys = ON")
        if path is not None:
            self._connection.execute("PRAGMA journal_mode = WAL")
        with self.write() as tx:
            for statement in statements:
                tx.execute(statement)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction that may change things: all of it is kept, or on any exception none."""
        with self._transaction("BEGIN IMMEDIATE") as tx:
            yield tx

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction for looking only: one consistent picture."""
        with self._transaction("BEGIN DEFERRED") as tx:
            yield tx

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Transaction]:
        with self._lock:
            self._connection.execute(begin)
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._connection.close()

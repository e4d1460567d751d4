"""What several faults of 0Gate need to get at their seam: other questions to the database, other keys, other owners.

No fault is defined here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Final, cast

from conformance.sandbox.calls import Call, Operation, Reply
from conformance.sandbox.faults import seams
from conformance.sandbox.gate import client_secrets, operations, refusals, schema, sessions
from conformance.sandbox.gate.sessions import Session
from conformance.sandbox.keys import Kind
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.storage import Store, Transaction
from conformance.sandbox.variations import Patch

Handler = Callable[[Call], Reply]
Change = tuple[str, str]

# Rows of every owner instead of the caller's.
OF_ANYBODY: Final = ("owner = ?", "? IS NOT NULL")
LISTED_OF_ANYBODY: Final = ("owner = :owner", ":owner IS NOT NULL")
OLDEST_FIRST: Final = (
    ("seq < :before", "(seq > :before OR :before = 9223372036854775807)"),
    ("ORDER BY seq DESC", "ORDER BY seq"),
)

ONE_RAIL_PER_QUOTE: Final = (
    "quote_id TEXT NOT NULL UNIQUE REFERENCES",
    "quote_id TEXT NOT NULL REFERENCES",
)
ONE_CALL_PER_KEY: Final = (",\n        PRIMARY KEY (owner, operation, idempotency_key)", "")
ONE_CUSTOMER_PER_EMAIL: Final = (",\n        UNIQUE (owner, email)", "")
ONE_CUSTOMER_PER_REFERENCE: Final = (",\n        UNIQUE (owner, external_id)", "")
ONE_DELIVERY_PER_EVENT: Final = ("event_id TEXT NOT NULL UNIQUE", "event_id TEXT NOT NULL")


class OtherStore(Store):
    """The store of a sandbox whose statements are changed on their way."""

    def __init__(self, store: Store, changes: Sequence[Change]) -> None:
        self._healthy = store
        self._changes = changes

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._healthy.write() as tx:
            yield self._changing(tx)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with self._healthy.read() as tx:
            yield self._changing(tx)

    def _changing(self, tx: Transaction) -> Transaction:
        return cast("Transaction", OtherTransaction(tx, self._changes))


class OtherTransaction:
    """A transaction in which some texts of a statement stand for others."""

    def __init__(self, tx: Transaction, changes: Sequence[Change]) -> None:
        self._tx = tx
        self._changes = changes

    def execute(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> sqlite3.Cursor:
        for text, instead in self._changes:
            sql = sql.replace(text, instead)
        return self._tx.execute(sql, parameters)


def requery(patch: Patch, module: ModuleType, handler: str, *changes: Change) -> None:
    """Let one handler ask the database something else: each change is a text of a statement and another for it."""
    healthy = cast("Handler", patch.original(module, handler))

    def handle(call: Call) -> Reply:
        return healthy(replace(call, sandbox=replace(call.sandbox, store=OtherStore(call.sandbox.store, changes))))

    patch.replace(module, handler, handle)


def drop(patch: Patch, *constraints: Change) -> None:
    """Rewrite the tables of 0Gate."""
    seams.drop(patch, *constraints, tables=schema)


def open_to(patch: Patch, kinds: tuple[Kind, ...], *paths: str) -> None:
    """Let keys of these kinds use all operations with these paths."""

    def change(entry: Operation) -> Operation:
        return replace(entry, keys=kinds)

    seams.reroute(patch, paths, change, operations)


def tell_foreign(patch: Patch, module: ModuleType, handler: str, table: str, column: str, member: str = "id") -> None:
    """Answer 403 instead of 404 where the object exists but is somebody else's."""
    healthy = cast("Handler", patch.original(module, handler))

    def handle(call: Call) -> Reply:
        try:
            return healthy(call)
        except Refusal as refused:
            if refused.status == 404 and exists(call, table, column, call.path[member]):
                raise refusals.forbidden("this object belongs to another partner") from None
            raise

    patch.replace(module, handler, handle)


def exists(call: Call, table: str, column: str, value: str) -> bool:
    """Whether anybody has such a row."""
    with call.sandbox.store.read() as tx:
        return tx.execute(f"SELECT 1 FROM {table} WHERE {column} = ?", (value,)).fetchone() is not None  # noqa: S608


def each_item(reply: Reply, change: Callable[[Mapping[str, object]], Mapping[str, object]]) -> Reply:
    """The reply of a list with each of its rows changed."""
    rows = cast("list[Mapping[str, object]]", reply.body["data"])
    return seams.with_members(reply, data=[change(row) for row in rows])


def floats(value: Mapping[str, object], *names: str) -> dict[str, object]:
    """The object with these amounts as JSON numbers."""
    return {
        name: float(str(member)) if name in names and member is not None else member for name, member in value.items()
    }


def known_secrets(patch: Patch) -> dict[str, str]:
    """The client secret of every session made from now on, as a mistaken column of the table would keep it.

    A secret is made with its session, so that the event of the creation could already tell it.
    """
    known: dict[str, str] = {}
    healthy_store, healthy_issue = sessions.store, client_secrets.issue

    def store(tx: sqlite3.Connection, call: Call, terms: Mapping[str, object]) -> Session:
        session = healthy_store(tx, call, terms)
        known[session.session_id] = healthy_issue(tx, session.session_id)
        return session

    def issue(tx: sqlite3.Connection, session_id: str) -> str:
        return known[session_id]

    patch.replace(sessions, "store", store)
    patch.replace(sessions, "client_secrets", seams.module_with(client_secrets, issue=issue))
    return known


def requery_if(patch: Patch, module: ModuleType, handler: str, when: Callable[[Call], bool], *changes: Change) -> None:
    """The same for the calls of a handler that are of a kind."""
    healthy = cast("Handler", patch.original(module, handler))
    requery(patch, module, handler, *changes)
    otherwise = cast("Handler", patch.original(module, handler))
    patch.replace(module, handler, lambda call: otherwise(call) if when(call) else healthy(call))


def turns_page(call: Call) -> bool:
    """Whether a call asks for another page than the first."""
    return "starting_after" in call.query

"""One key, one call: the first answer is kept with the write it belongs to, and given again to every repeat.

Refusals are not kept: a refused call has changed nothing and may be tried again under its key.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from conformance.sandbox import clock
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.gate import refusals
from conformance.sandbox.refusal import conflict, invalid

KEY: Final = re.compile(r"[!-~]{1,255}", re.ASCII)
WINDOW_SECONDS: Final = 24 * 60 * 60

Perform = Callable[[sqlite3.Connection], Reply]


@dataclass(frozen=True, slots=True)
class Keyed:
    """A call under a key: whose, of which operation, and what it asked for."""

    owner: str
    operation: str
    key: str
    fingerprint: str


def once(call: Call, operation: str, document: object, perform: Perform, *, required: bool = False) -> Reply:
    """Perform the call, or answer it as its key was answered first; 409 when the body is another one.

    ``operation`` names what is done and to what. 400 when a key is required and absent.
    """
    key = read_key(call.headers, required)
    if key is None:
        with call.sandbox.store.write() as tx:
            return perform(tx)
    keyed = Keyed(call.owner, operation, key, fingerprint(document))
    try:
        with call.sandbox.store.write() as tx:
            now = clock.account_now(tx, call.sandbox.clock, call.account)
            earlier = find(tx, keyed, now)
            if earlier is not None:
                return earlier
            reply = perform(tx)
            keep(tx, keyed, reply, now)
            return reply
    except sqlite3.IntegrityError:
        with call.sandbox.store.read() as tx:
            earlier = find(tx, keyed, clock.account_now(tx, call.sandbox.clock, call.account))
        if earlier is None:
            raise conflict("another call got there first") from None
        return earlier


def read_key(headers: Mapping[str, str], required: bool) -> str | None:
    """The key; 400 for one that is not 1 to 255 visible ASCII characters, or that is required and absent."""
    key = headers.get("idempotency-key")
    if key is None and not required:
        return None
    if key is None or not KEY.fullmatch(key):
        raise invalid("the Idempotency-Key header must have 1 to 255 visible ASCII characters")
    return key


def fingerprint(document: object) -> str:
    """The same for bodies that say the same, whatever their spacing and order of members."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def find(tx: sqlite3.Connection, keyed: Keyed, now: int) -> Reply | None:
    """The answer this key was given within the window; 409 if it stands for another body."""
    row = tx.execute(
        "SELECT fingerprint, status, body FROM gate_calls"
        " WHERE owner = ? AND operation = ? AND idempotency_key = ? AND created_at > ?",
        (keyed.owner, keyed.operation, keyed.key, now - WINDOW_SECONDS),
    ).fetchone()
    if row is None:
        return None
    if row["fingerprint"] != keyed.fingerprint:
        raise refusals.key_conflict()
    return Reply(row["status"], json.loads(row["body"]))


def keep(tx: sqlite3.Connection, keyed: Keyed, reply: Reply, now: int) -> None:
    """Store the answer. ``sqlite3.IntegrityError`` if the key has one within the window."""
    tx.execute(
        "DELETE FROM gate_calls WHERE owner = ? AND operation = ? AND idempotency_key = ? AND created_at <= ?",
        (keyed.owner, keyed.operation, keyed.key, now - WINDOW_SECONDS),
    )
    tx.execute(
        "INSERT INTO gate_calls (owner, operation, idempotency_key, fingerprint, status, body, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (keyed.owner, keyed.operation, keyed.key, keyed.fingerprint, reply.status, json.dumps(reply.body), now),
    )

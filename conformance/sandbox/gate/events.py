"""Events: their envelope, and queuing one in the transaction of the change it tells of."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping

from conformance.sandbox import clock
from conformance.sandbox.calls import Sandbox
from conformance.sandbox.gate import access, outbox


def announce(
    tx: sqlite3.Connection,
    sandbox: Sandbox,
    owner: str,
    event_type: str,
    data: Mapping[str, object],
    session_id: str | None = None,
) -> str | None:
    """Queue the event for the partner's endpoint and return the delivery's id; nothing without an endpoint.

    ``session_id`` names the session within which the event keeps its place.
    """
    account = access.account_of(owner)
    url = outbox.endpoint_of(tx, account)
    if url is None:
        return None
    event_id = new_event_id(access.mode_of(owner))
    body = render(event_id, event_type, clock.account_now(tx, sandbox.clock, account), data)
    return outbox.enqueue(tx, outbox.Event(event_id, event_type, owner, session_id, body), url, sandbox.clock())


def new_event_id(mode: str) -> str:
    return f"evt_{mode}_{secrets.token_hex(12)}"


def render(event_id: str, event_type: str, now: int, data: Mapping[str, object]) -> str:
    """The envelope; its bytes are the same for every attempt. ``created_at`` is in Unix seconds."""
    return json.dumps({"id": event_id, "type": event_type, "created_at": now, "data": dict(data)})

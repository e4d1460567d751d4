"""The three events of a trade and their bodies. Storing and sending them is the outbox's work."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from typing import Final

from conformance.sandbox import clock
from conformance.sandbox.pools import terms
from conformance.sandbox.pools.trades import Trade
from conformance.sandbox.webhooks import outbox

# None for `returned` and none for a rejected quote: both are seen by polling only.
EVENT_TYPES: Final = {
    "settled": "pool.transaction.settled",
    "failed": "pool.transaction.failed",
    "released": "pool.transaction.released",
}


def announce(tx: sqlite3.Connection, account: str, trade: Trade, status: str, now: int, wall: float) -> None:
    """Put the event of this status, if it has one, into the outbox of the same transaction."""
    event_type = EVENT_TYPES.get(status)
    if event_type is None:
        return
    body = render(trade, status, event_type, now)
    outbox.store_event(tx, event_id(trade.transact_id, event_type), account, event_type, trade.transact_id, body, wall)


def event_id(transact_id: str, event_type: str) -> str:
    """Lower-case hex SHA-256 of ``<txnId>:<eventType>``: the same for every delivery of the event."""
    return hashlib.sha256(f"{transact_id}:{event_type}".encode()).hexdigest()


def render(trade: Trade, status: str, event_type: str, now: int) -> str:
    """The envelope: ``eventId``, ``type``, then facts of the trade that the partner knows already."""
    shown = terms.render(trade.terms)
    facts = ("poolId", "side", "fiatCurrency", "cryptoCurrency", "fiatAmount", "cryptoAmount")
    return json.dumps(
        {
            "eventId": event_id(trade.transact_id, event_type),
            "type": event_type,
            "transactId": trade.transact_id,
            "quoteId": trade.quote_id,
            "status": status,
            **{name: shown[name] for name in facts},
            "occurredAt": clock.iso(now),
        }
    )

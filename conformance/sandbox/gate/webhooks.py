"""The webhook operations: the delivery log, replay of what was given up, and the test event."""

from __future__ import annotations

import sqlite3

from conformance.sandbox import clock, inputs
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.gate import events, outbox, paging
from conformance.sandbox.refusal import invalid, not_found

REPLAYED_STATUS = 200
TESTED_STATUS = 201
DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_SKIP = 2**31 - 1


def list_page(call: Call) -> Reply:
    """``GET /webhooks/deliveries``: newest first, by offset, without the bodies."""
    limit = paging.read_limit(call.query, DEFAULT_LIMIT, MAX_LIMIT)
    skip = inputs.integer(call.query, "skip", 0)
    if not 0 <= skip <= MAX_SKIP:
        raise invalid(f"skip must be 0 to {MAX_SKIP}")
    status = call.query.get("status")
    if status is not None:
        inputs.one_of(status, "status", outbox.STATUSES)
    with call.sandbox.store.read() as tx:
        rows = tx.execute(
            "SELECT * FROM gate_deliveries WHERE owner = :owner AND (:status IS NULL OR status = :status)"
            " ORDER BY seq DESC LIMIT :rows OFFSET :skip",
            {
                "owner": call.owner,
                "status": status,
                "rows": limit + 1,
                "skip": skip,
            },
        ).fetchall()
    return paging.render("/webhooks/deliveries", [render(row) for row in rows[:limit]], len(rows) > limit)


def render(row: sqlite3.Row) -> dict[str, object]:
    """The delivery as the log shows it: never what was sent."""
    return {
        "object": "webhook_delivery",
        "id": row["delivery_id"],
        "event_id": row["event_id"],
        "event_type": row["event_type"],
        "target_url": row["url"],
        "status": row["status"],
        "attempts": row["attempts"],
        "last_response_status": row["last_response_status"],
        "last_error": row["last_error"],
        "next_attempt_at": moment(row["next_attempt_at"]),
        "delivered_at": moment(row["delivered_at"]),
        "created_at": moment(row["created_at"]),
    }


def moment(wall: float | None) -> str | None:
    return None if wall is None else clock.iso(int(wall))


def find(tx: sqlite3.Connection, owner: str, delivery_id: str) -> sqlite3.Row:
    """The owner's delivery of this id; 404 for an unknown one and for anybody else's."""
    row: sqlite3.Row | None = tx.execute(
        "SELECT * FROM gate_deliveries WHERE owner = ? AND delivery_id = ?", (owner, delivery_id)
    ).fetchone()
    if row is None:
        raise not_found("no such delivery")
    return row


def replay(call: Call) -> Reply:
    """``POST /webhooks/deliveries/{id}/replay``: queue a dead letter again; 400 for any other state."""
    delivery_id = call.path["id"]
    with call.sandbox.store.write() as tx:
        find(tx, call.owner, delivery_id)
        if not outbox.requeue(tx, call.owner, delivery_id, call.sandbox.clock()):
            raise invalid("only a dead-lettered delivery can be replayed")
        return Reply(REPLAYED_STATUS, render(find(tx, call.owner, delivery_id)))


def send_test(call: Call) -> Reply:
    """``POST /webhooks/test``: a new event each time; 400 for an account without an endpoint."""
    with call.sandbox.store.write() as tx:
        delivery_id = events.announce(tx, call.sandbox, call.owner, "webhook.test", {"livemode": False})
        if delivery_id is None:
            raise invalid("no webhook_url is configured")
        return Reply(TESTED_STATUS, render(find(tx, call.owner, delivery_id)))

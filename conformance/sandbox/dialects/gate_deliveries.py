"""Variations of what 0Gate delivers: how an event is written and signed, when it comes, and how the log shows it."""

from __future__ import annotations

import json
import time
import types
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.gate import events, outbox, webhooks, worker
from conformance.sandbox.gate.outbox import Event
from conformance.sandbox.storage import Transaction
from conformance.sandbox.variations import Patch, dialect
from conformance.sandbox.webhooks import signing
from conformance.sandbox.webhooks.outbox import Delivery

ENVELOPE: Final = "gate facts section 8.2: nothing forbids further members, and signed are the bytes, in whatever form"
LATE_SECONDS: Final = 0.3
LAG_SECONDS: Final = 0.15
UNWRITTEN: Final = "gate facts section 8.3: what the data of this event holds is a gap"

Data = Mapping[str, object]
Change = Callable[[str, dict[str, object]], dict[str, object]]


def rewrite(patch: Patch, change: Change, indent: int | None = None, plain: bool = True) -> None:
    """Let the body of every event be changed, given its type, before it is stored and signed."""
    inner = events.render

    def render(event_id: str, event_type: str, now: int, data: Data) -> str:
        body = json.loads(inner(event_id, event_type, now, data))
        return json.dumps(change(event_type, body), indent=indent, ensure_ascii=plain)

    patch.replace(events, "render", render)


@dialect(
    "gate-event-id-uuid", summary="An event id is a UUID", fact="gate facts section 8.2: typed as UUID on one page"
)
def gate_event_id_uuid(patch: Patch) -> None:
    patch.replace(events, "new_event_id", lambda mode: str(uuid.uuid4()))


@dialect("gate-event-more", summary="Envelope and data of an event have further members", fact=ENVELOPE)
def gate_event_more(patch: Patch) -> None:
    def more(event_type: str, body: dict[str, object]) -> dict[str, object]:
        data = body["data"]
        assert isinstance(data, dict)
        return {"object": "event", "api_version": "2026-05-25", **body, "data": {"event": event_type, **data}}

    rewrite(patch, more)


@dialect(
    "gate-event-many-lines",
    summary="An event is written over many lines, letters as they are, last member first",
    fact=ENVELOPE,
)
def gate_event_many_lines(patch: Patch) -> None:
    rewrite(patch, lambda _, body: dict(reversed(body.items())), indent=2, plain=False)


@dialect(
    "gate-event-session-brief",
    summary="A session in an event is called so, has no members without a value, and its amount no spare digits",
    fact="gate facts sections 4.A, 11 (3): nullable members, and two names of the object",
)
def gate_event_session_brief(patch: Patch) -> None:
    def brief(event_type: str, body: dict[str, object]) -> dict[str, object]:
        data = body["data"]
        if not event_type.startswith("gate_session.") or not isinstance(data, dict):
            return body
        kept = {name: value for name, value in data.items() if value is not None}
        return {
            **body,
            "data": {**kept, "object": "session", "amount": f"{Decimal(str(data['amount'])).normalize():f}"},
        }

    rewrite(patch, brief)


@dialect(
    "gate-event-refers",
    summary="The events of quotes, customers and verification name their object and say no more",
    fact=UNWRITTEN,
)
def gate_event_refers(patch: Patch) -> None:
    def reference(event_type: str, body: dict[str, object]) -> dict[str, object]:
        data = body["data"]
        family = event_type.split(".", maxsplit=1)[0]
        if family not in ("quote", "customer", "kyc") or not isinstance(data, dict):
            return body
        named = {"quote": "quote_id", "customer": "customer_id", "kyc": "gate_session_id"}[family]
        return {**body, "data": {named: data["id"]}}

    rewrite(patch, reference)


@dialect(
    "gate-deliveries-late",
    summary="An event is sent a moment after it happened",
    fact="gate facts section 8.1: a background worker sends, and no figure is given",
)
def gate_deliveries_late(patch: Patch) -> None:
    inner = outbox.enqueue

    def enqueue(tx: Transaction, event: Event, url: str, wall: float) -> str:
        return inner(tx, event, url, wall + LATE_SECONDS)

    patch.replace(outbox, "enqueue", enqueue)


@dialect(
    "gate-deliveries-log-lags",
    summary="A delivery joins the log a moment later",
    fact="gate facts section 7: no source says that lists are up to date at once",
)
def gate_deliveries_log_lags(patch: Patch) -> None:
    made: dict[str, float] = {}
    enqueue, list_page = outbox.enqueue, webhooks.list_page

    def note(tx: Transaction, event: Event, url: str, wall: float) -> str:
        made[event.event_id] = time.monotonic()
        return enqueue(tx, event, url, wall)

    def without_the_newest(call: Call) -> Reply:
        reply = list_page(call)
        rows = reply.body["data"]
        assert isinstance(rows, list)
        old = time.monotonic() - LAG_SECONDS
        return replace(
            reply, body={**reply.body, "data": [row for row in rows if made.get(row["event_id"], 0.0) < old]}
        )

    patch.replace(outbox, "enqueue", note)
    patch.replace(webhooks, "list_page", without_the_newest)


@dialect(
    "gate-deliveries-brief",
    summary="A row of the log has no members that hold nothing, and no time of its own",
    fact="gate facts section 4.G: nullable members, and the time of creation is assumed",
)
def gate_deliveries_brief(patch: Patch) -> None:
    inner = webhooks.render

    def render(row: object) -> dict[str, object]:
        shown = inner(row)  # type: ignore[arg-type]
        return {name: value for name, value in shown.items() if value is not None and name != "created_at"}

    patch.replace(webhooks, "render", render)


@dialect(
    "gate-webhook-answers-200-201",
    summary="A test event is answered with 200 and a replay with 201",
    fact="gate facts section 11 (6): neither success status is published",
)
def gate_webhook_answers(patch: Patch) -> None:
    patch.replace(webhooks, "TESTED_STATUS", 200)
    patch.replace(webhooks, "REPLAYED_STATUS", 201)


def signed_otherwise(patch: Patch, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    """Let 0Gate's headers be changed, and those of 0Pools not."""

    def headers(delivery: Delivery, secret: str, wall: float) -> dict[str, str]:
        return change(signing.headers(delivery, secret, wall))

    patch.replace(worker, "signing", types.SimpleNamespace(headers=headers))


@dialect(
    "gate-signature-spaced",
    summary="The signature header has blanks, a part nobody knows and a second digest",
    fact="gate facts section 8.4: blanks are trimmed, unknown names ignored, a second v1 is a gap",
)
def gate_signature_spaced(patch: Patch) -> None:
    def spaced(headers: dict[str, str]) -> dict[str, str]:
        stamp, digest = headers[signing.SIGNATURE_HEADER].split(",")
        return {**headers, signing.SIGNATURE_HEADER: f"v0=none, {stamp}, v1={'0' * 64}, {digest}"}

    signed_otherwise(patch, spaced)


@dialect(
    "gate-timestamp-in-words",
    summary="X-0bit-Timestamp is written as a date and time",
    fact="gate facts section 8.1: the header is published, its form is not",
)
def gate_timestamp_in_words(patch: Patch) -> None:
    def worded(headers: dict[str, str]) -> dict[str, str]:
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(headers["X-0bit-Timestamp"])))
        return {**headers, "X-0bit-Timestamp": moment}

    signed_otherwise(patch, worded)

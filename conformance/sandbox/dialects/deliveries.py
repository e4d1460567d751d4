"""Variations of webhooks: the envelope's tail, the id's encoding, headers, and when and how often one arrives."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import types
from collections.abc import Callable
from typing import Final

from conformance.sandbox.pools import events
from conformance.sandbox.pools.trades import Trade
from conformance.sandbox.storage import Transaction
from conformance.sandbox.variations import Patch, dialect
from conformance.sandbox.webhooks import outbox, signing, worker
from conformance.sandbox.webhooks.outbox import Delivery

ENVELOPE: Final = "facts section 11: the envelope begins with eventId and type; the rest is unread"
ENCODING: Final = "facts section 11: eventId is a SHA-256; its encoding is unread"
AT_LEAST_ONCE: Final = "facts section 11: at least once, the receiver dedupes; when and in which order is unstated"
OVERTAKEN_SECONDS: Final = 0.6

Body = dict[str, object]


def rewrite(patch: Patch, change: Callable[[Body], Body], **style: int) -> None:
    inner = events.render

    def render(trade: Trade, status: str, event_type: str, now: int) -> str:
        return json.dumps(change(json.loads(inner(trade, status, event_type, now))), indent=style.get("indent"))

    patch.replace(events, "render", render)


@dialect("event-nested", summary="An event holds the trade facts in a member called data", fact=ENVELOPE)
def event_nested(patch: Patch) -> None:
    def nested(body: Body) -> Body:
        tail = {name: value for name, value in body.items() if name not in {"eventId", "type"}}
        return {"eventId": body["eventId"], "type": body["type"], "data": tail}

    rewrite(patch, nested)


@dialect("event-more", summary="An event has further members, a version and a mode among them", fact=ENVELOPE)
def event_more(patch: Patch) -> None:
    rewrite(patch, lambda body: {"version": "2026-05-25", "livemode": False, **body, "metadata": {"attempt": None}})


@dialect("event-brief", summary="An event has id, type, trade, quote and status only", fact=ENVELOPE)
def event_brief(patch: Patch) -> None:
    names = ("eventId", "type", "transactId", "quoteId", "status")
    rewrite(patch, lambda body: {name: body[name] for name in names})


@dialect(
    "event-other-names", summary="An event calls the trade id txnId", fact=f"{ENVELOPE}; the id formula says <txnId>"
)
def event_other_names(patch: Patch) -> None:
    rewrite(patch, lambda body: {"txnId" if name == "transactId" else name: value for name, value in body.items()})


@dialect(
    "event-indented",
    summary="An event is written over many lines",
    fact="facts section 11: the signature covers the raw bytes; their form is unread",
)
def event_indented(patch: Patch) -> None:
    rewrite(patch, lambda body: body, indent=2)


@dialect("event-id-upper-case", summary="An event id is written in upper-case hex", fact=ENCODING)
def event_id_upper_case(patch: Patch) -> None:
    inner = events.event_id
    patch.replace(events, "event_id", lambda transact_id, event_type: inner(transact_id, event_type).upper())


@dialect("event-id-base64", summary="An event id is written in URL-safe base64", fact=ENCODING)
def event_id_base64(patch: Patch) -> None:
    def event_id(transact_id: str, event_type: str) -> str:
        digest = hashlib.sha256(f"{transact_id}:{event_type}".encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    patch.replace(events, "event_id", event_id)


@dialect(
    "event-bare-headers",
    summary="A delivery has its signature header and no X-0bit-… headers",
    fact="facts section 11: the headers of 0Pools are unread, those of 0Gate are for comparison",
)
def event_bare_headers(patch: Patch) -> None:
    def headers(delivery: Delivery, secret: str, wall: float) -> dict[str, str]:
        full = signing.headers(delivery, secret, wall)
        return {name: full[name] for name in ("Content-Type", signing.SIGNATURE_HEADER)}

    # The worker of 0Pools alone: the headers of 0Gate are published.
    patch.replace(worker, "signing", types.SimpleNamespace(headers=headers))


@dialect("event-twice", summary="Every event is delivered twice", fact=AT_LEAST_ONCE)
def event_twice(patch: Patch) -> None:
    inner = outbox.enqueue

    def enqueue(tx: Transaction, event_id: str, url: str, wall: float) -> int:
        first = inner(tx, event_id, url, wall)
        inner(tx, event_id, url, wall + OVERTAKEN_SECONDS / 2)
        return first

    patch.replace(outbox, "enqueue", enqueue)


@dialect("event-late", summary="Every event is delivered a second late", fact=AT_LEAST_ONCE)
def event_late(patch: Patch) -> None:
    inner = outbox.enqueue
    patch.replace(outbox, "enqueue", lambda tx, event_id, url, wall: inner(tx, event_id, url, wall + 1.0))


@dialect("event-out-of-order", summary="Every other event is overtaken by those after it", fact=AT_LEAST_ONCE)
def event_out_of_order(patch: Patch) -> None:
    inner = outbox.enqueue
    delays = itertools.cycle((OVERTAKEN_SECONDS, 0.0))

    def enqueue(tx: Transaction, event_id: str, url: str, wall: float) -> int:
        return inner(tx, event_id, url, wall + next(delays))

    patch.replace(outbox, "enqueue", enqueue)

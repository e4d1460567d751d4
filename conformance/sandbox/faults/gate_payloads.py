"""Mistakes with what the events of 0Gate say: their envelope and their data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from conformance.sandbox import clock
from conformance.sandbox.faults import gate_seams
from conformance.sandbox.gate import events
from conformance.sandbox.variations import Patch, fault

Data = Mapping[str, object]
# Whoever looks for an event by what it says does not find it.
OF_UNREADABLE_EVENTS = (
    "GATE-WEBHOOK-PAYLOAD",
    "GATE-WEBHOOK-HEADERS",
    "GATE-WEBHOOK-SESSION-EVENTS",
    "GATE-WEBHOOK-HOSTED-EVENTS",
    "GATE-WEBHOOK-RAIL-EVENTS",
    "GATE-WEBHOOK-CUSTOMER-EVENTS",
    "GATE-WEBHOOK-ORDER",
    "GATE-WEBHOOK-RETRY",
    "GATE-WEBHOOK-RETRY-UNANSWERED",
    "GATE-WEBHOOK-NO-RETRY",
    "GATE-TEST-EVENT",
    "GATE-DELIVERY-LOGGED",
    "GATE-REPLAY",
)


@fault(
    "gate-event-without-id",
    summary="The id of an event stands in the header only",
    fact="gate facts section 8.2: the envelope has id, type, created_at and data",
    klass="envelope",
    breaks=("GATE-WEBHOOK-ENVELOPE",),
    drags=OF_UNREADABLE_EVENTS,
)
def gate_event_without_id(patch: Patch) -> None:
    envelope(patch, lambda told: {name: told[name] for name in told if name != "id"})


@fault(
    "gate-event-time-as-text",
    summary="created_at of an event is an ISO text",
    fact="gate facts section 8.2: created_at is an integer, Unix seconds",
    klass="envelope",
    breaks=("GATE-WEBHOOK-ENVELOPE",),
    drags=("GATE-WEBHOOK-PAYLOAD",),
)
def gate_event_time_as_text(patch: Patch) -> None:
    envelope(patch, lambda told: {**told, "created_at": clock.iso(told["created_at"])})


@fault(
    "gate-event-time-in-milliseconds",
    summary="created_at of an event is in milliseconds",
    fact="gate facts section 8.2: created_at is an integer, Unix seconds",
    klass="envelope",
    breaks=("GATE-WEBHOOK-ENVELOPE",),
    drags=("GATE-WEBHOOK-PAYLOAD",),
)
def gate_event_time_in_milliseconds(patch: Patch) -> None:
    envelope(patch, lambda told: {**told, "created_at": told["created_at"] * 1000})


@fault(
    "gate-event-data-at-the-top",
    summary="The object stands at the top of an event, beside its type, instead of under data",
    fact="gate facts section 8.2: the envelope has id, type, created_at and data",
    klass="envelope",
    breaks=("GATE-WEBHOOK-ENVELOPE",),
    drags=OF_UNREADABLE_EVENTS,
)
def gate_event_data_at_the_top(patch: Patch) -> None:
    envelope(patch, lambda told: {**told["data"], **{name: told[name] for name in told if name != "data"}})


@fault(
    "gate-event-of-id-only",
    summary="The data of a session's event is its id and nothing more",
    fact="gate facts section 8.3: data is the whole session",
    klass="payload",
    breaks=("GATE-WEBHOOK-PAYLOAD",),
    drags=("GATE-WEBHOOK-SESSION-EVENTS", "GATE-WEBHOOK-HOSTED-EVENTS"),
)
def gate_event_of_id_only(patch: Patch) -> None:
    tell(patch, lambda kind, data: {"id": data["id"]} if kind.startswith("gate_session.") else data)


@fault(
    "gate-event-of-rail-names-quote",
    summary="data.id of a rail's event is the id of its quote",
    fact="gate facts section 8.3: data.id is the rail id",
    klass="payload",
    breaks=("GATE-WEBHOOK-RAIL-EVENTS",),
    drags=("GATE-WEBHOOK-PAYLOAD",),
)
def gate_event_of_rail_names_quote(patch: Patch) -> None:
    tell(patch, lambda kind, data: {**data, "id": data["quote_id"]} if kind.startswith("rail.") else data)


@fault(
    "gate-completed-without-transaction",
    summary="The event of a completed session does not name its transaction",
    fact="gate facts section 8.3: gate_session.completed has the session and tx_refid",
    klass="payload",
    breaks=("GATE-WEBHOOK-PAYLOAD",),
)
def gate_completed_without_transaction(patch: Patch) -> None:
    tell(patch, lambda kind, data: {name: data[name] for name in data if name != "tx_refid"})


@fault(
    "gate-event-amount-as-number",
    summary="Amounts in events are JSON numbers",
    fact="gate facts section 3: amounts are decimal strings, never JSON numbers",
    klass="payload",
    breaks=("GATE-WEBHOOK-PAYLOAD",),
)
def gate_event_amount_as_number(patch: Patch) -> None:
    tell(patch, lambda kind, data: gate_seams.floats(data, "amount", "fiat_amount", "crypto_amount"))


@fault(
    "gate-secret-in-created-event",
    summary="The event of a new session carries its client secret",
    fact="gate facts section 8.3: client_secret is in no event, it is given by create alone",
    klass="secrets",
    breaks=("GATE-WEBHOOK-NO-SECRET",),
    drags=("GATE-WEBHOOK-PAYLOAD",),
)
def gate_secret_in_created_event(patch: Patch) -> None:
    secret_in(patch, "gate_session.created")


@fault(
    "gate-secret-in-last-event",
    summary="The event of a cancelled session carries its client secret",
    fact="gate facts section 8.3: client_secret is in no event, it is given by create alone",
    klass="secrets",
    breaks=("GATE-WEBHOOK-NO-SECRET",),
    drags=("GATE-WEBHOOK-PAYLOAD",),
)
def gate_secret_in_last_event(patch: Patch) -> None:
    secret_in(patch, "gate_session.cancelled")


@fault(
    "gate-event-without-metadata",
    summary="Events of a session come without its metadata",
    fact="gate facts section 8.3: data.metadata and user_reference come through",
    klass="payload",
    breaks=("GATE-WEBHOOK-SESSION-EVENTS",),
    drags=("GATE-WEBHOOK-PAYLOAD",),
)
def gate_event_without_metadata(patch: Patch) -> None:
    tell(patch, lambda kind, data: {**data, "metadata": {}} if kind.startswith("gate_session.") else data)


@fault(
    "gate-event-without-reference",
    summary="Events of a session come without the partner's reference of its user",
    fact="gate facts section 8.3: data.metadata and user_reference come through",
    klass="payload",
    breaks=("GATE-WEBHOOK-SESSION-EVENTS",),
    drags=("GATE-WEBHOOK-PAYLOAD",),
)
def gate_event_without_reference(patch: Patch) -> None:
    tell(patch, lambda kind, data: {name: data[name] for name in data if name != "user_reference"})


def envelope(patch: Patch, change: Callable[[dict[str, Any]], object]) -> None:
    """Write the envelope in another way."""
    healthy = events.render

    def render(event_id: str, event_type: str, now: int, data: Data) -> str:
        return json.dumps(change(json.loads(healthy(event_id, event_type, now, data))))

    patch.replace(events, "render", render)


def tell(patch: Patch, change: Callable[[str, Data], Data]) -> None:
    """Say something else in the data of an event, by its type."""
    healthy = events.render

    def render(event_id: str, event_type: str, now: int, data: Data) -> str:
        return healthy(event_id, event_type, now, change(event_type, data))

    patch.replace(events, "render", render)


def secret_in(patch: Patch, event_type: str) -> None:
    """Put the client secret into the events of this type."""
    known = gate_seams.known_secrets(patch)

    def change(kind: str, data: Data) -> Data:
        return {**data, "client_secret": known[str(data["id"])]} if kind == event_type else data

    tell(patch, change)

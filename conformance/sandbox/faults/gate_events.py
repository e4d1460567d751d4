"""Mistakes with the events of 0Gate: which are sent, and how often."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from conformance.sandbox.calls import Call, Reply, Sandbox
from conformance.sandbox.gate import customers, events, rails, sessions
from conformance.sandbox.variations import Patch, fault

Data = Mapping[str, object]


@fault(
    "gate-no-event-of-creation",
    summary="Nobody is told of a new session",
    fact="gate facts section 8.3: gate_session.created",
    klass="events",
    breaks=("GATE-WEBHOOK-SESSION-EVENTS",),
    drags=("GATE-WEBHOOK-ORDER", "GATE-WEBHOOK-NO-SECRET", "GATE-WEBHOOK-RETRY", "GATE-WEBHOOK-RETRY-UNANSWERED"),
)
def gate_no_event_of_creation(patch: Patch) -> None:
    keep_quiet(patch, lambda kind: kind == "gate_session.created")


@fault(
    "gate-no-event-of-cancellation",
    summary="Nobody is told that a session has been cancelled",
    fact="gate facts section 8.3: gate_session.cancelled",
    klass="events",
    breaks=("GATE-WEBHOOK-SESSION-EVENTS",),
    drags=("GATE-WEBHOOK-ORDER",),
)
def gate_no_event_of_cancellation(patch: Patch) -> None:
    keep_quiet(patch, lambda kind: kind == "gate_session.cancelled")


@fault(
    "gate-event-for-refused-cancel",
    summary="A cancellation that is refused is announced all the same",
    fact="gate facts section 5.1: gate_session.cancelled when an open session is cancelled",
    klass="events",
    breaks=("GATE-WEBHOOK-SESSION-EVENTS",),
    drags=("GATE-WEBHOOK-ORDER", "GATE-WEBHOOK-HOSTED-EVENTS"),
)
def gate_event_for_refused_cancel(patch: Patch) -> None:
    healthy = sessions.cancel

    def cancel(call: Call) -> Reply:
        with call.sandbox.store.write() as tx:
            session = sessions.find(tx, call.owner, call.path["id"])
            if session.status != sessions.OPEN:
                sessions.announce(tx, call.sandbox, session, "gate_session.cancelled")
        call.sandbox.wake_deliveries()
        return healthy(call)

    patch.replace(sessions, "cancel", cancel)


@fault(
    "gate-created-told-twice",
    summary="A new session is announced twice, with two event ids",
    fact="gate facts section 8.3: one event when a session is created",
    klass="events",
    breaks=("GATE-WEBHOOK-SESSION-EVENTS",),
    drags=("GATE-WEBHOOK-ORDER", "GATE-WEBHOOK-NO-RETRY"),
)
def gate_created_told_twice(patch: Patch) -> None:
    repeat(patch, "gate_session.created")


@fault(
    "gate-no-event-of-processing",
    summary="Nobody is told that a linked action has started",
    fact="gate facts section 8.3: gate_session.processing",
    klass="events",
    breaks=("GATE-WEBHOOK-HOSTED-EVENTS",),
    drags=("GATE-WEBHOOK-ORDER",),
)
def gate_no_event_of_processing(patch: Patch) -> None:
    keep_quiet(patch, lambda kind: kind == "gate_session.processing")


@fault(
    "gate-no-event-of-failure",
    summary="Only ends are announced, so nobody is told that a linked action has failed",
    fact="gate facts section 8.3: gate_session.failed",
    klass="events",
    breaks=("GATE-WEBHOOK-HOSTED-EVENTS",),
    drags=("GATE-WEBHOOK-ORDER",),
)
def gate_no_event_of_failure(patch: Patch) -> None:
    keep_quiet(patch, lambda kind: kind == "gate_session.failed")


@fault(
    "gate-no-event-of-completion",
    summary="Nobody is told that a session has been completed",
    fact="gate facts section 8.3: gate_session.completed",
    klass="events",
    breaks=("GATE-WEBHOOK-HOSTED-EVENTS",),
    drags=("GATE-WEBHOOK-ORDER",),
)
def gate_no_event_of_completion(patch: Patch) -> None:
    keep_quiet(patch, lambda kind: kind == "gate_session.completed")


@fault(
    "gate-no-event-of-expiry",
    summary="Sessions expire in silence",
    fact="gate facts section 8.3: gate_session.expired",
    klass="events",
    breaks=("GATE-WEBHOOK-HOSTED-EVENTS",),
    drags=("GATE-WEBHOOK-ORDER",),
)
def gate_no_event_of_expiry(patch: Patch) -> None:
    keep_quiet(patch, lambda kind: kind == "gate_session.expired")


@fault(
    "gate-expiry-told-as-cancellation",
    summary="An expired session is announced as cancelled",
    fact="gate facts section 8.3: gate_session.expired when the time is over",
    klass="events",
    breaks=("GATE-WEBHOOK-HOSTED-EVENTS",),
    drags=("GATE-WEBHOOK-PAYLOAD", "GATE-WEBHOOK-ORDER"),
)
def gate_expiry_told_as_cancellation(patch: Patch) -> None:
    rename(patch, {"gate_session.expired": "gate_session.cancelled"})


@fault(
    "gate-no-event-of-redemption",
    summary="Nobody is told that a quote has been redeemed",
    fact="gate facts section 8.3: quote.consumed",
    klass="events",
    breaks=("GATE-WEBHOOK-RAIL-EVENTS",),
)
def gate_no_event_of_redemption(patch: Patch) -> None:
    keep_quiet(patch, lambda kind: kind == "quote.consumed")


@fault(
    "gate-redemption-told-twice",
    summary="quote.consumed is sent by the quote and by the rail, with two event ids",
    fact="gate facts section 5.2: quote.consumed on first redemption",
    klass="events",
    breaks=("GATE-WEBHOOK-RAIL-EVENTS",),
)
def gate_redemption_told_twice(patch: Patch) -> None:
    repeat(patch, "quote.consumed")


@fault(
    "gate-no-event-of-rail-start",
    summary="A rail is first announced when it ends",
    fact="gate facts section 8.3: rail.pay_in.processing and rail.pay_out.processing",
    klass="events",
    breaks=("GATE-WEBHOOK-RAIL-EVENTS",),
)
def gate_no_event_of_rail_start(patch: Patch) -> None:
    keep_quiet(patch, lambda kind: kind.startswith("rail.") and kind.endswith(".processing"))


@fault(
    "gate-no-event-of-rail-failure",
    summary="Rails that fail or are cancelled are not announced",
    fact="gate facts section 8.3: rail.pay_in.failed, rail.pay_in.cancelled and those of pay-outs",
    klass="events",
    breaks=("GATE-WEBHOOK-RAIL-EVENTS",),
)
def gate_no_event_of_rail_failure(patch: Patch) -> None:
    keep_quiet(patch, lambda kind: kind.startswith("rail.") and kind.endswith((".failed", ".cancelled")))


@fault(
    "gate-pay-out-told-as-pay-in",
    summary="Pay-outs are announced as pay-ins",
    fact="gate facts section 8.3: rail.pay_out.*",
    klass="events",
    breaks=("GATE-WEBHOOK-RAIL-EVENTS",),
    drags=("GATE-WEBHOOK-PAYLOAD",),
)
def gate_pay_out_told_as_pay_in(patch: Patch) -> None:
    states = (rails.PROCESSING, rails.SETTLED, rails.FAILED, rails.CANCELLED)
    rename(patch, {f"rail.pay_out.{state}": f"rail.pay_in.{state}" for state in states})


@fault(
    "gate-rail-settled-told-at-start",
    summary="A rail is announced as settled the moment it is created",
    fact="gate facts section 5.3: processing first, then settled, failed or cancelled",
    klass="events",
    breaks=("GATE-WEBHOOK-RAIL-EVENTS",),
    drags=("GATE-WEBHOOK-PAYLOAD",),
)
def gate_rail_settled_told_at_start(patch: Patch) -> None:
    rename(patch, {f"rail.{kind}.processing": f"rail.{kind}.settled" for kind in ("pay_in", "pay_out")})


@fault(
    "gate-no-event-of-customer-update",
    summary="Nobody is told that a customer has been changed",
    fact="gate facts section 8.3: customer.updated",
    klass="events",
    breaks=("GATE-WEBHOOK-CUSTOMER-EVENTS",),
)
def gate_no_event_of_customer_update(patch: Patch) -> None:
    keep_quiet(patch, lambda kind: kind == "customer.updated")


@fault(
    "gate-no-event-of-customer-deletion",
    summary="Nobody is told that a customer has been deleted",
    fact="gate facts section 8.3: customer.deleted",
    klass="events",
    breaks=("GATE-WEBHOOK-CUSTOMER-EVENTS",),
)
def gate_no_event_of_customer_deletion(patch: Patch) -> None:
    keep_quiet(patch, lambda kind: kind == "customer.deleted")


@fault(
    "gate-customer-deletion-told-each-time",
    summary="Each repeat of a deletion is announced",
    fact="gate facts section 4.H: repeating a deletion returns the same marker; the event comes once",
    klass="events",
    breaks=("GATE-WEBHOOK-CUSTOMER-EVENTS",),
)
def gate_customer_deletion_told_each_time(patch: Patch) -> None:
    healthy = customers.delete

    def delete(call: Call) -> Reply:
        with call.sandbox.store.write() as tx:
            customer = customers.find(tx, call.owner, call.path["id"])
            if customer.deleted_at is not None:
                marker = customers.render_deleted(customer)
                events.announce(tx, call.sandbox, call.owner, "customer.deleted", marker)
        return healthy(call)

    patch.replace(customers, "delete", delete)


@fault(
    "gate-customer-creation-told-as-update",
    summary="A new customer is announced as an updated one",
    fact="gate facts section 8.3: customer.created",
    klass="events",
    breaks=("GATE-WEBHOOK-CUSTOMER-EVENTS",),
)
def gate_customer_creation_told_as_update(patch: Patch) -> None:
    rename(patch, {"customer.created": "customer.updated"})


def announce_otherwise(patch: Patch, kinds: Callable[[str], tuple[str, ...]]) -> None:
    """Send the events that each type stands for."""
    healthy = events.announce

    def announce(
        tx: sqlite3.Connection,
        sandbox: Sandbox,
        owner: str,
        event_type: str,
        data: Data,
        session_id: str | None = None,
    ) -> str | None:
        made = [healthy(tx, sandbox, owner, kind, data, session_id) for kind in kinds(event_type)]
        return made[0] if made else None

    patch.replace(events, "announce", announce)


def keep_quiet(patch: Patch, which: Callable[[str], bool]) -> None:
    """Send no events of these types."""
    announce_otherwise(patch, lambda kind: () if which(kind) else (kind,))


def repeat(patch: Patch, event_type: str) -> None:
    """Send two events where there should be one."""
    announce_otherwise(patch, lambda kind: (kind, kind) if kind == event_type else (kind,))


def rename(patch: Patch, names: Mapping[str, str]) -> None:
    """Send events of other types."""
    announce_otherwise(patch, lambda kind: (names.get(kind, kind),))

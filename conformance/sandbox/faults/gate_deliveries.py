"""Mistakes with 0Gate's delivery log, with replaying a dead letter, and with the test event."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace

from conformance.sandbox.calls import Call, Reply, Sandbox
from conformance.sandbox.faults import gate_seams, seams
from conformance.sandbox.gate import access, events, outbox, webhooks
from conformance.sandbox.refusal import Refusal, not_found
from conformance.sandbox.variations import Patch, fault


@fault(
    "gate-delivery-stuck-in-flight",
    summary="The log shows a delivery as being in flight long after it was taken",
    fact="gate facts section 5.4: in_flight becomes succeeded with a 2xx",
    klass="logs",
    breaks=("GATE-DELIVERY-LOGGED",),
    drags=("GATE-DELIVERY-LIST", "GATE-REPLAY-STATE"),
)
def gate_delivery_stuck_in_flight(patch: Patch) -> None:
    log_otherwise(patch, lambda row: {"status": outbox.IN_FLIGHT} if row["status"] == outbox.SUCCEEDED else {})


@fault(
    "gate-delivery-logged-under-other-id",
    summary="The log shows a delivery's own id as that of its event",
    fact="gate facts section 4.G: event_id is the X-0bit-Event-Id",
    klass="logs",
    breaks=("GATE-DELIVERY-LOGGED",),
    drags=("GATE-REPLAY", "GATE-TEST-EVENT"),
)
def gate_delivery_logged_under_other_id(patch: Patch) -> None:
    log_otherwise(patch, lambda row: {"event_id": row["delivery_id"]})


@fault(
    "gate-delivery-logged-under-family",
    summary="The log shows the family of an event as its type",
    fact="gate facts section 4.G: event_type is the event's name",
    klass="logs",
    breaks=("GATE-DELIVERY-LOGGED",),
    drags=("WIRE-BODY", "GATE-TEST-EVENT"),
)
def gate_delivery_logged_under_family(patch: Patch) -> None:
    log_otherwise(patch, lambda row: {"event_type": row["event_type"].partition(".")[0]})


@fault(
    "gate-delivery-log-without-address",
    summary="The log does not say where a delivery went",
    fact="gate facts section 4.G: target_url is where it was sent",
    klass="logs",
    breaks=("GATE-DELIVERY-NO-BODY",),
    drags=("WIRE-BODY", "GATE-DELIVERY-LIST"),
)
def gate_delivery_log_without_address(patch: Patch) -> None:
    healthy = webhooks.render

    def render(row: sqlite3.Row) -> dict[str, object]:
        return {name: value for name, value in healthy(row).items() if name != "target_url"}

    patch.replace(webhooks, "render", render)


@fault(
    "gate-replay-of-success-accepted",
    summary="A delivery that succeeded is replayed",
    fact="gate facts section 4.G: only dead-lettered deliveries; other states are a 400",
    klass="replay",
    breaks=("GATE-REPLAY-STATE",),
)
def gate_replay_of_success_accepted(patch: Patch) -> None:
    requeue_from(patch, "status IN ('dead_lettered', 'succeeded')")


@fault(
    "gate-replay-of-success-as-409",
    summary="Replaying a delivery that succeeded is a 409",
    fact="gate facts section 11 (9): 400 for replay in the wrong state",
    klass="replay",
    breaks=("GATE-REPLAY-STATE",),
    drags=("WIRE-STATUS",),
)
def gate_replay_of_success_as_409(patch: Patch) -> None:
    patch.replace(webhooks, "invalid", seams.refusing(409, "conflict"))


@fault(
    "gate-replay-refused-and-sent",
    summary="Replaying a delivery that succeeded is refused, and it is sent all the same",
    fact="gate facts section 4.G: other states are a 400",
    klass="replay",
    breaks=("GATE-REPLAY-STATE",),
    drags=("GATE-WEBHOOK-NO-RETRY",),
)
def gate_replay_refused_and_sent(patch: Patch) -> None:
    healthy = webhooks.replay

    def replay(call: Call) -> Reply:
        try:
            return healthy(call)
        except Refusal:
            with call.sandbox.store.write() as tx:
                tx.execute(
                    "UPDATE gate_deliveries SET status = 'pending', tries_left = 5, next_attempt_at = ?"
                    " WHERE owner = ? AND delivery_id = ? AND status = 'succeeded'",
                    (call.sandbox.clock(), call.owner, call.path["id"]),
                )
            call.sandbox.wake_deliveries()
            raise

    patch.replace(webhooks, "replay", replay)


@fault(
    "gate-replay-of-unknown-as-400",
    summary="Replaying a delivery that does not exist is a 400",
    fact="gate facts section 4.G: foreign or unknown is a 404",
    klass="replay",
    breaks=("GATE-REPLAY-STATE",),
    drags=("GATE-UNKNOWN-ID", "GATE-ISOLATION-OBJECTS"),
)
def gate_replay_of_unknown_as_400(patch: Patch) -> None:
    patch.replace(webhooks, "not_found", seams.refusing(400, "invalid_request"))


@fault(
    "gate-replay-not-sent",
    summary="A replay answers that the delivery is pending and does not queue it",
    fact="gate facts section 4.G: the worker sends it on its next tick",
    klass="replay",
    breaks=("GATE-REPLAY",),
)
def gate_replay_not_sent(patch: Patch) -> None:
    healthy = outbox.requeue

    def requeue(tx: sqlite3.Connection, owner: str, delivery_id: str, wall: float) -> bool:
        return healthy(tx, owner, delivery_id, wall + 10 * 365 * 24 * 3600)

    patch.replace(outbox, "requeue", requeue)


@fault(
    "gate-replay-as-new-event",
    summary="A replay sends the event under a new id",
    fact="gate facts section 4.G: event_id unchanged",
    klass="replay",
    breaks=("GATE-REPLAY",),
    drags=("GATE-DELIVERY-LOGGED",),
)
def gate_replay_as_new_event(patch: Patch) -> None:
    healthy = outbox.requeue

    def requeue(tx: sqlite3.Connection, owner: str, delivery_id: str, wall: float) -> bool:
        moved = healthy(tx, owner, delivery_id, wall)
        if moved:
            row = webhooks.find(tx, owner, delivery_id)
            its_id = events.new_event_id(access.mode_of(owner))
            tx.execute(
                "UPDATE gate_deliveries SET event_id = ?, body = ? WHERE delivery_id = ?",
                (its_id, row["body"].replace(row["event_id"], its_id), delivery_id),
            )
        return moved

    patch.replace(outbox, "requeue", requeue)


@fault(
    "gate-replay-answers-dead-letter",
    summary="A replay answers the delivery as it was before",
    fact="gate facts section 4.G: it returns the delivery with status pending",
    klass="replay",
    breaks=("GATE-REPLAY",),
)
def gate_replay_answers_dead_letter(patch: Patch) -> None:
    seams.amend(patch, webhooks, "replay", lambda reply: seams.with_members(reply, status=outbox.DEAD_LETTERED))


@fault(
    "gate-replay-foreign",
    summary="A dead letter of another partner can be replayed",
    fact="gate facts section 4.G: a foreign delivery is a 404",
    klass="isolation",
    breaks=("GATE-ISOLATION-OBJECTS",),
)
def gate_replay_foreign(patch: Patch) -> None:
    gate_seams.requery(patch, webhooks, "replay", gate_seams.OF_ANYBODY)


@fault(
    "gate-foreign-delivery-as-403",
    summary="A delivery of another partner is refused with 403, which tells that it exists",
    fact="gate facts section 1.3: an object of another partner always reads as 404, never 403",
    klass="isolation",
    breaks=("GATE-ISOLATION-OBJECTS",),
)
def gate_foreign_delivery_as_403(patch: Patch) -> None:
    gate_seams.tell_foreign(patch, webhooks, "replay", "gate_deliveries", "delivery_id")


@fault(
    "gate-test-event-live",
    summary="The test event says that it is live",
    fact="gate facts section 4.G: data.livemode is false in every mode",
    klass="test events",
    breaks=("GATE-TEST-EVENT",),
    drags=("GATE-WEBHOOK-PAYLOAD",),
)
def gate_test_event_live(patch: Patch) -> None:
    announce_test(patch, {"livemode": True}, "webhook.test")


@fault(
    "gate-test-event-without-livemode",
    summary="The test event does not say that it is none of live mode",
    fact="gate facts section 4.G: data.livemode is false in every mode",
    klass="test events",
    breaks=("GATE-TEST-EVENT",),
    drags=("GATE-WEBHOOK-PAYLOAD",),
)
def gate_test_event_without_livemode(patch: Patch) -> None:
    announce_test(patch, {"message": "hello"}, "webhook.test")


@fault(
    "gate-test-event-of-other-type",
    summary="The test event is one of a completed session",
    fact="gate facts section 4.G: the test event is webhook.test",
    klass="test events",
    breaks=("GATE-TEST-EVENT",),
    drags=("GATE-WEBHOOK-PAYLOAD", "GATE-WEBHOOK-HOSTED-EVENTS"),
)
def gate_test_event_of_other_type(patch: Patch) -> None:
    announce_test(patch, {"livemode": False}, "gate_session.completed")


@fault(
    "gate-test-event-always-the-same",
    summary="Every test event has the same event id",
    fact="gate facts section 4.G: each call makes a new event with a new event_id",
    klass="test events",
    breaks=("GATE-TEST-EVENT",),
    drags=("GATE-REPLAY", "GATE-REPLAY-STATE", "GATE-DELIVERY-LOGGED", "GATE-DELIVERY-LIST", "GATE-WEBHOOK-NO-RETRY"),
)
def gate_test_event_always_the_same(patch: Patch) -> None:
    healthy = outbox.enqueue

    def enqueue(tx: sqlite3.Connection, event: outbox.Event, url: str, wall: float) -> str:
        if event.event_type != "webhook.test":
            return healthy(tx, event, url, wall)
        its_id = f"evt_{access.mode_of(event.owner)}_{'0' * 24}"
        return healthy(tx, replace(event, event_id=its_id, body=event.body.replace(event.event_id, its_id)), url, wall)

    gate_seams.drop(patch, gate_seams.ONE_DELIVERY_PER_EVENT)
    patch.replace(outbox, "enqueue", enqueue)


@fault(
    "gate-test-event-sent-once",
    summary="A second call for a test event answers the delivery of the first",
    fact="gate facts section 4.G: not idempotent, each call makes a new event",
    klass="test events",
    breaks=("GATE-TEST-EVENT",),
)
def gate_test_event_sent_once(patch: Patch) -> None:
    healthy = webhooks.send_test
    first: dict[str, Reply] = {}

    def send_test(call: Call) -> Reply:
        if call.owner not in first:
            first[call.owner] = healthy(call)
        return first[call.owner]

    patch.replace(webhooks, "send_test", send_test)


@fault(
    "gate-test-event-to-nowhere",
    summary="Without a webhook address the test event is queued, and delivered nowhere",
    fact="gate facts section 4.G: without webhook_url a 400",
    klass="test events",
    breaks=("GATE-TEST-EVENT-NO-URL",),
)
def gate_test_event_to_nowhere(patch: Patch) -> None:
    healthy = outbox.endpoint_of

    def endpoint_of(tx: sqlite3.Connection, account: str) -> str:
        return healthy(tx, account) or "http://127.0.0.1:9/nowhere"

    patch.replace(outbox, "endpoint_of", endpoint_of)


@fault(
    "gate-test-event-without-address-as-404",
    summary="Without a webhook address the test endpoint is not there",
    fact="gate facts section 4.G: without webhook_url a 400",
    klass="test events",
    breaks=("GATE-TEST-EVENT-NO-URL",),
    drags=("WIRE-STATUS", "GATE-REPLAY-STATE"),
)
def gate_test_event_without_address_as_404(patch: Patch) -> None:
    healthy = webhooks.send_test

    def send_test(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            if outbox.endpoint_of(tx, call.account) is None:
                raise not_found("no webhook_url is configured")
        return healthy(call)

    patch.replace(webhooks, "send_test", send_test)


def log_otherwise(patch: Patch, change: Callable[[sqlite3.Row], dict[str, object]]) -> None:
    """Show a row of the log with other members."""
    healthy = webhooks.render
    patch.replace(webhooks, "render", lambda row: {**healthy(row), **change(row)})


def requeue_from(patch: Patch, states: str) -> None:
    """Let deliveries in these states be queued again."""
    gate_seams.requery(patch, webhooks, "replay", ("status = 'dead_lettered'", states))


def announce_test(patch: Patch, data: Mapping[str, object], event_type: str) -> None:
    """Send something else as the test event."""
    healthy = events.announce

    def announce(
        tx: sqlite3.Connection,
        sandbox: Sandbox,
        owner: str,
        kind: str,
        told: Mapping[str, object],
        session_id: str | None = None,
    ) -> str | None:
        if kind == "webhook.test":
            return healthy(tx, sandbox, owner, event_type, data, session_id)
        return healthy(tx, sandbox, owner, kind, told, session_id)

    patch.replace(events, "announce", announce)

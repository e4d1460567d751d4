"""Mistakes with how 0Gate sends an event: signature, headers, attempts, order, and to whom."""

from __future__ import annotations

import hmac
import itertools
import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace

from conformance.sandbox.calls import Sandbox
from conformance.sandbox.faults import gate_seams, seams
from conformance.sandbox.gate import access, events, outbox, worker
from conformance.sandbox.gate.outbox import Due, Event
from conformance.sandbox.variations import Patch, fault
from conformance.sandbox.webhooks import sending, signing
from conformance.sandbox.webhooks.outbox import Delivery

# Nothing can be said of deliveries that cannot be trusted.
OF_NO_TRUSTED_DELIVERY = (
    "GATE-WEBHOOK-HEADERS",
    "GATE-WEBHOOK-SESSION-EVENTS",
    "GATE-WEBHOOK-HOSTED-EVENTS",
    "GATE-WEBHOOK-RAIL-EVENTS",
    "GATE-WEBHOOK-CUSTOMER-EVENTS",
    "GATE-WEBHOOK-RETRY",
    "GATE-WEBHOOK-RETRY-UNANSWERED",
    "GATE-WEBHOOK-ORDER",
    "GATE-TEST-EVENT",
    "GATE-REPLAY",
    "GATE-DELIVERY-LOGGED",
)
Headers = Callable[[Delivery, str, float], dict[str, str]]
Digest = Callable[[str, int, bytes], str]


@fault(
    "gate-webhook-unsigned",
    summary="Deliveries of 0Gate have no signature",
    fact="gate facts section 8.1: Gate-Signature on every delivery",
    klass="signatures",
    breaks=("GATE-WEBHOOK-SIGNATURE",),
    drags=OF_NO_TRUSTED_DELIVERY,
)
def gate_webhook_unsigned(patch: Patch) -> None:
    head(patch, lambda healthy: {name: healthy[name] for name in healthy if name != signing.SIGNATURE_HEADER})


@fault(
    "gate-webhook-signed-with-half-a-secret",
    summary="The prefix whsec_ is cut off the secret before signing",
    fact="gate facts section 8.4: the key is the whole secret, prefix included",
    klass="signatures",
    breaks=("GATE-WEBHOOK-SIGNATURE",),
    drags=OF_NO_TRUSTED_DELIVERY,
)
def gate_webhook_signed_with_half_a_secret(patch: Patch) -> None:
    sign(patch, lambda secret, t, body: signing.digest(secret.removeprefix("whsec_"), t, body))


@fault(
    "gate-webhook-signed-with-other-secret",
    summary="All deliveries are signed with one secret of the platform",
    fact="gate facts sections 1.2 and 8.4: the secret of the account and mode",
    klass="signatures",
    breaks=("GATE-WEBHOOK-SIGNATURE",),
    drags=OF_NO_TRUSTED_DELIVERY,
)
def gate_webhook_signed_with_other_secret(patch: Patch) -> None:
    sign(patch, lambda secret, t, body: signing.digest("whsec_platform", t, body))


@fault(
    "gate-webhook-signs-parsed-body",
    summary="The signature is over the body parsed and written again, not over the bytes sent",
    fact="gate facts section 8.4: the raw body bytes",
    klass="signatures",
    breaks=("GATE-WEBHOOK-SIGNATURE",),
    drags=OF_NO_TRUSTED_DELIVERY,
)
def gate_webhook_signs_parsed_body(patch: Patch) -> None:
    def again(body: bytes) -> bytes:
        return json.dumps(json.loads(body), separators=(",", ":"), sort_keys=True).encode()

    sign(patch, lambda secret, t, body: signing.digest(secret, t, again(body)))


@fault(
    "gate-webhook-signs-body-alone",
    summary="The signature is over the body without its timestamp",
    fact="gate facts section 8.4: decimal t, a full stop, then the body",
    klass="signatures",
    breaks=("GATE-WEBHOOK-SIGNATURE",),
    drags=OF_NO_TRUSTED_DELIVERY,
)
def gate_webhook_signs_body_alone(patch: Patch) -> None:
    sign(patch, lambda secret, t, body: hmac.new(secret.encode(), body, "sha256").hexdigest())


@fault(
    "gate-webhook-signature-in-capitals",
    summary="The hexadecimal digits of the signature are capitals",
    fact="gate facts section 8.4: lower-case hex, compared as text",
    klass="signatures",
    breaks=("GATE-WEBHOOK-SIGNATURE",),
    drags=OF_NO_TRUSTED_DELIVERY,
)
def gate_webhook_signature_in_capitals(patch: Patch) -> None:
    sign(patch, lambda secret, t, body: signing.digest(secret, t, body).upper())


@fault(
    "gate-webhook-timestamp-in-milliseconds",
    summary="Deliveries are signed with a timestamp in milliseconds",
    fact="gate facts section 8.4: t in Unix seconds, 300 seconds of tolerance",
    klass="signatures",
    breaks=("GATE-WEBHOOK-SIGNATURE",),
    drags=OF_NO_TRUSTED_DELIVERY,
)
def gate_webhook_timestamp_in_milliseconds(patch: Patch) -> None:
    signed_at(patch, lambda delivery, wall: wall * 1000)


@fault(
    "gate-webhook-signed-once",
    summary="A delivery is signed when it is queued, and every attempt carries that timestamp and signature",
    fact="gate facts section 8.4: each attempt carries a fresh t and MAC, since the waits exceed the tolerance",
    klass="signatures",
    breaks=("GATE-WEBHOOK-RETRY",),
    drags=("GATE-REPLAY", "GATE-WEBHOOK-SIGNATURE", "GATE-WEBHOOK-RETRY-UNANSWERED"),
)
def gate_webhook_signed_once(patch: Patch) -> None:
    # The waits are shortened here; the signature of a retry is as old as the published ones would make it.
    signed_at(patch, lambda delivery, wall: wall if delivery.attempts == 0 else wall - 3600)


@fault(
    "gate-webhook-body-changed-after-signing",
    summary="The body is indented after it has been signed",
    fact="gate facts section 8.4: the exact bytes",
    klass="signatures",
    breaks=("GATE-WEBHOOK-SIGNATURE",),
    drags=OF_NO_TRUSTED_DELIVERY,
)
def gate_webhook_body_changed_after_signing(patch: Patch) -> None:
    def post(url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> int:
        return sending.post(url, headers, json.dumps(json.loads(body), indent=2).encode(), seconds)

    patch.replace(worker, "sending", seams.module_with(sending, post=post))


@fault(
    "gate-webhook-header-names-delivery",
    summary="The event id in the header is another one than in the body, new with every attempt",
    fact="gate facts section 8.1: X-0bit-Event-Id is the event id",
    klass="headers",
    breaks=("GATE-WEBHOOK-HEADERS",),
    drags=("GATE-WEBHOOK-RETRY", "GATE-WEBHOOK-RETRY-UNANSWERED", "GATE-DELIVERY-LOGGED", "GATE-REPLAY"),
)
def gate_webhook_header_names_delivery(patch: Patch) -> None:
    count = itertools.count()
    head(patch, lambda healthy: {**healthy, "X-0bit-Event-Id": f"att_{next(count)}"})


@fault(
    "gate-webhook-header-without-type",
    summary="Deliveries do not name the type of their event in a header",
    fact="gate facts section 8.1: X-0bit-Event-Type",
    klass="headers",
    breaks=("GATE-WEBHOOK-HEADERS",),
)
def gate_webhook_header_without_type(patch: Patch) -> None:
    head(patch, lambda healthy: {name: healthy[name] for name in healthy if name != "X-0bit-Event-Type"})


@fault(
    "gate-webhook-header-of-other-time",
    summary="X-0bit-Timestamp is an hour behind the t of the signature",
    fact="gate facts section 8.1: the timestamp for the replay check",
    klass="headers",
    breaks=("GATE-WEBHOOK-HEADERS",),
)
def gate_webhook_header_of_other_time(patch: Patch) -> None:
    head(patch, lambda healthy: {**healthy, "X-0bit-Timestamp": str(int(healthy["X-0bit-Timestamp"]) - 3600)})


@fault(
    "gate-webhook-tried-once",
    summary="A delivery that is refused is given up at once",
    fact="gate facts section 8.5: any other status than 2xx is tried again, up to five attempts",
    klass="attempts",
    breaks=("GATE-WEBHOOK-RETRY",),
    drags=("GATE-WEBHOOK-ORDER", "GATE-REPLAY", "GATE-WEBHOOK-RETRY-UNANSWERED", "GATE-WEBHOOK-ATTEMPTS"),
)
def gate_webhook_tried_once(patch: Patch) -> None:
    patch.replace(outbox, "after_attempt", ends_with_first_attempt(outbox.DEAD_LETTERED))


@fault(
    "gate-webhook-any-answer-counts",
    summary="Every answer of the endpoint counts as delivered, a 500 too",
    fact="gate facts section 8.5: success is any 2xx, anything else is a failure",
    klass="attempts",
    breaks=("GATE-WEBHOOK-RETRY",),
    drags=("GATE-WEBHOOK-ORDER", "GATE-REPLAY", "GATE-DELIVERY-LIST", "GATE-WEBHOOK-RETRY-UNANSWERED"),
)
def gate_webhook_any_answer_counts(patch: Patch) -> None:
    patch.replace(outbox, "after_attempt", ends_with_first_attempt(outbox.SUCCEEDED))


@fault(
    "gate-webhook-silence-counts",
    summary="An endpoint that does not answer in time counts as one that has taken the event",
    fact="gate facts section 8.5: a timeout is a failure; section 5.4: it leads back to pending while tries are left",
    klass="attempts",
    breaks=("GATE-WEBHOOK-RETRY-UNANSWERED",),
)
def gate_webhook_silence_counts(patch: Patch) -> None:
    def post(url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> int:
        try:
            return sending.post(url, headers, body, seconds)
        except TimeoutError:
            return 200

    patch.replace(worker, "sending", seams.module_with(sending, post=post))


@fault(
    "gate-webhook-silence-forgotten",
    summary="What an endpoint does not answer in time is not written down as an attempt: it stays in flight for ever",
    fact="gate facts section 5.4: a timeout leads from in_flight back to pending while tries are left",
    klass="attempts",
    breaks=("GATE-WEBHOOK-RETRY-UNANSWERED",),
    drags=("GATE-REPLAY", "GATE-WEBHOOK-ATTEMPTS"),
)
def gate_webhook_silence_forgotten(patch: Patch) -> None:
    healthy = outbox.record_attempt

    def record_attempt(tx: sqlite3.Connection, due: Due, status: int | None, error: str | None, wall: float) -> None:
        if status is not None:
            healthy(tx, due, status, error, wall)

    patch.replace(outbox, "record_attempt", record_attempt)


@fault(
    "gate-webhook-three-attempts",
    summary="A delivery is given up after its third attempt",
    fact="gate facts section 8.5: five attempts; section 5.4: dead-lettered when the fifth has failed",
    klass="attempts",
    breaks=("GATE-WEBHOOK-ATTEMPTS",),
)
def gate_webhook_three_attempts(patch: Patch) -> None:
    healthy = outbox.after_attempt

    def after_attempt(tries_left: int, status: int | None, wall: float) -> tuple[str, float | None]:
        return healthy(0 if tries_left <= outbox.MAX_ATTEMPTS - 3 else tries_left, status, wall)

    patch.replace(outbox, "after_attempt", after_attempt)


@fault(
    "gate-webhook-new-id-on-retry",
    summary="Each attempt is an event of its own, with a new id",
    fact="gate facts section 8.2: the id stays the same over retries and replay",
    klass="attempts",
    breaks=("GATE-WEBHOOK-RETRY",),
    drags=(
        "GATE-REPLAY",
        "GATE-DELIVERY-LOGGED",
        "GATE-WEBHOOK-ORDER",
        "GATE-WEBHOOK-RETRY-UNANSWERED",
        "GATE-WEBHOOK-ATTEMPTS",
    ),
)
def gate_webhook_new_id_on_retry(patch: Patch) -> None:
    healthy = outbox.claim_due
    sent: set[str] = set()

    def claim_due(tx: sqlite3.Connection, wall: float) -> Due | None:
        due = healthy(tx, wall)
        if due is None or due.event_id not in sent:
            sent.update(set() if due is None else {due.event_id})
            return due
        return renamed(due)

    patch.replace(outbox, "claim_due", claim_due)


@fault(
    "gate-webhook-sent-twice",
    summary="A delivery that was taken is sent once more",
    fact="gate facts section 8.5: a 2xx is the end of a delivery",
    klass="attempts",
    breaks=("GATE-WEBHOOK-NO-RETRY",),
    drags=(
        "GATE-REPLAY-STATE",
        "GATE-WEBHOOK-SESSION-EVENTS",
        "GATE-WEBHOOK-RAIL-EVENTS",
        "GATE-WEBHOOK-CUSTOMER-EVENTS",
    ),
)
def gate_webhook_sent_twice(patch: Patch) -> None:
    healthy = outbox.after_attempt

    def after_attempt(tries_left: int, status: int | None, wall: float) -> tuple[str, float | None]:
        return healthy(tries_left, 500 if tries_left == outbox.MAX_ATTEMPTS - 1 else status, wall)

    patch.replace(outbox, "after_attempt", after_attempt)


@fault(
    "gate-webhook-only-200-counts",
    summary="A 204 or 202 of the endpoint is taken for a failure",
    fact="gate facts section 8.5: success is any 2xx",
    klass="attempts",
    breaks=("GATE-WEBHOOK-NO-RETRY",),
    drags=(
        "GATE-REPLAY-STATE",
        "GATE-DELIVERY-LOGGED",
        "GATE-DELIVERY-LIST",
        "GATE-WEBHOOK-ORDER",
        "GATE-WEBHOOK-SESSION-EVENTS",
        "GATE-WEBHOOK-RAIL-EVENTS",
        "GATE-WEBHOOK-CUSTOMER-EVENTS",
        "GATE-WEBHOOK-HOSTED-EVENTS",
        "GATE-REPLAY",
        "GATE-TEST-EVENT",
    ),
)
def gate_webhook_only_200_counts(patch: Patch) -> None:
    healthy = outbox.after_attempt

    def after_attempt(tries_left: int, status: int | None, wall: float) -> tuple[str, float | None]:
        return healthy(tries_left, 500 if status in {201, 202, 204} else status, wall)

    patch.replace(outbox, "after_attempt", after_attempt)


@fault(
    "gate-webhook-created-comes-late",
    summary="The event of a creation waits for a nightly job, and what follows does not wait for it",
    fact="gate facts section 8.5: in order within one session",
    klass="order",
    breaks=("GATE-WEBHOOK-ORDER",),
    drags=("GATE-WEBHOOK-RETRY", "GATE-WEBHOOK-RETRY-UNANSWERED"),
)
def gate_webhook_created_comes_late(patch: Patch) -> None:
    healthy = outbox.enqueue

    def enqueue(tx: sqlite3.Connection, event: Event, url: str, wall: float) -> str:
        return healthy(tx, event, url, wall + (0.4 if event.event_type == "gate_session.created" else 0.0))

    gate_seams.drop(patch, ("AND earlier.seq < d.seq", "AND 1 = 0"))
    patch.replace(outbox, "enqueue", enqueue)


@fault(
    "gate-webhook-to-everybody",
    summary="Every event is sent to the endpoints of all partners",
    fact="gate facts section 8.1: one endpoint per account; section 1.3: isolation of partners",
    klass="isolation",
    breaks=("GATE-WEBHOOK-NOT-FOREIGN",),
    drags=(
        "GATE-ISOLATION-LISTS",
        "GATE-DELIVERY-LIST",
        "GATE-WEBHOOK-SESSION-EVENTS",
        "GATE-WEBHOOK-RAIL-EVENTS",
        "GATE-WEBHOOK-CUSTOMER-EVENTS",
        "GATE-WEBHOOK-HOSTED-EVENTS",
        "GATE-WEBHOOK-ORDER",
    ),
)
def gate_webhook_to_everybody(patch: Patch) -> None:
    healthy = events.announce

    def announce(
        tx: sqlite3.Connection,
        sandbox: Sandbox,
        owner: str,
        event_type: str,
        data: Mapping[str, object],
        session_id: str | None = None,
    ) -> str | None:
        for row in tx.execute("SELECT account FROM gate_endpoints").fetchall():
            if row["account"] != access.account_of(owner):
                healthy(tx, sandbox, f"{access.mode_of(owner)}:{row['account']}", event_type, data, session_id)
        return healthy(tx, sandbox, owner, event_type, data, session_id)

    patch.replace(events, "announce", announce)


def head(patch: Patch, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    """Send with other headers."""

    def headers(delivery: Delivery, secret: str, wall: float) -> dict[str, str]:
        return change(signing.headers(delivery, secret, wall))

    send_with(patch, headers)


def sign(patch: Patch, digest: Digest) -> None:
    """Sign in another way."""

    def headers(delivery: Delivery, secret: str, wall: float) -> dict[str, str]:
        signature = f"t={int(wall)},v1={digest(secret, int(wall), delivery.body)}"
        return {**signing.headers(delivery, secret, wall), signing.SIGNATURE_HEADER: signature}

    send_with(patch, headers)


def signed_at(patch: Patch, moment: Callable[[Delivery, float], float]) -> None:
    """Sign at another moment."""
    send_with(patch, lambda delivery, secret, wall: signing.headers(delivery, secret, moment(delivery, wall)))


def send_with(patch: Patch, headers: Headers) -> None:
    """Send the deliveries of 0Gate, and those of nobody else, with these headers."""
    patch.replace(worker, "signing", seams.module_with(signing, headers=headers))


def ends_with_first_attempt(state: str) -> Callable[[int, int | None, float], tuple[str, float | None]]:
    """What follows an attempt when a failed one is the last, and ends the delivery in this state."""

    def after_attempt(tries_left: int, status: int | None, wall: float) -> tuple[str, float | None]:
        taken = status is not None and 200 <= status < 300
        return (outbox.SUCCEEDED if taken else state), None

    return after_attempt


def renamed(due: Due) -> Due:
    """The same delivery as that of an event with an id of its own."""
    its_id = events.new_event_id("test")
    return replace(due, event_id=its_id, body=due.body.replace(due.event_id.encode(), its_id.encode()))

"""Mistakes with the events of a trade: which are sent, what they say, and how they are signed."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable
from dataclasses import replace

from conformance.sandbox.calls import Sandbox
from conformance.sandbox.pools import events, transact
from conformance.sandbox.pools.trades import Trade
from conformance.sandbox.pools.transact import Execution
from conformance.sandbox.variations import Patch, fault
from conformance.sandbox.webhooks import outbox, sending, signing
from conformance.sandbox.webhooks.outbox import Delivery

# Nothing can be said of deliveries that do not come or cannot be trusted.
OF_NO_TRUSTED_DELIVERY = ("POOLS-WEBHOOK-EVENT", "POOLS-WEBHOOK-STABLE-ID")

Digest = Callable[[str, int, bytes], str]


@fault(
    "webhook-none",
    summary="No event is ever sent",
    fact="facts section 11: an event when a trade is settled, failed or released",
    klass="webhooks",
    breaks=("POOLS-WEBHOOK-SIGNED",),
    drags=OF_NO_TRUSTED_DELIVERY,
)
def webhook_none(patch: Patch) -> None:
    patch.replace(events, "EVENT_TYPES", {})


@fault(
    "webhook-unsigned",
    summary="Deliveries have no signature",
    fact="facts section 11: every delivery is signed",
    klass="webhooks",
    breaks=("POOLS-WEBHOOK-SIGNED",),
    drags=OF_NO_TRUSTED_DELIVERY,
)
def webhook_unsigned(patch: Patch) -> None:
    healthy = signing.headers

    def headers(delivery: Delivery, secret: str, wall: float) -> dict[str, str]:
        signed = healthy(delivery, secret, wall)
        return {name: value for name, value in signed.items() if name != signing.SIGNATURE_HEADER}

    patch.replace(signing, "headers", headers)


@fault(
    "webhook-signed-with-half-a-secret",
    summary="The prefix whsec_ is cut off the secret before signing",
    fact="facts section 11: the signature verifies with the endpoint's secret",
    klass="webhooks",
    breaks=("POOLS-WEBHOOK-SIGNED",),
    drags=OF_NO_TRUSTED_DELIVERY,
)
def webhook_signed_with_half_a_secret(patch: Patch) -> None:
    sign(patch, lambda healthy: lambda secret, t, body: healthy(secret.removeprefix("whsec_"), t, body))


@fault(
    "webhook-signed-with-previous-secret",
    summary="Deliveries are still signed with the secret from before the rotation",
    fact="facts section 11: the signature verifies with the endpoint's secret",
    klass="webhooks",
    breaks=("POOLS-WEBHOOK-SIGNED",),
    drags=OF_NO_TRUSTED_DELIVERY,
)
def webhook_signed_with_previous_secret(patch: Patch) -> None:
    sign(patch, lambda healthy: lambda secret, t, body: healthy(f"{secret}_2025", t, body))


@fault(
    "webhook-signs-parsed-body",
    summary="The signature is over the body parsed and written again, not over the bytes sent",
    fact="facts section 11: verify over the raw bytes",
    klass="webhooks",
    breaks=("POOLS-WEBHOOK-SIGNED",),
    drags=OF_NO_TRUSTED_DELIVERY,
)
def webhook_signs_parsed_body(patch: Patch) -> None:
    def again(body: bytes) -> bytes:
        return json.dumps(json.loads(body), separators=(",", ":"), sort_keys=True).encode()

    sign(patch, lambda healthy: lambda secret, t, body: healthy(secret, t, again(body)))


@fault(
    "webhook-body-changed-after-signing",
    summary="The body is indented after it has been signed",
    fact="facts section 11: verify over the raw bytes",
    klass="webhooks",
    breaks=("POOLS-WEBHOOK-SIGNED",),
    drags=OF_NO_TRUSTED_DELIVERY,
)
def webhook_body_changed_after_signing(patch: Patch) -> None:
    healthy = sending.post
    patch.replace(
        sending,
        "post",
        lambda url, headers, body: healthy(url, headers, json.dumps(json.loads(body), indent=2).encode()),
    )


@fault(
    "webhook-timestamp-stale",
    summary="Deliveries are signed with a timestamp one hour old",
    fact="facts section 11: 300 seconds of tolerance",
    klass="webhooks",
    breaks=("POOLS-WEBHOOK-SIGNED",),
    drags=OF_NO_TRUSTED_DELIVERY,
)
def webhook_timestamp_stale(patch: Patch) -> None:
    healthy = signing.headers
    patch.replace(signing, "headers", lambda delivery, secret, wall: healthy(delivery, secret, wall - 3600))


@fault(
    "webhook-id-new-on-redelivery",
    summary="A redelivery has an event id of its own",
    fact="facts section 11: eventId is a stable key for deduplication",
    klass="webhooks",
    breaks=("POOLS-WEBHOOK-STABLE-ID",),
    drags=("POOLS-WEBHOOK-EVENT",),
)
def webhook_id_new_on_redelivery(patch: Patch) -> None:
    healthy = outbox.claim_due
    sent: set[str] = set()

    def claim_due(tx: sqlite3.Connection, wall: float) -> Delivery | None:
        due = healthy(tx, wall)
        if due is None or due.event_id not in sent:
            sent.update(set() if due is None else {due.event_id})
            return due
        its_id = uuid.uuid4().hex * 2
        return replace(due, event_id=its_id, body=due.body.replace(due.event_id.encode(), its_id.encode()))

    patch.replace(outbox, "claim_due", claim_due)


@fault(
    "webhook-id-of-other-digest",
    summary="The event id is the digest of the type and the trade in the wrong order",
    fact="facts section 11: SHA-256 of <txnId>:<eventType>",
    klass="webhooks",
    breaks=("POOLS-WEBHOOK-EVENT",),
)
def webhook_id_of_other_digest(patch: Patch) -> None:
    healthy = events.event_id
    patch.replace(events, "event_id", lambda transact_id, event_type: healthy(event_type, transact_id))


@fault(
    "webhook-type-of-other-product",
    summary="Event types begin with transaction. instead of pool.transaction.",
    fact="facts section 11: the three published names",
    klass="webhooks",
    breaks=("POOLS-WEBHOOK-EVENT",),
    drags=("POOLS-WEBHOOK-SIGNED", "POOLS-WEBHOOK-STABLE-ID"),
)
def webhook_type_of_other_product(patch: Patch) -> None:
    types = {status: name.removeprefix("pool.") for status, name in events.EVENT_TYPES.items()}
    patch.replace(events, "EVENT_TYPES", types)


@fault(
    "webhook-always-settled",
    summary="Failed and released trades are announced as settled",
    fact="facts section 11: the event names the status that was reached",
    klass="webhooks",
    breaks=("POOLS-WEBHOOK-EVENT",),
)
def webhook_always_settled(patch: Patch) -> None:
    patch.replace(events, "EVENT_TYPES", dict.fromkeys(events.EVENT_TYPES, "pool.transaction.settled"))


@fault(
    "webhook-names-the-provider",
    summary="Deliveries carry the provider and its reference",
    fact="facts section 11: provider, rail and external references are left out on purpose",
    klass="webhooks",
    breaks=("POOLS-WEBHOOK-EVENT",),
)
def webhook_names_the_provider(patch: Patch) -> None:
    healthy = events.render

    def render(trade: Trade, status: str, event_type: str, now: int) -> str:
        told = json.loads(healthy(trade, status, event_type, now))
        return json.dumps({**told, "settlement": {"providerId": "prv_17", "providerReference": trade.transact_id}})

    patch.replace(events, "render", render)


@fault(
    "webhook-for-reserved",
    summary="Reserving a trade is announced with an event of its own",
    fact="facts section 11: exactly three events",
    klass="webhooks",
    breaks=("POOLS-WEBHOOK-EVENT",),
)
def webhook_for_reserved(patch: Patch) -> None:
    healthy = transact.execute_once

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        trade, made = healthy(execution)
        if made:
            announce_reserved(execution.sandbox, execution.account, trade)
        return trade, made

    patch.replace(events, "EVENT_TYPES", {**events.EVENT_TYPES, "reserved": "pool.transaction.reserved"})
    patch.replace(transact, "execute_once", execute_once)


@fault(
    "webhook-for-returned",
    summary="A return is announced too",
    fact="facts section 11: no event for returned",
    klass="webhooks",
    breaks=("POOLS-WEBHOOK-NONE-FOR-RETURNED",),
    drags=("POOLS-WEBHOOK-EVENT",),
)
def webhook_for_returned(patch: Patch) -> None:
    patch.replace(events, "EVENT_TYPES", {**events.EVENT_TYPES, "returned": "pool.transaction.returned"})


def sign(patch: Patch, change: Callable[[Digest], Digest]) -> None:
    """Sign in another way."""
    patch.replace(signing, "digest", change(signing.digest))


def announce_reserved(sandbox: Sandbox, account: str, trade: Trade) -> None:
    """Put the event of a reservation into the outbox and wake its worker."""
    with sandbox.store.write() as tx:
        events.announce(tx, account, trade, trade.status, trade.created_at, sandbox.clock())
    sandbox.wake_deliveries()

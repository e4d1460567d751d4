"""Mistakes of 0Gate that only show when two requests meet: looking first and writing a few milliseconds later."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections import defaultdict

from conformance.sandbox import clock
from conformance.sandbox.calls import Call, Reply, Sandbox
from conformance.sandbox.faults import gate_seams, seams
from conformance.sandbox.gate import customers, events, idempotency, quotes
from conformance.sandbox.gate.idempotency import Keyed, Perform
from conformance.sandbox.gate.quotes import Quote
from conformance.sandbox.refusal import conflict
from conformance.sandbox.variations import Patch, fault

OF_TWO_CREATES = ("GATE-SESSION-IDEMPOTENT", "GATE-SESSION-LOST-ANSWER")
OF_TWO_RAILS = (
    "GATE-QUOTE-REDEEMED-ONCE",
    "GATE-RAIL-IDEMPOTENT",
    "GATE-RAIL-LOST-ANSWER",
    "GATE-WEBHOOK-RAIL-EVENTS",
)


class LookedError(Exception):
    """Ends a transaction that was only made to see whether it would work."""


@fault(
    "gate-race-same-key",
    summary="The key of a session is looked up in one transaction and kept in another: two creates at once make two",
    fact="gate facts section 6: one key is one logical create",
    klass="race",
    breaks=("GATE-SESSION-CONCURRENT-ONCE",),
    drags=OF_TWO_CREATES,
)
def gate_race_same_key(patch: Patch) -> None:
    gate_seams.drop(patch, gate_seams.ONE_CALL_PER_KEY)
    look_then_create_session(patch)


@fault(
    "gate-race-loser-crashes",
    summary="Of two creates at once under one key the second meets a constraint and is answered with a 500",
    fact="gate facts section 6: a repeat returns the first response",
    klass="race",
    breaks=("WIRE-NO-SERVER-ERROR",),
    drags=("WIRE-STATUS", "GATE-SESSION-CONCURRENT-ONCE", *OF_TWO_CREATES),
)
def gate_race_loser_crashes(patch: Patch) -> None:
    look_then_create_session(patch)


@fault(
    "gate-race-one-quote",
    summary="Redemptions take turns per key only: two keys at once find the quote active and make two rails",
    fact="gate facts sections 4.I and 5.2: a quote is redeemed once, a second redemption is a 409",
    klass="race",
    breaks=("GATE-QUOTE-CONCURRENT-ONCE",),
    drags=OF_TWO_RAILS,
)
def gate_race_one_quote(patch: Patch) -> None:
    gate_seams.drop(patch, gate_seams.ONE_RAIL_PER_QUOTE)
    patch.replace(quotes, "consume", consume_again)
    look_then_perform(patch, "create pay_", by_turns=True)


@fault(
    "gate-race-rails-one-key",
    summary="Two rail creates at once under one key both find key and quote unused, and both redeem",
    fact="gate facts section 6: one key is one logical create",
    klass="race",
    breaks=("GATE-RAIL-CONCURRENT-ONCE",),
    drags=("GATE-QUOTE-CONCURRENT-ONCE", *OF_TWO_RAILS),
)
def gate_race_rails_one_key(patch: Patch) -> None:
    gate_seams.drop(patch, gate_seams.ONE_RAIL_PER_QUOTE, gate_seams.ONE_CALL_PER_KEY)
    patch.replace(quotes, "consume", consume_again)
    look_then_perform(patch, "create pay_", by_turns=False)


@fault(
    "gate-race-one-address",
    summary="Whether an e-mail address is free is looked up before the insert: two at once both get it",
    fact="gate facts section 4.H: email is unique per partner, a duplicate is a 409",
    klass="race",
    breaks=("GATE-CUSTOMER-CONCURRENT-ONCE",),
    drags=("GATE-CUSTOMER-UNIQUE", "GATE-CUSTOMER-IDEMPOTENT", "GATE-CUSTOMER-FILTERS"),
)
def gate_race_one_address(patch: Patch) -> None:
    gate_seams.drop(patch, gate_seams.ONE_CUSTOMER_PER_EMAIL)
    look_then_perform(patch, "createCustomer", by_turns=True)


@fault(
    "gate-race-in-progress-forever",
    summary="Of two creates at once the second is told to wait, and its mark keeps the key busy for good",
    fact="gate facts section 6: the same key on every retry gives the first response",
    klass="race",
    breaks=("GATE-SESSION-CONCURRENT-ONCE",),
    drags=OF_TWO_CREATES,
)
def gate_race_in_progress_forever(patch: Patch) -> None:
    healthy = idempotency.once
    door = threading.Lock()
    busy: defaultdict[str, int] = defaultdict(int)

    def once(call: Call, operation: str, document: object, perform: Perform, *, required: bool = False) -> Reply:
        key = idempotency.read_key(call.headers, required)
        if key is None or operation != "createSession":
            return healthy(call, operation, document, perform, required=required)
        with door:
            busy[key] += 1
            waits = busy[key] > 1
        if waits:
            raise conflict("a call with this key is in progress")
        time.sleep(seams.RACE_WINDOW_SECONDS)
        reply = healthy(call, operation, document, perform, required=required)
        with door:
            busy[key] -= 1
        return reply

    patch.replace(idempotency, "once", once)


def look_then_create_session(patch: Patch) -> None:
    """Look the key of a session up, and create and keep it some milliseconds later."""
    healthy = idempotency.once

    def once(call: Call, operation: str, document: object, perform: Perform, *, required: bool = False) -> Reply:
        key = idempotency.read_key(call.headers, required)
        if key is None or operation != "createSession":
            return healthy(call, operation, document, perform, required=required)
        keyed = Keyed(call.owner, operation, key, idempotency.fingerprint(document))
        earlier = look_up(call, keyed)
        if earlier is not None:
            return earlier
        time.sleep(seams.RACE_WINDOW_SECONDS)
        return perform_and_keep(call, keyed, perform)

    patch.replace(idempotency, "once", once)


def look_then_perform(patch: Patch, operations: str, by_turns: bool) -> None:
    """Look whether a call would succeed, and carry it out some milliseconds later without looking again.

    ``by_turns`` keeps calls under one key apart.
    """
    healthy = idempotency.once
    turns: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)
    no_longer_looking = leave_out_second_look(patch)

    def once(call: Call, operation: str, document: object, perform: Perform, *, required: bool = False) -> Reply:
        key = idempotency.read_key(call.headers, required)
        if key is None or not operation.startswith(operations):
            return healthy(call, operation, document, perform, required=required)
        keyed = Keyed(call.owner, operation, key, idempotency.fingerprint(document))
        with turns[call.owner, key] if by_turns else contextlib.nullcontext():
            earlier = look_up(call, keyed)
            if earlier is not None:
                return earlier
            look(call, perform)
            time.sleep(seams.RACE_WINDOW_SECONDS)
            no_longer_looking.set = True
            try:
                return perform_and_keep(call, keyed, perform)
            finally:
                no_longer_looking.set = False

    patch.replace(idempotency, "once", once)


def leave_out_second_look(patch: Patch) -> threading.local:
    """A mark of the thread under which quotes are taken for active and addresses for free."""
    mark = threading.local()
    healthy_active, healthy_free = quotes.check_active, customers.check_free

    def check_active(quote: Quote, now: int) -> None:
        if not getattr(mark, "set", False):
            healthy_active(quote, now)

    def check_free(tx: sqlite3.Connection, owner: str, email: str, external_id: str | None) -> None:
        if not getattr(mark, "set", False):
            healthy_free(tx, owner, email, external_id)

    patch.replace(quotes, "check_active", check_active)
    patch.replace(customers, "check_free", check_free)
    return mark


def look_up(call: Call, keyed: Keyed) -> Reply | None:
    """What the key was answered, if anything."""
    with call.sandbox.store.read() as tx:
        return idempotency.find(tx, keyed, clock.account_now(tx, call.sandbox.clock, call.account))


def look(call: Call, perform: Perform) -> None:
    """Refuse what would be refused, and change nothing."""
    with contextlib.suppress(LookedError), call.sandbox.store.write() as tx:
        perform(tx)
        raise LookedError


def perform_and_keep(call: Call, keyed: Keyed, perform: Perform) -> Reply:
    """Carry the call out and keep its answer, without looking for an earlier one."""
    with call.sandbox.store.write() as tx:
        reply = perform(tx)
        idempotency.keep(tx, keyed, reply, clock.account_now(tx, call.sandbox.clock, call.account))
        return reply


def consume_again(tx: sqlite3.Connection, sandbox: Sandbox, quote: Quote, session_id: str, now: int) -> None:
    """Mark the quote as consumed, whether it is already or not, and tell of it."""
    tx.execute("UPDATE gate_quotes SET consumed_at = ? WHERE quote_id = ?", (now, quote.quote_id))
    events.announce(tx, sandbox, quote.owner, "quote.consumed", quotes.render(quote, quotes.CONSUMED), session_id)

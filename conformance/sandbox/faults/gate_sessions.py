"""Mistakes with hosted sessions of 0Gate: what a create takes, what a read shows, and how a session ends."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import replace

from conformance.sandbox.calls import Call, Reply, Sandbox
from conformance.sandbox.faults import gate_seams, seams
from conformance.sandbox.gate import lifecycle, members, sessions, transactions
from conformance.sandbox.gate.sessions import Session
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch, fault

ANY_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
ENDS = ("GATE-SESSION-COMPLETES", "GATE-SESSION-EXPIRES")


@fault(
    "gate-secret-on-read",
    summary="A session is read with its client secret",
    fact="gate facts section 4.A: the client secret is returned once, by create",
    klass="secrets",
    breaks=("GATE-SESSION-SECRET-ONCE",),
    drags=("GATE-SESSION-READ", "WIRE-BODY"),
)
def gate_secret_on_read(patch: Patch) -> None:
    known = gate_seams.known_secrets(patch)
    seams.amend(patch, sessions, "read", lambda reply: with_secret(reply, known))


@fault(
    "gate-secret-in-list",
    summary="The list of sessions shows every client secret",
    fact="gate facts section 4.A: the list is of sessions without client_secret",
    klass="secrets",
    breaks=("GATE-SESSION-SECRET-ONCE",),
    drags=("GATE-SESSION-LIST", "WIRE-BODY"),
)
def gate_secret_in_list(patch: Patch) -> None:
    known = gate_seams.known_secrets(patch)

    def shown(row: Mapping[str, object]) -> Mapping[str, object]:
        return {**row, "client_secret": known.get(str(row["id"]))}

    seams.amend(patch, sessions, "list_page", lambda reply: gate_seams.each_item(reply, shown))


@fault(
    "gate-secret-on-cancel",
    summary="The answer of a cancellation shows the client secret once more",
    fact="gate facts section 4.A: the client secret is given only by create; cancel answers the shape of a read",
    klass="secrets",
    breaks=("GATE-SESSION-SECRET-ONCE",),
    drags=("GATE-SESSION-CANCEL", "WIRE-BODY"),
)
def gate_secret_on_cancel(patch: Patch) -> None:
    known = gate_seams.known_secrets(patch)
    seams.amend(patch, sessions, "cancel", lambda reply: with_secret(reply, known))


@fault(
    "gate-create-without-secret",
    summary="Creating a session gives no client secret, so no widget can be bound to it",
    fact="gate facts section 4.A: the answer is the session object plus client_secret",
    klass="sessions",
    breaks=("GATE-SESSION-CREATE",),
    drags=("WIRE-BODY", "GATE-EMBED-BOOTSTRAP"),
)
def gate_create_without_secret(patch: Patch) -> None:
    seams.amend(patch, sessions, "create", lambda reply: seams.without(reply, "client_secret"))


@fault(
    "gate-create-amount-rounded",
    summary="The amount of a session is rounded to whole units",
    fact="gate facts section 4.A: the session repeats the amount, a decimal string",
    klass="sessions",
    breaks=("GATE-SESSION-CREATE",),
    drags=("GATE-SESSION-READ",),
)
def gate_create_amount_rounded(patch: Patch) -> None:
    healthy = sessions.read_terms

    def read_terms(document: Mapping[str, object]) -> dict[str, object]:
        terms = healthy(document)
        return {**terms, "amount": str(round(float(str(terms["amount"]))))}

    patch.replace(sessions, "read_terms", read_terms)


@fault(
    "gate-amount-as-number",
    summary="Reads and lists show the amount of a session as a JSON number",
    fact="gate facts section 3: amounts are decimal strings, never JSON numbers",
    klass="money",
    breaks=("WIRE-MONEY",),
    drags=("WIRE-BODY", "GATE-SESSION-READ", "GATE-SESSION-CREATE"),
)
def gate_amount_as_number(patch: Patch) -> None:
    seams.amend(patch, sessions, "read", body_floats)
    seams.amend(patch, sessions, "list_page", item_floats)


@fault(
    "gate-metadata-forgotten",
    summary="A session is read with empty metadata",
    fact="gate facts section 4.A: metadata belongs to the session object; seed 002 joins the partner's order by it",
    klass="sessions",
    breaks=("GATE-SESSION-READ",),
    drags=("GATE-SESSION-LIST",),
)
def gate_metadata_forgotten(patch: Patch) -> None:
    seams.amend(patch, sessions, "read", lambda reply: seams.with_members(reply, metadata={}))


@fault(
    "gate-amount-unchecked",
    summary="A negative amount or one of zero opens a session",
    fact="gate facts sections 2.2 and 4.A: 400 for validation; amount is a decimal amount of money",
    klass="validation",
    breaks=("GATE-SESSION-VALIDATION",),
    drags=("WIRE-BODY",),
)
def gate_amount_unchecked(patch: Patch) -> None:
    patch.replace(sessions, "members", seams.module_with(members, amount=any_amount))


@fault(
    "gate-amount-as-number-accepted",
    summary="A JSON number as amount opens a session, through a double",
    fact="gate facts section 3: amounts are decimal strings, never JSON numbers",
    klass="validation",
    breaks=("GATE-SESSION-VALIDATION",),
)
def gate_amount_as_number_accepted(patch: Patch) -> None:
    def amount(document: Mapping[str, object]) -> str:
        value = document.get("amount")
        return members.amount({"amount": f"{value:f}" if isinstance(value, (int, float)) else value})

    patch.replace(sessions, "members", seams.module_with(members, amount=amount))


@fault(
    "gate-currency-made-up",
    summary="Without a currency a session is opened in euro",
    fact="gate facts section 4.A: currency is required",
    klass="validation",
    breaks=("GATE-SESSION-VALIDATION",),
)
def gate_currency_made_up(patch: Patch) -> None:
    def currency(document: Mapping[str, object], name: str = "currency") -> str:
        return members.currency(document, name) if name in document else "EUR"

    patch.replace(sessions, "members", seams.module_with(members, currency=currency))


@fault(
    "gate-return-address-optional",
    summary="A session is opened without a return address",
    fact="gate facts section 4.A: return_url is required",
    klass="validation",
    breaks=("GATE-SESSION-VALIDATION",),
    drags=("WIRE-BODY",),
)
def gate_return_address_optional(patch: Patch) -> None:
    def address(document: Mapping[str, object], name: str) -> str | None:
        return members.address(document, name) if name in document else None

    patch.replace(sessions, "members", seams.module_with(members, address=address))


@fault(
    "gate-refused-create-kept",
    summary="A create refused for its amount has opened its session by then",
    fact="gate facts section 2.2: 400 refuses the call; seed 002: fix the request",
    klass="validation",
    breaks=("GATE-SESSION-VALIDATION",),
)
def gate_refused_create_kept(patch: Patch) -> None:
    healthy = sessions.create

    def create(call: Call) -> Reply:
        document = members.body_of(call)
        try:
            members.amount(document)
        except Refusal:
            terms = {**sessions.read_terms({**document, "amount": "1.00"}), "amount": "0.00"}
            with call.sandbox.store.write() as tx:
                sessions.store(tx, call, terms)
            raise
        return healthy(call)

    patch.replace(sessions, "create", create)


@fault(
    "gate-read-extends-expiry",
    summary="Each read of a session gives it another minute",
    fact="gate facts section 4.A: a read never changes a session",
    klass="reads",
    breaks=("GATE-SESSION-READ",),
    drags=("GATE-SESSION-LIST",),
)
def gate_read_extends_expiry(patch: Patch) -> None:
    healthy = sessions.read

    def read(call: Call) -> Reply:
        with call.sandbox.store.write() as tx:
            tx.execute(
                "UPDATE gate_sessions SET expires_at = expires_at + 60 WHERE owner = ? AND session_id = ?",
                (call.owner, call.path["id"]),
            )
        return healthy(call)

    patch.replace(sessions, "read", read)


@fault(
    "gate-read-expires",
    summary="The second read of an open session expires it: a read counts visits and sweeps what looks abandoned",
    fact="gate facts section 4.A: a read never changes status and in particular does not expire a session",
    klass="reads",
    breaks=("GATE-SESSION-READ",),
    drags=(
        *ENDS,
        "GATE-SESSION-CANCEL",
        "GATE-SESSION-CANCEL-CONFLICT",
        "GATE-SESSION-STAYS-OPEN",
        "GATE-SESSION-STATUS-FILTER",
        "GATE-ISOLATION-OBJECTS",
        "GATE-WEBHOOK-HOSTED-EVENTS",
        "GATE-WEBHOOK-SESSION-EVENTS",
        "GATE-WEBHOOK-ORDER",
        "GATE-DENY-PRODUCT",
        "GATE-AUTH-PUBLISHABLE",
        "GATE-AUTH-KEY-MODE",
    ),
)
def gate_read_expires(patch: Patch) -> None:
    healthy = sessions.read
    visited: set[str] = set()

    def read(call: Call) -> Reply:
        session_id = call.path["id"]
        with call.sandbox.store.write() as tx:
            session = sessions.find(tx, call.owner, session_id)
            if session_id in visited and session.status == sessions.OPEN:
                lifecycle.expire(tx, call.sandbox, session)
        visited.add(session_id)
        call.sandbox.wake_deliveries()
        return healthy(call)

    patch.replace(sessions, "read", read)


@fault(
    "gate-expiry-not-kept",
    summary="An expired session is announced and goes on reading open",
    fact="gate facts section 5.1: open becomes expired when its expiry is reached, and that is final",
    klass="sessions",
    breaks=("GATE-SESSION-EXPIRES",),
    drags=(
        "GATE-SESSION-CANCEL-CONFLICT",
        "GATE-SESSION-STATUS-FILTER",
        "GATE-RAIL-REFUSES-ENDED-SESSION",
        "GATE-WEBHOOK-PAYLOAD",
        "GATE-WEBHOOK-HOSTED-EVENTS",
    ),
)
def gate_expiry_not_kept(patch: Patch) -> None:
    def expire(tx: sqlite3.Connection, sandbox: Sandbox, session: Session) -> Session:
        sessions.announce(tx, sandbox, replace(session, status=sessions.EXPIRED), "gate_session.expired")
        return session

    patch.replace(lifecycle, "expire", expire)
    patch.replace(lifecycle, "expire_due", lambda tx, sandbox: 0)


@fault(
    "gate-expired-reads-cancelled",
    summary="A session whose time is over is kept as cancelled",
    fact="gate facts section 5.1: open becomes expired when its expiry is reached",
    klass="sessions",
    breaks=("GATE-SESSION-EXPIRES",),
    drags=("GATE-WEBHOOK-PAYLOAD", "GATE-WEBHOOK-HOSTED-EVENTS"),
)
def gate_expired_reads_cancelled(patch: Patch) -> None:
    patch.replace(lifecycle, "sessions", seams.module_with(sessions, EXPIRED=sessions.CANCELLED))


@fault(
    "gate-completed-becomes-expired",
    summary="A read files a completed session away as expired for the next reader",
    fact="gate facts section 5.1: completed is final; only an uncompleted session expires",
    klass="sessions",
    breaks=("GATE-SESSION-COMPLETES",),
    drags=("GATE-SESSION-CANCEL-CONFLICT",),
)
def gate_completed_becomes_expired(patch: Patch) -> None:
    healthy = sessions.read

    def read(call: Call) -> Reply:
        shown = healthy(call)
        with call.sandbox.store.write() as tx:
            tx.execute(
                "UPDATE gate_sessions SET status = 'expired' WHERE session_id = ? AND status = 'completed'",
                (call.path["id"],),
            )
        return shown

    patch.replace(sessions, "read", read)


@fault(
    "gate-completion-not-kept",
    summary="A succeeded action is announced, and its session stays open",
    fact="gate facts section 5.1: open becomes completed when a linked action succeeds",
    klass="sessions",
    breaks=("GATE-SESSION-COMPLETES",),
    drags=(
        "GATE-SESSION-CANCEL-CONFLICT",
        "GATE-SESSION-STATUS-FILTER",
        "GATE-RAIL-REFUSES-ENDED-SESSION",
        "GATE-WEBHOOK-PAYLOAD",
        "GATE-WEBHOOK-HOSTED-EVENTS",
    ),
)
def gate_completion_not_kept(patch: Patch) -> None:
    def succeed(tx: sqlite3.Connection, sandbox: Sandbox, session: Session, refid: str) -> Session:
        ended = replace(session, status=sessions.COMPLETED, tx_refid=refid)
        sessions.announce(tx, sandbox, ended, "gate_session.completed")
        return session

    patch.replace(lifecycle, "succeed", succeed)


@fault(
    "gate-session-reads-processing",
    summary="While an action is under way the session reads processing, a word its status does not have",
    fact="gate facts section 11 (2): processing and failed are events only, the session stays open",
    klass="sessions",
    breaks=("GATE-SESSION-STAYS-OPEN",),
    drags=("WIRE-BODY", "GATE-SESSION-COMPLETES", "GATE-WEBHOOK-HOSTED-EVENTS"),
)
def gate_session_reads_processing(patch: Patch) -> None:
    healthy = sessions.read

    def read(call: Call) -> Reply:
        reply = healthy(call)
        with call.sandbox.store.read() as tx:
            busy = transactions.hosted_in_progress(tx, call.path["id"]) is not None
        return seams.with_members(reply, status="processing") if busy else reply

    patch.replace(sessions, "read", read)


@fault(
    "gate-failed-action-ends-session",
    summary="A failed action cancels its session, so that the user cannot try again",
    fact="gate facts section 5.1: open stays open when a linked action fails",
    klass="sessions",
    breaks=("GATE-SESSION-STAYS-OPEN",),
    drags=("GATE-SESSION-COMPLETES", "GATE-WEBHOOK-HOSTED-EVENTS", "GATE-WEBHOOK-PAYLOAD", "GATE-TX-JOINS"),
)
def gate_failed_action_ends_session(patch: Patch) -> None:
    healthy = lifecycle.fail

    def fail(tx: sqlite3.Connection, sandbox: Sandbox, session: Session) -> Session:
        healthy(tx, sandbox, session)
        return sessions.end(tx, session, sessions.CANCELLED)

    patch.replace(lifecycle, "fail", fail)


def with_secret(reply: Reply, known: Mapping[str, str]) -> Reply:
    return seams.with_members(reply, client_secret=known.get(str(reply.body["id"])))


def body_floats(reply: Reply) -> Reply:
    return replace(reply, body=gate_seams.floats(reply.body, "amount"))


def item_floats(reply: Reply) -> Reply:
    return gate_seams.each_item(reply, lambda row: gate_seams.floats(row, "amount"))


def any_amount(document: Mapping[str, object]) -> str:
    """Whatever reads as a number, negative ones and zero included."""
    value = members.words(document, "amount", 1, members.LONGEST_AMOUNT)
    return members.matching(value, "amount", ANY_NUMBER)

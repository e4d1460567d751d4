"""Rails: redeeming a signed quote into a pay-in or a pay-out for the user of a session, reading it, and its end."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from conformance.sandbox import clock
from conformance.sandbox.calls import Call, Reply, Sandbox
from conformance.sandbox.gate import (
    access,
    events,
    idempotency,
    lifecycle,
    members,
    quotes,
    refusals,
    sessions,
    transactions,
)
from conformance.sandbox.gate.members import OFF_RAMP, ON_RAMP
from conformance.sandbox.gate.quotes import Quote
from conformance.sandbox.gate.sessions import Session
from conformance.sandbox.refusal import conflict, not_found

PAY_IN: Final = "pay_in"
PAY_OUT: Final = "pay_out"
SIDES: Final = {PAY_IN: ON_RAMP, PAY_OUT: OFF_RAMP}
PREFIXES: Final = {PAY_IN: "pi", PAY_OUT: "po"}
PROCESSING: Final = "processing"
SETTLED: Final = "settled"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
# How the transaction of a rail ends when the rail does.
TRANSACTION_ENDS: Final = {SETTLED: transactions.COMPLETED, FAILED: "failed", CANCELLED: "cancelled"}
# The user, the amount and the way of payment come from session and quote, never from the partner.
MEMBERS: Final = ("gate_session_id", "quote_id", "reference", "metadata")
CREATED_STATUS: Final = 201
FAILURE_REASON: Final = "payment_failed"


@dataclass(frozen=True, slots=True)
class Rail:
    """A stored pay-in or pay-out. ``facts`` are what it shows besides its ids and state."""

    rail_id: str
    owner: str
    kind: str
    status: str
    quote_id: str
    session_id: str
    refid: str
    facts: Mapping[str, object]
    created_at: int
    ended_at: int | None


def create_pay_in(call: Call) -> Reply:
    """``POST /rails/pay_ins``."""
    return create(call, PAY_IN)


def create_pay_out(call: Call) -> Reply:
    """``POST /rails/pay_outs``."""
    return create(call, PAY_OUT)


def create(call: Call, kind: str) -> Reply:
    """Redeem a quote once: the rail it becomes, with its transaction and events, or a refusal and nothing."""
    with call.sandbox.store.read() as tx:
        access.check_rails(access.load(tx, call.account))
    document = members.body_of(call)
    members.check_known(document, MEMBERS)
    session_id = members.words(document, "gate_session_id", 1, members.LONGEST_ID)
    quote_id = members.words(document, "quote_id", 1, members.LONGEST_ID)
    said = {
        "reference": members.optional_words(document, "reference", 1, 255),
        "metadata": members.metadata(document),
    }

    def perform(tx: sqlite3.Connection) -> Reply:
        session = sessions.find(tx, call.owner, session_id)
        check_session(session)
        quote = quotes.find(tx, call.owner, quote_id)
        now = clock.account_now(tx, call.sandbox.clock, call.account)
        check_quote(quote, kind, now)
        return Reply(CREATED_STATUS, render(book(tx, call.sandbox, kind, session, quote, said, now)))

    return idempotency.once(call, f"create {kind}", document, perform, required=True)


def check_session(session: Session) -> None:
    """409 for a session that has ended, 403 while its user is not verified."""
    sessions.check_open(session)
    if not session.user_approved:
        raise refusals.forbidden("the user of this session is not verified")


def check_quote(quote: Quote, kind: str, now: int) -> None:
    """409 for a quote that cannot be redeemed any more, or not by this rail."""
    quotes.check_active(quote, now)
    if quote.terms["side"] != SIDES[kind]:
        raise conflict(f"a {quote.terms['side']} quote cannot become a {kind}")


def book(
    tx: sqlite3.Connection,
    sandbox: Sandbox,
    kind: str,
    session: Session,
    quote: Quote,
    said: Mapping[str, object],
    now: int,
) -> Rail:
    """Quote, transaction, rail and events together. ``sqlite3.IntegrityError`` if the quote has a rail already."""
    rail_id = f"{PREFIXES[kind]}_{sandbox.mode}_{secrets.token_hex(8)}"
    quotes.consume(tx, sandbox, quote, session.session_id, now)
    refid = transactions.start(
        tx, sandbox, session.owner, session.session_id, transaction_facts(kind, rail_id, session, quote)
    )
    facts = {
        **said,
        "amount": quote.terms["fiat_amount"],
        "currency": quote.terms["currency"],
        "method": quote.terms["payment_method"],
    }
    tx.execute(
        "INSERT INTO gate_rails (rail_id, owner, kind, status, quote_id, session_id, refid, facts, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            rail_id,
            quote.owner,
            kind,
            PROCESSING,
            quote.quote_id,
            session.session_id,
            refid,
            json.dumps(facts),
            now,
        ),
    )
    rail = find(tx, quote.owner, kind, rail_id)
    sessions.announce(tx, sandbox, session, "gate_session.processing")
    announce(tx, sandbox, rail)
    return rail


def transaction_facts(kind: str, rail_id: str, session: Session, quote: Quote) -> dict[str, object]:
    """What the transaction of a rail says, taken from quote and session."""
    terms = quote.terms
    fees = terms["fees"]
    return {
        "action": kind,
        "token": terms["asset"],
        "network": session.terms["target_network"],
        "currency": terms["currency"],
        "payment_method": terms["payment_method"],
        "fiat_amount": terms["fiat_amount"],
        "token_amount": terms["crypto_amount"],
        "exchange_rate": terms["exchange_rate"],
        "total_fees": fees["total_fees"] if isinstance(fees, Mapping) else None,
        "local_rail_transaction_id": rail_id,
    }


def announce(tx: sqlite3.Connection, sandbox: Sandbox, rail: Rail) -> None:
    """Queue the event of the state the rail is in; its data is the rail."""
    events.announce(tx, sandbox, rail.owner, f"rail.{rail.kind}.{rail.status}", render(rail), rail.session_id)


def find(tx: sqlite3.Connection, owner: str, kind: str, rail_id: str) -> Rail:
    """The owner's rail of this kind and id; 404 otherwise."""
    row = tx.execute(
        "SELECT * FROM gate_rails WHERE owner = ? AND kind = ? AND rail_id = ?", (owner, kind, rail_id)
    ).fetchone()
    if row is None:
        raise not_found(f"no such {kind}")
    return restore(row)


def restore(row: sqlite3.Row) -> Rail:
    return Rail(
        rail_id=row["rail_id"],
        owner=row["owner"],
        kind=row["kind"],
        status=row["status"],
        quote_id=row["quote_id"],
        session_id=row["session_id"],
        refid=row["refid"],
        facts=json.loads(row["facts"]),
        created_at=row["created_at"],
        ended_at=row["ended_at"],
    )


def read_pay_in(call: Call) -> Reply:
    """``GET /rails/pay_ins/{id}``."""
    return read(call, PAY_IN)


def read_pay_out(call: Call) -> Reply:
    """``GET /rails/pay_outs/{id}``."""
    return read(call, PAY_OUT)


def read(call: Call, kind: str) -> Reply:
    """One rail as stored."""
    with call.sandbox.store.read() as tx:
        access.check_rails(access.load(tx, call.account))
        return Reply(200, render(find(tx, call.owner, kind, call.path["id"])))


def render(rail: Rail) -> dict[str, object]:
    """The rail as reads and events show it; why it failed and when it settled only where it did."""
    shown: dict[str, object] = {
        "id": rail.rail_id,
        "object": f"rail_{rail.kind}",
        "kind": rail.kind,
        "status": rail.status,
        "quote_id": rail.quote_id,
        "gate_session_id": rail.session_id,
        **rail.facts,
        "created_at": clock.iso(rail.created_at),
    }
    if rail.status == FAILED:
        shown["failure_reason"] = FAILURE_REASON
    if rail.status == SETTLED and rail.ended_at is not None:
        shown["settled_at"] = clock.iso(rail.ended_at)
    return shown


def end(tx: sqlite3.Connection, sandbox: Sandbox, rail: Rail, status: str) -> Rail:
    """Bring a rail to its end, its transaction with it, and the session where it decides it; 409 if it has one."""
    now = clock.account_now(tx, sandbox.clock, access.account_of(rail.owner))
    moved = tx.execute(
        "UPDATE gate_rails SET status = ?, ended_at = ? WHERE rail_id = ? AND status = ?",
        (status, now, rail.rail_id, PROCESSING),
    )
    if moved.rowcount != 1:
        raise conflict(f"the rail is {rail.status} already")
    transactions.finish(tx, rail.refid, TRANSACTION_ENDS[status])
    ended = find(tx, rail.owner, rail.kind, rail.rail_id)
    announce(tx, sandbox, ended)
    tell_session(tx, sandbox, ended)
    return ended


def tell_session(tx: sqlite3.Connection, sandbox: Sandbox, rail: Rail) -> None:
    """An open session is completed by a rail that settles, and stays open after one that fails."""
    session = sessions.find(tx, rail.owner, rail.session_id)
    if session.status != sessions.OPEN:
        return
    if rail.status == SETTLED:
        lifecycle.succeed(tx, sandbox, session, rail.refid)
    elif rail.status == FAILED:
        sessions.announce(tx, sandbox, session, "gate_session.failed")

"""Hosted sessions: creating, reading, listing and cancelling them, and how one is written."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from conformance.sandbox import clock, inputs
from conformance.sandbox.calls import Call, Reply, Sandbox
from conformance.sandbox.gate import access, client_secrets, events, idempotency, members, paging, quotes, transactions
from conformance.sandbox.refusal import conflict, invalid, not_found

OPEN: Final = "open"
COMPLETED: Final = "completed"
EXPIRED: Final = "expired"
CANCELLED: Final = "cancelled"
STATUSES: Final = (OPEN, COMPLETED, EXPIRED, CANCELLED)
FLOWS: Final = ("on_ramp", "off_ramp", "swap")
OBJECT: Final = "gate_session"
CREATED_STATUS: Final = 201
CANCELLED_STATUS: Final = 201
LIFETIME_SECONDS: Final = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Session:
    """A stored session. ``terms`` are the members its create call gave; moments are whole seconds."""

    session_id: str
    owner: str
    status: str
    terms: Mapping[str, object]
    user_approved: bool
    tx_refid: str | None
    created_at: int
    expires_at: int


def create(call: Call) -> Reply:
    """``POST /gate_sessions``: an open session, and its client secret this once."""
    document = members.body_of(call)
    with call.sandbox.store.read() as tx:
        check_package(access.load(tx, call.account), document)
    terms = read_terms(document)

    def perform(tx: sqlite3.Connection) -> Reply:
        if terms["quote_preview_id"] is not None:
            quotes.find(tx, call.owner, str(terms["quote_preview_id"]))
        session = store(tx, call, terms)
        announce(tx, call.sandbox, session, "gate_session.created")
        if "kyc_package" in document:
            announce(tx, call.sandbox, session, "gate_session.kyc_package_accepted")
        return Reply(CREATED_STATUS, {**render(session), "client_secret": client_secrets.issue(tx, session.session_id)})

    return idempotency.once(call, "createSession", document, perform, required=True)


def check_package(its_access: access.Access, document: Mapping[str, object]) -> None:
    """403 for a verification package from an account that is not trusted; its content is never kept."""
    if "kyc_package" not in document:
        return
    access.check_trusted(its_access)
    if not isinstance(document["kyc_package"], dict):
        raise invalid("kyc_package must be an object")
    members.check_readable("kyc_package", document["kyc_package"])


def read_terms(document: Mapping[str, object]) -> dict[str, object]:
    """What the session is about, by the members of the body; unknown members are ignored."""
    flow = members.optional_words(document, "flow", 1, members.LONGEST_ID)
    return {
        "amount": members.amount(document),
        "currency": members.currency(document),
        "return_url": members.address(document, "return_url"),
        "cancel_url": members.address(document, "cancel_url") if "cancel_url" in document else None,
        "flow": None if flow is None else inputs.one_of(flow, "flow", FLOWS),
        "target_token": members.symbol(document, "target_token") if "target_token" in document else None,
        "target_network": members.optional_words(document, "target_network", 1, 64),
        "wallet_address": members.optional_words(document, "wallet_address", 1, 128),
        "user_reference": members.optional_words(document, "user_reference", 1, 255),
        "quote_preview_id": members.optional_words(document, "quote_preview_id", 1, members.LONGEST_ID),
        "metadata": members.metadata(document),
    }


def store(tx: sqlite3.Connection, call: Call, terms: Mapping[str, object]) -> Session:
    """A new open session of the caller."""
    now = clock.account_now(tx, call.sandbox.clock, call.account)
    session_id = f"gs_{call.sandbox.mode}_{secrets.token_hex(8)}"
    tx.execute(
        "INSERT INTO gate_sessions (session_id, owner, status, terms, created_at, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (session_id, call.owner, OPEN, json.dumps(terms), now, now + LIFETIME_SECONDS),
    )
    return find(tx, call.owner, session_id)


def find(tx: sqlite3.Connection, owner: str, session_id: str) -> Session:
    """The owner's session of this id; 404 for an unknown one and for anybody else's."""
    row = tx.execute("SELECT * FROM gate_sessions WHERE owner = ? AND session_id = ?", (owner, session_id)).fetchone()
    if row is None:
        raise not_found("no such session")
    return restore(row)


def restore(row: sqlite3.Row) -> Session:
    return Session(
        session_id=row["session_id"],
        owner=row["owner"],
        status=row["status"],
        terms=json.loads(row["terms"]),
        user_approved=bool(row["user_approved"]),
        tx_refid=row["tx_refid"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )


def render(session: Session) -> dict[str, object]:
    """The session as every read and event shows it: never with its client secret."""
    shown: dict[str, object] = {
        "id": session.session_id,
        "object": OBJECT,
        "partner_id": access.partner_id(session.owner),
        "mode": access.mode_of(session.owner),
        "status": session.status,
        **session.terms,
        "created_at": clock.iso(session.created_at),
        "expires_at": clock.iso(session.expires_at),
    }
    return shown if session.tx_refid is None else {**shown, "tx_refid": session.tx_refid}


def announce(tx: sqlite3.Connection, sandbox: Sandbox, session: Session, event_type: str) -> None:
    """Queue an event whose data is the session as it stands."""
    events.announce(tx, sandbox, session.owner, event_type, render(session), session.session_id)


def read(call: Call) -> Reply:
    """``GET /gate_sessions/{id}``: as stored. A read expires nothing."""
    with call.sandbox.store.read() as tx:
        return Reply(200, render(find(tx, call.owner, call.path["id"])))


def list_page(call: Call) -> Reply:
    """``GET /gate_sessions``: newest first, by cursor."""
    limit = paging.read_limit(call.query)
    status = call.query.get("status")
    if status is not None:
        inputs.one_of(status, "status", STATUSES)
    with call.sandbox.store.read() as tx:
        before = paging.position(tx, "gate_sessions", call.owner, call.query)
        rows = tx.execute(
            "SELECT * FROM gate_sessions WHERE owner = :owner AND seq < :before"
            " AND (:status IS NULL OR status = :status) ORDER BY seq DESC LIMIT :rows",
            {"owner": call.owner, "before": before, "status": status, "rows": limit + 1},
        ).fetchall()
    return paging.render("/gate_sessions", [render(restore(row)) for row in rows[:limit]], len(rows) > limit)


def cancel(call: Call) -> Reply:
    """``POST /gate_sessions/{id}/cancel``: succeeds for an open session only; 409 ever after."""
    session_id = call.path["id"]

    def perform(tx: sqlite3.Connection) -> Reply:
        session = end(tx, find(tx, call.owner, session_id), CANCELLED)
        announce(tx, call.sandbox, session, "gate_session.cancelled")
        return Reply(CANCELLED_STATUS, render(session))

    return idempotency.once(call, f"cancelSession {session_id}", None, perform)


def end(tx: sqlite3.Connection, session: Session, status: str, tx_refid: str | None = None) -> Session:
    """The session in its end, and nothing of its hosted flow under way; 409 if it has reached one before."""
    moved = tx.execute(
        "UPDATE gate_sessions SET status = ?, tx_refid = COALESCE(?, tx_refid) WHERE session_id = ? AND status = ?",
        (status, tx_refid, session.session_id, OPEN),
    )
    if moved.rowcount != 1:
        raise conflict(f"the session is {session.status}, not open")
    transactions.abandon(tx, session.session_id)
    return find(tx, session.owner, session.session_id)


def check_open(session: Session) -> None:
    """409 unless the session can still be acted on."""
    if session.status != OPEN:
        raise conflict(f"the session is {session.status}, not open")

"""What befalls an open session from outside the API: the hosted flow of its user, and the job that expires it."""

from __future__ import annotations

import sqlite3

from conformance.sandbox.calls import Sandbox
from conformance.sandbox.gate import sessions, transactions
from conformance.sandbox.gate.sessions import Session
from conformance.sandbox.gate.transactions import Facts

ACTIONS = {"on_ramp": "buy", "off_ramp": "sell", "swap": "swap", None: "buy"}


def process(tx: sqlite3.Connection, sandbox: Sandbox, session: Session) -> str:
    """The user starts an action: a transaction under way and its event; 409 for a session that has ended."""
    sessions.check_open(session)
    refid = transactions.start(tx, sandbox, session.owner, session.session_id, hosted_facts(session))
    sessions.announce(tx, sandbox, session, "gate_session.processing")
    return refid


def hosted_facts(session: Session) -> Facts:
    """What a transaction of the hosted flow says, taken from the session."""
    terms = session.terms
    return {
        "action": ACTIONS[str(terms["flow"]) if terms["flow"] is not None else None],
        "token": terms["target_token"],
        "network": terms["target_network"],
        "currency": terms["currency"],
        "payment_method": "card",
        "fiat_amount": terms["amount"],
        "token_amount": None,
        "exchange_rate": None,
        "total_fees": None,
        "local_rail_transaction_id": None,
    }


def complete(tx: sqlite3.Connection, sandbox: Sandbox, session: Session) -> Session:
    """The action under way, or a new one, succeeds, and with it the session."""
    refid = under_way(tx, sandbox, session)
    transactions.finish(tx, refid, "completed")
    return succeed(tx, sandbox, session, refid)


def succeed(tx: sqlite3.Connection, sandbox: Sandbox, session: Session, refid: str) -> Session:
    """The session completed by this transaction, and its event; 409 if it has ended before."""
    ended = sessions.end(tx, session, sessions.COMPLETED, refid)
    sessions.announce(tx, sandbox, ended, "gate_session.completed")
    return ended


def fail(tx: sqlite3.Connection, sandbox: Sandbox, session: Session) -> Session:
    """The action under way, or a new one, fails. The session stays open for another."""
    transactions.finish(tx, under_way(tx, sandbox, session), "failed")
    sessions.announce(tx, sandbox, session, "gate_session.failed")
    return session


def under_way(tx: sqlite3.Connection, sandbox: Sandbox, session: Session) -> str:
    """The hosted transaction in progress, or one started now; 409 for a session that has ended."""
    sessions.check_open(session)
    return transactions.hosted_in_progress(tx, session.session_id) or process(tx, sandbox, session)


def expire(tx: sqlite3.Connection, sandbox: Sandbox, session: Session) -> Session:
    """The end of an open session whose time is over, and its event."""
    ended = sessions.end(tx, session, sessions.EXPIRED)
    sessions.announce(tx, sandbox, ended, "gate_session.expired")
    return ended


def expire_due(tx: sqlite3.Connection, sandbox: Sandbox) -> int:
    """The job: expire every open session whose moment has come by its account's clock; says how many."""
    rows = tx.execute(
        "SELECT s.* FROM gate_sessions s LEFT JOIN clocks c ON c.account = substr(s.owner, instr(s.owner, ':') + 1)"
        " WHERE s.status = 'open' AND s.expires_at <= ? + COALESCE(c.offset_seconds, 0) ORDER BY s.seq",
        (int(sandbox.clock()),),
    ).fetchall()
    for row in rows:
        expire(tx, sandbox, sessions.restore(row))
    return len(rows)


def set_user_approved(tx: sqlite3.Connection, session: Session, approved: bool) -> None:
    """Whether the user of an open session has passed verification; 409 for a session that has ended."""
    sessions.check_open(session)
    tx.execute("UPDATE gate_sessions SET user_approved = ? WHERE session_id = ?", (int(approved), session.session_id))


def require_kyc(tx: sqlite3.Connection, sandbox: Sandbox, session: Session) -> Session:
    """The hosted flow stops for verification: rails refuse until it is passed."""
    set_user_approved(tx, session, approved=False)
    sessions.announce(tx, sandbox, session, "kyc.required")
    return session


def approve_kyc(tx: sqlite3.Connection, sandbox: Sandbox, session: Session) -> Session:
    """The user has passed verification."""
    set_user_approved(tx, session, approved=True)
    return session

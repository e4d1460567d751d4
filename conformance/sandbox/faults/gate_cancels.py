"""Mistakes with cancelling a session of 0Gate: silent, without effect, over an end, or somebody else's."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import gate_seams, seams
from conformance.sandbox.gate import sessions, transactions
from conformance.sandbox.gate.sessions import Session
from conformance.sandbox.refusal import not_found
from conformance.sandbox.variations import Patch, fault

OF_WRONG_CANCELS = ("GATE-SESSION-CANCEL", "GATE-WEBHOOK-SESSION-EVENTS")


@fault(
    "gate-cancel-over-an-end",
    summary="A completed, expired or cancelled session is cancelled all the same",
    fact="gate facts section 4.A: only an open session can be cancelled; a terminal one is a 409",
    klass="states",
    breaks=("GATE-SESSION-CANCEL-CONFLICT",),
    drags=("GATE-SESSION-COMPLETES", "GATE-SESSION-EXPIRES", *OF_WRONG_CANCELS),
)
def gate_cancel_over_an_end(patch: Patch) -> None:
    def cancel(call: Call) -> Reply:
        with call.sandbox.store.write() as tx:
            session = end_whatever_it_is(tx, sessions.find(tx, call.owner, call.path["id"]))
            sessions.announce(tx, call.sandbox, session, "gate_session.cancelled")
            return Reply(sessions.CANCELLED_STATUS, sessions.render(session))

    patch.replace(sessions, "cancel", cancel)


@fault(
    "gate-cancel-again-is-fine",
    summary="Cancelling a session that has ended is a silent no-op that answers 201 with the session as it is",
    fact="gate facts section 4.A: a terminal session is a 409, on purpose not a silent no-op",
    klass="states",
    breaks=("GATE-SESSION-CANCEL-CONFLICT",),
)
def gate_cancel_again_is_fine(patch: Patch) -> None:
    healthy = sessions.cancel

    def cancel(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            session = sessions.find(tx, call.owner, call.path["id"])
        if session.status == sessions.OPEN:
            return healthy(call)
        return Reply(sessions.CANCELLED_STATUS, sessions.render(session))

    patch.replace(sessions, "cancel", cancel)


@fault(
    "gate-cancel-conflict-cancels",
    summary="Cancelling a completed session answers 409 after it has been marked as cancelled",
    fact="gate facts section 5.1: a terminal state is final, a cancel of it is refused",
    klass="states",
    breaks=("GATE-SESSION-CANCEL-CONFLICT",),
    drags=("GATE-SESSION-COMPLETES", "GATE-SESSION-EXPIRES"),
)
def gate_cancel_conflict_cancels(patch: Patch) -> None:
    healthy = sessions.cancel

    def cancel(call: Call) -> Reply:
        try:
            return healthy(call)
        finally:
            with call.sandbox.store.write() as tx:
                tx.execute(
                    "UPDATE gate_sessions SET status = 'cancelled' WHERE owner = ? AND session_id = ?",
                    (call.owner, call.path["id"]),
                )

    patch.replace(sessions, "cancel", cancel)


@fault(
    "gate-cancel-without-effect",
    summary="A cancellation answers that the session is cancelled and leaves it open",
    fact="gate facts section 4.A: cancel makes the session cancelled; section 5.1: cancelled is final",
    klass="states",
    breaks=("GATE-SESSION-CANCEL",),
    drags=(
        "GATE-SESSION-CANCEL-CONFLICT",
        "GATE-SESSION-STATUS-FILTER",
        "GATE-RAIL-REFUSES-ENDED-SESSION",
        "GATE-WEBHOOK-SESSION-EVENTS",
    ),
)
def gate_cancel_without_effect(patch: Patch) -> None:
    def cancel(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            session = sessions.find(tx, call.owner, call.path["id"])
        sessions.check_open(session)
        shown = {**sessions.render(session), "status": sessions.CANCELLED}
        return Reply(sessions.CANCELLED_STATUS, shown)

    patch.replace(sessions, "cancel", cancel)


@fault(
    "gate-cancel-answers-open",
    summary="A cancellation answers the session as it was before",
    fact="gate facts section 4.A: cancel answers the session with status cancelled",
    klass="states",
    breaks=("GATE-SESSION-CANCEL",),
    drags=("WIRE-BODY",),
)
def gate_cancel_answers_open(patch: Patch) -> None:
    seams.amend(patch, sessions, "cancel", lambda reply: seams.with_members(reply, status=sessions.OPEN))


@fault(
    "gate-cancel-answers-200",
    summary="A cancellation answers 200 where 201 is published",
    fact="gate facts section 4.A: success of cancel is 201 with the session",
    klass="statuses",
    breaks=("GATE-SESSION-CANCEL",),
    drags=("WIRE-STATUS", "GATE-SESSION-CANCEL-CONFLICT"),
)
def gate_cancel_answers_200(patch: Patch) -> None:
    patch.replace(sessions, "CANCELLED_STATUS", 200)


@fault(
    "gate-cancel-wears-off",
    summary="A cancelled session is open again after it has been read",
    fact="gate facts section 5.1: cancelled is final; section 4.A: a read never changes status",
    klass="states",
    breaks=("GATE-SESSION-CANCEL",),
    drags=(
        "GATE-SESSION-CANCEL-CONFLICT",
        "GATE-SESSION-STATUS-FILTER",
        "GATE-RAIL-REFUSES-ENDED-SESSION",
        "GATE-SESSION-READ",
    ),
)
def gate_cancel_wears_off(patch: Patch) -> None:
    healthy = sessions.read

    def read(call: Call) -> Reply:
        with call.sandbox.store.write() as tx:
            tx.execute(
                "UPDATE gate_sessions SET status = 'open' WHERE session_id = ? AND status = 'cancelled'",
                (call.path["id"],),
            )
        return healthy(call)

    patch.replace(sessions, "read", read)


@fault(
    "gate-cancel-foreign",
    summary="A session of another partner can be cancelled",
    fact="gate facts section 4.A: a foreign session is a 404",
    klass="isolation",
    breaks=("GATE-ISOLATION-OBJECTS",),
)
def gate_cancel_foreign(patch: Patch) -> None:
    def cancel(call: Call) -> Reply:
        with call.sandbox.store.write() as tx:
            session = sessions.end(tx, anybodys(tx, call.path["id"]), sessions.CANCELLED)
            sessions.announce(tx, call.sandbox, session, "gate_session.cancelled")
            return Reply(sessions.CANCELLED_STATUS, sessions.render(session))

    patch.replace(sessions, "cancel", cancel)


@fault(
    "gate-cancel-foreign-behind-404",
    summary="Cancelling a foreign session answers 404, but its owner finds it cancelled",
    fact="gate facts section 4.A: a foreign session is a 404; a credential reaches only its own objects",
    klass="isolation",
    breaks=("GATE-ISOLATION-OBJECTS",),
)
def gate_cancel_foreign_behind_404(patch: Patch) -> None:
    healthy = sessions.cancel

    def cancel(call: Call) -> Reply:
        with call.sandbox.store.write() as tx:
            tx.execute(
                "UPDATE gate_sessions SET status = 'cancelled' WHERE owner != ? AND session_id = ? AND status = 'open'",
                (call.owner, call.path["id"]),
            )
        return healthy(call)

    patch.replace(sessions, "cancel", cancel)


@fault(
    "gate-foreign-session-readable",
    summary="A session is found by its id alone, whoever reads it",
    fact="gate facts section 4.A: a foreign session is a 404",
    klass="isolation",
    breaks=("GATE-ISOLATION-OBJECTS",),
)
def gate_foreign_session_readable(patch: Patch) -> None:
    gate_seams.requery(patch, sessions, "read", gate_seams.OF_ANYBODY)


@fault(
    "gate-foreign-session-as-403",
    summary="A session of another partner is refused with 403, which tells that it exists",
    fact="gate facts section 1.3: an object of another partner always reads as 404, never 403",
    klass="isolation",
    breaks=("GATE-ISOLATION-OBJECTS",),
)
def gate_foreign_session_as_403(patch: Patch) -> None:
    for handler in ("read", "cancel"):
        gate_seams.tell_foreign(patch, sessions, handler, "gate_sessions", "session_id")


@fault(
    "gate-unknown-session-as-400",
    summary="An id that nobody was given is taken for a malformed one",
    fact="gate facts section 4.A: an unknown session is a 404",
    klass="statuses",
    breaks=("GATE-UNKNOWN-ID",),
    drags=("GATE-ISOLATION-OBJECTS", "GATE-RAIL-REFUSES-UNKNOWN"),
)
def gate_unknown_session_as_400(patch: Patch) -> None:
    patch.replace(sessions, "not_found", seams.refusing(400, "invalid_request"))


@fault(
    "gate-cancel-unknown-accepted",
    summary="Cancelling a session that does not exist answers 201 with one that reads cancelled",
    fact="gate facts section 4.A: an unknown session is a 404",
    klass="statuses",
    breaks=("GATE-UNKNOWN-ID",),
    drags=("GATE-ISOLATION-OBJECTS", "WIRE-BODY"),
)
def gate_cancel_unknown_accepted(patch: Patch) -> None:
    healthy = sessions.cancel

    def cancel(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            known = tx.execute("SELECT 1 FROM gate_sessions WHERE session_id = ?", (call.path["id"],)).fetchone()
        if known is not None:
            return healthy(call)
        return Reply(201, {"id": call.path["id"], "object": sessions.OBJECT, "status": sessions.CANCELLED})

    patch.replace(sessions, "cancel", cancel)


@fault(
    "gate-cancel-trusts-a-cache",
    summary="A cancellation trusts a cache of open sessions that nobody tells of completions: it overruns them",
    fact="gate facts section 5.1: completed is final; section 4.A: cancelling a terminal session is a 409",
    klass="states",
    breaks=("GATE-SESSION-CANCEL-CONFLICT",),
    drags=("GATE-SESSION-COMPLETES", "GATE-SESSION-EXPIRES", *OF_WRONG_CANCELS),
)
def gate_cancel_trusts_a_cache(patch: Patch) -> None:
    healthy = sessions.cancel
    cached: dict[str, str] = {}

    def store(tx: sqlite3.Connection, call: Call, terms: Mapping[str, object]) -> Session:
        session = made(tx, call, terms)
        cached[session.session_id] = session.status
        return session

    def cancel(call: Call) -> Reply:
        if cached.pop(call.path["id"], None) is None:
            return healthy(call)
        with call.sandbox.store.write() as tx:
            session = end_whatever_it_is(tx, sessions.find(tx, call.owner, call.path["id"]))
            sessions.announce(tx, call.sandbox, session, "gate_session.cancelled")
            return Reply(sessions.CANCELLED_STATUS, sessions.render(session))

    made = sessions.store
    patch.replace(sessions, "store", store)
    patch.replace(sessions, "cancel", cancel)


def end_whatever_it_is(tx: sqlite3.Connection, session: Session) -> Session:
    """Cancelled, from whatever state."""
    tx.execute("UPDATE gate_sessions SET status = 'cancelled' WHERE session_id = ?", (session.session_id,))
    transactions.abandon(tx, session.session_id)
    return sessions.find(tx, session.owner, session.session_id)


def anybodys(tx: sqlite3.Connection, session_id: str) -> Session:
    """The session of this id, whosever it is."""
    row = tx.execute("SELECT * FROM gate_sessions WHERE session_id = ?", (session_id,)).fetchone()
    if row is None:
        raise not_found("no such session")
    return sessions.restore(row)

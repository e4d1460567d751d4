"""Variations of 0Gate's sessions, of its keys and envelope, and of the order in which its gates are asked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from conformance.sandbox import refusal
from conformance.sandbox.calls import Call, Operation, Reply
from conformance.sandbox.gate import customers, idempotency, paging, refusals, serving, sessions
from conformance.sandbox.gate.sessions import Session
from conformance.sandbox.keys import Credential
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.storage import Transaction
from conformance.sandbox.variations import Patch, dialect

LAG_SECONDS: Final = 0.15
SHORT_PAGE: Final = 4

Body = Mapping[str, object]


@dialect(
    "gate-session-created-200",
    summary="A new session is answered with 200",
    fact="gate facts section 11 (6): the success status of a create is not published",
)
def gate_session_created_200(patch: Patch) -> None:
    patch.replace(sessions, "CREATED_STATUS", 200)


@dialect(
    "gate-session-called-session",
    summary="The object of a session is called session",
    fact="gate facts section 11 (3): one page says gate_session, the vendor's own client session",
)
def gate_session_called_session(patch: Patch) -> None:
    patch.replace(sessions, "OBJECT", "session")


@dialect(
    "gate-session-brief",
    summary="A session has no members that hold nothing, does not say when it was made, and has no spare digits",
    fact="gate facts section 4.A: members may be null, created_at among them; section 3: digits are not stated",
)
def gate_session_brief(patch: Patch) -> None:
    inner = sessions.render

    def render(session: Session) -> dict[str, object]:
        body = {**inner(session), "created_at": None}
        body["amount"] = f"{Decimal(str(body['amount'])).normalize():f}"
        return {name: value for name, value in body.items() if value is not None}

    patch.replace(sessions, "render", render)


@dialect(
    "gate-session-more",
    summary="A session has further members, also inside its metadata, and its currency in capital letters only",
    fact="gate facts section 4.A: an object may have members no page lists; section 3: letters of a currency",
)
def gate_session_more(patch: Patch) -> None:
    inner = sessions.render

    def render(session: Session) -> dict[str, object]:
        body = inner(session)
        metadata = body["metadata"]
        kept = {**metadata, "source": "api"} if isinstance(metadata, Mapping) else metadata
        return {**body, "currency": str(body["currency"]).upper(), "metadata": kept, "channel": "hosted"}

    patch.replace(sessions, "render", render)


@dialect(
    "gate-session-list-lags",
    summary="A new session joins the list a moment later",
    fact="gate facts section 7: no source says that lists are up to date at once",
)
def gate_session_list_lags(patch: Patch) -> None:
    made: dict[str, float] = {}
    store, position = sessions.store, paging.position

    def note(tx: Transaction, call: Call, terms: Body) -> Session:
        session = store(tx, call, terms)
        made[session.session_id] = time.monotonic()
        return session

    def before_the_newest(tx: Transaction, table: str, owner: str, query: Mapping[str, str]) -> int:
        start = position(tx, table, owner, query)
        if table != "gate_sessions":
            return start
        young = [name for name, moment in made.items() if moment > time.monotonic() - LAG_SECONDS]
        places = [tx.execute(paging.CURSORS[table], (owner, name)).fetchone() for name in young]
        return min([start, *(int(place["seq"]) for place in places if place is not None)])

    patch.replace(sessions, "store", note)
    patch.replace(paging, "position", before_the_newest)


@dialect(
    "gate-session-short-pages",
    summary="A page of sessions holds four at most, whatever the limit, and says that there are more",
    fact="gate facts section 4.D: a page may be shorter than its limit while more follows; so the sister list",
)
def gate_session_short_pages(patch: Patch) -> None:
    inner = paging.render

    def render(path: str, data: list[object], has_more: bool) -> Reply:
        is_long = path == "/gate_sessions" and len(data) > SHORT_PAGE
        return inner(path, data[:SHORT_PAGE] if is_long else data, has_more or is_long)

    patch.replace(paging, "render", render)


@dialect(
    "gate-session-malformed-422",
    summary="A malformed session is refused with 422, and what is wrong is listed",
    fact="gate facts section 2.2: 422 is treated like 400 by the vendor's client; section 2.1: a list of messages",
)
def gate_session_malformed_422(patch: Patch) -> None:
    read_terms, envelope = sessions.read_terms, refusals.envelope

    def unprocessable(document: Body) -> dict[str, object]:
        try:
            return read_terms(document)
        except Refusal as refused:
            raise Refusal(422, refused.code, refused.message) from None

    def with_a_list(refused: Refusal, request_id: str) -> dict[str, object]:
        body = envelope(refused, request_id)
        return {**body, "message": [refused.message]} if refused.status == 422 else body

    patch.replace(sessions, "read_terms", unprocessable)
    patch.replace(refusals, "envelope", with_a_list)
    patch.replace(refusals, "TYPES", {**refusals.TYPES, 422: "invalid_request"})
    patch.replace(refusal, "TYPES", {**refusal.TYPES, 422: "invalid_request"})


@dialect(
    "gate-cancel-key-unread",
    summary="A cancellation repeated under its key is a conflict, like any other",
    fact="gate facts section 4.A: the page of the operation names no key; section 6: the repeat is a guess",
)
def gate_cancel_key_unread(patch: Patch) -> None:
    inner = idempotency.once

    def once(
        call: Call, operation: str, document: object, perform: idempotency.Perform, *, required: bool = False
    ) -> Reply:
        if not operation.startswith("cancelSession"):
            return inner(call, operation, document, perform, required=required)
        with call.sandbox.store.write() as tx:
            return perform(tx)

    patch.replace(idempotency, "once", once)


@dialect(
    "gate-key-optional",
    summary="A session may be created without an idempotency key",
    fact="gate facts section 11 (11): required in one table, accepted in the contract's introduction",
)
def gate_key_optional(patch: Patch) -> None:
    inner = idempotency.read_key
    patch.replace(idempotency, "read_key", lambda headers, required: inner(headers, required=False))


@dialect(
    "gate-wrong-key-401",
    summary="A key of the other mode, and one of the wrong kind, are refused with 401",
    fact="gate facts section 11 (7): seed and guide differ in the status of a key used in the wrong place",
)
def gate_wrong_key_401(patch: Patch) -> None:
    check_mode, check_kind = serving.check_mode, serving.check_kind

    def mode(credential: Credential, its_mode: str) -> None:
        try:
            check_mode(credential, its_mode)
        except Refusal:
            raise refusals.unauthorized() from None

    def kind(credential: Credential, operation: Operation) -> None:
        try:
            check_kind(credential, operation)
        except Refusal:
            raise refusals.unauthorized() from None

    patch.replace(serving, "check_mode", mode)
    patch.replace(serving, "check_kind", kind)


@dialect(
    "gate-object-before-records",
    summary="Without customer records a record that is not there answers 404, before the gate is asked",
    fact="gate facts section 9: which of two refusals is said first is stated nowhere",
)
def gate_object_before_records(patch: Patch) -> None:
    inner = customers.check_enabled

    def check_enabled(call: Call) -> None:
        if "id" in call.path:
            with call.sandbox.store.read() as tx:
                customers.find(tx, call.owner, call.path["id"])
        inner(call)

    patch.replace(customers, "check_enabled", check_enabled)

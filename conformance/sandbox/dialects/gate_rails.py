"""Variations of 0Gate's previews, signed quotes, rails and transactions."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from conformance.sandbox import refusal
from conformance.sandbox.calls import Call, Reply, Sandbox
from conformance.sandbox.dialects.rewriting import rebuilt
from conformance.sandbox.gate import idempotency, members, paging, quotes, rails, refusals, transactions
from conformance.sandbox.gate.quotes import Order, Quote
from conformance.sandbox.gate.rails import Rail
from conformance.sandbox.gate.sessions import OPEN, Session
from conformance.sandbox.refusal import Refusal, conflict, invalid
from conformance.sandbox.variations import Patch, dialect

PREVIEW: Final = "gate facts section 4.C: envelope, members and status of a preview are a gap, ids of options too"
RAIL: Final = "gate facts sections 4.I and 12 (12): of a rail only object, id, kind and status are certain"
LAG_SECONDS: Final = 0.15
SHORT_PAGE: Final = 1
WORK_SECONDS: Final = 0.01
"""How long a call is at work, so that repeats can meet it."""

Handler = Callable[[Call], Reply]


@dialect(
    "gate-locked-and-redeemed-200",
    summary="A locked quote and a new rail are answered with 200, a preview with 201",
    fact="gate facts section 11 (6): the success status of these calls is not published",
)
def gate_locked_and_redeemed_200(patch: Patch) -> None:
    patch.replace(quotes, "LOCKED_STATUS", 200)
    patch.replace(rails, "CREATED_STATUS", 200)
    patch.replace(quotes, "PREVIEWED_STATUS", 201)


@dialect("gate-rail-brief", summary="A rail shows nothing but object, id, kind and status", fact=RAIL)
def gate_rail_brief(patch: Patch) -> None:
    inner = rails.render

    def render(rail: Rail) -> dict[str, object]:
        return {name: inner(rail)[name] for name in ("object", "id", "kind", "status")}

    patch.replace(rails, "render", render)


@dialect("gate-rail-pending-first", summary="A new rail is answered as pending and read as processing", fact=RAIL)
def gate_rail_pending_first(patch: Patch) -> None:
    inner = rails.create

    def create(call: Call, kind: str) -> Reply:
        made = inner(call, kind)
        return replace(made, body={**made.body, "status": "pending"})

    patch.replace(rails, "create", create)


@dialect("gate-preview-options-have-ids", summary="Each option of a preview has an id of its own", fact=PREVIEW)
def gate_preview_options_have_ids(patch: Patch) -> None:
    inner = quotes.price
    numbered = iter(range(10**9))

    def preview(call: Call) -> Reply:
        document = members.body_of(call)
        order = quotes.read_order(document)
        options = [named(order, method) for method in quotes.applicable(order)]
        return Reply(200, paging.render("/quotes/preview", options, has_more=False).body)

    def named(order: Order, method: str) -> dict[str, object]:
        return {"id": f"qp_test_{next(numbered):012x}", "object": "quote_preview", **inner(order, method)}

    patch.replace(quotes, "preview", preview)


@dialect(
    "gate-amounts-short",
    summary="Amounts of quotes, rails and their transactions have no trailing zeros",
    fact="gate facts section 3: decimal strings; how many digits they have is not stated",
)
def gate_amounts_short(patch: Patch) -> None:
    inner = quotes.price

    def price(order: Order, method: str) -> dict[str, object]:
        return rebuilt(inner(order, method), lambda document: {name: short(value) for name, value in document.items()})

    def short(value: object) -> object:
        if not isinstance(value, str) or not value.replace(".", "", 1).isdecimal():
            return value
        return f"{Decimal(value).normalize():f}"

    patch.replace(quotes, "price", price)


@dialect(
    "gate-quote-brief",
    summary="A signed quote says neither when it was made nor when it ends, and gives no fees",
    fact="gate facts section 4.I: expires_at and created_at are assumed names, the fees an approved context",
)
def gate_quote_brief(patch: Patch) -> None:
    inner = quotes.render

    def render(quote: Quote, current: str) -> dict[str, object]:
        hidden = {"created_at", "expires_at", "fees"}
        return {name: value for name, value in inner(quote, current).items() if name not in hidden}

    patch.replace(quotes, "render", render)


@dialect(
    "gate-one-rail-per-session",
    summary="A session takes one rail; another is refused with 409",
    fact="gate facts section 12 (12): whether one session may have several rails is a gap",
)
def gate_one_rail_per_session(patch: Patch) -> None:
    inner = rails.book

    def book(
        tx: sqlite3.Connection,
        sandbox: Sandbox,
        kind: str,
        session: Session,
        quote: Quote,
        said: Mapping[str, object],
        now: int,
    ) -> Rail:
        if tx.execute("SELECT 1 FROM gate_rails WHERE session_id = ?", (session.session_id,)).fetchone():
            raise conflict("this session has its rail already")
        return inner(tx, sandbox, kind, session, quote, said, now)

    patch.replace(rails, "book", book)


@dialect(
    "gate-rail-session-400",
    summary="A rail for a session that has ended, or whose user is not verified, is refused with 400",
    fact="gate facts section 4.I: the status of a session or user that does not fit is a gap",
)
def gate_rail_session_400(patch: Patch) -> None:
    def check_session(session: Session) -> None:
        if session.status != OPEN or not session.user_approved:
            raise invalid("this session cannot have a rail")

    patch.replace(rails, "check_session", check_session)


@dialect(
    "gate-rail-malformed-422",
    summary="A malformed preview, lock or rail is refused with 422",
    fact="gate facts section 2.2: 422 is not documented, and the vendor's client treats it like 400",
)
def gate_rail_malformed_422(patch: Patch) -> None:
    def unprocessable(inner: Handler) -> Handler:
        def handle(call: Call) -> Reply:
            try:
                return inner(call)
            except Refusal as refused:
                if refused.status != 400:
                    raise
                raise Refusal(422, refused.code, refused.message) from None

        return handle

    for module, names in ((quotes, ("preview", "lock")), (rails, ("create_pay_in", "create_pay_out"))):
        for name in names:
            patch.replace(module, name, unprocessable(getattr(module, name)))
    for words in (refusal, refusals):
        patch.replace(words, "TYPES", {**words.TYPES, 422: "invalid_request"})


@dialect(
    "gate-duplicate-under-way-409",
    summary="A repeat that meets the call it repeats is refused with 409",
    fact="gate facts section 6: behaviour while the first call is running is a gap",
)
def gate_duplicate_under_way_409(patch: Patch) -> None:
    inner = idempotency.once
    busy: set[tuple[str, str, str]] = set()
    lock = threading.Lock()

    def once(
        call: Call, operation: str, document: object, perform: idempotency.Perform, *, required: bool = False
    ) -> Reply:
        key = idempotency.read_key(call.headers, required)
        if key is None:
            return inner(call, operation, document, perform, required=required)
        entry = (call.owner, operation, key)
        with lock:
            if entry in busy:
                raise conflict("a call with this key is under way")
            busy.add(entry)
        try:
            time.sleep(WORK_SECONDS)
            return inner(call, operation, document, perform, required=required)
        finally:
            with lock:
                busy.discard(entry)

    patch.replace(idempotency, "once", once)


@dialect(
    "gate-transactions-short-pages",
    summary="A page of transactions may be shorter than asked for although more follow",
    fact="gate facts section 4.D: loop on has_more only",
)
def gate_transactions_short_pages(patch: Patch) -> None:
    inner = transactions.list_page

    def list_page(call: Call) -> Reply:
        page = inner(call)
        rows = page.body["data"]
        if not isinstance(rows, list) or len(rows) <= SHORT_PAGE:
            return page
        return replace(page, body={**page.body, "data": rows[:SHORT_PAGE], "has_more": True})

    patch.replace(transactions, "list_page", list_page)


@dialect(
    "gate-transactions-lag",
    summary="A new transaction joins the list a moment later",
    fact="gate facts section 7: no source says that lists are up to date at once",
)
def gate_transactions_lag(patch: Patch) -> None:
    made: dict[str, float] = {}
    start, list_page = transactions.start, transactions.list_page

    def note(tx: sqlite3.Connection, sandbox: Sandbox, owner: str, session_id: str, facts: Mapping[str, object]) -> str:
        refid = start(tx, sandbox, owner, session_id, facts)
        made[refid] = time.monotonic()
        return refid

    def without_the_newest(call: Call) -> Reply:
        page = list_page(call)
        rows = page.body["data"]
        assert isinstance(rows, list)
        old = [row for row in rows if time.monotonic() - made.get(row["refid"], 0.0) > LAG_SECONDS]
        return replace(page, body={**page.body, "data": old})

    patch.replace(transactions, "start", note)
    patch.replace(transactions, "list_page", without_the_newest)

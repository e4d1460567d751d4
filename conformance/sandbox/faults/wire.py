"""Mistakes in how answers are written: ids, envelopes, media types, members, numbers, statuses, crashes, leaks."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import cast

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from conformance.sandbox import edge, inputs, refusal
from conformance.sandbox.calls import Reply
from conformance.sandbox.faults import seams
from conformance.sandbox.pools import discovery, ledger, orders, quotes, settlement, terms, trades, transact
from conformance.sandbox.pools.terms import Terms
from conformance.sandbox.pools.trades import Trade
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch, fault

# Codes that denials are known by cannot be read from an envelope that is no longer the published one.
OF_UNREADABLE_DENIALS = (
    "WIRE-BODY",
    "POOLS-DENY-NO-ACCESS",
    "POOLS-DENY-SUSPENDED",
    "POOLS-DENY-KYC",
    "POOLS-DENY-POOL",
    "POOLS-DENY-AT-TRANSACT",
)


@fault(
    "request-id-missing-on-ledger",
    summary="Responses of the ledger carry no X-Request-Id",
    fact="facts section 2.1: X-Request-Id on every response",
    klass="wire",
    breaks=("WIRE-REQUEST-ID",),
    drags=("WIRE-ERROR-ENVELOPE",),
)
def request_id_missing_on_ledger(patch: Patch) -> None:
    class Nameless(edge.Edge):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"].endswith("/ledger"):
                scope["request_id"] = edge.new_request_id(self.mode)
                await self.app(scope, receive, send)
            else:
                await super().__call__(scope, receive, send)

    patch.replace(edge, "Edge", Nameless)


@fault(
    "request-id-missing-on-errors",
    summary="Only successes are given the X-Request-Id header",
    fact="facts section 2.1: X-Request-Id on every response, equal to request_id in an error body",
    klass="wire",
    breaks=("WIRE-REQUEST-ID", "WIRE-ERROR-ENVELOPE"),
)
def request_id_missing_on_errors(patch: Patch) -> None:
    healthy = edge.name_response

    def name_response(start: Message, request_id: str) -> None:
        healthy(start, request_id)
        if start["status"] >= 400:
            del MutableHeaders(scope=start)["X-Request-Id"]

    patch.replace(edge, "name_response", name_response)


@fault(
    "envelope-request-id-differs",
    summary="The body's request_id is made anew and is not the header's",
    fact="facts section 2.1: request_id mirrors X-Request-Id",
    klass="wire",
    breaks=("WIRE-ERROR-ENVELOPE",),
)
def envelope_request_id_differs(patch: Patch) -> None:
    healthy = refusal.envelope
    patch.replace(refusal, "envelope", lambda refused, _: healthy(refused, edge.new_request_id("test")))


@fault(
    "envelope-nested",
    summary='Errors are nested under "error"',
    fact="facts section 2.1: the error body is flat, no wrapper",
    klass="wire",
    breaks=("WIRE-ERROR-ENVELOPE",),
    drags=OF_UNREADABLE_DENIALS,
)
def envelope_nested(patch: Patch) -> None:
    healthy = refusal.envelope
    patch.replace(refusal, "envelope", lambda refused, request_id: {"error": healthy(refused, request_id)})


@fault(
    "envelope-nested-on-conflict",
    summary='409s are nested under "error", all other errors are flat',
    fact="facts section 2.1: the error body is flat, no wrapper",
    klass="wire",
    breaks=("WIRE-ERROR-ENVELOPE",),
    drags=("WIRE-BODY",),
)
def envelope_nested_on_conflict(patch: Patch) -> None:
    healthy = refusal.envelope

    def envelope(refused: Refusal, request_id: str) -> dict[str, object]:
        flat = healthy(refused, request_id)
        return {"error": flat} if refused.status == 409 else flat

    patch.replace(refusal, "envelope", envelope)


@fault(
    "envelope-status-code-wrong",
    summary="statusCode is 400 in every error body",
    fact="facts section 2.1: statusCode equals the HTTP status",
    klass="wire",
    breaks=("WIRE-ERROR-ENVELOPE",),
    drags=("WIRE-BODY",),
)
def envelope_status_code_wrong(patch: Patch) -> None:
    healthy = refusal.envelope
    patch.replace(refusal, "envelope", lambda refused, request_id: {**healthy(refused, request_id), "statusCode": 400})


@fault(
    "envelope-status-code-text",
    summary="statusCode is written as a string",
    fact="facts section 2.1: statusCode is an integer",
    klass="wire",
    breaks=("WIRE-ERROR-ENVELOPE",),
    drags=("WIRE-BODY",),
)
def envelope_status_code_text(patch: Patch) -> None:
    healthy = refusal.envelope

    def envelope(refused: Refusal, request_id: str) -> dict[str, object]:
        return {**healthy(refused, request_id), "statusCode": str(refused.status)}

    patch.replace(refusal, "envelope", envelope)


@fault(
    "envelope-without-code",
    summary="404s come without code and type, like those of a web framework",
    fact="facts section 2.1: every error body has type and code",
    klass="wire",
    breaks=("WIRE-ERROR-ENVELOPE",),
    drags=("WIRE-BODY",),
)
def envelope_without_code(patch: Patch) -> None:
    healthy = refusal.envelope

    def envelope(refused: Refusal, request_id: str) -> dict[str, object]:
        whole = healthy(refused, request_id)
        return whole if refused.status != 404 else {name: whole[name] for name in whole if name not in {"type", "code"}}

    patch.replace(refusal, "envelope", envelope)


@fault(
    "not-found-as-html",
    summary="A 404 is the web server's HTML page",
    fact="facts sections 1 and 2.1: responses are JSON, errors the flat envelope",
    klass="wire",
    breaks=("WIRE-CONTENT-TYPE",),
    drags=("WIRE-ERROR-ENVELOPE", "WIRE-BODY"),
)
def not_found_as_html(patch: Patch) -> None:
    healthy = edge.refused

    def refused(refused_call: Refusal, request_id: str) -> Response:
        if refused_call.status != 404:
            return healthy(refused_call, request_id)
        return Response("<html><body><h1>404 Not Found</h1></body></html>", 404, media_type="text/html")

    patch.replace(edge, "refused", refused)


@fault(
    "funding-as-text",
    summary="Funding instructions are served as text/plain",
    fact="facts section 1: responses are JSON",
    klass="wire",
    breaks=("WIRE-CONTENT-TYPE",),
    drags=("WIRE-BODY", "POOLS-FUNDING", "POOLS-FUNDING-UNPROVISIONED"),
)
def funding_as_text(patch: Patch) -> None:
    seams.amend(patch, discovery, "read_funding", lambda reply: replace(reply, headers={"Content-Type": "text/plain"}))


@fault(
    "errors-as-problem-json",
    summary="Errors are application/problem+json with title, status and detail",
    fact="facts section 2.1: the error body is the flat envelope",
    klass="wire",
    breaks=("WIRE-ERROR-ENVELOPE",),
    drags=("WIRE-CONTENT-TYPE", *OF_UNREADABLE_DENIALS),
)
def errors_as_problem_json(patch: Patch) -> None:
    def refused(refused_call: Refusal, request_id: str) -> JSONResponse:
        body = {"title": refused_call.code, "status": refused_call.status, "detail": refused_call.message}
        return JSONResponse(body, refused_call.status, media_type="application/problem+json")

    patch.replace(edge, "refused", refused)


@fault(
    "validation-as-422",
    summary="Invalid quote requests are a 422",
    fact="facts section 2.2: an invalid body, network, side or amount is a 400",
    klass="wire",
    breaks=("WIRE-STATUS", "POOLS-QUOTE-VALIDATION"),
    drags=("POOLS-QUOTE-LIMITS", "WIRE-BODY", "WIRE-ERROR-ENVELOPE"),
)
def validation_as_422(patch: Patch) -> None:
    seams.know_status(patch, 422, "invalid_request")
    patch.replace(orders, "invalid", seams.refusing(422, "unprocessable"))
    text, one_of = inputs.text, inputs.one_of

    def as_422(refused: Refusal) -> Refusal:
        return Refusal(422, "unprocessable", refused.message)

    def read_text(document: Mapping[str, object], name: str, longest: int) -> str:
        try:
            return text(document, name, longest)
        except Refusal as refused:
            raise as_422(refused) from None

    def read_word(value: str, name: str, words: tuple[str, ...]) -> str:
        try:
            return one_of(value, name, words)
        except Refusal as refused:
            raise as_422(refused) from None

    patch.replace(orders, "inputs", seams.module_with(inputs, text=read_text, one_of=read_word))


@fault(
    "balance-insufficient-as-422",
    summary="A balance that is too small is a 422",
    fact="facts section 2.2: a balance that cannot cover the write is a 402",
    klass="wire",
    breaks=("WIRE-STATUS", "POOLS-DENY-BALANCE"),
    drags=("WIRE-BODY", "WIRE-ERROR-ENVELOPE"),
)
def balance_insufficient_as_422(patch: Patch) -> None:
    seams.know_status(patch, 422, "invalid_request")
    patch.replace(
        transact, "Refusal", seams.refusal_with(lambda status, code: (422 if status == 402 else status, code))
    )


@fault(
    "rate-as-number",
    summary="The rate is a JSON number",
    fact="facts section 3: rates are decimal strings, never JSON numbers",
    klass="wire",
    breaks=("WIRE-MONEY",),
    drags=("WIRE-BODY", "POOLS-FIRM-EXECUTABLE", "POOLS-INDICATIVE-SAFE", "POOLS-FIRM-OUTPUT"),
)
def rate_as_number(patch: Patch) -> None:
    healthy = terms.render
    patch.replace(terms, "render", lambda locked: {**healthy(locked), "rate": float(locked.rate)})


@fault(
    "delta-as-number",
    summary="The delta of a ledger entry is a JSON number",
    fact="facts section 3: the delta is a signed decimal string",
    klass="wire",
    breaks=("WIRE-MONEY",),
    drags=(
        "WIRE-BODY",
        "POOLS-RECONCILES",
        "POOLS-LEDGER-ONE-DEBIT",
        "POOLS-LEDGER-REFUNDS",
        "POOLS-LEDGER-SUM",
    ),
)
def delta_as_number(patch: Patch) -> None:
    healthy = ledger.render_entry
    patch.replace(ledger, "render_entry", lambda row: {**healthy(row), "delta": row["delta_units"] / 10**8})


@fault(
    "balance-as-number",
    summary="The balance is a JSON number",
    fact="facts section 4.10: the balance is a decimal string or null",
    klass="wire",
    breaks=("WIRE-MONEY",),
    drags=("WIRE-BODY", "POOLS-BALANCE-CONTEXT", "POOLS-LEDGER-BALANCE", "POOLS-RECONCILES"),
)
def balance_as_number(patch: Patch) -> None:
    def as_number(reply: Reply) -> Reply:
        balance = reply.body["balance"]
        return seams.with_members(reply, balance=None if balance is None else float(Decimal(str(balance))))

    seams.amend(patch, discovery, "read_balance", as_number)


@fault(
    "available-as-number",
    summary="The ledger's available balance is a JSON number",
    fact="facts section 4.12: available is a decimal string",
    klass="wire",
    breaks=("WIRE-MONEY",),
    drags=("WIRE-BODY", "POOLS-LEDGER-SUM", "POOLS-LEDGER-BALANCE", "POOLS-RECONCILES"),
)
def available_as_number(patch: Patch) -> None:
    def as_number(reply: Reply) -> Reply:
        return seams.with_members(reply, available=float(str(reply.body["available"])))

    seams.amend(patch, ledger, "list_entries", as_number)


@fault(
    "rate-in-scientific-notation",
    summary="The rate is a string, but in exponent form",
    fact="facts section 3: base-10 decimal strings such as 0.92",
    klass="wire",
    breaks=("WIRE-MONEY", "WIRE-BODY"),
    drags=("POOLS-FIRM-EXECUTABLE", "POOLS-INDICATIVE-SAFE", "POOLS-FIRM-OUTPUT"),
)
def rate_in_scientific_notation(patch: Patch) -> None:
    healthy = terms.render
    patch.replace(terms, "render", lambda locked: {**healthy(locked), "rate": f"{Decimal(locked.rate):E}"})


@fault(
    "spread-as-text",
    summary="spreadBps and feeBps are strings",
    fact="facts section 3: basis points are JSON integers",
    klass="wire",
    breaks=("WIRE-BODY",),
    drags=("POOLS-FIRM-TERMS",),
)
def spread_as_text(patch: Patch) -> None:
    healthy = terms.render

    def render(locked: Terms) -> dict[str, object]:
        return {**healthy(locked), "spreadBps": str(locked.spread_bps), "feeBps": str(locked.fee_bps)}

    patch.replace(terms, "render", render)


@fault(
    "capabilities-without-spread-cap",
    summary="Capabilities leave spreadCapBps out",
    fact="facts section 4.2: the fields of capabilities",
    klass="wire",
    breaks=("WIRE-BODY",),
    drags=("POOLS-FIRM-TERMS", "POOLS-CAPABILITIES-CONSISTENT"),
)
def capabilities_without_spread_cap(patch: Patch) -> None:
    seams.amend(patch, discovery, "read_capabilities", lambda reply: seams.without(reply, "spreadCapBps"))


@fault(
    "trade-without-quote-id",
    summary="A trade does not name its quote",
    fact="facts section 4.7: quoteId is the join key everywhere",
    klass="wire",
    breaks=("WIRE-BODY", "POOLS-RECONCILES"),
    drags=(
        "POOLS-TRANSACT-RESERVES",
        "POOLS-TRADE-READ",
        "POOLS-TRADE-COPIES-QUOTE",
        "POOLS-TRADES-PAGES",
        "POOLS-TRADES-FILTERS",
        "POOLS-TRANSACT-ONCE",
        "POOLS-TRANSACT-CONCURRENT-ONCE",
        "POOLS-LEDGER-ONE-DEBIT",
        "POOLS-LEDGER-REFUNDS",
    ),
)
def trade_without_quote_id(patch: Patch) -> None:
    healthy = trades.render

    def render(trade: Trade) -> dict[str, object]:
        return {name: value for name, value in healthy(trade).items() if name != "quoteId"}

    patch.replace(trades, "render", render)


@fault(
    "ledger-entry-without-reason",
    summary="Ledger entries have no reason",
    fact="facts section 4.12: every entry has delta, reason and ref",
    klass="wire",
    breaks=("WIRE-BODY",),
    drags=(
        "POOLS-RECONCILES",
        "POOLS-LEDGER-ONE-DEBIT",
        "POOLS-LEDGER-REFUNDS",
        "POOLS-TRANSACT-ONCE",
        "POOLS-TRANSACT-CONCURRENT-ONCE",
        "POOLS-OUTCOME-FAILED",
        "POOLS-OUTCOME-RELEASED",
        "POOLS-OUTCOME-RETURNED",
    ),
)
def ledger_entry_without_reason(patch: Patch) -> None:
    healthy = ledger.render_entry

    def render_entry(row: sqlite3.Row) -> dict[str, object]:
        return {name: value for name, value in healthy(row).items() if name != "reason"}

    patch.replace(ledger, "render_entry", render_entry)


@fault(
    "status-of-the-bank",
    summary="Settled trades read completed",
    fact="facts section 5.2: the six words for the status of a trade",
    klass="wire",
    breaks=("WIRE-BODY", "POOLS-POLL-TERMINAL"),
    drags=(
        "POOLS-POLL-FORWARD",
        "POOLS-POLL-IDEMPOTENT",
        "POOLS-TRADE-READ",
        "POOLS-TRADES-FILTERS",
        "POOLS-RECONCILES",
        "POOLS-OUTCOME-RETURNED",
        "POOLS-WEBHOOK-EVENT",
        "POOLS-LEDGER-REFUNDS",
    ),
)
def status_of_the_bank(patch: Patch) -> None:
    healthy = trades.render

    def render(trade: Trade) -> dict[str, object]:
        shown = healthy(trade)
        return {**shown, "status": "completed"} if trade.status == settlement.SETTLED else shown

    patch.replace(trades, "render", render)


@fault(
    "limit-not-a-number-crashes",
    summary="A limit that is no number crashes the lists",
    fact="facts section 2.2: an invalid query is a 400",
    klass="wire",
    breaks=("WIRE-NO-SERVER-ERROR",),
    drags=("WIRE-STATUS",),
)
def limit_not_a_number_crashes(patch: Patch) -> None:
    def integer(query: Mapping[str, str], name: str, default: int) -> int:
        return int(query.get(name, default))

    patch.replace(inputs, "integer", integer)


@fault(
    "cursor-unreadable-crashes",
    summary="A ledger cursor nobody gave out crashes the decoder",
    fact="facts section 2.2: an invalid query is a 400",
    klass="wire",
    breaks=("WIRE-NO-SERVER-ERROR",),
    drags=("WIRE-STATUS",),
)
def cursor_unreadable_crashes(patch: Patch) -> None:
    def read_cursor(cursor: str | None) -> int:
        if cursor is None:
            return ledger.LARGEST_SEQ
        decoded = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        return int(decoded.removeprefix("ledger:"))

    patch.replace(ledger, "read_cursor", read_cursor)


@fault(
    "amount-as-number-crashes",
    summary="An amount sent as a JSON number crashes the parser",
    fact="facts section 2.2: an invalid amount is a 400",
    klass="wire",
    breaks=("WIRE-NO-SERVER-ERROR", "POOLS-QUOTE-VALIDATION"),
    drags=("WIRE-STATUS",),
)
def amount_as_number_crashes(patch: Patch) -> None:
    healthy = orders.read_amount

    def read_amount(document: Mapping[str, object]) -> Decimal:
        _ = str.strip(cast("str", document.get("amount", "")))
        return healthy(document)

    patch.replace(orders, "read_amount", read_amount)


@fault(
    "body-missing-crashes",
    summary="A quote request without the side crashes instead of being refused",
    fact="facts section 2.2: an invalid body is a 400",
    klass="wire",
    breaks=("WIRE-NO-SERVER-ERROR", "POOLS-QUOTE-VALIDATION"),
    drags=("WIRE-STATUS",),
)
def body_missing_crashes(patch: Patch) -> None:
    healthy = orders.read_side

    def read_side(document: Mapping[str, object]) -> str:
        _ = document["side"]
        return healthy(document)

    patch.replace(orders, "read_side", read_side)


@fault(
    "trade-names-provider",
    summary="Trades name the provider that delivers",
    fact="facts section 4.10 and seed 001: provider names are outside the public boundary",
    klass="wire",
    breaks=("WIRE-BOUNDARY",),
    drags=("WIRE-BODY",),
)
def trade_names_provider(patch: Patch) -> None:
    healthy = trades.render
    patch.replace(trades, "render", lambda trade: {**healthy(trade), "provider": "northern-desk"})


@fault(
    "quote-names-route",
    summary="Quotes show the route they were priced on",
    fact="seed 001: routing internals are outside the public boundary",
    klass="wire",
    breaks=("WIRE-BOUNDARY",),
    drags=("WIRE-BODY",),
)
def quote_names_route(patch: Patch) -> None:
    def add_route(reply: Reply) -> Reply:
        return seams.with_members(reply, route={"liquidityProvider": "northern-desk", "priority": 1})

    seams.amend(patch, quotes, "create", add_route)


@fault(
    "balance-shows-treasury",
    summary="The balance read carries the balance of the treasury account behind the pool",
    fact="facts section 4.10: no liquidity or reserve figure in the balance read",
    klass="wire",
    breaks=("WIRE-BOUNDARY",),
    drags=("WIRE-BODY",),
)
def balance_shows_treasury(patch: Patch) -> None:
    def add_treasury(reply: Reply) -> Reply:
        return seams.with_members(reply, treasuryBalance="48210332.10")

    seams.amend(patch, discovery, "read_balance", add_treasury)


@fault(
    "discovery-shows-reserve",
    summary="Discovery shows the reserve level of each pool",
    fact="seed 001: reserve levels are outside the public boundary",
    klass="wire",
    breaks=("WIRE-BOUNDARY",),
    drags=("WIRE-BODY",),
)
def discovery_shows_reserve(patch: Patch) -> None:
    healthy = discovery.render_pool
    patch.replace(
        discovery, "render_pool", lambda its_access, pool: {**healthy(its_access, pool), "reserveLevel": "0.82"}
    )

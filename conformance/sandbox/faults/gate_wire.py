"""Mistakes in the frame of 0Gate's answers: request ids, envelopes, media types, statuses and crashes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from conformance.sandbox import edge
from conformance.sandbox.gate import members, paging, refusals, serving, sessions
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch, fault


@fault(
    "gate-envelope-nested",
    summary="Errors of 0Gate stand under a key error, as the illustrative pages have it",
    fact="gate facts section 2.1: a flat object, no outer error key",
    klass="wire",
    breaks=("WIRE-ERROR-ENVELOPE",),
    drags=("WIRE-BODY",),
)
def gate_envelope_nested(patch: Patch) -> None:
    healthy = refusals.envelope
    patch.replace(refusals, "envelope", lambda refused, request_id: {"error": healthy(refused, request_id)})


@fault(
    "gate-envelope-request-id-differs",
    summary="An error of 0Gate names another request than its header",
    fact="gate facts section 2.1: request_id mirrors X-Request-Id",
    klass="wire",
    breaks=("WIRE-ERROR-ENVELOPE",),
)
def gate_envelope_request_id_differs(patch: Patch) -> None:
    healthy = refusals.envelope
    patch.replace(refusals, "envelope", lambda refused, request_id: healthy(refused, edge.new_request_id("test")))


@fault(
    "gate-envelope-status-wrong",
    summary="statusCode of what is not found says 400",
    fact="gate facts section 2.1: statusCode repeats the HTTP status",
    klass="wire",
    breaks=("WIRE-ERROR-ENVELOPE",),
    drags=("WIRE-BODY",),
)
def gate_envelope_status_wrong(patch: Patch) -> None:
    healthy = refusals.envelope

    def envelope(refused: Refusal, request_id: str) -> dict[str, object]:
        return {**healthy(refused, request_id), "statusCode": 400 if refused.status == 404 else refused.status}

    patch.replace(refusals, "envelope", envelope)


@fault(
    "gate-envelope-without-code",
    summary="Errors of 0Gate have no machine code",
    fact="gate facts section 2.1: code is a specific machine code",
    klass="wire",
    breaks=("WIRE-ERROR-ENVELOPE",),
    drags=("WIRE-BODY",),
)
def gate_envelope_without_code(patch: Patch) -> None:
    healthy = refusals.envelope

    def envelope(refused: Refusal, request_id: str) -> dict[str, object]:
        return {name: value for name, value in healthy(refused, request_id).items() if name != "code"}

    patch.replace(refusals, "envelope", envelope)


@fault(
    "gate-errors-as-html",
    summary="Errors of 0Gate are pages for people",
    fact="gate facts section 1.1: requests and responses are JSON",
    klass="wire",
    breaks=("WIRE-CONTENT-TYPE",),
    drags=("WIRE-ERROR-ENVELOPE", "WIRE-BODY"),
)
def gate_errors_as_html(patch: Patch) -> None:
    def render_refusal(refused: Refusal, request_id: str) -> Response:
        page = f"<html><body><h1>{refused.status}</h1></body></html>"
        return Response(page, refused.status, dict(refused.headers), "text/html")

    patch.replace(serving, "render_refusal", render_refusal)


@fault(
    "gate-request-id-missing-on-lists",
    summary="The list of sessions carries no X-Request-Id",
    fact="gate facts section 1.4: X-Request-Id on every response",
    klass="wire",
    breaks=("WIRE-REQUEST-ID",),
    drags=("WIRE-ERROR-ENVELOPE",),
)
def gate_request_id_missing_on_lists(patch: Patch) -> None:
    class Nameless(edge.Edge):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"].endswith("/gate_sessions") and scope["method"] == "GET":
                scope["request_id"] = edge.new_request_id(self.mode)
                await self.app(scope, receive, send)
            else:
                await super().__call__(scope, receive, send)

    patch.replace(edge, "Edge", Nameless)


@fault(
    "gate-conflict-as-412",
    summary="A conflict is answered with 412",
    fact="gate facts section 2.2: 409 for conflicts; 412 is in no table",
    klass="statuses",
    breaks=("WIRE-STATUS",),
    drags=(
        "WIRE-BODY",
        "WIRE-ERROR-ENVELOPE",
        "GATE-SESSION-CANCEL-CONFLICT",
        "GATE-QUOTE-EXPIRES",
        "GATE-QUOTE-REDEEMED-ONCE",
        "GATE-QUOTE-CONCURRENT-ONCE",
        "GATE-SESSION-KEY-OTHER-BODY",
        "GATE-RAIL-KEY-OTHER-BODY",
        "GATE-CUSTOMER-UNIQUE",
        "GATE-CUSTOMER-RESERVED",
        "GATE-CUSTOMER-CONCURRENT-ONCE",
        "GATE-RAIL-REFUSES-ENDED-SESSION",
    ),
)
def gate_conflict_as_412(patch: Patch) -> None:
    def render_refusal(refused: Refusal, request_id: str) -> Response:
        body = refusals.envelope(refused, request_id)
        if refused.status == 409:
            return JSONResponse({**body, "statusCode": 412}, status_code=412)
        return JSONResponse(body, status_code=refused.status, headers=dict(refused.headers))

    patch.replace(serving, "render_refusal", render_refusal)


@fault(
    "gate-session-names-route",
    summary="A session tells which provider would serve it, and what the reserve holds",
    fact="gate facts section 4.A lists its fields; seed 002: provider, route and reserve are not exposed",
    klass="boundary",
    breaks=("WIRE-BOUNDARY",),
    drags=("WIRE-BODY",),
)
def gate_session_names_route(patch: Patch) -> None:
    healthy = sessions.render
    told = {"provider": "prv_17", "route": "desk-b", "reserve_allocation": "250000.00"}
    patch.replace(sessions, "render", lambda session: {**healthy(session), **told})


@fault(
    "gate-unknown-cursor-crashes",
    summary="A starting_after that names no session is answered with a 500",
    fact="gate facts section 2.2: bad input is a 4xx",
    klass="crashes",
    breaks=("WIRE-NO-SERVER-ERROR",),
    drags=("WIRE-STATUS", "GATE-ISOLATION-LISTS"),
)
def gate_unknown_cursor_crashes(patch: Patch) -> None:
    patch.replace(paging, "not_found", crash)


@fault(
    "gate-bad-amount-crashes",
    summary="An amount that is no number is answered with a 500",
    fact="gate facts section 2.2: bad input is a 400",
    klass="crashes",
    breaks=("WIRE-NO-SERVER-ERROR",),
    drags=("WIRE-STATUS", "GATE-SESSION-VALIDATION", "GATE-PREVIEW-VALIDATION", "GATE-QUOTE-VALIDATION"),
)
def gate_bad_amount_crashes(patch: Patch) -> None:
    healthy = members.amount

    def amount(document: Mapping[str, object]) -> str:
        Decimal(str(document.get("amount")))
        return healthy(document)

    patch.replace(members, "amount", amount)


def crash(message: str) -> Refusal:
    raise LookupError(message)

"""Mistakes in the frame of an answer: request ids, error envelopes, media types and statuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from conformance.sandbox import edge, inputs, refusal
from conformance.sandbox.faults import seams
from conformance.sandbox.pools import discovery, orders
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

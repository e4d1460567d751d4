"""Variations in how a refusal is worded. Who is refused is elsewhere; published words stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from conformance.sandbox import refusal
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch, dialect

UNPUBLISHED: Final = (
    "facts section 14: the full set of types and the codes of 401, 402, 404, 409, 429 and 501 are unread"
)

TYPES: Final[Mapping[str, str]] = {
    "unauthorized": "authentication_error",
    "payment_required": "balance_error",
    "forbidden": "permission_error",
    "not_found": "resource_error",
    "conflict": "state_error",
    "rate_limit": "throttling_error",
    "not_implemented": "feature_error",
    "server_error": "api_error",
}
CODES: Final[Mapping[str, str]] = {
    "unauthorized": "invalid_api_key",
    "insufficient_balance": "balance_too_low",
    "not_found": "resource_missing",
    "conflict": "quote_not_executable",
    "rate_limited": "too_many_requests",
    "velocity_limit_exceeded": "notional_cap_reached",
    "off_ramp_not_enabled": "feature_not_enabled",
    "side_not_enabled": "side_closed",
    "method_not_allowed": "wrong_method",
    "unsupported_media_type": "wrong_media_type",
    "content_too_large": "body_too_large",
}


def reword(patch: Patch, change: Callable[[dict[str, object]], dict[str, object]]) -> None:
    inner = refusal.envelope

    def envelope(refused: Refusal, request_id: str) -> dict[str, object]:
        return change(inner(refused, request_id))

    patch.replace(refusal, "envelope", envelope)


@dialect("error-words", summary="Types and codes that no page publishes are other words", fact=UNPUBLISHED)
def error_words(patch: Patch) -> None:
    def reworded(body: dict[str, object]) -> dict[str, object]:
        type_, code = str(body["type"]), str(body["code"])
        return {**body, "type": TYPES.get(type_, type_), "code": CODES.get(code, code)}

    reword(patch, reworded)


@dialect(
    "error-one-type",
    summary="Every refusal has the one published type, and only the code is specific",
    fact="facts section 2.1: one member of the closed set of types is known, invalid_request",
)
def error_one_type(patch: Patch) -> None:
    reword(patch, lambda body: {**body, "type": "invalid_request"})


@dialect(
    "error-specific-400",
    summary="The code of a 400 is more specific than its type",
    fact="facts section 2.1: type is the broad class and code the specific reason; the sample shows both alike",
)
def error_specific_400(patch: Patch) -> None:
    reword(patch, lambda body: {**body, "code": "parameter_invalid"} if body["statusCode"] == 400 else body)


@dialect(
    "error-doc-url",
    summary="Errors link to a page",
    fact="facts section 2.1: doc_url is a string or null",
)
def error_doc_url(patch: Patch) -> None:
    reword(patch, lambda body: {**body, "doc_url": f"https://docs.example.com/errors#{body['code']}"})


@dialect(
    "error-details",
    summary="Errors carry further members, among them the fields at fault",
    fact="facts section 14: extra per-field details in errors are unread",
)
def error_details(patch: Patch) -> None:
    details = [{"field": "amount", "issue": "see message"}]
    reword(patch, lambda body: {**body, "details": details, "timestamp": "2026-01-01T00:00:00Z"})


@dialect(
    "error-messages-foreign",
    summary="Messages are in another language, outside ASCII, and long",
    fact="facts section 2.1: message is free text, never to be parsed",
)
def error_messages_foreign(patch: Patch) -> None:
    text = "Die Anfrage wurde abgelehnt – bitte prüfen. ご確認ください。 " * 8
    reword(patch, lambda body: {**body, "message": text})

"""How 0Gate names what it refuses: the types of its envelope and the refusals that 0Pools does not have.

Which call is refused, and why, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from conformance.sandbox import refusal
from conformance.sandbox.refusal import Refusal

# `invalid_request` is published; the rest are the words of the vendor's own client where it has one.
TYPES: Final[Mapping[int, str]] = {
    **refusal.TYPES,
    401: "authentication_error",
    403: "permission_error",
    500: "api_error",
}
TYPES_OF_CODES: Final[Mapping[str, str]] = {
    "customer_already_exists": "invalid_request",
    "idempotency_error": "idempotency_error",
}

RETRY_AFTER_SECONDS: Final = "1"


def envelope(refused: Refusal, request_id: str) -> dict[str, object]:
    """The flat error body with the types of 0Gate."""
    its_type = TYPES_OF_CODES.get(refused.code, TYPES[refused.status])
    return {**refusal.envelope(refused, request_id), "type": its_type}


def unauthorized() -> Refusal:
    """A 401: no credential, or none that is known."""
    return Refusal(401, "authentication_error", "a valid API key is required", {"WWW-Authenticate": "Bearer"})


def forbidden(message: str) -> Refusal:
    """A 403: the key is known and may not do this."""
    return Refusal(403, "permission_error", message)


def key_conflict() -> Refusal:
    """A 409: the idempotency key stands for another body."""
    return Refusal(409, "idempotency_error", "the idempotency key was used with another body")


def customer_exists(member: str) -> Refusal:
    """A 409: the address or reference belongs to another record, a deleted one included."""
    return Refusal(409, "customer_already_exists", f"a customer with this {member} exists")


def throttled() -> Refusal:
    """A 429 that says when to come back, in seconds."""
    return Refusal(429, "rate_limit", "too many requests", {"Retry-After": RETRY_AFTER_SECONDS})


def unusable_secret() -> Refusal:
    """A 401: a client secret that opens no session of the caller, be it unknown or somebody else's."""
    return Refusal(401, "authentication_error", "the client secret is of no use here")


def session_over() -> Refusal:
    """A 409: the client secret is of a session that has had its time."""
    return Refusal(409, "conflict", "the session of this client secret is over")


def broken() -> Refusal:
    """A 500: a defect of the sandbox, told without detail."""
    return Refusal(500, "api_error", "something went wrong")

"""What a refused call looks like: the exception that carries it and the flat envelope it is written as.

Which call is refused, and why, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Only `invalid_request` is a published type; the others keep its style.
TYPES: Final[Mapping[int, str]] = {
    400: "invalid_request",
    401: "unauthorized",
    402: "payment_required",
    403: "forbidden",
    404: "not_found",
    405: "invalid_request",
    408: "invalid_request",
    409: "conflict",
    413: "invalid_request",
    414: "invalid_request",
    415: "invalid_request",
    429: "rate_limit",
    431: "invalid_request",
    500: "server_error",
    501: "not_implemented",
}


class Refusal(Exception):
    """A call that is answered with an error envelope and changes nothing."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}


def invalid(message: str) -> Refusal:
    """A 400: body, query, header or path does not fit."""
    return Refusal(400, "invalid_request", message)


def not_found(message: str = "no such object") -> Refusal:
    """A 404: unknown, or somebody else's; the two are not told apart."""
    return Refusal(404, "not_found", message)


def conflict(message: str) -> Refusal:
    """A 409: the quote or the idempotency key is not free for this."""
    return Refusal(409, "conflict", message)


def envelope(refusal: Refusal, request_id: str) -> dict[str, object]:
    """The flat error body; ``statusCode`` repeats the status and ``request_id`` the response header."""
    return {
        "type": TYPES[refusal.status],
        "code": refusal.code,
        "message": refusal.message,
        "request_id": request_id,
        "doc_url": None,
        "statusCode": refusal.status,
    }

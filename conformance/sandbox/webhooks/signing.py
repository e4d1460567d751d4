"""The signature and headers of one attempt.

No page names 0Pools' header, so the sandbox signs as 0Gate publishes it: HMAC-SHA256 over ``<t>.<raw body>``.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from conformance.sandbox.webhooks.outbox import Delivery

SIGNATURE_HEADER: Final = "Gate-Signature"


def headers(delivery: Delivery, secret: str, wall: float) -> dict[str, str]:
    """Headers of an attempt made now; the timestamp is fresh on every attempt."""
    timestamp = int(wall)
    return {
        "Content-Type": "application/json",
        SIGNATURE_HEADER: f"t={timestamp},v1={digest(secret, timestamp, delivery.body)}",
        "X-0bit-Timestamp": str(timestamp),
        "X-0bit-Event-Id": delivery.event_id,
        "X-0bit-Event-Type": delivery.event_type,
    }


def digest(secret: str, timestamp: int, body: bytes) -> str:
    """Lower-case hex HMAC-SHA256 over the timestamp, a dot and the raw body."""
    return hmac.new(secret.encode(), str(timestamp).encode() + b"." + body, hashlib.sha256).hexdigest()

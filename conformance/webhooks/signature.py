"""Signing and verifying deliveries: pure functions over raw bytes, and the signature schemes as data.

Where a header comes from, what "now" is and which secrets are good is the caller's business.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Reason(StrEnum):
    """Why a signature does not verify; ``OK`` when it does."""

    OK = "ok"
    MISSING = "missing"
    DOUBLED = "doubled header"
    MALFORMED = "malformed"
    NO_DIGEST = "no digest"
    STALE = "stale"
    FUTURE = "future"
    MISMATCH = "mismatch"


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a delivery is signed. A timed scheme signs ``<t>.<raw body>`` and names its parts in the header."""

    name: str
    timed: bool


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of checking one delivery. ``at`` is the signed time in Unix seconds, if one was read."""

    reason: Reason
    at: int | None = None

    @property
    def ok(self) -> bool:
        return self.reason is Reason.OK


@dataclass(frozen=True, slots=True)
class _Parts:
    time: str
    digests: tuple[str, ...]


# The first is 0Gate's published scheme. No page states how 0Pools signs, so a profile chooses; the second is
# the plainest other convention: the digest of the raw body and nothing else.
TIMED: Final = Scheme("t-v1-hmac-sha256", timed=True)
PLAIN: Final = Scheme("hmac-sha256-hex", timed=False)
SCHEMES: Final = MappingProxyType({scheme.name: scheme for scheme in (TIMED, PLAIN)})

DEFAULT_TOLERANCE: Final = 300
"""Seconds a signed time may lie before or after now, as in 0Gate's own client; exactly this much passes."""

_UNIX_SECONDS: Final = re.compile(r"[1-9][0-9]{0,14}")
_DIGEST: Final = re.compile(r"[0-9A-Fa-f]{64}")


def sign(secret: str, body: bytes, at: int, scheme: Scheme = TIMED) -> str:
    """The header value for ``body`` signed at ``at`` (Unix seconds; unused by an untimed scheme).

    The key is the whole secret, prefix included. Raises ``ValueError`` when it is empty.
    """
    if not scheme.timed:
        return _digest(secret, body)
    return f"t={at},v1={_digest(secret, _signed_bytes(str(at), body))}"


def verify(
    header_values: Sequence[str],
    body: bytes,
    secrets: Sequence[str],
    now: int,
    tolerance: int = DEFAULT_TOLERANCE,
    scheme: Scheme = TIMED,
) -> Verification:
    """Check the values of the signature header against the raw body; any of ``secrets`` may have signed it.

    ``now`` is in Unix seconds and ``tolerance`` in seconds. The time is judged before the digest, as 0Gate's
    client does, so a forged old delivery is called stale.

    Raises ``ValueError`` when a secret is empty or there is none.
    """
    if not secrets:
        raise ValueError("no secret to verify with: give at least one")
    present = [value.strip() for value in header_values if value.strip()]
    if not present:
        return Verification(Reason.MISSING)
    if len(present) > 1:
        return Verification(Reason.DOUBLED)
    if not scheme.timed:
        return _verify_plain(present[0], body, secrets)
    parts = _parse(present[0])
    if isinstance(parts, Reason):
        return Verification(parts)
    at = int(parts.time)
    if now - at > tolerance:
        return Verification(Reason.STALE, at)
    if at - now > tolerance:
        return Verification(Reason.FUTURE, at)
    good = _matches(parts.digests, _signed_bytes(parts.time, body), secrets)
    return Verification(Reason.OK if good else Reason.MISMATCH, at)


def _verify_plain(value: str, body: bytes, secrets: Sequence[str]) -> Verification:
    if not _DIGEST.fullmatch(value):
        return Verification(Reason.MALFORMED)
    return Verification(Reason.OK if _matches((value,), body, secrets) else Reason.MISMATCH)


def _parse(value: str) -> _Parts | Reason:
    """Read ``t=…,v1=…``: blanks are trimmed and unknown names ignored; two times are one too many."""
    named = [tuple(item.strip() for item in part.split("=", 1)) for part in value.split(",") if "=" in part]
    times = [item for name, item in named if name == "t"]
    if len(times) != 1 or not _UNIX_SECONDS.fullmatch(times[0]):
        return Reason.MALFORMED
    digests = tuple(item for name, item in named if name == "v1" and item)
    return _Parts(times[0], digests) if digests else Reason.NO_DIGEST


def _matches(digests: Sequence[str], signed: bytes, secrets: Sequence[str]) -> bool:
    """Whether any digest is right under any secret; every pair is compared, so timing tells nothing."""
    expected = [_digest(secret, signed).encode() for secret in secrets]
    found = False
    for digest in digests:
        for right in expected:
            found |= hmac.compare_digest(digest.encode("utf-8", "replace"), right)
    return found


def _signed_bytes(time: str, body: bytes) -> bytes:
    return time.encode() + b"." + body


def _digest(secret: str, data: bytes) -> str:
    if not secret:
        raise ValueError("the signing secret is empty: an empty key signs for anyone")
    return hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()

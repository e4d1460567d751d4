"""What a partner's handler is put through: the vectors as data, the bytes they make, the judging of outcomes.

All pure. Sending the deliveries and reading the effects is the driver's work, next door.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from conformance.journal.records import Outcome
from conformance.webhooks.events import Event, State
from conformance.webhooks.signature import Scheme, sign

ACCEPTS: Final = "PARTNER-WEBHOOK-ACCEPTS"
VERIFIES: Final = "PARTNER-WEBHOOK-VERIFIES"
DEDUPES: Final = "PARTNER-WEBHOOK-DEDUPES"

OUTSIDE_SECONDS: Final = 60
"""How far outside the tolerance a stale or future time lies, so that clocks may differ a little."""

_NOBODYS_SECRET: Final = "whsec_conformance_nobodys_secret"  # noqa: S105 - signs the forgeries, opens nothing


class Header(StrEnum):
    """What is put in the signature header."""

    SIGNED = "signed"
    ABSENT = "absent"
    GARBAGE = "garbage"
    NO_DIGEST = "no digest"


class Bytes(StrEnum):
    """What the body looks like: what was signed, and whether something else is sent."""

    PLAIN = "plain"
    UNUSUAL = "unusual"
    TAMPERED = "tampered"
    RESERIALISED = "re-serialised"


class When(StrEnum):
    """Where the signed time lies."""

    NOW = "now"
    STALE = "stale"
    FUTURE = "future"


@dataclass(frozen=True, slots=True)
class Vector:
    """One kind of delivery and what the handler owes it: 2xx and one effect, or neither."""

    name: str
    requirement: str
    accepted: bool
    state: State = State.SETTLED
    header: Header = Header.SIGNED
    bytes: Bytes = Bytes.PLAIN
    when: When = When.NOW
    forged: bool = False
    timed: bool = False
    """Means something only where the scheme signs a time."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same event several times, one after the other or all at once; all of them are owed one effect."""

    name: str
    copies: int
    at_once: bool
    requirement: str = DEDUPES


# The refusals stand before the last acceptances: once those have shown their effect, a handler that works
# through a queue has been through the refusals too.
VECTORS: Final = (
    Vector("valid-settled", ACCEPTS, accepted=True),
    Vector("missing-signature", VERIFIES, accepted=False, header=Header.ABSENT),
    Vector("malformed-header", VERIFIES, accepted=False, header=Header.GARBAGE),
    Vector("header-without-digest", VERIFIES, accepted=False, header=Header.NO_DIGEST, timed=True),
    Vector("forged", VERIFIES, accepted=False, forged=True),
    Vector("tampered-body", VERIFIES, accepted=False, bytes=Bytes.TAMPERED),
    Vector("re-serialised-body", VERIFIES, accepted=False, bytes=Bytes.RESERIALISED),
    Vector("stale", VERIFIES, accepted=False, when=When.STALE, timed=True),
    Vector("future", VERIFIES, accepted=False, when=When.FUTURE, timed=True),
    Vector("valid-unusual-bytes", ACCEPTS, accepted=True, bytes=Bytes.UNUSUAL),
    Vector("valid-failed", ACCEPTS, accepted=True, state=State.FAILED),
    Vector("valid-released", ACCEPTS, accepted=True, state=State.RELEASED),
)

# A race may be lost by luck, so it is run more than once.
REPEATS: Final = (
    Repeat("repeated-in-sequence", copies=3, at_once=False),
    Repeat("repeated-at-once-1", copies=8, at_once=True),
    Repeat("repeated-at-once-2", copies=8, at_once=True),
    Repeat("repeated-at-once-3", copies=8, at_once=True),
)


@dataclass(frozen=True, slots=True)
class Signed:
    """A delivery ready to send: the signature header's value (None: no such header) and the raw body."""

    signature: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Judged:
    """What a judgement says; ``missing`` names what was needed where nothing could be decided."""

    outcome: Outcome
    expected: str
    observed: str
    missing: str = ""


def compose(vector: Vector, event: Event, secret: str, now: int, tolerance: int, scheme: Scheme) -> Signed:
    """The delivery of ``event`` that ``vector`` describes, at ``now`` in Unix seconds."""
    signed, sent = _bodies(event, vector.bytes)
    outside = tolerance + OUTSIDE_SECONDS
    at = now + {When.NOW: 0, When.STALE: -outside, When.FUTURE: outside}[vector.when]
    value = sign(_NOBODYS_SECRET if vector.forged else secret, signed, at, scheme)
    signature = {
        Header.SIGNED: value,
        Header.ABSENT: None,
        Header.GARBAGE: "not-a-signature",
        Header.NO_DIGEST: f"t={at},v1=",
    }[vector.header]
    return Signed(signature, sent)


def copies(repeat: Repeat, event: Event, secret: str, now: int, tolerance: int, scheme: Scheme) -> list[Signed]:
    """The deliveries of one event. In sequence each is signed afresh a second apart, as a retry would be."""
    body = _compact(event.members())
    ages = [0 if repeat.at_once else min(left, tolerance // 2) for left in reversed(range(repeat.copies))]
    return [Signed(sign(secret, body, now - age, scheme), body) for age in ages]


def judge_vector(
    vector: Vector, status: int | None, before: int | None, after: int | None, *, probe_counts: bool
) -> Judged:
    """Judge one delivery by the handler's status (None: no answer) and its effects before and after.

    None for a count means that the probe could not be read. ``probe_counts`` says that the probe was seen to
    count an effect in this run: without that, seeing none proves nothing.
    """
    effects = None if before is None or after is None else after - before
    observed = f"{_status(status)}, {_effects(effects)}"
    answered = status is not None and 200 <= status <= 299
    expected = "2xx and exactly one effect" if vector.accepted else "no 2xx and no effect"
    if answered is not vector.accepted:
        return Judged(Outcome.FAIL, expected, observed)
    return _by_effects(effects, int(vector.accepted), expected, observed, probe_counts=probe_counts)


def judge_repeat(
    repeat: Repeat,
    statuses: Sequence[int | None],
    before: int | None,
    after: int | None,
    *,
    probe_counts: bool,
) -> Judged:
    """Judge repeated deliveries by their effects alone; a copy may be refused, as it would be sent again."""
    effects = None if before is None or after is None else after - before
    expected = f"one effect for {repeat.copies} copies"
    observed = f"{', '.join(map(_status, statuses))}; {_effects(effects)}"
    if effects == 0 and not probe_counts:
        return Judged(Outcome.NOT_EVIDENCED, expected, observed, _NO_COUNTING_PROBE)
    return _by_effects(effects, 1, expected, observed, probe_counts=probe_counts)


_NO_COUNTING_PROBE: Final = "an effects probe that counts: it showed no effect of any delivery"
_NO_READABLE_PROBE: Final = "an effects probe that can be read"


def _by_effects(effects: int | None, owed: int, expected: str, observed: str, *, probe_counts: bool) -> Judged:
    if effects is None:
        return Judged(Outcome.NOT_EVIDENCED, expected, observed, _NO_READABLE_PROBE)
    if effects != owed:
        return Judged(Outcome.FAIL, expected, observed)
    if not probe_counts:
        return Judged(Outcome.NOT_EVIDENCED, expected, observed, _NO_COUNTING_PROBE)
    return Judged(Outcome.PASS, expected, observed)


def _status(status: int | None) -> str:
    return "no answer" if status is None else str(status)


def _effects(effects: int | None) -> str:
    if effects is None:
        return "effects unknown"
    return {0: "no effect", 1: "1 effect"}.get(effects, f"{effects} effects")


def _bodies(event: Event, kind: Bytes) -> tuple[bytes, bytes]:
    """The body that is signed, and the one that is sent."""
    members = event.members()
    plain = _compact(members)
    if kind is Bytes.UNUSUAL:
        unusual = _unusual(members)
        return unusual, unusual
    if kind is Bytes.TAMPERED:
        return plain, _compact({**members, "quoteId": members["quoteId"] + "_tampered"})
    if kind is Bytes.RESERIALISED:
        return plain, json.dumps(members, indent=2).encode()
    return plain, plain


def _compact(members: dict[str, str]) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode()


def _unusual(members: dict[str, str]) -> bytes:
    """The same JSON in a spelling no serialiser would choose, so that only the raw bytes can verify."""
    lines = [f"  {json.dumps(name)} :{json.dumps(value)}" for name, value in members.items()]
    text = "{\n" + "\n,".join(lines) + "\n}\n"
    return text.replace('"pool.', '"\\u0070ool.').encode()

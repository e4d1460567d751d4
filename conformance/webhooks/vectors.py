"""What a partner's handler is put through, as data: each delivery, and what the sources bind the handler to do with it.

The bytes are made in ``vectors_bytes``, the judging is in ``vectors_judged``, sending is the driver's work.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from conformance.webhooks.events import (
    COMPLETED,
    PAY_IN_PROCESSING,
    PAY_IN_SETTLED,
    POOLS_TYPES,
    PROCESSING,
    SETTLED,
    TEST,
    feature_of,
    gate_payloads,
)
from conformance.webhooks.signature import Scheme

ACCEPTS: Final = "PARTNER-WEBHOOK-ACCEPTS"
VERIFIES: Final = "PARTNER-WEBHOOK-VERIFIES"
DEDUPES: Final = "PARTNER-WEBHOOK-DEDUPES"
TYPES: Final = "PARTNER-WEBHOOK-TYPES"
TEST_EVENT: Final = "PARTNER-WEBHOOK-TEST-EVENT"
UNREADABLE: Final = "PARTNER-WEBHOOK-UNREADABLE"
REPEATS_TAKEN: Final = "PARTNER-WEBHOOK-REPEATS-TAKEN"
IN_TIME: Final = "PARTNER-WEBHOOK-IN-TIME"
REFUSAL: Final = "PARTNER-WEBHOOK-REFUSAL-STATUS"
ORDER: Final = "PARTNER-WEBHOOK-ORDER"

PARTNER: Final = (
    VERIFIES,
    ACCEPTS,
    DEDUPES,
    TYPES,
    TEST_EVENT,
    UNREADABLE,
    REPEATS_TAKEN,
    IN_TIME,
    REFUSAL,
    ORDER,
)
"""Everything a handler is judged by."""

GATE_ONLY: Final = (TEST_EVENT, ORDER)
"""What only 0Gate's events can show: it alone sends test events and more than one event about one thing."""


class Expect(StrEnum):
    """What a handler owes a delivery."""

    EFFECT = "effect"
    """2xx and exactly one effect."""
    TAKEN = "taken"
    """2xx and at most one effect: whether it acts on such an event is the partner's business."""
    IDLE = "idle"
    """2xx and no effect."""
    REFUSED = "refused"
    """No 2xx and no effect."""
    NOTHING = "nothing"
    """No source binds it: what it does is recorded, never judged."""


class Header(StrEnum):
    """What is put in the signature header."""

    SIGNED = "signed"
    ABSENT = "absent"
    EMPTY = "empty"
    GARBAGE = "garbage"
    NO_DIGEST = "no digest"
    NO_TIME = "no time"
    CUT = "cut digest"
    NOT_ASCII = "not ASCII"
    UPPER = "upper case"
    GOOD_FIRST = "several digests, the good one first"
    GOOD_LAST = "several digests, the good one last"
    DOUBLED = "two headers, one forged"


class Bytes(StrEnum):
    """What the body looks like: what was signed, and whether something else is sent."""

    PLAIN = "plain"
    UNUSUAL = "unusual"
    TAMPERED = "tampered"
    RESERIALISED = "re-serialised"
    BROKEN = "broken JSON"
    NOT_UTF8 = "not UTF-8"
    LISTED = "an event in a list"
    UNKNOWN_TYPE = "unknown type"
    EXTRA = "extra members"
    LARGE = "large"
    HUGE = "huge"


class When(StrEnum):
    """Where the signed time lies, measured by the tolerance."""

    NOW = "now"
    RECENT = "recent"
    SOON = "soon"
    STALE = "stale"
    FUTURE = "future"


class Key(StrEnum):
    """What a delivery is signed with."""

    OWN = "own"
    NOBODYS = "nobody's"
    OTHER_MODE = "other mode's"


@dataclass(frozen=True, slots=True)
class Vector:
    """One kind of delivery. ``requirement`` is what it speaks of, or only colours where nothing is owed."""

    name: str
    expect: Expect
    requirement: str = ""
    type: str = ""
    """The event's type; empty for the one every attack is tried with."""
    header: Header = Header.SIGNED
    bytes: Bytes = Bytes.PLAIN
    when: When = When.NOW
    key: Key = Key.OWN
    timed: bool = False
    """Means something only where the scheme signs a time."""
    slow: bool = False
    """The body comes in pieces."""
    meaning: str = ""
    """What is special about it, for whoever reads that it went wrong."""

    @property
    def owes_2xx(self) -> bool:
        """Whether the handler must take it."""
        return self.expect in (Expect.EFFECT, Expect.TAKEN, Expect.IDLE)


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same event several times, one after the other or all at once; all of them are owed one effect."""

    name: str
    copies: int
    at_once: bool
    type: str = ""
    requirement: str = DEDUPES


@dataclass(frozen=True, slots=True)
class Disorder:
    """Events about one object, the later sent before the earlier."""

    name: str
    types: tuple[str, str]
    requirement: str = ORDER


Case = Vector | Repeat | Disorder

_REFUSALS: Final = tuple(
    replace(vector, expect=Expect.REFUSED, requirement=VERIFIES)
    for vector in (
        Vector("missing-signature", Expect.REFUSED, header=Header.ABSENT, meaning="no signature header"),
        Vector("empty-signature", Expect.REFUSED, header=Header.EMPTY, meaning="a signature header without a value"),
        Vector("malformed-header", Expect.REFUSED, header=Header.GARBAGE, meaning="a signature header that is none"),
        Vector(
            "header-without-digest",
            Expect.REFUSED,
            header=Header.NO_DIGEST,
            timed=True,
            meaning="the digest in the header is empty",
        ),
        Vector(
            "header-without-time", Expect.REFUSED, header=Header.NO_TIME, timed=True, meaning="the header names no time"
        ),
        Vector(
            "cut-digest", Expect.REFUSED, header=Header.CUT, meaning="only the first 16 characters of the right digest"
        ),
        Vector(
            "signature-not-ascii",
            Expect.REFUSED,
            header=Header.NOT_ASCII,
            meaning="the digest ends in a character that is not ASCII",
        ),
        Vector("forged", Expect.REFUSED, key=Key.NOBODYS, meaning="signed with a secret that is not the handler's"),
        Vector("other-mode", Expect.REFUSED, key=Key.OTHER_MODE, meaning="signed with a secret of the other mode"),
        Vector(
            "tampered-body", Expect.REFUSED, bytes=Bytes.TAMPERED, meaning="the body was altered after it was signed"
        ),
        Vector(
            "re-serialised-body",
            Expect.REFUSED,
            bytes=Bytes.RESERIALISED,
            meaning="the same JSON as was signed, in other bytes",
        ),
        Vector(
            "stale",
            Expect.REFUSED,
            when=When.STALE,
            timed=True,
            meaning="signed a minute longer ago than the tolerance allows",
        ),
        Vector(
            "future",
            Expect.REFUSED,
            when=When.FUTURE,
            timed=True,
            meaning="signed for a minute later than the tolerance allows",
        ),
    )
)

_UNREADABLE: Final = Vector(
    "broken-json", Expect.REFUSED, UNREADABLE, bytes=Bytes.BROKEN, meaning="a good signature over JSON that is cut off"
)

_FORGED_OF_GATE: Final = (
    Vector(
        "forged-completed",
        Expect.REFUSED,
        VERIFIES,
        COMPLETED,
        key=Key.NOBODYS,
        meaning="signed with a secret that is not the handler's",
    ),
    Vector(
        "forged-test-event",
        Expect.REFUSED,
        VERIFIES,
        TEST,
        key=Key.NOBODYS,
        meaning="a test event signed with a secret that is not the handler's",
    ),
)

_OF_POOLS: Final = (
    Vector("valid-failed", Expect.EFFECT, ACCEPTS, POOLS_TYPES[1]),
    Vector("valid-released", Expect.EFFECT, ACCEPTS, POOLS_TYPES[2]),
)

# The client library refuses the first of these and takes the last, and no page says what a sender may do; a stricter
# tolerance is the partner's to choose; unknown types and members are to be tolerated by inference only.
_OBSERVED: Final = (
    Vector("upper-case-signature", Expect.NOTHING, header=Header.UPPER),
    Vector("several-v1-good-first", Expect.NOTHING, header=Header.GOOD_FIRST, timed=True),
    Vector("several-v1-good-last", Expect.NOTHING, header=Header.GOOD_LAST, timed=True),
    Vector("doubled-header", Expect.NOTHING, header=Header.DOUBLED),
    Vector("recent", Expect.NOTHING, when=When.RECENT, timed=True),
    Vector("soon", Expect.NOTHING, when=When.SOON, timed=True),
    Vector("not-utf-8", Expect.NOTHING, bytes=Bytes.NOT_UTF8),
    Vector("event-in-a-list", Expect.NOTHING, bytes=Bytes.LISTED),
    Vector("unknown-type", Expect.NOTHING, bytes=Bytes.UNKNOWN_TYPE),
    Vector("unknown-members", Expect.NOTHING, bytes=Bytes.EXTRA),
    Vector("body-of-256-kib", Expect.NOTHING, bytes=Bytes.LARGE),
    Vector("body-of-3-mib", Expect.NOTHING, bytes=Bytes.HUGE),
    Vector("slow-sender", Expect.NOTHING, slow=True),
)

# A race may be lost by luck, so it is run more than once.
REPEATS: Final = (
    Repeat("repeated-in-sequence", copies=3, at_once=False),
    Repeat("repeated-at-once-1", copies=8, at_once=True),
    Repeat("repeated-at-once-2", copies=8, at_once=True),
    Repeat("repeated-at-once-3", copies=8, at_once=True),
)

_COMPLETED_TWICE: Final = Repeat("completed-repeated", copies=2, at_once=False, type=COMPLETED)

_DISORDERS: Final = (
    Disorder("completed-before-processing", (COMPLETED, PROCESSING)),
    Disorder("settled-before-processing", (PAY_IN_SETTLED, PAY_IN_PROCESSING)),
)

GREETINGS: Final = ("valid", "missing-signature", "forged")
"""The cases a handler is met with: if it answers none of them, nothing else is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a handler is for: ``products`` it takes events of, the ``features`` (of ``events.FEATURES``) its account
    has at 0Gate, and the event types it promises an effect of.
    """

    products: frozenset[str] = frozenset({"pools", "gate"})
    features: frozenset[str] = frozenset()
    effects_on: frozenset[str] = frozenset(POOLS_TYPES)
    thorough: bool = True
    """Whether to look also at what no source binds."""

    @property
    def base(self) -> str:
        """The event type every attack is tried with: one that has an effect, so that a wrong one would show."""
        if "pools" in self.products:
            return SETTLED
        promised = [name for name in gate_payloads() if name in self.effects_on]
        return promised[0] if promised else COMPLETED


def cases(choice: Choice, scheme: Scheme) -> list[Case]:
    """Everything to put a handler through, in order.

    The refusals stand before the last acceptances: once those have shown their effect, a handler that works through
    a queue has been through the refusals too.
    """
    gate, pools = "gate" in choice.products, "pools" in choice.products
    found: list[Case] = [Vector("valid", Expect.EFFECT, ACCEPTS, choice.base), *_REFUSALS, _UNREADABLE]
    found += [*_FORGED_OF_GATE, *_DISORDERS[: 2 if "rails" in choice.features else 1]] if gate else []
    found += _OBSERVED if choice.thorough else ()
    found += REPEATS
    found += [_COMPLETED_TWICE] if gate and choice.base != COMPLETED else []
    found += _of_gate(choice) if gate else []
    found += _OF_POOLS if pools else ()
    found.append(
        Vector(
            "valid-unusual-bytes",
            Expect.EFFECT,
            ACCEPTS,
            choice.base,
            bytes=Bytes.UNUSUAL,
            meaning="blanks and escapes no serialiser writes: only the raw bytes verify",
        )
    )
    return [_of_base(case, choice.base) for case in found if scheme.timed or not getattr(case, "timed", False)]


def _of_base(case: Case, base: str) -> Case:
    return case if isinstance(case, Disorder) or case.type else replace(case, type=base)


def _of_gate(choice: Choice) -> list[Vector]:
    """A valid delivery of every type of 0Gate: owed something where the account is sent it, else only looked at."""
    return [
        vector
        for name in gate_payloads()
        if name != choice.base and ((vector := _valid(name, choice)).owes_2xx or choice.thorough)
    ]


def _valid(name: str, choice: Choice) -> Vector:
    if name == TEST:
        return Vector(f"valid-{name}", Expect.IDLE, TEST_EVENT, name)
    if name in choice.effects_on:
        return Vector(f"valid-{name}", Expect.EFFECT, ACCEPTS, name)
    feature = feature_of(name)
    if feature is None or feature in choice.features:
        return Vector(f"valid-{name}", Expect.TAKEN, TYPES, name)
    return Vector(f"valid-{name}", Expect.NOTHING, "", name)


def must_take(case: Case) -> bool:
    """Whether the handler has to take this for what it is: a published event, as its sender signs it."""
    return isinstance(case, Vector) and case.owes_2xx


def types_of(choice: Choice) -> Collection[str]:
    """Every event type of the products."""
    pools = POOLS_TYPES if "pools" in choice.products else ()
    return (*pools, *(gate_payloads() if "gate" in choice.products else ()))

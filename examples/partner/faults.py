"""The handler's broken twins: each replaces a duty of ``handler.Partner`` by a mistake partners really make.

``python faults.py --fault NAME`` serves one of them; ``--list-faults`` tells which requirements each breaks.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import sqlite3
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handler import ACTED_ON, Event, Partner, identity, library, options, run, subject

ACCEPTS, VERIFIES, DEDUPES = "PARTNER-WEBHOOK-ACCEPTS", "PARTNER-WEBHOOK-VERIFIES", "PARTNER-WEBHOOK-DEDUPES"
TYPES, TEST_EVENT = "PARTNER-WEBHOOK-TYPES", "PARTNER-WEBHOOK-TEST-EVENT"
UNREADABLE, REPEATS_TAKEN = "PARTNER-WEBHOOK-UNREADABLE", "PARTNER-WEBHOOK-REPEATS-TAKEN"
IN_TIME, REFUSAL_STATUS = "PARTNER-WEBHOOK-IN-TIME", "PARTNER-WEBHOOK-REFUSAL-STATUS"
ORDER = "PARTNER-WEBHOOK-ORDER"

DOWNSTREAM_SECONDS = 0.15
"""How long the system behind the handler takes in the twin that forgets about races meanwhile."""

BANK_SECONDS = 10.5
"""How long it takes in the twin that waits for it before it answers: longer than a sender does."""


def parsed(raw: bytes) -> Any:
    """The body as JSON, without looking at who sent it."""
    try:
        return json.loads(raw)
    except ValueError:
        return None


class NoVerify(Partner):
    def verified(self, signatures: Sequence[str], raw: bytes) -> Any:
        return parsed(raw)


class MissingSignatureAccepted(Partner):
    def verified(self, signatures: Sequence[str], raw: bytes) -> Any:
        return super().verified(signatures, raw) if signatures else parsed(raw)


class VerifiesParsedBody(Partner):
    def verified(self, signatures: Sequence[str], raw: bytes) -> Any:
        spelled_again = json.dumps(parsed(raw), separators=(",", ":")).encode()
        return super().verified(signatures, spelled_again)


class NoTolerance(Partner):
    tolerance = 10**10


class ByHand(Partner):
    """Verifies without the library, as partners do, and right so far; the twins after it get one duty wrong."""

    def verified(self, signatures: Sequence[str], raw: bytes) -> Any:
        named = [part.strip().split("=", 1) for signature in signatures for part in signature.split(",")]
        parts = {item[0]: item[1] for item in named if len(item) == 2}
        at, digest = parts.get("t", ""), parts.get("v1", "")
        if not (at.isascii() and at.isdigit() and self.fresh(int(at)) and self.signed(at, digest, raw)):
            raise library()[1]("not genuine")
        return parsed(raw)

    def fresh(self, at: int) -> bool:
        return abs(int(time.time()) - at) <= self.tolerance

    def signed(self, at: str, digest: str, raw: bytes) -> bool:
        return hmac.compare_digest(self.digest(at, raw).encode(), digest.encode())

    def digest(self, at: str, raw: bytes) -> str:
        return hmac.new(self.secret.encode(), at.encode() + b"." + raw, hashlib.sha256).hexdigest()


class FutureAccepted(ByHand):
    def fresh(self, at: int) -> bool:
        return at > time.time() or super().fresh(at)


class DigestPrefix(ByHand):
    def signed(self, at: str, digest: str, raw: bytes) -> bool:
        return self.digest(at, raw).startswith(digest)


class AcksUnreadable(ByHand):
    def readable(self, event: Any) -> bool:
        return True

    def verified(self, signatures: Sequence[str], raw: bytes) -> Any:
        event = super().verified(signatures, raw)
        return event if super().readable(event) else {"type": "unknown"}


class NoDedupe(Partner):
    def store(self, event: Event) -> bool:
        with self.lock, self.database:
            self.apply(event)
        return True


class DedupeAfterEffect(Partner):
    def __init__(self, secret: str, database: sqlite3.Connection) -> None:
        super().__init__(secret, database)
        self.seen: set[str] = set()

    def store(self, event: Event) -> bool:
        if identity(event) in self.seen:
            return False
        time.sleep(DOWNSTREAM_SECONDS)
        with self.lock, self.database:
            self.apply(event)
        self.seen.add(identity(event))
        return True


class DedupeBySignature(Partner):
    def __init__(self, secret: str, database: sqlite3.Connection) -> None:
        super().__init__(secret, database)
        self.seen: set[str] = set()

    def receive(self, signatures: Sequence[str], raw: bytes) -> int:
        with self.lock:
            repeated = not self.seen.isdisjoint(signatures)
            self.seen.update(signatures)
        return 200 if repeated else super().receive(signatures, raw)

    def store(self, event: Event) -> bool:
        with self.lock, self.database:
            self.apply(event)
        return True


class ConflictOnRepeat(Partner):
    def __init__(self, secret: str, database: sqlite3.Connection) -> None:
        super().__init__(secret, database)
        self.seen: set[str] = set()

    def receive(self, signatures: Sequence[str], raw: bytes) -> int:
        status = super().receive(signatures, raw)
        event = parsed(raw)
        if status != 200 or event["type"] not in ACTED_ON:
            return status
        with self.lock:
            repeated = identity(event) in self.seen
            self.seen.add(identity(event))
        return 409 if repeated else 200


class AckBeforeStoring(Partner):
    def __init__(self, secret: str, database: sqlite3.Connection) -> None:
        super().__init__(secret, database)
        self.batch: list[Event] = []

    def store(self, event: Event) -> bool:
        self.batch.append(event)
        if len(self.batch) >= 100:
            batch, self.batch = self.batch, []
            for waiting in batch:
                super().store(waiting)
        return True


class SettledOnly(Partner):
    def store(self, event: Event) -> bool:
        return event["type"] == "pool.transaction.settled" and super().store(event)


class StrippedPrefix(Partner):
    def __init__(self, secret: str, database: sqlite3.Connection) -> None:
        super().__init__(secret.removeprefix("whsec_"), database)


class ListedTypesOnly(Partner):
    listed = (
        *ACTED_ON,
        "gate_session.created",
        "gate_session.expired",
        "gate_session.cancelled",
        "webhook.test",
    )

    def readable(self, event: Any) -> bool:
        return super().readable(event) and event["type"] in self.listed


class TestHasEffect(Partner):
    def readable(self, event: Any) -> bool:
        readable = super().readable(event)
        if readable and event["type"] == "webhook.test":
            self.store({**event, "data": {"id": "test"}})
        return readable


class WaitsForTheBank(Partner):
    seconds = BANK_SECONDS

    def store(self, event: Event) -> bool:
        if event["type"] == "pool.transaction.released":
            time.sleep(self.seconds)
        return super().store(event)


class FailsOnForgeries(Partner):
    def receive(self, signatures: Sequence[str], raw: bytes) -> int:
        status = super().receive(signatures, raw)
        return 500 if status == 401 else status


class DemandsOrder(Partner):
    def __init__(self, secret: str, database: sqlite3.Connection) -> None:
        super().__init__(secret, database)
        self.completed: set[str] = set()

    def receive(self, signatures: Sequence[str], raw: bytes) -> int:
        status = super().receive(signatures, raw)
        event = parsed(raw)
        if status != 200 or not event["type"].startswith("gate_session."):
            return status
        with self.lock:
            if event["type"] == "gate_session.completed":
                self.completed.add(subject(event))
            elif subject(event) in self.completed:
                return 409
        return 200


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake, the requirements it breaks, and the further ones it may drag along."""

    name: str
    summary: str
    twin: type[Partner]
    breaks: tuple[str, ...]
    drags: tuple[str, ...] = ()


FAULTS = (
    Fault("no-verify", "Takes every delivery without looking at its signature.", NoVerify, (VERIFIES,)),
    Fault(
        "missing-signature",
        "Takes a delivery without a signature header as one of its own.",
        MissingSignatureAccepted,
        (VERIFIES,),
    ),
    Fault(
        "parsed-body",
        "Verifies the body spelled again after parsing, not the bytes that came.",
        VerifiesParsedBody,
        (ACCEPTS, VERIFIES),
    ),
    Fault("no-tolerance", "Takes a signed delivery however old it is.", NoTolerance, (VERIFIES,)),
    Fault("future-time", "Takes a delivery signed for any time to come.", FutureAccepted, (VERIFIES,)),
    Fault(
        "digest-prefix",
        "Compares only as many characters of the digest as came, so that none at all will do.",
        DigestPrefix,
        (VERIFIES,),
    ),
    Fault(
        "stripped-prefix",
        "Verifies with the secret less its prefix, and so refuses every delivery.",
        StrippedPrefix,
        (ACCEPTS,),
        (TYPES, TEST_EVENT),
    ),
    Fault("no-dedupe", "Gives every delivery an effect, also one that came before.", NoDedupe, (DEDUPES,)),
    Fault(
        "dedupe-after-effect",
        "Remembers an event only after its effect, so that simultaneous copies all have one.",
        DedupeAfterEffect,
        (DEDUPES,),
    ),
    Fault(
        "dedupe-by-signature",
        "Knows a repetition by its signature, which changes with every attempt.",
        DedupeBySignature,
        (DEDUPES,),
    ),
    Fault(
        "ack-before-storing",
        "Answers 200 and keeps the event in memory until there are enough to write.",
        AckBeforeStoring,
        (ACCEPTS,),
    ),
    Fault(
        "settled-only",
        "Answers 200 to failed and released trades and forgets them.",
        SettledOnly,
        (ACCEPTS,),
    ),
    Fault(
        "listed-types-only",
        "Answers 400 to every type the client library does not list.",
        ListedTypesOnly,
        (TYPES,),
    ),
    Fault("test-has-effect", "Treats a test event like a real one.", TestHasEffect, (TEST_EVENT,)),
    Fault(
        "acks-unreadable",
        "Answers 200 to whatever is signed, also where it cannot be read.",
        AcksUnreadable,
        (UNREADABLE,),
    ),
    Fault(
        "conflict-on-repeat",
        "Answers 409 to an event it has taken before, so that it keeps coming.",
        ConflictOnRepeat,
        (REPEATS_TAKEN,),
    ),
    Fault(
        "waits-for-the-bank",
        "Does the work before it answers, and the sender has long given up.",
        WaitsForTheBank,
        (IN_TIME,),
    ),
    Fault(
        "fails-on-forgeries",
        "Lets the error of the verification through as a 500.",
        FailsOnForgeries,
        (REFUSAL_STATUS,),
    ),
    Fault(
        "demands-order",
        "Answers 409 to an event of a session that is known to be complete.",
        DemandsOrder,
        (ORDER,),
    ),
)


def main() -> int:
    parser = options(argparse.ArgumentParser(description=__doc__))
    parser.add_argument("--bank-seconds", type=float, default=BANK_SECONDS, help="how long waits-for-the-bank waits")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--fault", choices=[fault.name for fault in FAULTS], help="which broken twin to serve")
    choice.add_argument("--list-faults", action="store_true", help="print the faults as JSON")
    arguments = parser.parse_args()
    if arguments.list_faults:
        listed = [
            {"name": fault.name, "summary": fault.summary, "breaks": fault.breaks, "drags": fault.drags}
            for fault in FAULTS
        ]
        print(json.dumps(listed, indent=2))
        return 0
    WaitsForTheBank.seconds = arguments.bank_seconds
    twins = {fault.name: fault.twin for fault in FAULTS}
    return run(arguments, twins[arguments.fault])


if __name__ == "__main__":
    sys.exit(main())

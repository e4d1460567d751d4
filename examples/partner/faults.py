"""The handler's broken twins: each replaces a duty of ``handler.Partner`` by a mistake partners really make.

``python faults.py --fault NAME`` serves one of them; ``--list-faults`` tells which requirements each breaks.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from handler import Event, Partner, options, run

ACCEPTS, VERIFIES, DEDUPES = "PARTNER-WEBHOOK-ACCEPTS", "PARTNER-WEBHOOK-VERIFIES", "PARTNER-WEBHOOK-DEDUPES"

DOWNSTREAM_SECONDS = 0.15
"""How long the system behind the handler takes in the twin that forgets about races meanwhile."""


class NoVerify(Partner):
    def authentic(self, signatures: Sequence[str], raw: bytes) -> bool:
        return True


class MissingSignatureAccepted(Partner):
    def authentic(self, signatures: Sequence[str], raw: bytes) -> bool:
        return not signatures or super().authentic(signatures, raw)


class VerifiesParsedBody(Partner):
    def signed(self, at: str, digest: str, raw: bytes) -> bool:
        event = self.parse(raw)
        spelled_again = json.dumps(event, separators=(",", ":")).encode()
        return super().signed(at, digest, spelled_again)


class NoTolerance(Partner):
    def fresh(self, at: str) -> bool:
        return True


class FutureAccepted(Partner):
    def fresh(self, at: str) -> bool:
        return (at.isdigit() and int(at) > self.clock()) or super().fresh(at)


class DigestPrefix(Partner):
    def signed(self, at: str, digest: str, raw: bytes) -> bool:
        return self.digest(at, raw).startswith(digest)


class NoDedupe(Partner):
    def store(self, event: Event) -> None:
        with self.lock, self.database:
            self.apply(event)


class DedupeAfterEffect(Partner):
    def __init__(self, secret: str, database: sqlite3.Connection) -> None:
        super().__init__(secret, database)
        self.seen: set[str] = set()

    def store(self, event: Event) -> None:
        if event["eventId"] in self.seen:
            return
        time.sleep(DOWNSTREAM_SECONDS)
        with self.lock, self.database:
            self.apply(event)
        self.seen.add(event["eventId"])


class DedupeBySignature(Partner):
    def __init__(self, secret: str, database: sqlite3.Connection) -> None:
        super().__init__(secret, database)
        self.seen: set[str] = set()

    def receive(self, signatures: Sequence[str], raw: bytes) -> int:
        with self.lock:
            repeated = not self.seen.isdisjoint(signatures)
            self.seen.update(signatures)
        return 200 if repeated else super().receive(signatures, raw)

    def store(self, event: Event) -> None:
        with self.lock, self.database:
            self.apply(event)


class AckBeforeStoring(Partner):
    def __init__(self, secret: str, database: sqlite3.Connection) -> None:
        super().__init__(secret, database)
        self.batch: list[Event] = []

    def store(self, event: Event) -> None:
        self.batch.append(event)
        if len(self.batch) >= 100:
            batch, self.batch = self.batch, []
            for waiting in batch:
                super().store(waiting)


class SettledOnly(Partner):
    def store(self, event: Event) -> None:
        if event["type"] == "pool.transaction.settled":
            super().store(event)


class StrippedPrefix(Partner):
    def __init__(self, secret: str, database: sqlite3.Connection) -> None:
        super().__init__(secret.removeprefix("whsec_"), database)


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake and the requirements it breaks; none of these drags further ones along."""

    name: str
    summary: str
    twin: type[Partner]
    breaks: tuple[str, ...]


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
)


def main() -> int:
    parser = options(argparse.ArgumentParser(description=__doc__))
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--fault", choices=[fault.name for fault in FAULTS], help="which broken twin to serve")
    choice.add_argument("--list-faults", action="store_true", help="print the faults as JSON")
    arguments = parser.parse_args()
    if arguments.list_faults:
        listed = [
            {"name": fault.name, "summary": fault.summary, "breaks": fault.breaks, "drags": []} for fault in FAULTS
        ]
        print(json.dumps(listed, indent=2))
        return 0
    twins = {fault.name: fault.twin for fault in FAULTS}
    return run(arguments, twins[arguments.fault])


if __name__ == "__main__":
    sys.exit(main())

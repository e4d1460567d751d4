"""What is wrong with one delivery of 0Gate: signature, headers, envelope, payload, secrets. Pure; nothing is judged."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from conformance.contract import Contract, departure
from conformance.contract.body import UnreadableError, members, parse
from conformance.contract.words import safe_name
from conformance.scenarios.gate.desk import MARGIN
from conformance.scenarios.mailbox import signature_problem, speaks_of, text_of
from conformance.target import Webhooks
from conformance.webhooks.receiver import Delivery

EVENT_ID, EVENT_TYPE, TIMESTAMP = "X-0bit-Event-Id", "X-0bit-Event-Type", "X-0bit-Timestamp"
SECRET_MEMBERS = frozenset({"client_secret", "clientSecret"})

_SIGNED_AT = re.compile(r"(?:^|,)\s*t\s*=\s*([0-9]{1,15})\s*(?:,|$)")
_UNIX_SECONDS = re.compile(r"[0-9]{1,11}")


@dataclass(frozen=True)
class Arrival:
    """One delivery as 0Gate sent it, and the status it was answered with."""

    delivery: Delivery
    status: int = 200

    @cached_property
    def body(self) -> Any:
        """The JSON value of the body; None for one that cannot be read."""
        try:
            return parse(self.delivery.body)
        except UnreadableError:
            return None

    @property
    def envelope(self) -> dict[str, Any]:
        """The body, if it is an object."""
        return self.body if isinstance(self.body, dict) else {}

    @property
    def data(self) -> dict[str, Any]:
        """What the event carries, if it is an object."""
        found = self.envelope.get("data")
        return found if isinstance(found, dict) else {}

    @property
    def kind(self) -> str:
        """The type of the event, by the body; by the header where the body has none."""
        found = self.envelope.get("type")
        return found if isinstance(found, str) else self.header(EVENT_TYPE)

    @property
    def event(self) -> str:
        """The id of the event, by the body; by the header where the body has none."""
        found = self.envelope.get("id")
        return found if isinstance(found, str) else self.header(EVENT_ID)

    @property
    def signed_at(self) -> int | None:
        """The time in the signature, in Unix seconds; None where none can be read."""
        found = _SIGNED_AT.search(",".join(self.delivery.header("Gate-Signature")))
        return int(found[1]) if found else None

    def header(self, name: str) -> str:
        """The value of a header; empty without it, and the first of several."""
        return next(iter(self.delivery.header(name)), "")

    def speaks_of(self, *ids: str) -> bool:
        """Whether one of these ids stands anywhere in the body."""
        return speaks_of(self.delivery, set(ids))


def signature(arrival: Arrival, settings: Webhooks) -> str:
    """What is wrong with the signature, or with the age of its timestamp (gate facts 8.1, 8.4)."""
    return signature_problem(settings, arrival.delivery)


def headers(arrival: Arrival) -> str:
    """Which header is missing or says something else than body and signature (gate facts 8.1).

    The form of the timestamp is not published: only one in Unix seconds is held against the signature's.
    """
    wrong = [] if "json" in arrival.header("Content-Type").lower() else ["Content-Type is not JSON"]
    for name, member in ((EVENT_ID, "id"), (EVENT_TYPE, "type")):
        stated = arrival.envelope.get(member)
        if not arrival.header(name):
            wrong.append(f"no {name}")
        elif isinstance(stated, str) and set(arrival.delivery.header(name)) != {stated}:
            wrong.append(f"{name} differs from the body's {member}")
    stamp = arrival.header(TIMESTAMP)
    if not stamp:
        wrong.append(f"no {TIMESTAMP}")
    elif _UNIX_SECONDS.fullmatch(stamp) and abs(int(stamp) - (arrival.signed_at or int(stamp))) > MARGIN:
        wrong.append(f"{TIMESTAMP} differs from the signature's t")
    return ", ".join(wrong)


def envelope(arrival: Arrival, drift: float) -> str:
    """What is wrong with the body as an object with id, type, created_at and data (gate facts 8.2).

    ``created_at`` may be ``drift`` seconds away from the arrival: no more than that tells seconds from another unit.
    """
    if not isinstance(arrival.body, dict):
        return "the body is no JSON object"
    wrong = []
    for name, kind in (("id", str), ("type", str), ("data", dict)):
        found = arrival.body.get(name)
        if not isinstance(found, kind) or (kind is str and not found):
            wrong.append(f"no {name}" if found is None else f"{name} is no {'text' if kind is str else 'object'}")
    made = arrival.body.get("created_at")
    if not isinstance(made, int) or isinstance(made, bool):
        wrong.append("created_at is no integer")
    elif abs(made - arrival.delivery.received) > drift:
        wrong.append("created_at is not the time of the event in Unix seconds")
    return ", ".join(wrong)


def payload(arrival: Arrival, contract: Contract, fallback: Contract, *, full: bool = False) -> str:
    """Where the body departs from what is documented for its type: by ``contract``, or by ``fallback`` where that
    describes no such event. A type neither knows departs from nothing (gate facts 8.3, 11 (1))."""
    said = contract if contract.event_schema(arrival.kind) is not None else fallback
    return departure(said, arrival.kind, arrival.body, full=full)


def secrets(arrival: Arrival, known: Collection[str]) -> str:
    """Which secret of a session stands in the delivery: a member of that name, or one of the ``known`` values."""
    named = [
        safe_name(name) for _, name, value in members(arrival.body) if name in SECRET_MEMBERS and value is not None
    ]
    if named:
        return f"member {named[0]}"
    spoken = text_of(arrival.delivery) + " ".join(value for _, value in arrival.delivery.headers)
    return "the client secret of a session" if any(secret in spoken for secret in known) else ""


def in_turn(arrivals: Collection[Arrival]) -> list[Arrival]:
    """The first arrival of each event, in order of arrival: repeats of an event are legal."""
    first: dict[str, Arrival] = {}
    for arrival in sorted(arrivals, key=lambda found: found.delivery.sequence):
        first.setdefault(arrival.event, arrival)
    return list(first.values())

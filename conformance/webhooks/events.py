"""The events of both products as data: their types, their ids, and invented ones to send to a handler.

Whatever is invented carries ``_test_conformance_`` in its ids. What 0Gate's hold comes from the contract file.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final

from conformance import contract


class State(StrEnum):
    """The ends of a trade that are announced; each is also the last word of its event type (facts 11)."""

    SETTLED = "settled"
    FAILED = "failed"
    RELEASED = "released"


POOLS_TYPES: Final = tuple(f"pool.transaction.{state}" for state in State)
SETTLED: Final = POOLS_TYPES[0]

COMPLETED: Final = "gate_session.completed"
PROCESSING: Final = "gate_session.processing"
PAY_IN_SETTLED: Final = "rail.pay_in.settled"
PAY_IN_PROCESSING: Final = "rail.pay_in.processing"
TEST: Final = "webhook.test"

FEATURES: Final = {
    "rails": ("rail.", "quote."),
    "customers": ("customer.",),
    "kyc_packages": ("gate_session.kyc_package_accepted",),
}
"""What an account may be entitled to, and how the types begin that nobody else is sent (0Gate facts 8.3)."""

_MARKED: Final = re.compile(r"\b([a-z]+)_test_[A-Za-z0-9]+")


def event_id(transact_id: str, event_type: str) -> str:
    """The published dedupe key, SHA-256 of ``<trade id>:<type>`` (facts 11); lower-case hex is inferred."""
    return hashlib.sha256(f"{transact_id}:{event_type}".encode()).hexdigest()


def feature_of(event_type: str) -> str | None:
    """The entitlement an account needs to be sent this type; None where every account is."""
    return next((name for name, starts in FEATURES.items() if event_type.startswith(starts)), None)


@cache
def gate_payloads() -> dict[str, dict[str, Any]]:
    """0Gate's event types in the order of the contract file, with the event it gives as an example of each."""
    found = {}
    for name, item in contract.load(None, "gate").document["webhooks"].items():
        examples = item["post"]["requestBody"]["content"]["application/json"]["examples"]
        found[name] = next(iter(examples.values()))["value"]
    return found


@dataclass(frozen=True, slots=True)
class Event:
    """An invented event whose ids say that it is a conformance test. ``about`` names the object, if shared."""

    run: str
    name: str
    type: str
    about: str = ""

    @property
    def of_pools(self) -> bool:
        """Whether 0Pools sends it; 0Gate has an envelope of its own."""
        return self.type.startswith("pool.")

    @property
    def marker(self) -> str:
        """What every id of the event's object ends with."""
        return f"{self.run}_{self.about or self.name}"

    @property
    def transact_id(self) -> str:
        return f"txn_test_conformance_{self.marker}"

    @property
    def id(self) -> str:
        """The id a receiver dedupes by."""
        if self.of_pools:
            return event_id(self.transact_id, self.type)
        return f"evt_test_conformance_{self.run}_{self.name}"

    def members(self, at: int) -> dict[str, Any]:
        """The event as the contract file describes it, made at ``at`` in Unix seconds."""
        if self.of_pools:
            return {
                "eventId": self.id,
                "type": self.type,
                "transactId": self.transact_id,
                "quoteId": f"pq_test_conformance_{self.marker}",
                "status": self.type.rpartition(".")[2],
            }
        data = _marked(gate_payloads()[self.type]["data"], self.marker)
        return {"id": self.id, "type": self.type, "created_at": at, "data": data}


def _marked(value: Any, marker: str) -> Any:
    """An example with every id in it replaced by one that says which test it belongs to."""
    if isinstance(value, dict):
        return {name: _marked_member(name, item, marker) for name, item in value.items()}
    if isinstance(value, list):
        return [_marked(item, marker) for item in value]
    if isinstance(value, str):
        return _MARKED.sub(rf"\g<1>_test_conformance_{marker}", value)
    return value


def _marked_member(name: str, value: Any, marker: str) -> Any:
    if name == "id" and isinstance(value, str) and not _MARKED.search(value):
        return f"test_conformance_{marker}"
    return _marked(value, marker)

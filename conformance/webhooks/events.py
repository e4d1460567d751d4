"""The three 0Pools events as data: their types, their ids, and invented ones to send to a handler."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """The ends of a trade that are announced; each is also the last word of its event type (facts 11)."""

    SETTLED = "settled"
    FAILED = "failed"
    RELEASED = "released"


def event_id(transact_id: str, event_type: str) -> str:
    """The published dedupe key, SHA-256 of ``<trade id>:<type>`` (facts 11); lower-case hex is inferred."""
    return hashlib.sha256(f"{transact_id}:{event_type}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Event:
    """A terminal event of an invented trade, whose ids say that it is a conformance test."""

    run: str
    name: str
    state: State

    @property
    def transact_id(self) -> str:
        return f"txn_test_conformance_{self.run}_{self.name}"

    @property
    def type(self) -> str:
        return f"pool.transaction.{self.state}"

    @property
    def id(self) -> str:
        return event_id(self.transact_id, self.type)

    def members(self) -> dict[str, str]:
        """The event as the contract file describes it."""
        return {
            "eventId": self.id,
            "type": self.type,
            "transactId": self.transact_id,
            "quoteId": f"pq_test_conformance_{self.run}_{self.name}",
            "status": str(self.state),
        }

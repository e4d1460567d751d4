"""What was tried on a handler and what came of it: the records the driver fills and ``findings`` reads."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.journal.records import Outcome
from conformance.webhooks.events import Event
from conformance.webhooks.vectors import Case, Expect, Repeat, Vector
from conformance.webhooks.vectors_judged import good
from conformance.webhooks.wire import Attempt


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen of one requirement, with the deliveries that show it."""

    requirement: str
    name: str
    event_id: str
    outcome: Outcome
    expected: str
    observed: str
    missing: str = ""
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """What the handler did where no source binds it."""

    subject: str
    value: str
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Certificate:
    """Everything a handler showed."""

    findings: tuple[Finding, ...]
    observed: tuple[Observed, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One case, its events, and the deliveries made for it: none where the handler answered nothing before."""

    case: Case
    events: tuple[Event, ...]
    attempts: tuple[Attempt, ...] = ()
    statuses: tuple[int | None, ...] = ()
    """Of each event of a case of several; else of each delivery."""

    @property
    def reached(self) -> bool:
        """Whether anything came back."""
        return any(attempt.status is not None for attempt in self.attempts)

    @property
    def sent(self) -> bool:
        """Whether anything was sent."""
        return any(attempt.sent for attempt in self.attempts)

    @property
    def taken(self) -> bool:
        """Whether the handler said that it took an event that may have an effect."""
        owed = isinstance(self.case, Repeat) or (isinstance(self.case, Vector) and self.case.expect is Expect.EFFECT)
        return owed and any(good(attempt.status) for attempt in self.attempts)


Counts = dict[str, int] | str
"""Effects by event id, or why nobody can tell."""

"""The driver that certifies a partner's webhook handler: it sends the vectors and reads the effects.

What is sent and how it is judged are data and pure functions in ``vectors``; the caller records the findings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from conformance.journal.records import Outcome
from conformance.webhooks.effects import EffectsProbe, ProbeError
from conformance.webhooks.events import Event, State
from conformance.webhooks.under_test import HandlerUnderTest, Patience
from conformance.webhooks.vectors import (
    REPEATS,
    VECTORS,
    Judged,
    Repeat,
    Vector,
    compose,
    copies,
    judge_repeat,
    judge_vector,
)
from conformance.webhooks.wire import Attempt, Wire

__all__ = ["Attempt", "EffectsProbe", "Finding", "HandlerUnderTest", "Patience", "certify"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one vector or repetition says of one requirement, with the deliveries that were made for it."""

    requirement: str
    name: str
    event_id: str
    outcome: Outcome
    expected: str
    observed: str
    missing: str
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class _Trial:
    case: Vector | Repeat
    event: Event
    attempts: tuple[Attempt, ...]

    @property
    def taken(self) -> bool:
        """Whether the handler owes an effect because it said that it took a good delivery."""
        good = isinstance(self.case, Repeat) or self.case.accepted
        return good and any(attempt.status is not None and attempt.status // 100 == 2 for attempt in self.attempts)


def certify(handler: HandlerUnderTest) -> tuple[Finding, ...]:
    """Put the handler through every vector and repetition its scheme allows, and judge what it did.

    A handler that never answered yields ``error`` throughout; one whose effects cannot be seen yields
    ``not-evidenced`` where effects decide. Must not be called from a running event loop.
    """
    return asyncio.run(_certify(handler))


async def _certify(handler: HandlerUnderTest) -> tuple[Finding, ...]:
    vectors = [vector for vector in VECTORS if handler.scheme.timed or not vector.timed]
    cases: list[Vector | Repeat] = [*vectors[:1], *REPEATS, *vectors[1:]]
    events = [
        Event(handler.run, case.name, case.state if isinstance(case, Vector) else State.SETTLED) for case in cases
    ]
    async with Wire(handler) as wire:
        before = await _counts_before(wire, events)
        trials = [await _try(wire, case, event) for case, event in zip(cases, events, strict=True)]
        after = await _counts_after(wire, trials) if isinstance(before, dict) else before
    return tuple(_findings(trials, before, after))


async def _try(wire: Wire, case: Vector | Repeat, event: Event) -> _Trial:
    handler = wire.handler
    now = int(handler.clock())
    if isinstance(case, Vector):
        deliveries = [compose(case, event, handler.secret, now, handler.tolerance, handler.scheme)]
    else:
        deliveries = copies(case, event, handler.secret, now, handler.tolerance, handler.scheme)
    if isinstance(case, Repeat) and case.at_once:
        return _Trial(case, event, tuple(await asyncio.gather(*map(wire.deliver, deliveries))))
    attempts = []
    for delivery in deliveries:
        attempts.append(await wire.deliver(delivery))
        # A broken connection may be the network's doing: the sender would try again, and so do we, once.
        if attempts[-1].status is None and not attempts[-1].timed_out:
            attempts.append(await wire.deliver(delivery))
    return _Trial(case, event, tuple(attempts))


async def _counts_before(wire: Wire, events: Sequence[Event]) -> dict[str, int] | str:
    """The effects of events that were never sent: all zero, or what is wrong with the probe."""
    try:
        counts = await wire.counts(event.id for event in events)
    except ProbeError as problem:
        return str(problem)
    if any(counts.values()):
        return "the effects probe counts effects of events that were never sent: make it count by {eventId}"
    return counts


async def _counts_after(wire: Wire, trials: Sequence[_Trial]) -> dict[str, int] | str:
    """The effects once every event answered 2xx shows one and the counts rest, or when patience ends."""
    patience = wire.handler.patience
    ids = [trial.event.id for trial in trials]
    owed = {trial.event.id for trial in trials if trial.taken}
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience.effects
    try:
        counts = await wire.counts(ids)
        while True:
            await asyncio.sleep(patience.quiet)
            previous, counts = counts, await wire.counts(ids)
            complete = all(counts[event_id] for event_id in owed)
            if (complete and counts == previous) or loop.time() >= deadline:
                return counts
    except ProbeError as problem:
        return str(problem)


def _findings(trials: Sequence[_Trial], before: dict[str, int] | str, after: dict[str, int] | str) -> Iterable[Finding]:
    reached = any(attempt.status is not None for trial in trials for attempt in trial.attempts)
    counts = isinstance(after, dict) and any(
        after[trial.event.id] for trial in trials if isinstance(trial.case, Vector) and trial.case.accepted
    )
    for trial in trials:
        was = before[trial.event.id] if isinstance(before, dict) else None
        became = after[trial.event.id] if isinstance(after, dict) else None
        statuses = [attempt.status for attempt in trial.attempts]
        if isinstance(trial.case, Vector):
            judged = judge_vector(trial.case, statuses[-1], was, became, probe_counts=counts)
        else:
            judged = judge_repeat(trial.case, statuses, was, became, probe_counts=counts)
        if not reached:
            errors = sorted({attempt.error or "" for attempt in trial.attempts})
            judged = Judged(Outcome.ERROR, judged.expected, f"never answered: {'; '.join(errors)}")
        missing = f"{judged.missing}: {after}" if judged.missing and isinstance(after, str) else judged.missing
        yield Finding(
            requirement=trial.case.requirement,
            name=trial.case.name,
            event_id=trial.event.id,
            outcome=judged.outcome,
            expected=judged.expected,
            observed=judged.observed,
            missing=missing,
            attempts=trial.attempts,
        )

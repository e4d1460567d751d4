"""The driver that certifies a partner's webhook handler: it sends the vectors and reads the effects.

What is sent is data in ``vectors``, what it shows is said in ``findings``; the caller records it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from conformance.webhooks import restart
from conformance.webhooks.effects import EffectsProbe, ProbeError
from conformance.webhooks.events import Event
from conformance.webhooks.findings import Seen, after_restart, conclude
from conformance.webhooks.trials import Certificate, Counts, Finding, Observed, Trial
from conformance.webhooks.under_test import HandlerUnderTest, Patience
from conformance.webhooks.vectors import GREETINGS, Case, Disorder, Repeat, Vector, cases, must_take
from conformance.webhooks.vectors_bytes import Signed, compact, compose, copies, genuine
from conformance.webhooks.wire import Attempt, Wire

__all__ = [
    "Attempt",
    "Certificate",
    "EffectsProbe",
    "Finding",
    "HandlerUnderTest",
    "Observed",
    "Patience",
    "certify",
]

LANES: Final = 4
"""Deliveries under way at a time, but for copies sent at once: enough to be quick, too few to be a burden."""

ASKED: Final = 8
"""Events the probe is asked about before anything is sent."""


def certify(handler: HandlerUnderTest) -> Certificate:
    """Put the handler through every case its scheme and products allow, and judge what it did.

    A handler that never answered yields ``error`` throughout; one whose effects cannot be seen yields
    ``not-evidenced`` where effects decide. Must not be called from a running event loop.
    """
    return asyncio.run(_certify(handler))


async def _certify(handler: HandlerUnderTest) -> Certificate:
    planned = [Trial(case, _events(handler, case)) for case in cases(handler.choice, handler.scheme)]
    async with Wire(handler) as wire:
        before = await _counts_before(wire, [event for trial in planned for event in trial.events])
        trials = await _all_tried(wire, planned)
        if not any(trial.reached for trial in trials):
            return conclude(Seen(handler, trials, before, before))
        alone = await _late_alone(wire, trials)
        after = await _counts_after(wire, trials) if isinstance(before, dict) else before
        seen = Seen(handler, trials, before, after, alone)
        return after_restart(conclude(seen), await restart.tried(wire, effects_are_seen=isinstance(after, dict)))


def _events(handler: HandlerUnderTest, case: Case) -> tuple[Event, ...]:
    if isinstance(case, Disorder):
        first, second = case.types
        return (
            Event(handler.run, f"{case.name}-1", first, about=case.name),
            Event(handler.run, f"{case.name}-2", second, about=case.name),
        )
    return (Event(handler.run, case.name, case.type),)


async def _all_tried(wire: Wire, planned: Sequence[Trial]) -> list[Trial]:
    """Everything sent, in the planned order; nothing further once the greetings went unanswered."""
    greeted = [trial for trial in planned if trial.case.name in GREETINGS]
    done = await _in_lanes(wire, greeted)
    rest = [trial for trial in planned if trial.case.name not in GREETINGS]
    if not any(trial.reached for trial in done):
        return [*done, *rest]
    for at_once, group in groupby(rest, lambda trial: isinstance(trial.case, Repeat) and trial.case.at_once):
        if at_once:
            done += [await _try(wire, trial) for trial in group]
        else:
            done += await _in_lanes(wire, list(group))
    return done


async def _in_lanes(wire: Wire, planned: Sequence[Trial]) -> list[Trial]:
    waiting = deque(enumerate(planned))
    done: dict[int, Trial] = {}

    async def lane() -> None:
        while waiting:
            number, trial = waiting.popleft()
            done[number] = await _try(wire, trial)

    await asyncio.gather(*(lane() for _ in range(LANES)))
    return [done[number] for number in sorted(done)]


async def _try(wire: Wire, trial: Trial) -> Trial:
    case = trial.case
    deliveries = _deliveries(wire.handler, trial)
    if isinstance(case, Repeat) and case.at_once:
        attempts = tuple(await asyncio.gather(*map(wire.deliver, deliveries)))
        return Trial(case, trial.events, attempts, tuple(attempt.status for attempt in attempts))
    made: list[Attempt] = []
    statuses: list[int | None] = []
    for delivery in deliveries:
        tries = await _sent(wire, delivery)
        made += tries
        statuses += [attempt.status for attempt in tries] if isinstance(case, Repeat) else [tries[-1].status]
    return Trial(case, trial.events, tuple(made), tuple(statuses))


def _deliveries(handler: HandlerUnderTest, trial: Trial) -> list[Signed]:
    now, case = int(handler.clock()), trial.case
    signing = (handler.secret, now, handler.tolerance, handler.scheme)
    match case:
        case Vector():
            return [compose(case, trial.events[0], *signing)]
        case Repeat():
            return copies(case, trial.events[0], *signing)
        case Disorder():
            bodies = [(event, compact(event.members(now))) for event in trial.events]
            return [genuine(event, body, handler.secret, now, handler.scheme) for event, body in bodies]


async def _sent(wire: Wire, delivery: Signed) -> list[Attempt]:
    """A broken connection may be the network's doing: the sender would try again, and so do we, once."""
    attempts = [await wire.deliver(delivery)]
    if attempts[0].status is None and attempts[0].sent and not attempts[0].timed_out:
        attempts.append(await wire.deliver(delivery))
    return attempts


async def _late_alone(wire: Wire, trials: Sequence[Trial]) -> Trial | None:
    """One of the valid deliveries that were answered late, sent again by itself as an event of its own.

    None where none was late, or where the others were so quick that having to wait for them cannot be why.
    """
    limit = wire.handler.patience.answer
    valid = [t for t in trials if must_take(t.case) and t.attempts]
    late = [t for t in valid if t.attempts[-1].elapsed > limit]
    others = sorted(t.attempts[-1].elapsed for t in valid if t not in late)
    if not late or (others and others[len(others) // 2] < limit / LANES):
        return None
    event = late[0].events[0]
    return await _try(wire, Trial(late[0].case, (Event(event.run, f"{event.name}-alone", event.type),)))


async def _counts_before(wire: Wire, events: Sequence[Event]) -> Counts:
    """The effects of events that were never sent: all zero, or what is wrong with the probe.

    A few are asked about: a probe that counts something else than the event it is asked for shows it at once.
    """
    try:
        counts = await wire.counts(event.id for event in events[:ASKED])
    except ProbeError as problem:
        return str(problem)
    if any(counts.values()):
        return "the effects probe counts effects of events that were never sent: make it count by {eventId}"
    return {event.id: 0 for event in events}


async def _counts_after(wire: Wire, trials: Sequence[Trial]) -> Counts:
    """The effects once every promised one shows and those rest, or when patience ends."""
    patience, promised = wire.handler.patience, wire.handler.choice.effects_on
    owed = {trial.events[0].id for trial in trials if trial.taken and trial.events[0].type in promised}
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience.effects
    try:
        shown = await wire.counts(owed)
        while True:
            await asyncio.sleep(patience.quiet)
            previous, shown = shown, await wire.counts(owed)
            if (all(shown.values()) and shown == previous) or loop.time() >= deadline:
                return await wire.counts(event.id for trial in trials for event in trial.events)
    except ProbeError as problem:
        return str(problem)

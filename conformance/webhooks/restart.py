"""Deliveries around a restart of the handler: what it took before must still be known, what comes meanwhile not lost.

Only where the partner names a command that restarts it.
"""

from __future__ import annotations

import asyncio
from typing import Final

from conformance.journal.records import Outcome
from conformance.webhooks import commands
from conformance.webhooks.effects import ProbeError
from conformance.webhooks.events import Event
from conformance.webhooks.trials import Finding, Observed
from conformance.webhooks.vectors import ACCEPTS, DEDUPES
from conformance.webhooks.vectors_bytes import compact, genuine
from conformance.webhooks.vectors_judged import good, said, shown
from conformance.webhooks.wire import Attempt, Wire

SUBJECT: Final = "handler: restart"

_BETWEEN: Final = 0.25
"""Seconds between two tries to deliver while the handler is away; a real sender waits longer."""

_FEW: Final = 4
"""Attempts that are kept of many: the first and the last ones."""


async def tried(wire: Wire, *, effects_are_seen: bool) -> list[Finding | Observed]:
    """Deliver an event, restart the handler, deliver another meanwhile, and the first again afterwards."""
    handler = wire.handler
    if not handler.choice.thorough:
        return []
    if not handler.restart:
        return [Observed(SUBJECT, "not tried: no --restart-command")]
    if not effects_are_seen:
        return [Observed(SUBJECT, "not tried: no probe shows effects")]
    before = Event(handler.run, "before-restart", handler.choice.base)
    during = Event(handler.run, "during-restart", handler.choice.base)
    promised = handler.choice.base in handler.choice.effects_on
    first = [await _deliver(wire, before)]
    if not good(first[0].status):
        return [Observed(SUBJECT, f"not tried: the event before it was answered {said(first[0].status)}")]
    shown_before = await _counts(wire, before)
    command = asyncio.ensure_future(_restarted(wire))
    meanwhile = await _until_taken(wire, during, command)
    problem = await command
    if problem:
        return [Finding(ACCEPTS, "restart", before.id, Outcome.ERROR, "a restart of the handler", problem)]
    # Looked at before the event comes again: a handler that forgot it would give it another first effect.
    kept = await _counts(wire, before, during)
    first += await _until_taken(wire, before, command)
    repeated = await _counts(wire, before, during)
    if isinstance(shown_before, str) or isinstance(kept, str) or isinstance(repeated, str):
        why = next(counts for counts in (shown_before, kept, repeated) if isinstance(counts, str))
        return [Finding(ACCEPTS, "restart", before.id, Outcome.ERROR, "a probe that is back", why)]
    if not shown_before[before.id] and not promised:
        return [Observed(SUBJECT, "tried; no event with an effect shows what became of it")]
    return [
        *_judged("taken-before-restart", before, first, kept[before.id], repeated[before.id]),
        *_judged("sent-during-restart", during, meanwhile, kept[during.id], repeated[during.id]),
    ]


async def _restarted(wire: Wire) -> str:
    """What went wrong with the restart; empty when nothing did."""
    patience = wire.handler.patience.restart
    try:
        done = await commands.run(wire.handler.restart, patience)
    except OSError as failure:
        return f"the restart command cannot be started: {failure.strerror}"
    if done.code is None:
        return f"the restart command did not end within {patience:g} s"
    return f"the restart command left with exit code {done.code}" if done.code else ""


async def _deliver(wire: Wire, event: Event) -> Attempt:
    """One delivery, signed now as every attempt is."""
    handler = wire.handler
    now = int(handler.clock())
    return await wire.deliver(genuine(event, compact(event.members(now)), handler.secret, now, handler.scheme))


async def _until_taken(wire: Wire, event: Event, command: asyncio.Future[str]) -> list[Attempt]:
    """The attempts to deliver an event until the restart is over and one was taken, or patience ended."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wire.handler.patience.restart
    attempts = [await _deliver(wire, event)]
    while not (command.done() and good(attempts[-1].status)) and attempts[-1].sent and loop.time() < deadline:
        await asyncio.sleep(_BETWEEN)
        attempts.append(await _deliver(wire, event))
    return attempts


async def _counts(wire: Wire, *events: Event) -> dict[str, int] | str:
    """The effects once they rest; a probe that is not back yet is asked again."""
    patience = wire.handler.patience
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience.effects
    counts: dict[str, int] | str = "the probe was not asked"
    while True:
        await asyncio.sleep(patience.quiet)
        previous = counts
        try:
            counts = await wire.counts(event.id for event in events)
        except ProbeError as problem:
            counts = str(problem)
        rests = isinstance(counts, dict) and counts == previous and all(counts.values())
        if rests or loop.time() >= deadline:
            return counts


def _judged(name: str, event: Event, attempts: list[Attempt], kept: int, repeated: int) -> list[Finding]:
    """A lost event is one that was not accepted; one with two effects is a repetition that was not noticed."""
    few = (*attempts[:1], *attempts[1:][-_FEW + 1 :])
    answers = ", ".join(dict.fromkeys(said(attempt.status) for attempt in attempts))
    observed = f"{answers}; {shown(kept)} after the restart, {shown(repeated)} in the end"
    lost = not good(attempts[-1].status) or kept == 0
    judged = {
        ACCEPTS: (not lost, "2xx in the end, and an effect that outlives the restart"),
        DEDUPES: (repeated <= 1, "one effect, however often it came"),
    }
    return [
        Finding(requirement, name, event.id, Outcome.PASS if held else Outcome.FAIL, expected, observed, attempts=few)
        for requirement, (held, expected) in judged.items()
    ]

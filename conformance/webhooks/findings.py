"""From what was tried on a handler to what it shows of each requirement. Pure: everything was sent before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from conformance.journal.records import Outcome
from conformance.webhooks.events import Event
from conformance.webhooks.trials import Certificate, Counts, Finding, Observed, Trial
from conformance.webhooks.under_test import HandlerUnderTest
from conformance.webhooks.vectors import (
    GATE_ONLY,
    IN_TIME,
    REFUSAL,
    REPEATS_TAKEN,
    TYPES,
    Bytes,
    Expect,
    Header,
    Repeat,
    Vector,
    must_take,
)
from conformance.webhooks.vectors_judged import (
    Judged,
    Sight,
    good,
    judge_answers_to_copies,
    judge_disorder,
    judge_refusals,
    judge_repeat,
    judge_times,
    judge_vector,
    pace,
    said,
    shown,
)

DERIVED = (TYPES, REFUSAL, IN_TIME, REPEATS_TAKEN)
"""Requirements on which every delivery bears, not one case."""

SHOWN = 4
"""Deliveries that are shown for a finding drawn from many."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A handler after all trials, with the effects before and after; ``alone`` is a late delivery tried by itself."""

    handler: HandlerUnderTest
    trials: Sequence[Trial]
    before: Counts
    after: Counts
    alone: Trial | None = None

    @property
    def reached(self) -> bool:
        """Whether the handler ever answered."""
        return any(trial.reached for trial in self.trials)

    @property
    def counts(self) -> bool:
        """Whether the probe was seen to count an effect."""
        valid = (t for t in self.trials if isinstance(t.case, Vector) and t.case.expect is Expect.EFFECT)
        return isinstance(self.after, dict) and any(self.after[t.events[0].id] for t in valid)

    def sight(self, event: Event) -> Sight:
        """What the probe shows of an event."""
        return Sight(
            before=self.before[event.id] if isinstance(self.before, dict) else None,
            after=self.after[event.id] if isinstance(self.after, dict) else None,
            counts=self.counts,
            promised=event.type in self.handler.choice.effects_on,
        )


def conclude(seen: Seen) -> Certificate:
    """What the trials show. A handler that never answered yields ``error`` throughout."""
    if not seen.reached:
        return Certificate(tuple(_never_answered(seen)), ())
    found = [finding for trial in seen.trials for finding in _of_trial(seen, trial)]
    found += [*_types(seen), *_refusals(seen), *_times(seen), *_answers_to_copies(seen), *_not_applicable(seen)]
    return Certificate(tuple(found), tuple(_observed(seen)))


def _never_answered(seen: Seen) -> Iterator[Finding]:
    errors = sorted({attempt.error or "" for trial in seen.trials for attempt in trial.attempts})
    told = f"never answered: {'; '.join(errors)}"
    own = [(trial.case.requirement, trial.case.name) for trial in seen.trials if trial.case.requirement]
    shown_by = tuple(attempt for trial in seen.trials for attempt in trial.attempts)[:SHOWN]
    for requirement, name in [*own, *((derived, "every delivery") for derived in DERIVED)]:
        yield Finding(requirement, name, "", Outcome.ERROR, "an answer", told, attempts=shown_by)
    yield from _not_applicable(seen)


def _of_trial(seen: Seen, trial: Trial) -> Iterator[Finding]:
    """What one case shows of its own requirement."""
    case = trial.case
    if isinstance(case, Vector) and case.expect is Expect.NOTHING:
        return
    sights = [seen.sight(event) for event in trial.events]
    if not trial.sent:
        why = next((attempt.error or "" for attempt in trial.attempts), "the handler answered nothing before")
        judged = Judged(Outcome.NOT_EVIDENCED, "an answer", "not sent", why)
    elif isinstance(case, Vector):
        judged = judge_vector(case, trial.statuses[-1], sights[0])
    elif isinstance(case, Repeat):
        if case.type != seen.handler.choice.base and not sights[0].promised and sights[0].effects in (0, None):
            return  # another product's event without an effect says nothing of repetitions
        judged = judge_repeat(case, trial.statuses, sights[0])
    else:
        judged = judge_disorder(case, trial.statuses, _alone(seen), sights)
    yield _finding(seen, case.requirement, case.name, judged, trial)


def _alone(seen: Seen) -> dict[str, int | None]:
    """How each event type was answered when it came valid and by itself."""
    return {
        trial.case.type: trial.statuses[-1]
        for trial in seen.trials
        if must_take(trial.case) and isinstance(trial.case, Vector) and trial.statuses
    }


def _finding(seen: Seen, requirement: str, name: str, judged: Judged, *trials: Trial) -> Finding:
    missing = judged.missing
    if missing and isinstance(seen.after, str) and judged.observed != "not sent":
        missing = f"{missing}: {seen.after}"
    return Finding(
        requirement=requirement,
        name=name,
        event_id=trials[0].events[0].id if len(trials) == 1 else "",
        outcome=judged.outcome,
        expected=judged.expected,
        observed=judged.observed,
        missing=missing,
        attempts=tuple(attempt for trial in trials for attempt in trial.attempts),
    )


def _lacking(requirement: str, name: str, missing: str) -> Finding:
    return Finding(requirement, name, "", Outcome.NOT_EVIDENCED, "", "", missing)


def _types(seen: Seen) -> Iterator[Finding]:
    """Events with an effect were judged by it; that their type is taken at all shows by the status alone."""
    for trial in _vectors(seen, Expect.EFFECT):
        if isinstance(trial.case, Vector) and trial.case.bytes is Bytes.PLAIN and trial.sent:
            taken = good(trial.statuses[-1])
            judged = Judged(Outcome.PASS if taken else Outcome.FAIL, "2xx", said(trial.statuses[-1]))
            yield _finding(seen, TYPES, trial.case.name, judged, trial)


def _vectors(seen: Seen, *expected: Expect) -> list[Trial]:
    return [t for t in seen.trials if isinstance(t.case, Vector) and t.case.expect in expected]


def _refusals(seen: Seen) -> Iterator[Finding]:
    refused = [t for t in _vectors(seen, Expect.REFUSED) if _refused_by_the_handler(t)]
    if not refused:
        yield _lacking(REFUSAL, "refusals", "a delivery that the handler refuses")
        return
    statuses = {trial.case.name: trial.statuses[-1] for trial in refused}
    judged = judge_refusals(statuses)
    wrong = [t for t in refused if f"{t.case.name}: " in judged.observed]
    yield _finding(seen, REFUSAL, "refusals", judged, *(wrong or refused)[:SHOWN])


def _refused_by_the_handler(trial: Trial) -> bool:
    """A header that is no ASCII may end at the server's parser, which answers or hangs up before any handler."""
    parsed = trial.reached or not (isinstance(trial.case, Vector) and trial.case.header is Header.NOT_ASCII)
    return trial.sent and parsed and not good(trial.statuses[-1])


def _times(seen: Seen) -> Iterator[Finding]:
    """A handler that is only late when several deliveries come at once is not late."""
    limit = seen.handler.patience.answer
    tried = [t for t in _vectors(seen, Expect.EFFECT, Expect.TAKEN, Expect.IDLE) if _timed(t)]
    if seen.alone is not None and _timed(seen.alone) and _seconds(seen.alone) <= limit:
        tried = [seen.alone]
    if not tried:
        yield _lacking(IN_TIME, "answers", "an answer to a valid delivery")
        return
    slowest = sorted(tried, key=_seconds, reverse=True)[:SHOWN]
    judged = judge_times({trial.case.name: _seconds(trial) for trial in tried}, limit)
    yield _finding(seen, IN_TIME, "answers", judged, *slowest)


def _timed(trial: Trial) -> bool:
    """Whether it shows how long an answer takes, or that none comes; a broken connection shows neither."""
    return bool(trial.attempts) and (trial.attempts[-1].status is not None or trial.attempts[-1].timed_out)


def _seconds(trial: Trial) -> float:
    return trial.attempts[-1].elapsed


def _answers_to_copies(seen: Seen) -> Iterator[Finding]:
    found = []
    for trial in seen.trials:
        if isinstance(trial.case, Repeat):
            judged = judge_answers_to_copies(trial.case, trial.statuses)
            if judged is not None:
                found.append(_finding(seen, REPEATS_TAKEN, trial.case.name, judged, trial))
    yield from found or [_lacking(REPEATS_TAKEN, "repetitions", "an event that was taken and sent again")]


def _not_applicable(seen: Seen) -> Iterable[Finding]:
    if "gate" in seen.handler.choice.products:
        return []
    told = "only 0Gate sends such events, and the handler is certified for 0Pools"
    return [Finding(name, "product", "", Outcome.NOT_APPLICABLE, "", told) for name in GATE_ONLY]


def _observed(seen: Seen) -> Iterator[Observed]:
    for trial in _vectors(seen, Expect.NOTHING):
        if trial.sent:
            effects = shown(seen.sight(trial.events[0]).effects)
            yield Observed(f"handler: {trial.case.name}", f"{said(trial.statuses[-1])}, {effects}", trial.attempts)
    races = [t for t in seen.trials if isinstance(t.case, Repeat) and t.case.at_once and t.reached]
    if races:
        statuses = ", ".join(sorted({said(status) for trial in races for status in trial.statuses}))
        yield Observed("handler: copies at once", statuses, races[0].attempts[:1])
    tried = [t for t in _vectors(seen, Expect.EFFECT, Expect.TAKEN, Expect.IDLE) if _timed(t)]
    if tried:
        yield Observed("handler: slowest answer", pace(max(map(_seconds, tried))))
    if seen.alone is not None:
        yield Observed("handler: late only when several deliveries came at once", pace(_seconds(seen.alone)))


def after_restart(certificate: Certificate, further: Sequence[Finding | Observed]) -> Certificate:
    """The certificate with what a restart showed."""
    return replace(
        certificate,
        findings=(*certificate.findings, *(item for item in further if isinstance(item, Finding))),
        observed=(*certificate.observed, *(item for item in further if isinstance(item, Observed))),
    )

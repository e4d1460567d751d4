"""What a handler's answers and effects say, as pure functions: status, time and effects in, a judgement out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from conformance.journal.records import Outcome
from conformance.webhooks.vectors import Disorder, Expect, Repeat, Vector

_NO_COUNTING_PROBE: Final = "an effects probe that counts: it showed no effect of any delivery"
_NO_READABLE_PROBE: Final = "an effects probe that can be read"

OWED: Final = {
    Expect.EFFECT: "2xx and exactly one effect",
    Expect.TAKEN: "2xx and at most one effect",
    Expect.IDLE: "2xx and no effect",
    Expect.REFUSED: "no 2xx and no effect",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """What a judgement says; ``missing`` names what was needed where nothing could be decided."""

    outcome: Outcome
    expected: str
    observed: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the probe shows of one event: its effects ``before`` and ``after`` (None: it could not be read).

    ``counts`` says that the probe was seen to count an effect in this run: without that, seeing none proves nothing.
    ``promised`` says that the partner promises an effect of the event's type.
    """

    before: int | None
    after: int | None
    counts: bool
    promised: bool = True

    @property
    def effects(self) -> int | None:
        """How many effects the deliveries had; None where nobody can tell."""
        return None if self.before is None or self.after is None else self.after - self.before


def good(status: int | None) -> bool:
    """Whether a sender counts this answer as taken: any 2xx."""
    return status is not None and 200 <= status <= 299


def judge_vector(vector: Vector, status: int | None, sight: Sight) -> Judged:
    """Judge one delivery by the handler's status (None: no answer) and its effects."""
    expected = f"{OWED[vector.expect]} ({vector.meaning})" if vector.meaning else OWED[vector.expect]
    observed = f"{said(status)}, {shown(sight.effects)}"
    if good(status) is not vector.owes_2xx:
        return Judged(Outcome.FAIL, expected, observed)
    if vector.expect is Expect.TAKEN:
        # Whether it has an effect is open, so that nobody being able to tell leaves the 2xx as it is.
        doubled = sight.effects is not None and sight.effects > 1
        return Judged(Outcome.FAIL if doubled else Outcome.PASS, expected, observed)
    owed = int(vector.expect is Expect.EFFECT)
    return _by_effects(sight, owed, expected, observed)


def judge_repeat(repeat: Repeat, statuses: Sequence[int | None], sight: Sight) -> Judged:
    """Judge repeated deliveries by their effects alone; whether a copy is refused is another requirement's matter."""
    expected = f"one effect for {repeat.copies} copies"
    observed = f"{', '.join(map(said, statuses))}; {shown(sight.effects)}"
    if sight.effects == 0 and not sight.counts:
        return Judged(Outcome.NOT_EVIDENCED, expected, observed, _NO_COUNTING_PROBE)
    return _by_effects(sight, 1, expected, observed)


def judge_answers_to_copies(repeat: Repeat, statuses: Sequence[int | None]) -> Judged | None:
    """Whether copies that came after one had been taken were taken too; None where this shows nothing.

    Of copies that come at once one may be turned away while another is at work: it would be sent again.
    """
    if repeat.at_once:
        return None
    first = next((number for number, status in enumerate(statuses) if good(status)), None)
    if first is None or first + 1 == len(statuses):
        return None
    again = statuses[first + 1 :]
    outcome = Outcome.PASS if all(map(good, again)) else Outcome.FAIL
    return Judged(outcome, "2xx for an event that was taken before", ", ".join(map(said, again)))


def judge_disorder(
    disorder: Disorder, statuses: Sequence[int | None], alone: Mapping[str, int | None], sights: Sequence[Sight]
) -> Judged:
    """Judge events that come in the wrong order; ``alone`` is how each type was answered when it came by itself.

    A handler that refuses a type however it comes has shown nothing about order.
    """
    first, second = disorder.types
    expected = f"2xx for {second} after {first}, and no effect twice"
    observed = "; ".join(
        f"{name}: {said(status)}, {shown(sight.effects)}"
        for name, status, sight in zip(disorder.types, statuses, sights, strict=True)
    )
    if any(sight.effects is not None and sight.effects > 1 for sight in sights):
        return Judged(Outcome.FAIL, expected, observed)
    refused = [name for name, status in zip(disorder.types, statuses, strict=True) if not good(status)]
    if not refused:
        return Judged(Outcome.PASS, expected, observed)
    if all(good(alone.get(name)) for name in refused):
        return Judged(Outcome.FAIL, expected, observed)
    return Judged(Outcome.NOT_EVIDENCED, expected, observed, f"a handler that takes {' and '.join(refused)} at all")


def judge_refusals(statuses: Mapping[str, int | None]) -> Judged:
    """Whether what was not taken was answered 4xx, as the pages have it; ``statuses`` by the name of the vector."""
    otherwise = [f"{name}: {said(status)}" for name, status in statuses.items() if not _fault_of_the_sender(status)]
    observed = "; ".join(otherwise) or f"4xx to each of {len(statuses)}"
    return Judged(Outcome.FAIL if otherwise else Outcome.PASS, "400 or 401, at any rate 4xx", observed)


def judge_times(seconds: Mapping[str, float], limit: float) -> Judged:
    """Whether every answer was there while the sender still waits; seconds by the name of the vector."""
    slowest = max(seconds, key=lambda name: seconds[name])
    late = [f"{name} after {spent:.1f} s" for name, spent in seconds.items() if spent > limit]
    observed = "; ".join(late[:4]) or f"the slowest of {len(seconds)}, {slowest}, after {seconds[slowest]:.2f} s"
    return Judged(Outcome.FAIL if late else Outcome.PASS, f"an answer within {limit:g} s", observed)


def said(status: int | None) -> str:
    """A status in words."""
    return "no answer" if status is None else str(status)


def shown(effects: int | None) -> str:
    """A count of effects in words."""
    if effects is None:
        return "effects unknown"
    return {0: "no effect", 1: "1 effect"}.get(effects, f"{effects} effects")


def pace(seconds: float) -> str:
    """How quick an answer was, coarse enough to be the same from run to run."""
    for limit, words in ((1, "under 1 s"), (3, "1 to 3 s"), (10, "3 to 10 s")):
        if seconds < limit:
            return words
    return "10 s or more"


def _fault_of_the_sender(status: int | None) -> bool:
    return status is not None and 400 <= status <= 499


def _by_effects(sight: Sight, owed: int, expected: str, observed: str) -> Judged:
    if sight.effects is None:
        return Judged(Outcome.NOT_EVIDENCED, expected, observed, _NO_READABLE_PROBE)
    if owed and not sight.promised and sight.effects == 0:
        missing = "the event types that have an effect at the handler: name one with --effects-on"
        return Judged(Outcome.NOT_EVIDENCED, expected, observed, missing)
    if sight.effects != owed:
        return Judged(Outcome.FAIL, expected, observed)
    if not sight.counts:
        return Judged(Outcome.NOT_EVIDENCED, expected, observed, _NO_COUNTING_PROBE)
    return Judged(Outcome.PASS, expected, observed)

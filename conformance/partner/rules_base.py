"""What every rule over traffic is made of: its requirement, the least evidence it needs, and what it found."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from conformance.journal import Outcome
from conformance.partner.traffic import Call, Kind, Traffic

TOLD = 25
"""Breaches of one requirement that are told; a loop of thousands is one."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One departure from a requirement and the calls that show it."""

    observed: str
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a recording shows of one requirement."""

    shown: Sequence[Call] = ()
    """Calls that meet it; with fewer than the least evidence, none."""
    broken: Sequence[Breach] = ()
    applies: bool = True
    """Whether the recording uses what the requirement is about at all."""
    unclear: str = ""
    """Why calls that could have been evidence are none."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One requirement as a pure function of the traffic."""

    requirement: str
    expected: str
    evidence: str
    """The least that must be in a recording before it can pass."""
    look: Callable[[Traffic], Seen]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one rule says of one recording, ready to be written down as a judgement."""

    requirement: str
    outcome: Outcome
    expected: str
    observed: str
    calls: tuple[Call, ...] = ()
    missing: str = ""


def apply(rule: Rule, traffic: Traffic) -> list[Ruling]:
    """The rulings of one rule: each breach, or one pass, or why there is neither."""
    seen = rule.look(traffic)
    name, expected = rule.requirement, rule.expected
    if seen.broken:
        told = seen.broken[:TOLD]
        return [Ruling(name, Outcome.FAIL, expected, _located(breach), breach.calls) for breach in told]
    if not seen.applies:
        return [Ruling(name, Outcome.NOT_APPLICABLE, expected, "the recording uses nothing it is about")]
    if seen.unclear:
        return [Ruling(name, Outcome.NOT_EVIDENCED, expected, "", missing=seen.unclear)]
    if not seen.shown:
        return [Ruling(name, Outcome.NOT_EVIDENCED, expected, "", missing=f"the recording would need {rule.evidence}")]
    number = len(seen.shown)
    return [
        Ruling(name, Outcome.PASS, expected, f"shown by {number} call{'' if number == 1 else 's'}", tuple(seen.shown))
    ]


def _located(breach: Breach) -> str:
    """What was observed, and where in the recording."""
    numbers = " and ".join(dict.fromkeys(str(call.number) for call in breach.calls))
    return f"{breach.observed} (entry {numbers})"


def grouped(calls: Iterable[Call], of: Callable[[Call], Hashable | None]) -> list[list[Call]]:
    """The calls by what ``of`` says of each, in order; those it says None of are left out."""
    found: dict[Hashable, list[Call]] = {}
    for call in calls:
        name = of(call)
        if name is not None:
            found.setdefault(name, []).append(call)
    return list(found.values())


def same_request(call: Call) -> Hashable | None:
    """What equal requests of one sender have in common; None where that cannot be told.

    A publishable key is in every visitor's browser, so equal requests with it have many senders.
    """
    if call.request is None or call.key.kind is Kind.PUBLISHABLE:
        return None
    return call.target, call.request.digest, call.key.identity


def chains(calls: Sequence[Call], goes_on: Callable[[Call, Call], bool]) -> list[list[Call]]:
    """Runs of calls, each sent after the answer to the one before it, for as long as ``goes_on`` holds of the two."""
    found: list[list[Call]] = []
    for call in calls:
        if found and call.after(found[-1][-1]) and goes_on(found[-1][-1], call):
            found[-1].append(call)
        else:
            found.append([call])
    return found


def gap(before: Call, after: Call) -> float:
    """Seconds between an answer and the next request."""
    return after.started - (before.ended if before.ended is not None else before.started)


def followed(calls: Iterable[Call], traffic: Traffic) -> list[Call]:
    """Those of ``calls`` after which the recording goes on, so that it shows what came of them."""
    last = traffic.calls[-1] if traffic.calls else None
    return [call for call in calls if last is not None and last.after(call)]


__all__ = ["Breach", "Rule", "Ruling", "Seen", "apply", "chains", "followed", "gap", "grouped", "same_request"]

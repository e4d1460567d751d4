"""The launch line: which of the eight published steps a run proves. It stands beside the verdict.

Scope, tier and selection cannot shorten the list of what a step takes (design, section 3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from conformance.evidence.per_requirement import RequirementVerdict, Status
from conformance.evidence.text import clip, one_line
from conformance.requirements import Level
from conformance.requirements.catalogue import STEPS


class StepState(StrEnum):
    """What a run says of one step."""

    PROVED = "proved"
    FAILED = "failed"
    NOT_PROVED = "not proved"


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that was missing, who could provide it, and the requirements that stay open without it."""

    missing: str
    provider: str
    requirements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepVerdict:
    """One step of the published smoke test plan."""

    number: int
    title: str
    state: StepState
    failed: tuple[str, ...]
    gaps: tuple[Gap, ...]
    musts: int
    """How many requirements prove it, whatever the run's scope and selection."""
    proved: int
    """How many of them passed."""
    neutral: int
    """How many of them do not apply to this target."""


def gaps(verdicts: Iterable[RequirementVerdict]) -> tuple[Gap, ...]:
    """What kept these requirements from being evidenced, the widest gap first."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for verdict in verdicts:
        grouped.setdefault((_missing(verdict), verdict.provider), []).append(verdict.requirement.id)
    found = [Gap(missing, provider, tuple(ids)) for (missing, provider), ids in grouped.items()]
    return tuple(sorted(found, key=lambda gap: -len(gap.requirements)))


def steps(verdicts: Sequence[RequirementVerdict]) -> tuple[StepVerdict, ...]:
    """All eight steps, from the verdicts on the whole catalogue."""
    return tuple(_step(number, title, verdicts) for number, title in STEPS.items())


def _step(number: int, title: str, verdicts: Sequence[RequirementVerdict]) -> StepVerdict:
    musts = [
        v
        for v in verdicts
        if v.requirement.step == number and v.requirement.level is Level.MUST and not v.requirement.provisional
    ]
    # An excused failure is still a failure of the step: the excuse concerns the verdict, not what was proved.
    failed = tuple(v.requirement.id for v in musts if v.status in (Status.FAIL, Status.EXCUSED))
    passed = [v for v in musts if v.status in (Status.PASS, Status.WARN)]
    neutral = [v for v in musts if v.status is Status.NOT_APPLICABLE]
    pending = [v for v in musts if v.status in (Status.NOT_EVIDENCED, Status.ERROR)]
    if failed:
        state = StepState.FAILED
    elif passed and not pending:
        state = StepState.PROVED
    else:
        state = StepState.NOT_PROVED
        pending = pending or neutral
    return StepVerdict(number, title, state, failed, gaps(pending), len(musts), len(passed), len(neutral))


def _missing(verdict: RequirementVerdict) -> str:
    if verdict.status is Status.NOT_APPLICABLE:
        return "not applicable to this target"
    if verdict.status is not Status.ERROR:
        return verdict.missing
    said = next((j.observed for j in verdict.decided if j.observed), verdict.missing)
    return f"error: {clip(one_line(said), 160) or 'not said'}"

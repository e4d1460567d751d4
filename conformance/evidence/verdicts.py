"""The verdict on a run, made from its journal and the catalogue alone.

Pure: no file, no clock, no network. Writing it down is the writers' business.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from conformance.evidence import launch
from conformance.evidence.launch import StepState, StepVerdict
from conformance.evidence.per_requirement import (
    Circumstances,
    KnownFailure,
    RequirementVerdict,
    Selection,
    Status,
    decide,
)
from conformance.evidence.text import clip, count, one_line
from conformance.journal import Judgement, Observation, Outcome, Reading, RunRecord
from conformance.requirements import PRODUCTS, Catalogue, Level, Scope

RECORDED = frozenset(product for product, command in PRODUCTS.items() if command in ("judge", "reconcile"))
"""What is judged from a partner's recordings and books."""


class RunStatus(StrEnum):
    """What a run concludes, in the order the rows of the table are tried; the first and the last never reach
    a journal.
    """

    USAGE_ERROR = "USAGE ERROR"
    NONCONFORMANT = "NONCONFORMANT"
    INCONCLUSIVE = "INCONCLUSIVE"
    INCOMPLETE = "INCOMPLETE"
    PARTIAL = "PARTIAL"
    CONFORMANT_WITH_EXCEPTIONS = "CONFORMANT WITH EXCEPTIONS"
    CONFORMANT = "CONFORMANT"
    INTERRUPTED = "INTERRUPTED"

    @property
    def exit_code(self) -> int:
        """The process exit code that stands for it."""
        return _EXIT_CODES[self]


_EXIT_CODES = {
    RunStatus.USAGE_ERROR: 2,
    RunStatus.NONCONFORMANT: 1,
    RunStatus.INCONCLUSIVE: 4,
    RunStatus.INCOMPLETE: 3,
    RunStatus.PARTIAL: 0,
    RunStatus.CONFORMANT_WITH_EXCEPTIONS: 5,
    RunStatus.CONFORMANT: 0,
    RunStatus.INTERRUPTED: 130,
}


@dataclass(frozen=True, slots=True)
class Reason:
    """One line saying why a row of the verdict table applies."""

    status: RunStatus
    text: str


@dataclass(frozen=True, slots=True)
class RunVerdict:
    """Everything a run concludes. ``reasons`` holds every row that applies; the first of them decided."""

    run: RunRecord
    status: RunStatus
    reasons: tuple[Reason, ...]
    requirements: tuple[RequirementVerdict, ...]
    steps: tuple[StepVerdict, ...]
    launch_evidence: bool
    launch_line: str
    sealed: bool
    finished: str
    problems: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """The process exit code of the run."""
        return self.status.exit_code

    def of_status(self, *statuses: Status) -> list[RequirementVerdict]:
        """The requirements that ended in one of these, in catalogue order."""
        return [v for v in self.requirements if v.status in statuses]


def judge(reading: Reading, catalogue: Catalogue) -> RunVerdict:
    """The verdict the journal supports. Raises ``ValueError`` when it holds no run record."""
    runs = reading.of(RunRecord)
    if not runs:
        raise ValueError("the journal holds no run record, so nothing says what was judged")
    run = runs[0]
    catalogue = catalogue.of(run.products)
    grouped: dict[str, list[Judgement]] = {}
    for judgement in reading.of(Judgement):
        grouped.setdefault(judgement.requirement, []).append(judgement)
    # A judgement without a requirement speaks of the whole run: preflight found that nothing can be tried.
    trouble = [j for j in grouped.pop("", []) if j.outcome in (Outcome.ERROR, Outcome.FAIL)]
    selection = Selection.of(run, catalogue.requirements)
    around = Circumstances(
        strict=run.strict,
        sealed=reading.sealed,
        scope=Scope(run.scope),
        selection=selection,
        trouble="; ".join(dict.fromkeys(clip(one_line(j.observed), 300) or "not said" for j in trouble)),
        today=datetime.fromisoformat(run.started).date(),
        warned=frozenset(o.requirement for o in reading.of(Observation) if o.warn),
    )
    known = KnownFailure.of(run)
    # Beside an environment a partner answers for what any working integration shows; a breach counts in any scope.
    beside = dataclasses.replace(around, scope=Scope.PARTNER) if "wire" in run.products else around
    verdicts = tuple(
        decide(r, grouped.get(r.id, ()), known, beside if r.product in RECORDED else around) for r in catalogue
    )
    unknown = sorted(grouped.keys() - catalogue.requirements.keys())
    decisive = (
        *_nonconformant(verdicts, known, around),
        *_inconclusive(verdicts, unknown, around),
        *_incomplete(verdicts, reading),
        *_partial(verdicts, selection),
    )
    reasons = decisive or _conformant(verdicts)
    status = reasons[0].status
    # A run that answers for no step at all (a recording, order records) is not 0 of 8: it was never about them.
    steps = launch.steps(verdicts) if any(v.requirement.step for v in verdicts) else ()
    obstacles = _obstacles(run, status, selection, reading.sealed, steps)
    return RunVerdict(
        run=run,
        status=status,
        reasons=reasons,
        requirements=verdicts,
        steps=steps,
        launch_evidence=not obstacles,
        launch_line=_launch_line(steps, obstacles) if steps else _beside_launch(run),
        sealed=reading.sealed,
        finished=reading.finished,
        problems=reading.problems,
    )


def _named(verdicts: Sequence[RequirementVerdict], limit: int = 6) -> str:
    ids = [v.requirement.id for v in verdicts]
    more = f" and {len(ids) - limit} more" if len(ids) > limit else ""
    return ", ".join(ids[:limit]) + more


def _nonconformant(
    verdicts: Sequence[RequirementVerdict], known: Sequence[KnownFailure], around: Circumstances
) -> list[Reason]:
    """A failed must, in scope or not, and every entry of the known failures that no longer holds."""
    failed = [
        v
        for v in verdicts
        if v.status is Status.FAIL and v.requirement.level is Level.MUST and not v.requirement.provisional
    ]
    lines = [f"{count(len(failed), 'must requirement')} failed: {_named(failed)}"] if failed else []
    status_of = {v.requirement.id: v.status for v in verdicts}
    for entry in known:
        where = f"the known failure of {one_line(entry.requirement)} (owner {one_line(entry.owner) or 'unnamed'})"
        if entry.requirement not in status_of:
            lines.append(f"{where} names no requirement of the catalogue: correct or remove the entry")
        elif entry.expired(around.today):
            lines.append(f"{where} expired ({one_line(entry.expires) or 'no date'}): fix it or renew the entry")
        elif status_of[entry.requirement] is Status.PASS:
            lines.append(f"{where} passes now: remove the entry")
    return [Reason(RunStatus.NONCONFORMANT, line) for line in lines]


def _inconclusive(
    verdicts: Sequence[RequirementVerdict], unknown: Sequence[str], around: Circumstances
) -> list[Reason]:
    """The network's or the harness's fault, or nothing to go by."""
    lines = [around.trouble] if around.trouble else []
    errors = [v for v in verdicts if v.status is Status.ERROR and not v.requirement.provisional]
    if errors:
        lines.append(f"{count(len(errors), 'requirement')} ended in an error of harness or network: {_named(errors)}")
    if unknown:
        listed = ", ".join(one_line(name) for name in unknown[:6])
        lines.append(f"the journal judges what this catalogue does not know: {listed}")
    told = (Status.PASS, Status.FAIL, Status.WARN, Status.EXCUSED)
    if not any(v.selected and v.status in told for v in verdicts):
        lines.append("nothing was judged")
    return [Reason(RunStatus.INCONCLUSIVE, line) for line in lines]


def _incomplete(verdicts: Sequence[RequirementVerdict], reading: Reading) -> list[Reason]:
    """A record that is not whole, or a must of the required set without evidence."""
    lines = [f"the journal is damaged: {one_line(problem)}" for problem in reading.problems]
    if not reading.sealed and not reading.problems:
        lines.append("the run did not end: its journal has no seal, so the record is incomplete")
    open_musts = [
        v for v in verdicts if v.required and v.status is Status.NOT_EVIDENCED and v.requirement.level is Level.MUST
    ]
    if open_musts:
        what = count(len(open_musts), "must requirement")
        lines.append(f"{what} in scope not evidenced: {_named(open_musts)}")
    return [Reason(RunStatus.INCOMPLETE, line) for line in lines]


def _score(verdicts: Sequence[RequirementVerdict]) -> str:
    required = [v for v in verdicts if v.required]
    passed = sum(v.status in (Status.PASS, Status.WARN) for v in required)
    beside = sum(v.status is Status.NOT_APPLICABLE for v in required)
    rest = f", {beside} {'does' if beside == 1 else 'do'} not apply" if beside else ""
    return f"{passed} of {count(len(required), 'required requirement')} passed{rest}"


def _excused(verdicts: Sequence[RequirementVerdict]) -> str:
    excused = [v for v in verdicts if v.status is Status.EXCUSED]
    return f"{count(len(excused), 'known failure')} excused: {_named(excused)}" if excused else ""


def _partial(verdicts: Sequence[RequirementVerdict], selection: Selection) -> list[Reason]:
    """A selection never makes a claim about the whole, whatever passed or was excused in it."""
    if not selection.limited:
        return []
    parts = ("only a selection was tried", _score(verdicts), _excused(verdicts), "never launch evidence")
    return [Reason(RunStatus.PARTIAL, "; ".join(filter(None, parts)))]


def _conformant(verdicts: Sequence[RequirementVerdict]) -> tuple[Reason, ...]:
    excused = _excused(verdicts)
    if excused:
        return (Reason(RunStatus.CONFORMANT_WITH_EXCEPTIONS, f"{excused}; {_score(verdicts)}"),)
    return (Reason(RunStatus.CONFORMANT, _score(verdicts)),)


def _obstacles(
    run: RunRecord, status: RunStatus, selection: Selection, sealed: bool, steps: Sequence[StepVerdict]
) -> list[str]:
    """Why this run is not launch evidence; empty when it is."""
    found = []
    if not steps or any(step.state is not StepState.PROVED for step in steps):
        found.append("not every step is proved")
    if run.embedded:
        found.append("the embedded sandbox proves the harness, not an environment")
    if selection.limited:
        found.append("only a selection was tried")
    if not sealed:
        found.append("the journal is not whole")
    if status in (RunStatus.NONCONFORMANT, RunStatus.INCONCLUSIVE):
        found.append(f"the run is {status}")
    return found


def _beside_launch(run: RunRecord) -> str:
    return f"this run answers for {' and '.join(run.products)} only, so the eight steps are not in question"


def _launch_line(steps: Sequence[StepVerdict], obstacles: Sequence[str]) -> str:
    proved = sum(step.state is StepState.PROVED for step in steps)
    failed = sum(step.state is StepState.FAILED for step in steps)
    line = f"{proved} of {len(steps)} steps proved" + (f", {failed} failed" if failed else "")
    if obstacles:
        return f"{line}; not launch evidence: {'; '.join(obstacles)}"
    return f"{line}; this run is launch evidence"

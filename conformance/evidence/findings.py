"""What went wrong, ready to be told: the judgements behind each failing requirement, alike ones told once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from conformance.evidence.curl import curl, rerun
from conformance.evidence.per_requirement import RequirementVerdict, Status
from conformance.evidence.verdicts import RunVerdict
from conformance.journal import Exchange, Judgement
from conformance.requirements import Level

CASES = 5
"""How many different cases of one requirement are told in full; the count of the others is."""

EXCHANGES = 12
"""How many exchanges of one case are shown."""

_ORDER = (Status.FAIL, Status.ERROR, Status.EXCUSED, Status.WARN)


@dataclass(frozen=True, slots=True)
class Request:
    """One exchange of a case with the command that repeats it."""

    exchange: Exchange
    curl: str


@dataclass(frozen=True, slots=True)
class Case:
    """One way a requirement was broken. ``count`` judgements said the same; ``judgement`` is the first of
    them.
    """

    judgement: Judgement
    count: int
    requests: tuple[Request, ...]
    unshown: int
    """How many further exchanges it refers to, not shown or not in the journal."""
    replay: str = ""
    """The replay file of this case below the run folder; empty where it has none."""

    @property
    def request_ids(self) -> tuple[str, ...]:
        """What support can look up."""
        return tuple(dict.fromkeys(r.exchange.request_id for r in self.requests if r.exchange.request_id))


@dataclass(frozen=True, slots=True)
class Finding:
    """One requirement that did not simply pass, with its cases and the command that tries it again."""

    verdict: RequirementVerdict
    cases: tuple[Case, ...]
    untold: int
    """How many further different cases there are."""
    rerun: str

    @property
    def id(self) -> str:
        """The requirement's id."""
        return self.verdict.requirement.id

    @property
    def status(self) -> Status:
        """The requirement's status."""
        return self.verdict.status


def findings(verdict: RunVerdict, exchanges: Mapping[str, Exchange]) -> tuple[Finding, ...]:
    """Everything with a story, failures of musts first, then errors, excused failures and warnings.

    What no scenario judged has none; it is among the gaps.
    """
    chosen = sorted((v for v in verdict.of_status(*_ORDER) if v.judgements), key=_rank)
    return tuple(_finding(v, verdict, exchanges) for v in chosen)


def _rank(verdict: RequirementVerdict) -> tuple[int, bool, bool]:
    requirement = verdict.requirement
    return _ORDER.index(verdict.status), requirement.provisional, requirement.level is not Level.MUST


def _finding(verdict: RequirementVerdict, run: RunVerdict, exchanges: Mapping[str, Exchange]) -> Finding:
    alike: dict[tuple[str, str], list[Judgement]] = {}
    for judgement in verdict.decided:
        alike.setdefault((judgement.expected, judgement.observed), []).append(judgement)
    # The case with the shortest story is the easiest to understand, so it is told first.
    told = sorted(alike.values(), key=lambda group: (not group[0].exchanges, len(group[0].steps)))
    cases = tuple(_case(group, run, exchanges) for group in told[:CASES])
    return Finding(verdict, cases, max(0, len(told) - CASES), rerun(run.run, verdict.requirement.id))


def _case(alike: list[Judgement], run: RunVerdict, exchanges: Mapping[str, Exchange]) -> Case:
    first = alike[0]
    present = [exchanges[name] for name in first.exchanges if name in exchanges]
    shown = present[-EXCHANGES:]
    requests = tuple(Request(exchange, curl(exchange, run.run.variables)) for exchange in shown)
    return Case(first, len(alike), requests, len(first.exchanges) - len(shown))

"""The verdict on one requirement, made from all the journal says about it. The run's verdict is next door."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from conformance.journal import Judgement, Outcome, RunRecord
from conformance.requirements import Requirement, Scope

OUTSIDE = "outside the selection of this run"


class Status(StrEnum):
    """What a run says of one requirement."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    WARN = "warn"
    NOT_APPLICABLE = "not-applicable"
    NOT_EVIDENCED = "not-evidenced"
    EXCUSED = "excused"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class RequirementVerdict:
    """One requirement as this run leaves it."""

    requirement: Requirement
    status: Status
    judgements: tuple[Judgement, ...]
    missing: str
    """What would have been needed for what was not evidenced, also beside a pass that left a part open."""
    provider: str
    note: str
    """Why the status is not simply what the judgements say: the excuse, or the departure from a guess."""
    exchanges: int
    """How many distinct exchanges its judgements rest on."""
    engines: tuple[str, ...]
    selected: bool
    """Whether the run was asked for it."""
    required: bool
    """Whether it is scored as missing when not evidenced: selected, in scope and not provisional."""

    @property
    def decided(self) -> tuple[Judgement, ...]:
        """The judgements behind a status other than pass: the failing ones, else those in error."""
        failed = tuple(j for j in self.judgements if j.outcome is Outcome.FAIL)
        return failed or tuple(j for j in self.judgements if j.outcome is Outcome.ERROR)

    @property
    def unevidenced(self) -> bool:
        """Whether it was asked for and nothing was found out: something lacked, or nobody tried."""
        silent = self.status is Status.ERROR and not self.judgements
        return self.selected and (silent or self.status is Status.NOT_EVIDENCED)


@dataclass(frozen=True, slots=True)
class KnownFailure:
    """An entry of the known-failures file: this requirement fails, we know, and until this day that is
    excused.
    """

    requirement: str
    reason: str
    owner: str
    expires: str

    @classmethod
    def of(cls, run: RunRecord) -> list[KnownFailure]:
        """The entries the run was started with."""
        names = ("requirement", "reason", "owner", "expires")
        return [cls(**{name: entry.get(name, "") for name in names}) for entry in run.known_failures]

    def expired(self, today: date) -> bool:
        """Whether its last day has passed; a day nobody can read excuses nothing."""
        try:
            return date.fromisoformat(self.expires) < today
        except ValueError:
            return True


@dataclass(frozen=True, slots=True)
class Selection:
    """How much of the catalogue a run was asked for, from ``RunRecord.selection`` and its tier.

    An entry is a requirement id or ``step N``. Anything else (``shard 1/4``) limits the run in a way only the
    runner can resolve; then a requirement nobody judged counts as not selected.
    """

    named: frozenset[str]
    steps: frozenset[int]
    smoke: bool
    opaque: bool

    @classmethod
    def of(cls, run: RunRecord, known: Iterable[str]) -> Selection:
        """The selection of a run, given the ids of the catalogue."""
        ids, named, steps, opaque = set(known), set(), set(), False
        for entry in run.selection:
            step = re.fullmatch(r"step[ :=]?(\d+)", entry)
            if step:
                steps.add(int(step[1]))
            elif entry in ids:
                named.add(entry)
            else:
                opaque = True
        return cls(frozenset(named), frozenset(steps), run.tier == "smoke", opaque)

    @property
    def limited(self) -> bool:
        """Whether anything was left out on purpose."""
        return bool(self.named or self.steps or self.smoke or self.opaque)

    def includes(self, requirement: Requirement, judged: bool) -> bool:
        """Whether the run was asked for this requirement."""
        if self.opaque and not judged:
            return False
        if self.named or self.steps:
            return requirement.id in self.named or requirement.step in self.steps
        return requirement.step is not None if self.smoke else True


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What bears on every requirement of a run alike."""

    strict: bool
    sealed: bool
    scope: Scope
    selection: Selection
    trouble: str
    """Why nothing was tried (preflight), empty when the run went ahead."""
    today: date
    warned: frozenset[str]
    """Requirements with an observed departure from a guess."""


def decide(
    requirement: Requirement,
    judgements: Sequence[Judgement],
    known: Sequence[KnownFailure],
    around: Circumstances,
) -> RequirementVerdict:
    """The verdict on one requirement (design, section 3: a skip is never a pass, a guess never fails a
    target).
    """
    selected = around.selection.includes(requirement, bool(judgements))
    in_scope = around.scope is Scope.OPERATOR or requirement.scope is Scope.PARTNER
    wanted = in_scope or requirement.id in around.selection.named
    status, note = _status(requirement, judgements, around)
    missing, provider = _lacking(requirement, judgements)
    if not judgements:
        status, missing, provider = _unjudged(requirement, selected, wanted, around)
    if status is Status.FAIL:
        for entry in known:
            if entry.requirement == requirement.id and not entry.expired(around.today):
                status, note = Status.EXCUSED, f"{entry.reason} (owner {entry.owner}, until {entry.expires})"
                break
    return RequirementVerdict(
        requirement=requirement,
        status=status,
        judgements=tuple(judgements),
        missing=missing,
        provider=provider,
        note=note,
        exchanges=len({exchange for judgement in judgements for exchange in judgement.exchanges}),
        engines=tuple(sorted({str(judgement.engine) for judgement in judgements})),
        selected=selected,
        required=selected and wanted and not requirement.provisional,
    )


def _status(requirement: Requirement, judgements: Sequence[Judgement], around: Circumstances) -> tuple[Status, str]:
    outcomes = {judgement.outcome for judgement in judgements}
    note = ""
    guess_broken = Outcome.FAIL in outcomes and not requirement.may_fail
    if guess_broken:
        outcomes = outcomes - {Outcome.FAIL} | {Outcome.PASS}
        note = "departs from what we inferred; no source states it, so it does not fail"
    ranked = (
        (Outcome.FAIL, Status.FAIL),
        (Outcome.ERROR, Status.ERROR),
        (Outcome.PASS, Status.PASS),
        (Outcome.NOT_APPLICABLE, Status.NOT_APPLICABLE),
    )
    status = next((status for outcome, status in ranked if outcome in outcomes), Status.NOT_EVIDENCED)
    if status is Status.PASS and around.strict and (guess_broken or requirement.id in around.warned):
        return Status.WARN, note or "departs from what we inferred; the profile asks for strictness"
    return status, note


def _unjudged(requirement: Requirement, selected: bool, wanted: bool, around: Circumstances) -> tuple[Status, str, str]:
    """What to make of silence: the run stopped, it was not asked, it could not, or the harness forgot."""
    if not selected:
        return Status.NOT_EVIDENCED, OUTSIDE, ""
    if around.trouble:
        return Status.NOT_EVIDENCED, f"nothing was tried: {around.trouble}", ""
    if not around.sealed:
        return Status.NOT_EVIDENCED, "the run ended before it was tried", ""
    if not wanted and requirement.needs:
        return Status.NOT_EVIDENCED, *needed(requirement)
    return Status.ERROR, "no scenario judged it", ""


def _lacking(requirement: Requirement, judgements: Sequence[Judgement]) -> tuple[str, str]:
    open_parts = [j for j in judgements if j.outcome is Outcome.NOT_EVIDENCED]
    if not open_parts:
        return "", ""
    words, fallback_provider = needed(requirement)
    missing = dict.fromkeys(j.missing or j.observed or words for j in open_parts)
    providers = dict.fromkeys(j.provider or fallback_provider for j in open_parts)
    return "; ".join(filter(None, missing)) or "not said", ", ".join(filter(None, providers))


_NEEDS = {
    "approval": ("no approval record", "partner"),
    "publishable_key": ("no publishable key", "partner"),
    "webhooks": ("no webhook receiver the target delivers to", "profile author"),
    "gate_webhooks": ("no webhook receiver 0Gate delivers to", "profile author"),
    "gate_retries": ("no promise of when a failed delivery comes again", "operator"),
    "gate_dead_letters": ("no promise of when a delivery is given up", "operator"),
    "gate_timeouts": ("no promise of when an attempt without an answer has failed", "operator"),
    "rails": ("no account with the rails entitlement", "operator"),
    "customers": ("no account with customer records", "operator"),
    "origin": ("no allowed origin", "partner"),
    "handler": ("no handler given", "partner"),
    "cards": ("no card program given", "partner"),
}


def needed(requirement: Requirement) -> tuple[str, str]:
    """What proving a requirement takes beyond one secret key, in words, and who could provide it."""
    missing, providers = [], []
    for need in requirement.needs:
        kind, _, name = need.partition(":")
        if kind == "account":
            words, provider = f"no account of standing {name}", "operator"
        elif kind == "outcome":
            words, provider = f"no recipe for the outcome {name}", "operator"
        else:
            words, provider = _NEEDS.get(need, (f"no {need}", ""))
        missing.append(words)
        providers.append(provider)
    return "; ".join(missing), ", ".join(dict.fromkeys(filter(None, providers)))

"""How a scenario says what it found: one judgement per requirement into the journal, never a bare assert.

A scenario declares what it judges. What it declared and did not judge is settled here when it ends, so that nothing
falls between: stopped by a failure, by the network, or by a defect of ours.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from conformance.client import Context, NetworkTrouble, Redactor, Refused, Reply
from conformance.journal import Engine, Journal, Judgement, Observation, Outcome
from conformance.requirements import Catalogue

F = TypeVar("F", bound=Callable[..., Any])

MARK = "scenario"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a scenario promises: the requirements it judges, when it runs and what it cannot do without."""

    judges: tuple[str, ...]
    smoke: bool = False
    last: bool = False
    needs: tuple[str, ...] = ()
    engine: Engine = Engine.SCENARIO
    parks: Callable[[Any], object] | None = None
    trades: int = 0
    """The most trades it charges to the limits. A transact that must be refused is charged too: it may not be. State
    machines state none: they make do with what the limits leave them."""
    reads_only: bool = False
    """Whether it changes nothing at the target, and so may be tried in production."""


def scenario(
    *judges: str,
    smoke: bool = False,
    last: bool = False,
    needs: Sequence[str] = (),
    engine: Engine = Engine.SCENARIO,
    parks: Callable[[Any], object] | None = None,
    trades: int = 0,
    reads_only: bool = False,
) -> Callable[[F], F]:
    """Declare a scenario: the requirement ids it judges, and what it needs (``account:NAME``, ``outcome:NAME``, …).

    ``smoke`` puts it into the smoke tier; ``last`` runs it after all others of its process. ``parks`` is called with
    the bench before anything else runs, and what it returns is the scenario's ``parked`` fixture: quotes that must
    grow old while other work goes on. ``trades`` and ``reads_only`` are what ``Declaration`` says they are.
    """
    parks = parks and once_more(parks)
    declaration = Declaration(judges, smoke, last, tuple(needs), engine, parks, trades, reads_only)
    mark = getattr(pytest.mark, MARK)(declaration)

    def decorate(test: F) -> F:
        decorated: F = mark(once_more(test))
        return decorated

    return decorate


def once_more(scenario: F) -> F:
    """``scenario``, begun a second time when one lost answer ended the first.

    Not every request may be repeated by itself (a reject, a transact without a key), but all of it may, with objects of
    its own. A target that has stopped answering is not tried again.
    """

    @functools.wraps(scenario)
    def tried(*args: Any, **kwargs: Any) -> Any:
        try:
            return scenario(*args, **kwargs)
        except NetworkTrouble as trouble:
            judge = inspect.signature(scenario).bind(*args, **kwargs).arguments.get("judge")
            if trouble.persistent or (judge is not None and judge.failures):
                raise
        return scenario(*args, **kwargs)

    return tried  # type: ignore[return-value]


class Halt(Exception):
    """The scenario cannot go on: what it would build on did not hold."""


class Violation(Exception):
    """A requirement broken inside a state machine; Hypothesis shrinks the way to it before it is recorded."""

    def __init__(self, requirement: str, expected: str, observed: str, exchanges: Sequence[str] = ()) -> None:
        super().__init__(f"{requirement}: expected {expected}; observed {observed}")
        self.requirement = requirement
        self.expected = expected
        self.observed = observed
        self.exchanges = tuple(exchanges)


@dataclass
class Judge:
    """The voice of one scenario. ``failures`` lists the requirements it found broken."""

    journal: Journal
    catalogue: Catalogue
    redactor: Redactor
    context: Context
    declared: tuple[str, ...]
    failures: list[str] = field(default_factory=list)
    _judged: set[str] = field(default_factory=set)

    def check(
        self,
        requirement: str,
        ok: bool,
        expected: str,
        observed: str,
        *seen: Reply | str,
        steps: Sequence[str] = (),
        nondeterministic: bool = False,
    ) -> bool:
        """Record whether ``requirement`` held, with the exchanges that show it. Returns ``ok``."""
        self._record(
            requirement,
            Outcome.PASS if ok else Outcome.FAIL,
            expected=expected,
            observed=observed,
            exchanges=exchange_ids(seen),
            steps=tuple(steps),
            nondeterministic=nondeterministic,
        )
        if not ok:
            self.failures.append(requirement)
        return ok

    def require(self, requirement: str, ok: bool, expected: str, observed: str, *seen: Reply | str) -> None:
        """``check``, and stop the scenario when it did not hold. Raises ``Halt``."""
        if not self.check(requirement, ok, expected, observed, *seen):
            raise Halt(f"{requirement} did not hold")

    def cannot(self, requirement: str, missing: str, provider: str) -> None:
        """Record that ``requirement`` could not be tried: what is missing, and who could provide it."""
        self._record(requirement, Outcome.NOT_EVIDENCED, missing=missing, provider=provider)

    def trouble(self, requirement: str, observed: str, *seen: Reply | str) -> None:
        """Record that something other than the judged side kept ``requirement`` from being decided."""
        self._record(requirement, Outcome.ERROR, observed=observed, exchanges=exchange_ids(seen))

    def not_applicable(self, requirement: str, why: str) -> None:
        """Record that ``requirement`` does not apply to this target."""
        self._record(requirement, Outcome.NOT_APPLICABLE, observed=why)

    def observe(self, subject: str, value: str, requirement: str = "", *seen: Reply | str) -> None:
        """Record a legal choice of the target."""
        exchange = next(iter(exchange_ids(seen)), "")
        self.journal.append(Observation(subject, self.redactor.text(value), requirement, exchange))

    def unjudged(self) -> list[str]:
        """What was declared and has not been judged so far."""
        return [requirement for requirement in self.declared if requirement not in self._judged]

    def close(self, problem: BaseException | None) -> None:
        """Settle what was declared and not judged. ``problem`` is what ended the scenario, if anything did."""
        for requirement in self.declared:
            if requirement in self._judged:
                continue
            if isinstance(problem, Halt):
                self.cannot(requirement, f"an earlier step of the scenario did not hold ({problem})", "the target")
            elif isinstance(problem, Refused):
                self.cannot(requirement, problem.missing, problem.provider)
            elif isinstance(problem, NetworkTrouble):
                self._record(requirement, Outcome.ERROR, observed=problem.problem, exchanges=(problem.exchange,))
            elif problem is not None:
                self._record(requirement, Outcome.ERROR, observed=f"{type(problem).__name__}: {problem}")
            else:
                self._record(requirement, Outcome.ERROR, observed="the scenario ended without judging it")

    def _record(self, requirement: str, outcome: Outcome, **fields: Any) -> None:
        if requirement not in self.declared:
            raise LookupError(f"{self.context.scenario} judges {requirement} without declaring it")
        self._judged.add(requirement)
        for name in ("expected", "observed", "missing"):
            if fields.get(name):
                fields[name] = self.redactor.text(fields[name])
        if "steps" in fields:
            fields["steps"] = tuple(self.redactor.text(step) for step in fields["steps"])
        self.journal.append(
            Judgement(
                requirement=requirement,
                outcome=outcome,
                engine=self.context.engine,
                scenario=self.context.scenario,
                **fields,
            )
        )


def exchange_ids(seen: Iterable[Reply | str]) -> tuple[str, ...]:
    """The journal ids of replies, or ids as they are; each once, in order."""
    ids = (item.exchange if isinstance(item, Reply) else item for item in seen)
    return tuple(dict.fromkeys(item for item in ids if item))

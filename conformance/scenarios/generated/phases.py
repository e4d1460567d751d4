"""What each phase but the last generates: examples and coverage as a list, fuzzing as a stream without end.

Nothing generated here depends on an answer; requests that do are made in ``links``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from conformance.contract import Contract
from conformance.scenarios.generated.cases import opened, plan_of, sendable
from conformance.scenarios.generated.documents import Drawn
from conformance.scenarios.generated.plans import Plan, distinct, reaches_the_api, spread
from conformance.scenarios.generated.seeds import Seeds

if TYPE_CHECKING:
    import schemathesis
    from hypothesis.strategies import SearchStrategy

BATCH = 20
"""Cases drawn at a time of one operation and kind: enough for the first, simplest ones to be few among them."""

KINDS = ("positive", "negative")
"""Within the contract, and outside it."""

STALE = 5
"""Rounds in a row that gave nothing new, after which the stream ends: the contract has no more to vary."""


@dataclass(frozen=True, slots=True)
class Generation:
    """All plans of one contract, in the order they are sent."""

    plans: tuple[Plan, ...]
    unreadable: tuple[str, ...]
    """Why nothing was generated for an operation, or for any."""


def generate(
    contract: Contract,
    seeds: Seeds,
    *,
    seed: int,
    bound: int,
    rank: Callable[[Plan], int] = lambda plan: 0,
) -> Generation:
    """Generate the examples and coverage phases for every operation, at most ``bound`` requests each.

    Kinds of a lower ``rank`` are among them first. ``seeds`` take the place of the contract's samples.
    The same arguments give the same plans. What Schemathesis cannot generate from is left out and said to be.
    """
    from hypothesis.errors import HypothesisException
    from schemathesis.errors import SchemathesisError

    operations, unreadable = opened(contract, seeds, Drawn.VARIED, seed)
    plans: list[Plan] = []
    for operation in operations:
        try:
            own = [plan_of(case) for case in _cases(operation)]
        except (SchemathesisError, HypothesisException) as problem:
            unreadable.append(f"{operation.label}: {problem}")
            continue
        plans += spread(distinct([plan for plan in own if reaches_the_api(contract, plan)]), bound, rank)
    return Generation(tuple(plans), tuple(unreadable))


def fuzzed(
    contract: Contract,
    seeds: Seeds,
    *,
    seed: int,
    kinds: Sequence[str] = KINDS,
    batch: int = BATCH,
) -> Iterator[Plan | None]:
    """The fuzzing phase: random values within the contract and outside it, the operations taking turns.

    ``batch`` cases of each of ``kinds`` are drawn of an operation at a time. Gives None after each such batch, so that
    whoever watches the time can stop there too. The same arguments give the same plans, each request once.
    """
    operations, _ = opened(contract, seeds, Drawn.LOOSE, seed)
    strategies = [(operation.label, kind, _strategy(operation, kind)) for operation in operations for kind in kinds]
    barren: set[tuple[str, str]] = set()
    seen = set()
    stale = 0
    for turn in count():
        stale += 1
        for label, kind, strategy in strategies:
            if (label, kind) in barren:
                continue
            cases = drawn(strategy, seed + turn, batch)
            if not cases:
                barren.add((label, kind))
            for plan in filter(None, (sendable(contract, case) for case in cases)):
                if plan.request not in seen and not _lacks_a_header(plan):
                    seen.add(plan.request)
                    stale = 0
                    yield plan
            yield None
        if stale >= STALE:
            return


def _strategy(operation: Any, kind: str) -> SearchStrategy[Any]:
    from schemathesis.generation import GenerationMode
    from schemathesis.generation.feedback import NO_FEEDBACK

    found: SearchStrategy[Any] = operation.as_strategy(generation_mode=GenerationMode(kind), feedback=NO_FEEDBACK)
    return found


def drawn(strategy: SearchStrategy[Any], seed: int, number: int) -> list[Any]:
    """At most ``number`` cases of a strategy, the same for the same seed; none where it has none to give."""
    import hypothesis
    from hypothesis.errors import HypothesisException
    from schemathesis.errors import SchemathesisError

    cases: list[Any] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=number,
        database=None,
        deadline=None,
        derandomize=False,
        phases=(hypothesis.Phase.generate,),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategy)
    def keep(case: Any) -> None:
        cases.append(case)

    try:
        keep()
    except (SchemathesisError, HypothesisException):
        # An operation without anything to break has no invalid requests; whatever was drawn before is as good.
        return cases
    return cases


def _lacks_a_header(plan: Plan) -> bool:
    """Whether a required header is not there: the coverage phase leaves each out once, and has it proved."""
    required = {parameter.name.lower() for parameter in plan.case.operation.headers if parameter.is_required}
    return any(not (plan.request.header(name) or "") for name in required)


def _cases(operation: Any) -> Iterator[schemathesis.Case[Any]]:
    from schemathesis.generation.drivers import CoverageGenerator, ExamplesGenerator
    from schemathesis.generation.feedback import NO_FEEDBACK
    from schemathesis.generation.overrides import Override

    settings = operation.schema.config.generation_for(operation=operation, phase="coverage")
    yield from ExamplesGenerator(operation=operation, override=Override(), feedback=NO_FEEDBACK, fill_missing=False)
    yield from CoverageGenerator(
        operation=operation,
        generation_modes=settings.modes,
        generation_config=settings,
        auth_storage=None,
        override=Override(),
        feedback=NO_FEEDBACK,
    )

"""Running a Hypothesis state machine as a scenario: seeded, shrunk within a bound, its shortest failure recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, get_state_machine_test

from conformance.client import NetworkTrouble, Refused, Reply
from conformance.scenarios.bench import Bench
from conformance.scenarios.judging import Judge, Violation

TROUBLES = 10
"""Stories that may end in a lost answer before the whole hunt does."""

SHRINKING = 400
"""Requests spent on shrinking after the first failure; then the shortest story seen stands."""


@dataclass
class Hunt:
    """What one run of a machine has seen: what it exercised, its shortest failure, and what stopped it."""

    bench: Bench
    exercised: dict[str, list[str]] = field(default_factory=dict)
    best: Violation | None = None
    steps: tuple[str, ...] = ()
    stopped: Exception | None = None
    troubles: int = 0
    _until: int | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more may be sent."""
        return self.stopped is not None or (self._until is not None and self.bench.wire.sent > self._until)

    def note(self, violation: Violation, story: Sequence[str]) -> None:
        """Keep the violation with the shortest story, and start the shrinking bound at the first."""
        if self._until is None:
            self._until = self.bench.wire.sent + SHRINKING
        if self.best is None or len(story) <= len(self.steps):
            self.best, self.steps = violation, tuple(story)


class StoryMachine(RuleBasedStateMachine):
    """A machine whose rules tell a story and whose comparisons name requirements."""

    hunt: Hunt

    def __init__(self) -> None:
        super().__init__()
        self.story: list[str] = []
        self.seen: list[str] = []
        self.broken = False

    def tell(self, step: str, *replies: Reply) -> None:
        """Add one step to the story, with the exchanges that made it."""
        self.story.append(step)
        self.seen += [reply.exchange for reply in replies]

    def hold(self, requirement: str, ok: bool, expected: str, observed: str) -> None:
        """Compare with the model. Raises ``Violation`` when the target departs from it."""
        self.hunt.exercised.setdefault(requirement, self.seen[-3:])
        if not ok:
            self.broken = True
            violation = Violation(requirement, expected, observed, self.seen)
            self.hunt.note(violation, self.story)
            raise violation

    def attempt(self, move: Callable[[], None]) -> None:
        """Make one move, unless the hunt is over; trouble that is not the target's ends it.

        After a violation nothing more is compared in that story: whatever follows only follows from it.
        """
        if self.hunt.over or self.broken:
            return
        try:
            move()
        except NetworkTrouble as trouble:
            # What a lost answer did is unknown, so this story ends; the next one starts afresh.
            self.broken = True
            self.hunt.troubles += 1
            if trouble.persistent or self.hunt.troubles > TROUBLES:
                self.hunt.stopped = trouble
        except Refused as problem:
            self.hunt.stopped = problem
        except Exception:
            # A violation or a defect of ours: nothing more is asked in this story.
            self.broken = True
            raise


def run_machine(
    machine: type[StoryMachine],
    bench: Bench,
    judge: Judge,
    *,
    examples: int,
    steps: int,
    run_seed: int,
    lacking: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> None:
    """Let Hypothesis drive ``machine``, then judge every requirement the scenario declared.

    ``lacking`` says of requirements what the profile lacks for the steps that judge them, and who could provide it.
    Raises ``NetworkTrouble`` or ``Refused`` when one of them ended the hunt before anything was found.
    """
    hunt = Hunt(bench)
    bound = type(machine.__name__, (machine,), {"hunt": hunt})
    test = get_state_machine_test(
        bound,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            phases=(Phase.generate, Phase.shrink),
            database=None,
            deadline=None,
            derandomize=False,
            print_blob=False,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    nondeterministic = False
    try:
        seed(run_seed)(test)()
    except Violation:
        nondeterministic = False
    except Flaky:
        # The bound on shrinking makes replays end early as well; only within it does a changed answer mean anything.
        nondeterministic = not hunt.over
    if hunt.best is None and hunt.stopped is not None:
        raise hunt.stopped
    _conclude(hunt, judge, nondeterministic, lacking)


def _conclude(hunt: Hunt, judge: Judge, nondeterministic: bool, lacking: Mapping[str, tuple[str, str]]) -> None:
    best = hunt.best
    if best is not None:
        judge.check(
            best.requirement,
            False,
            best.expected,
            best.observed,
            *best.exchanges,
            steps=hunt.steps,
            nondeterministic=nondeterministic,
        )
    for requirement in judge.declared:
        if best is not None and requirement == best.requirement:
            continue
        if requirement in hunt.exercised:
            judge.check(requirement, True, "the model's answer", "the model's answer", *hunt.exercised[requirement])
        else:
            missing = lacking.get(requirement, ("a generated sequence that reaches it", "the harness (another seed)"))
            judge.cannot(requirement, *missing)

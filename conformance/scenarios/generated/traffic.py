"""Sending generated requests and tallying what the answers say, for whichever product.

How a request gets its ids, what an answer has made, and which requests a source says are refused, is the product's
business (``pools/traffic``, ``gate/traffic``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from conformance.client import Credentials, NetworkTrouble, Reply
from conformance.contract import Contract
from conformance.contract import judge as judge_exchange
from conformance.scenarios.bench import Bench
from conformance.scenarios.generated.cases import Objection, objections
from conformance.scenarios.generated.constraints import Demand
from conformance.scenarios.generated.plans import Plan, Request

TROUBLES = 3
"""Requests in a row without an answer, after which an operation is left alone, and after twice as many the target."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A plan, what was made of it, the answer, and the steps and exchanges that led there."""

    plan: Plan
    request: Request
    reply: Reply
    story: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """One answer that broke a requirement."""

    sent: Sent
    expected: str
    observed: str

    @property
    def size(self) -> tuple[int, int]:
        """Of two that show the same, the one with fewer steps is shown, then the smaller one."""
        return len(self.sent.story), self.sent.request.size


@dataclass
class Tally:
    """What all answers together say of one requirement."""

    held: int = 0
    last: str = ""
    faults: list[Fault] = field(default_factory=list)

    def add(self, sent: Sent, ok: bool, expected: str, observed: str) -> None:
        """Count one answer."""
        if ok:
            self.held, self.last = self.held + 1, sent.reply.exchange
        else:
            self.faults.append(Fault(sent, expected, observed))


@dataclass(frozen=True, slots=True)
class Ready:
    """A plan with the ids of this run in it, and who sends it. ``patient`` is as the wire has it."""

    request: Request
    who: Credentials
    patient: bool = True
    again: bool = True
    """Whether it may be repeated when its answer is lost: most may, and one lost answer must not count for much."""
    about: object = None
    """What of this run it is about, for whoever learns from the answer."""


class Traffic(ABC):
    """Everything generated that one run sends to one product of its target."""

    def __init__(self, bench: Bench, product: str) -> None:
        self.bench = bench
        self.product = product
        self.contract: Contract = bench.wire.recorder.contracts[product]
        self.tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self.troubles: list[NetworkTrouble] = []
        self.sent: Counter[tuple[str, str]] = Counter()
        """Requests by phase and operation."""
        self.reached: set[tuple[str, str]] = set()
        """Operations and the statuses of theirs that were seen, as the contract lists them."""
        self.unsent = 0
        self._silent: Counter[str] = Counter()

    @abstractmethod
    def ready(self, plan: Plan) -> Ready | None:
        """The plan with ids of this run in it; None where it may not be sent."""

    @abstractmethod
    def is_somebodys(self, plan: Plan) -> bool:
        """Whether the plan would change what may be an object of somebody else."""

    @abstractmethod
    def demand(self, plan: Plan, request: Request) -> Demand | None:
        """Why a source says that the request is refused; None where none does."""

    @abstractmethod
    def learn(self, sent: Sent, about: object) -> None:
        """Keep book of what the answer made."""

    def is_spared(self, reply: Reply) -> bool:
        """Whether the answer to a request that must be refused, for a softer reason, is as good as a refusal."""
        del reply
        return False

    def judge_more(self, sent: Sent, about: object, held: frozenset[Objection]) -> None:
        """Judge what only this product promises of such an answer."""
        del sent, about, held

    def may_be_next(self, plan: Plan) -> bool:
        """Whether a walk may take this step."""
        del plan
        return True

    def is_over(self, until: float) -> bool:
        """Whether the clock shows ``until``, or the target no longer answers."""
        return self.bench.clock.monotonic() >= until or self._silent.total() >= 2 * TROUBLES

    def run(self, plans: Iterator[Plan | None], until: float, bound: int) -> int:
        """Send the next ``bound`` of ``plans``, unless it is over before; a None among them is where to look again.

        Returns how many were taken.
        """
        for number in range(bound):
            if self.is_over(until):
                return number
            try:
                plan = next(plans)
            except StopIteration:
                return number
            # Drawing it may have taken a while.
            if self.is_over(until):
                return number
            if plan is not None:
                self.send(plan)
        return bound

    def send(self, plan: Plan, story: tuple[str, ...] = (), earlier: tuple[str, ...] = ()) -> Sent | None:
        """Send one plan and judge the answer. None when it may not be sent, or nothing came back."""
        if self._silent[plan.operation] >= TROUBLES or self.is_somebodys(plan):
            return None
        try:
            sent = self._send(plan, story, earlier)
        except NetworkTrouble as trouble:
            self.troubles.append(trouble)
            self._silent[plan.operation] += 1
            return None
        if sent is not None:
            self._silent.clear()
        return sent

    def summary(self) -> str:
        """How many requests of which phases went to how many operations."""
        phases: Counter[str] = Counter()
        for (phase, _), count in self.sent.items():
            phases[phase] += count
        reached = len({operation for _, operation in self.sent})
        return (
            f"{self.sent.total()} generated requests ({', '.join(f'{n} {phase}' for phase, n in phases.items())}) "
            f"to {reached} of {len(self.contract.operations)} operations"
            + (f"; {self.unsent} were left when time or answers ran out" if self.unsent else "")
        )

    def pairs(self) -> str:
        """How many of the statuses the contract lists for its operations were seen."""
        listed = sum(len(operation.statuses) for operation in self.contract.operations)
        return f"{len(self.reached)} of {listed} (operation, status) pairs the contract lists"

    def nobodys_id(self) -> str:
        """An id nobody was given."""
        return f"conformance-nobodys-{self.bench.rng.getrandbits(64):016x}"

    def _send(self, plan: Plan, story: tuple[str, ...], earlier: tuple[str, ...]) -> Sent | None:
        ready = self.ready(plan)
        if ready is None:
            return None
        request = ready.request
        reply = self.bench.wire.send(
            ready.who,
            request.method,
            self.bench.target.base_urls[self.product] + request.path,
            product=self.product,
            headers=dict(request.headers),
            content=request.content,
            retry=ready.again,
            patient=ready.patient,
        )
        sent = Sent(plan, request, reply, story, earlier)
        self._count(sent)
        self.learn(sent, ready.about)
        self._judge(sent, ready.about)
        return sent

    def _count(self, sent: Sent) -> None:
        self.sent[sent.plan.phase, sent.plan.operation] += 1
        operation = next(known for known in self.contract.operations if known.key == sent.plan.operation)
        response = operation.response(sent.reply.status)
        if response is not None:
            self.reached.add((operation.key, response.status))

    def _judge(self, sent: Sent, about: object) -> None:
        plan, request, reply = sent.plan, sent.request, sent.reply
        path = request.path.partition("?")[0]
        report = judge_exchange(
            self.contract, request.method, path, reply.status, reply.headers, reply.body, reply.truncated
        )
        for finding in report.findings:
            self.tallies[finding.requirement].add(sent, finding.ok, finding.expected, finding.observed)
        demanded = self.demand(plan, request)
        held = objections(plan, reply.status, reply.headers, reply.body, must_be_refused=demanded is not None)
        if demanded is not None:
            accepted = Objection.ACCEPTED_INVALID in held and not (demanded.soft and self.is_spared(reply))
            self.tallies[demanded.requirement].add(
                sent, not accepted, f"a refusal of {demanded.broken}", f"{reply.status} for it"
            )
        self.judge_more(sent, about, held)

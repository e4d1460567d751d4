"""One receiver for the scenarios of a module, answering as each of them plans, and what arrived at it.

Nothing here judges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from conformance.client import NetworkTrouble, Refused
from conformance.contract import Contract, load
from conformance.scenarios import mailbox
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.arrivals import Arrival, in_turn
from conformance.scenarios.gate.desk import Desk
from conformance.scenarios.mailbox import Mailbox, text_of
from conformance.target import Webhooks
from conformance.webhooks.receiver import Delivery

KEPT = "gate post"
REGISTER = "a delivery at the receiver: register its URL, or declare [outcomes.gate_webhook_endpoint]"
REGISTRAR = "the partner and the operator of the target"


@dataclass(frozen=True, slots=True)
class Plan:
    """How the deliveries that bear a word are answered: attempt by attempt of each event, ``after`` when used up."""

    word: str
    kind: str
    statuses: Sequence[int]
    after: int


@dataclass
class Script:
    """The receiver's answers: 200, but for what is planned. ``given`` keeps what each delivery was answered with.

    It is called on the receiver's thread; plans are made and dropped on the scenarios', each in one step.
    """

    plans: tuple[Plan, ...] = ()
    given: dict[int, int] = field(default_factory=dict)
    _attempts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def plan(self, word: str, *statuses: int, after: int = 200, kind: str = "") -> None:
        """Answer the deliveries that bear ``word``, of one type or of all, so. ``word`` is known before they come."""
        self.plans += (Plan(word, kind, statuses, after),)

    def drop(self, word: str) -> None:
        """Answer what bears ``word`` with 200 again."""
        self.plans = tuple(plan for plan in self.plans if plan.word != word)

    def __call__(self, delivery: Delivery) -> int:
        arrival, status = Arrival(delivery), 200
        for plan in self.plans:
            if plan.word in text_of(delivery) and plan.kind in ("", arrival.kind):
                attempt = self._attempts[plan.word, arrival.event]
                self._attempts[plan.word, arrival.event] += 1
                status = plan.statuses[attempt] if attempt < len(plan.statuses) else plan.after
                break
        self.given[delivery.sequence] = status
        return status


@dataclass
class Post:
    """What 0Gate delivers to this run."""

    bench: Bench
    mailbox: Mailbox
    script: Script
    secrets: set[str] = field(default_factory=set)
    """The client secrets of the sessions this run made: none may ever arrive."""
    held: set[str] = field(default_factory=set)
    """Words of what has been left to grow old here: it stays open when a module ends, as long as there is one."""
    _filed: dict[int, str] = field(default_factory=dict)

    @property
    def settings(self) -> Webhooks:
        """What the profile says of deliveries."""
        return self.mailbox.settings

    @property
    def contract(self) -> Contract:
        """The contract in use."""
        return self.bench.wire.recorder.contracts["gate"]

    @property
    def published(self) -> Contract:
        """The contract this project ships: a vendor's own file need not describe the events."""
        kept = "gate contract with events"
        if kept not in self.bench.shared:
            self.bench.shared[kept] = self.contract if self.contract.events else load(None, "gate")
        found: Contract = self.bench.shared[kept]
        return found

    @property
    def is_silent(self) -> bool:
        """Whether nothing ever came and nobody told 0Gate through us where to deliver: it may not be registered."""
        return not self.mailbox.receiver.deliveries() and mailbox.TELLING["gate"] not in self.bench.target.outcomes

    @property
    def drift(self) -> float:
        """Seconds by which the time of a fresh event may differ from ours: clocks differ, and helpers move them."""
        return self.settings.tolerance + self.bench.time_passed("approved")[1]

    def about(self, *ids: str) -> list[Arrival]:
        """What has arrived so far that names one of these ids, in order of arrival."""
        found = [Arrival(d, self.script.given.get(d.sequence, 200)) for d in self.mailbox.receiver.deliveries()]
        return [arrival for arrival in found if arrival.speaks_of(*ids)]

    def events(self, kind: str, *ids: str) -> list[Arrival]:
        """The events of a type that name one of these ids, the first arrival of each."""
        return [arrival for arrival in in_turn(self.about(*ids)) if arrival.kind == kind]

    def wait(self, kind: str, *ids: str, seconds: float | None = None) -> Arrival | None:
        """The first event of a type that names one of these ids, past or to come; None when patience is over."""
        return self.wait_for(lambda arrival: arrival.kind == kind and arrival.speaks_of(*ids), seconds)

    def wait_for(self, wanted: Callable[[Arrival], bool], seconds: float | None = None) -> Arrival | None:
        """The first delivery that is ``wanted``, past or to come; None when patience is over."""
        patience = self.bench.target.patience.delivery if seconds is None else seconds
        found = self.mailbox.receiver.wait_for(lambda delivery: wanted(Arrival(delivery)), patience)
        return None if found is None else Arrival(found)

    def lull(self, desk: Desk) -> None:
        """Let what would have come by now come: until a test event sent now has arrived, and a little longer.

        Deliveries may overtake each other by a little. A target that sends no test event is given the little only.
        """
        sent = desk.api.send_test_webhook()
        event = sent.object().get("event_id") if sent.ok else None
        if isinstance(event, str):
            self.wait_for(lambda arrival: arrival.event == event)
        self.bench.clock.sleep(2 * self.bench.target.patience.poll_every)

    def file(self, arrivals: Sequence[Arrival], most: int = 6) -> list[str]:
        """File some of these in the journal, each once. Returns their exchange ids."""
        for arrival in arrivals[:most]:
            number = arrival.delivery.sequence
            if number not in self._filed:
                self._filed[number] = mailbox.record_delivery(self.bench, arrival.delivery, arrival.status)
        return [self._filed[arrival.delivery.sequence] for arrival in arrivals[:most]]


def shared(bench: Bench) -> Post:
    """The receiver in use, or one opened now. Raises what ``listening`` raises."""
    if KEPT not in bench.shared:
        stack = ExitStack()
        post = stack.enter_context(_open(bench))
        bench.shared[KEPT] = post, stack
        bench.closing.push(stack)
    found: Post = bench.shared[KEPT][0]
    return found


def close(bench: Bench) -> None:
    """Close the receiver in use, if there is one and nobody holds it. With the run it is closed in any case."""
    found = bench.shared.get(KEPT)
    if found is not None and not found[0].held:
        del bench.shared[KEPT]
        found[1].close()


@contextmanager
def _open(bench: Bench) -> Iterator[Post]:
    script = Script()
    with mailbox.listening(bench, "gate", script) as opened:
        try:
            yield Post(bench, opened, script)
        finally:
            if "gate_webhook_endpoint_removed" in bench.target.outcomes:
                # Whether or not it can be taken back now, the next run tells 0Gate anew where it listens.
                with suppress(NetworkTrouble, Refused):
                    bench.perform("gate_webhook_endpoint_removed", account="approved")

"""Walking over the links of a contract: a quote, its execution, the poll of it, the trade; and back to the quote.

Every request is sent and judged as any other generated one. What a link gives is decided in ``links``.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from conformance.scenarios.generated.links import Followed, Linked, Step
from conformance.scenarios.generated.plans import Plan
from conformance.scenarios.generated.traffic import Sent, Traffic

STEPS = 10
"""Links followed in one walk."""

AGAIN = 2
"""How often one link is followed from the same answer: what is asked twice shows what must not happen twice."""


@dataclass(frozen=True, slots=True)
class Place:
    """One answer of a walk, from which links lead on: what was asked, and how it came to be asked."""

    step: Step
    story: tuple[str, ...]
    exchanges: tuple[str, ...]


class Walks:
    """Walks over one contract's links, the least followed first."""

    def __init__(self, traffic: Traffic, linked: Linked, rng: random.Random) -> None:
        self.traffic = traffic
        self.linked = linked
        self.rng = rng
        self.followed: Counter[Followed] = Counter()

    def run(self, until: float, bound: int) -> None:
        """Walk until the clock shows ``until``, at most ``bound`` walks, and no more at a target that is silent."""
        for _ in range(bound):
            if self.traffic.is_over(until) or not self.linked.roots:
                return
            self._walk(until)

    def summary(self) -> str:
        """How many links were followed, and how many different ones of those the contract states."""
        return (
            f"{self.followed.total()} links followed, {len(self.followed)} of the {len(self.linked.links)} "
            "the contract states"
        )

    def _walk(self, until: float) -> None:
        weights = [sum(link.source == root for link in self.linked.links) for root in self.linked.roots]
        plan = self.linked.start(self.rng.choices(self.linked.roots, weights)[0])
        first = self._take(plan, "", None)
        if first is None:
            return
        places = [first]
        turned: Counter[tuple[int, Followed]] = Counter()
        for _ in range(STEPS):
            if self.traffic.is_over(until):
                return
            chosen = self._choose(places, turned)
            if chosen is None:
                return
            index, link = chosen
            turned[index, link] += 1
            plan = self.linked.follow(link, places[index].step)
            reached = self._take(plan, link.name, places[index])
            if reached is None:
                # It leads nowhere from here; the next choice must not be the same.
                turned[index, link] = AGAIN
                continue
            self.followed[link] += 1
            places.append(reached)

    def _choose(self, places: list[Place], turned: Counter[tuple[int, Followed]]) -> tuple[int, Followed] | None:
        """A link that can still be followed from one of ``places``; the less it was so far, the likelier."""
        open_ones = [
            (index, link)
            for index, place in enumerate(places)
            for link in self.linked.leading_from(place.step)
            if turned[index, link] < AGAIN
        ]
        if not open_ones:
            return None
        weights = [1 / (1 + self.followed[link]) for _, link in open_ones]
        return self.rng.choices(open_ones, weights)[0]

    def _take(self, plan: Plan | None, link: str, before: Place | None) -> Place | None:
        if plan is None or not self.traffic.may_be_next(plan):
            return None
        story, exchanges = (before.story, before.exchanges) if before else ((), ())
        sent = self.traffic.send(plan, story, exchanges)
        if sent is None:
            return None
        step = Step(plan, sent.reply.status, sent.reply.headers, sent.reply.body)
        return Place(step, (*story, told(sent, link)), (*exchanges, sent.reply.exchange))


def told(sent: Sent, link: str) -> str:
    """One step of a walk in words."""
    path = sent.request.path.partition("?")[0]
    asked = f"{sent.request.method} {path} answered {sent.reply.status}"
    return f"{link}: {asked}" if link else asked

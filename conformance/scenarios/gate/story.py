"""What the state machines of 0Gate share: what the account may do, its book, and the names in a story."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from conformance.model.gate import Book
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.bystanders import if_given
from conformance.scenarios.gate.desk import OFF_RAMP, ON_RAMP, Desk
from conformance.scenarios.gate.redeeming import ready_session
from conformance.scenarios.machine import StoryMachine


@dataclass
class World:
    """What the account and the second partner may do at this target, looked up once for all stories."""

    sides: tuple[str, ...]
    customers: bool
    stranger_redeems: bool
    _strangers: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, bench: Bench) -> World:
        """Found out by trying, and kept for the run."""
        kept = "gate machine world"
        if kept not in bench.shared:
            desk = Desk(bench)
            sides = tuple(side for side in (ON_RAMP, OFF_RAMP) if if_given(partial(desk.lock, side)))
            known = "other_partner" in bench.target.accounts
            stranger = bool(sides) and known and if_given(Desk(bench, "other_partner").lock) is not None
            bench.shared[kept] = cls(sides, if_given(desk.record_customer) is not None, stranger)
        found: World = bench.shared[kept]
        return found

    def strangers_session(self, other: Desk) -> str:
        """An open session of the second partner, the same in all stories."""
        if not self._strangers:
            self._strangers.append(ready_session(other).id)
        return self._strangers[0]


class PartnerMachine(StoryMachine):
    """One account at 0Gate, and the book of what it has made in one story."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(self.hunt.bench)
        self.world = World.of(self.hunt.bench)
        self.book = Book()
        self.names: dict[str, str] = {}
        self.touched: set[str] = set()
        """Objects another partner has had its hands on."""

    def _name(self, kind: str, made: str) -> str:
        """A name for an object of this story."""
        number = sum(name.startswith(f"{kind}_") for name in self.names.values()) + 1
        self.names[made] = f"{kind}_{number}"
        return self.names[made]

"""What a correct 0Gate does: the states of sessions, quotes and rails, what may follow what, and what one key makes.

Pure: neither requests nor clocks. Sending and comparing is done by scenarios and the state machine.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class SessionStatus(StrEnum):
    """The four published states of a session; all but the first are ends."""

    OPEN = "open"
    COMPLETED = "completed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class QuoteStatus(StrEnum):
    """The three published states of a signed quote; all but the first are ends."""

    ACTIVE = "active"
    CONSUMED = "consumed"
    EXPIRED = "expired"


RAIL_ENDS = frozenset({"settled", "failed", "cancelled"})
"""The published ends of a rail. What it is called before ``processing`` is stated nowhere."""

RAIL_OF = {"on_ramp": "pay_in", "off_ramp": "pay_out"}


def session_may_follow(before: str, after: str) -> bool:
    """Whether a session that read ``before`` may now read ``after``: only an open one moves, and to an end."""
    known = set(SessionStatus)
    return after in known and (before == after or before == SessionStatus.OPEN)


def quote_may_follow(before: str, after: str) -> bool:
    """Whether a signed quote that read ``before`` may now read ``after``: both ends are final."""
    return after in set(QuoteStatus) and (before == after or before == QuoteStatus.ACTIVE)


def rail_may_follow(before: str, after: str) -> bool:
    """Whether a rail that read ``before`` may now read ``after``: an end is final, and nothing else is named."""
    return before == after or before not in RAIL_ENDS


class Redemption(StrEnum):
    """How a rail create has to be answered."""

    NEW = "a rail of its own"
    NEW_OR_REFUSED = "a rail of its own, or a refusal"
    """Whether a session takes several rails is stated nowhere (gate facts 12)."""
    SAME = "the rail the key made"
    CONFLICT = "409"
    REFUSED = "a refusal"


@dataclass
class Session:
    """A session as the model knows it."""

    id: str
    tag: str
    key: str
    status: SessionStatus = SessionStatus.OPEN


@dataclass
class Quote:
    """A signed quote as the model knows it. ``rail`` is what it was redeemed into."""

    id: str
    side: str
    rail: str | None = None
    key: str | None = None
    session: str | None = None
    past_expiry: bool = False
    rail_status: str = ""

    @property
    def status(self) -> QuoteStatus:
        """Consumed for good, else expired when its time is over, else active."""
        if self.rail is not None:
            return QuoteStatus.CONSUMED
        return QuoteStatus.EXPIRED if self.past_expiry else QuoteStatus.ACTIVE


@dataclass
class Customer:
    """A customer record as the model knows it."""

    id: str
    email: str
    external_id: str
    first_name: str | None
    deleted: bool = False


@dataclass
class Book:
    """All that one partner has made in one story."""

    sessions: dict[str, Session] = field(default_factory=dict)
    quotes: dict[str, Quote] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The session and quote that each key of a rail create was answered for with success."""

    def expects(self, session: Session, quote: Quote, key: str) -> Redemption:
        """How redeeming ``quote`` for ``session`` under ``key`` has to be answered (gate facts 4.I, 5, 6)."""
        used = self.keys.get(key)
        if used == (session.id, quote.id):
            return Redemption.SAME
        if session.status is not SessionStatus.OPEN:
            return Redemption.REFUSED
        taken = session.id in {other.session for other in self.quotes.values() if other.id != quote.id}
        if used is not None or quote.status is not QuoteStatus.ACTIVE:
            # Which of several reasons answers is stated nowhere.
            return Redemption.REFUSED if taken else Redemption.CONFLICT
        return Redemption.NEW_OR_REFUSED if taken else Redemption.NEW

    def redeemed(self, session: Session, quote: Quote, key: str, rail: str) -> None:
        """Note that ``quote`` became ``rail``."""
        quote.rail, quote.key, quote.session = rail, key, session.id
        self.keys[key] = (session.id, quote.id)


def redemption_permits(expected: Redemption, status: int, rail: str | None, known: str | None) -> bool:
    """Whether an answer to a rail create is what was expected. ``known`` is the rail the model knows."""
    ok = 200 <= status < 300
    match expected:
        case Redemption.NEW:
            return ok and rail is not None
        case Redemption.NEW_OR_REFUSED:
            return (ok and rail is not None) or 400 <= status < 500
        case Redemption.SAME:
            return ok and rail == known
        case Redemption.CONFLICT:
            return status == 409
        case _:
            return 400 <= status < 500


@dataclass(frozen=True, slots=True)
class Told:
    """One answer to a create under a key: its status, and the id it names (empty for none)."""

    status: int
    id: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was answered with success."""
        return 200 <= self.status < 300


def once_problems(answers: Sequence[Told], listed: Collection[str]) -> list[str]:
    """What contradicts that all these creates, sent under one key with one body, are one operation.

    ``listed`` are the objects made of them that a list shows. The last create is one sent when all others are over:
    until then a duplicate may be refused, and no longer.
    """
    named = {answer.id for answer in answers if answer.ok}
    made = set(listed)
    problems = [] if answers[-1].ok else [f"the key is answered {answers[-1].status} when nothing is under way"]
    problems += ["a success that names nothing"] if "" in named else []
    problems += [f"the successes name {len(named)} objects"] if len(named) > 1 else []
    problems += [f"{len(made)} objects were made"] if len(made) > 1 else []
    problems += ["the list shows another object than was answered"] if named and made and named.isdisjoint(made) else []
    problems += ["an object was answered that no list shows"] if named and not made else []
    return problems

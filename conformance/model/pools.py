"""What a correct 0Pools does with quotes, keys and trades: the answers a sequence of calls must get.

Pure: the state goes in, the permitted answers come out. Facts sections 5 and 6 are the source.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class QuoteStatus(StrEnum):
    """The four derived statuses of a firm quote."""

    ACTIVE = "active"
    CONSUMED = "consumed"
    REJECTED = "rejected"
    EXPIRED = "expired"


FINAL = frozenset({"settled", "failed", "released", "returned"})

FORWARD: dict[str, frozenset[str]] = {
    "reserved": frozenset({"reserved", *FINAL}),
    "settled": frozenset({"settled", "returned"}),
    "failed": frozenset({"failed"}),
    "released": frozenset({"released"}),
    "returned": frozenset({"returned"}),
}
"""What a read may show after what an earlier read showed (facts 5.2)."""


@dataclass(slots=True)
class Quote:
    """A firm quote as the model knows it."""

    id: str
    amount: str
    rejected: bool = False
    past_expiry: bool = False
    trade: str | None = None
    key: str | None = None
    trade_status: str = "reserved"

    @property
    def status(self) -> QuoteStatus:
        """The derived status: rejected before consumed before expired before active (facts 5.1)."""
        if self.rejected:
            return QuoteStatus.REJECTED
        if self.trade is not None:
            return QuoteStatus.CONSUMED
        return QuoteStatus.EXPIRED if self.past_expiry else QuoteStatus.ACTIVE


class Answer(StrEnum):
    """The kinds of answer a transact may get."""

    NEW_TRADE = "a new reserved trade"
    SAME_TRADE = "the same trade"
    SAME_TRADE_OR_CONFLICT = "the same trade, or 409"
    CONFLICT = "409"


@dataclass(slots=True)
class Book:
    """The quotes of one account, and which quote each key executed."""

    quotes: dict[str, Quote] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def add(self, quote: Quote) -> None:
        """A firm quote was given."""
        self.quotes[quote.id] = quote

    def expects(self, quote: Quote, key: str) -> Answer:
        """What transact on ``quote`` under ``key`` must answer (facts 6, C8).

        A key that executed another quote conflicts, whatever the state of this one.
        """
        executed = self.keys.get(key)
        if executed is not None and executed != quote.id:
            return Answer.CONFLICT
        match quote.status:
            case QuoteStatus.CONSUMED:
                if executed == quote.id:
                    # A late replay is not promised the trade: only that nothing is made twice.
                    return Answer.SAME_TRADE_OR_CONFLICT if quote.past_expiry else Answer.SAME_TRADE
                return Answer.SAME_TRADE_OR_CONFLICT
            case QuoteStatus.ACTIVE:
                return Answer.NEW_TRADE
            case _:
                return Answer.CONFLICT

    def executed(self, quote: Quote, key: str, trade: str) -> None:
        """A transact made a trade."""
        quote.trade, quote.key = trade, key
        self.keys[key] = quote.id


def permits(answer: Answer, status: int, trade: str | None, known: str | None) -> bool:
    """Whether an HTTP status and the trade id in the body are an ``answer``; ``known`` is the quote's trade so far."""
    succeeded = 200 <= status < 300
    match answer:
        case Answer.NEW_TRADE:
            return succeeded and trade is not None
        case Answer.SAME_TRADE:
            return succeeded and trade == known
        case Answer.SAME_TRADE_OR_CONFLICT:
            return status == 409 or (succeeded and trade == known)
        case Answer.CONFLICT:
            return status == 409


def may_follow(before: str, after: str) -> bool:
    """Whether a trade read as ``before`` may be read as ``after`` later."""
    return after in FORWARD.get(before, frozenset())

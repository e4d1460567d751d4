"""The model of quotes, keys and trades: which answers it permits, and what it can never be talked into."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.model.pools import FINAL, FORWARD, Answer, Book, Quote, QuoteStatus, may_follow, permits

STATUSES = ("reserved", "settled", "failed", "released", "returned")


@pytest.mark.parametrize(
    ("rejected", "trade", "past_expiry", "status"),
    [
        (False, None, False, QuoteStatus.ACTIVE),
        (False, None, True, QuoteStatus.EXPIRED),
        (False, "t", False, QuoteStatus.CONSUMED),
        (False, "t", True, QuoteStatus.CONSUMED),
        (True, None, False, QuoteStatus.REJECTED),
        (True, None, True, QuoteStatus.REJECTED),
        (True, "t", True, QuoteStatus.REJECTED),
    ],
)
def test_the_first_thing_that_ended_a_quote_by_rank_is_its_status(
    rejected: bool, trade: str | None, past_expiry: bool, status: QuoteStatus
) -> None:
    assert Quote("q", "10.00", rejected, past_expiry, trade).status is status


@pytest.mark.parametrize("before", STATUSES)
@pytest.mark.parametrize("after", STATUSES)
def test_a_trade_only_moves_forward(before: str, after: str) -> None:
    allowed = {
        "reserved": STATUSES,
        "settled": ("settled", "returned"),
        "failed": ("failed",),
        "released": ("released",),
        "returned": ("returned",),
    }

    assert may_follow(before, after) is (after in allowed[before])


@pytest.mark.parametrize("nonsense", ["", "RESERVED", "pending", "HTTP 500", "quoted"])
def test_a_status_nobody_published_follows_nothing_and_is_followed_by_nothing(nonsense: str) -> None:
    assert not any(may_follow(nonsense, status) or may_follow(status, nonsense) for status in STATUSES)


def test_no_chain_of_moves_leads_back() -> None:
    for before, after in itertools.permutations(STATUSES, 2):
        reaches, seen = {before}, set()
        while reaches - seen:
            step = (reaches - seen).pop()
            seen.add(step)
            reaches |= FORWARD[step]
        assert not (after in reaches and before in FORWARD[after]), f"{before} and {after} reach each other"


def test_every_final_status_is_one_a_trade_can_stay_in() -> None:
    assert all(may_follow(status, status) for status in FINAL)
    assert {status for status in STATUSES if may_follow("reserved", status)} == {"reserved", *FINAL}


def book(**mine: object) -> tuple[Book, Quote]:
    """A book with our quote as described, and another quote that the key ``used`` executed."""
    kept = Book()
    other = Quote("other", "10.00")
    kept.add(other)
    kept.executed(other, "used", "trade of other")
    quote = Quote("mine", "10.00")
    kept.add(quote)
    if "executed_by" in mine:
        kept.executed(quote, str(mine["executed_by"]), "trade of mine")
    quote.rejected, quote.past_expiry = bool(mine.get("rejected")), bool(mine.get("past_expiry"))
    return kept, quote


@pytest.mark.parametrize(
    ("state", "key", "answer"),
    [
        ({}, "fresh", Answer.NEW_TRADE),
        ({}, "used", Answer.CONFLICT),
        ({"executed_by": "k"}, "k", Answer.SAME_TRADE),
        ({"executed_by": "k"}, "fresh", Answer.SAME_TRADE_OR_CONFLICT),
        ({"executed_by": "k"}, "used", Answer.CONFLICT),
        ({"executed_by": "k", "past_expiry": True}, "k", Answer.SAME_TRADE_OR_CONFLICT),
        ({"executed_by": "k", "past_expiry": True}, "fresh", Answer.SAME_TRADE_OR_CONFLICT),
        ({"rejected": True}, "fresh", Answer.CONFLICT),
        ({"rejected": True}, "used", Answer.CONFLICT),
        ({"past_expiry": True}, "fresh", Answer.CONFLICT),
        ({"rejected": True, "past_expiry": True}, "fresh", Answer.CONFLICT),
    ],
)
def test_the_state_of_quote_and_key_decides_what_transact_must_answer(
    state: dict[str, object], key: str, answer: Answer
) -> None:
    kept, quote = book(**state)

    assert kept.expects(quote, key) is answer


@pytest.mark.parametrize(
    ("answer", "status", "trade", "known", "permitted"),
    [
        (Answer.NEW_TRADE, 201, "t", None, True),
        (Answer.NEW_TRADE, 200, "t", None, True),
        (Answer.NEW_TRADE, 201, None, None, False),
        (Answer.NEW_TRADE, 409, None, None, False),
        (Answer.NEW_TRADE, 302, "t", None, False),
        (Answer.SAME_TRADE, 200, "t", "t", True),
        (Answer.SAME_TRADE, 201, "other", "t", False),
        (Answer.SAME_TRADE, 200, None, "t", False),
        (Answer.SAME_TRADE, 409, None, "t", False),
        (Answer.SAME_TRADE_OR_CONFLICT, 200, "t", "t", True),
        (Answer.SAME_TRADE_OR_CONFLICT, 409, None, "t", True),
        (Answer.SAME_TRADE_OR_CONFLICT, 201, "other", "t", False),
        (Answer.SAME_TRADE_OR_CONFLICT, 500, None, "t", False),
        (Answer.CONFLICT, 409, None, None, True),
        (Answer.CONFLICT, 409, None, "t", True),
        (Answer.CONFLICT, 201, "t", None, False),
        (Answer.CONFLICT, 200, "t", "t", False),
        (Answer.CONFLICT, 404, None, None, False),
    ],
)
def test_an_answer_permits_its_statuses_and_trades(
    answer: Answer, status: int, trade: str | None, known: str | None, permitted: bool
) -> None:
    assert permits(answer, status, trade, known) is permitted


@dataclass
class World:
    """A pool as simple as can be, written without looking at the model; ``flaw`` breaks one of its rules."""

    flaw: str = ""
    trades: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    rejected: set[str] = field(default_factory=set)
    expired: set[str] = field(default_factory=set)
    made: int = 0

    def transact(self, quote: str, key: str) -> tuple[int, str | None]:
        if self.keys.get(key, quote) != quote and self.flaw != "forgets keys":
            return 409, None
        if quote in self.trades and self.flaw != "trades twice":
            return 200, self.trades[quote]
        if quote in self.rejected and self.flaw != "ignores rejection":
            return 409, None
        if quote in self.expired and self.flaw != "ignores expiry":
            return 409, None
        self.made += 1
        self.trades[quote], self.keys[key] = f"trade {self.made}", quote
        return 201, self.trades[quote]


moves = st.lists(
    st.tuples(st.sampled_from(["transact", "reject", "expire"]), st.sampled_from("ABC"), st.sampled_from("xyz")),
    max_size=30,
)


def play(world: World, story: list[tuple[str, str, str]]) -> list[bool]:
    """What the model thinks of each answer the world gives to these moves."""
    kept = Book()
    for name in "ABC":
        kept.add(Quote(name, "10.00"))
    opinions = []
    for move, name, key in story:
        quote = kept.quotes[name]
        if move == "expire":
            world.expired.add(name)
            quote.past_expiry = True
        elif move == "reject" and quote.status is QuoteStatus.ACTIVE:
            world.rejected.add(name)
            quote.rejected = True
        elif move == "transact":
            expected = kept.expects(quote, key)
            status, trade = world.transact(name, key)
            opinions.append(permits(expected, status, trade, quote.trade))
            if expected is Answer.NEW_TRADE and trade is not None:
                kept.executed(quote, key, trade)
    return opinions


@given(moves)
def test_a_correct_world_is_never_objected_to(story: list[tuple[str, str, str]]) -> None:
    assert all(play(World(), story))


@given(moves)
def test_a_quote_is_expected_to_make_a_trade_at_most_once_and_a_key_too(story: list[tuple[str, str, str]]) -> None:
    kept = Book()
    for name in "ABC":
        kept.add(Quote(name, "10.00"))
    by_quote: list[str] = []
    by_key: list[str] = []
    for number, (move, name, key) in enumerate(story):
        quote = kept.quotes[name]
        if move == "transact" and kept.expects(quote, key) is Answer.NEW_TRADE:
            by_quote.append(name)
            by_key.append(key)
            kept.executed(quote, key, f"trade {number}")
        quote.rejected |= move == "reject" and quote.status is QuoteStatus.ACTIVE
        quote.past_expiry |= move == "expire"

    assert len(set(by_quote)) == len(by_quote)
    assert len(set(by_key)) == len(by_key)


FLAWS = {
    "trades twice": [("transact", "A", "x"), ("transact", "A", "x")],
    "forgets keys": [("transact", "A", "x"), ("transact", "B", "x")],
    "ignores rejection": [("reject", "A", "x"), ("transact", "A", "x")],
    "ignores expiry": [("expire", "A", "x"), ("transact", "A", "x")],
}


@pytest.mark.parametrize(("flaw", "story"), FLAWS.items(), ids=FLAWS)
def test_a_flawed_world_is_objected_to(flaw: str, story: list[tuple[str, str, str]]) -> None:
    assert not all(play(World(flaw), story))

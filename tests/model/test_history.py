"""Histories written by hand, good and bad, and what the checkers say of each."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.model.history import (
    CHECKERS,
    Account,
    Ceiling,
    History,
    Operation,
    Outcome,
    Quiet,
    What,
    answers_agree,
    between,
    ceilings_hold,
    duplicated,
    findings,
    known_afterwards,
    money_is_conserved,
    no_debit_without_trade,
    one_debit_per_trade,
    one_ending,
    one_quote_per_key,
    one_trade_per_quote,
    partners_do_not_meet,
    polls_go_forward,
    refused,
    refused_did_nothing,
    rejection_stands,
    replays_are_answered,
)

US, THEM = "us", "them"
ONCE, AT_ONCE, PER_QUOTE = "POOLS-TRANSACT-ONCE", "POOLS-TRANSACT-CONCURRENT-ONCE", "POOLS-TRANSACT-ONCE-PER-QUOTE"
CONFLICT, KEYS, OBJECTS = "POOLS-TRANSACT-KEY-CONFLICT", "POOLS-ISOLATION-KEYS", "POOLS-ISOLATION-OBJECTS"
BLOCKS, CONSUMED, REJECT_ONCE = "POOLS-REJECT-BLOCKS", "POOLS-REJECT-CONSUMED", "POOLS-REJECT-ONCE"
RESERVES, FORWARD, EXPIRES = "POOLS-TRANSACT-RESERVES", "POOLS-POLL-FORWARD", "POOLS-QUOTE-EXPIRES"

DEBIT, REFUND = Decimal("-10.00"), Decimal("10.00")


def done(what: What, begin: float, end: float, status: int, **more: Any) -> Operation:
    """One operation of ours on quote ``q``; no status means that no answer came."""
    outcome = Outcome.OK if 200 <= status < 300 else Outcome.FAIL if 400 <= status < 500 else Outcome.UNKNOWN
    return Operation(**{"process": 1, "partner": US, "quote": "q", **more}, what=what, began=begin, ended=end,
                     outcome=outcome, status=status)  # fmt: skip


def ran(begin: float, end: float, status: int = 201, trade: str = "t", key: str = "k", **more: Any) -> Operation:
    """A transact; a refused or lost one names no trade."""
    return done(What.TRANSACT, begin, end, status, trade=trade if 200 <= status < 300 else "", key=key, **more)


def refused_by(begin: float, end: float, status: int = 409, **more: Any) -> Operation:
    return ran(begin, end, status, **more)


def lost(begin: float, end: float, **more: Any) -> Operation:
    return ran(begin, end, 0, **more)


def rejected(begin: float, end: float, status: int = 200, **more: Any) -> Operation:
    return done(What.REJECT, begin, end, status, **more)


def read(begin: float, end: float, word: str, status: int = 200) -> Operation:
    return done(What.READ, begin, end, status, word=word)


def poll(begin: float, end: float, word: str = "reserved", trade: str = "t", status: int = 200) -> Operation:
    return done(What.POLL, begin, end, status, word=word, trade=trade)


def quiet(trades: str = "t", debits: int = 1, word: str = "consumed", owner: str = US, **more: Any) -> Quiet:
    return Quiet(owner, word, tuple(trades.split()), **{"deltas": (DEBIT,) * debits, **more})


UNTOUCHED = quiet("", 0, "active")
MADE = quiet()


def history(*operations: Operation, **quotes: Quiet) -> History:
    return History(operations, quotes or {"q": MADE}, patience=2.0)


GOOD: Mapping[str, History] = {
    "nothing happened": history(q=UNTOUCHED),
    "one execution": history(ran(0, 1)),
    "a replay": history(ran(0, 1), ran(2, 3, 200)),
    "duplicates at once": history(ran(0, 3), ran(0, 2, 200), ran(1, 4, 200)),
    "a duplicate refused in flight": history(ran(0, 3), refused_by(1, 2)),
    "a duplicate throttled": history(ran(0, 1), refused_by(2, 3, 429)),
    "two keys at once": history(ran(0, 3), ran(0, 3, 200, key="l")),
    "another key refused": history(ran(0, 1), refused_by(2, 3, key="l")),
    "an answer lost, the work done": history(lost(0, 1), ran(2, 3, 200)),
    "an answer lost, the work not done": history(lost(0, 1), ran(2, 3, 201)),
    "an answer lost and never asked for again, done": history(lost(0, 1)),
    "an answer lost and never asked for again, not done": history(lost(0, 1), q=UNTOUCHED),
    "every answer lost": history(lost(0, 1), lost(2, 3), lost(4, 5)),
    "an answer lost, the retry refused in flight, then answered": history(lost(0, 1), refused_by(1, 2), ran(3, 4, 200)),
    "an answer lost, the retry refused while it may be under way": history(lost(0, 1), refused_by(1.9, 3)),
    "a replay lost, its retry refused while it may be under way": history(ran(0, 1), lost(2, 3), refused_by(3, 4)),
    "two replays at once, one refused": history(ran(0, 1), ran(2, 4, 200), refused_by(3, 5)),
    "an answer lost, refused for want of money, then made": history(lost(0, 1), refused_by(3, 4, 402), ran(5, 6)),
    "refused, then lost, and made": history(refused_by(0, 1, 402), lost(2, 3)),
    "an answer lost, another key refused": history(lost(0, 1), refused_by(5, 6, key="l")),
    "a late replay refused": history(ran(0, 1), refused_by(20, 21, late=True)),
    "the balance gate is off": history(ran(0, 1), q=quiet(debits=0, gated=False)),
    "no debit to be seen yet": history(ran(0, 1), q=quiet(debits=0)),
    "a trade that failed and was refunded": history(ran(0, 1), q=Quiet(US, "consumed", ("t",), (DEBIT, REFUND))),
    "a quote nobody read in the end": history(ran(0, 1), q=quiet(word="")),
    "a list that shows a trade twice": history(ran(0, 1), q=quiet("t t")),
    "refused for want of money": history(refused_by(0, 1, 402), q=UNTOUCHED),
    "refused, then executed with the same key": history(refused_by(0, 1, 402), ran(2, 3)),
    "a reject wins": history(rejected(0, 2), refused_by(0, 3), q=quiet("", 0, "rejected")),
    "a transact wins": history(ran(0, 2), rejected(0, 3, 409)),
    "a reject lost, and it won": history(rejected(0, 1, 0), refused_by(2, 3), q=quiet("", 0, "rejected")),
    "a reject lost, and it did not win": history(rejected(0, 1, 0), ran(2, 3)),
    "it expired first": history(refused_by(0, 1), q=quiet("", 0, "expired")),
    "looked at before and after": history(
        read(0, 1, "active"), ran(1, 3), read(2, 4, "active"), read(4, 5, "consumed"), poll(5, 6)
    ),
    "polled before it was executed": history(poll(0, 1, "", "", 404), ran(2, 3), poll(4, 5)),
    "a poll shown as quoted before": history(poll(0, 1, "quoted", ""), ran(2, 3)),
    "a look that failed": history(ran(0, 1), read(2, 3, "", 0), poll(2, 3, "", "", 429)),
    "polled to its end": history(ran(0, 1), poll(2, 3), poll(4, 5, "settled"), poll(6, 7, "returned")),
    "polls that cross": history(ran(0, 1), poll(2, 5, "settled"), poll(3, 6, "reserved")),
    "one key for two quotes": history(
        ran(0, 2, about="q"), refused_by(0, 2, quote="r"), q=MADE, r=UNTOUCHED
    ),
    "one key for two quotes, both refused": history(
        refused_by(0, 2), refused_by(0, 2, quote="r"), q=UNTOUCHED, r=UNTOUCHED
    ),
    "one key of two partners": history(
        ran(0, 2), ran(0, 2, quote="r", partner=THEM, trade="u"), q=MADE, r=quiet("u", owner=THEM)
    ),
    "a stranger who spent the key on our quote before": history(
        ran(0, 1), refused_by(2, 3, 404, partner=THEM), refused_by(4, 5, quote="r", partner=THEM),
        q=MADE, r=quiet("", 0, "active", THEM)
    ),
    "a stranger turned away": history(ran(0, 1), refused_by(2, 3, 404, partner=THEM)),
    "a stranger shown what is his own": history(
        ran(0, 1), ran(0, 1, quote="r", partner=THEM, trade="u"),
        ran(2, 3, 200, partner=THEM, trade="u", about="r"),
        q=MADE, r=quiet("u", owner=THEM)
    ),
    "a stranger who is not heard": history(ran(0, 1), lost(2, 3, partner=THEM)),
}  # fmt: skip


@pytest.mark.parametrize("good", GOOD.values(), ids=GOOD)
def test_a_good_history_has_no_finding(good: History) -> None:
    assert findings(good) == []


BAD: dict[str, tuple[Any, History, list[str]]] = {
    # --- one trade per quote
    "a replay made another trade": (
        one_trade_per_quote, history(ran(0, 1), ran(2, 3, trade="u"), q=quiet("t u")), [ONCE]),
    "duplicates at once both made one": (
        one_trade_per_quote, history(ran(0, 2), ran(1, 3, trade="u"), q=quiet("t u")), [AT_ONCE]),
    "another key made another": (
        one_trade_per_quote, history(ran(0, 1), ran(2, 3, trade="u", key="l"), q=quiet("t u")), [PER_QUOTE]),
    "a lost answer and its retry both made one": (
        one_trade_per_quote, history(lost(0, 1), ran(2, 3, trade="u"), q=quiet("t u")), [ONCE]),
    "two lost answers each made one": (
        one_trade_per_quote, history(lost(0, 1), lost(2, 3), q=quiet("t u")), [ONCE]),
    "a refused replay made another": (
        one_trade_per_quote, history(ran(0, 1), refused_by(2, 3), q=quiet("t u")), [ONCE]),
    "a success without any trade": (one_trade_per_quote, history(ran(0, 1), q=UNTOUCHED), [ONCE]),
    # --- one debit per trade
    "a replay was debited": (one_debit_per_trade, history(ran(0, 1), ran(2, 3, 200), q=quiet(debits=2)), [ONCE]),
    "duplicates at once were both debited": (
        one_debit_per_trade, history(ran(0, 2), ran(1, 3, 200), q=quiet(debits=2)), [AT_ONCE]),
    "a duplicate refused in flight was debited": (
        one_debit_per_trade, history(ran(0, 3), refused_by(1, 2), q=quiet(debits=2)), [AT_ONCE]),
    "another key was debited": (
        one_debit_per_trade, history(ran(0, 1), refused_by(2, 3, key="l"), q=quiet(debits=2)), [PER_QUOTE]),
    "a lost answer debited without a trade": (
        no_debit_without_trade, history(lost(0, 1), q=quiet("", 1, "active")), [ONCE]),
    "a refused execution was debited": (
        no_debit_without_trade, history(refused_by(0, 1), q=quiet("", 1, "expired")), [EXPIRES]),
    # --- answers agree
    "a replay named another trade": (answers_agree, history(ran(0, 1), ran(2, 3, 200, trade="u")), [ONCE]),
    "two keys got two names": (answers_agree, history(ran(0, 2), ran(1, 3, 200, "u", "l")), [AT_ONCE]),
    "a success without a name": (answers_agree, history(ran(0, 1), ran(2, 3, 200, trade="")), [ONCE]),
    "a trade nobody lists": (answers_agree, history(ran(0, 1, trade="u")), [ONCE]),
    "a poll showed another trade": (answers_agree, history(ran(0, 1), poll(2, 3, trade="u")), [ONCE]),
    "a replay named the trade of another quote": (
        answers_agree,
        history(ran(0, 1), ran(2, 3, quote="r", trade="u", key="l"), ran(4, 5, 200, trade="u"),
                q=MADE, r=quiet("u")),
        [ONCE]),
    "a key used for another quote gave its trade": (
        answers_agree, history(ran(0, 1), ran(2, 3, 200, quote="r", about="q"), q=MADE, r=UNTOUCHED), [CONFLICT]),
    "a key another partner used gave that one's trade": (
        answers_agree,
        history(ran(0, 1), ran(2, 3, 200, quote="r", partner=THEM), q=MADE, r=quiet("", 0, "active", THEM)),
        [KEYS]),
    # --- replays are answered
    "a replay was refused": (replays_are_answered, history(ran(0, 1), refused_by(2, 3)), [ONCE]),
    "two replays were refused": (
        replays_are_answered, history(ran(0, 1), refused_by(2, 3), refused_by(4, 5)), [ONCE, ONCE]),
    "a replay was not found": (replays_are_answered, history(ran(0, 1), refused_by(2, 3, 404)), [ONCE]),
    "after a lost answer the key stays busy for good": (
        replays_are_answered, history(lost(0, 1), refused_by(1, 2), refused_by(2.5, 3)), [ONCE]),
    "after a lost replay the key stays busy for good": (
        replays_are_answered, history(ran(0, 1), lost(1, 2), refused_by(2, 3), refused_by(5, 6)), [ONCE]),
    # --- one quote per key
    "one key executed two quotes at once": (
        one_quote_per_key, history(ran(0, 2), ran(1, 3, quote="r", trade="u"), q=MADE, r=quiet("u")), [CONFLICT]),
    "one key executed a second quote unheard": (
        one_quote_per_key, history(ran(0, 2), lost(1, 3, quote="r"), q=MADE, r=quiet("u")), [CONFLICT]),
    # --- refused did nothing
    "a refused key conflict used the quote up": (
        refused_did_nothing,
        history(ran(0, 1), refused_by(2, 3, quote="r"), q=MADE, r=quiet("", 0, "consumed")),
        [CONFLICT]),
    "a refused key conflict made a trade": (
        refused_did_nothing, history(ran(0, 1), refused_by(2, 3, quote="r"), q=MADE, r=quiet("u")), [CONFLICT]),
    "duplicates were all refused and one made a trade": (
        refused_did_nothing, history(refused_by(0, 2), refused_by(1, 3)), [AT_ONCE]),
    "a refused execution made a trade": (refused_did_nothing, history(refused_by(0, 1, 402)), [ONCE]),
    "an expired quote has a trade": (
        refused_did_nothing, history(refused_by(0, 1), q=quiet(word="expired")), [EXPIRES]),
    "a rejected quote has a trade": (
        refused_did_nothing, history(rejected(0, 1), refused_by(2, 3), q=quiet(word="rejected")), [BLOCKS]),
    # --- one ending
    "both won and it reads rejected": (
        one_ending, history(ran(0, 2), rejected(0, 2), q=quiet(word="rejected")), [BLOCKS]),
    "both won and it reads consumed": (one_ending, history(ran(0, 2), rejected(0, 2)), [CONSUMED]),
    "a reject won over an execution nobody heard of": (one_ending, history(lost(0, 1), rejected(2, 3)), [CONSUMED]),
    "a lost reject and a success": (
        one_ending, history(ran(0, 2), rejected(0, 2, 0), q=quiet(word="rejected")), [BLOCKS]),
    "two rejects won": (
        one_ending, history(rejected(0, 2), rejected(1, 3), q=quiet("", 0, "rejected")), [REJECT_ONCE]),
    # --- known afterwards
    # --- what read rejected is over
    "it is executed after it read rejected": (
        rejection_stands, history(read(0, 1, "rejected"), ran(2, 3)), [BLOCKS, BLOCKS]),
    "it is rejected after it read rejected": (
        rejection_stands, history(read(0, 1, "rejected"), rejected(2, 3), q=quiet("", 0, "rejected")), [REJECT_ONCE]),
    "it reads active after it read rejected": (
        rejection_stands, history(read(0, 1, "rejected"), q=quiet("", 0, "active")), [BLOCKS]),
    "it still reads active": (known_afterwards, history(ran(0, 1), read(2, 3, "active")), [RESERVES]),
    "it reads expired": (known_afterwards, history(ran(0, 1), read(2, 3, "expired")), [RESERVES]),
    "it cannot be read": (known_afterwards, history(ran(0, 1), read(2, 3, "", 404)), [RESERVES]),
    "a poll does not find it": (known_afterwards, history(ran(0, 1), poll(2, 3, "", "", 404)), [FORWARD]),
    "a poll shows it as quoted": (known_afterwards, history(ran(0, 1), poll(1, 3, "quoted", "")), [FORWARD]),
    # --- polls go forward
    "settled, then reserved": (
        polls_go_forward, history(ran(0, 1), poll(2, 3, "settled"), poll(4, 5, "reserved")), [FORWARD]),
    "failed, then settled": (
        polls_go_forward, history(ran(0, 1), poll(2, 3, "failed"), poll(3, 5, "settled")), [FORWARD]),
    # --- partners do not meet
    "a stranger replayed our execution": (
        partners_do_not_meet, history(ran(0, 1), ran(2, 3, 200, partner=THEM)), [KEYS]),
    "a stranger executed our quote": (
        partners_do_not_meet, history(ran(0, 1, partner=THEM)), [OBJECTS]),
    "a stranger polled our trade": (
        partners_do_not_meet, history(ran(0, 1), done(What.POLL, 2, 3, 200, partner=THEM)), [OBJECTS]),
    "our key refused theirs, who tried it on ours afterwards": (
        partners_do_not_meet,
        history(ran(0, 2), refused_by(1, 3, quote="r", partner=THEM), refused_by(4, 5, partner=THEM),
                q=MADE, r=quiet("", 0, "active", THEM)),
        [KEYS]),
    "our key refused theirs": (
        partners_do_not_meet,
        history(ran(0, 2), refused_by(1, 3, quote="r", partner=THEM), q=MADE, r=quiet("", 0, "active", THEM)),
        [KEYS]),
}  # fmt: skip


@pytest.mark.parametrize(("checker", "bad", "broken"), BAD.values(), ids=BAD)
def test_a_bad_history_is_found_by_its_checker(checker: Any, bad: History, broken: list[str]) -> None:
    assert [found.requirement for found in checker(bad)] == broken
    assert set(broken) <= {found.requirement for found in findings(bad)}


def test_every_checker_has_seen_several_bad_histories() -> None:
    counts = {checker: sum(row[0] is checker for row in BAD.values()) for checker in CHECKERS}
    counts[money_is_conserved] = len(BROKE)
    counts[ceilings_hold] = len(BEYOND)

    assert all(count >= 2 for count in counts.values())


def test_a_finding_shows_every_exchange_of_its_quote() -> None:
    told = History(
        (ran(0, 1, exchange="e1"), ran(2, 3, exchange="e2"), ran(0, 1, quote="r", exchange="e3")),
        {"q": quiet("t u"), "r": MADE},
        seen={"q": ("e4",)},
    )

    [found] = one_trade_per_quote(told)

    assert found.exchanges == ("e1", "e2", "e4")
    assert (found.expected, found.observed) == ("one trade", "2 trades")


@pytest.mark.parametrize(
    ("operations", "requirement"),
    [
        ([ran(0, 1), ran(1, 2)], ONCE),
        ([ran(0, 1), ran(0.5, 2)], AT_ONCE),
        ([ran(0, 1), ran(0.5, 2, key="l")], AT_ONCE),
        ([ran(0, 1), ran(1, 2, key="l")], PER_QUOTE),
        ([lost(0, 1), ran(1, 2)], ONCE),
        ([ran(0, 1), refused_by(0.5, 2, 404, partner=THEM)], ONCE),
    ],
)
def test_how_it_was_asked_for_twice_decides_what_a_second_trade_breaks(
    operations: list[Operation], requirement: str
) -> None:
    assert duplicated(history(*operations), "q") == requirement


@pytest.mark.parametrize(
    ("told", "requirement"),
    [
        (history(rejected(0, 1), refused_by(2, 3), q=quiet(word="")), BLOCKS),
        (history(refused_by(2, 3), q=quiet(word="rejected")), BLOCKS),
        (history(refused_by(2, 3), q=quiet(word="expired")), EXPIRES),
        (history(refused_by(2, 3), ran(0, 1, quote="r"), q=MADE, r=quiet("u")), CONFLICT),
        (history(refused_by(2, 3, 402)), ONCE),
    ],
)
def test_why_it_was_refused_decides_what_an_effect_breaks(told: History, requirement: str) -> None:
    assert refused(told, "q") == requirement


KEPT: list[tuple[str, str, list[str], bool]] = [
    ("100.00", "100.00", [], False),
    ("100.00", "80.00", ["-10.00", "-10.00"], False),
    ("100.00", "100.0", ["-10.00", "10.00"], False),
    ("100.00", "70.00", ["-10.00"], True),
]
BROKE: list[tuple[str, str, list[str]]] = [
    ("100.00", "90.00", []),
    ("100.00", "90.00", ["-10.00", "-10.00"]),
    ("100.00", "100.00", ["-10.00"]),
    ("100.00", "89.99", ["-10.00"]),
]


@pytest.mark.parametrize(("before", "after", "moved", "foreign"), KEPT)
def test_money_that_is_explained_or_not_only_ours_is_conserved(
    before: str, after: str, moved: list[str], foreign: bool
) -> None:
    account = Account(Decimal(before), Decimal(after), tuple(map(Decimal, moved)), foreign)

    assert list(money_is_conserved(History((), {}, (account,)))) == []


@pytest.mark.parametrize(("before", "after", "moved"), BROKE)
def test_money_that_no_movement_explains_is_found(before: str, after: str, moved: list[str]) -> None:
    account = Account(Decimal(before), Decimal(after), tuple(map(Decimal, moved)))

    assert [found.requirement for found in money_is_conserved(History((), {}, (account,)))] == ["POOLS-LEDGER-SUM"]


BALANCE, CAP = "POOLS-DENY-BALANCE-AT-ONCE", "POOLS-DENY-VELOCITY-AT-ONCE"
REFUNDED = quiet(deltas=(DEBIT, REFUND))
FAILED = quiet(states=("failed",))
RESERVED = quiet(states=("reserved",))

WITHIN: dict[str, tuple[str, list[Quiet]]] = {
    "one of two": (BALANCE, [MADE, UNTOUCHED]),
    "just the balance": (BALANCE, [MADE, MADE]),
    "one that gave its money back": (BALANCE, [MADE, MADE, REFUNDED]),
    "none below the cap": (CAP, [UNTOUCHED, UNTOUCHED]),
    "one below the cap": (CAP, [RESERVED, UNTOUCHED]),
    "one below the cap after one that failed": (CAP, [FAILED, RESERVED]),
}
BEYOND: dict[str, tuple[str, list[Quiet]]] = {
    "three for the balance of two": (BALANCE, [MADE, MADE, MADE]),
    "three, one of which gave nothing back": (BALANCE, [RESERVED, MADE, MADE, REFUNDED]),
    "just what the cap refuses": (CAP, [RESERVED, MADE]),
    "more than the cap refuses": (CAP, [RESERVED, MADE, MADE]),
}


def together(requirement: str, stands: list[Quiet], *units: str) -> History:
    """Quotes of 10.00 each, which may not come to more than 20.00, or for the cap not to that, in each unit."""
    quotes = {f"q{number}": quiet for number, quiet in enumerate(stands)}
    amounts = {quote: tuple(map(Decimal, units or ("10.00",))) for quote in quotes}
    bound = (Decimal("20.00"),) * len(units or ("10.00",))
    ceiling = Ceiling(requirement, amounts, bound, reachable=requirement == BALANCE)
    return History((), quotes, ceilings=(ceiling,))


@pytest.mark.parametrize(("requirement", "stands"), WITHIN.values(), ids=WITHIN)
def test_what_stays_below_a_ceiling_is_no_finding(requirement: str, stands: list[Quiet]) -> None:
    assert list(ceilings_hold(together(requirement, stands))) == []


@pytest.mark.parametrize(("requirement", "stands"), BEYOND.values(), ids=BEYOND)
def test_what_is_executed_beyond_a_ceiling_is_found(requirement: str, stands: list[Quiet]) -> None:
    assert [found.requirement for found in ceilings_hold(together(requirement, stands))] == [requirement]


def test_a_ceiling_whose_unit_is_not_known_is_exceeded_in_every_unit_or_not_at_all() -> None:
    assert list(ceilings_hold(together(CAP, [MADE, MADE], "10.00", "9.00"))) == []
    assert list(ceilings_hold(together(CAP, [MADE, MADE], "10.00", "10.01"))) != []


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [
        ("cba", "cba", ""),
        ("cba", "dcba", "d"),
        ("cba", "fedcb", "fed"),
        ("", "ba", "ba"),
        ("", "", ""),
        ("cba", "zyx", None),
        ("cba", "", None),
        ("aa", "aaa", "a"),
    ],
)
def test_what_came_since_a_list_was_read_stands_before_what_it_showed_then(
    before: str, after: str, new: str | None
) -> None:
    found = between(before, after)

    assert found == (None if new is None else tuple(new))


@given(
    st.permutations([ran(0, 3), ran(0, 2, 200), refused_by(1, 2), ran(4, 5, 200), poll(5, 6), read(6, 7, "consumed")])
)
def test_the_order_in_which_threads_report_does_not_matter(operations: list[Operation]) -> None:
    assert findings(history(*operations)) == []
    doubled = {found.requirement for found in findings(history(*operations, q=quiet("t u", 2)))}
    assert doubled == {AT_ONCE}


def test_unknown_operations_may_have_happened_or_not_in_any_combination() -> None:
    for made, asked in itertools.product((True, False), (1, 2, 3)):
        told = history(*[lost(begin, begin + 1) for begin in range(asked)], q=MADE if made else UNTOUCHED)
        assert findings(told) == []

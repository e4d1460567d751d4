"""Callers write down what they did and what they were told, and read how it stands when all is quiet."""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from conformance.client import NetworkTrouble, Refused, Reply
from conformance.client.chaos import AnswerLost, Loss, Point
from conformance.journal import Journal, Order, Outcome, read
from conformance.model.history import Account, Operation, What
from conformance.model.history import Outcome as Ended
from conformance.scenarios.bench import Bench
from conformance.scenarios.pools.callers import Callers, under_way
from conformance.scenarios.pools.desk import Desk, FirmQuote, iso
from conformance.scenarios.pools.test_exactly_once import judge_history
from conformance.target import Budget, Limits, OrderDefaults, Patience
from tests.client.clocks import NOON, FakeClock
from tests.doctor.targets import BARE, account
from tests.scenarios.benches import Recorder, judge, judgements, reply

LATER = iso(NOON + timedelta(seconds=15))
TRADE = {"transactId": "txn_1", "quoteId": "pq_1", "status": "reserved"}
DEBIT = {"delta": "-10.00", "reason": "buy_debit", "ref": "pq_1"}
LOSS = Loss(Point.UNREAD)


@dataclass
class Wire:
    """A target with one quote: what it answers by method and last word of the path. A lost answer is lost."""

    answers: dict[str, Reply | Exception] = field(default_factory=dict)
    asked: list[tuple[str, str, bool]] = field(default_factory=list)
    recorder: Recorder = field(default_factory=Recorder)

    def burst(self, count: int) -> None:
        """There is nothing to pace."""

    def send(self, who: Any, method: str, path: str, *, lose: Loss | None = None, **more: Any) -> Reply:
        self.asked.append((who.account, path, lose is not None))
        if lose is not None:
            raise AnswerLost(lose.said, "main-lost")
        last = path.rpartition("/")[2]
        found = self.answers.get(last) or USUAL[last]
        if isinstance(found, Exception):
            raise found
        return found


USUAL: dict[str, Reply] = {
    "capabilities": reply(200, {"poolId": "EUR-USDT", "fiatCurrency": "EUR", "cryptoCurrency": "USDT"}),
    "quote": reply(200, {"available": True, "executable": True, "quoteId": "pq_1", "expiresAt": LATER}),
    "transact": reply(201, TRADE, "main-made"),
    "reject": reply(409, {}),
    "pq_1": reply(200, {"quoteId": "pq_1", "status": "consumed"}, "main-read"),
    "trades": reply(200, {"trades": [TRADE]}, "main-trades"),
    "ledger": reply(200, {"available": "90.00", "entries": [DEBIT]}, "main-ledger"),
    "balance": reply(200, {"available": True, "balance": "90.00"}),
}


def calling(folder: Path, **answers: Reply | Exception) -> tuple[Callers, Desk, FirmQuote, Wire]:
    """Callers with a quote at a target that answers as usual, but for what is said here."""
    wire = Wire(dict(answers))
    accounts = {"approved": account(), "other_partner": account("other_partner")}
    order = OrderDefaults(pool="EUR-USDT", amount=Decimal("10.00"), network="tron")
    target = dataclasses.replace(BARE, accounts=accounts, order=order)
    anything: Any = wire
    journal = Journal(folder / "journal", "main")
    bench = Bench(target, anything, journal, FakeClock(), random.Random(1), Budget(target.limits), NOON)
    callers, desk = Callers(bench), Desk(bench)
    return callers, desk, callers.quote(desk), wire


def trouble() -> NetworkTrouble:
    return NetworkTrouble("nobody there", "main-trouble")


@pytest.mark.parametrize(
    ("answer", "outcome", "status"),
    [
        (reply(201, TRADE), Ended.OK, 201),
        (reply(200, TRADE), Ended.OK, 200),
        (reply(402, {}), Ended.FAIL, 402),
        (reply(409, {}), Ended.FAIL, 409),
        (reply(429, {}), Ended.FAIL, 429),
        (reply(501, {}), Ended.FAIL, 501),
        (reply(500, {}), Ended.UNKNOWN, 500),
        (trouble(), Ended.UNKNOWN, 0),
    ],
    ids=["made", "replayed", "no money", "conflict", "throttled", "no off-ramp", "a crash", "no answer"],
)
def test_how_a_call_ended_is_what_its_answer_says_of_its_effect(
    tmp_path: Path, answer: Reply | Exception, outcome: Ended, status: int
) -> None:
    callers, _, quote, _ = calling(tmp_path, transact=answer)

    done = callers.transact(3, quote, "k")

    assert (done.outcome, done.status, done.process, done.key) == (outcome, status, 3, "k")
    assert callers.operations == [done]


def test_an_answer_is_kept_with_the_ids_and_the_word_it_names(tmp_path: Path) -> None:
    callers, _, quote, _ = calling(tmp_path)

    made, seen = callers.transact(0, quote, "k"), callers.read(0, quote)

    assert (made.trade, made.about, made.word, made.exchange) == ("txn_1", "pq_1", "reserved", "main-made")
    assert (seen.what, seen.word, seen.partner, seen.quote) == (What.READ, "consumed", "approved", "pq_1")


@pytest.mark.parametrize("body", [{}, {"transactId": 7, "quoteId": None, "status": ["x"]}, ["list"]])
def test_an_answer_without_readable_ids_names_none(tmp_path: Path, body: object) -> None:
    callers, _, quote, _ = calling(tmp_path, transact=reply(201, body))

    done = callers.transact(0, quote, "k")

    assert (done.trade, done.about, done.word) == ("", "", "")


def test_a_lost_answer_leaves_an_operation_nobody_knows_the_end_of(tmp_path: Path) -> None:
    callers, _, quote, wire = calling(tmp_path)

    done = callers.transact(0, quote, "k", lose=LOSS)

    assert (done.outcome, done.exchange) == (Ended.UNKNOWN, "main-lost")
    assert wire.asked[-1] == ("approved", "/pools/EUR-USDT/transact", True)


@pytest.mark.parametrize(
    ("shift", "late"), [(0, False), (11, False), (13, True), (20, True)], ids=["at once", "in time", "close", "after"]
)
def test_an_answer_near_the_expiry_is_late(tmp_path: Path, shift: int, late: bool) -> None:
    answer = dataclasses.replace(reply(409, {}), received=NOON + timedelta(seconds=shift))
    callers, _, quote, _ = calling(tmp_path, transact=answer)

    assert callers.transact(0, quote, "k").late is late


def test_a_quote_whose_clock_was_moved_is_late_in_every_answer(tmp_path: Path) -> None:
    callers, _, quote, _ = calling(tmp_path)
    callers.aged.add(quote.id)

    assert callers.transact(0, quote, "k").late


def test_a_stranger_calls_with_a_key_of_its_own_account(tmp_path: Path) -> None:
    callers, desk, quote, wire = calling(tmp_path, transact=reply(404, {}))

    done = callers.transact(0, quote, "k", desk=Desk(desk.bench, "other_partner"))

    assert (done.partner, wire.asked[-1][0]) == ("other_partner", "other_partner")
    assert callers.history().owner("pq_1") == "approved"


def test_a_quote_is_charged_when_it_is_taken(tmp_path: Path) -> None:
    callers, desk, _, _ = calling(tmp_path)
    desk.bench.target = dataclasses.replace(BARE, limits=None)
    desk.bench.budget = Budget(Limits(trades=1, notional=Decimal("10.00"), requests_per_second=1.0))

    callers.quote(desk)
    with pytest.raises(Refused):
        callers.quote(desk)


def test_callers_begin_together_and_what_ends_one_of_them_ends_the_scenario(tmp_path: Path) -> None:
    callers, _, quote, _ = calling(tmp_path)

    def stumble() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        callers.together(lambda: callers.read(0, quote), stumble)
    assert [done.what for done in callers.operations] == [What.READ]


def test_how_a_quote_stands_is_found_by_id_with_the_exchanges_that_show_it(tmp_path: Path) -> None:
    callers, _, quote, _ = calling(tmp_path)
    callers.transact(0, quote, "k")

    history = callers.history()

    stands = history.quotes["pq_1"]
    assert (stands.owner, stands.word, stands.trades, stands.gated) == ("approved", "consumed", ("txn_1",), True)
    assert stands.deltas == (Decimal("-10.00"),)
    assert {"main-made", "main-trades", "main-ledger", "main-read"} <= set(history.evidence("pq_1"))


def test_an_execution_that_was_answered_is_an_order_like_any_other(tmp_path: Path) -> None:
    callers, _, quote, _ = calling(tmp_path)
    callers.transact(0, quote, "k", lose=LOSS)
    callers.transact(0, quote, "k")
    callers.transact(0, quote, "k")

    callers.history()

    [order] = read(tmp_path / "journal").of(Order)
    assert (order.transact, order.idempotency_key) == ("txn_1", "k")


def test_a_history_in_which_nobody_was_answered_tells_nothing(tmp_path: Path) -> None:
    callers, _, quote, _ = calling(tmp_path, transact=trouble())
    callers.transact(0, quote, "k")

    with pytest.raises(NetworkTrouble, match="nobody there"):
        callers.history()


def ledger(available: str, *entries: dict[str, str]) -> Reply:
    return reply(200, {"available": available, "entries": list(entries)})


OLD = {"delta": "100.00", "reason": "payin_credit", "ref": "deposit"}
FOREIGN = {"delta": "5.00", "reason": "payin_credit", "ref": "another deposit"}


@pytest.mark.parametrize(
    ("after", "account"),
    [
        (ledger("90.00", DEBIT, OLD), Account(Decimal(100), Decimal(90), (Decimal(-10),))),
        (ledger("100.00", DEBIT, OLD), Account(Decimal(100), Decimal(100), (Decimal(-10),))),
        (ledger("105.00", FOREIGN, OLD), Account(Decimal(100), Decimal(105), (Decimal(5),), foreign=True)),
        (ledger("100.00", OLD), Account(Decimal(100), Decimal(100), ())),
    ],
    ids=["explained", "not explained", "somebody else's", "untouched"],
)
def test_the_money_that_moved_meanwhile_is_told_from_the_ledger(tmp_path: Path, after: Reply, account: Account) -> None:
    callers, desk, quote, wire = calling(tmp_path, ledger=ledger("100.00", OLD))
    callers.watch_the_money(desk)
    callers.transact(0, quote, "k")
    wire.answers["ledger"] = after

    assert callers.history().accounts == (account,)


@pytest.mark.parametrize(
    "after",
    [ledger("90.00", DEBIT), reply(200, {"entries": [DEBIT, OLD]}), ledger("many", DEBIT, OLD)],
    ids=["pages that do not meet", "no balance", "no figure"],
)
def test_a_ledger_that_cannot_be_compared_is_not(tmp_path: Path, after: Reply) -> None:
    callers, desk, quote, wire = calling(tmp_path, ledger=ledger("100.00", OLD))
    callers.watch_the_money(desk)
    callers.transact(0, quote, "k")
    wire.answers["ledger"] = after

    assert callers.history().accounts == ()


@pytest.mark.parametrize(("patience", "seconds"), [(2, 2.0), (10, 5.0), (3600, 5.0)])
def test_nothing_counts_as_under_way_for_long(tmp_path: Path, patience: int, seconds: float) -> None:
    callers, desk, _, _ = calling(tmp_path)
    desk.bench.target = dataclasses.replace(BARE, patience=Patience(request=patience))

    assert under_way(callers.bench) == seconds


ONCE, SUM = "POOLS-TRANSACT-ONCE", "POOLS-LEDGER-SUM"


def replayed(callers: Callers, quote: FirmQuote) -> Operation:
    callers.transact(0, quote, "k")
    return callers.transact(0, quote, "k")


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({}, {ONCE: Outcome.PASS, SUM: Outcome.PASS}),
        ({"trades": reply(200, {"trades": [TRADE, {**TRADE, "transactId": "txn_2"}]})}, {ONCE: Outcome.FAIL}),
        ({"pq_1": reply(200, {"status": "rejected"})}, {ONCE: Outcome.FAIL, SUM: Outcome.PASS}),
    ],
    ids=["as it should be", "two trades", "a finding that nobody declared counts against the first"],
)
def test_a_history_decides_what_was_declared(
    tmp_path: Path, answers: dict[str, Reply], said: dict[str, Outcome]
) -> None:
    callers, desk, quote, _ = calling(tmp_path, **answers)
    replayed(callers, quote)

    judge_history(judge(desk.bench, ONCE, SUM), callers.history())

    found = {judgement.requirement: judgement.outcome for judgement in judgements(tmp_path)}
    assert found.items() >= said.items()


def test_what_did_not_come_up_is_not_evidenced_unless_it_was_broken(tmp_path: Path) -> None:
    callers, desk, quote, _ = calling(tmp_path, trades=reply(200, {"trades": [TRADE, {**TRADE, "transactId": "u"}]}))
    replayed(callers, quote)

    judge_history(judge(desk.bench, ONCE, SUM), callers.history(), {ONCE: "luck", SUM: "luck"})

    found = {judgement.requirement: judgement.outcome for judgement in judgements(tmp_path)}
    assert found == {ONCE: Outcome.FAIL, SUM: Outcome.NOT_EVIDENCED}

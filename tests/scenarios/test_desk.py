"""The desk takes quotes and remembers them, trades within limits, polls to the end and finds by id what moved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from conformance.client import Refused, Reply
from conformance.journal import Order, read
from conformance.scenarios.pools.desk import PAGES, RECENT, WHOLE, Desk, FirmQuote, firm_quote, iso
from conformance.scenarios.pools.proof import nothing_moved, one_trade_one_debit
from conformance.target import Limits, OrderDefaults, Patience
from tests.client.clocks import NOON
from tests.scenarios.benches import FakeWire, bench, reply

ORDER = OrderDefaults(pool="EUR-USDT", amount=Decimal("10.00"), network="tron")
CAPABILITIES = reply(200, {"poolId": "EUR-USDT", "fiatCurrency": "EUR", "cryptoCurrency": "USDT"})
QUOTE: dict[str, Any] = {"available": True, "executable": True, "quoteId": "pq_1", "expiresAt": iso(NOON)}


def desk(folder: Path, *answers: Reply | Exception, **changes: Any) -> Desk:
    """A desk that knows its terms already, before a wire that answers in this order."""
    at = Desk(bench(folder, CAPABILITIES, *answers, **{"order": ORDER, "limits": None, **changes}))
    assert at.terms.amount == "10.00"
    return at


def asked(at: Desk) -> list[tuple[str, str, Any]]:
    """What the desk sent, less the capabilities that its terms were read from."""
    wire: FakeWire = at.bench.wire  # type: ignore[assignment]
    return wire.asked[1:]


def given(at: Desk, quote: str = "pq_1") -> FirmQuote:
    return FirmQuote(quote, "EUR-USDT", at.terms.request(), QUOTE, reply())


def test_a_firm_quote_is_asked_for_on_our_terms_and_remembered(tmp_path: Path) -> None:
    at = desk(tmp_path, reply(200, QUOTE))

    quote = at.firm(amount="12.00", destAddress=None)

    [(method, path, body)] = asked(at)
    assert (method, path) == ("POST", "/pools/EUR-USDT/quote")
    assert (body["amount"], body["type"], "destAddress" in body) == ("12.00", "firm", False)
    assert (quote.id, quote.amount, quote.expires) == ("pq_1", "12.00", NOON)
    assert at.bench.open_quotes == {"pq_1": ("approved", NOON)}


def test_a_pool_that_is_unavailable_for_a_moment_is_asked_again(tmp_path: Path) -> None:
    at = desk(tmp_path, reply(200, {"available": False}), reply(200, {"available": False}), reply(200, QUOTE))

    assert at.firm().id == "pq_1"


@pytest.mark.parametrize(
    ("answer", "tries"),
    [
        (reply(200, {"available": False}), 3),
        (reply(403, {"code": "kyc_not_approved"}), 1),
        (reply(200, {**QUOTE, "executable": False}), 1),
        (reply(200, {**QUOTE, "quoteId": 7}), 1),
        (reply(200, [QUOTE]), 1),
    ],
)
def test_without_an_executable_quote_a_scenario_cannot_go_on(tmp_path: Path, answer: Reply, tries: int) -> None:
    at = desk(tmp_path, answer)

    with pytest.raises(Refused, match=rf"an executable quote for 10\.00 EUR on EUR-USDT .* {answer.status}\)"):
        at.firm()
    assert len(asked(at)) == tries


def test_an_unexpected_quote_is_remembered_too(tmp_path: Path) -> None:
    at = desk(tmp_path, reply(200, {**QUOTE, "executable": False}))

    at.ask(side="off_ramp")

    assert list(at.bench.open_quotes) == ["pq_1"]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (reply(200, QUOTE), True),
        (reply(201, QUOTE), True),
        (reply(404, QUOTE), False),
        (reply(200, {**QUOTE, "available": "true"}), False),
        (reply(200, {**QUOTE, "quoteId": None}), False),
        (reply(200), False),
    ],
)
def test_a_firm_quote_is_available_executable_and_has_an_id(answer: Reply, found: bool) -> None:
    assert (firm_quote("EUR-USDT", {}, answer) is not None) is found


def test_an_execution_is_charged_sent_under_its_key_and_noted_as_an_order(tmp_path: Path) -> None:
    limits = Limits(trades=1, notional=Decimal("10.00"), requests_per_second=1.0)
    trade = {"transactId": "txn_1", "status": "reserved"}
    at = desk(tmp_path, reply(201, trade, **{"X-Request-Id": "req_1"}), limits=limits)
    at.bench.open_quotes["pq_1"] = ("approved", None)

    at.execute(given(at), "key")

    [order] = at.bench.orders
    assert (order.quote, order.transact, order.idempotency_key, order.status) == ("pq_1", "txn_1", "key", "reserved")
    assert (order.amount, order.currency, order.request_id) == ("10.00", "EUR", "req_1")
    assert read(tmp_path / "journal").of(Order) == [order]
    assert at.bench.open_quotes == {}
    assert at.bench.trades_left("10.00") == 0


def test_nothing_is_sent_beyond_the_limits(tmp_path: Path) -> None:
    at = desk(tmp_path, reply(201), limits=Limits(trades=0, notional=Decimal(99), requests_per_second=1.0))

    with pytest.raises(Refused, match=r"limits\.trades"):
        at.execute(given(at))
    assert asked(at) == []


@pytest.mark.parametrize("answer", [reply(409, {"transactId": "txn_1"}), reply(201, {}), reply(201, {"transactId": 1})])
def test_an_answer_without_a_trade_is_no_order(tmp_path: Path, answer: Reply) -> None:
    at = desk(tmp_path, answer)

    at.execute(given(at))

    assert at.bench.orders == []


def test_a_trade_answered_twice_is_one_order(tmp_path: Path) -> None:
    at = desk(tmp_path)
    for _ in range(2):
        at.note_order(given(at), "key", reply(200, {"transactId": "txn_1"}))

    assert len(at.bench.orders) == 1


def states(*names: str) -> list[Reply]:
    return [reply(200, {"status": name}) for name in names]


@pytest.mark.parametrize("end", ["settled", "failed", "released", "returned"])
def test_polling_ends_with_the_trade(tmp_path: Path, end: str) -> None:
    at = desk(tmp_path, *states("reserved", "reserved", end, "never asked"))

    polls = at.poll_to_end("pq_1")

    assert [poll.object()["status"] for poll in polls] == ["reserved", "reserved", end]


def test_polling_can_wait_for_an_end_of_its_own(tmp_path: Path) -> None:
    at = desk(tmp_path, *states("settled", "settled", "returned", "never asked"))

    assert len(at.poll_to_end("pq_1", until=frozenset({"returned"}))) == 3


def test_polling_ends_when_the_answer_is_no_trade(tmp_path: Path) -> None:
    at = desk(tmp_path, reply(404))

    assert len(at.poll_to_end("pq_1")) == 1


def test_polling_ends_with_the_profiles_patience(tmp_path: Path) -> None:
    at = desk(tmp_path, *states("reserved"), patience=Patience(settle=10, poll_every=2.5))

    polls = at.poll_to_end("pq_1")

    assert len(polls) == 5
    assert at.bench.clock.slept == [2.5] * 4  # type: ignore[attr-defined]


def page(rows: list[dict[str, Any]], cursor: str | None = None) -> Reply:
    return reply(200, {"rows": rows, "nextCursor": cursor, "hasMore": cursor is not None})


Walk = Callable[[Desk], Any]
WALKS: dict[str, Walk] = {"trades": lambda at: at.list_trades(), "ledger": lambda at: at.list_entries()}


@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)
def test_a_walk_follows_the_cursor_to_the_end(tmp_path: Path, walk: Walk) -> None:
    at = desk(tmp_path, page([{"n": 1}, {"n": 2}], "c1"), page([{"n": 3}], "c2"), page([{"n": 4}]))

    assert [row["n"] for _, row in walk(at)] == [1, 2, 3, 4]


@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)
def test_a_walk_stops_at_rows_older_than_the_run(tmp_path: Path, walk: Walk) -> None:
    old = {"createdAt": iso(NOON - RECENT - timedelta(minutes=1))}
    at = desk(tmp_path, page([{"n": 1}], "c1"), page([old], "c2"), page([{"n": "never asked"}]))

    assert len(list(walk(at))) == 2


@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)
@pytest.mark.parametrize("row", [{}, {"createdAt": "soon"}, {"createdAt": None}])
def test_rows_without_a_time_do_not_stop_a_walk(tmp_path: Path, walk: Walk, row: dict[str, Any]) -> None:
    at = desk(tmp_path, page([row], "c1"), page([row]))

    assert len(list(walk(at))) == 2


@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)
def test_a_walk_without_an_end_has_a_bound(tmp_path: Path, walk: Walk) -> None:
    at = desk(tmp_path, page([{"n": 1}], "always more"))

    assert len(list(walk(at))) == PAGES


def test_the_whole_ledger_is_walked_past_old_rows_up_to_a_bound(tmp_path: Path) -> None:
    at = desk(tmp_path, page([{"createdAt": "2020-01-01T00:00:00Z"}], "always more"))

    assert len(list(at.list_entries(whole=True))) == WHOLE


@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)
@pytest.mark.parametrize("first", [[], [page([{"n": 1}], "c1")]], ids=["first page", "second page"])
def test_a_list_that_cannot_be_read_proves_nothing(tmp_path: Path, walk: Walk, first: list[Reply]) -> None:
    at = desk(tmp_path, *first, reply(403))

    with pytest.raises(Refused, match=r"that can be read \(it answered 403\)"):
        list(walk(at))


def moved(tmp_path: Path, trades: list[dict[str, Any]], entries: list[dict[str, Any]], *more: Reply) -> Desk:
    """A desk whose lists show these rows."""
    return desk(tmp_path, page(trades), page(entries), *more)


TRADE = {"transactId": "txn_1", "quoteId": "pq_1"}
DEBIT = {"delta": "-10.00", "reason": "buy_debit", "ref": "txn_1"}
REFUND = {"delta": "10.00", "reason": "buy_refund", "ref": "refund of txn_1"}
FOREIGN = {"delta": "-10.00", "reason": "buy_debit", "ref": "txn_12"}


def test_what_moved_is_found_by_quote_and_trade_among_foreign_rows(tmp_path: Path) -> None:
    at = moved(tmp_path, [{"transactId": "txn_12", "quoteId": "pq_12"}, TRADE], [FOREIGN, REFUND, FOREIGN, DEBIT])

    found = at.moved("pq_1")

    assert found.trades == (TRADE,)
    assert (found.debits, found.refunds, found.others) == ((Decimal("-10.00"),), (Decimal("10.00"),), ())
    assert not found.nothing


def test_an_entry_that_joins_the_quote_without_a_trade_is_found(tmp_path: Path) -> None:
    at = moved(tmp_path, [], [{**DEBIT, "ref": "hold for pq_1"}])

    assert at.moved("pq_1").debits == (Decimal("-10.00"),)


@pytest.mark.parametrize("odd", [{"delta": "much"}, {"delta": "0"}, {"reason": "payin_credit"}, {"delta": "10.00"}])
def test_an_entry_of_no_kind_we_know_is_not_nothing(tmp_path: Path, odd: dict[str, Any]) -> None:
    found = moved(tmp_path, [TRADE], [{**DEBIT, **odd}]).moved("pq_1")

    assert (found.debits, found.refunds, len(found.others)) == ((), (), 1)


ACTIVE = reply(200, {"status": "active"})
REFUSALS: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], Reply, bool]] = {
    "nothing": ([], [], ACTIVE, True),
    "foreign rows only": ([{"transactId": "txn_12", "quoteId": "pq_12"}], [FOREIGN], ACTIVE, True),
    "a trade": ([TRADE], [], ACTIVE, False),
    "a hold": ([], [{**DEBIT, "ref": "pq_1"}], ACTIVE, False),
    "an entry of nothing": ([], [{"delta": "0", "ref": "pq_1"}], ACTIVE, False),
    "another status": ([], [], reply(200, {"status": "consumed"}), False),
    "no such quote": ([], [], reply(404), False),
}


@pytest.mark.parametrize(("trades", "entries", "read_back", "proved"), REFUSALS.values(), ids=REFUSALS)
def test_nothing_moved_means_no_row_and_an_untouched_quote(
    tmp_path: Path, trades: list[dict[str, Any]], entries: list[dict[str, Any]], read_back: Reply, proved: bool
) -> None:
    proof = nothing_moved(moved(tmp_path, trades, entries, read_back), "pq_1", "active")

    assert proof.ok is proved
    assert (proof.observed == "nothing moved") is proved


GATED, UNGATED = reply(200, {"balance": "100.00"}), reply(200, {"balance": None})
EXECUTIONS: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], Reply, bool]] = {
    "one and one": ([TRADE], [DEBIT], GATED, True),
    "settled back": ([TRADE], [DEBIT, REFUND], GATED, True),
    "no debit": ([TRADE], [], GATED, False),
    "no debit, no gate": ([TRADE], [], UNGATED, True),
    "two debits": ([TRADE], [DEBIT, DEBIT], GATED, False),
    "two trades": ([TRADE, {**TRADE, "transactId": "txn_2"}], [DEBIT], GATED, False),
    "one trade twice": ([TRADE, TRADE], [DEBIT], GATED, False),
    "no trade": ([], [], GATED, False),
}


@pytest.mark.parametrize(("trades", "entries", "balance", "proved"), EXECUTIONS.values(), ids=EXECUTIONS)
def test_an_execution_is_one_trade_and_with_the_gate_on_one_debit(
    tmp_path: Path, trades: list[dict[str, Any]], entries: list[dict[str, Any]], balance: Reply, proved: bool
) -> None:
    proof = one_trade_one_debit(moved(tmp_path, trades, entries, balance), "pq_1")

    assert proof.ok is proved

"""Books that agree are green, and each way in which they can differ turns exactly its own requirement red."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conformance.journal import Outcome
from conformance.partner.reconcile import Kind
from conformance.partner.reconcile_job import Period
from conformance.partner.reconcile_pages import ENTRIES, saved_pages
from conformance.partner.reconcile_tally import BREAKS, EXPECTED
from conformance.requirements import Basis, Side, load

from .books import TAKEN, Books, debit, order, refund, trade

GOOD = Books()

FAILED = {"status": "failed", "settledAt": None}

GOOD_BOOKS = [
    pytest.param(GOOD, id="settled"),
    pytest.param(
        Books([order(status="reserved")], [trade(status="reserved", settledAt=None)], [debit()]), id="reserved"
    ),
    *(
        pytest.param(
            Books([order(status=status)], [trade(status=status, settledAt=None)], [refund(), debit()]), id=status
        )
        for status in ("failed", "released", "returned")
    ),
    pytest.param(GOOD.with_(orders=[order(amount="100")]), id="the same amount with fewer zeros"),
    pytest.param(GOOD.with_(orders=[order(currency="USDT", amount="107.31")]), id="recorded in the currency bought"),
    pytest.param(GOOD.with_(orders=[order(status="SETTLED")]), id="status in capitals"),
    pytest.param(GOOD.with_(orders=[order(status="Done")], statuses={"Done": "settled"}), id="a word of its own"),
    pytest.param(GOOD.with_(entries=[debit(ref="buy:pq_test_0001")]), id="the ref contains the quote id"),
    pytest.param(GOOD.with_(entries=[debit(ref="txn_test_0001/debit")]), id="the ref contains the trade id"),
    pytest.param(GOOD.with_(entries=[debit(ref="pool-tx:key-00000001")]), id="the ref contains the idempotency key"),
    pytest.param(
        GOOD.with_(entries=[debit(), {"delta": "500.00", "reason": "payin_credit", "ref": "deposit/1"}]),
        id="a deposit between them",
    ),
    pytest.param(
        GOOD.with_(orders=[order(), order(2, status="expired", transact_id=None, idempotency_key=None)]),
        id="a quote that expired has no trade",
    ),
    pytest.param(
        GOOD.with_(orders=[order(), order(2, status="failed", transact_id=None)]),
        id="an order that was refused calls itself failed and has no trade",
    ),
    pytest.param(GOOD.with_(orders=[order(status="reserved"), order()]), id="a later line supersedes an earlier one"),
    pytest.param(
        GOOD.with_(orders=[order(), order(2, order_id="ord_0001", status="expired", transact_id=None)]),
        id="an order quoted twice and executed once",
    ),
    pytest.param(
        GOOD.with_(orders=[order(status="reserved")], trades=[trade(settledAt="2026-01-04T23:00:00Z")]),
        id="a record that lags by an hour",
    ),
    pytest.param(
        GOOD.with_(trades=[trade(status="reserved", settledAt=None)], read_at=TAKEN - timedelta(hours=1)),
        id="pages older than the records",
    ),
    pytest.param(
        GOOD.with_(trades=[trade(), trade(9, createdAt="2025-12-31T23:59:59Z")]), id="a trade before the period"
    ),
]


@pytest.mark.parametrize("books", GOOD_BOOKS)
def test_books_that_agree_break_nothing(books: Books, tmp_path: Path) -> None:
    said = books.reconciled(tmp_path)

    assert [judged for judged in said.judgements if judged.outcome is Outcome.FAIL] == []
    assert {result.partition(" by ")[0] for result in said.results} <= {"matched", "superseded"}


def test_books_with_every_outcome_leave_nothing_open(tmp_path: Path) -> None:
    ends = ("settled", "failed", "released", "returned")
    books = Books(
        [order(n, status=status) for n, status in enumerate(ends)],
        [trade(n, status=status) for n, status in enumerate(ends)],
        [debit(n) for n in range(4)] + [refund(n) for n in range(1, 4)],
    )

    said = books.reconciled(tmp_path)

    assert said.of(Outcome.PASS) == {requirement.removeprefix("PARTNER-ORDERS-") for requirement in EXPECTED}
    assert said.results == ["matched"] * 4


BAD_BOOKS = [
    pytest.param(GOOD.with_(trades=[], entries=[]), {"KNOWN"}, Kind.MISSING, id="no trade for a settled order"),
    pytest.param(
        GOOD.with_(orders=[order(status="failed")], trades=[], entries=[]),
        {"KNOWN"},
        Kind.MISSING,
        id="a trade id nobody knows",
    ),
    pytest.param(
        Books(
            [order(quote_id="pq_test_0002"), order(2, quote_id="pq_test_0001")],
            [trade(), trade(2)],
            [debit(), debit(2)],
        ),
        {"KNOWN"},
        Kind.CROSSED,
        id="quote and trade of two executions",
    ),
    pytest.param(
        GOOD.with_(trades=[trade(), trade(2)], entries=[debit(), debit(2)]),
        {"RECORDED"},
        Kind.UNRECORDED,
        id="a trade without an order",
    ),
    pytest.param(
        GOOD.with_(trades=[trade(), trade(transactId="txn_test_0002")], entries=[debit(), debit(ref="txn_test_0002")]),
        {"ONCE"},
        Kind.DOUBLED,
        id="two trades for one quote",
    ),
    pytest.param(
        Books(
            [order(), order(2, order_id="ord_0001")],
            [trade(), trade(2)],
            [debit(), debit(2)],
        ),
        {"ONCE"},
        Kind.DOUBLED,
        id="one order executed under two quotes",
    ),
    pytest.param(
        GOOD.with_(orders=[order(), order(order_id="ord_0002")]),
        {"ONCE"},
        Kind.DOUBLED,
        id="two orders for one trade",
    ),
    pytest.param(
        Books([order(), order(2, idempotency_key="key-00000001")], [trade(), trade(2)], [debit(), debit(2)]),
        {"KEY"},
        Kind.KEY,
        id="one key for two quotes",
    ),
    pytest.param(GOOD.with_(orders=[order(amount="100.01")]), {"TERMS"}, Kind.TERMS, id="another amount"),
    pytest.param(GOOD.with_(orders=[order(currency="USD")]), {"TERMS"}, Kind.TERMS, id="another currency"),
    pytest.param(GOOD.with_(orders=[order(pool_id="EUR-USDC")]), {"TERMS"}, Kind.TERMS, id="another pool"),
    pytest.param(
        GOOD.with_(orders=[order(amount="99.00")], trades=[trade(fiatAmount=None)]),
        {"TERMS"},
        Kind.TERMS,
        id="another amount than was debited",
    ),
    pytest.param(
        Books([order()], [trade(**FAILED)], [debit(), refund()]), {"STATUS"}, Kind.STATUS, id="settled, but it failed"
    ),
    pytest.param(GOOD.with_(orders=[order(status="failed")]), {"STATUS"}, Kind.STATUS, id="failed, but it settled"),
    pytest.param(
        GOOD.with_(trades=[trade(status="reserved", settledAt=None)]),
        {"STATUS"},
        Kind.STATUS,
        id="settled while the trade is only reserved",
    ),
    pytest.param(
        GOOD.with_(orders=[order(status="expired")]), {"STATUS"}, Kind.STATUS, id="expired, but it was executed"
    ),
    pytest.param(
        GOOD.with_(orders=[order(status="reserved")]), {"STATUS"}, Kind.STATUS, id="reserved for days after settling"
    ),
    pytest.param(
        Books([order()], [trade(status="returned")], [debit(), refund()]),
        {"RETURNED"},
        Kind.KEPT,
        id="returned for days and still settled",
    ),
    pytest.param(
        Books([order(status="returned")], [trade(status="returned")], [debit()]),
        {"REFUNDED"},
        Kind.UNREFUNDED,
        id="returned and not credited back",
    ),
    pytest.param(
        Books([order(status="failed")], [trade(**FAILED)], [debit(), refund(delta="60.00")]),
        {"REFUNDED"},
        Kind.UNREFUNDED,
        id="failed and credited back in part",
    ),
    pytest.param(GOOD.with_(entries=[debit(), debit()]), {"LEDGER"}, Kind.LEDGER, id="debited twice"),
    pytest.param(
        GOOD.with_(entries=[debit(2), debit(delta="-90.00")]), {"LEDGER"}, Kind.LEDGER, id="debited too little"
    ),
    pytest.param(GOOD.with_(entries=[]), {"LEDGER"}, Kind.LEDGER, id="never debited"),
    pytest.param(GOOD.with_(entries=[debit(), refund()]), {"LEDGER"}, Kind.LEDGER, id="credited back though settled"),
    pytest.param(
        GOOD.with_(orders=[order(), order(2, status="expired", transact_id=None)], entries=[debit(), debit(2)]),
        {"LEDGER"},
        Kind.LEDGER,
        id="debited without a trade",
    ),
    *(
        pytest.param(GOOD.with_(orders=[order(**{name: None})]), {"IDS"}, Kind.IDS, id=f"no {name}")
        for name in ("order_id", "pool_id", "quote_id", "transact_id", "idempotency_key", "request_id")
    ),
    pytest.param(GOOD.with_(orders=[order(amount=100.0)]), {"EXACT"}, Kind.INEXACT, id="a floating point amount"),
    pytest.param(GOOD.with_(orders=[order(rate=1.0731)]), {"EXACT"}, Kind.INEXACT, id="a floating point rate"),
    pytest.param(GOOD.with_(orders=[order(rate=None)]), {"DETAIL"}, Kind.UNTOLD, id="no rate"),
]


@pytest.mark.parametrize(("books", "broken", "kind"), BAD_BOOKS)
def test_books_that_differ_break_exactly_their_requirement(
    books: Books, broken: set[str], kind: Kind, tmp_path: Path
) -> None:
    said = books.reconciled(tmp_path)

    assert said.failed == broken
    assert f"orders {kind}" in said.observations


def test_every_requirement_has_books_that_break_it_and_a_kind_that_says_so() -> None:
    about_orders = {requirement.id for requirement in load() if requirement.product == "orders"}
    broken = {f"PARTNER-ORDERS-{name}" for parameters in BAD_BOOKS for name in parameters.values[1]}  # type: ignore[attr-defined]

    assert broken == about_orders == set(EXPECTED) == set(BREAKS.values())


def test_only_what_is_documented_or_follows_from_it_is_required_and_blame_is_divided() -> None:
    about_orders = [requirement for requirement in load() if requirement.product == "orders"]

    assert {requirement.basis for requirement in about_orders} <= {Basis.DOCUMENTED, Basis.ENTAILED}
    assert {requirement.id for requirement in about_orders if requirement.side is Side.ENVIRONMENT} == {
        "PARTNER-ORDERS-LEDGER",
        "PARTNER-ORDERS-REFUNDED",
    }


UNDECIDED = [
    pytest.param(GOOD.with_(period=Period()), {"RECORDED"}, id="nobody says for when the records are complete"),
    pytest.param(
        GOOD.with_(trades=[], whole_trades=False, entries=[]),
        {"KNOWN", "RECORDED", "ONCE", "TERMS", "STATUS", "IDS", "DETAIL", "LEDGER"},
        id="older pages of trades were not saved",
    ),
    pytest.param(GOOD.with_(entries=None), {"LEDGER"}, id="no ledger was saved"),
    pytest.param(GOOD.with_(whole_ledger=False, entries=[]), {"LEDGER"}, id="older pages of the ledger were not saved"),
    pytest.param(GOOD.with_(orders=[{k: v for k, v in order().items() if k != "request_id"}]), {"IDS"}, id="no column"),
]


@pytest.mark.parametrize(("books", "open_"), UNDECIDED)
def test_what_was_not_seen_is_neither_passed_nor_failed(books: Books, open_: set[str], tmp_path: Path) -> None:
    said = books.reconciled(tmp_path)

    assert said.of(Outcome.NOT_EVIDENCED) == open_
    assert said.failed == set()


def test_books_without_returns_or_failures_say_nothing_about_refunds(tmp_path: Path) -> None:
    assert GOOD.reconciled(tmp_path).of(Outcome.NOT_APPLICABLE) == {"RETURNED", "REFUNDED"}


def test_an_id_joins_before_amount_and_time(tmp_path: Path) -> None:
    """Two trades alike in amount and time: ids tell them apart, whichever stands first."""
    books = Books([order(2), order(1)], [trade(1), trade(2)], [debit(1), debit(2)])

    said = books.reconciled(tmp_path)

    assert [(row.order, row.transact, row.debits) for row in said.rows] == [
        ("ord_0002", "txn_test_0002", ("-100.00",)),
        ("ord_0001", "txn_test_0001", ("-100.00",)),
    ]


WITHOUT_IDS = order(quote_id=None, transact_id=None, idempotency_key=None)


@pytest.mark.parametrize(
    ("books", "results"),
    [
        pytest.param(GOOD.with_(orders=[WITHOUT_IDS]), ["matched"], id="one trade comes into question"),
        pytest.param(
            GOOD.with_(orders=[WITHOUT_IDS | {"created_at": "2026-01-01T10:11:00Z"}]),
            ["missing", "missing"],
            id="too far away in time",
        ),
        pytest.param(
            GOOD.with_(orders=[WITHOUT_IDS | {"amount": "99.00"}]), ["missing", "missing"], id="another amount"
        ),
        pytest.param(
            GOOD.with_(orders=[WITHOUT_IDS], trades=[trade(), trade(2)], entries=[debit(), debit(2)]),
            ["missing"] * 3,
            id="two trades come into question",
        ),
        pytest.param(
            GOOD.with_(orders=[WITHOUT_IDS, WITHOUT_IDS | {"order_id": "ord_0002"}]),
            ["missing"] * 3,
            id="two orders come into question",
        ),
        pytest.param(
            GOOD.with_(orders=[WITHOUT_IDS, order()]), ["missing", "matched"], id="the trade is another order's by id"
        ),
    ],
)
def test_an_order_without_ids_joins_by_amount_and_time_only_if_nothing_else_can_be_meant(
    books: Books, results: list[str], tmp_path: Path
) -> None:
    said = books.reconciled(tmp_path)

    assert [result.partition(" ")[0] for result in said.results] == results


def test_an_id_that_joins_nothing_is_not_talked_over_by_amount_and_time(tmp_path: Path) -> None:
    books = GOOD.with_(orders=[order(quote_id="pq_test_0007", transact_id="txn_test_0007")])

    assert books.reconciled(tmp_path).failed == {"KNOWN", "RECORDED"}


def test_totals_are_exact_and_by_currency(tmp_path: Path) -> None:
    many = range(10)
    books = Books(
        [order(n, amount="0.10") for n in many] + [order(11, currency="USD", amount="7.00")],
        [trade(n, fiatAmount="0.10") for n in many] + [trade(11, fiatCurrency="USD", fiatAmount="7.00", **FAILED)],
        [debit(n, delta="-0.10") for n in many]
        + [debit(11, delta="-7.00", currency="USD"), refund(11, delta="7.00", currency="USD")],
    )

    said = books.reconciled(tmp_path)

    assert said.observations["totals EUR"] == (
        "10 orders, ordered 1.00, settled 1.00, debited -1.00, credited back 0, net -1.00"
    )
    assert said.observations["totals USD"] == (
        "1 orders, ordered 7.00, settled 0, debited -7.00, credited back 7.00, net 0.00"
    )


def test_every_order_and_every_unrecorded_trade_has_a_row(tmp_path: Path) -> None:
    books = Books(
        [order(1), order(2, status="failed"), order(3)],
        [trade(1), trade(2), trade(4)],
        [debit(1), debit(2), debit(4)],
    )

    said = books.reconciled(tmp_path)

    assert [row.result for row in said.rows] == [
        "matched",
        "mismatched status: recorded as failed, the trade is settled",
        "missing at the target: trade txn_test_0003 joins no trade of the target",
        "missing at the partner: trade txn_test_0004 of quote pq_test_0004 joins no order",
    ]


def test_of_many_orders_that_break_a_requirement_the_first_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    many = range(40)
    books = Books([order(n, amount="1.00") for n in many], [trade(n) for n in many], [debit(n) for n in many])

    failures = [judged for judged in books.reconciled(tmp_path).judgements if judged.outcome is Outcome.FAIL]

    assert len(failures) == 26
    assert failures[0].observed == "ord_0000: mismatched terms: recorded amount 1.00, traded 100.00"
    assert failures[-1].observed == "15 further cases, in the rows"


def test_an_id_inside_a_longer_one_is_not_that_id(tmp_path: Path) -> None:
    books = GOOD.with_(entries=[debit(), debit(ref="pq_test_00012"), debit(ref="xpq_test_0001")])

    assert books.reconciled(tmp_path).failed == set()


def test_a_page_saved_twice_counts_once(tmp_path: Path) -> None:
    GOOD.saved(tmp_path)
    page = tmp_path / "ledger.json"

    assert len(list(saved_pages([page, page], ENTRIES))) == 1


def test_grace_decides_from_when_on_a_return_counts_as_kept(tmp_path: Path) -> None:
    returned = Books([order()], [trade(status="returned")], [debit(), refund(createdAt="2026-01-04T12:00:00Z")])

    assert returned.reconciled(tmp_path).failed == set()
    assert returned.with_(grace=timedelta(hours=1)).reconciled(_fresh(tmp_path)).failed == {"RETURNED"}


def test_a_period_holds_its_start_and_not_its_end() -> None:
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)

    assert [Period(start, end).holds(at) for at in (start, end, None)] == [True, False, False]


def _fresh(folder: Path) -> Path:
    fresh = folder / "again"
    fresh.mkdir()
    return fresh

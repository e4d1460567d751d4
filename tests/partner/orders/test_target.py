"""Reading a live target: pages to their end, doubts looked at again, nothing sent but reads, hostile rows survived."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from conformance.client import PoolsApi, Reply
from conformance.journal import Outcome
from conformance.partner.orders_files import Reading
from conformance.partner.reconcile import EVER
from conformance.partner.reconcile_job import Live, Period, Settings
from conformance.partner.reconcile_pages import entry_of, spans, trade_of
from conformance.partner.reconcile_target import Walk, is_gated, reads_only, walk_ledger, walk_trades

from .books import TAKEN, Json, Told, debit, order, reconciled, refund, trade


class Target:
    """A target that answers from lists, two rows a page, and remembers what it was asked."""

    def __init__(self, trades: list[Json], entries: list[Json], **by_id: Json) -> None:
        self.rows = {"trades": trades, "entries": entries}
        self.by_id = by_id
        self.asked: list[str] = []
        self.refuses = ""
        self.gate: object = "900.00"

    def trades(self, **query: str) -> Reply:
        return self._page("trades", query)

    def ledger(self, **query: str) -> Reply:
        return self._page("entries", query)

    def trade(self, transact: str) -> Reply:
        self.asked.append(transact)
        found = self.by_id.get(transact)
        return answer(404, {"code": "not_found"}) if found is None else answer(200, found)

    def balance(self, pool: str) -> Reply:
        return answer(200, {"available": True, "balance": self.gate})

    def _page(self, member: str, query: dict[str, str]) -> Reply:
        self.asked.append(member)
        if member == self.refuses:
            return answer(403, {"code": "pools_not_enabled"})
        start = int(query.get("cursor", "0"))
        rows = self.rows[member][start : start + 2]
        more = start + 2 < len(self.rows[member])
        return answer(200, {member: rows, "nextCursor": str(start + 2) if more else None, "currency": "EUR"})


def answer(status: int, body: Any) -> Reply:
    return Reply("main-1", status, (), json.dumps(body).encode(), False, TAKEN)


def api(target: Target) -> PoolsApi:
    return cast("PoolsApi", target)


def told(target: Target, folder: Path, *orders: Json) -> Told:
    """What reconciling these orders with the target says."""
    file = folder / "orders.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in orders))
    settings = Settings("approved", TAKEN, timedelta(hours=24), Period(datetime(2026, 1, 1, tzinfo=UTC), TAKEN))
    return reconciled(Reading(file), Live(api(target), lambda: TAKEN + timedelta(hours=1)), settings, folder)


def test_pages_are_walked_to_their_end(tmp_path: Path) -> None:
    many = range(1, 6)
    target = Target([trade(n) for n in many], [debit(n) for n in many])

    said = told(target, tmp_path, *(order(n) for n in many))

    assert said.results == ["matched"] * 5
    assert target.asked == ["trades"] * 3 + ["entries"] * 3


def test_pages_older_than_the_oldest_order_are_not_asked_for(tmp_path: Path) -> None:
    old = [trade(n, createdAt="2025-06-01T00:00:00Z") for n in range(100, 110)]
    target = Target([trade(1), *old], [debit(1)])

    said = told(target, tmp_path, order(1))

    assert said.results == ["matched"]
    assert target.asked.count("trades") == 1


def test_without_the_time_of_an_order_all_pages_are_read(tmp_path: Path) -> None:
    old = [trade(n, createdAt="2025-06-01T00:00:00Z") for n in range(2, 6)]
    target = Target([trade(1), *old], [debit(n) for n in range(1, 6)])

    said = told(target, tmp_path, order(1), order(5, created_at=None))

    assert "KNOWN" not in said.failed
    assert target.asked.count("trades") == 3


def test_a_trade_that_the_list_does_not_show_yet_is_asked_for_by_its_id(tmp_path: Path) -> None:
    target = Target([], [debit(1)], txn_test_0001=trade(1))

    said = told(target, tmp_path, order(1))

    assert said.results == ["matched"]
    assert "txn_test_0001" in target.asked


def test_a_trade_that_moved_while_the_lists_were_read_is_read_again_with_the_ledger(tmp_path: Path) -> None:
    """The list showed it reserved, the ledger already its refund."""
    target = Target(
        [trade(1, status="reserved", settledAt=None)],
        [refund(1), debit(1)],
        txn_test_0001=trade(1, status="failed", settledAt=None),
    )

    said = told(target, tmp_path, order(1, status="failed"))

    assert said.failed == set()
    assert said.results == ["matched"]


def test_a_trade_that_is_nowhere_stays_missing(tmp_path: Path) -> None:
    said = told(Target([], []), tmp_path, order(1))

    assert said.failed == {"KNOWN"}


@pytest.mark.parametrize(("refused", "open_"), [("trades", "KNOWN"), ("entries", "LEDGER")])
def test_a_list_that_is_refused_decides_nothing(refused: str, open_: str, tmp_path: Path) -> None:
    target = Target([trade(1)], [debit(1)])
    target.refuses = refused

    said = told(target, tmp_path, order(1))

    assert said.failed == set()
    assert open_ in said.of(Outcome.NOT_EVIDENCED)
    assert "a page was answered 403" in said.observations["reconciliation"]


def test_with_the_balance_gate_off_the_ledger_is_not_judged(tmp_path: Path) -> None:
    target = Target([trade(1, status="failed", settledAt=None)], [])
    target.gate = None

    said = told(target, tmp_path, order(1, status="failed"))

    assert said.of(Outcome.NOT_APPLICABLE) == {"LEDGER", "REFUNDED", "RETURNED"}
    assert said.failed == set()


def test_without_a_pool_to_ask_the_ledger_speaks_for_itself() -> None:
    assert is_gated(api(Target([], [])), ())


def test_a_cursor_that_leads_nowhere_new_ends_the_walk_and_proves_no_end() -> None:
    class Circle(Target):
        def trades(self, **query: str) -> Reply:
            return answer(200, {"trades": [trade(1)], "nextCursor": "same"})

    walk = Walk()

    assert len(list(walk_trades(api(Circle([], [])), EVER, walk))) == 2
    assert not walk.ended


@pytest.mark.parametrize("body", [None, [], "trades", {"trades": 7}, {"trades": [], "more": []}])
def test_an_answer_that_is_no_page_ends_the_walk(body: object) -> None:
    class Odd(Target):
        def ledger(self, **query: str) -> Reply:
            return answer(200, body)

    walk = Walk()
    pages = list(walk_ledger(api(Odd([], [])), "EUR", None, walk))

    assert sum(len(page.rows) for page in pages) == 0


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE", "post"])
def test_nothing_but_a_read_is_sent(method: str) -> None:
    assert reads_only(method)
    assert reads_only("GET") is None


HOSTILE = [
    trade(1, quoteId="\ud800"),
    trade(1, poolId={"a": 1}, fiatAmount=True, createdAt=7, settledAt="yesterday"),
    trade(1, fiatAmount="1e999999", cryptoAmount="NaN"),
    trade(1, fiatAmount="1." + "0" * 100_000),
    trade(1, createdAt="9999-12-31T23:59:59.999999Z", settledAt="0001-01-01T00:00:00Z"),
    trade(1, status="\0" * 10, side="x" * 100_000),
]


@pytest.mark.parametrize("row", HOSTILE)
def test_a_row_of_any_content_is_stored_and_shown(row: Json, tmp_path: Path) -> None:
    said = told(Target([row], [debit(1, ref="\udfff" + "a-" * 10_000)]), tmp_path, order(1))

    assert len(said.rows) >= 1
    for shown in said.rows:
        "".join(map(str, (shown.order, shown.quote, shown.trade_status))).encode()


def test_rows_that_are_no_trades_and_no_movements_are_counted(tmp_path: Path) -> None:
    target = Target([trade(1), {"id": 1}], [debit(1), {"delta": "much"}])

    said = told(target, tmp_path, order(1))

    assert said.observations["rows of the target that are neither trade nor movement"] == "2"
    assert trade_of({}, "") is None
    assert entry_of({}, "EUR", "") is None


def test_large_amounts_add_up_to_the_last_digit(tmp_path: Path) -> None:
    large = "123456789012345678901234567890.123456789012345678"
    twice = "246913578024691357802469135780.246913578024691356"
    target = Target([trade(n, fiatAmount=large) for n in (1, 2)], [debit(n, delta=f"-{large}") for n in (1, 2)])

    said = told(target, tmp_path, order(1, amount=large), order(2, amount=large))

    assert said.results == ["matched", "matched"]
    assert f"ordered {twice}, settled {twice}, debited -{twice}" in said.observations["totals EUR"]


@pytest.mark.parametrize(
    ("text", "held", "not_held"),
    [
        ("pq_1", "pq_1", "q_1"),
        ("refund:pq_1/2", "pq_1", "pq_12"),
        ("pool-tx:5f-a1", "5f-a1", "5"),
        ("txn_1", "txn_1", "txn_"),
    ],
)
def test_an_id_is_found_in_a_text_where_it_stands_by_itself(text: str, held: str, not_held: str) -> None:
    found = set(spans(text))

    assert held in found
    assert not_held not in found

"""The two lists: order, pages, filters, and that the ledger explains the balance."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from .process import FAILS, Partner, Sandbox, running


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox in which seven trades were made, an hour of the account's time apart."""
    with running("--control") as started:
        partner = started.partner()
        for number in range(7):
            trade = partner.trade(destAddress=FAILS if number % 2 else "0xsettles")
            if number < 4:
                partner.poll(trade["quoteId"], times=2)
            started.control("/clock", account="approved", advance_seconds=3600)
        yield started


def walk(partner: Partner, path: str, key: str, **query: Any) -> list[list[dict[str, Any]]]:
    """Every page of a list."""
    pages: list[list[dict[str, Any]]] = []
    cursor: dict[str, str] = {}
    while True:
        page = partner.http.get(path, params={**query, **cursor}).json()
        pages.append(page[key])
        assert page.get("hasMore", page["nextCursor"] is not None) == (page["nextCursor"] is not None)
        if page["nextCursor"] is None:
            return pages
        cursor = {"cursor": page["nextCursor"]}


def flat(pages: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [row for page in pages for row in page]


@pytest.mark.parametrize(("path", "key"), [("/pools/trades", "trades"), ("/pools/ledger", "entries")])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_of_any_size_hold_the_same_rows_newest_first(approved: Partner, path: str, key: str, limit: int) -> None:
    whole = approved.http.get(path).json()[key]
    pages = walk(approved, path, key, limit=limit)

    assert flat(pages) == whole
    assert all(len(page) == limit for page in pages[:-1])
    assert [row["createdAt"] for row in whole] == sorted((row["createdAt"] for row in whole), reverse=True)


def test_the_cursor_is_the_last_trade_of_the_page(approved: Partner) -> None:
    page = approved.http.get("/pools/trades", params={"limit": 3}).json()

    assert page["nextCursor"] == page["trades"][-1]["transactId"]


@pytest.mark.parametrize(("path", "key"), [("/pools/trades", "trades"), ("/pools/ledger", "entries")])
def test_what_arrives_during_a_walk_shifts_nothing(approved: Partner, path: str, key: str) -> None:
    before = approved.http.get(path).json()[key]
    first = approved.http.get(path, params={"limit": 2}).json()
    approved.trade()
    rest = flat(walk(approved, path, key, limit=2, cursor=first["nextCursor"]))

    assert first[key] + rest == before


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "settled"}, {"settled"}),
        ({"status": "failed"}, {"failed"}),
        ({"status": "reserved"}, {"reserved"}),
        ({"status": "quoted"}, set()),
        ({"side": "on_ramp"}, {"settled", "failed", "reserved"}),
        ({"side": "off_ramp"}, set()),
    ],
)
def test_filters_keep_what_they_name(approved: Partner, query: dict[str, str], expected: set[str]) -> None:
    rows = flat(walk(approved, "/pools/trades", "trades", limit=2, **query))

    assert {row["status"] for row in rows} == expected
    assert all(row[name] == value for row in rows for name, value in query.items())


def test_time_filters_take_from_the_first_to_before_the_last(approved: Partner) -> None:
    rows = approved.http.get("/pools/trades").json()["trades"]
    newer, older = rows[-3], rows[-5]
    query = {"created_after": newer["createdAt"], "created_before": older["createdAt"]}

    found = flat(walk(approved, "/pools/trades", "trades", **query))

    assert found == rows[-4:-2]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=ten",
        "limit=",
        "limit=1.5",
        "limit=%2B5",
        "limit=" + "9" * 500,
        "side=buy",
        "side=",
        "status=done",
        "created_after=yesterday",
        "created_after=",
        "created_before=2026-13-01T00:00:00Z",
        "created_before=99999999999",
        "cursor=txn_test_unknown",
        "cursor=",
        "cursor=%00",
    ],
)
def test_a_trades_query_that_does_not_fit_is_a_400(approved: Partner, query: str) -> None:
    answer = approved.http.get(f"/pools/trades?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_another_partners_trade_is_no_cursor(sandbox: Sandbox, approved: Partner) -> None:
    theirs = sandbox.partner("other_partner").trade()["transactId"]

    assert approved.http.get("/pools/trades", params={"cursor": theirs}).status_code == 400


@pytest.mark.parametrize(("limit", "rows"), [(-5, 1), (0, 1), (1, 1), (201, None), (10**30, None)])
def test_the_ledger_clamps_its_limit(approved: Partner, limit: int, rows: int | None) -> None:
    entries = approved.http.get("/pools/ledger", params={"limit": limit}).json()["entries"]

    assert len(entries) == (rows or len(approved.entries()))


@pytest.mark.parametrize(
    "query",
    ["limit=x", "cursor=!!", "cursor=txn_test_1", "cursor=bGVkZ2VyOi0x", "cursor=", "currency=", "currency=eur"],
)
def test_a_ledger_query_that_does_not_fit_is_a_400(approved: Partner, query: str) -> None:
    assert approved.http.get(f"/pools/ledger?{query}").status_code == 400


def test_a_currency_without_a_ledger_is_an_empty_page(approved: Partner) -> None:
    page = approved.http.get("/pools/ledger", params={"currency": "USD"}).json()

    assert page == {"currency": "USD", "available": "0.00", "entries": [], "nextCursor": None}


def test_the_deltas_add_up_to_the_balance_every_read_shows(sandbox: Sandbox, approved: Partner) -> None:
    sandbox.control("/funding", account="approved", amount="0.00000001")
    total = sum(Decimal(entry["delta"]) for entry in approved.entries())
    available = approved.http.get("/pools/ledger").json()["available"]

    assert Decimal(available) == total
    assert approved.http.get("/pools/EUR-USDT/balance").json()["balance"] == available
    assert approved.http.get("/pools/EUR-USDC/balance").json()["balance"] == available


def test_unknown_query_parameters_are_ignored(approved: Partner) -> None:
    assert approved.http.get("/pools/trades?page=2&offset=9").status_code == 200


def test_funding_shows_where_and_with_which_reference_to_pay(approved: Partner) -> None:
    funding = approved.http.get("/pools/funding", params={"currency": "EUR"}).json()

    assert funding["iban"] == "DE89370400440532013000"
    assert funding["reference"] in approved.entries()[-1]["ref"]


def test_unprovisioned_funding_is_an_answer_without_an_iban(sandbox: Sandbox) -> None:
    answer = sandbox.partner("unprovisioned_funding").http.get("/pools/funding")

    assert (answer.status_code, answer.json()["iban"]) == (200, None)


@pytest.mark.parametrize("currency", ["USD", "eur", ""])
def test_funding_in_another_currency_is_a_400(approved: Partner, currency: str) -> None:
    assert approved.http.get("/pools/funding", params={"currency": currency}).status_code == 400

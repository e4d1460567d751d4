"""What the desk reads out of answers: amounts, times, pages and ids, whatever a target may put there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.scenarios.pools.desk import (
    contradicts,
    decimal,
    iso,
    joins,
    mentions,
    moment,
    next_cursor,
    smallest_amount,
    the_list,
)


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("10.00", Decimal("10.00")),
        ("-0.5", Decimal("-0.5")),
        ("0", Decimal(0)),
        (10, Decimal(10)),
        (Decimal("1.10"), Decimal("1.10")),
        ("1e3", Decimal(1000)),
        ("NaN", None),
        ("Infinity", None),
        (Decimal("NaN"), None),
        ("1e400000", None),
        ("1E+999999999999", None),
        ("1e-400000", None),
        (10**60, None),
        (Decimal("1e99999"), None),
        ("ten", None),
        ("", None),
        ("10,00", None),
        (None, None),
        (True, None),
        (1.5, None),
        (["10.00"], None),
    ],
)
def test_an_amount_is_an_exact_decimal_of_a_size_somebody_could_mean(value: Any, amount: Decimal | None) -> None:
    assert decimal(value) == amount


@given(st.text() | st.integers() | st.floats() | st.none() | st.decimals())
def test_whatever_stands_for_an_amount_can_be_written_out(value: Any) -> None:
    found = decimal(value)

    assert found is None or len(f"{found * 10:.2f}") < 100


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("2026-06-01T12:00:00Z", datetime(2026, 6, 1, 12, tzinfo=UTC)),
        ("2026-06-01T14:00:00+02:00", datetime(2026, 6, 1, 12, tzinfo=UTC)),
        ("2026-06-01T12:00:00.250Z", datetime(2026, 6, 1, 12, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-06-01T12:00:00", None),
        ("2026-06-01", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("9999-12-31T23:59:59-23:59", None),
        ("2026-13-01T12:00:00Z", None),
        ("soon", None),
        ("", None),
        (1_780_000_000, None),
        (None, None),
    ],
)
def test_a_time_is_an_instant_or_nothing(value: Any, at: datetime | None) -> None:
    assert moment(value) == at


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 2), max_value=datetime(2900, 1, 1)))  # noqa: DTZ001
def test_a_time_for_a_filter_reads_back_to_the_second(at: datetime) -> None:
    assert moment(iso(at)) == at.replace(microsecond=0)


def test_a_time_for_a_filter_is_in_utc() -> None:
    at = datetime(2026, 6, 1, 14, 0, 0, 900_000, tzinfo=timezone(timedelta(hours=2)))

    assert iso(at) == "2026-06-01T12:00:00Z"


@pytest.mark.parametrize(
    ("page", "name", "rows"),
    [
        ({"trades": [{"a": 1}]}, "trades", [{"a": 1}]),
        ({"data": [{"a": 1}], "hasMore": False}, "trades", [{"a": 1}]),
        ({"data": [{"a": 1}]}, None, [{"a": 1}]),
        ({"other": [{"b": 2}], "trades": [{"a": 1}]}, "trades", [{"a": 1}]),
        ({"trades": []}, "trades", []),
        ({"trades": None, "items": [{"a": 1}]}, "trades", [{"a": 1}]),
        ({"trades": [1, None, {"a": 1}, "x"]}, "trades", [{"a": 1}]),
        ({}, "trades", []),
        ({"trades": {"a": 1}}, "trades", []),
    ],
)
def test_the_rows_of_a_page_are_found_under_any_name(
    page: dict[str, Any], name: str | None, rows: list[dict[str, Any]]
) -> None:
    assert the_list(page, name) == rows


@pytest.mark.parametrize(
    ("page", "cursor"),
    [
        ({"nextCursor": "c"}, "c"),
        ({"nextCursor": "c", "hasMore": True}, "c"),
        ({"nextCursor": "c", "hasMore": False}, None),
        ({"nextCursor": None, "hasMore": True}, None),
        ({"nextCursor": ""}, None),
        ({"nextCursor": 7}, None),
        ({}, None),
    ],
)
def test_a_walk_goes_on_while_there_is_a_cursor_and_nothing_says_no(page: dict[str, Any], cursor: str | None) -> None:
    assert next_cursor(page) == cursor


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("txn_1", True),
        ("debit_txn_1", True),
        ("txn_1:refund", True),
        ("pool-tx/txn_1", True),
        ("txn_12", False),
        ("xtxn_1", False),
        ("TXN_1", False),
        ("txn_12, txn_1", True),
        ("", False),
    ],
)
def test_an_id_is_named_only_where_it_stands_by_itself(text: str, named: bool) -> None:
    assert mentions(text, "txn_1") is named


@pytest.mark.parametrize(
    ("entry", "joined"),
    [
        ({"ref": "txn_1"}, True),
        ({"ref": "pq_1"}, True),
        ({"ref": "buy of txn_1"}, True),
        ({"ref": "other", "transactId": "txn_1"}, True),
        ({"ref": "txn_10", "quoteId": "pq_11"}, False),
        ({"ref": None, "delta": "-10.00"}, False),
        ({"meta": {"ref": "txn_1"}}, False),
        ({}, False),
    ],
)
def test_an_entry_joins_where_one_of_its_texts_names_an_id(entry: dict[str, Any], joined: bool) -> None:
    assert joins(entry, {"txn_1", "pq_1"}) is joined


@pytest.mark.parametrize(
    ("delta", "reason", "wrong"),
    [
        ("-10", "buy_debit", False),
        ("10", "buy_refund", False),
        ("-10", "buy_refund", True),
        ("10", "buy_debit", True),
        ("10", "payin_credit", True),
        ("0", "buy_debit", True),
        ("10", "return_credit", False),
        ("-10", None, False),
    ],
)
def test_a_published_reason_must_fit_its_movement(delta: str, reason: object, wrong: bool) -> None:
    assert contradicts(Decimal(delta), reason) is wrong


@pytest.mark.parametrize(
    ("known", "amount"),
    [
        ({}, "10.00"),
        ({"minOrderUsdt": "5.00"}, "10.00"),
        ({"minOrderUsdt": "8.00"}, "10.00"),
        ({"minOrderUsdt": "100.00"}, "125.00"),
        ({"minOrderUsdt": "100.01"}, "126.00"),
        ({"minOrderUsdt": "100.00", "maxOrderUsdt": "110.00"}, "110.00"),
        ({"minOrderUsdt": "1e999999"}, "10.00"),
        ({"minOrderUsdt": "lots", "maxOrderUsdt": None}, "10.00"),
        ({"maxOrderUsdt": "7.50"}, "7.50"),
    ],
)
def test_the_amount_to_trade_is_small_round_and_within_the_bounds(known: dict[str, Any], amount: str) -> None:
    assert smallest_amount(known) == amount

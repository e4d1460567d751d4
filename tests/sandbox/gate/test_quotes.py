"""Quotes: previews that leave nothing behind, and locks with terms that hold until they lapse."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from conformance.sandbox.gate import quotes
from conformance.sandbox.gate.quotes import Quote

from .partner import LOCK, ORDER, SELL, Gate


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["bank_transfer", "card"]),
        ({"currency": "eur", "asset": "usdc"}, ["bank_transfer", "card"]),
        ({"side": "off_ramp"}, ["bank_transfer"]),
        ({"currency": "BRL", "country_code": "BR"}, ["pix"]),
        ({"asset": "ETH", "side": "off_ramp"}, []),
        ({"asset": "NONE"}, []),
        ({"currency": "XXX"}, []),
        ({"country_code": "US"}, []),
    ],
)
def test_a_preview_has_an_option_for_each_method_that_applies(
    gate: Gate, changes: dict[str, str], expected: list[str]
) -> None:
    options = gate.made("previewQuotes", {**ORDER, **changes})["data"]

    assert [option["payment_method"] for option in options] == expected


def test_a_preview_leaves_nothing_to_redeem(gate: Gate) -> None:
    session_id = gate.session()["id"]
    option = gate.made("previewQuotes", ORDER)["data"][0]

    assert not {"id", "signature", "status"} & set(option)
    assert gate.ids("listTransactions", "refid", session_id=session_id) == []


@pytest.mark.parametrize("amount", ["100.00", "0.00000001", "007", "9" * 21, "999999999999.99999999"])
@pytest.mark.parametrize("side", ["on_ramp", "off_ramp"])
def test_a_price_is_its_rate_times_its_amount(gate: Gate, side: str, amount: str) -> None:
    quote = gate.quote(side=side, amount=amount)

    paid, got = ("fiat_amount", "crypto_amount") if side == "on_ramp" else ("crypto_amount", "fiat_amount")
    assert Decimal(quote[paid]) == Decimal(amount)
    exact = Decimal(quote[paid]) * Decimal(quote["exchange_rate"])
    assert exact - Decimal("0.0001") < Decimal(quote[got]) <= exact + Decimal("0.0001")


@pytest.mark.parametrize(("key", "status"), [("a b", 400), ("preview", 200), (None, 200)])
def test_a_preview_reads_a_key_and_makes_nothing_of_it(gate: Gate, key: str | None, status: int) -> None:
    gate.call("previewQuotes", SELL, key="preview")

    assert gate.call("previewQuotes", ORDER, key=key).status_code == status


def test_a_lock_is_signed_active_and_stays_as_locked(gate: Gate) -> None:
    quote = gate.quote()

    assert quote["status"] == "active"
    assert quote["signature"] != gate.quote()["signature"]
    assert gate.made("retrieveSignedQuote", id=quote["id"]) == quote


def test_reading_a_quote_does_not_redeem_it(gate: Gate) -> None:
    quote_id = gate.quote()["id"]
    states = {gate.made("retrieveSignedQuote", id=quote_id)["status"] for _ in range(3)}

    assert states == {"active"}


def test_a_lapsed_quote_reads_as_expired(gate: Gate) -> None:
    quote_id = gate.quote()["id"]
    gate.sandbox.control("/gate/clock", quote_id=quote_id, advance_seconds=20)
    before = gate.made("retrieveSignedQuote", id=quote_id)["status"]
    gate.sandbox.control("/gate/clock", quote_id=quote_id, advance_seconds=60)

    assert (before, gate.made("retrieveSignedQuote", id=quote_id)["status"]) == ("active", "expired")


@pytest.mark.parametrize(
    ("now", "clock_offset", "consumed_at", "state"),
    [
        (159, 0, None, "active"),
        (160, 0, None, "expired"),
        (158, 1, None, "active"),
        (158, 2, None, "expired"),
        (110, 0, 105, "consumed"),
        (200, 0, 105, "consumed"),
    ],
)
def test_a_quote_is_good_until_its_moment_comes_and_stays_consumed(
    now: int, clock_offset: int, consumed_at: int | None, state: str
) -> None:
    quote = Quote("qt_test_1", "test:approved", {}, "signature", 100, 160, consumed_at, clock_offset)

    assert quotes.state(quote, now) == state


def test_a_repeated_key_locks_once(gate: Gate) -> None:
    first = gate.made("lockQuote", LOCK, key="lock")

    assert gate.made("lockQuote", LOCK, key="lock") == first
    assert gate.call("lockQuote", SELL, key="lock").status_code == 409
    assert gate.made("lockQuote", LOCK, key=None)["id"] != first["id"]


REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"amount": 100}, 400),
    ({"amount": "0"}, 400),
    ({"amount": "1.123456789"}, 400),
    ({"amount": "1" * 22}, 400),
    ({"currency": "EU"}, 400),
    ({"side": "buy"}, 400),
    ({"asset": "x"}, 400),
]


@pytest.mark.parametrize(("changes", "status"), REFUSED)
@pytest.mark.parametrize("operation", ["previewQuotes", "lockQuote"])
def test_an_order_that_does_not_fit_is_refused(
    gate: Gate, operation: str, changes: dict[str, Any], status: int
) -> None:
    assert gate.call(operation, {**LOCK, **changes}).status_code == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"payment_method": "cheque"}, 400),
        ({"payment_method": "x" * 65}, 400),
        ({"payment_method": "pix"}, 400),
        ({"currency": "XXX"}, 404),
        ({"asset": "ETH", "side": "off_ramp"}, 404),
        ({"asset": "NONE"}, 404),
    ],
)
def test_only_what_is_offered_can_be_locked(gate: Gate, changes: dict[str, str], status: int) -> None:
    assert gate.call("lockQuote", {**LOCK, **changes}).status_code == status


def test_a_foreign_quote_reads_as_an_unknown_one(gate: Gate, other: Gate) -> None:
    foreign = other.call("retrieveSignedQuote", id=gate.quote()["id"])
    unknown = other.call("retrieveSignedQuote", id="qt_test_none")

    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json()["message"] == unknown.json()["message"]

"""What polls move, what they leave alone, and how the money follows."""

from __future__ import annotations

import pytest

from .process import FAILS, RELEASED, RETURNED, Partner, Sandbox, running

DEBIT = ("buy_debit", "-100.00")
REFUND = ("buy_refund", "100.00")


@pytest.mark.parametrize(
    ("address", "statuses", "movements"),
    [
        ("0xanywhere", ["reserved", "settled", "settled", "settled"], [DEBIT]),
        (FAILS, ["reserved", "failed", "failed", "failed"], [DEBIT, REFUND]),
        (FAILS.upper().replace("0X", "0x"), ["reserved", "failed", "failed", "failed"], [DEBIT, REFUND]),
        (RELEASED, ["reserved", "released", "released", "released"], [DEBIT, REFUND]),
        (RETURNED, ["reserved", "settled", "returned", "returned"], [DEBIT, REFUND]),
    ],
)
def test_an_address_decides_how_a_trade_ends_and_polling_on_changes_nothing(
    approved: Partner, address: str, statuses: list[str], movements: list[tuple[str, str]]
) -> None:
    quote_id = approved.trade(destAddress=address)["quoteId"]

    assert approved.poll(quote_id, times=4) == statuses
    assert approved.movements(quote_id) == movements


@pytest.mark.parametrize(
    "read",
    ["/pools/trades", "/pools/trades/{trade}", "/pools/EUR-USDT/balance", "/pools/ledger", "/pools/quotes/{quote}"],
)
def test_pure_reads_never_advance_a_trade(approved: Partner, read: str) -> None:
    trade = approved.trade()
    for _ in range(5):
        approved.http.get(read.format(trade=trade["transactId"], quote=trade["quoteId"]))

    assert approved.http.get(f"/pools/trades/{trade['transactId']}").json()["status"] == "reserved"


def test_a_return_is_only_shown_by_the_poll_that_brings_it(approved: Partner) -> None:
    trade = approved.trade(destAddress=RETURNED)
    approved.poll(trade["quoteId"], times=2)
    read = f"/pools/trades/{trade['transactId']}"

    assert approved.http.get(read).json()["status"] == "settled"
    assert approved.poll(trade["quoteId"]) == ["returned"]
    assert approved.http.get(read).json()["status"] == "returned"


def test_settling_sets_its_time_and_a_return_keeps_it(approved: Partner) -> None:
    trade = approved.trade(destAddress=RETURNED)
    assert trade["settledAt"] is None
    approved.poll(trade["quoteId"], times=2)
    settled = approved.http.get(f"/pools/trades/{trade['transactId']}").json()
    approved.poll(trade["quoteId"])

    assert settled["settledAt"] is not None
    assert approved.http.get(f"/pools/trades/{trade['transactId']}").json()["settledAt"] == settled["settledAt"]


@pytest.mark.parametrize("address", [FAILS, RELEASED])
def test_a_trade_that_did_not_settle_has_no_settling_time(approved: Partner, address: str) -> None:
    trade = approved.trade(destAddress=address)
    approved.poll(trade["quoteId"], times=2)

    assert approved.http.get(f"/pools/trades/{trade['transactId']}").json()["settledAt"] is None


def test_a_quote_without_a_trade_has_no_transaction(approved: Partner) -> None:
    assert approved.http.get(f"/pools/transactions/{approved.firm()}").status_code == 404


def test_the_number_of_polls_is_an_option() -> None:
    with running("--polls-to-settle", "1") as sandbox:
        partner = sandbox.partner()

        assert partner.poll(partner.trade()["quoteId"]) == ["settled"]


@pytest.mark.parametrize("outcome", ["settled", "failed", "released"])
def test_the_control_surface_decides_an_outcome(sandbox: Sandbox, approved: Partner, outcome: str) -> None:
    quote_id = approved.trade()["quoteId"]
    sandbox.control(f"/trades/{quote_id}/outcome", outcome=outcome)

    assert approved.poll(quote_id, times=2)[-1] == outcome


def test_a_settled_trade_can_be_returned_later_but_not_failed(sandbox: Sandbox, approved: Partner) -> None:
    quote_id = approved.trade()["quoteId"]
    approved.poll(quote_id, times=2)

    assert sandbox.control(f"/trades/{quote_id}/outcome", outcome="failed").status_code == 409
    assert sandbox.control(f"/trades/{quote_id}/outcome", outcome="returned").status_code == 200
    assert approved.poll(quote_id, times=2) == ["returned", "returned"]
    assert approved.movements(quote_id) == [DEBIT, REFUND]

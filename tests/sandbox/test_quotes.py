"""Quotes: the three outcomes, what a request may say, the derived state, and rejecting once."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import pytest

from .process import ADDRESS, ORDER, Partner, Sandbox


def test_a_firm_quote_locks_the_published_sample_figures(approved: Partner) -> None:
    quote = approved.quote().json()

    assert (quote["available"], quote["executable"], quote["type"]) == (True, True, "firm")
    assert (quote["fiatAmount"], quote["rate"], quote["cryptoAmount"]) == ("100.00", "1.0731", "107.31")
    assert (quote["spreadBps"], quote["feeBps"], quote["totalBps"]) == (25, 30, 55)
    assert (quote["destAddress"], quote["destNetwork"], quote["cryptoNetwork"]) == (ADDRESS, "arbitrum", "tron")


def test_a_firm_quote_lives_fifteen_seconds(approved: Partner) -> None:
    quote = approved.quote().json()

    lifetime = datetime.fromisoformat(quote["expiresAt"]) - datetime.fromisoformat(quote["createdAt"])

    assert lifetime.total_seconds() == 15


def test_each_call_makes_a_new_quote(approved: Partner) -> None:
    assert approved.firm() != approved.firm()


def test_an_indicative_quote_is_a_price_without_a_lock(approved: Partner) -> None:
    quote = approved.quote(type="indicative").json()

    assert (quote["available"], quote["executable"], quote["rate"]) == (True, False, "1.0731")
    assert "quoteId" not in quote
    assert "expiresAt" not in quote


@pytest.mark.parametrize("kind", ["firm", "indicative"])
@pytest.mark.parametrize(
    ("amount", "reason"),
    [("66.01", "pool_dry"), ("66.02", "engine_unavailable"), ("66.030", "rate_unavailable")],
)
def test_a_test_amount_makes_the_pool_unavailable(approved: Partner, kind: str, amount: str, reason: str) -> None:
    answer = approved.quote(amount=amount, type=kind)

    assert answer.status_code == 200
    assert answer.json() == {"available": False, "executable": False, "unavailableReason": reason}


def test_a_pool_switched_off_for_an_account_is_unavailable_and_shown_so(sandbox: Sandbox) -> None:
    partner = sandbox.partner("off_ramp")
    sandbox.control("/accounts/off_ramp", unavailablePools={"EUR-USDT": "engine_unavailable"})
    quote = partner.quote().json()
    listed = {pool["id"]: pool["available"] for pool in partner.http.get("/pools").json()["pools"]}
    sandbox.control("/accounts/off_ramp", unavailablePools={})

    assert quote["unavailableReason"] == "engine_unavailable"
    assert listed == {"EUR-USDT": False, "EUR-USDC": True}


@pytest.mark.parametrize(
    ("changes", "crypto_amount"),
    [
        ({"amount": "100"}, "107.31"),
        ({"amount": "100.00000001"}, "107.31"),
        ({"amount": "33.333333"}, "35.769999"),
        ({"amount": "9000"}, "9657.90"),
        ({"amount": "5"}, "5.3655"),
    ],
)
def test_the_output_is_amount_times_rate_floored_to_six_digits(
    approved: Partner, changes: dict[str, str], crypto_amount: str
) -> None:
    assert approved.quote(**changes).json()["cryptoAmount"] == crypto_amount


def test_the_network_is_tron_unless_another_is_named(approved: Partner) -> None:
    order = {name: value for name, value in ORDER.items() if name != "cryptoNetwork"}

    assert approved.http.post("/pools/EUR-USDT/quote", json=order).json()["cryptoNetwork"] == "tron"


def test_unknown_members_are_ignored(approved: Partner) -> None:
    assert approved.quote(somethingNew={"a": [1]}).status_code == 200


class Absent(Enum):
    """A member that is not sent; its name is the same in every process, as test ids must be."""

    MEMBER = "absent"


ABSENT = Absent.MEMBER


@pytest.mark.parametrize(
    "changes",
    [
        {"side": ABSENT},
        {"side": "buy"},
        {"side": None},
        {"side": ["on_ramp"]},
        {"fiatCurrency": ABSENT},
        {"fiatCurrency": "USD"},
        {"fiatCurrency": "eur"},
        {"cryptoCurrency": ABSENT},
        {"cryptoCurrency": "USDC"},
        {"cryptoNetwork": "dogechain"},
        {"cryptoNetwork": "solana"},
        {"cryptoNetwork": None},
        {"type": "maybe"},
        {"type": None},
        {"type": ""},
        {"destAddress": ABSENT},
        {"destAddress": ""},
        {"destAddress": None},
        {"destAddress": "x" * 129},
        {"destAddress": "a\u0000b"},
        {"destNetwork": ""},
        {"destNetwork": 7},
        {"amount": ABSENT},
        {"amount": 100},
        {"amount": 100.5},
        {"amount": True},
        {"amount": None},
        {"amount": ""},
        {"amount": "0"},
        {"amount": "0.00000000"},
        {"amount": "-100"},
        {"amount": "+100"},
        {"amount": "1e2"},
        {"amount": "100,00"},
        {"amount": " 100"},
        {"amount": "100\n"},
        {"amount": "0100"},
        {"amount": "100."},
        {"amount": ".5"},
        {"amount": "NaN"},
        {"amount": "Infinity"},
        {"amount": "0x10"},
        {"amount": "١٠٠"},
        {"amount": "100.123456789"},
        {"amount": "4.65"},
        {"amount": "9400"},
        {"amount": "9" * 30},
    ],
    ids=repr,
)
def test_a_request_that_does_not_fit_is_a_400(approved: Partner, changes: dict[str, Any]) -> None:
    order = {name: value for name, value in {**ORDER, **changes}.items() if value is not ABSENT}

    answer = approved.http.post("/pools/EUR-USDT/quote", json=order)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_an_indicative_quote_needs_no_address(approved: Partner) -> None:
    order = {name: value for name, value in ORDER.items() if name != "destAddress"} | {"type": "indicative"}

    assert approved.http.post("/pools/EUR-USDT/quote", json=order).status_code == 200


def test_a_quote_expires_by_its_own_clock_and_no_other_does(sandbox: Sandbox, approved: Partner) -> None:
    aged, fresh = approved.firm(), approved.firm()
    sandbox.control("/clock", quoteId=aged, advance_seconds=15)

    assert (approved.state(aged), approved.state(fresh)) == ("expired", "active")


def test_the_clock_of_one_account_leaves_the_others_alone(sandbox: Sandbox, approved: Partner) -> None:
    other = sandbox.partner("other_partner")
    its_quote, our_quote = other.firm(), approved.firm()
    sandbox.control("/clock", account="other_partner", advance_seconds=15)

    assert (other.state(its_quote), approved.state(our_quote)) == ("expired", "active")
    assert other.state(other.firm()) == "active"


def test_a_rejected_quote_stays_rejected_after_its_expiry(sandbox: Sandbox, approved: Partner) -> None:
    quote_id = approved.firm()
    rejected = approved.http.post(f"/pools/quotes/{quote_id}/reject")
    sandbox.control("/clock", quoteId=quote_id, advance_seconds=60)

    assert (rejected.status_code, rejected.json()["status"]) == (200, "rejected")
    assert approved.state(quote_id) == "rejected"


@pytest.mark.parametrize("end", ["rejected", "consumed", "expired"])
def test_only_an_active_quote_can_be_rejected(sandbox: Sandbox, approved: Partner, end: str) -> None:
    quote_id = approved.firm()
    if end == "rejected":
        approved.http.post(f"/pools/quotes/{quote_id}/reject")
    elif end == "consumed":
        approved.transact(quote_id)
    else:
        sandbox.control("/clock", quoteId=quote_id, advance_seconds=15)

    answer = approved.http.post(f"/pools/quotes/{quote_id}/reject")

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert approved.state(quote_id) == end

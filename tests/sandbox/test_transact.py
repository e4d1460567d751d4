"""Executing: once for each quote, replayed on repetition, refused without a trace."""

from __future__ import annotations

import httpx
import pytest

from .process import ADDRESS, Partner, Sandbox


def trades_of(partner: Partner, quote_id: str) -> list[str]:
    rows = partner.http.get("/pools/trades", params={"limit": 100}).json()["trades"]
    return [row["transactId"] for row in rows if row["quoteId"] == quote_id]


def refused_without_a_trace(partner: Partner, quote_id: str, answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert trades_of(partner, quote_id) == []
    assert partner.movements(quote_id) == []
    assert partner.http.get(f"/pools/transactions/{quote_id}").status_code == 404


def test_executing_consumes_the_quote_and_debits_its_fiat_amount_once(approved: Partner) -> None:
    quote_id = approved.firm(amount="123.45")
    trade = approved.transact(quote_id).json()

    assert (trade["status"], trade["quoteId"]) == ("reserved", quote_id)
    assert approved.state(quote_id) == "consumed"
    assert trades_of(approved, quote_id) == [trade["transactId"]]
    assert approved.movements(quote_id) == [("buy_debit", "-123.45")]


def test_the_trade_copies_the_terms_of_its_quote(approved: Partner) -> None:
    quote = approved.quote(destAddress="TXYZ", cryptoNetwork="ethereum").json()
    trade = approved.transact(quote["quoteId"]).json()
    names = ["poolId", "side", "fiatCurrency", "cryptoCurrency", "fiatAmount", "cryptoAmount"]

    for name in [*names, "rate", "spreadBps", "feeBps", "cryptoNetwork", "destAddress", "destNetwork"]:
        assert trade[name] == quote[name], name


def test_a_destination_in_the_body_is_not_honoured(approved: Partner) -> None:
    body = {"quoteId": approved.firm(), "destAddress": "0xelsewhere", "amount": "1.00"}
    trade = approved.http.post("/pools/EUR-USDT/transact", json=body, headers={"Idempotency-Key": "dest"}).json()

    assert (trade["destAddress"], trade["fiatAmount"]) == (ADDRESS, "100.00")


def test_the_same_key_and_quote_replay_the_one_trade(approved: Partner) -> None:
    quote_id = approved.firm()
    first, second = approved.transact(quote_id, key="same"), approved.transact(quote_id, key="same")

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert approved.movements(quote_id) == [("buy_debit", "-100.00")]


def test_another_key_for_the_same_quote_replays_the_one_trade(approved: Partner) -> None:
    quote_id = approved.firm()

    assert approved.transact(quote_id).json() == approved.transact(quote_id).json()
    assert len(trades_of(approved, quote_id)) == 1


def test_a_replay_shows_the_trade_as_it_stands_now_even_after_expiry(sandbox: Sandbox, approved: Partner) -> None:
    quote_id = approved.firm()
    first = approved.transact(quote_id, key="late").json()
    approved.poll(quote_id, times=2)
    sandbox.control("/clock", quoteId=quote_id, advance_seconds=3600)

    again = approved.transact(quote_id, key="late").json()

    assert (again["transactId"], again["status"]) == (first["transactId"], "settled")
    assert approved.state(quote_id) == "consumed"


def test_a_key_is_good_for_one_quote(approved: Partner) -> None:
    approved.transact(approved.firm(), key="taken")
    second = approved.firm()

    refused_without_a_trace(approved, second, approved.transact(second, key="taken"), 409, "conflict")
    assert approved.state(second) == "active"


def test_a_key_that_replayed_a_quote_is_good_for_no_other(approved: Partner) -> None:
    quote_id, second = approved.firm(), approved.firm()
    approved.transact(quote_id, key="first-key")
    approved.transact(quote_id, key="second-key")

    refused_without_a_trace(approved, second, approved.transact(second, key="second-key"), 409, "conflict")


def test_two_partners_may_use_the_same_key(sandbox: Sandbox, approved: Partner) -> None:
    other = sandbox.partner("other_partner")

    assert approved.transact(approved.firm(), key="shared").status_code == 201
    assert other.transact(other.firm(), key="shared").status_code == 201


def test_a_refused_execution_leaves_its_key_free(sandbox: Sandbox) -> None:
    partner = sandbox.partner("unfunded")
    quote_id = partner.firm()
    refused_without_a_trace(partner, quote_id, partner.transact(quote_id, key="again"), 402, "insufficient_balance")
    sandbox.control("/funding", account="unfunded", amount="91.00")
    paid = partner.transact(quote_id, key="again")

    assert paid.status_code == 201
    assert partner.http.get("/pools/EUR-USDT/balance").json()["balance"] == "0.00"


def test_an_expired_quote_is_a_conflict(sandbox: Sandbox, approved: Partner) -> None:
    quote_id = approved.firm()
    sandbox.control("/clock", quoteId=quote_id, advance_seconds=15)

    refused_without_a_trace(approved, quote_id, approved.transact(quote_id), 409, "conflict")


def test_a_rejected_quote_is_a_conflict(approved: Partner) -> None:
    quote_id = approved.firm()
    approved.http.post(f"/pools/quotes/{quote_id}/reject")

    refused_without_a_trace(approved, quote_id, approved.transact(quote_id), 409, "conflict")


def test_the_state_of_the_quote_is_judged_before_the_money(sandbox: Sandbox) -> None:
    partner = sandbox.partner("unfunded")
    quote_id = partner.firm(amount="5000")
    sandbox.control("/clock", quoteId=quote_id, advance_seconds=15)

    assert partner.transact(quote_id).status_code == 409


def test_a_quote_of_another_pool_is_not_found(approved: Partner) -> None:
    quote_id = approved.firm()

    refused_without_a_trace(approved, quote_id, approved.transact(quote_id, pool="EUR-USDC"), 404, "not_found")


def test_an_executed_quote_is_not_found_through_another_pool_either(approved: Partner) -> None:
    quote_id = approved.firm()
    approved.transact(quote_id, key="pool-a")

    assert approved.transact(quote_id, key="pool-a", pool="EUR-USDC").status_code == 404


def test_an_off_ramp_quote_is_given_but_its_execution_is_not_implemented(approved: Partner) -> None:
    quote_id = approved.firm(side="off_ramp")

    refused_without_a_trace(approved, quote_id, approved.transact(quote_id), 501, "off_ramp_not_enabled")


def test_an_enabled_off_ramp_trade_moves_no_fiat_balance(sandbox: Sandbox) -> None:
    partner = sandbox.partner("off_ramp")
    trade = partner.trade(side="off_ramp", amount="50.00")

    assert (trade["cryptoAmount"], trade["fiatAmount"]) == ("50.00", "46.36")
    assert partner.movements(trade["quoteId"]) == []


def test_the_velocity_cap_stops_the_second_order_and_only_there(sandbox: Sandbox) -> None:
    partner = sandbox.partner("velocity_capped")
    first, second = partner.firm(amount="10.00"), partner.firm(amount="10.00")
    assert partner.transact(first).status_code == 201

    refused_without_a_trace(partner, second, partner.transact(second), 429, "velocity_limit_exceeded")
    assert partner.http.get("/pools/trades").status_code == 200
    sandbox.control("/clock", account="velocity_capped", advance_seconds=24 * 60 * 60)
    assert partner.transact(partner.firm(amount="10.00")).status_code == 201


def test_without_a_balance_gate_nothing_is_debited(sandbox: Sandbox) -> None:
    partner = sandbox.partner("ungated")
    trade = partner.trade(destAddress="0x000000000000000000000000000000000000fa11")

    assert partner.poll(trade["quoteId"], times=2) == ["reserved", "failed"]
    assert partner.http.get("/pools/EUR-USDT/balance").json()["balance"] is None
    assert partner.entries() == []


@pytest.mark.parametrize("key", [None, "", "a b", "x" * 256, "caf\xe9"], ids=repr)
def test_the_idempotency_key_is_mandatory_and_visible_ascii(approved: Partner, key: str | None) -> None:
    quote_id = approved.firm()
    headers = {} if key is None else {"Idempotency-Key": key.encode("latin-1")}

    answer = approved.http.post("/pools/EUR-USDT/transact", json={"quoteId": quote_id}, headers=headers)

    refused_without_a_trace(approved, quote_id, answer, 400, "invalid_request")


@pytest.mark.parametrize(
    "body", [{}, {"quoteId": None}, {"quoteId": 7}, {"quoteId": ""}, {"quoteId": "x" * 129}], ids=str
)
def test_a_body_without_a_quote_id_is_a_400(approved: Partner, body: dict[str, object]) -> None:
    answer = approved.http.post("/pools/EUR-USDT/transact", json=body, headers={"Idempotency-Key": "k"})

    assert answer.status_code == 400


@pytest.mark.parametrize("quote_id", ["pq_test_unknown", "'; DROP TABLE quotes; --"])
def test_an_unknown_quote_is_not_found(approved: Partner, quote_id: str) -> None:
    assert approved.transact(quote_id).status_code == 404

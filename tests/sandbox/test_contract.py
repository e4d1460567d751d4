"""Every operation's answer satisfies the full view of the contract file, inferred statements included."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import yaml

from .process import ORDER, RETURNED, Partner, Sandbox

CONTRACT = Path(__file__).parents[2] / "openapi" / "pools-v1.yaml"


@cache
def contract() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
    return document


def check(answer: httpx.Response, schema: str) -> None:
    """Raise the first violation of a schema by name."""
    document = {"$ref": f"#/components/schemas/{schema}", "components": contract()["components"]}
    jsonschema_rs.validator_for(document, validate_formats=True).validate(answer.json())


READS = [
    ("/pools", "PoolList"),
    ("/pools/EUR-USDT/capabilities", "PoolCapabilities"),
    ("/pools/EUR-USDC/capabilities", "PoolCapabilities"),
    ("/pools/EUR-USDT/balance", "PoolBalance"),
    ("/pools/funding", "FundingInstructions"),
    ("/pools/ledger", "BalanceLedgerResponse"),
    ("/pools/ledger?currency=USD", "BalanceLedgerResponse"),
    ("/pools/trades", "TradePage"),
    ("/pools/trades?limit=1", "TradePage"),
]


@pytest.mark.parametrize(("path", "schema"), READS)
@pytest.mark.parametrize("standing", ["approved", "off_ramp"])
def test_a_read_has_its_documented_shape(sandbox: Sandbox, standing: str, path: str, schema: str) -> None:
    partner = sandbox.partner(standing)
    partner.trade()

    check(partner.http.get(path), schema)


@pytest.mark.parametrize("standing", ["ungated", "unprovisioned_funding"])
@pytest.mark.parametrize(("path", "schema"), [READS[3], READS[4], READS[5]])
def test_a_read_without_balance_or_iban_has_its_documented_shape(
    sandbox: Sandbox, standing: str, path: str, schema: str
) -> None:
    check(sandbox.partner(standing).http.get(path), schema)


@pytest.mark.parametrize(
    ("changes", "schema"),
    [
        ({}, "FirmQuote"),
        ({"side": "off_ramp"}, "FirmQuote"),
        ({"type": "indicative"}, "IndicativeQuote"),
        ({"amount": "66.01"}, "UnavailableQuote"),
    ],
)
def test_each_outcome_of_a_quote_has_its_documented_shape(
    approved: Partner, changes: dict[str, str], schema: str
) -> None:
    answer = approved.quote(**changes)

    check(answer, schema)
    check(answer, "QuoteOutcome")


def test_the_life_of_a_trade_has_its_documented_shapes(approved: Partner) -> None:
    quote_id = approved.firm(destAddress=RETURNED)
    check(approved.http.get(f"/pools/quotes/{quote_id}"), "StoredQuote")
    executed = approved.transact(quote_id)
    check(executed, "Trade")
    for _ in range(3):
        check(approved.http.get(f"/pools/transactions/{quote_id}"), "TransactionStatus")
        check(approved.http.get(f"/pools/trades/{executed.json()['transactId']}"), "Trade")
    check(approved.http.get(f"/pools/quotes/{quote_id}"), "StoredQuote")
    check(approved.http.get("/pools/ledger"), "BalanceLedgerResponse")


def test_a_rejected_quote_has_its_documented_shape(approved: Partner) -> None:
    check(approved.http.post(f"/pools/quotes/{approved.firm()}/reject"), "StoredQuote")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/pools/EUR-NONE/balance", 404),
        ("GET", "/pools/EUR-DAI/balance", 403),
        ("GET", "/pools/trades?limit=0", 400),
        ("POST", "/pools/EUR-USDT/transact", 400),
        ("DELETE", "/pools", 405),
    ],
)
def test_a_refusal_has_the_documented_envelope(approved: Partner, method: str, path: str, status: int) -> None:
    answer = approved.http.request(method, path, json=ORDER if method == "POST" else None)

    assert answer.status_code == status
    check(answer, "Error")

"""Capabilities: whole lists that follow region, currency and side, and are empty where nothing is known."""

from __future__ import annotations

from typing import Any

import pytest

from .partner import Gate

LISTS: list[tuple[str, dict[str, str], str | None, list[str]]] = [
    ("listCountries", {}, None, ["EE", "DE", "FR", "GB", "BR", "US"]),
    ("listCountries", {}, "EE", ["EE", "DE", "FR", "GB", "BR", "US"]),
    ("listCountries", {"country_code": "ee"}, None, ["EE"]),
    ("listCountries", {"country_code": "XX"}, None, []),
    ("listCountries", {"supported": "false"}, None, ["US"]),
    ("listCurrencies", {}, None, ["EUR", "GBP", "BRL"]),
    ("listCurrencies", {}, "GB", ["GBP"]),
    ("listCurrencies", {"country_code": "br"}, "GB", ["BRL"]),
    ("listCurrencies", {"country_code": "US"}, None, []),
    ("listCurrencies", {"country_code": "XX"}, None, []),
    ("listAssets", {}, None, ["USDC", "USDT", "ETH"]),
    ("listAssets", {"side": "off_ramp"}, None, ["USDC", "USDT"]),
    ("listAssets", {"country_code": "BR"}, None, ["USDC", "USDT"]),
    ("listAssets", {"country_code": "US"}, None, []),
    ("listAssets", {"currency": "brl"}, None, ["USDC", "USDT"]),
    ("listAssets", {}, "US", []),
    ("listPaymentMethods", {}, None, []),
    ("listPaymentMethods", {"currency": "EUR"}, None, ["bank_transfer", "card"]),
    ("listPaymentMethods", {"currency": "eur", "country_code": "BR"}, None, ["bank_transfer", "card"]),
    ("listPaymentMethods", {"country_code": "BR"}, None, ["pix"]),
    ("listPaymentMethods", {}, "GB", ["bank_transfer"]),
    ("listPayoutMethods", {}, None, []),
    ("listPayoutMethods", {"currency": "EUR"}, None, ["bank_transfer"]),
    ("listPayoutMethods", {"currency": "XXX"}, None, []),
]
NAMES = {"listCountries": "country_code", "listCurrencies": "code", "listAssets": "symbol"}


@pytest.mark.parametrize(("operation", "query", "edge", "expected"), LISTS)
def test_a_list_holds_what_can_be_offered(
    gate: Gate, operation: str, query: dict[str, str], edge: str | None, expected: list[str]
) -> None:
    page = gate.made(operation, query=query, headers={} if edge is None else {"cf-ipcountry": edge})

    assert [item[NAMES.get(operation, "id")] for item in page["data"]] == expected
    assert page["has_more"] is False


@pytest.mark.parametrize("symbol", ["ETH", "eth"])
def test_an_asset_is_found_in_either_case(gate: Gate, symbol: str) -> None:
    assert gate.made("getAsset", symbol=symbol)["symbol"] == "ETH"


@pytest.mark.parametrize(
    ("symbol", "query"),
    [
        ("NONE", {}),
        ("EURX", {}),
        ("ETH", {"side": "off_ramp"}),
        ("ETH", {"country_code": "BR"}),
        ("USDC", {"country_code": "US"}),
    ],
    ids=["unknown", "inactive", "not on this side", "withheld", "no corridor"],
)
def test_an_asset_that_is_not_on_offer_is_not_found(gate: Gate, symbol: str, query: dict[str, str]) -> None:
    assert gate.call("getAsset", symbol=symbol, query=query).status_code == 404


ELIGIBILITY: list[tuple[dict[str, str], str | None, str | None, str | None]] = [
    ({"country_code": "EE"}, None, None, "explicit"),
    ({"country_code": "ee", "currency": "eur", "asset": "usdc"}, "US", None, "explicit"),
    ({}, "EE", None, "ip"),
    ({}, None, "region_unresolved", None),
    ({"country_code": "US"}, "EE", "country_not_supported", "explicit"),
    ({"country_code": "XX"}, None, "country_not_supported", "explicit"),
    ({"country_code": "EE", "currency": "BRL"}, None, "currency_not_offered", "explicit"),
    ({"country_code": "EE", "asset": "EURX"}, None, "asset_not_available", "explicit"),
    ({"country_code": "BR", "asset": "ETH"}, None, "asset_not_available", "explicit"),
]


@pytest.mark.parametrize(("query", "edge", "reason", "source"), ELIGIBILITY)
def test_eligibility_says_why_not(
    gate: Gate, query: dict[str, str], edge: str | None, reason: str | None, source: str | None
) -> None:
    answer = gate.made("checkEligibility", query=query, headers={} if edge is None else {"cf-ipcountry": edge})

    assert answer == {"eligible": reason is None, "unavailable_reason": reason, "geo_source": source}


MALFORMED: list[tuple[str, dict[str, Any]]] = [
    ("listCountries", {"country_code": "EST"}),
    ("listCountries", {"supported": "maybe"}),
    ("listCurrencies", {"country_code": ""}),
    ("listAssets", {"side": "buy"}),
    ("listPaymentMethods", {"currency": "EURO"}),
    ("listPayoutMethods", {"currency": "E"}),
    ("checkEligibility", {"asset": "U"}),
]


@pytest.mark.parametrize(("operation", "query"), MALFORMED)
def test_a_malformed_question_is_refused(gate: Gate, operation: str, query: dict[str, Any]) -> None:
    assert gate.call(operation, query=query).status_code == 400

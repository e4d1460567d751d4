"""Which generated requests must be refused: only where a source says so, and however leniently they are read."""

from __future__ import annotations

import json

import pytest

from conformance.contract import Contract
from conformance.scenarios.generated import Demand, Plan, Request
from conformance.scenarios.pools.demands import demand, names_somebody

VALID = {
    "side": "on_ramp",
    "fiatCurrency": "EUR",
    "cryptoCurrency": "USDT",
    "amount": "10.00",
    "cryptoNetwork": "tron",
    "type": "firm",
    "destAddress": "TDestination",
}


def planned(
    operation: str, path: str, body: object = None, location: str = "body", media: str = "application/json"
) -> Plan:
    method = operation.partition(" ")[0]
    content = None if body is None else json.dumps(body).encode()
    request = Request(method, path, (("Content-Type", media),) if content else (), content)
    return Plan(operation, "coverage", "made up", location, "", request, None)


def quote_with(**changes: object) -> Plan:
    body = {name: value for name, value in {**VALID, **changes}.items() if value is not ...}
    return planned("POST /pools/{id}/quote", "/pools/EUR-USDT/quote", body)


REFUSED = [
    ("an unknown side", quote_with(side="sideways"), "side", False),
    ("no side", quote_with(side=...), "side", False),
    ("a null side", quote_with(side=None), "side", False),
    ("a side that is a number", quote_with(side=1), "side", False),
    ("an unknown network", quote_with(cryptoNetwork="moon"), "cryptoNetwork", False),
    ("a network that is a list", quote_with(cryptoNetwork=[]), "cryptoNetwork", False),
    ("a currency that is an object", quote_with(fiatCurrency={}), "fiatCurrency", False),
    ("an amount in words", quote_with(amount="ten"), "amount", True),
    ("a negative amount", quote_with(amount="-10.00"), "amount", True),
    ("a negative amount as a number", quote_with(amount=-10), "amount", True),
    ("an amount that is true", quote_with(amount=True), "amount", True),
    ("an amount and a side that are none", quote_with(amount=[], side="up"), "amount, side", False),
    ("a list as body", planned("POST /pools/{id}/quote", "/pools/EUR-USDT/quote", [1]), "body", False),
    ("no body", planned("POST /pools/{id}/quote", "/pools/EUR-USDT/quote"), "side", False),
]


@pytest.mark.parametrize(("what", "plan", "broken", "soft"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_source_says_it_is_refused(what: str, plan: Plan, broken: str, soft: bool, contract: Contract) -> None:
    assert demand(contract, plan, plan.request) == Demand("POOLS-QUOTE-VALIDATION", f"a wrong {broken}", soft)


TOLERATED = [
    ("a valid request", quote_with()),
    ("an amount as a number", quote_with(amount=10)),
    ("an amount as a fraction", quote_with(amount=10.5)),
    ("an amount of zero", quote_with(amount="0")),
    ("an overlong amount", quote_with(amount="1" * 60)),
    ("a null network", quote_with(cryptoNetwork=None)),
    ("a network that is false", quote_with(cryptoNetwork=False)),
    ("a network without a name", quote_with(cryptoNetwork="")),
    ("a lower-case currency", quote_with(fiatCurrency="eur")),
    ("no amount", quote_with(amount=...)),
    ("an unknown kind of quote", quote_with(type="solid")),
    ("no destination", quote_with(destAddress=...)),
    ("a destination that is an object", quote_with(destAddress={})),
    ("an unknown member", quote_with(colour="red")),
    ("another content type", planned("POST /pools/{id}/quote", "/pools/EUR-USDT/quote", [1], media="text/plain")),
    ("another pool", planned("POST /pools/{id}/quote", "/pools/0/quote", [1], location="path")),
    ("a limit out of range", planned("GET /pools/trades", "/pools/trades?limit=0", location="query")),
    ("a side nobody knows", planned("GET /pools/trades", "/pools/trades?side=up", location="query")),
    ("a ledger nobody has", planned("GET /pools/ledger", "/pools/ledger?currency=XTS", location="query")),
    ("funding in euro", planned("GET /pools/funding", "/pools/funding?currency=EUR", location="query")),
    ("funding without a currency", planned("GET /pools/funding", "/pools/funding?currency=", location="query")),
    ("funding in two", planned("GET /pools/funding", "/pools/funding?currency=A&currency=B", location="query")),
    ("an unreadable transact", planned("POST /pools/{id}/transact", "/pools/EUR-USDT/transact", [1])),
]


@pytest.mark.parametrize(("what", "plan"), TOLERATED, ids=[row[0] for row in TOLERATED])
def test_no_source_says_it_is_refused(what: str, plan: Plan, contract: Contract) -> None:
    assert demand(contract, plan, plan.request) is None


def test_funding_in_another_currency_is_refused(contract: Contract) -> None:
    plan = planned("GET /pools/funding", "/pools/funding?currency=USD", location="query")
    assert demand(contract, plan, plan.request) == Demand("POOLS-FUNDING", "a currency without funding", False)


WRITES = [
    ("somebody's quote rejected", planned("POST /pools/quotes/{quoteId}/reject", "/pools/quotes/0/reject"), True),
    (
        "our quote rejected",
        planned("POST /pools/quotes/{quoteId}/reject", "/pools/quotes/conformance-own-quote/reject"),
        False,
    ),
    (
        "no id at all rejected",
        planned("POST /pools/quotes/{quoteId}/reject", "/pools/quotes/null%2Cnull/reject"),
        False,
    ),
    (
        "an overlong id rejected",
        planned("POST /pools/quotes/{quoteId}/reject", f"/pools/quotes/{'0' * 128}/reject"),
        False,
    ),
    ("somebody's quote executed", planned("POST /pools/{id}/transact", "/pools/p/transact", {"quoteId": "00"}), True),
    (
        "our quote executed",
        planned("POST /pools/{id}/transact", "/pools/p/transact", {"quoteId": "conformance-own-quote"}),
        False,
    ),
    ("an object executed", planned("POST /pools/{id}/transact", "/pools/p/transact", {"quoteId": {}}), False),
    ("somebody's quote read", planned("GET /pools/quotes/{quoteId}", "/pools/quotes/0"), False),
]


@pytest.mark.parametrize(("what", "plan", "expected"), WRITES, ids=[row[0] for row in WRITES])
def test_a_write_on_what_may_be_somebodys_is_recognised(what: str, plan: Plan, expected: bool) -> None:
    assert names_somebody(plan) is expected

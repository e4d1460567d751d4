"""What the 0Pools contract says: its operations, who may call them, which answers and members are stated."""

import copy
from typing import Any

import pytest

from .documents import ROOT, Node, follow, load, operations, parameters, resolve, responses, validator

POOLS = load(ROOT / "openapi" / "pools-v1.yaml")
SCHEMAS: Node = POOLS["components"]["schemas"]

OPERATIONS = {
    "listPools": ("get", "/pools"),
    "getPoolCapabilities": ("get", "/pools/{id}/capabilities"),
    "createQuote": ("post", "/pools/{id}/quote"),
    "transact": ("post", "/pools/{id}/transact"),
    "getTransactionStatus": ("get", "/pools/transactions/{quoteId}"),
    "listTrades": ("get", "/pools/trades"),
    "getTrade": ("get", "/pools/trades/{transactId}"),
    "getQuote": ("get", "/pools/quotes/{quoteId}"),
    "rejectQuote": ("post", "/pools/quotes/{quoteId}/reject"),
    "getPoolBalance": ("get", "/pools/{id}/balance"),
    "getFundingInstructions": ("get", "/pools/funding"),
    "listLedgerEntries": ("get", "/pools/ledger"),
}
EVERYWHERE = "401 403 429 5XX"

# operation: statuses a source states beyond EVERYWHERE, statuses that are guesses
STATUSES = {
    "listPools": ("200", "400"),
    "getPoolCapabilities": ("200 404", "400"),
    "createQuote": ("200 400 404", "402 413 415 501"),
    "transact": ("400 402 404 409 501", "200 201 413 415"),
    "getTransactionStatus": ("200 404", "400"),
    "listTrades": ("200 400", ""),
    "getTrade": ("200 404", "400"),
    "getQuote": ("200 404", "400"),
    "rejectQuote": ("404 409", "200 204 400"),
    "getPoolBalance": ("200 404", "400"),
    "getFundingInstructions": ("200 400", ""),
    "listLedgerEntries": ("200 400", ""),
}

# schema: members that must be there on any server, guesses left out
STATED_MEMBERS = {
    "Error": "type code message request_id doc_url statusCode",
    "PoolList": "pools",
    "Pool": "id pair fiatCurrency cryptoCurrency available",
    "PoolCapabilities": (
        "poolId pair fiatCurrency cryptoCurrency supportedNetworks sides tier drawFeeBps spreadCapBps"
    ),
    "FirmQuote": "available executable type quoteId rate spreadBps feeBps expiresAt",
    "IndicativeQuote": "available executable rate",
    "UnavailableQuote": "available unavailableReason",
    "StoredQuote": "status",
    "Trade": "transactId quoteId status",
    "UnexecutedTransaction": "status",
    "TradePage": "nextCursor hasMore",
    "PoolBalance": "available balance tier allowedPools",
    "FundingInstructions": "currency iban reference instructions",
    "BalanceLedgerEntry": "delta reason ref",
    "BalanceLedgerResponse": "currency available entries nextCursor",
    "CreateQuoteRequest": "side",
    "TransactRequest": "quoteId",
    "PoolTransactionEvent": "eventId type",
}


def test_it_is_the_published_revision_on_the_published_hosts() -> None:
    assert POOLS["openapi"] == "3.1.0"
    assert (POOLS["info"]["title"], POOLS["info"]["version"]) == ("0Pools Partner API", "2026-05-25")
    assert [server["url"] for server in POOLS["servers"]] == [
        "https://pools-api.0bit.app/v1",
        "https://pools-api-sandbox.0bit.app/v1",
    ]


def test_it_has_exactly_the_twelve_published_operations() -> None:
    found = {operation["operationId"]: (method, path) for method, path, _, operation in operations(POOLS)}
    assert found == OPERATIONS


def test_only_discovery_takes_a_publishable_key() -> None:
    secret: Node = {"secretKey": []}
    publishable: Node = {"publishableKey": []}
    takes = {
        operation["operationId"]: operation.get("security", POOLS["security"])
        for _, _, _, operation in operations(POOLS)
    }
    assert takes.pop("listPools") == [publishable, secret]
    assert {name: choices for name, choices in takes.items() if choices != [secret]} == {}


def test_only_transact_takes_an_idempotency_key_and_requires_it() -> None:
    takes = {
        operation["operationId"]: row["required"]
        for method, path, _, operation in operations(POOLS)
        for row in parameters(POOLS, path, method)
        if row["name"] == "Idempotency-Key"
    }
    assert takes == {"transact": True}


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_stated_and_guessed_statuses_are_told_apart(operation_id: str) -> None:
    stated, guessed = STATUSES[operation_id]
    found = {status: response for name, status, _, response in responses(POOLS) if name == operation_id}
    inferred = {status for status, response in found.items() if response.get("x-basis") == "inferred"}
    assert found.keys() - inferred == set(stated.split()) | set(EVERYWHERE.split())
    assert inferred == set(guessed.split())


def test_every_response_names_its_request() -> None:
    lacking = [
        (operation_id, status)
        for operation_id, status, place, response in responses(POOLS)
        if "X-Request-Id" not in response.get("headers", {})
        or not follow(POOLS, f"{place}/headers/X-Request-Id")[1]["required"]
    ]
    assert not lacking


def test_retry_after_is_offered_with_429_and_never_promised() -> None:
    offers = {
        status: follow(POOLS, f"{place}/headers/Retry-After")[1].get("required", False)
        for _, status, place, response in responses(POOLS)
        if "Retry-After" in response["headers"]
    }
    assert offers == {"429": False}


@pytest.mark.parametrize("status", ["400", "401", "402", "403", "404", "409", "413", "415", "429", "501", "5XX"])
def test_error_bodies_are_the_flat_envelope_and_repeat_their_status(status: str) -> None:
    bodies = [f"{place}/content/application~1json" for _, found, place, _ in responses(POOLS) if found == status]
    assert bodies
    for place in bodies:
        judge = validator(POOLS, f"{place}/schema")
        for example in resolve(POOLS, place)["examples"].values():
            assert not judge.is_valid({**example["value"], "statusCode": 299})
            assert not judge.is_valid({"error": example["value"]})


@pytest.mark.parametrize("name", STATED_MEMBERS)
def test_required_members_that_are_not_guesses_are_the_stated_ones(name: str) -> None:
    """A member counts as stated if neither its presence nor the member itself is marked as inferred."""
    parts = [part for part in SCHEMAS[name].get("allOf", [SCHEMAS[name]]) if "$ref" not in part]
    stated = {
        member
        for part in parts
        for member in part["required"]
        if f"required:{member}" not in part.get("x-inferred", [])
        and part["properties"][member].get("x-basis") != "inferred"
    }
    assert stated == set(STATED_MEMBERS[name].split())


def test_no_deal_term_is_promised_by_a_source() -> None:
    terms = SCHEMAS["DealTerms"]
    guessed = {member.partition(":")[2] for member in terms["x-inferred"]}
    guessed |= {name for name, schema in terms["properties"].items() if schema.get("x-basis") == "inferred"}
    assert set(terms["required"]) <= guessed


def test_bank_details_are_marked_sensitive() -> None:
    funding = SCHEMAS["FundingInstructions"]["properties"]
    assert {name for name, schema in funding.items() if schema.get("x-sensitive")} == {"iban", "instructions"}


# -- what bodies the contract tells apart --------------------------------------------------------------------

QUOTES = POOLS["paths"]["/pools/{id}/quote"]["post"]["responses"]["200"]["content"]["application/json"]["examples"]
FIRM, INDICATIVE, UNAVAILABLE = (QUOTES[name]["value"] for name in ("firm", "indicative", "unavailable"))
TRADE = POOLS["components"]["examples"]["ReservedTrade"]["value"]
REQUEST = POOLS["components"]["requestBodies"]["CreateQuote"]["content"]["application/json"]["examples"]
FIRM_REQUEST = REQUEST["firmOnRamp"]["value"]
BALANCE: Node = {"available": True, "balance": "1000.00", "tier": "standard", "allowedPools": ["EUR-USDT"]}
FUNDING: Node = {"currency": "EUR", "iban": None, "reference": "R-1", "instructions": "Wait."}
ENTRY: Node = {
    "delta": "-100.00",
    "reason": "buy_debit",
    "ref": "pq_test_1",
    "createdAt": "2026-01-01T00:00:00Z",
}
ERROR: Node = {
    "type": "invalid_request",
    "code": "invalid_request",
    "message": "no",
    "request_id": "req_1",
    "doc_url": None,
    "statusCode": 400,
}
ABSENT = object()


@pytest.mark.parametrize(
    ("schema", "body", "change", "accepted"),
    [
        ("QuoteOutcome", FIRM, {"somethingNew": 1}, True),
        ("QuoteOutcome", FIRM, {"quoteId": ABSENT}, False),
        ("QuoteOutcome", FIRM, {"expiresAt": ABSENT}, False),
        ("QuoteOutcome", FIRM, {"expiresAt": "2026-01-01T02:00:15+02:00"}, False),
        ("QuoteOutcome", FIRM, {"expiresAt": 1767225615}, False),
        ("QuoteOutcome", FIRM, {"executable": "true"}, False),
        ("QuoteOutcome", FIRM, {"type": "indicative"}, False),
        ("QuoteOutcome", FIRM, {"rate": 1.0731}, False),
        ("QuoteOutcome", FIRM, {"rate": "1.0731e0"}, False),
        ("QuoteOutcome", FIRM, {"spreadBps": "25"}, False),
        ("QuoteOutcome", FIRM, {"spreadBps": 25.5}, False),
        ("QuoteOutcome", FIRM, {"fiatAmount": 100}, False),
        ("QuoteOutcome", FIRM, {"maxOrderUsdt": None}, True),
        ("QuoteOutcome", FIRM, {"maxOrderUsdt": 1000}, False),
        ("QuoteOutcome", INDICATIVE, {"quoteId": "pq_test_1"}, False),
        ("QuoteOutcome", INDICATIVE, {"quoteId": None}, True),
        ("QuoteOutcome", INDICATIVE, {"rate": ABSENT}, False),
        ("QuoteOutcome", INDICATIVE, {"executable": ABSENT}, False),
        ("QuoteOutcome", UNAVAILABLE, {"unavailableReason": ABSENT}, False),
        ("QuoteOutcome", UNAVAILABLE, {"unavailableReason": "closed"}, False),
        ("QuoteOutcome", UNAVAILABLE, {"quoteId": "pq_test_1"}, False),
        ("Trade", TRADE, {"status": "paid"}, False),
        ("Trade", TRADE, {"transactId": ABSENT}, False),
        ("Trade", TRADE, {"settledAt": None}, True),
        ("TransactionStatus", {"quoteId": "pq_test_1", "status": "quoted"}, {}, True),
        ("TransactionStatus", {"quoteId": "pq_test_1", "status": "reserved"}, {}, False),
        ("PoolBalance", BALANCE, {"balance": None}, True),
        ("PoolBalance", BALANCE, {"balance": 1000}, False),
        ("PoolBalance", BALANCE, {"balance": ABSENT}, False),
        ("PoolBalance", BALANCE, {"kycStatus": "approved"}, False),
        ("PoolBalance", BALANCE, {"reserve": "1.00"}, False),
        ("PoolBalance", BALANCE, {"reservedAmount": "1.00"}, True),
        ("FundingInstructions", FUNDING, {"currency": "USD"}, False),
        ("FundingInstructions", FUNDING, {"iban": ABSENT}, False),
        ("BalanceLedgerEntry", ENTRY, {"delta": -100}, False),
        ("BalanceLedgerEntry", ENTRY, {"delta": "100.00-"}, False),
        ("BalanceLedgerEntry", ENTRY, {"ref": ABSENT}, False),
        ("Error", ERROR, {"doc_url": "https://example.com/errors"}, True),
        ("Error", ERROR, {"doc_url": ABSENT}, False),
        ("Error", ERROR, {"request_id": ABSENT}, False),
        ("Error", ERROR, {"statusCode": "400"}, False),
        ("CreateQuoteRequest", FIRM_REQUEST, {"somethingNew": 1}, True),
        ("CreateQuoteRequest", FIRM_REQUEST, {"destAddress": ABSENT}, False),
        ("CreateQuoteRequest", FIRM_REQUEST, {"destAddress": ABSENT, "type": ABSENT}, False),
        ("CreateQuoteRequest", FIRM_REQUEST, {"destAddress": ABSENT, "type": "indicative"}, True),
        ("CreateQuoteRequest", FIRM_REQUEST, {"destAddress": ABSENT, "side": "off_ramp"}, True),
        ("CreateQuoteRequest", FIRM_REQUEST, {"side": "buy"}, False),
        ("CreateQuoteRequest", FIRM_REQUEST, {"amount": 100}, False),
        ("CreateQuoteRequest", FIRM_REQUEST, {"amount": "0.00"}, False),
        ("CreateQuoteRequest", FIRM_REQUEST, {"amount": "-1"}, False),
        ("CreateQuoteRequest", FIRM_REQUEST, {"amount": "1e2"}, False),
        ("CreateQuoteRequest", FIRM_REQUEST, {"amount": "0.50"}, True),
        ("CreateQuoteRequest", FIRM_REQUEST, {"amount": "0.00000001"}, True),
        ("CreateQuoteRequest", FIRM_REQUEST, {"amount": "0.000000001"}, False),
        ("CreateQuoteRequest", FIRM_REQUEST, {"cryptoNetwork": "arbitrum"}, False),
        ("CreateQuoteRequest", FIRM_REQUEST, {"destNetwork": "arbitrum"}, True),
        ("TransactRequest", {"quoteId": "pq_test_1"}, {"destAddress": "0x0"}, True),
        ("TransactRequest", {}, {}, False),
    ],
)
def test_a_changed_body_is_accepted_or_refused(schema: str, body: Node, change: Node, accepted: bool) -> None:
    assert validator(POOLS, f"/components/schemas/{schema}").is_valid(changed(body, change)) is accepted


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ("QuoteOutcome", FIRM),
        ("QuoteOutcome", INDICATIVE),
        ("QuoteOutcome", UNAVAILABLE),
        ("Trade", TRADE),
        ("PoolBalance", BALANCE),
        ("FundingInstructions", FUNDING),
        ("BalanceLedgerEntry", ENTRY),
        ("Error", ERROR),
        ("CreateQuoteRequest", FIRM_REQUEST),
    ],
)
def test_the_unchanged_body_is_accepted_so_that_a_refusal_has_one_reason(schema: str, body: Node) -> None:
    assert list(validator(POOLS, f"/components/schemas/{schema}").iter_errors(body)) == []


@pytest.mark.parametrize("body", [FIRM, INDICATIVE, UNAVAILABLE], ids=["firm", "indicative", "unavailable"])
def test_a_quote_outcome_has_one_reading(body: Node) -> None:
    shapes = ("FirmQuote", "IndicativeQuote", "UnavailableQuote")
    matching = [shape for shape in shapes if validator(POOLS, f"/components/schemas/{shape}").is_valid(body)]
    assert len(matching) == 1


def changed(body: Node, change: Node) -> dict[str, Any]:
    """Return a copy of `body` with the members of `change` set, or removed where they are ABSENT."""
    merged = {**copy.deepcopy(body), **change}
    return {name: value for name, value in merged.items() if value is not ABSENT}

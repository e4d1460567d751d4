"""Which bodies the 0Gate contract tells apart, and what it holds against a server whose choices differ from our
guesses: nothing."""

import copy
import json
from typing import Any

import pytest

from conformance.contract import judge
from conformance.contract import load as load_contract

from .documents import ROOT, Node, load, validator

PATH = ROOT / "openapi" / "gate-v1.yaml"
GATE = load(PATH)
CONTRACT = load_contract(PATH, product="gate")
ABSENT = object()


def sample(path: str, method: str, status: str, name: str) -> Node:
    response = GATE["paths"][path][method]["responses"][status]
    if "$ref" in response:
        response = GATE["components"]["responses"][response["$ref"].rsplit("/", 1)[-1]]
    value: Node = response["content"]["application/json"]["examples"][name]["value"]
    return value


def sent(body: str, name: str) -> Node:
    value: Node = GATE["components"]["requestBodies"][body]["content"]["application/json"]["examples"][name]["value"]
    return value


SAMPLES: dict[str, Node] = {
    "Session": sample("/gate_sessions/{id}", "get", "200", "open"),
    "CreatedSession": sample("/gate_sessions", "post", "201", "open"),
    "SessionList": sample("/gate_sessions", "get", "200", "onlyPage"),
    "Eligibility": sample("/capabilities/eligibility", "get", "200", "refused"),
    "Asset": sample("/capabilities/assets/{symbol}", "get", "200", "asset"),
    "LockedQuote": sample("/quotes/{id}", "get", "200", "active"),
    "PayIn": sample("/rails/pay_ins/{id}", "get", "200", "processing"),
    "Transaction": sample("/transactions/{refid}", "get", "200", "completed"),
    "EmbedToken": sample("/embed/bootstrap", "post", "201", "bound"),
    "Branding": sample("/branding", "get", "200", "own"),
    "WebhookDelivery": sample("/webhooks/test", "post", "201", "queued"),
    "Customer": sample("/customers/{id}", "get", "200", "customer"),
    "DeletedCustomer": sample("/customers/{id}", "delete", "200", "deleted"),
    "Error": sample("/gate_sessions", "post", "400", "invalid"),
    "CreateSessionRequest": sent("CreateSession", "buy"),
    "LockQuoteRequest": sent("LockQuote", "buy"),
    "RailRequest": sent("RedeemQuote", "redeem"),
    "UpdateBrandingRequest": sent("UpdateBranding", "colour"),
    "CreateCustomerRequest": sent("CreateCustomer", "full"),
    "UpdateCustomerRequest": sent("UpdateCustomer", "rename"),
}


@pytest.mark.parametrize("schema", SAMPLES)
def test_the_unchanged_body_is_accepted_so_that_a_refusal_has_one_reason(schema: str) -> None:
    assert list(validator(GATE, f"/components/schemas/{schema}").iter_errors(SAMPLES[schema])) == []


@pytest.mark.parametrize(
    ("schema", "change", "accepted"),
    [
        ("Session", {"somethingNew": 1}, True),
        ("Session", {"object": "session"}, True),
        ("Session", {"object": "checkout"}, False),
        ("Session", {"client_secret": "gsec_test_123"}, False),
        ("Session", {"status": "processing"}, False),
        ("Session", {"status": "failed"}, False),
        ("Session", {"mode": "staging"}, False),
        ("Session", {"amount": 100}, False),
        ("Session", {"expires_at": 1767225600}, False),
        ("Session", {"cancel_url": None}, True),
        ("Session", {"created_at": None}, True),
        ("CreatedSession", {"client_secret": ABSENT}, False),
        ("CreatedSession", {"client_secret": "sk_test_1"}, False),
        ("SessionList", {"object": "array"}, False),
        ("SessionList", {"has_more": ABSENT}, False),
        ("SessionList", {"url": ABSENT}, False),
        ("SessionList", {"data": [SAMPLES["CreatedSession"]]}, False),
        ("Eligibility", {"unavailable_reason": None}, False),
        ("Eligibility", {"unavailable_reason": ABSENT}, False),
        ("Eligibility", {"eligible": True, "unavailable_reason": None}, True),
        ("Asset", {"networks": [{"contract_address": None}]}, False),
        ("LockedQuote", {"status": "redeemed"}, False),
        ("LockedQuote", {"side": "buy"}, False),
        ("LockedQuote", {"signature": ABSENT}, False),
        ("LockedQuote", {"fiat_amount": 100}, False),
        ("LockedQuote", {"exchange_rate": 1.0731}, False),
        ("PayIn", {"object": "rail_pay_out"}, False),
        ("PayIn", {"kind": ABSENT}, False),
        ("Transaction", {"refid": ABSENT}, False),
        ("Transaction", {"total_fees": 0.3}, False),
        ("Transaction", {"exchange_rate": None}, True),
        ("EmbedToken", {"embed_token": "not-a-jwt"}, False),
        ("EmbedToken", {"session_id": None, "amount": None}, True),
        ("Branding", {"primary_color": "red"}, False),
        ("Branding", {"logo_url": "http://partner.example/logo.svg"}, False),
        ("Branding", {"primary_color": None}, True),
        ("WebhookDelivery", {"status": "retrying"}, False),
        ("WebhookDelivery", {"payload_raw": "{}"}, False),
        ("WebhookDelivery", {"event_id": ABSENT}, False),
        ("Customer", {"kyc_status": "approved"}, True),
        ("Customer", {"email": None}, False),
        ("Customer", {"first_name": "x" * 129}, False),
        ("DeletedCustomer", {"deleted": False}, False),
        ("DeletedCustomer", {"deleted_at": None}, True),
        ("DeletedCustomer", {"deleted_at": "yesterday"}, False),
        ("Error", {"doc_url": ABSENT}, False),
        ("Error", {"request_id": ABSENT}, False),
        ("Error", {"statusCode": "400"}, False),
        ("CreateSessionRequest", {"somethingNew": 1}, True),
        ("CreateSessionRequest", {"amount": 100}, False),
        ("CreateSessionRequest", {"amount": "0.00"}, False),
        ("CreateSessionRequest", {"flow": "buy"}, False),
        ("CreateSessionRequest", {"flow": "swap"}, True),
        ("CreateSessionRequest", {"return_url": ABSENT}, False),
        ("LockQuoteRequest", {"amount": "0"}, False),
        ("LockQuoteRequest", {"amount": "-1"}, False),
        ("LockQuoteRequest", {"amount": "0.00000001"}, True),
        ("LockQuoteRequest", {"amount": "0.000000001"}, False),
        ("LockQuoteRequest", {"currency": "eur"}, True),
        ("LockQuoteRequest", {"currency": "EURO"}, False),
        ("LockQuoteRequest", {"asset": "U"}, False),
        ("LockQuoteRequest", {"side": "swap"}, False),
        ("LockQuoteRequest", {"payment_method": "x" * 65}, False),
        ("LockQuoteRequest", {"payment_method": ABSENT}, False),
        ("RailRequest", {"amount": "100.00"}, False),
        ("RailRequest", {"currency": "EUR"}, False),
        ("RailRequest", {"method": "bank_transfer"}, False),
        ("RailRequest", {"reference": ABSENT, "metadata": ABSENT}, True),
        ("UpdateBrandingRequest", {"font": "serif"}, False),
        ("UpdateBrandingRequest", {"primary_color": "#FF4B1"}, False),
        ("UpdateBrandingRequest", {"logo_url": "//partner.example/logo.svg"}, False),
        ("CreateCustomerRequest", {"email": ABSENT}, False),
        ("CreateCustomerRequest", {"country_code": "EST"}, False),
        ("CreateCustomerRequest", {"last_name": "x" * 129}, False),
        ("UpdateCustomerRequest", {"email": "other@example.com"}, False),
        ("UpdateCustomerRequest", {"kyc_status": "approved"}, False),
        ("UpdateCustomerRequest", {"country_code": None}, True),
    ],
)
def test_a_changed_body_is_accepted_or_refused(schema: str, change: Node, accepted: bool) -> None:
    body = changed(SAMPLES[schema], change)
    assert validator(GATE, f"/components/schemas/{schema}").is_valid(body) is accepted


# -- the judging view ----------------------------------------------------------------------------------------

SESSION = ("GET", "/gate_sessions/gs_1", 200)
QUOTE = ("GET", "/quotes/qt_1", 200)
RAIL = ("GET", "/rails/pay_ins/pi_1", 200)


@pytest.mark.parametrize(
    ("exchange", "schema", "change"),
    [
        (SESSION, "Session", {"partner_id": ABSENT, "created_at": ABSENT, "target_token": ABSENT, "metadata": ABSENT}),
        (SESSION, "Session", {"flow": 5, "user_reference": ABSENT, "wallet_address": {}, "id": "any id: é"}),
        (SESSION, "Session", {"expires_at": "Thu, 01 Jan 2026 00:00:00 GMT", "metadata": None}),
        (("POST", "/gate_sessions", 202), "CreatedSession", {}),
        (QUOTE, "LockedQuote", {"fees": [{"kind": "spread", "bps": 25}], "expires_at": ABSENT}),
        (RAIL, "PayIn", {"status": "created", "kind": "pay-in", "quote_id": ABSENT, "amount": ABSENT, "settled_at": 0}),
        (
            ("GET", "/transactions/tx_1", 200),
            "Transaction",
            {"object": ABSENT, "created_at": 5, "token_amount": ABSENT},
        ),
        (("GET", "/branding", 200), "Branding", {"accent_color": ABSENT, "brand_name": ABSENT}),
        (("POST", "/quotes/preview", 200), "Asset", {}),
        (("PATCH", "/customers/c_1", 200), "Asset", {}),
        (("PATCH", "/branding", 200), "Asset", {}),
        (("POST", "/webhooks/test", 200), "WebhookDelivery", {"next_attempt_at": ABSENT, "created_at": ABSENT}),
        (("GET", "/customers/c_1", 200), "Customer", {"phone": ABSENT, "metadata": ABSENT, "created_at": ABSENT}),
        (("GET", "/capabilities/assets/USDC", 200), "Asset", {"symbol": "USDC.e", "limits": [1], "currency": 5}),
    ],
)
def test_a_server_whose_choices_differ_from_our_guesses_fails_nothing(
    exchange: tuple[str, str, int], schema: str, change: Node
) -> None:
    assert failures(exchange, changed(SAMPLES[schema], change)) == []


@pytest.mark.parametrize(
    ("exchange", "schema", "change", "broken"),
    [
        (SESSION, "Session", {"status": "failed"}, "WIRE-BODY"),
        (SESSION, "Session", {"client_secret": "gsec_test_123"}, "WIRE-BODY"),
        (SESSION, "Session", {"amount": 100}, "WIRE-MONEY"),
        (("POST", "/gate_sessions/gs_1/cancel", 200), "Session", {"status": "cancelled"}, "WIRE-STATUS"),
        (("POST", "/gate_sessions", 201), "CreatedSession", {"client_secret": ABSENT}, "WIRE-BODY"),
        (QUOTE, "LockedQuote", {"signature": ABSENT}, "WIRE-BODY"),
        (RAIL, "PayIn", {"treasury": "x"}, "WIRE-BOUNDARY"),
        (("GET", "/customers/c_1", 200), "Customer", {"mode": "staging"}, "WIRE-BODY"),
        (("DELETE", "/customers/c_1", 200), "DeletedCustomer", {"deleted": ABSENT}, "WIRE-BODY"),
        (("GET", "/webhooks/deliveries", 200), "SessionList", {"object": "array"}, "WIRE-BODY"),
        (("POST", "/webhooks/test", 201), "WebhookDelivery", {"payload_raw": "{}"}, "WIRE-BODY"),
        (("POST", "/gate_sessions", 400), "Error", {"doc_url": ABSENT}, "WIRE-ERROR-ENVELOPE"),
    ],
)
def test_a_departure_from_a_statement_fails(
    exchange: tuple[str, str, int], schema: str, change: Node, broken: str
) -> None:
    assert broken in failures(exchange, changed(SAMPLES[schema], change))


def failures(exchange: tuple[str, str, int], body: Node) -> list[str]:
    method, path, status = exchange
    headers = [("Content-Type", "application/json"), ("X-Request-Id", "req_test_000000000123")]
    report = judge(CONTRACT, method, path, status, headers, json.dumps(body).encode(), False)
    assert report.findings
    return [row.requirement for row in report.findings if not row.ok]


def changed(body: Node, change: Node) -> dict[str, Any]:
    """Return a copy of `body` with the members of `change` set, or removed where they are ABSENT."""
    merged = {**copy.deepcopy(body), **change}
    return {name: value for name, value in merged.items() if value is not ABSENT}

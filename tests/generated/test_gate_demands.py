"""Which generated requests to 0Gate must be refused, and which must not be sent: what names somebody else's."""

from __future__ import annotations

import json

import pytest

from conformance.contract import Contract, load
from conformance.scenarios.gate.demands import demand, named, names_somebody
from conformance.scenarios.gate.seeds import CUSTOMER, MAIL, SESSION
from conformance.scenarios.generated import Demand, Plan, Request

SESSIONS, PREVIEW, LOCK = "POST /gate_sessions", "POST /quotes/preview", "POST /quotes"
CREATE, CHANGE, LOOK = "POST /customers", "PATCH /customers/{id}", "PATCH /branding"
PLAIN: dict[str, dict[str, object]] = {
    SESSIONS: {"amount": "25.00", "currency": "EUR", "return_url": "https://partner.example/"},
    PREVIEW: {"amount": "25.00", "currency": "EUR", "asset": "USDC", "side": "on_ramp"},
    LOCK: {"amount": "25.00", "currency": "EUR", "asset": "USDC", "side": "on_ramp", "payment_method": "card"},
    CREATE: {"email": MAIL},
    CHANGE: {"first_name": "A"},
    LOOK: {"primary_color": "#FF4B1F"},
}


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load(None, "gate")


def planned(operation: str, body: object = None, path: str = "", location: str = "body") -> Plan:
    method, _, template = operation.partition(" ")
    content = None if body is None else json.dumps(body).encode()
    headers = (("Content-Type", "application/json"),) if content else ()
    request = Request(method, path or template.replace("{id}", CUSTOMER), headers, content)
    return Plan(operation, "coverage", "made up", location, "", request, None)


def changed(operation: str, **changes: object) -> Plan:
    body = {name: value for name, value in {**PLAIN[operation], **changes}.items() if value is not ...}
    return planned(operation, body)


REFUSED = [
    (changed(SESSIONS, amount=[]), "GATE-SESSION-VALIDATION", "amount"),
    (changed(SESSIONS, return_url={}), "GATE-SESSION-VALIDATION", "return_url"),
    (planned(SESSIONS, [1]), "GATE-SESSION-VALIDATION", "body"),
    (changed(PREVIEW, side="sideways"), "GATE-PREVIEW-VALIDATION", "side"),
    (changed(PREVIEW, currency=...), "GATE-PREVIEW-VALIDATION", "currency"),
    (changed(LOCK, amount="-1"), "GATE-QUOTE-VALIDATION", "amount"),
    (changed(LOCK, payment_method="x" * 65), "GATE-QUOTE-VALIDATION", "payment_method"),
    (changed(CREATE, email=...), "GATE-CUSTOMER-VALIDATION", "email"),
    (changed(CREATE, first_name="x" * 129), "GATE-CUSTOMER-VALIDATION", "first_name"),
    (changed(CREATE, country_code="DEU"), "GATE-CUSTOMER-VALIDATION", "country_code"),
    (changed(CHANGE, last_name="x" * 129), "GATE-CUSTOMER-VALIDATION", "last_name"),
    (changed(LOOK, accent_color="red"), "GATE-BRANDING-REJECTS", "accent_color"),
    (changed(LOOK, logo_url="http://partner.example/"), "GATE-BRANDING-REJECTS", "logo_url"),
]


@pytest.mark.parametrize(("plan", "requirement", "broken"), REFUSED, ids=lambda value: getattr(value, "operation", ""))
def test_a_source_says_it_is_refused(plan: Plan, requirement: str, broken: str, contract: Contract) -> None:
    assert demand(contract, plan, plan.request) == Demand(requirement, f"a wrong {broken}")


TOLERATED = [
    *(changed(operation) for operation in PLAIN),
    changed(SESSIONS, amount=25),
    changed(SESSIONS, return_url="no address"),
    changed(SESSIONS, user_reference={}),
    changed(PREVIEW, amount=25.5),
    changed(LOCK, payment_method="carrier pigeon"),
    changed(CREATE, email="no address"),
    changed(CREATE, external_id=" "),
    changed(CREATE, unknown="x"),
    changed(CHANGE, first_name=None),
    changed(LOOK, accent_color=None),
    planned(CHANGE, {"last_name": []}, "/customers/0", location="path"),
]


@pytest.mark.parametrize("plan", TOLERATED, ids=lambda plan: plan.operation)
def test_no_source_says_it_is_refused(plan: Plan, contract: Contract) -> None:
    assert demand(contract, plan, plan.request) is None


CANCEL, REPLAY, REMOVE = (
    "POST /gate_sessions/{id}/cancel",
    "POST /webhooks/deliveries/{id}/replay",
    "DELETE /customers/{id}",
)
SOMEBODYS = [
    (planned(CANCEL, path="/gate_sessions/gs_1/cancel"), True),
    (planned(CANCEL, path=f"/gate_sessions/{SESSION}/cancel"), False),
    (planned(CANCEL, path="/gate_sessions/ours/cancel"), False),
    (planned(CANCEL, path="/gate_sessions/null%2Cnull/cancel"), False),
    (planned(REPLAY, path="/webhooks/deliveries/wd_1/replay"), True),
    (planned(CHANGE, {}, "/customers/0"), True),
    (planned(REMOVE, path="/customers/67a1f3b9e4b0c10001234567"), True),
    (planned(REMOVE, path=f"/customers/{CUSTOMER}"), False),
    (planned("GET /customers/{id}", path="/customers/0"), False),
    (planned("POST /rails/pay_ins", {"gate_session_id": SESSION, "quote_id": "qt_1"}), True),
    (planned("POST /rails/pay_ins", {"gate_session_id": SESSION, "quote_id": "ours"}), False),
    (planned("POST /rails/pay_outs", {"gate_session_id": {}, "quote_id": 7}), False),
    (changed(SESSIONS, quote_preview_id="qt_1"), True),
    (changed(CREATE, email="a@b.com"), True),
    (changed(CREATE, email="a@b.example"), False),
    (changed(CREATE, email="no address"), False),
    (changed(CREATE, phone="+12025550123"), True),
]


@pytest.mark.parametrize(("plan", "expected"), SOMEBODYS, ids=lambda value: getattr(value, "operation", ""))
def test_a_write_on_what_may_be_somebodys_is_recognised(plan: Plan, expected: bool) -> None:
    assert names_somebody(plan, {"ours"}) is expected


def test_the_object_a_cancellation_names_is_read_from_its_path() -> None:
    assert named(planned(CANCEL, path="/gate_sessions/a%20b/cancel?x=1")) == ["a b"]

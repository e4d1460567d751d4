"""The doors of 0Gate: credential, kind, mode and entitlements come first; hostile input gets an envelope."""

from __future__ import annotations

import json

import httpx
import pytest

from conformance.sandbox.gate import operations
from tests.sandbox.process import Sandbox, running

from . import contract
from .partner import LOCK, SESSION, Gate, gate_of

# A call with every server operation that names nothing of anybody. Whoever may make it gets at least past the doors.
CALLS = sorted(set(contract.operations()) - {"createEmbedToken"})
BODIES: dict[str, object] = {
    "createSession": SESSION,
    "previewQuotes": LOCK,
    "lockQuote": LOCK,
    "createPayIn": {"gate_session_id": "gs_test_none", "quote_id": "qt_test_none"},
    "createPayOut": {"gate_session_id": "gs_test_none", "quote_id": "qt_test_none"},
    "updateBranding": {"brand_name": "Partner"},
    "createCustomer": {"email": "nobody@partner.example"},
    "updateCustomer": {"first_name": "New"},
}
PATHS = {"id": "none", "symbol": "NONE", "refid": "none"}
RAILS = {"lockQuote", "retrieveSignedQuote", "createPayIn", "retrievePayIn", "createPayOut", "retrievePayOut"}
CUSTOMERS = {"createCustomer", "listCustomers", "getCustomer", "updateCustomer", "deleteCustomer"}
STANDINGS = {
    "no_gate": set(CALLS),
    "no_rails": RAILS,
    "no_customers": CUSTOMERS,
    "wrong_mode": set(CALLS),
}


def anything(gate: Gate, operation: str) -> httpx.Response:
    return gate.call(operation, BODIES.get(operation), **PATHS)


def test_every_operation_of_the_contract_is_served() -> None:
    served = {(operation.method, operation.path) for operation in operations.OPERATIONS}

    assert served == set(contract.operations().values())
    assert len(served) == 31


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("standing", STANDINGS)
def test_each_standing_is_refused_exactly_what_it_lacks(sandbox: Sandbox, standing: str, operation: str) -> None:
    key = "sk_live_sandbox_wrong_mode" if standing == "wrong_mode" else None

    refused = anything(gate_of(sandbox, standing, key), operation).status_code == 403

    assert refused == (operation in STANDINGS[standing])


@pytest.mark.parametrize("operation", CALLS)
def test_a_throttled_caller_is_told_when_to_come_back(sandbox: Sandbox, operation: str) -> None:
    answer = anything(gate_of(sandbox, "throttled"), operation)

    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize(
    ("key", "status"), [("sk_test_unknown", 401), ("whsec_sandbox_approved", 401), ("pk_test_sandbox_approved", 403)]
)
def test_only_a_secret_key_opens_an_operation(sandbox: Sandbox, key: str, status: int, operation: str) -> None:
    answer = anything(gate_of(sandbox, key=key), operation)

    assert answer.status_code == status
    assert answer.json()["type"] == {401: "authentication_error", 403: "permission_error"}[status]


@pytest.mark.parametrize("value", [None, "", "Bearer", "Basic sk_test_sandbox_approved", "sk_test_sandbox_approved"])
def test_a_key_must_be_a_bearer_token(sandbox: Sandbox, gate: Gate, value: str | None) -> None:
    headers = {} if value is None else {"Authorization": value}

    answer = httpx.get(f"{gate.http.base_url}branding", headers=headers)

    assert answer.status_code == 401
    contract.check_error(answer)


def test_doors_stand_before_bodies_and_objects(sandbox: Sandbox) -> None:
    assert gate_of(sandbox, "no_rails").call("createPayIn", {"amount": "1"}).status_code == 403
    assert gate_of(sandbox, "no_customers").call("createCustomer", {"email": 7}).status_code == 403


def test_entitlements_can_be_given_and_taken(sandbox: Sandbox) -> None:
    partner = gate_of(sandbox, "unprovisioned_funding")
    quote_id = partner.quote()["id"]

    sandbox.control("/gate/accounts/unprovisioned_funding", rails=False)
    taken = partner.call("retrieveSignedQuote", id=quote_id).status_code
    sandbox.control("/gate/accounts/unprovisioned_funding", rails=True)

    assert (taken, partner.call("retrieveSignedQuote", id=quote_id).status_code) == (403, 200)


def test_an_account_without_pools_is_still_an_account(sandbox: Sandbox) -> None:
    partner = sandbox.partner("trusted")

    assert partner.http.get("/pools").json() == {"pools": []}
    assert partner.quote().json()["code"] == "pools_not_enabled"


def test_live_mode_keeps_to_live_keys_and_says_so_in_its_objects() -> None:
    with running("--mode", "live") as sandbox:
        live = gate_of(sandbox, key="sk_live_sandbox_approved")
        session = live.session()

        assert (session["mode"], session["id"][:8]) == ("live", "gs_live_")
        assert gate_of(sandbox, key="sk_test_sandbox_wrong_mode").call("getBranding").status_code == 403


def test_the_ready_line_says_where_0gate_is(sandbox: Sandbox, gate: Gate) -> None:
    assert gate.http.get("branding").status_code == 200
    assert str(gate.http.base_url).rstrip("/") == sandbox.url.removesuffix("/v1") + "/gate/v1"


MIB = 1024 * 1024
HOSTILE = {
    "nothing": (b"", 400),
    "half": (b'{"amount": "1', 400),
    "a list": (b"[]", 400),
    "null": (b"null", 400),
    "not a number": (b'{"amount": NaN}', 400),
    "not UTF-8": (b'{"amount": "\xff\xfe"}', 400),
    "deep lists": (b"[" * 100_000, 400),
    "too large": (b" " * (MIB + 1), 413),
}


@pytest.mark.parametrize(("body", "status"), HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("path", ["gate_sessions", "quotes", "quotes/preview", "rails/pay_ins", "customers"])
def test_a_hostile_body_is_refused(gate: Gate, path: str, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "hostile"}

    answer = gate.http.post(path, content=body, headers=headers)

    assert answer.status_code == status
    contract.check_error(answer)


METADATA = {
    "a lone surrogate": b'{"a": "\\ud800"}',
    "a lone surrogate as a name": b'{"\\udfff": 1}',
    "beyond a double": b'{"a": [1e999]}',
    "too deep": b'{"a":' * 80 + b"1" + b"}" * 80,
    "a huge number": b'{"a": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("metadata", METADATA.values(), ids=METADATA.keys())
def test_metadata_that_could_not_be_shown_again_is_refused(gate: Gate, metadata: bytes) -> None:
    body = json.dumps(SESSION).encode()[:-1] + b', "metadata": ' + metadata + b"}"
    headers = {"Content-Type": "application/json", "Idempotency-Key": "metadata"}

    answer = gate.http.post("gate_sessions", content=body, headers=headers)

    assert answer.status_code == 400
    contract.check_error(answer)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", None])
def test_another_media_type_is_refused(gate: Gate, content_type: str | None) -> None:
    headers = {"Idempotency-Key": "k"} | ({} if content_type is None else {"Content-Type": content_type})

    answer = gate.http.post("gate_sessions", content=json.dumps(SESSION).encode(), headers=headers)

    assert answer.status_code == 415
    contract.check_error(answer)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "branding", 405),
        ("DELETE", "gate_sessions/gs_test_none", 405),
        ("HEAD", "gate_sessions", 405),
        ("GET", "gate_sessions/gs_test_none/cancel", 405),
        ("GET", "nowhere", 404),
        ("GET", "gate_sessions/", 404),
        ("GET", "pools", 404),
    ],
)
def test_a_path_or_method_that_is_not_served_is_refused(gate: Gate, method: str, path: str, status: int) -> None:
    answer = gate.http.request(method, path)

    assert answer.status_code == status
    assert answer.headers["X-Request-Id"]
    if method != "HEAD":
        contract.check_error(answer)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/gate/sessions/gs_test_none/complete", {}, 404),
        ("/gate/sessions/gs_test_none/explode", {}, 404),
        ("/gate/rails/pi_test_none/settle", {}, 404),
        ("/gate/clock", {"account": "nobody", "advance_seconds": 1}, 404),
        ("/gate/clock", {"quote_id": "qt_test_none", "advance_seconds": 1}, 404),
        ("/gate/clock", {"account": "approved", "advance_seconds": -1}, 400),
        ("/gate/accounts/nobody", {"rails": False}, 404),
        ("/gate/accounts/approved", {"rails": 0}, 400),
        ("/gate/accounts/approved", {"wings": True}, 400),
        ("/gate/webhooks/endpoint", {"account": "approved", "url": "http://partner.example/hook"}, 400),
        ("/gate/webhooks/endpoint", {"account": "nobody", "url": None}, 404),
    ],
)
def test_the_control_surface_refuses_what_it_cannot_do(
    sandbox: Sandbox, path: str, body: dict[str, object], status: int
) -> None:
    assert sandbox.control(path, **body).status_code == status


def test_without_the_option_nobody_can_move_a_session_from_outside() -> None:
    with running() as sandbox:
        partner = gate_of(sandbox)
        session_id = partner.session()["id"]
        origin = sandbox.url.removesuffix("/v1")

        answer = httpx.post(f"{origin}/_sandbox/gate/sessions/{session_id}/complete", json={})

        assert answer.status_code == 404
        assert partner.made("retrieveSession", id=session_id)["status"] == "open"

"""Keys and gates: who is refused where, with which status and code, and that a refusal moves nothing."""

from __future__ import annotations

import httpx
import pytest

from .process import ORDER, Partner, Sandbox

SERVER_ROUTES = [
    ("GET", "/pools/EUR-USDT/capabilities"),
    ("POST", "/pools/EUR-USDT/quote"),
    ("POST", "/pools/EUR-USDT/transact"),
    ("GET", "/pools/transactions/pq_test_x"),
    ("GET", "/pools/trades"),
    ("GET", "/pools/trades/txn_test_x"),
    ("GET", "/pools/quotes/pq_test_x"),
    ("POST", "/pools/quotes/pq_test_x/reject"),
    ("GET", "/pools/EUR-USDT/balance"),
    ("GET", "/pools/funding"),
    ("GET", "/pools/ledger"),
]
ENTITLED_ROUTES = [
    ("GET", "/pools/EUR-USDT/capabilities"),
    ("POST", "/pools/EUR-USDT/quote"),
    ("POST", "/pools/EUR-USDT/transact"),
    ("GET", "/pools/EUR-USDT/balance"),
]
DENIALS = [
    ("no_access", "pools_not_enabled"),
    ("suspended", "pool_access_suspended"),
    ("kyc_pending", "kyc_not_approved"),
    ("kyc_revoked", "kyc_not_approved"),
    ("no_tier", "pool_access_suspended"),
    ("pool_not_allowed", "pool_not_allowed"),
    ("wrong_mode", "key_mode_mismatch"),
]


def send(http: httpx.Client, method: str, path: str) -> httpx.Response:
    body = {"quoteId": "pq_test_x"} if path.endswith("transact") else ORDER
    headers = {"Idempotency-Key": "key"}
    return http.request(method, path, json=body if method == "POST" else None, headers=headers)


@pytest.mark.parametrize(("method", "path"), [("GET", "/pools"), *SERVER_ROUTES])
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer sk_test_unknown", "Basic sk_test_sandbox_approved", "sk_test_sandbox_approved"],
)
def test_without_a_known_key_every_operation_answers_401(
    sandbox: Sandbox, method: str, path: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = sandbox.client().request(method, path, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize(("method", "path"), SERVER_ROUTES)
def test_a_publishable_key_opens_no_server_operation(sandbox: Sandbox, method: str, path: str) -> None:
    answer = send(sandbox.partner(key="pk_test_sandbox_approved").http, method, path)

    assert (answer.status_code, answer.json()["code"]) == (403, "key_mode_mismatch")


@pytest.mark.parametrize(("method", "path"), [("GET", "/pools"), *SERVER_ROUTES])
def test_the_other_modes_key_opens_nothing(sandbox: Sandbox, method: str, path: str) -> None:
    answer = send(sandbox.partner(key="sk_live_sandbox_wrong_mode").http, method, path)

    assert (answer.status_code, answer.json()["code"]) == (403, "key_mode_mismatch")


@pytest.mark.parametrize(("method", "path"), ENTITLED_ROUTES)
@pytest.mark.parametrize(("standing", "code"), [row for row in DENIALS if row[0] != "wrong_mode"])
def test_a_closed_gate_denies_every_entitled_operation_with_its_code(
    sandbox: Sandbox, standing: str, code: str, method: str, path: str
) -> None:
    answer = send(sandbox.partner(standing).http, method, path)

    assert (answer.status_code, answer.json()["code"]) == (403, code)


@pytest.mark.parametrize("standing", ["no_access", "suspended", "kyc_pending", "no_tier"])
def test_an_account_behind_a_closed_gate_can_still_read_its_history(sandbox: Sandbox, standing: str) -> None:
    partner = sandbox.partner(standing)

    assert partner.http.get("/pools/trades").json()["trades"] == []
    assert [entry["reason"] for entry in partner.entries()] == ["payin_credit"]


@pytest.mark.parametrize("kind", ["pk", "sk"])
@pytest.mark.parametrize(
    ("standing", "pools"),
    [
        ("approved", ["EUR-USDT", "EUR-USDC"]),
        ("pool_not_allowed", ["EUR-DAI"]),
        ("no_access", []),
        ("suspended", []),
        ("kyc_revoked", []),
        ("no_tier", []),
    ],
)
def test_discovery_shows_only_usable_pools(sandbox: Sandbox, kind: str, standing: str, pools: list[str]) -> None:
    answer = sandbox.partner(key=f"{kind}_test_sandbox_{standing}").http.get("/pools")

    assert answer.status_code == 200
    assert [pool["id"] for pool in answer.json()["pools"]] == pools


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/pools/EUR-DAI/balance", 403, "pool_not_allowed"),
        ("/pools/EUR-NONE/balance", 404, "not_found"),
        ("/pools/eur-usdt/balance", 404, "not_found"),
        ("/pools/trades/balance", 404, "not_found"),
    ],
)
def test_a_real_pool_outside_the_entitlement_is_403_and_an_unknown_one_404(
    approved: Partner, path: str, status: int, code: str
) -> None:
    answer = approved.http.get(path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_gates_are_checked_again_when_an_earlier_quote_is_executed(sandbox: Sandbox) -> None:
    partner = sandbox.partner("unprovisioned_funding")
    quote_id = partner.firm()
    sandbox.control("/accounts/unprovisioned_funding", status="suspended")
    denied = partner.transact(quote_id)
    sandbox.control("/accounts/unprovisioned_funding", status="active")

    assert denied.json()["code"] == "pool_access_suspended"
    assert partner.state(quote_id) == "active"
    assert partner.movements(quote_id) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/pools/quotes/{quote}"),
        ("POST", "/pools/quotes/{quote}/reject"),
        ("GET", "/pools/transactions/{quote}"),
        ("GET", "/pools/trades/{trade}"),
        ("POST", "/pools/EUR-USDT/transact"),
    ],
)
def test_another_partners_objects_are_not_found(sandbox: Sandbox, approved: Partner, method: str, path: str) -> None:
    trade = approved.trade()
    other = sandbox.partner("other_partner")

    answer = other.http.request(
        method,
        path.format(quote=trade["quoteId"], trade=trade["transactId"]),
        json={"quoteId": trade["quoteId"]} if method == "POST" else None,
        headers={"Idempotency-Key": "key"},
    )

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_another_partners_trades_and_entries_are_in_no_list(sandbox: Sandbox, approved: Partner) -> None:
    trade = approved.trade()
    other = sandbox.partner("other_partner")

    assert trade["transactId"] not in [row["transactId"] for row in other.http.get("/pools/trades").json()["trades"]]
    assert other.entries(trade["quoteId"]) == []

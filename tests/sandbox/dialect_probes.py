"""One look per dialect at a running sandbox: what it shows, and what it shows without and with the dialect."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from .process import Json, Sandbox

Probe = Callable[[Sandbox], object]


@dataclass(frozen=True)
class Row:
    """A dialect, the look at it, and what that look finds in the usual sandbox and in the varied one."""

    dialect: str
    probe: Probe
    usual: object
    varied: object


def executed(sandbox: Sandbox) -> httpx.Response:
    partner = sandbox.partner()
    return partner.transact(partner.firm())


def replayed(sandbox: Sandbox, polls: int = 0) -> httpx.Response:
    partner = sandbox.partner()
    quote_id = partner.firm()
    partner.transact(quote_id, quote_id)
    partner.poll(quote_id, polls)
    return partner.transact(quote_id, quote_id)


def rejected(sandbox: Sandbox) -> httpx.Response:
    partner = sandbox.partner()
    return partner.http.post(f"/pools/quotes/{partner.firm()}/reject")


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def get(path: str, name: str = "approved", key: str | None = None) -> Callable[[Sandbox], httpx.Response]:
    return lambda sandbox: sandbox.partner(name, key).http.get(path)


def status_and_code(look: Callable[[Sandbox], httpx.Response]) -> Probe:
    return lambda sandbox: refusal(look(sandbox))


def suspended_outside(sandbox: Sandbox) -> object:
    return refusal(sandbox.partner("suspended").http.get("/pools/EUR-DAI/capabilities"))


def off_ramp_quote(sandbox: Sandbox) -> Json:
    answer = sandbox.partner().quote(side="off_ramp")
    body: Json = answer.json()
    return {"status": answer.status_code, **{name: body[name] for name in ("code", "available") if name in body}}


def request_id(headers: dict[str, str] | None = None) -> Callable[[Sandbox], str]:
    return lambda sandbox: httpx.get(f"{sandbox.url}/pools", headers=headers or {}).json()["request_id"]


PUBLISHABLE = "pk_test_sandbox_approved"
WRONG_MODE = "sk_live_sandbox_wrong_mode"

ANSWERS: list[Row] = [
    Row("transact-200", lambda s: executed(s).status_code, 201, 200),
    Row("replay-201", lambda s: replayed(s).status_code, 200, 201),
    Row("replay-original", lambda s: replayed(s, polls=2).json()["status"], "settled", "reserved"),
    Row("reject-201", lambda s: rejected(s).status_code, 200, 201),
    Row("reject-204", lambda s: (rejected(s).status_code, rejected(s).content[:1]), (200, b"{"), (204, b"")),
    Row("reject-brief", lambda s: len(rejected(s).json()) > 2, True, False),
    Row("reject-empty-object", lambda s: rejected(s).json() == {}, False, True),
]

IDENTIFIERS: list[Row] = [
    Row("trade-id-pt", lambda s: executed(s).json()["transactId"][:8], "txn_test", "pt_test_"),
    Row(
        "trade-id-pool-trade",
        lambda s: executed(s).json()["transactId"][:11][:11].rpartition("_")[0],
        "txn_test",
        "pool_trade",
    ),
    Row("trade-id-uuid", lambda s: is_uuid(executed(s).json()["transactId"]), False, True),
    Row("trade-id-plain", lambda s: executed(s).json()["transactId"].isalnum(), False, True),
    Row("quote-id-uuid", lambda s: is_uuid(s.partner().firm()), False, True),
    Row("request-id-short", lambda s: request_id()(s)[:6], "req_te", "req_01"),
    Row("request-id-uuid", lambda s: is_uuid(request_id()(s)), False, True),
    Row(
        "request-id-adopted",
        lambda s: request_id({"X-Request-Id": "req_ours_1"})(s) == "req_ours_1",
        False,
        True,
    ),
]

DENIALS: list[Row] = [
    Row(
        "pool-outside-404",
        status_and_code(get("/pools/EUR-DAI/capabilities")),
        (403, "pool_not_allowed"),
        (404, "not_found"),
    ),
    Row(
        "pool-unknown-403",
        status_and_code(get("/pools/EUR-XYZ/balance")),
        (404, "not_found"),
        (403, "pool_not_allowed"),
    ),
    Row("discovery-refuses-secret-401", lambda s: get("/pools")(s).status_code, 200, 401),
    Row("discovery-refuses-secret-403", lambda s: get("/pools")(s).status_code, 200, 403),
    Row("publishable-401", lambda s: get("/pools/trades", key=PUBLISHABLE)(s).status_code, 403, 401),
    Row(
        "publishable-403-other-code",
        status_and_code(get("/pools/trades", key=PUBLISHABLE)),
        (403, "key_mode_mismatch"),
        (403, "key_type_not_allowed"),
    ),
    Row("wrong-mode-401", lambda s: get("/pools", key=WRONG_MODE)(s).status_code, 403, 401),
    Row(
        "off-ramp-quote-400",
        off_ramp_quote,
        {"status": 200, "available": True},
        {"status": 400, "code": "invalid_request"},
    ),
    Row(
        "off-ramp-quote-403",
        off_ramp_quote,
        {"status": 200, "available": True},
        {"status": 403, "code": "side_not_enabled"},
    ),
    Row(
        "off-ramp-quote-501",
        off_ramp_quote,
        {"status": 200, "available": True},
        {"status": 501, "code": "off_ramp_not_enabled"},
    ),
    Row(
        "off-ramp-quote-unavailable",
        off_ramp_quote,
        {"status": 200, "available": True},
        {"status": 200, "available": False},
    ),
    Row("gates-reversed", suspended_outside, (403, "pool_access_suspended"), (403, "pool_not_allowed")),
    Row("gated-reads", lambda s: get("/pools/trades", "suspended")(s).status_code, 200, 403),
]

ROWS: list[Row] = [*ANSWERS, *IDENTIFIERS, *DENIALS]

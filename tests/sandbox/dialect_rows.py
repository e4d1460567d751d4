"""One row per dialect: what a look at it finds in the usual sandbox, and what in the varied one."""

from __future__ import annotations

import json
from typing import Any

import httpx

from . import looks, returns
from .looks import Row, get, has, refusal, refusal_of, status_of
from .process import ADDRESS, FAILS, RETURNED, Sandbox

PUBLISHABLE = "pk_test_sandbox_approved"
WRONG_MODE = "sk_live_sandbox_wrong_mode"
OUTSIDE = "/pools/EUR-DAI/capabilities"
TRADES = "/pools/trades"
CAPABILITIES = "/pools/EUR-USDT/capabilities"


def reject(sandbox: Sandbox, quote_id: str) -> object:
    return sandbox.partner().http.post(f"/pools/quotes/{quote_id}/reject")


def transact_with(sandbox: Sandbox, **more: object) -> int:
    partner = sandbox.partner()
    body: dict[str, Any] = {"quoteId": partner.firm(), **more}
    return partner.http.post(
        "/pools/EUR-USDT/transact", json=body, headers={"Idempotency-Key": body["quoteId"]}
    ).status_code


def elsewhere(sandbox: Sandbox) -> int:
    partner = sandbox.partner()
    return partner.transact(partner.firm(), pool="EUR-USDC").status_code


def long_key(sandbox: Sandbox) -> int:
    partner = sandbox.partner()
    return partner.transact(quote_id := partner.firm(), quote_id.ljust(65, "k")).status_code


def quote_twice(sandbox: Sandbox) -> bool:
    """Whether two requests with one key get one quote."""
    partner = sandbox.partner()
    answers = [
        partner.http.post("/pools/EUR-USDT/quote", json=looks.ORDER, headers={"Idempotency-Key": "one"}).json()
        for _ in range(2)
    ]
    return answers[0]["quoteId"] == answers[1]["quoteId"]


def made_without_caller(sandbox: Sandbox) -> str:
    """Whether an execution is made whose caller has hung up."""
    partner = sandbox.partner()
    returns.send_and_hang_up(sandbox.url, quote_id := partner.firm())
    return looks.awaited(lambda: partner.state(quote_id), "consumed", 0.5)


def not_json(sandbox: Sandbox) -> int:
    content = json.dumps(looks.ORDER)
    headers = {"Content-Type": "text/plain"}
    return sandbox.partner().http.post("/pools/EUR-USDT/quote", content=content, headers=headers).status_code


def two_rates(sandbox: Sandbox) -> bool:
    return looks.quoted(sandbox)["rate"] == looks.quoted(sandbox)["rate"]


def lost_answers(sandbox: Sandbox) -> list[int]:
    """Statuses of five executions."""
    partner = sandbox.partner()
    ids = [partner.firm() for _ in range(5)]
    return [partner.transact(quote_id, quote_id).status_code for quote_id in ids]


def keyless_while_suspended(sandbox: Sandbox) -> int:
    partner = sandbox.partner("suspended")
    return partner.http.post("/pools/EUR-USDT/transact", json={"quoteId": "pq_test_any"}).status_code


def cut_reads(sandbox: Sandbox) -> int:
    """How many of a hundred reads end without an answer."""
    cut = 0
    for _ in range(100):
        try:
            get("/pools")(sandbox)
        except httpx.TransportError:
            cut += 1
    return cut


ANSWERS = [
    Row("transact-200", lambda s: looks.executed(s).status_code, 201, 200),
    Row("replay-201", lambda s: looks.replayed(s).status_code, 200, 201),
    Row("replay-original", lambda s: looks.replayed(s, polls=2).json()["status"], "settled", "reserved"),
    Row("reject-201", lambda s: looks.rejected(s).status_code, 200, 201),
    Row("reject-204", lambda s: (answer := looks.rejected(s)).status_code + len(answer.content[:1]), 201, 204),
    Row("reject-brief", lambda s: len(looks.rejected(s).json()) > 2, True, False),
    Row("reject-empty-object", lambda s: looks.rejected(s).json() == {}, False, True),
    Row("replay-marked", lambda s: looks.replayed(s).headers.get("idempotent-replayed"), None, "true"),
]

IDENTIFIERS = [
    Row("trade-id-pt", lambda s: looks.trade(s)["transactId"].split("_")[0], "txn", "pt"),
    Row(
        "trade-id-pool-trade", lambda s: looks.trade(s)["transactId"].split("_")[:2], ["txn", "test"], ["pool", "trade"]
    ),
    Row("trade-id-uuid", lambda s: looks.is_uuid(looks.trade(s)["transactId"]), False, True),
    Row("trade-id-plain", lambda s: looks.trade(s)["transactId"].isalnum(), False, True),
    Row("quote-id-uuid", lambda s: looks.is_uuid(s.partner().firm()), False, True),
    Row("request-id-short", lambda s: looks.request_id({})(s)[:6], "req_te", "req_01"),
    Row("request-id-uuid", lambda s: looks.is_uuid(looks.request_id({})(s)), False, True),
    Row("request-id-adopted", lambda s: looks.request_id({"X-Request-Id": "req_1"})(s) == "req_1", False, True),
]

DENIALS = [
    Row("pool-outside-404", refusal_of(OUTSIDE), (403, "pool_not_allowed"), (404, "not_found")),
    Row("pool-unknown-403", refusal_of("/pools/EUR-XYZ/balance"), (404, "not_found"), (403, "pool_not_allowed")),
    Row("discovery-refuses-secret-401", status_of("/pools"), 200, 401),
    Row("discovery-refuses-secret-403", status_of("/pools"), 200, 403),
    Row("publishable-401", status_of(TRADES, key=PUBLISHABLE), 403, 401),
    Row(
        "publishable-403-other-code",
        refusal_of(TRADES, key=PUBLISHABLE),
        (403, "key_mode_mismatch"),
        (403, "key_type_not_allowed"),
    ),
    Row("wrong-mode-401", status_of("/pools", key=WRONG_MODE), 403, 401),
    Row("off-ramp-quote-400", looks.side_refused, (200, True), (400, "invalid_request")),
    Row("off-ramp-quote-403", looks.side_refused, (200, True), (403, "side_not_enabled")),
    Row("off-ramp-quote-501", looks.side_refused, (200, True), (501, "off_ramp_not_enabled")),
    Row("off-ramp-quote-unavailable", looks.side_refused, (200, True), (200, False)),
    Row(
        "gates-reversed",
        refusal_of(OUTSIDE, "suspended"),
        (403, "pool_access_suspended"),
        (403, "pool_not_allowed"),
    ),
    Row("gated-reads", status_of(TRADES, "suspended"), 200, 403),
    Row("gates-before-body", keyless_while_suspended, 400, 403),
]

REFUSALS = [
    Row("error-words", lambda s: refusal(get("/pools/quotes/none")(s)), (404, "not_found"), (404, "resource_missing")),
    Row("error-one-type", lambda s: looks.error(s)["type"], "not_found", "invalid_request"),
    Row(
        "error-specific-400",
        lambda s: refusal(get("/pools/trades", limit="x")(s)),
        (400, "invalid_request"),
        (400, "parameter_invalid"),
    ),
    Row("error-doc-url", lambda s: str(looks.error(s)["doc_url"])[:8], "None", "https://"),
    Row("error-details", lambda s: "details" in looks.error(s), False, True),
    Row("error-messages-foreign", lambda s: looks.error(s)["message"].isascii(), True, False),
]

REPLAYS = [
    Row("consumed-409", lambda s: looks.replayed(s, same_key=False).status_code, 200, 409),
    Row("late-replay-409", looks.replayed_late, 200, 409),
    Row("in-flight-409", looks.duplicates_at_once, [200, 201], [201, 409]),
    Row("refusals-remembered", looks.refused_and_tried_again, [403, 201], [403, 403]),
    Row("keys-up-to-64", long_key, 201, 400),
    Row("quote-before-key", looks.used_key_with_unknown_quote, 409, 404),
    Row("pool-mismatch-400", elsewhere, 404, 400),
    Row("pool-mismatch-409", elsewhere, 404, 409),
    Row("quote-key-honoured", quote_twice, False, True),
    Row("dropped-when-hung-up", made_without_caller, "consumed", "active"),
]

SETTLING = [
    Row("settles-at-first-poll", looks.polls(ADDRESS, 1), ["reserved"], ["settled"]),
    Row("settles-at-sixth-poll", lambda s: looks.polls(ADDRESS, 6)(s)[4:], ["settled"] * 2, ["reserved", "settled"]),
    Row("settles-after-a-while", looks.polls(ADDRESS, 2), ["reserved", "settled"], ["reserved", "reserved"]),
    Row("returns-late", lambda s: looks.polls(RETURNED, 6)(s)[2:], ["returned"] * 4, [*["settled"] * 3, "returned"]),
    Row("poll-shows-quoted", looks.poll_without_trade(lambda s, q: None), (404, None), (200, "quoted")),
    Row("poll-always-shows-quoted", looks.poll_without_trade(reject), (404, None), (200, "quoted")),
    Row("worker-settles", looks.unpolled(ADDRESS, 0, "settled"), "reserved", "settled"),
    Row("worker-alone-settles", looks.unpolled(ADDRESS, 0, "settled"), "reserved", "settled"),
    Row("returns-by-itself", looks.unpolled(RETURNED, 2, "returned"), "settled", "returned"),
]

MEMBERS = [
    Row(
        "members-more",
        lambda s: has("revision")(looks.trade(s)) + has("revision")(looks.error(s)),
        [False] * 2,
        [True] * 2,
    ),
    Row("trade-without-terms", lambda s: has("rate", "poolId", "createdAt")(looks.trade(s)), [True] * 3, [False] * 3),
    Row("trade-without-times", lambda s: has("createdAt", "settledAt")(looks.trade(s)), [True] * 2, [False] * 2),
    Row("trade-nulls", lambda s: (body := looks.trade(s))["rate"] is None and body["side"] is None, False, True),
    Row("quote-without-echo", lambda s: has("poolId", "fiatAmount")(looks.quoted(s)), [True] * 2, [False] * 2),
    Row("quote-without-amounts", lambda s: has("cryptoAmount")(looks.read_quote(s)), [True], [False]),
    Row("stored-quote-brief", lambda s: len(looks.read_quote(s)), 18, 3),
    Row(
        "other-names",
        lambda s: has("poolId", "pool", "created")(looks.trade(s)),
        [True, False, False],
        [False, True, True],
    ),
    Row("total-bps-null", lambda s: looks.quoted(s)["totalBps"], 55, None),
    Row("quote-with-status", lambda s: has("status", "minOrderUsdt")(looks.quoted(s)), [False] * 2, [True] * 2),
    Row(
        "indicative-nulls",
        lambda s: has("quoteId", "expiresAt")(looks.quoted(s, type="indicative")),
        [False] * 2,
        [True] * 2,
    ),
    Row(
        "indicative-bare",
        lambda s: sorted(looks.quoted(s, type="indicative"))[:3] == ["available", "executable", "rate"],
        False,
        True,
    ),
    Row(
        "unavailable-without-executable", lambda s: has("executable")(looks.quoted(s, amount="66.01")), [True], [False]
    ),
    Row(
        "unavailable-nulls", lambda s: has("quoteId", "rate")(looks.quoted(s, amount="66.01")), [False] * 2, [True] * 2
    ),
    Row(
        "capabilities-other-names",
        lambda s: has("minOrderUsdt", "limits")(get(CAPABILITIES)(s).json()),
        [True, False],
        [False, True],
    ),
    Row(
        "maximum-absent",
        lambda s: has("minOrderUsdt", "maxOrderUsdt")(get("/pools/EUR-USDC/capabilities")(s).json()),
        [True, True],
        [True, False],
    ),
    Row("entry-without-time", lambda s: "createdAt" in s.partner().entries()[0], True, False),
    Row(
        "balance-with-echo",
        lambda s: has("poolId", "currency")(get("/pools/EUR-USDT/balance")(s).json()),
        [False] * 2,
        [True] * 2,
    ),
]


def balance(sandbox: Sandbox) -> object:
    return get("/pools/EUR-USDT/balance", "unfunded")(sandbox).json()["balance"]


def output(sandbox: Sandbox) -> object:
    return looks.quoted(sandbox, amount="33.35")["cryptoAmount"]


VALUES = [
    Row("money-shortest", balance, "9.00", "9"),
    Row("money-one-digit", balance, "9.00", "9.0"),
    Row("money-six-digits", balance, "9.00", "9.000000"),
    Row("money-eighteen-digits", balance, "9.00", "9.000000000000000000"),
    Row("delta-plus", lambda s: s.partner().entries()[-1]["delta"][0], "1", "+"),
    Row("times-milliseconds", lambda s: looks.quoted(s)["expiresAt"][19:], "Z", ".000Z"),
    Row("times-offset", lambda s: looks.quoted(s)["expiresAt"][19:], "Z", ".000000+00:00"),
    Row("rate-twelve-digits", lambda s: looks.quoted(s)["rate"], "1.0731", "1.073112345678"),
    Row("rate-moves", two_rates, True, False),
    Row("output-cents", output, "35.787885", "35.78"),
    Row("output-half-up", output, "35.787885", "35.7879"),
    Row("quote-lives-10-s", looks.lifetime, 15, 10),
    Row("quote-lives-30-s", looks.lifetime, 15, 30),
    Row(
        "delivery-network-filled-in",
        lambda s: looks.quote_without("destNetwork")(s).json()["destNetwork"],
        None,
        "tron",
    ),
    Row("funding-reference-other", lambda s: get("/pools/funding")(s).json()["reference"][:4], "SBX-", "0BIT"),
]

LEDGERS = [
    Row("ref-quote-word", looks.refs, ["Q", "Q"], ["quote:Q", "quote:Q"]),
    Row("ref-reason-word", looks.refs, ["Q", "Q"], ["debit:Q", "refund:Q"]),
    Row("ref-trade", looks.refs, ["Q", "Q"], ["T", "T"]),
    Row("ref-refund-trade", looks.refs, ["Q", "Q"], ["Q", "T"]),
    Row("ref-deposit-plain", lambda s: s.partner().entries()[-1]["ref"], "SBX-APPROVED/1", "SBX-APPROVED"),
    Row("ledger-adjustment", lambda s: "adjustment" in [e["reason"] for e in s.partner().entries()], False, True),
    Row("deposits-arrive", looks.reason_after_execution, "buy_debit", "payin_credit"),
    Row("return-reason", looks.reason_of_return, "buy_refund", "return_credit"),
    Row(
        "ungated-ledger",
        lambda s: looks.executed(s, "ungated").status_code + len(s.partner("ungated").entries()),
        201,
        202,
    ),
    Row("ledger-currency-400", status_of("/pools/ledger", currency="USD"), 200, 400),
    Row("ledger-short-pages", looks.long_ledger_page, True, False),
]

LISTS = [
    Row("trades-under-data", lambda s: has("trades", "data")(get(TRADES)(s).json()), [True, False], [False, True]),
    Row("trades-under-items", lambda s: has("trades", "items")(get(TRADES)(s).json()), [True, False], [False, True]),
    Row("trades-cursor-opaque", looks.second_page, (True, True), (False, True)),
    Row("trades-limit-clamped", status_of(TRADES, limit=1000), 400, 200),
    Row("trades-bad-cursor-first-page", status_of(TRADES, cursor="nobody"), 400, 200),
    Row("trades-bad-cursor-empty-page", status_of(TRADES, cursor="nobody"), 400, 200),
    Row("trades-bad-filter-ignored", status_of(TRADES, status="nothing"), 400, 200),
    Row("trades-bounds-swapped", looks.bounds, [True, False], [False, True]),
]

REQUESTS = [
    Row("body-unknown-400", lambda s: transact_with(s, destAddress=ADDRESS), 201, 400),
    Row("query-unknown-400", status_of(TRADES, page=2), 200, 400),
    Row("currencies-optional", lambda s: looks.quote_without("fiatCurrency")(s).status_code, 400, 200),
    Row("address-optional", lambda s: looks.quote_without("destAddress")(s).status_code, 400, 200),
    Row("fiat-two-digits", lambda s: s.partner().quote(amount="10.001").status_code, 200, 400),
    Row("bounds-unavailable", lambda s: s.partner().quote(amount="0.01").status_code, 400, 200),
    Row("not-json-400", not_json, 415, 400),
    Row("media-type-ignored", not_json, 415, 200),
    Row("method-unknown-404", lambda s: s.partner().http.delete(TRADES).status_code, 405, 404),
    Row(
        "path-unknown-plain",
        lambda s: get("/nothing")(s).headers["content-type"].split(";")[0],
        "application/json",
        "text/plain",
    ),
    Row("null-is-absence", lambda s: s.partner().quote(destNetwork=None).status_code, 400, 200),
    Row("address-checked", lambda s: s.partner().quote(destAddress="somewhere").status_code, 200, 400),
]

CHECKS = [
    Row("funds-before-state", looks.unfunded_after_reject, 409, 402),
    Row("funds-at-quote", lambda s: s.partner("unfunded").quote().status_code, 200, 402),
    Row("cap-counts-settled", lambda s: looks.capped(s).status_code, 429, 201),
    Row("cap-counts-open", lambda s: looks.capped(s, end_first=FAILS).status_code, 429, 201),
    Row("cap-in-usdt", lambda s: looks.capped(s, cap="20.00").status_code, 201, 429),
    Row("cap-retry-after", lambda s: looks.capped(s).headers.get("retry-after"), None, "86400"),
]

DELIVERIES = [
    Row("event-nested", looks.event(has("transactId", "data")), [True, False], [False, True]),
    Row("event-more", looks.event(has("version", "livemode")), [False] * 2, [True] * 2),
    Row("event-brief", looks.event(has("status", "poolId")), [True, True], [True, False]),
    Row("event-other-names", looks.event(has("transactId", "txnId")), [True, False], [False, True]),
    Row("event-indented", looks.delivery(lambda headers, body, made: b"\n" in body), False, True),
    Row("event-id-upper-case", looks.event(lambda body: body["eventId"].upper() == body["eventId"]), False, True),
    Row("event-id-base64", looks.event(lambda body: len(body["eventId"])), 64, 43),
    Row(
        "event-bare-headers",
        looks.delivery(lambda headers, body, made: [name in headers for name in ("Gate-Signature", "X-0bit-Event-Id")]),
        [True, True],
        [True, False],
    ),
    Row("event-twice", looks.delivered_times, 1, 2),
    Row("event-late", looks.delivered_late, False, True),
    Row("event-out-of-order", looks.delivered_in_order, True, False),
]

TRANSPORT = [
    Row("gzip", looks.head("content-encoding"), None, "gzip"),
    Row("chunked", looks.head("transfer-encoding"), None, "chunked"),
    Row("connection-closed", looks.head("connection"), None, "close"),
    Row("charset", looks.head("content-type"), "application/json", "application/json; charset=utf-8"),
    Row("proxy-headers", looks.head("via"), None, "1.1 edge"),
    Row("date-absent", lambda s: looks.head("date")(s) is None, False, True),
    Row("slow", looks.fastest_of_ten, False, True),
    Row("json-spread-out", lambda s: "\n" in get("/pools")(s).text, False, True),
    Row("header-case", lambda s: b"X-Request-Id" in dict(get("/pools")(s).headers.raw), False, True),
    Row("cache-headers-absent", looks.head("cache-control"), "no-store", None),
]

ONLY_200 = [(200, None)]


def quote(sandbox: Sandbox) -> httpx.Response:
    return sandbox.partner().quote(type="indicative")


TROUBLES = [
    Row("throttled-reads", looks.every(100, get("/pools")), ONLY_200, [*ONLY_200, (429, "1")]),
    Row(
        "throttled-until",
        lambda s: [(status, str(after)[-3:]) for status, after in looks.every(100, get("/pools"))(s)],
        [(200, "one")],
        [(200, "one"), (429, "GMT")],
    ),
    Row("throttled-writes", looks.every(50, quote), ONLY_200, [*ONLY_200, (429, "1")]),
    Row("unavailable-at-times", looks.every(50, get("/pools")), ONLY_200, [*ONLY_200, (503, None)]),
    Row("gateway-page-at-times", looks.every(50, get("/pools")), ONLY_200, [*ONLY_200, (502, None)]),
    Row("answers-lost-at-times", lost_answers, [201] * 5, [*[201] * 4, 504]),
    Row("resets-at-times", cut_reads, 0, 1),
    Row("dry-at-times", lambda s: [looks.quoted(s)["available"] for _ in range(10)].count(False), 0, 1),
]

ROWS: list[Row] = [
    *ANSWERS,
    *IDENTIFIERS,
    *DENIALS,
    *REFUSALS,
    *REPLAYS,
    *SETTLING,
    *MEMBERS,
    *VALUES,
    *LEDGERS,
    *LISTS,
    *REQUESTS,
    *CHECKS,
    *DELIVERIES,
    *TRANSPORT,
    *TROUBLES,
]

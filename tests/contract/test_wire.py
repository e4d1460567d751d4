"""Each WIRE requirement: which answers break it, and that a good answer evidences it."""

from typing import Any

import pytest

from .exchanges import (
    BALANCE,
    CAPABILITIES,
    FUNDING,
    HEADERS,
    LEDGER,
    POLL,
    POOLS,
    QUOTE,
    REJECT,
    REQUEST_ID,
    TRADES,
    TRANSACT,
    builtin,
    error,
    example,
    examples,
    failed,
    finding,
    held,
    judged,
    without,
)

FIRM = example(QUOTE, "200", "firm")
ALL = {
    "WIRE-REQUEST-ID",
    "WIRE-NO-SERVER-ERROR",
    "WIRE-STATUS",
    "WIRE-CONTENT-TYPE",
    "WIRE-BODY",
    "WIRE-MONEY",
    "WIRE-BOUNDARY",
}


def headers(*rows: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return rows


JSON = ("Content-Type", "application/json")
NAMED = ("X-Request-Id", REQUEST_ID)


def test_a_good_quote_evidences_every_requirement_a_success_can_evidence() -> None:
    report = judged(QUOTE, 200, FIRM)
    assert (failed(report), held(report)) == (set(), ALL)


def test_a_good_error_evidences_the_envelope() -> None:
    assert "WIRE-ERROR-ENVELOPE" in held(judged(QUOTE, 404, error(404)))


@pytest.mark.parametrize(
    ("operation", "status", "value"),
    [
        pytest.param(operation, status, value, id=f"{operation.key} {status} {name}")
        for operation, status, name, value in examples(builtin())
        if status != "5XX"
    ],
)
def test_every_example_of_the_contract_is_judged_green(operation: Any, status: str, value: Any) -> None:
    named = ("X-Request-Id", value.get("request_id", REQUEST_ID))
    path = operation.template.replace("{", "").replace("}", "")
    report = judged((operation.method, path), int(status), value, headers=headers(named, JSON))
    assert not failed(report)
    assert "WIRE-STATUS" in held(report)


# -- one row an answer that breaks exactly these -------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "ok"),
    [
        pytest.param(headers(NAMED, JSON), True, id="as published"),
        pytest.param(headers(("x-request-id", "anything"), JSON), True, id="another case and form"),
        pytest.param(headers(NAMED, NAMED, JSON), True, id="the same value twice"),
        pytest.param(headers(JSON), False, id="missing"),
        pytest.param(headers(("X-Request-Id", "  "), JSON), False, id="blank"),
        pytest.param(headers(NAMED, ("X-Request-Id", "other"), JSON), False, id="two values"),
    ],
)
def test_request_id(rows: tuple[tuple[str, str], ...], ok: bool) -> None:
    assert finding(judged(QUOTE, 200, FIRM, headers=rows), "WIRE-REQUEST-ID").ok is ok


@pytest.mark.parametrize(
    ("operation", "status", "ok"),
    [
        (QUOTE, 200, True),
        (QUOTE, 422, False),
        (QUOTE, 201, False),
        (QUOTE, 409, False),
        (QUOTE, 302, False),
        (POOLS, 404, False),
        (LEDGER, 402, False),
        (TRADES, 501, True),
        (POLL, 409, False),
        (QUOTE, 500, True),
        (QUOTE, 429, True),
    ],
)
def test_status(operation: tuple[str, str], status: int, ok: bool) -> None:
    assert finding(judged(operation, status, error(status)), "WIRE-STATUS").ok is ok


@pytest.mark.parametrize(
    ("media", "ok"),
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/vnd.api+json", True),
        ("text/html", False),
        ("text/plain; charset=utf-8", False),
        ("application/javascript", False),
        ("*/*", False),
        ("\x00not a type\x00", False),
    ],
)
def test_content_type(media: str, ok: bool) -> None:
    report = judged(QUOTE, 200, FIRM, headers=headers(NAMED, ("content-type", media)))
    assert finding(report, "WIRE-CONTENT-TYPE").ok is ok


def test_a_success_whose_body_is_our_guess_is_still_json() -> None:
    plain = headers(NAMED, ("Content-Type", "text/plain"))
    assert failed(judged(REJECT, 200, b"OK", headers=plain)) == {"WIRE-CONTENT-TYPE"}


def test_a_body_without_content_type_breaks_content_type() -> None:
    assert failed(judged(QUOTE, 200, FIRM, headers=headers(NAMED))) == {"WIRE-CONTENT-TYPE"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"type": ...}, "no type"),
        ({"code": ...}, "no code"),
        ({"message": ...}, "no message"),
        ({"request_id": ...}, "no request_id"),
        ({"doc_url": ...}, "no doc_url"),
        ({"statusCode": ...}, "no statusCode"),
        ({"code": 7}, "code is an integer"),
        ({"code": None}, "code is null"),
        ({"doc_url": 1}, "doc_url is an integer"),
        ({"statusCode": "404"}, "statusCode is a string"),
        ({"statusCode": True}, "statusCode is true"),
        ({"statusCode": 400}, "statusCode differs from HTTP 404"),
        ({"statusCode": 404.5}, "statusCode differs from HTTP 404"),
        ({"request_id": "req_other"}, "request_id differs from X-Request-Id"),
    ],
)
def test_envelope_member(changes: dict[str, Any], told: str) -> None:
    found = finding(judged(QUOTE, 404, error(404, **changes)), "WIRE-ERROR-ENVELOPE")
    assert (found.ok, found.observed) == (False, told)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"error": {"code": "not_found", "message": "gone"}}, id="nested"),
        pytest.param([], id="array"),
        pytest.param("not found", id="string"),
        pytest.param(b"Not Found", id="no JSON"),
    ],
)
def test_another_shape_of_error_breaks_the_envelope(body: Any) -> None:
    assert "WIRE-ERROR-ENVELOPE" in failed(judged(QUOTE, 404, body))


def test_an_envelope_may_carry_further_members_and_a_link() -> None:
    body = error(400, doc_url="https://docs.example/errors", fields={"amount": "too small"})
    assert not failed(judged(QUOTE, 400, body))


def test_an_envelope_is_judged_even_under_a_status_nobody_documents() -> None:
    assert failed(judged(QUOTE, 422, {"detail": []})) == {"WIRE-STATUS", "WIRE-ERROR-ENVELOPE"}


def test_an_error_documented_with_a_body_and_answered_without_breaks_the_body() -> None:
    assert failed(judged(QUOTE, 404, b"")) == {"WIRE-BODY"}


@pytest.mark.parametrize(
    ("operation", "status", "fails"),
    [
        (QUOTE, 500, True),
        (QUOTE, 505, True),
        (QUOTE, 507, True),
        (TRANSACT, 501, False),
        (QUOTE, 501, False),
        (TRADES, 501, True),
        (QUOTE, 400, False),
    ],
)
def test_server_error(operation: tuple[str, str], status: int, fails: bool) -> None:
    assert finding(judged(operation, status, error(status)), "WIRE-NO-SERVER-ERROR").ok is not fails


def test_a_bare_server_error_is_told_once() -> None:
    plain = headers(NAMED, ("Content-Type", "text/plain"))
    report = judged(QUOTE, 500, b"Internal Server Error", headers=plain)
    assert failed(report) == {"WIRE-NO-SERVER-ERROR"}


@pytest.mark.parametrize("status", [502, 503, 504])
def test_network_trouble_is_nobodys_fault(status: int) -> None:
    report = judged(QUOTE, status, b"<html>Bad gateway</html>", headers=())
    assert (report.findings, report.observations) == ((), ())


# -- bodies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "name", "changes", "expected", "observed"),
    [
        (QUOTE, "firm", {"quoteId": ...}, "quoteId: present", "quoteId: absent"),
        (QUOTE, "firm", {"expiresAt": ...}, "expiresAt: present", "expiresAt: absent"),
        (QUOTE, "firm", {"spreadBps": 0.5}, "spreadBps: an integer", "spreadBps: a number"),
        (QUOTE, "firm", {"feeBps": "30"}, "feeBps: an integer", "feeBps: a string"),
        (QUOTE, "firm", {"type": "soft"}, 'type: "firm"', 'type: "soft"'),
        (QUOTE, "firm", {"executable": "true"}, "executable: true", 'executable: "true"'),
        (QUOTE, "indicative", {"rate": ...}, "rate: present", "rate: absent"),
        (QUOTE, "indicative", {"quoteId": "pq_1"}, "quoteId: null", "quoteId: a string"),
        (
            QUOTE,
            "unavailable",
            {"unavailableReason": "closed"},
            'unavailableReason: one of "pool_dry", "engine_unavailable", "rate_unavailable"',
            'unavailableReason: "closed"',
        ),
        (
            QUOTE,
            "unavailable",
            {"unavailableReason": ...},
            "unavailableReason: present",
            "unavailableReason: absent",
        ),
        (POLL, "settled", {"transactId": ...}, "transactId: present", "transactId: absent"),
        (TRADES, "onlyPage", {"hasMore": "no"}, "hasMore: true or false", "hasMore: a string"),
        (BALANCE, "gated", {"balance": True}, "balance: a string or null", "balance: true"),
        (BALANCE, "gated", {"available": "1"}, "available: true or false", "available: a string"),
        (
            BALANCE,
            "gated",
            {"kycStatus": "ok"},
            "kycStatus: absent: no member of that name",
            "kycStatus: present",
        ),
        (FUNDING, "provisioned", {"currency": "USD"}, 'currency: "EUR"', 'currency: "USD"'),
        (
            CAPABILITIES,
            "onRampOnly",
            {"sides": ["buy"]},
            'sides[0]: one of "on_ramp", "off_ramp"',
            'sides[0]: "buy"',
        ),
    ],
)
def test_body_departure_is_told_by_its_member(
    operation: tuple[str, str], name: str, changes: dict[str, Any], expected: str, observed: str
) -> None:
    body = {**example(operation, "200", name), **changes}
    absent = [member for member, value in body.items() if value is ...]
    found = finding(judged(operation, 200, without(body, *absent)), "WIRE-BODY")
    assert (found.ok, found.expected, found.observed) == (False, expected, observed)


def test_a_quote_that_lacks_much_is_still_told_as_the_quote_it_claims_to_be() -> None:
    observed = finding(judged(QUOTE, 200, {"available": True, "executable": True}), "WIRE-BODY").observed
    assert observed == "expiresAt: absent; feeBps: absent; quoteId: absent; and 3 more"


def test_a_departure_deep_in_a_page_names_its_row() -> None:
    page = example(LEDGER, "200", "fundedAndSpent")
    page["entries"][1]["ref"] = 7
    assert finding(judged(LEDGER, 200, page), "WIRE-BODY").observed == "entries[1].ref: an integer"


def test_many_departures_are_counted_not_listed() -> None:
    observed = finding(judged(BALANCE, 200, {}), "WIRE-BODY").observed
    assert observed == "allowedPools: absent; available: absent; balance: absent; and 1 more"


@pytest.mark.parametrize(
    "time", ["2026-01-01 00:00:15", "2026-02-30T00:00:15Z", "2026-01-01T01:00:15+01:00", "1767225615", "soon"]
)
def test_a_time_that_is_not_iso_8601_in_utc_breaks_the_body(time: str) -> None:
    assert failed(judged(QUOTE, 200, {**FIRM, "expiresAt": time})) == {"WIRE-BODY"}


@pytest.mark.parametrize("rate", ["1,07", "1.07e3", "", "EUR 1.07", "-1.07", " 1.07"])
def test_an_amount_that_is_no_plain_decimal_breaks_the_body_and_not_money(rate: str) -> None:
    assert failed(judged(QUOTE, 200, {**FIRM, "rate": rate})) == {"WIRE-BODY"}


# -- money ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "name", "place", "told"),
    [
        (QUOTE, "firm", ("rate",), "rate is a number"),
        (QUOTE, "firm", ("fiatAmount",), "fiatAmount is a number"),
        (QUOTE, "firm", ("amount",), "amount is a number"),
        (CAPABILITIES, "onRampOnly", ("maxOrderUsdt",), "maxOrderUsdt is a number"),
        (BALANCE, "gated", ("balance",), "balance is a number"),
        (LEDGER, "fundedAndSpent", ("available",), "available is a number"),
        (LEDGER, "fundedAndSpent", ("entries", 1, "delta"), "entries[].delta is a number"),
        (TRADES, "onlyPage", ("trades", 0, "cryptoAmount"), "trades[].cryptoAmount is a number"),
    ],
)
def test_money_as_a_number(operation: tuple[str, str], name: str, place: tuple[str | int, ...], told: str) -> None:
    body = example(operation, "200", name)
    holder: Any = body
    for part in place[:-1]:
        holder = holder[part]
    holder[place[-1]] = 12.5
    found = finding(judged(operation, 200, body), "WIRE-MONEY")
    assert (found.ok, found.observed) == (False, told)


@pytest.mark.parametrize("number", ["0", "1", "-1", "1E+2", "1" * 5000, "1e400"])
def test_any_spelling_of_a_number_is_a_number(number: str) -> None:
    raw = '{"available":true,"tier":"t","allowedPools":[],"balance":' + number + "}"
    assert "WIRE-MONEY" in failed(judged(BALANCE, 200, raw.encode()))


def test_members_that_are_numbers_by_contract_are_no_money() -> None:
    report = judged(QUOTE, 200, {**FIRM, "totalBps": 55, "ttlSeconds": 15})
    assert finding(report, "WIRE-MONEY").ok


def test_what_an_error_adds_is_no_money() -> None:
    assert not failed(judged(QUOTE, 429, error(429, rate=20)))


def test_a_body_without_money_says_nothing_about_it() -> None:
    assert "WIRE-MONEY" not in failed(judged(POOLS, 200, {"pools": []})) | held(judged(POOLS, 200, {"pools": []}))


# -- the boundary --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "provider",
        "providerName",
        "provider_id",
        "liquidityProvider",
        "PROVIDER_NAME",
        "fxProviderID",
        "route",
        "routePriority",
        "selectedRoutes",
        "treasuryBalance",
        "reserve",
        "reserveLevel",
        "poolReserves",
        "marketMaker",
        "market-maker",
        "settlementWorker",
        "venues",
        "runbookUrl",
    ],
)
def test_a_member_beyond_the_boundary(name: str) -> None:
    found = finding(judged(QUOTE, 200, {**FIRM, name: "x"}), "WIRE-BOUNDARY")
    assert (found.ok, found.observed) == (False, f"member {name}")


@pytest.mark.parametrize(
    "name",
    [
        "reservedAt",
        "reserved",
        "reservedAmount",
        "rerouted",
        "provided",
        "reservation",
        "makerspace",
        "routine",
    ],
)
def test_a_name_that_only_looks_like_one_is_within_the_boundary(name: str) -> None:
    assert not failed(judged(QUOTE, 200, {**FIRM, name: "x"}))


def test_a_reserved_trade_is_within_the_boundary() -> None:
    trade = example(TRANSACT, "201", "reserved")
    assert trade["status"] == "reserved"
    assert finding(judged(TRANSACT, 201, trade), "WIRE-BOUNDARY").ok


def test_the_boundary_holds_deep_inside_and_in_errors() -> None:
    body = error(500, context=[{"upstream": {"providerError": "timeout"}}])
    assert failed(judged(QUOTE, 500, body)) == {"WIRE-NO-SERVER-ERROR", "WIRE-BOUNDARY"}


# -- what has no body, no operation, no place in the contract ------------------------------------------------


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_none_to_judge(status: int) -> None:
    report = judged(REJECT, status, b"")
    assert {"WIRE-BODY", "WIRE-CONTENT-TYPE"}.isdisjoint(failed(report) | held(report))


def test_the_answer_to_head_has_no_body_to_judge() -> None:
    report = judged(("HEAD", "/pools"), 200, b"", headers=headers(NAMED))
    assert (failed(report), held(report)) == (set(), {"WIRE-REQUEST-ID", "WIRE-NO-SERVER-ERROR"})


def test_another_method_answered_with_success_is_judged_by_its_request_id() -> None:
    report = judged(("OPTIONS", "/pools"), 200, b"GET", headers=headers(NAMED))
    assert (failed(report), held(report)) == (set(), {"WIRE-REQUEST-ID", "WIRE-NO-SERVER-ERROR"})


@pytest.mark.parametrize("path", ["/_sandbox/clock", "/", "/pools/EUR-USDT/other/way", "pools", ""])
def test_a_path_outside_the_contract_is_not_judged(path: str) -> None:
    report = judged(("GET", path), 418, b"<p>teapot</p>", headers=())
    assert (report.findings, report.observations) == ((), ())


def test_another_method_on_a_known_path_is_judged_by_envelope_and_request_id() -> None:
    report = judged(("DELETE", "/pools"), 405, error(405), headers=HEADERS)
    assert not failed(report)
    assert held(report) == {
        "WIRE-REQUEST-ID",
        "WIRE-NO-SERVER-ERROR",
        "WIRE-CONTENT-TYPE",
        "WIRE-ERROR-ENVELOPE",
        "WIRE-BOUNDARY",
    }


def test_another_method_on_a_known_path_answered_404_without_an_envelope() -> None:
    assert failed(judged(("PUT", "/pools"), 404, {"detail": "Not Found"})) == {"WIRE-ERROR-ENVELOPE"}

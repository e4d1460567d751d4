"""Bodies no honest server sends: each becomes a finding in clear words, never an exception, and is never
quoted."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .exchanges import (
    BALANCE,
    FUNDING,
    HEADERS,
    POLL,
    QUOTE,
    REQUEST_ID,
    TRADES,
    builtin,
    error,
    example,
    failed,
    finding,
    judged,
)

HTML = b"<!doctype html><html><body>Sign in</body></html>"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        pytest.param(b'{"available":false,"available":true}', "an object that names available twice", id="twice"),
        pytest.param(b'{"a":{"b":1,"b":1}}', "an object that names b twice", id="twice inside"),
        pytest.param(b'{"rate":NaN}', "NaN, which JSON does not have", id="NaN"),
        pytest.param(b'{"rate":-Infinity}', "-Infinity, which JSON does not have", id="infinity"),
        pytest.param(b'{"rate":1e99999999999999999999}', "a number whose exponent", id="exponent"),
        pytest.param(b'{"rate":"\xff"}', "bytes that are not UTF-8, from offset 9", id="latin"),
        pytest.param('{"a":1}'.encode("utf-16"), "bytes that are not UTF-8", id="UTF-16"),
        pytest.param(b"\xef\xbb\xbf{}", "a byte order mark", id="byte order mark"),
        pytest.param(b'{"available": tr', "JSON that ends too early", id="cut in a word"),
        pytest.param(b'{"available": true', "JSON that ends too early", id="cut after a value"),
        pytest.param(b'{"available', "JSON that ends too early", id="cut in a name"),
        pytest.param(b"{} {}", "text that is not JSON (Extra data, line 1 column 4)", id="two values"),
        pytest.param(b"{'a': 1}", "text that is not JSON", id="single quotes"),
        pytest.param(b" \r\n\t", "white space only", id="blank"),
        pytest.param(HTML, "HTML or XML", id="HTML under a JSON label"),
        pytest.param(b"[" * 100_000, "nesting beyond 100 levels", id="open brackets"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, "nesting beyond 100 levels", id="deep array"),
        pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nesting beyond 100 levels", id="deep object"),
        pytest.param(b"[" * 102 + b"]" * 102, "nesting beyond 100 levels", id="just too deep"),
    ],
)
def test_an_unreadable_body_is_told_in_words(body: bytes, told: str) -> None:
    found = finding(judged(QUOTE, 200, body), "WIRE-BODY")
    assert not found.ok
    assert found.observed.startswith(told)


def test_html_under_its_own_label_is_a_matter_of_content_type() -> None:
    html = (("X-Request-Id", REQUEST_ID), ("Content-Type", "text/html"))
    report = judged(QUOTE, 200, HTML, headers=html)
    assert failed(report) == {"WIRE-CONTENT-TYPE"}
    assert finding(report, "WIRE-CONTENT-TYPE").observed == "text/html, HTML or XML"


def test_an_unreadable_error_is_no_envelope() -> None:
    assert failed(judged(QUOTE, 404, b"{")) == {"WIRE-ERROR-ENVELOPE", "WIRE-BODY"}


def test_a_body_cut_off_at_our_limit_is_told_as_such() -> None:
    found = finding(judged(QUOTE, 200, b'{"available": true}', truncated=True), "WIRE-BODY")
    assert (found.ok, found.observed) == (False, "a body still unfinished after 19 bytes")


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param(b"9" * 5000, id="huge integer"),
        pytest.param(b"-" + b"9" * 5000, id="huge negative integer"),
        pytest.param(b"0." + b"3" * 5000, id="many digits"),
        pytest.param(b"1e-400", id="tiny"),
        pytest.param(b'"\\ud800"', id="half a surrogate pair"),
        pytest.param(b'"\\u0000\\ufffe"', id="odd characters"),
        pytest.param(b"[" * 90 + b"]" * 90, id="deep but readable"),
    ],
)
def test_a_strange_value_in_a_member_of_its_own_is_legal(extra: bytes) -> None:
    body = b'{"available":false,"unavailableReason":"pool_dry","extra":' + extra + b"}"
    assert not failed(judged(QUOTE, 200, body))


def test_a_surrogate_half_does_not_hide_what_else_is_wrong() -> None:
    found = finding(judged(QUOTE, 200, b'{"\\ud800":1,"available":false}'), "WIRE-BODY")
    assert found.observed == "unavailableReason: absent"


def test_an_integer_may_be_spelt_with_a_zero_fraction() -> None:
    body = json.dumps(error(404)).replace('"statusCode": 404', '"statusCode": 404.0')
    assert '"statusCode": 404.0' in body
    assert not failed(judged(QUOTE, 404, body.encode()))


# -- nothing is quoted ---------------------------------------------------------------------------------------

SECRET = "whsec 9f/2b+77 is not for reports"


@pytest.mark.parametrize(
    ("operation", "status", "body"),
    [
        pytest.param(QUOTE, 200, {"available": SECRET}, id="another type"),
        pytest.param(QUOTE, 200, {"available": False, "unavailableReason": SECRET}, id="outside an enum"),
        pytest.param(QUOTE, 200, {**example(QUOTE, "200", "firm"), "rate": SECRET}, id="another form"),
        pytest.param(BALANCE, 200, {SECRET: 1}, id="member name"),
        pytest.param(QUOTE, 200, {f"provider {SECRET}": 1}, id="member name beyond the boundary"),
        pytest.param(QUOTE, 400, {"code": [SECRET], "message": {SECRET: SECRET}}, id="error"),
        pytest.param(QUOTE, 200, f'{{"{SECRET}":1,"{SECRET}":1}}'.encode(), id="member named twice"),
        pytest.param(QUOTE, 200, SECRET.encode(), id="no JSON"),
        pytest.param(FUNDING, 200, {"iban": 5, "currency": SECRET}, id="funding"),
    ],
)
def test_what_a_body_holds_is_not_repeated(operation: tuple[str, str], status: int, body: Any) -> None:
    report = judged(operation, status, body)
    assert failed(report)
    assert SECRET not in str(report)


def test_a_content_type_that_is_none_is_not_repeated() -> None:
    odd = (("X-Request-Id", REQUEST_ID), ("Content-Type", SECRET))
    assert SECRET not in str(judged(QUOTE, 200, b"{}", headers=odd))


def test_a_sensitive_value_is_not_repeated_however_short() -> None:
    body = {**example(FUNDING, "200", "provisioned"), "iban": "DE89370400440532013000x"}
    report = judged(FUNDING, 200, body)
    assert "iban" in builtin().sensitive
    assert report.observations
    assert "DE89" not in str(report)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=60),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["available", "executable", "rate", "quoteId", "trades", "status", "type", "delta"])
            | st.text(max_size=10),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    operation=st.sampled_from([QUOTE, TRADES, POLL, BALANCE, ("PATCH", "/pools")]),
    status=st.sampled_from([200, 201, 204, 400, 404, 405, 418, 500]),
    body=JSON_VALUES.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40),
    truncated=st.booleans(),
)
def test_any_answer_gets_a_report(operation: tuple[str, str], status: int, body: bytes, truncated: bool) -> None:
    report = judged(operation, status, body, headers=HEADERS, truncated=truncated)
    names = [row.requirement for row in report.findings]
    assert "WIRE-REQUEST-ID" in names
    assert len(names) == len(set(names))

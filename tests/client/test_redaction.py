"""No secret and no personal value reaches the journal: redacted by value, by name and by shape, alike within a run."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.client import Redactor

SECRET = "sk_test_0123456789abcdefABCDEF+/="
NAMES = ("iban", "client_secret", "instructions")


def redactor(*secrets: str, key: bytes = b"of this run") -> Redactor:
    return Redactor(key, secrets, NAMES)


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"Bearer {SECRET}",
        f"https://host/v1?key={quote(SECRET, safe='')}",
        json.dumps({"echo": SECRET}),
        json.dumps({"echo": json.dumps({"deeper": SECRET})}),
        f"<p>unknown key {SECRET}</p>",
    ],
)
def test_a_known_secret_is_redacted_wherever_it_stands(text: str) -> None:
    shown = redactor(SECRET).text(text)

    assert SECRET not in shown
    assert quote(SECRET, safe="") not in shown
    assert redactor().fingerprint(SECRET) in shown


@pytest.mark.parametrize(
    "text",
    [
        "sk_test_somebodyelses",
        "pk_live_somebodyelses",
        "whsec_somebodyelses",
        "gsec_somebodyelses",
        "the key sk_live_0-9_somebodyelses, quoted",
    ],
)
def test_the_published_shape_of_a_credential_is_enough(text: str) -> None:
    assert "somebodyelses" not in redactor().text(text)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ('{"iban": "DE00123"}', "DE00123"),
        ('{"iban":"EU"}', "EU"),
        ('{"a": {"b": [{"iban": "DE00123"}]}}', "DE00123"),
        ('{"client_secret": 1234567}', "1234567"),
        ('{"client_secret": 12.5e3}', "12.5e3"),
        ('{"instructions": {"bank": {"holder": "Jo"}, "lines": ["x", 77]}}', '"Jo"'),
        ('{"instructions": {"bank": {"holder": "Jo"}, "lines": ["x", 77]}}', '"x"'),
        ('{"instructions": {"bank": {"holder": "Jo"}, "lines": ["x", 77]}}', "77"),
        ('{"instructions": ["one", ["two"]]}', "two"),
        (r'{"iban": "DE\"00\\123"}', "123"),
        (r'{"iban": "DE\u0030\u0030123"}', "123"),
        (r'{"i\u0062an": "DE00123"}', "DE00123"),
        (r'{"note": "{\"iban\": \"DE00123\"}"}', "DE00123"),
        (r'{"note": "{\"iban\": 7}"}', "7"),
        ('{"iban": "DE00123", "iban": "FR00123"}', "DE00123"),
        ('{"iban": "line\nbreak"}', "break"),
        ('{"ok": 1, "iban": "DE001', "DE001"),
        ('{"ok": 1, "instructions": {"holder": "Jo", "ad', "Jo"),
        (r'{"note": "{\"iban\": \"DE00123\"', "DE00123"),
        ("see iban: x, \"iban\": DE00123 and more", "DE00123"),
        ('{"client_secret": 1' + "0" * 5000 + "}", "0000"),
    ],
)  # fmt: skip
def test_whatever_is_at_or_under_a_sensitive_name_is_redacted(text: str, hidden: str) -> None:
    assert hidden not in redactor().text(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"iban": null}',
        '{"iban": true, "client_secret": false}',
        '{"instructions": []}',
        '{"missing": "iban"}',
        '{"ibanless": "DE00123"}',
        '{"amount": "10.00", "rate": 1.10}',
        "no names, no secrets",
        "",
    ],
)
def test_what_tells_nothing_stays_as_it_is(text: str) -> None:
    assert redactor().text(text) == text


def test_the_rest_of_a_document_keeps_its_spelling() -> None:
    text = '{ "amount": 1.10,\n  "iban" : "DE00123", "next":"x" }'

    shown = redactor().text(text)

    assert shown == text.replace("DE00123", redactor().fingerprint("DE00123"))


def test_a_redacted_document_is_still_json_with_its_names() -> None:
    text = r'{"a": "\"", "instructions": {"holder": "Jo", "n": [1, null]}, "rate": 1.10}'

    shown = json.loads(redactor().text(text), parse_float=str)

    assert shown["rate"] == "1.10"
    assert list(shown["instructions"]) == ["holder", "n"]
    assert shown["instructions"]["n"][1] is None


def test_a_sensitive_value_once_seen_is_redacted_elsewhere_too() -> None:
    redact = redactor()
    redact.text('{"instructions": {"holder": "Jo Smith & Sons"}}')

    shown = [
        redact.text(text) for text in ("paid by Jo Smith & Sons", "?by=Jo+Smith+%26+Sons", "Jo%20Smith%20%26%20Sons")
    ]

    assert len({*shown}) == 3
    assert all("Smith" not in text for text in shown)


def test_a_short_sensitive_value_does_not_blank_the_rest_of_a_report() -> None:
    redact = redactor()
    redact.text('{"instructions": {"country": "EU", "lines": 3}}')

    assert redact.text("EU, 3 lines") == "EU, 3 lines"


def test_one_value_has_one_fingerprint_within_a_run() -> None:
    redact = redactor(SECRET)

    shown = {redact.text(SECRET), redact.text(quote(SECRET, safe="")), redact.header("Authorization", SECRET)}

    assert shown == {redact.fingerprint(SECRET)}


def test_one_value_has_another_fingerprint_in_another_run() -> None:
    assert redactor(key=b"one").fingerprint(SECRET) != redactor(key=b"two").fingerprint(SECRET)


def test_two_values_have_two_fingerprints() -> None:
    assert redactor().fingerprint("one") != redactor().fingerprint("two")


def test_the_longer_of_two_overlapping_secrets_goes_first() -> None:
    redact = redactor("abcdef", "abcdefghij")

    assert redact.text("abcdefghij") == redact.fingerprint("abcdefghij")


def test_a_known_value_is_not_looked_for_inside_a_fingerprint() -> None:
    redact = redactor(SECRET)
    inside = redact.fingerprint(SECRET)[10:16]
    both = redactor(SECRET, inside)

    assert both.text(SECRET) == both.fingerprint(SECRET)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Authorization", "Bearer abc", "Bearer {abc}"),
        ("authorization", "abc", "{abc}"),
        ("Proxy-Authorization", "Basic abc", "Basic {abc}"),
        ("Set-Cookie", "session=1", "{session=1}"),
        ("X-Publishable-Key", "p", "{p}"),
        ("X-Embed-Token", "t", "{t}"),
        ("X-Api-Key", "k", "{k}"),
        ("Idempotency-Key", "pool-tx:1", "pool-tx:1"),
        ("X-Request-Id", "req_1", "req_1"),
        ("Gate-Signature", "t=1800000000,v1=" + "ab" * 32, "t=1800000000,v1={" + "ab" * 32 + "}"),
        ("X-Hub-Signature-256", "sha256=" + "C0" * 32, "sha256={" + "C0" * 32 + "}"),
        ("Content-Type", "application/json", "application/json"),
    ],
)
def test_headers_are_redacted_by_what_they_are_for(name: str, value: str, shown: str) -> None:
    redact = redactor()
    before, brace, rest = shown.partition("{")
    expected = f"{before}{redact.fingerprint(rest.rstrip('}'))}" if brace else shown

    assert redact.header(name, value) == expected


@pytest.mark.parametrize("depth", [500, 5_000, 200_000])
@pytest.mark.parametrize("escaped", ["", r'"\u0061"'])
def test_a_deeply_nested_body_is_redacted_all_the_same(depth: int, escaped: str) -> None:
    text = '{"iban":' + "[" * depth + '"DE00123"' + "]" * depth + "}" + escaped

    assert "DE00123" not in redactor().text(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(value=json_values, ascii_only=st.booleans())
def test_no_leaf_under_a_sensitive_name_survives_however_it_is_written(value: object, ascii_only: bool) -> None:
    marked = {"marker-open": 1, "iban": {"leaf": "QQQQ-secret", "beside": value}, "marker-close": 2}

    shown = redactor().text(json.dumps(marked, ensure_ascii=ascii_only))

    assert "QQQQ-secret" not in shown
    assert json.loads(shown)["marker-close"] == 2


@given(st.text())
def test_any_text_can_be_redacted_and_a_secret_in_it_is_gone(text: str) -> None:
    assert SECRET not in redactor(SECRET).text(f"{text}{SECRET}{text}")

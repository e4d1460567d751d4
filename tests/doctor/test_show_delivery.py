"""``doctor --show-delivery`` executes one trade within the limits and shows its delivery, no signature whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from conformance.client import Redactor
from conformance.readiness.delivery import advice, members, shortened
from conformance.target import Secret, Webhooks, embedded
from conformance.webhooks.receiver import Delivery
from conformance.webhooks.signature import PLAIN, TIMED, sign
from tests.doctor.profiles import Doctor, written

NOW = 1_800_000_000


def trades(sandbox: embedded.Embedded) -> int:
    """How many trades the approved account has."""
    key = sandbox.environ["OBIT_SANDBOX_APPROVED_SECRET_KEY"]
    answer = httpx.get(f"{sandbox.url}/pools/trades?limit=100", headers={"Authorization": f"Bearer {key}"})
    return len(answer.json()["trades"])


@pytest.mark.usefixtures("their_keys")
def test_one_trade_is_executed_and_its_delivery_shown(
    doctor: Doctor, sandbox: embedded.Embedded, tmp_path: Path
) -> None:
    before = trades(sandbox)

    result = doctor("--target", written(tmp_path, sandbox.url, header="Gate-Signature"), "--show-delivery")

    assert result.exit_code == 0, result.output
    assert trades(sandbox) == before + 1
    assert re.search(r"  gate-signature: t=\d+,v1=[0-9a-f]{4}…\(64 hex digits\)\n", result.output)
    assert "it verifies as the profile says: Gate-Signature, t-v1-hmac-sha256" in result.output


@pytest.mark.usefixtures("their_keys")
def test_a_wrong_header_in_the_profile_is_answered_with_the_right_one(
    doctor: Doctor, sandbox: embedded.Embedded, tmp_path: Path
) -> None:
    result = doctor("--target", written(tmp_path, sandbox.url, header="X-Wrong"), "--show-delivery")

    assert 'header = "gate-signature"\n  scheme = "t-v1-hmac-sha256"' in result.output


@pytest.mark.usefixtures("their_keys")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trades": 0}, "limits.trades allows 0 trades"),
        ({"notional": "1.00"}, "limits.notional allows 1.00"),
        ({"environment": "production"}, "only reads are sent there, not POST"),
        ({"header": ""}, "the profile has no [webhooks.pools]"),
    ],
    ids=["no trades", "no money", "production", "no webhooks"],
)
def test_nothing_is_executed_where_it_must_not_be(
    doctor: Doctor, sandbox: embedded.Embedded, tmp_path: Path, changes: Mapping[str, object], said: str
) -> None:
    before = trades(sandbox)
    profile = written(tmp_path, sandbox.url, **{"header": "Gate-Signature", **changes})  # type: ignore[arg-type]

    result = doctor("--target", profile, "--show-delivery")

    assert result.exit_code == 3, result.output
    assert said in result.output.splitlines()[-1]
    assert trades(sandbox) == before


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("t=1800000000,v1=" + "ab" * 32, "t=1800000000,v1=abab…(64 hex digits)"),
        ("sha256=" + "C0" * 32, "sha256=C0C0…(64 hex digits)"),
        ("q" * 43 + "=", "qqqq…(44 characters)"),
        ("application/json", "application/json"),
        ("a\x1b[31mb", "'a\\x1b[31mb'"),
    ],
)
def test_a_header_keeps_its_form_and_loses_its_digest(value: str, shown: str) -> None:
    assert shortened("x-signature", value, Redactor(b"key")) == shown


def test_a_bearer_token_in_a_delivery_is_fingerprinted() -> None:
    shown = shortened("authorization", "Bearer short-token", Redactor(b"key"))

    assert shown.startswith("Bearer [redacted:")


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"eventId": "secret", "data": {"iban": "DE00"}}', "a JSON object with eventId, data, data.iban"),
        (b"{}", "a JSON object with no members"),
        (b"[1]", "JSON, and no object"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a\\u001b": 1}', "a JSON object with 'a\\x1b'"),
    ],
)
def test_of_a_body_only_the_names_are_shown(body: bytes, shown: str) -> None:
    assert members(body) == shown


def test_members_beyond_the_bound_are_counted() -> None:
    body = b"{" + b",".join(b'"m%d": 0' % number for number in range(23)) + b"}"

    assert members(body).endswith("m19 and 3 more")


def settings(header: str, scheme: str) -> Webhooks:
    return Webhooks("127.0.0.1", 0, None, Secret("whsec_right"), "HOOK", header, scheme, 300, "eventId")


def delivery(**headers: str) -> Delivery:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Delivery(1, float(NOW), "/webhooks", named, b'{"eventId": "1"}')


@pytest.mark.parametrize(
    ("scheme", "secret", "profile", "said"),
    [
        (TIMED, "whsec_right", settings("X-Sig", TIMED.name), "it verifies as the profile says: X-Sig"),
        (PLAIN, "whsec_right", settings("X-Sig", PLAIN.name), "it verifies as the profile says: X-Sig"),
        (PLAIN, "whsec_right", settings("X-Sig", TIMED.name), 'scheme = "hmac-sha256-hex"'),
        (TIMED, "whsec_right", settings("Other", TIMED.name), 'header = "x-sig"'),
        (TIMED, "whsec_wrong", settings("X-Sig", TIMED.name), "no header verifies with the secret in HOOK"),
    ],
    ids=["as written", "plain as written", "other scheme", "other header", "other secret"],
)
def test_the_advice_is_what_really_verifies(scheme: object, secret: str, profile: Webhooks, said: str) -> None:
    signed = delivery(host="x", x_sig=sign(secret, b'{"eventId": "1"}', NOW, scheme))  # type: ignore[arg-type]

    assert said in "\n".join(advice(signed, profile))

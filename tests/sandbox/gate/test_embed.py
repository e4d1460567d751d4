"""The bootstrap of the widget: which key, from which page, for which session, and what a browser is told."""

from __future__ import annotations

import sqlite3
import time
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from conformance.sandbox.gate import embed
from tests.sandbox.process import Sandbox, running

from . import contract
from .partner import SESSION, Gate, gate_of

PAGE = {"Origin": "https://shop.example"}
PUBLISHABLE = "pk_test_sandbox_approved"
UNBOUND = dict.fromkeys(("session_id", *embed.SHOWN))


@pytest.fixture(scope="module")
def browser(sandbox: Sandbox) -> Gate:
    """A page of the approved account."""
    return gate_of(sandbox, key=PUBLISHABLE)


def start(browser: Gate, body: object = None, **headers: str) -> httpx.Response:
    """A bootstrap from the allowed page unless headers say otherwise."""
    return browser.call("createEmbedToken", body, headers=headers or PAGE)


def test_a_widget_starts_bound_to_no_session(browser: Gate) -> None:
    answer = start(browser)

    body = answer.json()
    assert answer.status_code == 201
    assert {name: body[name] for name in UNBOUND} == UNBOUND
    assert (body["partner_id"], body["mode"]) == ("partner_approved", "test")
    assert start(browser, {}).json()["session_id"] is None


def test_a_client_secret_binds_its_session_as_often_as_it_is_shown(gate: Gate, browser: Gate) -> None:
    session = gate.session(flow="on_ramp", target_token="USDC", target_network="BASE", user_reference="user_test_42")

    answers = [start(browser, {"clientSecret": session["client_secret"]}) for _ in range(2)]

    for body in (answer.json() for answer in answers):
        assert {name: body[name] for name in embed.SHOWN} == {name: session[name] for name in embed.SHOWN}
        assert body["session_id"] == session["id"]
    assert session["client_secret"] not in answers[0].text
    assert gate.made("retrieveSession", id=session["id"])["status"] == "open"


def test_the_token_is_an_hs256_jwt_that_lives_for_an_hour(gate: Gate, browser: Gate) -> None:
    session = gate.session()

    answer = start(browser, {"clientSecret": session["client_secret"]})

    body = answer.json()
    claims = jwt.decode(body["embed_token"], options={"verify_signature": False})
    assert jwt.get_unverified_header(body["embed_token"])["alg"] == "HS256"
    assert (claims["sub"], claims["mode"], claims["session_id"]) == (body["partner_id"], "test", session["id"])
    assert claims["exp"] - claims["iat"] == 3600
    assert datetime.fromisoformat(body["expires_at"]).timestamp() == claims["exp"]
    assert abs(claims["iat"] - parsedate_to_datetime(answer.headers["Date"]).timestamp()) <= 2


def test_only_the_key_of_the_sandbox_makes_a_token() -> None:
    made = embed.token("test:approved", None, int(time.time()) + embed.LIFETIME_SECONDS)

    assert jwt.decode(made, embed.TOKEN_KEY, algorithms=["HS256"])["sub"] == "partner_approved"
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(made, bytes(32), algorithms=["HS256"])


def test_no_two_tokens_are_the_same_whatever_their_key(browser: Gate) -> None:
    headers = {**PAGE, "Idempotency-Key": "same"}

    tokens = {browser.call("createEmbedToken", {}, headers=headers, key=None).json()["embed_token"] for _ in range(3)}

    assert len(tokens) == 3


def bare(gate: Gate, headers: dict[str, str], query: dict[str, str] | None = None) -> int:
    """The status of a bootstrap that carries nothing but these headers and this query."""
    answer = httpx.post(f"{gate.http.base_url}embed/bootstrap", headers={**PAGE, **headers}, params=query)
    contract.check("createEmbedToken", answer)
    return answer.status_code


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({"Authorization": f"Bearer {PUBLISHABLE}"}, {}, 201),
        ({"X-Publishable-Key": PUBLISHABLE}, {}, 201),
        ({}, {"publishable_key": PUBLISHABLE}, 201),
        ({"Authorization": f"Bearer {PUBLISHABLE}", "X-Publishable-Key": "pk_test_unknown"}, {}, 201),
        ({"Authorization": "Bearer pk_test_unknown", "X-Publishable-Key": PUBLISHABLE}, {}, 401),
        ({"X-Publishable-Key": "pk_test_unknown"}, {"publishable_key": PUBLISHABLE}, 401),
        ({}, {}, 401),
        ({"Authorization": "Bearer sk_test_sandbox_approved"}, {}, 403),
        ({"X-Publishable-Key": "sk_test_sandbox_approved"}, {}, 403),
        ({"Authorization": "Bearer whsec_sandbox_approved"}, {}, 401),
        ({"Authorization": "Bearer pk_live_sandbox_wrong_mode"}, {}, 403),
    ],
)
def test_a_publishable_key_has_three_carriers_and_the_first_one_counts(
    gate: Gate, headers: dict[str, str], query: dict[str, str], status: int
) -> None:
    assert bare(gate, headers, query) == status


def test_the_other_carriers_open_nothing_else(gate: Gate) -> None:
    answer = httpx.get(f"{gate.http.base_url}branding", headers={"X-Publishable-Key": "sk_test_sandbox_approved"})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://other.example"},
        {"Origin": "https://evil.shop.example"},
        {"Origin": "https://shop.example.evil.example"},
        {"Origin": "http://shop.example"},
        {"Origin": "https://shop.example:8443"},
        {"Origin": "https://shop.example/"},
        {"Origin": "https://SHOP.example"},
        {"Origin": "shop.example"},
        {"Origin": "null"},
        {"Origin": "*"},
        {"Origin": ""},
        {"Referer": "https://other.example/shop.example"},
        {"Referer": "https://shop.example@evil.example/"},
        {"Referer": "https://[shop.example/"},
        {"Origin": "https://evil.example", "Referer": "https://shop.example/checkout"},
        {"X-Nothing": "neither"},
    ],
    ids=str,
)
def test_a_page_that_is_not_exactly_an_allowed_domain_is_refused(browser: Gate, headers: dict[str, str]) -> None:
    answer = start(browser, **headers)

    assert (answer.status_code, answer.json()["type"]) == (403, "permission_error")


def test_without_an_origin_the_referer_tells_the_page(browser: Gate) -> None:
    assert start(browser, Referer="https://shop.example/checkout?step=2").status_code == 201


def test_allowed_domains_are_those_of_the_partner_and_can_be_set(sandbox: Sandbox) -> None:
    page = gate_of(sandbox, key="pk_test_sandbox_off_ramp")
    refused = start(page).status_code

    sandbox.control("/gate/domains", account="off_ramp", domains=["https://one.example", "http://localhost:3000"])

    assert refused == 403
    assert start(page, Origin="http://localhost:3000").status_code == 201
    assert start(page, Origin="https://shop.example").status_code == 403
    sandbox.control("/gate/domains", account="off_ramp", domains=[])
    assert start(page, Origin="http://localhost:3000").status_code == 403


@pytest.mark.parametrize(
    "domains", [None, "https://shop.example", ["https://*.example"], ["*"], ["shop.example"], [7], ["https://a/"]]
)
def test_a_domain_that_no_browser_would_name_cannot_be_set(sandbox: Sandbox, domains: object) -> None:
    assert sandbox.control("/gate/domains", account="approved", domains=domains).status_code == 400
    assert sandbox.control("/gate/domains", account="nobody", domains=[]).status_code == 404


@pytest.mark.parametrize("account", ["no_gate", "throttled"])
def test_the_doors_of_the_product_stand_before_the_page(sandbox: Sandbox, account: str) -> None:
    page = gate_of(sandbox, key=f"pk_test_sandbox_{account}")

    assert start(page).status_code == {"no_gate": 403, "throttled": 429}[account]


def test_a_secret_that_is_not_the_callers_is_as_unknown_as_one_that_never_was(browser: Gate, other: Gate) -> None:
    theirs = other.session()["client_secret"]

    answers = [start(browser, {"clientSecret": secret}) for secret in (theirs, "gsec_gs_test_none_0", theirs[:-1])]

    told = [{**answer.json(), "request_id": None} for answer in answers]
    assert [answer.status_code for answer in answers] == [401] * 3
    assert told == [told[0]] * 3


@pytest.mark.parametrize("move", ["complete", "expire", "cancel"])
def test_the_secret_of_a_session_that_is_over_is_of_no_use(gate: Gate, browser: Gate, move: str) -> None:
    session = gate.session()
    if move == "cancel":
        gate.call("cancelSession", id=session["id"])
    else:
        gate.move(session["id"], move)

    assert start(browser, {"clientSecret": session["client_secret"]}).status_code == 409


def test_a_session_is_over_when_its_time_is_whether_the_job_has_come_by_or_not(gate: Gate) -> None:
    session = embed.Session("gs", "test:approved", "open", {}, True, None, 0, 100)

    embed.check_not_due(session, 99)
    with pytest.raises(Exception, match="409"):
        embed.check_not_due(session, 100)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"clientSecret": None},
        {"clientSecret": 7},
        {"clientSecret": ""},
        {"requested_scopes": "all"},
        {"requested_scopes": [1]},
        {"requested_scopes": None},
    ],
    ids=str,
)
def test_a_body_that_does_not_fit_is_refused(browser: Gate, body: object) -> None:
    assert start(browser, body).status_code == 400


def test_scopes_are_accepted_because_their_names_are_not_published(browser: Gate) -> None:
    assert start(browser, {"requested_scopes": ["anything"]}).status_code == 201


def test_the_widget_is_shown_the_look_of_its_partner(gate: Gate, browser: Gate) -> None:
    look = gate.made("updateBranding", {"brand_name": "Shop", "accent_color": "#FF4B1F"})

    assert start(browser).json()["branding"] == look == gate.made("getBranding")


def test_the_database_keeps_a_digest_of_the_secret_beside_the_answer_of_its_key(tmp_path: Path) -> None:
    db = str(tmp_path / "state.db")
    with running("--db", db) as sandbox:
        secret = gate_of(sandbox).made("createSession", SESSION)["client_secret"]
        random_part = secret.rpartition("_")[2]

    kept: dict[str, Any] = {}
    connection = sqlite3.connect(db)
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        kept[table] = str(connection.execute(f"SELECT * FROM {table}").fetchall())
    connection.close()

    assert [table for table, rows in kept.items() if random_part in rows] == ["gate_calls"]
    assert kept["gate_client_secrets"] != "[]"

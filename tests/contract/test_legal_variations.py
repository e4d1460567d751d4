"""Legal choices stay green and are observed: what sources leave open must never fail a target."""

from typing import Any

import pytest

from conformance.contract import Report

from .exchanges import (
    BALANCE,
    CAPABILITIES,
    LEDGER,
    POLL,
    POOLS,
    QUOTE,
    READ_QUOTE,
    REJECT,
    REQUEST_ID,
    TRADES,
    TRANSACT,
    error,
    example,
    failed,
    held,
    judged,
    without,
)

FIRM = example(QUOTE, "200", "firm")
TRADE = example(TRANSACT, "200", "reserved")
STORED = example(READ_QUOTE, "200", "active")
CAPABLE = example(CAPABILITIES, "200", "onRampOnly")
ENTRY = {"delta": "-100.00", "reason": "buy_debit", "ref": "pq_1"}
GUESSED = ("fiatAmount", "cryptoAmount", "cryptoNetwork", "poolId", "side", "fiatCurrency", "cryptoCurrency")


@pytest.mark.parametrize(
    ("operation", "status", "body"),
    [
        pytest.param(QUOTE, 200, without(FIRM, *GUESSED, "createdAt", "destNetwork"), id="quote, stated only"),
        pytest.param(QUOTE, 200, {**FIRM, "quoteId": "Q/1 2", "poolId": 7}, id="quote, other ids"),
        pytest.param(QUOTE, 200, {**FIRM, "expiresAt": "2026-01-01T00:00:15.123Z"}, id="milliseconds"),
        pytest.param(QUOTE, 200, {**FIRM, "expiresAt": "2026-01-01T00:00:15+00:00"}, id="UTC as an offset"),
        pytest.param(QUOTE, 200, {**FIRM, "rate": "1." + "0" * 60}, id="long rate"),
        pytest.param(QUOTE, 200, {**FIRM, "totalBps": None, "unknown": [1.5]}, id="members of its own"),
        pytest.param(
            QUOTE, 200, {"available": True, "executable": False, "rate": "1.07"}, id="indicative, stated only"
        ),
        pytest.param(
            QUOTE,
            200,
            {"available": True, "executable": False, "rate": "1.07", "quoteId": None, "feeBps": None},
            id="indicative with nulls",
        ),
        pytest.param(QUOTE, 200, {"available": False, "unavailableReason": "pool_dry"}, id="unavailable"),
        pytest.param(
            QUOTE,
            200,
            {"available": False, "executable": None, "unavailableReason": "pool_dry", "quoteId": None},
            id="unavailable with nulls",
        ),
        pytest.param(
            TRANSACT, 200, {"transactId": "pt_live_1", "quoteId": "q", "status": "reserved"}, id="short trade"
        ),
        pytest.param(TRANSACT, 201, {**TRADE, "rate": None, "settledAt": None}, id="201 with nulls"),
        pytest.param(TRANSACT, 202, TRADE, id="202, no success code being stated"),
        pytest.param(POLL, 200, {"quoteId": "q", "status": "quoted"}, id="poll before execution"),
        pytest.param(READ_QUOTE, 200, {"status": "active"}, id="stored quote, stated only"),
        pytest.param(
            READ_QUOTE, 200, {**STORED, "destAddress": None, "destNetwork": None}, id="stored quote of a sale"
        ),
        pytest.param(REJECT, 200, {"ok": True}, id="reject, another body"),
        pytest.param(REJECT, 200, b"", id="reject, no body"),
        pytest.param(REJECT, 201, STORED, id="reject, 201"),
        pytest.param(
            CAPABILITIES, 200, without(CAPABLE, "minOrderUsdt"), id="capabilities, other name for the minimum"
        ),
        pytest.param(CAPABILITIES, 200, {**CAPABLE, "depositAddress": {"tron": "T"}}, id="deposit address per chain"),
        pytest.param(TRADES, 200, {"items": [TRADE], "nextCursor": None, "hasMore": False}, id="other array name"),
        pytest.param(
            LEDGER,
            200,
            {"currency": "EUR", "available": "-1.00", "entries": [ENTRY], "nextCursor": None},
            id="ledger below zero",
        ),
        pytest.param(
            LEDGER,
            200,
            {
                "currency": "EUR",
                "available": "0",
                "entries": [{**ENTRY, "reason": "adjust"}],
                "nextCursor": "x",
            },
            id="another reason",
        ),
        pytest.param(
            BALANCE,
            200,
            {"available": True, "balance": "1", "tier": "t", "allowedPools": ["a", "a"]},
            id="balance, pools twice",
        ),
        pytest.param(POOLS, 200, {"pools": []}, id="no pools"),
        pytest.param(POOLS, 400, error(400), id="a malformed query"),
        pytest.param(QUOTE, 401, error(401, code="whatever", type="x"), id="401 for a key type"),
        pytest.param(QUOTE, 403, error(403, code="key_mode_mismatch"), id="403 for a key type"),
        pytest.param(BALANCE, 404, error(404), id="404 outside the entitlement"),
        pytest.param(BALANCE, 403, error(403), id="403 outside the entitlement"),
        pytest.param(QUOTE, 402, error(402), id="402 at quote"),
        pytest.param(QUOTE, 501, error(501), id="off-ramp refused at quote"),
        pytest.param(TRANSACT, 409, error(409), id="consumed quote refused"),
        pytest.param(LEDGER, 400, error(400), id="other currency refused"),
    ],
)
def test_a_legal_choice_is_green(operation: tuple[str, str], status: int, body: Any) -> None:
    report = judged(operation, status, body)
    assert not failed(report)
    assert "WIRE-STATUS" in held(report)


@pytest.mark.parametrize("status", [405, 413, 414, 415, 431])
@pytest.mark.parametrize("body", [b"", b"too much"])
def test_the_http_layer_may_answer_in_its_own_form(status: int, body: bytes) -> None:
    plain = (("X-Request-Id", REQUEST_ID), ("Content-Type", "text/plain"))
    report = judged(QUOTE, status, body, headers=plain)
    assert not failed(report)
    assert ("POST /pools/{id}/quote: status") in subjects(report)


def test_the_http_layer_answering_json_answers_with_the_envelope() -> None:
    assert "WIRE-ERROR-ENVELOPE" in failed(judged(QUOTE, 415, {"detail": "Unsupported"}))


def test_the_http_layer_still_names_its_request() -> None:
    assert failed(judged(QUOTE, 405, b"", headers=())) == {"WIRE-REQUEST-ID"}


# -- observations --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "status", "body", "value"),
    [
        (TRANSACT, 200, TRADE, "200, which no source ties to this operation"),
        (TRANSACT, 201, TRADE, "201, which no source ties to this operation"),
        (TRANSACT, 202, TRADE, "202, where no source gives the success code"),
        (TRADES, 414, error(414), "414, legal everywhere though not listed here"),
        (POOLS, 400, error(400), "400, which no source ties to this operation"),
    ],
)
def test_a_status_of_our_guessing_is_observed(operation: tuple[str, str], status: int, body: Any, value: str) -> None:
    assert value in dict(judged(operation, status, body).observations).values()


def test_a_stated_answer_is_not_worth_an_observation() -> None:
    assert judged(QUOTE, 200, FIRM).observations == ()


def test_a_departure_from_a_guess_is_observed_by_member_and_shape() -> None:
    observed = dict(judged(QUOTE, 200, {**without(FIRM, "fiatAmount"), "poolId": "EUR USDT"}).observations)
    assert observed == {
        "POST /pools/{id}/quote 200: full view": (
            "fiatAmount: expected present, observed absent; "
            "poolId: expected a string of the form ^[A-Za-z0-9_-]+$, observed a string of another form"
        )
    }


def test_the_same_choice_reads_the_same_for_every_row_and_value() -> None:
    few = {"currency": "EUR", "available": "1", "entries": [ENTRY], "nextCursor": None}
    many = {**few, "available": "2.00", "entries": [{**ENTRY, "ref": "other"}] * 3}
    assert judged(LEDGER, 200, few).observations == judged(LEDGER, 200, many).observations != ()


def test_another_json_media_type_is_observed() -> None:
    problem = (("X-Request-Id", REQUEST_ID), ("Content-Type", "application/problem+json"))
    report = judged(QUOTE, 404, error(404), headers=problem)
    assert ("POST /pools/{id}/quote 404: content type", "application/problem+json") in report.observations


def subjects(report: Report) -> set[str]:
    return {subject for subject, _ in report.observations}

"""Whether quotes, rails and transactions say what they must is told from their members, however they are written."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from conformance.client import Reply
from conformance.journal import Outcome
from conformance.scenarios.gate import test_gate_quotes as quotes
from conformance.scenarios.gate import test_rails as rails
from conformance.scenarios.gate import test_transactions as transactions
from conformance.scenarios.gate.desk import OFF_RAMP, Desk, Quote
from tests.client.clocks import NOON
from tests.scenarios.benches import bench, judge, judgements, reply

ASKED = {"currency": "EUR", "asset": "USDC", "amount": "25.00", "side": "off_ramp", "payment_method": "sepa"}
TERMS: dict[str, Any] = {
    "id": "qt_test_1",
    "status": "active",
    "side": "off_ramp",
    "currency": "eur",
    "asset": "USDC",
    "payment_method": "sepa",
    "fiat_amount": "23.1",
    "crypto_amount": "25",
    "exchange_rate": "0.924",
    "signature": "abc",
}
QUOTE = Quote("qt_test_1", OFF_RAMP, dict(ASKED), reply(201, TERMS))


@pytest.mark.parametrize(
    "legal",
    [
        {},
        {"expires_at": (NOON + timedelta(seconds=5)).isoformat()},
        {"fees": None, "more": 1},
        {"fiat_amount": "25.0"},
    ],
)
def test_a_lock_on_the_terms_asked_for_departs_from_nothing(legal: dict[str, Any]) -> None:
    assert quotes.departures(ASKED, {**TERMS, **legal}, NOON) == []


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"side": "on_ramp"}, "side differs"),
        ({"currency": "USD"}, "currency differs"),
        ({"payment_method": None}, "payment_method differs"),
        ({"status": "consumed"}, "it is consumed"),
        ({"exchange_rate": "0"}, "no positive exchange_rate"),
        ({"crypto_amount": "26"}, "neither amount is the one asked for"),
        ({"signature": ""}, "no signature"),
        ({"expires_at": NOON.isoformat()}, "it has expired"),
    ],
)
def test_a_lock_on_other_terms_departs_from_them(wrong: dict[str, Any], problem: str) -> None:
    assert problem in quotes.departures(ASKED, {**TERMS, **wrong}, NOON)


@pytest.mark.parametrize(
    ("read", "problems"),
    [
        (reply(200, {**TERMS, "fiat_amount": "23.10", "fees": {"total": "0.1"}}), []),
        (reply(404), ["the read answered 404"]),
        (reply(200, {**TERMS, "exchange_rate": "0.925"}), ["exchange_rate differs"]),
        (reply(200, {**TERMS, "status": "consumed"}), ["it reads consumed"]),
        (reply(200, {**TERMS, "status": "expired"}), ["it reads expired"]),
    ],
)
def test_a_read_says_what_the_lock_said(tmp_path: Path, read: Reply, problems: list[str]) -> None:
    assert quotes.changes(Desk(bench(tmp_path)), QUOTE, read) == problems


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("25", "25.00", True),
        ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", True),
        ({"total": "0.3"}, {"total": "0.30"}, True),
        ([{"a": "1"}], [{"a": "1.0"}], True),
        ({"total": "0.3"}, {"total": "0.4"}, False),
        ({"total": "0.3"}, {}, False),
        (["1"], ["1", "2"], False),
        ("abc", None, False),
        (None, None, True),
    ],
)
def test_two_values_are_the_same_by_what_they_say(left: object, right: object, same: bool) -> None:
    assert quotes.same_value(left, right) is same


def test_whatever_may_be_an_id_in_a_preview_is_found() -> None:
    preview = {
        "id": "pv_1",
        "options": [{"quote_id": "qt_test_2", "payment_method": "card"}, {"optionId": "o1"}, {"note": "qt_test_3"}],
        "request": {"id": "", "amount": "25.00"},
    }

    assert set(quotes.likely_ids(preview, "qt_test_1")) == {"pv_1", "qt_test_2", "o1", "qt_test_3"}


@pytest.mark.parametrize(
    ("answer", "signed"),
    [
        (reply(404), False),
        (reply(200, {"object": "quote_preview", "status": "indicative"}), False),
        (reply(200, {"object": "signed_quote"}), True),
        (reply(200, {"signature": "abc"}), True),
        (reply(200, {"status": "active"}), True),
    ],
)
def test_an_answer_shows_a_signed_quote_by_its_kind_its_signature_or_its_state(answer: Reply, signed: bool) -> None:
    assert quotes.is_signed(answer) is signed


MADE = {"gate_session_id": "gs_1", "quote_id": "qt_test_1", "reference": "r", "metadata": {"order": "1"}}
RAIL = {"object": "rail_pay_out", "id": "po_1", "kind": "pay_out", "status": "created"}


@pytest.mark.parametrize(
    "legal",
    [
        {},
        MADE,
        {"metadata": {}},
        {"amount": "23.10", "currency": "EUR", "method": "sepa"},
        {"amount": "25.00", "currency": "USDC"},
        {"amount": "25.00"},
        {"amount": None, "currency": None, "kind": "payout"},
    ],
)
def test_a_rail_may_show_the_terms_of_its_quote_or_leave_them_out(legal: dict[str, Any]) -> None:
    assert list(rails.departures(QUOTE, MADE, {**RAIL, **legal})) == []


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"object": "rail_pay_in"}, "object is rail_pay_in"),
        ({"status": None}, "it has no status"),
        ({"quote_id": "qt_test_2"}, "quote_id is another"),
        ({"gate_session_id": "gs_2"}, "gate_session_id is another"),
        ({"metadata": {"order": "2"}}, "metadata is another"),
        ({"currency": "USD"}, "currency is USD"),
        ({"method": "card"}, "method is card"),
        ({"amount": "25.00", "currency": "EUR"}, "amount is 25.00"),
    ],
)
def test_a_rail_on_other_terms_departs_from_its_quote(wrong: dict[str, Any], problem: str) -> None:
    assert problem in list(rails.departures(QUOTE, MADE, {**RAIL, **wrong}))


def test_only_what_both_answers_show_of_a_rail_can_have_changed() -> None:
    made = {**RAIL, "amount": "23.1", "method": "sepa", "metadata": None}
    read = {**RAIL, "amount": "23.10", "method": "card", "metadata": {}, "status": "settled"}

    assert rails.changed(made, read) == ["method"]


def test_a_transaction_reads_as_listed_where_no_documented_member_differs() -> None:
    row = {"refid": "tx_1", "session_id": "gs_1", "status": "completed", "fiat_amount": "25", "listed": True}

    assert transactions.differences(row, {**row, "fiat_amount": "25.00", "listed": None, "network": None}) == []
    assert transactions.differences(row, {**row, "session_id": "gs_2"}) == ["session_id"]


def page(*refids: str, more: bool = True) -> Reply:
    """A page of transactions."""
    return reply(200, {"object": "list", "data": [{"refid": refid} for refid in refids], "has_more": more})


@pytest.mark.parametrize(
    ("answers", "refids", "stuck"),
    [
        ((page("c", "b"), page("a", more=False)), ["c", "b", "a"], False),
        ((page("c", "b"), page("c", "b")), ["c", "b"], True),
        ((page("c", "b"), reply(400)), ["c", "b"], True),
        ((page("c", "b"), page("b", "a", more=False)), ["c", "b", "b", "a"], False),
    ],
    ids=["to the end", "a cursor that is ignored", "a cursor that is refused", "an overlap"],
)
def test_a_walk_of_the_transactions_ends_where_no_cursor_leads_on(
    tmp_path: Path, answers: tuple[Reply, ...], refids: list[str], stuck: bool
) -> None:
    walked = transactions.walk(Desk(bench(tmp_path, *answers)), {"a"})

    assert walked.refids == refids
    assert walked.stuck is stuck


@pytest.mark.parametrize(
    ("walked", "problems"),
    [
        ((page("c", "b"), page("a", more=False)), []),
        ((page("c"), page("b"), page("a", more=False)), []),
        ((page("c", "b"), page("b", "a")), ["1 twice"]),
        ((page("c", "b"),), ["1 of ours missing"]),
        ((page("c", "b", "a"),), ["a page longer than its limit"]),
        ((page("c", "b"), reply(500), page("a")), ["status 500"]),
    ],
    ids=["whole", "short pages", "twice", "lost", "too long", "unreadable"],
)
def test_a_walk_shows_every_transaction_of_ours_once(walked: tuple[Reply, ...], problems: list[str]) -> None:
    assert transactions.walk_problems(transactions.Walk(walked, stuck=False), {"a", "b"}) == problems


@pytest.mark.parametrize(
    ("shown", "outcome"), [(("late", "early"), Outcome.PASS), (("early", "late"), Outcome.FAIL), (("late",), None)]
)
def test_what_happened_last_stands_first(tmp_path: Path, shown: tuple[str, ...], outcome: Outcome | None) -> None:
    at = bench(tmp_path, page(*shown, more=False))

    transactions.judge_the_order(Desk(at), judge(at, "GATE-TX-LIST"), ["early"], ["late"])

    assert [judgement.outcome for judgement in judgements(tmp_path)] == ([outcome] if outcome else [])

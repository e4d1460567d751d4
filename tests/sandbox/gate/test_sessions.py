"""Sessions: created once per key, shown without their secret, cancelled while open, and ended only once."""

from __future__ import annotations

import pytest

from .partner import SESSION, Gate, gate_of

ALL = {
    **SESSION,
    "cancel_url": "https://partner.example/cancel",
    "flow": "on_ramp",
    "target_token": "USDC",
    "target_network": "BASE",
    "wallet_address": "0x52908400098527886E0F7030069857D2E4169EE7",
    "user_reference": "user_test_42",
    "metadata": {"order_id": "order_test_123", "nested": {"list": [1, None, "\u00e9"]}},
}


def test_a_session_opens_with_what_was_asked_for_and_its_secret_once(gate: Gate) -> None:
    session = gate.session(**ALL)

    assert {name: session[name] for name in ALL} == ALL
    assert (session["status"], session["mode"]) == ("open", "test")
    assert session["client_secret"].startswith(f"gsec_{session['id']}_")


def test_reads_and_lists_never_show_the_secret(gate: Gate) -> None:
    session = gate.session()
    secret = session.pop("client_secret")

    assert gate.made("retrieveSession", id=session["id"]) == session
    assert secret not in gate.call("listSessions", query={"limit": 100}).text


REFUSED: list[tuple[str, object]] = [
    ("amount", None),
    ("amount", 100),
    ("amount", "0"),
    ("amount", "0.00"),
    ("amount", "-1"),
    ("amount", "1.123456789"),
    ("amount", "1e3"),
    ("amount", "\u0661"),
    ("currency", "EURO"),
    ("currency", "E1R"),
    ("return_url", "partner.example"),
    ("return_url", "ftp://partner.example"),
    ("return_url", ["https://partner.example"]),
    ("cancel_url", "javascript:alert(1)"),
    ("flow", "buy"),
    ("target_token", "U"),
    ("metadata", "order"),
    ("metadata", {str(n): n for n in range(51)}),
    ("user_reference", ""),
    ("user_reference", "x" * 256),
]


@pytest.mark.parametrize(("member", "value"), REFUSED, ids=lambda value: str(value)[:20])
def test_a_member_that_does_not_fit_opens_nothing(gate: Gate, member: str, value: object) -> None:
    before = gate.ids("listSessions", limit=100)

    assert gate.call("createSession", {**SESSION, member: value}).status_code == 400
    assert gate.ids("listSessions", limit=100) == before


@pytest.mark.parametrize("member", SESSION)
def test_the_three_members_of_every_session_are_required(gate: Gate, member: str) -> None:
    body = {name: value for name, value in SESSION.items() if name != member}

    assert gate.call("createSession", body).status_code == 400


def test_a_repeated_key_gives_the_first_answer_and_opens_nothing_more(gate: Gate) -> None:
    first = gate.call("createSession", SESSION, key="once")
    before = gate.ids("listSessions", limit=100)
    gate.call("cancelSession", id=first.json()["id"])

    again = gate.call("createSession", dict(reversed(SESSION.items())), key="once")

    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert gate.ids("listSessions", limit=100) == before


def test_a_key_stands_for_one_body_of_one_partner(gate: Gate, other: Gate) -> None:
    mine = gate.made("createSession", SESSION, key="shared")

    changed = gate.call("createSession", {**SESSION, "amount": "100.01"}, key="shared")
    theirs = other.made("createSession", SESSION, key="shared")

    assert (changed.status_code, changed.json()["type"]) == (409, "idempotency_error")
    assert theirs["id"] != mine["id"]


@pytest.mark.parametrize("key", [None, "", "a b", "x" * 256])
def test_a_create_without_a_usable_key_is_refused(gate: Gate, key: str | None) -> None:
    assert gate.call("createSession", SESSION, key=key).status_code == 400


def test_a_refused_create_leaves_its_key_free(gate: Gate) -> None:
    assert gate.call("createSession", {**SESSION, "amount": "0"}, key="second-try").status_code == 400
    assert gate.call("createSession", SESSION, key="second-try").status_code == 201


def test_the_window_of_a_key_is_a_day(gate: Gate) -> None:
    partner = gate_of(gate.sandbox, "ungated")
    first = partner.made("createSession", SESSION, key="daily")

    gate.sandbox.control("/gate/clock", account="ungated", advance_seconds=24 * 60 * 60)

    assert partner.made("createSession", SESSION, key="daily")["id"] != first["id"]


def test_an_open_session_is_cancelled_once(gate: Gate) -> None:
    session_id = gate.session()["id"]

    cancelled = gate.call("cancelSession", id=session_id, key="cancel")

    assert (cancelled.status_code, cancelled.json()["status"]) == (201, "cancelled")
    assert gate.call("cancelSession", id=session_id, key="cancel").json() == cancelled.json()
    assert gate.call("cancelSession", id=session_id).status_code == 409
    assert gate.made("retrieveSession", id=session_id) == cancelled.json()


def test_cancelling_needs_neither_key_nor_body(gate: Gate) -> None:
    assert gate.call("cancelSession", id=gate.session()["id"], key=None).status_code == 201


ENDS = [("complete", "completed"), ("expire", "expired")]


@pytest.mark.parametrize(("move", "status"), ENDS)
def test_an_ended_session_stays_as_it_is(gate: Gate, move: str, status: str) -> None:
    session_id = gate.session()["id"]
    ended = gate.move(session_id, move).json()

    refusals = [gate.move(session_id, again).status_code for again in ("complete", "expire", "fail", "process")]

    assert ended["status"] == status
    assert gate.call("cancelSession", id=session_id).status_code == 409
    assert refusals == [409] * 4
    assert gate.made("retrieveSession", id=session_id) == ended


@pytest.mark.parametrize("move", ["process", "fail", "require_kyc", "approve_kyc"])
def test_what_is_no_end_leaves_the_session_open(gate: Gate, move: str) -> None:
    session_id = gate.session()["id"]

    assert gate.move(session_id, move).json()["status"] == "open"
    assert gate.call("cancelSession", id=session_id).status_code == 201


def test_a_session_expires_when_its_time_comes_and_not_by_being_read(gate: Gate) -> None:
    partner = gate_of(gate.sandbox, "velocity_capped")
    session_id = partner.session()["id"]

    gate.sandbox.control("/gate/clock", account="velocity_capped", advance_seconds=24 * 60 * 60 - 60)
    before = partner.made("retrieveSession", id=session_id)["status"]
    gate.sandbox.control("/gate/clock", account="velocity_capped", advance_seconds=60)

    assert (before, partner.made("retrieveSession", id=session_id)["status"]) == ("open", "expired")


def test_the_list_is_paged_newest_first_and_filtered(gate: Gate) -> None:
    partner = gate_of(gate.sandbox, "off_ramp")
    made = [partner.session()["id"] for _ in range(5)]
    partner.call("cancelSession", id=made[1])

    assert partner.ids("listSessions", limit=2) == made[::-1]
    assert partner.ids("listSessions", limit=1, status="cancelled") == [made[1]]
    assert partner.ids("listSessions", status="completed") == []
    assert partner.made("listSessions")["url"] == "/v1/gate_sessions"


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 101}, {"limit": "many"}, {"status": "failed"}],
)
def test_a_query_that_cannot_be_meant_is_refused(gate: Gate, query: dict[str, object]) -> None:
    assert gate.call("listSessions", query=query).status_code == 400


def test_a_foreign_session_reads_as_an_unknown_one(gate: Gate, other: Gate) -> None:
    session_id = gate.session()["id"]

    for operation in ("retrieveSession", "cancelSession"):
        foreign, unknown = other.call(operation, id=session_id), other.call(operation, id="gs_test_none")
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.json()["message"] == unknown.json()["message"]
    assert other.call("listSessions", query={"starting_after": session_id}).status_code == 404
    assert session_id not in other.ids("listSessions", limit=100)
    assert gate.made("retrieveSession", id=session_id)["status"] == "open"


@pytest.mark.parametrize(("account", "status"), [("approved", 403), ("trusted", 201)])
def test_only_a_trusted_partner_may_vouch_for_a_user(gate: Gate, account: str, status: int) -> None:
    body = {**SESSION, "kyc_package": {"document": "PASSPORT-SPECIMEN"}}

    answer = gate_of(gate.sandbox, account).call("createSession", body)

    assert answer.status_code == status
    assert "SPECIMEN" not in answer.text


def test_a_session_may_name_a_locked_quote_of_its_partner(gate: Gate, other: Gate) -> None:
    quote_id = gate.quote()["id"]

    assert gate.session(quote_preview_id=quote_id)["quote_preview_id"] == quote_id
    assert other.call("createSession", {**SESSION, "quote_preview_id": quote_id}).status_code == 404

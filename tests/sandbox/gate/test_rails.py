"""Rails: a quote becomes one pay-in or pay-out, whoever asks however often, or a refusal and nothing at all."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from conformance.sandbox import assembly, calls
from conformance.sandbox.gate import quotes, rails, sessions
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch

from .partner import LOCK, SESSION, Gate, gate_of

THREADS = 6
KINDS = [
    ("createPayIn", "retrievePayIn", "on_ramp", "pay_in"),
    ("createPayOut", "retrievePayOut", "off_ramp", "pay_out"),
]


def redemption(gate: Gate, side: str = "on_ramp") -> dict[str, Any]:
    """A body that redeems a fresh quote in a fresh session."""
    return {"gate_session_id": gate.session()["id"], "quote_id": gate.quote(side=side)["id"]}


@pytest.mark.parametrize(("create", "read", "side", "kind"), KINDS)
def test_a_redeemed_quote_becomes_a_rail_with_its_terms(
    gate: Gate, create: str, read: str, side: str, kind: str
) -> None:
    quote = gate.quote(side=side)
    session_id = gate.session()["id"]
    said = {"reference": "order_test_123", "metadata": {"order": 1}}

    rail = gate.made(create, {"gate_session_id": session_id, "quote_id": quote["id"], **said})

    assert (rail["object"], rail["kind"], rail["status"]) == (f"rail_{kind}", kind, "processing")
    assert {name: rail[name] for name in said} == said
    assert (rail["amount"], rail["currency"], rail["method"]) == (
        quote["fiat_amount"],
        quote["currency"],
        quote["payment_method"],
    )
    assert gate.made(read, id=rail["id"]) == rail
    assert gate.made("retrieveSignedQuote", id=quote["id"]) == {**quote, "status": "consumed"}


@pytest.mark.parametrize(("create", "read", "side", "kind"), KINDS)
def test_a_quote_is_redeemed_once(gate: Gate, create: str, read: str, side: str, kind: str) -> None:
    body = redemption(gate, side)
    first = gate.call(create, body, key=f"redeem-{kind}")

    assert gate.call(create, body, key=f"redeem-{kind}").json() == first.json()
    assert gate.call(create, body).status_code == 409
    assert gate.call(create, {**body, "reference": "other"}, key=f"redeem-{kind}").status_code == 409


@pytest.mark.parametrize(("create", "read", "side", "kind"), KINDS)
@pytest.mark.parametrize(
    "extra",
    ["amount", "currency", "method", "iban", "account_number", "first_name", "email", "user_id", "destination"],
)
def test_terms_people_and_accounts_are_never_taken_from_the_partner(
    gate: Gate, create: str, read: str, side: str, kind: str, extra: str
) -> None:
    body = redemption(gate, side)

    assert gate.call(create, {**body, extra: "100.00"}).status_code == 400
    assert gate.call(create, body).status_code == 201


@pytest.mark.parametrize("member", ["gate_session_id", "quote_id"])
@pytest.mark.parametrize("value", [None, "", 7, "x" * 129])
def test_session_and_quote_must_be_named(gate: Gate, member: str, value: object) -> None:
    assert gate.call("createPayIn", {**redemption(gate), member: value}).status_code == 400


def test_a_key_is_required(gate: Gate) -> None:
    assert gate.call("createPayIn", redemption(gate), key=None).status_code == 400


def cancelled(gate: Gate, body: dict[str, Any]) -> None:
    gate.call("cancelSession", id=body["gate_session_id"])


def expired(gate: Gate, body: dict[str, Any]) -> None:
    gate.move(body["gate_session_id"], "expire")


def completed(gate: Gate, body: dict[str, Any]) -> None:
    gate.move(body["gate_session_id"], "complete")


def unverified(gate: Gate, body: dict[str, Any]) -> None:
    gate.move(body["gate_session_id"], "require_kyc")


def lapsed(gate: Gate, body: dict[str, Any]) -> None:
    gate.sandbox.control("/gate/clock", quote_id=body["quote_id"], advance_seconds=60)


def foreign_session(gate: Gate, body: dict[str, Any]) -> None:
    body["gate_session_id"] = gate_of(gate.sandbox, "other_partner").session()["id"]


def foreign_quote(gate: Gate, body: dict[str, Any]) -> None:
    body["quote_id"] = gate_of(gate.sandbox, "other_partner").quote(side="off_ramp")["id"]


def unknown_session(gate: Gate, body: dict[str, Any]) -> None:
    body["gate_session_id"] = "gs_test_none"


def unknown_quote(gate: Gate, body: dict[str, Any]) -> None:
    body["quote_id"] = "qt_test_none"


def wrong_side(gate: Gate, body: dict[str, Any]) -> None:
    body["quote_id"] = gate.quote(side="on_ramp")["id"]


@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        (cancelled, 409),
        (expired, 409),
        (completed, 409),
        (unverified, 403),
        (lapsed, 409),
        (foreign_session, 404),
        (foreign_quote, 404),
        (unknown_session, 404),
        (unknown_quote, 404),
        (wrong_side, 409),
    ],
)
def test_a_refused_redemption_leaves_quote_and_session_as_they_were(
    gate: Gate, spoil: Callable[[Gate, dict[str, Any]], None], status: int
) -> None:
    body = redemption(gate, "off_ramp")
    mine = dict(body)
    spoil(gate, body)
    before = gate.made("retrieveSignedQuote", id=mine["quote_id"]), gate.ids("listTransactions", "refid", limit=100)

    assert gate.call("createPayOut", body).status_code == status
    after = gate.made("retrieveSignedQuote", id=mine["quote_id"]), gate.ids("listTransactions", "refid", limit=100)
    assert after == before


def test_verification_that_is_passed_opens_the_rails_again(gate: Gate) -> None:
    body = redemption(gate)
    gate.move(body["gate_session_id"], "require_kyc")
    assert gate.call("createPayIn", body).status_code == 403

    gate.move(body["gate_session_id"], "approve_kyc")

    assert gate.call("createPayIn", body).status_code == 201


ENDS = [("settle", "settled", "completed"), ("fail", "failed", "open"), ("cancel", "cancelled", "open")]


@pytest.mark.parametrize(("create", "read", "side", "kind"), KINDS)
@pytest.mark.parametrize(("how", "status", "session_status"), ENDS)
def test_a_rail_ends_once_and_its_session_follows(
    gate: Gate, create: str, read: str, side: str, kind: str, how: str, status: str, session_status: str
) -> None:
    body = redemption(gate, side)
    rail_id = gate.made(create, body)["id"]

    ended = gate.end_rail(rail_id, how).json()

    assert gate.made(read, id=rail_id) == ended
    assert ended["status"] == status
    assert ("settled_at" in ended, "failure_reason" in ended) == (how == "settle", how == "fail")
    assert {gate.end_rail(rail_id, again).status_code for again in ("settle", "fail", "cancel")} == {409}
    assert gate.made("retrieveSession", id=body["gate_session_id"])["status"] == session_status


def test_a_foreign_rail_and_one_of_the_other_kind_read_as_unknown(gate: Gate, other: Gate) -> None:
    pay_in, pay_out = gate.pay_in()["id"], gate.pay_out()["id"]

    answers = [
        other.call("retrievePayIn", id=pay_in),
        other.call("retrievePayOut", id=pay_out),
        gate.call("retrievePayOut", id=pay_in),
        gate.call("retrievePayIn", id=pay_out),
        gate.call("retrievePayIn", id="pi_test_none"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 5


def at_once(calls: list[Callable[[], httpx.Response]]) -> list[httpx.Response]:
    """All calls released at the same moment."""
    barrier = threading.Barrier(len(calls), timeout=20)

    def run(call: Callable[[], httpx.Response]) -> httpx.Response:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_many_redemptions_of_one_quote_make_one_rail(gate: Gate) -> None:
    body = redemption(gate)

    answers = at_once([lambda: gate.call("createPayIn", body)] * THREADS)

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: THREADS - 1}
    assert len(gate.ids("listTransactions", "refid", session_id=body["gate_session_id"])) == 1


@pytest.mark.parametrize(("operation", "body"), [("createSession", SESSION), ("lockQuote", LOCK)])
def test_many_calls_under_one_key_are_one_call(gate: Gate, operation: str, body: dict[str, Any]) -> None:
    answers = at_once([lambda: gate.call(operation, body, key=f"crowd-{operation}")] * THREADS)

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1


@pytest.fixture
def patch() -> Iterator[Patch]:
    made = Patch()
    yield made
    made.undo()


def test_the_schema_alone_keeps_a_quote_from_a_second_rail(patch: Patch) -> None:
    patch.replace(quotes, "check_active", lambda quote, now: None)
    patch.replace(quotes, "consume", lambda *anything: None)
    sandbox = assembly.assemble(assembly.Options(), {}).sandbox

    def call(operation: Callable[[calls.Call], calls.Reply], body: bytes, key: str) -> calls.Reply:
        headers = {"content-type": "application/json", "idempotency-key": key}
        return operation(calls.Call(sandbox, "approved", "test:approved", {}, {}, headers, body))

    session = call(sessions.create, b'{"amount":"1","currency":"EUR","return_url":"https://p.example"}', "s").body["id"]
    order = b'{"amount":"1","currency":"EUR","asset":"USDC","side":"on_ramp","payment_method":"card"}'
    quote = call(quotes.lock, order, "q").body["id"]
    body = f'{{"gate_session_id":"{session}","quote_id":"{quote}"}}'.encode()
    first = call(rails.create_pay_in, body, "one")

    with pytest.raises(Refusal, match="409"):
        call(rails.create_pay_in, body, "two")

    assert first.status == 201
    with sandbox.store.read() as tx:
        assert tx.execute("SELECT COUNT(*) FROM gate_rails").fetchone()[0] == 1
        assert tx.execute("SELECT COUNT(*) FROM gate_transactions").fetchone()[0] == 1

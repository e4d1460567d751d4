"""Every exchange is filed redacted and judged by the contract: good news once, bad news each time up to a bound."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance import contract
from conformance.client import Context, Recorder, Redactor
from conformance.client.recording import KEPT_BODY, REPEATS, Raw, path_within
from conformance.journal import Engine, Exchange, Journal, Judgement, Observation, Outcome, read

KEY = "sk_test_0123456789abcdef"
IBAN = "DE89370400440532013000"
CONTRACT = contract.load(None, "pools")

FUNDING = Raw(
    account="approved",
    product="pools",
    method="GET",
    url="https://host.example/v1/pools/funding",
    path="/pools/funding",
    request_headers=(("Authorization", f"Bearer {KEY}"),),
    request_body=None,
    status=200,
    response_headers=(("Content-Type", "application/json"), ("X-Request-Id", "req_1")),
    response_body=json.dumps({"currency": "EUR", "iban": IBAN, "instructions": None}).encode(),
    truncated=False,
    error=None,
    started="2026-06-01T12:00:00.000Z",
    elapsed_ms=7,
)
NAMELESS = dataclasses.replace(FUNDING, response_headers=(("Content-Type", "application/json"),))
"""The same answer without the request id that every answer must carry."""


class Desk:
    """A recorder and its journal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.context = Context("a scenario", Engine.MACHINE)
        self.journal = Journal(folder, "main")
        redactor = Redactor(b"key", [KEY], CONTRACT.sensitive)
        self.recorder = Recorder(self.journal, {"pools": CONTRACT}, redactor, self.context)

    def judgements(self, requirement: str) -> list[Judgement]:
        return [j for j in read(self.folder).of(Judgement) if j.requirement == requirement]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "journal")


def test_an_exchange_is_filed_under_its_operation_and_who_sent_it(desk: Desk) -> None:
    name = desk.recorder.record(FUNDING)

    [exchange] = read(desk.folder).of(Exchange)
    assert exchange.id == name
    assert (exchange.operation, exchange.scenario, exchange.engine) == ("GET /pools/funding", "a scenario", "machine")
    assert (exchange.request_id, exchange.status, exchange.elapsed_ms) == ("req_1", 200, 7)


def test_neither_keys_nor_personal_data_are_filed(desk: Desk) -> None:
    desk.recorder.record(FUNDING)
    desk.recorder.record(dataclasses.replace(FUNDING, url=f"{FUNDING.url}?by={IBAN}&key={KEY}", path="/pools/funding"))

    text = (desk.folder / "main.jsonl").read_text()
    assert KEY not in text
    assert IBAN not in text


def test_what_the_contract_says_of_a_secret_value_does_not_repeat_it(desk: Desk) -> None:
    body = json.dumps({"currency": "EUR", "iban": [IBAN], "instructions": IBAN}).encode()

    desk.recorder.record(dataclasses.replace(FUNDING, response_body=body))

    assert IBAN not in (desk.folder / "main.jsonl").read_text()


def test_while_a_requirement_holds_it_is_said_once_for_an_operation_and_status(desk: Desk) -> None:
    for _ in range(10):
        desk.recorder.record(FUNDING)

    assert [j.outcome for j in desk.judgements("WIRE-REQUEST-ID")] == [Outcome.PASS]


def test_a_broken_requirement_is_said_each_time_up_to_the_bound(desk: Desk) -> None:
    names = [desk.recorder.record(NAMELESS) for _ in range(REPEATS + 10)]

    found = desk.judgements("WIRE-REQUEST-ID")
    assert {j.outcome for j in found} == {Outcome.FAIL}
    assert [j.exchanges for j in found] == [(name,) for name in names[:REPEATS]]


def test_another_operation_and_another_status_are_counted_for_themselves(desk: Desk) -> None:
    ledger = dataclasses.replace(NAMELESS, path="/pools/ledger", url="https://host.example/v1/pools/ledger")
    refused = dataclasses.replace(NAMELESS, status=401)
    for raw in (NAMELESS, ledger, refused):
        for _ in range(REPEATS + 5):
            desk.recorder.record(raw)

    assert len(desk.judgements("WIRE-REQUEST-ID")) == 3 * REPEATS


def test_a_requirement_that_held_and_then_breaks_is_said_again(desk: Desk) -> None:
    for raw in (FUNDING, FUNDING, NAMELESS, FUNDING):
        desk.recorder.record(raw)

    assert [j.outcome for j in desk.judgements("WIRE-REQUEST-ID")] == [Outcome.PASS, Outcome.FAIL]


def test_the_contract_judges_under_its_own_name(desk: Desk) -> None:
    desk.recorder.record(FUNDING)

    assert {j.engine for j in read(desk.folder).of(Judgement)} == {"contract"}
    assert {j.scenario for j in read(desk.folder).of(Judgement)} == {"a scenario"}


def test_an_observation_is_noted_once(desk: Desk) -> None:
    # The shape of a ledger entry's time is stated nowhere: one without is remarkable and legal.
    entry = {"delta": "-10.00", "reason": "buy_debit", "ref": "txn_1"}
    body = {"currency": "EUR", "available": "1.00", "entries": [entry], "nextCursor": None}
    ledger = dataclasses.replace(FUNDING, path="/pools/ledger", response_body=json.dumps(body).encode())
    for _ in range(3):
        desk.recorder.record(ledger)

    noted = read(desk.folder).of(Observation)
    assert [o.subject for o in noted].count(noted[0].subject) == 1
    assert noted[0].exchange == "main-1"


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: dataclasses.replace(raw, status=None, error="host could not be reached"),
        lambda raw: dataclasses.replace(raw, product="handler"),
    ],
    ids=["no answer", "not the target's"],
)
def test_what_is_no_answer_of_the_target_is_not_judged(desk: Desk, change: Callable[[Raw], Raw]) -> None:
    desk.recorder.record(change(NAMELESS))

    assert len(read(desk.folder).of(Exchange)) == 1
    assert read(desk.folder).of(Judgement) == []


def test_without_an_answer_there_is_an_error_and_no_body(desk: Desk) -> None:
    desk.recorder.record(dataclasses.replace(FUNDING, status=None, response_body=b"", error=f"{KEY} broke it"))

    [exchange] = read(desk.folder).of(Exchange)
    assert exchange.response_body is None
    assert exchange.error == f"{Redactor(b'key').fingerprint(KEY)} broke it"


def test_an_operation_the_contract_does_not_have_is_filed_without_one(desk: Desk) -> None:
    desk.recorder.record(dataclasses.replace(FUNDING, path="/_sandbox/clock"))

    assert read(desk.folder).of(Exchange)[0].operation is None


@pytest.mark.parametrize("size", [KEPT_BODY, KEPT_BODY + 1])
def test_a_body_is_kept_up_to_the_bound_and_its_size_always(desk: Desk, size: int) -> None:
    desk.recorder.record(dataclasses.replace(FUNDING, response_body=b"x" * size))

    [exchange] = read(desk.folder).of(Exchange)
    assert exchange.response_size == size
    assert exchange.response_body == "x" * KEPT_BODY + (f"… ({size} bytes)" if size > KEPT_BODY else "")


def test_a_secret_across_the_bound_of_what_is_kept_is_redacted_first(desk: Desk) -> None:
    body = b"x" * (KEPT_BODY - 10) + KEY.encode()

    desk.recorder.record(dataclasses.replace(FUNDING, response_body=body))

    assert KEY[:10] not in (desk.folder / "main.jsonl").read_text()


def test_bytes_that_are_no_text_are_kept_as_escapes(desk: Desk) -> None:
    desk.recorder.record(dataclasses.replace(FUNDING, response_body=b"\xff\x00ok"))

    assert read(desk.folder).of(Exchange)[0].response_body == "\\xff\x00ok"


@pytest.mark.parametrize(
    ("base", "url", "path"),
    [
        ("https://h/v1", "https://h/v1/pools?limit=1", "/pools"),
        ("https://h", "https://h/pools", "/pools"),
        ("https://h/v1/", "https://h/v1/pools", "/pools"),
        ("https://h/v1", "https://h/_sandbox/clock", "/_sandbox/clock"),
        ("https://h/v1", "https://h/v1x/pools", "/v1x/pools"),
        ("https://h/v1", "https://h/v1", ""),
    ],
)
def test_a_path_is_told_below_its_base(base: str, url: str, path: str) -> None:
    assert path_within(base, url) == path

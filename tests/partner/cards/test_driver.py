"""Driving a card program: what is sent, what the probe may answer, and how trouble is told from fault."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from conformance.client import SystemClock
from conformance.partner.cards import Reading, Script, Step, Verb
from conformance.partner.cards_driver import CardsTrouble, CardsUnderTest, Trade, play, reading_of

from .programs import under_test

Answer = Callable[[str, str, bytes], tuple[int, bytes]]

ONE = (Script("one", "settled", (Step(Verb.EXECUTE), Step(Verb.START))),)


class Fixed:
    """A world whose trades are executed and never move."""

    def quote(self, end: str) -> Trade:
        return Trade("pq_1", "25.50", "EUR")

    def execute(self, trade: Trade) -> Trade:
        return replace(trade, transact="txn_1")

    def move(self, trade: Trade, status: str) -> None:
        raise CardsTrouble(f"the trade did not come to {status}")

    def truth(self, trade: Trade) -> str:
        return "reserved"


@contextmanager
def program(answer: Answer) -> Iterator[tuple[CardsUnderTest, list[tuple[str, str, bytes]]]]:
    """Something that answers as told, and what it was sent."""
    sent: list[tuple[str, str, bytes]] = []

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.answered("POST", body)

        def do_GET(self) -> None:
            self.answered("GET", b"")

        def answered(self, method: str, body: bytes) -> None:
            sent.append((method, self.path, body))
            status, text = answer(method, self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    base = f"http://127.0.0.1:{server.server_address[1]}"
    ready = {name: f"{base}/{name}/{{ref}}" for name in ("probe", "look", "callback")}
    try:
        yield under_test({**ready, "start": f"{base}/start", "events": f"{base}/events"}, run="t"), sent
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


SHOWN = json.dumps({"available": "0", "state": "Top-up pending.", "quoteId": "pq_1", "transactId": "txn_1"}).encode()


def test_a_top_up_is_requested_with_its_ids_and_looked_at_after_every_step() -> None:
    with program(lambda *_: (200, SHOWN)) as (cards, sent):
        (told,) = play(cards, Fixed(), SystemClock(), ONE)

    assert told.trouble == ""
    assert [path for _, path, _ in sent] == ["/probe/t-one", "/start", "/probe/t-one", "/probe/t-one"]
    assert json.loads(sent[1][2]) == {
        "ref": "t-one",
        "amount": "25.50",
        "currency": "EUR",
        "quoteId": "pq_1",
        "transactId": "txn_1",
    }
    assert [moment.step.verb for moment in told.moments] == [Verb.EXECUTE, Verb.START, Verb.LATER]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param((500, b""), "the probe answered 500", id="an error"),
        pytest.param((302, b""), "the probe answered 302", id="a redirect"),
        pytest.param((200, b"<html>"), "did not answer JSON", id="no JSON"),
        pytest.param((200, b"[" * 100_000), "did not answer JSON", id="deep JSON"),
        pytest.param((200, b"[]"), "did not answer a JSON object", id="a list"),
        pytest.param((200, b" " * 2_000_000), "2000000 bytes", id="too much"),
    ],
)
def test_a_probe_that_shows_nothing_is_trouble_and_no_fault(answer: tuple[int, bytes], said: str) -> None:
    with program(lambda *_: answer) as (cards, _):
        (told,) = play(cards, Fixed(), SystemClock(), ONE)

    assert said in told.trouble


def test_an_unknown_top_up_is_a_reading_of_nothing() -> None:
    with program(lambda *_: (404, b"")) as (cards, _):
        (told,) = play(cards, Fixed(), SystemClock(), ONE)

    assert [moment.reading for moment in told.moments] == [None, None, None]


def test_a_trade_that_does_not_come_to_its_end_is_trouble_of_the_world() -> None:
    script = Script("stuck", "settled", (Step(Verb.EXECUTE), Step(Verb.MOVE, "settled")))

    with program(lambda *_: (200, SHOWN)) as (cards, _):
        (told,) = play(cards, Fixed(), SystemClock(), (script,))

    assert told.trouble == "the trade comes to settled: the trade did not come to settled"


def test_an_event_is_signed_and_a_forged_one_otherwise() -> None:
    steps = tuple(Step(verb, "settled") for verb in (Verb.EXECUTE, Verb.EVENT, Verb.FORGED, Verb.STORM))
    with program(lambda *_: (200, SHOWN)) as (cards, sent):
        play(cards, Fixed(), SystemClock(), (Script("events", "settled", steps),))

    events = [json.loads(body) for _, path, body in sent if path == "/events"]
    assert len(events) == 6
    assert {(event["type"], event["transactId"]) for event in events} == {("pool.transaction.settled", "txn_1")}


def test_what_an_early_event_says_may_wait_for_the_next_look() -> None:
    steps = (Step(Verb.EXECUTE), Step(Verb.EVENT, "settled"), Step(Verb.START), Step(Verb.EVENT, "settled"))
    with program(lambda *_: (200, SHOWN)) as (cards, _):
        (told,) = play(cards, Fixed(), SystemClock(), (Script("early", "settled", steps),))

    assert [sorted(moment.told) for moment in told.moments[:4]] == [[], [], ["reserved"], ["reserved", "settled"]]


@pytest.mark.parametrize(
    ("shown", "reading"),
    [
        ({}, Reading(None, None, "", "", "", None)),
        (
            {"available": "1e9999", "pending": True, "entries": [1, {"amount": "x"}]},
            Reading(None, None, "", "", "", ()),
        ),
        ({"available": 5, "state": 7}, Reading(Decimal(5), None, "", "", "", None)),
        ({"available": "NaN"}, Reading(None, None, "", "", "", None)),
    ],
)
def test_what_the_probe_says_is_taken_as_it_is_or_not_at_all(shown: dict[str, Any], reading: Reading) -> None:
    assert reading_of(shown) == reading


def test_a_program_elsewhere_has_to_be_confirmed() -> None:
    ready = dict.fromkeys(("start", "probe", "events", "look", "callback"), "http://cards.example/x")

    with pytest.raises(ValueError, match="not on this machine"):
        under_test(ready)
    assert under_test(ready, confirmed=True).start == "http://cards.example/x"

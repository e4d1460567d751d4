"""What scenarios say of deliveries: how an event joins to its session, what makes a retry one, and planned answers."""

from __future__ import annotations

import dataclasses
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from conformance.scenarios.gate.arrivals import Arrival
from conformance.scenarios.gate.deliveries import FRESH, stale, told, unjoined
from conformance.scenarios.gate.desk import Session
from conformance.scenarios.gate.mailbox import KEPT, Post, Script, close, shared
from conformance.webhooks.receiver import Delivery
from tests.scenarios import benches

from .test_arrivals import NOW, SETTINGS, arrival, changed

ASKED: dict[str, object] = {
    "amount": "25.00",
    "metadata": {"conformance_tag": "tag-1"},
    "user_reference": "user-1",
}
TOLD: dict[str, Any] = {"id": "gs_1", **ASKED}
SESSION = Session("gs_1", "gsec_gs_1_abc", ASKED, benches.reply())


def told_of(**data: Any) -> Arrival:
    kept = {name: value for name, value in {**TOLD, **data}.items() if value is not None}
    return arrival(changed(type="gate_session.created", data=kept))


@pytest.mark.parametrize(
    ("data", "missing"),
    [
        ({}, []),
        ({"amount": "25"}, []),
        ({"metadata": {"conformance_tag": "tag-1", "added": 1}, "more": 1}, []),
        ({"id": "gs_2"}, ["data.id"]),
        ({"amount": "26.00"}, ["data.amount"]),
        ({"metadata": {}}, ["data.metadata"]),
        ({"metadata": None}, ["data.metadata"]),
        ({"user_reference": None}, ["data.user_reference"]),
    ],
)
def test_an_event_names_its_session_as_it_was_created(data: dict[str, Any], missing: list[str]) -> None:
    assert unjoined(told_of(**data), SESSION) == [
        f"gate_session.created without the session's {name}" for name in missing
    ]


def attempt(received: float, at: int) -> Arrival:
    sent = arrival(at=at)
    return Arrival(dataclasses.replace(sent.delivery, received=received))


@pytest.mark.parametrize(
    ("apart", "later", "wrong"),
    [(FRESH, NOW, True), (FRESH + 60, NOW, True), (FRESH - 0.1, NOW, False), (FRESH, NOW + 1, False)],
)
def test_a_timestamp_is_stale_only_if_time_has_passed(apart: float, later: int, wrong: bool) -> None:
    assert bool(stale(attempt(NOW, NOW), attempt(NOW + apart, later))) is wrong


def test_problems_are_told_once_each() -> None:
    assert told(["a", "b", "a"]) == "a; b"
    assert told([]) == "so it is"


def delivery(number: int, event: str, word: str, kind: str = "webhook.test") -> Delivery:
    found = arrival(changed(id=event, type=kind, data={"livemode": False, "word": word}), sequence=number)
    return found.delivery


def test_answers_are_planned_by_word_and_type_and_counted_by_event() -> None:
    script = Script()
    script.plan("wordone", 500, 404, kind="webhook.test")
    script.plan("wordtwo", after=500)
    came = [
        delivery(1, "evt_1", "wordone"),
        delivery(2, "evt_1", "wordone"),
        delivery(3, "evt_1", "wordone"),
        delivery(4, "evt_2", "wordone"),
        delivery(5, "evt_3", "wordone", kind="kyc.required"),
        delivery(6, "evt_4", "wordtwo"),
        delivery(7, "evt_4", "wordtwo"),
        delivery(8, "evt_5", "wordthree"),
    ]
    given = [script(found) for found in came]
    script.drop("wordtwo")

    assert given == [500, 404, 200, 500, 200, 500, 500, 200]
    assert script(delivery(9, "evt_4", "wordtwo")) == 200
    assert script.given[2] == 404


def test_a_held_receiver_outlives_its_module_and_no_receiver_the_run(tmp_path: Path) -> None:
    bench = benches.bench(tmp_path, base_urls={"gate": "http://127.0.0.1:9/gate/v1"}, webhooks={"gate": SETTINGS})
    post: Post = shared(bench)
    post.held.add("something")
    close(bench)
    assert shared(bench) is post
    post.held.clear()
    close(bench)
    assert KEPT not in bench.shared
    again = shared(bench)
    assert again is not post
    address = urlsplit(again.mailbox.url)
    bench.closing.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=5)

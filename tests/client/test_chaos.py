"""An answer is lost where it was to be; the request goes out whole and once, and the journal says what was done."""

from __future__ import annotations

import threading
import time

import pytest

from conformance.client import NetworkTrouble, Refused
from conformance.client.chaos import AnswerLost, Loss, Point
from conformance.client.wire import Credentials
from tests.client.line import US, Dial, Line
from tests.client.scripted import RESET, SILENCE, answer

UNREAD, PATIENT, WITHHELD = Loss(Point.UNREAD), Loss(Point.UNREAD, after=0.5), Loss(Point.WITHHELD)
LOSSES = {"unread": UNREAD, "given up": PATIENT, "withheld": WITHHELD}


def lose(line: Line, loss: Loss, who: Credentials = US) -> AnswerLost:
    """Send a write whose answer is lost, and return what the caller gets instead."""
    with pytest.raises(AnswerLost) as caught:
        line.wire.send(who, "POST", "/x", body={"quoteId": "q"}, headers={"Idempotency-Key": "k"}, lose=loss)
    return caught.value


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_lost_answer_is_told_as_such_and_never_retried(dial: Dial, loss: Loss) -> None:
    line = dial(answer(201))

    lost = lose(line, loss)

    [exchange] = line.exchanges()
    assert lost.exchange == exchange.id
    assert lost.problem == exchange.error == loss.said
    assert "on purpose" in loss.said


def heard(line: Line) -> bytes:
    """The first request the server has read, once it has."""
    end = time.monotonic() + 10
    while not line.server.asked and time.monotonic() < end:
        time.sleep(0.002)
    return line.server.asked[0]


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_the_target_gets_the_request_whole(dial: Dial, loss: Loss) -> None:
    line = dial(answer(201))

    lose(line, loss)

    request = heard(line)
    assert request.endswith(b'{"quoteId": "q"}')
    assert line.wire.sent == 1


def test_an_unread_answer_is_in_no_journal_and_a_withheld_one_is(dial: Dial) -> None:
    line = dial(answer(201, b'{"transactId": "t"}'))

    lose(line, UNREAD)
    lose(line, WITHHELD)

    unread, withheld = line.exchanges()
    assert (unread.status, unread.response_body) == (None, None)
    assert (withheld.status, withheld.response_body) == (201, '{"transactId": "t"}')


def test_a_target_that_never_answers_loses_its_answer_all_the_same(dial: Dial) -> None:
    line = dial(SILENCE)

    assert lose(line, UNREAD).problem == UNREAD.said


def test_giving_up_waits_as_long_as_it_says(dial: Dial) -> None:
    line = dial(answer(201))

    lose(line, PATIENT)

    assert line.clock.slept == [0.5]
    assert "0.5 s after" in PATIENT.said


def test_the_next_request_gets_an_answer_of_its_own(dial: Dial) -> None:
    line = dial(answer(201, b'{"of": "the lost one"}'), answer(200, b'{"of": "the next"}'))

    lose(line, UNREAD)
    heard(line)
    reply = line.api.pools()

    assert reply.object() == {"of": "the next"}


@pytest.mark.parametrize("status", [409, 429, 502, 503])
def test_a_refusal_or_trouble_that_is_withheld_is_lost_like_any_answer(dial: Dial, status: int) -> None:
    line = dial(answer(status))

    lose(line, WITHHELD)

    assert line.exchanges()[0].status == status
    assert len(line.server.asked) == 1


def test_a_connection_that_breaks_by_itself_is_the_networks_and_not_ours(dial: Dial) -> None:
    line = dial(RESET)

    with pytest.raises(NetworkTrouble):
        line.wire.send(US, "POST", "/x", lose=WITHHELD)
    assert "on purpose" not in (line.exchanges()[0].error or "")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_where_writes_are_refused_no_answer_is_lost_not_even_a_reads(dial: Dial, method: str) -> None:
    line = dial(answer(), refuses=lambda method: None if method == "GET" else "production")

    with pytest.raises(Refused):
        line.wire.send(US, method, "/x", lose=UNREAD)
    assert line.server.asked == []


def test_threads_lose_their_own_answers_only(dial: Dial) -> None:
    line = dial(answer(200))
    losing = [threading.Thread(target=lose, args=(line, loss)) for loss in (UNREAD, WITHHELD) * 3]
    keeping = [threading.Thread(target=line.api.pools) for _ in range(6)]

    for thread in [*losing, *keeping]:
        thread.start()
    for thread in [*losing, *keeping]:
        thread.join(30)

    told = [exchange.error for exchange in line.exchanges()]
    assert {error: told.count(error) for error in set(told)} == {UNREAD.said: 3, WITHHELD.said: 3, None: 6}

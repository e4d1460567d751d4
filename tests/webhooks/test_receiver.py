"""The receiver loses nothing, keeps what came byte for byte, and cannot be filled or held up."""

import http.client
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from conformance.webhooks.receiver import Late, Receiver, always, in_turn

SENDERS = 16
EACH = 125


def post(receiver, body=b"{}", headers=None, path="/hook"):
    address = urlsplit(receiver.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    try:
        connection.request("POST", path, body, headers or {})
        return connection.getresponse().status
    finally:
        connection.close()


def raw(receiver, sent):
    """Send bytes as they are and read until the receiver hangs up."""
    address = urlsplit(receiver.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_none_of_two_thousand_deliveries_by_sixteen_senders_is_lost():
    start = threading.Barrier(SENDERS)

    def send(sender):
        start.wait(10)
        return [post(receiver, f"{sender}/{number}".encode()) for number in range(EACH)]

    with Receiver() as receiver, ThreadPoolExecutor(SENDERS) as pool:
        statuses = [status for batch in pool.map(send, range(SENDERS)) for status in batch]

    assert statuses == [200] * (SENDERS * EACH)
    assert {delivery.body for delivery in receiver.deliveries()} == {
        f"{sender}/{number}".encode() for sender in range(SENDERS) for number in range(EACH)
    }
    assert [delivery.sequence for delivery in receiver.deliveries()] == list(range(1, SENDERS * EACH + 1))


def test_a_late_answer_waits_for_the_sender_to_hang_up():
    with Receiver(answer=always(Late(200, 60))) as receiver:
        address = urlsplit(receiver.url)
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
            assert receiver.wait_for(lambda delivery: delivery.body == b"{}", 10)
            assert receiver.abandoned == set()
        assert until(lambda: receiver.abandoned == {1})


def test_a_sender_who_waits_long_enough_gets_the_late_answer():
    with Receiver(answer=always(Late(202, 0.01))) as receiver:
        assert post(receiver) == 202
        assert receiver.abandoned == set()


def until(condition, seconds=10):
    """Whether a condition comes true while patience lasts."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def test_a_delivery_is_kept_raw_with_its_time():
    body = b'{ "a" : "\xff\x00" }\r\n'
    with Receiver(clock=lambda: 1_800_000_000.5) as receiver:
        raw(
            receiver,
            b"POST /a%%20b?c=d HTTP/1.1\r\nHost: x\r\nX-Sig: a\r\nx-sig: b\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body),
        )
        (delivery,) = receiver.deliveries()

    assert (delivery.body, delivery.path, delivery.received) == (body, "/a%20b", 1_800_000_000.5)
    assert delivery.header("X-Sig") == ("a", "b")


def test_a_body_in_chunks_is_put_together():
    with Receiver() as receiver:
        raw(
            receiver,
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
        )

    assert [delivery.body for delivery in receiver.deliveries()] == [b"abc"]


def test_waiting_finds_what_came_before():
    with Receiver() as receiver:
        post(receiver, b"one")
        post(receiver, b"two")
        found = receiver.wait_for(lambda delivery: delivery.body == b"one", timeout=0)

    assert found is not None
    assert found.sequence == 1


def test_waiting_is_woken_by_what_comes_later():
    with Receiver() as receiver, ThreadPoolExecutor(1) as pool:
        looked = threading.Event()

        def wanted(delivery):
            looked.set()
            return delivery.body == b"two"

        waiting = pool.submit(receiver.wait_for, wanted, 10)
        post(receiver, b"one")
        assert looked.wait(10)
        post(receiver, b"two")
        found = waiting.result(10)

    assert found is not None
    assert found.body == b"two"


def test_waiting_ends_when_nothing_comes():
    with Receiver() as receiver:
        assert receiver.wait_for(lambda _delivery: True, timeout=0.01) is None


def test_the_answer_is_the_script_s():
    with Receiver(answer=always(503)) as receiver:
        first = post(receiver)
        receiver.answer = always(204)
        second = post(receiver)

    assert (first, second) == (503, 204)


def test_statuses_are_taken_in_turn_for_the_event_they_are_planned_for():
    answer = in_turn({"a": [500, 429]}, lambda delivery: delivery.body.decode())
    with Receiver(answer=answer) as receiver:
        statuses = [post(receiver, body) for body in (b"a", b"b", b"a", b"a")]

    assert statuses == [500, 200, 429, 200]


@pytest.mark.parametrize(
    ("limits", "request_bytes", "why"),
    [
        pytest.param({}, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "not a POST", id="method"),
        pytest.param(
            {"max_body": 3},
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nfour",
            "body too large",
            id="size",
        ),
        pytest.param(
            {"max_deliveries": 0},
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
            "receiver full",
            id="number",
        ),
        pytest.param(
            {"patience": 0.05},
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nfo",
            "body too slow",
            id="slow body",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused_and_counted(limits, request_bytes, why):
    with Receiver(**limits) as receiver:
        raw(receiver, request_bytes)

    assert (dict(receiver.refused), receiver.deliveries()) == ({why: 1}, ())


def test_a_client_that_never_finishes_its_head_is_hung_up_on():
    with Receiver(patience=0.05) as receiver:
        assert raw(receiver, b"POST / HTTP/1.1\r\nHost") == b""


def test_a_client_that_hangs_up_mid_body_leaves_no_delivery():
    with Receiver() as receiver:
        address = urlsplit(receiver.url)
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nfo")
        post(receiver, b"next")

        assert [delivery.body for delivery in receiver.deliveries()] == [b"next"]


def test_a_listening_address_that_means_everywhere_is_reached_by_loopback():
    with Receiver("0.0.0.0") as receiver:
        assert urlsplit(receiver.url).hostname == "127.0.0.1"


def test_a_name_is_refused_as_an_address_to_listen_on():
    with pytest.raises(ValueError, match=r"127\.0\.0\.1"), Receiver("localhost"):
        pytest.fail("it listens")


def test_a_port_is_free_again_afterwards():
    with Receiver() as first:
        port = urlsplit(first.url).port

    with Receiver(port=port) as second:
        assert post(second) == 200

"""A request goes out as told and its answer comes back: repeated where harmless, bounded in size, time and tries."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from conformance.client import NetworkTrouble, PoolsApi, Refused, Reply
from conformance.client.wire import LARGEST, THROTTLED, TRIES, Credentials
from tests.client.clocks import NOON, FakeClock
from tests.client.line import KEY, US, Dial
from tests.client.scripted import RESET, SILENCE, answer, serving

Call = Callable[[PoolsApi], Reply]

REPEATED: dict[str, Call] = {
    "a read": lambda api: api.poll("q"),
    "a quote": lambda api: api.quote("EUR-USDT", {"side": "on_ramp"}),
    "a transact with a key": lambda api: api.transact("EUR-USDT", "q", "key"),
    "a write that is said to be harmless": lambda api: api.send("POST", "/x", retry=True),
}
ONCE: dict[str, Call] = {
    "a reject": lambda api: api.reject("q"),
    "a transact without a key": lambda api: api.transact("EUR-USDT", "q", None),
    "a write": lambda api: api.send("POST", "/x"),
    "a read that is said not to be repeated": lambda api: api.send("GET", "/x", retry=False),
}
TROUBLE = {"reset": RESET, "502": answer(502), "503": answer(503), "504": answer(504), "no HTTP": b"hello\r\n\r\n"}


@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)
@pytest.mark.parametrize("call", REPEATED.values(), ids=REPEATED)
def test_what_does_no_harm_twice_is_repeated_within_bounds(dial: Dial, call: Call, trouble: bytes) -> None:
    line = dial(trouble)

    with pytest.raises(NetworkTrouble):
        call(line.api)

    assert len(line.server.asked) == TRIES


@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)
@pytest.mark.parametrize("call", ONCE.values(), ids=ONCE)
def test_what_may_act_twice_is_sent_once(dial: Dial, call: Call, trouble: bytes) -> None:
    line = dial(trouble)

    with pytest.raises(NetworkTrouble):
        call(line.api)

    assert len(line.server.asked) == 1


def test_a_repeated_transact_is_the_same_request_each_time(dial: Dial) -> None:
    line = dial(RESET, answer(502), answer(201))

    line.api.transact("EUR-USDT", "q", "key")

    assert len(set(line.server.asked)) == 1
    assert line.server.headers()["idempotency-key"] == "key"


def test_trouble_that_passes_is_not_told(dial: Dial) -> None:
    line = dial(RESET, answer(503), answer(200, b'{"ok": true}'))

    reply = line.api.pools()

    assert reply.object() == {"ok": True}
    assert line.clock.slept == [0.25, 0.5]


def test_every_try_is_recorded_and_trouble_points_to_the_last(dial: Dial) -> None:
    line = dial(RESET, answer(503))

    with pytest.raises(NetworkTrouble) as caught:
        line.api.pools()

    exchanges = line.exchanges()
    assert [exchange.status for exchange in exchanges] == [None, 503, 503]
    assert exchanges[0].error
    assert caught.value.exchange == exchanges[-1].id
    assert line.wire.sent == TRIES


@pytest.mark.parametrize("status", [200, 302, 400, 401, 404, 409, 418, 500, 501, 505])
def test_any_other_status_is_an_answer(dial: Dial, status: int) -> None:
    line = dial(answer(status))

    assert line.api.pools().status == status
    assert len(line.server.asked) == 1


def test_a_429_is_waited_out_as_long_as_it_asks(dial: Dial) -> None:
    line = dial(answer(429, b"{}", ("Retry-After", "7")), answer(200))

    assert line.api.pools().status == 200
    assert line.clock.slept == [7.0]


def test_a_429_that_stays_is_the_throttles_and_no_answer(dial: Dial) -> None:
    line = dial(answer(429))

    with pytest.raises(NetworkTrouble, match="kept throttling"):
        line.api.pools()
    assert len(line.server.asked) == THROTTLED


@pytest.mark.parametrize("asks", ["31", "86400", "9" * 100])
def test_a_429_that_asks_for_too_much_is_not_waited_out(dial: Dial, asks: str) -> None:
    line = dial(answer(429, b"{}", ("Retry-After", asks)))

    with pytest.raises(NetworkTrouble, match="kept throttling"):
        line.api.pools()
    assert line.clock.slept == []


def test_a_throttled_target_is_asked_less_often_from_then_on(dial: Dial) -> None:
    line = dial(answer(429, b"{}", ("Retry-After", "1")), answer(200), answer(200), answer(200))

    for _ in range(3):
        line.api.pools()

    assert line.clock.slept[1:]


def test_an_impatient_transact_shows_the_velocity_cap_as_it_is(dial: Dial) -> None:
    line = dial(answer(429, b"{}", ("Retry-After", "1")))

    assert line.api.transact("EUR-USDT", "q", "key", patient=False).status == 429
    assert len(line.server.asked) == 1


def test_a_503_says_how_long_to_wait(dial: Dial) -> None:
    line = dial(answer(503, b"{}", ("Retry-After", "3")), answer(200))

    line.api.pools()

    assert line.clock.slept == [3.0]


def test_a_503_that_asks_for_too_much_is_trouble_at_once(dial: Dial) -> None:
    line = dial(answer(503, b"{}", ("Retry-After", "3600")))

    with pytest.raises(NetworkTrouble, match="answered 503"):
        line.api.pools()
    assert len(line.server.asked) == 1


def test_nobody_there_is_trouble_told_with_host_and_port(dial: Dial) -> None:
    line = dial(answer())
    with serving([answer()]) as gone:
        address = gone.url

    with pytest.raises(NetworkTrouble, match=r"127\.0\.0\.1:\d+ could not be reached"):
        line.wire.send(US, "GET", f"{address}/pools")


def test_silence_is_trouble_after_the_timeout(dial: Dial) -> None:
    line = dial(SILENCE, timeout=0.2)

    with pytest.raises(NetworkTrouble, match="did not answer in time"):
        line.wire.send(US, "POST", "/x")


def test_an_answer_that_goes_on_and_on_is_trouble_however_briefly_each_part_is_waited_for(dial: Dial) -> None:
    endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 500_000
    line = dial(endless, clock=FakeClock(tick=0.5), timeout=1.0)

    with pytest.raises(NetworkTrouble, match="did not answer in time"):
        line.wire.send(US, "POST", "/x")


def test_headers_without_an_end_are_trouble(dial: Dial) -> None:
    line = dial(b"HTTP/1.1 200 OK\r\n" + b"X-Endless: y\r\n" * 100_000)

    with pytest.raises(NetworkTrouble, match="not HTTP"):
        line.wire.send(US, "POST", "/x")


@pytest.mark.parametrize("size", [0, 1, LARGEST])
def test_a_body_is_read_whole_up_to_the_bound(dial: Dial, size: int) -> None:
    reply = dial(answer(200, b"x" * size)).api.pools()

    assert (len(reply.body), reply.truncated) == (size, False)


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_body_beyond_the_bound_is_cut_and_said_to_be(dial: Dial, encoding: str) -> None:
    body = b"x" * (LARGEST + 1)
    sent = gzip.compress(body) if encoding == "gzip" else body

    reply = dial(answer(200, sent, ("Content-Encoding", encoding))).api.pools()

    assert (len(reply.body), reply.truncated) == (LARGEST, True)


def test_a_body_that_does_not_fit_its_encoding_is_trouble(dial: Dial) -> None:
    line = dial(answer(200, b"plain", ("Content-Encoding", "gzip")))

    with pytest.raises(NetworkTrouble, match="content-encoding does not fit"):
        line.wire.send(US, "POST", "/x")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_nobody_else_hears_the_key(dial: Dial, status: int) -> None:
    with serving([answer()]) as elsewhere:
        line = dial(answer(status, b"", ("Location", elsewhere.url)))

        reply = line.api.pools()

    assert reply.status == status
    assert elsewhere.asked == []


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_in_the_environment_is_not_asked(dial: Dial, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving([answer(500)]) as proxy:
        monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)

        reply = dial(answer(200)).api.pools()

    assert reply.status == 200
    assert proxy.asked == []


def test_a_cookie_of_the_target_is_not_sent_back(dial: Dial) -> None:
    line = dial(answer(200, b"{}", ("Set-Cookie", "session=of-one-account; Path=/")))

    line.api.pools()
    line.api.pools()

    assert "cookie" not in line.server.headers()


@pytest.mark.parametrize(
    ("who", "headers", "sent"),
    [
        (US, {}, f"Bearer {KEY}"),
        (Credentials("nobody", None), {}, None),
        (US, {"authorization": "Basic x"}, "Basic x"),
    ],
    ids=["key", "no key", "a header of its own"],
)
def test_the_key_goes_where_it_belongs(dial: Dial, who: Credentials, headers: dict[str, str], sent: str | None) -> None:
    line = dial(answer())

    line.wire.send(who, "GET", "/pools", headers=headers)

    assert line.server.headers().get("authorization") == sent


def test_a_key_is_shown_by_no_representation() -> None:
    assert KEY not in repr(US)


def test_what_must_not_be_sent_is_refused_before_anything_is(dial: Dial) -> None:
    line = dial(answer(), refuses=lambda method: None if method == "GET" else f"no {method} here")

    with pytest.raises(Refused, match="no POST here"):
        line.api.quote("EUR-USDT", {})
    line.api.pools()

    assert line.server.methods == ["GET"]


def test_a_guard_is_asked_about_every_attempt_retries_included(dial: Dial) -> None:
    asked: list[str] = []

    def twice(request: httpx.Request) -> str | None:
        asked.append(request.method)
        return None if len(asked) < 3 else "that is enough"

    line = dial(answer(503), guard=twice)

    with pytest.raises(Refused, match="that is enough"):
        line.api.transact("EUR-USDT", "pq_1", "key-1")

    assert (len(asked), line.server.methods) == (3, ["POST", "POST"])


def test_an_exchange_is_recorded_with_both_sides_and_without_the_key(dial: Dial) -> None:
    line = dial(answer(201, b'{"echo": "' + KEY.encode() + b'"}', ("X-Request-Id", "req_1")))

    reply = line.api.quote("EUR-USDT", {"side": "on_ramp"})

    [exchange] = line.exchanges()
    assert (exchange.id, exchange.account, exchange.scenario) == (reply.exchange, "approved", "a scenario")
    assert (exchange.method, exchange.status, exchange.request_id) == ("POST", 201, "req_1")
    assert exchange.url == f"{line.server.url}/pools/EUR-USDT/quote"
    assert exchange.request_body == '{"side": "on_ramp"}'
    assert KEY not in (line.folder / "main.jsonl").read_text()


def test_threads_share_a_wire(dial: Dial) -> None:
    line = dial(answer())
    threads = [threading.Thread(target=line.api.pools) for _ in range(12)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert line.wire.sent == 12
    assert len({exchange.id for exchange in line.exchanges()}) == 12


PATHS: dict[str, tuple[Call, str]] = {
    "pools": (lambda api: api.pools(), "GET /v1/pools"),
    "capabilities": (lambda api: api.capabilities("EUR-USDT"), "GET /v1/pools/EUR-USDT/capabilities"),
    "quote": (lambda api: api.quote("EUR-USDT", {}), "POST /v1/pools/EUR-USDT/quote"),
    "transact": (lambda api: api.transact("EUR-USDT", "q", "k"), "POST /v1/pools/EUR-USDT/transact"),
    "poll": (lambda api: api.poll("q"), "GET /v1/pools/transactions/q"),
    "trades": (lambda api: api.trades(limit="2"), "GET /v1/pools/trades?limit=2"),
    "trade": (lambda api: api.trade("t"), "GET /v1/pools/trades/t"),
    "read quote": (lambda api: api.read_quote("q"), "GET /v1/pools/quotes/q"),
    "reject": (lambda api: api.reject("q"), "POST /v1/pools/quotes/q/reject"),
    "balance": (lambda api: api.balance("EUR-USDT"), "GET /v1/pools/EUR-USDT/balance"),
    "funding": (lambda api: api.funding(), "GET /v1/pools/funding"),
    "ledger": (lambda api: api.ledger(cursor="a b"), "GET /v1/pools/ledger?cursor=a%20b"),
    "an id with a slash": (lambda api: api.trade("../a?b#c"), "GET /v1/pools/trades/..%2Fa%3Fb%23c"),
}


@pytest.mark.parametrize(("call", "line_sent"), PATHS.values(), ids=PATHS)
def test_an_operation_goes_to_its_path(dial: Dial, call: Call, line_sent: str) -> None:
    line = dial(answer())

    call(line.api)

    assert line.server.asked[0].split(b"\r\n", 1)[0].decode() in (
        f"{line_sent} HTTP/1.1",
        f"{line_sent.replace('%20', '+')} HTTP/1.1",
    )


def reply(body: bytes = b"", *headers: tuple[str, str]) -> Reply:
    return Reply("main-1", 200, headers, body, False, NOON)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"rate": 1.10}', {"rate": Decimal("1.10")}),
        (b"[1]", [1]),
        (b"", None),
        (b"<html>", None),
        (b"\xff\xfe", None),
        (b"[" * 100_000, None),
    ],
)
def test_a_body_is_read_as_json_with_exact_decimals_or_not_at_all(body: bytes, value: object) -> None:
    assert reply(body).json() == value


@pytest.mark.parametrize("body", [b"[1]", b'"text"', b"null", b"nonsense"])
def test_a_body_that_is_no_object_has_no_members(body: bytes) -> None:
    assert reply(body).object() == {}


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("Mon, 01 Jun 2026 11:59:00 GMT", NOON - timedelta(minutes=1)),
        ("Mon, 01 Jun 2026 11:59:00 -0000", NOON - timedelta(minutes=1)),
        ("Mon, 01 Jun 2026 13:59:00 +0200", NOON - timedelta(minutes=1)),
        ("yesterday", NOON),
        ("", NOON),
    ],
)
def test_an_answer_was_made_when_it_says_else_when_it_came(date: str, moment: object) -> None:
    assert reply(b"", ("DATE", date)).date == moment


def test_the_first_header_of_a_name_counts_whatever_its_case() -> None:
    assert reply(b"", ("X-A", "1"), ("x-a", "2")).header("x-A") == "1"

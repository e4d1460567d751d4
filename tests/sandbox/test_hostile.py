"""Input nobody means well with: always an envelope with a named exchange, never a 500, never a hang."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import httpx
import pytest

from .process import ORDER, Partner, Sandbox

KEY = {"Authorization": "Bearer sk_test_sandbox_approved"}
JSON = {**KEY, "Content-Type": "application/json", "Idempotency-Key": "k"}
MIB = 1024 * 1024


def check_envelope(answer: httpx.Response, status: int) -> None:
    body = answer.json()
    assert answer.status_code == status, answer.text
    assert set(body) == {"type", "code", "message", "request_id", "doc_url", "statusCode"}
    assert body["statusCode"] == status
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert answer.headers["Content-Type"] == "application/json"


BODIES = {
    "nothing": (b"", 400),
    "half": (b'{"quoteId": "pq', 400),
    "a word": (b"quote", 400),
    "a list": (b"[]", 400),
    "a string": (b'"x"', 400),
    "null": (b"null", 400),
    "a number": (b"1", 400),
    "not a number": (b'{"quoteId": NaN}', 400),
    "infinity": (b'{"quoteId": -Infinity}', 400),
    "not UTF-8": (b'{"quoteId": "\xff\xfe"}', 400),
    "UTF-16": ('{"quoteId": "x"}'.encode("utf-16"), 400),
    "a byte order mark": (b'\xef\xbb\xbf{"quoteId": "x"}', 400),
    "two documents": (b'{"quoteId": "x"}{}', 400),
    "deep lists": (b"[" * 100_000, 400),
    "deep lists inside": (b'{"quoteId": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    "deep objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
    "a huge number": (b'{"quoteId": ' + b"9" * 10_000 + b"}", 400),
    "a huge exponent": (b'{"quoteId": 1e999999999}', 400),
    "a NUL": (b'{"quoteId": "a\\u0000b"}', 400),
    "a raw NUL": (b'{"quoteId": "a\x00b"}', 400),
    "a lone surrogate": (b'{"quoteId": "\\ud800"}', 400),
    "a long id": (json.dumps({"quoteId": "x" * (MIB - 100)}).encode(), 400),
    "an emoji": ('{"quoteId": "\N{PILE OF POO}"}'.encode(), 404),
    "a doubled member": (b'{"quoteId": 7, "quoteId": "pq_test_x"}', 404),
    "just too large": (b" " * (MIB + 1), 413),
    "far too large": (b" " * (4 * MIB), 413),
}


@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES.keys())
def test_a_hostile_body_is_refused(sandbox: Sandbox, body: bytes, status: int) -> None:
    answer = sandbox.client().post("/pools/EUR-USDT/transact", content=body, headers=JSON)

    check_envelope(answer, status)


@pytest.mark.parametrize(
    "member", ["side", "fiatCurrency", "cryptoCurrency", "amount", "cryptoNetwork", "type", "destAddress"]
)
@pytest.mark.parametrize(
    "value", [{}, [], [[]], 10**400, -1, 1e308, "\ud800", "\x00", "x" * 500_000], ids=lambda v: str(v)[:9]
)
def test_a_hostile_member_is_refused(sandbox: Sandbox, member: str, value: object) -> None:
    body = json.dumps({**ORDER, member: value})

    check_envelope(sandbox.client().post("/pools/EUR-USDT/quote", content=body, headers=JSON), 400)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/xml", "application/x-www-form-urlencoded", "application/jsonx", "json", "", None],
)
def test_another_media_type_is_refused(sandbox: Sandbox, content_type: str | None) -> None:
    headers = {**KEY, "Idempotency-Key": "k"} | ({} if content_type is None else {"Content-Type": content_type})

    answer = sandbox.client().post("/pools/EUR-USDT/transact", content=b'{"quoteId": "x"}', headers=headers)

    check_envelope(answer, 415)


@pytest.mark.parametrize("content_type", ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8"])
def test_json_by_any_spelling_is_read(sandbox: Sandbox, content_type: str) -> None:
    headers = {**KEY, "Content-Type": content_type}

    answer = sandbox.client().post("/pools/EUR-USDT/quote", content=json.dumps(ORDER), headers=headers)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/pools/", 404),
        ("/pools/%0A", 404),
        ("/pools%0A", 404),
        ("/pools/EUR-USDT", 404),
        ("/pools//balance", 404),
        ("/pools/EUR%2FUSDT/balance", 404),
        ("/pools/%00/balance", 404),
        ("/pools/%ff%fe/balance", 404),
        ("/pools/%zz/balance", 404),
        ("/pools/%/balance", 404),
        ("/pools/../pools/EUR-USDT/nothing", 404),
        ("/pools/%F0%9F%92%A9/balance", 404),
        ("/pools/quotes/' OR 1=1 --", 404),
        ("/pools/trades/" + "9" * 40, 404),
        ("/pools/trades/" + "x" * 10_000, 404),
        ("/pools/trades/" + "x" * 20_000, 414),
        ("/pools/ledger?cursor=" + "x" * 20_000, 414),
        ("/pools/ledger?cursor=" + "9" * 1000, 400),
        ("/pools/ledger?" + "a=1&" * 3000, 200),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_odd_path_or_query_finds_nothing(approved: Partner, path: str, status: int) -> None:
    url = httpx.URL(str(approved.http.base_url))
    answer = approved.http.send(
        httpx.Request("GET", url.copy_with(raw_path=b"/v1" + path.encode()), headers=approved.http.headers)
    )

    if status == 200:
        assert answer.status_code == 200
    else:
        check_envelope(answer, status)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/pools", "GET"),
        ("DELETE", "/pools/trades", "GET"),
        ("PUT", "/pools/quotes/pq_test_x", "GET"),
        ("GET", "/pools/quotes/pq_test_x/reject", "POST"),
        ("GET", "/pools/EUR-USDT/transact", "POST"),
        ("PATCH", "/pools/EUR-USDT/quote", "POST"),
        ("OPTIONS", "/pools/EUR-USDT/quote", "POST"),
        ("TRACE", "/pools/ledger", "GET"),
    ],
)
def test_a_method_that_is_not_documented_is_a_405_naming_the_one_that_is(
    approved: Partner, method: str, path: str, allowed: str
) -> None:
    answer = approved.http.request(method, path)

    check_envelope(answer, 405)
    assert answer.headers["Allow"] == allowed


def test_head_has_a_request_id_and_no_body(approved: Partner) -> None:
    answer = approved.http.head("/pools/ledger")

    assert (answer.status_code, answer.content) == (405, b"")
    assert answer.headers["X-Request-Id"].startswith("req_")


def test_every_answer_has_a_request_id_of_its_own(approved: Partner) -> None:
    paths = ["/pools", "/pools/ledger", "/nowhere", "/pools/EUR-USDT/quote"]
    ids = [approved.http.get(path, headers={"X-Request-Id": "mine"}).headers["X-Request-Id"] for path in paths * 3]

    assert len(set(ids)) == len(ids)
    assert all(each.startswith("req_test_") for each in ids)


def raw(sandbox: Sandbox, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """What comes back for these very bytes, on a connection of their own."""
    parts = urlsplit(sandbox.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=15) as connection:
        connection.sendall(sent)
        received = b""
        while b"\r\n\r\n" not in received:
            chunk = connection.recv(65536)
            assert chunk, f"closed after {received!r}"
            received += chunk
        head, _, body = received.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        while len(body) < int(headers["content-length"]):
            body += connection.recv(65536)
        return int(lines[0].split(" ")[1]), headers, body


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x00\x01\x02\x03\r\n\r\n", 400),
        (b"GET /v1/pools\r\n\r\n", 401),
        (b"GET /v1/pools HTTP/9.9\r\n\r\n", 400),
        (b"GET /v1/p\xc3\xb6\xc3\xb6ls HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET /v1/pools HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400),
        (b"POST /v1/pools/a/quote HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /v1/pools/a/quote HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET /v1/pools HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 300_000, 431),
        (b"GET /v1/pools HTTP/1.1\r\nHost: x\r\n" + b"A: x\r\n" * 50_000, 431),
        (b"GET /v1/pools HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 70_000 + b"\r\n\r\n", 431),
        (b"GET /v1/pools/" + b"x" * MIB + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /v1/pools/" + b"x" * MIB, 414),
        (b"GET http://elsewhere/v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    ],
    ids=lambda value: str(value)[:50],
)
def test_broken_http_is_answered_with_an_envelope_too(sandbox: Sandbox, sent: bytes, status: int) -> None:
    answered, headers, body = raw(sandbox, sent)

    assert answered == status, body
    assert json.loads(body)["request_id"] == headers["x-request-id"]


def test_a_body_that_never_arrives_is_given_up(sandbox: Sandbox) -> None:
    head = b"POST /v1/pools/a/quote HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"

    status, _, body = raw(sandbox, head)

    assert (status, json.loads(body)["code"]) == (408, "request_timeout")


def test_a_body_without_end_is_cut_off(sandbox: Sandbox) -> None:
    chunk = b"100000\r\n" + b" " * MIB + b"\r\n"
    head = b"POST /v1/pools/a/quote HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

    status, _, _ = raw(sandbox, head + chunk * 17)

    assert status == 413


def test_an_upgrade_is_ignored(sandbox: Sandbox) -> None:
    upgrade = b"GET /v1/pools HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"

    status, _, _ = raw(sandbox, upgrade)

    assert status == 401


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/clock", {"account": "approved"}, 400),
        ("/clock", {"account": "approved", "advance_seconds": -1}, 400),
        ("/clock", {"account": "approved", "advance_seconds": 1.5}, 400),
        ("/clock", {"account": "approved", "advance_seconds": 10**30}, 400),
        ("/clock", {"account": "nobody", "advance_seconds": 1}, 404),
        ("/clock", {"quoteId": "pq_test_x", "advance_seconds": 1}, 404),
        ("/accounts/nobody", {"status": "active"}, 404),
        ("/accounts/approved", {"status": "asleep"}, 400),
        ("/accounts/approved", {"unknown": 1}, 400),
        ("/accounts/approved", {"allowedPools": ["EUR-XXX"]}, 400),
        ("/accounts/approved", {"sides": "on_ramp"}, 400),
        ("/accounts/approved", {"sides": [["on_ramp"]]}, 400),
        ("/accounts/approved", {"status": []}, 400),
        ("/accounts/approved", {"velocityCap": 5}, 400),
        ("/accounts/approved", {"balanceGate": 1}, 400),
        ("/accounts/approved", {"unavailablePools": {"EUR-USDT": []}}, 400),
        ("/funding", {"account": "approved", "amount": "-1"}, 400),
        ("/funding", {"account": "nobody", "amount": "1"}, 404),
        ("/trades/pq_test_x/outcome", {"outcome": "settled"}, 404),
        ("/trades/pq_test_x/outcome", {"outcome": "lost"}, 400),
        ("/webhooks/endpoint", {"account": "approved", "url": "http://example.com/"}, 400),
        ("/webhooks/endpoint", {"account": "approved", "url": "http://[::1"}, 400),
        ("/webhooks/redeliver", {"transactId": "txn_test_x"}, 404),
        ("/webhooks/redeliver", {}, 400),
        ("/nothing", {}, 404),
    ],
)
def test_the_control_surface_refuses_with_the_same_envelope(
    sandbox: Sandbox, path: str, body: dict[str, object], status: int
) -> None:
    check_envelope(sandbox.control(path, **body), status)

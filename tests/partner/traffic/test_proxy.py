"""The proxy passes bytes on as they are, in both directions, and keeps a redacted record."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from conformance.client import Redactor
from conformance.partner.proxy import Proxy
from conformance.partner.proxy_record import Archive, decoded
from conformance.partner.proxy_types import Exchanged, Limits, Upstream

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

PATIENCE = 20
LARGE = 20 * 1024 * 1024


class Kept(list[Exchanged]):
    """The exchanges that were filed, and word of each."""

    def __init__(self) -> None:
        super().__init__()
        self.more = asyncio.Event()

    def take(self, exchanged: Exchanged) -> None:
        self.append(exchanged)
        self.more.set()


@asynccontextmanager
async def line(serve: Serve, limits: Limits | None = None) -> AsyncIterator[tuple[int, Kept, Proxy]]:
    """A proxy in front of a server that does ``serve`` with each connection; port, exchanges and the proxy."""
    kept = Kept()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    upstream = Upstream.of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    proxy = Proxy(upstream, kept.take, limits)
    port = await proxy.start("127.0.0.1", 0)
    try:
        async with asyncio.timeout(PATIENCE):
            yield port, kept, proxy
    finally:
        await proxy.stop(grace=0.2)
        server.close()


async def head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def talk(port: int, sent: bytes, until: int | None = None) -> bytes:
    """What comes back for these bytes: so many, or all until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    await writer.drain()
    try:
        return await (reader.readexactly(until) if until is not None else reader.read(-1))
    finally:
        writer.close()


async def recorded(kept: Kept, number: int = 1) -> None:
    """Until so many exchanges are filed: that comes after the client has its answer."""
    while len(kept) < number:
        kept.more.clear()
        await kept.more.wait()


def answering(answer: bytes) -> Serve:
    """A server that reads one head and gives this answer, as it stands."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(answer)
        await writer.drain()

    return serve


PACKED = gzip.compress(b'{"pools":[]}', mtime=0)
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
ANSWERS = {
    "a length": b"HTTP/1.1 200 OK\r\nX-oDD-Case:  kept \r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    "chunks with an extension and a trailer": CHUNKED + b"3;a=b\r\nabc\r\n1\r\nd\r\n0\r\nX-Sum: 4\r\n\r\n",
    "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
    % (len(PACKED), PACKED),
    "gzip in chunks": CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(PACKED), PACKED),
    "no content": b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    "not modified": b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 77\r\nConnection: close\r\n\r\n',
    "until the end": b"HTTP/1.1 200 OK\r\n\r\nall there is",
    "two headers of one name": b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n",
    "an informational answer first": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
    "an unusual reason": b"HTTP/1.1 429 Slow  Down!\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "broken off": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_arrives_byte_for_byte(answer: bytes) -> None:
    async def scene() -> bytes:
        async with line(answering(answer)) as (port, _, _proxy):
            return await talk(port, b"GET /v1/pools HTTP/1.1\r\nHost: x\r\n\r\n")

    assert asyncio.run(scene()) == answer


def test_the_answer_to_head_has_no_body_and_keeps_its_length() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"

    async def scene() -> tuple[bytes, int | None]:
        async with line(answering(answer)) as (port, kept, _):
            got = await talk(port, b"HEAD /v1/pools HTTP/1.1\r\nHost: x\r\n\r\n", len(answer))
            await recorded(kept)
            return got, kept[0].status

    assert asyncio.run(scene()) == (answer, 200)


REQUESTS = {
    "a length": b"POST /v1/x?a=%20b HTTP/1.1\r\nHOST: HERE\r\nX-oDD:  a \r\nContent-Length: 4\r\n\r\n\x00\xff\r\n",
    "chunks": b"POST /v1/x HTTP/1.1\r\nHost: HERE\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n",
    "gzip": b"POST /v1/x HTTP/1.1\r\nHost: HERE\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
    % (len(PACKED), PACKED),
    "no body": b"GET /v1/x HTTP/1.1\r\nHost: HERE\r\nAccept: */*\r\n\r\n",
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_a_request_arrives_byte_for_byte_but_for_its_host(request_: bytes) -> None:
    async def scene() -> tuple[bytes, str]:
        came = bytearray()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while len(came) < len(expected):
                came.extend(await reader.read(65536))
            writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

        async with line(serve) as (port, _, proxy):
            authority = proxy.upstream.authority
            expected = request_.replace(b"HERE", authority.encode())
            await talk(port, request_)
            return bytes(came), authority

    came, authority = asyncio.run(scene())
    assert came == request_.replace(b"HERE", authority.encode())


def test_twenty_megabytes_pass_in_both_directions_and_are_not_kept() -> None:
    content = bytes(range(256)) * (LARGE // 256)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        body = await reader.readexactly(LARGE)
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % LARGE)
        writer.write(body)
        await writer.drain()

    async def scene() -> tuple[bytes, Exchanged]:
        async with line(serve) as (port, kept, _):
            got = await talk(port, b"POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % LARGE + content)
            return got, kept[0]

    got, exchanged = asyncio.run(scene())
    assert hashlib.sha256(got[-LARGE:]).digest() == hashlib.sha256(content).digest()
    assert (exchanged.request.size, exchanged.response.size) == (LARGE, LARGE)
    assert max(len(exchanged.request.body), len(exchanged.response.body)) < LARGE / 10


def test_an_answer_streams_before_it_is_complete() -> None:
    async def scene() -> bytes:
        seen = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await head(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
            await writer.drain()
            await seen.wait()
            writer.write(b"later")

        async with line(serve) as (port, _, _proxy):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n")
            await head(reader)
            first = await reader.readexactly(5)
            seen.set()
            rest = await reader.readexactly(5)
            writer.close()
            return first + rest

    assert asyncio.run(scene()) == b"firstlater"


def test_a_client_that_waits_for_100_continue_gets_it_from_the_upstream() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await reader.readexactly(4)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\n" + body)

    async def scene() -> bytes:
        async with line(serve) as (port, _, _proxy):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /v1/x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
            await head(reader)
            writer.write(b"body")
            answer = await reader.read(-1)
            writer.close()
            return answer

    assert asyncio.run(scene()).endswith(b"\r\n\r\nbody")


async def keeping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that answers each request with its number and keeps the connection."""
    number = 0
    while not reader.at_eof():
        try:
            await head(reader)
        except asyncio.IncompleteReadError:
            return
        number += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)


ONE = len(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1")


@pytest.mark.parametrize("pipelined", [False, True])
def test_a_connection_is_kept_on_both_sides(pipelined: bool) -> None:
    asked = b"GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n"

    async def scene() -> tuple[list[bytes], int]:
        async with line(keeping) as (port, kept, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            answers = []
            if pipelined:
                writer.write(asked * 3)
            for _ in range(3):
                if not pipelined:
                    writer.write(asked)
                answers.append((await reader.readexactly(ONE))[-1:])
            await recorded(kept, 3)
            writer.close()
            return answers, len(kept)

    assert asyncio.run(scene()) == ([b"1", b"2", b"3"], 3)


def test_many_connections_at_once_are_kept_apart() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await head(reader)).split()[1]
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(asked) + asked)

    async def scene() -> list[bytes]:
        async with line(serve) as (port, _, _proxy):
            asked = (talk(port, b"GET /v1/%d HTTP/1.1\r\nHost: x\r\n\r\n" % n) for n in range(100))
            return [answer.rpartition(b"\r\n\r\n")[2] for answer in await asyncio.gather(*asked)]

    assert asyncio.run(scene()) == [b"/v1/%d" % n for n in range(100)]


def test_an_idle_connection_the_upstream_ends_ends_for_the_client_too() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def scene() -> bytes:
        async with line(serve) as (port, _, _proxy):
            return await talk(port, b"GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n")

    assert asyncio.run(scene()) == b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await head(reader)


async def endless(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


@pytest.mark.parametrize(
    ("serve", "said"),
    [(silent, "hung up without an answer"), (endless, "nothing came for")],
    ids=["hangs up", "silent"],
)
def test_no_answer_is_no_answer_for_the_client_and_recorded_as_such(serve: Serve, said: str) -> None:
    async def scene() -> tuple[bytes, Exchanged]:
        async with line(serve, Limits(idle=0.3)) as (port, kept, _):
            return await talk(port, b"GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n"), kept[0]

    got, exchanged = asyncio.run(scene())
    assert (got, exchanged.status) == (b"", None)
    assert said in exchanged.error


def test_an_upstream_that_is_not_there_is_recorded() -> None:
    async def scene() -> tuple[bytes, list[Exchanged]]:
        kept: list[Exchanged] = []
        spare = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
        port = spare.sockets[0].getsockname()[1]
        spare.close()
        await spare.wait_closed()
        proxy = Proxy(Upstream.of(f"http://127.0.0.1:{port}"), kept.append)
        try:
            return await talk(await proxy.start("127.0.0.1", 0), b"GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n"), kept
        finally:
            await proxy.stop(0.1)

    got, kept = asyncio.run(scene())
    assert got == b""
    assert "cannot be reached" in kept[0].error


REFUSED = {
    "a live key": (b"GET /v1/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk_live_0123456789\r\n\r\n", b" 403 "),
    "another protocol": (
        b"GET /v1/x HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b" 403 ",
    ),
    "no HTTP": (b"\x16\x03\x01 hello\r\n\r\n", b" 400 "),
    # Whoever is still sending may see a reset in the place of the 400.
    "an endless head": (b"GET /v1/x HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 60_000 + b"\r\n", b""),
}


@pytest.mark.parametrize(("sent", "status"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_passed_on_never_reaches_the_upstream(sent: bytes, status: bytes) -> None:
    reached: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.read(1))

    async def scene() -> bytes:
        async with line(serve) as (port, _, _proxy):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            try:
                return await reader.read(64)
            except ConnectionError:
                return b""
            finally:
                writer.close()

    assert status in asyncio.run(scene())
    assert reached == []


SECRETS = ("sk_test_0123456789abcdef", "gsec_gs_1_0123456789abcdef", "DE02120300000000202051", "session=abcdef")


def test_the_archive_holds_no_secret_and_shows_what_rules_need() -> None:
    answer = json.dumps({"client_secret": SECRETS[1], "iban": SECRETS[2], "quoteId": "pq_1"}).encode()
    packed = gzip.compress(answer)
    head_ = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nSet-Cookie: %s\r\nContent-Length: %d\r\n\r\n"
    sent = (
        f"POST /v1/pools/EUR-USDT/transact?client_secret={SECRETS[1]} HTTP/1.1\r\nHost: x\r\nCookie: {SECRETS[3]}\r\n"
    )
    sent += f"Authorization: Bearer {SECRETS[0]}\r\nIdempotency-Key: order-1\r\nContent-Length: 18\r\n\r\n"

    async def scene() -> list[Exchanged]:
        async with line(answering(head_ % (SECRETS[3].encode(), len(packed)) + packed)) as (port, kept, _):
            await talk(port, sent.encode() + b'{"quoteId":"pq_1"}', 40)
            await recorded(kept)
            return kept

    target = io.StringIO()
    names = frozenset({"client_secret", "iban"})
    archive = Archive(target, Redactor(b"k", (), names), names, "recorded from the start")
    for exchanged in asyncio.run(scene()):
        archive.add(exchanged)
    archive.close()
    text = target.getvalue()
    assert [secret for secret in SECRETS if secret in text] == []
    entry = json.loads(text)["log"]["entries"][0]
    sent_headers = {item["name"].lower(): item["value"] for item in entry["request"]["headers"]}
    assert sent_headers["authorization"].startswith("Bearer sk_test_[redacted:")
    assert sent_headers["idempotency-key"] == "order-1"
    assert json.loads(entry["response"]["content"]["text"])["quoteId"] == "pq_1"


@pytest.mark.parametrize(
    ("raw", "encoding", "text"),
    [
        (b"plain", "", b"plain"),
        (gzip.compress(b"packed"), "gzip", b"packed"),
        (b"x", "br", None),
        (b"no gzip", "gzip", None),
        (gzip.compress(b"0" * 50_000_000), "gzip", None),
    ],
    ids=["plain", "gzip", "unknown", "broken", "a bomb"],
)
def test_a_body_is_unpacked_within_bounds(raw: bytes, encoding: str, text: bytes | None) -> None:
    assert decoded(raw, encoding) == text

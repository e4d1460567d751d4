"""Sending one request and bringing back what came: timeouts, size limits, pacing, bounded retries, no redirects.

Everything sent is recorded. What an answer means is for scenarios to say.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, NoReturn

import httpx

from conformance.client.chaos import AnswerLost, Broken, Loss
from conformance.client.clock import Clock, stamp
from conformance.client.deadline import BoundedTransport
from conformance.client.pacing import Pacer, retry_after
from conformance.client.recording import Raw, Recorder, path_within

LARGEST = 4 * 1024 * 1024
"""Bytes of a response body that are read; more is cut off and said to be."""

ANSWER = 4
"""How many timeouts a whole answer may take: one that drips must not hold a run."""

CONNECTIONS = 40

TRIES = 3
"""How often a request that may be repeated is tried against network trouble."""

THROTTLED = 6
"""How often a request is tried against a 429, each time after a longer wait."""

PERSISTENT = 3
"""Requests in a row that got no answer in all their tries; from then on each is tried once, until one is answered."""

CONNECTING = 5.0
"""Seconds a connection may take, where the profile's patience with an answer is longer."""

TROUBLE = frozenset({502, 503, 504})
"""Statuses of whatever stands between us and the target: network trouble, not an answer."""


class NetworkTrouble(Exception):
    """Nothing usable came back, after bounded retries: neither the target's answer nor its fault.

    ``exchange`` is the last attempt in the journal; ``persistent`` says that other requests before it went unanswered
    too.
    """

    def __init__(self, problem: str, exchange: str, *, persistent: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.exchange = exchange
        self.persistent = persistent


class Refused(Exception):
    """The harness will not or cannot try this: production, a limit of the profile, something not provided.

    ``missing`` says what would be needed, ``provider`` who could provide it.
    """

    def __init__(self, missing: str, provider: str) -> None:
        super().__init__(missing)
        self.missing = missing
        self.provider = provider


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an account sends. ``token`` never appears in a repr; None sends no Authorization header."""

    account: str
    token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, with the exchange it is recorded as."""

    exchange: str
    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    truncated: bool
    received: datetime

    def header(self, name: str) -> str | None:
        """The first header of this name, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def date(self) -> datetime:
        """When the target says it answered (its ``Date``), else when the answer arrived here."""
        try:
            date = parsedate_to_datetime(self.header("date") or "")
        except ValueError:
            return self.received
        return date if date.tzinfo else date.replace(tzinfo=UTC)

    def json(self) -> Any:
        """The body as JSON with exact decimals, or None where it is not JSON."""
        try:
            return json.loads(self.body, parse_float=Decimal)
        except (ValueError, RecursionError):
            return None

    def object(self) -> dict[str, Any]:
        """The body where it is a JSON object, else an empty one: the contract has judged the body already."""
        value = self.json()
        return value if isinstance(value, dict) else {}


class Wire:
    """The one way to a target. Threads may share it; connections are pooled and stay warm."""

    def __init__(
        self,
        base_urls: Mapping[str, str],
        recorder: Recorder,
        clock: Clock,
        *,
        rate: float | None,
        timeout: float,
        refuses: Callable[[str], str | None] = lambda method: None,
        guard: Callable[[httpx.Request], str | None] = lambda request: None,
    ) -> None:
        """``refuses`` says why a method must not be sent to this target, or None where it may; ``guard`` the same of
        each attempt as it leaves, retries included."""
        self.recorder = recorder
        self.clock = clock
        self._bases = {product: base.rstrip("/") for product, base in base_urls.items()}
        self._pacer = Pacer(rate, clock)
        self._refuses = refuses
        self._guard = guard
        self._lock = threading.Lock()
        self.sent = 0
        self._unanswered = 0
        self._http = httpx.Client(
            timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECTING)),
            follow_redirects=False,
            trust_env=False,
            transport=BoundedTransport(clock, ANSWER * timeout, CONNECTIONS),
            headers={"user-agent": "obit-conformance", "accept": "application/json"},
            # One account's cookie must not travel with another's key.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def burst(self, count: int) -> None:
        """Let the next ``count`` requests leave at the same moment, whatever the rate."""
        self._pacer.burst(count)

    def send(
        self,
        who: Credentials,
        method: str,
        path: str,
        *,
        product: str = "pools",
        query: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        retry: bool | None = None,
        patient: bool = True,
        lose: Loss | None = None,
    ) -> Reply:
        """Send one request and return what came back.

        ``path`` is below the product's base URL, or absolute for a helper. ``retry`` says whether it may be repeated
        after network trouble (default: reads, and writes with an idempotency key); ``patient`` whether a 429 is waited
        out: one that stays is the throttle's, not the target's answer. ``lose`` sends it once and throws its answer
        away. Raises ``NetworkTrouble`` when nothing usable came back, ``Refused`` when it must not be sent,
        ``AnswerLost`` when its answer was thrown away.
        """
        # A target that may not be written to may not be toyed with either.
        why = self._refuses(method) or (self._refuses("POST") if lose else None)
        if why:
            raise Refused(f"a target that may be written to ({why})", "a run against a sandbox")
        base = self._bases[product]
        url = path if path.startswith(("http://", "https://")) else base + path
        sending = dict(headers or {})
        if who.token is not None and not any(name.lower() == "authorization" for name in sending):
            sending["Authorization"] = f"Bearer {who.token}"
        if body is not None:
            content = json.dumps(body).encode()
            sending.setdefault("Content-Type", "application/json")
        asked = None if query is None else {name: _encodable(value) for name, value in query.items()}
        breaking = dict(lose.extensions(self.clock)) if lose else None
        request = self._http.build_request(
            method, url, params=asked, content=content, headers=sending, extensions=breaking
        )
        if lose is not None:
            self._throw_away(who.account, product, base, request, lose)
        may_retry = retry if retry is not None else (method in ("GET", "HEAD") or "Idempotency-Key" in sending)
        problem, exchange = "", ""
        tries = TRIES if self._unanswered < PERSISTENT else 1
        for attempt in range(THROTTLED):
            self._pacer.wait()
            reply, problem, exchange = self._attempt(who.account, product, base, request)
            if reply is not None and reply.status not in TROUBLE:
                self._unanswered = 0
                if reply.status != 429 or not patient:
                    return reply
                problem = f"{request.url.host} kept throttling (429)"
                self._pacer.slow_down()
                if attempt == THROTTLED - 1:
                    break
            elif not may_retry or attempt >= tries - 1:
                break
            pause = retry_after(reply.header("retry-after") if reply else None, attempt)
            if pause is None:
                break
            self.clock.sleep(pause)
        self._unanswered += 1
        raise NetworkTrouble(problem, exchange, persistent=self._unanswered >= PERSISTENT)

    def _throw_away(self, account: str, product: str, base: str, request: httpx.Request, lose: Loss) -> NoReturn:
        """Send ``request`` once and lose its answer. Real trouble on the way is told as such."""
        self._pacer.wait()
        _, problem, exchange = self._attempt(account, product, base, request, lose.said)
        raise (AnswerLost if problem == lose.said else NetworkTrouble)(problem, exchange)

    def _attempt(
        self, account: str, product: str, base: str, request: httpx.Request, lost: str = ""
    ) -> tuple[Reply | None, str, str]:
        with self._lock:
            why = self._guard(request)
            if why:
                raise Refused(f"a request that may be sent here ({why})", "a run against a sandbox")
            self.sent += 1
        started, clock_start = self.clock.now(), self.clock.monotonic()
        status: int | None = None
        headers: tuple[tuple[str, str], ...] = ()
        body, truncated, problem = b"", False, ""
        try:
            response = self._http.send(request, stream=True)
            try:
                status, headers = response.status_code, _pairs(response.headers)
                body, truncated = _read(response)
            finally:
                response.close()
        except httpx.HTTPError as trouble:
            problem = _describe(trouble, request.url)
        except Broken as broken:
            problem = str(broken)
        received = self.clock.now()
        if status in TROUBLE:
            problem = f"{request.url.host} answered {status}"
        kept = status if not problem or status in TROUBLE else None
        if lost and kept is not None:
            problem = lost
        raw = Raw(
            account=account,
            product=product,
            method=request.method,
            url=str(request.url),
            path=path_within(base, str(request.url)),
            request_headers=_pairs(request.headers),
            request_body=request.content or None,
            status=kept,
            response_headers=headers,
            response_body=body,
            truncated=truncated,
            error=problem or None,
            started=stamp(started),
            elapsed_ms=round((self.clock.monotonic() - clock_start) * 1000),
        )
        exchange = self.recorder.record(raw)
        if raw.status is None:
            return None, problem, exchange
        return Reply(exchange, raw.status, headers, body, truncated, received), problem, exchange


def _encodable(value: str) -> str:
    """``value`` without halves of surrogate pairs, which JSON may hold and a URL cannot."""
    return value.encode("utf-8", "replace").decode()


def _read(response: httpx.Response) -> tuple[bytes, bool]:
    """At most ``LARGEST`` bytes of a body, and whether there was more."""
    chunks, size = [], 0
    for chunk in response.iter_bytes():
        chunks.append(chunk)
        size += len(chunk)
        if size > LARGEST:
            return b"".join(chunks)[:LARGEST], True
    return b"".join(chunks), False


def _pairs(headers: httpx.Headers) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers.raw)


def _describe(trouble: httpx.HTTPError, url: httpx.URL) -> str:
    where = f"{url.host}:{url.port}" if url.port else url.host
    kinds: list[tuple[type[httpx.HTTPError], str]] = [
        (httpx.ConnectTimeout, f"{where} did not accept a connection in time"),
        (httpx.ConnectError, f"{where} could not be reached"),
        (httpx.ReadTimeout, f"{where} did not answer in time"),
        (httpx.TimeoutException, f"{where} took too long"),
        (httpx.RemoteProtocolError, f"{where} broke off or answered something that is not HTTP"),
        (httpx.DecodingError, f"{where} sent a body its content-encoding does not fit"),
    ]
    text = next((text for kind, text in kinds if isinstance(trouble, kind)), f"{where} failed")
    return f"{text} ({type(trouble).__name__})"

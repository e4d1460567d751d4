"""Variations in passing trouble: throttles, failures behind the server, and answers that get lost."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from conformance.sandbox import app, edge, protocol, refusal
from conformance.sandbox.calls import Operation, Reply, Sandbox
from conformance.sandbox.dialects.rewriting import around
from conformance.sandbox.pools import quotes
from conformance.sandbox.pools.access import Access
from conformance.sandbox.pools.catalogue import Pool
from conformance.sandbox.pools.orders import Order
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch, dialect

THROTTLE: Final = (
    "facts section 9: 429 by client address on any operation, with figures unpublished and Retry-After possible"
)
FAILURE: Final = "facts section 2.2: 5xx by server or upstream, to be repeated within bounds"
GATEWAY_PAGE: Final = "<html><body><h1>502 Bad Gateway</h1></body></html>"


def now_and_then(patch: Patch, every: int, method: str | None, refuse: Callable[[], Refusal]) -> None:
    """Refuse every so-many-th call, of this method if one is given, before anything is done."""
    inner = app.answer
    calls = itertools.count(1)

    def answer(sandbox: Sandbox, operation: Operation, request: Request, body: bytes) -> Reply:
        if method in {None, operation.method} and next(calls) % every == 0:
            raise refuse()
        return inner(sandbox, operation, request, body)

    patch.replace(app, "answer", answer)


def throttled(headers: Mapping[str, str]) -> Refusal:
    return Refusal(429, "rate_limited", "too many requests", headers)


def know_types(patch: Patch) -> None:
    """Statuses the healthy sandbox never sends need a type too."""
    patch.replace(refusal, "TYPES", {**refusal.TYPES, 502: "server_error", 503: "server_error", 504: "server_error"})


@dialect("throttled-reads", summary="Every 100th read answers 429 with Retry-After: 1", fact=THROTTLE)
def throttled_reads(patch: Patch) -> None:
    now_and_then(patch, 100, "GET", lambda: throttled({"Retry-After": "1"}))


@dialect(
    "throttled-until",
    summary="Every 100th read answers 429 with a Retry-After that is a date",
    fact=f"{THROTTLE}; HTTP knows both forms",
)
def throttled_until(patch: Patch) -> None:
    now_and_then(patch, 100, "GET", lambda: throttled({"Retry-After": formatdate(time.time() + 1, usegmt=True)}))


@dialect("throttled-writes", summary="Every 50th write answers 429 with Retry-After: 1", fact=THROTTLE)
def throttled_writes(patch: Patch) -> None:
    now_and_then(patch, 50, "POST", lambda: throttled({"Retry-After": "1"}))


@dialect("unavailable-at-times", summary="Every 50th call answers 503 before anything is done", fact=FAILURE)
def unavailable_at_times(patch: Patch) -> None:
    know_types(patch)
    now_and_then(patch, 50, None, lambda: Refusal(503, "service_unavailable", "try again"))


@dialect(
    "gateway-page-at-times",
    summary="Every 50th request answers 502 with a page of HTML",
    fact=f"{FAILURE}; 2.1: X-Request-Id even without a JSON body",
)
def gateway_page_at_times(patch: Patch) -> None:
    requests = itertools.count(1)

    def wrap(application: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"].startswith(app.PREFIX) and next(requests) % 50 == 0:
                headers = {"X-Request-Id": edge.new_request_id("test")}
                await Response(GATEWAY_PAGE, 502, headers, media_type="text/html")(scope, receive, send)
                return
            await application(scope, receive, send)

        return wrapped

    around(patch, wrap)


@dialect(
    "answers-lost-at-times",
    summary="Every fifth execution is done and answered 504",
    fact="facts section 6: retries after a timeout or 5xx use the same key and quote",
)
def answers_lost_at_times(patch: Patch) -> None:
    know_types(patch)
    inner = app.answer
    executions = itertools.count(1)

    def answer(sandbox: Sandbox, operation: Operation, request: Request, body: bytes) -> Reply:
        reply = inner(sandbox, operation, request, body)
        if operation.handler == "execute" and next(executions) % 5 == 0:
            raise Refusal(504, "gateway_timeout", "the answer did not come in time")
        return reply

    patch.replace(app, "answer", answer)


@dialect(
    "resets-at-times",
    summary="Every 100th read gets its connection cut instead of an answer",
    fact="seed 001: a timeout is repeated within bounds; a cut connection says nothing about the contract",
)
def resets_at_times(patch: Patch) -> None:
    inner = protocol.protocol_for
    reads = itertools.count(1)

    def protocol_for(mode: str) -> type[protocol.EnvelopeProtocol]:
        class CuttingProtocol(inner(mode)):  # type: ignore[misc]
            def on_headers_complete(self) -> None:
                if self.parser.get_method() == b"GET" and next(reads) % 100 == 0:
                    self.transport.abort()
                else:
                    super().on_headers_complete()

        return CuttingProtocol

    patch.replace(protocol, "protocol_for", protocol_for)


@dialect(
    "dry-at-times",
    summary="Every tenth quote finds the pool dry",
    fact="seed 001: a pool that cannot be quoted now answers 200 with available false, to be tried again later",
)
def dry_at_times(patch: Patch) -> None:
    inner = quotes.unavailable_reason
    orders = itertools.count(1)

    def unavailable_reason(its_access: Access, pool: Pool, order: Order) -> str | None:
        return "pool_dry" if next(orders) % 10 == 0 else inner(its_access, pool, order)

    patch.replace(quotes, "unavailable_reason", unavailable_reason)

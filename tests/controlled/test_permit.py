"""What leaves the machine in a controlled run: each attempt is asked about, and counted."""

from __future__ import annotations

import json
from decimal import Decimal

import httpx
import pytest

from conformance.scenarios.controlled.permit import QUOTES, TRANSACTS, Permit

BASE = "https://pools-api.0bit.app/v1"


def request(method: str, path: str, body: object = None, key: str | None = None) -> httpx.Request:
    content = None if body is None else json.dumps(body).encode()
    headers = {} if key is None else {"Idempotency-Key": key}
    return httpx.Request(method, BASE + path, content=content, headers=headers)


def asking(amount: object = "10.00") -> httpx.Request:
    return request("POST", "/pools/EUR-USDT/quote", {"amount": amount})


def order(pool: str = "EUR-USDT", quote: str = "pq_1", key: str | None = "key-1", **further: str) -> httpx.Request:
    return request("POST", f"/pools/{pool}/transact", {"quoteId": quote, **further}, key)


def bound(most: str = "30.00", cost: str = "10.00") -> Permit:
    permit = Permit(BASE, Decimal(most))
    permit.bind("EUR-USDT", "pq_1", "key-1", Decimal(cost))
    return permit


@pytest.mark.parametrize(
    "sent",
    [
        order(pool="EUR-USDC"),
        order(quote="pq_2"),
        order(key="key-2"),
        order(key=None),
        order(destAddress="0x0"),
        request("POST", "/pools/EUR-USDT/transact", [], "key-1"),
        request("PUT", "/pools/EUR-USDT/transact", {"quoteId": "pq_1"}, "key-1"),
        request("POST", "/pools/quotes/pq_1/reject"),
        request("POST", "/pools/quotes/pq_1/reject/transact", {"quoteId": "pq_1"}, "key-1"),
        request("POST", "/_sandbox/funding", {"amount": "10.00"}),
        request("DELETE", "/pools/quotes/pq_1"),
        asking(),
    ],
    ids=lambda sent: f"{sent.method} {sent.url.path} {sent.content.decode()}",
)
def test_once_an_order_is_bound_nothing_else_is_sent(sent: httpx.Request) -> None:
    assert bound().objection(sent) is not None


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reads_are_always_sent(method: str) -> None:
    assert bound().objection(request(method, "/pools/transactions/pq_1")) is None


def test_nothing_is_executed_before_an_order_is_bound() -> None:
    assert Permit(BASE, Decimal(30)).objection(order()) is not None


@pytest.mark.parametrize(
    ("most", "cost", "times"),
    [("10.00", "10.00", 1), ("19.99", "10.00", 1), ("20.00", "10.00", 2), ("1000.00", "10.00", TRANSACTS)],
)
def test_the_order_is_sent_as_often_as_the_bound_would_cover_it(most: str, cost: str, times: int) -> None:
    permit = bound(most, cost)
    answers = [permit.objection(order()) for _ in range(TRANSACTS + 2)]
    assert [answer is None for answer in answers] == [True] * times + [False] * (TRANSACTS + 2 - times)


def test_a_second_order_cannot_be_bound() -> None:
    with pytest.raises(RuntimeError, match="one order"):
        bound().bind("EUR-USDT", "pq_2", "key-2", Decimal(1))


@pytest.mark.parametrize("cost", ["30.01", "0", "-1"])
def test_a_cost_beyond_the_bound_cannot_be_bound(cost: str) -> None:
    with pytest.raises(ValueError, match=r"not covered by 30\.00"):
        bound(cost=cost)


@pytest.mark.parametrize(
    ("amount", "sent"), [("30.00", True), ("30.01", False), ("0", False), ("-1", False), ("much", False), (None, False)]
)
def test_a_quote_is_asked_for_within_the_bound_only(amount: object, sent: bool) -> None:
    assert (Permit(BASE, Decimal("30.00")).objection(asking(amount)) is None) is sent


def test_a_quote_is_asked_for_again_only_a_few_times() -> None:
    permit = Permit(BASE, Decimal(30))
    assert [permit.objection(asking()) is None for _ in range(QUOTES + 1)] == [True] * QUOTES + [False]


def test_only_a_quote_of_the_run_may_be_rejected() -> None:
    permit = Permit(BASE, Decimal(30))
    permit.own("pq_1")
    assert permit.objection(request("POST", "/pools/quotes/pq_1/reject")) is None
    assert permit.objection(request("POST", "/pools/quotes/pq_2/reject")) is not None

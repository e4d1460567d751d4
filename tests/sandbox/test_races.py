"""Many at once: one winner, one trade, one debit, over real connections."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .process import FAILS, Partner, Sandbox

THREADS = 8
Answer = TypeVar("Answer")


def at_once(*calls: Callable[[], Answer]) -> list[Answer]:
    """All calls released at the same moment."""
    barrier = threading.Barrier(len(calls), timeout=20)

    def run(call: Callable[[], Answer]) -> Answer:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def rows(partner: Partner) -> int:
    return len(partner.http.get("/pools/trades", params={"limit": 100}).json()["trades"])


def test_duplicates_of_one_execution_make_one_trade(approved: Partner) -> None:
    quote_id, before = approved.firm(), rows(approved)
    answers = at_once(*[lambda: approved.transact(quote_id, key="dup")] * THREADS)

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: THREADS - 1}
    assert len({answer.json()["transactId"] for answer in answers}) == 1
    assert rows(approved) == before + 1
    assert approved.movements(quote_id) == [("buy_debit", "-100.00")]


def test_different_keys_for_one_quote_make_one_trade(approved: Partner) -> None:
    quote_id = approved.firm()
    answers = at_once(*[lambda: approved.transact(quote_id)] * THREADS)

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: THREADS - 1}
    assert approved.movements(quote_id) == [("buy_debit", "-100.00")]


def test_one_key_for_different_quotes_executes_one_of_them(approved: Partner) -> None:
    quotes = [approved.firm() for _ in range(THREADS)]
    answers = at_once(*[lambda quote_id=quote_id: approved.transact(quote_id, key="one") for quote_id in quotes])

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: THREADS - 1}
    assert Counter(approved.state(quote_id) for quote_id in quotes) == {"consumed": 1, "active": THREADS - 1}


def test_transact_and_reject_have_one_winner(approved: Partner) -> None:
    for _ in range(5):
        quote_id = approved.firm()
        executed, rejected = at_once(
            lambda quote_id=quote_id: approved.transact(quote_id),
            lambda quote_id=quote_id: approved.http.post(f"/pools/quotes/{quote_id}/reject"),
        )

        won = {(201, 409): "consumed", (409, 200): "rejected"}[executed.status_code, rejected.status_code]
        assert approved.state(quote_id) == won
        assert len(approved.movements(quote_id)) == (won == "consumed")


def test_one_of_many_rejections_succeeds(approved: Partner) -> None:
    quote_id = approved.firm()
    answers = at_once(*[lambda: approved.http.post(f"/pools/quotes/{quote_id}/reject")] * THREADS)

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: THREADS - 1}


def test_parallel_polls_refund_once(approved: Partner) -> None:
    quote_id = approved.trade(destAddress=FAILS)["quoteId"]
    answers = at_once(*[lambda: approved.poll(quote_id, times=3)[-1]] * THREADS)

    assert set(answers) == {"failed"}
    assert approved.movements(quote_id) == [("buy_debit", "-100.00"), ("buy_refund", "100.00")]


def test_a_balance_is_not_spent_twice(sandbox: Sandbox) -> None:
    partner = sandbox.partner("unfunded")
    sandbox.control("/funding", account="unfunded", amount="141.00")
    quotes = [partner.firm(amount="60.00") for _ in range(THREADS)]
    answers = at_once(*[lambda quote_id=quote_id: partner.transact(quote_id) for quote_id in quotes])

    assert Counter(answer.status_code for answer in answers) == {201: 2, 402: THREADS - 2}
    assert partner.http.get("/pools/EUR-USDT/balance").json()["balance"] == "30.00"


def test_a_velocity_cap_is_not_passed_twice(sandbox: Sandbox) -> None:
    partner = sandbox.partner("velocity_capped")
    quotes = [partner.firm(amount="10.00") for _ in range(THREADS)]
    answers = at_once(*[lambda quote_id=quote_id: partner.transact(quote_id) for quote_id in quotes])

    assert Counter(answer.status_code for answer in answers) == {201: 1, 429: THREADS - 1}

"""Customer records, the hard way: creates that are repeated, whose answer is lost, and that meet."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from conformance.client import Reply
from conformance.client.chaos import AnswerLost, Loss, Point
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.desk import Desk
from conformance.scenarios.gate.records import caught_up, in_lists
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.callers import under_way

NEEDS = ("customers",)
ROUNDS, CROWD = 3, 4
HEAD_START = 0.002
"""Most seconds by which one of those who meet may come before another."""


@scenario("GATE-CUSTOMER-IDEMPOTENT", needs=NEEDS)
def test_a_repeated_create_answers_the_same_customer(bench: Bench, desk: Desk, judge: Judge) -> None:
    request, key = desk.customer_request(), bench.uuid()
    first = desk.api.create_customer(request, key)
    customer = desk.noted_customer(request, first) or desk.record_customer()
    again = desk.api.create_customer(request, key)
    judge.check(
        "GATE-CUSTOMER-IDEMPOTENT",
        again.ok and again.object().get("id") == customer.id,
        "2xx with the record of the first answer",
        f"{again.status}, {'the same' if again.object().get('id') == customer.id else 'another or no'} id",
        first,
        again,
    )
    other = desk.customer_request()
    reply = desk.api.create_customer(other, key)
    desk.noted_customer(other, reply)
    caught_up(desk)
    made = in_lists(desk, other)
    judge.check(
        "GATE-CUSTOMER-IDEMPOTENT",
        not made,
        "no record of another request under the used key",
        f"{reply.status} and {len(made)} record(s)",
        first,
        reply,
    )


@scenario("GATE-CUSTOMER-IDEMPOTENT", needs=NEEDS)
def test_a_create_whose_answer_was_lost_is_answered_when_repeated(bench: Bench, desk: Desk, judge: Judge) -> None:
    desk.record_customer()
    for loss in (Loss(Point.UNREAD), Loss(Point.WITHHELD)):
        request, key = desk.customer_request(), bench.uuid()
        try:
            bench.wire.send(
                desk.api.who,
                "POST",
                "/customers",
                product="gate",
                body=request,
                headers={"Idempotency-Key": key},
                lose=loss,
            )
        except AnswerLost as lost:
            exchange = lost.exchange
        # A duplicate of a call that is still at work may be refused meanwhile.
        reply = _until_answered(bench, partial(desk.api.create_customer, request, key))
        customer = desk.noted_customer(request, reply)
        caught_up(desk)
        made = in_lists(desk, request)
        judge.check(
            "GATE-CUSTOMER-IDEMPOTENT",
            customer is not None and made == [customer.id],
            "2xx with the one record that there is",
            f"{reply.status} and {len(made)} record(s)",
            exchange,
            reply,
        )


def _until_answered(bench: Bench, repeat: Callable[[], Reply]) -> Reply:
    """Repeat as long as the first request may be under way."""
    until = bench.clock.monotonic() + under_way(bench)
    while not (reply := repeat()).ok and bench.clock.monotonic() < until:
        bench.clock.sleep(bench.target.patience.poll_every)
    return reply


@scenario("GATE-CUSTOMER-CONCURRENT-ONCE", needs=NEEDS)
def test_simultaneous_creates_with_one_address_make_one_customer(bench: Bench, desk: Desk, judge: Judge) -> None:
    desk.record_customer()
    for number in range(ROUNDS):
        email = f"{desk.tag()}@conformance.example"
        calls = [(desk.customer_request(email=email), bench.uuid()) for _ in range(CROWD)]
        # In the last round they are retries of one call: one key and one body.
        calls = calls if number < ROUNDS - 1 else [calls[0]] * CROWD
        starts = [bench.rng.uniform(0, HEAD_START) if number else 0.0 for _ in calls]
        results = bench.together(
            [partial(_create, desk, *call, wait) for call, wait in zip(calls, starts, strict=True)]
        )
        replies = [result for result in results if isinstance(result, Reply)]
        _judge_race(desk, judge, [request for request, _ in calls], replies)


def _create(desk: Desk, request: dict[str, object], key: str, wait: float) -> Reply:
    desk.bench.clock.sleep(wait)
    return desk.api.create_customer(request, key)


def _judge_race(desk: Desk, judge: Judge, requests: list[dict[str, object]], replies: list[Reply]) -> None:
    noted = [desk.noted_customer(requests[0], reply) for reply in replies]
    named = {customer.id for customer in noted if customer is not None}
    caught_up(desk)
    made = {name for request in requests for name in in_lists(desk, request)}
    desk.bench.customers.update(dict.fromkeys(made, desk.account))
    if not made and not named:
        judge.cannot("GATE-CUSTOMER-CONCURRENT-ONCE", "a race that somebody wins", "the harness (another try)")
        return
    judge.check(
        "GATE-CUSTOMER-CONCURRENT-ONCE",
        len(made | named) == 1,
        "one record, and every success names it",
        f"{len(made)} record(s), and {len(named)} named by {sum(reply.ok for reply in replies)} success(es)",
        *replies,
        nondeterministic=True,
    )

"""One idempotency key, one rail: repeats, other bodies, callers who meet, and answers that get lost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from conformance.client import Reply
from conformance.client.chaos import AnswerLost, Loss, Point
from conformance.scenarios.bench import Bench, settled_replies
from conformance.scenarios.gate.desk import Desk, Quote, Session
from conformance.scenarios.gate.redeeming import (
    IN_FLIGHT,
    LosingGateApi,
    Watch,
    rail_id,
    reads,
    ready_session,
    redemption,
    sides,
    start_rail,
)
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.callers import LONGEST_UNDER_WAY

AT_ONCE = 6
REPEATS = 2


@scenario("GATE-RAIL-IDEMPOTENT", needs=["rails"], trades=2)
def test_a_rail_create_repeated_under_its_key_answers_the_same_rail(bench: Bench, desk: Desk, judge: Judge) -> None:
    for side in sides(desk):
        quote, session, key = desk.lock(side), ready_session(desk), bench.uuid()
        body = redemption(session.id, quote, reference=desk.tag())
        watch = Watch(desk, quote, session.id)
        bench.afford(str(quote.request["amount"]))
        replies = [desk.api.create_rail(quote.rail, body, key) for _ in range(1 + REPEATS)]
        if "rail_settled" in bench.target.outcomes and (rail := rail_id(replies[0])):
            bench.perform("rail_settled", railId=rail)
            desk.until(lambda rail=rail, quote=quote: desk.api.rail(quote.rail, rail), reads("settled"))  # type: ignore[misc]
            # Whatever became of the rail and of its session: the key stands for this redemption.
            replies.append(desk.api.create_rail(quote.rail, body, key))
        proof = watch.one(replies)
        judge.check(
            "GATE-RAIL-IDEMPOTENT",
            all(reply.ok for reply in replies) and proof.ok,
            f"the same {quote.rail} each time, and one in all",
            f"{', '.join(str(reply.status) for reply in replies)}; {proof.observed}",
            *replies,
            *proof.seen,
        )


@scenario("GATE-RAIL-IDEMPOTENT", needs=["rails"], trades=3)
def test_rail_keys_that_look_alike_are_different_keys(bench: Bench, desk: Desk, judge: Judge) -> None:
    # A free-form key of the length of the published UUID samples; what differs comes last, or only in case.
    stem = f"rail-in:{bench.rng.getrandbits(108):027x}"
    made: list[tuple[str, Quote, dict[str, object], Reply]] = []
    for key in (f"{stem}a", f"{stem}b", f"{stem}A"):
        quote, session = desk.lock(), ready_session(desk)
        made.append((key, quote, redemption(session.id, quote), desk.redeem(session.id, quote, key)))
    replies = [reply for *_, reply in made]
    if {reply.status for reply in replies} <= {400, 422}:
        # One page says that a key is a UUID.
        judge.cannot("GATE-RAIL-IDEMPOTENT", "a target that takes free-form idempotency keys", "the target")
        return
    ids = [rail_id(reply) for reply in replies]
    # Each key answers for itself, also when others were used after it.
    repeats = [desk.api.create_rail(quote.rail, body, key) for key, quote, body, _ in made]
    judge.check(
        "GATE-RAIL-IDEMPOTENT",
        None not in ids and len(set(ids)) == len(made) and [rail_id(reply) for reply in repeats] == ids,
        f"{len(made)} rails for {len(made)} quotes under keys that differ in one character, and again each its own",
        f"{', '.join(str(reply.status) for reply in replies)}, {len(set(ids))} rail(s); "
        f"again {', '.join(str(reply.status) for reply in repeats)}, "
        f"{sum(rail_id(reply) == rail for reply, rail in zip(repeats, ids, strict=True))} of them its own",
        *replies,
        *repeats,
    )


@scenario("GATE-RAIL-KEY-OTHER-BODY", needs=["rails"], trades=4)
def test_a_key_used_for_one_quote_does_not_redeem_another(bench: Bench, desk: Desk, judge: Judge) -> None:
    for side in sides(desk):
        rail, other, elsewhere = start_rail(desk, side), desk.lock(side), ready_session(desk)
        watch = Watch(desk, other, elsewhere.id, busy=[rail.session.id])
        bench.afford(str(other.request["amount"]))
        clashes = [
            desk.api.create_rail(rail.kind, redemption(session, other), rail.key)
            for session in (elsewhere.id, rail.session.id)
        ]
        proof = watch.nothing()
        again = desk.api.create_rail(rail.kind, rail.request, rail.key)
        judge.check(
            "GATE-RAIL-KEY-OTHER-BODY",
            all(clash.status == 409 for clash in clashes) and proof.ok and rail_id(again) == rail.id,
            "409 for another quote, which stays active, and the key still answers its own rail",
            f"{', '.join(str(clash.status) for clash in clashes)}; {proof.observed}; the key answers {again.status}"
            + ("" if rail_id(again) == rail.id else ", not its rail"),
            rail.reply,
            *clashes,
            again,
            *proof.seen,
        )


STARTS = ((0.0,), (0.0, 0.002, 0.004), (0.0, 0.001, 0.008))
"""Seconds by which those who meet start late, in turn."""


@scenario("GATE-RAIL-CONCURRENT-ONCE", needs=["rails"], trades=len(STARTS))
def test_simultaneous_rail_creates_under_one_key_make_one_rail(bench: Bench, desk: Desk, judge: Judge) -> None:
    for turn, starts in enumerate(STARTS):
        known = sides(desk)
        quote, session, key = desk.lock(known[turn % len(known)]), ready_session(desk), bench.uuid()
        body = redemption(session.id, quote)
        watch = Watch(desk, quote, session.id)
        bench.afford(str(quote.request["amount"]))

        def create(late: float, quote: Quote = quote, body: dict[str, object] = body, key: str = key) -> Reply:
            bench.clock.sleep(late)
            return desk.api.create_rail(quote.rail, body, key)

        crowd: list[Callable[[], Reply]] = [partial(create, starts[n % len(starts)]) for n in range(AT_ONCE)]
        replies = settled_replies(bench.together(crowd))
        after = _until_answered(bench, partial(create, 0.0))
        refused = sorted({reply.status for reply in replies if not reply.ok})
        proof = watch.one([*replies, after])
        judge.check(
            "GATE-RAIL-CONCURRENT-ONCE",
            proof.ok and after.ok and set(refused) <= IN_FLIGHT,
            f"{AT_ONCE} at once under one key: one rail, named by every success and by the key afterwards",
            f"{proof.observed}; refusals {refused or 'none'}, afterwards {after.status}",
            *replies,
            after,
            *proof.seen,
        )


@scenario("GATE-RAIL-CONCURRENT-ONCE", "GATE-RAIL-KEY-OTHER-BODY", needs=["rails"], trades=4)
def test_one_key_sent_for_several_quotes_at_once_redeems_one_of_them(bench: Bench, desk: Desk, judge: Judge) -> None:
    orders = [(desk.lock(), ready_session(desk)) for _ in range(4)]
    watches = [Watch(desk, quote, session.id) for quote, session in orders]
    key = bench.uuid()
    for quote, _ in orders:
        bench.afford(str(quote.request["amount"]))

    def create(quote: Quote, session: Session) -> Reply:
        return desk.api.create_rail(quote.rail, redemption(session.id, quote), key)

    # The last one comes when the others are through: where it is not refused, no race is needed to go wrong.
    *racing, late = orders
    crowd: list[Callable[[], Reply]] = [partial(create, *order) for order in racing * 2]
    results = bench.together(crowd)
    replies = settled_replies(results)
    clash = create(*late)
    unmoved = watches[-1].nothing()
    if not judge.check(
        "GATE-RAIL-KEY-OTHER-BODY",
        clash.status == 409 and unmoved.ok,
        "409 for another quote afterwards, which stays active",
        f"{clash.status}; {unmoved.observed}",
        *replies,
        clash,
        *unmoved.seen,
    ):
        judge.cannot("GATE-RAIL-CONCURRENT-ONCE", "a key that is refused for another quote", "the target")
        return
    winners = {place % len(racing) for place, reply in enumerate(results) if isinstance(reply, Reply) and reply.ok}
    ids = {found for reply in replies if (found := rail_id(reply))}
    refused = sorted({reply.status for reply in replies if not reply.ok})
    proofs = [
        watch.one([reply for reply in replies if reply.ok]) if place in winners else watch.nothing()
        for place, watch in enumerate(watches[:-1])
    ]
    judge.check(
        "GATE-RAIL-CONCURRENT-ONCE",
        len(ids) == len(winners) == 1 and set(refused) <= IN_FLIGHT and all(proof.ok for proof in proofs),
        f"one key for {len(racing)} quotes at once: one rail, the other quotes active and refused with 409",
        f"{len(ids)} rail(s) for {len(winners)} quote(s); refusals {refused or 'none'}; "
        + "; ".join(proof.observed for proof in proofs),
        *replies,
        *(reply for proof in proofs for reply in proof.seen),
    )


@scenario("GATE-RAIL-LOST-ANSWER", needs=["rails"], trades=3)
def test_a_rail_create_whose_answer_was_lost_is_made_once(bench: Bench, desk: Desk, judge: Judge) -> None:
    pause = bench.target.patience.poll_every
    losses = (Loss(Point.UNREAD), Loss(Point.UNREAD, after=pause), Loss(Point.WITHHELD))
    known = sides(desk)
    work: list[tuple[Quote, Session, str, Loss]] = []
    for place, loss in enumerate(losses):
        quote = desk.lock(known[place % len(known)])
        bench.afford(str(quote.request["amount"]))
        work.append((quote, ready_session(desk), bench.uuid(), loss))
    watches = [Watch(desk, quote, session.id) for quote, session, _, _ in work]
    answers = bench.together([partial(_lose_and_retry, bench, desk, *item) for item in work])
    for watch, answered in zip(watches, answers, strict=True):
        if isinstance(answered, BaseException):
            raise answered
        lost, replies = answered
        proof = watch.one(replies)
        judge.check(
            "GATE-RAIL-LOST-ANSWER",
            proof.ok and replies[-1].ok,
            "one rail, named by every answer to the key",
            f"{', '.join(str(reply.status) for reply in replies)}; {proof.observed}",
            *lost,
            *replies,
            *proof.seen,
        )


def _lose_and_retry(
    bench: Bench, desk: Desk, quote: Quote, session: Session, key: str, loss: Loss
) -> tuple[list[str], list[Reply]]:
    """Lose an answer and ask again, twice: the exchanges that were lost, and the answers that were not."""
    body = redemption(session.id, quote)
    lost, replies = [], []
    for losing in (loss, Loss(Point.UNREAD)):
        try:
            LosingGateApi(desk.api.wire, desk.api.who, losing).create_rail(quote.rail, body, key)
        except AnswerLost as thrown_away:
            lost.append(thrown_away.exchange)
        replies.append(_until_answered(bench, lambda: desk.api.create_rail(quote.rail, body, key)))
    return lost, replies


def _until_answered(bench: Bench, retry: Callable[[], Reply]) -> Reply:
    """Retry as long as the first request may be under way, since until then a duplicate may be refused."""
    pause, until = bench.target.patience.poll_every, bench.clock.monotonic()
    until += min(bench.target.patience.request, LONGEST_UNDER_WAY)
    reply = retry()
    while not reply.ok and bench.clock.monotonic() < until:
        bench.clock.sleep(pause)
        pause = min(2 * pause, 1.0)
        reply = retry()
    return reply

"""One key, one session: repeated, with another amount, by many at once, and after an answer nobody heard."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import partial

from conformance.client import Reply
from conformance.client.chaos import AnswerLost, Loss, Point
from conformance.model.gate import Told, once_problems
from conformance.scenarios.bench import Bench, settled_replies
from conformance.scenarios.gate.desk import Desk, same_money
from conformance.scenarios.gate.lists import tag_of
from conformance.scenarios.judging import Judge, scenario

IDEMPOTENT = "GATE-SESSION-IDEMPOTENT"
OTHER_BODY = "GATE-SESSION-KEY-OTHER-BODY"
AT_ONCE = "GATE-SESSION-CONCURRENT-ONCE"
LOST = "GATE-SESSION-LOST-ANSWER"

CROWD = 5
SPREADS = (0.0, 0.002, 0.006)
"""Seconds over which the crowd of one round arrives."""
LONGEST_UNDER_WAY = 5.0
"""Seconds during which a create without an answer may still be at work, and a duplicate of it be refused."""
LONGEST_PAUSE = 0.5


def told(reply: Reply) -> Told:
    """What an answer to a create says."""
    named = reply.object().get("id") if reply.ok else None
    return Told(reply.status, named if isinstance(named, str) else "")


def listed(desk: Desk, request: Mapping[str, object], *named: str, wanted: bool = True) -> list[str]:
    """The ids of the sessions made of ``request``, by its tag or because they are ``named``.

    Where one is ``wanted``, lists are given a moment to show it.
    """
    found: list[str] = []

    def look() -> bool:
        rows = [row for _, row in desk.walk(desk.api.list_sessions, limit="100")]
        found[:] = [str(row.get("id")) for row in rows if row.get("id") in named or tag_of(row) == tag_of(request)]
        return bool(found)

    desk.awaited(look) if wanted else look()
    return found


def judge_once(
    judge: Judge,
    desk: Desk,
    requirement: str,
    request: Mapping[str, object],
    replies: list[Reply],
    evidence: tuple[str, ...] = (),
) -> None:
    """Judge that all these creates, one key and one body, made one session that every success names."""
    answers = [told(reply) for reply in replies]
    problems = once_problems(answers, listed(desk, request, *(answer.id for answer in answers)))
    statuses = ", ".join(str(answer.status) for answer in answers)
    judge.check(
        requirement,
        not problems,
        "one session, named by every success",
        f"{'; '.join(problems) or 'so it is'} (answers: {statuses})",
        *replies,
        *evidence,
    )


@scenario(IDEMPOTENT)
def test_a_create_repeated_under_its_key_is_answered_with_the_same_session(
    bench: Bench, desk: Desk, judge: Judge
) -> None:
    request, key = desk.session_request(user_reference=desk.tag()), bench.uuid()
    replies = [desk.api.create_session(request, key) for _ in range(3)]
    sessions = [session for reply in replies if (session := desk.noted(request, reply))]
    # What became of the session since does not make the key free again.
    if sessions and desk.api.cancel_session(sessions[0].id, bench.uuid()).ok:
        desk.ended(sessions[0].id)
        replies.append(desk.api.create_session(request, key))
        if replies[-1].object().get("id") != sessions[0].id:
            desk.noted(request, replies[-1])
    judge_once(judge, desk, IDEMPOTENT, request, replies)
    judge.check(
        IDEMPOTENT,
        all(reply.ok for reply in replies),
        "success each time",
        ", ".join(str(reply.status) for reply in replies),
        *replies,
    )
    judge.observe("repeat of a create", str(replies[1].status), IDEMPOTENT, replies[1])


@scenario(IDEMPOTENT)
def test_creates_under_keys_of_their_own_are_sessions_of_their_own(bench: Bench, desk: Desk, judge: Judge) -> None:
    request, key = desk.session_request(), bench.uuid()
    # Free-form keys are published beside UUIDs, so what differs at the end or in case is another key. Another page says
    # UUID, so a target may refuse them.
    free = (f"{key}:order", f"{key}:ORDER", f"{key}:order:2")
    tried = [(key, desk.api.create_session(request, key)) for key in (bench.uuid(), key, *free)]
    taken = [(key, reply) for key, reply in tried if reply.status not in (400, 422) or key not in free]
    judge.observe("free-form idempotency keys", "taken" if len(taken) == len(tried) else "refused", IDEMPOTENT)
    keys, replies = [key for key, _ in taken], [reply for _, reply in taken]
    named = {session.id for reply in replies if (session := desk.noted(request, reply))}
    judge.check(
        IDEMPOTENT,
        len(named) == len(keys),
        "each key stands for a create of its own",
        f"{', '.join(str(reply.status) for reply in replies)}; {len(named)} session(s) under {len(keys)} keys",
        *replies,
    )
    # Others have used keys since, and no key is forgotten for that.
    repeats = [desk.api.create_session(request, key) for key in keys]
    for reply in repeats:
        desk.noted(request, reply)
    others = [told(reply).id != told(first).id for first, reply in zip(replies, repeats, strict=True)]
    judge.check(
        IDEMPOTENT,
        not any(others),
        "each key still answers its own session",
        f"{', '.join(str(reply.status) for reply in repeats)}; {sum(others)} answered otherwise",
        *replies,
        *repeats,
    )


@scenario(OTHER_BODY)
def test_a_used_key_with_another_amount_is_a_conflict_and_makes_nothing(bench: Bench, desk: Desk, judge: Judge) -> None:
    request, key = desk.session_request(), bench.uuid()
    first = desk.api.create_session(request, key)
    session = desk.noted(request, first)
    if session is None:
        judge.cannot(OTHER_BODY, "a create that succeeds", "the target")
        return
    # Once with nothing else changed, once as another order altogether.
    more = [f"{Decimal(desk.terms.amount) + step:.2f}" for step in (1, 2)]
    tries = [{**request, "amount": more[0]}, {**desk.session_request(), "amount": more[1]}]
    replies = [desk.api.create_session(body, key) for body in tries]
    for body, reply in zip(tries, replies, strict=True):
        if told(reply).id not in ("", session.id):
            desk.noted(body, reply)
    read, again = desk.api.session(session.id), desk.api.create_session(request, key)
    made = {*listed(desk, request, session.id), *listed(desk, tries[1], wanted=False)}
    wrong = [f"answered {reply.status}" for reply in replies if reply.status != 409]
    wrong += [f"{len(made)} sessions were made"] if made != {session.id} else []
    kept = same_money(read.object().get("amount"), request["amount"])
    wrong += [] if kept else ["the session has another amount now"]
    wrong += [f"the first body again is answered {again.status}"] if told(again).id != session.id else []
    judge.check(
        OTHER_BODY,
        not wrong,
        "409 for another amount, no session of it, and the first as it was",
        "; ".join(wrong) or "409, and nothing moved",
        first,
        *replies,
        read,
        again,
    )


@scenario(AT_ONCE)
def test_simultaneous_creates_under_one_key_make_one_session(bench: Bench, desk: Desk, judge: Judge) -> None:
    for spread in SPREADS:
        request, key = desk.session_request(), bench.uuid()
        waits = [bench.rng.uniform(0, spread) for _ in range(CROWD)]

        def create(wait: float, request: dict[str, object] = request, key: str = key) -> Reply:
            bench.clock.sleep(wait)
            return desk.api.create_session(request, key)

        replies = settled_replies(bench.together([partial(create, wait) for wait in waits]))
        # A duplicate may be refused while the first is under way, and only then.
        replies.append(until_answered(bench, desk, request, key))
        for reply in replies:
            desk.noted(request, reply)
        judge_once(judge, desk, AT_ONCE, request, replies)


def until_answered(bench: Bench, desk: Desk, request: dict[str, object], key: str) -> Reply:
    """Repeat a create as long as an earlier one may be under way, since until then a duplicate may be refused."""
    pause = bench.target.patience.poll_every
    until = bench.clock.monotonic() + min(bench.target.patience.request, LONGEST_UNDER_WAY)
    while True:
        reply = desk.api.create_session(request, key)
        if reply.ok or bench.clock.monotonic() >= until:
            return reply
        bench.clock.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def lose(bench: Bench, desk: Desk, request: Mapping[str, object], key: str, loss: Loss) -> str:
    """Send a create and lose its answer; returns the exchange. Raises ``NetworkTrouble`` for real trouble."""
    headers = {"Idempotency-Key": key}
    try:
        sent = bench.wire.send(
            desk.api.who, "POST", "/gate_sessions", product="gate", body=request, headers=headers, lose=loss
        )
    except AnswerLost as lost:
        return lost.exchange
    return sent.exchange


@scenario(LOST)
def test_a_create_whose_answer_was_lost_makes_one_session_however_often_it_is_repeated(
    bench: Bench, desk: Desk, judge: Judge
) -> None:
    pause = bench.target.patience.poll_every
    for losses in (
        (Loss(Point.UNREAD), Loss(Point.WITHHELD)),
        (Loss(Point.UNREAD, after=pause),),
        (Loss(Point.WITHHELD), Loss(Point.WITHHELD)),
    ):
        request, key = desk.session_request(), bench.uuid()
        lost = tuple(lose(bench, desk, request, key, loss) for loss in losses)
        replies = [until_answered(bench, desk, request, key), desk.api.create_session(request, key)]
        for reply in replies:
            desk.noted(request, reply)
        judge_once(judge, desk, LOST, request, replies, evidence=lost)

"""Replaying deliveries: what 0Gate has given up, and nothing else."""

from __future__ import annotations

from conformance.client import Refused
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.arrivals import Arrival
from conformance.scenarios.gate.deliveries import (
    CREATED,
    FRESH,
    anew,
    comes_true,
    open_session,
    row_of,
    send_test,
    status_of,
    told,
)
from conformance.scenarios.gate.desk import Desk
from conformance.scenarios.gate.mailbox import REGISTRAR, Post, shared
from conformance.scenarios.judging import Judge, scenario

ATTEMPTS = 5
"""How often a delivery is tried, as published (gate facts 8.5)."""
NOBODYS = "wd_conformance0nobody0issued0this"


def doom(bench: Bench) -> str:
    """Let 0Gate have a delivery that is never taken. Returns the word it bears.

    It takes its time to be given up, so it is sent before anything else is tried.
    """
    post, desk = shared(bench), Desk(bench)
    word = desk.tag()
    post.held.add(word)
    post.script.plan(word, after=500, kind=CREATED)
    open_session(desk, post, metadata={"conformance_tag": word})
    return word


@scenario("GATE-REPLAY-STATE")
def test_only_a_dead_letter_can_be_replayed(desk: Desk, judge: Judge, possible_post: Post | None) -> None:
    post = possible_post
    unknown = desk.api.replay(NOBODYS)
    problems = [] if unknown.status == 404 else [f"{unknown.status} for a delivery nobody issued"]
    sent = send_test(desk).object()
    event, delivery = str(sent["event_id"]), str(sent.get("id"))
    if post is not None:
        post.wait_for(lambda found: found.event == event)
    comes_true(desk, lambda: status_of(desk, event) in ("succeeded", "dead_lettered"))
    status = status_of(desk, event)
    if status != "succeeded":
        judge.cannot("GATE-REPLAY-STATE", "a delivery that succeeded", REGISTRAR)
        return
    before = 0 if post is None else len(post.about(event))
    again = desk.api.replay(delivery)
    problems += [] if again.status == 400 else [f"{again.status} for a delivery that is {status}"]
    after = status_of(desk, event)
    problems += [] if after == status else [f"{after} after a refused replay"]
    if post is not None:
        post.lull(desk)
        problems += ["sent again all the same"] if len(post.about(event)) > before else []
        problems += replayed_early(desk, post)
    judge.check(
        "GATE-REPLAY-STATE",
        not problems,
        "400 for a delivery that is not dead-lettered, 404 for an unknown one, and nothing sent",
        told(problems),
        unknown,
        again,
    )


def replayed_early(desk: Desk, post: Post) -> list[str]:
    """Whether a delivery that was refused once and is tried on can be replayed."""
    word = desk.tag()
    post.script.plan(word, 500, 500, 500, kind=CREATED)
    open_session(desk, post, metadata={"conformance_tag": word})
    arrived = post.wait(CREATED, word)
    line = row_of(desk, arrived.event) if arrived is not None else None
    if arrived is None or line is None:
        return []
    reply = desk.api.replay(str(line[1].get("id")))
    # It may have been given up in between: what is not dead-lettered afterwards was not before.
    again = status_of(desk, arrived.event)
    post.script.drop(word)
    return [] if again in (None, "dead_lettered") or reply.status == 400 else [f"{reply.status} while it is tried on"]


@scenario(
    "GATE-REPLAY",
    "GATE-WEBHOOK-RETRY",
    "GATE-WEBHOOK-ATTEMPTS",
    needs=["gate_webhooks", "gate_dead_letters"],
    parks=doom,
)
def test_a_dead_letter_is_replayed_as_the_same_event(
    bench: Bench, desk: Desk, judge: Judge, post: Post, parked: str
) -> None:
    word = parked
    post.held.discard(word)
    first = post.wait(CREATED, word)
    if first is None:
        raise Refused("a delivery to be given up", "the operator of the target")
    limit = bench.clock.monotonic() + (post.settings.gives_up_within or 0.0)
    line = row_of(desk, first.event)
    while (line is None or line[1].get("status") != "dead_lettered") and bench.clock.monotonic() < limit:
        bench.clock.sleep(bench.target.patience.poll_every)
        line = row_of(desk, first.event)
    if line is None or line[1].get("status") != "dead_lettered":
        promised = f"a delivery given up within {post.settings.gives_up_within:g} s"
        judge.check("GATE-REPLAY", False, promised, f"status {line and line[1].get('status')}", *post.file([first]))
        for requirement in ("GATE-WEBHOOK-RETRY", "GATE-WEBHOOK-ATTEMPTS"):
            judge.cannot(requirement, promised, "the operator of the target")
        return
    # Whole seconds have to pass before another timestamp can be told from the old one.
    bench.clock.sleep(max(0.0, first.delivery.received + FRESH - bench.clock.now().timestamp()))
    attempts = [arrival for arrival in post.about(word) if arrival.kind == CREATED]
    judge_attempts(post, judge, attempts, line[1].get("attempts"))
    post.script.drop(word)
    replayed = desk.api.replay(str(line[1].get("id")))
    repeated = desk.api.replay(str(line[1].get("id")))
    last = attempts[-1].delivery.sequence
    sent = post.wait_for(
        lambda found: found.kind == CREATED and found.speaks_of(word) and found.delivery.sequence > last
    )
    body = replayed.object()
    problems = [] if replayed.ok else [f"the replay answered {replayed.status}"]
    if replayed.ok:
        problems += [] if body.get("status") == "pending" else [f"answered as {body.get('status')}"]
        problems += [] if body.get("event_id") == first.event else ["answered with another event id"]
    problems += [] if repeated.status == 400 else [f"{repeated.status} for a replay repeated at once"]
    problems += ["not sent again"] if sent is None else [] if sent.event == first.event else ["sent as another event"]
    if sent is not None and sent.event == first.event:
        comes_true(desk, lambda: status_of(desk, first.event) == "succeeded")
        status = status_of(desk, first.event)
        problems += [] if status == "succeeded" else [f"{status} in the log after it was taken"]
    judge.check(
        "GATE-REPLAY",
        not problems,
        "the delivery as pending under its event id, sent again, and a replay repeated at once refused with 400",
        told(problems),
        replayed,
        repeated,
        *post.file([first, *([sent] if sent else [])]),
    )
    # A replay under another event id is told above; as the same event it is one more attempt, and the latest.
    judge_retries(post, judge, [*attempts, *([sent] if sent and sent.event == first.event else [])])


def judge_attempts(post: Post, judge: Judge, attempts: list[Arrival], logged: object) -> None:
    """Judge how often a delivery was tried before it was given up. One that the log counts may be lost on the way."""
    counted = max(len(attempts), logged if isinstance(logged, int) else 0)
    judge.check(
        "GATE-WEBHOOK-ATTEMPTS",
        counted >= ATTEMPTS,
        f"{ATTEMPTS} attempts before it is dead-lettered",
        f"{counted} attempts",
        *post.file(attempts),
    )


def judge_retries(post: Post, judge: Judge, attempts: list[Arrival]) -> None:
    """Judge the attempts at one delivery as retries: enough time has passed from the first to the last."""
    problems = anew(post, attempts) + ([] if len(attempts) > 1 else ["no second attempt"])
    judge.check(
        "GATE-WEBHOOK-RETRY",
        not problems,
        "further attempts as the same event, each with a timestamp and signature of its own",
        told(problems),
        *post.file(attempts),
    )

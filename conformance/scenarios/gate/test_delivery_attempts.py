"""In which order deliveries come, and how often each is tried."""

from __future__ import annotations

from conformance.client import Refused
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.arrivals import Arrival, in_turn
from conformance.scenarios.gate.deliveries import CREATED, anew, cannot_arrive, missing, open_session, told
from conformance.scenarios.gate.desk import Desk, Session
from conformance.scenarios.gate.mailbox import Post, shared
from conformance.scenarios.judging import Judge, scenario
from conformance.webhooks.receiver import Late

OPERATOR = "the operator of the target"


@scenario(
    "GATE-WEBHOOK-ORDER",
    needs=["gate_webhooks", "outcome:session_processing", "outcome:session_completed"],
)
def test_the_events_of_a_session_arrive_in_the_order_they_happened(
    bench: Bench, desk: Desk, judge: Judge, post: Post
) -> None:
    happened: dict[str, tuple[str, ...]] = {}
    for _ in range(2):
        completed, cancelled = open_session(desk, post), open_session(desk, post)
        for move in ("processing", "completed"):
            bench.perform(f"session_{move}", account=desk.account, sessionId=completed.id)
        desk.api.cancel_session(cancelled.id)
        desk.ended(completed.id)
        desk.ended(cancelled.id)
        happened[completed.id] = ("created", "processing", "completed")
        happened[cancelled.id] = ("created", "cancelled")
    missing(post, [(f"gate_session.{move}", name) for name, moves in happened.items() for move in moves])
    wrong, seen = [], []
    for name, moves in happened.items():
        order = [f"gate_session.{move}" for move in moves]
        arrived = [arrival for arrival in in_turn(post.about(name)) if arrival.kind in order]
        seen += arrived if len(arrived) > 1 else []
        places = [order.index(arrival.kind) for arrival in arrived]
        if places != sorted(places):
            wrong.append(arrived)
    if not seen:
        judge.cannot("GATE-WEBHOOK-ORDER", "two deliveries of one session", "the operator of the target")
        return
    if wrong and all(was_lost(desk, arrived) for arrived in wrong):
        judge.cannot("GATE-WEBHOOK-ORDER", "a session none of whose deliveries was lost on the way", "the network")
        return
    judge.check(
        "GATE-WEBHOOK-ORDER",
        not wrong,
        "each session's events in the order in which they happened",
        "; ".join(", ".join(arrival.kind for arrival in arrived) for arrived in wrong) or "so they came",
        *post.file([arrival for arrived in wrong for arrival in arrived] or seen),
    )


def was_lost(desk: Desk, arrived: list[Arrival]) -> bool:
    """Whether the log counts more attempts than arrived for one of these: then an earlier one was lost on the way."""
    attempts = {row.get("event_id"): row.get("attempts") for _, row in desk.walk_deliveries(limit="200", pages=2)}
    counts = [attempts.get(arrival.event) for arrival in arrived]
    return any(isinstance(count, int) and count > 1 for count in counts)


@scenario("GATE-WEBHOOK-RETRY", needs=["gate_webhooks", "gate_retries"])
def test_a_refused_delivery_comes_again_as_the_same_event_signed_anew(
    bench: Bench, desk: Desk, judge: Judge, post: Post
) -> None:
    promised = post.settings.retries_within
    assert promised is not None
    created, refused = "gate_session.created", {status: desk.tag() for status in (500, 404)}
    for status, tag in refused.items():
        post.script.plan(tag, status, kind=created)
    sessions = {status: open_session(desk, post, metadata={"conformance_tag": tag}) for status, tag in refused.items()}
    desk.api.cancel_session(sessions[500].id)
    desk.ended(sessions[500].id)
    problems, shown = [], []
    for status, session in sessions.items():
        first = post.wait(created, session.id)
        if first is None:
            if cannot_arrive(post, judge, *judge.declared):
                return
            raise Refused(f"a {created} to be answered with {status}", "the operator of the target")
        again = post.wait_for(
            lambda found, first=first, session=session: (  # type: ignore[misc]
                found.kind == created
                and found.speaks_of(session.id)
                and found.delivery.sequence > first.delivery.sequence
            ),
            promised,
        )
        attempts = [arrival for arrival in post.about(session.id) if arrival.kind == created]
        shown += attempts
        if again is None:
            problems.append(f"no second attempt within {promised:g} s of a {status}")
            continue
        problems += anew(post, attempts)
    if not problems:
        observe_held_back(post, judge, sessions[500])
    for tag in refused.values():
        post.script.drop(tag)
    judge.check(
        "GATE-WEBHOOK-RETRY",
        not problems,
        "a second attempt after a 500 and after a 404, as the same event, with a timestamp and signature of its own",
        told(problems),
        *post.file(shown),
    )


def leave_unanswered(bench: Bench) -> str:
    """Let 0Gate have a delivery whose first attempt is answered too late. Returns the word it bears.

    Its time has to pass, so it is sent before anything else is tried.
    """
    post, desk = shared(bench), Desk(bench)
    word = desk.tag()
    post.held.add(word)
    post.script.plan(word, Late(200, late_after(post)), kind=CREATED)
    open_session(desk, post, metadata={"conformance_tag": word})
    return word


def late_after(post: Post) -> float:
    """Seconds an attempt is left without an answer: longer than the target promises to wait."""
    return 1.5 * (post.settings.times_out_after or 0.0) + 1.0


@scenario(
    "GATE-WEBHOOK-RETRY-UNANSWERED",
    needs=["gate_webhooks", "gate_retries", "gate_timeouts"],
    parks=leave_unanswered,
)
def test_a_delivery_nobody_answers_in_time_comes_again(bench: Bench, judge: Judge, post: Post, parked: str) -> None:
    post.held.discard(parked)
    first = post.wait(CREATED, parked)
    if first is None:
        if not cannot_arrive(post, judge, *judge.declared):
            judge.cannot("GATE-WEBHOOK-RETRY-UNANSWERED", f"a {CREATED} to leave unanswered", OPERATOR)
        return
    promised = late_after(post) + (post.settings.retries_within or 0.0)
    left = first.delivery.received + promised - bench.clock.now().timestamp()
    again = post.wait_for(
        lambda found: (
            found.kind == CREATED and found.speaks_of(parked) and found.delivery.sequence > first.delivery.sequence
        ),
        max(0.0, left),
    )
    post.script.drop(parked)
    if again is None and first.delivery.sequence not in post.mailbox.receiver.abandoned:
        # The late answer may have been taken after all: how long an attempt may take is promised by nobody but the
        # profile, and something on the way may keep the connection.
        judge.cannot("GATE-WEBHOOK-RETRY-UNANSWERED", "an attempt that ends within times_out_after", OPERATOR)
        return
    attempts = [arrival for arrival in post.about(parked) if arrival.kind == CREATED]
    problems = anew(post, attempts) if again else [f"no second attempt within {promised:g} s of the first"]
    judge.check(
        "GATE-WEBHOOK-RETRY-UNANSWERED",
        not problems,
        "a second attempt after one that was not answered in time, as the same event, signed anew",
        told(problems),
        *post.file(attempts),
    )


def observe_held_back(post: Post, judge: Judge, session: Session) -> None:
    """Note whether a session's later event waits for an earlier one that is tried again: no source says."""
    cancelled = post.wait("gate_session.cancelled", session.id)
    if cancelled is None:
        return
    created = [arrival for arrival in post.about(session.id) if arrival.kind == "gate_session.created"]
    held = any(arrival.delivery.sequence < cancelled.delivery.sequence for arrival in created if arrival.status == 200)
    judge.observe(
        "0Gate deliveries: an event in trouble",
        "holds back the later ones of its session" if held else "is overtaken by later ones of its session",
        "GATE-WEBHOOK-ORDER",
    )


@scenario("GATE-WEBHOOK-NO-RETRY", needs=["gate_webhooks"])
def test_a_delivery_answered_with_any_2xx_does_not_come_again(
    bench: Bench, desk: Desk, judge: Judge, post: Post
) -> None:
    suspects = [200, 202, 204]
    shown: list[Arrival] = []
    # What comes again after one answer may have lost it; what comes again after two has not taken it.
    for _ in range(2):
        found = come_again(bench, desk, post, suspects)
        if found is None:
            if not cannot_arrive(post, judge, *judge.declared):
                judge.cannot("GATE-WEBHOOK-NO-RETRY", "deliveries to be answered", "the operator of the target")
            return
        shown, suspects = found[0] or shown, found[1]
        if not suspects:
            break
    judge.check(
        "GATE-WEBHOOK-NO-RETRY",
        not suspects,
        "one attempt for what is answered with 200, 202 or 204",
        f"another attempt after {', '.join(map(str, suspects))}" if suspects else "one attempt",
        *post.file(shown),
    )


def come_again(bench: Bench, desk: Desk, post: Post, statuses: list[int]) -> tuple[list[Arrival], list[int]] | None:
    """Answer an event with each of these statuses: what arrived, and which of them were tried again or will be.

    None when one of the events does not come at all. How long to wait is told by an event that is refused at the same
    time: when that has come again, so would the others have.
    """
    created = "gate_session.created"
    tags = {status: desk.tag() for status in statuses}
    for status, tag in tags.items():
        post.script.plan(tag, after=status, kind=created)
    promised, refused = post.settings.retries_within, desk.tag()
    sessions = {status: open_session(desk, post, metadata={"conformance_tag": tag}) for status, tag in tags.items()}
    if missing(post, [(created, session.id) for session in sessions.values()]):
        return None
    if promised is not None:
        post.script.plan(refused, 500, kind=created)
        control = open_session(desk, post, metadata={"conformance_tag": refused})
        post.wait_for(
            lambda found: found.speaks_of(control.id) and attempts_of(post, created, control.id) > 1, promised
        )
    post.lull(desk)
    again = [status for status, session in sessions.items() if attempts_of(post, created, session.id) > 1]
    events = {status: post.events(created, session.id)[0].event for status, session in sessions.items()}
    desk.awaited(lambda: not unfinished(desk, events))
    again += [status for status in unfinished(desk, events) if status not in again]
    for tag in (*tags.values(), refused):
        post.script.drop(tag)
    return [arrival for session in sessions.values() for arrival in post.about(session.id)], again


def attempts_of(post: Post, kind: str, name: str) -> int:
    """How often an event of this type that names this id has arrived."""
    return sum(arrival.kind == kind for arrival in post.about(name))


def unfinished(desk: Desk, events: dict[int, str]) -> list[int]:
    """Which of these events the log shows as still to be tried; one it does not show says nothing."""
    try:
        rows = {row.get("event_id"): row for _, row in desk.walk_deliveries(limit="200", pages=2)}
    except Refused:
        return []  # the receiver has seen how often each came; the log can only add to that
    waiting = {event for event, row in rows.items() if row.get("status") == "pending" and row.get("next_attempt_at")}
    return [status for status, event in events.items() if event in waiting]

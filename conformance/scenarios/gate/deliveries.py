"""What scenarios say of deliveries in common: the form every one has, how each joins to its object, what is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from conformance.client import Refused, Reply
from conformance.scenarios.gate import arrivals as look
from conformance.scenarios.gate.arrivals import TIMESTAMP, Arrival
from conformance.scenarios.gate.desk import Desk, Session, same_money
from conformance.scenarios.gate.mailbox import REGISTER, REGISTRAR, Post
from conformance.scenarios.judging import Judge

FORM = (
    "GATE-WEBHOOK-SIGNATURE",
    "GATE-WEBHOOK-HEADERS",
    "GATE-WEBHOOK-ENVELOPE",
    "GATE-WEBHOOK-PAYLOAD",
    "GATE-WEBHOOK-NO-SECRET",
)
"""What holds for every delivery, whatever it tells."""

FRESH = 2.0
"""Seconds between two attempts from which on their timestamps must differ: whole seconds, and a delay on the way."""

CREATED = "gate_session.created"

Expected = tuple[str, str]
"""The type of an event and an id it must name."""


def open_session(desk: Desk, post: Post | None, **overrides: object) -> Session:
    """An open session whose client secret must never arrive. Raises ``Refused`` where there is none to be had."""
    session = desk.open_session(**overrides)
    if post is not None and session.secret:
        post.secrets.add(session.secret)
    return session


def judge_form(post: Post, judge: Judge, arrivals: Sequence[Arrival]) -> None:
    """Judge of each of these deliveries what holds for every one."""
    if not arrivals:
        for requirement in FORM:
            judge.cannot(requirement, REGISTER if post.is_silent else "a delivery to look at", REGISTRAR)
        return
    rows: tuple[tuple[str, str, Callable[[Arrival], str]], ...] = (
        (
            "GATE-WEBHOOK-SIGNATURE",
            "a signature over the raw bytes, of now",
            lambda found: look.signature(found, post.settings),
        ),
        ("GATE-WEBHOOK-HEADERS", "JSON, and event id, type and timestamp as in body and signature", look.headers),
        (
            "GATE-WEBHOOK-ENVELOPE",
            "an object with id, type, created_at in Unix seconds, and data",
            lambda found: look.envelope(found, post.drift),
        ),
        (
            "GATE-WEBHOOK-PAYLOAD",
            "what is documented for the type",
            lambda found: look.payload(found, post.contract, post.published),
        ),
        ("GATE-WEBHOOK-NO-SECRET", "no client secret", lambda found: look.secrets(found, post.secrets)),
    )
    for requirement, expected, problem in rows:
        wrong = [(arrival, told) for arrival in arrivals if (told := problem(arrival))]
        told = "; ".join(dict.fromkeys(f"{name_of(post, arrival)}: {what}" for arrival, what in wrong[:3]))
        shown = post.file([arrival for arrival, _ in wrong] or arrivals, most=3)
        judge.check(requirement, not wrong, expected, told or "so it is in each", *shown)
    observe_form(post, judge, arrivals)


def observe_form(post: Post, judge: Judge, arrivals: Sequence[Arrival]) -> None:
    """Note legal choices: where payloads depart from our guesses, types nobody published, other timestamps."""
    noted: set[tuple[str, str]] = set()
    for arrival in arrivals:
        known = post.published.event_schema(arrival.kind) is not None
        if not known:
            noted.add(("0Gate event of a type that is not published", "sent"))
        elif departure := look.payload(arrival, post.contract, post.published, full=True):
            noted.add((f"event {arrival.kind}: full view", departure))
        if arrival.header(TIMESTAMP) and arrival.header(TIMESTAMP) != str(arrival.signed_at):
            noted.add((f"0Gate deliveries: {TIMESTAMP}", "differs from the signature's t"))
    for subject, value in sorted(noted):
        judge.observe(subject, value)


def name_of(post: Post, arrival: Arrival) -> str:
    """The type of an event, if it is one we know."""
    return arrival.kind if post.published.event_schema(arrival.kind) is not None else "an event of another type"


def missing(post: Post, wanted: Sequence[Expected]) -> list[Expected]:
    """Which of these events do not arrive while one patience for all of them lasts."""
    clock = post.bench.clock
    deadline = clock.monotonic() + post.bench.target.patience.delivery
    return [
        (kind, name)
        for kind, name in wanted
        if post.wait(kind, name, seconds=max(0.0, deadline - clock.monotonic())) is None
    ]


def cannot_arrive(post: Post, judge: Judge, *requirements: str) -> bool:
    """Whether nothing has ever come although nobody told 0Gate through us where to deliver; says so then."""
    if not post.is_silent:
        return False
    for requirement in requirements:
        judge.cannot(requirement, REGISTER, REGISTRAR)
    return True


def repeated(post: Post, wanted: Sequence[Expected]) -> list[str]:
    """Which of these have been told by more than one event; the same event may arrive often."""
    return [f"{count} events {kind}" for kind, name in wanted if (count := len(post.events(kind, name))) > 1]


def beyond(post: Post, name: str, ends: Sequence[str], end: str) -> list[str]:
    """Which ends other than the one it came to have been told of an object."""
    told = {arrival.kind for arrival in post.about(name)}
    return sorted(told & set(ends) - {end})


def unjoined(arrival: Arrival, session: Session) -> list[str]:
    """In what an event of a session does not name it as it was created (gate facts 8.3)."""
    asked, data = session.request, arrival.data
    wrong = [] if data.get("id") == session.id else ["data.id"]
    wrong += [] if same_money(data.get("amount"), asked["amount"]) else ["data.amount"]
    metadata, sent = data.get("metadata"), asked.get("metadata")
    if isinstance(sent, dict) and not (isinstance(metadata, dict) and sent.items() <= metadata.items()):
        wrong.append("data.metadata")
    if "user_reference" in asked and data.get("user_reference") != asked["user_reference"]:
        wrong.append("data.user_reference")
    return [f"{arrival.kind} without the session's {name}" for name in wrong]


def comes_true(desk: Desk, look: Callable[[], bool]) -> bool:
    """Whether what ``look`` looks for is so before the profile's patience for deliveries is over.

    The log follows an answer when the worker that got it has written it down.
    """
    clock, patience = desk.bench.clock, desk.bench.target.patience
    deadline = clock.monotonic() + patience.delivery
    while not look():
        if clock.monotonic() >= deadline:
            return False
        clock.sleep(patience.poll_every)
    return True


def told(problems: Sequence[str]) -> str:
    """Problems as one observation."""
    return "; ".join(dict.fromkeys(problems)) or "so it is"


def accepted(reply: Reply) -> Reply:
    """The answer to a change that was made. Raises ``Refused`` otherwise: then there is nothing to tell of."""
    if not reply.ok:
        raise Refused(f"a change to be told of (the target answered {reply.status})", "the operator of the target")
    return reply


def anew(post: Post, attempts: list[Arrival]) -> list[str]:
    """What keeps these attempts from being one event, each signed at its own time (gate facts 8.4).

    What is wrong with the first attempt already is no matter of its repeats.
    """
    problems = [] if len({arrival.event for arrival in attempts}) == 1 else ["a retry under another event id"]
    for wrong in (lambda arrival: look.signature(arrival, post.settings), look.headers):
        if not wrong(attempts[0]):
            problems += [f"a retry where {problem}" for arrival in attempts[1:] if (problem := wrong(arrival))]
    return problems + stale(attempts[0], attempts[-1])


def stale(earlier: Arrival, later: Arrival) -> list[str]:
    """Whether a later attempt bears the time of an earlier one although enough time has passed for another."""
    apart = later.delivery.received - earlier.delivery.received
    same = later.signed_at is not None and later.signed_at == earlier.signed_at
    return ["a retry with the timestamp of an earlier attempt"] if same and apart >= FRESH else []


def send_test(desk: Desk) -> Reply:
    """A test event, queued. Raises ``Refused`` where there is nothing to send it to."""
    reply = desk.api.send_test_webhook()
    if not reply.ok or not isinstance(reply.object().get("event_id"), str):
        raise Refused(f"a test event to be sent (it answered {reply.status})", REGISTRAR)
    return reply


def row_of(desk: Desk, event: str) -> tuple[Reply, dict[str, Any]] | None:
    """The newest row of the log with this event id, and the page it stands on."""
    found = (line for line in desk.walk_deliveries(limit="200", pages=5) if line[1].get("event_id") == event)
    return next(found, None)


def status_of(desk: Desk, event: str) -> object:
    """The status the log shows of an event; None for one that it does not show."""
    line = row_of(desk, event)
    return None if line is None else line[1].get("status")


def logged(desk: Desk) -> set[tuple[str, str]]:
    """Type and id of the newest events in the log."""
    rows = (row for _, row in desk.walk_deliveries(limit="200", pages=1))
    return {(str(row.get("event_type")), str(row.get("event_id"))) for row in rows}


def judge_logged(desk: Desk, judge: Judge, before: set[tuple[str, str]], kinds: Sequence[str]) -> None:
    """Judge whether the log has come to show an event of each of these types that was not in it before.

    For where 0Gate reaches no receiver: of the form of what it sends nothing is known then.

    It does not say of which object, so others of the account may hide that one is missing; none of them can make one
    seem to be. Without an address there is nothing to log: then a test event is refused.
    """
    desk.awaited(lambda: set(kinds) <= {kind for kind, _ in logged(desk) - before})
    absent = set(kinds) - {kind for kind, _ in logged(desk) - before}
    if absent:
        send_test(desk)
    for requirement in judge.declared:
        if requirement in FORM:
            judge.cannot(requirement, "a receiver 0Gate can reach", REGISTRAR)
        else:
            judge.check(
                requirement,
                not absent,
                f"{', '.join(dict.fromkeys(kinds))} in the log",
                f"no new {', '.join(sorted(absent))}" if absent else "each of them",
            )

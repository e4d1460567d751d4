"""Sessions: what creating, reading and cancelling one promises, and the ends a hosted flow brings it to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from conformance.client import Reply
from conformance.scenarios.bench import Bench, merged, settled_replies
from conformance.scenarios.gate.desk import SESSION_ENDS, Desk, Session, same_money, the_rows
from conformance.scenarios.gate.lists import tag_of
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.desk import moment

CREATED = "GATE-SESSION-CREATE"
VALIDATION = "GATE-SESSION-VALIDATION"
SECRET = "GATE-SESSION-SECRET-ONCE"  # noqa: S105 - the id of a requirement
READ = "GATE-SESSION-READ"
CANCEL = "GATE-SESSION-CANCEL"
CONFLICT = "GATE-SESSION-CANCEL-CONFLICT"

REFUSED = (400, 422)
CENTS = Decimal("0.37")
ROUNDS = 3
"""Meetings of simultaneous cancellations: one alone may miss the moment."""

UNREADABLE: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("no amount", {"amount": None}),
    ("an amount in words", {"amount": "twenty-five"}),
    ("an amount with two points", {"amount": "12.34.56"}),
    ("an empty amount", {"amount": ""}),
    ("an amount that is a list", {"amount": ["25.00"]}),
    ("an amount that is a JSON number", {"amount": 25}),
    ("an amount below nothing", {"amount": "-25.00"}),
    ("no currency", {"currency": None}),
    ("an empty currency", {"currency": ""}),
    ("a currency of two letters", {"currency": "EU"}),
    ("a currency of digits", {"currency": "978978"}),
    ("no return address", {"return_url": None}),
    ("an empty return address", {"return_url": ""}),
    ("a return address that is none", {"return_url": "not an address"}),
)
"""Bodies that lack what every published example has; None leaves the member out."""


def same_address(left: object, right: object) -> bool:
    """Whether two addresses lead to the same place, however host and root are spelled."""
    if not isinstance(left, str) or not isinstance(right, str):
        return left == right
    try:
        ours, theirs = urlsplit(left), urlsplit(right)
    except ValueError:
        return left == right
    spelled = [(u.scheme.lower(), u.netloc.lower(), u.path or "/", u.query, u.fragment) for u in (ours, theirs)]
    return spelled[0] == spelled[1]


def holds(found: object, asked: object) -> bool:
    """Whether ``found`` says all that was ``asked``: a target may add members of its own to an object."""
    if isinstance(asked, Mapping) and isinstance(found, Mapping):
        return all(name in found and holds(found[name], value) for name, value in asked.items())
    return found == asked


def departures(body: Mapping[str, Any], asked: Mapping[str, object]) -> list[str]:
    """The members of a session that say something else than was asked for; an optional one may be left out."""
    wrong = [] if same_money(body.get("amount"), asked["amount"]) else ["amount"]
    wrong += [] if str(body.get("currency")).upper() == str(asked["currency"]).upper() else ["currency"]
    for name in ("return_url", "cancel_url"):
        if name in asked and body.get(name) is not None and not same_address(body[name], asked[name]):
            wrong.append(name)
    for name in ("metadata", "user_reference", "flow", "target_token"):
        if name in asked and body.get(name) is not None and not holds(body[name], asked[name]):
            wrong.append(name)
    return wrong


def changed(before: Mapping[str, Any], after: Mapping[str, Any], *, ended: bool = False) -> list[str]:
    """The members of one session that two answers tell differently, status aside; a member may be absent or null.

    When it ``ended`` in between, its expiry may have moved and something may have joined its metadata.
    """
    told = [name for name in before if before[name] is not None and after.get(name) is not None]
    wrong = [name for name in ("amount",) if name in told and not same_money(before[name], after[name])]
    for name in ("created_at",) if ended else ("expires_at", "created_at"):
        # A time may be written with fewer digits in one answer than in the other.
        first, second = moment(before.get(name)), moment(after.get(name))
        if first is not None and second is not None and abs(second - first) >= timedelta(seconds=1):
            wrong.append(name)
    same = holds if ended else _equal
    for name in ("id", "currency", "mode", "partner_id", "flow", "target_token", "metadata", "user_reference"):
        if name in told and not same(after[name], before[name]):
            wrong.append(name)
    for name in ("return_url", "cancel_url"):
        if name in told and not same_address(before[name], after[name]):
            wrong.append(name)
    return wrong


def _equal(found: object, asked: object) -> bool:
    return found == asked


@scenario(CREATED)
def test_a_session_is_created_as_asked_for(bench: Bench, desk: Desk, judge: Judge) -> None:
    elsewhere = f"{desk.terms.return_url}{'&' if '?' in desk.terms.return_url else '?'}left=1"
    sessions = [
        desk.open_session(user_reference=desk.tag(), cancel_url=elsewhere, flow="on_ramp"),
        desk.open_session(),
    ]
    # A currency may have no hundredths; where it has, they are kept.
    request = desk.session_request(amount=f"{Decimal(desk.terms.amount) + CENTS:f}")
    broken = desk.noted(request, desk.api.create_session(request, bench.uuid()))
    for session in (*sessions, broken) if broken else sessions:
        body = session.reply.object()
        expires = moment(body.get("expires_at"))
        wrong = departures(body, session.request)
        wrong += [] if body.get("status") == "open" else ["status"]
        wrong += [] if session.secret else ["client_secret"]
        wrong += [] if expires is not None and expires > session.reply.date else ["expires_at"]
        judge.check(
            CREATED,
            not wrong,
            "an open session as asked for, with a client secret and a later expiry",
            f"status {body.get('status')}; not as asked for: {', '.join(wrong) or 'nothing'}",
            session.reply,
        )
    first, second = sessions
    shared = [name for name in ("id", "secret") if getattr(first, name) == getattr(second, name)]
    judge.check(
        CREATED,
        not shared,
        "each create under a key of its own makes a session of its own",
        f"two creates share {' and '.join(shared) or 'nothing'}",
        first.reply,
        second.reply,
    )


@scenario(VALIDATION)
def test_a_session_without_what_it_needs_is_refused_and_not_made(bench: Bench, desk: Desk, judge: Judge) -> None:
    tried: list[tuple[str, str, Reply]] = []
    for what, overrides in UNREADABLE:
        request = merged(desk.session_request(), overrides)
        reply = desk.api.create_session(request, bench.uuid())
        made = desk.noted(request, reply)
        tried.append((what, made.tag if made else tag_of(request), reply))
    tags = {tag for _, tag, _ in tried}
    listed = {tag_of(row) for _, row in desk.walk(desk.api.list_sessions, limit="100")}
    wrong = [f"{what} {reply.status}" for what, _, reply in tried if reply.status not in REFUSED]
    made_of = [what for what, tag, _ in tried if tag in listed & tags]
    judge.check(
        VALIDATION,
        not wrong and not made_of,
        "400 or 422 for each, and no session",
        f"{', '.join(wrong) or 'refused'}; sessions made of: {', '.join(made_of) or 'none'}",
        *(reply for _, _, reply in tried),
    )


@scenario(SECRET)
def test_the_client_secret_is_shown_by_the_create_call_alone(bench: Bench, desk: Desk, judge: Judge) -> None:
    session, kept = desk.open_session(), desk.open_session()
    if session.secret is None or kept.secret is None:
        judge.cannot(SECRET, "a create that shows a client secret", "the target")
        return
    later = [
        ("read", desk.api.session(session.id)),
        ("list", desk.api.list_sessions(limit="100")),
        ("list of the open", desk.api.list_sessions(status="open", limit="100")),
        ("cancellation", desk.api.cancel_session(session.id, bench.uuid())),
        ("read once cancelled", desk.api.session(session.id)),
        ("list of the cancelled", desk.api.list_sessions(status="cancelled", limit="100")),
    ]
    desk.ended(session.id)
    secrets = (session.secret, kept.secret)
    showing = [name for name, reply in later if shows_secret(reply, secrets)]
    judge.check(
        SECRET,
        not showing,
        "no client secret in any later answer",
        f"shown by: {', '.join(showing) or 'none'}",
        session.reply,
        *(reply for _, reply in later),
    )


def shows_secret(reply: Reply, secrets: tuple[str, ...]) -> bool:
    """Whether an answer holds one of these values, or fills a member of that name in the session or a row of a list."""
    told = any(secret.encode() in reply.body for secret in secrets)
    return told or any(row.get("client_secret") for row in (reply.object(), *the_rows(reply)))


@scenario(READ)
def test_a_session_reads_as_created_however_often_it_is_read(bench: Bench, desk: Desk, judge: Judge) -> None:
    del bench
    session = desk.open_session(user_reference=desk.tag(), flow="on_ramp")
    reads = [desk.api.session(session.id) for _ in range(3)]
    desk.api.list_sessions(limit="1")
    reads.append(desk.api.session(session.id))
    wrong: set[str] = set()
    for reply in reads:
        body = reply.object()
        wrong |= {f"HTTP {reply.status}"} if not reply.ok else set()
        wrong |= set() if body.get("id") == session.id else {"id"}
        wrong |= set() if body.get("status") == "open" else {"status"}
        wrong |= set(changed(session.reply.object(), body)) | set(departures(body, session.request))
    judge.check(
        READ,
        not wrong,
        "the open session as created, in every read",
        f"told differently: {', '.join(sorted(wrong)) or 'nothing'}",
        session.reply,
        *reads,
    )


@scenario(CANCEL, CONFLICT)
def test_an_open_session_is_cancelled_once(bench: Bench, desk: Desk, judge: Judge) -> None:
    # With a key and without: the page names none, and the vendor's own client sends one.
    for key in (None, bench.uuid()):
        session = desk.open_session()
        done = desk.api.cancel_session(session.id, key)
        read = desk.api.session(session.id)
        desk.ended(session.id)
        told = [reply.object().get("status") for reply in (done, read)]
        made = session.reply.object()
        wrong = {name for reply in (done, read) for name in changed(made, reply.object(), ended=True)}
        judge.require(
            CANCEL,
            done.status == 201 and told == ["cancelled", "cancelled"] and done.object().get("id") == session.id
            and not wrong,
            "201 with the session as cancelled, and the same when read",
            f"{done.status} with status {told[0]}, read as {told[1]}; "
            f"told differently: {', '.join(sorted(wrong)) or 'nothing'}",
            session.reply, done, read,
        )  # fmt: skip
        if key is not None:
            again = desk.api.cancel_session(session.id, key)
            judge.observe("cancel repeated under its key", str(again.status), CONFLICT, again)
        judge_closed(bench, desk, judge, session, "cancelled")


def judge_closed(bench: Bench, desk: Desk, judge: Judge, session: Session, end: str) -> None:
    """Judge that a session which has ended refuses to be cancelled and reads as it ended."""
    refusals = [desk.api.cancel_session(session.id), desk.api.cancel_session(session.id, bench.uuid())]
    read = desk.api.session(session.id)
    found = read.object().get("status")
    judge.check(
        CONFLICT,
        all(reply.status == 409 for reply in refusals) and found == end,
        f"409 for a session that is {end}, which it still is afterwards",
        f"{', '.join(str(reply.status) for reply in refusals)}; it reads {found}",
        *refusals,
        read,
    )


@scenario(CONFLICT)
def test_of_simultaneous_cancellations_one_succeeds(bench: Bench, desk: Desk, judge: Judge) -> None:
    for _ in range(ROUNDS):
        session = desk.open_session()
        waits = [0.0, 0.0, *(bench.rng.uniform(0, 0.004) for _ in range(2))]

        def cancel(wait: float, name: str = session.id) -> Reply:
            bench.clock.sleep(wait)
            return desk.api.cancel_session(name)

        replies = settled_replies(bench.together([partial(cancel, wait) for wait in waits]))
        desk.ended(session.id)
        read = desk.api.session(session.id)
        successes = sum(reply.ok for reply in replies)
        # An answer that never came may have been the successful one.
        fewest = 1 if len(replies) == len(waits) else 0
        judge.check(
            CONFLICT,
            fewest <= successes <= 1 and read.object().get("status") == "cancelled",
            "one cancellation succeeds, and the session reads cancelled",
            f"{successes} of {len(replies)} succeeded; it reads {read.object().get('status')}",
            *replies,
            read,
        )


def judge_end(bench: Bench, desk: Desk, judge: Judge, requirement: str, outcome: str, end: str) -> None:
    """Judge that what a recipe brings about is read, and that nothing leads out of it again."""
    session = desk.open_session()
    bench.perform(outcome, sessionId=session.id)
    ended = desk.until(lambda: desk.api.session(session.id), lambda r: r.object().get("status") in SESSION_ENDS)
    found = ended.object().get("status")
    if found in SESSION_ENDS:
        desk.ended(session.id)
    wrong = changed(session.reply.object(), ended.object(), ended=True)
    judge.require(
        requirement,
        found == end and not wrong,
        f"the session as it was created, {end}",
        f"it reads {found}; told differently: {', '.join(wrong) or 'nothing'}",
        session.reply,
        ended,
    )
    judge_closed(bench, desk, judge, session, end)
    kept = desk.api.session(session.id)
    judge.check(
        requirement,
        kept.object().get("status") == end,
        f"{end}, and so it stays",
        f"it reads {kept.object().get('status')} afterwards",
        ended,
        kept,
    )


@scenario("GATE-SESSION-COMPLETES", CONFLICT, needs=["outcome:session_completed"])
def test_a_session_whose_action_succeeds_is_completed_for_good(bench: Bench, desk: Desk, judge: Judge) -> None:
    judge_end(bench, desk, judge, "GATE-SESSION-COMPLETES", "session_completed", "completed")


@scenario("GATE-SESSION-EXPIRES", CONFLICT, needs=["outcome:session_expired"])
def test_a_session_whose_time_is_over_is_expired_for_good(bench: Bench, desk: Desk, judge: Judge) -> None:
    judge_end(bench, desk, judge, "GATE-SESSION-EXPIRES", "session_expired", "expired")


@scenario("GATE-SESSION-STAYS-OPEN", needs=["outcome:session_processing", "outcome:session_failed"])
def test_an_action_that_starts_or_fails_leaves_the_session_open(bench: Bench, desk: Desk, judge: Judge) -> None:
    session = desk.open_session()
    reads = []
    for outcome in ("session_processing", "session_failed"):
        bench.perform(outcome, sessionId=session.id)
        reads.append(desk.api.session(session.id))
    # What a helper set off may reach the session a moment later.
    bench.clock.sleep(bench.target.patience.poll_every)
    reads.append(desk.api.session(session.id))
    left = desk.api.cancel_session(session.id)
    desk.ended(session.id)
    told = [str(reply.object().get("status")) for reply in reads]
    judge.check(
        "GATE-SESSION-STAYS-OPEN",
        set(told) == {"open"} and left.ok,
        "open after a start and after a failure, and it can still be cancelled",
        f"{', '.join(told)}; cancel answered {left.status}",
        *reads,
        left,
    )

"""What 0Gate delivers to a partner: which events, about what, and in which form."""

from __future__ import annotations

from conformance.client import Refused
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.arrivals import Arrival
from conformance.scenarios.gate.deliveries import (
    FORM,
    Expected,
    accepted,
    beyond,
    cannot_arrive,
    judge_form,
    judge_logged,
    logged,
    missing,
    open_session,
    repeated,
    told,
    unjoined,
)
from conformance.scenarios.gate.desk import OFF_RAMP, ON_RAMP, RAIL_OF, Desk, Session
from conformance.scenarios.gate.mailbox import Post
from conformance.scenarios.judging import Judge, scenario

SESSION_ENDS = tuple(f"gate_session.{end}" for end in ("completed", "expired", "cancelled"))
RAIL_WAYS = (
    (ON_RAMP, "settled"),
    (OFF_RAMP, "failed"),
    (ON_RAMP, "cancelled"),
    (OFF_RAMP, "settled"),
    (ON_RAMP, "failed"),
    (OFF_RAMP, "cancelled"),
)
SPENT = 3
"""The first ways of a rail that are tried where the profile limits trades: each end and each kind once."""


def remembered(desk: Desk, post: Post | None) -> set[tuple[str, str]]:
    """What the log shows so far, where it is all that can be looked at."""
    return logged(desk) if post is None else set()


@scenario("GATE-WEBHOOK-SESSION-EVENTS", *FORM)
def test_a_session_is_announced_when_it_is_created_and_when_it_is_cancelled(
    bench: Bench, desk: Desk, judge: Judge, possible_post: Post | None
) -> None:
    post, before = possible_post, remembered(desk, possible_post)
    request, key = desk.session_request(user_reference=desk.tag()), bench.uuid()
    made = desk.noted(request, desk.api.create_session(request, key))
    if made is None:
        raise Refused("a session to work with", "the operator of the target")
    # Neither a repeat nor a refusal makes anything happen, so neither may tell of anything.
    desk.noted(request, desk.api.create_session(request, key))
    ends = [accepted(desk.api.cancel_session(made.id)), desk.api.cancel_session(made.id)]
    desk.ended(made.id)
    wanted = [("gate_session.created", made.id), ("gate_session.cancelled", made.id)]
    if post is None:
        judge_logged(desk, judge, before, [kind for kind, _ in wanted])
        return
    post.secrets |= {made.secret} if made.secret else set()
    absent = missing(post, wanted)
    if absent and cannot_arrive(post, judge, *judge.declared):
        return
    post.lull(desk)
    problems = [f"no {kind}" for kind, _ in absent] + repeated(post, wanted)
    problems += beyond(post, made.id, SESSION_ENDS, "gate_session.cancelled")
    problems += [problem for arrival in post.about(made.id) for problem in unjoined(arrival, made)]
    arrivals = post.about(made.id)
    judge.check(
        "GATE-WEBHOOK-SESSION-EVENTS",
        not problems,
        "one gate_session.created and one gate_session.cancelled, with the session's metadata and reference",
        told(problems),
        made.reply,
        *ends,
        *post.file(arrivals),
    )
    judge_form(post, judge, arrivals)


@scenario(
    "GATE-WEBHOOK-HOSTED-EVENTS",
    *FORM,
    needs=[
        "outcome:session_processing",
        "outcome:session_completed",
        "outcome:session_failed",
        "outcome:session_expired",
    ],
)
def test_what_the_hosted_flow_does_is_announced(
    bench: Bench, desk: Desk, judge: Judge, possible_post: Post | None
) -> None:
    post, before = possible_post, remembered(desk, possible_post)
    ways = {"completed": ("processing", "completed"), "failed": ("failed",), "expired": ("expired",)}
    sessions = {end: open_session(desk, post, user_reference=desk.tag()) for end in ways}
    for end, moves in ways.items():
        for move in moves:
            bench.perform(f"session_{move}", account=desk.account, sessionId=sessions[end].id)
    for end in ("completed", "expired"):
        desk.ended(sessions[end].id)
    wanted = [(f"gate_session.{move}", sessions[end].id) for end, moves in ways.items() for move in moves]
    if post is None:
        judge_logged(desk, judge, before, [kind for kind, _ in wanted])
        return
    absent = missing(post, wanted)
    if absent and cannot_arrive(post, judge, *judge.declared):
        return
    problems = [f"no {kind}" for kind, _ in absent]
    for end, session in sessions.items():
        problems += beyond(post, session.id, SESSION_ENDS, f"gate_session.{end}")
        mine = [arrival for arrival in post.about(session.id) if arrival.kind.startswith("gate_session.")]
        problems += [problem for arrival in mine for problem in unjoined(arrival, session)]
    completed = post.wait("gate_session.completed", sessions["completed"].id, seconds=0)
    if completed is not None:
        problems += unlinked(desk, completed, sessions["completed"])
    arrivals = [arrival for session in sessions.values() for arrival in post.about(session.id)]
    judge.check(
        "GATE-WEBHOOK-HOSTED-EVENTS",
        not problems,
        "gate_session.processing, .completed, .failed and .expired, each with the session it happened to",
        told(problems),
        *post.file([arrival for arrival in arrivals if arrival.kind in {kind for kind, _ in wanted}]),
    )
    judge_form(post, judge, arrivals)


def unlinked(desk: Desk, completed: Arrival, session: Session) -> list[str]:
    """Whether the transaction a completion names is not there, or is that of another session."""
    refid = completed.data.get("tx_refid")
    if not isinstance(refid, str):
        return []  # that it is absent is the payload's fault
    reply = desk.until(lambda: desk.api.transaction(refid), lambda found: found.ok)
    if not reply.ok:
        return [f"tx_refid of gate_session.completed reads {reply.status}"]
    of = reply.object().get("session_id")
    return [] if of == session.id else ["tx_refid of gate_session.completed is a transaction of another session"]


@scenario(
    "GATE-WEBHOOK-RAIL-EVENTS",
    *FORM,
    needs=["outcome:rail_settled", "outcome:rail_failed", "outcome:rail_cancelled"],
    trades=SPENT,
)
def test_a_rail_is_announced_from_its_quote_to_its_end(
    bench: Bench, desk: Desk, judge: Judge, possible_post: Post | None
) -> None:
    post, before = possible_post, remembered(desk, possible_post)
    ways = RAIL_WAYS if bench.target.limits is None else RAIL_WAYS[:SPENT]
    rails: list[tuple[str, str, str]] = []
    wanted: list[Expected] = []
    for side, end in ways:
        session, quote, key = open_session(desk, post), desk.lock(side), bench.uuid()
        reply = desk.redeem(session.id, quote, key)
        rail = reply.object().get("id") if reply.ok else None
        if not isinstance(rail, str):
            raise Refused(f"a redeemed quote (the target answered {reply.status})", "the operator of the target")
        if not rails:
            # The repeat redeems nothing, so it may tell of nothing.
            desk.api.create_rail(quote.rail, {"gate_session_id": session.id, "quote_id": quote.id}, key)
        bench.perform(f"rail_{end}", account=desk.account, railId=rail)
        kind = f"rail.{RAIL_OF[side]}"
        rails.append((kind, rail, end))
        wanted += [("quote.consumed", quote.id), (f"{kind}.processing", rail), (f"{kind}.{end}", rail)]
    if post is None:
        judge_logged(desk, judge, before, [kind for kind, _ in wanted])
        return
    absent = missing(post, wanted)
    if absent and cannot_arrive(post, judge, *judge.declared):
        return
    post.lull(desk)
    problems = [f"no {kind}" for kind, _ in absent] + repeated(post, wanted)
    for kind, rail, end in rails:
        ends = [f"{kind}.{state}" for state in ("settled", "failed", "cancelled")]
        problems += beyond(post, rail, ends, f"{kind}.{end}")
        told_of = [arrival for arrival in post.about(rail) if arrival.kind.startswith(f"{kind}.")]
        problems += [f"{arrival.kind} with another data.id" for arrival in told_of if arrival.data.get("id") != rail]
    arrivals = [arrival for _, name in dict.fromkeys(wanted) for arrival in post.about(name)]
    arrivals = list({arrival.delivery.sequence: arrival for arrival in arrivals}.values())
    judge.check(
        "GATE-WEBHOOK-RAIL-EVENTS",
        not problems,
        "quote.consumed once for each quote, and for each rail its processing and its end",
        told(problems),
        *post.file(arrivals),
    )
    judge_form(post, judge, arrivals)


@scenario("GATE-WEBHOOK-CUSTOMER-EVENTS", *FORM)
def test_a_customer_is_announced_when_made_changed_and_deleted(
    bench: Bench, desk: Desk, judge: Judge, possible_post: Post | None
) -> None:
    post, before = possible_post, remembered(desk, possible_post)
    request, key = desk.customer_request(), bench.uuid()
    made = desk.noted_customer(request, first := desk.api.create_customer(request, key))
    if made is None:
        what = "an account with customer records" if first.status == 403 else "a customer record to work with"
        raise Refused(f"{what} (the target answered {first.status})", "the operator of the target")
    desk.noted_customer(request, desk.api.create_customer(request, key))
    sent = bench.wire.sent
    changed = accepted(desk.api.update_customer(made.id, {"first_name": "Changed"}))
    gone = accepted(desk.api.delete_customer(made.id))
    bench.customers.pop(made.id, None)
    # Deleting is published as idempotent: the second time nothing happens that could be told.
    desk.api.delete_customer(made.id)
    once = bench.wire.sent - sent == 3
    wanted = [(f"customer.{change}", made.id) for change in ("created", "updated", "deleted")]
    if post is None:
        judge_logged(desk, judge, before, [kind for kind, _ in wanted])
        return
    absent = missing(post, wanted)
    if absent and cannot_arrive(post, judge, *judge.declared):
        return
    post.lull(desk)
    # A change that had to be sent twice, because an answer was lost, is two changes.
    problems = [f"no {kind}" for kind, _ in absent] + repeated(post, wanted if once else wanted[:1])
    arrivals = post.about(made.id)
    judge.check(
        "GATE-WEBHOOK-CUSTOMER-EVENTS",
        not problems,
        "one customer.created, one customer.updated and one customer.deleted that name the customer",
        told(problems),
        first,
        changed,
        gone,
        *post.file(arrivals),
    )
    judge_form(post, judge, arrivals)


@scenario("GATE-WEBHOOK-NOT-FOREIGN", needs=["gate_webhooks", "account:other_partner"])
def test_nothing_is_announced_of_another_partner_s_objects(bench: Bench, desk: Desk, judge: Judge, post: Post) -> None:
    other = Desk(bench, "other_partner")
    foreign = other.open_session()
    post.secrets |= {foreign.secret} if foreign.secret else set()
    names = {foreign.id, foreign.tag}
    ended = other.api.cancel_session(foreign.id)
    other.ended(foreign.id)
    try:
        customer = other.record_customer()
        names |= {customer.id, str(customer.request["external_id"])}
    except Refused:
        judge.observe("customer records of the other partner", "not to be had", "GATE-WEBHOOK-NOT-FOREIGN")
    own = open_session(desk, post)
    if missing(post, [("gate_session.created", own.id)]) and not post.about(*names):
        if not cannot_arrive(post, judge, *judge.declared):
            judge.cannot("GATE-WEBHOOK-NOT-FOREIGN", "a delivery of an own event", "the operator of the target")
        return
    post.lull(desk)
    leaked = post.about(*names)
    judge.check(
        "GATE-WEBHOOK-NOT-FOREIGN",
        not leaked,
        "no delivery that names what the other partner made",
        told([f"{arrival.kind} names it" for arrival in leaked]) if leaked else "none",
        foreign.reply,
        ended,
        *post.file(leaked),
    )

"""The wall between partners at 0Gate: ids, redemptions, lists, cursors and idempotency keys of another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from conformance.client import Refused, Reply
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.bystanders import Bystanders, bystanders, if_given
from conformance.scenarios.gate.desk import OFF_RAMP, ON_RAMP, Desk, Session, the_rows
from conformance.scenarios.gate.doors import NAMING, NOBODYS, Aims, Opens
from conformance.scenarios.gate.looks import look_of, put_back
from conformance.scenarios.gate.redeeming import ready_session
from conformance.scenarios.gate.test_session_idempotency import listed
from conformance.scenarios.judging import Judge, scenario

OBJECTS = "GATE-ISOLATION-OBJECTS"
REDEEM = "GATE-ISOLATION-REDEEM"
LISTS = "GATE-ISOLATION-LISTS"
KEYS = "GATE-ISOLATION-KEYS"

SPARE = ("no_customers", "trusted", "no_rails")
"""Accounts on which a webhook address may be set for a moment without anybody missing a delivery."""

NOWHERE = "http://127.0.0.1:9/nobody-listens"


def redeemed(desk: Desk, session: Session, side: str) -> str:
    """The id of a rail of ours, charged to the limits; nobody's where the account or the profile does not allow it."""

    def make() -> str:
        made = desk.redeem(session.id, desk.lock(side), desk.bench.uuid()).object().get("id")
        return made if isinstance(made, str) and made else NOBODYS

    return if_given(make) or NOBODYS


def of_session(desk: Desk, session: Session) -> str:
    """The reference of a transaction of ``session``; nobody's where there is none."""

    def found() -> str:
        rows = the_rows(desk.api.transactions(session_id=session.id))
        return next((str(row["refid"]) for row in rows if isinstance(row.get("refid"), str)), NOBODYS)

    if found() == NOBODYS and "session_completed" in desk.bench.target.outcomes:
        finished = desk.open_session()
        desk.bench.perform("session_completed", sessionId=finished.id)
        session = finished
    desk.awaited(lambda: found() != NOBODYS)
    return found()


@scenario(OBJECTS, needs=["account:other_partner"], trades=2)
def test_another_partner_finds_none_of_our_0gate_objects(bench: Bench, desk: Desk, judge: Judge) -> None:
    ours, other = bystanders(desk), Desk(bench, "other_partner")
    paying = ready_session(desk)
    aims = ours.aims(
        pay_in=redeemed(desk, paying, ON_RAMP), pay_out=redeemed(desk, paying, OFF_RAMP), refid=of_session(desk, paying)
    )
    lacks = {Opens.RAILS: if_given(other.lock) is None, Opens.CUSTOMERS: not other.api.customers(limit="1").ok}
    judge_unseen(judge, ours, other, aims, lacks)


def judge_unseen(judge: Judge, ours: Bystanders, other: Desk, aims: Aims, lacks: dict[Opens, bool]) -> None:
    """Judge that ``other`` finds none of the objects there are, and that they stand as they did."""
    absent = [door.name for door in NAMING if getattr(aims, door.names) == NOBODYS or lacks.get(door.opens, False)]
    tried = [(door.name, door.knock(other.api, aims)) for door in NAMING if door.name not in absent]
    wrong = [f"{name} {reply.status}" for name, reply in tried if reply.status != 404]
    proof = ours.proof(aims)
    rails = [ours.desk.api.rail(kind, rail) for kind, rail in (("pay_in", aims.pay_in), ("pay_out", aims.pay_out))
             if rail != NOBODYS]  # fmt: skip
    lost = sum(not reply.ok for reply in rails)
    judge.check(
        OBJECTS,
        not wrong and proof.ok and not lost,
        f"404 from all {len(tried)} operations, and our objects unchanged",
        f"{', '.join(wrong) or '404 from each'}; {proof.observed}" + (f"; {lost} rail(s) of ours lost" if lost else ""),
        *(reply for _, reply in tried),
        *proof.seen,
    )
    if absent:
        judge.observe("not tried with another partner's ids", ", ".join(absent), OBJECTS)


@scenario(
    OBJECTS,
    LISTS,
    needs=["account:other_partner", "outcome:gate_webhook_endpoint", "outcome:gate_webhook_endpoint_removed"],
)
def test_another_partners_deliveries_are_neither_replayed_nor_listed(bench: Bench, judge: Judge) -> None:
    account = next((name for name in SPARE if name in bench.target.accounts), None)
    if account is None:
        raise Refused(f"one of the accounts {', '.join(SPARE)}", "the operator of the target")
    desk, others = Desk(bench, account), [Desk(bench, name) for name in ("approved", "other_partner")]
    bench.perform("gate_webhook_endpoint", account=account, url=NOWHERE)
    try:
        sent = desk.api.send_test_webhook()
        delivery = sent.object().get("id")
        if not sent.ok or not isinstance(delivery, str):
            raise Refused(f"a delivery of account {account!r} (the test event answered {sent.status})", "the target")
        replies = [other.api.replay(delivery) for other in others]
        pages = [
            other.api.deliveries(limit="200", **query) for other in others for query in ({}, {"status": "pending"})
        ]
    finally:
        bench.perform("gate_webhook_endpoint_removed", account=account)
    judge.check(
        OBJECTS,
        all(reply.status == 404 for reply in replies),
        "404 for the replay of another partner's delivery",
        ", ".join(str(reply.status) for reply in replies),
        sent,
        *replies,
    )
    shown = sum(row.get("id") == delivery for page in pages for row in the_rows(page))
    judge.check(
        LISTS,
        not shown,
        "another partner's delivery in no log but its own",
        f"it stands {shown} time(s) in other logs",
        sent,
        *pages,
    )


@scenario(REDEEM, needs=["rails", "account:other_partner"], trades=6)
def test_neither_a_quote_nor_a_session_of_another_partner_can_be_redeemed(
    bench: Bench, desk: Desk, judge: Judge
) -> None:
    other = Desk(bench, "other_partner")
    our_session, their_session = ready_session(desk), ready_session(other)
    for side in (ON_RAMP, OFF_RAMP):
        our_quote, their_quote = (if_given(partial(who.lock, side)) for who in (desk, other))
        if our_quote is None or their_quote is None:
            judge.observe("side not tried across partners", side, REDEEM)
            continue
        tried = [
            ("our quote in their session", our_quote, other.redeem(their_session.id, our_quote, bench.uuid())),
            ("their quote in our session", their_quote, other.redeem(our_session.id, their_quote, bench.uuid())),
            ("our quote in our session", our_quote, other.redeem(our_session.id, our_quote, bench.uuid())),
        ]
        wrong = [f"{what} {reply.status}" for what, _, reply in tried if not 400 <= reply.status < 500]
        moved = [
            f"{whose} quote reads {status}"
            for whose, its_desk, quote in (("our", desk, our_quote), ("their", other, their_quote))
            if not its_desk.untouched(quote, status := its_desk.quote_status(quote))
        ]
        judge.check(
            REDEEM,
            not wrong and not moved,
            f"each {our_quote.rail} refused, and the quotes active",
            f"{', '.join(wrong) or 'refused'}; {', '.join(moved) or 'both quotes active'}",
            our_quote.reply,
            their_quote.reply,
            *(reply for _, _, reply in tried),
        )
        judge.observe("redeeming across partners", ", ".join(str(r.status) for *_, r in tried), REDEEM, tried[0][2])
    if not judge.failures and REDEEM in judge.unjudged():
        judge.cannot(REDEEM, "a signed quote of each of two partners", "the operator of the target")


@scenario(LISTS, needs=["account:other_partner"], trades=1)
def test_no_list_shows_rows_of_another_partner(bench: Bench, desk: Desk, judge: Judge) -> None:
    ours, other = bystanders(desk), Desk(bench, "other_partner")
    theirs = other.open_session()
    # The newer of two, so that a page continued from it would begin with the older one.
    newer = desk.open_session()
    if desk.api.cancel_session(newer.id, bench.uuid()).ok:
        desk.ended(newer.id)
    customer = if_given(desk.record_customer) if ours.customer else None
    refids = [of_session(desk, desk.open_session())]
    redeemed(desk, ours.session, ON_RAMP)
    refids.append(of_session(desk, ours.session))
    names = {ours.session.id, newer.id, *refids, *(one.id for one in (ours.customer, customer) if one)} - {NOBODYS}
    partners = [session.reply.object().get("partner_id") for session in (ours.session, theirs)]
    us = partners[0] if isinstance(partners[0], str) and partners[0] != partners[1] else None
    pages = list(_their_pages(other, ours, Cursors(newer.id, customer.id if customer else NOBODYS, refids[-1])))
    leaked = [
        f"{what}: {row.get('id') or row.get('refid')}"
        for what, page in pages
        for row in the_rows(page)
        if is_of(row, names, us)
    ]
    judge.check(
        LISTS,
        not leaked,
        "no row of ours in the other partner's lists, whatever is asked for",
        f"{'; '.join(leaked[:5]) or 'no row of ours'} in {len(pages)} pages",
        *(page for _, page in pages),
    )
    there = {"customers": ours.customer is not None, "transactions": set(refids) != {NOBODYS}}
    if not all(there.values()):
        lacking = ", ".join(what for what, is_there in there.items() if not is_there)
        judge.observe("lists tried without rows of ours", lacking, LISTS)


@dataclass(frozen=True, slots=True)
class Cursors:
    """Rows of ours from which another partner tries to go on."""

    session: str
    customer: str
    refid: str


def is_of(row: dict[str, Any], names: set[str], partner: str | None) -> bool:
    """Whether a row is one of ``names``, belongs to a session among them, or says that it belongs to ``partner``."""
    joined = {str(row.get(member)) for member in ("id", "refid", "session_id", "gate_session_id")}
    return bool(joined & names) or (partner is not None and row.get("partner_id") == partner)


def _their_pages(other: Desk, ours: Bystanders, after: Cursors) -> Iterable[tuple[str, Reply]]:
    """The other partner's lists: plain, filtered by what is ours, and continued from our rows."""
    api, session = other.api, ours.session.id
    yield "sessions", api.list_sessions(limit="100")
    for status in ("open", "cancelled"):
        yield f"{status} sessions", api.list_sessions(limit="100", status=status)
    yield "sessions after ours", api.list_sessions(limit="100", starting_after=after.session)
    yield "open sessions after ours", api.list_sessions(limit="100", starting_after=after.session, status="open")
    yield "transactions", api.transactions(limit="100")
    yield "transactions of our session", api.transactions(session_id=session)
    yield "transactions after ours", api.transactions(limit="100", starting_after=after.refid)
    yield "deliveries", api.deliveries(limit="200")
    if ours.customer is None:
        return
    request = ours.customer.request
    yield "customers", api.customers(limit="100")
    yield "customers after ours", api.customers(limit="100", starting_after=after.customer)
    yield "customers of our address", api.customers(email=str(request["email"]))
    yield "customers of our reference", api.customers(external_id=str(request["external_id"]))


@scenario("GATE-ISOLATION-BRANDING", needs=["account:other_partner"])
def test_each_partner_has_a_look_of_its_own(bench: Bench, desk: Desk, judge: Judge) -> None:
    other = Desk(bench, "other_partner")
    our_colour, their_colour = (f"#{bench.rng.getrandbits(24):06X}" for _ in range(2))
    with put_back(desk), put_back(other):
        changed = [desk.api.update_branding({"accent_color": our_colour})]
        seen = [desk.api.branding(), other.api.branding()]
        changed.append(other.api.update_branding({"accent_color": their_colour}))
        seen += [desk.api.branding(), other.api.branding()]
    if not all(reply.ok for reply in (*changed, *seen)):
        raise Refused("two partners whose branding can be changed and read", "the operator of the target")
    ours, theirs = ([look_of(reply)["accent_color"] for reply in seen[place::2]] for place in (0, 1))
    crossed = [f"they read our {our_colour}"] if our_colour in map(upper, theirs) else []
    crossed += [f"we read their {their_colour}"] if their_colour in map(upper, ours) else []
    judge.check(
        "GATE-ISOLATION-BRANDING",
        not crossed,
        "each partner's colour in its own look alone",
        "; ".join(crossed) or "so it is",
        *changed,
        *seen,
    )


def upper(colour: object) -> str:
    """A colour as we write it: the digits count in either case."""
    return str(colour).upper()


@scenario("GATE-CUSTOMER-UNIQUE-PER-PARTNER", needs=["customers", "account:other_partner"])
def test_a_customer_of_one_partner_keeps_no_address_from_another(bench: Bench, desk: Desk, judge: Judge) -> None:
    other = Desk(bench, "other_partner")
    other.record_customer()
    ours = desk.record_customer()
    for member in ("email", "external_id"):
        request = other.customer_request(**{member: ours.request[member]})
        reply = other.api.create_customer(request, bench.uuid())
        made = other.noted_customer(request, reply)
        judge.check(
            "GATE-CUSTOMER-UNIQUE-PER-PARTNER",
            made is not None and made.id != ours.id,
            f"another partner's customer with the same {member}",
            f"{reply.status}{'' if made is None else ', the same record' if made.id == ours.id else ', a record'}",
            ours.reply,
            reply,
        )


@scenario(KEYS, needs=["account:other_partner"], trades=3)
def test_an_idempotency_key_of_one_partner_is_free_for_the_other(bench: Bench, desk: Desk, judge: Judge) -> None:
    other = Desk(bench, "other_partner")
    other.open_session()
    for same in (True, False):
        judge_keys_of_sessions(desk, other, judge, same_body=same)
    _judge_keys_of_customers(desk, other, judge)
    _judge_keys_of_rails(desk, other, judge)


def judge_keys_of_sessions(desk: Desk, other: Desk, judge: Judge, *, same_body: bool) -> None:
    """Judge that one key gives each of two partners a session of its own, be the body the same or another."""
    key, ours = desk.bench.uuid(), desk.session_request()
    theirs = dict(ours) if same_body else other.session_request()
    replies = [desk.api.create_session(ours, key), other.api.create_session(theirs, key)]
    made = [desk.noted(ours, replies[0]), other.noted(theirs, replies[1])]
    shared = made[0] is not None and made[1] is not None and made[0].id == made[1].id
    named = [one.id if one else "" for one in made]
    kept = [len(listed(who, body, name)) for who, body, name in zip((desk, other), (ours, theirs), named, strict=True)]
    body = "the same body" if same_body else "another body"
    judge.check(
        KEYS,
        None not in made and not shared and kept == [1, 1],
        f"under one key and {body} each partner gets a session of its own",
        f"{replies[0].status} and {replies[1].status}{', one session for both' if shared else ''}; "
        f"{kept[0]} and {kept[1]} listed",
        *replies,
    )


def _judge_keys_of_customers(desk: Desk, other: Desk, judge: Judge) -> None:
    if if_given(other.record_customer) is None:
        return
    key, ours, theirs = desk.bench.uuid(), desk.customer_request(), other.customer_request()
    replies = [desk.api.create_customer(ours, key), other.api.create_customer(theirs, key)]
    made = [desk.noted_customer(ours, replies[0]), other.noted_customer(theirs, replies[1])]
    if made[0] is None:
        return
    shared = made[1] is not None and made[0].id == made[1].id
    judge.check(
        KEYS,
        made[1] is not None and not shared,
        "under one key each partner gets a customer of its own",
        f"{replies[0].status} and {replies[1].status}{', one for both' if shared else ''}",
        *replies,
    )


def _judge_keys_of_rails(desk: Desk, other: Desk, judge: Judge) -> None:
    ours, theirs = if_given(desk.lock), if_given(other.lock)
    if ours is None or theirs is None:
        return
    key, sessions = desk.bench.uuid(), [ready_session(desk), ready_session(other)]
    first = desk.redeem(sessions[0].id, ours, key)
    second = other.redeem(sessions[1].id, theirs, key)
    shared = first.object().get("id") == second.object().get("id")
    if not first.ok or not (second.ok or other.redeem(sessions[1].id, theirs, other.bench.uuid()).ok):
        judge.observe("rails not tried with one key of two partners", f"{first.status}, {second.status}", KEYS, second)
        return
    judge.check(
        KEYS,
        second.ok and not shared,
        "under one key each partner gets a rail of its own",
        f"{first.status} and {second.status}{', one for both' if shared else ''}",
        first,
        second,
    )

"""Pay-ins and pay-outs: what a redeemed quote becomes, what is refused, and how a rail ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from conformance.client import Refused, Reply
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.desk import OFF_RAMP, ON_RAMP, Desk, Quote, same_money
from conformance.scenarios.gate.redeeming import (
    Rail,
    Watch,
    rail_id,
    reads,
    ready_session,
    redemption,
    sides,
    start_rail,
)
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.desk import decimal, nobodys

LOOKS = 3
"""How often a rail that has ended is looked at."""


@scenario("GATE-RAIL-PAY-IN", needs=["rails"], trades=1)
def test_a_pay_in_takes_its_terms_from_the_quote(bench: Bench, desk: Desk, judge: Judge) -> None:
    _judge_a_rail(bench, desk, judge, "GATE-RAIL-PAY-IN", ON_RAMP)


@scenario("GATE-RAIL-PAY-OUT", needs=["rails"], trades=1)
def test_a_pay_out_takes_its_terms_from_the_quote(bench: Bench, desk: Desk, judge: Judge) -> None:
    _judge_a_rail(bench, desk, judge, "GATE-RAIL-PAY-OUT", OFF_RAMP)


def _judge_a_rail(bench: Bench, desk: Desk, judge: Judge, requirement: str, side: str) -> None:
    quote, session = desk.lock(side), ready_session(desk)
    looked = desk.api.quote(quote.id)
    watch = Watch(desk, quote, session.id)
    said = {"reference": desk.tag(), "metadata": {"conformance_tag": desk.tag()}}
    reply = desk.redeem(session.id, quote, bench.uuid(), **said)
    judge.require(
        requirement,
        reply.ok and rail_id(reply) is not None,
        f"a {quote.rail} with an id",
        f"status {reply.status}",
        quote.reply,
        looked,
        reply,
    )
    read = desk.until(lambda: desk.api.rail(quote.rail, str(rail_id(reply))), lambda answer: answer.ok)
    asked = redemption(session.id, quote, **said)
    problems = [*departures(quote, asked, reply.object()), *departures(quote, asked, read.object())]
    problems += [f"{name} reads another" for name in changed(reply.object(), read.object())]
    proof = watch.one([reply])
    # The word is constant and published cut short.
    judge.observe(f"the kind of a {quote.rail}", str(reply.object().get("kind")), requirement, reply)
    judge.check(
        requirement,
        read.ok and not problems and proof.ok,
        f"a {quote.rail} on the terms of the quote, that reads the same; the quote is consumed",
        "; ".join([*dict.fromkeys(problems), proof.observed]) + f"; the read answered {read.status}",
        quote.reply,
        reply,
        read,
        *proof.seen,
    )


def departures(quote: Quote, asked: Mapping[str, object], body: Mapping[str, Any]) -> Iterator[str]:
    """How a rail contradicts what it was made of, in the members it shows. Which of them it shows is unpublished."""
    if body.get("object") != f"rail_{quote.rail}":
        yield f"object is {body.get('object')}"
    if not isinstance(body.get("status"), str):
        yield "it has no status"
    for name in ("quote_id", "gate_session_id", "reference"):
        if body.get(name) not in (None, asked.get(name)):
            yield f"{name} is another"
    if body.get("metadata") and asked.get("metadata") and body["metadata"] != asked["metadata"]:
        yield "metadata is another"
    terms = quote.reply.object()
    currency, method = body.get("currency"), body.get("method")
    if currency is not None and str(currency).lower() not in {str(terms.get(n)).lower() for n in ("currency", "asset")}:
        yield f"currency is {currency}"
    if method is not None and method != terms.get("payment_method"):
        yield f"method is {method}"
    amount = decimal(body.get("amount"))
    if amount is not None and amount not in amounts(terms, currency):
        yield f"amount is {amount}"


def amounts(terms: Mapping[str, Any], currency: object) -> set[Decimal | None]:
    """What a rail may show as its amount: that of the quote in this currency. Without a currency it may be either."""
    fiat, crypto = decimal(terms.get("fiat_amount")), decimal(terms.get("crypto_amount"))
    if currency is None:
        return {fiat, crypto}
    return {fiat if str(currency).lower() == str(terms.get("currency")).lower() else crypto}


def changed(made: Mapping[str, Any], read: Mapping[str, Any]) -> list[str]:
    """The members that a rail showed when it was made and shows differently now. A rail moves: its status may."""
    lasting = ("id", "object", "kind", "quote_id", "gate_session_id", "reference", "metadata", "currency", "method")
    both = [name for name in (*lasting, "amount") if None not in (made.get(name), read.get(name))]
    return [name for name in both if made[name] != read[name] and not same_money(made[name], read[name])]


DETAILS: list[tuple[str, object]] = [
    ("amount", "25.00"),
    ("currency", "EUR"),
    ("method", "bank_transfer"),
    ("email", "nobody@conformance.example"),
    ("phone", "+4915700000000"),
    ("first_name", "Nobody"),
    ("date_of_birth", "1990-01-01"),
    ("iban", "DE00000000000000000000"),
    ("account_number", "00000000"),
    ("bank_account", {"iban": "DE00000000000000000000"}),
    ("beneficiary", {"name": "Nobody"}),
    ("destination", "DE00000000000000000000"),
]
"""What a rail create must not carry: terms, a person, or where to pay to. All of it is made up."""


@scenario("GATE-RAIL-REFUSES-DETAILS", needs=["rails"], trades=2)
def test_a_rail_takes_no_terms_persons_or_accounts_from_the_partner(bench: Bench, desk: Desk, judge: Judge) -> None:
    for side in sides(desk):
        quote, session = desk.lock(side), ready_session(desk)
        watch = Watch(desk, quote, session.id)
        bench.afford(str(quote.request["amount"]))
        seen: list[Reply] = []
        for name, value in DETAILS:
            body = redemption(session.id, quote, **{name: value})
            reply = desk.api.create_rail(quote.rail, body, bench.uuid())
            status = desk.quote_status(quote)
            seen.append(reply)
            judge.require(
                "GATE-RAIL-REFUSES-DETAILS",
                reply.status in (400, 422) and desk.untouched(quote, status),
                f"400 or 422 for a {quote.rail} with {name}, and an active quote",
                f"{reply.status}, and the quote reads {status}",
                quote.reply,
                reply,
            )
        proof = watch.nothing()
        judge.check("GATE-RAIL-REFUSES-DETAILS", proof.ok, "nothing moved", proof.observed, *seen, *proof.seen)
        plain = desk.api.create_rail(quote.rail, redemption(session.id, quote), bench.uuid())
        if not plain.ok and not desk.has_faded(quote):
            judge.cannot("GATE-RAIL-REFUSES-DETAILS", f"a plain {quote.rail} that is made", "the target")


@scenario("GATE-RAIL-REFUSES-UNKNOWN", needs=["rails"], trades=2)
def test_a_rail_needs_a_session_and_a_quote_of_the_caller(bench: Bench, desk: Desk, judge: Judge) -> None:
    for side in sides(desk):
        quote, session = desk.lock(side), ready_session(desk)
        watch = Watch(desk, quote, session.id)
        bench.afford(str(quote.request["amount"]))
        good = redemption(session.id, quote)
        wrong: dict[str, dict[str, object]] = {
            "a session nobody opened": {**good, "gate_session_id": nobodys(bench, session.id)},
            "a quote nobody locked": {**good, "quote_id": nobodys(bench, quote.id)},
            "no session": {"quote_id": quote.id},
            "no quote": {"gate_session_id": session.id},
            "session and quote exchanged": {"gate_session_id": quote.id, "quote_id": session.id},
        }
        replies = [desk.api.create_rail(quote.rail, body, bench.uuid()) for body in wrong.values()]
        proof = watch.nothing()
        for what, reply in zip(wrong, replies, strict=True):
            judge.check(
                "GATE-RAIL-REFUSES-UNKNOWN",
                400 <= reply.status < 500 and proof.ok,
                f"a refusal of a {quote.rail} with {what}, and nothing moved",
                f"{reply.status}; {proof.observed}",
                reply,
                *proof.seen,
            )


@scenario("GATE-RAIL-REFUSES-ENDED-SESSION", needs=["rails"], trades=2)
def test_no_rail_starts_in_a_session_that_has_ended(bench: Bench, desk: Desk, judge: Judge) -> None:
    ended = dict(_ended_sessions(bench, desk))
    for side in sides(desk):
        quote = desk.lock(side)
        watch = Watch(desk, quote, busy=list(ended.values()))
        bench.afford(str(quote.request["amount"]))
        for how, session in ended.items():
            reply = desk.api.create_rail(quote.rail, redemption(session, quote), bench.uuid())
            proof = watch.nothing()
            judge.require(
                "GATE-RAIL-REFUSES-ENDED-SESSION",
                400 <= reply.status < 500 and proof.ok,
                f"a refusal of a {quote.rail} in a {how} session, and nothing moved",
                f"{reply.status}; {proof.observed}",
                reply,
                *proof.seen,
            )


def _ended_sessions(bench: Bench, desk: Desk) -> Iterator[tuple[str, str]]:
    """A session at each end that can be brought about here, by the word for it. Raises ``Refused`` without any."""
    session = ready_session(desk)
    if desk.api.cancel_session(session.id).ok:
        desk.ended(session.id)
    if desk.status_of(session.id) != "cancelled":
        raise Refused("a session that is cancelled when told to", "the operator of the target")
    yield "cancelled", session.id
    for how in ("completed", "expired"):
        if f"session_{how}" in bench.target.outcomes:
            session = ready_session(desk)
            bench.perform(f"session_{how}", sessionId=session.id)
            if reads(how)(desk.until(lambda name=session.id: desk.api.session(name), reads(how))):  # type: ignore[misc]
                desk.ended(session.id)
                yield how, session.id


@scenario("GATE-RAIL-REFUSES-UNVERIFIED", needs=["rails", "outcome:kyc_required"], trades=3)
def test_no_rail_starts_for_a_user_who_is_not_verified(bench: Bench, desk: Desk, judge: Judge) -> None:
    for side in sides(desk):
        quote, session = desk.lock(side), desk.open_session()
        bench.perform("kyc_required", sessionId=session.id)
        watch = Watch(desk, quote, session.id)
        reply = desk.redeem(session.id, quote, bench.uuid())
        proof = watch.nothing()
        judge.require(
            "GATE-RAIL-REFUSES-UNVERIFIED",
            400 <= reply.status < 500 and proof.ok,
            f"a refusal of a {quote.rail}, and nothing moved",
            f"{reply.status}; {proof.observed}",
            reply,
            *proof.seen,
        )
    if "kyc_approved" in bench.target.outcomes:
        bench.perform("kyc_approved", sessionId=session.id)
        later = desk.redeem(session.id, quote, bench.uuid())
        judge.observe("the same redemption once the user is verified", str(later.status), "", later)


@scenario("GATE-RAIL-SETTLES", needs=["rails", "outcome:rail_settled"], trades=2)
def test_a_settled_rail_stays_settled(desk: Desk, judge: Judge) -> None:
    for side in sides(desk):
        _judge_an_end(desk, judge, "GATE-RAIL-SETTLES", start_rail(desk, side), "settled")


NO_RAIL = ("outcome:rail_failed", "outcome:rail_cancelled")


@scenario("GATE-RAIL-FAILS", "GATE-QUOTE-REDEEMED-ONCE", needs=["rails", *NO_RAIL], trades=6)
def test_a_rail_that_failed_or_was_cancelled_stays_so(bench: Bench, desk: Desk, judge: Judge) -> None:
    for side in sides(desk):
        for end in ("failed", "cancelled"):
            rail = start_rail(desk, side)
            _judge_an_end(desk, judge, "GATE-RAIL-FAILS", rail, end)
            if side == ON_RAMP:
                _judge_no_second_chance(bench, desk, judge, rail, end)


def _judge_an_end(desk: Desk, judge: Judge, requirement: str, rail: Rail, end: str) -> None:
    """Bring ``rail`` to an end, then repeat its create, which must not move it, and look."""
    desk.bench.perform(f"rail_{end}", railId=rail.id)
    ended = desk.until(lambda: desk.api.rail(rail.kind, rail.id), reads(end))
    replay = desk.api.create_rail(rail.kind, rail.request, rail.key)
    looks = [desk.api.rail(rail.kind, rail.id) for _ in range(LOOKS)]
    found = [str(reply.object().get("status")) for reply in (ended, *looks)]
    judge.check(
        requirement,
        set(found) == {end},
        f"{end}, also after its create was repeated",
        ", ".join(dict.fromkeys(found)),
        rail.reply,
        ended,
        replay,
        *looks,
    )


def _judge_no_second_chance(bench: Bench, desk: Desk, judge: Judge, rail: Rail, end: str) -> None:
    session = ready_session(desk)
    watch = Watch(desk, rail.quote, session.id)
    again = desk.redeem(session.id, rail.quote, bench.uuid())
    proof = watch.nothing("consumed")
    judge.check(
        "GATE-QUOTE-REDEEMED-ONCE",
        400 <= again.status < 500 and proof.ok,
        f"the quote of a rail that was {end} stays consumed, and is not redeemed again",
        f"{again.status}; {proof.observed}",
        rail.reply,
        again,
        *proof.seen,
    )

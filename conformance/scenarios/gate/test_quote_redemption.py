"""A signed quote is redeemed once, whoever asks however often and together, and not at all after it has lapsed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from conformance.client import Refused, Reply
from conformance.scenarios.bench import Bench, settled_replies
from conformance.scenarios.gate.desk import MARGIN, OFF_RAMP, ON_RAMP, RAIL_OF, Desk, Quote, Session
from conformance.scenarios.gate.redeeming import (
    IN_FLIGHT,
    Rail,
    Watch,
    lock_left,
    rail_id,
    ready_session,
    redemption,
    sides,
    start_rail,
)
from conformance.scenarios.judging import Judge, scenario

AT_ONCE = 6
LONGEST = 120.0
"""Seconds a run waits for an expiry it cannot bring about."""


@scenario("GATE-QUOTE-REDEEMED-ONCE", needs=["rails"], trades=8)
def test_a_redeemed_quote_is_consumed_and_redeemed_by_nobody_else(bench: Bench, desk: Desk, judge: Judge) -> None:
    for side in sides(desk):
        rail = start_rail(desk, side)
        elsewhere = ready_session(desk)
        watch = Watch(desk, rail.quote, elsewhere.id, busy=[rail.session.id])
        again = desk.redeem(rail.session.id, rail.quote, bench.uuid())
        # In another session, or as the other kind of rail, a target may find more that is wrong and say so first.
        others = [desk.redeem(elsewhere.id, rail.quote, bench.uuid())]
        bench.afford(str(rail.quote.request["amount"]))
        wrong_kind = RAIL_OF[OFF_RAMP if side == ON_RAMP else ON_RAMP]
        others.append(desk.api.create_rail(wrong_kind, redemption(elsewhere.id, rail.quote), bench.uuid()))
        ended = desk.status_of(rail.session.id) != "open"
        refused = [again.status == 409 or (ended and is_refused(again)), *map(is_refused, others)]
        proof = watch.nothing("consumed")
        first = desk.api.rail(rail.kind, rail.id)
        judge.check(
            "GATE-QUOTE-REDEEMED-ONCE",
            all(refused) and proof.ok and first.object().get("id") == rail.id,
            "409 under another key, a refusal in another session and as another kind, and no second rail",
            f"{again.status}, then {', '.join(str(reply.status) for reply in others)}; {proof.observed}",
            rail.reply,
            again,
            *others,
            first,
            *proof.seen,
        )


def is_refused(reply: Reply) -> bool:
    """Whether an answer is a refusal, whatever it says of the reason."""
    return 400 <= reply.status < 500


CROWDS = ((1, (0.0,)), (2, (0.0,)), (3, (0.0, 0.002, 0.004)), (1, (0.0, 0.001, 0.003, 0.008)))
"""How many sessions a crowd spreads over, and the seconds by which its members start late, in turn."""


@scenario("GATE-QUOTE-CONCURRENT-ONCE", needs=["rails"], trades=len(CROWDS))
def test_simultaneous_redemptions_of_a_quote_make_one_rail(bench: Bench, desk: Desk, judge: Judge) -> None:
    for turn, (count, starts) in enumerate(CROWDS):
        known = sides(desk)
        quote = desk.lock(known[turn % len(known)])
        sessions = [ready_session(desk).id for _ in range(count)]
        watch = Watch(desk, quote, *sessions)
        bench.afford(str(quote.request["amount"]))

        def redeem(place: int, quote: Quote = quote, sessions: list[str] = sessions, late: float = 0.0) -> Reply:
            bench.clock.sleep(late)
            return desk.api.create_rail(quote.rail, redemption(sessions[place % len(sessions)], quote), bench.uuid())

        crowd: list[Callable[[], Reply]] = [
            partial(redeem, place, late=starts[place % len(starts)]) for place in range(AT_ONCE)
        ]
        replies = settled_replies(bench.together(crowd))
        refused = sorted({reply.status for reply in replies if not reply.ok})
        proof = watch.one(replies)
        expected = all(status in IN_FLIGHT or (count > 1 and 400 <= status < 500) for status in refused)
        judge.check(
            "GATE-QUOTE-CONCURRENT-ONCE",
            proof.ok and expected,
            f"{AT_ONCE} at once under different keys, in {count} session(s): one rail, the others refused with 409",
            f"{proof.observed}; refusals {refused or 'none'}",
            *replies,
            *proof.seen,
        )


@dataclass(frozen=True, slots=True)
class Parked:
    """Quotes left to grow old: one for each side that nobody touches, and one that was redeemed."""

    untouched: tuple[Quote, ...]
    redeemed: Rail

    @property
    def quotes(self) -> tuple[Quote, ...]:
        """All of them."""
        return *self.untouched, self.redeemed.quote


def park(bench: Bench) -> Parked:
    """Lock the quotes and redeem one; move their clocks where the target can."""
    desk = Desk(bench)
    parked = Parked(tuple(desk.lock(side) for side in sides(desk)), start_rail(desk))
    if "gate_time_passes" in bench.target.outcomes:
        for quote in parked.quotes:
            age(desk, quote)
    return parked


def age(desk: Desk, quote: Quote) -> None:
    """Move the clock of a quote to as soon after its expiry as may be judged."""
    seconds = max(1, math.ceil(lock_left(quote).total_seconds() + MARGIN))
    desk.bench.perform("gate_time_passes", account=desk.account, quoteId=quote.id, seconds=str(seconds))


def wait_until_old(bench: Bench, parked: Parked) -> None:
    """Return when every parked quote is past its expiry by the margin. Raises ``Refused`` beyond the bound."""
    if "gate_time_passes" in bench.target.outcomes:
        return
    if any(quote.expires is None for quote in parked.quotes):
        raise Refused("quotes that say under expires_at when they end", "the operator of the target")
    locks = [lock_left(quote) for quote in parked.quotes]
    newest = max(quote.reply.received for quote in parked.quotes)
    # A Date is cut to whole seconds.
    remaining = (newest + max(locks) - bench.clock.now()).total_seconds() + MARGIN + 1
    if remaining > LONGEST:
        raise Refused(f"quotes that lapse within {LONGEST:g} s", "the operator of the target")
    if remaining > 0:
        bench.clock.sleep(remaining)


@scenario("GATE-QUOTE-EXPIRES", "GATE-QUOTE-REDEEMED-ONCE", needs=["rails"], last=True, parks=park, trades=4)
def test_a_lapsed_quote_is_expired_and_a_redeemed_one_stays_consumed(
    bench: Bench, desk: Desk, judge: Judge, parked: Parked
) -> None:
    wait_until_old(bench, parked)
    for quote in parked.untouched:
        _judge_lapsed(bench, desk, judge, quote)
    rail = parked.redeemed
    watch = Watch(desk, rail.quote, busy=[rail.session.id])
    replay = desk.api.create_rail(rail.kind, rail.request, rail.key)
    again = desk.redeem(ready_session(desk).id, rail.quote, bench.uuid())
    proof = watch.nothing("consumed")
    # For how long a key answers as it did is unpublished.
    same = rail_id(replay) == rail.id or replay.status == 409
    judge.check(
        "GATE-QUOTE-REDEEMED-ONCE",
        same and is_refused(again) and proof.ok,
        "it reads consumed when its time is over, its key answers no other rail, another key is refused",
        f"its key answers {replay.status}{'' if same else ', another rail'}, another {again.status}; {proof.observed}",
        rail.reply,
        replay,
        again,
        *proof.seen,
    )


def _judge_lapsed(bench: Bench, desk: Desk, judge: Judge, quote: Quote) -> None:
    read = desk.api.quote(quote.id)
    if "gate_time_passes" not in bench.target.outcomes and not _has_lapsed(quote, read):
        judge.cannot("GATE-QUOTE-EXPIRES", "an answer whose Date is well past the expiry", "the target")
        return
    session = ready_session(desk)
    watch = Watch(desk, quote, session.id)
    refused = desk.redeem(session.id, quote, bench.uuid())
    proof = watch.nothing("expired")
    judge.check(
        "GATE-QUOTE-EXPIRES",
        read.status == 200 and read.object().get("status") == "expired" and refused.status == 409 and proof.ok,
        "200 and expired, then 409, and no rail",
        f"{read.status} and {read.object().get('status')}, then {refused.status}; {proof.observed}",
        quote.reply,
        read,
        refused,
        *proof.seen,
    )


def _has_lapsed(quote: Quote, read: Reply) -> bool:
    return quote.expires is not None and read.date >= quote.expires + timedelta(seconds=MARGIN)


MEETINGS = ((0.006, 0.0, 1), (0.0, 0.003, 2), (0.0, 0.0, 2))
"""Seconds by which the clock and the redemptions start late, and how many redemptions there are."""


@scenario("GATE-QUOTE-EXPIRES", needs=["rails", "outcome:gate_time_passes"], trades=len(MEETINGS))
def test_a_quote_that_lapses_while_it_is_redeemed_is_redeemed_or_not(bench: Bench, desk: Desk, judge: Judge) -> None:
    for ages_late, redeems_late, count in MEETINGS:
        quote, session, key = desk.lock(), ready_session(desk), bench.uuid()
        watch = Watch(desk, quote, session.id)
        bench.afford(str(quote.request["amount"]))

        def redeem(
            quote: Quote = quote, session: Session = session, key: str = key, late: float = redeems_late
        ) -> Reply:
            bench.clock.sleep(late)
            return desk.api.create_rail(quote.rail, redemption(session.id, quote), key)

        def lapse(quote: Quote = quote, late: float = ages_late) -> None:
            bench.clock.sleep(late)
            age(desk, quote)

        crowd: list[Callable[[], Reply | None]] = [*[redeem] * count, lapse]
        *results, aged = bench.together(crowd)
        if isinstance(aged, BaseException):
            raise aged
        replies = settled_replies([result for result in results if result is not None])
        made = any(reply.ok for reply in replies)
        proof = watch.one(replies) if made else watch.nothing("expired")
        judge.check(
            "GATE-QUOTE-EXPIRES",
            proof.ok and all(reply.ok or reply.status in IN_FLIGHT for reply in replies),
            "one rail and a consumed quote, or 409 and an expired one",
            f"{', '.join(str(reply.status) for reply in replies)}; {proof.observed}",
            *replies,
            *proof.seen,
        )

"""What time does to quotes. They are made at the start of the run and looked at near its end, so nobody waits twice."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from conformance.client import Refused, Reply
from conformance.scenarios.bench import Bench
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.desk import Desk, FirmQuote
from conformance.scenarios.pools.proof import nothing_moved, one_trade_one_debit

MARGIN = timedelta(seconds=3)
"""Nothing is judged within this of an expiry: clocks differ, and the instant itself is unspecified."""

LONGEST = 120.0
"""Seconds a run waits for an expiry it cannot bring about; the published lock is about 15."""


@dataclass(frozen=True, slots=True)
class Parked:
    """Quotes left to grow old: one untouched, one to reject, one rejected, one executed with its key."""

    untouched: FirmQuote
    to_reject: FirmQuote
    rejected: FirmQuote
    executed: FirmQuote
    key: str
    first: Reply


def park(bench: Bench) -> Parked:
    """Make the quotes, reject one and execute one; shift their clocks where the target can."""
    desk = Desk(bench)
    untouched, to_reject, rejected, executed = (desk.firm() for _ in range(4))
    desk.api.reject(rejected.id)
    key = bench.key()
    first = desk.execute(executed, key)
    if "time_passes" in bench.target.outcomes:
        for quote in (untouched, to_reject, rejected, executed):
            ahead = (quote.expires - quote.reply.date if quote.expires else MARGIN) + MARGIN
            seconds = max(1, math.ceil(ahead.total_seconds()))
            bench.perform("time_passes", account=desk.account, quoteId=quote.id, seconds=str(seconds))
    return Parked(untouched, to_reject, rejected, executed, key, first)


def wait_until_old(bench: Bench, parked: Parked) -> bool:
    """Return when every parked quote is past its expiry by the margin, and whether that had to be waited for.

    Raises ``Refused`` beyond the bound.
    """
    if "time_passes" in bench.target.outcomes:
        return False
    latest = max((q.expires - q.reply.date for q in _all(parked) if q.expires), default=timedelta(0))
    newest = max(q.reply.received for q in _all(parked))
    remaining = (newest + latest + MARGIN - bench.clock.now()).total_seconds()
    if remaining > LONGEST:
        raise Refused(f"quotes that expire within {LONGEST:g} s", "the operator of the target")
    if remaining > 0:
        bench.clock.sleep(remaining)
    return remaining > 0


def just_expired(bench: Bench, desk: Desk) -> FirmQuote:
    """A quote whose lock ended as recently as may be judged: some let one through for a few seconds more.

    Raises ``Refused`` when a quote lives longer than anybody waits.
    """
    quote = desk.firm()
    lock = (quote.expires - quote.reply.date if quote.expires else timedelta(0)) + MARGIN
    seconds = max(1, math.ceil(lock.total_seconds()))
    if "time_passes" in bench.target.outcomes:
        bench.perform("time_passes", account=desk.account, quoteId=quote.id, seconds=str(seconds))
    elif seconds > LONGEST:
        raise Refused(f"quotes that expire within {LONGEST:g} s", "the operator of the target")
    else:
        bench.clock.sleep(seconds)
    return quote


def _all(parked: Parked) -> tuple[FirmQuote, ...]:
    return parked.untouched, parked.to_reject, parked.rejected, parked.executed


@scenario(
    "POOLS-QUOTE-EXPIRES",
    "POOLS-REJECT-EXPIRED",
    "POOLS-QUOTE-PRECEDENCE",
    "POOLS-TRANSACT-LATE-REPLAY",
    last=True,
    parks=park,
    trades=3,
)
def test_an_old_quote_is_expired_unless_something_else_ended_it(
    bench: Bench, desk: Desk, judge: Judge, parked: Parked
) -> None:
    waited = wait_until_old(bench, parked)
    _judge_expired(bench, desk, judge, parked.untouched)
    if not waited:
        _judge_expired(bench, desk, judge, just_expired(bench, desk))
    late = desk.api.reject(parked.to_reject.id)
    still = desk.api.read_quote(parked.to_reject.id)
    judge.check(
        "POOLS-REJECT-EXPIRED",
        late.status == 409 and still.object().get("status") == "expired",
        "409, and the quote still reads expired",
        f"{late.status}, and the quote reads {still.object().get('status')}",
        late,
        still,
    )
    reads = [desk.api.read_quote(quote.id) for quote in (parked.rejected, parked.executed)]
    found = [reply.object().get("status") for reply in reads]
    judge.check(
        "POOLS-QUOTE-PRECEDENCE",
        found == ["rejected", "consumed"],
        "rejected and consumed after the expiry",
        f"{found[0]} and {found[1]}",
        *reads,
    )
    _judge_late_replay(desk, judge, parked)


def _judge_expired(bench: Bench, desk: Desk, judge: Judge, quote: FirmQuote) -> None:
    read = desk.api.read_quote(quote.id)
    bench.afford(quote.amount)
    key = bench.key()
    refused = desk.api.transact(quote.pool, quote.id, key)
    desk.note_order(quote, key, refused)
    proof = nothing_moved(desk, quote.id, "expired")
    judge.check(
        "POOLS-QUOTE-EXPIRES",
        read.object().get("status") == "expired" and refused.status == 409 and proof.ok,
        "it reads expired, transact answers 409, nothing moved",
        f"it reads {read.object().get('status')}, transact answered {refused.status}; {proof.observed}",
        read,
        refused,
        *proof.seen,
    )


def _judge_late_replay(desk: Desk, judge: Judge, parked: Parked) -> None:
    quote = parked.executed
    original = parked.first.object().get("transactId")
    replay = desk.api.transact(quote.pool, quote.id, parked.key)
    desk.note_order(quote, parked.key, replay)
    proof = one_trade_one_debit(desk, quote.id, str(original))
    # Whether a replay after expiry returns the trade or 409 is unstated; another trade or another debit is not.
    same = replay.status == 409 or (replay.ok and replay.object().get("transactId") == original)
    judge.observe("replay after the quote's expiry", str(replay.status), "POOLS-TRANSACT-LATE-REPLAY", replay)
    judge.check(
        "POOLS-TRANSACT-LATE-REPLAY",
        parked.first.ok and same and proof.ok,
        "the same trade or 409, one trade and one debit",
        f"{replay.status}{'' if same else ' with another trade'}; {proof.observed}",
        parked.first,
        replay,
        *proof.seen,
    )

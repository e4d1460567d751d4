"""What an account may spend: its pre-funded balance and its rolling cap, order by order and several orders at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal
from functools import partial

from conformance.client import Refused, Reply
from conformance.model.history import SPENDING, Ceiling, Outcome, ceilings_hold
from conformance.scenarios.bench import Bench
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.callers import Callers
from conformance.scenarios.pools.desk import (
    Desk,
    FirmQuote,
    decimal,
    firm_quote,
    moment,
    smallest_amount,
    the_list,
)
from conformance.scenarios.pools.proof import nothing_moved
from conformance.scenarios.pools.test_exactly_once import judge_history

PAYERS = 3
"""How many orders compete for a balance that covers one of them."""
RACERS = 4
"""How many of the smallest orders compete for a cap that two of them reach."""
ALONE = 4
"""How many more orders are made one by one until the cap refuses one."""

OPERATOR = "the operator of the target"
CAP, CAP_AT_ONCE = "POOLS-DENY-VELOCITY", "POOLS-DENY-VELOCITY-AT-ONCE"


@scenario("POOLS-DENY-BALANCE", needs=["account:unfunded"], trades=1)
def test_an_order_the_balance_cannot_cover_is_refused(bench: Bench, judge: Judge) -> None:
    desk = Desk(bench, "unfunded")
    asked = desk.ask()
    if asked.status == 402:
        # Whether the balance is looked at when a firm quote is made as well is stated nowhere (facts, section 14).
        named = asked.object().get("quoteId")
        observed = "402 at the quote" + ("" if named is None else ", with a quote id")
        judge.check("POOLS-DENY-BALANCE", named is None, "402 and no quote", observed, asked)
        return
    quote = desk.quoted(asked)
    bench.afford(quote.amount)
    before = desk.api.balance(quote.pool).object().get("balance")
    key = bench.key()
    reply = desk.api.transact(quote.pool, quote.id, key)
    desk.note_order(quote, key, reply)
    # The same request again is 402 again, whether refusals are remembered under their key or not.
    again = desk.api.transact(quote.pool, quote.id, key)
    desk.note_order(quote, key, again)
    proof = nothing_moved(desk, quote.id, "active")
    after = desk.api.balance(quote.pool).object().get("balance")
    judge.check(
        "POOLS-DENY-BALANCE",
        reply.status == again.status == 402 and proof.ok and before == after,
        "402 each time, and nothing moved",
        f"{reply.status}, again {again.status}; {proof.observed}"
        + ("" if before == after else "; the balance changed"),
        reply,
        again,
        *proof.seen,
    )


@scenario("POOLS-DENY-BALANCE-AT-ONCE", "POOLS-LEDGER-SUM", needs=["account:unfunded"], trades=PAYERS)
def test_orders_at_once_do_not_spend_a_balance_twice(bench: Bench, judge: Judge) -> None:
    desk = Desk(bench, "unfunded")
    callers = Callers(bench)
    balance = decimal(desk.api.balance(desk.terms.pool).object().get("balance"))
    if balance is None:
        for requirement in judge.declared:
            judge.not_applicable(requirement, "the balance gate of this account is off")
        return
    amount = (balance * Decimal("0.75")).quantize(Decimal("0.01"), ROUND_DOWN)
    try:
        desk.firm(amount=f"{amount:.2f}")
    except Refused:
        for requirement in judge.declared:
            judge.cannot(requirement, "an account whose balance covers one of the smallest orders, not two", OPERATOR)
        return
    callers.watch_the_money(desk)
    orders = [callers.quote(desk, amount=f"{amount:.2f}") for _ in range(PAYERS)]
    keys = [bench.key() for _ in orders]
    callers.together(*(partial(callers.transact, n, *order) for n, order in enumerate(zip(orders, keys, strict=True))))
    ceiling = Ceiling("POOLS-DENY-BALANCE-AT-ONCE", {q.id: (amount,) for q in orders}, (balance,), reachable=True)
    history = callers.history(ceiling)
    unseen = {}
    if not any(quiet.trades for quiet in history.quotes.values()):
        unseen = dict.fromkeys(judge.declared, "a balance that pays for one of the orders")
    if not history.accounts or any(account.foreign for account in history.accounts):
        unseen["POOLS-LEDGER-SUM"] = "a moment without foreign ledger entries"
    judge_history(judge, history, unseen, SPENDING)


@dataclass
class Approach:
    """How the cap was met: one order refused for its size, several at once, then single ones until one was refused."""

    desk: Desk
    callers: Callers
    double: FirmQuote
    alone: Reply
    race: list[FirmQuote]
    executed: list[str]
    replies: list[Reply] = field(default_factory=list)
    last: FirmQuote | None = None
    """The quote whose execution was tried last; None where a quote was not answered with one."""
    singles: int = 0
    """How many single orders were executed after those at once."""

    @property
    def refused(self) -> Reply:
        """The answer to the last execution."""
        return self.replies[-1]


@scenario(CAP, CAP_AT_ONCE, needs=["account:velocity_capped"], trades=RACERS + ALONE + 2)
def test_beyond_the_rolling_cap_only_transact_is_refused(bench: Bench, judge: Judge) -> None:
    approach = _approach_the_cap(bench, Desk(bench, "velocity_capped"))
    _judge_alone(bench, judge, approach)
    _judge_at_once(judge, approach)


def _approach_the_cap(bench: Bench, desk: Desk) -> Approach:
    """Meet the cap with the smallest orders, so that one or a few pass before: only then is anything counted."""
    callers, least = Callers(bench), smallest_amount(desk.capabilities())
    race = [callers.quote(desk, amount=least) for _ in range(RACERS)]
    double = desk.firm(amount=f"{2 * Decimal(least):.2f}")
    alone = desk.execute(double, patient=False)
    keys = [bench.key() for _ in race]
    run = partial(callers.transact, patient=False)
    callers.together(*(partial(run, n, *order) for n, order in enumerate(zip(race, keys, strict=True))))
    executed = [double.id] if alone.ok else []
    executed += [operation.quote for operation in callers.operations if operation.outcome is Outcome.OK]
    approach = Approach(desk, callers, double, alone, race, executed)
    request, polled = desk.terms.request(amount=least), False
    for single in range(ALONE):
        if single and len(approach.executed) >= 3 and not polled:
            # Whether a trade that is not settled yet uses the cap up is stated nowhere.
            for made in approach.executed:
                desk.poll_to_end(made)
            polled = True
        quoted = _asked(desk, desk.terms.pool, request)
        approach.replies.append(quoted)
        approach.last = firm_quote(desk.terms.pool, request, quoted)
        if approach.last is None:
            break
        approach.replies.append(desk.execute(approach.last, patient=False))
        if not approach.refused.ok:
            break
        approach.executed.append(approach.last.id)
        approach.singles += 1
    return approach


def _asked(desk: Desk, pool: str, request: Mapping[str, object]) -> Reply:
    """A quote, without waiting a 429 out; a pool that is dry for a moment is asked again."""
    for attempt in range(3):
        reply = desk.api.send("POST", f"/pools/{pool}/quote", body=request, patient=False)
        desk.remember(reply)
        if reply.object().get("available") is not False:
            break
        desk.bench.clock.sleep(0.2 * (attempt + 1))
    return reply


def _traded_before(desk: Desk) -> bool:
    """Whether the account has traded within the last day, and so may have used its cap up."""
    since = desk.bench.started - timedelta(days=1)
    rows = the_list(desk.api.trades(limit="100").object(), "trades")
    return any((made := moment(row.get("createdAt"))) is None or made > since for row in rows)


def _judge_alone(bench: Bench, judge: Judge, approach: Approach) -> None:
    """An order beyond the cap is refused with 429, a larger one with it; nothing moves, quotes and reads go on."""
    desk, quote, refused = approach.desk, approach.last, approach.refused
    if quote is None and refused.ok:
        judge.cannot(CAP, "a pool that gives executable quotes", OPERATOR)
        return
    if quote is None:
        observed = f"a quote was answered {refused.status}"
        judge.check(CAP, False, "quotes that go on", observed, *approach.replies)
        return
    if refused.status == 429 and not approach.executed and not _traded_before(desk):
        # A cap that even the smallest order exceeds, or the trades of somebody else: the two look alike.
        judge.cannot(CAP, "an account whose cap leaves room for the smallest order", OPERATOR)
        return
    proof = nothing_moved(desk, quote.id, "active")
    last = refused
    larger = f"{3 * Decimal(quote.amount):.2f}"
    larger_quote = firm_quote(desk.terms.pool, desk.terms.request(amount=larger), desk.ask(amount=larger))
    if larger_quote is not None:
        last = desk.execute(larger_quote, patient=False)
        judge.check(
            CAP,
            last.status in (402, 429),
            "a larger order refused as well once a smaller one is",
            f"{last.status} for {larger_quote.amount}, after {refused.status} for {quote.amount}",
            refused,
            last,
        )
    again = _asked(desk, quote.pool, quote.request)
    reads = [desk.api.trades(limit="1"), desk.api.balance(quote.pool)]
    judge.check(
        CAP,
        refused.status == 429
        and proof.ok
        and firm_quote(quote.pool, quote.request, again) is not None
        and all(reply.ok for reply in reads),
        "429 on transact, nothing moved, quotes and reads go on",
        f"{refused.status} on transact; {proof.observed}; quote {again.status}, "
        f"reads {', '.join(str(reply.status) for reply in reads)}",
        refused,
        last,
        *proof.seen,
        again,
        *reads,
    )


def _judge_at_once(judge: Judge, approach: Approach) -> None:
    """Parts executed at once stay below what was refused as one order, where executed parts are known to count.

    That they do is known once a single order is refused while nothing but their reserved trades can be the reason. A
    rate may have moved, and the unit of the cap is unstated: the parts exceed it only where they do in both units.
    """
    if approach.alone.status != 429:
        judge.cannot(CAP_AT_ONCE, "an account whose cap is reached by two of the smallest orders", OPERATOR)
        return
    amounts = {quote.id: _notional(quote) for quote in approach.race}
    ceiling = Ceiling(CAP_AT_ONCE, amounts, _notional(approach.double), reachable=False)
    history = approach.callers.history(ceiling)
    raced = [quiet for quiet in history.quotes.values() if quiet.trades]
    counted = approach.refused.status == 429 and not approach.singles
    reserved = all(state == "reserved" for quiet in raced for state in quiet.states)
    if not raced:
        judge.cannot(CAP_AT_ONCE, "an account whose cap leaves room for the smallest order", OPERATOR)
    elif any(ceilings_hold(history)) and not (counted and reserved):
        judge.not_applicable(CAP_AT_ONCE, "nothing shows that a trade which is not settled uses the cap up")
    else:
        judge_history(judge, history, checkers=SPENDING)


def _notional(quote: FirmQuote) -> tuple[Decimal, ...]:
    """What an order comes to in fiat and, where its rate can be read, in what comes out."""
    amount, rate = Decimal(quote.amount), decimal(quote.terms.get("rate"))
    return (amount,) if rate is None else (amount, amount * rate)

"""Step 5, the hard way: callers who meet, who hear nothing and ask again, and who come back when all is over."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from conformance.client.chaos import Loss, Point
from conformance.model.history import CHECKERS, Checkers, Finding, History, Operation, Outcome, findings
from conformance.scenarios.bench import Bench
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.callers import MARGIN, Callers, under_way
from conformance.scenarios.pools.desk import Desk, FirmQuote

EXPECTED = {
    "POOLS-TRANSACT-ONCE": "one trade and one debit, and every answer to the key names that trade",
    "POOLS-TRANSACT-CONCURRENT-ONCE": "one trade, one debit, every success names that trade, no refusal had an effect",
    "POOLS-TRANSACT-RESERVES": "whoever reads the quote after a success finds it consumed",
    "POOLS-TRANSACT-KEY-CONFLICT": "the key executes one of the quotes, and the others stand as they did",
    "POOLS-REJECT-ONCE": "one reject succeeds at most",
    "POOLS-REJECT-BLOCKS": "a quote that reads rejected has no trade and no debit",
    "POOLS-REJECT-CONSUMED": "no reject of an executed quote succeeds",
    "POOLS-POLL-FORWARD": "polls show the trade from its first answer on, and it only moves forward",
    "POOLS-LEDGER-SUM": "the movements explain how the available balance changed",
    "POOLS-ISOLATION-KEYS": "each partner gets its own trade, and a stranger's replay is not found",
    "POOLS-DENY-BALANCE-AT-ONCE": "the balance covers what was executed at once, and nobody refused has moved it",
    "POOLS-DENY-VELOCITY-AT-ONCE": "what was executed at once stays below what was refused as one order",
    "POOLS-QUOTE-EXPIRES": "a quote that expired while it was executed has a trade or nothing at all",
}
"""What each requirement asks of a history."""

LONGEST_PAUSE = 1.0
"""Seconds between two retries of somebody who has been refused for a while."""


def judge_history(
    judge: Judge,
    history: History,
    unseen: Mapping[str, str] = MappingProxyType({}),
    checkers: Checkers = CHECKERS,
) -> None:
    """Judge everything the scenario declared by ``history``. A finding nobody declared counts against the first.

    ``unseen`` says of requirements what did not come up in this history: without a finding they are not evidenced.
    """
    found: dict[str, list[Finding]] = {requirement: [] for requirement in judge.unjudged()}
    for finding in findings(history, checkers):
        found[finding.requirement if finding.requirement in found else next(iter(found))].append(finding)
    everything = [exchange for quote in history.quotes for exchange in history.evidence(quote)]
    for requirement, contradictions in found.items():
        if requirement in unseen and not contradictions:
            judge.cannot(requirement, unseen[requirement], "the harness (another try)")
            continue
        texts = [f"{finding.observed} instead of {finding.expected}" for finding in contradictions]
        judge.check(
            requirement,
            not contradictions,
            EXPECTED[requirement],
            "; ".join(dict.fromkeys(texts)) or f"so it was, in {len(history.operations)} operations",
            *([exchange for finding in contradictions for exchange in finding.exchanges] or everything),
        )


WON = "a race that this side wins"
OF_A_REJECT = ("POOLS-REJECT-ONCE", "POOLS-REJECT-BLOCKS")
OF_A_TRADE = (
    "POOLS-TRANSACT-CONCURRENT-ONCE",
    "POOLS-TRANSACT-RESERVES",
    "POOLS-REJECT-CONSUMED",
    "POOLS-POLL-FORWARD",
)


@scenario(*OF_A_TRADE, *OF_A_REJECT, trades=2)
def test_a_storm_of_retries_polls_and_rejects_ends_in_one_way(bench: Bench, desk: Desk, judge: Judge) -> None:
    callers = Callers(bench)
    # Who rejects has executed before, or not: the first quote is consumed for certain, the second is raced for.
    for executes_before in (True, False):
        quote, keys = callers.quote(desk), (bench.key(), bench.key())
        starts = [bench.rng.uniform(0, 0.004) for _ in range(3)]

        def retry(process: int, quote: FirmQuote = quote, keys: tuple[str, str] = keys) -> None:
            for _ in range(2):
                callers.transact(process, quote, keys[process // 2])

        def look(process: int, quote: FirmQuote = quote, starts: list[float] = starts) -> None:
            for wait in starts:
                bench.clock.sleep(wait)
                (callers.poll if process % 2 else callers.read)(process, quote)

        def reject(process: int, quote: FirmQuote = quote, key: str = keys[0] if executes_before else "") -> None:
            if key:
                callers.transact(process, quote, key)
            callers.reject(process, quote)

        crowd = [retry] * 3 + [look] * 3 + [reject] * 2
        callers.together(*(partial(caller, process) for process, caller in enumerate(crowd)))
    history = callers.history()
    unseen = (
        {} if any(quiet.word == "rejected" for quiet in history.quotes.values()) else dict.fromkeys(OF_A_REJECT, WON)
    )
    unseen |= {} if any(quiet.trades for quiet in history.quotes.values()) else dict.fromkeys(OF_A_TRADE, WON)
    judge_history(judge, history, unseen)


@scenario("POOLS-TRANSACT-ONCE", "POOLS-LEDGER-SUM", trades=3)
def test_an_execution_whose_answer_was_lost_is_made_once_however_often_and_late_it_is_repeated(
    bench: Bench, desk: Desk, judge: Judge
) -> None:
    pause = bench.target.patience.poll_every
    losses = (Loss(Point.UNREAD), Loss(Point.UNREAD, after=pause), Loss(Point.WITHHELD))
    callers = Callers(bench)
    work = [(process, callers.quote(desk), bench.key(), loss) for process, loss in enumerate(losses)]
    if desk.gated:
        callers.watch_the_money(desk)
    else:
        judge.not_applicable("POOLS-LEDGER-SUM", "the balance gate of this account is off")

    def lose_and_retry(process: int, quote: FirmQuote, key: str, loss: Loss) -> None:
        for lost in (loss, Loss(Point.UNREAD)):
            callers.transact(process, quote, key, lose=lost)
            _until_answered(bench, lambda: callers.transact(process, quote, key))
            bench.clock.sleep(pause)

    callers.together(*(partial(lose_and_retry, *item) for item in work))
    desk.poll_to_end(work[0][1].id)
    for process, quote, key, _ in work:
        callers.transact(process, quote, key)
    history = callers.history()
    quiet = history.accounts and not any(account.foreign for account in history.accounts)
    judge_history(judge, history, {} if quiet else {"POOLS-LEDGER-SUM": "a moment without foreign ledger entries"})


def _until_answered(bench: Bench, retry: Callable[[], Operation]) -> None:
    """Retry as long as the first request may be under way, since until then a duplicate may be refused."""
    pause, until = bench.target.patience.poll_every, bench.clock.monotonic() + under_way(bench)
    while retry().outcome is Outcome.FAIL and bench.clock.monotonic() < until:
        bench.clock.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


@scenario("POOLS-REJECT-ONCE", "POOLS-REJECT-BLOCKS", trades=2)
def test_a_reject_whose_answer_was_lost_stands(bench: Bench, desk: Desk, judge: Judge) -> None:
    callers, pause = Callers(bench), bench.target.patience.poll_every
    quotes = [callers.quote(desk) for _ in range(2)]
    for process, quote in enumerate(quotes):
        callers.reject(process, quote, lose=Loss(Point.UNREAD))
    for process, quote in enumerate(quotes):
        until = bench.clock.monotonic() + under_way(bench)
        while callers.read(process, quote).word != "rejected" and bench.clock.monotonic() < until:
            bench.clock.sleep(pause)
    # Whatever a target does about callers that have gone, it does after they have.
    bench.clock.sleep(pause)
    callers.transact(0, quotes[0], bench.key())
    callers.reject(1, quotes[1])
    history = callers.history()
    rejected = {o.quote for o in callers.operations if o.word == "rejected"}
    lost = "a reject that arrives although its answer is lost"
    unseen = {} if len(rejected) == len(quotes) else dict.fromkeys(judge.declared, lost)
    judge_history(judge, history, unseen)


@scenario("POOLS-TRANSACT-CONCURRENT-ONCE", "POOLS-TRANSACT-KEY-CONFLICT", trades=3)
def test_one_key_sent_for_several_quotes_at_once_executes_one_of_them(bench: Bench, desk: Desk, judge: Judge) -> None:
    callers, key = Callers(bench), bench.key()
    quotes = [callers.quote(desk) for _ in range(3)]
    callers.together(*(partial(callers.transact, process, quote, key) for process, quote in enumerate(quotes * 2)))
    history = callers.history()
    executed = any(quiet.trades for quiet in history.quotes.values())
    judge_history(judge, history, {} if executed else dict.fromkeys(judge.declared, "a key that executes a quote"))


@scenario("POOLS-TRANSACT-ONCE", "POOLS-ISOLATION-KEYS", needs=["account:other_partner"], trades=2)
def test_one_key_of_two_partners_at_once_is_two_keys(bench: Bench, desk: Desk, judge: Judge) -> None:
    callers, other, key = Callers(bench), Desk(bench, "other_partner"), bench.key()
    ours, theirs = callers.quote(desk), callers.quote(other)
    callers.together(partial(callers.transact, 0, ours, key), partial(callers.transact, 1, theirs, key))
    callers.transact(1, ours, key, desk=other)
    callers.transact(0, theirs, key, desk=desk)
    callers.transact(0, ours, key)
    callers.transact(1, theirs, key)
    history = callers.history()
    executed = all(quiet.trades for quiet in history.quotes.values())
    judge_history(judge, history, {} if executed else dict.fromkeys(judge.declared, "an execution by each partner"))


@scenario("POOLS-TRANSACT-ONCE", "POOLS-QUOTE-EXPIRES", needs=["outcome:time_passes"], trades=2)
def test_a_quote_that_expires_while_it_is_executed_is_executed_or_not(bench: Bench, desk: Desk, judge: Judge) -> None:
    callers = Callers(bench)
    for ages_late, executes_late, crowd in ((0.008, 0.0, 1), (0.0, 0.004, 2)):
        quote, key = callers.quote(desk), bench.key()
        ahead = (quote.expires - quote.reply.date if quote.expires else MARGIN) + MARGIN
        callers.aged.add(quote.id)

        def execute(process: int, quote: FirmQuote = quote, key: str = key, late: float = executes_late) -> None:
            bench.clock.sleep(late)
            callers.transact(process, quote, key)

        def age(quote: FirmQuote = quote, ahead: float = ahead.total_seconds(), late: float = ages_late) -> None:
            bench.clock.sleep(late)
            seconds = str(max(1, math.ceil(ahead)))
            bench.perform("time_passes", account=desk.account, quoteId=quote.id, seconds=seconds)

        callers.together(*(partial(execute, process) for process in range(crowd)), age)
        callers.transact(0, quote, key)
    history = callers.history()
    expired = any(quiet.word == "expired" for quiet in history.quotes.values())
    unseen = {} if expired else {"POOLS-QUOTE-EXPIRES": WON}
    unseen |= {} if any(quiet.trades for quiet in history.quotes.values()) else {"POOLS-TRANSACT-ONCE": WON}
    judge_history(judge, history, unseen)

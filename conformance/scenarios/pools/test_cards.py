"""Card funding: a card program sees every end of a trade, told of in different orders, repeated and forged."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from conformance.journal import Outcome
from conformance.partner.cards import REQUIREMENTS, SCRIPTS, Finding, History
from conformance.partner.cards import judge as judge_histories
from conformance.partner.cards_driver import CardsTrouble, CardsUnderTest, Trade, play
from conformance.scenarios.bench import Bench
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.desk import REFUNDED, Desk, FirmQuote
from conformance.webhooks.signature import sign

HEADER = "Gate-Signature"


AT_ONCE = 0.5
"""Seconds for the example beside the embedded sandbox: it has done what it was told when it answers."""


@pytest.fixture
def cards(bench: Bench, judge: Judge) -> CardsUnderTest:
    """The card program of the profile, with deliveries signed as its secret wants them, or as somebody else would."""
    del judge
    found = bench.target.cards
    assert found is not None, "a scenario that needs cards is only tried where there are any"

    def signed(raw: bytes, secret: str) -> dict[str, str]:
        return {HEADER: sign(secret, raw, int(bench.clock.now().timestamp()))}

    return CardsUnderTest(
        start=found.start,
        probe=found.probe,
        events=found.events,
        look=found.look,
        callback=found.callback,
        sign=lambda raw: signed(raw, found.secret.reveal()),
        forge=lambda raw: signed(raw, "whsec_of_somebody_else"),
        run=f"ctu-{bench.key()[-16:]}",
        patience=AT_ONCE if bench.target.is_embedded else bench.target.patience.delivery,
        confirmed=found.test_program,
    )


@dataclass
class DeskWorld:
    """Trades made at the target, brought to their ends by the recipes of its profile."""

    desk: Desk
    quotes: dict[str, FirmQuote] = field(default_factory=dict)

    def quote(self, end: str) -> Trade:
        """A firm quote whose trade the profile knows how to bring to ``end``."""
        recipe = self.desk.bench.target.outcomes.get(end)
        quote = self.desk.firm(**(recipe.request if recipe else {}))
        self.quotes[quote.id] = quote
        return Trade(quote.id, quote.amount, self.desk.terms.fiat)

    def execute(self, trade: Trade) -> Trade:
        """Execute it once, within the limits of the profile."""
        reply = self.desk.execute(self.quotes[trade.quote])
        transact = reply.object().get("transactId")
        if not reply.ok or not isinstance(transact, str):
            raise CardsTrouble(f"the target answered the transact with {reply.status}")
        return replace(trade, transact=transact)

    def move(self, trade: Trade, status: str) -> None:
        """Make the recipe's helper calls, if it has any, and poll until the trade is there."""
        recipe = self.desk.bench.target.outcomes.get(status)
        if recipe is not None and recipe.calls and self.truth(trade) != status:
            facts = {"account": self.desk.account, "poolId": self.quotes[trade.quote].pool}
            self.desk.bench.perform(status, **facts, quoteId=trade.quote, transactId=trade.transact)
        if self.truth(trade) == status:
            return
        last = self.desk.poll_to_end(trade.quote, REFUNDED | {status})[-1]
        if last.object().get("status") != status:
            raise CardsTrouble(f"the trade did not come to {status} ({last.object().get('status')})")

    def truth(self, trade: Trade) -> str:
        """The persisted status, which reading does not advance."""
        return str(self.desk.api.trade(trade.transact).object().get("status"))


@scenario(*REQUIREMENTS, needs=("cards",), trades=len(SCRIPTS))
def test_card_funds_are_spendable_after_settlement_and_at_no_other_time(
    bench: Bench, desk: Desk, judge: Judge, cards: CardsUnderTest
) -> None:
    reachable = {"settled", *bench.target.outcomes}
    histories = play(cards, DeskWorld(desk), bench.clock, tuple(s for s in SCRIPTS if s.end in reachable))
    for history in histories:
        judge.observe(f"card top-up {history.script}", _last(history))
    for finding in judge_histories(histories):
        _say(judge, finding)


def _last(history: History) -> str:
    """How a top-up stood in the end."""
    moment = history.moments[-1] if history.moments else None
    if moment is None or moment.reading is None:
        return history.trouble or "no such top-up"
    reading = moment.reading
    return f"trade {moment.truth}: {reading.available} available, {reading.pending} pending, {reading.state}"


def _say(judge: Judge, finding: Finding) -> None:
    match finding.outcome:
        case Outcome.NOT_EVIDENCED:
            judge.cannot(finding.requirement, finding.missing, "the partner")
        case Outcome.ERROR:
            judge.trouble(finding.requirement, finding.observed)
        case outcome:
            held = outcome is Outcome.PASS
            judge.check(finding.requirement, held, finding.expected, finding.observed, steps=finding.steps)

"""Generated requests to 0Pools: with which of our quotes and trades they are sent, and what they made.

Which requests a source says are refused is decided in ``demands``; what is sent when, by the scenario.
"""

from __future__ import annotations

from conformance.client import Credentials, Refused, Reply
from conformance.scenarios.bench import Bench
from conformance.scenarios.generated import KEY, Demand, Objection, Plan, Ready, Request, Sent, Traffic, json_of
from conformance.scenarios.pools.demands import (
    demand,
    is_quote,
    is_reject,
    is_transact,
    is_unavailable,
    named_quote,
    names_somebody,
)
from conformance.scenarios.pools.desk import Desk, FirmQuote, firm_quote
from conformance.scenarios.pools.proof import nothing_moved
from conformance.scenarios.pools.seeds import POOL, QUOTE, TRADE

TRADES = 4
"""Generated executions of a fresh quote; beyond, one that is spent already is named, so that no money moves."""

KEY_REQUIRED = "POOLS-TRANSACT-KEY-REQUIRED"


class PoolsTraffic(Traffic):
    """Everything generated that one run sends to 0Pools."""

    def __init__(self, bench: Bench, desk: Desk, *, further_trades: int = 0) -> None:
        """``further_trades`` is how many quotes made by generated requests may be executed."""
        super().__init__(bench, "pools")
        self.desk = desk
        self.unaffordable: Refused | None = None
        self.further_trades = further_trades
        self._trades_left = TRADES
        self._spent: tuple[FirmQuote, str] | None = None
        self._made: dict[str, FirmQuote | None] = {}
        """Quotes made by generated requests; those that may be executed with what is needed for it."""

    def is_somebodys(self, plan: Plan) -> bool:
        """Whether it executes or rejects what may be somebody else's quote."""
        return names_somebody(plan, self._made.keys())

    def demand(self, plan: Plan, request: Request) -> Demand | None:
        """As ``demands`` has it."""
        return demand(self.contract, plan, request)

    def is_spared(self, reply: Reply) -> bool:
        """A safe "not now" quotes nothing."""
        return is_unavailable(reply)

    def may_be_next(self, plan: Plan) -> bool:
        """Whether the plan, if it executes a quote a generated request made, may do so: it has our terms, and money
        is left for it."""
        named = named_quote(plan) if is_transact(plan) else None
        if named is None or named == QUOTE:
            return True
        firm = self._made.get(named)
        return firm is not None and self.further_trades > 0 and self.bench.trades_left(firm.amount) != 0

    def ready(self, plan: Plan) -> Ready | None:
        """The plan with a pool, a quote, a trade and a key of ours."""
        ids = {POOL: self.desk.terms.pool, KEY: self.bench.key(), QUOTE: self.nobodys_id(), TRADE: self.nobodys_id()}
        firm: FirmQuote | None = None
        try:
            if plan.mentions(TRADE):
                ids[TRADE] = self._spent_quote()[1]
            if plan.mentions(QUOTE):
                firm = self._quote_for(plan)
                ids[QUOTE] = firm.id
            elif named_quote(plan) in self._made:
                firm = self._made_quote(plan)
        except Refused as problem:
            # An id nobody was given does for the rest; without a key it would be refused for the wrong reason.
            if plan.missing_header:
                self.unaffordable = problem
            if plan.missing_header or named_quote(plan) in self._made:
                return None
        return Ready(plan.filled(ids), self._credentials(plan), patient=not is_transact(plan), about=firm)

    def _credentials(self, plan: Plan) -> Credentials:
        if plan.operation == "GET /pools":
            account = self.bench.target.accounts[self.desk.account]
            if account.publishable_key is not None:
                return self.bench.published(self.desk.account).who
        return self.desk.api.who

    def _quote_for(self, plan: Plan) -> FirmQuote:
        """A quote of ours for this request. Raises ``Refused`` when there is none or a limit forbids to use it.

        A transact that may execute gets a fresh one, within bounds. One with another pool in its path gets a spent
        one: no source says what becomes of it, and it must not cost money.
        """
        if is_transact(plan):
            if plan.missing_header or (plan.location != "path" and self._trades_left > 0):
                self._trades_left -= 1
                self.bench.afford(self.desk.terms.amount)
                return self.desk.firm()
            return self._spent_quote()[0]
        return self.desk.firm() if plan.request.method == "POST" else self._spent_quote()[0]

    def _made_quote(self, plan: Plan) -> FirmQuote | None:
        """The generated quote a write names. Raises ``Refused`` when it is to be executed and may not be.

        Each execution is charged to the limits, the second of one quote as well: a target that is wrong trades twice.
        """
        firm = self._made[str(named_quote(plan))]
        if is_transact(plan):
            if firm is None or not self.may_be_next(plan):
                raise Refused("a generated quote with the terms of this run, and a trade left for it", "the harness")
            self.further_trades -= 1
            self.bench.afford(firm.amount)
        return firm

    def _spent_quote(self) -> tuple[FirmQuote, str]:
        """A quote of ours that has been executed, and its trade. Raises ``Refused`` when none may be."""
        if self._spent is None:
            quote = self.desk.firm()
            reply = self.desk.execute(quote)
            trade = reply.object().get("transactId") if reply.ok else None
            if not isinstance(trade, str):
                raise Refused(f"a trade of our own (transact answered {reply.status})", "the operator of the target")
            self._spent = (quote, trade)
        return self._spent

    def learn(self, sent: Sent, about: object) -> None:
        """Keep book of what the answer made: quotes to give back, trades that have to reconcile."""
        plan, reply = sent.plan, sent.reply
        if is_quote(plan):
            self.desk.remember(reply)
            self._note_quote(sent)
        elif is_transact(plan) and isinstance(about, FirmQuote):
            self.desk.note_order(about, sent.request.header("idempotency-key") or "", reply)
            trade = reply.object().get("transactId") if reply.ok else None
            if isinstance(trade, str) and self._spent is None:
                self._spent = (about, trade)
        elif is_reject(plan) and reply.ok:
            rejected = about.id if isinstance(about, FirmQuote) else str(named_quote(plan))
            self.bench.open_quotes.pop(rejected, None)

    def _note_quote(self, sent: Sent) -> None:
        """Know a quote as made here; as one to execute only with the pool, side and amount this run trades."""
        quote = sent.reply.object().get("quoteId") if sent.reply.ok else None
        if not isinstance(quote, str):
            return
        terms, asked = self.desk.terms, json_of(sent.request.content)
        match = self.contract.find("POST", sent.request.path.partition("?")[0])
        wanted = {"side": terms.side, "amount": terms.amount, "fiatCurrency": terms.fiat}
        known = match is not None and terms.pool in match.parameters.values() and isinstance(asked, dict)
        fits = known and all(asked.get(name) == value for name, value in wanted.items())
        self._made[quote] = firm_quote(terms.pool, asked, sent.reply) if fits else None

    def judge_more(self, sent: Sent, about: object, held: frozenset[Objection]) -> None:
        """A transact without its key is refused, and nothing moves."""
        if sent.plan.missing_header.lower() == "idempotency-key" and isinstance(about, FirmQuote):
            proof = nothing_moved(self.desk, about.id)
            accepted = Objection.ACCEPTED_WITHOUT_HEADER in held
            self.tallies[KEY_REQUIRED].add(
                sent,
                not accepted and proof.ok,
                "a refusal, and nothing moved",
                f"{sent.reply.status}; {proof.observed}",
            )

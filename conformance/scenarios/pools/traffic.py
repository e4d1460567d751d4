"""Sending generated requests with ids of this run in them, and tallying what the answers say.

Which requests a source says are refused is decided in ``demands``; what is sent when, by the scenario.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from conformance.client import Credentials, NetworkTrouble, Refused, Reply
from conformance.contract import Contract
from conformance.contract import judge as judge_exchange
from conformance.scenarios.bench import Bench
from conformance.scenarios.generated import KEY, POOL, QUOTE, TRADE, Objection, Plan, Request, objections
from conformance.scenarios.pools.demands import (
    demand,
    is_quote,
    is_reject,
    is_transact,
    is_unavailable,
    json_of,
    named_quote,
    names_somebody,
)
from conformance.scenarios.pools.desk import Desk, FirmQuote, firm_quote
from conformance.scenarios.pools.proof import nothing_moved

TRADES = 4
"""Generated executions of a fresh quote; beyond, one that is spent already is named, so that no money moves."""

TROUBLES = 3
"""Requests in a row without an answer, after which an operation is left alone, and after twice as many the target."""

KEY_REQUIRED = "POOLS-TRANSACT-KEY-REQUIRED"


@dataclass(frozen=True, slots=True)
class Sent:
    """A plan, what was made of it, the answer, and the steps and exchanges that led there."""

    plan: Plan
    request: Request
    reply: Reply
    story: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """One answer that broke a requirement."""

    sent: Sent
    expected: str
    observed: str

    @property
    def size(self) -> tuple[int, int]:
        """Of two that show the same, the one with fewer steps is shown, then the smaller one."""
        return len(self.sent.story), self.sent.request.size


@dataclass
class Tally:
    """What all answers together say of one requirement."""

    held: int = 0
    last: str = ""
    faults: list[Fault] = field(default_factory=list)

    def add(self, sent: Sent, ok: bool, expected: str, observed: str) -> None:
        """Count one answer."""
        if ok:
            self.held, self.last = self.held + 1, sent.reply.exchange
        else:
            self.faults.append(Fault(sent, expected, observed))


class Traffic:
    """Everything generated that one run sends to its target."""

    def __init__(self, bench: Bench, desk: Desk, *, further_trades: int = 0) -> None:
        """``further_trades`` is how many quotes made by generated requests may be executed."""
        self.bench = bench
        self.desk = desk
        self.contract: Contract = bench.wire.recorder.contracts["pools"]
        self.tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self.troubles: list[NetworkTrouble] = []
        self.unaffordable: Refused | None = None
        self.sent: Counter[tuple[str, str]] = Counter()
        """Requests by phase and operation."""
        self.reached: set[tuple[str, str]] = set()
        """Operations and the statuses of theirs that were seen, as the contract lists them."""
        self.unsent = 0
        self.further_trades = further_trades
        self._silent: Counter[str] = Counter()
        self._trades_left = TRADES
        self._spent: tuple[FirmQuote, str] | None = None
        self._made: dict[str, FirmQuote | None] = {}
        """Quotes made by generated requests; those that may be executed with what is needed for it."""

    def is_over(self, until: float) -> bool:
        """Whether the clock shows ``until``, or the target no longer answers."""
        return self.bench.clock.monotonic() >= until or self._silent.total() >= 2 * TROUBLES

    def run(self, plans: Iterator[Plan | None], until: float, bound: int) -> int:
        """Send the next ``bound`` of ``plans``, unless it is over before; a None among them is where to look again.

        Returns how many were taken.
        """
        for number in range(bound):
            if self.is_over(until):
                return number
            try:
                plan = next(plans)
            except StopIteration:
                return number
            # Drawing it may have taken a while.
            if self.is_over(until):
                return number
            if plan is not None:
                self.send(plan)
        return bound

    def send(self, plan: Plan, story: tuple[str, ...] = (), earlier: tuple[str, ...] = ()) -> Sent | None:
        """Send one plan and judge the answer. None when it may not be sent, or nothing came back."""
        if self._silent[plan.operation] >= TROUBLES or names_somebody(plan, self._made.keys()):
            return None
        try:
            sent = self._send(plan, story, earlier)
        except NetworkTrouble as trouble:
            self.troubles.append(trouble)
            self._silent[plan.operation] += 1
            return None
        if sent is not None:
            self._silent.clear()
        return sent

    def may_execute(self, plan: Plan) -> bool:
        """Whether the plan, if it executes a quote a generated request made, may do so: it has our terms, and money
        is left for it."""
        named = named_quote(plan) if is_transact(plan) else None
        if named is None or named == QUOTE:
            return True
        firm = self._made.get(named)
        return firm is not None and self.further_trades > 0 and self.bench.trades_left(firm.amount) != 0

    def summary(self) -> str:
        """How many requests of which phases went to how many operations."""
        phases: Counter[str] = Counter()
        for (phase, _), count in self.sent.items():
            phases[phase] += count
        reached = len({operation for _, operation in self.sent})
        return (
            f"{self.sent.total()} generated requests ({', '.join(f'{n} {phase}' for phase, n in phases.items())}) "
            f"to {reached} of {len(self.contract.operations)} operations"
            + (f"; {self.unsent} were left when time or answers ran out" if self.unsent else "")
        )

    def pairs(self) -> str:
        """How many of the statuses the contract lists for its operations were seen."""
        listed = sum(len(operation.statuses) for operation in self.contract.operations)
        return f"{len(self.reached)} of {listed} (operation, status) pairs the contract lists"

    def _send(self, plan: Plan, story: tuple[str, ...], earlier: tuple[str, ...]) -> Sent | None:
        ids = {POOL: self.desk.terms.pool, KEY: self.bench.key(), QUOTE: self._nobodys_id(), TRADE: self._nobodys_id()}
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
        request = plan.filled(ids)
        reply = self.bench.wire.send(
            self._credentials(plan),
            request.method,
            self.bench.target.base_urls["pools"] + request.path,
            headers=dict(request.headers),
            content=request.content,
            # Repeating any of them is harmless, and one answer lost on the way must not count for much.
            retry=True,
            patient=not is_transact(plan),
        )
        sent = Sent(plan, request, reply, story, earlier)
        self._count(sent)
        self._remember(sent, firm)
        self._judge(sent, firm)
        return sent

    def _count(self, sent: Sent) -> None:
        self.sent[sent.plan.phase, sent.plan.operation] += 1
        operation = next(known for known in self.contract.operations if known.key == sent.plan.operation)
        response = operation.response(sent.reply.status)
        if response is not None:
            self.reached.add((operation.key, response.status))

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
            if firm is None or not self.may_execute(plan):
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

    def _nobodys_id(self) -> str:
        return f"conformance-nobodys-{self.bench.rng.getrandbits(64):016x}"

    def _remember(self, sent: Sent, firm: FirmQuote | None) -> None:
        """Keep book of what the answer made: quotes to give back, trades that have to reconcile."""
        plan, reply = sent.plan, sent.reply
        if is_quote(plan):
            self.desk.remember(reply)
            self._note_quote(sent)
        elif is_transact(plan) and firm is not None:
            self.desk.note_order(firm, sent.request.header("idempotency-key") or "", reply)
            trade = reply.object().get("transactId") if reply.ok else None
            if isinstance(trade, str) and self._spent is None:
                self._spent = (firm, trade)
        elif is_reject(plan) and reply.ok:
            self.bench.open_quotes.pop(firm.id if firm else str(named_quote(plan)), None)

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

    def _judge(self, sent: Sent, firm: FirmQuote | None) -> None:
        plan, request, reply = sent.plan, sent.request, sent.reply
        path = request.path.partition("?")[0]
        report = judge_exchange(
            self.contract, request.method, path, reply.status, reply.headers, reply.body, reply.truncated
        )
        for finding in report.findings:
            self.tallies[finding.requirement].add(sent, finding.ok, finding.expected, finding.observed)
        demanded = demand(self.contract, plan, request)
        held = objections(plan, reply.status, reply.headers, reply.body, must_be_refused=demanded is not None)
        if demanded is not None:
            accepted = Objection.ACCEPTED_INVALID in held and not (demanded.soft and is_unavailable(reply))
            self.tallies[demanded.requirement].add(
                sent, not accepted, f"a refusal of {demanded.broken}", f"{reply.status} for it"
            )
        if plan.missing_header.lower() == "idempotency-key" and firm is not None:
            proof = nothing_moved(self.desk, firm.id)
            accepted = Objection.ACCEPTED_WITHOUT_HEADER in held
            self.tallies[KEY_REQUIRED].add(
                sent, not accepted and proof.ok, "a refusal, and nothing moved", f"{reply.status}; {proof.observed}"
            )

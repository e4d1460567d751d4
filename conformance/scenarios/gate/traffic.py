"""Generated requests to 0Gate: with which of our objects they are sent, and what they made.

Which requests a source says are refused is decided in ``demands``; what is sent when, by the scenario.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from conformance.client import Credentials, Refused
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.demands import demand, named, names_somebody
from conformance.scenarios.gate.desk import SIDE_OF, Desk, Quote, Session, the_rows
from conformance.scenarios.gate.seeds import (
    CUSTOMER,
    DELIVERY,
    MAIL,
    PAY_IN,
    PAY_OUT,
    QUOTE,
    REFERENCE,
    SALE,
    SECRET,
    SESSION,
    TRANSACTION,
)
from conformance.scenarios.generated import KEY, Demand, Plan, Ready, Request, Sent, Traffic, json_of, place

RAILS = 4
"""Quotes that generated requests redeem; beyond, one that is spent already is named, so that no money moves."""

ENDED = 3
"""Sessions cancelled, and customers deleted, that were made for it; beyond, one that is gone already is named."""

TESTS = 4
"""Test events asked for: each is sent to whoever listens there."""

KEPT = 20
"""Sessions, and customers, of generated requests that stay until the run tidies up; beyond, the oldest goes at once."""

REDEEMING = {"POST /rails/pay_ins": "pay_in", "POST /rails/pay_outs": "pay_out"}


class GateTraffic(Traffic):
    """Everything generated that one run sends to 0Gate."""

    def __init__(self, bench: Bench, desk: Desk, *, further_rails: int = 0, changes_look: bool = True) -> None:
        """``further_rails`` is how many quotes beyond ``RAILS`` may be redeemed; ``changes_look`` whether the branding
        may be changed: somebody has to put it back."""
        super().__init__(bench, "gate")
        self.desk = desk
        self.changes_look = changes_look
        self.accepted: set[str] = set()
        """Operations that have answered 2xx; of the others no refusal proves anything."""
        self._rails_left = RAILS + further_rails
        self._ends_left = {"cancel": ENDED, "delete": ENDED}
        self._tests_left = TESTS
        self._ours: set[str] = set()
        self._prices: dict[str, str] = {}
        """Quotes of this run that nobody redeemed so far, and their amounts."""
        self._kept: dict[str, str] = {}
        """By stand-in, the object of ours that stands there again and again."""
        self._sessions: deque[str] = deque()
        self._customers: deque[str] = deque()

    def is_somebodys(self, plan: Plan) -> bool:
        """Whether it would change what may be an object of somebody else."""
        return names_somebody(plan, self._ours)

    def demand(self, plan: Plan, request: Request) -> Demand | None:
        """As ``demands`` has it."""
        return demand(self.contract, plan, request)

    def may_be_next(self, plan: Plan) -> bool:
        """Whether the plan, if it redeems a quote that a generated request locked, has money left for it."""
        return not self._priced(plan) or self._can_redeem()

    def _priced(self, plan: Plan) -> str:
        """The amount of the unredeemed quote of ours that a plan would redeem, if there is one."""
        if place(plan.operation) not in REDEEMING:
            return ""
        return next((self._prices[name] for name in named(plan) if name in self._prices), "")

    def _can_redeem(self) -> bool:
        return self._rails_left > 0 and self.bench.trades_left(self.desk.terms.amount) != 0

    # -- what is sent ----------------------------------------------------------------------------------------------

    def ready(self, plan: Plan) -> Ready | None:
        """The plan with objects and a key of ours; None where it may not be sent."""
        where = place(plan.operation)
        if where == "PATCH /branding" and not self.changes_look:
            return None
        if where == "POST /webhooks/test":
            self._tests_left -= 1
            if self._tests_left < 0:
                return None
        amount = self._priced(plan)
        if amount and not self._afforded(amount):
            return None
        word = self.desk.tag()
        ids = {KEY: self.bench.uuid(), REFERENCE: word, MAIL: f"{word}@conformance.example"}
        for stand_in, give in self._givers(plan).items():
            if plan.mentions(stand_in):
                ids[stand_in] = self._given(give)
        request = plan.filled(ids)
        # Without a key a repeated create makes a second one.
        return Ready(request, self._credentials(where), again=not plan.missing_header)

    def _given(self, give: Callable[[], str]) -> str:
        """An id of ours; where there is none, or a limit forbids it, one that nobody was given."""
        try:
            return give()
        except Refused:
            return self.nobodys_id()

    def _givers(self, plan: Plan) -> dict[str, Callable[[], str]]:
        return {
            SESSION: lambda: self._session_for(plan),
            SECRET: lambda: self._keep(SECRET, lambda: self._opened().secret or self.nobodys_id()),
            QUOTE: lambda: self._quote_for(plan, "pay_in"),
            SALE: lambda: self._quote_for(plan, "pay_out"),
            PAY_IN: lambda: self._rail("pay_in"),
            PAY_OUT: lambda: self._rail("pay_out"),
            TRANSACTION: lambda: self._keep(TRANSACTION, self._transaction),
            DELIVERY: lambda: self._kept.get(DELIVERY) or self.nobodys_id(),
            CUSTOMER: lambda: self._customer_for(plan),
        }

    def _credentials(self, where: str) -> Credentials:
        account = self.bench.target.accounts[self.desk.account]
        if where == "POST /embed/bootstrap" and account.publishable_key is not None:
            return self.bench.gate_published(self.desk.account).who
        return self.desk.api.who

    def _keep(self, stand_in: str, make: Callable[[], str]) -> str:
        if stand_in not in self._kept:
            self._kept[stand_in] = make()
            self._ours.add(self._kept[stand_in])
        return self._kept[stand_in]

    def _opened(self) -> Session:
        session = self.desk.open_session()
        self._ours.add(session.id)
        return session

    def _session_for(self, plan: Plan) -> str:
        """The session that is kept open; to be cancelled a fresh one, within bounds, and then one that is over."""
        if not place(plan.operation).endswith("/cancel"):
            return self._keep(SESSION, lambda: self._opened().id)
        return self._ending("cancel", lambda: self._opened().id)

    def _customer_for(self, plan: Plan) -> str:
        """The customer that is kept; to be deleted a fresh one, within bounds, and then one that is gone."""
        if plan.request.method != "DELETE":
            return self._keep(CUSTOMER, self._recorded)
        return self._ending("delete", self._recorded)

    def _recorded(self) -> str:
        customer = self.desk.record_customer().id
        self._ours.add(customer)
        return customer

    def _ending(self, how: str, make: Callable[[], str]) -> str:
        if how not in self._kept or self._ends_left[how] > 0:
            self._ends_left[how] -= 1
            self._kept[how] = make()
        return self._kept[how]

    def _quote_for(self, plan: Plan, kind: str) -> str:
        """A quote of ours. Raises ``Refused`` when there is none.

        What redeems one gets a fresh one, within bounds, and then one that is spent; what reads gets whichever.
        """
        if place(plan.operation) not in REDEEMING:
            return self._keep(f"{QUOTE} to read", lambda: self._locked(kind).id)
        if plan.location != "path" and self._can_redeem() and self._afforded(self.desk.terms.amount):
            return self._locked(kind).id
        return self._spent(kind)

    def _locked(self, kind: str) -> Quote:
        quote = self.desk.lock(SIDE_OF[kind])
        self._ours.add(quote.id)
        return quote

    def _spent(self, kind: str) -> str:
        found = self._kept.get(f"spent {kind}")
        if found is None:
            raise Refused("a quote of ours that is redeemed", "the harness")
        return found

    def _afforded(self, amount: str) -> bool:
        """Charge one redemption to the limits, if they and our own bound leave one."""
        if self._rails_left <= 0:
            return False
        try:
            self.bench.afford(amount)
        except Refused:
            self._rails_left = 0
            return False
        self._rails_left -= 1
        return True

    def _rail(self, kind: str) -> str:
        found = self._kept.get(kind)
        if found is None:
            raise Refused("a rail of ours", "the harness")
        return found

    def _transaction(self) -> str:
        reply = self.desk.api.transactions(limit="1")
        rows = the_rows(reply) if reply.ok else []
        found = rows[0].get("refid") if rows else None
        if not isinstance(found, str):
            raise Refused("a transaction of this account", "the target")
        return found

    # -- what was made ---------------------------------------------------------------------------------------------

    def learn(self, sent: Sent, about: object) -> None:
        """Keep book of what the answer made: what has to be tidied away, and what later requests may name."""
        del about
        if not sent.reply.ok:
            return
        where, body = place(sent.plan.operation), sent.reply.object()
        self.accepted.add(where)
        asked = json_of(sent.request.content)
        asked = asked if isinstance(asked, dict) else {}
        name = body.get("id")
        if not isinstance(name, str):
            return
        if sent.plan.request.method == "POST":
            self._ours.add(name)
        if where == "POST /gate_sessions" and self.desk.noted(asked, sent.reply):
            self._sessions.append(name)
            self._thin_out()
        elif where == "POST /customers" and self.desk.noted_customer(asked, sent.reply):
            self._customers.append(name)
            self._thin_out()
        elif where.endswith("/cancel"):
            self.desk.ended(name)
        elif sent.plan.request.method == "DELETE":
            self.bench.customers.pop(name, None)
        elif where == "POST /quotes":
            self._prices[name] = str(asked.get("amount"))
        elif where == "POST /webhooks/test":
            self._kept[DELIVERY] = name
        elif where in REDEEMING:
            self._redeemed(REDEEMING[where], name, str(asked.get("quote_id")))

    def _redeemed(self, kind: str, rail: str, quote: str) -> None:
        self._kept[kind] = rail
        self._kept[f"spent {kind}"] = quote
        self._prices.pop(quote, None)

    def _thin_out(self) -> None:
        """Give back the oldest of what generated requests made, where it is many."""
        while len(self._sessions) > KEPT:
            oldest = self._sessions.popleft()
            if oldest in self.bench.open_sessions and self.desk.api.cancel_session(oldest).ok:
                self.desk.ended(oldest)
        while len(self._customers) > KEPT:
            oldest = self._customers.popleft()
            if oldest in self.bench.customers and self.desk.api.delete_customer(oldest).ok:
                self.bench.customers.pop(oldest, None)

"""Adding a reconciliation up: what came out of every order, totals by currency, and the judgement on each requirement.

Takes orders one by one and keeps counts and the first cases only, so that it can be any number of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from conformance.journal import Engine, Judgement, Outcome, ReconciliationRow
from conformance.partner.orders import ALIASES
from conformance.partner.reconcile import (
    HARMLESS,
    KEPT_IDS,
    KEPT_TERMS,
    REFUNDED,
    Around,
    Difference,
    Kind,
    claims_execution,
    ledger_decides,
    own_trade,
)
from conformance.partner.reconcile_pages import Entry, Trade
from conformance.partner.reconcile_store import Group

SCENARIO = "reconcile"

CASES = 25
"""Orders of one requirement that are told one by one; the others are counted."""

KNOWN, RECORDED, ONCE, KEY = (f"PARTNER-ORDERS-{word}" for word in ("KNOWN", "RECORDED", "ONCE", "KEY"))
TERMS, STATUS, RETURNED = (f"PARTNER-ORDERS-{word}" for word in ("TERMS", "STATUS", "RETURNED"))
LEDGER, REFUNDS, IDS = (f"PARTNER-ORDERS-{word}" for word in ("LEDGER", "REFUNDED", "IDS"))
EXACT, DETAIL = (f"PARTNER-ORDERS-{word}" for word in ("EXACT", "DETAIL"))

BREAKS: Mapping[Kind, str] = {
    Kind.MISSING: KNOWN,
    Kind.CROSSED: KNOWN,
    Kind.UNRECORDED: RECORDED,
    Kind.DOUBLED: ONCE,
    Kind.KEY: KEY,
    Kind.TERMS: TERMS,
    Kind.STATUS: STATUS,
    Kind.KEPT: RETURNED,
    Kind.LEDGER: LEDGER,
    Kind.UNREFUNDED: REFUNDS,
    Kind.IDS: IDS,
    Kind.INEXACT: EXACT,
    Kind.UNTOLD: DETAIL,
}
"""The requirement each kind of difference breaks; one that only lags breaks none."""

NEUTRAL = frozenset({RECORDED, RETURNED, LEDGER, REFUNDS})
"""Requirements that may have nothing to say about books that are in order."""

EXPECTED = {
    KNOWN: "a trade of the target for every executed order, found by one execution's ids",
    RECORDED: "an order for every trade of the period",
    ONCE: "one trade for an order and one order for a trade",
    KEY: "an idempotency key for each quote executed",
    TERMS: "the amount, currency, pool and side that were traded",
    STATUS: "the status of the trade",
    RETURNED: "a returned trade recorded as returned",
    LEDGER: "one debit of the order's amount, and no credit without a reason",
    REFUNDS: "the whole amount credited back",
    IDS: f"{', '.join(KEPT_IDS)} in the record of an executed order",
    EXACT: "exact decimals",
    DETAIL: f"{', '.join(KEPT_TERMS)} in the record of an executed order",
}


@dataclass
class Totals:
    """What one currency adds up to, exactly."""

    orders: int = 0
    ordered: Decimal = Decimal(0)
    settled: Decimal = Decimal(0)
    """Of the orders whose trade is settled."""
    debited: Decimal = Decimal(0)
    credited: Decimal = Decimal(0)

    @property
    def net(self) -> Decimal:
        """What the ledger moved for these orders."""
        return self.debited + self.credited

    def __str__(self) -> str:
        return (
            f"{self.orders} orders, ordered {self.ordered:f}, settled {self.settled:f}, "
            f"debited {self.debited:f}, credited back {self.credited:f}, net {self.net:f}"
        )


@dataclass
class Case:
    """One order that breaks a requirement."""

    observed: str
    exchanges: tuple[str, ...]


@dataclass
class Tally:
    """The sum of a reconciliation so far."""

    around: Around
    columns: frozenset[str]
    """The fields the order records have a column for."""
    live: bool
    """Whether the target was read now, so that cases can name exchanges of the journal."""
    orders: int = 0
    matched: int = 0
    superseded: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    by_hand: int = 0
    """Orders joined by amount and time."""
    outside: int = 0
    """Trades that join no order and lie outside the period for which the records are complete."""
    in_period: int = 0
    """Trades inside it."""
    totals: dict[str, Totals] = field(default_factory=dict)
    examined: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    undecided: Counter[str] = field(default_factory=Counter)
    cases: dict[str, list[Case]] = field(default_factory=dict)
    named: dict[Kind, list[str]] = field(default_factory=dict)
    """The first orders of each kind, by name."""

    def add(self, group: Group, found: tuple[Difference, ...], account: str) -> ReconciliationRow:
        """Count one order and give the row that says what came of it."""
        order, trade = group.order, own_trade(group)
        self.orders += 1
        if group.superseded:
            self.superseded += 1
            return _row(group, trade, account, f"superseded by line {group.superseded}")
        self._examine(group, trade)
        seen: tuple[Trade | Entry, ...] = (*group.trades, *group.entries)
        exchanges = tuple(dict.fromkeys(each.exchange for each in seen))
        for difference in found:
            self._difference(difference, order.name, f"{order.name}: {difference}", exchanges)
        serious = [difference for difference in found if difference.kind not in HARMLESS]
        self.matched += not serious
        self.by_hand += group.how == "amount and time"
        self._total(group, trade)
        return _row(group, trade, account, "; ".join(map(str, serious)) or "matched")

    def add_unrecorded(self, trade: Trade, account: str) -> ReconciliationRow:
        """Count a trade of the period that no order joins with, and give its row."""
        words = f"trade {trade.transact} of quote {trade.quote} joins no order"
        difference = Difference(Kind.UNRECORDED, words)
        self._difference(difference, trade.transact, words, (trade.exchange,))
        amount = "" if trade.fiat_amount is None else f"{trade.fiat_amount:f}"
        return ReconciliationRow(
            order="",
            account=account,
            pool=trade.pool,
            quote=trade.quote,
            transact=trade.transact,
            currency=trade.fiat,
            order_amount=amount,
            trade_status=trade.status,
            debits=(),
            refunds=(),
            net="",
            result=str(difference),
        )

    def _difference(self, difference: Difference, name: str, observed: str, exchanges: tuple[str, ...]) -> None:
        self.kinds[difference.kind] += 1
        named = self.named.setdefault(difference.kind, [])
        if len(named) < CASES:
            named.append(name)
        requirement = BREAKS.get(difference.kind)
        if requirement is None:
            return
        self.broken[requirement] += 1
        cases = self.cases.setdefault(requirement, [])
        if len(cases) < CASES:
            cases.append(Case(observed, exchanges[:8] if self.live else ()))

    def _examine(self, group: Group, trade: Trade | None) -> None:
        """Note which requirements this order says something about."""
        order = group.order
        self.examined[EXACT] += 1
        self.examined[KEY] += bool(order.key and order.quote)
        if trade is None:
            claims = claims_execution(order)
            self.examined[KNOWN] += claims and self.around.covers(order.created)
            self.undecided[KNOWN] += claims and not self.around.covers(order.created)
            return
        for requirement in (KNOWN, ONCE, TERMS, STATUS, IDS, DETAIL):
            self.examined[requirement] += 1
        self.examined[RETURNED] += trade.status == "returned"
        decides = ledger_decides(group, trade, self.around)
        self.examined[LEDGER] += decides
        self.examined[REFUNDS] += decides and trade.status in REFUNDED
        self.undecided[LEDGER] += not decides
        self.undecided[REFUNDS] += not decides and trade.status in REFUNDED

    def _total(self, group: Group, trade: Trade | None) -> None:
        order = group.order
        currency = order.currency or (trade.fiat if trade else "") or "unknown"
        totals = self.totals.setdefault(currency, Totals())
        totals.orders += 1
        totals.ordered += order.amount
        if trade is not None and trade.status == "settled":
            totals.settled += order.amount
        for entry in group.entries:
            moved = self.totals.setdefault(entry.currency or currency, Totals())
            if entry.delta < 0:
                moved.debited += entry.delta
            else:
                moved.credited += entry.delta

    def judgements(self, period: bool) -> Iterator[Judgement]:
        """The word on every requirement; ``period`` says whether one was given for which the records are complete."""
        self.examined[RECORDED] = self.in_period
        for requirement in EXPECTED:
            if self.broken[requirement]:
                yield from self._failures(requirement)
            else:
                yield self._unbroken(requirement, period)

    def _failures(self, requirement: str) -> Iterator[Judgement]:
        cases = self.cases[requirement]
        untold = self.broken[requirement] - len(cases)
        for case in cases:
            yield _judgement(requirement, Outcome.FAIL, observed=case.observed, exchanges=case.exchanges)
        if untold:
            yield _judgement(requirement, Outcome.FAIL, observed=f"{untold} further cases, in the rows")

    def _unbroken(self, requirement: str, period: bool) -> Judgement:
        missing, provider = self._missing(requirement, period)
        if missing:
            return _judgement(requirement, Outcome.NOT_EVIDENCED, missing=missing, provider=provider)
        examined = self.examined[requirement]
        if not examined and requirement in (RETURNED, REFUNDS):
            return _judgement(requirement, Outcome.NOT_APPLICABLE, observed="no trade of these orders gave money back")
        if not examined and requirement in (LEDGER, REFUNDS):
            return _judgement(
                requirement, Outcome.NOT_APPLICABLE, observed="the balance gate is off: nothing is booked"
            )
        what = "trades" if requirement == RECORDED else "orders"
        return _judgement(requirement, Outcome.PASS, observed=f"so for {examined} {what}")

    def _neutral(self, requirement: str) -> str:
        """Why a requirement says nothing about these books."""
        if requirement in (LEDGER, REFUNDS) and not self.around.gated:
            return "the balance gate is off: executions are not booked in the ledger"
        if requirement == RECORDED:
            return "the target shows no trade in the period"
        return "no trade of these orders gave its money back"

    def _missing(self, requirement: str, period: bool) -> tuple[str, str]:
        """What keeps a requirement nothing speaks against from being decided, and who could provide it."""
        wanted = {IDS: KEPT_IDS, DETAIL: KEPT_TERMS, KEY: ("key", "quote")}.get(requirement, ())
        lacking = [f"{ALIASES[name][-1]}" for name in wanted if name not in self.columns]
        if lacking:
            return f"a column for {', '.join(lacking)} in the order records", "partner"
        if requirement == RECORDED and not period:
            return "--from and --to: the period for which the order records are complete", "partner"
        if requirement == RECORDED and self.around.trades_since is None:
            return "the trades of the whole period, which were not read", "partner"
        if self.undecided[requirement] and (requirement == KNOWN or self.around.gated):
            what = "trades" if requirement == KNOWN else "ledger"
            return f"the {what} of {self.undecided[requirement]} orders, which were not read", "partner"
        neutral = requirement in NEUTRAL and not (requirement == LEDGER and self.around.gated)
        if not self.examined[requirement] and not neutral:
            return "an executed order" if self.orders else "order records", "partner"
        return "", ""


def _judgement(requirement: str, outcome: Outcome, **fields: object) -> Judgement:
    return Judgement(
        requirement=requirement,
        outcome=outcome,
        engine=Engine.SCENARIO,
        scenario=SCENARIO,
        expected=EXPECTED[requirement],
        **fields,  # type: ignore[arg-type]
    )


def _row(group: Group, trade: Trade | None, account: str, result: str) -> ReconciliationRow:
    order = group.order
    deltas = [entry.delta for entry in group.entries]
    return ReconciliationRow(
        order=order.name,
        account=account,
        pool=order.pool or (trade.pool if trade else ""),
        quote=order.quote or (trade.quote if trade else ""),
        transact=order.transact or (trade.transact if trade else ""),
        currency=order.currency or (trade.fiat if trade else ""),
        order_amount=f"{order.amount:f}",
        trade_status=trade.status if trade else "",
        debits=tuple(f"{delta:f}" for delta in deltas if delta < 0),
        refunds=tuple(f"{delta:f}" for delta in deltas if delta >= 0),
        net=f"{sum(deltas, Decimal(0)):f}",
        result=result,
    )

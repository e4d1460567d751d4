"""What is wrong between one order of a partner and what the target shows of it: pure, no file, no network, no clock.

Joining is the business of ``reconcile_store``; counting and judging requirements, of ``reconcile_tally``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from conformance.partner.orders import EXECUTED, Order
from conformance.partner.reconcile_pages import Entry, Trade
from conformance.partner.reconcile_store import Group

FINAL = frozenset({"settled", "failed", "released", "returned"})
REFUNDED = FINAL - {"settled"}
AFTER: dict[str, frozenset[str]] = {
    "quoted": EXECUTED,
    "active": EXECUTED,
    "reserved": FINAL,
    "settled": frozenset({"returned"}),
}
"""What a trade may have become since a record said this of it (facts 5.2)."""

EVER = datetime.min.replace(tzinfo=UTC)

KEPT_IDS = ("reference", "pool", "quote", "transact", "key", "request")
KEPT_TERMS = ("rate", "fee", "spread", "created")
"""What the overview tells partners to store of every order, ids and terms apart."""


class Kind(StrEnum):
    """Ways in which an order and the target can differ."""

    MISSING = "missing at the target"
    CROSSED = "ids of two executions"
    UNRECORDED = "missing at the partner"
    DOUBLED = "doubled"
    KEY = "idempotency key of another execution"
    TERMS = "mismatched terms"
    STATUS = "mismatched status"
    BEHIND = "behind"
    """The record may simply be older than the trade's last move: told, never failed."""
    KEPT = "returned but kept"
    LEDGER = "ledger differs"
    UNREFUNDED = "unrefunded"
    IDS = "ids not kept"
    INEXACT = "inexact amount"
    UNTOLD = "terms not kept"
    """Rate, bps or time left out of the record: advice."""


HARMLESS = frozenset({Kind.BEHIND, Kind.UNTOLD, Kind.IDS, Kind.INEXACT})
"""Kinds that leave the books in agreement: the order still counts as matched."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that does not fit, in words for the row it stands in."""

    kind: Kind
    words: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"


@dataclass(frozen=True, slots=True)
class Around:
    """What is known of the two sides when one order is looked at."""

    as_of: datetime
    """When the order records were taken."""
    read_at: datetime
    """When the target's side was read."""
    grace: timedelta
    """How long a record may lag behind its trade."""
    trades_since: datetime | None
    """Every trade from then on was read (``EVER``: all there are); None where not even the newest were."""
    ledgers: frozenset[str]
    """The currencies whose ledger was read far enough back."""
    gated: bool
    """Whether the ledger books executions at all: the pre-funded balance gate is on."""

    def overdue(self, moved: datetime | None) -> bool:
        """Whether a record should know of a move made at this time."""
        if moved is None:
            return not self.grace
        return self.as_of - moved >= self.grace

    def covers(self, at: datetime | None) -> bool:
        """Whether a trade of an order of this time would have been read."""
        since = self.trades_since
        return since is not None and (since == EVER or (at is not None and at >= since))


def claims_execution(order: Order) -> bool:
    """Whether a record says that a trade was made: a refused order may be called failed and has none."""
    return bool(order.transact) or order.status in ("reserved", "settled", "returned")


def own_trade(group: Group) -> Trade | None:
    """The trade a record speaks of: the one it names, else the only or first one of its quote."""
    named = [trade for trade in group.trades if trade.transact == group.order.transact]
    return next(iter(named or group.trades), None)


def differences(group: Group, around: Around) -> tuple[Difference, ...]:
    """Everything that does not fit between one order and the target."""
    return tuple(_differences(group, around))


def _differences(group: Group, around: Around) -> Iterator[Difference]:
    order, trade = group.order, own_trade(group)
    if order.inexact:
        yield Difference(Kind.INEXACT, "an amount or rate is kept as a floating point number")
    if group.same_key:
        yield Difference(Kind.KEY, f"also used for {', '.join(group.same_key)} under another quote")
    if trade is None:
        if claims_execution(order) and around.covers(order.created):
            named = f"trade {order.transact}" if order.transact else f"a {order.status} order"
            yield Difference(Kind.MISSING, f"{named} joins no trade of the target")
        debits = [entry.delta for entry in group.entries if entry.delta < 0]
        if debits and around.covers(order.created):
            yield Difference(Kind.LEDGER, f"debited {-sum(debits)} and there is no trade")
        return
    if group.crossed:
        yield Difference(Kind.CROSSED, f"quote {order.quote} and trade {order.transact} belong to two executions")
    yield from _doubled(group)
    yield from _terms(order, trade, group.entries)
    yield from _status(order, trade, group.entries, around)
    yield from _ledger(group, trade, around)
    blank = [field for field in KEPT_IDS if field in order.blank]
    if blank:
        yield Difference(Kind.IDS, f"executed, and the record leaves {', '.join(blank)} empty")
    untold = [field for field in KEPT_TERMS if field in order.blank]
    if untold:
        yield Difference(Kind.UNTOLD, f"the record leaves {', '.join(untold)} empty")


def _doubled(group: Group) -> Iterator[Difference]:
    transacts = [trade.transact for trade in group.trades]
    if len(transacts) > 1:
        yield Difference(Kind.DOUBLED, f"{len(transacts)} trades for one quote: {', '.join(transacts[:5])}")
    if group.further:
        words = f"the same order was executed again: {', '.join(group.further)}"
        yield Difference(Kind.DOUBLED, words)
    if group.rivals:
        yield Difference(Kind.DOUBLED, f"{', '.join(group.rivals)} stands for the same trade")


def _terms(order: Order, trade: Trade, entries: tuple[Entry, ...]) -> Iterator[Difference]:
    known = {currency for currency in (trade.fiat, trade.crypto) if currency}
    if order.currency and known and order.currency not in known:
        shown = " for ".join(sorted(known))
        yield Difference(Kind.TERMS, f"recorded in {order.currency}, the trade is {shown}")
    else:
        amount = traded_amount(order, trade, entries)
        if amount is not None and amount != order.amount:
            yield Difference(Kind.TERMS, f"recorded amount {order.amount}, traded {amount}")
    for what, recorded, traded in (("pool", order.pool, trade.pool), ("side", order.side, trade.side)):
        if recorded and traded and recorded != traded:
            yield Difference(Kind.TERMS, f"recorded {what} {recorded}, traded {traded}")


def traded_amount(order: Order, trade: Trade, entries: tuple[Entry, ...]) -> Decimal | None:
    """The amount of the trade in the record's currency, as the trade shows it, else as its debit does."""
    side = trade.side or order.side
    in_crypto = order.currency == trade.crypto if order.currency and trade.crypto else side == "off_ramp"
    if in_crypto:
        return trade.crypto_amount
    if trade.fiat_amount is not None:
        return trade.fiat_amount
    debits = [-entry.delta for entry in entries if entry.delta < 0]
    return debits[0] if len(debits) == 1 else None


def _status(order: Order, trade: Trade, entries: tuple[Entry, ...], around: Around) -> Iterator[Difference]:
    recorded, now = order.status, trade.status
    if recorded == now or now not in EXECUTED:
        return
    words = f"recorded as {recorded}, the trade is {now}"
    if now in AFTER.get(recorded, ()):
        if not around.overdue(_moved_at(trade, entries)):
            yield Difference(Kind.BEHIND, words)
        elif now == "returned":
            yield Difference(Kind.KEPT, f"{words} and its amount was credited back")
        else:
            yield Difference(Kind.STATUS, f"{words} since longer than a record may lag")
    elif recorded in AFTER.get(now, ()) and around.read_at < around.as_of:
        yield Difference(Kind.BEHIND, f"{words}, as it was read before the records were taken")
    else:
        yield Difference(Kind.STATUS, words)


def _moved_at(trade: Trade, entries: tuple[Entry, ...]) -> datetime | None:
    """When a trade came to its status, as far as the target says."""
    if trade.status == "settled":
        return trade.settled
    if trade.status == "reserved":
        return trade.created
    refunds = [entry.created for entry in entries if entry.delta > 0 and entry.created is not None]
    return max(refunds, default=None)


def ledger_decides(group: Group, trade: Trade, around: Around) -> bool:
    """Whether the ledger that was read must show this trade. What a sale does to it is stated nowhere."""
    currency = trade.fiat or group.order.currency
    return around.gated and (trade.side or group.order.side) != "off_ramp" and currency in around.ledgers


def _ledger(group: Group, trade: Trade, around: Around) -> Iterator[Difference]:
    if not ledger_decides(group, trade, around):
        return
    debits = [entry.delta for entry in group.entries if entry.delta < 0]
    refunded = sum((entry.delta for entry in group.entries if entry.delta > 0), Decimal(0))
    if len(debits) != len(group.trades):
        yield Difference(Kind.LEDGER, f"{len(debits)} debits for {len(group.trades)} trade(s)")
    elif trade.fiat_amount is not None and sum(debits) != -sum(each.fiat_amount or 0 for each in group.trades):
        yield Difference(Kind.LEDGER, f"debited {-sum(debits)} for a trade of {trade.fiat_amount}")
    owed = -sum(debits) if len(group.trades) == 1 else trade.fiat_amount or Decimal(0)
    if trade.status in REFUNDED and refunded != owed:
        words = f"the trade is {trade.status}, debited {owed} and credited back {refunded}"
        yield Difference(Kind.UNREFUNDED, words)
    if trade.status in EXECUTED - REFUNDED and refunded and len(group.trades) == 1:
        yield Difference(Kind.LEDGER, f"credited back {refunded} though the trade is {trade.status}")

"""One reconciliation from start to end: orders in, the target's side in, everything joined, judged and journalled.

Where the target's side comes from is an ``Other``: saved pages, or a target that is read now. What the command line
offers, and the reports, are the business of ``cli/reconcile.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import localcontext
from pathlib import Path
from typing import Protocol

from conformance.client import PoolsApi
from conformance.journal import Judgement, Observation, ReconciliationRow
from conformance.partner.orders import Columns
from conformance.partner.reconcile import EVER, Around, Kind, differences, own_trade
from conformance.partner.reconcile_pages import ENTRIES, TRADES, Entry, Page, Trade, entry_of, saved_pages, trade_of
from conformance.partner.reconcile_store import Store
from conformance.partner.reconcile_tally import Tally
from conformance.partner.reconcile_target import Walk, is_gated, read_trade, walk_ledger, walk_trades

DOUBTS = 100
"""Trades that are read once more before a difference is believed: lists may lag, and trades move meanwhile."""

DOUBTFUL = frozenset({Kind.MISSING, Kind.STATUS, Kind.LEDGER, Kind.UNREFUNDED})

DIGITS = 200
"""Enough for every sum of amounts that can be read to be exact."""

CURRENCY = "EUR"
"""The ledger's own default (facts 4.12)."""


Said = ReconciliationRow | Judgement | Observation
"""What a reconciliation writes down."""


@dataclass(frozen=True, slots=True)
class Period:
    """The time for which the order records are complete, as their owner says; open where nothing is said."""

    start: datetime | None = None
    end: datetime | None = None

    @property
    def given(self) -> bool:
        """Whether anything was said."""
        return self.start is not None

    def holds(self, at: datetime | None) -> bool:
        """Whether a trade of this time belongs to it."""
        if at is None or self.start is None:
            return False
        return self.start <= at and (self.end is None or at < self.end)


@dataclass
class Side:
    """What came of reading the target's side."""

    trades_since: datetime | None
    ledgers: frozenset[str]
    gated: bool
    read_at: datetime
    unreadable: int = 0
    """Rows that are no trade or no movement."""
    notes: list[str] = field(default_factory=list)


class Other(Protocol):
    """Where the target's side comes from."""

    live: bool

    def fill(self, store: Store, since: datetime | None) -> Side:
        """Put trades and movements into ``store``, join it, and say how far back they reach."""
        ...

    def doubt(self, store: Store, around: Around) -> bool:
        """Look again at what seems to differ. Returns whether anything in ``store`` changed."""
        ...


@dataclass
class Saved:
    """Pages that somebody saved."""

    trades: Sequence[Path]
    ledger: Sequence[Path]
    read_at: datetime
    live: bool = False

    def fill(self, store: Store, since: datetime | None) -> Side:
        """Every page of the files. A last page that names a next one says that older rows were left out."""
        side = Side(EVER, frozenset(), True, self.read_at)
        ends: list[bool] = []
        store.add_trades(_trades(_noted(saved_pages(self.trades, TRADES), ends), side))
        if not any(ends):
            side.trades_since = None
            side.notes.append("no saved page of trades is the last one (nextCursor null)")
        store.join()
        closed: dict[str, bool] = {}
        seen: set[str] = set()
        pages = saved_pages(self.ledger, ENTRIES)
        store.add_entries(_entries(_closing(pages, closed), side, seen))
        side.ledgers = frozenset(currency for currency, whole in closed.items() if whole) | (seen - closed.keys())
        for currency in sorted(closed.keys() - side.ledgers):
            side.notes.append(f"no saved page of the {currency} ledger is the last one (nextCursor null)")
        return side

    def doubt(self, store: Store, around: Around) -> bool:
        """Saved pages say the same however often they are read."""
        return False


@dataclass
class Live:
    """A target that is read now, with one account's key."""

    api: PoolsApi
    now: Callable[[], datetime]
    live: bool = True

    def fill(self, store: Store, since: datetime | None) -> Side:
        """The pages back to the oldest order, and the balance gate."""
        read_at, walk = self.now(), Walk()
        side = Side(None, frozenset(), True, read_at)
        store.add_trades(_trades(walk_trades(self.api, since, walk), side))
        side.trades_since = (since or EVER) if walk.ended else None
        if not walk.ended:
            side.notes.append(f"the trades could not be read to their end{_status(walk)}")
        store.join()
        side.gated = is_gated(self.api, store.pools())
        self._read_ledgers(store, since, side)
        return side

    def doubt(self, store: Store, around: Around) -> bool:
        """Read the trades of the first doubtful orders once more, by id; the ledger too where one had moved."""
        wanted = list(_doubtful(store, around))
        found = [trade for transact, status in wanted if (trade := self._moved(transact, status)) is not None]
        if found:
            store.add_trades(found)
            store.join()
            store.drop_entries()
            self._read_ledgers(store, None if around.trades_since == EVER else around.trades_since, None)
        return bool(found)

    def _moved(self, transact: str, status: str) -> Trade | None:
        """The trade as it stands now, where that is another status than it was listed with."""
        trade, _ = read_trade(self.api, transact)
        return trade if trade is not None and trade.status != status else None

    def _read_ledgers(self, store: Store, since: datetime | None, side: Side | None) -> None:
        for currency in store.currencies() or (CURRENCY,):
            walk = Walk()
            store.add_entries(_entries(walk_ledger(self.api, currency, since, walk), side, set(), currency))
            if side is not None and walk.ended:
                side.ledgers |= {currency}
            elif side is not None:
                side.notes.append(f"the {currency} ledger could not be read to its end{_status(walk)}")


def _status(walk: Walk) -> str:
    return f" (a page was answered {walk.refused})" if walk.refused else ""


def _noted(pages: Iterator[Page], ends: list[bool]) -> Iterator[Page]:
    for page in pages:
        ends.append(page.cursor is None)
        yield page


def _closing(pages: Iterator[Page], closed: dict[str, bool]) -> Iterator[Page]:
    for page in pages:
        if page.currency or page.cursor is not None:
            currency = page.currency or CURRENCY
            closed[currency] = closed.get(currency, False) or page.cursor is None
        yield page


def _trades(pages: Iterator[Page], side: Side) -> Iterator[Trade]:
    for page in pages:
        for row in page.rows:
            trade = trade_of(row, page.source)
            if trade is None:
                side.unreadable += 1
            else:
                yield trade


def _entries(pages: Iterator[Page], side: Side | None, seen: set[str], currency: str = CURRENCY) -> Iterator[Entry]:
    for page in pages:
        for row in page.rows:
            entry = entry_of(row, page.currency or currency, page.source)
            if entry is None:
                if side is not None:
                    side.unreadable += 1
                continue
            seen.add(entry.currency)
            yield entry


def _doubtful(store: Store, around: Around) -> Iterator[tuple[str, str]]:
    """Id and status of the trades whose orders do not fit, as far as they are worth another look."""
    told = 0
    for group in store.groups():
        if told >= DOUBTS:
            return
        if group.superseded or DOUBTFUL.isdisjoint(found.kind for found in differences(group, around)):
            continue
        trade = own_trade(group)
        transact = trade.transact if trade is not None else group.order.transact
        if transact:
            told += 1
            yield transact, trade.status if trade is not None else ""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a reconciliation is to judge."""

    account: str
    as_of: datetime
    grace: timedelta
    period: Period
    only: tuple[str, ...] = ()


def reconcile(store: Store, columns: Columns, other: Other, settings: Settings, write: Callable[[Said], None]) -> Tally:
    """Join the orders in ``store`` with the other side; rows, totals and judgements go to ``write`` as they come.

    What ``other`` raises passes through; what was written before stays written.
    """
    with localcontext() as context:
        context.prec = DIGITS
        return _reconcile(store, columns, other, settings, write)


def _reconcile(
    store: Store, columns: Columns, other: Other, settings: Settings, write: Callable[[Said], None]
) -> Tally:
    oldest, dated = store.span()
    # Where an order has no time, its trade may be as old as any.
    since = None if not dated or oldest is None else min(filter(None, (oldest, settings.period.start)))
    side = other.fill(store, since)
    around = Around(settings.as_of, side.read_at, settings.grace, side.trades_since, side.ledgers, side.gated)
    other.doubt(store, around)
    tally = Tally(around, columns.known, other.live)
    for row in _rows(store, around, tally, settings):
        write(row)
    for judgement in tally.judgements(settings.period.given):
        if not settings.only or judgement.requirement in settings.only:
            write(judgement)
    for note in side.notes:
        write(Observation("reconciliation", note))
    for subject, value in told(tally, side.unreadable):
        write(Observation(subject, value))
    return tally


def told(tally: Tally, unreadable: int) -> Iterator[tuple[str, str]]:
    """What a reconciliation adds up to, as subject and value."""
    yield "orders", f"{tally.orders}, matched {tally.matched}, superseded {tally.superseded}"
    if tally.outside:
        yield "trades outside the period that join no order", str(tally.outside)
    if tally.by_hand:
        yield "orders joined by amount and time", str(tally.by_hand)
    for kind, number in sorted(tally.kinds.items()):
        named = tally.named[kind]
        more = f" and {number - len(named)} more" if number > len(named) else ""
        yield f"orders {kind}", f"{number}: {', '.join(named)}{more}"
    for currency, totals in sorted(tally.totals.items()):
        yield f"totals {currency}", str(totals)
    if unreadable:
        yield "rows of the target that are neither trade nor movement", str(unreadable)


def _rows(store: Store, around: Around, tally: Tally, settings: Settings) -> Iterator[ReconciliationRow]:
    for group in store.groups():
        yield tally.add(group, differences(group, around), settings.account)
    for trade in store.unrecorded():
        if not settings.period.holds(trade.created):
            tally.outside += 1
            continue
        yield tally.add_unrecorded(trade, settings.account)
    tally.in_period = sum(map(settings.period.holds, store.trade_times()))

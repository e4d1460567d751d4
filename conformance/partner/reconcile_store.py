"""Joining orders, trades and ledger entries on disk, so that memory does not grow with their number.

Everything of one execution gets one group: the quote it rests on. What a group means is the business of ``reconcile``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from pathlib import Path

from conformance.partner.orders import Order
from conformance.partner.reconcile_pages import Entry, Trade, spans, utc

NEAR = timedelta(minutes=10)
"""How far apart an order and a trade that share no id may lie and still be joined by amount and time."""

LEAST_NAME = 8
"""Characters of an idempotency key or own reference that is looked for inside longer texts; ``17`` is in many."""

SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
CREATE TABLE trades (n INTEGER PRIMARY KEY, transact TEXT UNIQUE, quote TEXT, status TEXT, pool TEXT, side TEXT,
    fiat TEXT, crypto TEXT, fiat_amount TEXT, crypto_amount TEXT, created REAL, settled REAL, key TEXT,
    reference TEXT, exchange TEXT, grp TEXT);
CREATE INDEX trades_grp ON trades (grp);
CREATE TABLE orders (n INTEGER PRIMARY KEY, line INTEGER, reference TEXT, pool TEXT, quote TEXT, transact TEXT,
    key TEXT, request TEXT, side TEXT, currency TEXT, amount TEXT, status TEXT, created REAL, inexact INTEGER,
    blank TEXT, grp TEXT, how TEXT);
CREATE INDEX orders_grp ON orders (grp);
CREATE INDEX orders_reference ON orders (reference);
CREATE INDEX orders_key ON orders (key);
CREATE TABLE entries (n INTEGER PRIMARY KEY, currency TEXT, delta TEXT, reason TEXT, ref TEXT, created REAL,
    exchange TEXT, grp TEXT);
CREATE INDEX entries_grp ON entries (grp);
CREATE TABLE names (name TEXT PRIMARY KEY, grp TEXT, whole INTEGER) WITHOUT ROWID;
"""


SHARED = """
DROP TABLE IF EXISTS temp.groups; DROP TABLE IF EXISTS temp.refs; DROP TABLE IF EXISTS temp.keys;
CREATE TEMP TABLE groups (name TEXT PRIMARY KEY);
CREATE TEMP TABLE refs (name TEXT PRIMARY KEY);
CREATE TEMP TABLE keys (name TEXT PRIMARY KEY);
INSERT INTO temp.groups SELECT grp FROM orders GROUP BY grp HAVING count(*) > 1;
INSERT INTO temp.refs SELECT reference FROM orders WHERE reference <> '' GROUP BY reference HAVING count(*) > 1;
INSERT INTO temp.keys SELECT key FROM orders WHERE key <> '' GROUP BY key HAVING count(DISTINCT quote) > 1;
"""
"""What more than one order has in common: looked up for all at once, since hardly any has."""


@dataclass(frozen=True, slots=True)
class Group:
    """Everything one order joins with."""

    order: Order
    how: str
    """By which id it was joined; empty where nothing joined."""
    trades: tuple[Trade, ...]
    entries: tuple[Entry, ...]
    rivals: tuple[str, ...]
    """Other orders, by name, that stand for the same execution."""
    further: tuple[str, ...]
    """Further trades of the order's own reference, under other quotes."""
    same_key: tuple[str, ...]
    """Other orders, by name, with this one's idempotency key and another quote."""
    crossed: bool
    """Whether its quote and its trade belong to different executions of the target."""
    superseded: int
    """Line of a later record of the same order and execution; 0 where this is the last."""


class Store:
    """One reconciliation's working set in a SQLite file: orders and trades go in, are joined, then entries go in."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    def add_trades(self, trades: Iterable[Trade]) -> int:
        """Take trades in; one read twice counts once, as it was read last. Returns how many were given."""
        self._db.execute("BEGIN")
        count = 0
        for trade in trades:
            count += 1
            self._db.execute(_ADD_TRADE, (*map(_kept, _trade_values(trade)), trade.group))
            self._name(trade.group, trade.group)
            self._name(trade.transact, trade.group)
            self._name(trade.key, trade.group)
            self._name(trade.reference, trade.group, whole=True)
        self._db.execute("COMMIT")
        return count

    def add_orders(self, orders: Iterable[Order]) -> None:
        """Take orders in; what they join with is found by ``join``."""
        self._db.execute("BEGIN")
        for order in orders:
            self._db.execute(_ADD_ORDER, tuple(map(_kept, _order_values(order))))
        self._db.execute("COMMIT")

    def join(self) -> None:
        """Join every order by the first of its ids that the target knows, then those without ids by amount and time.

        Done once the trades are in, and again when one of them was read anew.
        """
        self._db.execute("BEGIN")
        last = 0
        while rows := self._db.execute(_ORDERS_AFTER, (last,)).fetchall():
            last = rows[-1][0]
            for row in rows:
                self._join(row[0], _order(row))
        self._db.execute("COMMIT")
        self._join_the_rest()

    def _join(self, n: int, order: Order) -> None:
        group, how = self._group(order)
        self._db.execute("UPDATE orders SET grp = ?, how = ? WHERE n = ?", (group, how, n))
        for name in (order.quote, order.transact):
            self._name(name, group)
        for name in (order.key, order.reference):
            self._name(name, group, whole=len(name) < LEAST_NAME)

    def add_entries(self, entries: Iterable[Entry]) -> int:
        """Take movements in, each joined by what its texts name. Returns how many were given."""
        self._db.execute("BEGIN")
        count = 0
        for entry in entries:
            count += 1
            group = next(filter(None, map(self._named_in, entry.names)), "")
            self._db.execute(
                "INSERT INTO entries (currency, delta, reason, ref, created, exchange, grp) VALUES (?,?,?,?,?,?,?)",
                (
                    entry.currency,
                    str(entry.delta),
                    entry.reason,
                    "; ".join(entry.names),
                    _kept(entry.created),
                    entry.exchange,
                    group,
                ),
            )
        self._db.execute("COMMIT")
        return count

    def groups(self) -> Iterator[Group]:
        """Every order, in the order of its file, with all it joins with."""
        self._db.executescript(SHARED)
        for row in self._db.execute(_FLAGGED):
            n, order, group = row[0], _order(row), row[15]
            trades = tuple(_trade(found) for found in self._db.execute(_TRADES, (group,)))
            shares_group, shares_reference, shares_key = row[17:20]
            yield Group(
                order=order,
                how=row[16],
                trades=trades,
                entries=tuple(_entry(found) for found in self._db.execute(_ENTRIES, (group,))),
                rivals=self._rivals(n, order.reference, group) if shares_group and trades else (),
                further=self._further(n, order.reference, group) if shares_reference else (),
                same_key=self._same_key(order.key, order.quote) if shares_key else (),
                crossed=self._crossed(order, trades),
                superseded=self._later(n, order.reference, group) if shares_group else 0,
            )

    def unrecorded(self) -> Iterator[Trade]:
        """The trades no order joins with, oldest first."""
        sql = (
            "SELECT * FROM trades WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.grp = trades.grp)"
            " ORDER BY created, n"
        )
        for row in self._db.execute(sql):
            yield _trade(row)

    def trade_times(self) -> Iterator[datetime | None]:
        """When each trade was made, as far as the target says."""
        for (created,) in self._db.execute("SELECT created FROM trades"):
            yield utc(created)

    def span(self) -> tuple[datetime | None, bool]:
        """The time of the oldest order, and whether every order has one."""
        oldest, without = self._db.execute("SELECT min(created), sum(created IS NULL) FROM orders").fetchone()
        return utc(oldest), not without

    def currencies(self) -> tuple[str, ...]:
        """The fiat currencies of trades and orders, as far as they say."""
        sql = "SELECT DISTINCT fiat FROM trades WHERE fiat <> '' ORDER BY fiat LIMIT 20"
        return tuple(str(row[0]) for row in self._db.execute(sql))

    def pools(self) -> tuple[str, ...]:
        """Pools that trades or orders name."""
        sql = "SELECT pool FROM trades WHERE pool <> '' UNION SELECT pool FROM orders WHERE pool <> '' LIMIT 20"
        return tuple(str(row[0]) for row in self._db.execute(sql))

    def drop_entries(self) -> None:
        """Forget the movements, to read them anew."""
        self._db.execute("DELETE FROM entries")

    def count(self) -> int:
        """How many orders there are."""
        return int(self._db.execute("SELECT count(*) FROM orders").fetchone()[0])

    def _join_the_rest(self) -> None:
        """Join orders that record no id of an execution by amount and time, if only one trade comes into question."""
        self._db.execute("BEGIN")
        rows = self._db.execute(
            "SELECT n, currency, amount, created FROM orders WHERE how = '' AND quote = '' AND transact = ''"
            " AND created IS NOT NULL AND status IN ('reserved', 'settled', 'released', 'failed', 'returned')"
            " ORDER BY n"
        )
        found = []
        for n, currency, amount, created in rows:
            alike = self._alike(currency, amount, created)
            if len(alike) == 1 and self._claimants(currency, amount, alike[0][1]) == 1:
                found.append((alike[0][0], n))
        self._db.executemany("UPDATE orders SET grp = ?, how = 'amount and time' WHERE n = ?", found)
        self._db.execute("COMMIT")

    def _name(self, name: str, group: str, *, whole: bool = False) -> None:
        if name:
            self._db.execute("INSERT OR IGNORE INTO names VALUES (?, ?, ?)", (name, group, whole))

    def _group(self, order: Order) -> tuple[str, str]:
        """The group of an order and the id that joined it: the target's ids first, then the partner's own."""
        for how, name in (
            ("trade id", order.transact),
            ("quote id", order.quote),
            ("idempotency key", order.key),
            ("own reference", order.reference),
        ):
            found = self._trade_named(name, own=how in ("idempotency key", "own reference"))
            if found:
                return found, how
        return order.quote or order.transact or f"line {order.line}", ""

    def _trade_named(self, name: str, *, own: bool) -> str:
        if not name:
            return ""
        sql = "SELECT grp FROM trades WHERE key = ? OR reference = ?" if own else _BY_NAME
        row = self._db.execute(sql, (name, name)).fetchone() if own else self._db.execute(sql, (name,)).fetchone()
        return "" if row is None else str(row[0])

    def _named_in(self, text: str) -> str:
        """The group a text names: the whole text, else the longest part of it that stands by itself."""
        row = self._db.execute("SELECT grp FROM names WHERE name = ?", (text,)).fetchone()
        if row is not None:
            return str(row[0])
        for part in sorted(set(spans(text)), key=len, reverse=True):
            row = self._db.execute("SELECT grp FROM names WHERE name = ? AND NOT whole", (part,)).fetchone()
            if row is not None:
                return str(row[0])
        return ""

    def _alike(self, currency: str, amount: str, created: float) -> list[tuple[str, float]]:
        near = NEAR.total_seconds()
        rows = self._db.execute(
            "SELECT grp, created, fiat_amount, fiat FROM trades WHERE created BETWEEN ? AND ?"
            " AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.grp = trades.grp)",
            (created - near, created + near),
        )
        return [
            (str(group), float(at))
            for group, at, fiat_amount, fiat in rows
            if fiat_amount and Decimal(fiat_amount) == Decimal(amount) and (not currency or currency == fiat)
        ]

    def _claimants(self, currency: str, amount: str, at: float) -> int:
        near = NEAR.total_seconds()
        rows = self._db.execute(
            "SELECT amount FROM orders WHERE how = '' AND quote = '' AND transact = '' AND currency IN (?, '')"
            " AND created BETWEEN ? AND ?",
            (currency, at - near, at + near),
        )
        return sum(Decimal(row[0]) == Decimal(amount) for row in rows)

    def _rivals(self, n: int, reference: str, group: str) -> tuple[str, ...]:
        sql = (
            "SELECT reference, line FROM orders WHERE grp = ? AND n <> ? AND (reference <> ? OR reference = '') LIMIT 5"
        )
        return tuple(str(found or f"line {line}") for found, line in self._db.execute(sql, (group, n, reference)))

    def _further(self, n: int, reference: str, group: str) -> tuple[str, ...]:
        sql = (
            "SELECT DISTINCT t.transact FROM orders o JOIN trades t ON t.grp = o.grp"
            " WHERE o.reference = ? AND o.n <> ? AND o.grp <> ? LIMIT 5"
        )
        return tuple(str(found) for (found,) in self._db.execute(sql, (reference, n, group)))

    def _same_key(self, key: str, quote: str) -> tuple[str, ...]:
        sql = "SELECT reference, line FROM orders WHERE key = ? AND quote <> ? AND quote <> '' LIMIT 5"
        return tuple(str(found or f"line {line}") for found, line in self._db.execute(sql, (key, quote)))

    def _crossed(self, order: Order, trades: tuple[Trade, ...]) -> bool:
        if not order.transact or not order.quote:
            return False
        if any(trade.transact == order.transact and trade.quote == order.quote for trade in trades):
            return False
        groups = {self._trade_named(name, own=False) for name in (order.transact, order.quote)} - {""}
        if len(groups) > 1:
            return True
        named = self._db.execute("SELECT quote FROM trades WHERE transact = ?", (order.transact,)).fetchone()
        return named is not None and named[0] not in ("", order.quote)

    def _later(self, n: int, reference: str, group: str) -> int:
        if not reference:
            return 0
        sql = "SELECT max(line) FROM orders WHERE reference = ? AND grp = ? AND n > ?"
        found = self._db.execute(sql, (reference, group, n)).fetchone()[0]
        return int(found or 0)


_ADD_TRADE = (
    "INSERT OR REPLACE INTO trades (transact, quote, status, pool, side, fiat, crypto, fiat_amount, crypto_amount,"
    " created, settled, key, reference, exchange, grp) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)
_ADD_ORDER = (
    "INSERT INTO orders (line, reference, pool, quote, transact, key, request, side, currency, amount, status,"
    " created, inexact, blank, grp, how) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,'','')"
)
_trade_values = attrgetter(*(field.name for field in fields(Trade)))
_order_values = attrgetter(*(field.name for field in fields(Order)))
_ORDERS_AFTER = "SELECT * FROM orders WHERE n > ? ORDER BY n LIMIT 1000"
_FLAGGED = (
    "SELECT *, grp IN (SELECT name FROM temp.groups), reference IN (SELECT name FROM temp.refs),"
    " quote <> '' AND key IN (SELECT name FROM temp.keys) FROM orders ORDER BY n"
)
_TRADES = "SELECT * FROM trades WHERE grp = ? ORDER BY n"
_ENTRIES = "SELECT * FROM entries WHERE grp = ? ORDER BY n"
_BY_NAME = "SELECT t.grp FROM names n JOIN trades t ON t.grp = n.grp WHERE n.name = ? LIMIT 1"


def _kept(value: object) -> object:
    match value:
        case Decimal():
            return str(value)
        case datetime():
            return value.timestamp()
        case tuple():
            return " ".join(value)
        case _:
            return value


def _trade(row: tuple[object, ...]) -> Trade:
    texts = [str(value or "") for value in row]
    return Trade(
        transact=texts[1],
        quote=texts[2],
        status=texts[3],
        pool=texts[4],
        side=texts[5],
        fiat=texts[6],
        crypto=texts[7],
        fiat_amount=_decimal(row[8]),
        crypto_amount=_decimal(row[9]),
        created=utc(_number(row[10])),
        settled=utc(_number(row[11])),
        key=texts[12],
        reference=texts[13],
        exchange=texts[14],
    )


def _entry(row: tuple[object, ...]) -> Entry:
    texts = [str(value or "") for value in row]
    created = utc(_number(row[5]))
    return Entry(texts[1], Decimal(texts[2]), texts[3], (texts[4],), created, texts[6])


def _order(row: tuple[object, ...]) -> Order:
    texts = [str(value or "") for value in row]
    return Order(
        line=int(texts[1]),
        reference=texts[2],
        pool=texts[3],
        quote=texts[4],
        transact=texts[5],
        key=texts[6],
        request=texts[7],
        side=texts[8],
        currency=texts[9],
        amount=Decimal(texts[10]),
        status=texts[11],
        created=utc(_number(row[12])),
        inexact=bool(row[13]),
        blank=tuple(texts[14].split()),
    )


def _decimal(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None

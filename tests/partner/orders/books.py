"""Hand-written books: a partner's order records and the target's pages, and what reconciling them says."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from conformance.journal import Judgement, Observation, Outcome, ReconciliationRow
from conformance.partner.orders_files import Reading, read_orders
from conformance.partner.reconcile_job import Other, Period, Saved, Settings, reconcile
from conformance.partner.reconcile_store import Store

Json = dict[str, Any]

TRADED = "2026-01-01T10:00:00Z"
SETTLED = "2026-01-01T10:00:20Z"
TAKEN = datetime(2026, 1, 5, tzinfo=UTC)
"""When the order records were taken: days after everything in them happened."""


def order(number: int = 1, **changes: Any) -> Json:
    """A complete record of a settled order; a change to None leaves the value empty."""
    record: Json = {
        "order_id": f"ord_{number:04}",
        "pool_id": "EUR-USDT",
        "quote_id": f"pq_test_{number:04}",
        "transact_id": f"txn_test_{number:04}",
        "idempotency_key": f"key-{number:08}",
        "request_id": f"req_{number:04}",
        "side": "on_ramp",
        "currency": "EUR",
        "amount": "100.00",
        "status": "settled",
        "created_at": TRADED,
        "rate": "1.0731",
        "fee_bps": "30",
        "spread_bps": "25",
    }
    return record | changes


def trade(number: int = 1, **changes: Any) -> Json:
    """The trade of that order, as the target lists it."""
    row: Json = {
        "transactId": f"txn_test_{number:04}",
        "quoteId": f"pq_test_{number:04}",
        "status": "settled",
        "poolId": "EUR-USDT",
        "side": "on_ramp",
        "fiatCurrency": "EUR",
        "cryptoCurrency": "USDT",
        "fiatAmount": "100.00",
        "cryptoAmount": "107.31",
        "createdAt": TRADED,
        "settledAt": SETTLED,
    }
    return row | changes


def debit(number: int = 1, **changes: Any) -> Json:
    """What that trade took from the balance."""
    entry: Json = {"delta": "-100.00", "reason": "buy_debit", "ref": f"pq_test_{number:04}", "createdAt": TRADED}
    return entry | changes


def refund(number: int = 1, **changes: Any) -> Json:
    """What it gave back."""
    return debit(number, delta="100.00", reason="buy_refund", createdAt="2026-01-02T10:00:00Z") | changes


COMPLETE = Period(datetime(2026, 1, 1, tzinfo=UTC), TAKEN)


@dataclass(frozen=True)
class Books:
    """Two sides of a reconciliation. What a test does not name is as in one matched, settled order."""

    orders: list[Json] = field(default_factory=lambda: [order()])
    trades: list[Json] = field(default_factory=lambda: [trade()])
    entries: list[Json] | None = field(default_factory=lambda: [debit()])
    whole_trades: bool = True
    whole_ledger: bool = True
    statuses: dict[str, str] = field(default_factory=dict)
    as_of: datetime = TAKEN
    read_at: datetime = TAKEN + timedelta(hours=1)
    grace: timedelta = timedelta(hours=24)
    period: Period = COMPLETE

    def with_(self, **changes: Any) -> Books:
        """These books with something different."""
        return replace(self, **changes)

    def saved(self, folder: Path) -> Other:
        """The target's side, as saved pages."""
        trades, ledger = folder / "trades.json", folder / "ledger.json"
        trades.write_text(json.dumps({"trades": self.trades, "nextCursor": None if self.whole_trades else "more"}))
        page = {"currency": "EUR", "entries": self.entries, "nextCursor": None if self.whole_ledger else "more"}
        ledger.write_text(json.dumps(page))
        return Saved([trades], [] if self.entries is None else [ledger], self.read_at)

    def reconciled(self, folder: Path) -> Told:
        """What reconciling them says."""
        file = folder / "orders.jsonl"
        file.write_text("".join(json.dumps(record) + "\n" for record in self.orders))
        settings = Settings("approved", self.as_of, self.grace, self.period)
        return reconciled(Reading(file, statuses=self.statuses), self.saved(folder), settings, folder)


@dataclass
class Told:
    """Everything a reconciliation wrote down."""

    rows: list[ReconciliationRow] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)
    observations: dict[str, str] = field(default_factory=dict)

    def __call__(self, said: ReconciliationRow | Judgement | Observation) -> None:
        match said:
            case ReconciliationRow():
                self.rows.append(said)
            case Judgement():
                self.judgements.append(said)
            case Observation():
                self.observations[said.subject] = said.value

    def of(self, outcome: Outcome) -> set[str]:
        """The requirements with such an outcome, without their common beginning."""
        return {
            judged.requirement.removeprefix("PARTNER-ORDERS-")
            for judged in self.judgements
            if judged.outcome is outcome
        }

    @property
    def failed(self) -> set[str]:
        """The requirements that failed."""
        return self.of(Outcome.FAIL)

    @property
    def results(self) -> list[str]:
        """What came of each row."""
        return [row.result for row in self.rows]


def reconciled(reading: Reading, other: Other, settings: Settings, folder: Path) -> Told:
    """What reconciling a file of orders with ``other`` says."""
    said = Told()
    store = Store(folder / "books.db")
    try:
        reconcile(store, read_orders(reading, store.add_orders), other, settings, said)
    finally:
        store.close()
    return said


def lines(folder: Path, name: str, texts: Iterable[str]) -> Path:
    """A file of these lines."""
    path = folder / name
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path

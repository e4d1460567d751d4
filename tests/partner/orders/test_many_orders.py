"""A hundred thousand orders are reconciled without memory growing with their number, and not one is lost."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from conformance.journal import Judgement, Observation, Outcome, ReconciliationRow
from conformance.partner.orders_files import Reading, read_orders
from conformance.partner.reconcile_job import Saved, Settings, reconcile
from conformance.partner.reconcile_store import Store

from .books import COMPLETE, TAKEN, debit, order, refund, trade

ORDERS = 100_000
PAGE = 1_000
BOUND = 24 * 1024 * 1024
"""Bytes Python may hold at the same time; the files together have five times as many."""


def pages(member: str) -> Iterator[str]:
    """Pages of a thousand rows, the last one saying that it is."""
    for start in range(0, ORDERS, PAGE):
        numbers = range(start, start + PAGE)
        last = start + PAGE == ORDERS
        if member == "trades":
            rows = [trade(n, status=status_of(n)) for n in numbers if n != 4_711]
        else:
            rows = [entry for n in numbers for entry in moved(n)]
        yield json.dumps({member: rows, "nextCursor": None if last else "more", "currency": "EUR"})


def status_of(number: int) -> str:
    """Every tenth trade failed."""
    return "failed" if number % 10 == 0 else "settled"


def moved(number: int) -> list[dict[str, str]]:
    if number == 4_711:
        return []
    return [refund(number), debit(number)] if status_of(number) == "failed" else [debit(number)]


def test_a_hundred_thousand_orders_fit_into_bounded_memory_and_none_is_lost(tmp_path: Path) -> None:
    orders, trades, ledger = (tmp_path / name for name in ("orders.csv", "trades.jsonl", "ledger.jsonl"))
    with orders.open("w") as file:
        file.write(",".join(order()) + "\n")
        for n in range(ORDERS):
            file.write(",".join(order(n, status=status_of(n)).values()) + "\n")
    for path, member in ((trades, "trades"), (ledger, "entries")):
        with path.open("w") as file:
            file.writelines(f"{page}\n" for page in pages(member))
    results: Counter[str] = Counter()
    judged: dict[str, Outcome] = {}
    totals: list[str] = []

    def write(said: ReconciliationRow | Judgement | Observation) -> None:
        match said:
            case ReconciliationRow():
                results[said.result.partition(":")[0]] += 1
            case Judgement():
                judged[said.requirement.removeprefix("PARTNER-ORDERS-")] = said.outcome
            case Observation() if said.subject == "totals EUR":
                totals.append(said.value)

    store = Store(tmp_path / "books.db")
    settings = Settings("approved", TAKEN, timedelta(hours=24), COMPLETE)
    tracemalloc.start()
    try:
        columns = read_orders(Reading(orders), store.add_orders)
        reconcile(store, columns, Saved([trades], [ledger], TAKEN + timedelta(hours=1)), settings, write)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        store.close()

    assert results == {"matched": ORDERS - 1, "missing at the target": 1}
    assert {name for name, outcome in judged.items() if outcome is Outcome.FAIL} == {"KNOWN"}
    counted = "100000 orders, ordered 10000000.00, settled 8999900.00"
    assert totals == [f"{counted}, debited -9999900.00, credited back 1000000.00, net -8999900.00"]
    assert peak < BOUND

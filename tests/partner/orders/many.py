"""Books of any size, written to files and reconciled; as a program it says what came of it and how much it held."""

from __future__ import annotations

import json
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from conformance.journal import Judgement, Observation, Outcome, ReconciliationRow
from conformance.partner.orders_files import Reading, read_orders
from conformance.partner.reconcile_job import Saved, Settings, reconcile
from conformance.partner.reconcile_store import Store
from tests.partner.orders.books import COMPLETE, TAKEN, Json, debit, order, refund, trade

PAGE = 500
LOST = 471
"""The order whose trade the target does not know."""


def write_books(folder: Path, orders: int) -> None:
    """Orders, trades and ledger of ``orders`` executions, every tenth of which failed."""
    with (folder / "orders.csv").open("w") as file:
        file.write(",".join(order()) + "\n")
        for n in range(orders):
            file.write(",".join(order(n, status=_status(n)).values()) + "\n")
    for name in ("trades", "entries"):
        with (folder / f"{name}.jsonl").open("w") as file:
            file.writelines(f"{page}\n" for page in _pages(name, orders))


def _pages(member: str, orders: int) -> Iterator[str]:
    for start in range(0, orders, PAGE):
        numbers = [n for n in range(start, start + PAGE) if n != LOST]
        rows = [trade(n, status=_status(n)) for n in numbers] if member == "trades" else _moved(numbers)
        last = start + PAGE >= orders
        yield json.dumps({member: rows, "nextCursor": None if last else "more", "currency": "EUR"})


def _status(number: int) -> str:
    return "settled" if number % 10 else "failed"


def _moved(numbers: list[int]) -> list[Json]:
    return [entry for n in numbers for entry in ((debit(n),) if n % 10 else (refund(n), debit(n)))]


def reconcile_books(folder: Path) -> Json:
    """What came of the books in ``folder``, counted as it was said."""
    results: Counter[str] = Counter()
    failed: set[str] = set()
    totals: dict[str, str] = {}

    def write(said: ReconciliationRow | Judgement | Observation) -> None:
        match said:
            case ReconciliationRow():
                results[said.result.partition(":")[0]] += 1
            case Judgement() if said.outcome is Outcome.FAIL:
                failed.add(said.requirement)
            case Observation() if said.subject.startswith("totals"):
                totals[said.subject] = said.value

    store = Store(folder / "books.db")
    settings = Settings("approved", TAKEN, timedelta(hours=24), COMPLETE)
    other = Saved([folder / "trades.jsonl"], [folder / "entries.jsonl"], TAKEN + timedelta(hours=1))
    try:
        columns = read_orders(Reading(folder / "orders.csv"), store.add_orders)
        reconcile(store, columns, other, settings, write)
    finally:
        store.close()
    return {"results": dict(results), "failed": sorted(failed), "totals": totals}


def held() -> int:
    """The most bytes this process has held. What ``getrusage`` says may be its parent's, from before it was started."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    said = reconcile_books(Path(sys.argv[1]))
    print(json.dumps({**said, "held": held()}))

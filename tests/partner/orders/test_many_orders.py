"""Memory does not grow with the number of orders, and of a hundred thousand not one is lost."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

from .many import reconcile_books, write_books

ROOT = Path(__file__).resolve().parents[3]

MANY = 100_000
HELD = 160 * 1024 * 1024
"""Bytes the whole process may hold at any time; the three files together have 75 million."""

ALLOCATED = 8 * 1024 * 1024
GROWTH = 512 * 1024


def test_a_hundred_thousand_orders_fit_into_bounded_memory_and_none_is_lost(tmp_path: Path) -> None:
    write_books(tmp_path, MANY)

    done = subprocess.run(
        [sys.executable, "-m", "tests.partner.orders.many", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    said = json.loads(done.stdout)
    assert said["results"] == {"matched": MANY - 1, "missing at the target": 1}
    assert said["failed"] == ["PARTNER-ORDERS-KNOWN"]
    counted = "100000 orders, ordered 10000000.00, settled 8999900.00"
    assert said["totals"] == {
        "totals EUR": f"{counted}, debited -9999900.00, credited back 1000000.00, net -8999900.00"
    }
    assert said["held"] < HELD


def test_five_times_as_many_orders_allocate_no_more_at_a_time(tmp_path: Path) -> None:
    few, more = (_allocated(tmp_path / str(orders), orders) for orders in (1_000, 5_000))

    assert few < ALLOCATED
    assert more - few < GROWTH


def _allocated(folder: Path, orders: int) -> int:
    """The most bytes Python's allocations held at a time while so many orders were reconciled."""
    folder.mkdir()
    write_books(folder, orders)
    tracemalloc.start()
    try:
        assert sum(reconcile_books(folder)["results"].values()) == orders
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

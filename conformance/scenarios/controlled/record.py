"""The order record of a controlled order: a file written before anything is executed, found again by the next run.

A run that was killed leaves it open; whoever comes next reads what became of that order instead of making another.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import typing
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FILE = "controlled-order.json"

NONE = "none"
"""The status of an order that was never executed and no longer can be."""

OVER = frozenset({NONE, "failed", "released", "returned"})
"""Ends after which the money is where it was, so that another order may be made."""


class RecordProblem(Exception):
    """An order record that cannot be read: an order may stand behind it."""


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """One controlled order as one run knows it. Holds ids and amounts, no key of an account and no wallet."""

    identity: str
    """What orders are the same order: environment, partner, pool and wallet, as a digest."""
    number: int
    """1 for the first order of this identity; the next only after one that is ``OVER``."""
    idempotency_key: str
    run: str
    target: str
    base_url: str
    account: str
    pool: str
    currency: str
    amount: str
    max_amount: str
    quote: str
    written: str
    """When it was written first, before anything was executed."""
    transact: str = ""
    status: str = ""
    """Of the trade as last read, or ``NONE``; empty while nobody knows."""
    closed: bool = False
    """Whether the status will not change but from settled to returned."""


def identity_of(base_url: str, partner: str, pool: str, wallet: str) -> str:
    """The identity of orders to this wallet: one-way, so that a record does not name it."""
    return hashlib.sha256("\n".join((base_url, partner, pool, wallet)).encode()).hexdigest()[:24]


def key_of(identity: str, number: int) -> str:
    """The idempotency key of an order: the same wherever and whenever it is tried, so that the target knows it again.

    With the records lost, a second run sends this key with another quote, which is answered 409 (facts, section 6).
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"conformance controlled order {identity} {number}"))


def keep(record: OrderRecord, folder: Path) -> None:
    """Write ``record`` into ``folder`` so that it outlives the process and the power. Raises ``OSError``."""
    temporary = folder / f"{FILE}.new"
    with temporary.open("w", encoding="utf-8") as file:
        file.write(json.dumps(dataclasses.asdict(record), indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / FILE)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def earlier(folder: Path, identity: str) -> list[OrderRecord]:
    """The records of this identity in the run folders beside ``folder``. Raises ``RecordProblem``."""
    found = [_read(path) for path in sorted(folder.resolve().parent.glob(f"*/{FILE}"))]
    return [record for record in found if record.identity == identity]


def last(records: Iterable[OrderRecord]) -> OrderRecord | None:
    """What is known of the newest order among ``records``; a closed record of it knows more than an open one."""
    return max(records, key=lambda record: (record.number, record.closed, record.written), default=None)


def _read(path: Path) -> OrderRecord:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise _unreadable(path, type(problem).__name__) from problem
    hints = typing.get_type_hints(OrderRecord)
    if not isinstance(raw, dict) or {name: type(value) for name, value in raw.items()} != hints:
        raise _unreadable(path, "other members than it is written with")
    return OrderRecord(**raw)


def _unreadable(path: Path, why: str) -> RecordProblem:
    return RecordProblem(
        f"{path} cannot be read as an order record ({why}), and an order may stand behind it: look the order up by its "
        "ids, then mend the file or take its run folder away"
    )


__all__ = ["FILE", "NONE", "OVER", "OrderRecord", "RecordProblem", "earlier", "identity_of", "keep", "key_of", "last"]

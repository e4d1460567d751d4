"""The proof, by id, that a refused operation moved nothing: quote, trade and ledger entries stand as they did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from conformance.client import Reply
from conformance.scenarios.pools.desk import REFUNDED, Desk, Moved


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether nothing moved, in words, with the reads that show it."""

    ok: bool
    observed: str
    seen: tuple[Reply, ...]


def nothing_moved(desk: Desk, quote: str, status: str | None = "active") -> Proof:
    """Prove that ``quote`` has no trade and no ledger entry, and still reads ``status`` (None: not looked at)."""
    moved = desk.moved(quote)
    seen = list(moved.seen)
    problems = [] if moved.nothing else [f"{moved} join to the quote"]
    if status is not None:
        reply = desk.api.read_quote(quote)
        seen.append(reply)
        found = reply.object().get("status") if reply.ok else f"status {reply.status}"
        if found != status and not (status == "active" and found == "expired" and _faded(desk, quote, reply)):
            problems.append(f"the quote reads {found} instead of {status}")
    return Proof(not problems, "; ".join(problems) or "nothing moved", tuple(seen))


def _faded(desk: Desk, quote: str, read: Reply) -> bool:
    """Whether real time has brought a quote to its expiry, or within the margin of it, while it was being proved."""
    expires = desk.bench.open_quotes.get(quote, ("", None))[1]
    return expires is not None and read.date > expires - timedelta(seconds=3)


def as_it_was(desk: Desk, quote: str, transact: str, before: Moved) -> Proof:
    """Prove that what joined to an executed ``quote`` still does, and nothing else.

    How much that is, is another matter. A refund may have come if the trade reads as one that came to nothing.
    """
    after = desk.moved_late(quote, transact)
    trades = [sorted(str(trade.get("transactId")) for trade in moved.trades) for moved in (before, after)]
    undone = any(trade.get("status") in REFUNDED for trade in after.trades)
    problems = [] if trades[0] == trades[1] else [f"{len(trades[0])} trade(s), then {len(trades[1])}"]
    if desk.gated and sorted(before.debits) != sorted(after.debits):
        problems.append(f"{len(before.debits)} debit(s), then {len(after.debits)}")
    if desk.gated and sorted(before.refunds) != sorted(after.refunds) and not undone:
        problems.append(f"{len(before.refunds)} refund(s), then {len(after.refunds)}")
    return Proof(not problems, "; ".join(problems) or "its trade and debit stand", (*before.seen, *after.seen))


def one_trade_one_debit(desk: Desk, quote: str, transact: str | None = None) -> Proof:
    """Prove that ``quote`` has exactly one trade and, with the balance gate on, exactly one debit."""
    # Lists may lag behind the answer that made the trade: what is missing is given a moment, what is double is not.
    moved = desk.moved_late(quote, transact)
    ids = {str(trade.get("transactId")) for trade in moved.trades}
    problems = [] if len(moved.trades) == 1 and len(ids) == 1 else [f"{len(moved.trades)} trades"]
    if desk.gated and len(moved.debits) != 1:
        problems.append(f"{len(moved.debits)} debits")
    if desk.gated and len(moved.refunds) > len(moved.debits):
        problems.append(f"{len(moved.refunds)} refunds")
    return Proof(not problems, "; ".join(problems) or f"one trade, {len(moved.debits)} debit", moved.seen)

"""Reading the target's side of a reconciliation: pages of trades and of the ledger, single trades, the balance gate.

Sends nothing but reads that leave everything where it is; the status poll, which may move a trade, is never used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from conformance.client import PoolsApi, Recorder, Reply
from conformance.client.recording import Raw
from conformance.contract import Contract
from conformance.partner.orders import moment
from conformance.partner.reconcile_pages import ENTRIES, TRADES, Page, Trade, decimal, page_of, trade_of

PAGES = 10_000
"""Bound of one walk in pages: a million trades, two million movements."""

MARGIN = timedelta(days=1)
"""How far before the oldest order pages are still read: clocks differ, and an order is older than its trade."""


@dataclass
class Walk:
    """How far a walk came."""

    ended: bool = False
    """Whether everything that was wanted has been read."""
    refused: int = 0
    """The status of a page that could not be read."""


class Filed(Recorder):
    """Files exchanges without judging them: this run is about the partner's books, not about the target's wire."""

    def _judge(self, contract: Contract, raw: Raw, exchange: str, operation: str | None) -> None:
        return


def reads_only(method: str) -> str | None:
    """Why a method is not sent; None for reads."""
    return None if method == "GET" else "a reconciliation reads and changes nothing"


def walk_trades(api: PoolsApi, since: datetime | None, walk: Walk) -> Iterator[Page]:
    """The pages of trades, newest first, back to a day before ``since``; ``walk`` says how far it came."""
    yield from _walk(api, TRADES, {"limit": "100"}, since, walk)


def walk_ledger(api: PoolsApi, currency: str, since: datetime | None, walk: Walk) -> Iterator[Page]:
    """The pages of one currency's ledger in the same way."""
    yield from _walk(api, ENTRIES, {"limit": "200", "currency": currency}, since, walk)


def _walk(api: PoolsApi, member: str, query: dict[str, str], since: datetime | None, walk: Walk) -> Iterator[Page]:
    cursor: str | None = None
    for _ in range(PAGES):
        asked = query | ({"cursor": cursor} if cursor else {})
        reply = api.trades(**asked) if member == TRADES else api.ledger(**asked)
        page = page_of(reply.object(), member, reply.exchange) if reply.ok else None
        if page is None:
            walk.refused = reply.status
            return
        yield page
        last = moment(page.rows[-1].get("createdAt")) if page.rows else None
        beyond = since is not None and last is not None and (since - last) > MARGIN
        if page.cursor is None or not page.rows or beyond or page.cursor == cursor:
            walk.ended = page.cursor is None or beyond
            return
        cursor = page.cursor


def read_trade(api: PoolsApi, transact: str) -> tuple[Trade | None, Reply]:
    """One trade by its id, as it stands now; None where the target knows none."""
    reply = api.trade(transact)
    return (trade_of(reply.object(), reply.exchange) if reply.ok else None), reply


def is_gated(api: PoolsApi, pools: tuple[str, ...]) -> bool:
    """Whether executions are booked against a pre-funded balance: a pool's balance is a figure then, else null.

    Where no pool can be read the ledger has to speak for itself.
    """
    for pool in pools:
        reply = api.balance(pool)
        if reply.ok and "balance" in reply.object():
            return decimal(reply.object()["balance"]) is not None
    return True

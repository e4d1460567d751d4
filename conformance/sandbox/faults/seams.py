"""What several faults need to get at their seam: other members in a module, other replies, fewer constraints.

No fault is defined here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Final, cast

from conformance.sandbox import refusal
from conformance.sandbox.calls import Call, Operation, Reply
from conformance.sandbox.pools import operations, quotes, schema, trades
from conformance.sandbox.pools.quotes import Quote, QuoteState
from conformance.sandbox.pools.trades import Trade
from conformance.sandbox.refusal import Refusal, conflict
from conformance.sandbox.variations import Patch, VariationError

# Longer than the time between two requests that are sent at once, shorter than anybody would notice.
RACE_WINDOW_SECONDS: Final = 0.02

ONE_TRADE_PER_QUOTE: Final = ("quote_id TEXT NOT NULL UNIQUE", "quote_id TEXT NOT NULL")
ONE_QUOTE_PER_KEY: Final = (",\n        PRIMARY KEY (owner, idempotency_key)", "")
ONE_ENTRY_PER_REASON: Final = (",\n        UNIQUE (owner, reason, ref)", "")
ONE_ENDING: Final = (",\n        CHECK (consumed_at IS NULL OR rejected_at IS NULL)", "")


def module_with(module: ModuleType, **members: object) -> SimpleNamespace:
    """What one caller sees of a module when some of its members are others. Nobody else is affected."""
    missing = [name for name in members if not hasattr(module, name)]
    if missing:
        raise VariationError(f"{module.__name__} has no seam called {missing[0]}")
    return SimpleNamespace(**{**vars(module), **members})


def drop(patch: Patch, *constraints: tuple[str, str], tables: ModuleType = schema) -> None:
    """Rewrite the tables of a product: each constraint is a text of its schema and what stands there instead."""
    statements: tuple[str, ...] = tables.STATEMENTS
    for text, instead in constraints:
        if not any(text in statement for statement in statements):
            raise VariationError(f"the schema has no {text.strip()!r}")
        statements = tuple(statement.replace(text, instead) for statement in statements)
    patch.replace(tables, "STATEMENTS", statements)


def amend(patch: Patch, module: ModuleType, handler: str, change: Callable[[Reply], Reply]) -> None:
    """Change what one handler replies, after it has done its work."""
    healthy = cast("Callable[[Call], Reply]", patch.original(module, handler))
    patch.replace(module, handler, lambda call: change(healthy(call)))


def with_members(reply: Reply, **members: object) -> Reply:
    """The reply with members added to its body or put in the place of others."""
    return replace(reply, body={**reply.body, **members})


def without(reply: Reply, *names: str) -> Reply:
    """The reply with members left out of its body."""
    return replace(reply, body={name: value for name, value in reply.body.items() if name not in names})


def reroute(
    patch: Patch,
    paths: Iterable[str],
    change: Callable[[Operation], Operation],
    routes: ModuleType = operations,
) -> None:
    """Change the entries of a product's route table with these paths."""
    wanted = set(paths)
    entries: tuple[Operation, ...] = routes.OPERATIONS
    if unknown := wanted - {operation.path for operation in entries}:
        raise VariationError(f"no operation has the path {sorted(unknown)[0]}")
    table = [change(entry) if entry.path in wanted else entry for entry in entries]
    patch.replace(routes, "OPERATIONS", tuple(table))


def know_status(patch: Patch, status: int, its_type: str) -> None:
    """Let the envelope be written for a status that healthy code never answers."""
    patch.replace(refusal, "TYPES", {**refusal.TYPES, status: its_type})


def refusing(status: int, code: str) -> Callable[[str], Refusal]:
    """A maker of refusals to stand in the place of ``invalid``, ``not_found`` or ``conflict``."""

    def refuse(message: str = "refused") -> Refusal:
        return Refusal(status, code, message)

    return refuse


def refusal_with(change: Callable[[int, str], tuple[int, str]]) -> type[Refusal]:
    """A refusal to stand in the place of ``Refusal``, with status and code changed."""

    class Changed(Refusal):
        def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
            super().__init__(*change(status, code), message, headers)

    return Changed


def allow_second_trade(patch: Patch) -> None:
    """Take away all that keeps a consumed quote from another trade, except looking for an earlier one."""
    drop(patch, ONE_TRADE_PER_QUOTE, ONE_QUOTE_PER_KEY, ONE_ENTRY_PER_REASON)
    patch.replace(quotes, "check_active", check_not_over)
    patch.replace(quotes, "consume", consume_again)
    patch.replace(trades, "by_quote", newest_by_quote)


def check_not_over(quote: Quote, now: int) -> None:
    """409 for an expired or rejected quote, but not for a consumed one."""
    current = quotes.state(quote, now)
    if current in {QuoteState.EXPIRED, QuoteState.REJECTED}:
        raise conflict(f"the quote is {current}")


def consume_again(tx: sqlite3.Connection, quote: Quote, now: int) -> bool:
    """Mark the quote as consumed, whether it is already or not."""
    marked = tx.execute(
        "UPDATE quotes SET consumed_at = ? WHERE quote_id = ? AND rejected_at IS NULL", (now, quote.quote_id)
    )
    return marked.rowcount == 1


def newest_by_quote(tx: sqlite3.Connection, owner: str, quote_id: str) -> Trade | None:
    """The last of possibly several trades of a quote."""
    row = tx.execute(
        "SELECT * FROM trades WHERE owner = ? AND quote_id = ? ORDER BY seq DESC LIMIT 1", (owner, quote_id)
    ).fetchone()
    return None if row is None else trades.restore(row)

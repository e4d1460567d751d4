"""What remains when the order of looking and acting is taken away: the constraints in the schema."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from conformance.sandbox import assembly, calls
from conformance.sandbox.calls import Sandbox
from conformance.sandbox.pools import quotes, schema, trades, transact
from conformance.sandbox.pools.quotes import Quote
from conformance.sandbox.pools.terms import Terms
from conformance.sandbox.pools.trades import Trade
from conformance.sandbox.pools.transact import Execution
from conformance.sandbox.variations import Patch, VariationError

THREADS = 4


@pytest.fixture
def patch() -> Iterator[Patch]:
    made = Patch()
    yield made
    made.undo()


def open_sandbox() -> Sandbox:
    return assembly.assemble(assembly.Options(), {}).sandbox


def executions(sandbox: Sandbox, count: int = THREADS) -> list[Execution]:
    """Executions of one firm quote under as many keys."""
    owner = calls.owner_of("approved", "test")
    terms = Terms("EUR-USDT", "on_ramp", "EUR", "USDT", Decimal(10), Decimal(10), "1", 25, 30, "tron", "0x", None)
    now = int(sandbox.clock())
    quote = Quote("pq_test_1", owner, terms, now, now + 15, None, None, 0, "settled")
    with sandbox.store.write() as tx:
        quotes.insert(tx, quote)
    return [Execution(sandbox, "approved", owner, "EUR-USDT", quote.quote_id, f"key-{n}") for n in range(count)]


def open_the_window(patch: Patch) -> None:
    """Let every call decide before any may book: the mistake of checking outside the transaction."""
    barrier = threading.Barrier(THREADS, timeout=20)

    def decide_then_book(execution: Execution) -> tuple[Trade, bool]:
        with execution.sandbox.store.read() as tx:
            quote = transact.admit(tx, execution)
        barrier.wait()
        with execution.sandbox.store.write() as tx:
            return transact.book(tx, execution, quote), True

    patch.replace(transact, "execute_once", decide_then_book)


def run_all(wanted: list[Execution]) -> list[str]:
    """How each execution ended: ``made`` or the name of what stopped it."""

    def run(execution: Execution) -> str:
        try:
            transact.execute_once(execution)
        except Exception as error:
            return type(error).__name__
        return "made"

    with ThreadPoolExecutor(len(wanted)) as pool:
        return list(pool.map(run, wanted))


def count_trades(sandbox: Sandbox) -> int:
    with sandbox.store.read() as tx:
        return int(tx.execute("SELECT COUNT(*) AS n FROM trades").fetchone()["n"])


def test_a_window_between_check_and_write_still_makes_one_trade(patch: Patch) -> None:
    sandbox = open_sandbox()
    open_the_window(patch)

    ends = run_all(executions(sandbox))

    assert sorted(ends) == ["LostRaceError"] * (THREADS - 1) + ["made"]
    assert count_trades(sandbox) == 1


def test_the_trades_table_alone_refuses_a_second_trade_for_a_quote(patch: Patch) -> None:
    sandbox = open_sandbox()
    open_the_window(patch)
    patch.replace(quotes, "consume", lambda tx, quote, now: True)

    ends = run_all(executions(sandbox))

    assert sorted(ends) == ["IntegrityError"] * (THREADS - 1) + ["made"]
    assert count_trades(sandbox) == 1


def test_without_the_constraints_the_same_window_makes_many_trades(patch: Patch) -> None:
    loose = tuple(
        statement.replace("quote_id TEXT NOT NULL UNIQUE", "quote_id TEXT NOT NULL").replace(
            "UNIQUE (owner, reason, ref)", "CHECK (TRUE)"
        )
        for statement in schema.STATEMENTS
    )
    patch.replace(schema, "STATEMENTS", loose)
    sandbox = open_sandbox()
    open_the_window(patch)
    patch.replace(quotes, "consume", lambda tx, quote, now: True)

    run_all(executions(sandbox))

    assert count_trades(sandbox) == THREADS


def test_whoever_meets_a_constraint_is_answered_with_the_winners_trade(patch: Patch) -> None:
    sandbox = open_sandbox()
    first, second = executions(sandbox, count=2)
    won, _ = transact.execute_once(first)
    looked = []

    def blind_at_first(tx: object, owner: str, quote_id: str) -> Trade | None:
        looked.append(quote_id)
        return None if len(looked) == 1 else won

    patch.replace(trades, "by_quote", blind_at_first)
    patch.replace(quotes, "check_active", lambda quote, now: None)

    assert transact.execute_once(second) == (won, False)


def test_a_seam_that_does_not_exist_cannot_be_replaced(patch: Patch) -> None:
    with pytest.raises(VariationError, match="no_such_seam"):
        patch.replace(transact, "no_such_seam", None)


def test_undoing_a_patch_puts_the_original_back(patch: Patch) -> None:
    original = transact.copy_terms
    patch.replace(transact, "copy_terms", None)
    patch.undo()

    assert transact.copy_terms is original

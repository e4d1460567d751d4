"""Mistakes with an execution whose caller has gone before it was answered, and comes back to try again."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from conformance.sandbox import app
from conformance.sandbox.calls import Operation, Sandbox
from conformance.sandbox.faults import races, seams
from conformance.sandbox.pools import transact
from conformance.sandbox.pools.trades import Trade
from conformance.sandbox.pools.transact import Execution
from conformance.sandbox.refusal import Refusal, conflict
from conformance.sandbox.variations import Patch, fault


@fault(
    "hang-up-frees-quote",
    summary="A caller that hangs up counts as a cancelled request: key and quote are given free, the trade stays",
    fact="facts section 6: a retry after a timeout uses the same key and quote, and gives one trade",
    klass="lost response",
    breaks=("POOLS-TRANSACT-ONCE",),
    drags=races.OF_A_SECOND_TRADE,
)
def hang_up_frees_quote(patch: Patch) -> None:
    healthy_once, healthy_earlier = transact.execute_once, transact.find_earlier
    answering: dict[str, Execution] = {}
    freed: set[tuple[str, str]] = set()

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        answering[execution.key] = execution
        return healthy_once(execution)

    def find_earlier(tx: sqlite3.Connection, execution: Execution) -> Trade | None:
        this = (execution.owner, execution.quote_id)
        if this in freed:
            freed.discard(this)
            return None
        return healthy_earlier(tx, execution)

    def answered(key: str, hung_up: bool) -> None:
        execution = answering.pop(key, None)
        if hung_up and execution is not None:
            freed.add((execution.owner, execution.quote_id))

    seams.allow_second_trade(patch)
    patch.replace(transact, "execute_once", execute_once)
    patch.replace(transact, "find_earlier", find_earlier)
    after_execution(patch, answered)


@fault(
    "hang-up-keeps-key-busy",
    summary="The mark of a key in progress is taken off after the answer; for a caller that has hung up it stays",
    fact="facts section 6: same key and same body give the original outcome; a retry uses the same key and quote",
    klass="lost response",
    breaks=("POOLS-TRANSACT-ONCE",),
)
def hang_up_keeps_key_busy(patch: Patch) -> None:
    healthy = transact.execute_once
    busy: set[tuple[str, str]] = set()
    door = threading.Lock()

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        this = (execution.owner, execution.key)
        with door:
            if this in busy:
                raise conflict("a request with this key is in progress")
            busy.add(this)
        try:
            return healthy(execution)
        except Refusal:
            busy.discard(this)
            raise

    def answered(key: str, hung_up: bool) -> None:
        if not hung_up:
            with door:
                busy.difference_update([mark for mark in busy if mark[1] == key])

    patch.replace(transact, "execute_once", execute_once)
    after_execution(patch, answered)


@fault(
    "in-progress-mark-too-short",
    summary="The mark that keeps duplicates off runs out while the first execution is still under way",
    fact="facts section 6: a retry after a timeout uses the same key and quote, and gives one trade",
    klass="lost response",
    breaks=("POOLS-TRANSACT-ONCE", "POOLS-TRANSACT-CONCURRENT-ONCE"),
    # On a slow machine any execution may be repeated for want of an answer, and be made twice.
    drags=(
        "POOLS-TRANSACT-ONCE-PER-QUOTE",
        "POOLS-TRANSACT-KEY-CONFLICT",
        "POOLS-ISOLATION-OBJECTS",
        *races.OF_A_SECOND_TRADE,
    ),
)
def in_progress_mark_too_short(patch: Patch) -> None:
    marked: dict[tuple[str, str], float] = {}

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        this = (execution.owner, execution.quote_id)
        with execution.sandbox.store.write() as tx:
            earlier = transact.find_earlier(tx, execution)
            if earlier is not None:
                return earlier, False
            quote = transact.admit(tx, execution)
            if time.monotonic() - marked.get(this, float("-inf")) < seams.RACE_WINDOW_SECONDS:
                raise conflict("the quote is being executed")
            marked[this] = time.monotonic()
        time.sleep(3 * seams.RACE_WINDOW_SECONDS)
        try:
            with execution.sandbox.store.write() as tx:
                return transact.book(tx, execution, quote), True
        except transact.LostRaceError:
            raise conflict("the quote is not active") from None

    seams.allow_second_trade(patch)
    patch.replace(transact, "execute_once", execute_once)


@fault(
    "hang-up-undoes-reject",
    summary="A caller that hangs up counts as one that changed his mind: his quote is made active again",
    fact="facts sections 4.9 and 5.1: a rejected quote is over and cannot be executed",
    klass="lost response",
    breaks=("POOLS-REJECT-BLOCKS", "POOLS-REJECT-ONCE"),
    drags=("POOLS-REJECT-CONSUMED",),
)
def hang_up_undoes_reject(patch: Patch) -> None:
    healthy = app.operation_endpoint

    def operation_endpoint(sandbox: Sandbox, by_method: dict[str, Operation]) -> app.Endpoint:
        inner = healthy(sandbox, by_method)

        async def endpoint(request: Request) -> Response:
            response = await inner(request)
            if request.url.path.endswith("/reject") and response.status_code == 200:
                await asyncio.sleep(seams.RACE_WINDOW_SECONDS)
                if await request.is_disconnected():
                    with sandbox.store.write() as tx:
                        quote_id = request.path_params["quoteId"]
                        tx.execute("UPDATE quotes SET rejected_at = NULL WHERE quote_id = ?", (quote_id,))
            return response

        return endpoint

    patch.replace(app, "operation_endpoint", operation_endpoint)


def after_execution(patch: Patch, answered: Callable[[str, bool], None]) -> None:
    """Tell ``answered`` the key of each transact that was carried out, and whether its caller has hung up."""
    healthy = app.operation_endpoint

    def operation_endpoint(sandbox: Sandbox, by_method: dict[str, Operation]) -> app.Endpoint:
        inner = healthy(sandbox, by_method)

        async def endpoint(request: Request) -> Response:
            if not request.url.path.endswith("/transact"):
                return await inner(request)
            response = await inner(request)
            await asyncio.sleep(seams.RACE_WINDOW_SECONDS)
            answered(request.headers.get("idempotency-key", ""), await request.is_disconnected())
            return response

        return endpoint

    patch.replace(app, "operation_endpoint", operation_endpoint)

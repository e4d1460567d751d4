"""Variations in what a repeated, reused or remembered execution is answered with."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Final

from conformance.sandbox import clock
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.pools import quotes, transact
from conformance.sandbox.pools.catalogue import Pool
from conformance.sandbox.pools.quotes import Quote
from conformance.sandbox.pools.trades import Trade
from conformance.sandbox.pools.transact import Execution
from conformance.sandbox.refusal import Refusal, conflict, invalid
from conformance.sandbox.storage import Transaction
from conformance.sandbox.variations import Patch, dialect

MISMATCH: Final = "facts section 14: what a quote of another pool than the one in the path answers is stated nowhere"
IN_FLIGHT_SECONDS: Final = 0.1
REMEMBERED_STATUSES: Final = (402, 403, 404, 409, 501)
SHORTEST_LIMIT: Final = 64


@dialect(
    "consumed-409",
    summary="Transact on a consumed quote with a new key answers 409",
    fact="facts C8: one page returns the same trade, others answer 409 for a consumed quote",
)
def consumed_409(patch: Patch) -> None:
    inner = transact.find_earlier

    def find_earlier(tx: Transaction, execution: Execution) -> Trade | None:
        bound = transact.bound_quote(tx, execution)
        trade = inner(tx, execution)
        if trade is not None and bound is None:
            raise conflict("the quote is consumed")
        return trade

    patch.replace(transact, "find_earlier", find_earlier)


@dialect(
    "late-replay-409",
    summary="A replay after the quote's expiry answers 409, whatever the key",
    fact="facts section 6: a key's lifetime is unstated; C8: 409 for a consumed quote",
)
def late_replay_409(patch: Patch) -> None:
    inner = transact.find_earlier

    def find_earlier(tx: Transaction, execution: Execution) -> Trade | None:
        trade = inner(tx, execution)
        if trade is not None:
            quote = quotes.find(tx, execution.owner, execution.quote_id)
            now = clock.account_now(tx, execution.sandbox.clock, execution.account)
            if quotes.is_expired(quote, now):
                raise conflict("the quote is consumed")
        return trade

    patch.replace(transact, "find_earlier", find_earlier)


@dialect(
    "in-flight-409",
    summary="A duplicate that arrives while the first execution is under way answers 409",
    fact="facts section 6: a replay while the first is in flight is unstated; 2.2: 409 for a reservation conflict",
)
def in_flight_409(patch: Patch) -> None:
    inner = transact.execute_once
    under_way: set[tuple[str, str]] = set()
    lock = threading.Lock()

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        this = (execution.owner, execution.quote_id)
        with lock:
            if this in under_way:
                raise conflict("the quote is being reserved")
            under_way.add(this)
        try:
            # What a slower server would need; without it no duplicate would ever meet the first.
            time.sleep(IN_FLIGHT_SECONDS)
            return inner(execution)
        finally:
            with lock:
                under_way.discard(this)

    patch.replace(transact, "execute_once", execute_once)


@dialect(
    "refusals-remembered",
    summary="A key that was refused is refused again in the same way, and bound to the body it came with",
    fact="facts section 6: whether 4xx results are stored is unstated",
)
def refusals_remembered(patch: Patch) -> None:
    inner = transact.execute_once
    remembered: dict[tuple[str, str], tuple[str, Refusal]] = {}

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        this = (execution.owner, execution.key)
        quote_id, refused = remembered.get(this, (execution.quote_id, None))
        if quote_id != execution.quote_id:
            raise conflict("the idempotency key was used with another body")
        if refused is not None:
            raise refused
        try:
            return inner(execution)
        except Refusal as refusal:
            if refusal.status in REMEMBERED_STATUSES:
                remembered[this] = (execution.quote_id, refusal)
            raise

    patch.replace(transact, "execute_once", execute_once)


@dialect(
    "keys-up-to-64",
    summary="An idempotency key of more than 64 characters answers 400",
    fact="facts section 6: the length limit of a key is unstated",
)
def keys_up_to_64(patch: Patch) -> None:
    inner = transact.read_key

    def read_key(headers: Mapping[str, str]) -> str:
        key = inner(headers)
        if len(key) > SHORTEST_LIMIT:
            raise invalid(f"the Idempotency-Key header must not exceed {SHORTEST_LIMIT} characters")
        return key

    patch.replace(transact, "read_key", read_key)


@dialect(
    "quote-before-key",
    summary="A used key with an unknown quote answers 404, since the quote is looked up first",
    fact="facts section 14: the order of checks at transact is stated nowhere; 404 for an unknown quote",
)
def quote_before_key(patch: Patch) -> None:
    inner = transact.find_earlier

    def find_earlier(tx: Transaction, execution: Execution) -> Trade | None:
        quotes.find(tx, execution.owner, execution.quote_id)
        return inner(tx, execution)

    patch.replace(transact, "find_earlier", find_earlier)


def refuse_other_pool(patch: Patch, refusal: Refusal) -> None:
    def check_same_pool(quote: Quote, pool: Pool) -> None:
        if quote.terms.pool_id != pool.id:
            raise refusal

    patch.replace(transact, "check_same_pool", check_same_pool)


@dialect("pool-mismatch-400", summary="Executing a quote in another pool answers 400", fact=MISMATCH)
def pool_mismatch_400(patch: Patch) -> None:
    refuse_other_pool(patch, invalid("the quote belongs to another pool"))


@dialect("pool-mismatch-409", summary="Executing a quote in another pool answers 409", fact=MISMATCH)
def pool_mismatch_409(patch: Patch) -> None:
    refuse_other_pool(patch, conflict("the quote belongs to another pool"))


@dialect(
    "quote-key-honoured",
    summary="An Idempotency-Key on a quote request is honoured: the same key and body give the same quote",
    fact="facts C18: a generic table lists a key for locking a quote, the same page says none is needed",
)
def quote_key_honoured(patch: Patch) -> None:
    inner = quotes.create
    given: dict[tuple[str, str, str, bytes], Reply] = {}

    def create(call: Call) -> Reply:
        key = call.headers.get("idempotency-key")
        if key is None:
            return inner(call)
        this = (call.owner, call.path["id"], key, call.body)
        if this not in given:
            given[this] = inner(call)
        return given[this]

    patch.replace(quotes, "create", create)

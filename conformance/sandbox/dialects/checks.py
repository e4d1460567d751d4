"""Variations in when money and notional are checked, what counts, and what a rate limit says."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from conformance.sandbox import clock, money
from conformance.sandbox.pools import access, gates, quotes, terms, transact
from conformance.sandbox.pools.access import Access
from conformance.sandbox.pools.quotes import Quote
from conformance.sandbox.pools.transact import Execution
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.storage import Transaction
from conformance.sandbox.variations import Patch, dialect

ORDER: Final = "facts section 14: the order of the 402 check against 409 and 429 is stated nowhere"
COUNTS: Final = "facts section 9: which trades count towards the cap, and in which unit, is unstated"


@dialect(
    "funds-before-state",
    summary="Transact asks for money and notional before it looks at the quote's state",
    fact=ORDER,
)
def funds_before_state(patch: Patch) -> None:
    def admit(tx: Transaction, execution: Execution) -> Quote:
        its_access = access.load(tx, execution.account)
        pool = gates.entitle(its_access, execution.pool_id)
        quote = quotes.find(tx, execution.owner, execution.quote_id)
        transact.check_same_pool(quote, pool)
        gates.check_side_executable(its_access, quote.terms.side)
        now = clock.account_now(tx, execution.sandbox.clock, execution.account)
        transact.check_balance(tx, its_access, quote)
        transact.check_velocity(tx, its_access, quote, now)
        quotes.check_active(quote, now)
        return quote

    patch.replace(transact, "admit", admit)


@dialect(
    "funds-at-quote",
    summary="A firm quote the balance does not cover answers 402",
    fact="facts section 14: whether 402 is checked at quote as well as at transact is stated nowhere",
)
def funds_at_quote(patch: Patch) -> None:
    inner = quotes.insert

    def insert(tx: Transaction, quote: Quote) -> None:
        transact.check_balance(tx, access.load(tx, quote.owner.partition(":")[2]), quote)
        inner(tx, quote)

    patch.replace(quotes, "insert", insert)


def count(patch: Patch, statuses: tuple[str, ...]) -> None:
    """Let only trades in these statuses use up the cap."""

    def notional_since(tx: Transaction, owner: str, since: int) -> Decimal:
        rows = tx.execute(
            "SELECT status, fiat_units FROM trades WHERE owner = ? AND created_at > ?", (owner, since)
        ).fetchall()
        return money.from_units(sum(row["fiat_units"] for row in rows if row["status"] in statuses))

    patch.replace(transact, "notional_since", notional_since)


@dialect("cap-counts-settled", summary="Only settled trades use up the notional cap", fact=COUNTS)
def cap_counts_settled(patch: Patch) -> None:
    count(patch, ("settled",))


@dialect("cap-counts-open", summary="Trades whose money went back do not use up the notional cap", fact=COUNTS)
def cap_counts_open(patch: Patch) -> None:
    count(patch, ("reserved", "settled"))


@dialect("cap-in-usdt", summary="The notional cap is counted in USDT", fact=COUNTS)
def cap_in_usdt(patch: Patch) -> None:
    def check_velocity(tx: Transaction, its_access: Access, quote: Quote, now: int) -> None:
        if its_access.cap is None:
            return
        since = now - transact.VELOCITY_WINDOW_SECONDS
        rows = tx.execute(
            "SELECT q.terms FROM trades t JOIN quotes q ON q.quote_id = t.quote_id"
            " WHERE t.owner = ? AND t.created_at > ?",
            (quote.owner, since),
        ).fetchall()
        spent = sum((terms.restore(row["terms"]).crypto_amount for row in rows), Decimal(0))
        if spent + quote.terms.crypto_amount > its_access.cap:
            raise Refusal(429, "velocity_limit_exceeded", "the rolling 24-hour notional cap is reached")

    patch.replace(transact, "check_velocity", check_velocity)


@dialect(
    "cap-retry-after",
    summary="A reached notional cap says Retry-After: 86400",
    fact="facts section 9: Retry-After is possible on 429; section 2.2: the cap must not be retried in a loop",
)
def cap_retry_after(patch: Patch) -> None:
    inner = transact.check_velocity

    def check_velocity(tx: Transaction, its_access: Access, quote: Quote, now: int) -> None:
        try:
            inner(tx, its_access, quote, now)
        except Refusal as refused:
            headers = {"Retry-After": str(transact.VELOCITY_WINDOW_SECONDS)}
            raise Refusal(refused.status, refused.code, refused.message, headers) from None

    patch.replace(transact, "check_velocity", check_velocity)

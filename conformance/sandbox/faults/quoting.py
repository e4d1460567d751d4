"""Mistakes in making a quote: its shapes, its expiry, and what it costs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from conformance.sandbox import clock, money
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import seams
from conformance.sandbox.pools import orders, pricing, quotes, trades
from conformance.sandbox.pools.access import Access
from conformance.sandbox.pools.catalogue import Pool
from conformance.sandbox.pools.orders import FIRM, Order
from conformance.sandbox.pools.quotes import Quote
from conformance.sandbox.pools.terms import Terms
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch, fault

# Without a quote that can be executed these cannot be shown either way, and some name the missing part themselves.
OF_A_QUOTE_WITHOUT_LOCK = ("WIRE-BODY", "POOLS-QUOTE-READ-PURE", "POOLS-QUOTE-DISTINCT")
# Whoever goes by the expiry shown finds the quote alive after it.
OF_A_MISSTATED_EXPIRY = ("POOLS-QUOTE-EXPIRES", "POOLS-REJECT-EXPIRED", "POOLS-QUOTE-PRECEDENCE")


@fault(
    "indicative-with-quote-id",
    summary="Indicative quotes are stored like firm ones and carry their id",
    fact="facts section 4.3: an indicative quote has no quoteId and stores nothing",
    klass="quotes",
    breaks=("POOLS-INDICATIVE-SAFE",),
    drags=("WIRE-BODY",),
)
def indicative_with_quote_id(patch: Patch) -> None:
    healthy = quotes.render_indicative
    patch.replace(
        quotes, "render_indicative", lambda priced: {**healthy(priced), "quoteId": quotes.new_quote_id("test")}
    )


@fault(
    "indicative-executable",
    summary="Indicative quotes say that they are executable",
    fact="facts section 4.3: an indicative quote has executable false",
    klass="quotes",
    breaks=("POOLS-INDICATIVE-SAFE",),
    drags=("WIRE-BODY",),
)
def indicative_executable(patch: Patch) -> None:
    healthy = quotes.render_indicative
    patch.replace(quotes, "render_indicative", lambda priced: {**healthy(priced), "executable": True})


@fault(
    "indicative-ignored",
    summary="The type of a quote request is not looked at: every quote is firm",
    fact="facts section 4.3: type indicative gives a price without a lock",
    klass="quotes",
    breaks=("POOLS-INDICATIVE-SAFE",),
    drags=("POOLS-INDICATIVE-MOVES-NOTHING",),
)
def indicative_ignored(patch: Patch) -> None:
    patch.replace(orders, "read_kind", lambda document: FIRM)


@fault(
    "indicative-makes-trade",
    summary="An indicative quote leaves a reserved trade in the list",
    fact="facts section 4.3: an indicative quote stores nothing",
    klass="quotes",
    breaks=("POOLS-INDICATIVE-MOVES-NOTHING",),
    drags=("POOLS-RECONCILES", "POOLS-LEDGER-ONE-DEBIT"),
)
def indicative_makes_trade(patch: Patch) -> None:
    healthy = quotes.create

    def create(call: Call) -> Reply:
        reply = healthy(call)
        if reply.body.get("type") == "indicative":
            with call.sandbox.store.write() as tx:
                now = clock.account_now(tx, call.sandbox.clock, call.account)
                trades.insert(tx, call.sandbox.mode, call.owner, quotes.new_quote_id("test"), as_terms(reply), now)
        return reply

    patch.replace(quotes, "create", create)


@fault(
    "unavailable-as-503",
    summary="A pool that cannot be quoted is a 503",
    fact="facts section 2.2: it is a 200 with available false, not an error",
    klass="quotes",
    breaks=("POOLS-UNAVAILABLE-FAIL-SOFT",),
    drags=("WIRE-STATUS", "WIRE-BODY", "WIRE-NO-SERVER-ERROR"),
)
def unavailable_as_503(patch: Patch) -> None:
    seams.know_status(patch, 503, "server_error")
    refuse_unavailable(patch, Refusal(503, "pool_unavailable", "the pool cannot be quoted now"))


@fault(
    "unavailable-as-404",
    summary="A pool that cannot be quoted is a 404",
    fact="facts section 2.2: it is a 200 with available false, not an error",
    klass="quotes",
    breaks=("POOLS-UNAVAILABLE-FAIL-SOFT",),
)
def unavailable_as_404(patch: Patch) -> None:
    refuse_unavailable(patch, Refusal(404, "not_found", "the pool cannot be quoted now"))


@fault(
    "unavailable-with-quote-id",
    summary="The fail-soft answer carries a quote id",
    fact="facts section 4.3: no quoteId where available is false",
    klass="quotes",
    breaks=("POOLS-UNAVAILABLE-FAIL-SOFT",),
    drags=("WIRE-BODY",),
)
def unavailable_with_quote_id(patch: Patch) -> None:
    healthy = quotes.render_unavailable
    patch.replace(
        quotes, "render_unavailable", lambda reason: {**healthy(reason), "quoteId": quotes.new_quote_id("test")}
    )


@fault(
    "unavailable-for-unknown-reason",
    summary="The reason is a word of the engine: no_liquidity",
    fact="facts section 0.9: pool_dry, engine_unavailable or rate_unavailable",
    klass="quotes",
    breaks=("POOLS-UNAVAILABLE-FAIL-SOFT",),
    drags=("WIRE-BODY",),
)
def unavailable_for_unknown_reason(patch: Patch) -> None:
    healthy = quotes.render_unavailable
    patch.replace(quotes, "render_unavailable", lambda reason: healthy("no_liquidity"))


@fault(
    "unavailable-quoted-anyway",
    summary="A pool that cannot be quoted gives a firm quote all the same",
    fact="facts section 4.3: available false and no quote id",
    klass="quotes",
    breaks=("POOLS-UNAVAILABLE-FAIL-SOFT",),
)
def unavailable_quoted_anyway(patch: Patch) -> None:
    patch.replace(quotes, "unavailable_reason", lambda its_access, pool, order: None)


@fault(
    "firm-without-quote-id",
    summary="The answer to a firm quote leaves its id out",
    fact="facts section 4.3: a firm quote carries quoteId",
    klass="quotes",
    breaks=("POOLS-FIRM-EXECUTABLE",),
    drags=OF_A_QUOTE_WITHOUT_LOCK,
)
def firm_without_quote_id(patch: Patch) -> None:
    leave_out_of_firm(patch, "quoteId")


@fault(
    "firm-without-expiry",
    summary="The answer to a firm quote leaves its expiry out",
    fact="facts section 4.3: a firm quote carries expiresAt",
    klass="quotes",
    breaks=("POOLS-FIRM-EXECUTABLE",),
    drags=("POOLS-FIRM-NEAR-EXPIRY", "POOLS-QUOTE-EXPIRES", *OF_A_QUOTE_WITHOUT_LOCK),
)
def firm_without_expiry(patch: Patch) -> None:
    leave_out_of_firm(patch, "expiresAt")


@fault(
    "firm-not-executable",
    summary="Firm quotes say executable false",
    fact="facts section 4.3: a firm quote has executable true",
    klass="quotes",
    breaks=("POOLS-FIRM-EXECUTABLE",),
    drags=("WIRE-BODY",),
)
def firm_not_executable(patch: Patch) -> None:
    healthy = quotes.render_firm
    patch.replace(quotes, "render_firm", lambda quote: {**healthy(quote), "executable": False})


@fault(
    "quote-shared-by-identical-orders",
    summary="Two identical orders within two seconds get the same quote, as a guard against double clicks",
    fact="facts section 4.3: each call makes a new quote; section 0.8: a quote is single use",
    klass="quotes",
    breaks=("POOLS-QUOTE-DISTINCT",),
    drags=(
        "POOLS-TRANSACT-KEY-CONFLICT",
        "POOLS-RECONCILES",
        "POOLS-TRADES-PAGES",
        "POOLS-QUOTE-EXPIRES",
        "POOLS-REJECT-EXPIRED",
        "POOLS-QUOTE-PRECEDENCE",
        "POOLS-QUOTE-READ-PURE",
        "POOLS-QUOTE-MOVES-NOTHING",
        "POOLS-REJECT-ONCE",
        "POOLS-REJECT-BLOCKS",
        "POOLS-REJECT-CONSUMED",
        "POOLS-TRANSACT-RESERVES",
        "POOLS-TRANSACT-KEY-REQUIRED",
    ),
)
def quote_shared_by_identical_orders(patch: Patch) -> None:
    issue, close, insert = quotes.issue, quotes.close, quotes.insert
    last: dict[tuple[str, Terms], Quote] = {}

    def issue_or_share(call: Call, locked: Terms, now: int) -> Quote:
        made = last.get((call.owner, locked))
        if made is None or now - made.created_at > 2:
            made = last[call.owner, locked] = issue(call, locked, now)
        return made

    def insert_once(tx: sqlite3.Connection, quote: Quote) -> None:
        if tx.execute("SELECT 1 FROM quotes WHERE quote_id = ?", (quote.quote_id,)).fetchone() is None:
            insert(tx, quote)

    def close_and_forget(tx: sqlite3.Connection, how: str, quote_id: str, now: int) -> bool:
        for key in [key for key, quote in last.items() if quote.quote_id == quote_id]:
            del last[key]
        return close(tx, how, quote_id, now)

    patch.replace(quotes, "issue", issue_or_share)
    patch.replace(quotes, "insert", insert_once)
    patch.replace(quotes, "close", close_and_forget)


@fault(
    "expiry-fifteen-minutes",
    summary="A firm quote lives for 15 minutes: the unit was mistaken",
    fact="facts section 4.3: about 15 seconds",
    klass="quotes",
    breaks=("POOLS-FIRM-NEAR-EXPIRY",),
)
def expiry_fifteen_minutes(patch: Patch) -> None:
    patch.replace(quotes, "TTL_SECONDS", 15 * 60)


@fault(
    "expiry-already-past",
    summary="expiresAt repeats the moment of creation",
    fact="facts section 4.3: about 15 seconds later",
    klass="quotes",
    breaks=("POOLS-FIRM-NEAR-EXPIRY",),
    drags=OF_A_MISSTATED_EXPIRY,
)
def expiry_already_past(patch: Patch) -> None:
    healthy = quotes.render_lock
    patch.replace(quotes, "render_lock", lambda quote: {**healthy(quote), "expiresAt": clock.iso(quote.created_at)})


@fault(
    "expiry-in-local-time",
    summary="expiresAt is the local time of a zone four hours behind, marked as UTC",
    fact="facts section 3: timestamps are ISO 8601 in UTC",
    klass="quotes",
    breaks=("POOLS-FIRM-NEAR-EXPIRY",),
    drags=OF_A_MISSTATED_EXPIRY,
)
def expiry_in_local_time(patch: Patch) -> None:
    def shifted(expires_at: str) -> str:
        moment = datetime.fromisoformat(expires_at) - timedelta(hours=4)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    write_expiry(patch, shifted)


@fault(
    "expiry-without-zone",
    summary="expiresAt has no zone",
    fact="facts section 3: ISO 8601 in UTC, with a Z",
    klass="quotes",
    breaks=("WIRE-BODY",),
    drags=(
        "POOLS-FIRM-NEAR-EXPIRY",
        "POOLS-FIRM-EXECUTABLE",
        *OF_A_MISSTATED_EXPIRY,
    ),
)
def expiry_without_zone(patch: Patch) -> None:
    write_expiry(patch, lambda expires_at: expires_at.removesuffix("Z"))


@fault(
    "fee-differs-from-capabilities",
    summary="Quotes carry the fee of another tier than the capabilities",
    fact="facts section 10, invariant 9: feeBps equals drawFeeBps",
    klass="terms",
    breaks=("POOLS-FIRM-TERMS",),
)
def fee_differs_from_capabilities(patch: Patch) -> None:
    patch.replace(quotes, "pricing", seams.module_with(pricing, fee_bps=lambda: 45))


@fault(
    "spread-above-cap",
    summary="The spread quoted is above the published cap",
    fact="facts section 10, invariant 9: spreadBps is at most spreadCapBps",
    klass="terms",
    breaks=("POOLS-FIRM-TERMS",),
)
def spread_above_cap(patch: Patch) -> None:
    patch.replace(pricing, "spread_bps", lambda: 65)


@fault(
    "total-without-fee",
    summary="totalBps repeats the spread",
    fact="facts section 10, invariant 9: totalBps, if present, is spread plus fee",
    klass="terms",
    breaks=("POOLS-FIRM-TERMS",),
)
def total_without_fee(patch: Patch) -> None:
    healthy = quotes.render_lock
    patch.replace(quotes, "render_lock", lambda quote: {**healthy(quote), "totalBps": quote.terms.spread_bps})


@fault(
    "rate-not-applied",
    summary="The crypto amount of a quote is its fiat amount",
    fact="facts section 10, invariant 10: output is amount times rate",
    klass="terms",
    breaks=("POOLS-FIRM-OUTPUT",),
)
def rate_not_applied(patch: Patch) -> None:
    patch.replace(quotes, "pricing", seams.module_with(pricing, output=lambda pool, side, amount: amount))


@fault(
    "fee-taken-from-output",
    summary="The fee is deducted from the output a second time, after the rate that holds it already",
    fact="facts sections 10.10 and C14: the rate is all-in, output is amount times rate",
    klass="terms",
    breaks=("POOLS-FIRM-OUTPUT",),
)
def fee_taken_from_output(patch: Patch) -> None:
    healthy = pricing.output

    def output(pool: Pool, side: str, amount: Decimal) -> Decimal:
        return money.floor(healthy(pool, side, amount) * Decimal("0.9970"), pricing.OUTPUT_DIGITS)

    patch.replace(quotes, "pricing", seams.module_with(pricing, output=output))


def refuse_unavailable(patch: Patch, refusal: Refusal) -> None:
    """Refuse a quote request where its pool cannot be quoted."""
    healthy = quotes.unavailable_reason

    def unavailable_reason(its_access: Access, pool: Pool, order: Order) -> str | None:
        if healthy(its_access, pool, order) is not None:
            raise refusal
        return None

    patch.replace(quotes, "unavailable_reason", unavailable_reason)


def leave_out_of_firm(patch: Patch, name: str) -> None:
    """Leave one member out of the answer to a firm quote."""
    healthy = quotes.render_firm

    def render_firm(quote: Quote) -> dict[str, object]:
        return {member: value for member, value in healthy(quote).items() if member != name}

    patch.replace(quotes, "render_firm", render_firm)


def write_expiry(patch: Patch, write: Callable[[str], object]) -> None:
    """Write expiresAt in another way wherever a firm quote is shown."""
    healthy = quotes.render_lock

    def render_lock(quote: Quote) -> dict[str, object]:
        return {**healthy(quote), "expiresAt": write(clock.iso(quote.expires_at))}

    patch.replace(quotes, "render_lock", render_lock)


def as_terms(reply: Reply) -> Terms:
    """The terms that an indicative answer shows."""
    body = {name: str(value) for name, value in reply.body.items()}
    return Terms(
        pool_id=body["poolId"],
        side=body["side"],
        fiat_currency=body["fiatCurrency"],
        crypto_currency=body["cryptoCurrency"],
        fiat_amount=Decimal(body["fiatAmount"]),
        crypto_amount=Decimal(body["cryptoAmount"]),
        rate=body["rate"],
        spread_bps=int(body["spreadBps"]),
        fee_bps=int(body["feeBps"]),
        crypto_network=body["cryptoNetwork"],
        dest_address=None,
        dest_network=None,
    )

"""Variations in which members an answer has beyond, or short of, those that a source states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from conformance.sandbox import refusal
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.dialects.rewriting import each_object
from conformance.sandbox.pools import discovery, ledger, quotes, trades
from conformance.sandbox.variations import Patch, dialect

TRADE: Final = "facts section 14: the complete field list and the nullability of a trade are unread"
QUOTE: Final = "facts section 14: amount names, echoes, createdAt and the other shapes of a quote are unread"
CAPABILITIES: Final = "facts section 14: names and nullability of minimum, maximum and deposit address are unread"
ENTRY: Final = "facts section 4.12: the fields of an entry after ref are unread"

AMOUNTS: Final = ("fiatAmount", "cryptoAmount")
TIMES: Final = ("createdAt", "settledAt")
DEAL: Final = ("poolId", "side", "fiatCurrency", "cryptoCurrency", *AMOUNTS, "cryptoNetwork", "createdAt", "totalBps")
PRICE: Final = ("rate", "spreadBps", "feeBps")
CAPABILITY_GUESSES: Final = ("minOrderUsdt", "maxOrderUsdt", "depositAddress")
OTHER_NAMES: Final = {
    "poolId": "pool",
    "fiatAmount": "amountFiat",
    "cryptoAmount": "amountCrypto",
    "createdAt": "created",
    "settledAt": "completed",
}

Body = dict[str, object]
Change = Callable[[Body], Body]


def without(*names: str) -> Change:
    return lambda body: {name: value for name, value in body.items() if name not in names}


def nulled(*names: str) -> Change:
    return lambda body: {name: None if name in names else value for name, value in body.items()}


def renamed(names: Mapping[str, str]) -> Change:
    return lambda body: {names.get(name, name): value for name, value in body.items()}


def each_trade(patch: Patch, change: Change) -> None:
    """Pass a trade, wherever it is shown, through ``change``."""
    inner = trades.render
    patch.replace(trades, "render", lambda trade: change(inner(trade)))


def each_stored_quote(patch: Patch, change: Change) -> None:
    """Pass a quote that is read back or rejected through ``change``."""
    inner = quotes.render_stored
    patch.replace(quotes, "render_stored", lambda quote, current: change(inner(quote, current)))


def each_new_quote(patch: Patch, change: Change) -> None:
    """Pass the firm or indicative answer to a quote request through ``change``."""
    firm, indicative = quotes.render_firm, quotes.render_indicative
    patch.replace(quotes, "render_firm", lambda quote: change(firm(quote)))
    patch.replace(quotes, "render_indicative", lambda priced: change(indicative(priced)))


def each_deal(patch: Patch, change: Change) -> None:
    each_trade(patch, change)
    each_stored_quote(patch, change)
    each_new_quote(patch, change)


def each_capabilities(patch: Patch, change: Change) -> None:
    inner = discovery.render_capabilities
    patch.replace(discovery, "render_capabilities", lambda *given: change(inner(*given)))


def each_entry(patch: Patch, change: Change) -> None:
    inner = ledger.render_entry
    patch.replace(ledger, "render_entry", lambda row: change(inner(row)))


@dialect(
    "members-more",
    summary="Every object, errors included, has members no page mentions",
    fact="facts section 14: complete field lists are unread; additional properties are allowed",
)
def members_more(patch: Patch) -> None:
    def more(body: Body) -> Body:
        return {**body, "revision": 7, "labels": ["a", "b"], "metadata": {"note": None}}

    each_object(patch, more)
    inner = refusal.envelope
    patch.replace(refusal, "envelope", lambda refused, request_id: more(inner(refused, request_id)))


@dialect("trade-without-terms", summary="A trade repeats none of the terms that are only guessed", fact=TRADE)
def trade_without_terms(patch: Patch) -> None:
    each_trade(patch, without(*DEAL, *PRICE, *TIMES))


@dialect("trade-without-times", summary="A trade carries neither createdAt nor settledAt", fact=TRADE)
def trade_without_times(patch: Patch) -> None:
    each_trade(patch, without(*TIMES))


@dialect("trade-nulls", summary="The guessed members of a trade are there and null", fact=TRADE)
def trade_nulls(patch: Patch) -> None:
    each_trade(patch, nulled(*without_pool(DEAL), *PRICE, *TIMES))


def without_pool(names: tuple[str, ...]) -> tuple[str, ...]:
    """The contract knows no null for the pool and the currencies."""
    return tuple(name for name in names if name not in {"poolId", "fiatCurrency", "cryptoCurrency", "cryptoNetwork"})


@dialect(
    "quote-without-echo", summary="A new quote has price, id and expiry, and echoes nothing of the request", fact=QUOTE
)
def quote_without_echo(patch: Patch) -> None:
    each_new_quote(patch, without(*DEAL, "destAddress", "destNetwork"))


@dialect("quote-without-amounts", summary="No quote and no trade shows amounts", fact=f"{QUOTE}; {TRADE}")
def quote_without_amounts(patch: Patch) -> None:
    each_deal(patch, without(*AMOUNTS))


@dialect(
    "stored-quote-brief",
    summary="A quote read back shows id, status and expiry only",
    fact="facts section 4.8: the terms in a quote read back are inferred",
)
def stored_quote_brief(patch: Patch) -> None:
    each_stored_quote(patch, without(*DEAL, *PRICE, "type", "destAddress", "destNetwork"))


@dialect("other-names", summary="Guessed members go by other names: pool, amounts and times", fact=f"{QUOTE}; {TRADE}")
def other_names(patch: Patch) -> None:
    each_deal(patch, renamed(OTHER_NAMES))
    each_entry(patch, renamed(OTHER_NAMES))


@dialect("total-bps-null", summary="totalBps is null in every quote", fact="facts section 4.3: totalBps is optional")
def total_bps_null(patch: Patch) -> None:
    each_new_quote(patch, nulled("totalBps"))
    each_stored_quote(patch, nulled("totalBps"))


@dialect(
    "quote-with-status",
    summary="A new firm quote also names its status, and its bounds",
    fact=f"{QUOTE}; pricing page lists minOrderUsdt and maxOrderUsdt among the economics",
)
def quote_with_status(patch: Patch) -> None:
    inner = quotes.render_firm
    bounds = {"minOrderUsdt": "5.00", "maxOrderUsdt": None}
    patch.replace(quotes, "render_firm", lambda quote: {**inner(quote), "status": "active", **bounds})


@dialect(
    "indicative-nulls",
    summary="An indicative quote has quoteId and expiresAt, both null",
    fact="facts section 4.3: an indicative quote has no quoteId; a null names none",
)
def indicative_nulls(patch: Patch) -> None:
    inner = quotes.render_indicative
    patch.replace(quotes, "render_indicative", lambda priced: {**inner(priced), "quoteId": None, "expiresAt": None})


@dialect(
    "indicative-bare",
    summary="An indicative quote has a rate, the two flags and nothing else",
    fact="facts section 4.3: available, executable and no quoteId must hold; the other members are unread",
)
def indicative_bare(patch: Patch) -> None:
    inner = quotes.render_indicative
    bare = without(*DEAL, "type", "spreadBps", "feeBps", "destAddress", "destNetwork")
    patch.replace(quotes, "render_indicative", lambda priced: bare(inner(priced)))


@dialect(
    "unavailable-without-executable",
    summary="An unavailable answer has no member executable",
    fact="facts section 4.3: executable on the fail-soft shape is not stated",
)
def unavailable_without_executable(patch: Patch) -> None:
    inner = quotes.render_unavailable
    patch.replace(quotes, "render_unavailable", lambda reason: without("executable")(inner(reason)))


@dialect(
    "unavailable-nulls",
    summary="An unavailable answer has the members of a quote as nulls",
    fact="facts section 4.3: an unavailable answer has no quoteId; a null names none",
)
def unavailable_nulls(patch: Patch) -> None:
    inner = quotes.render_unavailable
    nulls = dict.fromkeys(("quoteId", "rate", "spreadBps", "feeBps", "expiresAt", "type"))
    patch.replace(quotes, "render_unavailable", lambda reason: {**inner(reason), **nulls})


@dialect(
    "capabilities-other-names", summary="Capabilities hold the order bounds in a member of their own", fact=CAPABILITIES
)
def capabilities_other_names(patch: Patch) -> None:
    def nested(body: Body) -> Body:
        limits = {"min": body["minOrderUsdt"], "max": body["maxOrderUsdt"]}
        return {**without(*CAPABILITY_GUESSES)(body), "limits": limits}

    each_capabilities(patch, nested)


@dialect(
    "maximum-absent",
    summary="A maximum that is not configured is absent instead of null",
    fact="facts section 4.2: the maximum is present or non-null only if configured",
)
def maximum_absent(patch: Patch) -> None:
    each_capabilities(
        patch, lambda body: without(*(n for n in ("maxOrderUsdt", "depositAddress") if body[n] is None))(body)
    )


@dialect("entry-without-time", summary="A ledger entry has no createdAt", fact=ENTRY)
def entry_without_time(patch: Patch) -> None:
    each_entry(patch, without("createdAt"))


@dialect(
    "balance-with-echo",
    summary="The balance also names pool and currency",
    fact="facts section 4.10: poolId and currency are not seen, but plausible",
)
def balance_with_echo(patch: Patch) -> None:
    inner = discovery.read_balance

    def read_balance(call: Call) -> Reply:
        plain = inner(call)
        return replace(plain, body={**plain.body, "poolId": call.path["id"], "currency": ledger.CURRENCY})

    patch.replace(discovery, "read_balance", read_balance)

"""Mistakes with making 0Gate's quotes: previews that bind, locks on other terms, and what an order may say."""

from __future__ import annotations

import re
from collections.abc import Mapping

from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import gate_seams, seams
from conformance.sandbox.gate import members, quotes
from conformance.sandbox.gate.quotes import Order, Quote
from conformance.sandbox.variations import Patch, fault

MONEY = ("fiat_amount", "crypto_amount", "exchange_rate")
# What an order looks like where it is locked as where it is only previewed.
OF_BOTH_ORDERS = ("GATE-PREVIEW-VALIDATION", "GATE-QUOTE-VALIDATION")
# What shows that a quote is written otherwise.
OF_WRONG_TERMS = ("GATE-QUOTE-READ", "GATE-RAIL-PAY-IN", "GATE-RAIL-PAY-OUT")


@fault(
    "gate-preview-locks",
    summary="A preview locks each of its options and gives the ids of the locks",
    fact="gate facts section 4.C: a preview locks nothing and must not be redeemed",
    klass="quotes",
    breaks=("GATE-PREVIEW",),
    drags=("WIRE-BODY",),
)
def gate_preview_locks(patch: Patch) -> None:
    healthy = quotes.preview

    def preview(call: Call) -> Reply:
        def locked(option: Mapping[str, object]) -> Mapping[str, object]:
            with call.sandbox.store.write() as tx:
                quote = quotes.issue(tx, call, option)
            return {**option, "id": quote.quote_id}

        return gate_seams.each_item(healthy(call), locked)

    patch.replace(quotes, "preview", preview)


@fault(
    "gate-preview-is-a-signed-quote",
    summary="A preview answers a signed quote that can be redeemed",
    fact="gate facts section 4.C: a preview is indicative; it locks nothing and must not be redeemed",
    klass="quotes",
    breaks=("GATE-PREVIEW",),
    drags=("WIRE-BODY",),
)
def gate_preview_is_a_signed_quote(patch: Patch) -> None:
    healthy = quotes.preview

    def preview(call: Call) -> Reply:
        def signed(option: Mapping[str, object]) -> Mapping[str, object]:
            with call.sandbox.store.write() as tx:
                return quotes.render(quotes.issue(tx, call, option), quotes.ACTIVE)

        return gate_seams.each_item(healthy(call), signed)

    patch.replace(quotes, "preview", preview)


@fault(
    "gate-preview-without-prices",
    summary="A preview names methods and no prices",
    fact="gate facts section 4.C: a preview gives indicative prices across the applicable methods",
    klass="quotes",
    breaks=("GATE-PREVIEW",),
    drags=("WIRE-BODY",),
)
def gate_preview_without_prices(patch: Patch) -> None:
    def bare(reply: Reply) -> Reply:
        return gate_seams.each_item(reply, lambda row: {"payment_method": row["payment_method"]})

    seams.amend(patch, quotes, "preview", bare)


@fault(
    "gate-preview-as-numbers",
    summary="The prices of a preview are JSON numbers",
    fact="gate facts section 3: amounts are decimal strings, never JSON numbers",
    klass="money",
    breaks=("WIRE-MONEY",),
    drags=("WIRE-BODY", "GATE-PREVIEW"),
)
def gate_preview_as_numbers(patch: Patch) -> None:
    def numbers(reply: Reply) -> Reply:
        return gate_seams.each_item(reply, lambda row: gate_seams.floats(row, *MONEY))

    seams.amend(patch, quotes, "preview", numbers)


@fault(
    "gate-quote-as-numbers",
    summary="The amounts of a signed quote are JSON numbers",
    fact="gate facts section 3: amounts are decimal strings, never JSON numbers",
    klass="money",
    breaks=("WIRE-MONEY",),
    drags=("WIRE-BODY", "GATE-QUOTE-LOCK", *OF_WRONG_TERMS, "GATE-WEBHOOK-PAYLOAD"),
)
def gate_quote_as_numbers(patch: Patch) -> None:
    healthy = quotes.render

    def render(quote: Quote, current: str) -> dict[str, object]:
        return gate_seams.floats(healthy(quote, current), *MONEY)

    patch.replace(quotes, "render", render)


@fault(
    "gate-amount-of-nine-decimals",
    summary="An amount of more than eight decimals is taken and cut",
    fact="gate facts section 4.C and 4.I: at most 8 decimals",
    klass="validation",
    breaks=OF_BOTH_ORDERS,
    drags=("GATE-SESSION-VALIDATION",),
)
def gate_amount_of_nine_decimals(patch: Patch) -> None:
    take_amounts(patch, r"(?=[0-9.]*[1-9])[0-9]+(\.[0-9]{1,18})?")


@fault(
    "gate-amount-of-zero-quoted",
    summary="An amount of zero is quoted",
    fact="gate facts section 4.C and 4.I: a positive decimal string",
    klass="validation",
    breaks=OF_BOTH_ORDERS,
)
def gate_amount_of_zero_quoted(patch: Patch) -> None:
    take_amounts(patch, r"[0-9]+(\.[0-9]{1,8})?")


@fault(
    "gate-negative-amount-quoted",
    summary="A negative amount is quoted",
    fact="gate facts section 4.C and 4.I: a positive decimal string",
    klass="validation",
    breaks=OF_BOTH_ORDERS,
    drags=("WIRE-BODY",),
)
def gate_negative_amount_quoted(patch: Patch) -> None:
    take_amounts(patch, r"-[0-9]+(\.[0-9]{1,8})?|(?=[0-9.]*[1-9])[0-9]+(\.[0-9]{1,8})?")


@fault(
    "gate-number-as-amount-quoted",
    summary="A JSON number is taken for an amount",
    fact="gate facts section 3: amounts are decimal strings, never JSON numbers",
    klass="validation",
    breaks=OF_BOTH_ORDERS,
)
def gate_number_as_amount_quoted(patch: Patch) -> None:
    def amount(document: Mapping[str, object]) -> str:
        value = document.get("amount")
        return members.amount({"amount": f"{value}" if isinstance(value, (int, float)) else value})

    patch.replace(quotes, "members", seams.module_with(members, amount=amount))


@fault(
    "gate-order-side-made-up",
    summary="An order without a side is taken for one that buys",
    fact="gate facts section 4.C and 4.I: side is required",
    klass="validation",
    breaks=OF_BOTH_ORDERS,
)
def gate_order_side_made_up(patch: Patch) -> None:
    complete_orders(patch, {"side": "on_ramp"})


@fault(
    "gate-lock-method-made-up",
    summary="A lock without a method takes the first that applies",
    fact="gate facts section 4.I: payment_method is required",
    klass="validation",
    breaks=("GATE-QUOTE-VALIDATION",),
)
def gate_lock_method_made_up(patch: Patch) -> None:
    complete_orders(patch, {"payment_method": "bank_transfer"})


@fault(
    "gate-lock-of-other-side",
    summary="Locks to sell are kept as locks to buy",
    fact="gate facts section 4.I: side, currency, asset and method are as locked",
    klass="quotes",
    breaks=("GATE-QUOTE-LOCK",),
    drags=("GATE-RAIL-PAY-OUT", "GATE-WEBHOOK-RAIL-EVENTS"),
)
def gate_lock_of_other_side(patch: Patch) -> None:
    healthy = quotes.price

    def price(order: Order, method: str) -> dict[str, object]:
        return {**healthy(order, method), "side": members.ON_RAMP}

    patch.replace(quotes, "price", price)


@fault(
    "gate-lock-of-other-asset",
    summary="Whatever asset is asked for, USDT is locked",
    fact="gate facts section 4.I: side, currency, asset and method are as locked",
    klass="quotes",
    breaks=("GATE-QUOTE-LOCK",),
    drags=("GATE-PREVIEW",),
)
def gate_lock_of_other_asset(patch: Patch) -> None:
    healthy = quotes.price
    patch.replace(quotes, "price", lambda order, method: {**healthy(order, method), "asset": "USDT"})


@fault(
    "gate-lock-unsigned",
    summary="A locked quote has no signature",
    fact="gate facts section 4.I: a locked quote is HMAC-signed and shows its signature",
    klass="quotes",
    breaks=("GATE-QUOTE-LOCK",),
    drags=("WIRE-BODY",),
)
def gate_lock_unsigned(patch: Patch) -> None:
    seams.amend(patch, quotes, "lock", lambda reply: seams.without(reply, "signature"))


@fault(
    "gate-lock-expired-at-birth",
    summary="A quote lapses the moment it is locked",
    fact="gate facts section 4.I: held for a short configured time, redeemable once",
    klass="quotes",
    breaks=("GATE-QUOTE-LOCK",),
    drags=(
        "GATE-QUOTE-READ",
        "GATE-QUOTE-EXPIRES",
        "GATE-QUOTE-REDEEMED-ONCE",
        "GATE-QUOTE-CONCURRENT-ONCE",
        "GATE-RAIL-PAY-IN",
        "GATE-RAIL-PAY-OUT",
        "GATE-RAIL-IDEMPOTENT",
        "GATE-RAIL-KEY-OTHER-BODY",
        "GATE-RAIL-CONCURRENT-ONCE",
        "GATE-RAIL-LOST-ANSWER",
        "GATE-RAIL-REFUSES-DETAILS",
        "GATE-RAIL-REFUSES-ENDED-SESSION",
        "GATE-RAIL-REFUSES-UNVERIFIED",
        "GATE-RAIL-SETTLES",
        "GATE-RAIL-FAILS",
        "GATE-ISOLATION-OBJECTS",
        "GATE-ISOLATION-REDEEM",
        "GATE-DENY-RAILS-LATER",
        "GATE-TX-JOINS",
        "GATE-WEBHOOK-RAIL-EVENTS",
    ),
)
def gate_lock_expired_at_birth(patch: Patch) -> None:
    patch.replace(quotes, "TTL_SECONDS", 0)


def take_amounts(patch: Patch, pattern: str) -> None:
    """Take every text of this form for an amount."""
    form = re.compile(pattern, re.ASCII)

    def amount(document: Mapping[str, object]) -> str:
        return members.matching(members.words(document, "amount", 1, 40), "amount", form)

    patch.replace(quotes, "members", seams.module_with(members, amount=amount))


def complete_orders(patch: Patch, made_up: Mapping[str, object]) -> None:
    """Make up what a body leaves out."""
    filled = seams.module_with(members, body_of=lambda call: {**made_up, **members.body_of(call)})
    patch.replace(quotes, "members", filled)

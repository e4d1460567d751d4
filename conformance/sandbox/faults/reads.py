"""Mistakes in the balance read, in funding, and in what is said of objects nobody knows."""

from __future__ import annotations

import sqlite3

from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import seams
from conformance.sandbox.pools import access, catalogue, discovery, quotes, settlement, trades, transact
from conformance.sandbox.pools.quotes import Quote
from conformance.sandbox.refusal import Refusal, conflict, invalid, not_found
from conformance.sandbox.variations import Patch, fault


@fault(
    "balance-without-tier",
    summary="The balance read leaves the tier out",
    fact="facts section 4.10: available, balance, tier and allowedPools",
    klass="balance read",
    breaks=("POOLS-BALANCE-CONTEXT",),
    drags=("WIRE-BODY",),
)
def balance_without_tier(patch: Patch) -> None:
    seams.amend(patch, discovery, "read_balance", lambda reply: seams.without(reply, "tier"))


@fault(
    "balance-available-is-the-amount",
    summary="available holds the balance instead of true or false, as it does in the ledger",
    fact="facts sections 4.10 and 4.12: a boolean here, a decimal string there",
    klass="balance read",
    breaks=("POOLS-BALANCE-CONTEXT", "WIRE-BODY"),
)
def balance_available_is_the_amount(patch: Patch) -> None:
    def as_amount(reply: Reply) -> Reply:
        return seams.with_members(reply, available=reply.body["balance"] or "0.00")

    seams.amend(patch, discovery, "read_balance", as_amount)


@fault(
    "balance-names-other-pools",
    summary="allowedPools leaves out the pool that was asked for",
    fact="facts section 4.10: allowedPools are the ids the account may use",
    klass="balance read",
    breaks=("POOLS-BALANCE-CONTEXT",),
)
def balance_names_other_pools(patch: Patch) -> None:
    healthy = discovery.read_balance

    def read_balance(call: Call) -> Reply:
        reply = healthy(call)
        with call.sandbox.store.read() as tx:
            allowed = access.load(tx, call.account).allowed_pools
        return seams.with_members(reply, allowedPools=[pool for pool in allowed if pool != call.path["id"]])

    patch.replace(discovery, "read_balance", read_balance)


@fault(
    "funding-currency-ignored",
    summary="A request for USD is answered with the EUR instructions",
    fact="facts section 4.11: any other currency than EUR is a 400",
    klass="funding",
    breaks=("POOLS-FUNDING",),
)
def funding_currency_ignored(patch: Patch) -> None:
    patch.replace(discovery, "check_funding_currency", lambda query: None)


@fault(
    "funding-currency-required",
    summary="Without a currency in the query funding is a 400",
    fact="facts section 4.11: currency is optional and EUR by default",
    klass="funding",
    breaks=("POOLS-FUNDING",),
    drags=("POOLS-FUNDING-UNPROVISIONED",),
)
def funding_currency_required(patch: Patch) -> None:
    healthy = discovery.read_funding

    def read_funding(call: Call) -> Reply:
        if "currency" not in call.query:
            raise invalid("currency is required")
        return healthy(call)

    patch.replace(discovery, "read_funding", read_funding)


@fault(
    "funding-without-reference",
    summary="Funding instructions have no reference to put on the transfer",
    fact="facts section 4.11: the reference must go with the transfer",
    klass="funding",
    breaks=("POOLS-FUNDING", "WIRE-BODY"),
    drags=("POOLS-FUNDING-UNPROVISIONED",),
)
def funding_without_reference(patch: Patch) -> None:
    seams.amend(patch, discovery, "read_funding", lambda reply: seams.without(reply, "reference"))


@fault(
    "funding-unprovisioned-as-404",
    summary="Before an IBAN is provisioned funding is a 404",
    fact="facts section 4.11: a 200 with iban null",
    klass="funding",
    breaks=("POOLS-FUNDING-UNPROVISIONED",),
    drags=("WIRE-STATUS", "WIRE-BODY"),
)
def funding_unprovisioned_as_404(patch: Patch) -> None:
    def refuse(reply: Reply) -> Reply:
        if reply.body["iban"] is None:
            raise not_found("no funding instructions yet")
        return reply

    seams.amend(patch, discovery, "read_funding", refuse)


@fault(
    "funding-unprovisioned-empty",
    summary="Before an IBAN is provisioned it is an empty string",
    fact="facts section 4.11: iban is null until provisioned",
    klass="funding",
    breaks=("POOLS-FUNDING-UNPROVISIONED",),
    drags=("WIRE-BODY",),
)
def funding_unprovisioned_empty(patch: Patch) -> None:
    seams.amend(
        patch, discovery, "read_funding", lambda reply: seams.with_members(reply, iban=reply.body["iban"] or "")
    )


@fault(
    "unknown-pool-as-400",
    summary="A pool nobody knows is a 400",
    fact="facts section 2.2: an unknown object is a 404",
    klass="unknown objects",
    breaks=("POOLS-UNKNOWN-OBJECT",),
    drags=("WIRE-STATUS", "WIRE-BODY"),
)
def unknown_pool_as_400(patch: Patch) -> None:
    patch.replace(catalogue, "not_found", invalid)


@fault(
    "unknown-quote-reads-expired",
    summary="A quote nobody was given is a 200 that says expired",
    fact="facts section 4.8: 404 for an id outside the partner's scope",
    klass="unknown objects",
    breaks=("POOLS-UNKNOWN-OBJECT",),
    drags=("POOLS-ISOLATION-OBJECTS", "WIRE-BODY"),
)
def unknown_quote_reads_expired(patch: Patch) -> None:
    healthy = quotes.read

    def read(call: Call) -> Reply:
        try:
            return healthy(call)
        except Refusal:
            return Reply(200, {"quoteId": call.path["quoteId"], "status": "expired"})

    patch.replace(quotes, "read", read)


@fault(
    "unknown-quote-rejected",
    summary="Rejecting a quote nobody was given succeeds, since there is nothing to reject",
    fact="facts section 4.9: an unknown quote is a 404",
    klass="unknown objects",
    breaks=("POOLS-UNKNOWN-OBJECT",),
    drags=("POOLS-ISOLATION-OBJECTS", "WIRE-BODY"),
)
def unknown_quote_rejected(patch: Patch) -> None:
    healthy = quotes.reject

    def reject(call: Call) -> Reply:
        try:
            return healthy(call)
        except Refusal as refused:
            if refused.status != 404:
                raise
            return Reply(200, {"quoteId": call.path["quoteId"], "status": "rejected"})

    patch.replace(quotes, "reject", reject)


@fault(
    "unknown-trade-crashes",
    summary="A trade nobody knows is a 500",
    fact="facts section 2.2: an unknown object is a 404",
    klass="unknown objects",
    breaks=("POOLS-UNKNOWN-OBJECT", "WIRE-NO-SERVER-ERROR"),
    drags=("WIRE-STATUS", "POOLS-ISOLATION-OBJECTS"),
)
def unknown_trade_crashes(patch: Patch) -> None:
    def read(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            trade = trades.by_id(tx, call.owner, call.path["transactId"])
        return Reply(200, trades.render(trade))  # type: ignore[arg-type]  # the mistake

    patch.replace(trades, "read", read)


@fault(
    "unknown-transaction-as-403",
    summary="Polling a quote nobody was given is a 403",
    fact="facts section 4.5: an unknown quote id is a 404",
    klass="unknown objects",
    breaks=("POOLS-UNKNOWN-OBJECT",),
    drags=("POOLS-ISOLATION-OBJECTS",),
)
def unknown_transaction_as_403(patch: Patch) -> None:
    def find(tx: sqlite3.Connection, owner: str, quote_id: str) -> Quote:
        try:
            return quotes.find(tx, owner, quote_id)
        except Refusal:
            raise Refusal(403, "forbidden", "this quote is not yours") from None

    patch.replace(settlement, "quotes", seams.module_with(quotes, find=find))


@fault(
    "unknown-quote-executed-as-409",
    summary="Transact on a quote nobody was given is a 409, like on an expired one",
    fact="facts section 4.4: an unknown quote is a 404",
    klass="unknown objects",
    breaks=("POOLS-TRANSACT-UNKNOWN-QUOTE",),
    drags=("POOLS-UNKNOWN-OBJECT", "POOLS-ISOLATION-OBJECTS"),
)
def unknown_quote_executed_as_409(patch: Patch) -> None:
    def find(tx: sqlite3.Connection, owner: str, quote_id: str) -> Quote:
        try:
            return quotes.find(tx, owner, quote_id)
        except Refusal:
            raise conflict("this quote cannot be executed") from None

    patch.replace(transact, "quotes", seams.module_with(quotes, find=find))

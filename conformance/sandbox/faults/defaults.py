"""Mistakes with what is not said: defaults, the order and size of lists, and what is shown or sent unasked."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace

from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.pools import access, discovery, gates, ledger, orders, quotes, trades
from conformance.sandbox.pools.catalogue import Pool
from conformance.sandbox.pools.quotes import Quote
from conformance.sandbox.refusal import invalid
from conformance.sandbox.variations import Patch, fault
from conformance.sandbox.webhooks import outbox


@fault(
    "type-defaults-to-indicative",
    summary="A quote request without a type gets an indicative price",
    fact="facts section 4.3: type is firm unless another is named",
    klass="defaults",
    breaks=("POOLS-QUOTE-DEFAULT-FIRM",),
)
def type_defaults_to_indicative(patch: Patch) -> None:
    def read_kind(document: Mapping[str, object]) -> str:
        return healthy({**document, "type": document.get("type") or orders.INDICATIVE})

    healthy = orders.read_kind
    patch.replace(orders, "read_kind", read_kind)


@fault(
    "type-required",
    summary="A quote request without a type is refused",
    fact="facts section 4.3: type is optional",
    klass="defaults",
    breaks=("POOLS-QUOTE-DEFAULT-FIRM",),
    drags=("POOLS-QUOTE-DEFAULT-NETWORK",),
)
def type_required(patch: Patch) -> None:
    def read_kind(document: Mapping[str, object]) -> str:
        if document.get("type") is None:
            raise invalid("type is required")
        return healthy(document)

    healthy = orders.read_kind
    patch.replace(orders, "read_kind", read_kind)


@fault(
    "network-defaults-to-ethereum",
    summary="A quote request without a network is quoted on ethereum",
    fact="facts section 4.3: the default network is tron",
    klass="defaults",
    breaks=("POOLS-QUOTE-DEFAULT-NETWORK",),
)
def network_defaults_to_ethereum(patch: Patch) -> None:
    def read_network(document: Mapping[str, object], pool: Pool) -> str:
        return healthy({**document, "cryptoNetwork": document.get("cryptoNetwork") or "ethereum"}, pool)

    healthy = orders.read_network
    patch.replace(orders, "read_network", read_network)


@fault(
    "network-required",
    summary="A quote request without a network is refused",
    fact="facts section 4.3: the network is optional",
    klass="defaults",
    breaks=("POOLS-QUOTE-DEFAULT-NETWORK",),
    drags=("POOLS-QUOTE-DEFAULT-FIRM",),
)
def network_required(patch: Patch) -> None:
    def read_network(document: Mapping[str, object], pool: Pool) -> str:
        if document.get("cryptoNetwork") is None:
            raise invalid("cryptoNetwork is required")
        return healthy(document, pool)

    healthy = orders.read_network
    patch.replace(orders, "read_network", read_network)


@fault(
    "network-listed-and-refused",
    summary="Quotes know one network fewer than the capabilities list",
    fact="facts section 4.2: supportedNetworks are usable",
    klass="defaults",
    breaks=("POOLS-CAPABILITIES-NETWORKS-USABLE",),
)
def network_listed_and_refused(patch: Patch) -> None:
    def read_network(document: Mapping[str, object], pool: Pool) -> str:
        return healthy(document, replace(pool, networks=pool.networks[:-1]))

    healthy = orders.read_network
    patch.replace(orders, "read_network", read_network)


@fault(
    "ledger-page-oldest-first",
    summary="The pages are walked from the newest, and each shows its entries from the oldest",
    fact="facts section 4.12: newest first",
    klass="pages",
    breaks=("POOLS-LEDGER-NEWEST-FIRST",),
    drags=("POOLS-LEDGER-SUM", "POOLS-LEDGER-BALANCE", "POOLS-LEDGER-PAGES", "POOLS-RECONCILES", "POOLS-TRANSACT-ONCE"),
)
def ledger_page_oldest_first(patch: Patch) -> None:
    healthy = ledger.list_entries

    def list_entries(call: Call) -> Reply:
        reply = healthy(call)
        body = reply.body
        assert isinstance(body, dict)
        return replace(reply, body={**body, "entries": body["entries"][::-1]})

    patch.replace(ledger, "list_entries", list_entries)


@fault(
    "trades-default-is-everything",
    summary="A trades list without a limit is as long as the history",
    fact="facts section 4.6: the default limit is 50",
    klass="pages",
    breaks=("POOLS-LIST-LIMIT",),
)
def trades_default_is_everything(patch: Patch) -> None:
    patch.replace(trades, "DEFAULT_LIMIT", trades.MAX_LIMIT)


@fault(
    "ledger-default-is-the-maximum",
    summary="A ledger list without a limit holds as many entries as the largest limit",
    fact="facts section 4.12: the default limit is 50",
    klass="pages",
    breaks=("POOLS-LIST-LIMIT",),
)
def ledger_default_is_the_maximum(patch: Patch) -> None:
    patch.replace(ledger, "DEFAULT_LIMIT", ledger.MAX_LIMIT)


@fault(
    "ledger-holds-one-more",
    summary="The entry fetched to see whether there is more is shown as well",
    fact="facts section 4.12: limit bounds a page",
    klass="pages",
    breaks=("POOLS-LIST-LIMIT",),
    drags=(
        "POOLS-LEDGER-PAGES",
        "POOLS-LEDGER-CLAMP",
        "POOLS-LEDGER-SUM",
        "POOLS-LEDGER-ONE-DEBIT",
        "POOLS-RECONCILES",
        "POOLS-LEDGER-REFUNDS",
        "POOLS-TRANSACT-ONCE",
    ),
)
def ledger_holds_one_more(patch: Patch) -> None:
    healthy = ledger.list_entries

    def list_entries(call: Call) -> Reply:
        reply = healthy(call)
        body = reply.body
        assert isinstance(body, dict)
        if body["nextCursor"] is None:
            return reply
        with call.sandbox.store.read() as tx:
            before = ledger.read_cursor(body["nextCursor"])
            further = ledger.page(tx, call.owner, body["currency"], before, 1)
        return replace(reply, body={**body, "entries": body["entries"] + [ledger.render_entry(row) for row in further]})

    patch.replace(ledger, "list_entries", list_entries)


@fault(
    "balance-shows-verification",
    summary="The balance read tells the KYC state and the access status",
    fact="facts section 4.10: access status and KYC state must not appear",
    klass="members",
    breaks=("POOLS-BALANCE-NOTHING-MORE",),
    drags=("WIRE-BODY",),
)
def balance_shows_verification(patch: Patch) -> None:
    healthy = discovery.read_balance

    def read_balance(call: Call) -> Reply:
        reply = healthy(call)
        assert isinstance(reply.body, dict)
        return replace(reply, body={**reply.body, "accessStatus": "active", "kycStatus": "approved"})

    patch.replace(discovery, "read_balance", read_balance)


@fault(
    "discovery-refuses-without-access",
    summary="Listing pools is refused for an account without an access record",
    fact="facts section 4.1: an empty list is a normal answer",
    klass="gates",
    breaks=("POOLS-DISCOVERY-EMPTY",),
)
def discovery_refuses_without_access(patch: Patch) -> None:
    healthy = discovery.list_pools

    def list_pools(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            gates.check_access_row(access.load(tx, call.account))
        return healthy(call)

    patch.replace(discovery, "list_pools", list_pools)


@fault(
    "webhook-for-rejected",
    summary="Rejecting a quote is announced",
    fact="facts section 11: no event for quote rejection",
    klass="webhooks",
    breaks=("POOLS-WEBHOOK-NONE-FOR-REJECTED",),
)
def webhook_for_rejected(patch: Patch) -> None:
    healthy = quotes.decline

    def decline(tx: sqlite3.Connection, quote: Quote, now: int) -> bool:
        declined = healthy(tx, quote, now)
        if declined:
            kind, account = "pool.quote.rejected", quote.owner.partition(":")[2]
            body = json.dumps({"eventId": uuid.uuid4().hex, "type": kind, "quoteId": quote.quote_id})
            outbox.store_event(tx, uuid.uuid4().hex, account, kind, quote.quote_id, body, time.time())
        return declined

    patch.replace(quotes, "decline", decline)

"""Mistakes in what 0Gate lists of the past: transactions and webhook deliveries, and reading one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace

from conformance.sandbox.calls import Call, Reply, Sandbox
from conformance.sandbox.faults import gate_seams, seams
from conformance.sandbox.faults.gate_lists import LAST_ROW_AGAIN, ONE_MORE_PER_PAGE
from conformance.sandbox.gate import transactions, webhooks
from conformance.sandbox.gate.transactions import Facts
from conformance.sandbox.variations import Patch, fault


@fault(
    "gate-transactions-skip-at-page-end",
    summary="The first transaction of every further page is left out",
    fact="gate facts section 7: a cursor list, walked until has_more is false",
    klass="lists",
    breaks=("GATE-TX-LIST",),
    drags=("GATE-TX-JOINS",),
)
def gate_transactions_skip_at_page_end(patch: Patch) -> None:
    gate_seams.requery_if(patch, transactions, "list_page", gate_seams.turns_page, ONE_MORE_PER_PAGE)


@fault(
    "gate-transactions-repeat-at-page-end",
    summary="Every further page begins with the last transaction of the one before",
    fact="gate facts section 7: a cursor list, walked until has_more is false",
    klass="lists",
    breaks=("GATE-TX-LIST",),
    drags=("GATE-TX-JOINS",),
)
def gate_transactions_repeat_at_page_end(patch: Patch) -> None:
    gate_seams.requery_if(patch, transactions, "list_page", gate_seams.turns_page, LAST_ROW_AGAIN)


@fault(
    "gate-transactions-list-without-data",
    summary="The list of transactions has its rows under another name",
    fact="gate facts section 3: the list envelope has object, data, has_more and url",
    klass="lists",
    breaks=("GATE-TX-LIST",),
    drags=("WIRE-BODY", "GATE-TX-JOINS", "GATE-TX-READ", "GATE-ISOLATION-LISTS"),
)
def gate_transactions_list_without_data(patch: Patch) -> None:
    def renamed(reply: Reply) -> Reply:
        return seams.without(seams.with_members(reply, transactions=reply.body["data"]), "data")

    seams.amend(patch, transactions, "list_page", renamed)


@fault(
    "gate-transactions-session-ignored",
    summary="The session filter of the transactions is read and forgotten",
    fact="gate facts section 4.D: session_id filters the list",
    klass="joins",
    breaks=("GATE-TX-JOINS",),
)
def gate_transactions_session_ignored(patch: Patch) -> None:
    change = (":session_id IS NULL OR session_id = :session_id", ":session_id = :session_id OR 1")
    gate_seams.requery(patch, transactions, "list_page", change)


@fault(
    "gate-transactions-lose-their-session",
    summary="Transactions do not say of which session they are",
    fact="gate facts section 4.D: session_id is the hosted session; seed 002 joins by it",
    klass="joins",
    breaks=("GATE-TX-JOINS",),
    drags=("WIRE-BODY",),
)
def gate_transactions_lose_their_session(patch: Patch) -> None:
    healthy = transactions.render
    patch.replace(transactions, "render", lambda row: {**healthy(row), "session_id": None})


@fault(
    "gate-rail-without-transaction",
    summary="What a rail moves is in no list of transactions",
    fact="gate facts section 4.D: transactions of pay-ins and pay-outs are listed with the others",
    klass="joins",
    breaks=("GATE-TX-JOINS",),
)
def gate_rail_without_transaction(patch: Patch) -> None:
    hidden = "owner = :owner AND json_extract(facts, '$.action') NOT LIKE 'pay%'"
    gate_seams.requery(patch, transactions, "list_page", ("owner = :owner", hidden))


@fault(
    "gate-transactions-of-first-session",
    summary="A transaction is filed under the partner's first session",
    fact="gate facts section 4.D: session_id is the hosted session it happened in",
    klass="joins",
    breaks=("GATE-TX-JOINS",),
)
def gate_transactions_of_first_session(patch: Patch) -> None:
    healthy = transactions.start

    def start(tx: sqlite3.Connection, sandbox: Sandbox, owner: str, session_id: str, facts: Facts) -> str:
        first = tx.execute("SELECT session_id FROM gate_sessions WHERE owner = ? ORDER BY seq", (owner,)).fetchone()
        return healthy(tx, sandbox, owner, first["session_id"], facts)

    patch.replace(transactions, "start", start)


@fault(
    "gate-transaction-unreadable",
    summary="A transaction of the list is not found by its refid while it is under way",
    fact="gate facts section 4.D: refid comes from the list and is the lookup key",
    klass="reads",
    breaks=("GATE-TX-READ",),
)
def gate_transaction_unreadable(patch: Patch) -> None:
    gate_seams.requery(patch, transactions, "read", ("owner = ?", "status != 'processing' AND owner = ?"))


@fault(
    "gate-transaction-reads-otherwise",
    summary="A transaction read alone shows the amount less its fees",
    fact="gate facts section 4.D: list and read show the same transaction",
    klass="reads",
    breaks=("GATE-TX-READ",),
)
def gate_transaction_reads_otherwise(patch: Patch) -> None:
    def less(reply: Reply) -> Reply:
        return seams.with_members(reply, fiat_amount="1.00")

    seams.amend(patch, transactions, "read", less)


@fault(
    "gate-transaction-amounts-as-numbers",
    summary="The amounts of a transaction are JSON numbers",
    fact="gate facts section 4.D: fiat_amount and token_amount are decimal strings",
    klass="money",
    breaks=("WIRE-MONEY",),
    drags=("WIRE-BODY", "GATE-TX-READ", "GATE-TX-JOINS"),
)
def gate_transaction_amounts_as_numbers(patch: Patch) -> None:
    healthy = transactions.render
    names = ("fiat_amount", "token_amount", "exchange_rate", "total_fees")
    patch.replace(transactions, "render", lambda row: gate_seams.floats(healthy(row), *names))


@fault(
    "gate-transaction-names-route",
    summary="A transaction tells which provider and route it took",
    fact="gate facts section 4.D lists its fields; seed 003: providers and treasury routing are not published",
    klass="boundary",
    breaks=("WIRE-BOUNDARY",),
    drags=("WIRE-BODY",),
)
def gate_transaction_names_route(patch: Patch) -> None:
    healthy = transactions.render
    told = {"provider": "prv_17", "route": "desk-b", "treasury_balance": "1000000.00"}
    patch.replace(transactions, "render", lambda row: {**healthy(row), **told})


@fault(
    "gate-foreign-transaction-readable",
    summary="A transaction is found by its refid alone, whoever reads it",
    fact="gate facts section 4.D: a foreign transaction is a 404",
    klass="isolation",
    breaks=("GATE-ISOLATION-OBJECTS",),
)
def gate_foreign_transaction_readable(patch: Patch) -> None:
    gate_seams.requery(patch, transactions, "read", gate_seams.OF_ANYBODY)


@fault(
    "gate-foreign-transaction-as-403",
    summary="A transaction of another partner is refused with 403, which tells that it exists",
    fact="gate facts section 1.3: an object of another partner always reads as 404, never 403",
    klass="isolation",
    breaks=("GATE-ISOLATION-OBJECTS",),
)
def gate_foreign_transaction_as_403(patch: Patch) -> None:
    gate_seams.tell_foreign(patch, transactions, "read", "gate_transactions", "refid", "refid")


@fault(
    "gate-transactions-of-everybody",
    summary="The list shows the transactions of all partners",
    fact="gate facts section 4.D: own partner only",
    klass="isolation",
    breaks=("GATE-ISOLATION-LISTS",),
    drags=("GATE-TX-LIST", "GATE-TX-READ"),
)
def gate_transactions_of_everybody(patch: Patch) -> None:
    gate_seams.requery(patch, transactions, "list_page", gate_seams.LISTED_OF_ANYBODY)


@fault(
    "gate-transactions-filter-of-everybody",
    summary="Whoever knows a session's id finds its transactions, whosever it is",
    fact="gate facts section 4.D: own partner only",
    klass="isolation",
    breaks=("GATE-ISOLATION-LISTS",),
)
def gate_transactions_filter_of_everybody(patch: Patch) -> None:
    gate_seams.requery_if(
        patch, transactions, "list_page", lambda call: "session_id" in call.query, gate_seams.LISTED_OF_ANYBODY
    )


@fault(
    "gate-deliveries-oldest-first",
    summary="The delivery log begins with the oldest",
    fact="gate facts section 4.G: most recent first",
    klass="lists",
    breaks=("GATE-DELIVERY-LIST",),
    drags=("GATE-DELIVERY-LOGGED", "GATE-REPLAY", "GATE-REPLAY-STATE"),
)
def gate_deliveries_oldest_first(patch: Patch) -> None:
    gate_seams.requery(patch, webhooks, "list_page", ("ORDER BY seq DESC", "ORDER BY seq"))


@fault(
    "gate-deliveries-skip-ignored",
    summary="Every page of the delivery log is the first one",
    fact="gate facts section 4.G: page by raising skip",
    klass="lists",
    breaks=("GATE-DELIVERY-LIST",),
)
def gate_deliveries_skip_ignored(patch: Patch) -> None:
    gate_seams.requery(patch, webhooks, "list_page", ("OFFSET :skip", "OFFSET 0 * :skip"))


@fault(
    "gate-deliveries-skip-counts-pages",
    summary="skip is taken for a number of pages",
    fact="gate facts section 4.G: skip is a number of rows",
    klass="lists",
    breaks=("GATE-DELIVERY-LIST",),
)
def gate_deliveries_skip_counts_pages(patch: Patch) -> None:
    gate_seams.requery(patch, webhooks, "list_page", ("OFFSET :skip", "OFFSET :skip * (:rows - 1)"))


@fault(
    "gate-deliveries-limit-ignored",
    summary="The delivery log shows fifty rows whatever its limit",
    fact="gate facts section 4.G: limit 1 to 200, default 50",
    klass="lists",
    breaks=("GATE-DELIVERY-LIST",),
)
def gate_deliveries_limit_ignored(patch: Patch) -> None:
    healthy = webhooks.list_page

    def list_page(call: Call) -> Reply:
        return healthy(replace(call, query={name: call.query[name] for name in call.query if name != "limit"}))

    patch.replace(webhooks, "list_page", list_page)


@fault(
    "gate-deliveries-status-ignored",
    summary="The status filter of the delivery log is read and forgotten",
    fact="gate facts section 4.G: status filters the log",
    klass="lists",
    breaks=("GATE-DELIVERY-LIST",),
)
def gate_deliveries_status_ignored(patch: Patch) -> None:
    gate_seams.requery(patch, webhooks, "list_page", (":status IS NULL OR status = :status", ":status = :status OR 1"))


@fault(
    "gate-deliveries-show-body",
    summary="The delivery log shows what was sent",
    fact="gate facts section 4.G: the stored body is never returned",
    klass="secrets",
    breaks=("GATE-DELIVERY-NO-BODY",),
    drags=("WIRE-BODY",),
)
def gate_deliveries_show_body(patch: Patch) -> None:
    healthy = webhooks.render
    patch.replace(webhooks, "render", lambda row: {**healthy(row), "payload_raw": row["body"]})


@fault(
    "gate-deliveries-show-payload",
    summary="The delivery log shows the event's data, parsed, under another name",
    fact="gate facts section 4.G: the stored body is never returned",
    klass="secrets",
    breaks=("GATE-DELIVERY-NO-BODY",),
)
def gate_deliveries_show_payload(patch: Patch) -> None:
    healthy = webhooks.render

    def render(row: sqlite3.Row) -> Mapping[str, object]:
        return {**healthy(row), "payload": json.loads(row["body"])}

    patch.replace(webhooks, "render", render)


@fault(
    "gate-deliveries-of-everybody",
    summary="The delivery log shows the deliveries of all partners",
    fact="gate facts section 1.3: a credential sees only objects of its own account",
    klass="isolation",
    breaks=("GATE-ISOLATION-LISTS",),
    drags=("GATE-DELIVERY-LIST", "GATE-DELIVERY-LOGGED"),
)
def gate_deliveries_of_everybody(patch: Patch) -> None:
    gate_seams.requery(patch, webhooks, "list_page", gate_seams.LISTED_OF_ANYBODY)


@fault(
    "gate-deliveries-forgotten",
    summary="A delivery leaves the log with its success",
    fact="gate facts section 4.G: the log has a status succeeded and the time of success",
    klass="logs",
    breaks=("GATE-DELIVERY-LOGGED",),
    drags=("GATE-DELIVERY-LIST", "GATE-REPLAY-STATE"),
)
def gate_deliveries_forgotten(patch: Patch) -> None:
    gate_seams.requery(patch, webhooks, "list_page", ("owner = :owner", "owner = :owner AND status != 'succeeded'"))

"""Mistakes of 0Gate that only a sequence shows: what one call leaves behind changes what a later one is told."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

from conformance.sandbox.calls import Call, Reply, Sandbox
from conformance.sandbox.faults import gate_seams, seams
from conformance.sandbox.faults.gate_lists import without_cursor
from conformance.sandbox.gate import customers, members, paging, rails, sessions
from conformance.sandbox.gate.customers import Contact
from conformance.sandbox.gate.rails import Rail
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch, fault

OF_NEXT_TRIES = ("GATE-RAIL-IDEMPOTENT", "GATE-RAIL-LOST-ANSWER", "GATE-WEBHOOK-RAIL-EVENTS")


@fault(
    "gate-cancel-frees-key",
    summary="Cancelling a session forgets the key it was created under, so a late repeat opens another one",
    fact="gate facts section 6: a repeat of a key gives the first response, whatever has become of it",
    klass="sequence",
    breaks=("GATE-SESSION-IDEMPOTENT",),
)
def gate_cancel_frees_key(patch: Patch) -> None:
    healthy = sessions.cancel

    def cancel(call: Call) -> Reply:
        reply = healthy(call)
        with call.sandbox.store.write() as tx:
            tx.execute(
                "DELETE FROM gate_calls WHERE owner = ? AND operation = 'createSession'"
                " AND json_extract(body, '$.id') = ?",
                (call.owner, call.path["id"]),
            )
        return reply

    patch.replace(sessions, "cancel", cancel)


@fault(
    "gate-failed-rail-frees-quote",
    summary="The quote of a rail that fails or is cancelled is active again, and is redeemed a second time",
    fact="gate facts section 5.2: consumed is final, a second redemption is a 409",
    klass="sequence",
    breaks=("GATE-QUOTE-REDEEMED-ONCE",),
    drags=("GATE-RAIL-FAILS", *OF_NEXT_TRIES),
)
def gate_failed_rail_frees_quote(patch: Patch) -> None:
    healthy = rails.end

    def end(tx: sqlite3.Connection, sandbox: Sandbox, rail: Rail, status: str) -> Rail:
        ended = healthy(tx, sandbox, rail, status)
        if status != rails.SETTLED:
            tx.execute("UPDATE gate_quotes SET consumed_at = NULL WHERE quote_id = ?", (rail.quote_id,))
        return ended

    gate_seams.drop(patch, gate_seams.ONE_RAIL_PER_QUOTE)
    patch.replace(rails, "end", end)


@fault(
    "gate-second-try-redeems",
    summary="A refused second redemption takes the mark off its quote, so the third one succeeds",
    fact="gate facts sections 4.I and 5.2: a second redemption is a 409, and so is every further one",
    klass="sequence",
    breaks=("GATE-QUOTE-REDEEMED-ONCE",),
    drags=("GATE-QUOTE-CONCURRENT-ONCE", *OF_NEXT_TRIES),
)
def gate_second_try_redeems(patch: Patch) -> None:
    healthy = rails.create
    gate_seams.drop(patch, gate_seams.ONE_RAIL_PER_QUOTE)

    def create(call: Call, kind: str) -> Reply:
        try:
            return healthy(call, kind)
        except Refusal as refused:
            if refused.status == 409:
                quote_id = str(members.body_of(call).get("quote_id"))
                with call.sandbox.store.write() as tx:
                    tx.execute(
                        "UPDATE gate_quotes SET consumed_at = NULL WHERE owner = ? AND quote_id = ?",
                        (call.owner, quote_id),
                    )
            raise

    patch.replace(rails, "create", create)


@fault(
    "gate-status-filter-lags",
    summary="The status filter reads an index that is only written when a session is made",
    fact="gate facts section 4.A: status filters the list by the session's status",
    klass="sequence",
    breaks=("GATE-SESSION-STATUS-FILTER",),
)
def gate_status_filter_lags(patch: Patch) -> None:
    change = (":status IS NULL OR status = :status", ":status IS NULL OR :status = 'open'")
    gate_seams.requery(patch, sessions, "list_page", change)


@fault(
    "gate-sessions-paged-by-offset",
    summary="A cursor is turned into the number of rows before it, so that a new session shifts every later page",
    fact="gate facts section 7: starting_after returns the items after the last one, each once",
    klass="sequence",
    breaks=("GATE-SESSION-PAGES",),
    drags=("GATE-SESSION-STATUS-FILTER", "GATE-SESSION-LIST"),
)
def gate_sessions_paged_by_offset(patch: Patch) -> None:
    healthy = sessions.list_page
    shown: dict[str, int] = {}

    def list_page(call: Call) -> Reply:
        start = shown.get(call.query.get("starting_after", ""), 0)
        page = healthy(replace(call, query={**without_cursor(call), "limit": "100"}))
        rows = page.body["data"]
        assert isinstance(rows, list)
        limit = paging.read_limit(call.query)
        for place, row in enumerate(rows[: start + limit]):
            shown[row["id"]] = place + 1
        return seams.with_members(page, data=rows[start : start + limit], has_more=len(rows) > start + limit)

    patch.replace(sessions, "list_page", list_page)


@fault(
    "gate-update-undoes-the-last",
    summary="Each update starts from the record as it was created, so that it undoes the one before",
    fact="gate facts section 4.H: an update leaves alone what it does not name",
    klass="sequence",
    breaks=("GATE-CUSTOMER-UPDATE",),
)
def gate_update_undoes_the_last(patch: Patch) -> None:
    healthy = customers.update
    first: dict[str, Contact] = {}

    def update(call: Call) -> Reply:
        customer_id = call.path["id"]
        with call.sandbox.store.read() as tx:
            copied = first.setdefault(customer_id, customers.find_kept(tx, call.owner, customer_id).contact)
        reply = healthy(call)
        contact = {**copied, **members.body_of(call)}
        with call.sandbox.store.write() as tx:
            tx.execute(
                "UPDATE gate_customers SET contact = ? WHERE customer_id = ?", (json.dumps(contact), customer_id)
            )
        return seams.with_members(reply, **contact)

    patch.replace(customers, "update", update)

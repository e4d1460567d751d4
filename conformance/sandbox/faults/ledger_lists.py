"""Mistakes with the pages and limits of the ledger."""

from __future__ import annotations

import sqlite3

from conformance.sandbox.calls import Reply
from conformance.sandbox.faults import seams
from conformance.sandbox.pools import ledger
from conformance.sandbox.refusal import invalid
from conformance.sandbox.variations import Patch, fault

# A walk that loses or repeats entries shows another sum and other movements per trade.
OF_A_BROKEN_WALK = (
    "POOLS-RECONCILES",
    "POOLS-LEDGER-SUM",
    "POOLS-LEDGER-ONE-DEBIT",
    "POOLS-LEDGER-REFUNDS",
    "POOLS-TRANSACT-ONCE",
    "POOLS-TRANSACT-CONCURRENT-ONCE",
    "POOLS-TRANSACT-ONCE-PER-QUOTE",
    "POOLS-TRANSACT-LATE-REPLAY",
    "POOLS-OUTCOME-FAILED",
    "POOLS-OUTCOME-RELEASED",
    "POOLS-OUTCOME-RETURNED",
    "POOLS-LEDGER-BALANCE",
)


@fault(
    "ledger-skips-at-page-end",
    summary="The cursor points behind the next entry: one is left out at every page end",
    fact="facts section 4.12: a walk shows every entry once",
    klass="pages",
    breaks=("POOLS-LEDGER-PAGES",),
    drags=OF_A_BROKEN_WALK,
)
def ledger_skips_at_page_end(patch: Patch) -> None:
    healthy = ledger.page

    def page(tx: sqlite3.Connection, owner: str, currency: str, before: int, rows: int) -> list[sqlite3.Row]:
        if before == ledger.LARGEST_SEQ:
            return healthy(tx, owner, currency, before, rows)
        return healthy(tx, owner, currency, before, rows + 1)[1:]

    patch.replace(ledger, "page", page)


@fault(
    "ledger-repeats-at-page-end",
    summary="The last entry of a page is the first of the next one too",
    fact="facts section 4.12: a walk shows every entry once",
    klass="pages",
    breaks=("POOLS-LEDGER-PAGES",),
    drags=OF_A_BROKEN_WALK,
)
def ledger_repeats_at_page_end(patch: Patch) -> None:
    healthy = ledger.page

    def page(tx: sqlite3.Connection, owner: str, currency: str, before: int, rows: int) -> list[sqlite3.Row]:
        again = before if before == ledger.LARGEST_SEQ else before + 1
        return healthy(tx, owner, currency, again, rows)

    patch.replace(ledger, "page", page)


@fault(
    "ledger-never-ends",
    summary="Every page has a cursor; that of the last one leads to the beginning",
    fact="facts section 4.12: nextCursor is null at the end",
    klass="pages",
    breaks=("POOLS-LEDGER-PAGES",),
    drags=OF_A_BROKEN_WALK,
)
def ledger_never_ends(patch: Patch) -> None:
    def go_on(reply: Reply) -> Reply:
        return seams.with_members(reply, nextCursor=reply.body["nextCursor"] or ledger.write_cursor(10**17))

    seams.amend(patch, ledger, "list_entries", go_on)


@fault(
    "ledger-ends-with-empty-cursor",
    summary="The last page has an empty string for a cursor",
    fact="facts section 4.12: nextCursor is null at the end",
    klass="pages",
    breaks=("POOLS-LEDGER-PAGES",),
    drags=("WIRE-BODY", *OF_A_BROKEN_WALK),
)
def ledger_ends_with_empty_cursor(patch: Patch) -> None:
    def end(reply: Reply) -> Reply:
        return seams.with_members(reply, nextCursor=reply.body["nextCursor"] or "")

    healthy = ledger.read_cursor
    seams.amend(patch, ledger, "list_entries", end)
    patch.replace(ledger, "read_cursor", lambda cursor: healthy(cursor or None))


@fault(
    "ledger-first-page-only",
    summary="There is no further page: the cursor is always null",
    fact="facts section 4.12: nextCursor leads on until the end",
    klass="pages",
    breaks=("POOLS-LEDGER-PAGES",),
    drags=OF_A_BROKEN_WALK,
)
def ledger_first_page_only(patch: Patch) -> None:
    seams.amend(patch, ledger, "list_entries", lambda reply: seams.with_members(reply, nextCursor=None))


@fault(
    "ledger-limit-refused",
    summary="A limit outside 1 to 200 is a 400",
    fact="facts section 4.12: limit is clamped to 1 to 200",
    klass="pages",
    breaks=("POOLS-LEDGER-CLAMP",),
)
def ledger_limit_refused(patch: Patch) -> None:
    def clamp_limit(limit: int) -> int:
        if not 1 <= limit <= ledger.MAX_LIMIT:
            raise invalid("limit must be 1 to 200")
        return limit

    patch.replace(ledger, "clamp_limit", clamp_limit)


@fault(
    "ledger-limit-zero-crashes",
    summary="A limit is clamped from above only: zero leaves an empty page without a last entry, a 500",
    fact="facts section 4.12: limit is clamped to 1 to 200",
    klass="pages",
    breaks=("POOLS-LEDGER-CLAMP", "WIRE-NO-SERVER-ERROR"),
    drags=("WIRE-STATUS",),
)
def ledger_limit_zero_crashes(patch: Patch) -> None:
    patch.replace(ledger, "clamp_limit", lambda limit: min(limit, ledger.MAX_LIMIT))


@fault(
    "ledger-limit-not-clamped",
    summary="A limit above 200 is honoured",
    fact="facts section 4.12: limit is clamped to 1 to 200",
    klass="pages",
    breaks=("POOLS-LEDGER-CLAMP",),
)
def ledger_limit_not_clamped(patch: Patch) -> None:
    patch.replace(ledger, "clamp_limit", lambda limit: max(1, min(limit, 10**6)))


@fault(
    "ledger-hides-refunds",
    summary="The list leaves refunds out, which the balance counts",
    fact="facts section 10, invariants 1 and 4: every movement is an entry",
    klass="pages",
    breaks=("POOLS-LEDGER-REFUNDS", "POOLS-LEDGER-SUM"),
    drags=("POOLS-RECONCILES", "POOLS-OUTCOME-FAILED", "POOLS-OUTCOME-RELEASED", "POOLS-OUTCOME-RETURNED"),
)
def ledger_hides_refunds(patch: Patch) -> None:
    healthy = ledger.page

    def page(tx: sqlite3.Connection, owner: str, currency: str, before: int, rows: int) -> list[sqlite3.Row]:
        shown = [row for row in healthy(tx, owner, currency, before, -1) if row["reason"] != ledger.BUY_REFUND]
        return shown[:rows]

    patch.replace(ledger, "page", page)

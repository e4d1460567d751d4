"""Mistakes with what becomes of a signed quote of 0Gate: lapsing, being read, and belonging to somebody."""

from __future__ import annotations

from decimal import Decimal

from conformance.sandbox import clock
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import gate_seams, seams
from conformance.sandbox.gate import quotes
from conformance.sandbox.gate.quotes import Quote
from conformance.sandbox.refusal import not_found
from conformance.sandbox.variations import Patch, fault


@fault(
    "gate-lapsed-reads-active",
    summary="A lapsed quote reads active",
    fact="gate facts section 4.I: a lapsed quote is 200 with expired",
    klass="expiry",
    breaks=("GATE-QUOTE-EXPIRES",),
)
def gate_lapsed_reads_active(patch: Patch) -> None:
    healthy = quotes.render
    active = quotes.ACTIVE
    patch.replace(
        quotes,
        "render",
        lambda quote, current: healthy(quote, active if current == quotes.EXPIRED else current),
    )


@fault(
    "gate-lapsed-is-404",
    summary="A lapsed quote cannot be read any more",
    fact="gate facts section 4.I: a lapsed quote is 200 with expired, not 404",
    klass="expiry",
    breaks=("GATE-QUOTE-EXPIRES",),
)
def gate_lapsed_is_404(patch: Patch) -> None:
    def gone(reply: Reply) -> Reply:
        if reply.body["status"] == quotes.EXPIRED:
            raise not_found("no such quote")
        return reply

    seams.amend(patch, quotes, "read", gone)


@fault(
    "gate-lapsed-redeemable",
    summary="A lapsed quote is redeemed at its old price",
    fact="gate facts sections 2.2 and 4.I: an expired quote is a 409",
    klass="expiry",
    breaks=("GATE-QUOTE-EXPIRES",),
    drags=("GATE-WEBHOOK-RAIL-EVENTS",),
)
def gate_lapsed_redeemable(patch: Patch) -> None:
    healthy = quotes.check_active

    def check_active(quote: Quote, now: int) -> None:
        if quote.consumed_at is not None:
            healthy(quote, now)

    patch.replace(quotes, "check_active", check_active)


@fault(
    "gate-read-renews-quote",
    summary="Reading a quote gives it its whole time again",
    fact="gate facts section 4.I: a read shows the same object; section 5.2: active ends with its time",
    klass="reads",
    breaks=("GATE-QUOTE-EXPIRES",),
    drags=("GATE-QUOTE-READ",),
)
def gate_read_renews_quote(patch: Patch) -> None:
    before_read(
        patch,
        "UPDATE gate_quotes SET expires_at = :now + clock_offset + 61 WHERE quote_id = :id AND owner = :owner"
        " AND consumed_at IS NULL",
    )


@fault(
    "gate-read-redeems",
    summary="Reading a quote marks it as used",
    fact="gate facts section 4.I: reading does not redeem",
    klass="reads",
    breaks=("GATE-QUOTE-READ",),
    drags=(
        "GATE-QUOTE-EXPIRES",
        "GATE-RAIL-PAY-IN",
        "GATE-RAIL-PAY-OUT",
        "GATE-RAIL-KEY-OTHER-BODY",
        "GATE-RAIL-REFUSES-DETAILS",
        "GATE-RAIL-REFUSES-ENDED-SESSION",
        "GATE-RAIL-REFUSES-UNKNOWN",
        "GATE-RAIL-REFUSES-UNVERIFIED",
        "GATE-ISOLATION-OBJECTS",
        "GATE-ISOLATION-REDEEM",
        "GATE-DENY-RAILS-LATER",
    ),
)
def gate_read_redeems(patch: Patch) -> None:
    healthy = quotes.read

    def read(call: Call) -> Reply:
        reply = healthy(call)
        with call.sandbox.store.write() as tx:
            tx.execute(
                "UPDATE gate_quotes SET consumed_at = created_at WHERE quote_id = ? AND consumed_at IS NULL",
                (call.path["id"],),
            )
        return reply

    patch.replace(quotes, "read", read)


@fault(
    "gate-read-reprices",
    summary="A read shows the rate of now instead of the locked one",
    fact="gate facts section 4.I: a read shows the same object with its status of now",
    klass="reads",
    breaks=("GATE-QUOTE-READ",),
    drags=("GATE-RAIL-PAY-IN", "GATE-RAIL-PAY-OUT"),
)
def gate_read_reprices(patch: Patch) -> None:
    def repriced(reply: Reply) -> Reply:
        rate = Decimal(str(reply.body["exchange_rate"])) * Decimal("1.01")
        return seams.with_members(reply, exchange_rate=f"{rate:.8f}")

    seams.amend(patch, quotes, "read", repriced)


@fault(
    "gate-foreign-quote-readable",
    summary="A quote is found by its id alone, whoever reads it",
    fact="gate facts section 4.I: a foreign quote is a 404",
    klass="isolation",
    breaks=("GATE-ISOLATION-OBJECTS",),
)
def gate_foreign_quote_readable(patch: Patch) -> None:
    gate_seams.requery(patch, quotes, "read", gate_seams.OF_ANYBODY)


@fault(
    "gate-foreign-quote-as-403",
    summary="A quote of another partner is refused with 403, which tells that it exists",
    fact="gate facts section 1.3: an object of another partner always reads as 404, never 403",
    klass="isolation",
    breaks=("GATE-ISOLATION-OBJECTS",),
)
def gate_foreign_quote_as_403(patch: Patch) -> None:
    gate_seams.tell_foreign(patch, quotes, "read", "gate_quotes", "quote_id")


@fault(
    "gate-unknown-quote-reads-expired",
    summary="A quote nobody was given reads as one that has lapsed",
    fact="gate facts section 2.2: an unknown object is a 404",
    klass="statuses",
    breaks=("GATE-UNKNOWN-ID",),
    drags=("GATE-ISOLATION-OBJECTS", "GATE-PREVIEW", "WIRE-BODY"),
)
def gate_unknown_quote_reads_expired(patch: Patch) -> None:
    healthy = quotes.read

    def read(call: Call) -> Reply:
        quote_id = call.path["id"]
        if gate_seams.exists(call, "gate_quotes", "quote_id", quote_id):
            return healthy(call)
        return Reply(200, {"id": quote_id, "object": "signed_quote", "status": quotes.EXPIRED})

    patch.replace(quotes, "read", read)


def before_read(patch: Patch, statement: str) -> None:
    """Change the row of a quote before it is read."""
    healthy = quotes.read

    def read(call: Call) -> Reply:
        with call.sandbox.store.write() as tx:
            now = clock.account_now(tx, call.sandbox.clock, call.account)
            tx.execute(statement, {"now": now, "id": call.path["id"], "owner": call.owner})
        return healthy(call)

    patch.replace(quotes, "read", read)

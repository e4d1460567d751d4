"""Mistakes with redeeming a signed quote of 0Gate: who may, for whom, how often, and what the body may say."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import gate_seams, seams
from conformance.sandbox.faults.gate_races import consume_again
from conformance.sandbox.gate import members, quotes, rails, sessions
from conformance.sandbox.gate.quotes import Quote
from conformance.sandbox.gate.rails import Rail
from conformance.sandbox.gate.sessions import Session
from conformance.sandbox.refusal import Refusal, conflict
from conformance.sandbox.variations import Patch, fault

SHOWN_RAILS = ("GATE-RAIL-PAY-IN", "GATE-RAIL-PAY-OUT")


@fault(
    "gate-quote-redeemed-again",
    summary="Another key redeems a consumed quote a second time",
    fact="gate facts sections 4.I and 5.2: a second redemption is a 409",
    klass="redemption",
    breaks=("GATE-QUOTE-REDEEMED-ONCE",),
    drags=("GATE-QUOTE-CONCURRENT-ONCE", "GATE-WEBHOOK-RAIL-EVENTS"),
)
def gate_quote_redeemed_again(patch: Patch) -> None:
    gate_seams.drop(patch, gate_seams.ONE_RAIL_PER_QUOTE)
    patch.replace(quotes, "consume", consume_again)
    patch.replace(quotes, "check_active", check_not_lapsed)


@fault(
    "gate-quote-redeemed-again-answers-first",
    summary="Redeeming a consumed quote under another key answers 201 with the rail it became",
    fact="gate facts sections 4.I and 5.2: a second redemption is a 409",
    klass="redemption",
    breaks=("GATE-QUOTE-REDEEMED-ONCE",),
    drags=("GATE-QUOTE-CONCURRENT-ONCE", "WIRE-BODY"),
)
def gate_quote_redeemed_again_answers_first(patch: Patch) -> None:
    healthy = rails.create

    def create(call: Call, kind: str) -> Reply:
        try:
            return healthy(call, kind)
        except Refusal as refused:
            earlier = rail_of(call, members.body_of(call).get("quote_id"))
            if refused.code != "conflict" or earlier is None:
                raise
            return Reply(rails.CREATED_STATUS, rails.render(earlier))

    patch.replace(rails, "create", create)


@fault(
    "gate-redeemed-reads-active",
    summary="A redeemed quote goes on reading active",
    fact="gate facts section 4.I: the quote becomes consumed",
    klass="redemption",
    breaks=("GATE-QUOTE-REDEEMED-ONCE",),
)
def gate_redeemed_reads_active(patch: Patch) -> None:
    def active(reply: Reply) -> Reply:
        consumed = reply.body["status"] == quotes.CONSUMED
        return seams.with_members(reply, status=quotes.ACTIVE) if consumed else reply

    seams.amend(patch, quotes, "read", active)


@fault(
    "gate-rail-takes-amount-less-fees",
    summary="A rail moves the amount of its quote less a second round of fees",
    fact="gate facts section 4.I: amount, currency and method come from the quote",
    klass="rails",
    breaks=SHOWN_RAILS,
)
def gate_rail_takes_amount_less_fees(patch: Patch) -> None:
    show_otherwise(patch, lambda rail: {"amount": f"{Decimal(str(rail.facts['amount'])) * Decimal('0.997'):.8f}"})


@fault(
    "gate-rail-amount-as-number",
    summary="The amount of a rail is a JSON number",
    fact="gate facts section 3: amounts are decimal strings, never JSON numbers",
    klass="money",
    breaks=("WIRE-MONEY",),
    drags=(*SHOWN_RAILS, "WIRE-BODY", "GATE-WEBHOOK-PAYLOAD"),
)
def gate_rail_amount_as_number(patch: Patch) -> None:
    show_otherwise(patch, lambda rail: {"amount": float(str(rail.facts["amount"]))})


@fault(
    "gate-pay-out-is-a-pay-in",
    summary="A pay-out names itself an object of the other kind",
    fact="gate facts section 4.I: object is rail_pay_in or rail_pay_out, always present",
    klass="rails",
    breaks=("WIRE-BODY",),
    drags=("GATE-RAIL-PAY-OUT", "GATE-WEBHOOK-PAYLOAD"),
)
def gate_pay_out_is_a_pay_in(patch: Patch) -> None:
    show_otherwise(patch, lambda rail: {"object": "rail_pay_in"})


@fault(
    "gate-rail-ignores-amount",
    summary="An amount, a currency or a method in the body of a rail create is accepted and ignored",
    fact="gate facts section 4.I: amount, currency and method are not accepted",
    klass="rails",
    breaks=("GATE-RAIL-REFUSES-DETAILS",),
)
def gate_rail_ignores_amount(patch: Patch) -> None:
    patch.replace(rails, "MEMBERS", (*rails.MEMBERS, "amount", "currency", "method"))


@fault(
    "gate-rail-drops-details",
    summary="Personal data and payout instructions in a rail create are dropped without a word",
    fact="gate facts section 4.I: PII or payout-instruction fields are a 400",
    klass="rails",
    breaks=("GATE-RAIL-REFUSES-DETAILS",),
)
def gate_rail_drops_details(patch: Patch) -> None:
    patch.replace(rails, "members", seams.module_with(members, check_known=lambda document, known: None))


@fault(
    "gate-rail-echoes-details",
    summary="Personal data in a rail create are kept and shown with the rail",
    fact="gate facts section 4.I: PII or payout-instruction fields are a 400; no source shows them in a rail",
    klass="rails",
    breaks=("GATE-RAIL-REFUSES-DETAILS",),
    drags=("WIRE-BODY",),
)
def gate_rail_echoes_details(patch: Patch) -> None:
    def metadata(document: Mapping[str, object]) -> Mapping[str, object]:
        unknown = {name: document[name] for name in document if name not in rails.MEMBERS}
        return {**members.metadata(document), **unknown}

    patch.replace(
        rails, "members", seams.module_with(members, check_known=lambda document, known: None, metadata=metadata)
    )


@fault(
    "gate-rail-details-use-quote-up",
    summary="A rail create refused for its details has consumed the quote by then",
    fact="gate facts section 4.I: such a body is a 400, which redeems nothing",
    klass="rails",
    breaks=("GATE-RAIL-REFUSES-DETAILS",),
)
def gate_rail_details_use_quote_up(patch: Patch) -> None:
    consume_when_refused(patch, 400)


@fault(
    "gate-rail-for-ended-session",
    summary="A quote is redeemed for a session that has ended",
    fact="gate facts sections 2.2 and 4.I: 409 for what is terminal or otherwise conflicting",
    klass="rails",
    breaks=("GATE-RAIL-REFUSES-ENDED-SESSION",),
)
def gate_rail_for_ended_session(patch: Patch) -> None:
    healthy = rails.check_session

    def check_session(session: Session) -> None:
        healthy(replace(session, status=sessions.OPEN))

    patch.replace(rails, "check_session", check_session)


@fault(
    "gate-rail-for-completed-session",
    summary="A quote is redeemed for a session that has been completed; only cancelled and expired ones are refused",
    fact="gate facts section 5.1: completed is terminal",
    klass="rails",
    breaks=("GATE-RAIL-REFUSES-ENDED-SESSION",),
)
def gate_rail_for_completed_session(patch: Patch) -> None:
    healthy = rails.check_session

    def check_session(session: Session) -> None:
        completed = session.status == sessions.COMPLETED
        healthy(replace(session, status=sessions.OPEN) if completed else session)

    patch.replace(rails, "check_session", check_session)


@fault(
    "gate-rail-refused-uses-quote-up",
    summary="A rail create refused with 409 for its session has consumed the quote by then",
    fact="gate facts section 4.I: a conflict redeems nothing; the quote stays as it was",
    klass="rails",
    breaks=("GATE-RAIL-REFUSES-ENDED-SESSION",),
    drags=("GATE-RAIL-KEY-OTHER-BODY", "GATE-QUOTE-EXPIRES"),
)
def gate_rail_refused_uses_quote_up(patch: Patch) -> None:
    consume_when_refused(patch, 409)


@fault(
    "gate-rail-for-unverified-user",
    summary="A quote is redeemed for a user who is not verified",
    fact="seed 003: rails redeem for the KYC-approved user tied to the session; gate facts section 9",
    klass="entitlements",
    breaks=("GATE-RAIL-REFUSES-UNVERIFIED",),
)
def gate_rail_for_unverified_user(patch: Patch) -> None:
    patch.replace(rails, "check_session", sessions.check_open)


@fault(
    "gate-unverified-pay-outs-only",
    summary="Verification is asked for at pay-ins and forgotten at pay-outs",
    fact="seed 003: pay-ins and pay-outs redeem for the KYC-approved user tied to the session",
    klass="entitlements",
    breaks=("GATE-RAIL-REFUSES-UNVERIFIED",),
)
def gate_unverified_pay_outs_only(patch: Patch) -> None:
    healthy_create, healthy_check = rails.create, rails.check_session
    under_way = threading.local()

    def create(call: Call, kind: str) -> Reply:
        under_way.kind = kind
        return healthy_create(call, kind)

    def check_session(session: Session) -> None:
        check = sessions.check_open if under_way.kind == rails.PAY_OUT else healthy_check
        check(session)

    patch.replace(rails, "create", create)
    patch.replace(rails, "check_session", check_session)


@fault(
    "gate-rail-unverified-uses-quote-up",
    summary="A rail create refused for verification has consumed the quote by then",
    fact="gate facts section 4.I: a refusal redeems nothing",
    klass="entitlements",
    breaks=("GATE-RAIL-REFUSES-UNVERIFIED",),
    drags=("GATE-DENY-RAILS-LATER", "GATE-DENY-RAILS"),
)
def gate_rail_unverified_uses_quote_up(patch: Patch) -> None:
    consume_when_refused(patch, 403)


@fault(
    "gate-rail-of-unknown-session",
    summary="A session nobody knows is made up, and the quote redeemed for it",
    fact="gate facts section 4.I: an unknown session is a 404",
    klass="rails",
    breaks=("GATE-RAIL-REFUSES-UNKNOWN",),
    drags=("GATE-ISOLATION-REDEEM",),
)
def gate_rail_of_unknown_session(patch: Patch) -> None:
    def find(tx: sqlite3.Connection, owner: str, session_id: str) -> Session:
        try:
            return sessions.find(tx, owner, session_id)
        except Refusal:
            row = tx.execute("SELECT * FROM gate_sessions WHERE owner = ? ORDER BY seq DESC", (owner,)).fetchone()
            if row is None:
                raise
            return sessions.restore(row)

    patch.replace(rails, "sessions", seams.module_with(sessions, find=find))
    patch.replace(rails, "check_session", lambda session: None)


@fault(
    "gate-unknown-session-uses-quote-up",
    summary="A rail create that names an unknown session is a 404, and its quote is consumed",
    fact="gate facts section 4.I: an unknown session is a 404, which redeems nothing",
    klass="rails",
    breaks=("GATE-RAIL-REFUSES-UNKNOWN",),
    drags=("GATE-ISOLATION-REDEEM",),
)
def gate_unknown_session_uses_quote_up(patch: Patch) -> None:
    consume_when_refused(patch, 404)


@fault(
    "gate-foreign-quote-redeemable",
    summary="A quote is redeemed by whoever names it",
    fact="gate facts section 4.I: a foreign quote is a 404",
    klass="isolation",
    breaks=("GATE-ISOLATION-REDEEM",),
)
def gate_foreign_quote_redeemable(patch: Patch) -> None:
    by_anybody(patch, "gate_quotes")


@fault(
    "gate-foreign-session-redeemed-for",
    summary="A quote is redeemed for the user of another partner's session",
    fact="gate facts section 4.I: the session is the caller's; seed 003: a mismatch is a hard failure",
    klass="isolation",
    breaks=("GATE-ISOLATION-REDEEM",),
)
def gate_foreign_session_redeemed_for(patch: Patch) -> None:
    by_anybody(patch, "gate_sessions")


@fault(
    "gate-foreign-quote-used-up",
    summary="Redeeming a foreign quote is a 404, and its owner finds it consumed",
    fact="gate facts section 4.I: a foreign quote is a 404",
    klass="isolation",
    breaks=("GATE-ISOLATION-REDEEM",),
)
def gate_foreign_quote_used_up(patch: Patch) -> None:
    healthy = rails.create

    def create(call: Call, kind: str) -> Reply:
        try:
            return healthy(call, kind)
        except Refusal as refused:
            if refused.status == 404:
                with call.sandbox.store.write() as tx:
                    tx.execute(
                        "UPDATE gate_quotes SET consumed_at = created_at WHERE quote_id = ? AND owner != ?",
                        (str(members.body_of(call).get("quote_id")), call.owner),
                    )
            raise

    patch.replace(rails, "create", create)


def check_not_lapsed(quote: Quote, now: int) -> None:
    """409 for a lapsed quote, but not for a consumed one."""
    if quotes.state(replace(quote, consumed_at=None), now) == quotes.EXPIRED:
        raise conflict("the quote is expired")


def show_otherwise(patch: Patch, change: Callable[[Rail], Mapping[str, object]]) -> None:
    """Show a rail with other members, wherever it is shown."""
    healthy = rails.render
    patch.replace(rails, "render", lambda rail: {**healthy(rail), **change(rail)})


def rail_of(call: Call, quote_id: object) -> Rail | None:
    """The caller's rail that this quote became."""
    with call.sandbox.store.read() as tx:
        row = tx.execute("SELECT * FROM gate_rails WHERE owner = ? AND quote_id = ?", (call.owner, quote_id)).fetchone()
    return None if row is None else rails.restore(row)


def consume_when_refused(patch: Patch, status: int) -> None:
    """Mark the caller's quote as consumed by a create that is refused with this status."""
    healthy = rails.create

    def create(call: Call, kind: str) -> Reply:
        try:
            return healthy(call, kind)
        except Refusal as refused:
            if refused.status == status:
                with call.sandbox.store.write() as tx:
                    tx.execute(
                        "UPDATE gate_quotes SET consumed_at = created_at"
                        " WHERE quote_id = ? AND owner = ? AND consumed_at IS NULL",
                        (str(members.body_of(call).get("quote_id")), call.owner),
                    )
            raise

    patch.replace(rails, "create", create)


def by_anybody(patch: Patch, table: str) -> None:
    """Let a create find the rows of this table whosever they are."""
    for handler in ("create_pay_in", "create_pay_out"):
        gate_seams.requery(
            patch, rails, handler, (f"FROM {table} WHERE owner = ?", f"FROM {table} WHERE ? IS NOT NULL")
        )

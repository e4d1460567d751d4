"""Deny-closed: each gate of 0Gate against each of its operations as one table, and the proof that nothing moves."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conformance.client import GateApi, Reply
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.bystanders import Bystanders, bystanders, if_given
from conformance.scenarios.gate.desk import OFF_RAMP, ON_RAMP, RAIL_OF, Desk, Quote, Session
from conformance.scenarios.gate.doors import DOORS, Aims
from conformance.scenarios.gate.redeeming import ready_session
from conformance.scenarios.gate.test_session_idempotency import listed
from conformance.scenarios.judging import Judge, scenario

PRODUCT, RAILS, CUSTOMERS = "GATE-DENY-PRODUCT", "GATE-DENY-RAILS", "GATE-DENY-CUSTOMERS"
LATER, TRUST = "GATE-DENY-RAILS-LATER", "GATE-DENY-TRUST"

Statuses = frozenset[int]

SHUT: Statuses = frozenset({403})
HIDDEN: Statuses = frozenset({403, 404})
"""For an operation on somebody else's object, which the account may not see either: which is said first is nowhere."""
EITHER: Statuses = frozenset({401, 403})
"""For the bootstrap with a secret key, which is the wrong key as well."""
OPEN: Statuses = frozenset()
"""Not shut by this gate."""

MATRIX: Mapping[str, tuple[Statuses, Statuses, Statuses]] = {
    #                               no 0Gate  no rails  no customers
    "createSession":                (SHUT,    OPEN,     OPEN),
    "listSessions":                 (SHUT,    OPEN,     OPEN),
    "retrieveSession":              (HIDDEN,  OPEN,     OPEN),
    "cancelSession":                (HIDDEN,  OPEN,     OPEN),
    "listCountries":                (SHUT,    OPEN,     OPEN),
    "listCurrencies":               (SHUT,    OPEN,     OPEN),
    "listAssets":                   (SHUT,    OPEN,     OPEN),
    "getAsset":                     (SHUT,    OPEN,     OPEN),
    "listPaymentMethods":           (SHUT,    OPEN,     OPEN),
    "listPayoutMethods":            (SHUT,    OPEN,     OPEN),
    "checkEligibility":             (SHUT,    OPEN,     OPEN),
    "previewQuotes":                (SHUT,    OPEN,     OPEN),
    "listTransactions":             (SHUT,    OPEN,     OPEN),
    "retrieveTransaction":          (HIDDEN,  OPEN,     OPEN),
    "createEmbedToken":             (EITHER,  OPEN,     OPEN),
    "getBranding":                  (SHUT,    OPEN,     OPEN),
    "updateBranding":               (SHUT,    OPEN,     OPEN),
    "listPartnerWebhookDeliveries": (SHUT,    OPEN,     OPEN),
    "replayWebhookDelivery":        (HIDDEN,  OPEN,     OPEN),
    "sendTestWebhook":              (SHUT,    OPEN,     OPEN),
    "createCustomer":               (SHUT,    OPEN,     SHUT),
    "listCustomers":                (SHUT,    OPEN,     SHUT),
    "getCustomer":                  (HIDDEN,  OPEN,     HIDDEN),
    "updateCustomer":               (HIDDEN,  OPEN,     HIDDEN),
    "deleteCustomer":               (HIDDEN,  OPEN,     HIDDEN),
    "lockQuote":                    (SHUT,    SHUT,     OPEN),
    "retrieveSignedQuote":          (HIDDEN,  HIDDEN,   OPEN),
    "createPayIn":                  (HIDDEN,  HIDDEN,   OPEN),
    "retrievePayIn":                (HIDDEN,  HIDDEN,   OPEN),
    "createPayOut":                 (HIDDEN,  HIDDEN,   OPEN),
    "retrievePayOut":               (HIDDEN,  HIDDEN,   OPEN),
}  # fmt: skip
"""What each operation may answer behind each gate, aimed at objects of an account that is let in."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: its requirement, the account that stands before it, and its column of the table."""

    requirement: str
    account: str
    column: int

    def shuts(self) -> dict[str, Statuses]:
        """The operations it shuts, and what they may answer."""
        return {name: row[self.column] for name, row in MATRIX.items() if row[self.column]}


NO_GATE = Gate(PRODUCT, "no_gate", 0)
NO_RAILS = Gate(RAILS, "no_rails", 1)
NO_CUSTOMERS = Gate(CUSTOMERS, "no_customers", 2)


def tried(api: GateApi, gate: Gate, aims: Aims) -> list[tuple[str, Reply]]:
    """Every operation the gate shuts, tried with ``api``."""
    shut = gate.shuts()
    return [(door.name, door.knock(api, aims)) for door in DOORS if door.name in shut]


def let_through(gate: Gate, replies: Sequence[tuple[str, Reply]]) -> list[str]:
    """The operations that answered something else than the table allows."""
    shut = gate.shuts()
    return [f"{name} {reply.status}" for name, reply in replies if reply.status not in shut[name]]


def judge_gate(judge: Judge, gate: Gate, others: Bystanders, aims: Aims, api: GateApi) -> None:
    """Judge that every operation the gate shuts is refused, and prove that nothing moved."""
    replies = tried(api, gate, aims)
    wrong = let_through(gate, replies)
    proof = others.proof(aims)
    judge.check(
        gate.requirement,
        not wrong and proof.ok,
        f"{gate.account}: 403 from all {len(replies)} operations (404 for objects of others), and nothing moved",
        f"{gate.account}: {', '.join(wrong) or 'refused by all'}; {proof.observed}",
        *(reply for _, reply in replies),
        *proof.seen,
    )


@scenario(PRODUCT, needs=["account:no_gate"])
def test_an_account_without_0gate_is_refused_by_every_operation(bench: Bench, desk: Desk, judge: Judge) -> None:
    others = bystanders(desk)
    aims = others.aims()
    judge_gate(judge, NO_GATE, others, aims, bench.gate("no_gate"))
    if bench.target.accounts["no_gate"].publishable_key is None:
        return
    started = bench.gate_published("no_gate").bootstrap({}, aims.bootstrap_headers)
    judge.check(
        PRODUCT,
        started.status in EITHER,
        "no token for its publishable key",
        f"the bootstrap answered {started.status}",
        started,
    )


@scenario(RAILS, needs=["account:no_rails"])
def test_an_account_without_rails_is_refused_by_quotes_and_rails(bench: Bench, desk: Desk, judge: Judge) -> None:
    others = bystanders(desk)
    refused = Desk(bench, "no_rails")
    # Its own session, so that nothing but the quote and the entitlement can be in the way.
    aims = dataclasses.replace(others.aims(), session=refused.open_session().id)
    judge_gate(judge, NO_RAILS, others, aims, refused.api)


@scenario(CUSTOMERS, needs=["account:no_customers"])
def test_an_account_without_customer_records_is_refused_by_them(bench: Bench, desk: Desk, judge: Judge) -> None:
    others = bystanders(desk)
    refused = Desk(bench, "no_customers")
    refused.open_session()
    judge_gate(judge, NO_CUSTOMERS, others, others.aims(), refused.api)


@dataclass(frozen=True, slots=True)
class Own:
    """What an account had before a gate was shut before it."""

    desk: Desk
    session: Session
    quotes: tuple[Quote, ...]
    rail: tuple[str, str] | None

    def untouched(self) -> list[str]:
        """What has changed of it, in words; empty for nothing."""
        status = self.desk.status_of(self.session.id)
        problems = [] if status == "open" else [f"the session reads {status}"]
        for quote in self.quotes:
            if not self.desk.untouched(quote, found := self.desk.quote_status(quote)):
                problems.append(f"the {quote.side} quote reads {found}")
        return problems


def spare(bench: Bench) -> Desk:
    """The account before which a gate is shut for a moment: one on which nothing else of this run stands."""
    return Desk(bench, "other_partner" if "other_partner" in bench.target.accounts else "approved")


@scenario(LATER, RAILS, needs=["rails", "outcome:rails_removed", "outcome:gate_restored"], trades=3)
def test_a_quote_locked_while_entitled_is_refused_once_the_entitlement_is_gone(bench: Bench, judge: Judge) -> None:
    desk = spare(bench)
    own = own_objects(bench, desk)
    keys = {quote.id: bench.uuid() for quote in own.quotes}
    bench.perform("rails_removed", account=desk.account)
    try:
        redeemed = [desk.redeem(own.session.id, quote, keys[quote.id]) for quote in own.quotes]
        reads = [desk.api.quote(quote.id) for quote in own.quotes]
        reads += [desk.api.rail(*own.rail)] if own.rail else []
        locked = desk.api.lock_quote(own.quotes[0].request, bench.uuid())
        shown = desk.api.session(own.session.id)
    finally:
        bench.perform("gate_restored", account=desk.account)
    if all(reply.ok for reply in (*redeemed, *reads, locked)):
        missing = "a recipe [outcomes.rails_removed] that takes the entitlement away"
        for requirement in (LATER, RAILS):
            judge.cannot(requirement, missing, "the operator of the target")
        return
    problems = own.untouched()
    judge.check(
        LATER,
        all(reply.status == 403 for reply in redeemed) and not problems,
        "403 for each redemption, and the quotes active",
        f"{', '.join(str(reply.status) for reply in redeemed)}; {'; '.join(problems) or 'nothing moved'}",
        *(quote.reply for quote in own.quotes),
        *redeemed,
    )
    # Own objects: nothing but the entitlement keeps the account from them.
    statuses = [reply.status for reply in (*reads, locked)]
    judge.check(
        RAILS,
        set(statuses) == {403} and shown.ok,
        "403 for its own quotes and rails and for another lock, and its sessions as before",
        f"{', '.join(map(str, statuses))}; its session answered {shown.status}",
        *reads,
        locked,
        shown,
    )


def own_objects(bench: Bench, desk: Desk) -> Own:
    """A session, quotes of the sides at hand and a rail. Raises ``Refused`` where there is no quote at all."""
    session = ready_session(desk)
    first = desk.lock(ON_RAMP)
    made = desk.redeem(session.id, first, bench.uuid()).object().get("id")
    quotes = (desk.lock(ON_RAMP), if_given(lambda: desk.lock(OFF_RAMP)))
    rail = (RAIL_OF[ON_RAMP], made) if isinstance(made, str) else None
    return Own(desk, session, tuple(quote for quote in quotes if quote), rail)


@scenario(PRODUCT, needs=["outcome:gate_removed", "outcome:gate_restored"])
def test_an_account_that_loses_0gate_is_kept_from_its_own_objects(bench: Bench, judge: Judge) -> None:
    desk = spare(bench)
    ours = bystanders(desk)
    aims = ours.aims()
    bench.perform("gate_removed", account=desk.account)
    try:
        replies = tried(desk.api, NO_GATE, aims)
    finally:
        bench.perform("gate_restored", account=desk.account)
    if all(reply.ok for name, reply in replies if name.startswith(("list", "check"))):
        missing = "a recipe [outcomes.gate_removed] that takes the product away"
        judge.cannot(PRODUCT, missing, "the operator of the target")
        return
    own = {"retrieveSession", "cancelSession"}
    own |= {"retrieveSignedQuote"} if ours.quote else set()
    own |= {"getCustomer", "updateCustomer", "deleteCustomer"} if ours.customer else set()
    wrong = let_through(NO_GATE, replies)
    wrong += [f"{name} 404" for name, reply in replies if name in own and reply.status == 404]
    proof = ours.proof(aims)
    judge.check(
        PRODUCT,
        not wrong and proof.ok,
        f"403 from all {len(replies)} operations once the product is gone, and nothing moved",
        f"{', '.join(wrong) or 'refused by all'}; {proof.observed}",
        *(reply for _, reply in replies),
        *proof.seen,
    )


@scenario(TRUST)
def test_a_verification_package_of_an_account_nobody_trusts_is_refused(bench: Bench, desk: Desk, judge: Judge) -> None:
    request = desk.session_request(kyc_package={"reference": desk.tag()})
    reply = desk.api.create_session(request, bench.uuid())
    made = desk.noted(request, reply)
    if reply.status == 403 or made is not None:
        kept = listed(desk, request, wanted=made is not None)
        judge.check(
            TRUST,
            reply.status == 403 and not kept,
            "403, and no session",
            f"{reply.status}; {len(kept)} session(s)",
            reply,
        )
        return
    # What a package looks like is published nowhere, so that ours may be refused for its looks.
    judge.cannot(TRUST, f"a verification package the target can read (it answered {reply.status})", "0Bit")

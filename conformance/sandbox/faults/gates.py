"""Mistakes with the gates: one that is missing somewhere, answers wrongly, or refuses too late."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from types import ModuleType
from typing import Any

from conformance.sandbox import clock
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import seams
from conformance.sandbox.pools import access, catalogue, discovery, gates, quotes, trades, transact
from conformance.sandbox.pools.access import Access
from conformance.sandbox.pools.catalogue import Pool
from conformance.sandbox.pools.quotes import Quote
from conformance.sandbox.pools.trades import Trade
from conformance.sandbox.pools.transact import Execution
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch, fault


def let_pass(patch: Patch, module: ModuleType, **standing: Any) -> None:
    """Let one module see every account in this standing when it asks the gates."""

    def entitle(its_access: Access, pool_id: str) -> Pool:
        return gates.entitle(replace(its_access, **standing), pool_id)

    patch.replace(module, "gates", seams.module_with(gates, entitle=entitle))


def let_any_pool_pass(patch: Patch, module: ModuleType) -> None:
    """Let one module see every pool of the catalogue as allowed."""
    let_pass(patch, module, allowed_pools=tuple(catalogue.POOLS))


@fault(
    "two-problems-are-none",
    summary="Problems are collected and refused when there is one; several are handed on to a form nobody reads",
    fact="facts section 8: every gate must be open; seed 000: deny-closed",
    klass="gates",
    breaks=("POOLS-DENY-COMBINED",),
)
def two_problems_are_none(patch: Patch) -> None:
    def entitle(its_access: Access, pool_id: str) -> Pool:
        pool = catalogue.find(pool_id)
        checks: list[Callable[[], None]] = [
            lambda: gates.check_access_row(its_access),
            lambda: gates.check_kyc(its_access),
            lambda: gates.check_tier(its_access),
            lambda: gates.check_pool(its_access, pool),
        ]
        problems = []
        for check in checks:
            try:
                check()
            except Refusal as problem:
                problems.append(problem)
        if len(problems) == 1:
            raise problems[0]
        return pool

    for module in (quotes, transact):
        patch.replace(module, "gates", seams.module_with(gates, entitle=entitle))


@fault(
    "suspension-hides-kyc",
    summary="Transact leaves a suspended account with revoked KYC to a review queue, and lets it through until then",
    fact="facts section 8, gates 5 and 6: both must be true",
    klass="gates",
    breaks=("POOLS-DENY-COMBINED",),
)
def suspension_hides_kyc(patch: Patch) -> None:
    def entitle(its_access: Access, pool_id: str) -> Pool:
        if its_access.status == "suspended" and its_access.kyc_status == "revoked":
            its_access = replace(its_access, status="active", kyc_status="approved")
        return gates.entitle(its_access, pool_id)

    patch.replace(transact, "gates", seams.module_with(gates, entitle=entitle))


@fault(
    "access-gate-missing-at-quote",
    summary="Quotes are made for accounts without an access record",
    fact="facts section 8, gate 5: 403 pools_not_enabled",
    klass="gates",
    breaks=("POOLS-DENY-NO-ACCESS",),
    drags=("POOLS-DENY-SUSPENDED",),
)
def access_gate_missing_at_quote(patch: Patch) -> None:
    let_pass(patch, quotes, status="active")


@fault(
    "access-gate-missing-at-transact",
    summary="Transact does not ask for the access record: a quote made earlier is entitlement enough",
    fact="facts section 8, gate 5; seed 000: execution is forbidden without an active access row",
    klass="gates",
    breaks=("POOLS-DENY-NO-ACCESS", "POOLS-DENY-SUSPENDED", "POOLS-DENY-AT-TRANSACT"),
)
def access_gate_missing_at_transact(patch: Patch) -> None:
    let_pass(patch, transact, status="active")


@fault(
    "suspension-gate-missing-at-quote",
    summary="Only a missing access record refuses a quote; a suspended one does not",
    fact="facts section 8, gate 5: 403 pool_access_suspended",
    klass="gates",
    breaks=("POOLS-DENY-SUSPENDED",),
)
def suspension_gate_missing_at_quote(patch: Patch) -> None:
    def entitle(its_access: Access, pool_id: str) -> Pool:
        standing = "active" if its_access.status == "suspended" else its_access.status
        return gates.entitle(replace(its_access, status=standing), pool_id)

    patch.replace(quotes, "gates", seams.module_with(gates, entitle=entitle))


@fault(
    "suspension-seen-too-late",
    summary="Transact asks for the access record after it has booked, and leaves what it booked",
    fact="facts section 4.4: no 4xx leaves a debit or a trade behind",
    klass="gates",
    breaks=("POOLS-DENY-AT-TRANSACT",),
    drags=("POOLS-DENY-SUSPENDED", "POOLS-DENY-NO-ACCESS", "POOLS-RECONCILES"),
)
def suspension_seen_too_late(patch: Patch) -> None:
    healthy = transact.execute_once

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        booked = healthy(execution)
        with execution.sandbox.store.read() as tx:
            gates.check_access_row(access.load(tx, execution.account))
        return booked

    let_pass(patch, transact, status="active")
    patch.replace(transact, "execute_once", execute_once)


@fault(
    "kyc-gate-missing-at-quote",
    summary="Quotes are made while verification is pending",
    fact="facts section 8, gate 6: 403 kyc_not_approved",
    klass="gates",
    breaks=("POOLS-DENY-KYC",),
)
def kyc_gate_missing_at_quote(patch: Patch) -> None:
    let_pass(patch, quotes, kyc_status="approved")


@fault(
    "kyc-gate-missing-at-transact",
    summary="Transact does not look at the verification",
    fact="facts section 8, gate 6: 403 kyc_not_approved",
    klass="gates",
    breaks=("POOLS-DENY-KYC",),
)
def kyc_gate_missing_at_transact(patch: Patch) -> None:
    let_pass(patch, transact, kyc_status="approved")


@fault(
    "tier-gate-missing-at-quote",
    summary="Quotes are made for accounts without a tier",
    fact="facts section 8, gate 7: 403",
    klass="gates",
    breaks=("POOLS-DENY-TIER",),
)
def tier_gate_missing_at_quote(patch: Patch) -> None:
    let_pass(patch, quotes, tier="standard")


@fault(
    "tier-gate-missing-at-transact",
    summary="Transact does not ask for a tier",
    fact="facts section 8, gate 7: 403",
    klass="gates",
    breaks=("POOLS-DENY-TIER",),
)
def tier_gate_missing_at_transact(patch: Patch) -> None:
    let_pass(patch, transact, tier="standard")


@fault(
    "pool-gate-missing-at-quote",
    summary="Any pool of the catalogue can be quoted",
    fact="facts section 8, gate 8: 403 pool_not_allowed or 404",
    klass="gates",
    breaks=("POOLS-DENY-POOL",),
)
def pool_gate_missing_at_quote(patch: Patch) -> None:
    let_any_pool_pass(patch, quotes)


@fault(
    "pool-gate-missing-at-capabilities",
    summary="The capabilities of any pool of the catalogue can be read",
    fact="facts section 8, gate 8: 403 pool_not_allowed or 404 on every entitled route",
    klass="gates",
    breaks=("POOLS-DENY-POOL",),
)
def pool_gate_missing_at_capabilities(patch: Patch) -> None:
    def read_capabilities(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            its_access = access.load(tx, call.account)
        pool = gates.entitle(replace(its_access, allowed_pools=tuple(catalogue.POOLS)), call.path["id"])
        return Reply(200, discovery.render_capabilities(call.account, its_access, pool))

    patch.replace(discovery, "read_capabilities", read_capabilities)


@fault(
    "pool-gate-missing-at-balance",
    summary="The balance is the partner's, so the pool in the path only has to exist",
    fact="facts section 8, gate 8: 403 pool_not_allowed or 404 on every entitled route",
    klass="gates",
    breaks=("POOLS-DENY-POOL",),
)
def pool_gate_missing_at_balance(patch: Patch) -> None:
    healthy = discovery.read_balance

    def read_balance(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            allowed = access.load(tx, call.account).allowed_pools
        catalogue.find(call.path["id"])
        return healthy(replace(call, path={"id": allowed[0]}))

    patch.replace(discovery, "read_balance", read_balance)


@fault(
    "codes-all-forbidden",
    summary="Every denial has the code forbidden",
    fact="facts section 2.3: each denial has its code",
    klass="gates",
    breaks=("POOLS-DENY-NO-ACCESS", "POOLS-DENY-SUSPENDED", "POOLS-DENY-KYC", "POOLS-DENY-POOL"),
    drags=("POOLS-DENY-AT-TRANSACT", "WIRE-BODY", "WIRE-ERROR-ENVELOPE"),
)
def codes_all_forbidden(patch: Patch) -> None:
    patch.replace(gates, "Refusal", seams.refusal_with(lambda status, code: (status, "forbidden")))


@fault(
    "suspended-as-401",
    summary="A suspended account is told that its key is not known",
    fact="facts section 8, gate 5: 403",
    klass="gates",
    breaks=("POOLS-DENY-SUSPENDED",),
    drags=("POOLS-DENY-AT-TRANSACT", "POOLS-DENY-TIER"),
)
def suspended_as_401(patch: Patch) -> None:
    change_refusal(patch, "pool_access_suspended", 401, "unauthorized")


@fault(
    "tier-as-400",
    summary="A missing tier is answered with 400",
    fact="facts section 8, gate 7: 403",
    klass="gates",
    breaks=("POOLS-DENY-TIER",),
    drags=("WIRE-STATUS", "WIRE-BODY"),
)
def tier_as_400(patch: Patch) -> None:
    def check_tier(its_access: Access) -> None:
        if its_access.tier is None:
            raise Refusal(400, "invalid_request", "no tier is assigned to the account")

    patch.replace(gates, "check_tier", check_tier)


@fault(
    "pool-denied-as-400",
    summary="A pool outside the allowed list is a 400",
    fact="facts section 8, gate 8: 403 pool_not_allowed or 404",
    klass="gates",
    breaks=("POOLS-DENY-POOL",),
    drags=("WIRE-STATUS", "WIRE-BODY"),
)
def pool_denied_as_400(patch: Patch) -> None:
    change_refusal(patch, "pool_not_allowed", 400, "invalid_request")


@fault(
    "balance-gate-missing",
    summary="The balance is not looked at: executing drives it below zero",
    fact="facts section 8, gate 14: 402",
    klass="gates",
    breaks=("POOLS-DENY-BALANCE",),
)
def balance_gate_missing(patch: Patch) -> None:
    patch.replace(transact, "check_balance", lambda tx, its_access, quote: None)


@fault(
    "refused-402-uses-quote-up",
    summary="The quote is consumed before the balance is looked at, and stays so after a 402",
    fact="facts section 8, gate 14: a refused transact leaves the quote as it was",
    klass="gates",
    breaks=("POOLS-DENY-BALANCE",),
)
def refused_402_uses_quote_up(patch: Patch) -> None:
    use_up_quote_on(patch, 402)


@fault(
    "refused-402-keeps-trade",
    summary="The trade is stored before the balance is looked at, and stays after a 402",
    fact="facts section 4.4: no 4xx leaves a trade behind",
    klass="gates",
    breaks=("POOLS-DENY-BALANCE",),
    drags=("POOLS-RECONCILES",),
)
def refused_402_keeps_trade(patch: Patch) -> None:
    def keep(tx: sqlite3.Connection, execution: Execution, quote: Quote, now: int) -> None:
        trades.insert(tx, execution.sandbox.mode, quote.owner, quote.quote_id, quote.terms, now)

    after_refusal(patch, 402, keep)


@fault(
    "velocity-per-order",
    summary="The rolling cap is compared with the single order",
    fact="facts section 9: the notional of a rolling 24 hours",
    klass="gates",
    breaks=("POOLS-DENY-VELOCITY",),
)
def velocity_per_order(patch: Patch) -> None:
    patch.replace(transact, "notional_since", lambda tx, owner, since: Decimal(0))


@fault(
    "velocity-as-402",
    summary="Beyond the rolling cap transact answers 402",
    fact="facts section 8, gate 13: 429",
    klass="gates",
    breaks=("POOLS-DENY-VELOCITY",),
)
def velocity_as_402(patch: Patch) -> None:
    def change(status: int, code: str) -> tuple[int, str]:
        return (402, "insufficient_balance") if status == 429 else (status, code)

    patch.replace(transact, "Refusal", seams.refusal_with(change))


@fault(
    "velocity-stops-quotes",
    summary="An account with a cap on its volume gets 429 for quotes too once it has traded",
    fact="facts section 9: only transact answers 429; quotes and reads go on",
    klass="gates",
    breaks=("POOLS-DENY-VELOCITY",),
)
def velocity_stops_quotes(patch: Patch) -> None:
    healthy = quotes.create

    def create(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            cap = access.load(tx, call.account).cap
            now = clock.account_now(tx, call.sandbox.clock, call.account)
            spent = transact.notional_since(tx, call.owner, now - transact.VELOCITY_WINDOW_SECONDS)
        if cap is not None and spent > 0:
            raise Refusal(429, "velocity_limit_exceeded", "the rolling 24-hour notional cap is reached")
        return healthy(call)

    patch.replace(quotes, "create", create)


@fault(
    "off-ramp-executed",
    summary="Off-ramp quotes can be executed by everybody",
    fact="facts section C9: transact of an off-ramp quote is a 501 where it is not enabled",
    klass="gates",
    breaks=("POOLS-DENY-OFF-RAMP",),
    drags=("POOLS-RECONCILES", "POOLS-TRADES-FILTERS"),
)
def off_ramp_executed(patch: Patch) -> None:
    patch.replace(gates, "check_side_executable", lambda its_access, side: None)


@fault(
    "off-ramp-crashes",
    summary="Executing an off-ramp quote ends in a NotImplementedError and a 500",
    fact="facts section C9: 501",
    klass="gates",
    breaks=("POOLS-DENY-OFF-RAMP", "WIRE-NO-SERVER-ERROR"),
    drags=("WIRE-STATUS",),
)
def off_ramp_crashes(patch: Patch) -> None:
    def check_side_executable(its_access: Access, side: str) -> None:
        if side == catalogue.OFF_RAMP:
            raise NotImplementedError("off-ramp")

    patch.replace(gates, "check_side_executable", check_side_executable)


@fault(
    "off-ramp-as-409",
    summary="Executing an off-ramp quote that is not enabled is a 409",
    fact="facts section C9: 501",
    klass="gates",
    breaks=("POOLS-DENY-OFF-RAMP",),
)
def off_ramp_as_409(patch: Patch) -> None:
    change_refusal(patch, "off_ramp_not_enabled", 409, "conflict")


@fault(
    "off-ramp-uses-quote-up",
    summary="Executing an off-ramp quote is a 501, and the quote is consumed by it",
    fact="facts sections 4.4 and C9: a 501 moves nothing",
    klass="gates",
    breaks=("POOLS-DENY-OFF-RAMP",),
)
def off_ramp_uses_quote_up(patch: Patch) -> None:
    use_up_quote_on(patch, 501)


def change_refusal(patch: Patch, code: str, status: int, instead: str) -> None:
    """Answer one refusal of the gates with another status and code."""

    def change(its_status: int, its_code: str) -> tuple[int, str]:
        return (status, instead) if its_code == code else (its_status, its_code)

    patch.replace(gates, "Refusal", seams.refusal_with(change))


def after_refusal(
    patch: Patch, status: int, act: Callable[[sqlite3.Connection, Execution, Quote, int], object]
) -> None:
    """Let a transact refused with this status do something that stays."""
    healthy = transact.execute_once

    def execute_once(execution: Execution) -> tuple[Trade, bool]:
        try:
            return healthy(execution)
        except Refusal as refused:
            if refused.status == status:
                with execution.sandbox.store.write() as tx:
                    now = clock.account_now(tx, execution.sandbox.clock, execution.account)
                    act(tx, execution, quotes.find(tx, execution.owner, execution.quote_id), now)
            raise

    patch.replace(transact, "execute_once", execute_once)


def use_up_quote_on(patch: Patch, status: int) -> None:
    """Let a transact refused with this status consume its quote."""
    after_refusal(patch, status, lambda tx, execution, quote, now: quotes.consume(tx, quote, now))


@fault(
    "cap-forgets-the-order",
    summary="The order at hand is taken off what was traded before instead of being added to it",
    fact="facts section 9: the rolling notional must stay below the cap",
    klass="gates",
    breaks=("POOLS-DENY-VELOCITY",),
)
def cap_forgets_the_order(patch: Patch) -> None:
    def check_velocity(tx: sqlite3.Connection, its_access: Access, quote: Quote, now: int) -> None:
        free = replace(quote, terms=replace(quote.terms, fiat_amount=-quote.terms.fiat_amount))
        healthy(tx, its_access, free, now)

    healthy = transact.check_velocity
    patch.replace(transact, "check_velocity", check_velocity)

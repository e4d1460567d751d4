"""Deny-closed: every gate of 0Pools refuses quote and transact with its own answer, and nothing moves."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.client import Reply
from conformance.scenarios.bench import Bench
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.desk import Desk, Terms, firm_quote
from conformance.scenarios.pools.proof import nothing_moved


@dataclass(frozen=True, slots=True)
class Gate:
    """One account standing that must be refused: the requirement, the account, and the answers that may be given."""

    requirement: str
    account: str
    statuses: frozenset[int]
    codes: frozenset[str] | None
    """Codes a 403 may carry; None where no source names one."""


ACCESS = (
    Gate("POOLS-DENY-NO-ACCESS", "no_access", frozenset({403}), frozenset({"pools_not_enabled"})),
    Gate("POOLS-DENY-SUSPENDED", "suspended", frozenset({403}), frozenset({"pool_access_suspended"})),
    Gate("POOLS-DENY-KYC", "kyc_pending", frozenset({403}), frozenset({"kyc_not_approved"})),
    Gate("POOLS-DENY-KYC", "kyc_revoked", frozenset({403}), frozenset({"kyc_not_approved"})),
    Gate("POOLS-DENY-TIER", "no_tier", frozenset({403}), None),
    # Contradiction C1: a pool outside the allowed list is 404 on some pages and 403 pool_not_allowed on others.
    Gate("POOLS-DENY-POOL", "pool_not_allowed", frozenset({403, 404}), frozenset({"pool_not_allowed"})),
    # Contradiction C3: the other mode is 403 key_mode_mismatch, 401, or an environment error.
    Gate("AUTH-KEY-MODE", "wrong_mode", frozenset({401, 403}), frozenset({"key_mode_mismatch"})),
)
GUARDED = ("quote", "transact", "capabilities", "balance")


@dataclass(frozen=True, slots=True)
class Ground:
    """What the approved account provides for judging a refused one: its pool, and a quote that must stay untouched."""

    desk: Desk
    terms: Terms
    quote: str


def prepared(bench: Bench) -> Ground:
    """A firm quote of the approved account, as the object a refused account tries to execute."""
    desk = Desk(bench)
    return Ground(desk, desk.terms, desk.firm().id)


def attempt(bench: Bench, gate: Gate, operation: str, ground: Ground) -> Reply:
    """Try a guarded operation with the gate's account."""
    api, terms = bench.pools(gate.account), ground.terms
    match operation:
        case "quote":
            return api.quote(terms.pool, terms.request())
        case "transact":
            return api.transact(terms.pool, ground.quote, bench.key())
        case "capabilities":
            return api.capabilities(terms.pool)
        case _:
            return api.balance(terms.pool)


def refusal_problem(gate: Gate, operation: str, reply: Reply) -> str:
    """What is wrong with the refusal; empty when it is the gate's own answer."""
    if reply.ok:
        return f"{operation} answered {reply.status}"
    # transact carries the approved account's quote, which this account must not see either: 404 is as closed as 403.
    statuses = gate.statuses | ({404} if operation == "transact" else set())
    if reply.status not in statuses:
        return f"{operation} answered {reply.status}"
    code = reply.object().get("code")
    # An envelope without a code is a finding of the contract; here it says nothing about the gate.
    if reply.status == 403 and gate.codes is not None and isinstance(code, str) and code not in gate.codes:
        return f"{operation} answered 403 with code {code}"
    return ""


def judge_gate(bench: Bench, judge: Judge, gate: Gate) -> None:
    """Try every guarded operation behind one gate, then prove that the approved account's quote is untouched."""
    ground = prepared(bench)
    replies = [attempt(bench, gate, operation, ground) for operation in GUARDED]
    problems = [
        problem
        for operation, reply in zip(GUARDED, replies, strict=True)
        if (problem := refusal_problem(gate, operation, reply))
    ]
    proof = nothing_moved(ground.desk, ground.quote, "active")
    expected = " or ".join(map(str, sorted(gate.statuses)))
    if gate.codes:
        expected += f" ({', '.join(sorted(gate.codes))})"
    judge.check(
        gate.requirement,
        not problems and proof.ok,
        f"{gate.account}: {expected} on {', '.join(GUARDED)}, and nothing moved",
        f"{gate.account}: " + ("; ".join(problems) or "refused") + f"; {proof.observed}",
        *replies,
        *proof.seen,
    )


def _gates(requirement: str) -> list[Gate]:
    return [gate for gate in ACCESS if gate.requirement == requirement]


@scenario("POOLS-DENY-NO-ACCESS", needs=["account:no_access"])
def test_without_an_access_record_nothing_is_allowed(bench: Bench, judge: Judge) -> None:
    judge_gate(bench, judge, _gates("POOLS-DENY-NO-ACCESS")[0])


@scenario("POOLS-DENY-SUSPENDED", needs=["account:suspended"])
def test_a_suspended_partner_is_refused(bench: Bench, judge: Judge) -> None:
    judge_gate(bench, judge, _gates("POOLS-DENY-SUSPENDED")[0])


@scenario("POOLS-DENY-KYC", needs=["account:kyc_pending"])
def test_without_approved_kyc_nothing_is_allowed(bench: Bench, judge: Judge) -> None:
    for gate in _gates("POOLS-DENY-KYC"):
        if gate.account in bench.target.accounts:
            judge_gate(bench, judge, gate)


@scenario("POOLS-DENY-TIER", needs=["account:no_tier"])
def test_without_a_tier_nothing_is_allowed(bench: Bench, judge: Judge) -> None:
    judge_gate(bench, judge, _gates("POOLS-DENY-TIER")[0])


@scenario("POOLS-DENY-POOL", needs=["account:pool_not_allowed"])
def test_a_pool_outside_the_allowed_list_is_closed(bench: Bench, judge: Judge) -> None:
    judge_gate(bench, judge, _gates("POOLS-DENY-POOL")[0])


@scenario("AUTH-KEY-MODE", needs=["account:wrong_mode"])
def test_a_key_of_the_other_mode_is_refused(bench: Bench, judge: Judge) -> None:
    judge_gate(bench, judge, _gates("AUTH-KEY-MODE")[0])


@scenario("POOLS-DENY-OFF-RAMP", trades=1)
def test_off_ramp_is_closed_for_an_account_without_it(bench: Bench, desk: Desk, judge: Judge) -> None:
    sides = desk.capabilities().get("sides")
    if isinstance(sides, list) and "off_ramp" in sides:
        judge.not_applicable("POOLS-DENY-OFF-RAMP", "the account is enabled for off_ramp")
        return
    request = desk.terms.request(side="off_ramp", destAddress=None, destNetwork=None)
    quoted = desk.api.quote(desk.terms.pool, request)
    desk.remember(quoted)
    judge.observe("quote for a side that is not enabled", str(quoted.status), "POOLS-DENY-OFF-RAMP", quoted)
    quote = firm_quote(desk.terms.pool, request, quoted)
    if quote is None:
        soft = quoted.status == 200 and quoted.object().get("available") is False
        judge.check(
            "POOLS-DENY-OFF-RAMP",
            soft or quoted.status in (400, 403, 501),
            "the quote refused with 400, 403 or 501, or transact with 501",
            f"the quote answered {quoted.status}",
            quoted,
        )
        return
    bench.afford(quote.amount)
    key = bench.key()
    reply = desk.api.transact(quote.pool, quote.id, key)
    desk.note_order(quote, key, reply)
    proof = nothing_moved(desk, quote.id, "active")
    judge.check(
        "POOLS-DENY-OFF-RAMP",
        reply.status in (501, 403) and proof.ok,
        "501 at transact, and nothing moved",
        f"{reply.status}; {proof.observed}",
        quoted,
        reply,
        *proof.seen,
    )


@scenario("POOLS-DENY-OFF-RAMP", needs=["account:off_ramp"], trades=1)
def test_off_ramp_that_is_refused_at_transact_moves_nothing(bench: Bench, judge: Judge) -> None:
    desk = Desk(bench, "off_ramp")
    request = {"side": "off_ramp", "destAddress": None, "destNetwork": None}
    quoted = desk.ask(**request)
    quote = firm_quote(desk.terms.pool, desk.terms.request(**request), quoted)
    if quote is None:
        judge.not_applicable("POOLS-DENY-OFF-RAMP", "the account gets no firm off_ramp quote")
        return
    bench.afford(quote.amount)
    key = bench.key()
    reply = desk.api.transact(quote.pool, quote.id, key)
    if reply.ok:
        desk.note_order(quote, key, reply)
        judge.not_applicable("POOLS-DENY-OFF-RAMP", "the account may execute off_ramp")
        return
    proof = nothing_moved(desk, quote.id, "active")
    observed = f"{reply.status}; {proof.observed}"
    judge.check("POOLS-DENY-OFF-RAMP", proof.ok, "nothing moved", observed, reply, *proof.seen)


def judge_closed_after_quote(bench: Bench, judge: Judge, requirement: str, recipe: str, gate: Gate) -> None:
    """Close one gate between quote and transact: the quote is the account's own, so only the gate can refuse it."""
    # The second partner, so that nothing else of this run stands on the account that is switched off for a moment.
    desk = Desk(bench, "other_partner")
    quote = desk.firm()
    bench.afford(quote.amount)
    bench.perform(recipe, account=desk.account, poolId=quote.pool)
    try:
        key = bench.key()
        reply = desk.api.transact(quote.pool, quote.id, key)
        # Every guarded read still open says the recipe closed nothing; only the target's operator can mend that.
        closed = not (reply.ok and desk.ask().ok and desk.api.balance(quote.pool).ok)
    finally:
        bench.perform("access_restored", account=desk.account)
    desk.note_order(quote, key, reply)
    if not closed:
        judge.cannot(requirement, f"a recipe [outcomes.{recipe}] that closes the gate", "the operator of the target")
        return
    proof = nothing_moved(desk, quote.id, None)
    code = reply.object().get("code")
    right = reply.status in gate.statuses and not (
        reply.status == 403 and gate.codes and isinstance(code, str) and code not in gate.codes
    )
    judge.check(
        requirement,
        right and proof.ok,
        f"{' or '.join(map(str, sorted(gate.statuses)))} at transact after {recipe}, and nothing moved",
        f"{reply.status}; {proof.observed}",
        quote.reply,
        reply,
        *proof.seen,
    )


@scenario(
    "POOLS-DENY-AT-TRANSACT",
    needs=["outcome:access_suspended", "outcome:access_restored", "account:other_partner"],
    trades=1,
)
def test_a_quote_made_while_allowed_is_refused_once_access_is_suspended(bench: Bench, judge: Judge) -> None:
    gate = _gates("POOLS-DENY-SUSPENDED")[0]
    judge_closed_after_quote(bench, judge, "POOLS-DENY-AT-TRANSACT", "access_suspended", gate)


@scenario("POOLS-DENY-KYC", needs=["outcome:kyc_revoked", "outcome:access_restored", "account:other_partner"], trades=1)
def test_a_quote_made_with_kyc_is_refused_once_it_is_revoked(bench: Bench, judge: Judge) -> None:
    judge_closed_after_quote(bench, judge, "POOLS-DENY-KYC", "kyc_revoked", _gates("POOLS-DENY-KYC")[0])


@scenario(
    "POOLS-DENY-TIER", needs=["outcome:tier_removed", "outcome:access_restored", "account:other_partner"], trades=1
)
def test_a_quote_made_with_a_tier_is_refused_once_it_is_removed(bench: Bench, judge: Judge) -> None:
    judge_closed_after_quote(bench, judge, "POOLS-DENY-TIER", "tier_removed", _gates("POOLS-DENY-TIER")[0])


@scenario(
    "POOLS-DENY-POOL", needs=["outcome:pool_removed", "outcome:access_restored", "account:other_partner"], trades=1
)
def test_a_quote_made_while_the_pool_was_allowed_is_refused_once_it_is_not(bench: Bench, judge: Judge) -> None:
    judge_closed_after_quote(bench, judge, "POOLS-DENY-POOL", "pool_removed", _gates("POOLS-DENY-POOL")[0])

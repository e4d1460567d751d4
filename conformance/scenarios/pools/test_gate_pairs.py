"""Deny-closed where several gates are shut at once: whatever the answer is, it is a refusal and nothing moves."""

from __future__ import annotations

from itertools import combinations

from conformance.client import Reply
from conformance.scenarios.bench import Bench
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.desk import Desk, FirmQuote
from conformance.scenarios.pools.proof import Proof, nothing_moved

RECIPES = ("access_suspended", "kyc_revoked", "tier_removed", "pool_removed")
"""The gates an operator can shut between quote and transact."""

REFUSALS = frozenset({401, 403, 404})
"""Which of the shut gates answers, and so with which of their statuses, is stated nowhere."""


@scenario(
    "POOLS-DENY-COMBINED",
    needs=["outcome:access_suspended", "outcome:kyc_revoked", "outcome:access_restored", "account:other_partner"],
)
def test_gates_shut_in_pairs_refuse_as_each_of_them_does(bench: Bench, judge: Judge) -> None:
    at_hand = [recipe for recipe in RECIPES if recipe in bench.target.outcomes]
    # The second partner, so that nothing else of this run stands on the account that is switched off for a moment.
    desk = Desk(bench, "other_partner")
    quote = desk.firm()
    for pair in combinations(at_hand, 2):
        if desk.has_faded(quote):
            quote = desk.firm()
        tried, proof = _tried_behind(bench, desk, quote, pair)
        wrong = [f"{name} {reply.status}" for name, reply in tried if reply.status not in REFUSALS]
        judge.check(
            "POOLS-DENY-COMBINED",
            not wrong and proof.ok,
            f"{' and '.join(pair)}: every guarded operation refused, and nothing moved",
            f"{', '.join(wrong) or 'refused'}; {proof.observed}",
            quote.reply,
            *(reply for _, reply in tried),
            *proof.seen,
        )


def _tried_behind(
    bench: Bench, desk: Desk, quote: FirmQuote, recipes: tuple[str, ...]
) -> tuple[list[tuple[str, Reply]], Proof]:
    """Every guarded operation tried while ``recipes`` hold, and the proof, once they are undone, that nothing moved."""
    for recipe in recipes:
        bench.perform(recipe, account=desk.account, poolId=quote.pool)
    try:
        key = bench.key()
        tried = [
            ("transact", desk.api.transact(quote.pool, quote.id, key)),
            ("quote", desk.ask()),
            ("capabilities", desk.api.capabilities(quote.pool)),
            ("balance", desk.api.balance(quote.pool)),
        ]
    finally:
        bench.perform("access_restored", account=desk.account)
    desk.note_order(quote, key, tried[0][1])
    return tried, nothing_moved(desk, quote.id)

"""Requests to 0Gate that nobody wrote down: generated from its contract, sent to our own objects, every answer judged.

Judges what holds for every answer, and the refusal of what a source says is refused. Generating and sending live in
``generated``, which of our objects are named in ``traffic``; here is what each tier sends, and for how long.
"""

from __future__ import annotations

from contextlib import ExitStack

from conformance.client import Refused
from conformance.journal import Engine
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.demands import STATED, VALIDATIONS
from conformance.scenarios.gate.desk import Desk
from conformance.scenarios.gate.looks import put_back
from conformance.scenarios.gate.seeds import seeds_of
from conformance.scenarios.gate.traffic import RAILS, GateTraffic
from conformance.scenarios.generated import (
    WIRE,
    Linked,
    Plan,
    conclude,
    conclude_one,
    fuzzed,
    generate,
    send,
    spend,
    turns,
)
from conformance.scenarios.judging import Judge, scenario
from conformance.target import refusal

BOUNDS = {"smoke": 4, "certify": 12, "regress": 400}
"""Requests of the first two phases to one operation, by tier. The smoke tier comes here only when asked for by name."""

SECONDS = {"smoke": 30.0, "certify": 60.0}
"""How long a tier goes on sending, whatever is left; the regress tier has its share of the budget."""

FUZZED = {"smoke": 0, "certify": 31}
"""Fuzzed requests of a tier, valid ones only, about one to an operation."""

BATCH = 8
"""Cases fuzzed at a time where there are few in all, so that every operation has some."""

FURTHER_RAILS = 20
"""Quotes redeemed beyond the others in the regress tier, where the limits leave so many."""

COVERED = "generated traffic"
"""Subject of the observation that says what a budget was spent on."""


@scenario(*WIRE, *VALIDATIONS, engine=Engine.GENERATED, trades=RAILS)
def test_generated_requests_to_gate(bench: Bench, desk: Desk, judge: Judge, tier: str, budget: float) -> None:
    why = refusal(bench.target, "GET", is_generated=True)
    if why:
        raise Refused(f"a target that may be sent generated traffic ({why})", "the operator of the target")
    with ExitStack() as stack:
        try:
            stack.enter_context(put_back(desk))
            changes_look = True
        except Refused:
            changes_look = False
        further = _further_rails(bench, desk) if tier == "regress" else 0
        traffic = GateTraffic(bench, desk, further_rails=further, changes_look=changes_look)
        _send(traffic, judge, tier, budget)
    conclude(judge, traffic, WIRE)
    for requirement in VALIDATIONS:
        _conclude(judge, traffic, requirement)


def _further_rails(bench: Bench, desk: Desk) -> int:
    """A quarter of what the limits leave: 0Pools and the state machines want some as well."""
    left = bench.trades_left(desk.terms.amount)
    return FURTHER_RAILS if left is None else min(FURTHER_RAILS, left // 4)


def _send(traffic: GateTraffic, judge: Judge, tier: str, budget: float) -> None:
    bench, contract = traffic.bench, traffic.contract
    seed, seeds = bench.rng.getrandbits(32), seeds_of(traffic.desk)

    def rank(plan: Plan) -> int:
        # Without one that is accepted, no refusal proves anything; after it comes what a source says is refused.
        return 0 if plan.phase == "examples" else 2 - (traffic.demand(plan, plan.request) is not None)

    generation = generate(contract, seeds, seed=seed, bound=BOUNDS[tier], rank=rank)
    for reason in generation.unreadable:
        judge.observe("generated traffic: nothing generated", reason)
    if tier != "regress":
        valid = fuzzed(contract, seeds, seed=seed, kinds=("positive",), batch=BATCH)
        send(traffic, generation.plans, valid, SECONDS[tier], FUZZED[tier])
        return
    linked = Linked(contract, seeds, seed=seed)
    for reason in linked.unreadable:
        judge.observe("generated traffic: no link followed", reason)
    walks = spend(traffic, turns(generation.plans), fuzzed(contract, seeds, seed=seed), linked, budget)
    judge.observe(
        COVERED, "; ".join([f"0Gate: {budget:g} seconds", traffic.summary(), traffic.pairs(), walks.summary()])
    )


def _conclude(judge: Judge, traffic: GateTraffic, requirement: str) -> None:
    """What the answers come to, unless nothing was ever accepted there: then all may be refused for another reason."""
    operations = [operation for operation, (stated, _) in STATED.items() if stated == requirement]
    if traffic.tallies[requirement].faults or traffic.accepted & set(operations):
        conclude_one(judge, requirement, traffic.tallies[requirement], traffic.summary())
    else:
        judge.cannot(requirement, f"a request to {operations[0]} that is accepted", "the operator of the target")

"""Requests nobody wrote down: generated from the contract, sent to our own objects, every answer judged.

Judges what holds for every answer, and the refusal of what a source says is refused. Generating and sending live in
``generated``, which of our objects are named in ``traffic``; here is what each tier sends, and for how long.
"""

from __future__ import annotations

from conformance.client import Refused
from conformance.journal import Engine
from conformance.scenarios.bench import Bench
from conformance.scenarios.generated import (
    WIRE,
    Linked,
    conclude,
    conclude_one,
    fuzzed,
    generate,
    send,
    spend,
    turns,
)
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.demands import FUNDING, VALIDATION
from conformance.scenarios.pools.desk import Desk
from conformance.scenarios.pools.seeds import seeds_of
from conformance.scenarios.pools.traffic import KEY_REQUIRED, PoolsTraffic
from conformance.target import refusal

BOUNDS = {"smoke": 10, "certify": 60, "regress": 400}
"""Requests of the first two phases to one operation, by tier. The smoke tier comes here only when asked for by name."""

SECONDS = {"smoke": 30.0, "certify": 120.0}
"""How long a tier goes on sending, whatever is left; the regress tier has its budget."""

FUZZED = {"smoke": 0, "certify": 30}
"""Fuzzed requests of a tier, valid ones only: what is broken one by one in the coverage phase is not broken at random
as well. In the regress tier its budget decides, and both kinds are sent."""

BATCH = 8
"""Cases fuzzed at a time where there are few in all, so that every operation has some."""

FURTHER_TRADES = 40
"""Generated quotes that are executed in the regress tier, where the limits leave so many."""

COVERED = "generated traffic"
"""Subject of the observation that says what a budget was spent on."""


@scenario(*WIRE, VALIDATION, FUNDING, KEY_REQUIRED, engine=Engine.GENERATED, trades=8)
def test_generated_requests(bench: Bench, desk: Desk, judge: Judge, tier: str, budget: float) -> None:
    why = refusal(bench.target, "GET", is_generated=True)
    if why:
        raise Refused(f"a target that may be sent generated traffic ({why})", "the operator of the target")
    traffic = PoolsTraffic(bench, desk, further_trades=_further_trades(bench, desk) if tier == "regress" else 0)
    seed, seeds = bench.rng.getrandbits(32), seeds_of(desk.terms.request())
    generation = generate(traffic.contract, seeds, seed=seed, bound=BOUNDS[tier])
    for reason in generation.unreadable:
        judge.observe("generated traffic: nothing generated", reason)
    if tier == "regress":
        linked, stream = Linked(traffic.contract, seeds, seed=seed), fuzzed(traffic.contract, seeds, seed=seed)
        for reason in linked.unreadable:
            judge.observe("generated traffic: no link followed", reason)
        walks = spend(traffic, turns(generation.plans), stream, linked, budget)
        told = [f"{budget:g} seconds", traffic.summary(), traffic.pairs(), walks.summary()]
        judge.observe(COVERED, "; ".join(told))
    else:
        valid = fuzzed(traffic.contract, seeds, seed=seed, kinds=("positive",), batch=BATCH)
        send(traffic, generation.plans, valid, SECONDS[tier], FUZZED[tier])
    conclude(judge, traffic, (*WIRE, VALIDATION, FUNDING))
    _conclude_key(judge, traffic)


def _further_trades(bench: Bench, desk: Desk) -> int:
    """Half of what the limits leave: the state machines come next."""
    left = bench.trades_left(desk.terms.amount)
    return FURTHER_TRADES if left is None else min(FURTHER_TRADES, left // 2)


def _conclude_key(judge: Judge, traffic: PoolsTraffic) -> None:
    tally = traffic.tallies[KEY_REQUIRED]
    if tally.held or tally.faults:
        conclude_one(judge, KEY_REQUIRED, tally, traffic.summary())
    elif traffic.unaffordable:
        judge.cannot(KEY_REQUIRED, traffic.unaffordable.missing, traffic.unaffordable.provider)
    else:
        judge.cannot(KEY_REQUIRED, "a contract that requires the Idempotency-Key header", "the author of the contract")

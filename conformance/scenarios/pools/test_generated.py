"""Requests nobody wrote down: generated from the contract, sent to our own objects, every answer judged.

Judges what holds for every answer, and the refusal of what a source says is refused. Generating lives in ``generated``,
sending in ``traffic``, following links in ``walks``; here is what each tier sends, for how long, and what it concludes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from conformance.client import Refused
from conformance.journal import Engine
from conformance.scenarios.bench import Bench
from conformance.scenarios.generated import Linked, Plan, fuzzed, generate, turns
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.demands import FUNDING, VALIDATION
from conformance.scenarios.pools.desk import Desk
from conformance.scenarios.pools.traffic import KEY_REQUIRED, Fault, Tally, Traffic
from conformance.scenarios.pools.walks import Walks
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

ROUND = (24, 12, 2)
"""Listed requests, fuzzed requests and walks in a round of the regress tier. Rounds are counted and not timed, so that
a budget decides only where the sequence ends: a shorter run is the beginning of a longer one."""

MOST = 1_000
"""Rounds after which a budget is not spent any further."""

FURTHER_TRADES = 40
"""Generated quotes that are executed in the regress tier, where the limits leave so many."""

WIRE = (
    "WIRE-REQUEST-ID",
    "WIRE-ERROR-ENVELOPE",
    "WIRE-STATUS",
    "WIRE-CONTENT-TYPE",
    "WIRE-BODY",
    "WIRE-MONEY",
    "WIRE-NO-SERVER-ERROR",
    "WIRE-BOUNDARY",
)

COVERED = "generated traffic"
"""Subject of the observation that says what a budget was spent on."""


@scenario(*WIRE, VALIDATION, FUNDING, KEY_REQUIRED, engine=Engine.GENERATED, trades=8)
def test_generated_requests(bench: Bench, desk: Desk, judge: Judge, tier: str, budget: float) -> None:
    why = refusal(bench.target, "GET", is_generated=True)
    if why:
        raise Refused(f"a target that may be sent generated traffic ({why})", "the operator of the target")
    traffic = Traffic(bench, desk, further_trades=_further_trades(bench, desk) if tier == "regress" else 0)
    seed = bench.rng.getrandbits(32)
    generation = generate(traffic.contract, desk.terms.request(), seed=seed, bound=BOUNDS[tier])
    for reason in generation.unreadable:
        judge.observe("generated traffic: nothing generated", reason)
    if tier == "regress":
        walks = _spend(traffic, turns(generation.plans), seed, budget)
        for reason in walks.linked.unreadable:
            judge.observe("generated traffic: no link followed", reason)
        told = [f"{budget:g} seconds", traffic.summary(), traffic.pairs(), walks.summary()]
        judge.observe(COVERED, "; ".join(told))
    else:
        _send(traffic, generation.plans, seed, SECONDS[tier], FUZZED[tier])
    _conclude_all(judge, traffic)


def _further_trades(bench: Bench, desk: Desk) -> int:
    """Half of what the limits leave: the state machines come next."""
    left = bench.trades_left(desk.terms.amount)
    return FURTHER_TRADES if left is None else min(FURTHER_TRADES, left // 2)


def _send(traffic: Traffic, plans: Sequence[Plan], seed: int, seconds: float, fuzz: int) -> None:
    """Send what is listed, and a little that is not, for at most ``seconds``."""
    until = traffic.bench.clock.monotonic() + seconds
    traffic.unsent = len(plans) - traffic.run(iter(plans), until, len(plans))
    if fuzz:
        terms = traffic.desk.terms.request()
        valid = fuzzed(traffic.contract, terms, seed=seed, kinds=("positive",), batch=BATCH)
        traffic.run(valid, until, fuzz)


def _spend(traffic: Traffic, plans: Sequence[Plan], seed: int, seconds: float) -> Walks:
    """Send what is listed, fuzz and follow links in turns for ``seconds``, or until nothing is left.

    Time is taken from the first request on: on a busy machine, reading the contract takes seconds of its own.
    """
    terms = traffic.desk.terms.request()
    listed, stream = iter(plans), fuzzed(traffic.contract, terms, seed=seed)
    walks = Walks(traffic, Linked(traffic.contract, terms, seed=seed), traffic.bench.rng)
    traffic.unsent = len(plans)
    until = traffic.bench.clock.monotonic() + seconds
    for _ in range(MOST):
        before = traffic.sent.total()
        traffic.unsent -= traffic.run(listed, until, ROUND[0])
        traffic.run(stream, until, ROUND[1])
        walks.run(until, ROUND[2])
        if traffic.is_over(until) or traffic.sent.total() == before:
            break
    return walks


def _conclude_all(judge: Judge, traffic: Traffic) -> None:
    for requirement in (*WIRE, VALIDATION, FUNDING):
        _conclude(judge, requirement, traffic.tallies[requirement], traffic.summary())
    _conclude_key(judge, traffic)
    if traffic.troubles:
        last = traffic.troubles[-1]
        judge.trouble(
            "WIRE-NO-SERVER-ERROR",
            f"{len(traffic.troubles)} generated request(s) had no answer, the last: {last.problem}",
            last.exchange,
        )


def _conclude(judge: Judge, requirement: str, tally: Tally, summary: str) -> None:
    """Say what was found of one requirement: for each operation the smallest request that shows it broken."""
    by_operation: defaultdict[str, list[Fault]] = defaultdict(list)
    for fault in tally.faults:
        by_operation[fault.sent.plan.operation].append(fault)
    for operation, faults in by_operation.items():
        least = min(faults, key=lambda fault: fault.size)
        plan = least.sent.plan
        judge.check(
            requirement,
            False,
            least.expected,
            f"{least.observed}, to {operation} with {plan.what} ({plan.phase}); {len(faults)} such answer(s)",
            *least.sent.earlier,
            least.sent.reply,
            steps=least.sent.story,
        )
    if by_operation:
        return
    if tally.held:
        judge.check(requirement, True, "no answer that breaks it", f"none of {tally.held} among {summary}", tally.last)
    else:
        judge.cannot(requirement, f"a generated request that decides it, among {summary}", "the harness")


def _conclude_key(judge: Judge, traffic: Traffic) -> None:
    if traffic.tallies[KEY_REQUIRED].held or traffic.tallies[KEY_REQUIRED].faults:
        _conclude(judge, KEY_REQUIRED, traffic.tallies[KEY_REQUIRED], traffic.summary())
    elif traffic.unaffordable:
        judge.cannot(KEY_REQUIRED, traffic.unaffordable.missing, traffic.unaffordable.provider)
    else:
        judge.cannot(KEY_REQUIRED, "a contract that requires the Idempotency-Key header", "the author of the contract")

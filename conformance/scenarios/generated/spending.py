"""What is sent of a generation, for how long, and what all answers together come to, for whichever product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from conformance.scenarios.generated.links import Linked
from conformance.scenarios.generated.plans import Plan
from conformance.scenarios.generated.traffic import Fault, Tally, Traffic
from conformance.scenarios.generated.walks import Walks
from conformance.scenarios.judging import Judge

ROUND = (24, 12, 2)
"""Listed requests, fuzzed requests and walks in a round of the regress tier. Rounds are counted and not timed, so that
a budget decides only where the sequence ends: a shorter run is the beginning of a longer one."""

MOST = 1_000
"""Rounds after which a budget is not spent any further."""

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


def send(traffic: Traffic, plans: Sequence[Plan], others: Iterator[Plan | None], seconds: float, fuzz: int) -> None:
    """Send what is listed, and ``fuzz`` that are not, for at most ``seconds``."""
    until = traffic.bench.clock.monotonic() + seconds
    traffic.unsent = len(plans) - traffic.run(iter(plans), until, len(plans))
    traffic.run(others, until, fuzz)


def spend(
    traffic: Traffic, plans: Sequence[Plan], stream: Iterator[Plan | None], linked: Linked, seconds: float
) -> Walks:
    """Send what is listed, fuzz and follow links in turns for ``seconds``, or until nothing is left.

    Time is taken from the first request on: on a busy machine, reading the contract takes seconds of its own.
    """
    listed = iter(plans)
    walks = Walks(traffic, linked, traffic.bench.rng)
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


def conclude(judge: Judge, traffic: Traffic, requirements: Sequence[str]) -> None:
    """Say of each requirement what the answers come to, and what had none."""
    for requirement in requirements:
        conclude_one(judge, requirement, traffic.tallies[requirement], traffic.summary())
    if traffic.troubles:
        last = traffic.troubles[-1]
        judge.trouble(
            "WIRE-NO-SERVER-ERROR",
            f"{len(traffic.troubles)} generated request(s) had no answer, the last: {last.problem}",
            last.exchange,
        )


def conclude_one(judge: Judge, requirement: str, tally: Tally, summary: str) -> None:
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

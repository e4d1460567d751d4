"""A Hypothesis state machine over what one partner can do: sequences nobody thought of."""

from __future__ import annotations

from conformance.journal import Engine
from conformance.scenarios.bench import Bench
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.machine import run_machine
from conformance.scenarios.needs import unmet
from conformance.scenarios.pools.partner_machine import PoolsMachine

SIZES = {"smoke": (4, 10), "certify": (40, 20), "regress": (60, 30)}
"""Examples and steps by tier."""

NEEDS = {
    "POOLS-DISCOVERY-EXACT": "approval",
    "POOLS-ISOLATION-OBJECTS": "account:other_partner",
    "POOLS-QUOTE-EXPIRES": "outcome:time_passes",
    "POOLS-REJECT-EXPIRED": "outcome:time_passes",
}
"""What the steps that judge a requirement cannot do without; the machine goes on without those steps."""


@scenario(
    "POOLS-DISCOVERY-EXACT",
    "POOLS-INDICATIVE-SAFE",
    "POOLS-ISOLATION-OBJECTS",
    "POOLS-POLL-FORWARD",
    "POOLS-QUOTE-DISTINCT",
    "POOLS-QUOTE-EXPIRES",
    "POOLS-QUOTE-MOVES-NOTHING",
    "POOLS-QUOTE-PRECEDENCE",
    "POOLS-QUOTE-READ-PURE",
    "POOLS-READS-PURE",
    "POOLS-REJECT-BLOCKS",
    "POOLS-REJECT-CONSUMED",
    "POOLS-REJECT-EXPIRED",
    "POOLS-REJECT-ONCE",
    "POOLS-TRADES-PAGES",
    "POOLS-TRANSACT-KEY-CONFLICT",
    "POOLS-TRANSACT-LATE-REPLAY",
    "POOLS-TRANSACT-ONCE",
    "POOLS-TRANSACT-ONCE-PER-QUOTE",
    "POOLS-TRANSACT-RESERVES",
    smoke=True,
    engine=Engine.MACHINE,
)
def test_sequences_of_quote_execute_poll_reject_and_time(bench: Bench, judge: Judge, tier: str) -> None:
    examples, steps = SIZES[tier]
    run_machine(
        PoolsMachine,
        bench,
        judge,
        examples=examples,
        steps=steps,
        run_seed=bench.rng.getrandbits(32),
        lacking={requirement: found for requirement, need in NEEDS.items() if (found := unmet(need, bench.target))},
    )

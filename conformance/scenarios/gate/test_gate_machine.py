"""Hypothesis state machines over what one partner can do at 0Gate: sequences nobody thought of."""

from __future__ import annotations

from conformance.client import Refused
from conformance.journal import Engine
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.customer_machine import CustomerMachine
from conformance.scenarios.gate.rail_machine import RailMachine
from conformance.scenarios.gate.session_machine import SessionMachine
from conformance.scenarios.gate.story import World
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.machine import StoryMachine, run_machine
from conformance.scenarios.needs import unmet

SIZES: dict[type[StoryMachine], dict[str, tuple[int, int]]] = {
    SessionMachine: {"smoke": (2, 10), "certify": (8, 20), "regress": (40, 30)},
    RailMachine: {"smoke": (2, 10), "certify": (14, 20), "regress": (60, 30)},
    CustomerMachine: {"smoke": (2, 8), "certify": (6, 15), "regress": (30, 25)},
}
"""Examples and steps by tier."""

SESSIONS = {
    "GATE-SESSION-CREATE": "",
    "GATE-SESSION-READ": "",
    "GATE-SESSION-CANCEL": "",
    "GATE-SESSION-CANCEL-CONFLICT": "",
    "GATE-SESSION-IDEMPOTENT": "",
    "GATE-SESSION-KEY-OTHER-BODY": "",
    "GATE-SESSION-PAGES": "",
    "GATE-SESSION-STATUS-FILTER": "",
    "GATE-SESSION-STAYS-OPEN": "outcome:session_failed",
    "GATE-SESSION-COMPLETES": "outcome:session_completed",
    "GATE-SESSION-EXPIRES": "outcome:session_expired",
    "GATE-ISOLATION-OBJECTS": "account:other_partner",
}
RAILS = {
    "GATE-QUOTE-LOCK": "",
    "GATE-QUOTE-READ": "",
    "GATE-QUOTE-EXPIRES": "outcome:gate_time_passes",
    "GATE-QUOTE-REDEEMED-ONCE": "",
    "GATE-RAIL-PAY-IN": "",
    "GATE-RAIL-PAY-OUT": "",
    "GATE-RAIL-IDEMPOTENT": "",
    "GATE-RAIL-KEY-OTHER-BODY": "",
    "GATE-RAIL-REFUSES-ENDED-SESSION": "",
    "GATE-RAIL-SETTLES": "outcome:rail_settled",
    "GATE-RAIL-FAILS": "outcome:rail_failed",
    "GATE-ISOLATION-REDEEM": "account:other_partner",
    "GATE-ISOLATION-OBJECTS": "account:other_partner",
    "GATE-SESSION-CREATE": "",
    "GATE-SESSION-READ": "",
    "GATE-SESSION-CANCEL": "",
    "GATE-SESSION-CANCEL-CONFLICT": "",
}
CUSTOMERS = {
    "GATE-CUSTOMER-CREATE": "",
    "GATE-CUSTOMER-UPDATE": "",
    "GATE-CUSTOMER-IMMUTABLE": "",
    "GATE-CUSTOMER-UNIQUE": "",
    "GATE-CUSTOMER-DELETE": "",
    "GATE-CUSTOMER-RESERVED": "",
    "GATE-ISOLATION-OBJECTS": "account:other_partner",
}
"""What each machine judges, and what the steps for it cannot do without; a machine goes on without those steps."""

OPERATOR = "the operator of the target"


def drive(machine: type[StoryMachine], bench: Bench, judge: Judge, tier: str, judged: dict[str, str]) -> None:
    """Run one machine within the sizes of the tier."""
    World.of(bench)
    examples, steps = SIZES[machine][tier]
    missing = {name: found for name, need in judged.items() if need and (found := unmet(need, bench.target))}
    seed = bench.rng.getrandbits(32)
    run_machine(machine, bench, judge, examples=examples, steps=steps, run_seed=seed, lacking=missing)


@scenario(*SESSIONS, engine=Engine.MACHINE)
def test_sequences_of_what_is_done_to_sessions(bench: Bench, judge: Judge, tier: str) -> None:
    drive(SessionMachine, bench, judge, tier, SESSIONS)


@scenario(*RAILS, needs=["rails"], engine=Engine.MACHINE)
def test_sequences_of_locks_redemptions_and_ends_of_rails(bench: Bench, judge: Judge, tier: str) -> None:
    if not World.of(bench).sides:
        raise Refused("an account with the rails entitlement", OPERATOR)
    drive(RailMachine, bench, judge, tier, RAILS)


@scenario(*CUSTOMERS, needs=["customers"], engine=Engine.MACHINE)
def test_sequences_of_customer_records(bench: Bench, judge: Judge, tier: str) -> None:
    if not World.of(bench).customers:
        raise Refused("an account with customer records", OPERATOR)
    drive(CustomerMachine, bench, judge, tier, CUSTOMERS)

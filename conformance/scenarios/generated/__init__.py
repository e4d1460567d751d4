"""Requests generated from a contract by Schemathesis, phase by phase, and its opinion of the answers.

This is the one package that touches Schemathesis. Its loader, ``as_strategy``, ``Case.as_transport_kwargs`` and
``Case.validate_response`` are documented. The generators of the first two phases (``generation.drivers``) and the
reading of links (``specs.openapi.stateful.links``) are not: they are used as they stand in 4.32.5, hence the pin to
4.32.x, and ``tests/generated`` fails when they are gone or give nothing. Everything of it is imported when first used,
because a smoke run needs none. What is sent, and what an answer means for a requirement, is decided by the scenario.
"""

from __future__ import annotations

from conformance.scenarios.generated.cases import Objection, objections
from conformance.scenarios.generated.constraints import Demand, broken_members, json_of, parameter_schema
from conformance.scenarios.generated.documents import Drawn
from conformance.scenarios.generated.links import Followed, Linked, Step
from conformance.scenarios.generated.phases import Generation, fuzzed, generate
from conformance.scenarios.generated.plans import KEY, OWN, Plan, Request, spread, turns
from conformance.scenarios.generated.seeds import Seeds, place
from conformance.scenarios.generated.spending import WIRE, conclude, conclude_one, send, spend
from conformance.scenarios.generated.traffic import Ready, Sent, Traffic
from conformance.scenarios.generated.walks import Walks

__all__ = [
    "KEY",
    "OWN",
    "WIRE",
    "Demand",
    "Drawn",
    "Followed",
    "Generation",
    "Linked",
    "Objection",
    "Plan",
    "Ready",
    "Request",
    "Seeds",
    "Sent",
    "Step",
    "Traffic",
    "Walks",
    "broken_members",
    "conclude",
    "conclude_one",
    "fuzzed",
    "generate",
    "json_of",
    "objections",
    "parameter_schema",
    "place",
    "send",
    "spend",
    "spread",
    "turns",
]

"""What the machines of 0Gate find, their scenarios have declared; and they know what the model knows."""

from __future__ import annotations

import inspect
import re

import pytest

from conformance.requirements import load
from conformance.scenarios.gate.customer_machine import CustomerMachine
from conformance.scenarios.gate.rail_machine import RailMachine
from conformance.scenarios.gate.session_machine import OF_END, SessionMachine
from conformance.scenarios.gate.test_gate_machine import CUSTOMERS, RAILS, SESSIONS
from conformance.scenarios.machine import StoryMachine

MACHINES = [(SessionMachine, SESSIONS), (RailMachine, RAILS), (CustomerMachine, CUSTOMERS)]
NAMES = ["sessions", "rails", "customers"]


def named_in(machine: type[StoryMachine]) -> set[str]:
    """The requirements that the rules and helpers of a machine name."""
    sources = [inspect.getsource(part) for part in machine.__mro__ if part.__module__.startswith("conformance.")]
    return {found for source in sources for found in re.findall(r'"(GATE-[A-Z-]+)"', source)}


@pytest.mark.parametrize(("machine", "declared"), MACHINES, ids=NAMES)
def test_a_machine_names_what_its_scenario_declares_and_nothing_else(
    machine: type[StoryMachine], declared: dict[str, str]
) -> None:
    ends = set(OF_END.values()) if machine is SessionMachine else set()

    assert named_in(machine) | ends == set(declared)


@pytest.mark.parametrize("declared", [declared for _, declared in MACHINES], ids=NAMES)
def test_what_a_step_cannot_do_without_is_a_need_its_requirement_could_state(declared: dict[str, str]) -> None:
    catalogue = load()

    for requirement, need in declared.items():
        assert need.partition(":")[0] in ("", "outcome", "account"), catalogue[requirement].id

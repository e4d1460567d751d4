"""The reference card program is honest under every order of events, and each broken twin is noticed for its fault."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from conformance.client import SystemClock
from conformance.journal import Outcome
from conformance.partner.cards import REQUIREMENTS, judge
from conformance.partner.cards_driver import play
from conformance.requirements import load
from conformance.target import embedded

from .programs import SandboxWorld, listed_faults, serving

FAULTS = listed_faults()


@dataclass(frozen=True)
class Running:
    """A sandbox and the key of its approved account."""

    url: str
    key: str
    world: SandboxWorld


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Running]:
    with embedded.start(os.environ) as started:
        key = started.environ["OBIT_SANDBOX_APPROVED_SECRET_KEY"]
        with httpx.Client(base_url=started.url, headers={"Authorization": f"Bearer {key}"}) as http:
            yield Running(started.url, key, SandboxWorld(http))


def test_the_reference_program_holds_every_requirement(sandbox: Running) -> None:
    with serving(sandbox.url, sandbox.key) as cards:
        findings = judge(play(cards, sandbox.world, SystemClock()))

    assert {finding.requirement: finding.outcome for finding in findings} == dict.fromkeys(REQUIREMENTS, Outcome.PASS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["name"])
def test_a_broken_twin_breaks_what_it_says_and_drags_along_no_more(sandbox: Running, fault: dict[str, Any]) -> None:
    with serving(sandbox.url, sandbox.key, "--fault", fault["name"]) as cards:
        findings = judge(play(cards, sandbox.world, SystemClock()))

    failed = {finding.requirement for finding in findings if finding.outcome is Outcome.FAIL}
    assert failed & set(fault["breaks"])
    assert failed <= {*fault["breaks"], *fault["drags"]}
    assert Outcome.ERROR not in {finding.outcome for finding in findings}


def test_every_requirement_on_card_programs_has_a_fault() -> None:
    about_cards = {requirement.id for requirement in load() if requirement.product == "cards"}

    assert {broken for fault in FAULTS for broken in fault["breaks"]} == about_cards == set(REQUIREMENTS)

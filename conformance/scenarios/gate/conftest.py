"""Fixtures of the 0Gate scenarios."""

from __future__ import annotations

import pytest

from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.desk import Desk
from conformance.scenarios.judging import Judge


@pytest.fixture
def desk(bench: Bench, judge: Judge) -> Desk:
    """0Gate worked by the approved account."""
    del judge  # what the scenario needs is settled before the desk is set up
    return Desk(bench)

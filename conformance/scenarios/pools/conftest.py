"""Fixtures of the 0Pools scenarios."""

from __future__ import annotations

import pytest

from conformance.scenarios.bench import Bench
from conformance.scenarios.judging import Judge
from conformance.scenarios.pools.desk import Desk


@pytest.fixture
def desk(bench: Bench, judge: Judge) -> Desk:
    """0Pools worked by the approved account."""
    del judge  # what the scenario needs is settled before the desk is set up
    return Desk(bench)

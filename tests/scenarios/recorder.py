"""A pytest plugin for one run of the scenarios: notes how many trades each of them charges to ample limits."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Generator
from decimal import Decimal
from pathlib import Path

import pytest

from conformance import plugin
from conformance.plugin import RUN
from conformance.scenarios.judging import Declaration
from conformance.target import Budget, Limits

CHARGES = pytest.StashKey[dict[str, int]]()
VARIABLE = "CONFORMANCE_TEST_CHARGES"
AMPLE = Limits(trades=100_000, notional=Decimal("10000000.00"), requests_per_second=1000.0)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, None, None]:
    bench = config.stash[RUN].bench
    # The embedded sandbox has no limits, and some scenarios spend more freely where there are none.
    bench.target, bench.budget = dataclasses.replace(bench.target, limits=AMPLE), Budget(AMPLE)
    begun: list[tuple[str, int]] = []
    enter = plugin._enter

    def noted(held: plugin.Session, item: pytest.Item, declaration: Declaration) -> None:
        begun.append((item.name, bench.budget.planned[0]))
        enter(held, item, declaration)

    plugin._enter = noted
    yield
    plugin._enter = enter
    ends = [*(planned for _, planned in begun[1:]), bench.budget.planned[0]]
    config.stash[CHARGES] = {name: end - planned for (name, planned), end in zip(begun, ends, strict=True)}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    budget, charges = item.config.stash[RUN].bench.budget, item.config.stash[CHARGES]
    before = budget.planned[0]
    result = yield
    charges[item.name] = charges.get(item.name, 0) + budget.planned[0] - before
    return result


def pytest_unconfigure(config: pytest.Config) -> None:
    Path(os.environ[VARIABLE]).write_text(json.dumps(config.stash[CHARGES]))

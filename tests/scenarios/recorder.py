"""A pytest plugin for one run of the scenarios: notes how many trades each of them charges to the limits."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from conformance.plugin import RUN, declared

CHARGES = pytest.StashKey[dict[str, int]]()
VARIABLE = "CONFORMANCE_TEST_CHARGES"


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, None, None]:
    yield
    parking = [item.name for item in items if (found := declared(item)) and found.parks]
    config.stash[CHARGES] = dict.fromkeys(parking, config.stash[RUN].bench.budget.planned[0])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    budget, charges = item.config.stash[RUN].bench.budget, item.config.stash[CHARGES]
    before = budget.planned[0]
    result = yield
    charges[item.name] = charges.get(item.name, 0) + budget.planned[0] - before
    return result


def pytest_unconfigure(config: pytest.Config) -> None:
    Path(os.environ[VARIABLE]).write_text(json.dumps(config.stash[CHARGES]))

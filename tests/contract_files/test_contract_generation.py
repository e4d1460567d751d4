"""Schemathesis can load every contract file, make requests for each operation and follow the links."""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode

from .documents import CONTRACTS, load, operations, responses

OPERATIONS = [
    pytest.param(path, method, route, id=f"{path.stem} {method} {route}")
    for path in CONTRACTS
    for method, route, _, _ in sorted(operations(load(path)), key=lambda row: row[:2])
]


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)
def test_every_operation_and_every_link_is_recognised(path: Path) -> None:
    document = load(path)
    statistic = schemathesis.openapi.from_path(path).statistic
    assert statistic.operations.total == len(list(operations(document)))
    assert statistic.transitions.total == sum(len(row[3].get("links", {})) for row in responses(document))


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
@pytest.mark.parametrize(("path", "method", "route"), OPERATIONS)
def test_requests_can_be_made_without_much_filtering(path: Path, method: str, route: str, mode: GenerationMode) -> None:
    operation = schemathesis.openapi.from_path(path)[route][method]
    made: list[Case[Any]] = []

    @settings(
        max_examples=10,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(operation.as_strategy(generation_mode=mode))
    def make(case: Case[Any]) -> None:
        made.append(case)

    make()
    assert len(made) == 10

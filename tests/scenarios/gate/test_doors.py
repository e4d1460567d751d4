"""The table of 0Gate's operations is that of the contract, and an unissued id looks like an issued one."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from conformance.scenarios.gate.doors import DOORS, NAMING, unissued

CONTRACT = Path(__file__).parents[3] / "openapi" / "gate-v1.yaml"


@pytest.fixture(scope="module")
def operations() -> dict[str, str]:
    """The operations of the contract file and their paths."""
    document = yaml.safe_load(CONTRACT.read_text())
    return {
        operation["operationId"]: path
        for path, item in document["paths"].items()
        for operation in item.values()
        if isinstance(operation, dict) and "operationId" in operation
    }


def test_every_operation_of_the_contract_is_a_door_once(operations: dict[str, str]) -> None:
    assert sorted(door.name for door in DOORS) == sorted(operations)


def test_a_door_names_an_object_where_its_path_does(operations: dict[str, str]) -> None:
    takes_id = {name for name, path in operations.items() if "{" in path and "{symbol}" not in path}

    assert {door.name for door in NAMING} == takes_id


@pytest.mark.parametrize(
    ("issued", "another"),
    [
        ("gs_test_0123abcd", "gs_test_0123defa"),
        ("67a1f3b9e4b0c10001234567", "67a1f3b9e4b0c10001237890"),
        ("7A9C-EF", "7A2F-BC"),
        ("qt_k", "kk_m"),
        ("", ""),
    ],
)
def test_an_unissued_id_has_the_shape_of_an_issued_one(issued: str, another: str) -> None:
    assert unissued(issued) == another

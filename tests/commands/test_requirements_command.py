"""``conformance requirements``: the whole catalogue, and that each of its requirements is judged by somebody."""

from __future__ import annotations

from pathlib import Path

from conformance.requirements import load
from conformance.scenarios.coverage import declarations, judged_by

from .command import conformance


def test_every_requirement_is_printed_with_who_judges_it(tmp_path: Path) -> None:
    listed = conformance("requirements", "--verbose", cwd=tmp_path)
    assert listed.code == 0
    catalogue = load()
    lines = listed.out.splitlines()
    assert [r.id for r in catalogue if not any(line.startswith(f"{r.id}  ") for line in lines)] == []
    assert "judged by: nothing" not in listed.out
    assert [r.id for r in catalogue if f"  {r.statement}\n" not in listed.out] == []


def test_the_table_counts_them_all(tmp_path: Path) -> None:
    listed = conformance("requirements", cwd=tmp_path, COLUMNS="200")
    assert listed.code == 0
    assert [r.id for r in load() if f" {r.id} " not in listed.out] == []
    assert listed.out.splitlines()[-1] == f"{len(load().requirements)} requirements, 0 without a scenario"


def test_one_step_can_be_asked_for(tmp_path: Path) -> None:
    listed = conformance("requirements", "--step", "5", "--verbose", cwd=tmp_path)
    assert listed.code == 0
    shown = [line.split("  ")[0] for line in listed.out.splitlines() if not line.startswith(" ")]
    assert shown == [r.id for r in load() if r.step == 5]


def test_every_requirement_has_a_scenario_and_every_scenario_a_requirement() -> None:
    known = set(load().requirements)
    assert known - judged_by().keys() == set()
    declared = {name: set(declaration.judges) for name, declaration in declarations().items()}
    assert {name: ids - known for name, ids in declared.items() if ids - known} == {}
    assert [name for name, ids in declared.items() if not ids] == []

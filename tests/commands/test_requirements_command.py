"""``conformance requirements``: the whole catalogue, each requirement judged by somebody, and what none can decide."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.requirements import PRODUCTS, Reason, load, undecided
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


@pytest.mark.parametrize("columns", ["", "40", "200"])
def test_the_table_counts_them_all_and_cuts_no_id(tmp_path: Path, columns: str) -> None:
    listed = conformance("requirements", cwd=tmp_path, **({"COLUMNS": columns} if columns else {}))
    assert listed.code == 0
    assert [r.id for r in load() if f"\n{r.id} " not in listed.out] == []
    assert f"{len(undecided())} statements of the sources cannot be decided by a run: --undecided" in listed.out
    assert listed.out.splitlines()[-1] == f"{len(load().requirements)} requirements, 0 without a scenario"


def test_what_no_run_can_decide_is_printed_with_source_and_reason(tmp_path: Path) -> None:
    listed = conformance("requirements", "--undecided", cwd=tmp_path)
    assert listed.code == 0
    lines = [line.strip() for line in listed.out.splitlines()]
    told = [(e.statement, e.because, f"source: {e.source}") for e in undecided()]
    assert [words for words in told if tuple(lines[lines.index(words[0]) :][:3]) != words] == []
    assert {str(reason) for reason in Reason} <= {line.split(" ")[0] for line in lines}
    assert lines[-1] == f"{len(undecided())} statements that no run can decide"


def test_one_step_can_be_asked_for(tmp_path: Path) -> None:
    listed = conformance("requirements", "--step", "5", "--verbose", cwd=tmp_path)
    assert listed.code == 0
    shown = [line.split("  ")[0] for line in listed.out.splitlines() if not line.startswith(" ")]
    assert shown == [r.id for r in load() if r.step == 5]


def test_every_requirement_has_a_scenario_or_a_command_and_every_scenario_a_requirement() -> None:
    known = set(load().requirements)
    of_runs = {r.id for r in load() if PRODUCTS[r.product] == "run"}
    assert of_runs - judged_by().keys() == set()
    declared = {name: set(declaration.judges) for name, declaration in declarations().items()}
    assert {name: ids - known for name, ids in declared.items() if ids - known} == {}
    assert [name for name, ids in declared.items() if not ids] == []

"""The pure parts of the comparison: the sample, the budget, what the other side's report says, and the totals."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from benchmarks import detection
from benchmarks.detection import CONFIG, CONTRACT, Alone, Row, budget, drawn, line, partners, told, totals
from conformance.cli.faults import Seeded

KNOWN = [Seeded(f"fault-{number}", "fault") for number in range(20)]
OTHERS = [Seeded("a-dialect", "dialect"), Seeded("a-partner-fault", "partner fault")]


def row(fault: str, ours: str = "", codes: tuple[str, ...] = ()) -> Row:
    return Row(fault, ("POOLS-X",), ours, 40 if ours else None, 9.5, Alone(codes, 700, 10.2))


def report(failures: list[dict[str, object]], errors: list[dict[str, str]]) -> str:
    return json.dumps({"failures": failures, "errors": errors, "test_cases": {"generated": 700}})


def test_the_sample_holds_faults_of_the_sandbox_only() -> None:
    assert {seeded.kind for seeded in drawn([*OTHERS, *KNOWN], 22, 1)} == {"fault"}


def test_a_larger_sample_of_the_same_seed_begins_with_a_smaller_one() -> None:
    assert drawn(KNOWN, 12, 3)[:5] == drawn(KNOWN, 5, 3)
    assert drawn(KNOWN, 5, 3) != drawn(KNOWN, 5, 4)


@pytest.mark.parametrize(
    ("ours", "asked", "seconds"),
    [(11.2, None, 12), (12.0, None, 12), (0.2, None, 1), (11.2, 30, 30), (11.2, 5000, detection.LONGEST)],
)
def test_the_other_side_gets_the_seconds_asked_for_or_those_we_took(
    ours: float, asked: int | None, seconds: int
) -> None:
    assert budget(ours, asked) == seconds


def test_a_report_is_told_by_code_and_operation() -> None:
    failure = {"code": "ST402", "operations": ["GET /pools/trades", "GET /pools/ledger"]}

    assert told(report([failure], []), 10.2) == Alone(("ST402 GET /pools/ledger", "ST402 GET /pools/trades"), 700, 10.2)


def test_a_report_without_failures_found_nothing() -> None:
    assert told(report([], []), 10.2).codes == ()


def test_errors_of_the_other_side_count_as_found() -> None:
    assert told(report([], [{"title": "Network Error"}]), 10.2).codes == ("error Network Error",)


def test_the_totals_name_what_each_side_alone_found_and_what_nobody_did() -> None:
    found = ("ST402 GET /pools/trades",)
    rows = [row("both", "POOLS-X", found), row("ours", "POOLS-X"), row("theirs", "", found), row("none")]

    assert totals(rows).splitlines() == [
        "4 faults: we found 2, Schemathesis alone 2",
        "only we: ours",
        "only Schemathesis: theirs",
        "nobody: none",
    ]


def test_a_fault_we_miss_is_called_missed() -> None:
    assert "MISSED" in line(row("theirs", "", ("ST402 GET /pools/trades",)))
    assert "MISSED" not in line(row("ours", "POOLS-X"))


def test_the_other_side_is_given_both_partners_it_is_told_to_keep_apart() -> None:
    keys = {"OBIT_SANDBOX_APPROVED_SECRET_KEY": "sk_test_a", "OBIT_SANDBOX_OTHER_PARTNER_SECRET_KEY": "sk_test_b"}

    entries = {entry["name"]: entry["fixedHeaders"][0]["value"] for entry in json.loads(partners(keys))["auth"]}

    assert entries == {"approved": "Bearer sk_test_a", "other_partner": "Bearer sk_test_b"}
    assert tomllib.loads(CONFIG)["auth"]["wfc"]["peers"] == list(entries)


def test_the_settings_are_ones_the_other_side_knows(tmp_path: Path) -> None:
    import schemathesis

    (tmp_path / "schemathesis.toml").write_text(CONFIG)

    config = schemathesis.Config.from_path(tmp_path / "schemathesis.toml")

    assert config.projects.get_default().phases.coverage.unexpected_methods == set()


def test_both_sides_read_the_same_contract() -> None:
    assert CONTRACT.is_file()

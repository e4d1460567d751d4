"""The reports tools read: JUnit, HAR, Allure and the reconciliation table."""

from __future__ import annotations

import csv
import json
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from conformance.evidence import har
from conformance.evidence.packet import assemble
from conformance.evidence.reconciliation import cell
from conformance.journal import Outcome
from conformance.requirements import load
from tests.evidence import synthetic

NAMES = ("green", "red", "unsealed", "embedded", "hostile")


def suites(folder: Path) -> tuple[ET.Element, ET.Element]:
    root = ET.parse(folder / "junit.xml").getroot()
    requirements, run = root.findall("testsuite")
    return requirements, run


@pytest.mark.parametrize("name", NAMES)
def test_junit_has_one_case_for_each_requirement(folders: dict[str, Path], name: str) -> None:
    requirements, _ = suites(folders[name])

    assert [case.get("name") for case in requirements.findall("testcase")] == list(load().requirements)


def test_junit_counts_what_it_holds(folders: dict[str, Path]) -> None:
    requirements, _ = suites(folders["red"])

    counted = {name: requirements.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counted == {"tests": str(len(load().requirements)), "failures": "3", "errors": "1", "skipped": "8"}


def test_a_junit_failure_tells_expected_observed_steps_and_how_to_see_it_again(folders: dict[str, Path]) -> None:
    requirements, _ = suites(folders["red"])
    failure = requirements.find("testcase[@name='POOLS-TRANSACT-CONCURRENT-ONCE']/failure")

    assert failure is not None
    text = failure.text or ""
    parts = (
        "expected: one trade",
        "observed: 2 trades",
        "  2. transact quote twice",
        "$OBIT_POOLS_SECRET_KEY",
        "--only",
    )
    assert [part for part in parts if part not in text] == []


def test_a_skip_says_what_was_missing_and_who_could_provide_it(folders: dict[str, Path]) -> None:
    requirements, _ = suites(folders["red"])
    skipped = requirements.find("testcase[@name='PARTNER-WEBHOOK-DEDUPES']/skipped")

    assert skipped is not None
    assert skipped.get("message") == "not-evidenced: no handler given (partner)"


@pytest.mark.parametrize(("name", "failed"), [("green", 0), ("red", 1), ("unsealed", 1), ("hostile", 1)])
def test_the_run_s_own_case_fails_when_the_exit_code_is_not_zero(
    folders: dict[str, Path], name: str, failed: int
) -> None:
    _, run = suites(folders[name])

    assert len(run.findall("testcase/failure")) == failed


def archive(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / "exchanges.har").read_text(encoding="utf-8"))
    return loaded["log"]


@pytest.mark.parametrize("name", NAMES)
def test_the_archive_has_what_har_1_2_requires(folders: dict[str, Path], name: str) -> None:
    log = archive(folders[name])

    assert log["version"] == "1.2"
    assert {"name", "version"} <= log["creator"].keys()
    for entry in log["entries"]:
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= entry.keys()
        assert {"send", "wait", "receive"} <= entry["timings"].keys()
        shared = {"httpVersion", "cookies", "headers", "headersSize", "bodySize"}
        assert shared | {"method", "url", "queryString"} <= entry["request"].keys()
        assert shared | {"status", "statusText", "content", "redirectURL"} <= entry["response"].keys()
        assert {"size", "mimeType"} <= entry["response"]["content"].keys()
        assert isinstance(entry["response"]["status"], int)


def test_the_archive_has_every_exchange_in_order(folders: dict[str, Path]) -> None:
    entries = archive(folders["green"])["entries"]

    assert [entry["comment"].partition(":")[0] for entry in entries] == [f"main-{n}" for n in range(1, 41)]
    assert entries[5]["request"]["queryString"] == [{"name": "limit", "value": "200"}]


def test_an_exchange_without_an_answer_has_status_0_and_says_why(tmp_path: Path) -> None:
    silent = synthetic.exchange("main-1", status=None, response_body=None, error="could not be reached")
    packet = assemble(synthetic.write_journal(tmp_path, [synthetic.run(), silent]), load())
    target = StringIO()

    har.write(packet, target)

    response = json.loads(target.getvalue())["log"]["entries"][0]["response"]
    assert (response["status"], response["comment"]) == (0, "could not be reached")


def test_the_archive_is_bounded_and_says_what_it_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(har, "BODY", 10)
    monkeypatch.setattr(har, "TOTAL", 25)
    calls = [synthetic.exchange(f"main-{n}", request_body=None, response_body="x" * 12) for n in range(4)]
    packet = assemble(synthetic.write_journal(tmp_path, [synthetic.run(), *calls]), load())
    target = StringIO()

    har.write(packet, target)

    contents = [entry["response"]["content"] for entry in json.loads(target.getvalue())["log"]["entries"]]
    assert [len(content["text"]) for content in contents] == [10, 10, 5, 0]
    assert contents[2]["comment"] == "cut after 5 of 12 characters"


def results(folder: Path) -> dict[str, dict[str, Any]]:
    found = (json.loads(path.read_text(encoding="utf-8")) for path in (folder / "allure-results").glob("*-result.json"))
    return {result["fullName"].partition(".")[2]: result for result in found}


@pytest.mark.parametrize("name", NAMES)
def test_allure_has_one_result_for_each_requirement(folders: dict[str, Path], name: str) -> None:
    assert results(folders[name]).keys() == load().requirements.keys()


def test_allure_tells_failures_errors_and_skips_apart(folders: dict[str, Path]) -> None:
    counted = Counter(result["status"] for result in results(folders["red"]).values())

    others = {"failed": 3, "broken": 1, "skipped": 8}
    assert counted == {"passed": len(load().requirements) - sum(others.values()), **others}


def test_an_allure_failure_has_its_steps_and_its_exchanges(folders: dict[str, Path]) -> None:
    result = results(folders["red"])["POOLS-TRANSACT-CONCURRENT-ONCE"]
    case = result["steps"][0]

    attached = [folders["red"] / "allure-results" / item["source"] for item in case["attachments"]]
    assert len(case["steps"]) == 3
    assert len(attached) == 3
    assert all("$OBIT_POOLS_SECRET_KEY" in path.read_text(encoding="utf-8") for path in attached)


def test_allure_knows_an_excused_failure_and_a_flaky_answer(folders: dict[str, Path]) -> None:
    found = results(folders["red"])

    assert found["POOLS-LEDGER-CLAMP"]["statusDetails"]["known"] is True
    assert found["POOLS-UNKNOWN-OBJECT"]["statusDetails"]["flaky"] is True


def test_allure_results_of_an_earlier_writing_do_not_stay(tmp_path: Path) -> None:
    from conformance.evidence import write

    folder = synthetic.write_journal(tmp_path, synthetic.red())
    write(folder, load())
    write(folder, load())

    assert len(list((folder / "allure-results").glob("*-result.json"))) == len(load().requirements)


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "reconciliation.csv").open(encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))


def test_every_order_is_a_row(folders: dict[str, Path]) -> None:
    rows = table(folders["red"])

    assert [(row["order"], row["net"], row["result"]) for row in rows] == [
        ("order-1", "-10.00", "matched"),
        ("order-2", "-10.00", "matched"),
        ("order-3", "-20.00", "debited twice"),
    ]
    assert rows[2]["debits"] == "'-10.00; -10.00"


def test_a_run_without_orders_still_has_the_header(tmp_path: Path) -> None:
    from conformance.evidence import reconciliation

    passed = synthetic.judgement("WIRE-BODY", Outcome.PASS)
    packet = assemble(synthetic.write_journal(tmp_path, [synthetic.run(), passed]), load())

    assert reconciliation.render(packet).startswith("order,account,pool,quote,transact,currency,")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("+1+1", "'+1+1"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\n=1", "'\n=1"),
        ("  =1", "'  =1"),
        ("-10.00", "-10.00"),
        ("+0.5", "+0.5"),
        ("10.00", "10.00"),
        ("-1e5", "'-1e5"),
        ("", ""),
        (("-1.00", "2.00"), "'-1.00; 2.00"),
        (("-1.00",), "-1.00"),
        ((), ""),
        ("\x1b[31m", "\\x1b[31m"),
    ],
)
def test_no_cell_is_taken_for_a_formula(value: str | tuple[str, ...], expected: str) -> None:
    assert cell(value) == expected

"""Runs that are cut short: what was judged until then is kept and says that it is not whole."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from conformance.journal import RunRecord, ScenarioRecord

from .command import (
    KEY,
    Served,
    await_scenarios,
    await_that,
    bare,
    conformance,
    ended,
    exchanges,
    interrupt,
    journal,
    sandbox,
    started,
)
from .liars import lying, silent

SLOW = "requests_per_second = 20\n"
"""Slow enough that a run is still going on when the signal arrives."""


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with sandbox() as running:
        yield running


def profile(folder: Path, url: str) -> Path:
    path = bare(folder, url)
    path.write_text(path.read_text().replace("requests_per_second = 1000\n", SLOW))
    return path


def run_words(profile: Path) -> list[str]:
    return ["-m", "conformance", "run", "--target", str(profile), "--output", "run"]


def test_an_interrupted_run_ends_with_130_and_can_be_reported(served: Served, tmp_path: Path) -> None:
    process = started(run_words(profile(tmp_path, served.url)), tmp_path, {})
    await_scenarios(process, tmp_path / "run", 3)
    interrupt(process)
    run = ended(process)
    assert run.code == 130
    assert "interrupted; tidying up\nwhat was judged until then: conformance report run\n" in run.out
    assert "Traceback" not in run.said
    report = conformance("report", "run", cwd=tmp_path)
    assert report.code == 3
    assert "INCOMPLETE (exit code 3)\n  the run did not end: its journal has no seal" in report.out
    assert "error of harness or network" not in report.out
    assert "the run ended before it was tried" in report.out


def test_an_interrupted_run_gives_its_quotes_back(served: Served, tmp_path: Path) -> None:
    process = started(run_words(profile(tmp_path, served.url)), tmp_path, {})
    await_scenarios(process, tmp_path / "run", 3)
    interrupt(process)
    assert ended(process).code == 130
    quotes = quotes_given(tmp_path / "run")
    states = {httpx.get(f"{served.url}/pools/quotes/{quote}", headers=AUTHORIZED).json()["status"] for quote in quotes}
    assert quotes
    assert "active" not in states


AUTHORIZED = {"Authorization": f"Bearer {KEY}"}


def quotes_given(folder: Path) -> set[str]:
    """The firm quotes of a run, from the answers in its journal."""
    found = set()
    for exchange in exchanges(folder):
        if exchange.operation == "POST /pools/{id}/quote" and exchange.status == 200:
            answer = httpx.Response(200, text=exchange.response_body or "").json()
            found |= {answer["quoteId"]} if answer.get("quoteId") else set()
    return found


def test_an_interrupt_while_the_target_is_silent_is_heard(served: Served, tmp_path: Path) -> None:
    with lying(served.origin, balance=silent) as liar:
        path = bare(tmp_path, liar.url, request=3600 / 4)
        process = started([*run_words(path), "--only", "POOLS-BALANCE-CONTEXT"], tmp_path, {})
        await_that(lambda: any(asked.path.endswith("/balance") for asked in liar.asked))
        interrupt(process)
        run = ended(process)
    assert run.code == 130
    assert "Traceback" not in run.said


def test_an_interrupt_before_anything_was_tried_leaves_nothing(tmp_path: Path) -> None:
    with lying(everything=silent) as liar:
        process = started(run_words(bare(tmp_path, liar.url, request=900)), tmp_path, {})
        await_that(lambda: bool(liar.asked))
        interrupt(process)
        run = ended(process)
    assert run.code == 130
    assert "Traceback" not in run.said
    assert not (tmp_path / "run").exists()


def test_a_killed_run_is_reported_as_far_as_it_came(served: Served, tmp_path: Path) -> None:
    process = started(run_words(profile(tmp_path, served.url)), tmp_path, {})
    await_scenarios(process, tmp_path / "run", 4)
    process.send_signal(signal.SIGKILL)
    assert ended(process).code == -signal.SIGKILL
    report = conformance("report", "run", cwd=tmp_path)
    assert report.code == 3
    assert "INCOMPLETE (exit code 3)\n  the run did not end: its journal has no seal" in report.out
    judged = {record.scenario for record in journal(tmp_path / "run").of(ScenarioRecord)}
    assert len(judged) >= 4
    assert re.search(r"Requirements: [1-9]\d* pass, ", (tmp_path / "run" / "summary.md").read_text())


def test_a_run_killed_after_a_failure_is_nonconformant_already(tmp_path: Path) -> None:
    with sandbox("--fault", "key-unknown-accepted") as faulty:
        process = started(run_words(profile(tmp_path, faulty.url)), tmp_path, {})
        await_scenarios(process, tmp_path / "run", 3)
        process.send_signal(signal.SIGKILL)
        ended(process)
    report = conformance("report", "run", cwd=tmp_path)
    assert report.code == 1
    assert "NONCONFORMANT (exit code 1)\n" in report.out
    assert "  the run did not end: its journal has no seal, so the record is incomplete\n" in report.out


def test_a_target_that_disappears_in_mid_run_does_not_hold_the_run_up(tmp_path: Path) -> None:
    with sandbox() as doomed:
        steps = ["--step", "5", "--step", "6", "--step", "8"]
        process = started([*run_words(profile(tmp_path, doomed.url)), *steps], tmp_path, {})
        await_scenarios(process, tmp_path / "run", 1)
    run = ended(process)
    assert run.code == 4
    assert "could not be reached (ConnectError)" in run.out
    assert "Traceback" not in run.said


def test_a_killed_run_leaves_no_embedded_sandbox_behind(tmp_path: Path) -> None:
    process = started(["-m", "conformance", "run", "--output", "run"], tmp_path, {})
    await_scenarios(process, tmp_path / "run", 1)
    process.send_signal(signal.SIGKILL)
    ended(process)
    [record] = journal(tmp_path / "run").of(RunRecord)
    await_that(lambda: not answers(record.base_urls["pools"]))


def answers(url: str) -> bool:
    try:
        httpx.get(url)
    except httpx.ConnectError:
        return False
    except httpx.TransportError:
        return True  # something was still there to break the answer off
    return True

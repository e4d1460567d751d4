"""Targets that answer what no API answers: a finding on that exchange, bounded time and memory, and the run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.journal import Judgement, Outcome, ScenarioRecord

from . import liars
from .command import TIME_PASSES, Served, bare, conformance, ended, exchanges, journal, judgements, sandbox, started
from .liars import Lie, lying

SELECTION = ["--only", "POOLS-BALANCE-CONTEXT", "--only", "POOLS-POLL-TERMINAL"]
"""One scenario that reads what is lied about, and one after it that does not."""

BALANCE = "GET /pools/{id}/balance"

CAPPED = """
import resource, runpy
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
runpy.run_module("conformance", run_name="__main__", alter_sys=True)
"""
"""The command with 2 GiB of address space: plenty for a run, half of what the bomb unpacks to."""


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with sandbox() as running:
        yield running


ANSWERS = [
    pytest.param(liars.html, "WIRE-CONTENT-TYPE", Outcome.FAIL, 1, id="HTML"),
    pytest.param(liars.truncated_json, "WIRE-BODY", Outcome.FAIL, 1, id="truncated JSON"),
    pytest.param(liars.fifty_megabytes, "WIRE-BODY", Outcome.FAIL, 1, id="50 MB"),
    pytest.param(liars.gzip_bomb, "WIRE-BODY", Outcome.FAIL, 1, id="gzip bomb"),
    pytest.param(liars.silent, "POOLS-BALANCE-CONTEXT", Outcome.ERROR, 4, id="nothing"),
    pytest.param(liars.dripping_body, "POOLS-BALANCE-CONTEXT", Outcome.ERROR, 4, id="a body that drips"),
    pytest.param(liars.dripping_headers, "POOLS-BALANCE-CONTEXT", Outcome.ERROR, 4, id="headers that drip"),
    pytest.param(liars.closing_mid_body, "POOLS-BALANCE-CONTEXT", Outcome.ERROR, 4, id="half a body"),
]


@pytest.mark.parametrize(("lie", "requirement", "outcome", "code"), ANSWERS)
def test_a_strange_answer_is_a_finding_and_the_run_goes_on(
    lie: Lie, requirement: str, outcome: Outcome, code: int, served: Served, tmp_path: Path
) -> None:
    with lying(served.origin, balance=lie) as liar:
        profile = bare(tmp_path, liar.url, request=0.7)
        words = ["run", "--target", str(profile), "--output", "run", *SELECTION]
        run = ended(started(["-c", CAPPED, *words], tmp_path, {}))
    assert run.code == code, run.said
    operation = {exchange.id: exchange.operation for exchange in exchanges(tmp_path / "run")}
    blamed = {operation[name] for j in judgements(tmp_path / "run", requirement, outcome) for name in j.exchanges}
    assert blamed == {BALANCE}
    finished = {record.scenario: record.result for record in journal(tmp_path / "run").of(ScenarioRecord)}
    assert finished["test_polling_reaches_a_final_state_and_stays_there"] == "passed"
    assert "Traceback" not in run.said


def test_a_redirect_is_not_followed_and_the_other_server_hears_nothing(served: Served, tmp_path: Path) -> None:
    with lying() as elsewhere:
        redirect = liars.redirecting_to(elsewhere.origin)
        with lying(served.origin, balance=redirect, transact=redirect) as liar:
            profile = bare(tmp_path, liar.url)
            words = ["--only", "POOLS-BALANCE-CONTEXT", "--only", "POOLS-TRANSACT-UNKNOWN-QUOTE"]
            run = conformance("run", "--target", profile, "--output", "run", *words, cwd=tmp_path)
    assert run.code == 1
    redirected = {exchange.operation for exchange in exchanges(tmp_path / "run") if exchange.status == 307}
    assert redirected == {BALANCE, "POST /pools/{id}/transact"}
    assert judgements(tmp_path / "run", "WIRE-STATUS", Outcome.FAIL)
    assert elsewhere.asked == []


def test_a_target_that_accepts_and_never_answers_is_out_of_reach(tmp_path: Path) -> None:
    with liars.mute() as url:
        run = conformance("run", "--target", bare(tmp_path, url, request=0.3), cwd=tmp_path)
    assert run.code == 4
    assert "did not answer in time (ReadTimeout); nothing else was tried" in run.out


def test_a_target_that_only_ever_shows_a_login_page_fails_by_its_content_type(tmp_path: Path) -> None:
    with lying(everything=liars.html) as liar:
        run = conformance("run", "--target", bare(tmp_path, liar.url), "--output", "run", cwd=tmp_path)
    assert run.code == 1
    assert "observed text/html, HTML or XML" in run.out
    assert [j for j in journal(tmp_path / "run").of(Judgement) if j.outcome is Outcome.ERROR] == []


def test_members_of_the_wrong_shape_are_findings_and_trip_no_scenario_up(tmp_path: Path) -> None:
    wrong = {"createdAt": {}, "nextCursor": 7, "hasMore": "no", "spreadBps": [], "delta": "1e999999", "tier": None}
    with sandbox("--control") as served, lying(served.origin, api=liars.distorting(**wrong)) as liar:
        profile = bare(tmp_path, liar.url, further=TIME_PASSES)
        run = conformance("run", "--target", profile, "--output", "run", cwd=tmp_path)
    assert run.code == 1
    assert judgements(tmp_path / "run", "WIRE-BODY", Outcome.FAIL)
    assert [j for j in journal(tmp_path / "run").of(Judgement) if j.outcome is Outcome.ERROR] == []

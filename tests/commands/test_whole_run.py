"""One whole run of the embedded sandbox and what can be done with it: repeated, reported, damaged, cleaned up after."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from datetime import datetime
from itertools import groupby
from pathlib import Path

import pytest

from conformance.journal import Exchange, Leftover, Order, RunRecord, ScenarioRecord
from conformance.scenarios.coverage import declarations

from .command import Ended, conformance, exchanges, journal

SEED = 7
QUOTE, REJECT = "POST /pools/{id}/quote", "POST /pools/quotes/{quoteId}/reject"

RACING = {
    "test_simultaneous_duplicates_make_one_trade",
    "test_transact_and_reject_at_once_have_one_winner",
    "test_simultaneous_polls_refund_once",
    "test_a_storm_of_retries_polls_and_rejects_ends_in_one_way",
    "test_an_execution_whose_answer_was_lost_is_made_once_however_often_and_late_it_is_repeated",
    "test_one_key_sent_for_several_quotes_at_once_executes_one_of_them",
    "test_one_key_of_two_partners_at_once_is_two_keys",
    "test_a_quote_that_expires_while_it_is_executed_is_executed_or_not",
    "test_orders_at_once_do_not_spend_a_balance_twice",
    "test_beyond_the_rolling_cap_only_transact_is_refused",
    "clean-up",
}
"""Scenarios whose requests race with each other, and tidying up, which races with the expiry of what it rejects: what
is answered there is decided by time, not by the seed."""

LOOKING_BACK = {name for name, declaration in declarations().items() if declaration.last}
"""Scenarios that look at all that came before, and so also at what races left behind."""


def whole_run(folder: Path) -> Ended:
    run = conformance("run", "--seed", SEED, "--output", "run", cwd=folder)
    assert run.code == 0, run.out
    return run


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    folder = tmp_path_factory.mktemp("first")
    return folder, whole_run(folder)


def test_a_run_without_a_target_says_that_it_proves_the_harness(first: tuple[Path, Ended]) -> None:
    _, run = first
    assert "\nCONFORMANT (exit code 0)\n" in run.out
    assert "This run judged the embedded sandbox: it proves the harness, not an environment.\n" in run.out
    assert "8 of 8 steps proved; not launch evidence: the embedded sandbox proves the harness" in run.out


def test_a_run_leaves_nothing_but_its_folder(first: tuple[Path, Ended]) -> None:
    folder, _ = first
    assert [path.name for path in folder.iterdir()] == ["run"]


def sequence(folder: Path) -> list[tuple[str, str | None, int | None]]:
    """What was asked of the target and answered, in order, without what raced.

    The same several times in a row counts once: the winner of a race decides how many pages a ledger has later on.
    """
    found = ((e.scenario, e.operation, e.status) for e in exchanges(folder) if e.product == "pools")
    return [exchange for exchange, _ in groupby(found) if exchange[0] not in RACING | LOOKING_BACK]


def test_the_same_seed_asks_and_is_answered_the_same(first: tuple[Path, Ended], tmp_path: Path) -> None:
    folder, _ = first
    whole_run(tmp_path)
    one, other = sequence(folder / "run"), sequence(tmp_path / "run")
    differing = next((pair for pair in zip(one, other, strict=False) if pair[0] != pair[1]), None)
    assert differing is None
    assert len(one) == len(other)


def test_nothing_of_a_run_stays_open_at_the_target(first: tuple[Path, Ended]) -> None:
    folder, _ = first
    [judged] = journal(folder / "run").of(RunRecord)
    # The example partner's quotes are in a sandbox of its own, which ends with it.
    made = [e for e in exchanges(folder / "run") if e.url.startswith(judged.base_urls["pools"].removesuffix("/v1"))]
    quotes = [json.loads(e.response_body or "") for e in made if e.operation == QUOTE and e.status == 200]
    cleaned = {
        e.url.split("/")[-2] for e in made if e.scenario == "clean-up" and e.operation == REJECT and e.status == 200
    }
    rejected = {e.url.split("/")[-2] for e in made if e.operation == REJECT and e.status in (200, 409)}
    executed = {order.quote for order in journal(folder / "run").of(Order)}
    moved = {json.loads(e.request_body or "{}").get("quoteId") for e in made if e.url.endswith("/_sandbox/clock")}
    ended = datetime.fromisoformat(made[-1].started)
    open_still = {
        quote["quoteId"]
        for quote in quotes
        if quote.get("quoteId") and datetime.fromisoformat(quote["expiresAt"]) > ended
    }
    assert cleaned
    assert open_still - rejected - executed - moved == set()


def test_what_remains_of_a_run_is_listed(first: tuple[Path, Ended]) -> None:
    folder, _ = first
    reading = journal(folder / "run")
    left = reading.of(Leftover)
    assert {order.transact for order in reading.of(Order)} == {one.id for one in left if one.subject == "trade"}
    assert {one.subject for one in left} == {"trade"}
    assert left[0].id in (folder / "run" / "index.html").read_text()


def copied(first: tuple[Path, Ended], folder: Path) -> Path:
    shutil.copytree(first[0] / "run", folder / "copy")
    return folder / "copy"


def test_reporting_a_run_again_gives_the_same_evidence(first: tuple[Path, Ended], tmp_path: Path) -> None:
    copy = copied(first, tmp_path)
    before = {path.name: path.read_bytes() for path in copy.iterdir() if path.is_file()}
    for name in before:
        (copy / name).unlink()
    shutil.rmtree(copy / "allure-results")
    report = conformance("report", "copy", cwd=tmp_path)
    assert report.code == 0
    told = report.out.replace("copy/index.html", "run/index.html")
    assert told == first[1].out
    assert {path.name: path.read_bytes() for path in copy.iterdir() if path.is_file()} == before


def changed(lines: list[str]) -> list[str]:
    """A journal in which one answer was changed afterwards."""
    spot = next(number for number, line in enumerate(lines) if '"kind":"judgement"' in line and number > 100)
    return [*lines[:spot], lines[spot].replace('"outcome":"pass"', '"outcome":"fail"'), *lines[spot + 1 :]]


DAMAGE = [
    pytest.param(lambda lines: lines[:-5], "segment main does not match its seal", id="lines missing"),
    pytest.param(lambda lines: [*lines[:-1], lines[-1][:40]], "does not read", id="a line cut off"),
    pytest.param(lambda lines: [*lines[:50], *lines[51:]], "line 51 breaks the hash chain", id="a line taken out"),
    pytest.param(changed, "breaks the hash chain", id="a verdict changed"),
]


@pytest.mark.parametrize(("damage", "sentence"), DAMAGE)
def test_a_damaged_journal_is_called_so(damage, sentence: str, first: tuple[Path, Ended], tmp_path: Path) -> None:
    segment = copied(first, tmp_path) / "journal" / "main.jsonl"
    segment.write_text("".join(damage(segment.read_text().splitlines(keepends=True))))
    report = conformance("report", "copy", cwd=tmp_path)
    assert report.code == 3
    told = [line for line in report.out.splitlines() if line.startswith("  the journal is damaged: ")]
    assert [line for line in told if sentence in line]
    assert "the journal is not whole" in report.out


EMPTY = [
    pytest.param([], "holds no journal segment", id="empty folder"),
    pytest.param(["journal/main.jsonl"], "the journal holds no run record", id="empty journal"),
]


@pytest.mark.parametrize(("files", "sentence"), EMPTY)
def test_a_folder_without_a_run_cannot_be_reported(files: list[str], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    for name in files:
        (tmp_path / "copy" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "copy" / name).touch()
    report = conformance("report", "copy", cwd=tmp_path)
    assert report.code == 2
    assert sentence in report.err
    assert "Traceback" not in report.said


def test_a_journal_starts_with_what_was_judged_and_counts_its_exchanges(first: tuple[Path, Ended]) -> None:
    reading = journal(first[0] / "run")
    assert isinstance(reading.records[0], RunRecord)
    assert reading.records[0].seed == SEED
    made = Counter(exchange.scenario for exchange in reading.of(Exchange) if exchange.account != "handler")
    told = {record.scenario: record.exchanges for record in reading.of(ScenarioRecord)}
    assert {name for name, count in told.items() if count > made[name]} == set()

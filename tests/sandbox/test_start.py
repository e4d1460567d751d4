"""Starting and stopping the process: the ready line, stdin, options, and what a restart keeps."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from .process import running


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "conformance.sandbox", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)


def test_it_stops_when_stdin_ends() -> None:
    done = run("--exit-with-stdin")

    assert done.returncode == 0


def test_the_ready_line_is_the_only_output() -> None:
    done = run("--exit-with-stdin", "--control")

    ready = json.loads(done.stdout)
    assert ready["ready"] is True
    assert ready["control"] == ready["url"].removesuffix("/v1") + "/_sandbox"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--fault", "no-such-fault"), "no-such-fault"),
        (("--dialect", "no-such-dialect"), "no-such-dialect"),
        (("--db", "/no/such/folder/state.db"), "/no/such/folder/state.db"),
        (("--polls-to-settle", "0"), "--polls-to-settle"),
        (("--webhook-url", "http://example.com/hook"), "--allow-remote-webhooks"),
        (("--webhook-url", "ftp://127.0.0.1/hook"), "http://"),
    ],
)
def test_options_that_cannot_be_served_are_refused_by_name(options: tuple[str, ...], word: str) -> None:
    done = run("--exit-with-stdin", *options)

    assert done.returncode == 2
    assert word in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("option", ["--list-faults", "--list-dialects"])
def test_variations_are_listed_with_name_and_fact(option: str) -> None:
    listed = json.loads(run(option).stdout)

    assert listed
    assert all(entry["name"] and entry["summary"] and entry["fact"] for entry in listed)


def test_a_dialect_changes_its_one_answer() -> None:
    with running("--dialect", "transact-200") as sandbox:
        partner = sandbox.partner()

        assert partner.transact(partner.firm()).status_code == 200


def test_a_fault_breaks_what_it_says() -> None:
    with running("--fault", "refund-forgotten", "--control") as sandbox:
        partner = sandbox.partner()
        trade = partner.trade(destAddress="0x000000000000000000000000000000000000fa11")
        partner.poll(trade["quoteId"], times=2)

        assert partner.movements(trade["quoteId"]) == [("buy_debit", "-100.00")]


def test_live_mode_takes_live_keys_only() -> None:
    with running("--mode", "live") as sandbox:
        live = sandbox.partner(key="sk_live_sandbox_approved")
        test = sandbox.partner(key="sk_test_sandbox_wrong_mode")

        assert live.firm().startswith("pq_live_")
        assert test.quote().json()["code"] == "key_mode_mismatch"


def test_without_the_option_there_is_no_control_surface() -> None:
    with running() as sandbox:
        origin = sandbox.url.removesuffix("/v1")
        answer = httpx.post(f"{origin}/_sandbox/clock", json={"account": "approved", "advance_seconds": 1})

        assert sandbox.control_url is None
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"


def test_a_database_file_keeps_quotes_trades_ledger_and_keys_over_a_restart(tmp_path: Path) -> None:
    db = str(tmp_path / "state.db")
    with running("--db", db) as sandbox:
        partner = sandbox.partner()
        executed, open_quote = partner.firm(), partner.firm()
        trade = partner.transact(executed, key="kept").json()
        before = partner.entries()

    with running("--db", db) as sandbox:
        partner = sandbox.partner()

        assert partner.state(open_quote) == "active"
        assert partner.state(executed) == "consumed"
        assert partner.entries() == before
        assert partner.transact(executed, key="kept").json() == trade
        assert partner.transact(open_quote, key="kept").status_code == 409
        assert partner.poll(executed, times=2) == ["reserved", "settled"]

"""The verdict table as users meet it: each row by its exit code and the sentences that say why."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import liars
from .command import TIME_PASSES, Served, bare, conformance, environment, judgements, sandbox

FAULT, BROKEN = "destination-from-transact", "POOLS-TRANSACT-DESTINATION-LOCKED"
"""A seeded defect of the sandbox that breaks one requirement, judged by one scenario, and drags no other along."""


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with sandbox() as running:
        yield running


def test_one_secret_key_on_a_bare_target_is_conformant_in_partner_scope(served: Served, tmp_path: Path) -> None:
    # The one test that waits for a real expiry: nothing can shift this target's clock.
    run = conformance("run", "--target", bare(tmp_path, served.url), "--output", "run", cwd=tmp_path)
    assert run.code == 0, run.out
    assert "\nCONFORMANT (exit code 0)\n" in run.out
    assert "could be provided by: the operator of the target" in run.out
    assert "embedded sandbox" not in run.said
    assert json.loads((tmp_path / "run" / "verdict.json").read_text())["verdict"] == "CONFORMANT"


def test_a_target_nobody_listens_at_is_inconclusive(tmp_path: Path) -> None:
    with liars.absent() as url:
        run = conformance("run", "--target", bare(tmp_path, url), cwd=tmp_path)
    host = url.removeprefix("http://").removesuffix("/v1")
    assert run.code == 4
    assert (
        f"INCONCLUSIVE (exit code 4)\n  {host} could not be reached (ConnectError); nothing else was tried" in run.out
    )
    assert "Traceback" not in run.said


def test_operator_scope_with_one_account_is_incomplete_and_says_who_could_help(served: Served, tmp_path: Path) -> None:
    profile = bare(tmp_path, served.url)
    chosen = ["POOLS-ISOLATION-OBJECTS", "POOLS-DISCOVERY-EXACT", "POOLS-TRANSACT-UNKNOWN-QUOTE"]
    only = [word for requirement in chosen for word in ("--only", requirement)]
    run = conformance("run", "--target", profile, "--scope", "operator", *only, cwd=tmp_path)
    assert run.code == 3
    assert "INCOMPLETE (exit code 3)\n  2 must requirements in scope not evidenced: " in run.out
    other_partner = "the profile has no [accounts.other_partner]: POOLS-ISOLATION-OBJECTS; could be provided by: "
    assert f"{other_partner}the operator of the target\n" in run.out
    approval = "the profile names no approval record (target.approval): POOLS-DISCOVERY-EXACT; could be provided by: "
    assert f"{approval}the partner, from 0Bit's approval decision\n" in run.out


def test_one_step_that_holds_is_partial_and_never_launch_evidence(served: Served, tmp_path: Path) -> None:
    run = conformance("run", "--target", bare(tmp_path, served.url), "--step", "5", cwd=tmp_path)
    assert run.code == 0
    assert "PARTIAL (exit code 0)\n  only a selection was tried; " in run.out
    assert "never launch evidence\n" in run.out
    assert "  proved     5. Duplicate transact creates no duplicate trade\n" in run.out


def test_a_broken_must_is_nonconformant_and_told_so_that_it_can_be_seen_again(tmp_path: Path) -> None:
    with sandbox("--fault", FAULT) as faulty:
        profile = bare(tmp_path, faulty.url)
        run = conformance("run", "--target", profile, "--only", BROKEN, "--output", "run", cwd=tmp_path)
        assert run.code == 1
        assert f"NONCONFORMANT (exit code 1)\n  1 must requirement failed: {BROKEN}\n" in run.out
        told = run.out.partition(f"FAIL {BROKEN}\n")[2].splitlines()
        [failure] = judgements(tmp_path / "run", BROKEN)
        assert f"  expected {failure.expected}" in told
        assert f"  observed {failure.observed}" in told
        curl = next(line.strip() for line in told if "curl" in line and "/transact" in line)
        again = next(line.strip() for line in told if line.strip().startswith("conformance run "))
        assert '"Authorization: Bearer $OBIT_POOLS_SECRET_KEY"' in curl
        repeated = subprocess.run(
            ["sh", "-c", curl],
            env=environment(OBIT_POOLS_SECRET_KEY="sk_test_sandbox_approved"),
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert repeated.stdout.startswith("HTTP/1.1 "), repeated.stderr
        second = conformance(*shlex.split(again)[1:], "--output", "again", cwd=tmp_path)
    assert second.code == 1
    assert [j.observed for j in judgements(tmp_path / "again", BROKEN)] == [failure.observed]


def known_failure(requirement: str, expires: str) -> str:
    return f'[[known_failure]]\nrequirement = "{requirement}"\nreason = "4711"\nowner = "ops"\nexpires = {expires}\n'


def test_a_failure_that_is_known_and_excused_leaves_exceptions(tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_text(known_failure(BROKEN, "2099-01-01"))
    with sandbox("--control", "--fault", FAULT) as faulty:
        profile = bare(tmp_path, faulty.url, further=TIME_PASSES)
        run = conformance("run", "--target", profile, "--known-failures", "known.toml", cwd=tmp_path)
    assert run.code == 5
    assert f"CONFORMANT WITH EXCEPTIONS (exit code 5)\n  1 known failure excused: {BROKEN}; " in run.out
    assert "4711 (owner ops, until 2099-01-01)" in run.out


def test_a_known_failure_that_passes_fails_the_run(served: Served, tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_text(known_failure(BROKEN, "2099-01-01"))
    words = ["--known-failures", "known.toml", "--only", BROKEN]
    run = conformance("run", "--target", bare(tmp_path, served.url), *words, cwd=tmp_path)
    assert run.code == 1
    assert f"  the known failure of {BROKEN} (owner ops) passes now: remove the entry\n" in run.out


def test_a_known_failure_that_has_expired_fails_the_run(tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_text(known_failure(BROKEN, "2020-01-01"))
    with sandbox("--fault", FAULT) as faulty:
        words = ["--known-failures", "known.toml", "--only", BROKEN]
        run = conformance("run", "--target", bare(tmp_path, faulty.url), *words, cwd=tmp_path)
    assert run.code == 1
    assert f"  the known failure of {BROKEN} (owner ops) expired (2020-01-01): fix it or renew the entry\n" in run.out
    assert f"\nFAIL {BROKEN}\n" in run.out


def test_pytest_variables_of_the_user_change_no_verdict(served: Served, tmp_path: Path) -> None:
    words = ["--only", "POOLS-TRANSACT-UNKNOWN-QUOTE"]
    profile = bare(tmp_path, served.url)
    run = conformance("run", "--target", profile, *words, cwd=tmp_path, PYTEST_ADDOPTS="-k nothing_at_all --co")
    assert run.code == 0, run.out


def test_a_verdict_survives_a_reader_that_goes_away(served: Served, tmp_path: Path) -> None:
    words = ["-m", "conformance", "run", "--target", str(bare(tmp_path, served.url)), "--output", "run"]
    with subprocess.Popen(
        [sys.executable, *words, "--only", "POOLS-TRANSACT-UNKNOWN-QUOTE"],
        cwd=tmp_path,
        env=environment(OBIT_POOLS_SECRET_KEY="sk_test_sandbox_approved"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        process.stdout.close()
        code = process.wait(60)
    assert code == 0
    assert (tmp_path / "run" / "index.html").is_file()

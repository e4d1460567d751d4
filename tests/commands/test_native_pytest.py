"""The same run for people who live in pytest, and pytest sessions that are none of our business."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .command import Ended, Served, bare, conformance, ended, exchanges, sandbox, started

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ["--pyargs", "conformance.scenarios"]
ONLY = ["--only", "POOLS-TRANSACT-DESTINATION-LOCKED"]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with sandbox() as running:
        yield running


def native(*words: object, cwd: Path, **variables: str) -> Ended:
    """``python -m pytest WORDS`` run to its end in ``cwd``."""
    return ended(started(["-m", "pytest", *map(str, words)], cwd, variables))


def verdict_told(run: Ended) -> str:
    return run.out[run.out.index("Launch: ") : run.out.index("Report: ")]


def test_pytest_gives_the_same_verdict_and_exit_code(served: Served, tmp_path: Path) -> None:
    words = ["--target", bare(tmp_path, served.url), *ONLY, "--only", "POOLS-TRANSACT-CONCURRENT-ONCE"]
    ours = conformance("run", *words, "--output", "ours", cwd=tmp_path)
    theirs = native(*NATIVE, *words, "--output", "theirs", cwd=tmp_path)
    assert (theirs.code, verdict_told(theirs)) == (ours.code, verdict_told(ours))
    # Of simultaneous duplicates any one may be first, so 200 or 201 is not the same from run to run.
    asked = {name: [(e.scenario, e.operation) for e in exchanges(tmp_path / name)][:5] for name in ("ours", "theirs")}
    assert asked["theirs"] == asked["ours"]


def test_pytest_leaves_with_the_verdict_of_a_faulty_target(tmp_path: Path) -> None:
    with sandbox("--fault", "destination-from-transact") as faulty:
        run = native(*NATIVE, "--target", bare(tmp_path, faulty.url), *ONLY, "--output", "run", cwd=tmp_path)
    assert run.code == 1
    assert "not conformant: POOLS-TRANSACT-DESTINATION-LOCKED" in run.out
    assert "NONCONFORMANT (exit code 1)" in run.out


def test_pytest_without_a_target_judges_the_embedded_sandbox(tmp_path: Path) -> None:
    run = native(*NATIVE, *ONLY, "--output", "run", cwd=tmp_path)
    assert run.code == 0, run.out
    assert "This run judged the embedded sandbox: it proves the harness, not an environment." in run.out
    assert (tmp_path / "run" / "index.html").is_file()


USAGE = [
    (["--target", ""], "empty --target"),
    (["--target", "sandbx"], "did you mean sandbox?"),
    (["--step", "9"], "--step 9 does not exist"),
]


@pytest.mark.parametrize(("words", "sentence"), USAGE, ids=[" ".join(words) for words, _ in USAGE])
def test_what_has_to_be_corrected_is_a_usage_error_there_too(words: list[str], sentence: str, tmp_path: Path) -> None:
    run = native(*NATIVE, *words, cwd=tmp_path)
    assert run.code == 2
    assert sentence in run.said
    assert not (tmp_path / "reports").exists()


def test_a_refused_key_leaves_nothing_behind(served: Served, tmp_path: Path) -> None:
    words = ["--target", bare(tmp_path, served.url), "--output", "run"]
    run = native(*NATIVE, *words, cwd=tmp_path, OBIT_POOLS_SECRET_KEY="sk_test_nobody_issued_this_one")
    assert run.code == 2
    assert "refuses the key in OBIT_POOLS_SECRET_KEY" in run.said
    assert "sk_test_nobody" not in run.said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("autoload", [True, False], ids=["entry point and conftest", "conftest alone"])
def test_a_checkout_has_the_plugin_once(autoload: bool, served: Served, tmp_path: Path) -> None:
    variables = {} if autoload else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    words = ["conformance/scenarios", "--target", bare(tmp_path, served.url), *ONLY, "--output", tmp_path / "run"]
    run = native(*words, "--trace-config", "-p", "no:cacheprovider", cwd=ROOT, **variables)
    assert run.code == 0, run.said
    registered = re.findall(r"^ +(\S+) +: .*/conformance/plugin\.py$", run.out, re.MULTILINE)
    assert registered == ["conformance.plugin"]


def test_an_ordinary_session_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("def test_mine():\n    assert 1 + 1 == 2\n")
    run = native("-q", cwd=tmp_path)
    assert run.code == 0
    assert run.out.splitlines()[-1].startswith("1 passed")
    assert not (tmp_path / "reports").exists()
    (tmp_path / "test_mine.py").write_text("def test_mine():\n    assert 1 + 1 == 3\n")
    assert native("-q", cwd=tmp_path).code == 1

"""A command line, profile or file that has to be corrected first: exit 2, the place and the fix, and nothing tried."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .command import BARE, KEY, conformance, sandbox

UNUSED = "http://127.0.0.1:9/v1"

OPTIONS = [
    (["--target", ""], "--target is empty: name a profile or a file, or leave the option out"),
    (["--target", "sandbx"], "did you mean sandbox?"),
    (["--stp", "5"], "No such option: --stp"),
    (["--tier", "everything"], "--tier 'everything' is not known; choose smoke, certify, regress"),
    (["--scope", "world"], "--scope 'world' is not known; choose partner, operator"),
    (["--step", "9"], "--step 9 does not exist; the smoke plan has steps 1 to 8"),
    (["--step", "five"], "not a valid int"),
    (["--only", "POOLS-RECONCILE"], "no requirement is called 'POOLS-RECONCILE'; did you mean POOLS-RECONCILES?"),
    (["--sandbox-fault", "no-such-fault"], "no fault is called no-such-fault"),
    (["--sandbox-dialect", "no-such-dialect"], "no dialect is called no-such-dialect"),
    (["--partner-fault", "no-such-fault"], "invalid choice: 'no-such-fault'"),
    (["--target", "sandbox", "--sandbox-fault", "key-ignored"], "switches of the embedded sandbox"),
    (["--target", "sandbox", "--partner-fault", "no-verify"], "switches of the embedded sandbox"),
]


@pytest.mark.parametrize(("words", "sentence"), OPTIONS, ids=[" ".join(words) or "empty" for words, _ in OPTIONS])
def test_an_option_that_cannot_be_meant_is_named(words: list[str], sentence: str, tmp_path: Path) -> None:
    ended = conformance("run", *words, cwd=tmp_path)
    assert ended.code == 2
    assert sentence in " ".join(ended.err.replace("│", " ").split())
    assert "Traceback" not in ended.said
    assert list(tmp_path.iterdir()) == []


RIGHT = BARE.format(environment="sandbox", url=UNUSED, trades=40, request=5)

PROFILES = [
    pytest.param(
        RIGHT.replace('name = "bare"', 'name = "bare'),
        ["mine.toml:3", "found:    broken TOML", "expected: TOML 1.0"],
        id="broken TOML",
    ),
    pytest.param(
        RIGHT.replace("trades = 40", "tradse = 40"),
        ["mine.toml:13: limits.tradse", "found:    an unknown key", "did you mean trades?"],
        id="unknown key",
    ),
    pytest.param(
        RIGHT.replace('"100000.00"', "100000.00"),
        ["mine.toml:14: limits.notional", "found:    a number", "expected: an amount written as a string"],
        id="float money",
    ),
    pytest.param(
        RIGHT.replace("OBIT_POOLS_SECRET_KEY", "sk_test_pasted0000000000"),
        ["mine.toml:10: accounts.approved.secret_key", "a profile names environment variables, never secrets"],
        id="secret in the profile",
    ),
    pytest.param(
        RIGHT.replace("OBIT_POOLS_SECRET_KEY", "OBIT_NOBODY_SET_THIS"),
        ["accounts.approved.secret_key", "the environment variable OBIT_NOBODY_SET_THIS is not set"],
        id="variable not set",
    ),
    pytest.param(
        RIGHT.replace("[limits]", "[limts]"),
        ["mine.toml:12: limts", "did you mean limits?"],
        id="unknown table",
    ),
    pytest.param(
        RIGHT.replace('environment = "sandbox"', 'environment = "sandbox"\napproval = "approval.json"'),
        ["approval.json:2", "found:    broken JSON", "expected: a JSON object"],
        id="broken approval record",
    ),
    pytest.param(
        RIGHT.replace('environment = "sandbox"', 'environment = "sandbox"\napproval = "gone.json"'),
        ["mine.toml:5: target.approval", "found:    no such file", "expected: an approval record"],
        id="no approval record",
    ),
    pytest.param(
        RIGHT.replace("[accounts.approved]", 'contract = "broken.yaml"\n[accounts.approved]'),
        ["broken.yaml:3", "found broken YAML", "expected valid YAML"],
        id="broken contract",
    ),
    pytest.param(
        RIGHT.replace("[accounts.approved]", 'contract = "other.yaml"\n[accounts.approved]'),
        ["other.yaml", "openapi", "expected"],
        id="a contract that is none",
    ),
    pytest.param(
        RIGHT.replace("[accounts.approved]", 'contract = "gone.yaml"\n[accounts.approved]'),
        ["mine.toml:9: target.pools.contract", "found:    no such file", "expected: an OpenAPI file"],
        id="no contract",
    ),
]


@pytest.mark.parametrize(("text", "told"), PROFILES)
def test_a_profile_that_cannot_be_used_is_told_by_place_finding_and_fix(
    text: str, told: list[str], tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(text)
    (tmp_path / "approval.json").write_text('{\n "partner_id": oops\n}')
    (tmp_path / "broken.yaml").write_text("openapi: 3.1.0\npaths: [unclosed\n")
    (tmp_path / "other.yaml").write_text("groceries: [milk]\n")
    ended = conformance("run", "--target", "mine.toml", "--output", "run", cwd=tmp_path)
    assert ended.code == 2
    assert [fragment for fragment in told if fragment not in ended.err] == []
    assert "Traceback" not in ended.said
    assert "sk_test" not in ended.said.replace("sk_test_…", "")
    assert not (tmp_path / "run").exists()


KNOWN = """
[[known_failure]]
requirement = "POOLS-FUNDING"
reason = "ticket 4711"
owner = "treasury"
expires = 2099-01-01
"""

KNOWN_FAILURES = [
    pytest.param(None, "known.toml: cannot be read (No such file or directory)", id="missing"),
    pytest.param(KNOWN + "[[known_failure", "known.toml: found broken TOML", id="broken TOML"),
    pytest.param("known = 1\n", "known.toml: found 'known' at the top; expected only [[known_failure]]", id="other"),
    pytest.param(
        KNOWN.replace("POOLS-FUNDING", "POOLS-FUNDS"),
        "known.toml: known_failure 1: no requirement 'POOLS-FUNDS'",
        id="unknown requirement",
    ),
    pytest.param(
        KNOWN.replace('owner = "treasury"\n', ""),
        "known.toml: known_failure 1: owner is missing or empty",
        id="nobody's",
    ),
    pytest.param(
        KNOWN.replace("2099-01-01", '"2099-01-01"'),
        "known.toml: known_failure 1: expires must be a date",
        id="no date",
    ),
    pytest.param(
        KNOWN.replace("owner", "onwer"),
        "known.toml: known_failure 1: unknown key 'onwer'; expected requirement, reason, owner, expires",
        id="unknown key",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), KNOWN_FAILURES)
def test_a_known_failures_file_that_cannot_be_used_is_told_by_entry(
    text: str | None, sentence: str, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / "known.toml").write_text(text)
    ended = conformance("run", "--known-failures", "known.toml", cwd=tmp_path)
    assert ended.code == 2
    assert sentence in ended.err
    assert "Traceback" not in ended.said


def test_a_folder_with_something_in_it_is_neither_mixed_into_nor_removed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    ended = conformance("run", "--output", "mine", cwd=tmp_path)
    assert (ended.code, ended.err) == (2, "--output mine is not empty; name a folder that does not exist yet\n")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter"]


def test_a_file_cannot_be_a_run_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("dear")
    ended = conformance("run", "--output", "mine", cwd=tmp_path)
    assert (ended.code, ended.err) == (2, "--output mine is a file; name a folder that does not exist yet\n")
    under_it = conformance("run", "--output", "mine/run", cwd=tmp_path)
    assert (under_it.code, under_it.err) == (
        2,
        "mine/run cannot be written to (Not a directory); choose another --output\n",
    )


WRONG_KEY = "sk_test_" + "wrong0canary" * 2

REFUSED = [
    pytest.param(WRONG_KEY, "refuses the key in OBIT_POOLS_SECRET_KEY (status 401 to a plain read)", id="unknown"),
    pytest.param("pk_test_sandbox_approved", "OBIT_POOLS_SECRET_KEY holds a publishable key (pk_…", id="publishable"),
    pytest.param("hunter2", "OBIT_POOLS_SECRET_KEY holds text of 7 characters", id="no key at all"),
    pytest.param("", "the environment variable OBIT_POOLS_SECRET_KEY is not set", id="empty"),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with sandbox() as served:
        yield served.url


@pytest.mark.parametrize(("key", "sentence"), REFUSED)
def test_a_key_that_opens_nothing_is_told_by_its_variable(key: str, sentence: str, url: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(RIGHT.replace(UNUSED, url))
    words = ["run", "--target", "mine.toml", "--output", "run"]
    ended = conformance(*words, cwd=tmp_path, OBIT_POOLS_SECRET_KEY=key)
    assert ended.code == 2
    assert sentence in ended.err
    assert not key or key not in ended.said
    assert "Traceback" not in ended.said
    assert not (tmp_path / "run").exists()


def test_the_key_of_a_test_opens_the_sandbox(url: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(RIGHT.replace(UNUSED, url))
    words = ["run", "--target", "mine.toml", "--only", "POOLS-TRANSACT-UNKNOWN-QUOTE"]
    ended = conformance(*words, cwd=tmp_path, OBIT_POOLS_SECRET_KEY=KEY)
    assert ended.code == 0, ended.said

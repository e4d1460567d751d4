"""``conformance doctor`` says what a run needs, what is missing and who could provide it, and exits accordingly."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from conformance.journal import Exchange, read
from conformance.readiness import examine
from conformance.run import Options, prepare
from conformance.target import embedded
from tests.doctor.profiles import Doctor, written

SECRET = re.compile(r"(?:sk|pk|whsec)_(?:test_|live_)?[A-Za-z0-9]{8,}")


def line(output: str, subject: str) -> str:
    """The state and the text of the check of this subject."""
    found = re.search(rf"^(\w+)\s+{subject}\s\s+(.*)$", output, re.MULTILINE)
    assert found, f"no line on {subject} in\n{output}"
    return f"{found[1]}: {found[2].rstrip()}"


def test_the_embedded_sandbox_lacks_nothing_and_is_said_to_prove_no_environment(doctor: Doctor) -> None:
    result = doctor()

    assert result.exit_code == 0, result.output
    assert "proves the harness, not an environment" in result.output
    assert line(result.output, "launch") == "ok: all eight steps can be proved"


@pytest.mark.usefixtures("their_keys")
def test_one_secret_key_is_enough_for_partner_scope(doctor: Doctor, sandbox: embedded.Embedded, tmp_path: Path) -> None:
    result = doctor("--target", written(tmp_path, sandbox.url))

    assert result.exit_code == 0, result.output
    assert "each can be evidenced" in line(result.output, "requirements")
    assert line(result.output, "key") == "ok: THEIR_KEY is accepted"
    assert re.search(r"answered in \d+ ms", line(result.output, "address"))


@pytest.mark.usefixtures("their_keys")
def test_the_launch_line_counts_what_lies_outside_the_scope(
    doctor: Doctor, sandbox: embedded.Embedded, tmp_path: Path
) -> None:
    result = doctor("--target", written(tmp_path, sandbox.url))

    assert line(result.output, "launch").startswith("note: 5 of 8 steps can be proved, not 1, 2, 7: ")


@pytest.mark.usefixtures("their_keys")
def test_operator_scope_lists_what_is_missing_under_who_could_provide_it(
    doctor: Doctor, sandbox: embedded.Embedded, tmp_path: Path
) -> None:
    result = doctor("--target", written(tmp_path, sandbox.url), "--scope", "operator")

    assert result.exit_code == 3
    by_operator = result.output.split("\n  the operator of the target\n")[1]
    assert "the environment variable OTHER_KEY is not set: POOLS-ISOLATION-OBJECTS" in by_operator
    assert "the profile has no recipe [outcomes.failed]: POOLS-OUTCOME-FAILED" in by_operator


@pytest.mark.usefixtures("their_keys")
def test_a_missing_account_names_the_variable_that_would_provide_it(
    doctor: Doctor, sandbox: embedded.Embedded, tmp_path: Path
) -> None:
    result = doctor("--target", written(tmp_path, sandbox.url))

    assert "have approved; unset: other_partner (export OTHER_KEY); not in the profile" in line(
        result.output, "accounts"
    )


@pytest.mark.usefixtures("their_keys")
def test_a_refused_key_ends_with_2_and_names_its_variable(
    doctor: Doctor, sandbox: embedded.Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THEIR_KEY", "sk_test_nobody0ever0issued0this")

    result = doctor("--target", written(tmp_path, sandbox.url))

    assert result.exit_code == 2
    assert line(result.output, "key").startswith("wrong: elsewhere refuses the key in THEIR_KEY (status 401")


def test_an_unset_key_ends_with_2_before_anything_is_sent(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("THEIR_KEY", raising=False)

    result = doctor("--target", written(tmp_path, "http://127.0.0.1:9/v1"))

    assert result.exit_code == 2
    assert "the environment variable THEIR_KEY is not set" in result.output


@pytest.mark.usefixtures("their_keys")
def test_a_target_that_does_not_answer_ends_with_4(doctor: Doctor, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    result = doctor("--target", written(tmp_path, f"http://127.0.0.1:{port}/v1"))

    assert result.exit_code == 4
    assert line(result.output, "address").startswith("silent: ")


@pytest.mark.usefixtures("their_keys")
@pytest.mark.parametrize("limit", [{"trades": 3}, {"notional": "30.00"}], ids=["trades", "notional"])
def test_limits_too_small_for_the_plan_leave_requirements_open(
    doctor: Doctor, sandbox: embedded.Embedded, tmp_path: Path, limit: dict[str, int | str]
) -> None:
    result = doctor("--target", written(tmp_path, sandbox.url, **limit))  # type: ignore[arg-type]

    assert result.exit_code == 3
    assert line(result.output, "spend").startswith("lacks: scenarios take at most ")
    assert "[limits] that allow the planned trades: " in result.output


@pytest.mark.usefixtures("their_keys")
def test_the_smoke_tier_plans_less_than_certify(doctor: Doctor, sandbox: embedded.Embedded, tmp_path: Path) -> None:
    profile = written(tmp_path, sandbox.url)

    planned = [
        int(re.findall(r"at most (\d+) trades", line(doctor("--target", profile, "--tier", tier).output, "spend"))[0])
        for tier in ("smoke", "certify")
    ]

    assert 0 < planned[0] < planned[1]


@pytest.mark.usefixtures("their_keys")
def test_an_approval_for_another_environment_is_wrong(
    doctor: Doctor, sandbox: embedded.Embedded, tmp_path: Path
) -> None:
    result = doctor("--target", written(tmp_path, sandbox.url, approved_for="production"))

    assert result.exit_code == 2
    assert line(result.output, "approval").startswith("wrong: the record is for production")


@pytest.mark.usefixtures("their_keys")
def test_in_production_the_guard_is_up_and_what_writes_cannot_be_evidenced(
    doctor: Doctor, sandbox: embedded.Embedded, tmp_path: Path
) -> None:
    result = doctor("--target", written(tmp_path, sandbox.url, environment="production"))

    assert result.exit_code == 3
    assert "production guard up: only reads are sent" in line(result.output, "profile")
    assert "only reads are sent there, not POST" in result.output


@pytest.mark.usefixtures("their_keys")
def test_an_examination_only_reads(sandbox: embedded.Embedded, tmp_path: Path) -> None:
    profile = written(tmp_path, sandbox.url)
    run = prepare(Options(target=profile, output=tmp_path / "run"), {"THEIR_KEY": _key(sandbox)})

    examine(run)
    exchanges = read(run.journal_folder).of(Exchange)
    run.abandon()

    assert exchanges
    assert {exchange.method for exchange in exchanges} == {"GET"}


def _key(sandbox: embedded.Embedded) -> str:
    return sandbox.environ["OBIT_SANDBOX_APPROVED_SECRET_KEY"]


@pytest.mark.usefixtures("their_keys")
@pytest.mark.parametrize("more", [[], ["--scope", "operator"], ["--show-delivery"]], ids=["plain", "operator", "show"])
def test_no_secret_is_printed_and_nothing_is_left_behind(
    doctor: Doctor, sandbox: embedded.Embedded, tmp_path: Path, more: list[str]
) -> None:
    profile = written(tmp_path, sandbox.url, header="Gate-Signature")
    before = sorted(tmp_path.iterdir())

    result = doctor("--target", profile, *more)

    assert SECRET.search(result.output) is None
    assert not [
        value for value in sandbox.environ.values() if value.startswith(("sk_", "whsec_")) and value in result.output
    ]
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tier", "everything"], "--tier 'everything' is not known"),
        (["--scope", "nobody"], "--scope 'nobody' is not known"),
        (["--target", ""], "empty --target"),
        (["--target", "no-such-file.toml"], "no such file"),
    ],
)
def test_what_cannot_be_examined_ends_with_2(doctor: Doctor, words: list[str], said: str) -> None:
    result = doctor(*words)

    assert result.exit_code == 2
    assert said in result.output

"""What is refused, and why: other targets, other options, half of the two; production is read and no more otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.command import bare, conformance
from tests.sandbox.process import ADDRESS

from .live import KEY, live, points

ORDER = ["--controlled-order", "--max-amount", "25.00"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--controlled-order"], "add --max-amount with the EUR it may cost"),
        (["--max-amount", "25.00"], "none is asked for: add --controlled-order"),
        (["--controlled-order", "--max-amount", "25 EUR"], "--max-amount '25 EUR' is no amount above zero"),
        (["--controlled-order", "--max-amount", "0.00"], "such as --max-amount 25.00"),
        (["--controlled-order", "--max-amount", "1e3"], "is no amount above zero"),
        (["--controlled-order", "--max-amount", "-5"], "is no amount above zero"),
        (["--controlled-order", "--max-amount", "NaN"], "is no amount above zero"),
        (["--controlled-order", "--max-amount", "25,00"], "is no amount above zero"),
        ([*ORDER, "--tier", "regress"], "--tier does not go with --controlled-order"),
        ([*ORDER, "--step", "5"], "--step does not go with --controlled-order"),
        ([*ORDER, "--only", "POOLS-TRANSACT-ONCE"], "--only does not go with --controlled-order"),
        ([*ORDER, "--skip-machines"], "--skip-machines does not go with --controlled-order"),
        ([*ORDER, "--product", "pools"], "--product does not go with --controlled-order"),
        ([*ORDER, "--known-failures", "known.toml"], "--known-failures does not go with --controlled-order"),
        ([*ORDER, "--target", "bare.toml"], "--controlled-order is for production, and bare is not"),
    ],
)
def test_a_command_that_cannot_be_one_order_names_the_option_and_the_fix(
    words: list[str], said: str, tmp_path: Path
) -> None:
    bare(tmp_path, "http://127.0.0.1:1/v1")
    run = conformance("run", *words, cwd=tmp_path)
    assert (run.code, said in run.err) == (2, True), run.said
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(
    ("old", "new", "key", "said"),
    [
        (
            f'dest_address = "{ADDRESS}"\n',
            "",
            KEY,
            "name the wallet that is to receive it, as dest_address under [order]",
        ),
        (
            'amount = "10.00"',
            'amount = "25.01"',
            KEY,
            "--max-amount 25.00 is below the order itself: [order] amount is 25.01",
        ),
        ("", "", "sk_test_sandbox_approved", "--controlled-order takes live keys: OBIT_POOLS_SECRET_KEY holds another"),
    ],
    ids=["no wallet", "an amount above the bound", "a test key"],
)
def test_a_profile_that_cannot_carry_an_order_is_refused_before_anything_is_sent(
    old: str, new: str, key: str, said: str, tmp_path: Path
) -> None:
    with live(tmp_path) as world:
        path = world.profile()
        path.write_text(path.read_text().replace(old, new) if old else path.read_text())
        run = conformance("run", "--target", path, *ORDER, cwd=tmp_path, OBIT_POOLS_SECRET_KEY=key)
        asked = list(world.liar.asked)
    assert (run.code, asked, said in run.err) == (2, [], True), run.said


def test_a_key_the_target_refuses_is_a_usage_error_that_names_its_variable(tmp_path: Path) -> None:
    with live(tmp_path) as world:
        world.profile()
        words = world.words()
        run = conformance(*words, cwd=tmp_path, OBIT_POOLS_SECRET_KEY="sk_live_nobodys_0123456789")
    assert (run.code, world.written) == (2, [])
    assert "refuses the key in OBIT_POOLS_SECRET_KEY" in run.err


@pytest.mark.parametrize("environment", ["production", "sandbox"], ids=["by its word", "by its live key"])
def test_an_ordinary_run_in_production_only_reads_and_names_the_way_to_an_order(
    environment: str, tmp_path: Path
) -> None:
    with live(tmp_path) as world:
        path = world.profile(environment=environment)
        words = ["run", "--target", path, "--only", "POOLS-TRANSACT-ONCE", "--only", "POOLS-CAPABILITIES-CONSISTENT"]
        run = conformance(*words, cwd=tmp_path, OBIT_POOLS_SECRET_KEY=KEY)
    assert world.written == []
    assert run.code == 3
    assert "only reads are sent there, not POST; the one first order is placed with --controlled-order" in run.out


def test_without_a_target_the_embedded_sandbox_in_live_mode_rehearses_it(tmp_path: Path) -> None:
    run = conformance("run", *ORDER, "--output", "runs/one", cwd=tmp_path)
    assert run.code == 0, run.said
    assert "This run judged the embedded sandbox: it proves the harness, not an environment." in run.out
    assert points(tmp_path / "runs" / "one")[8] == "confirmed"

"""From a run to the folder that is handed over, with the real commands: what they fill in, and what never gets in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .command import BARE, Served, conformance, sandbox

KEY = "sk_test_canary_of_the_launch_packet"
STATED = 'by = "Jane Doe, CTO"\non = 2026-05-25\n[access]\nproduct-fit = "{words}"\n'

PROFILE = (
    BARE
    + """
[handler]
url = "https://hooks.partner.example/obit"
secret = "CANARY_HANDLER_SECRET"
"""
)

VARIABLES = {"OBIT_POOLS_SECRET_KEY": KEY, "CANARY_HANDLER_SECRET": "handler+canary/secret=="}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A sandbox that takes the canary key."""
    with sandbox(OBIT_SANDBOX_APPROVED_SECRET_KEY=KEY) as found:
        yield found


@pytest.fixture(scope="module")
def handed_over(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of a foreign target and the packet made of it."""
    folder = tmp_path_factory.mktemp("launch")
    (folder / "bare.toml").write_text(PROFILE.format(environment="sandbox", url=served.url, trades=10, request=10))
    (folder / "stated.toml").write_text(STATED.format(words="our own wallet"))
    words = ("run", "--target", "bare.toml", "--only", "POOLS-INDICATIVE-SAFE", "--only", "POOLS-FIRM-EXECUTABLE")
    ran = conformance(*words, "--only", "POOLS-FIRM-TERMS", "--output", "ran", cwd=folder, **VARIABLES)
    assert ran.code == 0, ran.said
    made = conformance("packet", "ran", "--statements", "stated.toml", "-o", "launch", cwd=folder, **VARIABLES)
    assert made.code == 0, made.said
    return folder


def document(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "launch.json").read_text())
    return found


def states(found: dict[str, Any]) -> dict[str, str]:
    rows = ((table["id"], row) for table in found["tables"] for row in table["rows"])
    return {f"{table}: {row['row']} {row['environment']}".strip(): row["state"] for table, row in rows}


def test_what_the_run_showed_is_evidenced_and_the_rest_is_open(handed_over: Path) -> None:
    found = states(document(handed_over / "launch"))
    assert found["readiness: Quote sandbox"] == "evidenced"
    assert found["readiness: Transact sandbox"] == "open"
    assert found["approval: Product fit"] == "stated"
    assert found["packet: Product description"] == "open"


def test_the_run_s_own_folder_has_the_tables_too(handed_over: Path) -> None:
    found = states(document(handed_over / "ran"))
    assert found["readiness: Quote sandbox"] == "evidenced"
    assert found["approval: Product fit"] == "open"


def test_environment_and_key_mode_are_filled_in_from_profile_and_traffic(handed_over: Path) -> None:
    records = document(handed_over / "launch")["records_to_keep"]
    assert (records["environment"], records["key_mode"]) == ("sandbox", "sk_test")


def test_a_foreign_target_s_packet_is_not_watermarked(handed_over: Path) -> None:
    assert document(handed_over / "launch")["watermark"] == ""


def test_no_secret_is_handed_over(handed_over: Path) -> None:
    files = [path for name in ("ran", "launch") for path in (handed_over / name).rglob("*") if path.is_file()]
    assert len(files) > 20
    held = {path: path.read_bytes() for path in files}
    assert [(s, str(p)) for s in VARIABLES.values() for p in files if s.encode() in held[p]] == []


def test_the_packet_verifies(handed_over: Path) -> None:
    done = conformance("verify", "launch", cwd=handed_over)
    assert done.code == 0, done.said


@pytest.mark.parametrize(
    "command", [("run", "--target", "bare.toml", "--tier", "smoke", "--output"), ("packet", "ran", "-o")]
)
def test_the_target_s_own_secret_in_a_statement_is_refused(handed_over: Path, command: tuple[str, ...]) -> None:
    secret = VARIABLES["CANARY_HANDLER_SECRET"] if command[0] == "run" else KEY
    (handed_over / "leaking.toml").write_text(STATED.format(words=f"signed with {secret}"))
    done = conformance(*command, "refused", "--statements", "leaking.toml", cwd=handed_over, **VARIABLES)
    assert done.code == 2
    assert "leaking.toml:4: access.product-fit" in done.err
    assert secret not in done.said
    assert not (handed_over / "refused").exists()


def test_a_run_keeps_what_is_stated_to_it_and_says_how_to_repeat_it(handed_over: Path) -> None:
    words = ("run", "--target", "bare.toml", "--only", "POOLS-INDICATIVE-SAFE", "--statements", "stated.toml")
    done = conformance(*words, "--output", "stated", cwd=handed_over, **VARIABLES)
    assert done.code == 0, done.said
    assert states(document(handed_over / "stated"))["approval: Product fit"] == "stated"
    run = json.loads((handed_over / "stated" / "verdict.json").read_text())["run"]
    assert "--statements stated.toml" in run["command"]
    assert "statements stated.toml" in run["digests"]

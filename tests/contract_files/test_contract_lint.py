"""The recommended rules of two Node linters find nothing in any contract file.

Installing them is a step of its own (`npm ci` in tools/contract-lint); without it these tests are skipped,
or fail where CONFORMANCE_REQUIRE_ALL is 1.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .documents import CONTRACTS, ROOT

TOOL = ROOT / "tools" / "contract-lint"
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}

every_contract = pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)


@every_contract
def test_redocly_finds_nothing(path: Path) -> None:
    printed = run("redocly", "lint", "--config", "redocly.yaml", "--format", "json", str(path))
    assert [problem["message"] for problem in json.loads(printed)["problems"]] == []


@every_contract
def test_spectral_finds_nothing(path: Path) -> None:
    printed = run("spectral", "lint", "--ruleset", ".spectral.yaml", "--format", "json", "--quiet", str(path))
    assert [finding["message"] for finding in json.loads(printed)] == []


def test_each_linter_can_find_something(tmp_path: Path) -> None:
    """Guards the two tests above against a linter that reads nothing."""
    broken = tmp_path / "broken.yaml"
    broken.write_text(CONTRACTS[0].read_text(encoding="utf-8").replace("summary: ", "sumary: "), encoding="utf-8")
    redocly = run("redocly", "lint", "--config", "redocly.yaml", "--format", "json", str(broken))
    spectral = run("spectral", "lint", "--ruleset", ".spectral.yaml", "--format", "json", "--quiet", str(broken))
    assert json.loads(redocly)["problems"]
    assert json.loads(spectral)


def test_the_lock_file_pins_by_digest_and_names_no_host() -> None:
    lock: dict[str, Any] = json.loads((TOOL / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if not entry["integrity"].startswith("sha512-")] == []


def run(linter: str, *arguments: str) -> str:
    """Return what a linter prints; a finding makes it exit 1, anything beyond that is a failure to run."""
    program = TOOL / "node_modules" / ".bin" / linter
    if not program.exists():
        reason = f"CONTRACT FILES NOT LINTED, {linter} is missing: run `npm ci` in {TOOL.relative_to(ROOT)}"
        if os.environ.get("CONFORMANCE_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    done = subprocess.run(
        [program, *arguments],
        cwd=TOOL,
        env=os.environ | QUIET,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout

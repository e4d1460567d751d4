"""The HTML page in a real browser: it renders, its script runs under its own policy, and nothing hostile does.

Needs Chromium; without it these tests skip, or fail where CONFORMANCE_REQUIRE_ALL is 1.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=2000",
    "--enable-logging=stderr",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        reason = "Chromium is not installed: the HTML report was NOT looked at in a browser"
        if os.environ.get("CONFORMANCE_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def rendered(chromium: str, page: Path, profile: Path) -> tuple[str, str]:
    """The page's document after its scripts have run, and what the browser logged."""
    command = [chromium, *QUIET, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.stdout, done.stderr


@pytest.mark.parametrize("name", ["green", "red", "hostile"])
def test_the_page_renders_and_its_script_runs(
    chromium: str, folders: dict[str, Path], tmp_path: Path, name: str
) -> None:
    document, log = rendered(chromium, folders[name] / "index.html", tmp_path)

    assert "The eight steps before launch" in document
    assert "shown" in document.partition('id="filter-shown"')[2][:80], "the filter's script did not count the rows"
    assert "Refused to" not in log, "the page's own policy refuses something of the page"
    assert "CONSOLE" not in log, log

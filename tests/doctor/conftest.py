"""A running sandbox that stands for somebody else's environment, and the doctor as its users call it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from conformance.cli.app import app
from conformance.target import embedded
from tests.doctor.profiles import Doctor


@pytest.fixture(scope="module")
def sandbox() -> Iterator[embedded.Embedded]:
    with embedded.start(os.environ, timeout=30) as running:
        yield running


@pytest.fixture
def their_keys(sandbox: embedded.Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of somebody who has one key for the environment, and its signing secret."""
    monkeypatch.setenv("THEIR_KEY", sandbox.environ["OBIT_SANDBOX_APPROVED_SECRET_KEY"])
    monkeypatch.setenv("THEIR_HOOK", sandbox.environ["OBIT_SANDBOX_APPROVED_WEBHOOK_SECRET"])
    monkeypatch.delenv("OTHER_KEY", raising=False)


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """Calls ``conformance doctor`` in an empty folder, on a terminal wide enough for whole lines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    return lambda *words: CliRunner().invoke(app, ["doctor", *words])

"""One sandbox for all tests of a module that share it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .process import Partner, Sandbox, running


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running("--control") as started:
        yield started


@pytest.fixture(scope="module")
def approved(sandbox: Sandbox) -> Partner:
    return sandbox.partner()

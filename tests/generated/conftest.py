"""What every test of generated traffic starts from."""

from __future__ import annotations

import pytest

from conformance.contract import Contract, load


@pytest.fixture(scope="module")
def contract() -> Contract:
    """Our own contract file."""
    return load()

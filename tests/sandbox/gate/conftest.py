"""Partners of the shared sandbox as 0Gate sees them."""

from __future__ import annotations

import pytest

from tests.sandbox.process import Sandbox

from .partner import Gate, gate_of


@pytest.fixture(scope="module")
def gate(sandbox: Sandbox) -> Gate:
    return gate_of(sandbox)


@pytest.fixture(scope="module")
def other(sandbox: Sandbox) -> Gate:
    return gate_of(sandbox, "other_partner")

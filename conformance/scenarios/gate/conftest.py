"""Fixtures of the 0Gate scenarios."""

from __future__ import annotations

import pytest

from conformance.scenarios.bench import Bench
from conformance.scenarios.gate import mailbox
from conformance.scenarios.gate.desk import Desk
from conformance.scenarios.gate.mailbox import Post
from conformance.scenarios.judging import Judge


@pytest.fixture
def desk(bench: Bench, judge: Judge) -> Desk:
    """0Gate worked by the approved account."""
    del judge  # what the scenario needs is settled before the desk is set up
    return Desk(bench)


@pytest.fixture
def post(bench: Bench, judge: Judge, request: pytest.FixtureRequest) -> Post:
    """What 0Gate delivers to this run: one receiver for the scenarios of a module, closed after the last of them."""
    del judge
    return opened(bench, request)


@pytest.fixture
def possible_post(bench: Bench, judge: Judge, request: pytest.FixtureRequest) -> Post | None:
    """The same, or None where 0Gate cannot reach a receiver: then its log shows what it can."""
    del judge
    if bench.target.lacking("gate_webhooks"):
        return None
    return opened(bench, request)


def opened(bench: Bench, request: pytest.FixtureRequest) -> Post:
    """The receiver in use, which is closed with the module of the running scenario."""
    module = request.node.getparent(pytest.Module)
    assert module is not None
    module.addfinalizer(lambda: mailbox.close(bench))
    return mailbox.shared(bench)

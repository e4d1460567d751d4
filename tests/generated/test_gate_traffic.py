"""With which objects generated requests to 0Gate are sent: ours alone, and none that costs more than was agreed."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.client import Context, Credentials, Reply
from conformance.contract import load
from conformance.journal import Engine, Journal
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.desk import Desk
from conformance.scenarios.gate.seeds import CUSTOMER, QUOTE, SALE, SESSION
from conformance.scenarios.gate.traffic import ENDED, KEPT, RAILS, TESTS, GateTraffic
from conformance.scenarios.generated import Plan, Request, Sent
from conformance.target import Budget, Limits, SessionDefaults
from tests.client.clocks import NOON, FakeClock
from tests.doctor.targets import BARE, account
from tests.scenarios.benches import reply

CANCEL, REMOVE = "POST /gate_sessions/{id}/cancel", "DELETE /customers/{id}"
PAY_INS, PAY_OUTS = "POST /rails/pay_ins", "POST /rails/pay_outs"
SAID = SessionDefaults(amount=Decimal(25), currency="EUR", asset="USDC", payment_method="card", payout_method="card")


class Target:
    """Makes whatever is asked for, each with an id of its own, and keeps what was asked."""

    def __init__(self) -> None:
        contracts = {"gate": load(None, "gate")}
        self.recorder = SimpleNamespace(context=Context("a scenario", Engine.GENERATED), contracts=contracts)
        self.asked: list[tuple[str, str]] = []
        self._number = itertools.count()

    def send(self, who: Credentials, method: str, path: str, **more: Any) -> Reply:
        self.asked.append((method, path))
        return reply(200, {"id": f"{method.lower()}_{next(self._number)}", "client_secret": "s", "data": []})


@pytest.fixture
def target() -> Target:
    return Target()


def traffic_at(target: Target, folder: Path, *, trades: int = 100, **options: Any) -> GateTraffic:
    limits = Limits(trades=trades, notional=Decimal("5000.00"), requests_per_second=1000.0)
    bare = dataclasses.replace(BARE, accounts={"approved": account("approved")}, session=SAID, limits=limits)
    wire: Any = target
    bench = Bench(bare, wire, Journal(folder, "main"), FakeClock(), random.Random(1), Budget(limits), NOON)
    return GateTraffic(bench, Desk(bench), **options)


def plan(operation: str, body: object = None, location: str = "body") -> Plan:
    method, _, template = operation.partition(" ")
    content = None if body is None else json.dumps(body).encode()
    path = template.replace("{id}", CUSTOMER if "customers" in template else SESSION)
    return Plan(operation, "coverage", "made up", location, "", Request(method, path, (), content), None)


def redeeming(operation: str, quote: str) -> Plan:
    return plan(operation, {"gate_session_id": SESSION, "quote_id": quote})


def asked(traffic: GateTraffic, planned: Plan, **answer: object) -> Request:
    """Have a plan sent and answered with 2xx."""
    ready = traffic.ready(planned)
    assert ready is not None
    traffic.learn(Sent(planned, ready.request, reply(200, answer)), None)
    return ready.request


def quote_of(request: Request) -> str:
    return str(json.loads(request.content or b"")["quote_id"])


@pytest.mark.parametrize(("operation", "stand_in"), [(PAY_INS, QUOTE), (PAY_OUTS, SALE)])
def test_quotes_are_redeemed_afresh_within_bounds_and_a_spent_one_is_named_after(
    operation: str, stand_in: str, target: Target, tmp_path: Path
) -> None:
    traffic = traffic_at(target, tmp_path)
    named = [quote_of(asked(traffic, redeeming(operation, stand_in), id=f"r{n}")) for n in range(RAILS + 3)]
    assert len(set(named)) == RAILS
    assert set(named[RAILS:]) == {named[RAILS - 1]}
    assert traffic.bench.budget.planned[0] == RAILS


def test_nothing_is_redeemed_beyond_the_limits_of_the_profile(target: Target, tmp_path: Path) -> None:
    traffic = traffic_at(target, tmp_path, trades=1)
    named = [quote_of(asked(traffic, redeeming(PAY_INS, QUOTE), id=f"r{n}")) for n in range(3)]
    assert len(set(named)) == 1


def test_a_locked_quote_is_redeemed_only_while_money_is_left_for_it(target: Target, tmp_path: Path) -> None:
    traffic = traffic_at(target, tmp_path, trades=1)
    for name in ("qt_a", "qt_b"):
        asked(traffic, plan("POST /quotes", {"amount": "25.00"}), id=name)
    first, second = (redeeming(PAY_INS, name) for name in ("qt_a", "qt_b"))
    assert traffic.may_be_next(first)
    asked(traffic, first, id="r")
    assert not traffic.may_be_next(second)
    assert traffic.ready(second) is None


@pytest.mark.parametrize("operation", [CANCEL, REMOVE])
def test_what_is_ended_is_made_for_it_within_bounds_and_gone_already_after(
    operation: str, target: Target, tmp_path: Path
) -> None:
    traffic = traffic_at(target, tmp_path)
    ended = [asked(traffic, plan(operation)).path for _ in range(ENDED + 2)]
    assert len(set(ended)) == ENDED
    assert not any(stand_in in path for path in ended for stand_in in (SESSION, CUSTOMER))


def test_few_of_the_sessions_and_customers_made_are_kept(target: Target, tmp_path: Path) -> None:
    traffic = traffic_at(target, tmp_path)
    for number in range(KEPT + 5):
        asked(traffic, plan("POST /gate_sessions", {}), id=f"gs_{number}")
        asked(traffic, plan("POST /customers", {}), id=f"cu_{number}")
    assert [len(traffic.bench.open_sessions), len(traffic.bench.customers)] == [KEPT, KEPT]
    assert ("POST", "/gate_sessions/gs_0/cancel") in target.asked
    assert ("DELETE", "/customers/cu_4") in target.asked


def test_only_a_few_test_events_are_asked_for(target: Target, tmp_path: Path) -> None:
    traffic = traffic_at(target, tmp_path)
    ready = [traffic.ready(plan("POST /webhooks/test")) for _ in range(TESTS + 3)]
    assert sum(found is not None for found in ready) == TESTS


@pytest.mark.parametrize("changes_look", [True, False])
def test_the_look_is_changed_only_where_somebody_puts_it_back(
    changes_look: bool, target: Target, tmp_path: Path
) -> None:
    traffic = traffic_at(target, tmp_path, changes_look=changes_look)
    assert (traffic.ready(plan("PATCH /branding", {})) is not None) is changes_look


def test_what_generated_requests_made_may_be_changed_and_nothing_else(target: Target, tmp_path: Path) -> None:
    traffic = traffic_at(target, tmp_path)
    asked(traffic, plan("POST /customers", {}), id="ours")
    change = plan(REMOVE)
    ours, theirs = (
        dataclasses.replace(change, request=Request("DELETE", f"/customers/{name}", (), None)) for name in ("ours", "x")
    )
    assert (traffic.is_somebodys(ours), traffic.is_somebodys(theirs)) == (False, True)

"""The throttle of 0Gate, seen by an account that has used up its rate."""

from __future__ import annotations

from conformance.scenarios.bench import Bench
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.throttling import judge_throttled

SERVER_CALLS = (
    ("POST", "/gate_sessions"),
    ("GET", "/gate_sessions"),
    ("GET", "/gate_sessions/gs_test_conformance0nobodys"),
    ("POST", "/gate_sessions/gs_test_conformance0nobodys/cancel"),
    ("GET", "/capabilities/countries"),
    ("GET", "/capabilities/currencies"),
    ("GET", "/capabilities/assets"),
    ("GET", "/capabilities/assets/USDC"),
    ("GET", "/capabilities/payment-methods"),
    ("GET", "/capabilities/payout-methods"),
    ("GET", "/capabilities/eligibility"),
    ("POST", "/quotes/preview"),
    ("POST", "/quotes"),
    ("GET", "/quotes/qt_test_conformance0nobodys"),
    ("POST", "/rails/pay_ins"),
    ("GET", "/rails/pay_ins/pi_test_conformance0nobodys"),
    ("POST", "/rails/pay_outs"),
    ("GET", "/rails/pay_outs/po_test_conformance0nobodys"),
    ("GET", "/transactions"),
    ("GET", "/transactions/tx_test_conformance0nobodys"),
    ("GET", "/branding"),
    ("PATCH", "/branding"),
    ("GET", "/webhooks/deliveries"),
    ("POST", "/webhooks/deliveries/wd_test_conformance0nobodys/replay"),
    ("POST", "/webhooks/test"),
    ("POST", "/customers"),
    ("GET", "/customers"),
    ("GET", "/customers/000000000000000000000000"),
    ("PATCH", "/customers/000000000000000000000000"),
    ("DELETE", "/customers/000000000000000000000000"),
)
"""The thirty operations of a server; the thirty-first is the browser's."""


@scenario("GATE-THROTTLED", needs=["account:throttled"])
def test_an_account_over_its_rate_is_answered_429_by_every_gate_operation(bench: Bench, judge: Judge) -> None:
    judge_throttled(judge, "GATE-THROTTLED", bench.gate("throttled").send, SERVER_CALLS)

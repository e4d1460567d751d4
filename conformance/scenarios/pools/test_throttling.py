"""The throttle of 0Pools, seen by an account that has used up its rate."""

from __future__ import annotations

from conformance.scenarios.bench import Bench
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.desk import Desk, nobodys
from conformance.scenarios.throttling import judge_throttled


@scenario("POOLS-THROTTLED", needs=["account:throttled"])
def test_an_account_over_its_rate_is_answered_429_by_every_pools_operation(
    bench: Bench, desk: Desk, judge: Judge
) -> None:
    pool, quote, trade = desk.terms.pool, nobodys(bench, "pq_1"), nobodys(bench, "txn_1")
    calls = [
        ("GET", f"/pools/{pool}/capabilities"),
        ("POST", f"/pools/{pool}/quote"),
        ("POST", f"/pools/{pool}/transact"),
        ("GET", f"/pools/transactions/{quote}"),
        ("GET", "/pools/trades"),
        ("GET", f"/pools/trades/{trade}"),
        ("GET", f"/pools/quotes/{quote}"),
        ("POST", f"/pools/quotes/{quote}/reject"),
        ("GET", f"/pools/{pool}/balance"),
        ("GET", "/pools/funding"),
        ("GET", "/pools/ledger"),
    ]
    judge_throttled(judge, "POOLS-THROTTLED", bench.pools("throttled").send, calls)
    # Discovery may refuse a secret key whatever its rate; only what a publishable one is answered is published.
    if bench.target.accounts["throttled"].publishable_key is not None:
        judge_throttled(judge, "POOLS-THROTTLED", bench.published("throttled").send, [("GET", "/pools")])

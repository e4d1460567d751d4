"""Steps 1 and 2: discovery and capabilities against the approval record."""

from __future__ import annotations

from collections import Counter
from typing import Any

from conformance.client import NetworkTrouble, PoolsApi, Reply
from conformance.scenarios.bench import Bench
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.desk import Desk, decimal, the_list


def discover(bench: Bench) -> tuple[Reply, list[str]] | None:
    """The pools discovery shows, asked with a publishable key, else the secret one, else the balance read's list."""
    account = bench.target.accounts["approved"]
    apis: list[PoolsApi] = [bench.published()] if account.publishable_key else []
    for api in [*apis, bench.pools()]:
        reply = api.pools()
        if reply.ok:
            return reply, [str(pool.get("id")) for pool in the_list(reply.object(), "pools")]
    for pool in bench.target.approval.pools if bench.target.approval else ():
        reply = bench.pools().balance(pool)
        if reply.ok and isinstance(reply.object().get("allowedPools"), list):
            return reply, [str(found) for found in reply.object()["allowedPools"]]
    return None


@scenario("POOLS-DISCOVERY-EXACT", smoke=True, needs=["approval"], reads_only=True)
def test_discovery_returns_exactly_the_approved_pools(bench: Bench, judge: Judge) -> None:
    approval = bench.target.approval
    assert approval is not None
    expected = sorted(approval.pools)
    found = discover(bench)
    if found is None:
        judge.check(
            "POOLS-DISCOVERY-EXACT",
            False,
            f"exactly {', '.join(expected)}",
            "no discovery read was answered with 2xx",
        )
        return
    reply, pools = found
    extra = sorted(set(pools) - set(expected))
    absent = sorted(set(expected) - set(pools))
    doubled = [pool for pool, count in Counter(pools).items() if count > 1]
    problems = [
        f"{word} {', '.join(names)}"
        for word, names in (("not approved:", extra), ("missing:", absent), ("twice:", doubled))
        if names
    ]
    judge.check(
        "POOLS-DISCOVERY-EXACT",
        not problems,
        f"exactly {', '.join(expected)}",
        "; ".join(problems) or f"exactly {', '.join(pools)}",
        reply,
    )


@scenario("POOLS-DISCOVERY-PUBLISHABLE", smoke=True, needs=["publishable_key"], reads_only=True)
def test_a_publishable_key_may_list_pools(bench: Bench, judge: Judge) -> None:
    reply = bench.published().pools()
    judge.check(
        "POOLS-DISCOVERY-PUBLISHABLE",
        reply.status == 200,
        "200 with the entitled pools",
        f"{reply.status}",
        reply,
    )


@scenario("POOLS-DISCOVERY-HIDES", needs=["account:pool_not_allowed"], reads_only=True)
def test_an_account_does_not_see_pools_it_is_not_entitled_to(bench: Bench, desk: Desk, judge: Judge) -> None:
    account = bench.target.accounts["pool_not_allowed"]
    reply = (bench.published if account.publishable_key else bench.pools)("pool_not_allowed").pools()
    if not reply.ok and account.publishable_key is None:
        judge.cannot("POOLS-DISCOVERY-HIDES", "a publishable key of account 'pool_not_allowed'", "the operator")
        return
    seen = [str(pool.get("id")) for pool in the_list(reply.object(), "pools")]
    judge.check(
        "POOLS-DISCOVERY-HIDES",
        reply.ok and desk.terms.pool not in seen,
        f"200 without {desk.terms.pool}",
        f"{reply.status} with {', '.join(seen) or 'no pool'}",
        reply,
    )


@scenario("POOLS-DISCOVERY-EMPTY", needs=["account:no_access"], reads_only=True)
def test_an_account_without_access_sees_an_empty_list(bench: Bench, judge: Judge) -> None:
    # Only what a publishable key is answered is published; a secret one may be refused here.
    reply = bench.published("no_access").pools()
    shown = the_list(reply.object(), "pools")
    judge.check(
        "POOLS-DISCOVERY-EMPTY",
        reply.status == 200 and not shown,
        "200 with an empty list",
        f"{reply.status} with {len(shown)} pools",
        reply,
    )


@scenario("POOLS-CAPABILITIES-APPROVED", smoke=True, needs=["approval"], reads_only=True)
def test_capabilities_equal_the_approval_record(bench: Bench, desk: Desk, judge: Judge) -> None:
    approval = bench.target.approval
    assert approval is not None
    for pool, approved in approval.pools.items():
        reply = desk.api.capabilities(pool)
        found = reply.object() if reply.ok else {}
        problems = [] if reply.ok else [f"capabilities answered {reply.status}"]
        if reply.ok:
            problems += differing("sides", approved.sides, found.get("sides"))
            problems += differing("networks", approved.networks, found.get("supportedNetworks"))
            for name, wanted in (("minOrderUsdt", approved.min_order), ("maxOrderUsdt", approved.max_order)):
                # The names of the limits are not readable in the published contract: an absent one cannot be held
                # against the target, a present one that differs can.
                if wanted is not None and name in found and decimal(found[name]) != wanted:
                    problems.append(f"{name} {found[name]!r} instead of {wanted}")
        judge.check(
            "POOLS-CAPABILITIES-APPROVED",
            not problems,
            f"{pool} as approved",
            "; ".join(problems) or f"{pool} as approved",
            reply,
        )


def differing(name: str, approved: frozenset[str] | None, found: object) -> list[str]:
    """How a list in the capabilities differs from the approved set; nothing where the record does not say."""
    if approved is None:
        return []
    values = {str(value) for value in found} if isinstance(found, list) else set()
    return [] if values == approved else [f"{name} {sorted(values)} instead of {sorted(approved)}"]


@scenario("POOLS-CAPABILITIES-CONSISTENT", smoke=True, reads_only=True)
def test_capabilities_speak_of_the_pool_that_discovery_shows(bench: Bench, desk: Desk, judge: Judge) -> None:
    pools = discovered(bench)
    if not pools:
        pools = {desk.terms.pool: {}}
    for pool, shown in list(pools.items())[:10]:
        reply = desk.api.capabilities(pool)
        found = reply.object() if reply.ok else {}
        problems = [] if reply.ok else [f"capabilities answered {reply.status} for a pool discovery shows"]
        if reply.ok:
            problems += inconsistencies(pool, shown, found)
        judge.check(
            "POOLS-CAPABILITIES-CONSISTENT",
            not problems,
            f"capabilities of {pool} that join discovery, with bounds in order",
            "; ".join(problems) or "they do",
            reply,
        )


def discovered(bench: Bench) -> dict[str, dict[str, Any]]:
    """The pools discovery shows the approved account, by id; empty where neither key may ask."""
    account = bench.target.accounts["approved"]
    for api in ([bench.published()] if account.publishable_key else []) + [bench.pools()]:
        try:
            reply = api.pools()
        except NetworkTrouble:
            continue
        if reply.ok:
            return {str(pool.get("id")): pool for pool in the_list(reply.object(), "pools")}
    return {}


def inconsistencies(pool: str, shown: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """What in the capabilities of ``pool`` contradicts discovery, or itself."""
    problems = []
    if found.get("poolId") != pool:
        problems.append(f"poolId {found.get('poolId')!r} for pool {pool}")
    for name in ("pair", "fiatCurrency", "cryptoCurrency"):
        if name in shown and name in found and shown[name] != found[name]:
            problems.append(f"{name} {found[name]!r}, discovery says {shown[name]!r}")
    least, most = decimal(found.get("minOrderUsdt")), decimal(found.get("maxOrderUsdt"))
    if least is not None and most is not None and least > most:
        problems.append(f"minimum order {least} above maximum {most}")
    for name in ("sides", "supportedNetworks"):
        values = found.get(name)
        if isinstance(values, list) and len(values) != len(set(map(str, values))):
            problems.append(f"{name} lists an entry twice")
    return problems

"""Mistakes with the list of pools and with their capabilities."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import seams
from conformance.sandbox.pools import access, catalogue, discovery, gates
from conformance.sandbox.pools.access import Access
from conformance.sandbox.pools.catalogue import Pool
from conformance.sandbox.variations import Patch, fault


@fault(
    "discovery-shows-all",
    summary="Discovery lists the whole catalogue to everybody",
    fact="facts section 4.1: pools without entitlement are absent from the list",
    klass="discovery",
    breaks=("POOLS-DISCOVERY-EXACT", "POOLS-DISCOVERY-HIDES"),
    drags=(
        "POOLS-CAPABILITIES-CONSISTENT",
        "POOLS-LEDGER-BALANCE",
        "POOLS-BALANCE-CONTEXT",
    ),
)
def discovery_shows_all(patch: Patch) -> None:
    patch.replace(gates, "usable_pools", lambda its_access: list(catalogue.POOLS.values()))


@fault(
    "discovery-one-pool-per-currency",
    summary="Pools are collected by fiat currency, so that only one of the EUR pools is listed",
    fact="facts section 4.1: discovery lists the entitled pools",
    klass="discovery",
    breaks=("POOLS-DISCOVERY-EXACT",),
    drags=("POOLS-CAPABILITIES-CONSISTENT",),
)
def discovery_one_pool_per_currency(patch: Patch) -> None:
    healthy = gates.usable_pools

    def usable_pools(its_access: Access) -> list[Pool]:
        return list({pool.fiat_currency: pool for pool in reversed(healthy(its_access))}.values())

    patch.replace(gates, "usable_pools", usable_pools)


@fault(
    "discovery-row-per-network",
    summary="A join with the networks lists a pool once for each of them",
    fact="facts section 4.1: discovery lists pools, each an entry of its own",
    klass="discovery",
    breaks=("POOLS-DISCOVERY-EXACT",),
)
def discovery_row_per_network(patch: Patch) -> None:
    healthy = gates.usable_pools

    def usable_pools(its_access: Access) -> list[Pool]:
        return [pool for pool in healthy(its_access) for _ in pool.networks]

    patch.replace(gates, "usable_pools", usable_pools)


@fault(
    "discovery-refused-without-default-pool",
    summary="Discovery is a 403 for accounts that may not use EUR-USDT, instead of a list without it",
    fact="facts section 4.1: pools without entitlement are absent, not answered with 403",
    klass="discovery",
    breaks=("POOLS-DISCOVERY-HIDES",),
    drags=("POOLS-DENY-POOL",),
)
def discovery_refused_without_default_pool(patch: Patch) -> None:
    healthy = discovery.list_pools

    def list_pools(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            its_access = access.load(tx, call.account)
        gates.check_pool(its_access, catalogue.POOLS["EUR-USDT"])
        return healthy(call)

    patch.replace(discovery, "list_pools", list_pools)


@fault(
    "capabilities-all-sides",
    summary="Capabilities name both sides, whichever are enabled for the account",
    fact="facts sections 4.2 and C9: a side that is not enabled is not in sides",
    klass="discovery",
    breaks=("POOLS-CAPABILITIES-APPROVED",),
    drags=("POOLS-DENY-OFF-RAMP",),
)
def capabilities_all_sides(patch: Patch) -> None:
    def all_sides(reply: Reply) -> Reply:
        return seams.with_members(reply, sides=list(catalogue.SIDES))

    seams.amend(patch, discovery, "read_capabilities", all_sides)


@fault(
    "capabilities-network-missing",
    summary="Capabilities name only the first network of a pool",
    fact="facts section 4.2: supportedNetworks are the networks usable for transact and delivery",
    klass="discovery",
    breaks=("POOLS-CAPABILITIES-APPROVED",),
)
def capabilities_network_missing(patch: Patch) -> None:
    healthy = discovery.render_capabilities

    def render_capabilities(account: str, its_access: Access, pool: Pool) -> dict[str, object]:
        return healthy(account, its_access, replace(pool, networks=pool.networks[:1]))

    patch.replace(discovery, "render_capabilities", render_capabilities)


@fault(
    "capabilities-maximum-of-other-tier",
    summary="Capabilities show the maximum order of a higher tier",
    fact="facts sections 4.2 and 10: the bounds of the account's approval",
    klass="discovery",
    breaks=("POOLS-CAPABILITIES-APPROVED",),
)
def capabilities_maximum_of_other_tier(patch: Patch) -> None:
    healthy = discovery.render_capabilities

    def render_capabilities(account: str, its_access: Access, pool: Pool) -> dict[str, object]:
        return healthy(account, its_access, replace(pool, max_order_usdt=Decimal("50000.00")))

    patch.replace(discovery, "render_capabilities", render_capabilities)


@fault(
    "capabilities-minimum-of-other-tier",
    summary="Capabilities show the minimum order of a higher tier, while smaller orders are quoted",
    fact="facts sections 4.2 and 9: the minimum order always holds",
    klass="discovery",
    breaks=("POOLS-CAPABILITIES-APPROVED", "POOLS-QUOTE-LIMITS"),
)
def capabilities_minimum_of_other_tier(patch: Patch) -> None:
    healthy = discovery.render_capabilities

    def render_capabilities(account: str, its_access: Access, pool: Pool) -> dict[str, object]:
        return healthy(account, its_access, replace(pool, min_order_usdt=Decimal("10.00")))

    patch.replace(discovery, "render_capabilities", render_capabilities)


@fault(
    "capabilities-bounds-swapped",
    summary="Minimum and maximum order have changed places",
    fact="facts section 4.2: a minimum order and, where configured, a maximum",
    klass="discovery",
    breaks=("POOLS-CAPABILITIES-CONSISTENT", "POOLS-CAPABILITIES-APPROVED"),
    drags=(
        "POOLS-QUOTE-LIMITS",
        "WIRE-BODY",
        "POOLS-FIRM-EXECUTABLE",
        "POOLS-INDICATIVE-SAFE",
    ),
)
def capabilities_bounds_swapped(patch: Patch) -> None:
    def swap(reply: Reply) -> Reply:
        low, high = reply.body["minOrderUsdt"], reply.body["maxOrderUsdt"]
        return reply if high is None else seams.with_members(reply, minOrderUsdt=high, maxOrderUsdt=low)

    seams.amend(patch, discovery, "read_capabilities", swap)


@fault(
    "capabilities-of-first-pool",
    summary="poolId is that of the first pool of the account, whichever was asked for",
    fact="facts section 4.2: poolId joins capabilities with quote, transact and balance",
    klass="discovery",
    breaks=("POOLS-CAPABILITIES-CONSISTENT",),
    drags=("POOLS-CAPABILITIES-APPROVED",),
)
def capabilities_of_first_pool(patch: Patch) -> None:
    healthy = discovery.render_capabilities

    def render_capabilities(account: str, its_access: Access, pool: Pool) -> dict[str, object]:
        return {**healthy(account, its_access, pool), "poolId": its_access.allowed_pools[0]}

    patch.replace(discovery, "render_capabilities", render_capabilities)

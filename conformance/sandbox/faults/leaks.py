"""Members that show what lies behind the public boundary."""

from __future__ import annotations

from conformance.sandbox.calls import Reply
from conformance.sandbox.faults import seams
from conformance.sandbox.pools import discovery, quotes, trades
from conformance.sandbox.variations import Patch, fault


@fault(
    "trade-names-provider",
    summary="Trades name the provider that delivers",
    fact="facts section 4.10 and seed 001: provider names are outside the public boundary",
    klass="wire",
    breaks=("WIRE-BOUNDARY",),
    drags=("WIRE-BODY",),
)
def trade_names_provider(patch: Patch) -> None:
    healthy = trades.render
    patch.replace(trades, "render", lambda trade: {**healthy(trade), "provider": "northern-desk"})


@fault(
    "quote-names-route",
    summary="Quotes show the route they were priced on",
    fact="seed 001: routing internals are outside the public boundary",
    klass="wire",
    breaks=("WIRE-BOUNDARY",),
    drags=("WIRE-BODY",),
)
def quote_names_route(patch: Patch) -> None:
    def add_route(reply: Reply) -> Reply:
        return seams.with_members(reply, route={"liquidityProvider": "northern-desk", "priority": 1})

    seams.amend(patch, quotes, "create", add_route)


@fault(
    "balance-shows-treasury",
    summary="The balance read carries the balance of the treasury account behind the pool",
    fact="facts section 4.10: no liquidity or reserve figure in the balance read",
    klass="wire",
    breaks=("WIRE-BOUNDARY",),
    drags=("WIRE-BODY",),
)
def balance_shows_treasury(patch: Patch) -> None:
    def add_treasury(reply: Reply) -> Reply:
        return seams.with_members(reply, treasuryBalance="48210332.10")

    seams.amend(patch, discovery, "read_balance", add_treasury)


@fault(
    "discovery-shows-reserve",
    summary="Discovery shows the reserve level of each pool",
    fact="seed 001: reserve levels are outside the public boundary",
    klass="wire",
    breaks=("WIRE-BOUNDARY",),
    drags=("WIRE-BODY",),
)
def discovery_shows_reserve(patch: Patch) -> None:
    healthy = discovery.render_pool
    patch.replace(
        discovery, "render_pool", lambda its_access, pool: {**healthy(its_access, pool), "reserveLevel": "0.82"}
    )

"""Stories about what goes without saying: defaults, page lengths, gates shut together, and what nobody is told."""

from __future__ import annotations

import json

from .meetings import all_sent, endpoint
from .process import ORDER, RELEASED
from .worlds import World


def defaults(world: World) -> None:
    """Orders that leave out what may be left out, and a price on every network."""
    partner = world.partner()
    for left_out in ("type", "cryptoNetwork"):
        order = {"type": "firm", "cryptoNetwork": "tron", **ORDER}
        del order[left_out]
        quoted = partner.http.post("/pools/EUR-USDT/quote", json=order).json()
        partner.transact(quoted.get("quoteId", "pq_test_none"))
    for network in partner.http.get("/pools/EUR-USDT/capabilities").json()["supportedNetworks"]:
        partner.quote(type="indicative", cryptoNetwork=network)
    partner.http.get("/pools/EUR-USDT/balance")
    world.partner("no_access", kind="pk").http.get("/pools")


def shut_together(world: World) -> None:
    """Two gates shut at once between a quote and its execution."""
    partner = world.partner("other_partner")
    quote_id = partner.firm()
    world.control("/accounts/other_partner", status="suspended", kycStatus="revoked")
    partner.quote()
    partner.transact(quote_id)


def long_lists(world: World) -> None:
    """More than fifty trades, listed without a limit and with one."""
    partner = world.partner()
    world.recording = False
    for _ in range(55):
        partner.trade()
    counts = [
        len(partner.http.get(f"/pools/{path}").json()[name])
        for path, name in (("trades", "trades"), ("ledger", "entries"), ("ledger?limit=3", "entries"))
    ]
    order = [entry["ref"] for entry in partner.http.get("/pools/ledger?limit=3").json()["entries"]]
    newest = partner.http.get("/pools/trades?limit=1").json()["trades"][0]
    world.note(counts)
    world.note([newest["transactId"] in ref or newest["quoteId"] in ref for ref in order])


def filtered_by_strangers(world: World) -> None:
    """What filters show a partner who has one trade where another has two."""
    owner, stranger = world.partner(), world.partner("other_partner")
    for partner in (owner, owner, stranger):
        partner.trade()
    for query in ("status=reserved", "created_after=2020-01-01T00:00:00Z"):
        stranger.http.get(f"/pools/trades?{query}")


def told_unasked(world: World) -> None:
    """The members of every delivery after a reject and a trade that settles."""
    with endpoint() as (url, received):
        world.control("/webhooks/endpoint", account="approved", url=url)
        world.recording = False
        partner = world.partner()
        partner.http.post(f"/pools/quotes/{partner.firm()}/reject")
        partner.poll(partner.trade(destAddress="0xsettles")["quoteId"], 4)
        all_sent(world)
        told = [sorted(json.loads(body)) for _, body in received]
    world.note(sorted(told))


def every_end(world: World) -> None:
    """The trades list filtered by each status a trade can have."""
    partner = world.partner()
    partner.poll(partner.trade(destAddress=RELEASED)["quoteId"], 3)
    for status in ("reserved", "settled", "failed", "released", "returned"):
        partner.http.get(f"/pools/trades?status={status}")


def beyond_the_cap(world: World) -> None:
    """Orders of different sizes around the cap, each executed once."""
    capped = world.partner("velocity_capped")
    for amount in ("10.00", "10.00", "40.00"):
        capped.transact(capped.firm(amount=amount))


def over_the_rate(world: World) -> None:
    """What a caller who has used up his rate is told, by either product."""
    caller = world.partner("throttled").http
    caller.get("/pools")
    caller.get(f"{world.url.removesuffix('/v1')}/gate/v1/branding")

"""Stories that tests about faults tell to a sandbox. What comes of each is the matter of its transcript."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from .process import FAILS, ORDER, RELEASED, RETURNED, Json, Partner
from .worlds import World, document_of

OFF_RAMP = {"side": "off_ramp", "amount": "50.00"}


def executed(world: World, address: str, polls: int) -> str:
    """An order of the approved account, executed and polled, and all that can be read of it. Returns its quote id."""
    partner = world.partner()
    made = partner.trade(destAddress=address)
    partner.poll(made["quoteId"], polls)
    look_at_trade(partner, made["transactId"])
    look_at_money(partner)
    return str(made["quoteId"])


def look_at_trade(partner: Partner, transact_id: str) -> None:
    partner.http.get(f"/pools/trades/{transact_id}")
    partner.http.get("/pools/trades")


def look_at_money(partner: Partner) -> None:
    partner.http.get("/pools/ledger")
    partner.http.get("/pools/EUR-USDT/balance")


def one_order(world: World) -> None:
    """Quote, execution, status and reads of one order that settles."""
    partner = world.partner()
    look_at_money(partner)
    quote_id = partner.firm(cryptoNetwork="ethereum", amount="100.50")
    partner.state(quote_id)
    trade = partner.transact(quote_id).json()
    partner.state(quote_id)
    world.note(partner.poll(quote_id, 4))
    look_at_money(partner)
    look_at_trade(partner, trade.get("transactId", "txn_test_none"))


def each_outcome(world: World) -> None:
    for address in (FAILS, RELEASED, RETURNED):
        executed(world, address, 5)


def reads_between_polls(world: World) -> None:
    """A reserved trade that is read in every way before it is polled."""
    partner = world.partner()
    looks: list[Callable[[Json], object]] = [
        lambda made: partner.http.get(f"/pools/trades/{made['transactId']}"),
        lambda made: partner.http.get("/pools/trades"),
        lambda made: partner.http.get("/pools/EUR-USDT/balance"),
        lambda made: partner.http.get("/pools/ledger"),
    ]
    for look in looks:
        made = partner.trade()
        look(made)
        look(made)
        partner.poll(made["quoteId"], 2)
        partner.http.get(f"/pools/trades/{made['transactId']}")


def retries(world: World) -> None:
    """An execution repeated with its key, with another, late, and its key tried on another quote."""
    partner = world.partner()
    first, second = partner.firm(), partner.firm(amount="70.00")
    for key, quote_id in (("K-one", first), ("K-one", first), ("K-two", first), ("K-one", second)):
        partner.transact(quote_id, key)
    partner.state(second)
    world.control("/clock", quoteId=first, advance_seconds=20)
    partner.transact(first, "K-one")
    partner.http.get("/pools/trades")
    look_at_money(partner)


def unusual_keys(world: World) -> None:
    """No key, keys that differ in case, and long keys that differ at the end."""
    partner = world.partner()
    without_key = partner.firm()
    partner.http.post("/pools/EUR-USDT/transact", json={"quoteId": without_key})
    partner.state(without_key)
    for key in ("pool-tx:a", "POOL-TX:A", "k" * 50 + "1", "k" * 50 + "2"):
        partner.transact(partner.firm(), key)


def same_key_of_two_partners(world: World) -> None:
    world.partner().transact(world.partner().firm(), "shared")
    world.partner("other_partner").transact(world.partner("other_partner").firm(), "shared")


def endings(world: World) -> None:
    """Quotes that are rejected, consumed or expire, and what each still takes."""
    partner = world.partner()
    active, rejected, consumed, expired = (partner.firm(amount=f"{10 + turn}.00") for turn in range(4))
    partner.http.post(f"/pools/quotes/{rejected}/reject")
    partner.transact(consumed)
    world.control("/clock", quoteId=expired, advance_seconds=20)
    for quote_id in (active, rejected, consumed, expired):
        first, second = (partner.http.get(f"/pools/quotes/{quote_id}").json() for _ in range(2))
        world.note([first.get("expiresAt") == second.get("expiresAt")])
    for quote_id in (rejected, consumed, expired):
        partner.http.post(f"/pools/quotes/{quote_id}/reject")
        partner.transact(quote_id)
        partner.http.get(f"/pools/quotes/{quote_id}")
        partner.http.get(f"/pools/transactions/{quote_id}")
        world.control("/clock", quoteId=quote_id, advance_seconds=20)
        partner.http.get(f"/pools/quotes/{quote_id}")


def prices(world: World) -> None:
    """Capabilities, then quotes of each shape, with the time they are good for."""
    partner = world.partner()
    partner.http.get("/pools/EUR-USDT/capabilities")
    for changes in ({}, {}, {"type": "indicative"}, *({"amount": f"66.0{number}"} for number in (1, 2, 3))):
        answer = partner.quote(**changes)
        world.note(lifetime(document_of(answer)))
    partner.http.get("/pools/trades")
    look_at_money(partner)


def lifetime(quote: object) -> object:
    """Seconds between the making of a quote and its expiry, where both can be read."""
    if not isinstance(quote, dict) or not {"createdAt", "expiresAt"} <= quote.keys():
        return None
    made, ends = (datetime.fromisoformat(quote[name]) for name in ("createdAt", "expiresAt"))
    return (ends.replace(tzinfo=None) - made.replace(tzinfo=None)).total_seconds()


def odd_orders(world: World) -> None:
    partner = world.partner()
    changes: list[Json] = [
        {"amount": "-100.00"},
        {"amount": "a lot"},
        {"amount": "0.00"},
        {"amount": 100},
        {"amount": "4.00"},
        {"amount": "9500.00"},
        {"amount": "50000.00"},
        {"side": "buy"},
        {"fiatCurrency": "USD"},
        {"cryptoNetwork": "bitcoin"},
        {"type": "indicative", "amount": "50000.00"},
    ]
    for change in changes:
        partner.quote(**change)
    partner.http.post("/pools/EUR-USDT/quote", json={name: ORDER[name] for name in ORDER if name != "side"})


def other_destination(world: World) -> None:
    partner = world.partner()
    body = {"quoteId": partner.firm(), "destAddress": "0x0000000000000000000000000000000000000bad"}
    partner.http.post("/pools/EUR-USDT/transact", json=body, headers={"Idempotency-Key": "one"})


def entitlement(world: World) -> None:
    """What each standing sees of pools, balance and funding."""
    for account in ("approved", "pool_not_allowed", "no_access", "ungated", "unprovisioned_funding"):
        http = world.partner(account).http
        http.get("/pools")
        for pool in ("EUR-USDT", "EUR-USDC", "EUR-DAI"):
            http.get(f"/pools/{pool}/capabilities")
            http.get(f"/pools/{pool}/balance")
        for query in ("", "?currency=EUR", "?currency=USD"):
            http.get(f"/pools/funding{query}")
    world.partner(kind="pk").http.get("/pools")


def denials(world: World) -> None:
    """What each closed gate answers to a quote and to an execution."""
    for account in ("no_access", "suspended", "kyc_pending", "kyc_revoked", "no_tier", "pool_not_allowed"):
        partner = world.partner(account)
        partner.http.get("/pools/EUR-USDT/capabilities")
        partner.quote()
        partner.transact("pq_test_0000000000000000")
    suspended_meanwhile(world)


def suspended_meanwhile(world: World) -> None:
    partner = world.partner()
    quote_id = partner.firm()
    world.control("/accounts/approved", status="suspended")
    partner.transact(quote_id)
    world.control("/accounts/approved", status="active")
    partner.state(quote_id)
    partner.http.get("/pools/trades")


def refused_executions(world: World) -> None:
    """Executions refused for want of money, beyond the cap, and for a side that is not enabled."""
    poor = world.partner("unfunded")
    quote_id = poor.firm()
    for _ in range(2):
        poor.transact(quote_id, "poor")
    poor.state(quote_id)
    capped = world.partner("velocity_capped")
    for quote_id in (capped.firm(amount="10.00"), capped.firm(amount="10.00")):
        capped.transact(quote_id)
    capped.quote(amount="10.00")
    sellers = world.partner()
    quote_id = sellers.firm(**OFF_RAMP)
    sellers.transact(quote_id)
    sellers.state(quote_id)
    for partner in (poor, capped, sellers):
        partner.http.get("/pools/trades")
        look_at_money(partner)


OPERATIONS = (
    ("GET", "/pools"),
    ("GET", "/pools/EUR-USDT/capabilities"),
    ("GET", "/pools/EUR-USDT/balance"),
    ("GET", "/pools/funding"),
    ("GET", "/pools/ledger"),
    ("GET", "/pools/trades"),
    ("GET", "/pools/trades/none"),
    ("GET", "/pools/transactions/none"),
    ("GET", "/pools/quotes/none"),
    ("POST", "/pools/quotes/none/reject"),
    ("POST", "/pools/EUR-USDT/quote"),
    ("POST", "/pools/EUR-USDT/transact"),
)


def strange_keys(world: World) -> None:
    """Every operation without a key and with keys that do not fit."""
    publishable, other_mode = world.partner(kind="pk").http, world.partner("wrong_mode", mode="live").http
    for http in (world.client(), world.client("sk_test_nobody"), publishable, other_mode):
        for method, path in OPERATIONS:
            body = None if method == "GET" else {"quoteId": "none"}
            http.request(method, path, json=body, headers={"Idempotency-Key": "strange"})
    partner = world.partner()
    rejected, executed = partner.firm(), partner.firm()
    publishable.post(f"/pools/quotes/{rejected}/reject")
    publishable.post("/pools/EUR-USDT/transact", json={"quoteId": executed}, headers={"Idempotency-Key": "pk"})
    partner.state(rejected)
    partner.state(executed)


def strangers(world: World) -> None:
    """What another partner makes of the approved account's objects."""
    owner, stranger = world.partner(), world.partner("other_partner")
    trade = owner.trade()
    owner.trade()
    quote_id = owner.firm(amount="20.00")
    stranger.trade()
    for path in (f"/trades/{trade['transactId']}", f"/transactions/{trade['quoteId']}", f"/quotes/{quote_id}"):
        stranger.http.get(f"/pools{path}")
    stranger.transact(quote_id)
    stranger.http.post(f"/pools/quotes/{quote_id}/reject")
    owner.state(quote_id)
    newest = owner.http.get("/pools/trades").json()["trades"][0]["transactId"]
    for query in ("", "?status=reserved", f"?cursor={newest}"):
        stranger.http.get(f"/pools/trades{query}")
    look_at_money(stranger)


def nobodys(world: World) -> None:
    """Ids that nobody was given."""
    partner = world.partner()
    for path in ("NO-POOL/capabilities", "NO-POOL/balance", "trades/none", "transactions/none", "quotes/none"):
        partner.http.get(f"/pools/{path}")
    partner.http.post("/pools/quotes/none/reject")
    partner.quote(pool="NO-POOL")
    partner.transact("none", pool="NO-POOL")
    partner.transact("none")


def lists(world: World) -> None:
    """Walks through trades and ledger with small pages, an arrival in between, filters and odd limits."""
    partner = world.partner("off_ramp")
    for changes in ({}, {"destAddress": FAILS}, OFF_RAMP, {}, {}):
        partner.poll(partner.trade(**changes)["quoteId"], 2)
    partner.trade()
    walk(partner, "/pools/trades", partner.trade)
    walk(partner, "/pools/ledger", lambda: None)
    for query in ("side=on_ramp", "status=settled", "created_after=2100-01-01T00:00:00Z"):
        partner.http.get(f"/pools/trades?{query}")
    for query in ("created_before=2020-01-01T00:00:00Z", "status=settled&limit=2", "limit=1", "limit=x"):
        partner.http.get(f"/pools/trades?{query}")
    for query in ("limit=0", "limit=500", "limit=x", "cursor=what"):
        partner.http.get(f"/pools/ledger?{query}")


def walk(partner: Partner, path: str, arrival: Callable[[], object]) -> None:
    """At most eight pages of two rows. Something arrives after the first."""
    cursor: dict[str, str] = {}
    for turn in range(8):
        page = partner.http.get(path, params={"limit": 2, **cursor}).json()
        if turn == 0:
            arrival()
        if page["nextCursor"] is None:
            return
        cursor = {"cursor": page["nextCursor"]}


def long_ledger(world: World) -> None:
    """A ledger of more than two hundred entries."""
    for _ in range(205):
        world.control("/funding", account="approved", amount="1.00")
    world.note(len(world.partner().http.get("/pools/ledger?limit=1000").json()["entries"]))

"""What an account may see: its pools, their capabilities, its balance and its funding instructions."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.sandbox import money
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.pools import access, catalogue, gates, ledger, pricing
from conformance.sandbox.pools.access import Access
from conformance.sandbox.pools.catalogue import OFF_RAMP, Pool
from conformance.sandbox.refusal import invalid


def list_pools(call: Call) -> Reply:
    """``GET /pools``: the usable pools, with any valid key; an account behind a closed gate sees none."""
    with call.sandbox.store.read() as tx:
        its_access = access.load(tx, call.account)
    return Reply(200, {"pools": [render_pool(its_access, pool) for pool in gates.usable_pools(its_access)]})


def render_pool(its_access: Access, pool: Pool) -> dict[str, object]:
    return {
        "id": pool.id,
        "pair": pool.pair,
        "fiatCurrency": pool.fiat_currency,
        "cryptoCurrency": pool.crypto_currency,
        "available": is_available(its_access, pool),
    }


def is_available(its_access: Access, pool: Pool) -> bool:
    """Whether the pool can be quoted right now, as far as the account is told."""
    return pool.id not in its_access.unavailable


def read_capabilities(call: Call) -> Reply:
    """``GET /pools/{id}/capabilities``."""
    with call.sandbox.store.read() as tx:
        its_access = access.load(tx, call.account)
    pool = gates.entitle(its_access, call.path["id"])
    return Reply(200, render_capabilities(call.account, its_access, pool))


def render_capabilities(account: str, its_access: Access, pool: Pool) -> dict[str, object]:
    maximum = pool.max_order_usdt
    return {
        "poolId": pool.id,
        "pair": pool.pair,
        "fiatCurrency": pool.fiat_currency,
        "cryptoCurrency": pool.crypto_currency,
        "supportedNetworks": list(pool.networks),
        "sides": list(its_access.sides),
        "tier": its_access.tier,
        "drawFeeBps": pricing.fee_bps(),
        "spreadCapBps": catalogue.SPREAD_CAP_BPS,
        "minOrderUsdt": money.render(pool.min_order_usdt),
        "maxOrderUsdt": None if maximum is None else money.render(maximum),
        "depositAddress": deposit_address(account) if OFF_RAMP in its_access.sides else None,
    }


def deposit_address(account: str) -> str:
    """The account's own address for crypto it sells: stable, and plainly not a real one."""
    return "0x" + account.encode().hex()[:40].ljust(40, "0")


def read_balance(call: Call) -> Reply:
    """``GET /pools/{id}/balance``: the partner's one EUR balance, ``null`` exactly when the gate is off."""
    with call.sandbox.store.read() as tx:
        its_access = access.load(tx, call.account)
        pool = gates.entitle(its_access, call.path["id"])
        balance = ledger.balance(tx, call.owner) if its_access.balance_gate else None
    body = {
        "available": is_available(its_access, pool),
        "balance": None if balance is None else money.render(balance),
        "tier": its_access.tier,
        "allowedPools": list(its_access.allowed_pools),
    }
    return Reply(200, body)


def read_funding(call: Call) -> Reply:
    """``GET /pools/funding``: where to send EUR and what to quote; before provisioning the IBAN is null."""
    check_funding_currency(call.query)
    with call.sandbox.store.read() as tx:
        its_access = access.load(tx, call.account)
    reference = access.funding_reference(call.account)
    instructions = (
        f"Send EUR by SEPA transfer and quote {reference}; this is simulated money."
        if its_access.iban_provisioned
        else "Bank details are not provisioned yet; operations will add them."
    )
    body = {
        "currency": ledger.CURRENCY,
        "iban": call.sandbox.iban if its_access.iban_provisioned else None,
        "reference": reference,
        "instructions": instructions,
    }
    return Reply(200, body)


def check_funding_currency(query: Mapping[str, str]) -> None:
    """400 for anything but EUR."""
    if query.get("currency", ledger.CURRENCY) != ledger.CURRENCY:
        raise invalid("only EUR funding is supported")

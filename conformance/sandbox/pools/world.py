"""The accounts the sandbox opens with: one per standing, each with at most one thing out of order."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from conformance.sandbox import calls, clock, keys
from conformance.sandbox.clock import Clock
from conformance.sandbox.pools import access, ledger
from conformance.sandbox.pools.access import Access
from conformance.sandbox.pools.catalogue import SIDES

APPROVED: Final = "approved"

# Orders of 10.00 EUR: the first fits under this cap, the second does not.
LOW_VELOCITY_CAP: Final = "15.00"

ACCOUNTS: Final[Mapping[str, Access]] = {
    APPROVED: Access(),
    "other_partner": Access(),
    "no_access": Access(status=None),
    "suspended": Access(status="suspended"),
    "kyc_pending": Access(kyc_status="pending"),
    "kyc_revoked": Access(kyc_status="revoked"),
    "no_tier": Access(tier=None),
    "pool_not_allowed": Access(allowed_pools=("EUR-DAI",)),
    "unfunded": Access(),
    "ungated": Access(balance_gate=False),
    "velocity_capped": Access(velocity_cap=LOW_VELOCITY_CAP),
    "off_ramp": Access(sides=SIDES, off_ramp_enabled=True),
    "unprovisioned_funding": Access(iban_provisioned=False),
    keys.WRONG_MODE: Access(),
}

OPENING_BALANCE: Final = Decimal("1000000.00")
# One of the smallest orders is covered, two are not, and neither is an order of 10.00 EUR.
SMALL_OPENING_BALANCE: Final = Decimal("9.00")


def opening_balance(account: str) -> Decimal:
    """What the first deposit of an account brings, in EUR; nothing where no balance is kept."""
    if not ACCOUNTS[account].balance_gate:
        return Decimal(0)
    return SMALL_OPENING_BALANCE if account == "unfunded" else OPENING_BALANCE


def open_accounts(tx: sqlite3.Connection, wall: Clock, mode: str) -> None:
    """Create every account that the database does not know yet, with its opening deposit in the ledger."""
    for account, standing in ACCOUNTS.items():
        if not access.exists(tx, account):
            access.save(tx, account, standing)
        owner = calls.owner_of(account, mode)
        credit = opening_balance(account)
        if credit > 0 and not ledger.page(tx, owner, ledger.CURRENCY, ledger.LARGEST_SEQ, 1):
            now = clock.account_now(tx, wall, account)
            ledger.post_credit(tx, owner, access.funding_reference(account), credit, now)

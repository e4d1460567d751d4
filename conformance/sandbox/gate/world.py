"""The accounts as 0Gate sees them: those of the pools, and a few with one thing out of order."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

from conformance.sandbox.gate import access, origins
from conformance.sandbox.gate.access import Access
from conformance.sandbox.pools import access as pools_access
from conformance.sandbox.pools import world as pools_world

# Accounts that exist for the sake of 0Gate. None of them has pool access.
OWN_ACCOUNTS: Final[Mapping[str, Access]] = {
    "no_gate": Access(gate=False),
    "no_rails": Access(rails=False),
    "no_customers": Access(customers=False),
    "trusted": Access(trusted=True),
    "throttled": Access(throttled=True),
}
# Where the widget may be started from. The other accounts have no page.
ALLOWED_DOMAINS: Final[Mapping[str, tuple[str, ...]]] = {
    "approved": ("https://shop.example",),
    "other_partner": ("https://other.example",),
}
ACCOUNTS: Final[Mapping[str, Access]] = {**dict.fromkeys(pools_world.ACCOUNTS, Access()), **OWN_ACCOUNTS}


def open_accounts(tx: sqlite3.Connection) -> None:
    """Give every account its standing that the database does not know yet."""
    for account, standing in ACCOUNTS.items():
        if not access.exists(tx, account):
            access.save(tx, account, standing)
            origins.save(tx, account, ALLOWED_DOMAINS.get(account, ()))
        if account in OWN_ACCOUNTS and not pools_access.exists(tx, account):
            pools_access.save(tx, account, pools_access.Access(status=None))

"""What an account may use of 0Gate, and the checks of it: 403 or 429, and no word about any object."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, dataclass

from conformance.sandbox.gate import refusals


@dataclass(frozen=True, slots=True)
class Access:
    """The entitlements of an account: the product, rails, customer records, and the standing to vouch for users.

    ``throttled`` stands for a caller who has used up his rate: every call of his is a 429.
    """

    gate: bool = True
    rails: bool = True
    customers: bool = True
    trusted: bool = False
    throttled: bool = False


def load(tx: sqlite3.Connection, account: str) -> Access:
    """The record as it stands in this transaction."""
    row = tx.execute("SELECT record FROM gate_access WHERE account = ?", (account,)).fetchone()
    return Access(**json.loads(row["record"]))


def save(tx: sqlite3.Connection, account: str, access: Access) -> None:
    tx.execute(
        "INSERT INTO gate_access (account, record) VALUES (?, ?)"
        " ON CONFLICT (account) DO UPDATE SET record = excluded.record",
        (account, json.dumps(asdict(access))),
    )


def exists(tx: sqlite3.Connection, account: str) -> bool:
    return tx.execute("SELECT 1 FROM gate_access WHERE account = ?", (account,)).fetchone() is not None


def check_rate(access: Access) -> None:
    """429 with ``Retry-After`` for a throttled account."""
    if access.throttled:
        raise refusals.throttled()


def check_product(access: Access) -> None:
    """403 unless 0Gate is enabled for the account."""
    if not access.gate:
        raise refusals.forbidden("0Gate is not enabled for this account")


def check_rails(access: Access) -> None:
    """403 unless the account has the rails entitlement."""
    if not access.rails:
        raise refusals.forbidden("rails are not enabled for this account")


def check_customers(access: Access) -> None:
    """403 unless customer records are enabled."""
    if not access.customers:
        raise refusals.forbidden("customer records are not enabled for this account")


def check_trusted(access: Access) -> None:
    """403 unless the account may hand verification over."""
    if not access.trusted:
        raise refusals.forbidden("this account may not hand verification over")


def partner_id(owner: str) -> str:
    """The id by which objects name the partner they belong to."""
    return f"partner_{account_of(owner)}"


def account_of(owner: str) -> str:
    """The account in a scope of partner and mode."""
    return owner.partition(":")[2]


def mode_of(owner: str) -> str:
    """The mode in a scope of partner and mode."""
    return owner.partition(":")[0]

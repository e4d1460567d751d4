"""The access record of one account: what its operator has provisioned. Deciding on it is the gates' work."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from types import MappingProxyType

from conformance.sandbox.pools.catalogue import ON_RAMP

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Access:
    """Standing and settings of an account.

    ``status`` is ``None`` where no access row exists, ``tier`` where none is assigned, ``velocity_cap`` (fiat
    notional in a rolling day) where no cap is set, ``iban_provisioned`` false before bank details exist.
    ``unavailable`` maps a pool to the reason it cannot be quoted now.
    """

    status: str | None = "active"
    kyc_status: str = "approved"
    tier: str | None = "standard"
    allowed_pools: tuple[str, ...] = ("EUR-USDT", "EUR-USDC")
    sides: tuple[str, ...] = (ON_RAMP,)
    off_ramp_enabled: bool = False
    balance_gate: bool = True
    velocity_cap: str | None = None
    iban_provisioned: bool = True
    unavailable: Mapping[str, str] = field(default_factory=lambda: dict(NOTHING))

    @property
    def cap(self) -> Decimal | None:
        return None if self.velocity_cap is None else Decimal(self.velocity_cap)


def load(tx: sqlite3.Connection, account: str) -> Access:
    """The record as it stands in this transaction."""
    row = tx.execute("SELECT record FROM pool_access WHERE account = ?", (account,)).fetchone()
    record = json.loads(row["record"])
    return Access(
        **{
            **record,
            "allowed_pools": tuple(record["allowed_pools"]),
            "sides": tuple(record["sides"]),
        }
    )


def save(tx: sqlite3.Connection, account: str, access: Access) -> None:
    tx.execute(
        "INSERT INTO pool_access (account, record) VALUES (?, ?)"
        " ON CONFLICT (account) DO UPDATE SET record = excluded.record",
        (account, json.dumps(asdict(access))),
    )


def exists(tx: sqlite3.Connection, account: str) -> bool:
    return tx.execute("SELECT 1 FROM pool_access WHERE account = ?", (account,)).fetchone() is not None


def funding_reference(account: str) -> str:
    """What a deposit must quote to be credited to this account."""
    return f"SBX-{account.upper().replace('_', '-')}"

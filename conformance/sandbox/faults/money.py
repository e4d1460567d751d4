"""Mistakes with the pre-funded balance."""

from __future__ import annotations

import sqlite3

from conformance.sandbox.pools import ledger
from conformance.sandbox.variations import Patch, fault


@fault(
    "refund-forgotten",
    summary="A trade that fails, is released or returned never gives its debit back",
    fact="facts section 10: buy_refund when a trade is failed, released, or later returned",
    klass="money",
    breaks=("POOLS-LEDGER-REFUNDS",),
    drags=("POOLS-OUTCOME-FAILED", "POOLS-OUTCOME-RELEASED", "POOLS-OUTCOME-RETURNED", "POOLS-RECONCILES"),
)
def refund_forgotten(patch: Patch) -> None:
    def post_nothing(tx: sqlite3.Connection, owner: str, quote_id: str, now: int) -> None:
        """The branch that somebody meant to write."""

    patch.replace(ledger, "post_refund", post_nothing)

"""Whether a target may be given a controlled order, and what of it such an order uses. Nothing here sends."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

from conformance.target import Target

CURRENCY = "EUR"
"""What the bound is in: the only currency 0Pools is funded in (facts, section 4.11)."""


def fit(target: Target, most: Decimal) -> Target:
    """The part of ``target`` a controlled order uses: 0Pools, no helpers, no handler, no card program.

    Raises ``ValueError`` with the reason and the fix where it must not be given one.
    """
    if not target.is_production:
        raise ValueError(
            f"--controlled-order is for production, and {target.name} is not: no published production host, no "
            'environment = "production", no live key. An ordinary run judges it in full: leave --controlled-order and '
            "--max-amount out. To rehearse the order, leave --target out: the embedded sandbox is started in live mode"
        )
    if "pools" not in target.base_urls:
        raise ValueError(f"--controlled-order is an order of 0Pools, and {target.name} has none: add [target.pools]")
    account = target.accounts["approved"]
    for key, variable in (
        (account.secret_key, account.secret_variable),
        (account.publishable_key, account.publishable_variable),
    ):
        if key is not None and not key.is_live:
            raise ValueError(
                f"--controlled-order takes live keys: {variable} holds another; set it to one of sk/pk_live_…"
            )
    if account.secret_key is None:
        raise ValueError("--controlled-order needs the secret key of accounts.approved")
    if target.order.dest_address is None:
        raise ValueError(
            "--controlled-order delivers real value: name the wallet that is to receive it, "
            "as dest_address under [order] in the profile"
        )
    planned = target.order.amount
    if planned is not None and planned > most:
        raise ValueError(
            f"--max-amount {most} is below the order itself: [order] amount is {planned}; "
            "raise the one or lower the other"
        )
    # Nobody tells the embedded sandbox where to deliver without a helper call, and those are not for production.
    webhooks = {} if target.is_embedded else target.webhooks
    pools = {name: url for name, url in target.base_urls.items() if name == "pools"}
    return dataclasses.replace(target, base_urls=pools, outcomes={}, webhooks=webhooks, handler=None, cards=None)


__all__ = ["CURRENCY", "fit"]

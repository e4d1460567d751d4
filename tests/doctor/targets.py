"""Targets made up for the doctor's unit tests: a bare sandbox, changed field by field."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

from conformance.target import Account, Limits, OrderDefaults, Patience, Recipe, Secret, SessionDefaults, Target


def account(name: str = "approved", key: str = "sk_test_0123456789", *, disposable: bool = False) -> Account:
    """An account with a secret key."""
    return Account(name, Secret(key), None, f"{name.upper()}_KEY", None, disposable)


BARE = Target(
    name="bare",
    environment="sandbox",
    strict=False,
    settles_only_by_poll=False,
    base_urls={"pools": "https://pools.example.com/v1"},
    contracts={},
    accounts={"approved": account()},
    missing={},
    approval=None,
    limits=Limits(trades=10, notional=Decimal("100.00"), requests_per_second=5.0),
    order=OrderDefaults(),
    session=SessionDefaults(),
    patience=Patience(),
    webhooks={},
    handler=None,
    outcomes={},
    digests={"profile": "0" * 64},
)


def bare(**changes: Any) -> Target:
    """A sandbox somebody has one key for, with these fields changed."""
    return dataclasses.replace(BARE, **changes)


def recipe(**request: str) -> Recipe:
    """A recipe that changes the quote request."""
    return Recipe(request, ())

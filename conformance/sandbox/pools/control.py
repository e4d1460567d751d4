"""The pools part of the control surface: access records, deposits, outcomes and the clock of one quote."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from conformance.sandbox import calls, clock, inputs, money
from conformance.sandbox.calls import Reply, Sandbox
from conformance.sandbox.pools import access, catalogue, ledger, test_values, trades, world
from conformance.sandbox.pools.access import Access
from conformance.sandbox.refusal import conflict, invalid, not_found

LONGEST: Final = 128


def patch_account(sandbox: Sandbox, path: Mapping[str, str], document: Mapping[str, object]) -> Reply:
    """Change members of one access record; the others stay. Refuses unknown members and values."""
    account = path["name"]
    changes = read_changes(document)
    with sandbox.store.write() as tx:
        if account not in world.ACCOUNTS:
            raise not_found("no such account")
        changed = replace(access.load(tx, account), **changes)
        access.save(tx, account, changed)
    return Reply(200, {"account": account, **render_access(changed)})


def credit(sandbox: Sandbox, path: Mapping[str, str], document: Mapping[str, object]) -> Reply:
    """A deposit arrives: one ``payin_credit`` for the account."""
    account = inputs.text(document, "account", LONGEST)
    amount = money.parse(inputs.text(document, "amount", LONGEST))
    if account not in world.ACCOUNTS:
        raise not_found("no such account")
    if amount is None or not 0 < amount < 10**9:
        raise invalid("amount must be a decimal string above zero and below a thousand million")
    owner = calls.owner_of(account, sandbox.mode)
    with sandbox.store.write() as tx:
        now = clock.account_now(tx, sandbox.clock, account)
        ref = ledger.post_credit(tx, owner, access.funding_reference(account), amount, now)
        available = ledger.balance(tx, owner)
    return Reply(200, {"account": account, "ref": ref, "available": money.render(available)})


def set_outcome(sandbox: Sandbox, path: Mapping[str, str], document: Mapping[str, object]) -> Reply:
    """How this quote's trade will end; 409 once it has ended. ``returned`` may follow ``settled``."""
    outcome = inputs.one_of(inputs.text(document, "outcome", LONGEST), "outcome", test_values.OUTCOMES)
    with sandbox.store.write() as tx:
        row = tx.execute(
            "SELECT t.status FROM quotes q LEFT JOIN trades t ON t.quote_id = q.quote_id WHERE q.quote_id = ?",
            (path["quoteId"],),
        ).fetchone()
        if row is None:
            raise not_found("no such quote")
        reachable = row["status"] in {None, trades.RESERVED, outcome} or (row["status"], outcome) == (
            "settled",
            "returned",
        )
        if not reachable:
            raise conflict(f"the trade is {row['status']} already")
        tx.execute("UPDATE quotes SET outcome = ? WHERE quote_id = ?", (outcome, path["quoteId"]))
    return Reply(200, {"quoteId": path["quoteId"], "outcome": outcome})


def advance_quote(tx: sqlite3.Connection, quote_id: str, seconds: int) -> None:
    """Move the clock by which this quote expires, and nothing else."""
    moved = tx.execute("UPDATE quotes SET clock_offset = clock_offset + ? WHERE quote_id = ?", (seconds, quote_id))
    if moved.rowcount != 1:
        raise not_found("no such quote")


def render_access(its_access: Access) -> dict[str, object]:
    return {member: getattr(its_access, field) for member, (field, _) in MEMBERS.items()}


def read_changes(document: Mapping[str, object]) -> dict[str, Any]:
    """Fields of the access record by the members of the body."""
    changes: dict[str, Any] = {}
    for member, value in document.items():
        if member not in MEMBERS:
            raise invalid(f"an account has no {member[:LONGEST]!a}; it has {', '.join(MEMBERS)}")
        field, reader = MEMBERS[member]
        changes[field] = reader(member, value)
    return changes


def _word(*words: str | None) -> Callable[[str, object], object]:
    def read(member: str, value: object) -> object:
        if value not in words:
            raise invalid(f"{member} must be one of {', '.join(str(word) for word in words)}")
        return value

    return read


def _words(*words: str) -> Callable[[str, object], object]:
    def read(member: str, value: object) -> object:
        if not isinstance(value, list) or any(word not in words for word in value):
            raise invalid(f"{member} must be a list out of {', '.join(words)}")
        return tuple(value)

    return read


def _flag(member: str, value: object) -> object:
    if not isinstance(value, bool):
        raise invalid(f"{member} must be true or false")
    return value


def _text_or_null(member: str, value: object) -> object:
    if value == "":
        return None  # for callers whose file format has no null
    if value is not None and not (isinstance(value, str) and value.isascii() and 0 < len(value) <= LONGEST):
        raise invalid(f"{member} must be a short text or null")
    return value


def _amount_or_null(member: str, value: object) -> object:
    if value is not None and not (isinstance(value, str) and money.parse(value) is not None):
        raise invalid(f"{member} must be a decimal string or null")
    return value


def _reasons(member: str, value: object) -> object:
    if not isinstance(value, dict) or any(
        pool not in catalogue.POOLS or reason not in catalogue.UNAVAILABLE_REASONS for pool, reason in value.items()
    ):
        raise invalid(f"{member} must map pools to one of {', '.join(catalogue.UNAVAILABLE_REASONS)}")
    return value


MEMBERS: Final[Mapping[str, tuple[str, Callable[[str, object], object]]]] = {
    "status": ("status", _word("active", "suspended", None)),
    "kycStatus": ("kyc_status", _word("approved", "pending", "revoked")),
    "tier": ("tier", _text_or_null),
    "allowedPools": ("allowed_pools", _words(*catalogue.POOLS)),
    "sides": ("sides", _words(*catalogue.SIDES)),
    "offRampEnabled": ("off_ramp_enabled", _flag),
    "balanceGate": ("balance_gate", _flag),
    "velocityCap": ("velocity_cap", _amount_or_null),
    "ibanProvisioned": ("iban_provisioned", _flag),
    "unavailablePools": ("unavailable", _reasons),
}

"""What a profile and its approval record say that a report may show: names, hosts and modes, never a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from conformance.journal import Fact
from conformance.target.approval import SIDES, Approval, ApprovedPool
from conformance.target.profile import Target
from conformance.target.secret import Secret

PROFILE = "profile"
APPROVAL = "approval record"

_MODE = re.compile(r"(?:sk|pk)_(?:test|live)(?=_)")
_SAID = {api: record for record, api in SIDES.items() if record != api}
"""The record's words for the sides of the API."""


def facts(target: Target) -> list[Fact]:
    """The facts of a target, for its journal."""
    found = [Fact(subject, values, PROFILE) for subject, values in _of_profile(target) if values]
    if target.approval is not None:
        found += [Fact(f"approval.{name}", values, APPROVAL) for name, values in _of_record(target.approval)]
    return found


def _of_profile(target: Target) -> Iterator[tuple[str, tuple[str, ...]]]:
    approved = target.accounts.get("approved")
    if approved is not None:
        yield "key_mode", _mode(approved.secret_key)
        yield "publishable_key_mode", _mode(approved.publishable_key)
    for product, webhooks in target.webhooks.items():
        yield f"receiver_host.{product}", _host(webhooks.public_url)
    if target.handler is not None:
        yield "handler_host", _host(target.handler.url)
    yield "allowed_origin", _host(target.session.origin)


def _of_record(approval: Approval) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "partner_id", (approval.partner_id,)
    yield "product", (approval.product,)
    yield "requested_pools", tuple(approval.pools)
    yield "approved_environment", (approval.environment,)
    yield "approved_sides", tuple(sorted(_SAID.get(side, side) for side in approval.sides))
    yield "funding_model", (approval.funding_model,)
    yield "webhook_verified", (_word(approval.webhook_verified),)
    yield "support_escalation_ready", (_word(approval.support_escalation_ready),)
    yield "features", tuple(sorted(approval.features))
    yield "pools", tuple(_pool(pool) for pool in approval.pools.values())


def _mode(key: Secret | None) -> tuple[str, ...]:
    """The published shape of a key up to its mode, as ``sk_test``; nothing of a key of another shape."""
    found = _MODE.match(key.reveal()) if key is not None else None
    return (found.group(),) if found else ()


def _host(url: str | None) -> tuple[str, ...]:
    parts = urlsplit(url or "")
    port = f":{parts.port}" if parts.port else ""
    return (f"{parts.hostname}{port}",) if parts.hostname else ()


def _pool(pool: ApprovedPool) -> str:
    sides = ", ".join(sorted(_SAID.get(side, side) for side in pool.sides))
    networks = ", ".join(sorted(pool.networks)) if pool.networks is not None else "networks not said"
    bounds = [f"from {pool.min_order} USDT"] if pool.min_order is not None else []
    bounds += [f"up to {pool.max_order} USDT"] if pool.max_order is not None else []
    return "; ".join((f"{pool.id}: {sides}", networks, " ".join(bounds) or "limits not said"))


def _word(value: bool) -> str:
    return "true" if value else "false"


__all__ = ["facts"]

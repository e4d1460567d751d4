"""What a scenario cannot do without, and who could provide it."""

from __future__ import annotations

from conformance.target import Target

PROVIDERS = {
    "approval": "the partner, from 0Bit's approval decision",
    "publishable_key": "the partner",
    "account": "the operator of the target",
    "outcome": "the operator of the target",
    "webhooks": "the partner and the operator of the target",
    "handler": "the partner",
}


def unmet(need: str, target: Target) -> tuple[str, str] | None:
    """What is missing for ``need`` and who could provide it, or None when it is met."""
    missing = target.lacking(need)
    return (missing, PROVIDERS[need.partition(":")[0]]) if missing else None

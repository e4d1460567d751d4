"""What a scenario cannot do without, and who could provide it."""

from __future__ import annotations

from conformance.scenarios.judging import Declaration
from conformance.target import Target, refusal

PROVIDERS = {
    "approval": "the partner, from 0Bit's approval decision",
    "publishable_key": "the partner",
    "account": "the operator of the target",
    "outcome": "the operator of the target",
    "webhooks": "the partner and the operator of the target",
    "gate_webhooks": "the partner and the operator of the target",
    "gate_retries": "the operator of the target",
    "gate_dead_letters": "the operator of the target",
    "gate_timeouts": "the operator of the target",
    "rails": "the operator of the target",
    "customers": "the operator of the target",
    "origin": "the partner",
    "handler": "the partner",
    "cards": "the partner",
}


def unmet(need: str, target: Target) -> tuple[str, str] | None:
    """What is missing for ``need`` and who could provide it, or None when it is met."""
    missing = target.lacking(need)
    return (missing, PROVIDERS[need.partition(":")[0]]) if missing else None


def gap(declaration: Declaration, target: Target) -> tuple[str, str] | None:
    """What keeps a scenario from being tried at ``target`` and who could provide it, or None when nothing does."""
    why = None if declaration.reads_only else refusal(target, "POST")
    if why:
        return f"a target that may be written to ({why})", "a run against a sandbox"
    return next((found for need in declaration.needs if (found := unmet(need, target))), None)

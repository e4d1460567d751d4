"""All rules over traffic, and judging a recording by them. Each rule stands with its subject in a module of its own."""

from __future__ import annotations

from conformance.partner import rules_executions, rules_keys, rules_polling, rules_quotes, rules_refusals
from conformance.partner.rules_base import Rule, Ruling, apply
from conformance.partner.traffic import Traffic

RULES: tuple[Rule, ...] = (
    *rules_keys.RULES,
    *rules_quotes.RULES,
    *rules_executions.RULES,
    *rules_polling.RULES,
    *rules_refusals.RULES,
)


def judge(traffic: Traffic) -> list[Ruling]:
    """What the rules say of a recording: for each, its breaches, or a pass, or what was missing. Pure."""
    return [ruling for rule in RULES for ruling in apply(rule, traffic)]


__all__ = ["RULES", "Rule", "Ruling", "judge"]

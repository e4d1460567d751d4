"""Holding the body of an event against what a contract says of its type. How it was sent is not known here."""

from __future__ import annotations

from typing import Any

from conformance.contract.contract import Contract
from conformance.contract.explain import problems, spell

_SHOWN = 3


def departure(contract: Contract, kind: str, body: Any, *, full: bool = False) -> str:
    """Where the body of an event departs from what is documented for its type, in words that quote no value.

    Empty where it does not, and where the file describes no such event. ``full`` holds it against our guesses too: a
    departure from those is a legal choice.
    """
    schema = contract.event_schema(kind)
    if schema is None:
        return ""
    validator = contract.schemas.full(schema) if full else contract.schemas.judging(schema)
    if validator.is_valid(body):
        return ""
    found = [
        f"{spell(problem.path, elements=False)}: expected {problem.expected}, observed {problem.observed}"
        for problem in problems(validator, body, contract.sensitive)
    ]
    more = len(found) - _SHOWN
    return "; ".join(found[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")

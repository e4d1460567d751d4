"""Where the sources say something about 0Pools: their sections, table rows and numbered lines, and who cites them."""

from __future__ import annotations

import re
from collections.abc import Iterator

FACTS = (
    *(f"0.{number}" for number in range(1, 19)),
    "1",
    *(f"2.{number}" for number in range(1, 4)),
    "3",
    "4",
    *(f"4.{number}" for number in range(1, 13)),
    "5.1",
    "5.2",
    "6",
    "7",
    "8",
    *(f"8 gate {number}" for number in range(1, 15)),
    "9",
    "10",
    *(f"10.{number}" for number in range(1, 13)),
    "11",
    "12",
    *(f"C{number}" for number in range(1, 20)),
    "C2b",
)
"""The gathered facts: sections, gates, invariants and contradictions."""

GAPS = (
    "errors",
    "success codes",
    "trade object",
    "quote object",
    "capabilities",
    "ledger entry",
    "trades list",
    "transact",
    "status poll",
    "402 check",
    "amount",
    "rounding",
    "address",
    "filters",
    "limits",
    "currency on ledger",
    "velocity",
    "gate precedence",
    "gate timing",
    "product switch",
    "return window",
    "webhooks",
    "http details",
    "versioning",
)
"""The rows of the facts' section 14: what nothing readable says."""

PAGES = {
    "000": (
        "access lifecycle",
        "product fit review",
        "required setup",
        "deny-closed behaviour",
        *(f"smoke test plan {step}" for step in range(1, 9)),
        "what to send support",
        "access approval matrix",
        "onboarding flow with evidence",
        "before and after access",
        "first production order checklist",
        "access packet",
        "environment readiness matrix",
        "approval decision record",
        "implementation depth",
        "product scenario",
        "records to keep",
        "example product record",
        "failure modes and recovery",
        "use-case patterns",
        "developer checklist",
    ),
    "001": (
        "contract snapshot",
        "public boundary",
        "authentication map",
        "operation map",
        "quote outcomes",
        "example",
        "object model",
        "on-ramp and off-ramp behaviour",
        "status model",
        "reconciliation model",
        "error and retry model",
        "production checklist",
    ),
    "004": (
        "what 0pools handles",
        "example flow",
        "user-state table",
        "important guardrail",
        "before and after",
        "settlement-safe funding timeline",
        "implementation records",
        "card funding boundary",
        "funding record",
        "product rule",
        "implementation depth",
        "product scenario",
        "records to keep",
        "example product record",
        "failure modes and recovery",
        "use-case patterns",
        "developer checklist",
    ),
}
"""The headings of the vendor's pages about 0Pools."""

PLACES = frozenset(
    {
        *(f"facts {place}" for place in FACTS),
        *(f"facts 14 ({gap})" for gap in GAPS),
        *(f"seed {page} ({heading})" for page, headings in PAGES.items() for heading in headings),
    }
)

ALSO_CALLED = {
    "seed 001 (error model)": "seed 001 (error and retry model)",
    "seed 001 (execute exactly once)": "seed 001 (operation map)",
}
"""Places the catalogue names by what they say."""

REPEATED = frozenset(f"facts 0.{number}" for number in range(1, 19))
"""The facts' short version, which says nothing the sections after it do not say."""


DECIDED_BY = {
    "facts 8 gate 11": "POOLS-UNAVAILABLE-FAIL-SOFT",
    "facts 8 gate 12": "POOLS-REJECT-BLOCKS",
    "facts 10.6": "POOLS-QUOTE-MOVES-NOTHING",
    "facts 10.12": "POOLS-TRANSACT-RESERVES",
    "facts 14 (gate timing)": "POOLS-DENY-AT-TRANSACT",
}
"""Places that repeat what a requirement states which cites another place."""


def cited(source: str) -> Iterator[str]:
    """The places a ``source`` names, e.g. ``facts 4.2, 8 gate 10; seed 001 (quote outcomes)``."""
    for part in source.split(";"):
        kind, _, rest = part.strip().partition(" ")
        if kind == "facts":
            for place in re.split(r",(?![^(]*\))", rest):
                yield from _fact(place.strip())
        elif kind == "seed":
            page, _, headings = rest.partition(" (")
            for heading in headings.rstrip(")").split(",") if headings else ():
                name = f"seed {page} ({heading.strip().lower()})"
                yield ALSO_CALLED.get(name, name)
            if not headings:
                yield f"seed {page}"


def _fact(place: str) -> Iterator[str]:
    number, _, words = place.partition(" ")
    if number == "14":
        yield f"facts 14 {words.lower()}"
    elif words.startswith("gate "):
        yield f"facts {place}"
    else:
        yield f"facts {number}"

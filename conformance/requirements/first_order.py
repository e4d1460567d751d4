"""The published first production order checklist as data: its nine points, and the requirements that decide each.

How a run carries it out is the business of ``scenarios/controlled``; how it is shown, of ``evidence``.
"""

from __future__ import annotations

from dataclasses import dataclass

TIER = "controlled-order"
"""What the record of such a run says in the place of a tier."""

SUBJECT = "first order: "
"""How the observations of such a run begin that are evidence for a point or for the order itself."""

WEBHOOK = "POOLS-WEBHOOK-SIGNED"
POLLING = "POOLS-POLL-TERMINAL"


@dataclass(frozen=True, slots=True)
class Point:
    """One line of the checklist (getting-access page, first production order checklist)."""

    number: int
    words: str
    owner: str
    """Who answers for what this run leaves open."""
    requirements: tuple[str, ...] = ()
    """All of them together prove it."""
    either: tuple[str, ...] = ()
    """Instead: one of them is enough."""
    subject: str = ""
    """Instead, or beside: the observation that is its evidence, after ``SUBJECT``."""
    stated: bool = False
    """Whether only a person can say that it holds; the observation is what the person needs for it."""


POINTS = (
    Point(1, "Live key mode is correct", "Engineering", subject="live key mode"),
    Point(2, "Pool discovery returns only expected pools", "Engineering", ("POOLS-DISCOVERY-EXACT",)),
    Point(
        3,
        "Capabilities match approved side/network/limits",
        "Engineering",
        ("POOLS-CAPABILITIES-APPROVED", "POOLS-CAPABILITIES-CONSISTENT"),
    ),
    Point(
        4,
        "Firm quote has expected expiry and quote-bound destination",
        "Engineering",
        (
            "POOLS-FIRM-EXECUTABLE",
            "POOLS-FIRM-NEAR-EXPIRY",
            "POOLS-FIRM-TERMS",
            "POOLS-QUOTE-READ-PURE",
            "POOLS-TRADE-COPIES-QUOTE",
        ),
    ),
    Point(5, "Transact is idempotent", "Engineering", ("POOLS-TRANSACT-RESERVES", "POOLS-TRANSACT-ONCE")),
    Point(
        6,
        "Status can be retrieved after execution",
        "Engineering",
        (POLLING, "POOLS-POLL-FORWARD", "POOLS-POLL-IDEMPOTENT"),
    ),
    Point(7, "Webhook arrives or polling fallback works", "Engineering", either=(WEBHOOK, POLLING), subject="webhook"),
    Point(
        8,
        "Ledger/reconciliation row closes with quote and trade ids",
        "Finance/treasury",
        ("POOLS-RECONCILES", "POOLS-LEDGER-ONE-DEBIT", "POOLS-LEDGER-REFUNDS"),
        subject="order record",
    ),
    Point(
        9,
        "Support can find the order from the partner reference",
        "Support ops",
        subject="for support",
        stated=True,
    ),
)
"""In the published order; owners are those of the published access packet."""

REQUIRED = tuple(
    dict.fromkeys(id_ for point in POINTS for id_ in (*point.requirements, *point.either) if id_ != WEBHOOK)
)
"""What a controlled order answers for. A delivery is judged where one arrives; polling is enough without one."""


__all__ = ["POINTS", "POLLING", "REQUIRED", "SUBJECT", "TIER", "WEBHOOK", "Point"]

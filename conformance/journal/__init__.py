"""The append-only record of a run: what is written down, how it is chained and sealed, and how it is read back."""

from conformance.journal.reader import Reading, read
from conformance.journal.records import (
    Engine,
    Exchange,
    Fact,
    Joined,
    Judgement,
    Leftover,
    Observation,
    Order,
    Outcome,
    ReconciliationRow,
    Record,
    RunRecord,
    ScenarioRecord,
    Statement,
)
from conformance.journal.writer import Journal, seal

__all__ = [
    "Engine",
    "Exchange",
    "Fact",
    "Joined",
    "Journal",
    "Judgement",
    "Leftover",
    "Observation",
    "Order",
    "Outcome",
    "Reading",
    "ReconciliationRow",
    "Record",
    "RunRecord",
    "ScenarioRecord",
    "Statement",
    "read",
    "seal",
]

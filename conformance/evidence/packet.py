"""The evidence of one run gathered in memory: verdict, findings, exchanges and counts. Writes nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from conformance.evidence.exercised import Exercised, exercised
from conformance.evidence.findings import Finding, findings
from conformance.evidence.launch import Gap, gaps
from conformance.evidence.replay import named
from conformance.evidence.verdicts import RunVerdict, judge
from conformance.journal import (
    Exchange,
    Fact,
    Leftover,
    Observation,
    Order,
    ReconciliationRow,
    RunRecord,
    Statement,
    read,
)
from conformance.journal.reader import read_segment
from conformance.journal.writer import SEAL
from conformance.requirements import Catalogue

VALID_FOR = timedelta(days=90)
"""How long evidence may be relied on."""

WATERMARK = "This run judged the embedded sandbox: it proves the harness, not an environment."

OUTSIDE_CONTRACT = "not in the contract"
NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True)
class SegmentHead:
    """One process's part of the journal: its records and the last value of its hash chain (SHA-256,
    hexadecimal).
    """

    name: str
    records: int
    head: str


TRAFFIC = "generated traffic"
"""Subject of the observation that says what a budget of generated traffic was spent on."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One legal choice of the target, and how often it was seen."""

    subject: str
    value: str
    requirement: str
    warn: bool
    count: int
    exchange: str


@dataclass(frozen=True, slots=True)
class Packet:
    """Everything a report may show. Each writer takes one and nothing else."""

    verdict: RunVerdict
    findings: tuple[Finding, ...]
    exchanges: dict[str, Exchange]
    observations: tuple[Seen, ...]
    orders: tuple[Order, ...]
    rows: tuple[ReconciliationRow, ...]
    leftovers: tuple[Leftover, ...]
    gaps: tuple[Gap, ...]
    """What was wanted and could not be evidenced, by what was missing."""
    coverage: dict[str, dict[str, int]]
    """Operation to status to number of exchanges; every operation the catalogue speaks of is a key."""
    segments: tuple[SegmentHead, ...]
    exercised: Exercised
    facts: tuple[Fact, ...]
    """What profile and approval record say."""
    statements: tuple[Statement, ...]
    """What people said."""

    @property
    def run(self) -> RunRecord:
        """The run this is the evidence of."""
        return self.verdict.run

    @property
    def traffic(self) -> str:
        """What a budget of generated traffic was spent on; empty in a run that has none."""
        return "; ".join(seen.value for seen in self.observations if seen.subject == TRAFFIC)

    @property
    def watermark(self) -> str:
        """What every output has to say first, empty for a foreign target."""
        return WATERMARK if self.run.embedded else ""

    @property
    def expires(self) -> str:
        """When the evidence lapses (ISO 8601)."""
        return (datetime.fromisoformat(self.run.started) + VALID_FOR).isoformat()


def assemble(run_folder: Path, catalogue: Catalogue) -> Packet:
    """Gather the evidence from ``run_folder/journal`` alone.

    Raises ``FileNotFoundError`` without a journal and ``ValueError`` when nothing in it says what was judged.
    """
    folder = run_folder / "journal"
    reading = read(folder)
    verdict = judge(reading, catalogue)
    exchanges = {exchange.id: exchange for exchange in reading.of(Exchange)}
    return Packet(
        verdict=verdict,
        findings=named(findings(verdict, exchanges), exchanges, verdict.run),
        exchanges=exchanges,
        observations=_observations(reading.of(Observation)),
        orders=tuple(reading.of(Order)),
        rows=tuple(reading.of(ReconciliationRow)),
        leftovers=tuple(reading.of(Leftover)),
        gaps=gaps(v for v in verdict.requirements if v.unevidenced),
        coverage=_coverage(catalogue.of(verdict.run.products), exchanges.values()),
        segments=_segments(folder, verdict.sealed),
        exercised=exercised(verdict.run.stated, exchanges.values()),
        facts=tuple(reading.of(Fact)),
        statements=tuple(reading.of(Statement)),
    )


def _observations(observations: Iterable[Observation]) -> tuple[Seen, ...]:
    first: dict[tuple[str, str, str], Observation] = {}
    times: Counter[tuple[str, str, str]] = Counter()
    for seen in observations:
        key = (seen.subject, seen.value, seen.requirement)
        first.setdefault(key, seen)
        times[key] += 1
    return tuple(
        Seen(seen.subject, seen.value, seen.requirement, seen.warn, times[key], seen.exchange)
        for key, seen in sorted(first.items())
    )


def _coverage(catalogue: Catalogue, exchanges: Iterable[Exchange]) -> dict[str, dict[str, int]]:
    operations = dict.fromkeys(operation for requirement in catalogue for operation in requirement.operations)
    counted: dict[str, Counter[str]] = {operation: Counter() for operation in sorted(operations, key=_by_path)}
    for exchange in exchanges:
        status = NO_ANSWER if exchange.status is None else str(exchange.status)
        counted.setdefault(exchange.operation or OUTSIDE_CONTRACT, Counter())[status] += 1
    return {operation: dict(sorted(statuses.items())) for operation, statuses in counted.items()}


def _by_path(operation: str) -> tuple[str, str]:
    method, _, path = operation.partition(" ")
    return path, method


def _segments(folder: Path, sealed: bool) -> tuple[SegmentHead, ...]:
    """The heads of the chains; a seal that held vouches for them, else they are followed again."""
    if sealed:
        named = json.loads((folder / SEAL).read_text(encoding="ascii"))["segments"]
        return tuple(SegmentHead(name, part["records"], part["head"]) for name, part in sorted(named.items()))
    read_again = ((path.stem, read_segment(path)) for path in sorted(folder.glob("*.jsonl")))
    return tuple(SegmentHead(name, len(segment.records), segment.head) for name, segment in read_again)

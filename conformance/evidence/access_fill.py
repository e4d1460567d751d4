"""Filling in the tables of the Getting access page: pure, from the evidence of runs and from statements.

A report over journals: nothing here fails a target, and what only a person can say is never shown as evidenced.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from conformance.evidence.access_facts import APPROVAL, Value, approved, environment_of, value_of, with_record
from conformance.evidence.access_page import Row, Table, tables
from conformance.evidence.packet import WATERMARK, Packet
from conformance.evidence.per_requirement import RequirementVerdict, Status
from conformance.evidence.text import clip, one_line
from conformance.journal import Statement
from conformance.requirements import Catalogue
from conformance.requirements.catalogue import PRODUCTS

NAMED = 3
"""Exchanges named for one verdict; the run's own reports have all."""


class State(StrEnum):
    """What the packet says of a row or of a part of it, the weightiest first."""

    FAILED = "failed"
    OPEN = "open"
    STATED = "stated"
    EVIDENCED = "evidenced"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one run says of a requirement."""

    run: str
    status: Status
    embedded: bool
    exchanges: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """One requirement a row rests on, with every run that judged it. ``state`` None: it applies to no target here."""

    requirement: str
    statement: str
    state: State | None
    seen: tuple[Seen, ...]
    missing: str


@dataclass(frozen=True, slots=True)
class FilledRow:
    """A row of the page with all that is known of it."""

    row: Row
    state: State
    proofs: tuple[Proof, ...]
    value: Value | None
    statements: tuple[Statement, ...]
    gaps: tuple[str, ...]
    """What evidence still lacks, and for which requirements."""
    asked: str
    """What the owner must still state; empty where nothing is."""
    answer: Any = None
    """The value of a field of the decision record, or of a record to keep; None while it is open."""


@dataclass(frozen=True, slots=True)
class FilledTable:
    """A table of the page, filled in."""

    table: Table
    rows: tuple[FilledRow, ...]

    @property
    def counts(self) -> dict[State, int]:
        """How many rows are in each state."""
        counted = Counter(row.state for row in self.rows)
        return {state: counted[state] for state in State}


@dataclass(frozen=True, slots=True)
class LaunchPacket:
    """All tables, and what they were filled in from."""

    packets: tuple[Packet, ...]
    statements: tuple[Statement, ...]
    tables: tuple[FilledTable, ...]
    watermark: str
    folders: tuple[str, ...] = ()
    """Where in the packet's folder each run lies; empty for the packet of one run in its own folder."""

    @property
    def counts(self) -> dict[State, int]:
        """How many rows of all tables are in each state."""
        return {state: sum(table.counts[state] for table in self.tables) for state in State}

    def table(self, name: str) -> FilledTable:
        """The table of this id. Raises ``KeyError``."""
        found = {filled.table.id: filled for filled in self.tables}
        return found[name]

    @property
    def open(self) -> dict[str, list[tuple[FilledTable, FilledRow]]]:
        """The open and failed rows by owner, owners in the order of the access packet."""
        found: dict[str, list[tuple[FilledTable, FilledRow]]] = {row.row.owner: [] for row in self.table("packet").rows}
        for table in self.tables:
            for row in table.rows:
                if row.state in (State.OPEN, State.FAILED):
                    found.setdefault(row.row.owner, []).append((table, row))
        return {owner: rows for owner, rows in found.items() if rows}

    def label(self, run: str) -> str:
        """How the packet calls a run for short: by its place in the list of what it was made from."""
        names = [packet.run.run for packet in self.packets]
        return f"run {names.index(run) + 1}"


def fill(packets: Sequence[Packet], statements: Iterable[Statement], catalogue: Catalogue) -> LaunchPacket:
    """The tables filled in from runs and statements; the statements in the runs' own journals count too."""
    said = [*statements, *(statement for packet in packets for statement in packet.statements)]
    known = tuple(dict.fromkeys(said))
    filled = tuple(
        FilledTable(table, tuple(_row(table, row, packets, known, catalogue) for row in table.rows))
        for table in tables()
    )
    return LaunchPacket(tuple(packets), known, filled, _watermark(packets))


def _watermark(packets: Sequence[Packet]) -> str:
    embedded = [packet.run.run for packet in packets if packet.run.embedded]
    if not embedded or len(packets) == 1:
        return WATERMARK if embedded else ""
    return f"{WATERMARK} ({', '.join(embedded)})"


def _row(
    table: Table, row: Row, packets: Sequence[Packet], statements: Sequence[Statement], catalogue: Catalogue
) -> FilledRow:
    counted = [p for p in packets if not row.environment or environment_of(p) == row.environment]
    proofs = tuple(_proof(name, counted, row.environment, catalogue) for name in row.needs)
    value = value_of(row.value, counted) if row.value else None
    said, asked = _said(row, packets, statements) if row.key else ((), "")
    gaps = _gaps(proofs)
    gaps += [value.missing] if value is not None and value.missing else []
    if proofs and not row.key and all(proof.state is None for proof in proofs):
        gaps.append("none of its requirements applies to a target here")
    if any(proof.state is State.FAILED for proof in proofs):
        state = State.FAILED
    elif gaps or asked:
        state = State.OPEN
    else:
        state = State.STATED if row.key else State.EVIDENCED
    filled = FilledRow(row, state, proofs, value, said, tuple(gaps), asked)
    return dataclasses.replace(filled, answer=_answer(table, filled, packets))


def _gaps(proofs: Sequence[Proof]) -> list[str]:
    """What requirements lack, each lack told once."""
    lacking: dict[str, list[str]] = {}
    for proof in proofs:
        if proof.state is State.OPEN:
            lacking.setdefault(proof.missing, []).append(proof.requirement)
    return [f"{missing}: {', '.join(names)}" for missing, names in lacking.items()]


def _proof(name: str, packets: Sequence[Packet], environment: str, catalogue: Catalogue) -> Proof:
    requirement = catalogue[name]
    judged = [(packet, verdict) for packet in packets if (verdict := _verdict(packet, name)) is not None]
    seen = tuple(_seen(packet, verdict) for packet, verdict in judged)
    statuses = {verdict.status for _, verdict in judged}
    # What a journal without a seal lost may have been the failure.
    whole = {verdict.status for packet, verdict in judged if packet.verdict.sealed}
    missing = ""
    state: State | None
    if statuses & {Status.FAIL, Status.EXCUSED}:
        state = State.FAILED
    elif whole & {Status.PASS, Status.WARN}:
        state = State.EVIDENCED
    elif whole and whole <= {Status.NOT_APPLICABLE}:
        state = None
    else:
        state, missing = State.OPEN, _missing(name, judged, environment, catalogue)
    return Proof(name, requirement.statement, state, seen, missing)


def _verdict(packet: Packet, name: str) -> RequirementVerdict | None:
    """What a run says of a requirement, where it was asked for it or judged it nevertheless."""
    found = next((v for v in packet.verdict.requirements if v.requirement.id == name), None)
    return found if found is not None and (found.selected or found.judgements) else None


def _seen(packet: Packet, verdict: RequirementVerdict) -> Seen:
    told = verdict.decided or verdict.judgements
    exchanges = tuple(dict.fromkeys(name for judgement in told for name in judgement.exchanges))[:NAMED]
    return Seen(packet.run.run, verdict.status, packet.run.embedded, exchanges)


def _missing(
    name: str, judged: Sequence[tuple[Packet, RequirementVerdict]], environment: str, catalogue: Catalogue
) -> str:
    if any(not packet.verdict.sealed and verdict.status is Status.PASS for packet, verdict in judged):
        return "passed in a run whose journal is not whole; run it again to its end"
    said = dict.fromkeys(clip(one_line(v.missing or f"{v.status}"), 200) for _, v in judged)
    if said:
        return "; ".join(said)
    where = f" of {environment}" if environment else ""
    return f"no run{where} here judged it (conformance {PRODUCTS[catalogue[name].product]})"


def _said(row: Row, packets: Sequence[Packet], statements: Sequence[Statement]) -> tuple[tuple[Statement, ...], str]:
    """Who answered the row, and what is still wanted of its owner."""
    own = tuple(statement for statement in statements if statement.subject == row.key)
    duties = tuple(statement for statement in statements if statement.subject in row.duties)
    fields = [(name, approved(packets, name)) for name in row.approval]
    records = _of_record(fields, packets)
    if own or (row.duties and {s.subject for s in duties} == set(row.duties)):
        return (*own, *duties, *records), ""
    differing = [name for name, found in fields if len(found) > 1]
    if differing:
        return (*duties, *records), f"the approval records differ in {', '.join(differing)}; state which holds"
    denied = [name for name, found in fields if found == {("false",)}]
    if denied:
        return (*duties, *records), f"the approval record says {denied[0]}: false"
    if fields and all(found for _, found in fields):
        return (*duties, *records), ""
    return (*duties, *records), f"{row.owner} must state {row.states}"


def _of_record(fields: Sequence[tuple[str, set[tuple[str, ...]]]], packets: Sequence[Packet]) -> tuple[Statement, ...]:
    """What the approval record says, as a statement: whoever supplied it said so, and nothing here shows it."""
    days = sorted(packet.run.started[:10] for packet in with_record(packets))
    return tuple(
        Statement(f"{APPROVAL}{name}", ", ".join(values) or "none", "the approval record the run was given", days[-1])
        for name, found in fields
        if len(found) == 1
        for values in found
    )


def _answer(table: Table, filled: FilledRow, packets: Sequence[Packet]) -> Any:
    """What a field of the decision record or a record to keep holds; None while that is not known."""
    row = filled.row
    if table.id == "records" and row.value:
        return _plain(filled.value.values) if filled.value and filled.value.values else None
    if table.id == "records":
        states = {proof.state for proof in filled.proofs}
        return "verified" if states == {State.EVIDENCED} else "failed" if State.FAILED in states else None
    if table.id != "decision":
        return None
    if not row.key:
        return {State.EVIDENCED: True, State.FAILED: False}.get(filled.state)
    if filled.asked:
        return None
    own = [statement for statement in filled.statements if statement.subject == row.key]
    if own:
        return True if row.name == "support_escalation_ready" else own[0].says
    values = next(iter(approved(packets, row.approval[0])))
    if values in (("true",), ("false",)):
        return values == ("true",)
    return list(values) if row.name in ("requested_pools", "approved_sides") else _plain(values)


def _plain(values: Sequence[str]) -> Any:
    return values[0] if len(values) == 1 else list(values)

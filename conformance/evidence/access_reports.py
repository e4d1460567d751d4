"""``launch.md`` and ``launch.json``: the filled-in tables of the Getting access page for people and for machines.

What came from outside stands escaped in Markdown, and as data in JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from conformance.evidence.access_facts import APPROVAL, hosts_of
from conformance.evidence.access_fill import FilledRow, FilledTable, LaunchPacket, Proof, State
from conformance.evidence.markdown import cell, plain
from conformance.evidence.packet import Packet
from conformance.evidence.text import count

SCHEMA: Final = "conformance-launch/1"

MARKS: Final = {State.EVIDENCED: "✅", State.FAILED: "❌", State.STATED: "✍️", State.OPEN: "⬜"}

LEGEND: Final = (
    ("evidenced", "every requirement it rests on passed, and nobody has to state anything"),
    ("failed", "a requirement it rests on failed"),
    ("stated", "a person says so; what evidence can show of it holds, the rest is their word"),
    ("open", "something is missing: its owner has to state it, or a run has to show it"),
)

DRAFT: Final = "A draft for 0Bit to decide on: what is not known is null, and no value here is an approval."


def markdown(launch: LaunchPacket) -> str:
    """The text of ``launch.md``: what is open by owner, then one table for each of the page's."""
    lines = ["# Launch packet", ""]
    if launch.watermark:
        lines += [f"> **{launch.watermark}**", ""]
    lines += [f"{told(launch.counts)}.", "", "| State | Means |", "|---|---|"]
    lines += [f"| {MARKS[State(name)]} {name} | {means} |" for name, means in LEGEND]
    lines += ["", "## Made from", "", *_runs(launch), "", *_open(launch)]
    for table in launch.tables:
        lines += ["", "---", "", *_table(table, launch)]
        if table.table.id == "decision":
            lines += ["", DRAFT, "", "```json", decision_text(launch), "```"]
    return "\n".join([*lines, *_statements(launch)]) + "\n"


def told(counts: dict[State, int]) -> str:
    """How many rows are in each state, in words."""
    return f"{count(sum(counts.values()), 'row')}: " + ", ".join(f"{counts[s]} {s}" for s in reversed(State))


def render_json(launch: LaunchPacket) -> str:
    """The text of ``launch.json``: the same as data."""
    document = {
        "schema": SCHEMA,
        "watermark": launch.watermark,
        "counts": launch.counts,
        "runs": [_run_data(packet) for packet in launch.packets],
        "tables": [_table_data(table) for table in launch.tables],
        "open": {
            owner: [{"table": t.table.id, "row": r.row.name, "environment": r.row.environment} for t, r in rows]
            for owner, rows in launch.open.items()
        },
        "approval_decision_record": {"note": DRAFT, "record": decision(launch)},
        "records_to_keep": {row.row.name: row.answer for row in launch.table("records").rows},
    }
    return json.dumps(document, indent=2) + "\n"


def decision(launch: LaunchPacket) -> dict[str, Any]:
    """The approval decision record in its published shape."""
    return {row.row.name: row.answer for row in launch.table("decision").rows}


def decision_text(launch: LaunchPacket) -> str:
    """The record as text."""
    return json.dumps(decision(launch), indent=2)


def owner(filled: FilledRow) -> str:
    """Who owns a row; where the page names nobody, as whom."""
    row = filled.row
    return f"{row.owner} (as for {row.owner_as})" if row.owner_as else row.owner


def asks(filled: FilledRow) -> str:
    """What the page asks of a row, with its example where it has one."""
    row = filled.row
    return f"{row.asks} Example: {row.example}" if row.example else row.asks


def evidence(filled: FilledRow, launch: LaunchPacket) -> list[str]:
    """What the evidence says of a row, a line for each thing."""
    found = []
    value = filled.value
    if value is not None and value.values:
        where = [f"{launch.label(run)}, {exchange}" for run, exchange in value.exchanges]
        notes = "; ".join(filter(None, (value.note, *where)))
        found.append(f"{', '.join(value.values)} ({notes})")
    elif value is not None:
        found.append(value.missing)
    found += [_proof(proof, launch) for proof in filled.proofs]
    return found


def wanted(filled: FilledRow) -> list[str]:
    """What is missing of a row, in words: from runs, and from its owner."""
    return [*filled.gaps, *([filled.asked] if filled.asked else [])]


def stated(filled: FilledRow) -> list[str]:
    """What people said of a row, a line for each; what an approval record says is one of them."""
    found = [f"{s.says} (stated by {s.by}, {s.on})" for s in filled.statements if not s.subject.startswith(APPROVAL)]
    record = [s for s in filled.statements if s.subject.startswith(APPROVAL)]
    if record:
        fields = "; ".join(f"{s.subject.removeprefix(APPROVAL)}: {s.says}" for s in record)
        found.append(f"{fields} (stated by {record[0].by}, {record[0].on})")
    return found


def hosts(packet: Packet) -> str:
    """Where the calls of a run went."""
    return ", ".join(hosts_of(packet))


def _proof(proof: Proof, launch: LaunchPacket) -> str:
    if not proof.seen:
        return f"{proof.requirement}: {proof.missing}"
    runs = []
    for seen in proof.seen:
        embedded = " of the embedded sandbox" if seen.embedded and len(launch.packets) > 1 else ""
        where = ", ".join((launch.label(seen.run) + embedded, *seen.exchanges))
        runs.append(f"{seen.status} ({where})")
    missing = f"; {proof.missing}" if proof.missing else ""
    return f"{proof.requirement}: {'; '.join(runs)}{missing}"


def _runs(launch: LaunchPacket) -> list[str]:
    lines = ["| | Run | Subject | Environment | Hosts | Verdict | Valid until |", "|---|---|---|---|---|---|---|"]
    for packet in launch.packets:
        run = packet.run
        whole = "" if packet.verdict.sealed else " (journal not whole)"
        cells = (
            launch.label(run.run),
            cell(run.run),
            cell(run.target),
            plain(run.environment),
            cell(hosts(packet)),
            f"{packet.verdict.status}{whole}",
            packet.expires[:10],
        )
        lines.append(_line(cells))
    told = (f"- {launch.label(p.run.run)}: {plain(p.verdict.launch_line)}" for p in launch.packets)
    return [*lines, "", *told]


def _open(launch: LaunchPacket) -> list[str]:
    rows = [(name, table, row) for name, found in launch.open.items() for table, row in found]
    lines = ["## Still open, by owner", ""]
    if not rows:
        return [*lines, "Nothing."]
    lines += ["| Owner | Row | State | What is missing |", "|---|---|---|---|"]
    for name, table, row in rows:
        # A failure is told with its verdict in the table; what else is missing stands beside it.
        missing = [*(f"{p.requirement} failed" for p in row.proofs if p.state is State.FAILED), *wanted(row)]
        what = f"{table.table.title}: {_name(row)}"
        lines.append(_line((plain(name), plain(what), _state(row), _several(missing))))
    return lines


def _table(table: FilledTable, launch: LaunchPacket) -> list[str]:
    head = (*table.table.columns, "What the evidence says", "State", "Owner")
    lines = [f"## {table.table.title}", "", f"{told(table.counts)}.", ""]
    lines += [_line(head), "|" + "---|" * len(head)]
    for row in table.rows:
        said = [*evidence(row, launch), *stated(row), *([f"open: {row.asked}"] if row.asked else [])]
        lines.append(_line((plain(_name(row)), plain(asks(row)), _several(said), _state(row), plain(owner(row)))))
    return lines


def _statements(launch: LaunchPacket) -> list[str]:
    """The lines of a statement file that would answer what is open, for whoever has to write one."""
    wanted: dict[str, FilledRow] = {}
    for _, row in (found for rows in launch.open.values() for found in rows):
        if row.asked:
            wanted.setdefault(row.row.key, row)
    if not wanted:
        return []
    lines = ["", "---", "", "## To state what is open", ""]
    lines += ["Each owner writes a file with the lines that are theirs; `conformance packet` takes them with"]
    lines += ["`--statements FILE`. No secrets, no bank details, no customer data.", "", "```toml"]
    lines += ['by = "name and role of whoever states this"', "on = 2026-05-25", "", "[access]"]
    lines += [f'{key} = ""  # {row.row.owner}: {row.row.states}' for key, row in wanted.items()]
    return [*lines, "```"]


def _name(row: FilledRow) -> str:
    return f"{row.row.name} ({row.row.environment})" if row.row.environment else row.row.name


def _state(row: FilledRow) -> str:
    return f"{MARKS[row.state]} {row.state}"


def _several(texts: Iterable[str]) -> str:
    return "<br>".join(plain(text) for text in texts) or "–"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _run_data(packet: Packet) -> dict[str, Any]:
    run, verdict = packet.run, packet.verdict
    return {
        "run": run.run,
        "target": run.target,
        "environment": run.environment,
        "embedded": run.embedded,
        "base_urls": run.base_urls,
        "scope": run.scope,
        "tier": run.tier,
        "selection": list(run.selection),
        "started": run.started,
        "expires": packet.expires,
        "verdict": verdict.status,
        "launch": verdict.launch_line,
        "launch_evidence": verdict.launch_evidence,
        "sealed": verdict.sealed,
        "journal": {segment.name: segment.head for segment in packet.segments},
        "digests": run.digests,
    }


def _table_data(table: FilledTable) -> dict[str, Any]:
    return {
        "id": table.table.id,
        "title": table.table.title,
        "counts": table.counts,
        "rows": [_row_data(row) for row in table.rows],
    }


def _row_data(filled: FilledRow) -> dict[str, Any]:
    row, value = filled.row, filled.value
    return {
        "row": row.name,
        "environment": row.environment,
        "asks": row.asks,
        "why": row.why,
        "example": row.example,
        "owner": row.owner,
        "owner_as": row.owner_as,
        "key": row.key,
        "state": filled.state,
        "evidence": [
            {
                "requirement": proof.requirement,
                "statement": proof.statement,
                "state": proof.state or "not-applicable",
                "verdicts": [
                    {"run": s.run, "status": s.status, "embedded": s.embedded, "exchanges": list(s.exchanges)}
                    for s in proof.seen
                ],
                "missing": proof.missing,
            }
            for proof in filled.proofs
        ],
        "value": None
        if value is None
        else {
            "values": list(value.values),
            "exchanges": [{"run": run, "exchange": exchange} for run, exchange in value.exchanges],
            "note": value.note,
            "missing": value.missing,
        },
        "statements": [{"says": s.says, "by": s.by, "on": s.on, "subject": s.subject} for s in filled.statements],
        "gaps": list(filled.gaps),
        "asked": filled.asked,
        "answer": filled.answer,
    }

"""Reading a journal back: every record that survived, and whether the journal is whole, cut short or damaged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from conformance.journal.records import Record, from_json
from conformance.journal.writer import GENESIS, SEAL, canonical, link

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Segment:
    """One process's part of the journal. ``problem`` says where reading had to stop, empty when it did not."""

    records: tuple[Record, ...]
    head: str
    problem: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A whole journal as read. ``sealed`` is False for a run that did not end; ``problems`` lists damage."""

    records: tuple[Record, ...]
    sealed: bool
    finished: str
    problems: tuple[str, ...]

    def of(self, kind: type[R]) -> list[R]:
        """All records of one kind, in the order each process wrote them."""
        return [record for record in self.records if isinstance(record, kind)]


def read_segment(path: Path) -> Segment:
    """Read one segment up to its end or to the first line that does not follow from the ones before."""
    records: list[Record] = []
    head = GENESIS
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            where = f"{path.name} line {number}"
            try:
                wrapped = json.loads(line)
                body, chain = wrapped["record"], wrapped["chain"]
                record = from_json(body)
            except (ValueError, KeyError, TypeError, RecursionError) as problem:
                return Segment(tuple(records), head, f"{where} does not read: {problem}")
            expected = link(head, canonical(body))
            if chain != expected:
                return Segment(tuple(records), head, f"{where} breaks the hash chain")
            head = expected
            records.append(record)
    return Segment(tuple(records), head, "")


def read(folder: Path) -> Reading:
    """Read the journal in ``folder``. Raises ``FileNotFoundError`` when there is none.

    What can be read is returned even when the rest is damaged or missing: nothing already recorded is lost.
    """
    paths = sorted(folder.glob("*.jsonl"), key=lambda path: (path.stem != "main", path.stem))
    if not paths:
        raise FileNotFoundError(f"{folder} holds no journal segment (*.jsonl)")
    segments = {path.stem: read_segment(path) for path in paths}
    problems = [segment.problem for segment in segments.values() if segment.problem]
    finished = ""
    seal_file = folder / SEAL
    if seal_file.exists():
        finished, seal_problems = _check_seal(seal_file, segments)
        problems += seal_problems
    records = tuple(record for segment in segments.values() for record in segment.records)
    return Reading(records, seal_file.exists() and not problems, finished, tuple(problems))


def _check_seal(path: Path, segments: dict[str, Segment]) -> tuple[str, list[str]]:
    try:
        sealed: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        finished, counted = str(sealed["finished"]), dict(sealed["segments"])
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        return "", [f"{path.name} does not read: {problem}"]
    problems = []
    for name in sorted(counted.keys() | segments.keys()):
        segment, claim = segments.get(name), counted.get(name)
        if segment is None:
            problems.append(f"segment {name} is sealed but missing")
        elif claim is None:
            problems.append(f"segment {name} is not under the seal")
        elif claim != {"records": len(segment.records), "head": segment.head}:
            problems.append(f"segment {name} does not match its seal")
    return finished, problems

"""Writing a journal: one hash-chained JSONL segment per process, and one seal when all of them are done.

The chain makes loss and accident visible; it is unsigned, so it proves nothing against someone who rewrites it all.
"""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

from conformance.journal.records import Judgement, Outcome, Record, to_json

GENESIS = "0" * 64
SEAL = "seal.json"


def canonical(value: Any) -> str:
    """One spelling for one value, so that the same record always has the same hash."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def link(previous: str, body: str) -> str:
    """The chain value of a line: it depends on the line and on everything before it."""
    return hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest()


class Journal:
    """The writing end of one segment. Threads may share it; processes may not.

    Each line is flushed to the operating system as it is written, so a killed process loses at most the line in hand.
    """

    def __init__(self, folder: Path, segment: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.segment = segment
        self.failed: set[str] = set()
        """The requirements that something written down so far found broken."""
        self._file = (folder / f"{segment}.jsonl").open("x", encoding="ascii")
        self._lock = threading.Lock()
        self._head = GENESIS
        self._names = 0

    def name(self) -> str:
        """A fresh id for an exchange, unique within the run and readable in a report."""
        with self._lock:
            self._names += 1
            return f"{self.segment}-{self._names}"

    def append(self, record: Record) -> None:
        """Write one record down."""
        body = canonical(to_json(record))
        if isinstance(record, Judgement) and record.outcome is Outcome.FAIL:
            self.failed.add(record.requirement)
        with self._lock:
            self._head = link(self._head, body)
            self._file.write(f'{{"chain":"{self._head}","record":{body}}}\n')
            self._file.flush()

    def close(self) -> None:
        """End the segment. Nothing can be appended afterwards."""
        self._file.close()


def seal(folder: Path, finished: str) -> None:
    """Declare the journal complete: the count and head of every segment, and when it ended.

    Raises ``ValueError`` when a segment does not read back, since sealing it would vouch for damage.
    """
    from conformance.journal.reader import read_segment

    segments = {}
    for path in sorted(folder.glob("*.jsonl")):
        segment = read_segment(path)
        if segment.problem:
            raise ValueError(f"{path.name} cannot be sealed: {segment.problem}")
        segments[path.stem] = {"records": len(segment.records), "head": segment.head}
    text = canonical({"finished": finished, "segments": segments})
    (folder / SEAL).write_text(text + "\n", encoding="ascii")

"""``reconciliation.csv``: orders joined with trades and ledger entries, one row an order."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import fields

from conformance.evidence.packet import Packet
from conformance.evidence.text import visible
from conformance.journal import ReconciliationRow

COLUMNS = tuple(field.name for field in fields(ReconciliationRow))

_AMOUNT = re.compile(r"[+-]?\d+(\.\d+)?")


def render(packet: Packet) -> str:
    """The text of ``reconciliation.csv``, with a header even when the run placed no order."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in packet.rows:
        writer.writerow([cell(getattr(row, name)) for name in COLUMNS])
    return text.getvalue()


def cell(value: str | tuple[str, ...]) -> str:
    """A value no spreadsheet takes for a formula: what starts like one gets an apostrophe, amounts stay
    amounts.
    """
    text = visible("; ".join(value) if isinstance(value, tuple) else value)
    if text.lstrip()[:1] in ("=", "+", "-", "@") and not _AMOUNT.fullmatch(text):
        return f"'{text}"
    return text

"""Reading a partner's order records from CSV, JSON Lines or SQLite, one at a time, whatever the file's size.

What a record may say is the business of ``orders``.
"""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO, Any

from conformance.partner.orders import STATUSES, Columns, FloatText, Order, OrdersError, find_columns, read_order
from conformance.target.problems import Problem, instead, shape, visible

LONGEST_LINE = 1 << 20
"""Bytes of one line; a longer one is no order record."""

TOLD = 20
"""Problems of one file that are told; the others are counted."""

SQLITE = b"SQLite format 3\0"
FORMATS = ("csv", "jsonl", "sqlite")

Raw = tuple[int, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read one file of orders. ``columns`` is field to column, ``statuses`` the partner's word to ours."""

    path: Path
    table: str = "orders"
    columns: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """The file's name as errors may show it."""
        return visible(self.path.name)


def read_orders(reading: Reading, store: Callable[[Iterator[Order]], None]) -> Columns:
    """Hand every order of the file to ``store``, one by one, and say which columns it has.

    Raises ``OrdersError`` with file, line, field, shape and fix of what cannot be read, once the whole file was looked
    at, so that one mending is enough. What ``store`` was given is then of no use.
    """
    for word, meaning in reading.statuses.items():
        if meaning not in STATUSES:
            fix = instead(meaning, STATUSES, f"choose one of {', '.join(sorted(STATUSES))}")
            raise OrdersError([Problem("--status", None, visible(word), shape(meaning), "WORD=STATUS", fix)])
    try:
        columns, rows = _open(reading)
        problems: list[Problem] = []
        further = [0]
        store(_orders(reading, columns, rows, problems, further))
    except (OSError, sqlite3.Error) as trouble:
        what = trouble.strerror or "cannot be read" if isinstance(trouble, OSError) else f"SQLite says: {trouble}"
        raise OrdersError([_problem(reading, None, "", what, "a readable file", "check path and rights")]) from trouble
    if problems:
        raise OrdersError(problems, further[0])
    return columns


def _orders(
    reading: Reading, columns: Columns, rows: Iterator[Raw], problems: list[Problem], further: list[int]
) -> Iterator[Order]:
    while True:
        try:
            line, raw = next(rows)
        except StopIteration:
            return
        except OrdersError as broken:
            # Where a row does not even end where it should, nothing after it can be trusted.
            problems += broken.problems
            return
        order, found = read_order(reading.shown, line, raw, columns, reading.statuses)
        if order is not None:
            yield order
        room = max(0, TOLD - len(problems))
        problems += found[:room]
        further[0] += len(found[room:])


def _open(reading: Reading) -> tuple[Columns, Iterator[Raw]]:
    with reading.path.open("rb") as file:
        head = file.read(len(SQLITE))
    if head == SQLITE:
        return _open_table(reading)
    if not head:
        fix = "export the orders again; a header alone is a file without orders"
        raise OrdersError([_problem(reading, None, "", "an empty file", "order records", fix)])
    if reading.path.suffix in (".jsonl", ".ndjson", ".json") or head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return _open_lines(reading)
    return _open_csv(reading)


def _problem(reading: Reading, line: int | None, key: str, found: str, expected: str, fix: str) -> Problem:
    return Problem(reading.shown, line, key, found, expected, fix)


def _lines(reading: Reading, file: IO[bytes]) -> Iterator[str]:
    """The lines of a text file, each decoded by itself so that a broken one can be named."""
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            found, fix = f"a line of more than {LONGEST_LINE} bytes", "export one order a line"
            raise OrdersError([_problem(reading, number, "", found, "one order", fix)])
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as broken:
            found = f"bytes that are no UTF-8 ({broken.reason})"
            fix = "export the file as UTF-8"
            raise OrdersError([_problem(reading, number, "", found, "UTF-8 text", fix)]) from broken


def _open_csv(reading: Reading) -> tuple[Columns, Iterator[Raw]]:
    rows = _csv_rows(reading)
    header = next(rows, (1, []))[1]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        fix = "give each column a name of its own"
        raise OrdersError([_problem(reading, 1, visible(twice[0]), "a column named twice", "one column", fix)])
    columns = find_columns(reading.shown, 1, header, reading.columns)
    return columns, _csv_records(reading, rows, header)


def _csv_rows(reading: Reading) -> Iterator[tuple[int, list[str]]]:
    with reading.path.open("rb") as file:
        lines = _lines(reading, file)
        first = next(lines, "")
        delimiter = max(",;\t", key=first.count)
        reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader, None)
            except csv.Error as broken:
                fix = "quote values that hold a quote, a separator or a line break, and double quotes inside"
                raise OrdersError([_problem(reading, line, "", f"broken CSV ({broken})", "CSV", fix)]) from broken
            if row is None:
                return
            if row:
                yield line, row


def _csv_records(reading: Reading, rows: Iterator[tuple[int, list[str]]], header: list[str]) -> Iterator[Raw]:
    for line, row in rows:
        if len(row) != len(header):
            found, expected = f"{len(row)} values", f"{len(header)}, as the header has"
            fix = "quote values that hold the separator; add what is missing"
            raise OrdersError([_problem(reading, line, "", found, expected, fix)])
        yield line, dict(zip(header, row, strict=True))


def _open_lines(reading: Reading) -> tuple[Columns, Iterator[Raw]]:
    # Records may leave members out, so the columns of the file are those of any record.
    found = dict.fromkeys(name for _, record in _json_records(reading) for name in record)
    return find_columns(reading.shown, None, found, reading.columns), _json_records(reading)


def _json_records(reading: Reading) -> Iterator[Raw]:
    with reading.path.open("rb") as file:
        for number, line in enumerate(_lines(reading, file), 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line, parse_float=FloatText, parse_constant=FloatText)
            except (ValueError, RecursionError) as broken:
                why = broken.msg if isinstance(broken, json.JSONDecodeError) else type(broken).__name__
                fix = "write one JSON object a line"
                raise OrdersError([_problem(reading, number, "", f"broken JSON ({why})", "JSON", fix)]) from broken
            if not isinstance(record, dict):
                fix = "write one JSON object a line, without a list around them"
                raise OrdersError([_problem(reading, number, "", shape(record), "a JSON object", fix)])
            yield number, record


def _open_table(reading: Reading) -> tuple[Columns, Iterator[Raw]]:
    with closing(_connect(reading)) as database:
        tables = [
            str(name) for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        ]
        if reading.table not in tables:
            fix = instead(reading.table, tables, "name the table: --table NAME")
            listed = ", ".join(map(visible, tables[:10])) or "none"
            raise OrdersError(
                [_problem(reading, None, visible(reading.table), "no such table", f"one of: {listed}", fix)]
            )
        names = [str(row[1]) for row in database.execute(f"PRAGMA table_info({_quoted(reading.table)})")]
    return find_columns(reading.shown, None, names, reading.columns), _table_records(reading, names)


def _connect(reading: Reading) -> sqlite3.Connection:
    database = sqlite3.connect(f"{reading.path.resolve().as_uri()}?mode=ro", uri=True)
    # A text that is no UTF-8 is a value to complain about, not a reason to stop.
    database.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return database


def _table_records(reading: Reading, names: list[str]) -> Iterator[Raw]:
    with closing(_connect(reading)) as database:
        rows = database.execute(f"SELECT * FROM {_quoted(reading.table)}")  # noqa: S608 - a quoted identifier
        for number, row in enumerate(rows, 1):
            yield number, {name: _value(value) for name, value in zip(names, row, strict=True)}


def _value(value: Any) -> Any:
    return FloatText(repr(value)) if isinstance(value, float) else value


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

"""One order record of a partner: which of its columns say what, and what each may hold.

Where records come from is the business of ``orders_files``; what they are compared with, of ``reconcile``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from conformance.target.problems import Problem, instead, looks_like_credential, shape, visible

ALIASES: dict[str, tuple[str, ...]] = {
    "reference": ("reference", "order_id", "order", "partner_reference", "card_top_up_id", "card_funding_id"),
    "pool": ("pool", "pool_id"),
    "quote": ("quote", "quote_id"),
    "transact": ("transact", "transact_id", "trade_id", "trade"),
    "key": ("key", "idempotency_key"),
    "request": ("request", "request_id"),
    "side": ("side",),
    "currency": ("currency", "fiat_currency"),
    "amount": ("amount", "order_amount", "fiat_amount"),
    "status": ("status", "pool_status", "trade_status"),
    "created": ("created", "created_at", "timestamp", "time"),
    "rate": ("rate",),
    "fee": ("fee", "fee_bps"),
    "spread": ("spread", "spread_bps"),
}
"""What a record may say, each with the names its column may have; ``quoteId`` reads as ``quote_id``."""

IDS = ("reference", "quote", "transact", "key")
"""What a record can be found by, at least one of which a file must have."""

EXECUTED = frozenset({"reserved", "settled", "released", "failed", "returned"})
UNEXECUTED = frozenset({"quoted", "active", "expired", "rejected", "cancelled", "unavailable", "denied"})
STATUSES = EXECUTED | UNEXECUTED
"""The published words of a trade, and those for an order that never became one."""

LONGEST = 200
"""Characters of one value; ids, amounts and words are shorter."""

_AMOUNT = re.compile(r"[0-9]{1,30}(\.[0-9]{1,18})?")


class FloatText(str):
    """A number that came as binary floating point, or as a JSON number with a fraction, as it was spelled."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Order:
    """A partner's record of one order. A text that is empty was not recorded, or has no column."""

    line: int
    """Where it stands in its file: the line, or the row of the table."""
    reference: str
    pool: str
    quote: str
    transact: str
    key: str
    request: str
    side: str
    currency: str
    amount: Decimal
    status: str
    created: datetime | None
    inexact: bool
    """Whether an amount or rate was a binary floating point number."""
    blank: tuple[str, ...]
    """What the file has a column for and this record does not say."""

    @property
    def name(self) -> str:
        """What to call it in a sentence: its own reference, else where it stands."""
        return self.reference or f"line {self.line}"


class OrdersError(Exception):
    """A file cannot be read as order records; all its problems at once, as far as they are worth telling."""

    def __init__(self, problems: Iterable[Problem], further: int = 0) -> None:
        self.problems = tuple(problems)
        more = f"\nand {further} further problems of the same file" if further else ""
        super().__init__("\n".join(map(str, self.problems)) + more)


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column says what."""

    names: Mapping[str, str]
    """Field to column."""

    @property
    def known(self) -> frozenset[str]:
        """The fields this file has a column for."""
        return frozenset(self.names)


def snake(name: str) -> str:
    """A column's name in one spelling: ``quoteId``, ``Quote ID`` and ``quote-id`` are ``quote_id``."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[^A-Za-z0-9]+", "_", parted).strip("_").lower()


def find_columns(file: str, line: int | None, found: Iterable[str], chosen: Mapping[str, str]) -> Columns:
    """Which of the columns ``found`` say what; ``chosen`` (field to column) decides where names alone do not.

    Raises ``OrdersError`` for a missing, doubled or unknown column.
    """
    columns = list(found)
    problems = []
    names: dict[str, str] = {}
    for field, column in chosen.items():
        if field not in ALIASES:
            fix = instead(field, ALIASES, f"choose one of {', '.join(ALIASES)}")
            problems.append(Problem("--column", None, visible(field), "not a field of an order", "FIELD=COLUMN", fix))
        elif column not in columns:
            fix = instead(column, columns, "check the spelling; case counts here")
            problems.append(Problem(file, line, visible(column), "no such column", "the column --column names", fix))
        else:
            names[field] = column
    for field, aliases in ALIASES.items():
        candidates = [column for column in columns if snake(column) in aliases and column not in names.values()]
        if field in names or not candidates:
            continue
        if len(candidates) > 1:
            found_words = f"{len(candidates)} columns that could say it: {', '.join(map(visible, candidates[:5]))}"
            fix = f"say which: --column {field}={visible(candidates[0])}"
            problems.append(Problem(file, line, field, found_words, "one column", fix))
        names[field] = candidates[0]
    problems += _required(file, line, names)
    if problems:
        raise OrdersError(problems)
    return Columns(names)


def _required(file: str, line: int | None, names: Mapping[str, str]) -> list[Problem]:
    problems = []
    for field in ("amount", "status"):
        if field not in names:
            expected = f"one called {' or '.join(ALIASES[field])}"
            fix = f"name the column: --column {field}=COLUMN"
            problems.append(Problem(file, line, field, "no such column", expected, fix))
    if not any(field in names for field in IDS):
        expected = "quote_id, transact_id, idempotency_key or order_id, best all four"
        fix = "export the ids: without one no order can be joined safely"
        problems.append(Problem(file, line, "ids", "no column with an id", expected, fix))
    return problems


def read_order(
    file: str, line: int, raw: Mapping[str, Any], columns: Columns, statuses: Mapping[str, str]
) -> tuple[Order | None, list[Problem]]:
    """The order a raw record stands for, or what is wrong with it. ``statuses`` translates the partner's own words."""
    problems: list[Problem] = []

    def note(field: str, value: object, expected: str, fix: str) -> None:
        problems.append(Problem(file, line, visible(columns.names[field]), _shape(value), expected, fix))

    texts = {field: _text(field, raw.get(column), note) for field, column in columns.names.items()}
    amount = _amount(texts.get("amount", ""), note)
    status = _status(texts.get("status", ""), statuses, note)
    created = _created(texts.get("created", ""), note)
    currency = texts.get("currency", "")
    if currency and not re.fullmatch(r"[A-Za-z0-9]{2,12}", currency):
        note("currency", currency, "a currency code such as EUR", "write the code alone, without a sign or an amount")
    if problems:
        return None, problems
    order = Order(
        line=line,
        **{name: texts.get(name, "") for name in ("reference", "pool", "quote", "transact", "key", "request", "side")},
        currency=currency.upper(),
        amount=amount,
        status=status,
        created=created,
        inexact=any(isinstance(raw.get(columns.names.get(name, "")), FloatText) for name in ("amount", "rate")),
        blank=tuple(field for field in columns.names if not texts[field]),
    )
    return order, []


def _shape(value: object) -> str:
    return "a number with a fraction" if isinstance(value, FloatText) else shape(value)


def _text(field: str, value: object, note: Any) -> str:
    """A value as text. Whole numbers are ids and amounts as good as any; anything structured is not."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        note(field, value, "text", "write the value as one text")
        return ""
    if isinstance(value, int) and abs(value) >= 10**LONGEST:
        note(field, value, f"at most {LONGEST} digits", "write the value itself, nothing around it")
        return ""
    text = str(value).strip()
    if len(text) > LONGEST:
        note(field, text, f"text of at most {LONGEST} characters", "write the value itself, nothing around it")
        return ""
    if not text.isprintable():
        note(field, text, "text without control characters", "write the value itself, on one line")
        return ""
    if looks_like_credential(text):
        note(field, text, "an id, an amount or a word", "take the secret out, and replace it if the file was shared")
        return ""
    return text


def _amount(text: str, note: Any) -> Decimal:
    if not _AMOUNT.fullmatch(text):
        fix = "write 100.00: no sign, no currency, no thousands separator, a point before the cents"
        note("amount", text, "a decimal amount, zero or more", fix)
        return Decimal(0)
    return Decimal(text)


def _status(text: str, statuses: Mapping[str, str], note: Any) -> str:
    word = statuses.get(text, text.lower())
    if word not in STATUSES:
        near = instead(word, STATUSES, f"translate it: --status {visible(text[:40]) or 'WORD'}=settled")
        note("status", text, f"one of {', '.join(sorted(STATUSES))}", near)
    return word


def _created(text: str, note: Any) -> datetime | None:
    if not text:
        return None
    at = moment(text)
    if at is None:
        note("created", text, "a time in ISO 8601", "write 2026-01-31T09:30:00Z; without a zone it is read as UTC")
    return at


def moment(text: object) -> datetime | None:
    """A time from its ISO 8601 text, taken as UTC where it names no zone; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None

"""The target's side of a reconciliation as data: trades and ledger entries out of pages, live or saved.

Asking a target for pages is the business of ``reconcile_target``; joining, of ``reconcile_store``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from conformance.partner.orders import OrdersError, moment
from conformance.target.problems import Problem, shape, visible

TRADES, ENTRIES = "trades", "entries"
"""The member that holds the rows of a page of trades, and of the ledger."""

LARGEST_DOCUMENT = 64 << 20
"""Bytes of one JSON document; more is saved one page a line."""

LARGEST_EXPONENT = 40
"""Of amounts anybody could mean; a larger one written out would fill the memory."""

LONGEST = 1_000
"""Characters of a text of the target that are kept."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade as the target shows it. An empty text, or None, is a member it does not show."""

    transact: str
    quote: str
    status: str
    pool: str
    side: str
    fiat: str
    crypto: str
    fiat_amount: Decimal | None
    crypto_amount: Decimal | None
    created: datetime | None
    settled: datetime | None
    key: str
    reference: str
    exchange: str
    """Where it was read: an exchange of the journal, or a file."""

    @property
    def group(self) -> str:
        """What joins everything of one execution: its quote."""
        return self.quote or self.transact


@dataclass(frozen=True, slots=True)
class Entry:
    """A movement of the ledger, with every text of it that may name what it belongs to."""

    currency: str
    delta: Decimal
    reason: str
    names: tuple[str, ...]
    created: datetime | None
    exchange: str


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one page and where the next begins; ``cursor`` None says that it is the last."""

    rows: tuple[Row, ...]
    cursor: str | None
    currency: str
    """Of a page of the ledger."""
    source: str


def trade_of(row: Row, source: str) -> Trade | None:
    """The trade in a row; None where it has neither an id nor a status and so is none."""
    texts = {name: _storable(value) if isinstance(value, str) else "" for name, value in row.items()}
    transact, status = texts.get("transactId", ""), texts.get("status", "")
    if not transact or not status:
        return None
    return Trade(
        transact=transact,
        quote=texts.get("quoteId", ""),
        status=status,
        pool=texts.get("poolId", ""),
        side=texts.get("side", ""),
        fiat=texts.get("fiatCurrency", ""),
        crypto=texts.get("cryptoCurrency", ""),
        fiat_amount=decimal(row.get("fiatAmount")),
        crypto_amount=decimal(row.get("cryptoAmount")),
        created=moment(row.get("createdAt")),
        settled=moment(row.get("settledAt")),
        key=texts.get("idempotencyKey", ""),
        reference=texts.get("reference", "") or texts.get("partnerReference", ""),
        exchange=source,
    )


def entry_of(row: Row, currency: str, source: str) -> Entry | None:
    """The movement in a row; None where it has no amount and so moves nothing."""
    delta = decimal(row.get("delta"))
    if delta is None:
        return None
    reason = row.get("reason")
    own = row.get("currency")
    apart = ("delta", "reason", "currency", "createdAt")
    return Entry(
        currency=_storable(own if isinstance(own, str) and own else currency),
        delta=delta,
        reason=_storable(reason) if isinstance(reason, str) else "",
        names=tuple(_storable(value) for name, value in row.items() if name not in apart and isinstance(value, str)),
        created=moment(row.get("createdAt")),
        exchange=source,
    )


def page_of(document: Mapping[str, Any], member: str, source: str) -> Page | None:
    """A page in a JSON object; None where it holds no list of rows."""
    rows = document.get(member)
    if not isinstance(rows, list):
        # The key of the trades is published nowhere, so the only list there is will do.
        lists = [value for value in document.values() if isinstance(value, list)]
        if len(lists) != 1:
            return None
        rows = lists[0]
    cursor = document.get("nextCursor")
    more = isinstance(cursor, str) and cursor != "" and document.get("hasMore") is not False
    currency = document.get("currency")
    return Page(
        tuple(row for row in rows if isinstance(row, dict)),
        cursor if more else None,
        currency if isinstance(currency, str) else "",
        source,
    )


def saved_pages(paths: Iterable[Path], member: str) -> Iterator[Page]:
    """The pages saved in files: one JSON document each, or one page (or one row) a line.

    A page that was saved twice counts once. Raises ``OrdersError`` with file, line, shape and fix.
    """
    seen: set[bytes] = set()
    for path in paths:
        for line, document in _documents(path):
            for page in _pages(path, line, document, member):
                text = json.dumps([page.rows, page.cursor, page.currency], sort_keys=True, default=str)
                digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
                if page.rows and digest in seen:
                    continue
                seen.add(digest)
                yield page


def _documents(path: Path) -> Iterator[tuple[int | None, Any]]:
    shown = visible(path.name)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(LARGEST_DOCUMENT + 1), b""), 1):
                if len(line) > LARGEST_DOCUMENT:
                    raise OrdersError([_too_large(shown)])
                if not line.strip():
                    continue
                document = _parsed(line)
                if document is _BROKEN and number == 1:
                    yield None, _whole(shown, line + file.read(LARGEST_DOCUMENT + 1))
                    return
                if document is _BROKEN:
                    fix = "save one JSON document a file, or one page a line"
                    raise OrdersError([Problem(shown, number, "", "broken JSON", "a page", fix)])
                yield number, document
    except OSError as trouble:
        found = trouble.strerror or "cannot be read"
        raise OrdersError([Problem(shown, None, "", found, "a readable file", "check path and rights")]) from trouble


_BROKEN: Any = object()


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return _BROKEN


def _whole(shown: str, text: bytes) -> Any:
    """The document that a file of many lines is as a whole."""
    if len(text) > LARGEST_DOCUMENT:
        raise OrdersError([_too_large(shown)])
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as broken:
        line = broken.lineno if isinstance(broken, json.JSONDecodeError) else None
        fix = "save the body of the answer as it came"
        raise OrdersError([Problem(shown, line, "", "broken JSON", "a page", fix)]) from broken


def _too_large(shown: str) -> Problem:
    found = f"a JSON document of more than {LARGEST_DOCUMENT >> 20} MiB"
    return Problem(shown, None, "", found, "smaller documents", "save one page a line")


def _pages(path: Path, line: int | None, document: Any, member: str) -> Iterator[Page]:
    """The pages in one document: a page, a list of pages, a list of rows, or one row."""
    source = path.name if line is None else f"{path.name}:{line}"
    documents = document if isinstance(document, list) else [document]
    loose: list[Row] = []
    for position, item in enumerate(documents):
        if not isinstance(item, dict):
            key = f"[{position}]" if isinstance(document, list) else ""
            fix = "save the bodies of the answers as they came"
            raise OrdersError([Problem(visible(path.name), line, key, shape(item), "a page or a row", fix)])
        page = page_of(item, member, source)
        if page is not None:
            yield page
        elif _is_row(item, member):
            loose.append(item)
        else:
            fix = f"save what GET /pools/{'trades' if member == TRADES else 'ledger'} answered"
            raise OrdersError([Problem(visible(path.name), line, "", shape(item), f"a page with {member}", fix)])
    if loose:
        yield Page(tuple(loose), None, "", source)


def _is_row(item: Row, member: str) -> bool:
    return ("transactId" if member == TRADES else "delta") in item


def decimal(value: object) -> Decimal | None:
    """An exact decimal from a money string or a JSON number, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal, str)):
        return None
    if isinstance(value, str) and len(value) > 2 * LARGEST_EXPONENT:
        return None
    try:
        found = Decimal(value)
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found.adjusted()) <= LARGEST_EXPONENT else None


def _storable(text: str) -> str:
    """A text that can be written down: half a surrogate pair is legal in JSON and nowhere else."""
    return text[:LONGEST].encode("utf-8", "backslashreplace").decode()


def spans(text: str) -> Iterator[str]:
    """Everything in ``text`` that could be an id standing by itself: its runs of letters and digits, joined or alone.

    ``txn_1`` is in ``refund:txn_1`` and not in ``txn_12``.
    """
    runs = list(re.finditer(r"[A-Za-z0-9]+", text[:400]))[:24]
    for first in range(len(runs)):
        for last in range(len(runs) - 1, first - 1, -1):
            yield text[runs[first].start() : runs[last].end()]


def utc(seconds: float | None) -> datetime | None:
    """A time from seconds since the epoch; None at the end of the calendar, where rounding leads out of it."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError):
        return None

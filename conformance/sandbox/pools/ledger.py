"""The pre-funded balance as a ledger: posting movements, adding them up, and paging through them."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from conformance.sandbox import clock, inputs, money
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.refusal import invalid

CURRENCY: Final = "EUR"
PAYIN_CREDIT: Final = "payin_credit"
BUY_DEBIT: Final = "buy_debit"
BUY_REFUND: Final = "buy_refund"
DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
LARGEST_SEQ: Final = 2**63 - 1
LONGEST_SEQ: Final = 18


def post(tx: sqlite3.Connection, owner: str, delta: Decimal, reason: str, ref: str, now: int) -> None:
    """Write one movement. ``sqlite3.IntegrityError`` if the same reason and ref were posted before."""
    tx.execute(
        "INSERT INTO ledger (owner, currency, delta_units, reason, ref, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        (owner, CURRENCY, money.to_units(delta), reason, ref, now),
    )


def post_credit(tx: sqlite3.Connection, owner: str, reference: str, amount: Decimal, now: int) -> str:
    """Credit a deposit under the funding reference and its number; returns that ref."""
    row = tx.execute(
        "SELECT COUNT(*) AS deposits FROM ledger WHERE owner = ? AND reason = ?", (owner, PAYIN_CREDIT)
    ).fetchone()
    ref = f"{reference}/{row['deposits'] + 1}"
    post(tx, owner, amount, PAYIN_CREDIT, ref, now)
    return ref


def post_debit(tx: sqlite3.Connection, owner: str, quote_id: str, amount: Decimal, now: int) -> None:
    """Take the fiat amount of an on-ramp trade, joined by quote id."""
    post(tx, owner, -amount, BUY_DEBIT, quote_id, now)


def post_refund(tx: sqlite3.Connection, owner: str, quote_id: str, now: int) -> None:
    """Give back exactly what was debited for this quote; nothing where nothing was."""
    debited = debit_of(tx, owner, quote_id)
    if debited is not None:
        post(tx, owner, debited, BUY_REFUND, quote_id, now)


def debit_of(tx: sqlite3.Connection, owner: str, quote_id: str) -> Decimal | None:
    """The amount taken for this quote, as a positive number."""
    row = tx.execute(
        "SELECT delta_units FROM ledger WHERE owner = ? AND reason = ? AND ref = ?",
        (owner, BUY_DEBIT, quote_id),
    ).fetchone()
    return None if row is None else -money.from_units(row["delta_units"])


def balance(tx: sqlite3.Connection, owner: str, currency: str = "EUR") -> Decimal:
    """The sum of all movements."""
    row = tx.execute(
        "SELECT COALESCE(SUM(delta_units), 0) AS units FROM ledger WHERE owner = ? AND currency = ?",
        (owner, currency),
    ).fetchone()
    return money.from_units(row["units"])


def list_entries(call: Call) -> Reply:
    """``GET /pools/ledger``: newest first, ``limit`` clamped, an unknown currency an empty page."""
    currency = read_currency(call.query)
    limit = clamp_limit(inputs.integer(call.query, "limit", DEFAULT_LIMIT))
    before = read_cursor(call.query.get("cursor"))
    with call.sandbox.store.read() as tx:
        rows = page(tx, call.owner, currency, before, limit + 1)
        available = balance(tx, call.owner, currency)
    shown = rows[:limit]
    more = len(rows) > limit
    body = {
        "currency": currency,
        "available": money.render(available),
        "entries": [render_entry(row) for row in shown],
        "nextCursor": write_cursor(shown[-1]["seq"]) if more else None,
    }
    return Reply(200, body)


def page(tx: sqlite3.Connection, owner: str, currency: str, before: int, rows: int) -> list[sqlite3.Row]:
    """Entries older than a position, newest first."""
    return tx.execute(
        "SELECT * FROM ledger WHERE owner = ? AND currency = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
        (owner, currency, before, rows),
    ).fetchall()


def render_entry(row: sqlite3.Row) -> dict[str, object]:
    """One movement; ``delta`` carries its sign."""
    return {
        "delta": money.render(money.from_units(row["delta_units"])),
        "reason": row["reason"],
        "ref": row["ref"],
        "createdAt": clock.iso(row["created_at"]),
    }


def read_currency(query: Mapping[str, str]) -> str:
    """The currency asked for, EUR when none is."""
    currency = query.get("currency", CURRENCY)
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
        raise invalid("currency must be three capital letters")
    return currency


def clamp_limit(limit: int) -> int:
    """Into 1 to 200, as published; no value is an error."""
    return max(1, min(limit, MAX_LIMIT))


def write_cursor(seq: int) -> str:
    """An opaque position."""
    return base64.urlsafe_b64encode(f"ledger:{seq}".encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> int:
    """The position a cursor stands for; the newest end without one. 400 for anything we never gave out."""
    if cursor is None:
        return LARGEST_SEQ
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        kind, _, seq = base64.b64decode(padded, altchars=b"-_", validate=True).partition(b":")
    except ValueError:
        raise invalid("cursor was not given out by this API") from None
    if kind != b"ledger" or not seq.isdigit() or len(seq) > LONGEST_SEQ:
        raise invalid("cursor was not given out by this API")
    return int(seq)

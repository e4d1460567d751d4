"""The web origins from which an account's pages may start the widget, and telling the one a call comes from."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from conformance.sandbox.gate import refusals

# Scheme, host and port and no more; an asterisk is a wildcard to nobody here, so none may be set.
ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?", re.ASCII)


def load(tx: sqlite3.Connection, account: str) -> tuple[str, ...]:
    """The allowed domains of the account; none where nothing is configured."""
    row = tx.execute("SELECT domains FROM gate_allowed_domains WHERE account = ?", (account,)).fetchone()
    return () if row is None else tuple(json.loads(row["domains"]))


def save(tx: sqlite3.Connection, account: str, domains: Sequence[str]) -> None:
    tx.execute(
        "INSERT INTO gate_allowed_domains (account, domains) VALUES (?, ?)"
        " ON CONFLICT (account) DO UPDATE SET domains = excluded.domains",
        (account, json.dumps(list(domains))),
    )


def calling(headers: Mapping[str, str]) -> str | None:
    """The origin of the calling page: that of ``Origin``, and only without one that of ``Referer``."""
    named = headers.get("origin")
    return named if named is not None else origin_of(headers.get("referer", ""))


def origin_of(address: str) -> str | None:
    """Scheme, host and port of an address as they are written; ``None`` for what is no address of a page."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme and parts.netloc else None


def is_allowed(origin: str | None, domains: Sequence[str]) -> bool:
    """Whether the origin equals an allowed domain, letter for letter: no wildcard, no part of a name."""
    return origin in domains


def check(tx: sqlite3.Connection, account: str, headers: Mapping[str, str]) -> None:
    """403 for a call from anywhere but an allowed domain."""
    if not is_allowed(calling(headers), load(tx, account)):
        raise refusals.forbidden("the calling origin is not an allowed domain of this account")

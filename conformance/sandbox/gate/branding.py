"""The look of the widget: five tokens of a partner, each a text or nothing, changed one by one."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from typing import Final

from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.gate import idempotency, members

COLOUR: Final = re.compile(r"#[0-9A-Fa-f]{6}", re.ASCII)
LOGO: Final = re.compile(r"https://[^\s]+")
COLOURS: Final = ("primary_color", "secondary_color", "accent_color")
TOKENS: Final = ("brand_name", "logo_url", *COLOURS)
LONGEST_NAME: Final = 255


def read(call: Call) -> Reply:
    """``GET /branding``: all tokens; ``null`` is the default look."""
    with call.sandbox.store.read() as tx:
        return Reply(200, load(tx, call.owner))


def load(tx: sqlite3.Connection, owner: str) -> dict[str, object]:
    """The tokens as they stand."""
    row = tx.execute("SELECT tokens FROM gate_branding WHERE owner = ?", (owner,)).fetchone()
    kept = {} if row is None else json.loads(row["tokens"])
    return {**dict.fromkeys(TOKENS), **kept}


def update(call: Call) -> Reply:
    """``PATCH /branding``: the tokens sent are changed, all of them or, after a 400, none."""
    document = members.body_of(call)
    changes = read_changes(document)

    def perform(tx: sqlite3.Connection) -> Reply:
        merged = {**load(tx, call.owner), **changes}
        tx.execute(
            "INSERT INTO gate_branding (owner, tokens) VALUES (?, ?)"
            " ON CONFLICT (owner) DO UPDATE SET tokens = excluded.tokens",
            (call.owner, json.dumps(merged)),
        )
        return Reply(200, merged)

    return idempotency.once(call, "updateBranding", document, perform)


def read_changes(document: Mapping[str, object]) -> dict[str, str | None]:
    """The tokens to change; 400 for an unknown one or a value that does not fit. ``null`` clears."""
    members.check_known(document, TOKENS)
    return {name: None if value is None else read_token(document, name) for name, value in document.items()}


def read_token(document: Mapping[str, object], name: str) -> str:
    """A colour as ``#RRGGBB``, a logo at an absolute HTTPS address, or a name."""
    if name == "brand_name":
        return members.words(document, name, 0, LONGEST_NAME)
    value = members.words(document, name, 1, members.LONGEST_ADDRESS)
    return members.matching(value, name, COLOUR if name in COLOURS else LOGO)

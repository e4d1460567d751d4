"""Input that nobody thought of and that ends in a 500."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from decimal import Decimal
from typing import cast

from conformance.sandbox import inputs
from conformance.sandbox.pools import ledger, orders
from conformance.sandbox.variations import Patch, fault


@fault(
    "limit-not-a-number-crashes",
    summary="A limit that is no number crashes the lists",
    fact="facts section 2.2: an invalid query is a 400",
    klass="wire",
    breaks=("WIRE-NO-SERVER-ERROR",),
    drags=("WIRE-STATUS",),
)
def limit_not_a_number_crashes(patch: Patch) -> None:
    def integer(query: Mapping[str, str], name: str, default: int) -> int:
        return int(query.get(name, default))

    patch.replace(inputs, "integer", integer)


@fault(
    "cursor-unreadable-crashes",
    summary="A ledger cursor nobody gave out crashes the decoder",
    fact="facts section 2.2: an invalid query is a 400",
    klass="wire",
    breaks=("WIRE-NO-SERVER-ERROR",),
    drags=("WIRE-STATUS",),
)
def cursor_unreadable_crashes(patch: Patch) -> None:
    def read_cursor(cursor: str | None) -> int:
        if cursor is None:
            return ledger.LARGEST_SEQ
        decoded = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        return int(decoded.removeprefix("ledger:"))

    patch.replace(ledger, "read_cursor", read_cursor)


@fault(
    "amount-as-number-crashes",
    summary="An amount sent as a JSON number crashes the parser",
    fact="facts section 2.2: an invalid amount is a 400",
    klass="wire",
    breaks=("WIRE-NO-SERVER-ERROR", "POOLS-QUOTE-VALIDATION"),
    drags=("WIRE-STATUS",),
)
def amount_as_number_crashes(patch: Patch) -> None:
    healthy = orders.read_amount

    def read_amount(document: Mapping[str, object]) -> Decimal:
        _ = str.strip(cast("str", document.get("amount", "")))
        return healthy(document)

    patch.replace(orders, "read_amount", read_amount)


@fault(
    "body-missing-crashes",
    summary="A quote request without the side crashes instead of being refused",
    fact="facts section 2.2: an invalid body is a 400",
    klass="wire",
    breaks=("WIRE-NO-SERVER-ERROR", "POOLS-QUOTE-VALIDATION"),
    drags=("WIRE-STATUS",),
)
def body_missing_crashes(patch: Patch) -> None:
    healthy = orders.read_side

    def read_side(document: Mapping[str, object]) -> str:
        _ = document["side"]
        return healthy(document)

    patch.replace(orders, "read_side", read_side)

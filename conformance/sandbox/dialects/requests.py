"""Variations in what a request may hold or leave out before it is refused, and in how unknown paths answer."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from conformance.sandbox import app, edge, inputs
from conformance.sandbox.calls import Call
from conformance.sandbox.dialects.rewriting import before_each
from conformance.sandbox.pools import orders, quotes, transact
from conformance.sandbox.pools.access import Access
from conformance.sandbox.pools.catalogue import ON_RAMP, Pool
from conformance.sandbox.pools.orders import Order
from conformance.sandbox.refusal import Refusal, invalid, not_found
from conformance.sandbox.variations import Patch, dialect

UNKNOWN_FIELDS: Final = "facts section 14: unknown fields in bodies are unstated; 4.4: only quoteId is documented"
ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}|[1-9A-HJ-NP-Za-km-z]{32,44}", re.ASCII)
LIKELY: Final = "facts section 4.3: that currencies and address are required is inferred"

KNOWN_MEMBERS: Final[Mapping[str, frozenset[str]]] = {
    "create": frozenset(
        {
            "side",
            "fiatCurrency",
            "cryptoCurrency",
            "amount",
            "cryptoNetwork",
            "type",
            "destAddress",
            "destNetwork",
        }
    ),
    "execute": frozenset({"quoteId"}),
}
KNOWN_PARAMETERS: Final[Mapping[str, frozenset[str]]] = {
    "list_page": frozenset({"cursor", "limit", "side", "status", "created_after", "created_before"}),
    "list_entries": frozenset({"cursor", "limit", "currency"}),
    "read_funding": frozenset({"currency"}),
}


@dialect("body-unknown-400", summary="A member the operation does not know answers 400", fact=UNKNOWN_FIELDS)
def body_unknown_400(patch: Patch) -> None:
    def check(handler: str, call: Call) -> None:
        if handler not in KNOWN_MEMBERS:
            return
        document = inputs.read_object(call.headers.get("content-type"), call.body)
        unknown = sorted(set(document) - KNOWN_MEMBERS[handler])
        if unknown:
            raise invalid(f"{unknown[0][:60]!a} is no member of this request")

    before_each(patch, check)


@dialect(
    "query-unknown-400",
    summary="A query parameter the operation does not know answers 400",
    fact="facts section 7: unknown parameters may be ignored or rejected",
)
def query_unknown_400(patch: Patch) -> None:
    def check(handler: str, call: Call) -> None:
        unknown = sorted(set(call.query) - KNOWN_PARAMETERS.get(handler, frozenset()))
        if unknown:
            raise invalid(f"{unknown[0][:60]!a} is no parameter of this operation")

    before_each(patch, check)


@dialect("currencies-optional", summary="A quote request may leave the currencies out", fact=LIKELY)
def currencies_optional(patch: Patch) -> None:
    inner = orders.check_currency

    def check_currency(document: Mapping[str, object], name: str, expected: str) -> None:
        if name in document:
            inner(document, name, expected)

    patch.replace(orders, "check_currency", check_currency)


@dialect("address-optional", summary="A firm buy may be quoted without an address", fact=LIKELY)
def address_optional(patch: Patch) -> None:
    def read_address(document: Mapping[str, object], side: str, kind: str) -> str | None:
        return inputs.optional_text(document, "destAddress", orders.LONGEST_ADDRESS)

    patch.replace(orders, "read_address", read_address)


@dialect(
    "fiat-two-digits",
    summary="A fiat amount with more than two fraction digits answers 400",
    fact="facts section 14: the decimals an amount may have are stated nowhere",
)
def fiat_two_digits(patch: Patch) -> None:
    inner = orders.check_bounds

    def check_bounds(pool: Pool, side: str, amount: Decimal) -> None:
        if side == ON_RAMP and amount != round(amount, 2):
            raise invalid("amount must have at most two fraction digits")
        inner(pool, side, amount)

    patch.replace(orders, "check_bounds", check_bounds)


@dialect(
    "bounds-unavailable",
    summary="An amount outside the bounds fails softly",
    fact="facts section 9: whether an amount out of range answers 400 or fails softly is unstated",
)
def bounds_unavailable(patch: Patch) -> None:
    within = orders.check_bounds
    inner = quotes.unavailable_reason

    def unavailable_reason(its_access: Access, pool: Pool, order: Order) -> str | None:
        try:
            within(pool, order.side, order.amount)
        except Refusal:
            return "rate_unavailable"
        return inner(its_access, pool, order)

    patch.replace(orders, "check_bounds", lambda pool, side, amount: None)
    patch.replace(quotes, "unavailable_reason", unavailable_reason)


@dialect(
    "not-json-400",
    summary="A body that does not call itself JSON answers 400 instead of 415",
    fact="facts section 14: 415 is mentioned nowhere; section 2.2: 400 for an invalid body",
)
def not_json_400(patch: Patch) -> None:
    inner = inputs.read_object

    def read_object(content_type: str | None, body: bytes) -> Mapping[str, object]:
        try:
            return inner(content_type, body)
        except Refusal as refused:
            raise invalid(refused.message) from None

    patch.replace(inputs, "read_object", read_object)


@dialect(
    "media-type-ignored",
    summary="A JSON body is read whatever it calls itself",
    fact="facts section 14: 415 is mentioned nowhere",
)
def media_type_ignored(patch: Patch) -> None:
    inner = inputs.read_object
    patch.replace(inputs, "read_object", lambda content_type, body: inner("application/json", body))


@dialect(
    "method-unknown-404",
    summary="A method a path does not take answers 404 instead of 405",
    fact="facts section 14: 405 is mentioned nowhere",
)
def method_unknown_404(patch: Patch) -> None:
    answer_unrouted(patch, 405, lambda request: edge.refused(not_found("no such path"), request.scope["request_id"]))


@dialect(
    "path-unknown-plain",
    summary="A path outside the twelve operations answers 404 in plain text",
    fact="facts section 14: the body of a 404 on an unknown route is stated nowhere",
)
def path_unknown_plain(patch: Patch) -> None:
    answer_unrouted(patch, 404, lambda request: Response("not found", 404, media_type="text/plain"))


def answer_unrouted(patch: Patch, status: int, answer: Callable[[Request], Response]) -> None:
    """Answer in another way what no operation takes and what would get this status."""
    inner = app._unrouted  # noqa: SLF001 - the seam has no other name

    async def unrouted(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.status_code == status:
            return answer(request)
        return await inner(request, error)

    patch.replace(app, "_unrouted", unrouted)


@dialect(
    "null-is-absence",
    summary="A member that is null in a request of 0Pools counts as left out",
    fact="facts section 4.3: optional members may be absent; what null means is stated nowhere but for 0Gate",
)
def null_is_absence(patch: Patch) -> None:
    def read_object(content_type: str | None, body: bytes) -> Mapping[str, object]:
        return {name: value for name, value in inputs.read_object(content_type, body).items() if value is not None}

    without_null = types.SimpleNamespace(**{**vars(inputs), "read_object": read_object})
    patch.replace(quotes, "inputs", without_null)
    patch.replace(transact, "inputs", without_null)


@dialect(
    "address-checked",
    summary="An address that fits no known network's form answers 400",
    fact="facts section 14: validation of addresses per network is stated nowhere; 2.2: 400 for an invalid address",
)
def address_checked(patch: Patch) -> None:
    inner = orders.read_address

    def read_address(document: Mapping[str, object], side: str, kind: str) -> str | None:
        address = inner(document, side, kind)
        if address is not None and not ADDRESS.fullmatch(address):
            raise invalid("destAddress is not an address")
        return address

    patch.replace(orders, "read_address", read_address)

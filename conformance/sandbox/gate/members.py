"""Members of 0Gate's bodies and queries: amounts, currencies, symbols, addresses and metadata. Refuses with 400."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal, localcontext
from typing import Final

from conformance.sandbox import inputs
from conformance.sandbox.calls import Call
from conformance.sandbox.refusal import invalid

ON_RAMP: Final = "on_ramp"
OFF_RAMP: Final = "off_ramp"
SIDES: Final = (ON_RAMP, OFF_RAMP)
AMOUNT: Final = re.compile(r"[0-9]+(\.[0-9]{1,8})?", re.ASCII)
LONGEST_AMOUNT: Final = 21
CURRENCY: Final = re.compile(r"[A-Za-z]{3}", re.ASCII)
COUNTRY: Final = re.compile(r"[A-Za-z]{2}", re.ASCII)
SYMBOL: Final = re.compile(r"[A-Za-z0-9]{2,12}", re.ASCII)
ADDRESS: Final = re.compile(r"https?://[^\s]+")
LONGEST_ADDRESS: Final = 2048
LONGEST_ID: Final = 128
MOST_METADATA: Final = 50
DEEPEST: Final = 64
# Enough for any amount and rate that are read here, so that nothing is rounded before it is meant to be.
PRECISION: Final = 60


def body_of(call: Call) -> Mapping[str, object]:
    """The JSON object of the request."""
    return inputs.read_object(call.headers.get("content-type"), call.body)


def check_known(document: Mapping[str, object], known: tuple[str, ...]) -> None:
    """400 for a member that this body does not have."""
    for name in document:
        if name not in known:
            raise invalid(f"{name[: inputs.LONGEST_ECHO]!a} is not accepted here; accepted are {', '.join(known)}")


def words(document: Mapping[str, object], name: str, shortest: int, longest: int) -> str:
    """A required text of any characters that JSON can carry."""
    if name not in document:
        raise invalid(f"{name} is required")
    value = document[name]
    if not isinstance(value, str):
        raise invalid(f"{name} must be a string")
    if not shortest <= len(value) <= longest:
        raise invalid(f"{name} must have {shortest} to {longest} characters, this has {len(value)}")
    check_readable(name, value)
    return value


def optional_words(document: Mapping[str, object], name: str, shortest: int, longest: int) -> str | None:
    """Like ``words``, or nothing where the member is absent. ``null`` is not absence."""
    return words(document, name, shortest, longest) if name in document else None


def matching(value: str, name: str, pattern: re.Pattern[str]) -> str:
    """The value if all of it has the form; 400 otherwise."""
    if not pattern.fullmatch(value):
        raise invalid(f"{name} must match {pattern.pattern}")
    return value


def currency(document: Mapping[str, object], name: str = "currency") -> str:
    """A three-letter currency code, in capitals from here on."""
    return matching(words(document, name, 1, LONGEST_ID), name, CURRENCY).upper()


def symbol(document: Mapping[str, object], name: str) -> str:
    """A crypto symbol, in capitals from here on."""
    return matching(words(document, name, 1, LONGEST_ID), name, SYMBOL).upper()


def country(document: Mapping[str, object], name: str = "country_code") -> str:
    """A two-letter country code as it was written."""
    return matching(words(document, name, 1, LONGEST_ID), name, COUNTRY)


def side(document: Mapping[str, object]) -> str:
    """One of the two sides of a quote."""
    return inputs.one_of(words(document, "side", 1, LONGEST_ID), "side", SIDES)


def amount(document: Mapping[str, object]) -> str:
    """A decimal string above zero with at most eight fraction digits; a JSON number is refused."""
    text = words(document, "amount", 1, LONGEST_AMOUNT)
    if not AMOUNT.fullmatch(text) or not text.strip("0."):
        raise invalid("amount must be a decimal string above zero with at most eight fraction digits")
    return text


def address(document: Mapping[str, object], name: str) -> str:
    """An absolute http or https URL."""
    return matching(words(document, name, 1, LONGEST_ADDRESS), name, ADDRESS)


def metadata(document: Mapping[str, object]) -> Mapping[str, object]:
    """The free-form object; empty where none is sent."""
    value = document.get("metadata", {})
    if not isinstance(value, dict):
        raise invalid("metadata must be an object")
    if len(value) > MOST_METADATA:
        raise invalid(f"metadata must have at most {MOST_METADATA} members")
    check_readable("metadata", value)
    return value


def check_readable(name: str, value: object) -> None:
    """400 for what JSON can bring but not carry back: lone surrogates, infinite numbers, endless nesting."""
    level = [value]
    for _ in range(DEEPEST):
        below: list[object] = []
        for item in level:
            if isinstance(item, str) and any("\ud800" <= character <= "\udfff" for character in item):
                raise invalid(f"{name} must not contain lone surrogates")
            if isinstance(item, float) and not math.isfinite(item):
                raise invalid(f"{name} must not contain numbers beyond the range of a double")
            if isinstance(item, dict):
                below += [*item.keys(), *item.values()]
            elif isinstance(item, list):
                below += item
        if not below:
            return
        level = below
    raise invalid(f"{name} must not be nested deeper than {DEEPEST} levels")


def times(left: Decimal, right: Decimal, digits: int) -> Decimal:
    """The exact product, rounded towards zero to a number of fraction digits."""
    with localcontext() as context:
        context.prec = PRECISION
        return (left * right).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_FLOOR)

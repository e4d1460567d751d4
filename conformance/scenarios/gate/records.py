"""Looking at customer records: what one should say, whether two readings agree, and who is listed. Nothing judges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from conformance.client import Reply
from conformance.scenarios.gate.desk import Customer, Desk, the_rows

REFUSALS = (400, 422)
"""What a request that breaks a stated form may be answered with: the SDK takes both for the same."""

STATED = ("email", "external_id", "phone", "first_name", "last_name", "country_code", "metadata", "kyc_status")
"""The members of a record that do not change by themselves."""

_ANY_CASE = frozenset({"email", "country_code"})
"""Members of which no source says in which case they come back."""


def says(name: str, found: object, wanted: object) -> bool:
    """Whether a member of a record is as ``wanted``. Nothing may be null, empty or absent; metadata may hold more."""
    if not wanted:
        return not found
    if name in _ANY_CASE and isinstance(found, str) and isinstance(wanted, str):
        return found.casefold() == wanted.casefold()
    if name == "phone" and isinstance(found, str) and isinstance(wanted, str):
        return _digits(found) == _digits(wanted)
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        return all(found.get(key) == value for key, value in wanted.items())
    return found == wanted


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())


def not_as(record: Mapping[str, Any], wanted: Mapping[str, object]) -> list[str]:
    """The members of a record that are not as wanted. One that is absent says nothing, unless it must be there."""
    return [
        name
        for name, value in wanted.items()
        if (name in record or name in ("id", "email", "kyc_status")) and not says(name, record.get(name), value)
    ]


def differing(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[str]:
    """The members of two readings of one record that differ, where both have them."""
    return [name for name in STATED if name in left and name in right and left[name] != right[name]]


def ids(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The id of each row."""
    return [str(row.get("id")) for row in rows]


def found_by(desk: Desk, **query: str) -> tuple[Reply, list[str]]:
    """The answer to a filtered list, and the ids on it."""
    reply = desk.api.customers(**query)
    return reply, ids(the_rows(reply))


def caught_up(desk: Desk) -> Customer:
    """A new record that the list of customers already shows: whatever was made before it would be there too.

    Lists may lag behind, so that somebody is in none proves nothing before.
    """
    marker = desk.record_customer()
    desk.awaited(lambda: marker.id in found_by(desk, limit="100")[1])
    return marker


def in_lists(desk: Desk, request: Mapping[str, object]) -> list[str]:
    """The ids of the records with the address or the reference of ``request``, by filter and on the newest page."""
    newest = the_rows(desk.api.customers(limit="100"))
    found: dict[str, None] = {}
    for name in ("email", "external_id"):
        wanted = request.get(name)
        if not isinstance(wanted, str) or not wanted:
            continue
        for row in (*the_rows(desk.api.customers(**{name: wanted})), *newest):
            if says(name, row.get(name), wanted):
                found[str(row.get("id"))] = None
    return list(found)

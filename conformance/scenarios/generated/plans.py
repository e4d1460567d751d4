"""A generated request before and after the ids of a run are put into it, and which of many are sent first.

Nothing here knows Schemathesis or the target.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from conformance.contract import Contract

OWN = "conformance-own-"
"""How every stand-in begins. Stand-ins are for what only exists once a run is under way: generated instead of the
contract's examples, so that a sample of the vendor's never names an object of somebody, and replaced by ids of the run
when a request is sent."""
KEY = "00000000-0000-4000-8000-c0f0a0c0e000"
"""Stands for an idempotency key; a UUID, as they are asked for."""
CURSOR = "conformance-first-page"
"""Stands for a cursor, and is left out when a request is sent."""

_LONGEST_URL = 2_000
_LONGEST_HEADER = 1_024


@dataclass(frozen=True, slots=True)
class Request:
    """One request ready for the wire; ``path`` is below the base URL, escaped, with its query."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    content: bytes | None

    @property
    def size(self) -> int:
        """Characters and bytes of it; of two requests that show the same fault, the smaller is shown."""
        return len(self.path) + len(self.content or b"") + sum(len(name) + len(value) for name, value in self.headers)

    def header(self, name: str) -> str | None:
        """The header of this name, whatever its case."""
        return next((value for known, value in self.headers if known.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Plan:
    """One generated request before stand-ins are replaced, and what was generated."""

    operation: str
    """Method and path template, as the contract names it."""
    phase: str
    what: str
    """Which constraint is met or broken where, in one line."""
    location: str
    """What was varied: ``path``, ``query``, ``header``, ``body`` or, for a plain request, nothing."""
    missing_header: str
    """The required header that was left out, if one was."""
    request: Request
    case: Any = field(repr=False, compare=False)

    def mentions(self, stand_in: str) -> bool:
        """Whether the request holds ``stand_in`` anywhere."""
        texts = (self.request.path, *(value for _, value in self.request.headers))
        return any(stand_in in text for text in texts) or stand_in.encode() in (self.request.content or b"")

    def filled(self, ids: Mapping[str, str]) -> Request:
        """The request with each stand-in of ``ids`` replaced by a real id."""
        path, headers, content = self.request.path, self.request.headers, self.request.content
        for stand_in, real in ids.items():
            path = path.replace(stand_in, escaped(real))
            headers = tuple((name, value.replace(stand_in, real)) for name, value in headers)
            if content is not None:
                content = content.replace(stand_in.encode(), json.dumps(real)[1:-1].encode())
        return Request(self.request.method, path, headers, content)


def escaped(value: str) -> str:
    """``value`` as a path segment. Half a surrogate pair is legal in JSON, so a target can put one into an id."""
    return quote(value, safe="", errors="surrogatepass")


def reaches_the_api(contract: Contract, plan: Plan) -> bool:
    """Whether the request is one an API answers itself.

    What a proxy or an HTTP parser refuses before (control characters, escaped slashes, header values outside ASCII,
    overlong URLs, a broken Content-Type) is answered in a form no contract describes, and would be held against the
    API. A path that has become another operation's is not sent either.
    """
    request = plan.request
    path, _, query = request.path.partition("?")
    match = contract.find(request.method, path)
    if match is None or match.operation.key != plan.operation or len(request.path) > _LONGEST_URL:
        return False
    if "Malformed Content-Type" in plan.what:
        return False
    values = [*match.parameters.values(), *(text for pair in parse_qsl(query, keep_blank_values=True) for text in pair)]
    if any(ord(letter) < 32 or ord(letter) == 127 for value in values for letter in value):
        return False
    if any(letter in unquote(segment) for segment in path.split("/") for letter in "/\\%?#;"):
        return False
    return all(
        value.isascii() and value.isprintable() and value == value.strip() and len(value) <= _LONGEST_HEADER
        for _, value in request.headers
    )


def distinct(plans: Sequence[Plan]) -> list[Plan]:
    """Each request once, as it was generated first."""
    first: dict[Request, Plan] = {}
    for plan in plans:
        first.setdefault(plan.request, plan)
    return list(first.values())


def spread(plans: Sequence[Plan], bound: int, rank: Callable[[Plan], int] = lambda plan: 0) -> list[Plan]:
    """At most ``bound`` of ``plans`` in their order: of each kind one, then of each kind a second, and so on.

    Kinds of a lower ``rank`` go before others. Of a kind the last go first: wrong types are generated from numbers,
    which may be read as text, up to objects.
    """
    kinds: dict[tuple[str, str], list[int]] = {}
    for index, plan in reversed(list(enumerate(plans))):
        kinds.setdefault((plan.phase, plan.what), []).append(index)
    ranked = sorted(kinds.values(), key=lambda kind: min(rank(plans[index]) for index in kind))
    chosen = [index for turn in zip_longest(*ranked) for index in turn if index is not None]
    return [plans[index] for index in sorted(chosen[:bound])]


def turns(plans: Sequence[Plan]) -> list[Plan]:
    """``plans`` with the operations taking turns: where time ends the sending, each has had its share.

    A request without a header it needs comes first of its operation: a requirement rests on that one alone.
    """
    own: dict[str, list[Plan]] = {}
    for plan in sorted(plans, key=lambda plan: not plan.missing_header):
        own.setdefault(plan.operation, []).append(plan)
    return [plan for turn in zip_longest(*own.values()) for plan in turn if plan is not None]

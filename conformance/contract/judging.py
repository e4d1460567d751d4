"""Judging one exchange against the contract: the WIRE requirements, and the legal choices worth noting.

Pure: no clock, no network, no file. An exchange goes in as it came off the wire, and no text that comes out
quotes what a body holds beyond a short word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from conformance.contract.body import UnreadableError, members, parse
from conformance.contract.contract import Contract, Operation, Response, is_json
from conformance.contract.explain import Problem, problems, shape, spell
from conformance.contract.words import safe_name, words

NETWORK_TROUBLE = frozenset({502, 503, 504})
"""What stands between us and the target answered. Nothing is judged; the caller retries or reports an
error."""

HTTP_LAYER = frozenset({405, 413, 414, 415, 431})
"""Answers a server gives before the API sees the request; legal everywhere, in a form no source describes."""

FREE = frozenset({"metadata"})
"""Members below which everything is the partner's own and comes back as it was sent."""

_SHOWN = 3
_MEDIA = re.compile(r"[A-Za-z0-9.+-]{1,40}/[A-Za-z0-9.+*-]{1,40}")
_ENVELOPE = (
    ("type", (str,)),
    ("code", (str,)),
    ("message", (str, list)),
    ("request_id", (str,)),
    ("doc_url", (str, type(None))),
    ("statusCode", (int, Decimal)),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one exchange says of one requirement it can decide."""

    requirement: str
    ok: bool
    expected: str
    observed: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one exchange says."""

    findings: tuple[Finding, ...] = ()
    observations: tuple[tuple[str, str], ...] = ()
    """Legal choices as subject and value; the same choice reads the same in every exchange."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """One answer, looked up in the contract and read as far as it can be."""

    contract: Contract
    operation: Operation | None
    documented: Response | None
    status: int
    media: str | None
    request_ids: tuple[str, ...]
    size: int
    bodiless: bool
    """HTTP gives this answer no body, so its absence says nothing."""
    value: Any
    unreadable: str | None
    """Why there is no ``value`` although there is a body; None when it was read."""

    @property
    def is_labelled_json(self) -> bool:
        return self.media is not None and is_json(self.media)

    @property
    def has_value(self) -> bool:
        return self.size > 0 and self.unreadable is None

    @property
    def is_open(self) -> bool:
        """Whether no source describes the body of this answer: our guess in the contract, or the HTTP
        layer's own."""
        if self.documented is not None and self.documented.open and self.status >= 400:
            return True
        return self.status in HTTP_LAYER and not self.is_labelled_json


def judge(
    contract: Contract,
    method: str,
    path: str,
    status: int,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    truncated: bool,
) -> Report:
    """Judge one exchange.

    ``path`` is relative to the server base and has no query. ``truncated`` says that the body was cut off
    at the harness's own size limit. One finding for each WIRE requirement the exchange can decide, whether
    it held or not. Empty for a path the contract does not have and for 502, 503 and 504, which are the
    network's. On a known path with another method, what the status may be is not judged.
    """
    match = contract.find(method, path)
    if status in NETWORK_TROUBLE or (match is None and not contract.knows(path)):
        return Report()
    operation = None if match is None else match.operation
    answer = _read(contract, operation, method, status, headers, body, truncated)
    findings: list[Finding] = [_request_id(answer), _server_error(answer)]
    observations: list[tuple[str, str]] = []
    if operation is not None:
        findings.append(_status(answer, operation))
        observations += _status_choice(answer, operation)
    if answer.size and (operation is not None or status >= 400):
        findings += _content(answer)
        observations += _content_choice(answer)
    findings += _body(answer)
    observations += _departures(answer, findings)
    return Report(tuple(findings), tuple(observations))


def _read(
    contract: Contract,
    operation: Operation | None,
    method: str,
    status: int,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    truncated: bool,
) -> _Answer:
    bodiless = method.upper() == "HEAD" or status in {204, 304} or status < 200
    if bodiless:
        body = b""
    pairs = [(name.lower(), value.strip()) for name, value in headers]
    value, unreadable = None, None
    if truncated:
        unreadable = f"a body still unfinished after {len(body)} bytes"
    elif body:
        try:
            value = parse(body)
        except UnreadableError as problem:
            unreadable = str(problem)
    return _Answer(
        contract=contract,
        operation=operation,
        documented=None if operation is None else operation.response(status),
        status=status,
        media=next((text.partition(";")[0].strip().lower() for name, text in pairs if name == "content-type"), None),
        request_ids=tuple({text: None for name, text in pairs if name == "x-request-id" and text}),
        size=len(body),
        bodiless=bodiless,
        value=value,
        unreadable=unreadable,
    )


def _finding(requirement: str, expected: str, wrong: str | None, held: str) -> Finding:
    return Finding(requirement, wrong is None, expected, held if wrong is None else wrong)


# -- the answer as a whole -----------------------------------------------------------------------------------


def _request_id(answer: _Answer) -> Finding:
    count = len(answer.request_ids)
    wrong = None
    if count != 1:
        seen = f"{count} different values" if count else "no such header, or an empty one"
        wrong = f"HTTP {answer.status} with {seen}"
    return _finding("WIRE-REQUEST-ID", "one X-Request-Id header", wrong, "the header")


def _server_error(answer: _Answer) -> Finding:
    named = answer.documented is not None and answer.documented.status == str(answer.status)
    refused = answer.status == 501 and (named or answer.operation is None)
    wrong = f"HTTP {answer.status}" if answer.status >= 500 and not refused else None
    return _finding("WIRE-NO-SERVER-ERROR", "no internal server error", wrong, f"HTTP {answer.status}")


def _status(answer: _Answer, operation: Operation) -> Finding:
    legal = answer.documented is not None or _is_general(answer.status) or _is_success(answer, operation)
    return _finding(
        "WIRE-STATUS",
        f"one of {', '.join(operation.statuses)}",
        None if legal else f"HTTP {answer.status}",
        f"HTTP {answer.status}",
    )


def _is_general(status: int) -> bool:
    return status == 429 or 500 <= status <= 599 or status in HTTP_LAYER


def _is_success(answer: _Answer, operation: Operation) -> bool:
    """Whether this is a success code of an operation for which no source gives one."""
    codes = [response for response in operation.responses if response.status.startswith("2")]
    return 200 <= answer.status <= 299 and bool(codes) and all(response.inferred for response in codes)


def _status_choice(answer: _Answer, operation: Operation) -> Iterator[tuple[str, str]]:
    documented = answer.documented
    if documented is None:
        if _is_general(answer.status):
            yield f"{operation.key}: status", f"{answer.status}, legal everywhere though not listed here"
        elif _is_success(answer, operation):
            yield f"{operation.key}: status", f"{answer.status}, where no source gives the success code"
    elif documented.inferred:
        yield f"{operation.key}: status", f"{answer.status}, which no source ties to this operation"
    elif documented.status == "default":
        yield f"{operation.key}: status", f"{answer.status}, covered by default only"


# -- its body ------------------------------------------------------------------------------------------------


def _content(answer: _Answer) -> Iterator[Finding]:
    """What holds for every body, whatever the contract says of this one."""
    if not answer.is_open:
        yield _content_type(answer)
        if answer.status >= 400:
            yield _envelope(answer)
    if answer.has_value and isinstance(answer.value, dict | list):
        names = sorted(set(_beyond_boundary(answer)))
        wrong = f"member {', '.join(names[:_SHOWN])}" if names else None
        yield _finding("WIRE-BOUNDARY", "no member that names what lies behind the API", wrong, "none")


def _content_type(answer: _Answer) -> Finding:
    documented = answer.documented.media if answer.documented is not None else ()
    shown = "no Content-Type"
    if answer.media:
        shown = answer.media if _MEDIA.fullmatch(answer.media) else "an unreadable Content-Type"
    labelled = answer.is_labelled_json or answer.media in documented
    wrong = None if labelled else f"{shown}, {answer.unreadable or 'JSON'}"
    return _finding("WIRE-CONTENT-TYPE", "application/json", wrong, shown)


def _content_choice(answer: _Answer) -> Iterator[tuple[str, str]]:
    documented = answer.documented.media if answer.documented is not None else ()
    if answer.operation is None or answer.media in documented or not _MEDIA.fullmatch(answer.media or ""):
        return
    if answer.is_open or (answer.is_labelled_json and documented):
        yield f"{answer.operation.key} {answer.status}: content type", str(answer.media)


def _envelope(answer: _Answer) -> Finding:
    expected = "a flat object with type, code, message, request_id, doc_url and statusCode"
    if answer.unreadable is not None:
        return _finding("WIRE-ERROR-ENVELOPE", expected, answer.unreadable, "")
    wrong = list(_envelope_problems(answer))
    return _finding("WIRE-ERROR-ENVELOPE", expected, _listed(wrong) if wrong else None, "the envelope")


def _envelope_problems(answer: _Answer) -> Iterator[str]:
    if not isinstance(answer.value, dict):
        yield shape(answer.value)
        return
    for name, kinds in _ENVELOPE:
        if name not in answer.value:
            yield f"no {name}"
        elif not isinstance(answer.value[name], kinds) or isinstance(answer.value[name], bool):
            yield f"{name} is {shape(answer.value[name])}"
    stated = answer.value.get("statusCode")
    if isinstance(stated, int | Decimal) and not isinstance(stated, bool) and stated != answer.status:
        yield f"statusCode differs from HTTP {answer.status}"
    stated = answer.value.get("request_id")
    if isinstance(stated, str) and len(answer.request_ids) == 1 and stated != answer.request_ids[0]:
        yield "request_id differs from X-Request-Id"


def _beyond_boundary(answer: _Answer) -> Iterator[str]:
    contract = answer.contract
    for _, name, _ in _of_the_target(answer.value):
        if name not in contract.members and not contract.boundary.isdisjoint(words(name)):
            yield safe_name(name)


def _of_the_target(value: Any) -> Iterator[tuple[tuple[str | int, ...], str, Any]]:
    """The members of a body that the target chose, not those a partner may name as he likes."""
    return (found for found in members(value) if not FREE.intersection(found[0]))


def _body(answer: _Answer) -> Iterator[Finding]:
    """What the contract says of this one body."""
    documented = answer.documented
    if documented is None or documented.schema is None or answer.is_open:
        return
    if not answer.size:
        if not (documented.open or answer.status in HTTP_LAYER or answer.bodiless):
            yield Finding("WIRE-BODY", False, f"the body documented for {answer.status}", "no body")
        return
    if answer.unreadable is not None:
        if answer.is_labelled_json:
            yield Finding("WIRE-BODY", False, "one complete JSON text", answer.unreadable)
        return
    schemas = answer.contract.schemas
    if not documented.open:
        validator = schemas.judging(documented.schema)
        if validator.is_valid(answer.value):
            yield Finding("WIRE-BODY", True, f"the body documented for {answer.status}", "as documented")
        else:
            yield _departure(problems(validator, answer.value, answer.contract.sensitive))
    if answer.status < 400:
        yield from _money(answer, schemas.money(documented.schema))


def _departure(found: Sequence[Problem]) -> Finding:
    expected = _listed([f"{spell(problem.path)}: {problem.expected}" for problem in found])
    observed = _listed([f"{spell(problem.path)}: {problem.observed}" for problem in found])
    return Finding("WIRE-BODY", False, expected, observed)


def _money(answer: _Answer, names: frozenset[str]) -> Iterator[Finding]:
    seen, numbers = False, []
    for path, name, value in _of_the_target(answer.value):
        if name in names and isinstance(value, str | int | Decimal) and not isinstance(value, bool):
            seen = True
            if not isinstance(value, str):
                numbers.append(f"{spell((*path, name), elements=False)} is {shape(value)}")
    if seen:
        unique = list(dict.fromkeys(numbers))
        wrong = _listed(unique) if unique else None
        yield _finding("WIRE-MONEY", "amounts and rates as decimal strings", wrong, "strings")


def _departures(answer: _Answer, findings: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    """Where the body is legal and yet not what we inferred."""
    documented, schemas = answer.documented, answer.contract.schemas
    if documented is None or documented.schema is None or answer.operation is None:
        return
    if any(row.requirement == "WIRE-BODY" and not row.ok for row in findings):
        return
    subject = f"{answer.operation.key} {answer.status}: full view"
    if not answer.has_value:
        if documented.open and not answer.bodiless:
            yield subject, "no JSON body"
        return
    validator = schemas.full(documented.schema)
    if not validator.is_valid(answer.value):
        found = problems(validator, answer.value, answer.contract.sensitive)
        told = dict.fromkeys(
            f"{spell(p.path, elements=False)}: expected {p.expected}, observed {p.observed}" for p in found
        )
        yield subject, _listed(list(told), shown=10)


def _listed(parts: Sequence[str], shown: int = _SHOWN) -> str:
    more = len(parts) - shown
    return "; ".join(parts[:shown]) + (f"; and {more} more" if more > 0 else "")

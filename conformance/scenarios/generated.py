"""Requests generated from a contract by Schemathesis, and its opinion of the answers. What is sent, and what an answer
means for a requirement, is decided by the scenario.

This is the one module that touches Schemathesis. Its loader, ``Case.as_transport_kwargs`` and
``Case.validate_response`` are documented. The generators of its phases (``generation.drivers``) are not: they are used
as they stand in 4.32.5, hence the pin to 4.32.x, and ``tests/generated`` fails when they are gone or give nothing.
Everything is imported when first used, because a smoke run needs none of it.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from conformance.contract import Contract
from conformance.contract.contract import METHODS
from conformance.contract.source import Node, resolve

if TYPE_CHECKING:
    import schemathesis
    from schemathesis.core.transport import Response as SchemathesisResponse

POOL = "conformance-own-pool"
QUOTE = "conformance-own-quote"
TRADE = "conformance-own-trade"
KEY = "00000000-0000-4000-8000-c0f0a0c0e000"
CURSOR = "conformance-first-page"
STAND_INS = (POOL, QUOTE, TRADE, KEY)
"""Stand for what only exists once a run is under way. Generated instead of the contract's examples, so that a sample
of the vendor's never names an object of somebody, and replaced by ids of the run when a request is sent."""

_OWNER = {"pools": POOL, "transactions": QUOTE, "quotes": QUOTE, "trades": TRADE}
_PARAMETER = re.compile(r"\{([^{}]+)\}")
_ID = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[A-Za-z0-9_-]+$"}
"""Ids are opaque to partners (facts, section 3), so every contract gets the same ids tried."""

_BASE = "http://generated.invalid/v1"
_OURS = frozenset({"user-agent", "accept", "accept-encoding", "connection", "content-length", "host"})
_LONGEST_URL = 2_000
_LONGEST_HEADER = 1_024

CONFIG: Mapping[str, Any] = {
    # Generation in parallel crashes its coverage phase on Python 3.11, and gains nothing here.
    "workers": 1,
    "phases": {
        # Otherwise methods nobody documented, DELETE among them, are really sent.
        "coverage": {"unexpected-methods": []},
        # Otherwise what is generated depends on earlier answers.
        "fuzzing": {"error-feedback": {"enabled": False}},
    },
    # Otherwise it may create accounts at the target.
    "auth": {"auto-signup": False},
    # Otherwise one run generates differently from the next.
    "cache": {"enabled": False},
    "generation": {
        # Credentials are the wire's, and what happens without them is a scenario of its own.
        "with-security-parameters": False,
        # NUL is refused by what stands before an API, in whatever form that likes.
        "allow-x00": False,
        # Unknown members and query parameters are tolerated by any API that wants to grow.
        "allow-extra-parameters": False,
    },
    "checks": {
        # Any refusal will do here; whether its status is a documented one is judged on every exchange anyway.
        "negative_data_rejection": {"expected-statuses": ["4xx", "5xx"]},
        "missing_required_header": {"expected-statuses": ["4xx", "5xx"]},
    },
}
"""Settings under which generated traffic is safe at a shared target and the same in every run."""


class Objection(StrEnum):
    """What Schemathesis can hold against an answer that judging the exchange alone cannot see."""

    ACCEPTED_INVALID = "accepted-invalid"
    ACCEPTED_WITHOUT_HEADER = "accepted-without-header"


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
            path = path.replace(stand_in, quote(real, safe=""))
            headers = tuple((name, value.replace(stand_in, real)) for name, value in headers)
            if content is not None:
                content = content.replace(stand_in.encode(), json.dumps(real)[1:-1].encode())
        return Request(self.request.method, path, headers, content)


@dataclass(frozen=True, slots=True)
class Generation:
    """All plans of one contract, in the order they are sent."""

    plans: tuple[Plan, ...]
    unreadable: tuple[str, ...]
    """Why nothing was generated for an operation, or for any."""


def generate(contract: Contract, quote_request: Mapping[str, object], *, seed: int, bound: int) -> Generation:
    """Generate the examples and coverage phases for every operation, at most ``bound`` requests each.

    ``quote_request`` is a firm quote request the target should accept; it takes the place of the contract's sample.
    The same arguments give the same plans. What Schemathesis cannot generate from is left out and said to be: the
    contract may be the vendor's, and is not what is judged here.
    """
    import schemathesis
    from hypothesis.errors import HypothesisException
    from schemathesis.core.result import Ok
    from schemathesis.errors import SchemathesisError

    config = schemathesis.Config.from_dict({**CONFIG, "seed": seed})
    try:
        schema = schemathesis.openapi.from_dict(seeded(contract.document, quote_request), config=config)
        results = list(schema.get_all_operations())
    except SchemathesisError as problem:
        return Generation((), (f"the contract: {problem}",))
    plans: list[Plan] = []
    unreadable: list[str] = []
    for result in results:
        if not isinstance(result, Ok):
            unreadable.append(str(result.err()))
            continue
        operation = result.ok()
        try:
            own = [_plan(case) for case in _cases(operation)]
        except (SchemathesisError, HypothesisException) as problem:
            unreadable.append(f"{operation.label}: {problem}")
            continue
        plans += spread(_distinct([plan for plan in own if _reaches_the_api(contract, plan)]), bound)
    return Generation(tuple(plans), tuple(unreadable))


def objections(
    plan: Plan, status: int, headers: Sequence[tuple[str, str]], body: bytes, *, must_be_refused: bool
) -> frozenset[Objection]:
    """What Schemathesis holds against an answer.

    ``must_be_refused`` says that the request breaks a constraint of which a source says that breaking it is refused.
    Only then is its check of negative data asked, since most constraints of a contract carry no such promise: a limit
    may be clamped, an unknown word ignored. Its other checks are not asked: responses and server errors are judged on
    every exchange against the judging view, valid data may be refused by business rules (``positive_data_acceptance``),
    keys have a matrix of their own (``ignored_auth``), and no source gives a status for an unknown method
    (``unsupported_method``).
    """
    from schemathesis.errors import FailureGroup
    from schemathesis.specs.openapi.checks import missing_required_header, negative_data_rejection

    checks = [missing_required_header, *([negative_data_rejection] if must_be_refused else [])]
    try:
        plan.case.validate_response(_response(plan, status, headers, body), checks=checks)
    except FailureGroup as group:
        return frozenset(_OBJECTIONS[type(failure).__name__] for failure in group.exceptions)
    return frozenset()


_OBJECTIONS = {
    "AcceptedNegativeData": Objection.ACCEPTED_INVALID,
    "MissingHeaderNotRejected": Objection.ACCEPTED_WITHOUT_HEADER,
}


# -- the document requests are generated from ------------------------------------------------------------------------


def seeded(document: Node, quote_request: Mapping[str, object]) -> Node:
    """A copy of the contract whose ids and quote terms are ours, so that valid requests get deep into the target.

    Places are known by method and path template, never by parameter or component names.
    """
    ours: Node = copy.deepcopy(
        {name: document[name] for name in ("openapi", "info", "paths", "components") if name in document}
    )
    for template, raw in ours["paths"].items():
        if not template.startswith("/"):
            continue
        item = _followed(ours, raw)
        ids = _stand_ins(template)
        methods = {method: item[method] for method in METHODS if method in item}
        for holder in (item, *methods.values()):
            holder["parameters"] = [_parameter(ours, raw, ids) for raw in holder.get("parameters", ())]
        for method, operation in methods.items():
            # What answers look like is judged elsewhere; the ids in sample answers must not be sent.
            operation["responses"] = {"200": {"description": ""}}
            operation.pop("callbacks", None)
            values = _body_values(method, template, quote_request)
            if values and "requestBody" in operation:
                operation["requestBody"] = _body(ours, operation["requestBody"], values)
        ours["paths"][template] = item
    return ours


def _stand_ins(template: str) -> dict[str, str]:
    """The stand-in of each path parameter whose owner is known by the literal before it."""
    found = {}
    for before, segment in pairwise(template.split("/")):
        name = _PARAMETER.fullmatch(segment)
        if name and before in _OWNER:
            found[name[1]] = _OWNER[before]
    return found


def _body_values(method: str, template: str, quote_request: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Bodies that fit the run: the first is firm."""
    if method == "post" and re.fullmatch(r"/pools/\{[^{}]+\}/quote", template):
        preview = {k: v for k, v in quote_request.items() if not k.startswith("dest")} | {"type": "indicative"}
        return [quote_request, preview]
    if method == "post" and re.fullmatch(r"/pools/\{[^{}]+\}/transact", template):
        return [{"quoteId": QUOTE}]
    return []


def _parameter(document: Node, raw: Node, ids: Mapping[str, str]) -> Node:
    parameter = dict(_followed(document, raw))
    place, name = parameter.get("in"), str(parameter.get("name"))
    if place == "path" and name in ids:
        return {"name": name, "in": "path", "required": True, "schema": dict(_ID), "example": ids[name]}
    if place == "header" and name.lower() == "idempotency-key":
        parameter.pop("examples", None)
        parameter["example"] = KEY
    if place == "query" and name == "cursor":
        parameter.pop("examples", None)
        parameter["example"] = CURSOR
    return parameter


def _body(document: Node, raw: Node, values: Sequence[Mapping[str, object]]) -> Node:
    body = copy.deepcopy(_followed(document, raw))
    for name, media in body.get("content", {}).items():
        if "json" not in name or "schema" not in media:
            continue
        schema = copy.deepcopy(_followed(document, media["schema"]))
        for keyword in ("if", "then", "else"):
            # Schemathesis meets a conditional by varying nothing but what it names.
            schema.pop(keyword, None)
        for member, value in values[0].items():
            if value in STAND_INS and member in schema.get("properties", {}):
                schema["properties"][member] = {**_ID, "example": value}
        media.pop("example", None)
        media["examples"] = {f"ours{index}": {"value": dict(value)} for index, value in enumerate(values)}
        media["schema"] = schema
    return body


def _followed(document: Node, node: Node) -> Node:
    for _ in range(20):
        if "$ref" not in node:
            break
        node = resolve(document, node["$ref"])
    return node


# -- from its cases to plans -----------------------------------------------------------------------------------------


def _cases(operation: Any) -> Iterator[schemathesis.Case[Any]]:
    from schemathesis.generation.drivers import CoverageGenerator, ExamplesGenerator
    from schemathesis.generation.feedback import NO_FEEDBACK
    from schemathesis.generation.overrides import Override

    settings = operation.schema.config.generation_for(operation=operation, phase="coverage")
    yield from ExamplesGenerator(operation=operation, override=Override(), feedback=NO_FEEDBACK, fill_missing=False)
    yield from CoverageGenerator(
        operation=operation,
        generation_modes=settings.modes,
        generation_config=settings,
        auth_storage=None,
        override=Override(),
        feedback=NO_FEEDBACK,
    )


def _plan(case: schemathesis.Case[Any]) -> Plan:
    assert case.meta is not None
    phase, data = case.meta.phase.name.value, case.meta.phase.data
    scenario = str(getattr(data, "scenario", ""))
    location = data.parameter_location.value if data.parameter_location else ""
    missing = data.parameter if scenario == "missing_parameter" and location == "header" else ""
    what = data.description or scenario
    if data.parameter and location != "body" and data.parameter not in what:
        what = f"{data.parameter}: {what}"
    # What is sent must not count as an edit of the case, which would have it described anew.
    case.freeze_metadata()
    return Plan(
        operation=f"{case.method} {case.path}",
        phase=phase,
        what=f"{what} ({location})" if location else what,
        location=location,
        missing_header=missing or "",
        request=_request(case),
        case=case,
    )


def _request(case: schemathesis.Case[Any]) -> Request:
    prepared = _prepared(case)
    url = urlsplit(str(prepared.url))
    query = "&".join(part for part in url.query.split("&") if part != f"cursor={CURSOR}")
    path = url.path.removeprefix(urlsplit(_BASE).path)
    headers = [
        (name, _text(value))
        for name, value in prepared.headers.items()
        if name.lower() not in _OURS and not name.lower().startswith("x-schemathesis")
    ]
    body = prepared.body
    content = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body) if body else None
    return Request(str(prepared.method), f"{path}?{query}" if query else path, tuple(sorted(headers)), content)


def _prepared(case: schemathesis.Case[Any]) -> Any:
    import requests

    return requests.Request(**case.as_transport_kwargs(base_url=_BASE)).prepare()


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _response(plan: Plan, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> SchemathesisResponse:
    import schemathesis

    named: dict[str, list[str]] = {}
    for name, value in headers:
        named.setdefault(name.lower(), []).append(value)
    return schemathesis.Response(
        status_code=status, headers=named, content=body, request=_prepared(plan.case), elapsed=0.0, verify=True
    )


def _reaches_the_api(contract: Contract, plan: Plan) -> bool:
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


def _distinct(plans: Sequence[Plan]) -> list[Plan]:
    """Each request once, as it was generated first."""
    first: dict[Request, Plan] = {}
    for plan in plans:
        first.setdefault(plan.request, plan)
    return list(first.values())


def spread(plans: Sequence[Plan], bound: int) -> list[Plan]:
    """At most ``bound`` of ``plans`` in their order: of each kind one, then of each kind a second, and so on.

    Of a kind the last go first: wrong types are generated from numbers, which may be read as text, up to objects.
    """
    kinds: dict[tuple[str, str], list[int]] = {}
    for index, plan in reversed(list(enumerate(plans))):
        kinds.setdefault((plan.phase, plan.what), []).append(index)
    turns = [index for turn in zip_longest(*kinds.values()) for index in turn if index is not None]
    return [plans[index] for index in sorted(turns[:bound])]

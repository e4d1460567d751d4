"""Between Schemathesis's cases and ours: opening the contract, a case as a plan, and its opinion of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from conformance.contract import Contract
from conformance.scenarios.generated.documents import Drawn, seeded
from conformance.scenarios.generated.plans import CURSOR, OWN, Plan, Request, reaches_the_api
from conformance.scenarios.generated.seeds import Seeds
from conformance.scenarios.generated.settings import CONFIG

if TYPE_CHECKING:
    import schemathesis
    from schemathesis.core.transport import Response as SchemathesisResponse

_BASE = "http://generated.invalid/v1"
_OURS = frozenset({"user-agent", "accept", "accept-encoding", "connection", "content-length", "host"})


class Objection(StrEnum):
    """What Schemathesis can hold against an answer that judging the exchange alone cannot see."""

    ACCEPTED_INVALID = "accepted-invalid"
    ACCEPTED_WITHOUT_HEADER = "accepted-without-header"


_OBJECTIONS = {
    "AcceptedNegativeData": Objection.ACCEPTED_INVALID,
    "MissingHeaderNotRejected": Objection.ACCEPTED_WITHOUT_HEADER,
}


def opened(contract: Contract, seeds: Seeds, drawn: Drawn, seed: int) -> tuple[list[Any], list[str]]:
    """The operations of the contract as Schemathesis sees them, and why some, or all, cannot be read.

    The contract may be the vendor's, and is not what is judged here: what cannot be read is left out.
    """
    import schemathesis
    from schemathesis.core.result import Ok
    from schemathesis.errors import SchemathesisError

    config = schemathesis.Config.from_dict({**CONFIG, "seed": seed})
    try:
        schema = schemathesis.openapi.from_dict(seeded(contract.document, seeds, drawn), config=config)
        results = list(schema.get_all_operations())
    except SchemathesisError as problem:
        return [], [f"the contract: {problem}"]
    operations = [result.ok() for result in results if isinstance(result, Ok)]
    return operations, [str(result.err()) for result in results if not isinstance(result, Ok)]


def sendable(contract: Contract, case: schemathesis.Case[Any]) -> Plan | None:
    """The plan of a case; None where it cannot be written as a request, or as one that an API answers itself."""
    from schemathesis.errors import SchemathesisError

    try:
        plan = plan_of(case)
    except (SchemathesisError, ValueError):
        return None
    return plan if reaches_the_api(contract, plan) else None


def plan_of(case: schemathesis.Case[Any]) -> Plan:
    """What would be sent for a case, and what was generated there."""
    # What is sent must not count as an edit of the case, which would have it described anew.
    case.freeze_metadata()
    assert case.meta is not None
    phase, data = case.meta.phase.name.value, case.meta.phase.data
    scenario = str(getattr(data, "scenario", ""))
    location = data.parameter_location.value if data.parameter_location else ""
    missing = data.parameter if scenario == "missing_parameter" and location == "header" else ""
    what = "; ".join(line.removeprefix("- ") for line in (data.description or scenario).splitlines())
    if data.parameter and location != "body" and data.parameter not in what:
        what = f"{data.parameter}: {what}"
    request = _request(case)
    if phase == "fuzzing" and case.path_parameters and OWN not in request.path:
        # Several places are varied at once; a wrong path is what decides where the request ends up.
        location = "path"
    return Plan(
        operation=f"{case.method} {case.path}",
        phase=phase,
        what=f"{what} ({location})" if location else what,
        location=location,
        missing_header=missing or "",
        request=request,
        case=case,
    )


def objections(
    plan: Plan, status: int, headers: Sequence[tuple[str, str]], body: bytes, *, must_be_refused: bool
) -> frozenset[Objection]:
    """What Schemathesis holds against an answer.

    ``must_be_refused`` says that the request breaks a constraint of which a source says that breaking it is refused.
    Only then is its check of negative data asked, since most constraints of a contract carry no such promise: a limit
    may be clamped, an unknown word ignored. Which of its other checks are not asked, and why, is said in ``settings``.
    """
    from schemathesis.errors import FailureGroup
    from schemathesis.specs.openapi.checks import missing_required_header, negative_data_rejection

    checks = [missing_required_header, *([negative_data_rejection] if must_be_refused else [])]
    try:
        plan.case.validate_response(response_to(plan, status, headers, body), checks=checks)
    except FailureGroup as group:
        return frozenset(_OBJECTIONS[type(failure).__name__] for failure in group.exceptions)
    return frozenset()


def response_to(plan: Plan, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> SchemathesisResponse:
    """An answer of the target as Schemathesis knows answers."""
    import schemathesis

    named: dict[str, list[str]] = {}
    for name, value in headers:
        named.setdefault(name.lower(), []).append(value)
    return schemathesis.Response(
        status_code=status, headers=named, content=body, request=_prepared(plan.case), elapsed=0.0, verify=True
    )


def _request(case: schemathesis.Case[Any]) -> Request:
    prepared = _prepared(case)
    url = urlsplit(str(prepared.url))
    query = "&".join(part for part in url.query.split("&") if not part.endswith(f"={CURSOR}"))
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

"""What generated requests are: which operation, whose objects they name, and which of them a source says are refused.

Sending them and tallying the answers is done in ``traffic``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from jsonschema_rs import ValidationError, ValidationErrorKind

from conformance.client import Reply
from conformance.contract import Contract
from conformance.contract.source import escape, resolve
from conformance.scenarios.generated import QUOTE, Plan, Request

VALIDATION, FUNDING = "POOLS-QUOTE-VALIDATION", "POOLS-FUNDING"

_STATED = frozenset({"body", "side", "cryptoNetwork", "fiatCurrency", "cryptoCurrency", "amount"})
"""The members whose refusal POOLS-QUOTE-VALIDATION states; how others are read is for the target to say."""

_SOMEBODYS = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What may be the id of an object that is not ours; longer or other ones are no ids anybody was given."""


@dataclass(frozen=True, slots=True)
class Demand:
    """That a request must be refused: what it breaks, and whether a safe ``available: false`` will do as well."""

    requirement: str
    broken: str
    soft: bool


def is_quote(plan: Plan) -> bool:
    """Whether the request asks for a quote."""
    return plan.operation.startswith("POST ") and plan.operation.endswith("/quote")


def is_transact(plan: Plan) -> bool:
    """Whether the request executes a quote."""
    return plan.operation.startswith("POST ") and plan.operation.endswith("/transact")


def is_reject(plan: Plan) -> bool:
    """Whether the request gives a quote up."""
    return plan.operation.startswith("POST ") and plan.operation.endswith("/reject")


def is_unavailable(reply: Reply) -> bool:
    """Whether the answer is a safe "not now": nothing is quoted."""
    answer = reply.object()
    return reply.ok and answer.get("available") is False and answer.get("quoteId") is None


def named_quote(plan: Plan) -> str | None:
    """The quote a write names; None for what is no such write, or names nothing readable."""
    named: object = None
    if is_reject(plan):
        named = unquote(plan.request.path.split("/")[-2], errors="surrogatepass")
    elif is_transact(plan):
        body = json_of(plan.request.content)
        named = body.get("quoteId") if isinstance(body, dict) else None
    return named if isinstance(named, str) else None


def names_somebody(plan: Plan, ours: Collection[str] = ()) -> bool:
    """Whether a write names a well-formed id that is not among ``ours``: it might be an object of somebody."""
    named = named_quote(plan)
    return named is not None and named != QUOTE and named not in ours and _SOMEBODYS.fullmatch(named) is not None


def demand(contract: Contract, plan: Plan, request: Request) -> Demand | None:
    """Why the request must be refused, or None where no source says so.

    It must break the judging view of the contract, in which only stated constraints are left, and also when it is read
    as leniently as an API may read it. Other operations have no such promise, and neither has a request whose path
    names something else than ours.
    """
    if plan.location == "path":
        return None
    if is_quote(plan):
        broken = broken_members(contract, plan, request)
        if broken:
            return Demand(VALIDATION, f"a wrong {', '.join(broken)}", broken == ("amount",))
    if plan.operation == "GET /pools/funding":
        asked = parse_qs(request.path.partition("?")[2], keep_blank_values=True).get("currency", [])
        pointer = parameter_schema(contract, plan.operation, "currency")
        # An empty one may be read as absent, and no source speaks of several.
        if len(asked) == 1 and asked[0] and pointer and not contract.schemas.judging(pointer).is_valid(asked[0]):
            return Demand(FUNDING, "a currency without funding", False)
    return None


def broken_members(contract: Contract, plan: Plan, request: Request) -> tuple[str, ...]:
    """The members of a quote request that break a stated constraint; ``body`` when it is no object at all."""
    pointer = body_schema(contract, plan.operation)
    media = request.header("content-type") or "application/json"
    if pointer is None or "json" not in media:
        return ()
    body = leniently(json_of(request.content) if request.content else {})
    found = {_member(error) for error in contract.schemas.judging(pointer).iter_errors(body)}
    return tuple(sorted(found & _STATED))


def leniently(body: Any) -> Any:
    """The body as an API may still read it: null, false, zero and empty text are absent, a number is its text."""
    if not isinstance(body, dict):
        return body
    return {
        name: json.dumps(value) if isinstance(value, bool | int | float) else value
        for name, value in body.items()
        if value or isinstance(value, dict | list)
    }


def body_schema(contract: Contract, operation: str) -> str | None:
    """JSON pointer of the schema of an operation's JSON body, if it has one."""
    place = _operation(operation)
    if "requestBody" not in resolve(contract.document, place):
        return None
    body, content = _followed(contract, f"{place}/requestBody")
    media = next((name for name in content.get("content", {}) if "json" in name), None)
    return f"{body}/content/{escape(media)}/schema" if media else None


def parameter_schema(contract: Contract, operation: str, name: str) -> str | None:
    """JSON pointer of the schema of an operation's parameter, if it has one."""
    place = _operation(operation)
    for holder in (place, place.rpartition("/")[0]):
        for index, _ in enumerate(resolve(contract.document, holder).get("parameters", ())):
            found, parameter = _followed(contract, f"{holder}/parameters/{index}")
            if parameter.get("name") == name and "schema" in parameter:
                return f"{found}/schema"
    return None


def _operation(operation: str) -> str:
    method, _, template = operation.partition(" ")
    return f"/paths/{escape(template)}/{method.lower()}"


def _followed(contract: Contract, place: str) -> tuple[str, Mapping[str, Any]]:
    node = resolve(contract.document, place)
    for _ in range(20):
        if "$ref" not in node:
            break
        place = unquote(node["$ref"].removeprefix("#"))
        node = resolve(contract.document, place)
    return place, node


def _member(error: ValidationError) -> str:
    """The member an error is about, or ``body`` when it is the body as a whole."""
    if error.instance_path:
        return str(error.instance_path[0])
    return error.kind.property if isinstance(error.kind, ValidationErrorKind.Required) else "body"


def json_of(content: bytes | None) -> Any:
    """A body as JSON; None where it is none."""
    try:
        return json.loads(content or b"")
    except ValueError:
        return None

"""What generated requests are: which operation, whose objects they name, and which of them a source says are refused.

Sending them and tallying the answers is done in ``traffic``.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import parse_qs, unquote

from conformance.client import Reply
from conformance.contract import Contract
from conformance.scenarios.generated import Demand, Plan, Request, broken_members, json_of, parameter_schema
from conformance.scenarios.pools.seeds import QUOTE

VALIDATION, FUNDING = "POOLS-QUOTE-VALIDATION", "POOLS-FUNDING"

_STATED = frozenset({"body", "side", "cryptoNetwork", "fiatCurrency", "cryptoCurrency", "amount"})
"""The members whose refusal POOLS-QUOTE-VALIDATION states; how others are read is for the target to say."""

_SOMEBODYS = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What may be the id of an object that is not ours; longer or other ones are no ids anybody was given."""


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
        broken = broken_members(contract, plan, request, _STATED)
        if broken:
            return Demand(VALIDATION, f"a wrong {', '.join(broken)}", broken == ("amount",))
    if plan.operation == "GET /pools/funding":
        asked = parse_qs(request.path.partition("?")[2], keep_blank_values=True).get("currency", [])
        pointer = parameter_schema(contract, plan.operation, "currency")
        # An empty one may be read as absent, and no source speaks of several.
        if len(asked) == 1 and asked[0] and pointer and not contract.schemas.judging(pointer).is_valid(asked[0]):
            return Demand(FUNDING, "a currency without funding", False)
    return None

"""What generated requests to 0Gate are: whose objects they name, and which of them a source says are refused.

Sending them is done in ``traffic``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from urllib.parse import unquote

from conformance.contract import Contract
from conformance.scenarios.generated import OWN, Demand, Plan, Request, broken_members, json_of, place

WRITES_BY_ID = (
    "POST /gate_sessions/{}/cancel",
    "POST /webhooks/deliveries/{}/replay",
    "PATCH /customers/{}",
    "DELETE /customers/{}",
)
NAMING = ("gate_session_id", "quote_id", "quote_preview_id")
"""Members of a body that name an object which the request does something to."""

STATED = {
    "POST /gate_sessions": ("GATE-SESSION-VALIDATION", ("body", "amount", "currency", "return_url")),
    "POST /quotes/preview": ("GATE-PREVIEW-VALIDATION", ("body", "amount", "side", "currency", "asset")),
    "POST /quotes": ("GATE-QUOTE-VALIDATION", ("body", "amount", "side", "currency", "asset", "payment_method")),
    "POST /customers": ("GATE-CUSTOMER-VALIDATION", ("body", "email", "first_name", "last_name", "country_code")),
    "PATCH /customers/{}": ("GATE-CUSTOMER-VALIDATION", ("first_name", "last_name", "country_code")),
    "PATCH /branding": (
        "GATE-BRANDING-REJECTS",
        ("logo_url", "primary_color", "secondary_color", "accent_color"),
    ),
}
"""By operation, which requirement states the refusal of which members; how others are read is for the target to say."""

VALIDATIONS = tuple(dict.fromkeys(requirement for requirement, _ in STATED.values()))

_SOMEBODYS = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What may be the id of an object that is not ours; longer or other ones are no ids anybody was given."""


def named(plan: Plan) -> list[str]:
    """The ids of objects a write would change."""
    return [name for name in _named(plan) if isinstance(name, str)]


def _named(plan: Plan) -> Iterator[object]:
    if place(plan.operation) in WRITES_BY_ID:
        segment = plan.request.path.partition("?")[0].split("/")[_position(plan.operation)]
        yield unquote(segment, errors="surrogatepass")
    body = json_of(plan.request.content)
    if plan.request.method == "POST" and isinstance(body, dict):
        yield from (body.get(name) for name in NAMING)


def _position(operation: str) -> int:
    """Which segment of the path the parameter is."""
    segments = operation.partition(" ")[2].split("/")
    return next(number for number, segment in enumerate(segments) if segment.startswith("{"))


def names_somebody(plan: Plan, ours: Collection[str]) -> bool:
    """Whether a write names a well-formed id that is not among ``ours``, or records how somebody can be reached."""
    if any(OWN not in name and name not in ours and _SOMEBODYS.fullmatch(name) for name in named(plan)):
        return True
    body = json_of(plan.request.content)
    if place(plan.operation) != "POST /customers" or not isinstance(body, dict):
        return False
    mail, phone = body.get("email"), body.get("phone")
    # Nobody has an address below .example, and nothing without an @ is one.
    has_mail = isinstance(mail, str) and "@" in mail and not mail.endswith(".example")
    return has_mail or (isinstance(phone, str) and any(letter.isdigit() for letter in phone))


def demand(contract: Contract, plan: Plan, request: Request) -> Demand | None:
    """Why the request must be refused, or None where no source says so.

    It must break the judging view of the contract, in which only stated constraints are left, and also when it is read
    as leniently as an API may read it. A request whose path names something else than ours is refused anyway.
    """
    stated = STATED.get(place(plan.operation))
    if stated is None or plan.location == "path":
        return None
    requirement, members = stated
    broken = broken_members(contract, plan, request, members)
    return Demand(requirement, f"a wrong {', '.join(broken)}") if broken else None

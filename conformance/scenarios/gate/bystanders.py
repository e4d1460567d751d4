"""Objects of one account that others knock at, and the proof, by id, that a refusal has left them all as they were.

Nothing here judges.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from conformance.client import Refused, Reply
from conformance.scenarios.gate.desk import ON_RAMP, Customer, Desk, Quote, Session, the_rows
from conformance.scenarios.gate.doors import NOBODYS, Aims
from conformance.scenarios.gate.lists import tag_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether nothing moved, in words, with the reads that show it."""

    ok: bool
    observed: str
    seen: tuple[Reply, ...]


@dataclass(frozen=True, slots=True)
class Bystanders:
    """What the account has at stake. A quote or a customer is None where the account may not have one."""

    desk: Desk
    session: Session
    quote: Quote | None
    customer: Customer | None
    brand: object

    def aims(
        self,
        *,
        pay_in: str = NOBODYS,
        pay_out: str = NOBODYS,
        refid: str = NOBODYS,
        delivery: str = NOBODYS,
    ) -> Aims:
        """Calls at these objects; what the account does not have, nobody has."""
        desk, origin = self.desk, self.desk.bench.target.session.origin
        return Aims(
            session=self.session.id,
            quote=self.quote.id if self.quote else NOBODYS,
            pay_in=pay_in,
            pay_out=pay_out,
            refid=refid,
            delivery=delivery,
            customer=self.customer.id if self.customer else NOBODYS,
            symbol=desk.terms.asset,
            currency=desk.terms.currency,
            session_request=desk.session_request(),
            quote_request=self.quote.request if self.quote else order(desk),
            customer_request=desk.customer_request(),
            key=desk.bench.key,
            client_secret=self.session.secret,
            bootstrap_headers={"Origin": origin} if origin else {},
        )

    def proof(self, aims: Aims) -> Proof:
        """That every object stands as it did, and that none of the requests aimed at them made another one."""
        desk, problems, seen = self.desk, list[str](), list[Reply]()
        read = desk.api.session(self.session.id)
        seen.append(read)
        if (found := read.object().get("status")) != "open":
            problems.append(f"the session reads {found or read.status}")
        if self.quote is not None and not desk.untouched(self.quote, (status := desk.quote_status(self.quote))):
            problems.append(f"the quote reads {status}")
        if self.customer is not None:
            seen.append(desk.api.customer(self.customer.id))
            if not seen[-1].ok or seen[-1].object().get("first_name") != self.customer.request.get("first_name"):
                problems.append("the customer was changed or deleted")
            email = str(aims.customer_request["email"])
            problems += ["a customer was made"] if the_rows(desk.api.customers(email=email)) else []
        problems += ["a session was made"] if desk.sessions_tagged(tag_of(aims.session_request)) else []
        look = desk.api.branding()
        seen.append(look)
        if look.ok and look.object().get("brand_name") == NOBODYS:
            problems.append("the branding was changed")
            desk.api.update_branding({"brand_name": self.brand})
        return Proof(not problems, "; ".join(problems) or "nothing moved", tuple(seen))


def bystanders(desk: Desk) -> Bystanders:
    """A session, and a quote and a customer where the account may have them. Raises ``Refused`` without a session."""
    return Bystanders(
        desk,
        desk.open_session(),
        if_given(lambda: desk.lock(ON_RAMP)),
        if_given(desk.record_customer),
        desk.api.branding().object().get("brand_name"),
    )


def if_given(make: Callable[[], T]) -> T | None:
    """What ``make`` makes, or None where the account or the profile does not allow for one."""
    try:
        return make()
    except Refused:
        return None


def order(desk: Desk) -> dict[str, object]:
    """A plain request for a quote, also where no method is known: it is to be refused before anybody looks at it."""
    return {
        "currency": desk.terms.currency,
        "asset": desk.terms.asset,
        "amount": desk.terms.amount,
        "side": ON_RAMP,
        "payment_method": desk.terms.payment_method or "bank_transfer",
    }

"""What of a run stands in generated requests to 0Gate."""

from __future__ import annotations

from conformance.client import Refused
from conformance.scenarios.gate.desk import OFF_RAMP, ON_RAMP, Desk
from conformance.scenarios.generated import OWN, Seeds

SESSION = f"{OWN}session"
SECRET = f"{OWN}client-secret"
QUOTE = f"{OWN}quote"
SALE = f"{OWN}sale"
"""A quote to sell, which a pay-out redeems."""
PAY_IN = f"{OWN}pay-in"
PAY_OUT = f"{OWN}pay-out"
TRANSACTION = f"{OWN}transaction"
DELIVERY = f"{OWN}delivery"
CUSTOMER = f"{OWN}customer"
REFERENCE = f"{OWN}reference"
MAIL = f"{OWN}mail@conformance.example"
"""Each time an address nobody has."""

MADE = (SESSION, SECRET, QUOTE, SALE, PAY_IN, PAY_OUT, TRANSACTION, DELIVERY, CUSTOMER)


def seeds_of(desk: Desk) -> Seeds:
    """Ours for a run that asks for what ``desk`` asks for."""
    terms, origin = desk.terms, desk.bench.target.session.origin
    country = {} if terms.country is None else {"country_code": terms.country}
    price = {"currency": terms.currency, "asset": terms.asset, "amount": terms.amount, "side": ON_RAMP, **country}
    session = desk.session_request(metadata={"conformance_tag": REFERENCE}, user_reference=REFERENCE)
    redeemed = {"gate_session_id": SESSION, "reference": REFERENCE, "metadata": {"conformance_tag": REFERENCE}}
    customer = {"email": MAIL, "external_id": REFERENCE, "first_name": "Conformance"}
    return Seeds(
        owners={
            "gate_sessions": SESSION,
            "assets": terms.asset,
            "quotes": QUOTE,
            "pay_ins": PAY_IN,
            "pay_outs": PAY_OUT,
            "transactions": TRANSACTION,
            "deliveries": DELIVERY,
            "customers": CUSTOMER,
        },
        bodies={
            "POST /gate_sessions": (
                session,
                {**session, "flow": ON_RAMP, "target_token": terms.asset, "quote_preview_id": QUOTE},
            ),
            "POST /quotes/preview": (price,),
            "POST /quotes": _locks(desk),
            "POST /rails/pay_ins": ({**redeemed, "quote_id": QUOTE},),
            "POST /rails/pay_outs": ({**redeemed, "quote_id": SALE},),
            "POST /embed/bootstrap": ({"clientSecret": SECRET},),
            "POST /customers": (customer, {**customer, "metadata": {"conformance_tag": REFERENCE}}),
            "PATCH /customers/{}": ({"first_name": "Changed", "last_name": None},),
            "PATCH /branding": ({"primary_color": "#FF4B1F"},),
        },
        made=MADE,
        free=frozenset({"first_name", "side", "primary_color"}),
        headers={} if origin is None else {"origin": origin, "referer": f"{origin}/checkout"},
        query={
            "currency": terms.currency,
            "asset": terms.asset,
            "session_id": SESSION,
            "email": MAIL,
            "external_id": REFERENCE,
            **country,
        },
        is_all=True,
    )


def _locks(desk: Desk) -> tuple[dict[str, object], ...]:
    """What a quote is locked with, on each side that has a method."""
    found = []
    for side in (ON_RAMP, OFF_RAMP):
        try:
            found.append(desk.quote_request(side))
        except Refused:
            continue
    return tuple(found)

"""The thirty-one operations of 0Gate as one table: what each is called, what opens it, and how it is tried.

Who is to be let in is for the scenarios to say, and what a refusal has to leave alone for ``bystanders``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from conformance.client import GateApi, Reply

NOBODYS = "conformance0nobody0issued0this"


class Opens(StrEnum):
    """What an account must have for an operation, besides a secret key and the product."""

    PRODUCT = "0Gate"
    RAILS = "the rails entitlement"
    CUSTOMERS = "customer records"


@dataclass(frozen=True, slots=True)
class Aims:
    """The objects the calls are aimed at, and the requests that would succeed if the caller were let in."""

    session: str
    quote: str
    pay_in: str
    pay_out: str
    refid: str
    delivery: str
    customer: str
    symbol: str
    currency: str
    session_request: Mapping[str, object]
    quote_request: Mapping[str, object]
    customer_request: Mapping[str, object]
    key: Callable[[], str]
    """Gives a fresh idempotency key: which operations share a scope of keys is stated nowhere."""
    redeemed: str = NOBODYS
    """The quote a rail create names. Nobody's, so that a caller who is let in by mistake spends nothing."""
    client_secret: str | None = None
    bootstrap_headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Door:
    """One operation: its published name, what opens it, the object its path names, and how it is tried."""

    name: str
    opens: Opens
    names: str
    """Which of the ``Aims`` stands in the path; empty for an operation that takes no id."""
    knock: Callable[[GateApi, Aims], Reply]


def _redeem(api: GateApi, kind: str, at: Aims) -> Reply:
    return api.create_rail(kind, {"gate_session_id": at.session, "quote_id": at.redeemed}, at.key())


def _bootstrap(api: GateApi, at: Aims) -> Reply:
    return api.bootstrap({"clientSecret": at.client_secret} if at.client_secret else {}, at.bootstrap_headers)


DOORS: tuple[Door, ...] = (
    Door("createSession", Opens.PRODUCT, "", lambda api, at: api.create_session(at.session_request, at.key())),
    Door("listSessions", Opens.PRODUCT, "", lambda api, at: api.list_sessions(limit="5")),
    Door("retrieveSession", Opens.PRODUCT, "session", lambda api, at: api.session(at.session)),
    Door("cancelSession", Opens.PRODUCT, "session", lambda api, at: api.cancel_session(at.session)),
    Door("listCountries", Opens.PRODUCT, "", lambda api, at: api.countries()),
    Door("listCurrencies", Opens.PRODUCT, "", lambda api, at: api.currencies()),
    Door("listAssets", Opens.PRODUCT, "", lambda api, at: api.assets()),
    Door("getAsset", Opens.PRODUCT, "", lambda api, at: api.asset(at.symbol)),
    Door("listPaymentMethods", Opens.PRODUCT, "", lambda api, at: api.payment_methods(currency=at.currency)),
    Door("listPayoutMethods", Opens.PRODUCT, "", lambda api, at: api.payout_methods(currency=at.currency)),
    Door("checkEligibility", Opens.PRODUCT, "", lambda api, at: api.eligibility()),
    Door("previewQuotes", Opens.PRODUCT, "", lambda api, at: api.preview(at.quote_request)),
    Door("listTransactions", Opens.PRODUCT, "", lambda api, at: api.transactions(limit="5")),
    Door("retrieveTransaction", Opens.PRODUCT, "refid", lambda api, at: api.transaction(at.refid)),
    Door("createEmbedToken", Opens.PRODUCT, "", _bootstrap),
    Door("getBranding", Opens.PRODUCT, "", lambda api, at: api.branding()),
    Door("updateBranding", Opens.PRODUCT, "", lambda api, at: api.update_branding({"brand_name": NOBODYS})),
    Door("listPartnerWebhookDeliveries", Opens.PRODUCT, "", lambda api, at: api.deliveries(limit="5")),
    Door("replayWebhookDelivery", Opens.PRODUCT, "delivery", lambda api, at: api.replay(at.delivery)),
    Door("sendTestWebhook", Opens.PRODUCT, "", lambda api, at: api.send_test_webhook()),
    Door("createCustomer", Opens.CUSTOMERS, "", lambda api, at: api.create_customer(at.customer_request, at.key())),
    Door("listCustomers", Opens.CUSTOMERS, "", lambda api, at: api.customers(limit="5")),
    Door("getCustomer", Opens.CUSTOMERS, "customer", lambda api, at: api.customer(at.customer)),
    Door(
        "updateCustomer",
        Opens.CUSTOMERS,
        "customer",
        lambda api, at: api.update_customer(at.customer, {"first_name": NOBODYS}),
    ),
    Door("deleteCustomer", Opens.CUSTOMERS, "customer", lambda api, at: api.delete_customer(at.customer)),
    Door("lockQuote", Opens.RAILS, "", lambda api, at: api.lock_quote(at.quote_request, at.key())),
    Door("retrieveSignedQuote", Opens.RAILS, "quote", lambda api, at: api.quote(at.quote)),
    Door("createPayIn", Opens.RAILS, "", lambda api, at: _redeem(api, "pay_in", at)),
    Door("retrievePayIn", Opens.RAILS, "pay_in", lambda api, at: api.rail("pay_in", at.pay_in)),
    Door("createPayOut", Opens.RAILS, "", lambda api, at: _redeem(api, "pay_out", at)),
    Door("retrievePayOut", Opens.RAILS, "pay_out", lambda api, at: api.rail("pay_out", at.pay_out)),
)
"""Every operation of the published contract, in its order."""

BOOTSTRAP = "createEmbedToken"
"""The one operation for browsers: a publishable key opens it, and a secret key does not."""

NAMING = tuple(door for door in DOORS if door.names)
"""The operations whose path names an object of a partner."""


def unissued(issued: str) -> str:
    """An id of the same shape as one that was issued, and not itself: its last four letters and digits are others.

    Hexadecimal digits stay hexadecimal, so that an id is refused for what it names and not for how it looks.
    """
    letters = list(issued)
    places = [place for place, letter in enumerate(letters) if letter.isascii() and letter.isalnum()][-4:]
    for place in places:
        letters[place] = _another(letters[place])
    return "".join(letters)


def _another(letter: str) -> str:
    for alphabet in ("0123456789", "abcdef", "ABCDEF"):
        if letter in alphabet:
            return alphabet[(alphabet.index(letter) + 3) % len(alphabet)]
    return "k" if letter.lower() != "k" else "m"

"""The thirty-one 0Gate operations as calls: one line each, no judgement."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote as escape

from conformance.client.wire import Credentials, Reply, Wire

Body = Mapping[str, object]


class GateApi:
    """0Gate as seen by one account."""

    def __init__(self, wire: Wire, who: Credentials) -> None:
        self.wire = wire
        self.who = who

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        retry: bool | None = None,
        patient: bool = True,
    ) -> Reply:
        """Any request, below the 0Gate base URL; ``key`` is its idempotency key."""
        sending = dict(headers or {}) | ({} if key is None else {"Idempotency-Key": key})
        return self.wire.send(
            self.who,
            method,
            path,
            product="gate",
            query=query or None,
            body=body,
            headers=sending,
            retry=retry,
            patient=patient,
        )

    # -- sessions --------------------------------------------------------------------------------------------------

    def create_session(self, request: Body, key: str | None) -> Reply:
        """``POST /gate_sessions``."""
        return self.send("POST", "/gate_sessions", body=request, key=key)

    def list_sessions(self, **query: str) -> Reply:
        """``GET /gate_sessions``."""
        return self.send("GET", "/gate_sessions", query=query)

    def session(self, session: str) -> Reply:
        """``GET /gate_sessions/{id}``."""
        return self.send("GET", f"/gate_sessions/{_segment(session)}")

    def cancel_session(self, session: str, key: str | None = None) -> Reply:
        """``POST /gate_sessions/{id}/cancel``; never repeated by itself without a key, since it succeeds only once."""
        return self.send("POST", f"/gate_sessions/{_segment(session)}/cancel", key=key)

    # -- capabilities ----------------------------------------------------------------------------------------------

    def countries(self, **query: str) -> Reply:
        """``GET /capabilities/countries``."""
        return self.send("GET", "/capabilities/countries", query=query)

    def currencies(self, **query: str) -> Reply:
        """``GET /capabilities/currencies``."""
        return self.send("GET", "/capabilities/currencies", query=query)

    def assets(self, **query: str) -> Reply:
        """``GET /capabilities/assets``."""
        return self.send("GET", "/capabilities/assets", query=query)

    def asset(self, symbol: str, **query: str) -> Reply:
        """``GET /capabilities/assets/{symbol}``."""
        return self.send("GET", f"/capabilities/assets/{_segment(symbol)}", query=query)

    def payment_methods(self, **query: str) -> Reply:
        """``GET /capabilities/payment-methods``."""
        return self.send("GET", "/capabilities/payment-methods", query=query)

    def payout_methods(self, **query: str) -> Reply:
        """``GET /capabilities/payout-methods``."""
        return self.send("GET", "/capabilities/payout-methods", query=query)

    def eligibility(self, **query: str) -> Reply:
        """``GET /capabilities/eligibility``."""
        return self.send("GET", "/capabilities/eligibility", query=query)

    # -- quotes and rails ------------------------------------------------------------------------------------------

    def preview(self, request: Body) -> Reply:
        """``POST /quotes/preview``; repeated after network trouble, since it moves nothing."""
        return self.send("POST", "/quotes/preview", body=request, retry=True)

    def lock_quote(self, request: Body, key: str | None = None) -> Reply:
        """``POST /quotes``; repeated after network trouble, since a spare quote moves nothing."""
        return self.send("POST", "/quotes", body=request, key=key, retry=True)

    def quote(self, quote: str) -> Reply:
        """``GET /quotes/{id}``."""
        return self.send("GET", f"/quotes/{_segment(quote)}")

    def create_rail(self, kind: str, request: Body, key: str | None) -> Reply:
        """``POST /rails/pay_ins`` or ``POST /rails/pay_outs``; ``kind`` is ``pay_in`` or ``pay_out``."""
        return self.send("POST", f"/rails/{kind}s", body=request, key=key)

    def rail(self, kind: str, rail: str) -> Reply:
        """``GET /rails/pay_ins/{id}`` or ``GET /rails/pay_outs/{id}``."""
        return self.send("GET", f"/rails/{kind}s/{_segment(rail)}")

    # -- transactions ----------------------------------------------------------------------------------------------

    def transactions(self, **query: str) -> Reply:
        """``GET /transactions``."""
        return self.send("GET", "/transactions", query=query)

    def transaction(self, refid: str) -> Reply:
        """``GET /transactions/{refid}``."""
        return self.send("GET", f"/transactions/{_segment(refid)}")

    # -- embed and branding ----------------------------------------------------------------------------------------

    def bootstrap(self, request: Body, headers: Mapping[str, str] | None = None) -> Reply:
        """``POST /embed/bootstrap``; the caller names the origin."""
        return self.send("POST", "/embed/bootstrap", body=request, headers=headers, retry=True)

    def branding(self) -> Reply:
        """``GET /branding``."""
        return self.send("GET", "/branding")

    def update_branding(self, request: Body) -> Reply:
        """``PATCH /branding``; repeated after network trouble, since a merge done twice is the same."""
        return self.send("PATCH", "/branding", body=request, retry=True)

    # -- webhooks --------------------------------------------------------------------------------------------------

    def deliveries(self, **query: str) -> Reply:
        """``GET /webhooks/deliveries``."""
        return self.send("GET", "/webhooks/deliveries", query=query)

    def replay(self, delivery: str) -> Reply:
        """``POST /webhooks/deliveries/{id}/replay``; not idempotent."""
        return self.send("POST", f"/webhooks/deliveries/{_segment(delivery)}/replay")

    def send_test_webhook(self) -> Reply:
        """``POST /webhooks/test``; not idempotent."""
        return self.send("POST", "/webhooks/test")

    # -- customers -------------------------------------------------------------------------------------------------

    def create_customer(self, request: Body, key: str | None) -> Reply:
        """``POST /customers``."""
        return self.send("POST", "/customers", body=request, key=key)

    def customers(self, **query: str) -> Reply:
        """``GET /customers``."""
        return self.send("GET", "/customers", query=query)

    def customer(self, customer: str) -> Reply:
        """``GET /customers/{id}``."""
        return self.send("GET", f"/customers/{_segment(customer)}")

    def update_customer(self, customer: str, request: Body) -> Reply:
        """``PATCH /customers/{id}``; repeated after network trouble, since the same change made twice is the same."""
        return self.send("PATCH", f"/customers/{_segment(customer)}", body=request, retry=True)

    def delete_customer(self, customer: str) -> Reply:
        """``DELETE /customers/{id}``; repeated after network trouble, since it is idempotent."""
        return self.send("DELETE", f"/customers/{_segment(customer)}", retry=True)


def _segment(value: str) -> str:
    # Half a surrogate pair is legal in JSON, so a target can put one into an id.
    return escape(value, safe="", errors="surrogatepass")

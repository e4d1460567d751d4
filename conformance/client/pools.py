"""The twelve 0Pools operations as calls: one line each, no judgement."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote as escape

from conformance.client.wire import Credentials, Reply, Wire


class PoolsApi:
    """0Pools as seen by one account."""

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
        headers: Mapping[str, str] | None = None,
        retry: bool | None = None,
        patient: bool = True,
    ) -> Reply:
        """Any request, below the 0Pools base URL."""
        return self.wire.send(
            self.who, method, path, query=query, body=body, headers=headers, retry=retry, patient=patient
        )

    def pools(self) -> Reply:
        """``GET /pools``."""
        return self.send("GET", "/pools")

    def capabilities(self, pool: str) -> Reply:
        """``GET /pools/{id}/capabilities``."""
        return self.send("GET", f"/pools/{_segment(pool)}/capabilities")

    def quote(self, pool: str, request: Mapping[str, object]) -> Reply:
        """``POST /pools/{id}/quote``; repeated after network trouble, since a spare quote moves nothing."""
        return self.send("POST", f"/pools/{_segment(pool)}/quote", body=request, retry=True)

    def transact(
        self,
        pool: str,
        quote: str,
        key: str | None,
        extra: Mapping[str, object] | None = None,
        *,
        patient: bool = True,
    ) -> Reply:
        """``POST /pools/{id}/transact``. Where a 429 may be the velocity cap, do not be ``patient``."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.send(
            "POST",
            f"/pools/{_segment(pool)}/transact",
            body={"quoteId": quote, **(extra or {})},
            headers=headers,
            patient=patient,
        )

    def poll(self, quote: str) -> Reply:
        """``GET /pools/transactions/{quoteId}``, which may advance the trade."""
        return self.send("GET", f"/pools/transactions/{_segment(quote)}")

    def trades(self, **query: str) -> Reply:
        """``GET /pools/trades``."""
        return self.send("GET", "/pools/trades", query=query or None)

    def trade(self, transact: str) -> Reply:
        """``GET /pools/trades/{transactId}``."""
        return self.send("GET", f"/pools/trades/{_segment(transact)}")

    def read_quote(self, quote: str) -> Reply:
        """``GET /pools/quotes/{quoteId}``."""
        return self.send("GET", f"/pools/quotes/{_segment(quote)}")

    def reject(self, quote: str) -> Reply:
        """``POST /pools/quotes/{quoteId}/reject``; never repeated by itself, since it succeeds only once."""
        return self.send("POST", f"/pools/quotes/{_segment(quote)}/reject")

    def balance(self, pool: str) -> Reply:
        """``GET /pools/{id}/balance``."""
        return self.send("GET", f"/pools/{_segment(pool)}/balance")

    def funding(self, **query: str) -> Reply:
        """``GET /pools/funding``."""
        return self.send("GET", "/pools/funding", query=query or None)

    def ledger(self, **query: str) -> Reply:
        """``GET /pools/ledger``."""
        return self.send("GET", "/pools/ledger", query=query or None)


def _segment(value: str) -> str:
    # Half a surrogate pair is legal in JSON, so a target can put one into an id.
    return escape(value, safe="", errors="surrogatepass")

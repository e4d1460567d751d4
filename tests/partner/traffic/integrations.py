"""Small integrations that talk to a sandbox over real HTTP the way a partner's server does; and one that misbehaves."""

from __future__ import annotations

from typing import Any

import httpx

SECRET = "sk_test_sandbox_approved"
PUBLISHABLE = "pk_test_sandbox_approved"
POOL = "EUR-USDT"
AGENT = {"User-Agent": "partner/1.0"}
SETTLES = "0x00000000000000000000000000000000000a11ce"
FAILS = "0x000000000000000000000000000000000000fa11"

ENDS = {"settled", "failed", "released", "returned"}


class Integration:
    """An honest integration: discovery, capabilities, quote, execution with a key of its own, polls, ledger."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=10, headers=AGENT)

    def __enter__(self) -> Integration:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def call(self, method: str, path: str, key: str = SECRET, **more: Any) -> Any:
        """One call; its answer as JSON."""
        sent = {"Authorization": f"Bearer {key}"} | more.pop("headers", {})
        return self._http.request(method, path, headers=sent, **more).json()

    def begin(self) -> None:
        """What is read before anything is offered."""
        self.call("GET", "/pools", PUBLISHABLE)
        self.call("GET", f"/pools/{POOL}/capabilities")

    def quote(self, **asked: Any) -> Any:
        """A firm quote."""
        body = {"side": "on_ramp", "fiatCurrency": "EUR", "cryptoCurrency": "USDT", "amount": "10.00", "type": "firm"}
        return self.call("POST", f"/pools/{POOL}/quote", json=body | {"destAddress": SETTLES} | asked)

    def transact(self, quote: Any, key: str | None) -> Any:
        """An execution."""
        headers = {"Idempotency-Key": key} if key else {}
        return self.call("POST", f"/pools/{POOL}/transact", json={"quoteId": quote}, headers=headers)

    def order(self, key: str, address: str = SETTLES) -> str:
        """One order from quote to its end; the state it ended in."""
        quote = self.quote(destAddress=address)["quoteId"]
        self.transact(quote, key)
        for _ in range(20):
            state = str(self.call("GET", f"/pools/transactions/{quote}")["status"])
            if state in ENDS:
                return state
        raise AssertionError("the trade did not end")

    def reconcile(self) -> None:
        """What is read once trades have ended."""
        self.call("GET", "/pools/ledger")


def healthy(url: str) -> None:
    """Two orders, one settled and one failed, and the ledger."""
    with Integration(url) as partner:
        partner.begin()
        assert partner.order("order-1") == "settled"
        assert partner.order("order-2", FAILS) == "failed"
        partner.reconcile()


def without_key(url: str) -> None:
    """The same, but one execution has no key."""
    with Integration(url) as partner:
        partner.begin()
        partner.order("order-1")
        partner.transact(partner.quote()["quoteId"], None)
        partner.reconcile()

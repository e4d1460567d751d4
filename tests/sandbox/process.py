"""A sandbox process for tests and a client for it: what every test here needs, and no statement about behaviour."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

Json = dict[str, Any]

ADDRESS = "0x52908400098527886E0F7030069857D2E4169EE7"
FAILS = "0x000000000000000000000000000000000000fa11"
RELEASED = "0x0000000000000000000000000000000000004e1e"
RETURNED = "0x0000000000000000000000000000000000004e74"

ORDER: Json = {
    "side": "on_ramp",
    "fiatCurrency": "EUR",
    "cryptoCurrency": "USDT",
    "amount": "100.00",
    "cryptoNetwork": "tron",
    "type": "firm",
    "destAddress": ADDRESS,
    "destNetwork": "arbitrum",
}


@dataclass(frozen=True)
class Partner:
    """One account of a running sandbox, with the calls tests make most."""

    http: httpx.Client
    name: str

    def quote(self, pool: str = "EUR-USDT", **changes: Any) -> httpx.Response:
        return self.http.post(f"/pools/{pool}/quote", json={**ORDER, **changes})

    def firm(self, **changes: Any) -> str:
        """The id of a new firm quote."""
        answer = self.quote(**changes)
        assert answer.status_code == 200, answer.text
        quote_id: str = answer.json()["quoteId"]
        return quote_id

    def transact(self, quote_id: str, key: str | None = None, pool: str = "EUR-USDT") -> httpx.Response:
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self.http.post(f"/pools/{pool}/transact", json={"quoteId": quote_id}, headers=headers)

    def trade(self, **changes: Any) -> Json:
        """A freshly executed trade."""
        answer = self.transact(self.firm(**changes))
        assert answer.status_code == 201, answer.text
        trade: Json = answer.json()
        return trade

    def poll(self, quote_id: str, times: int = 1) -> list[str]:
        """The statuses that so many polls show."""
        return [self.http.get(f"/pools/transactions/{quote_id}").json()["status"] for _ in range(times)]

    def state(self, quote_id: str) -> str:
        state: str = self.http.get(f"/pools/quotes/{quote_id}").json()["status"]
        return state

    def entries(self, ref: str | None = None) -> list[Json]:
        """The whole ledger, or what joins to one quote, newest first."""
        found: list[Json] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.http.get("/pools/ledger", params={"limit": 200, **cursor}).json()
            found += page["entries"]
            if page["nextCursor"] is None:
                return [entry for entry in found if ref in {None, entry["ref"]}]
            cursor = {"cursor": page["nextCursor"]}

    def movements(self, quote_id: str) -> list[tuple[str, str]]:
        """Reason and delta of each entry of one quote, oldest first."""
        return [(entry["reason"], entry["delta"]) for entry in reversed(self.entries(quote_id))]


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox process."""

    process: subprocess.Popen[str]
    url: str
    control_url: str | None
    clients: dict[str, httpx.Client] = field(default_factory=dict)

    def client(self, key: str | None = None) -> httpx.Client:
        """One client for each key, kept until the sandbox ends; without a key it sends none."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        if str(key) not in self.clients:
            self.clients[str(key)] = httpx.Client(base_url=self.url, headers=headers, timeout=20)
        return self.clients[str(key)]

    def partner(self, name: str = "approved", key: str | None = None) -> Partner:
        return Partner(self.client(key or f"sk_test_sandbox_{name}"), name)

    def control(self, path: str, **body: Any) -> httpx.Response:
        return self.client().post(f"{self.control_url}{path}", json=body)


@contextlib.contextmanager
def running(*options: str) -> Iterator[Sandbox]:
    """A sandbox that lives as long as the context."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OBIT_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "conformance.sandbox", "--exit-with-stdin", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        sandbox = Sandbox(process, ready["url"], ready["control"])
        yield sandbox
        for client in sandbox.clients.values():
            client.close()
        process.stdin.close()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()

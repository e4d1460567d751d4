"""A partner's server in tests: one call for each operation, every answer held against the contract."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from tests.sandbox.process import Sandbox

from . import contract

Json = dict[str, Any]
Seen = TypeVar("Seen")

SESSION: Json = {"amount": "100.00", "currency": "EUR", "return_url": "https://partner.example/complete"}
ORDER: Json = {"currency": "EUR", "asset": "USDC", "amount": "100.00", "side": "on_ramp"}
LOCK: Json = {**ORDER, "payment_method": "bank_transfer"}
SELL: Json = {**LOCK, "side": "off_ramp"}
FRESH = "a fresh key"
PATIENCE = 20.0


@dataclass(frozen=True)
class Gate:
    """One account at a running sandbox."""

    sandbox: Sandbox
    http: httpx.Client
    account: str

    def call(
        self,
        operation: str,
        body: object = None,
        *,
        key: str | None = FRESH,
        query: Json | None = None,
        headers: Json | None = None,
        **path: str,
    ) -> httpx.Response:
        """Call an operation by its id. A POST goes under a fresh idempotency key unless told otherwise."""
        method, template = contract.operations()[operation]
        sent = dict(headers or {})
        if key is not None and method != "GET":
            sent["Idempotency-Key"] = str(uuid.uuid4()) if key == FRESH else key
        answer = self.http.request(method, template.format(**path), json=body, params=query, headers=sent)
        contract.check(operation, answer)
        if answer.status_code >= 400:
            contract.check_error(answer)
        return answer

    def made(self, operation: str, body: object = None, **others: Any) -> Json:
        """The object that a call must succeed in giving."""
        answer = self.call(operation, body, **others)
        assert answer.status_code < 300, answer.text
        made: Json = answer.json()
        return made

    def session(self, **changes: object) -> Json:
        return self.made("createSession", {**SESSION, **changes})

    def quote(self, **changes: object) -> Json:
        return self.made("lockQuote", {**LOCK, **changes})

    def customer(self, **changes: object) -> Json:
        return self.made("createCustomer", {"email": f"{uuid.uuid4().hex}@partner.example", **changes})

    def pay_in(self, session_id: str | None = None) -> Json:
        """A pay-in for a fresh quote."""
        body = {"gate_session_id": session_id or self.session()["id"], "quote_id": self.quote()["id"]}
        return self.made("createPayIn", body)

    def pay_out(self) -> Json:
        body = {"gate_session_id": self.session()["id"], "quote_id": self.quote(side="off_ramp")["id"]}
        return self.made("createPayOut", body)

    def move(self, session_id: str, move: str) -> httpx.Response:
        """What the hosted widget or time would do to a session."""
        return self.sandbox.control(f"/gate/sessions/{session_id}/{move}")

    def end_rail(self, rail_id: str, how: str) -> httpx.Response:
        return self.sandbox.control(f"/gate/rails/{rail_id}/{how}")

    def ids(self, operation: str, member: str = "id", **query: object) -> list[str]:
        """The ids of every object of a list, page by page."""
        found: list[str] = []
        cursor: Json = {}
        while True:
            page = self.made(operation, query={**query, **cursor})
            found += [item[member] for item in page["data"]]
            if not page["has_more"]:
                return found
            cursor = {"starting_after": found[-1]}


def gate_of(sandbox: Sandbox, account: str = "approved", key: str | None = None) -> Gate:
    """The 0Gate side of one account; ``key`` instead of its secret key."""
    client = sandbox.client(key or f"sk_test_sandbox_{account}")
    name = f"gate {key or account}"
    if name not in sandbox.clients:
        sandbox.clients[name] = httpx.Client(
            base_url=sandbox.url.removesuffix("/v1") + "/gate/v1", headers=client.headers, timeout=20
        )
    return Gate(sandbox, sandbox.clients[name], account)


def until(look: Callable[[], Seen], holds: Callable[[Seen], bool]) -> Seen:
    """What a look shows as soon as it holds; fails when it does not within the patience of a test."""
    deadline = time.monotonic() + PATIENCE
    seen = look()
    while not holds(seen):
        assert time.monotonic() < deadline, seen
        time.sleep(0.02)
        seen = look()
    return seen

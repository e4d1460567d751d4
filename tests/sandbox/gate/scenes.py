"""What stories about 0Gate are told with: its clients in a world, and a transcript in which ids are labels.

No story is told here.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.sandbox.worlds import World, document_of, plain_http

ID = re.compile(r"\b(gsec_gs|gs|qt|tx|pi|po|evt|wd|req)_(?:test|live)_[0-9a-f]{16,64}(?:_[0-9a-f]{32})?\b")
CUSTOMER = re.compile(r"^[0-9a-f]{24}$")
SIGNATURE = re.compile(r"^[0-9a-f]{64}$")
TOKEN = re.compile(r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")

SESSION = {"amount": "100.50", "currency": "EUR", "return_url": "https://partner.example/complete"}
PATIENCE = 5.0
LOCK = {"currency": "EUR", "asset": "USDC", "amount": "100.50", "side": "on_ramp", "payment_method": "bank_transfer"}


@dataclass
class Scene:
    """0Gate of a world, seen by its partners."""

    world: World
    account: str = "approved"
    labels: dict[str, str] = field(default_factory=dict)

    def of(self, account: str) -> Scene:
        """The same scene seen by another partner."""
        return Scene(self.world, account, self.labels)

    def client(self, key: str | None) -> httpx.Client:
        name = f"gate {key}"
        if name not in self.world.clients:
            self.world.clients[name] = httpx.Client(
                base_url=self.world.url.removesuffix("/v1") + "/gate/v1",
                headers={} if key is None else {"Authorization": f"Bearer {key}"},
                timeout=20,
                transport=plain_http(),
            )
        return self.world.clients[name]

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = "a fresh one",
        credential: str | None = "its own",
        **headers: str,
    ) -> Any:
        """The document that comes back; what is seen of the call is noted. Header names have _ for -."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None and method == "POST":
            sent["Idempotency-Key"] = str(uuid.uuid4()) if key == "a fresh one" else key
        shown = f"sk_test_sandbox_{self.account}" if credential == "its own" else credential
        answer = self.client(shown).request(method, path, json=body, headers=sent)
        frame = [method, answer.request.url.path, answer.request.url.query.decode(), answer.status_code]
        others = [answer.headers.get(name) for name in ("content-type", "x-request-id")]
        self.note([*frame, *others, document_of(answer)])
        return document_of(answer)

    def get(self, path: str, **more: Any) -> Any:
        return self.send("GET", path, **more)

    def post(self, path: str, body: object = None, **more: Any) -> Any:
        return self.send("POST", path, body, **more)

    def patch(self, path: str, body: object) -> Any:
        return self.send("PATCH", path, body)

    def delete(self, path: str) -> Any:
        return self.send("DELETE", path)

    def session(self, **changes: object) -> str:
        """The id of a new session."""
        return str(self.post("/gate_sessions", {**SESSION, **changes})["id"])

    def quote(self, **changes: object) -> str:
        """The id of a new signed quote."""
        return str(self.post("/quotes", {**LOCK, **changes})["id"])

    def redeem(self, session_id: str, quote_id: str, kind: str = "pay_ins", **more: Any) -> Any:
        return self.post(f"/rails/{kind}", {"gate_session_id": session_id, "quote_id": quote_id}, **more)

    def customer(self, **changes: object) -> str:
        """The id of a new customer."""
        return str(self.post("/customers", {"email": "one@partner.example", **changes})["id"])

    def control(self, path: str, **body: object) -> None:
        """A move from outside, whether it can be made or not."""
        self.world.operator.post(f"/gate{path}", json=body)

    def walk(self, path: str, arrival: Callable[[], object] = lambda: None) -> None:
        """At most six pages of two rows. Something arrives after the first."""
        after = ""
        for turn in range(6):
            page = self.get(f"{path}limit=2{after}")
            if turn == 0:
                arrival()
            if not page["has_more"]:
                return
            last = page["data"][-1]
            after = f"&starting_after={last.get('id', last.get('refid'))}"

    def note(self, seen: object) -> None:
        self.world.seen.append(self.plain(seen))

    def plain(self, value: object) -> object:
        """The value with ids numbered in the order of their appearance, and without times and messages."""
        if isinstance(value, dict):
            return {name: self.plain(member) for name, member in value.items() if name != "message"}
        if isinstance(value, list):
            return [self.plain(member) for member in value]
        if not isinstance(value, str):
            return value
        if TIME.match(value):
            return "a time"
        if TOKEN.match(value) and len(value) > 60:
            return "a token"
        if CUSTOMER.match(value) or SIGNATURE.match(value):
            return self.label("hex", value)
        shown = ID.sub(lambda found: self.label(found[1], found[0]), ADDRESS.sub("an address", value))
        return re.sub(r"\b[0-9a-f]{24}\b", lambda found: self.label("hex", found[0]), shown)

    def label(self, kind: str, value: str) -> str:
        return self.labels.setdefault(value, f"{kind} {len(self.labels)}")

    def settled(self) -> list[Any]:
        """The log once no delivery of the account is under way."""
        end = time.monotonic() + PATIENCE
        client = self.client(f"sk_test_sandbox_{self.account}")
        while time.monotonic() < end:
            rows: list[Any] = client.get("/webhooks/deliveries?limit=200").json()["data"]
            if all(row["status"] in {"succeeded", "dead_lettered"} for row in rows):
                return rows
            time.sleep(0.01)
        raise ValueError("the deliveries did not come to an end")

"""The reference card program and its twins as processes, beside a sandbox whose trades it waits for."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from conformance.client import SystemClock
from conformance.partner.cards_driver import CardsTrouble, CardsUnderTest, Trade
from conformance.target.process import running
from conformance.webhooks.signature import sign

PARTNER = Path(__file__).resolve().parents[3] / "examples" / "partner"
SECRET = "whsec_test_of_the_card_program"
ENDS = {
    "settled": "0x00000000000000000000000000000000000a11ce",
    "failed": "0x000000000000000000000000000000000000fa11",
    "released": "0x0000000000000000000000000000000000004e1e",
    "returned": "0x0000000000000000000000000000000000004e74",
}
POLLS = 10


@dataclass(frozen=True)
class SandboxWorld:
    """Trades on a running sandbox."""

    http: httpx.Client

    def quote(self, end: str) -> Trade:
        terms = {"side": "on_ramp", "fiatCurrency": "EUR", "cryptoCurrency": "USDT", "cryptoNetwork": "tron"}
        body = {**terms, "type": "firm", "amount": "25.50", "destAddress": ENDS[end]}
        found = self.http.post("/pools/EUR-USDT/quote", json=body).json()
        return Trade(found["quoteId"], "25.50", "EUR")

    def execute(self, trade: Trade) -> Trade:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        answer = self.http.post("/pools/EUR-USDT/transact", json={"quoteId": trade.quote}, headers=headers)
        return replace(trade, transact=answer.json()["transactId"])

    def move(self, trade: Trade, status: str) -> None:
        for _ in range(POLLS):
            if self.truth(trade) == status:
                return
            self.http.get(f"/pools/transactions/{trade.quote}")
        raise CardsTrouble(f"the trade did not come to {status}")

    def truth(self, trade: Trade) -> str:
        return str(self.http.get(f"/pools/trades/{trade.transact}").json()["status"])


@contextlib.contextmanager
def serving(url: str, key: str, *words: str) -> Iterator[CardsUnderTest]:
    """The card program on a free port, until the block ends."""
    command = [sys.executable, str(PARTNER / "cards.py"), "--pools", url, "--exit-with-stdin", *words]
    environment = {**os.environ, "OBIT_WEBHOOK_SECRET": SECRET, "OBIT_POOLS_SECRET_KEY": key}
    with running("the card program", command, environment, (SECRET, key), 20) as ready:
        yield under_test(ready)


def under_test(ready: Mapping[str, Any], **changes: Any) -> CardsUnderTest:
    """A card program by the line it printed when it was ready."""
    clock = SystemClock()
    fields: dict[str, Any] = {
        **{name: ready[name] for name in ("start", "probe", "events", "look", "callback")},
        "sign": lambda raw: {"Gate-Signature": sign(SECRET, raw, int(clock.now().timestamp()))},
        "forge": lambda raw: {"Gate-Signature": sign("whsec_of_somebody_else", raw, int(clock.now().timestamp()))},
        "run": f"test-{uuid.uuid4().hex[:8]}",
        # The reference program has done what it was told when it answers.
        "patience": 0,
    }
    return CardsUnderTest(**(fields | changes))


def listed_faults() -> list[dict[str, Any]]:
    """What ``cards_faults.py`` says of the twins."""
    done = subprocess.run([sys.executable, str(PARTNER / "cards_faults.py")], capture_output=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found

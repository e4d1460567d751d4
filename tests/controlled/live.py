"""The sandbox in live mode, a production profile of it, and what a controlled order left there; no statement here."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from tests.commands.command import Ended, Served, conformance, sandbox
from tests.commands.liars import Answering, Liar, lying
from tests.sandbox.process import ADDRESS

KEY = "sk_live_sandbox_approved"
"""The fixed live key that opens nothing but a sandbox on this machine."""

OURS = {"OBIT_POOLS_SECRET_KEY": KEY}

APPROVAL = {
    "partner_id": "approved",
    "product": "wallet_buy_stablecoin",
    "requested_pools": ["EUR-USDT", "EUR-USDC"],
    "approved_environment": "production",
    "approved_sides": ["buy"],
    "funding_model": "prefunded_balance",
    "webhook_verified": True,
    "support_escalation_ready": True,
}

PROFILE = """
[target]
name = "live"
environment = "{environment}"
approval = "approval.json"

[target.pools]
base_url = "{url}"

[accounts.approved]
secret_key = "OBIT_POOLS_SECRET_KEY"

[limits]
trades = 1
notional = "100.00"
requests_per_second = 1000

[order]
pool = "EUR-USDT"
amount = "10.00"
network = "tron"
dest_address = "{wallet}"

[patience]
settle = 1
request = 3
delivery = 5
poll_every = 0.02
"""


@dataclass
class Live:
    """A running sandbox in live mode, the liar in front of it that hears everything, and a folder for runs."""

    folder: Path
    sandbox: Served
    liar: Liar

    def profile(self, wallet: str = ADDRESS, environment: str = "production", further: str = "") -> Path:
        """A production profile of the sandbox, heard by the liar."""
        (self.folder / "approval.json").write_text(json.dumps(APPROVAL), "utf-8")
        text = PROFILE.format(environment=environment, url=self.liar.url, wallet=wallet)
        path = self.folder / "live.toml"
        path.write_text(text + further, "utf-8")
        return path

    def order(self, *words: object, most: str = "30.00", output: str = "runs/one", **variables: str) -> Ended:
        """``conformance run --controlled-order`` with the profile that was written last."""
        if not (self.folder / "live.toml").exists():
            self.profile()
        return conformance(*self.words(*words, most=most, output=output), cwd=self.folder, **OURS, **variables)

    def words(self, *words: object, most: str = "30.00", output: str = "runs/one") -> list[object]:
        """The words of that command."""
        bound = ["--controlled-order", "--max-amount", most, "--output", output]
        return ["run", "--target", "live.toml", *bound, *words]

    def rows(self, place: str) -> list[dict[str, Any]]:
        """The rows of a list at the sandbox, asked behind the liar's back."""
        answer = httpx.get(f"{self.sandbox.url}/pools/{place}", headers={"Authorization": f"Bearer {KEY}"})
        rows: list[dict[str, Any]] = answer.json()["trades" if place == "trades" else "entries"]
        return rows

    @property
    def trades(self) -> list[str]:
        """The status of each trade there is."""
        return [str(row["status"]) for row in self.rows("trades")]

    @property
    def debited(self) -> Decimal:
        """What all debits add up to."""
        return -sum((Decimal(row["delta"]) for row in self.rows("ledger") if row["reason"] == "buy_debit"), Decimal(0))

    def sent(self, place: str) -> list[tuple[str | None, str]]:
        """Key and body of each write to ``quote``, ``transact`` or ``reject``, in order."""
        found = [asked for asked in self.liar.asked if asked.method != "GET" and asked.path.endswith(f"/{place}")]
        return [
            (asked.headers.get("Idempotency-Key", asked.headers.get("idempotency-key")), asked.body.decode())
            for asked in found
        ]

    @property
    def written(self) -> list[str]:
        """Every write there was, by its last word."""
        return [asked.path.rpartition("/")[2] for asked in self.liar.asked if asked.method != "GET"]

    def record(self, output: str = "runs/one") -> dict[str, Any]:
        """The order record of a run."""
        found: dict[str, Any] = json.loads((self.folder / output / "controlled-order.json").read_text())
        return found

    def control(self, path: str, **body: Any) -> None:
        """Do what an operator would."""
        answer = httpx.post(f"{self.sandbox.control}{path}", json=body)
        assert answer.status_code == 200, answer.text


@contextlib.contextmanager
def live(folder: Path, *options: str, **lies: Callable[[Answering], None]) -> Iterator[Live]:
    """A sandbox in live mode that lives as long as the context, with a liar in front of it."""
    with sandbox("--mode", "live", "--control", *options) as served, lying(served.origin, **lies) as liar:
        yield Live(folder, served, liar)


def points(folder: Path) -> dict[int, str]:
    """What a run folder says of each of the nine points."""
    text = (folder / "first-production-order.md").read_text()
    rows = re.findall(r"^\| (\d) \| [^|]+ \| ([a-z ]+) \|", text, re.MULTILINE)
    told = {int(number): str(state) for number, state in rows}
    assert told == {point["number"]: point["state"] for point in verdict(folder)["first_order"]}
    return told


def verdict(folder: Path) -> dict[str, Any]:
    """The verdict of a run folder."""
    found: dict[str, Any] = json.loads((folder / "verdict.json").read_text())
    return found


def statuses(folder: Path) -> dict[str, str]:
    """What a run folder says of each requirement."""
    return {entry["id"]: entry["status"] for entry in verdict(folder)["requirements"]}


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port: int = bound.getsockname()[1]
        return port


def passing_on(answering: Answering, **members: object) -> None:
    """Answer the truth, with these members put into its object."""
    status, headers, body = answering.truth()
    known = {name.lower(): value for name, value in headers}
    content = json.dumps({**json.loads(body), **members}).encode() if members else body
    answering.reply(status, content, known["content-type"], x_request_id=known["x-request-id"])


def adding(**members: object) -> Callable[[Answering], None]:
    """A lie that puts further members into an answer."""
    return lambda answering: passing_on(answering, **members)


def losing(times: int, *, executed: bool) -> Callable[[Answering], None]:
    """A lie that closes the connection on the first answers; the request is ``executed`` all the same, or never was."""
    left = [times]

    def lose(answering: Answering) -> None:
        if left[0] <= 0:
            passing_on(answering)
            return
        left[0] -= 1
        if executed:
            answering.truth()

    return lose

"""Clients that a public generator makes from our two contract files take a trade and a session to their ends."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.sandbox.process import ADDRESS, Sandbox, running

ROOT = Path(__file__).parents[2]
PRODUCTS = {"pools": 12, "gate": 31}
"""How many operations each contract has."""
BOUND = 120
POLLS = 20


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running("--control") as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder the generated packages are imported from."""
    made = tmp_path_factory.mktemp("generated")
    sys.path.insert(0, str(made))
    yield made
    sys.path.remove(str(made))


@pytest.fixture(scope="module")
def told(folder: Path) -> dict[str, str]:
    """What the generator said of each file; its packages are called after the product."""
    # Without formatting afterwards: what it does to the code is no part of the witness.
    (config := folder / "config.yaml").write_text("post_hooks: []\n")
    said = {}
    for product in PRODUCTS:
        command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"]
        command += ["--path", str(ROOT / "openapi" / f"{product}-v1.yaml"), "--config", str(config)]
        command += ["--output-path", str(folder / f"generated_{product}")]
        environ = {**os.environ, "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run(command, capture_output=True, text=True, timeout=BOUND, env=environ)
        assert done.returncode == 0, done.stdout + done.stderr
        said[product] = done.stdout + done.stderr
    return said


class Generated:
    """One generated package and a client of it."""

    def __init__(self, product: str, base_url: str) -> None:
        self.name = f"generated_{product}"
        self.client = self.module("client").AuthenticatedClient(base_url=base_url, token="sk_test_sandbox_approved")

    def module(self, path: str) -> ModuleType:
        return importlib.import_module(f"{self.name}.{path}")

    def model(self, name: str) -> Any:
        return getattr(self.module("models"), name)

    def call(self, operation: str, *path: str, **more: Any) -> tuple[int, Any]:
        """Status and typed answer of ``area.operation``."""
        answer = self.module(f"api.{operation}").sync_detailed(*path, client=self.client, **more)
        return int(answer.status_code), answer.parsed


@pytest.fixture(scope="module")
def pools(told: dict[str, str], sandbox: Sandbox) -> Generated:
    return Generated("pools", sandbox.url)


@pytest.fixture(scope="module")
def gate(told: dict[str, str], sandbox: Sandbox) -> Generated:
    return Generated("gate", sandbox.url.removesuffix("/v1") + "/gate/v1")


@pytest.mark.parametrize(("product", "operations"), PRODUCTS.items())
def test_the_generator_understands_all_of_a_contract(
    told: dict[str, str], folder: Path, product: str, operations: int
) -> None:
    modules = [path for path in (folder / f"generated_{product}" / "api").glob("*/*.py") if path.stem != "__init__"]

    assert "arning" not in told[product]
    assert "rror" not in told[product]
    assert len(modules) == operations


def test_a_quote_becomes_a_trade_that_settles(pools: Generated) -> None:
    request = pools.model("CreateQuoteRequest")(
        side=pools.model("Side").ON_RAMP,
        fiat_currency="EUR",
        crypto_currency="USDT",
        amount="100.00",
        dest_address=ADDRESS,
        dest_network="arbitrum",
    )
    _, quote = pools.call("quotes.create_quote", "EUR-USDT", body=request)
    order = pools.model("TransactRequest")(quote_id=quote.quote_id)
    status, trade = pools.call("transactions.transact", "EUR-USDT", body=order, idempotency_key=str(uuid.uuid4()))
    again, shown = pools.call("transactions.get_transaction_status", quote.quote_id)
    polls = 1
    while shown.status.value != "settled" and polls < POLLS:
        again, shown = pools.call("transactions.get_transaction_status", quote.quote_id)
        polls += 1

    assert isinstance(quote, pools.model("FirmQuote"))
    assert (status, isinstance(trade, pools.model("Trade"))) == (201, True)
    assert (again, shown.status.value, shown.transact_id) == (200, "settled", trade.transact_id)


def test_a_session_is_completed(gate: Generated, sandbox: Sandbox) -> None:
    request = gate.model("CreateSessionRequest")(
        amount="100.00", currency="EUR", return_url="https://partner.example/complete"
    )
    status, created = gate.call("sessions.create_session", body=request, idempotency_key=str(uuid.uuid4()))
    assert sandbox.control(f"/gate/sessions/{created.id}/complete").status_code == 200
    _, read = gate.call("sessions.retrieve_session", created.id)
    _, page = gate.call("transactions.list_transactions", session_id=created.id)

    assert (status, created.status.value) == (201, "open")
    assert created.client_secret
    assert (read.id, read.status.value) == (created.id, "completed")
    assert [row.session_id for row in page.data] == [created.id]


def test_a_refusal_is_of_the_type_the_contract_gives_it(gate: Generated) -> None:
    status, refusal = gate.call("sessions.retrieve_session", "gs_test_none")

    assert (status, isinstance(refusal, gate.model("Error"))) == (404, True)
    assert refusal.status_code == 404

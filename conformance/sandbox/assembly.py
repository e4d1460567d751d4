"""Putting one sandbox together: storage, accounts, keys, worker and application, from the chosen options."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp

from conformance.sandbox import app, clock, control, keys, schema
from conformance.sandbox.calls import Sandbox
from conformance.sandbox.gate import operations as gate_operations
from conformance.sandbox.gate import outbox as gate_outbox
from conformance.sandbox.gate import schema as gate_schema
from conformance.sandbox.gate import serving as gate_serving
from conformance.sandbox.gate import world as gate_world
from conformance.sandbox.gate.worker import GateWorker
from conformance.sandbox.pools import operations as pools_operations
from conformance.sandbox.pools import schema as pools_schema
from conformance.sandbox.pools import world
from conformance.sandbox.storage import Store
from conformance.sandbox.webhooks import outbox, sending
from conformance.sandbox.webhooks.worker import Worker

# The specimen IBAN that standards texts print.
DEFAULT_IBAN: Final = "DE89370400440532013000"


@dataclass(frozen=True, slots=True)
class Options:
    """How a sandbox is to be. ``db`` is a file path or ``None`` for memory."""

    mode: str = "test"
    db: str | None = None
    control: bool = False
    webhook_url: str | None = None
    allow_remote_webhooks: bool = False
    polls_to_settle: int = 2


@dataclass(frozen=True, slots=True)
class Assembled:
    """A sandbox ready to be served."""

    application: ASGIApp
    sandbox: Sandbox
    worker: Worker
    gate_worker: GateWorker

    def start(self) -> None:
        self.worker.start()
        self.gate_worker.start()

    def stop(self) -> None:
        self.worker.stop()
        self.gate_worker.stop()
        self.sandbox.store.close()


def assemble(options: Options, environment: Mapping[str, str]) -> Assembled:
    """Raises ``ValueError`` for options or variables that cannot work, before anything listens."""
    if options.webhook_url is not None:
        sending.check_url(options.webhook_url, options.allow_remote_webhooks)
    keyring = keys.from_environment(environment, gate_world.ACCOUNTS, options.mode)
    try:
        store = Store(options.db, (*schema.STATEMENTS, *pools_schema.STATEMENTS, *gate_schema.STATEMENTS))
    except sqlite3.Error as error:
        raise ValueError(f"the database {options.db} cannot be used: {error}") from error
    with store.write() as tx:
        world.open_accounts(tx, clock.wall, options.mode)
        gate_world.open_accounts(tx)
        if options.webhook_url is not None:
            outbox.set_endpoint(tx, world.APPROVED, options.webhook_url)
            gate_outbox.set_endpoint(tx, world.APPROVED, options.webhook_url)
    wake, gate_wake = threading.Event(), threading.Event()

    def wake_deliveries() -> None:
        wake.set()
        gate_wake.set()

    sandbox = Sandbox(
        mode=options.mode,
        store=store,
        clock=clock.wall,
        keyring=keyring,
        polls_to_settle=options.polls_to_settle,
        iban=environment.get("OBIT_SANDBOX_IBAN") or DEFAULT_IBAN,
        wake_deliveries=wake_deliveries,
    )
    gate = gate_serving.routes(sandbox, gate_operations.OPERATIONS)
    extra = control.routes(sandbox, options.allow_remote_webhooks) if options.control else []
    return Assembled(
        application=app.build(sandbox, pools_operations.OPERATIONS, [*gate, *extra]),
        sandbox=sandbox,
        worker=Worker(store, clock.wall, keyring.webhook_secrets, wake),
        gate_worker=GateWorker(sandbox, gate_wake),
    )

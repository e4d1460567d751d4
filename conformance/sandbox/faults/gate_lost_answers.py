"""Mistakes of 0Gate with a create whose caller has gone before it was answered, and comes back to try again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from conformance.sandbox import app
from conformance.sandbox.calls import Call, Operation, Reply, Sandbox
from conformance.sandbox.faults import seams
from conformance.sandbox.gate import idempotency, serving
from conformance.sandbox.gate.idempotency import Perform
from conformance.sandbox.refusal import conflict
from conformance.sandbox.variations import Patch, fault


@fault(
    "gate-hang-up-forgets-key",
    summary="A caller that hangs up counts as a cancelled request: his key is given free, what it made stays",
    fact="gate facts section 4.I and seed 003: retry a timeout after a write with the same idempotency key",
    klass="lost response",
    breaks=("GATE-SESSION-LOST-ANSWER", "GATE-RAIL-LOST-ANSWER"),
)
def gate_hang_up_forgets_key(patch: Patch) -> None:
    def answered(sandbox: Sandbox, key: str, hung_up: bool) -> None:
        if hung_up:
            with sandbox.store.write() as tx:
                tx.execute("DELETE FROM gate_calls WHERE idempotency_key = ?", (key,))

    after_creates(patch, answered)


@fault(
    "gate-hang-up-keeps-key-busy",
    summary="The mark of a key in progress is taken off after the answer; for a caller that has hung up it stays",
    fact="gate facts section 6: the same key on every retry of an operation gives the first response",
    klass="lost response",
    breaks=("GATE-SESSION-LOST-ANSWER", "GATE-RAIL-LOST-ANSWER"),
)
def gate_hang_up_keeps_key_busy(patch: Patch) -> None:
    healthy = idempotency.once
    hung: set[str] = set()

    def once(call: Call, operation: str, document: object, perform: Perform, *, required: bool = False) -> Reply:
        if idempotency.read_key(call.headers, required) in hung:
            raise conflict("a call with this key is in progress")
        return healthy(call, operation, document, perform, required=required)

    def answered(sandbox: Sandbox, key: str, hung_up: bool) -> None:
        if hung_up:
            hung.add(key)

    patch.replace(idempotency, "once", once)
    after_creates(patch, answered)


def after_creates(patch: Patch, answered: Callable[[Sandbox, str, bool], None]) -> None:
    """Tell ``answered`` the key of each call under one, and whether its caller has hung up by the answer."""
    healthy = serving.operation_endpoint

    def operation_endpoint(sandbox: Sandbox, by_method: dict[str, Operation]) -> app.Endpoint:
        inner = healthy(sandbox, by_method)

        async def endpoint(request: Request) -> Response:
            response = await inner(request)
            key = request.headers.get("idempotency-key")
            if key is not None and request.method == "POST":
                await asyncio.sleep(seams.RACE_WINDOW_SECONDS)
                answered(sandbox, key, await request.is_disconnected())
            return response

        return endpoint

    patch.replace(serving, "operation_endpoint", operation_endpoint)

"""Variations in the status and body of a successful write."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from conformance.sandbox import app
from conformance.sandbox.calls import Operation, Reply
from conformance.sandbox.dialects.rewriting import each_reply
from conformance.sandbox.pools import trades, transact
from conformance.sandbox.pools.trades import Trade
from conformance.sandbox.variations import Patch, dialect

NO_REJECT_CODE = "facts section 14: success code of reject is stated nowhere; section 4.9: its body is unread"


@dialect(
    "transact-200",
    summary="Transact answers 200 to a fresh execution, instead of 201",
    fact="facts section 14: the success code of transact is stated nowhere",
)
def transact_200(patch: Patch) -> None:
    patch.replace(transact, "MADE_STATUS", 200)


@dialect(
    "replay-201",
    summary="A replayed transact answers 201 like the first one",
    fact="facts section 14: transact 200 or 201; section 6: there is no stated replay marker",
)
def replay_201(patch: Patch) -> None:
    patch.replace(transact, "REPLAYED_STATUS", 201)


@dialect(
    "replay-original",
    summary="A replay repeats the first answer, still reserved, although the trade has moved on",
    fact="facts section 6: same key and body give the original outcome; equality with the present is not promised",
)
def replay_original(patch: Patch) -> None:
    inner = transact.execute_once

    def execute_once(execution: transact.Execution) -> tuple[Trade, bool]:
        trade, made = inner(execution)
        return replace(trade, status=trades.RESERVED, settled_at=None), made

    patch.replace(transact, "execute_once", execute_once)


@dialect("reject-201", summary="A successful reject answers 201", fact=NO_REJECT_CODE)
def reject_201(patch: Patch) -> None:
    def reply(operation: Operation, plain: Reply) -> Reply:
        return replace(plain, status=201) if operation.handler == "reject" else plain

    each_reply(patch, reply)


@dialect("reject-204", summary="A successful reject answers 204 without a body", fact=NO_REJECT_CODE)
def reject_204(patch: Patch) -> None:
    inner = app.rendered

    def reply(operation: Operation, plain: Reply) -> Reply:
        return replace(plain, status=204) if operation.handler == "reject" else plain

    def rendered(plain: Reply) -> Response:
        return Response(status_code=204) if plain.status == 204 else inner(plain)

    each_reply(patch, reply)
    patch.replace(app, "rendered", rendered)


@dialect(
    "reject-brief",
    summary="A successful reject answers 200 with id and status only",
    fact=NO_REJECT_CODE,
)
def reject_brief(patch: Patch) -> None:
    def reply(operation: Operation, plain: Reply) -> Reply:
        if operation.handler != "reject":
            return plain
        return replace(plain, body={name: plain.body[name] for name in ("quoteId", "status")})

    each_reply(patch, reply)


@dialect("reject-empty-object", summary="A successful reject answers 200 with an empty object", fact=NO_REJECT_CODE)
def reject_empty_object(patch: Patch) -> None:
    def reply(operation: Operation, plain: Reply) -> Reply:
        return replace(plain, body={}) if operation.handler == "reject" else plain

    each_reply(patch, reply)


@dialect(
    "replay-marked",
    summary="A replayed transact carries a header that says so",
    fact="facts section 6: a replay marker header is unstated",
)
def replay_marked(patch: Patch) -> None:
    def reply(operation: Operation, plain: Reply) -> Reply:
        is_replay = operation.handler == "execute" and plain.status == transact.REPLAYED_STATUS
        return replace(plain, headers={**plain.headers, "Idempotent-Replayed": "true"}) if is_replay else plain

    each_reply(patch, reply)

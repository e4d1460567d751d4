"""The routes of 0Gate: credential, mode, kind and product, then the operation; every refusal in 0Gate's envelope.

0Gate lives on a host of its own; here it has a prefix of its own, behind the same edge as 0Pools.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from conformance.sandbox import app, calls, edge, keys
from conformance.sandbox.calls import Call, Operation, Reply, Sandbox
from conformance.sandbox.gate import access, refusals
from conformance.sandbox.keys import Credential, Kind
from conformance.sandbox.refusal import Refusal

PREFIX: Final = "/gate/v1"
log = logging.getLogger(__name__)


def routes(sandbox: Sandbox, operations: Iterable[Operation]) -> list[Route]:
    """A route for each path. Literal paths come before parameters in ``operations`` and therefore win."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        by_path.setdefault(PREFIX + operation.path, {})[operation.method] = operation
    return [
        app.route(path, list(by_method), operation_endpoint(sandbox, by_method)) for path, by_method in by_path.items()
    ]


def operation_endpoint(sandbox: Sandbox, by_method: dict[str, Operation]) -> app.Endpoint:
    async def endpoint(request: Request) -> Response:
        try:
            body = await edge.read_body(request)
            reply = await run_in_threadpool(answer, sandbox, by_method[request.method], request, body)
        except Refusal as refused:
            return render_refusal(refused, request.scope["request_id"])
        except Exception:
            log.exception("%s %s failed", request.method, request.url.path)
            return render_refusal(refusals.broken(), request.scope["request_id"])
        return app.rendered(reply)

    return endpoint


def render_refusal(refused: Refusal, request_id: str) -> Response:
    body = refusals.envelope(refused, request_id)
    return JSONResponse(body, status_code=refused.status, headers=dict(refused.headers))


def answer(sandbox: Sandbox, operation: Operation, request: Request, body: bytes) -> Reply:
    """Check credential and product, let the operation answer, and wake the worker after a write."""
    credential = authenticate(sandbox, authorization_of(request, operation))
    check_mode(credential, sandbox.mode)
    check_kind(credential, operation)
    with sandbox.store.read() as tx:
        its_access = access.load(tx, credential.account)
    access.check_rate(its_access)
    access.check_product(its_access)
    reply = operation.handle(
        Call(
            sandbox=sandbox,
            account=credential.account,
            owner=calls.owner_of(credential.account, credential.mode),
            path=request.path_params,
            query=request.query_params,
            headers=request.headers,
            body=body,
        )
    )
    if operation.method != "GET":
        sandbox.wake_deliveries()
    return reply


def authorization_of(request: Request, operation: Operation) -> str | None:
    """What the caller shows: a bearer key, and where a publishable key will do, one of its other two carriers.

    The third carrier is published with half its name and no place; here it is ``publishable_key`` in the query.
    """
    shown = request.headers.get("authorization")
    if shown is not None or Kind.PUBLISHABLE not in operation.keys:
        return shown
    key = request.headers.get("x-publishable-key") or request.query_params.get("publishable_key")
    return None if key is None else f"Bearer {key}"


def authenticate(sandbox: Sandbox, authorization: str | None) -> Credential:
    """The credential behind the header; 401 when there is none that is known."""
    try:
        return keys.authenticate(sandbox.keyring, authorization)
    except Refusal:
        raise refusals.unauthorized() from None


def check_mode(credential: Credential, mode: str) -> None:
    """403 for a key of the other environment."""
    if credential.mode != mode:
        raise refusals.forbidden("this key belongs to the other environment")


def check_kind(credential: Credential, operation: Operation) -> None:
    """403 for a publishable key on a server operation, and for a secret key on the one for browsers."""
    if credential.kind not in operation.keys:
        raise refusals.forbidden(f"this operation needs a {operation.keys[0]} key")

"""From HTTP to a handler and back: routes, gates 2 to 4, threads, and every refusal as an envelope."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from conformance.sandbox import calls, edge, keys
from conformance.sandbox.calls import Call, Operation, Reply, Sandbox
from conformance.sandbox.gate import access as rates
from conformance.sandbox.refusal import Refusal, not_found

PREFIX: Final = "/v1"
log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]


def build(sandbox: Sandbox, operations: Iterable[Operation], extra_routes: Iterable[Route] = ()) -> ASGIApp:
    """The whole application. Literal paths come before parameters in ``operations`` and therefore win."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        by_path.setdefault(PREFIX + operation.path, {})[operation.method] = operation
    routes = [
        route(path, list(by_method), operation_endpoint(sandbox, by_method)) for path, by_method in by_path.items()
    ]
    application = Starlette(
        routes=[*routes, *extra_routes],
        exception_handlers={
            Refusal: _refused,
            HTTPException: _unrouted,
            Exception: _failed,
        },
    )
    application.router.redirect_slashes = False
    return edge.Edge(application, sandbox.mode)


def route(path: str, methods: list[str], endpoint: Endpoint) -> Route:
    """A route for exactly these methods: HEAD is not documented, and a poll must not ride on it."""
    made = Route(path, endpoint, methods=methods)
    made.methods = set(methods)
    return made


def operation_endpoint(sandbox: Sandbox, by_method: dict[str, Operation]) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        body = await edge.read_body(request)
        try:
            reply = await run_in_threadpool(answer, sandbox, by_method[request.method], request, body)
        except Refusal:
            raise
        except Exception as broken:
            # Raised further, it would make the server drop the connection under the next request.
            return await _failed(request, broken)
        return rendered(reply)

    return endpoint


def answer(sandbox: Sandbox, operation: Operation, request: Request, body: bytes) -> Reply:
    """Check key, mode and kind, then let the operation answer."""
    credential = keys.authenticate(sandbox.keyring, request.headers.get("authorization"))
    keys.check_mode(credential, sandbox.mode)
    keys.check_kind(credential, operation.keys)
    check_rate(sandbox, credential.account)
    return operation.handle(
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


def check_rate(sandbox: Sandbox, account: str) -> None:
    """429 with ``Retry-After`` for an account that has used up its rate; the record of it serves both products."""
    with sandbox.store.read() as tx:
        if rates.load(tx, account).throttled:
            raise Refusal(429, "rate_limit", "too many requests", {"Retry-After": "1"})


def rendered(reply: Reply) -> Response:
    return JSONResponse(reply.body, status_code=reply.status, headers=dict(reply.headers))


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):
        raise error
    return edge.refused(error, request.scope["request_id"])


async def _unrouted(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 405:
        wrong = Refusal(405, "method_not_allowed", "this path does not take that method", error.headers or {})
        return edge.refused(wrong, request.scope["request_id"])
    return edge.refused(not_found("no such path"), request.scope["request_id"])


async def _failed(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    broken = Refusal(500, "internal_error", "something went wrong")
    return edge.refused(broken, request.scope["request_id"])

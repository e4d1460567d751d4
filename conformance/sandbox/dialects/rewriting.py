"""How dialects reach every answer at once: its members, its status, or the HTTP around it. No dialect itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from starlette.requests import Request
from starlette.types import ASGIApp

from conformance.sandbox import app
from conformance.sandbox.calls import Call, Operation, Reply, Sandbox
from conformance.sandbox.pools.operations import OPERATIONS
from conformance.sandbox.variations import Patch

Handler = Callable[[Call], Reply]


def each_reply(patch: Patch, change: Callable[[Operation, Reply], Reply]) -> None:
    """Pass every successful answer of the twelve operations through ``change``."""
    inner = app.answer

    def answer(sandbox: Sandbox, operation: Operation, request: Request, body: bytes) -> Reply:
        return change(operation, inner(sandbox, operation, request, body))

    patch.replace(app, "answer", answer)


def each_object(patch: Patch, change: Callable[[dict[str, object]], dict[str, object]]) -> None:
    """Pass every JSON object in a successful answer, innermost first, through ``change``."""

    def reply(operation: Operation, plain: Reply) -> Reply:
        return replace(plain, body=rebuilt(plain.body, change))

    each_reply(patch, reply)


def rebuilt(
    document: Mapping[str, object], change: Callable[[dict[str, object]], dict[str, object]]
) -> dict[str, object]:
    """A copy in which every object, this one last, has gone through ``change``."""
    return change({name: rebuilt_value(value, change) for name, value in document.items()})


def rebuilt_value(value: object, change: Callable[[dict[str, object]], dict[str, object]]) -> object:
    if isinstance(value, Mapping):
        return rebuilt(value, change)
    if isinstance(value, list):
        return [rebuilt_value(item, change) for item in value]
    return value


def around(patch: Patch, wrap: Callable[[ASGIApp], ASGIApp]) -> None:
    """Put another layer of HTTP around the whole application."""
    inner = app.build
    patch.replace(app, "build", lambda *arguments: wrap(inner(*arguments)))


def before_each(patch: Patch, check: Callable[[str, Call], None]) -> None:
    """Let ``check``, given the handler's name, refuse a call whose key is known before its operation sees it."""

    def checked(name: str, inner: Handler) -> Handler:
        def handle(call: Call) -> Reply:
            check(name, call)
            return inner(call)

        return handle

    for operation in OPERATIONS:
        inner: Handler = getattr(operation.module, operation.handler)
        patch.replace(operation.module, operation.handler, checked(operation.handler, inner))

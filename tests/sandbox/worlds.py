"""A sandbox in the process of the test, with faults or without, and the transcript of what its clients see.

In a transcript ids and times are replaced by labels, so that two healthy sandboxes give the same one.
"""

from __future__ import annotations

import contextlib
import functools
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from conformance.sandbox import assembly, protocol, variations

from .process import Partner

ID = re.compile(r"\b(pq|txn|req)_[a-z]+_[0-9a-f]{16,24}\b")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")


@dataclass
class World:
    """A sandbox in this process, its clients and what they have seen so far."""

    url: str
    operator: httpx.Client
    recording: bool = True
    seen: list[object] = field(default_factory=list)
    clients: dict[str, httpx.Client] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def partner(self, account: str = "approved", kind: str = "sk", mode: str = "test") -> Partner:
        return Partner(self.client(f"{kind}_{mode}_sandbox_{account}"), account)

    def client(self, key: str | None = None) -> httpx.Client:
        if str(key) not in self.clients:
            headers = {} if key is None else {"Authorization": f"Bearer {key}"}
            hooks: dict[str, list[Callable[..., Any]]] = {"response": [self.record]}
            self.clients[str(key)] = httpx.Client(
                base_url=self.url, headers=headers, timeout=20, event_hooks=hooks, transport=plain_http()
            )
        return self.clients[str(key)]

    def control(self, path: str, **body: object) -> None:
        self.operator.post(path, json=body).raise_for_status()

    def record(self, response: httpx.Response) -> None:
        response.read()
        if self.recording:
            request, headers = response.request, response.headers
            frame = [request.method, request.url.path, response.status_code]
            self.note([*frame, headers.get("content-type"), headers.get("x-request-id"), document_of(response)])

    def note(self, observed: object) -> None:
        self.seen.append(self.plain(observed))

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
        return ID.sub(lambda found: self.labels.setdefault(found[0], f"{found[1]} {len(self.labels)}"), value)


def document_of(response: httpx.Response) -> object:
    try:
        return response.json()
    except ValueError:
        return response.text


def plain_http() -> httpx.HTTPTransport:
    """A transport without TLS, whose setting up takes longer than a whole story."""
    return httpx.HTTPTransport(verify=False)


Story = Callable[[World], object]


def tell(story: Story, *faults: str) -> list[object]:
    """What is seen when a story is told to a sandbox with these faults."""
    with serving(*faults) as world:
        try:
            story(world)
        except (AssertionError, LookupError, TypeError, ValueError) as broken:
            if not faults:
                raise
            world.note(f"could not go on: {type(broken).__name__}")
        return world.seen


@contextlib.contextmanager
def serving(*faults: str) -> Iterator[World]:
    """A sandbox that serves over HTTP from a thread of this process, with faults for as long."""
    origin, stage = server()
    patch = variations.apply(faults, [])
    try:
        assembled = assembly.assemble(assembly.Options(control=True), {})
        stage.application = assembled.application
        assembled.start()
        operator = httpx.Client(base_url=f"{origin}/_sandbox", timeout=20, transport=plain_http())
        world = World(f"{origin}/v1", operator)
        try:
            yield world
        finally:
            for client in [operator, *world.clients.values()]:
                client.close()
            assembled.stop()
    finally:
        patch.undo()


@dataclass
class Stage:
    """The application that the server of this process serves at the moment."""

    application: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.application is not None
        await self.application(scope, receive, send)


@functools.cache
def server() -> tuple[str, Stage]:
    """One server for all stories, since starting one takes longer than telling one; it ends with the process."""
    stage = Stage()
    listening = socket.create_server(("127.0.0.1", 0))
    its_protocol = protocol.protocol_for("test")
    config = uvicorn.Config(stage, http=its_protocol, lifespan="off", log_config=None, ws="none", log_level="critical")
    threading.Thread(target=uvicorn.Server(config).run, args=([listening],), daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}", stage

"""A wire to a scripted server, with a journal to look into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conformance.client import Context, PoolsApi, Recorder, Redactor, Wire
from conformance.client.wire import Credentials
from conformance.journal import Engine, Exchange, Journal, read
from tests.client.clocks import FakeClock
from tests.client.scripted import Script, serving

KEY = "sk_test_0123456789abcdef"
US = Credentials("approved", KEY)


@dataclass
class Line:
    """A wire, the server at its other end, and everything around them."""

    wire: Wire
    server: Script
    clock: FakeClock
    folder: Path

    @property
    def api(self) -> PoolsApi:
        return PoolsApi(self.wire, US)

    def exchanges(self) -> list[Exchange]:
        """What the journal holds by now."""
        return read(self.folder).of(Exchange)


Dial = Callable[..., Line]


@pytest.fixture
def dial(tmp_path: Path) -> Iterator[Dial]:
    """Connects a wire to a server that says what it is told; options go to the wire."""
    with ExitStack() as stack:

        def connect(*answers: bytes, clock: FakeClock | None = None, timeout: float = 5.0, **options: Any) -> Line:
            clock = clock or FakeClock()
            server = stack.enter_context(serving(answers))
            folder = tmp_path / "journal"
            journal = Journal(folder, "main")
            stack.callback(journal.close)
            context = Context("a scenario", Engine.SCENARIO)
            recorder = Recorder(journal, {}, Redactor(b"key", [KEY]), context)
            wire = Wire({"pools": server.url}, recorder, clock, rate=None, timeout=timeout, **options)
            stack.callback(wire.close)
            return Line(wire, server, clock, folder)

        yield connect

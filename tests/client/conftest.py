"""A wire to a scripted server, with a journal to look into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from conformance.client import Context, Recorder, Redactor, Wire
from conformance.journal import Engine, Journal
from tests.client.clocks import FakeClock
from tests.client.line import KEY, Dial, Line
from tests.client.scripted import serving


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

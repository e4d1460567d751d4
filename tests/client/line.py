"""A wire with the server at its other end, as tests hold it in their hands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from conformance.client import PoolsApi, Wire
from conformance.client.wire import Credentials
from conformance.journal import Exchange, read
from tests.client.clocks import FakeClock
from tests.client.scripted import Script

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

"""Receiving what 0Pools delivers; the receiver itself is next door."""

from __future__ import annotations

from contextlib import AbstractContextManager

from conformance.scenarios import mailbox
from conformance.scenarios.bench import Bench
from conformance.scenarios.mailbox import Mailbox, speaks_of


def listening(bench: Bench) -> AbstractContextManager[Mailbox]:
    """A receiver that listens as long as the context; raises what the one next door raises."""
    return mailbox.listening(bench, "pools")


__all__ = ["Mailbox", "listening", "speaks_of"]

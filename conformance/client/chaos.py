"""Losing an answer on purpose: at which point of an exchange, and what the journal says of it.

A partner's process dies, its connection breaks, its patience ends: the target has done its work and nobody heard of it.
Which request loses its answer is for scenarios to say; sending it is the wire's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from conformance.client.clock import Clock

WAITING = "http11.receive_response_headers.started"
"""What httpcore announces when a request has been sent whole and nothing of its answer has been read."""


class Point(StrEnum):
    """Where an exchange breaks off."""

    UNREAD = "the connection was closed on purpose before the answer was read"
    """Right after the request was sent whole; the target may still be at work."""
    WITHHELD = "the answer was read and kept from the caller on purpose"


@dataclass(frozen=True, slots=True)
class Loss:
    """How one request loses its answer: at a point, and ``after`` so many seconds of waiting for it."""

    point: Point
    after: float = 0.0

    @property
    def said(self) -> str:
        """What the journal says of the exchange."""
        waited = f", {self.after:g} s after the request was sent" if self.after else ""
        return f"{self.point}{waited}"

    def extensions(self, clock: Clock) -> Mapping[str, Any]:
        """What httpx is given with the request: where to break off."""
        return {"trace": self._breaking(clock)} if self.point is Point.UNREAD else {}

    def _breaking(self, clock: Clock) -> Callable[[str, Mapping[str, Any]], None]:
        def follow(event: str, details: Mapping[str, Any]) -> None:
            del details
            if event == WAITING:
                if self.after:
                    clock.sleep(self.after)
                raise Broken(self.said)

        return follow


class Broken(Exception):
    """Raised inside an exchange to break it off; httpcore closes the connection. Never leaves the wire."""


class AnswerLost(Exception):
    """The answer was thrown away as asked: what the target did is unknown to the caller.

    ``exchange`` is the request in the journal.
    """

    def __init__(self, problem: str, exchange: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.exchange = exchange

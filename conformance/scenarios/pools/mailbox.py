"""Receiving what a target delivers: a listening receiver the target has been told of. What came is judged elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from conformance.client import Refused
from conformance.scenarios.bench import Bench
from conformance.scenarios.pools.desk import mentions
from conformance.target import Webhooks
from conformance.target.urls import host_of, is_loopback
from conformance.webhooks.receiver import Delivery, Receiver


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The receiver, what it is told to expect, and how to find a delivery that speaks of a trade."""

    receiver: Receiver
    settings: Webhooks

    def await_trade(self, ids: set[str], seconds: float, after: int = -1) -> Delivery | None:
        """The first delivery later than ``after`` whose body names one of ``ids``."""
        return self.receiver.wait_for(lambda delivery: delivery.sequence > after and speaks_of(delivery, ids), seconds)

    @property
    def url(self) -> str:
        """Where the target delivers to."""
        return self.settings.public_url or f"{self.receiver.url}/webhooks"


@contextmanager
def listening(bench: Bench) -> Iterator[Mailbox]:
    """A receiver that listens as long as the context; the target is told of it where a recipe can.

    Raises ``Refused`` when the target cannot reach it or the recipe does not work, ``OSError`` when the port is taken.
    """
    settings, clock = bench.target.webhooks["pools"], bench.clock
    # A port nobody knows before the run can have been registered nowhere, and only this machine finds it by itself.
    if settings.public_url is None and not settings.listen_port and not is_local(bench.target.base_urls["pools"]):
        raise Refused("a public_url under [webhooks.pools] that the target can reach", "the partner")
    with Receiver(settings.listen_host, settings.listen_port, clock=lambda: clock.now().timestamp()) as receiver:
        mailbox = Mailbox(receiver, settings)
        if "webhook_endpoint" in bench.target.outcomes:
            bench.perform("webhook_endpoint", account="approved", url=mailbox.url)
        yield mailbox


def is_local(url: str) -> bool:
    """Whether a URL can only mean this machine."""
    return is_loopback(host_of(url))


def speaks_of(delivery: Delivery, ids: set[str]) -> bool:
    """Whether an id stands anywhere in the body: the envelope beyond eventId and type is not published."""
    text = delivery.body.decode("utf-8", "replace")
    return any(mentions(text, known) for known in ids)

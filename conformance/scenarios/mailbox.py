"""Receiving what a target delivers: a listening receiver the target has been told of, and reading what came.

What a delivery should be is judged elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from conformance.client import Refused
from conformance.client.clock import stamp
from conformance.client.recording import Raw
from conformance.scenarios.bench import Bench
from conformance.scenarios.pools.desk import mentions
from conformance.target import Webhooks
from conformance.target.urls import host_of, is_loopback
from conformance.webhooks.receiver import Answer, Delivery, Receiver
from conformance.webhooks.signature import SCHEMES, verify

TELLING = {"pools": "webhook_endpoint", "gate": "gate_webhook_endpoint"}
"""The recipe that tells each product where to deliver."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The receiver, what it is told to expect, and how to find a delivery that speaks of an object."""

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
def listening(bench: Bench, product: str, answer: Answer | None = None) -> Iterator[Mailbox]:
    """A receiver that listens as long as the context; the target is told of it where a recipe can.

    ``answer`` chooses the status of each answer, 200 without it. Raises ``Refused`` when the target cannot reach it or
    the recipe does not work, ``OSError`` when the port is taken.
    """
    settings, clock = bench.target.webhooks[product], bench.clock
    # A port nobody knows before the run can have been registered nowhere, and only this machine finds it by itself.
    if settings.public_url is None and not settings.listen_port and not is_local(bench.target.base_urls[product]):
        raise Refused(f"a public_url under [webhooks.{product}] that the target can reach", "the partner")
    with Receiver(
        settings.listen_host, settings.listen_port, answer=answer, clock=lambda: clock.now().timestamp()
    ) as receiver:
        mailbox = Mailbox(receiver, settings)
        if TELLING[product] in bench.target.outcomes:
            bench.perform(TELLING[product], account="approved", url=mailbox.url)
        yield mailbox


def is_local(url: str) -> bool:
    """Whether a URL can only mean this machine."""
    return is_loopback(host_of(url))


def text_of(delivery: Delivery) -> str:
    """The body as text, whatever its bytes."""
    return delivery.body.decode("utf-8", "replace")


def speaks_of(delivery: Delivery, ids: set[str]) -> bool:
    """Whether an id stands anywhere in the body: what exactly an event holds is not published for each."""
    text = text_of(delivery)
    return any(mentions(text, known) for known in ids)


def body_of(delivery: Delivery) -> dict[str, Any]:
    """The delivery as a JSON object; empty where it is none."""
    try:
        found = json.loads(delivery.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def signature_problem(settings: Webhooks, delivery: Delivery) -> str:
    """What is wrong with the signature over the raw bytes; empty when it verifies."""
    result = verify(
        delivery.header(settings.header),
        delivery.body,
        [settings.secret.reveal()],
        int(delivery.received),
        settings.tolerance,
        SCHEMES[settings.scheme],
    )
    return "" if result.ok else f"the {settings.header} header is {result.reason}"


def record_delivery(bench: Bench, delivery: Delivery, status: int = 200) -> str:
    """File a delivery in the journal, redacted like everything else. Returns its exchange id."""
    return bench.wire.recorder.record(
        Raw(
            account="approved",
            product="webhooks",
            method="POST",
            url=f"receiver{delivery.path}",
            path=delivery.path,
            request_headers=delivery.headers,
            request_body=delivery.body,
            status=status,
            response_headers=(),
            response_body=b"",
            truncated=False,
            error=None,
            started=stamp(bench.clock.now()),
            elapsed_ms=0,
        )
    )

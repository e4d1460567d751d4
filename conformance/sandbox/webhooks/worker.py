"""The thread that delivers: it takes what is due, sends it, and writes down how that went."""

from __future__ import annotations

import http.client
import logging
import threading
from collections.abc import Mapping
from typing import Final

from conformance.sandbox.clock import Clock
from conformance.sandbox.storage import Store
from conformance.sandbox.webhooks import outbox, sending, signing
from conformance.sandbox.webhooks.outbox import Delivery

MOST_IN_FLIGHT: Final = 4
log = logging.getLogger(__name__)


class Worker:
    """Delivers until stopped. ``wake`` says that something new may be due.

    Its threads are daemons: an endpoint that does not answer must not keep a stopped sandbox alive.
    """

    def __init__(self, store: Store, clock: Clock, secrets: Mapping[str, str], wake: threading.Event) -> None:
        self._store = store
        self._clock = clock
        self._secrets = secrets
        self._wake = wake
        self._stopping = threading.Event()
        self._in_flight = threading.BoundedSemaphore(MOST_IN_FLIGHT)
        self._thread = threading.Thread(target=self._run, name="webhook-worker", daemon=True)

    def start(self) -> None:
        """Take up where the last process left off, then deliver."""
        with self._store.write() as tx:
            outbox.resume(tx)
        self._thread.start()

    def stop(self) -> None:
        """Take no further deliveries. One still in flight is due again after a restart."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            if not self._in_flight.acquire(blocking=False):
                self._wake.wait()
                continue
            with self._store.write() as tx:
                due = outbox.claim_due(tx, self._clock())
                following = outbox.next_due(tx)
            if due is not None:
                threading.Thread(target=self._attempt, args=(due,), name="webhook-sender", daemon=True).start()
                continue
            self._in_flight.release()
            self._wake.wait(None if following is None else max(0.0, following - self._clock()))

    def _attempt(self, delivery: Delivery) -> None:
        try:
            status, error = self._send(delivery)
            if not self._stopping.is_set():
                with self._store.write() as tx:
                    outbox.record_attempt(tx, delivery, status, error, self._clock())
        finally:
            self._in_flight.release()
            self._wake.set()

    def _send(self, delivery: Delivery) -> tuple[int | None, str | None]:
        try:
            headers = signing.headers(delivery, self._secrets[delivery.account], self._clock())
            return sending.post(delivery.url, headers, delivery.body), None
        except (OSError, http.client.HTTPException) as failure:
            error = f"{type(failure).__name__}: {failure}"
            log.warning("delivery %d to %s: %s", delivery.delivery_id, delivery.url, error)
            return None, error

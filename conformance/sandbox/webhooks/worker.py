"""The thread that delivers: it takes what is due, sends it, and writes down how that went."""

from __future__ import annotations

import http.client
import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from conformance.sandbox.clock import Clock
from conformance.sandbox.storage import Store
from conformance.sandbox.webhooks import outbox, sending, signing
from conformance.sandbox.webhooks.outbox import Delivery

SENDERS: Final = 4
log = logging.getLogger(__name__)


class Worker:
    """Delivers until stopped. ``wake`` says that something new may be due."""

    def __init__(self, store: Store, clock: Clock, secrets: Mapping[str, str], wake: threading.Event) -> None:
        self._store = store
        self._clock = clock
        self._secrets = secrets
        self._wake = wake
        self._stopping = threading.Event()
        self._senders = ThreadPoolExecutor(SENDERS, thread_name_prefix="webhook-sender")
        self._thread = threading.Thread(target=self._run, name="webhook-worker", daemon=True)

    def start(self) -> None:
        with self._store.write() as tx:
            outbox.resume(tx)
        self._thread.start()

    def stop(self) -> None:
        """Stop taking deliveries; one in flight ends within its timeout and is due again after a restart."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()
        self._senders.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            with self._store.write() as tx:
                due = outbox.claim_due(tx, self._clock(), SENDERS)
                following = outbox.next_due(tx)
            for delivery in due:
                self._senders.submit(self._attempt, delivery)
            if len(due) < SENDERS:
                self._wake.wait(None if following is None else max(0.0, following - self._clock()))

    def _attempt(self, delivery: Delivery) -> None:
        status, error = None, None
        try:
            headers = signing.headers(delivery, self._secrets[delivery.account], self._clock())
            status = sending.post(delivery.url, headers, delivery.body)
        except (OSError, http.client.HTTPException) as failure:
            error = f"{type(failure).__name__}: {failure}"
            log.warning("delivery %d to %s: %s", delivery.delivery_id, delivery.url, error)
        with self._store.write() as tx:
            outbox.record_attempt(tx, delivery, status, error, self._clock())
        self._wake.set()

"""The thread that delivers events and expires sessions: it takes what is due, sends it, and writes down how it went."""

from __future__ import annotations

import http.client
import logging
import threading
from typing import Final

from conformance.sandbox.calls import Sandbox
from conformance.sandbox.gate import lifecycle, outbox
from conformance.sandbox.gate.outbox import Due
from conformance.sandbox.webhooks import outbox as sent_rows
from conformance.sandbox.webhooks import sending, signing

MOST_IN_FLIGHT: Final = 8
# Between two looks for sessions whose time is over.
SWEEP_SECONDS: Final = 5.0
log = logging.getLogger(__name__)


class GateWorker:
    """Works until stopped. ``wake`` says that something new may be due.

    Its threads are daemons: an endpoint that does not answer must not keep a stopped sandbox alive.
    """

    def __init__(self, sandbox: Sandbox, wake: threading.Event) -> None:
        self._sandbox = sandbox
        self._wake = wake
        self._stopping = threading.Event()
        self._sweep_at = 0.0
        self._in_flight = threading.BoundedSemaphore(MOST_IN_FLIGHT)
        self._thread = threading.Thread(target=self._run, name="gate-worker", daemon=True)

    def start(self) -> None:
        """Take up where the last process left off, then work."""
        with self._sandbox.store.write() as tx:
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
            self._sweep()
            with self._sandbox.store.write() as tx:
                due = outbox.claim_due(tx, self._sandbox.clock())
                following = outbox.next_due(tx)
            if due is not None:
                threading.Thread(target=self._attempt, args=(due,), name="gate-sender", daemon=True).start()
                continue
            self._in_flight.release()
            self._wake.wait(self._pause(following))

    def _sweep(self) -> None:
        """The job that ends sessions, if it is time for it."""
        now = self._sandbox.clock()
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_SECONDS
            with self._sandbox.store.write() as tx:
                lifecycle.expire_due(tx, self._sandbox)

    def _pause(self, following: float | None) -> float:
        """Seconds until the next delivery is due, or until it is time to look at the sessions again."""
        until = self._sweep_at if following is None else min(following, self._sweep_at)
        return max(0.0, until - self._sandbox.clock())

    def _attempt(self, due: Due) -> None:
        try:
            status, error = self._send(due)
            if not self._stopping.is_set():
                with self._sandbox.store.write() as tx:
                    outbox.record_attempt(tx, due, status, error, self._sandbox.clock())
        finally:
            self._in_flight.release()
            self._wake.set()

    def _send(self, due: Due) -> tuple[int | None, str | None]:
        try:
            headers = signing.headers(
                as_sent(due), self._sandbox.keyring.webhook_secrets[due.account], self._sandbox.clock()
            )
            status = sending.post(due.url, headers, due.body, outbox.TIMEOUT_SECONDS)
        except (OSError, http.client.HTTPException) as failure:
            error = f"{type(failure).__name__}: {failure}"
            log.warning("delivery %s to %s: %s", due.delivery_id, due.url, error)
            return None, error
        return status, None if 200 <= status < 300 else f"the endpoint answered {status}"


def as_sent(due: Due) -> sent_rows.Delivery:
    """The delivery in the form that is signed."""
    return sent_rows.Delivery(
        delivery_id=0,
        event_id=due.event_id,
        account=due.account,
        event_type=due.event_type,
        body=due.body,
        url=due.url,
        attempts=outbox.MAX_ATTEMPTS - due.tries_left,
    )

"""Filing deliveries to a partner's handler in the journal, redacted like everything else; it judges none of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from conformance.client import stamp
from conformance.client.recording import Raw, Recorder
from conformance.webhooks.wire import Attempt

FILED: Final = 4
"""Exchanges that are named for one finding, however many deliveries it took."""

PRODUCT: Final = "handler"


class Filed:
    """The deliveries of one certification as exchanges of a journal, each of them once."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._names: dict[int, tuple[Attempt, str]] = {}

    @property
    def count(self) -> int:
        """How many exchanges were recorded."""
        return len(self._names)

    def exchanges(self, attempts: Iterable[Attempt]) -> list[str]:
        """The ids of the first few exchanges that were sent, recorded if they were not before."""
        sent = [attempt for attempt in attempts if attempt.sent]
        return [self._exchange(attempt) for attempt in sent[:FILED]]

    def _exchange(self, attempt: Attempt) -> str:
        # The attempt is kept beside its id, so that the id cannot be given to another one.
        known = self._names.get(id(attempt))
        if known is None:
            known = self._names[id(attempt)] = (attempt, self._recorder.record(_raw(attempt)))
        return known[1]


def _raw(attempt: Attempt) -> Raw:
    return Raw(
        account=PRODUCT,
        product=PRODUCT,
        method="POST",
        url=attempt.url,
        path="/",
        request_headers=attempt.request_headers,
        request_body=attempt.request_body,
        status=attempt.status,
        response_headers=attempt.response_headers,
        response_body=attempt.response_body,
        truncated=attempt.truncated,
        error=attempt.error,
        started=stamp(datetime.fromtimestamp(attempt.started, UTC)),
        elapsed_ms=round(attempt.elapsed * 1000),
    )

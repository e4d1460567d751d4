"""Writing each exchange down, redacted, and having the contract judge it; whatever scenario made it.

What the contract says of an exchange goes straight into the journal, once per operation and status while it holds and
every time it does not, up to a bound.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from conformance.client.redaction import Redactor
from conformance.contract import Contract, judge
from conformance.journal import Engine, Exchange, Journal, Judgement, Observation, Outcome

KEPT_BODY = 65_536
"""Characters of a body the journal keeps; the size is always recorded."""

REPEATS = 25
"""How often one wire requirement may fail on one operation and status before further ones are only counted."""


@dataclass(slots=True)
class Context:
    """Who is sending at the moment: the scenario and the engine every exchange is filed under."""

    scenario: str = ""
    engine: Engine = Engine.PREFLIGHT


@dataclass(frozen=True, slots=True)
class Raw:
    """One attempt as it went over the wire, unredacted: it never leaves the recorder."""

    account: str
    product: str
    method: str
    url: str
    path: str
    request_headers: tuple[tuple[str, str], ...]
    request_body: bytes | None
    status: int | None
    response_headers: tuple[tuple[str, str], ...]
    response_body: bytes
    truncated: bool
    error: str | None
    started: str
    elapsed_ms: int


class Recorder:
    """Files exchanges in the journal. Threads may share it."""

    def __init__(
        self, journal: Journal, contracts: Mapping[str, Contract], redactor: Redactor, context: Context
    ) -> None:
        self.journal = journal
        self.context = context
        self.contracts = contracts
        self.redactor = redactor
        self._lock = threading.Lock()
        self._seen: Counter[tuple[str, str, int, bool]] = Counter()
        self._noted: set[tuple[str, str]] = set()

    def record(self, raw: Raw) -> str:
        """Write ``raw`` down and judge it. Returns the exchange's id."""
        contract = self.contracts.get(raw.product)
        match = contract.find(raw.method, raw.path) if contract else None
        operation = match.operation.key if match else None
        exchange = self.journal.name()
        redact = self.redactor
        request_id = _header(raw.response_headers, "x-request-id")
        self.journal.append(
            Exchange(
                id=exchange,
                scenario=self.context.scenario,
                engine=self.context.engine,
                account=raw.account,
                product=raw.product,
                operation=operation,
                method=raw.method,
                url=redact.text(raw.url),
                request_headers=tuple((n, redact.header(n, v)) for n, v in raw.request_headers),
                request_body=_kept(raw.request_body, redact),
                status=raw.status,
                response_headers=tuple((n, redact.header(n, v)) for n, v in raw.response_headers),
                response_body=_kept(raw.response_body, redact) if raw.status is not None else None,
                response_size=len(raw.response_body),
                error=redact.text(raw.error) if raw.error else None,
                started=raw.started,
                elapsed_ms=raw.elapsed_ms,
                request_id=redact.text(request_id) if request_id else None,
            )
        )
        if contract is not None and raw.status is not None:
            self._judge(contract, raw, exchange, operation)
        return exchange

    def _judge(self, contract: Contract, raw: Raw, exchange: str, operation: str | None) -> None:
        assert raw.status is not None
        report = judge(
            contract, raw.method, raw.path, raw.status, raw.response_headers, raw.response_body, raw.truncated
        )
        for finding in report.findings:
            seen = (finding.requirement, operation or "", raw.status, finding.ok)
            with self._lock:
                self._seen[seen] += 1
                if self._seen[seen] > (1 if finding.ok else REPEATS):
                    continue
            self.journal.append(
                Judgement(
                    requirement=finding.requirement,
                    outcome=Outcome.PASS if finding.ok else Outcome.FAIL,
                    engine=Engine.CONTRACT,
                    scenario=self.context.scenario,
                    expected=self.redactor.text(finding.expected),
                    observed=self.redactor.text(finding.observed),
                    exchanges=(exchange,),
                )
            )
        for subject, value in report.observations:
            with self._lock:
                if (subject, value) in self._noted or len(self._noted) > 5_000:
                    continue
                self._noted.add((subject, value))
            self.journal.append(
                Observation(subject, self.redactor.text(value), exchange=exchange, warn=subject.endswith(": full view"))
            )


def _header(headers: tuple[tuple[str, str], ...], name: str) -> str | None:
    return next((value for key, value in headers if key.lower() == name), None)


def _kept(body: bytes | None, redactor: Redactor) -> str | None:
    if body is None:
        return None
    text = redactor.text(body.decode("utf-8", "backslashreplace"))
    return text if len(text) <= KEPT_BODY else f"{text[:KEPT_BODY]}… ({len(body)} bytes)"


def path_within(base_url: str, url: str) -> str:
    """The path of ``url`` below ``base_url``, the way the contract spells it."""
    base = urlsplit(base_url).path.rstrip("/")
    path = urlsplit(url).path
    return path[len(base) :] if f"{path}/".startswith(f"{base}/") else path

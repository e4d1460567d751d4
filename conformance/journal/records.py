"""The record types of a journal: what one run did, saw and concluded. Writing and reading them is next door.

A record is a frozen dataclass whose fields are JSON values once ``to_json`` has run. Everything a report shows must be
derivable from these, so a new column in a report starts as a field here.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar


class Outcome(StrEnum):
    """What one judgement says of one requirement; a skip is never a pass."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    NOT_APPLICABLE = "not-applicable"
    NOT_EVIDENCED = "not-evidenced"
    ERROR = "error"


class Engine(StrEnum):
    """Which engine made an exchange or reached a judgement."""

    PREFLIGHT = "preflight"
    SCENARIO = "scenario"
    MACHINE = "machine"
    GENERATED = "generated"
    CONTRACT = "contract"
    WEBHOOK = "webhook"
    TRAFFIC = "traffic"
    """The rules over what a partner sent."""
    CLEANUP = "cleanup"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The first record of a run: what is judged, by what, how much of it, and with which inputs."""

    kind: ClassVar[str] = "run"
    run: str
    started: str
    target: str
    environment: str
    embedded: bool
    base_urls: dict[str, str]
    scope: str
    tier: str
    selection: tuple[str, ...]
    seed: int
    accounts: tuple[str, ...]
    features: tuple[str, ...]
    versions: dict[str, str]
    digests: dict[str, str]
    contract_revision: str
    command: str
    known_failures: tuple[dict[str, str], ...] = ()
    strict: bool = False
    variables: dict[str, str] = dataclasses.field(default_factory=dict)
    """Account to the environment variable that holds its key, so that a ``curl`` line can name it."""
    products: tuple[str, ...] = ()
    """Which parts of the catalogue the run answers for; empty for all of it."""
    stated: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    """Operation to the statuses a source ties to it: what there is to exercise. ``2XX`` stands for any success."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP request and what came back, redacted at birth.

    ``error`` is set, and ``status`` is not, when nothing came.
    """

    kind: ClassVar[str] = "exchange"
    id: str
    scenario: str
    engine: str
    account: str
    product: str
    operation: str | None
    """Method and path template, e.g. ``POST /pools/{id}/quote``; None when the contract has no such operation."""
    method: str
    url: str
    request_headers: tuple[tuple[str, str], ...]
    request_body: str | None
    status: int | None
    response_headers: tuple[tuple[str, str], ...]
    response_body: str | None
    response_size: int
    error: str | None
    started: str
    elapsed_ms: int
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """One engine's word on one requirement. A requirement's verdict is made from all of them."""

    kind: ClassVar[str] = "judgement"
    requirement: str
    outcome: Outcome
    engine: str
    scenario: str
    expected: str = ""
    observed: str = ""
    exchanges: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    """The shrunk story of a failure, one business verb a line; empty where a single exchange says it all."""
    missing: str = ""
    """For ``not-evidenced``: what would have been needed."""
    provider: str = ""
    """For ``not-evidenced``: who could provide it (partner, operator, profile author)."""
    nondeterministic: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """A legal choice the target made where the contract leaves room. Recorded, never failed."""

    kind: ClassVar[str] = "observation"
    subject: str
    value: str
    requirement: str = ""
    exchange: str = ""
    warn: bool = False
    """A departure from what we inferred: becomes a warning when the profile says ``strict``."""


@dataclass(frozen=True, slots=True)
class Order:
    """The harness's own order record: one attempted execution, kept the way a partner should keep it."""

    kind: ClassVar[str] = "order"
    order: str
    scenario: str
    account: str
    pool: str
    side: str
    currency: str
    amount: str
    quote: str
    transact: str
    idempotency_key: str
    status: str
    request_id: str


@dataclass(frozen=True, slots=True)
class ReconciliationRow:
    """One order joined with the target's trade and ledger entries, as the reconciliation scenario saw them."""

    kind: ClassVar[str] = "reconciliation"
    order: str
    account: str
    pool: str
    quote: str
    transact: str
    currency: str
    order_amount: str
    trade_status: str
    debits: tuple[str, ...]
    refunds: tuple[str, ...]
    net: str
    result: str
    """``matched``, or what does not fit."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something of this run that remains at the target (a trade, an open quote) and why."""

    kind: ClassVar[str] = "leftover"
    subject: str
    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ScenarioRecord:
    """One scenario that ran to its end, with how long it took; what was executed can be compared between runs."""

    kind: ClassVar[str] = "scenario"
    scenario: str
    engine: str
    result: str
    elapsed_ms: int
    exchanges: int


@dataclass(frozen=True, slots=True)
class Fact:
    """Something the profile or the approval record of a run says: plain names and hosts, never a secret."""

    kind: ClassVar[str] = "fact"
    subject: str
    values: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What a person says and no traffic shows: shown as stated, never as passed."""

    kind: ClassVar[str] = "statement"
    subject: str
    """A duty's requirement id, or the name of a row of the launch packet."""
    says: str
    by: str
    on: str
    """The day (ISO 8601)."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The first record of a launch packet made of several runs: which, and the digest of each one's seal."""

    kind: ClassVar[str] = "joined"
    packet: str
    made: str
    runs: dict[str, str]
    """Run to the SHA-256 of its ``seal.json``; empty for a run that has none."""
    versions: dict[str, str]


Record = (
    RunRecord
    | Exchange
    | Judgement
    | Observation
    | Order
    | ReconciliationRow
    | Leftover
    | ScenarioRecord
    | Fact
    | Statement
    | Joined
)

KINDS: dict[str, type[Record]] = {cls.kind: cls for cls in typing.get_args(Record)}


def to_json(record: Record) -> dict[str, Any]:
    """The record as a JSON object with its ``kind`` first."""
    return {"kind": record.kind, **{f.name: getattr(record, f.name) for f in dataclasses.fields(record)}}


def from_json(raw: dict[str, Any]) -> Record:
    """The record a JSON object stands for. Raises ``ValueError`` for a kind or a field nobody writes."""
    fields = dict(raw)
    kind = fields.pop("kind", None)
    cls = KINDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise ValueError(f"unknown record kind {kind!r}; known: {', '.join(KINDS)}")
    hints = _hints(cls)
    unknown = fields.keys() - hints.keys()
    if unknown:
        raise ValueError(f"a {kind!r} record has no field {sorted(unknown)[0]!r}")
    try:
        return cls(**{name: _restore(hints[name], value) for name, value in fields.items()})
    except TypeError as problem:
        raise ValueError(f"a {kind!r} record is incomplete: {problem}") from problem


_HINTS: dict[type[Any], dict[str, Any]] = {}


def _hints(cls: type[Any]) -> dict[str, Any]:
    if cls not in _HINTS:
        hints = typing.get_type_hints(cls)
        _HINTS[cls] = {f.name: hints[f.name] for f in dataclasses.fields(cls)}
    return _HINTS[cls]


def _restore(hint: Any, value: Any) -> Any:
    """JSON has no tuples and no enums; give both back so that a record read equals the record written."""
    origin = typing.get_origin(hint)
    if origin is tuple and isinstance(value, list):
        args = typing.get_args(hint)
        inner = args[0]
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_restore(inner, item) for item in value)
        return tuple(value)
    if origin in (typing.Union, types.UnionType):
        return value
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    return value


__all__ = [
    "KINDS",
    "Engine",
    "Exchange",
    "Fact",
    "Joined",
    "Judgement",
    "Leftover",
    "Observation",
    "Order",
    "Outcome",
    "ReconciliationRow",
    "Record",
    "RunRecord",
    "ScenarioRecord",
    "Statement",
    "from_json",
    "to_json",
]

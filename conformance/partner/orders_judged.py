"""The example order client as the partner under judgement of a run: its traffic by the rules, its books by the ledger.

It works beside the run, in a thread and with a sandbox of its own, since the run's sandbox has its clocks moved and its
answers broken. What it does there is the business of ``orders_example``.
"""

from __future__ import annotations

import dataclasses
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from conformance.client import Clock, Context, Credentials, PoolsApi, Redactor, Wire
from conformance.contract import load as load_contract
from conformance.journal import Engine, Journal, Judgement, Outcome, ScenarioRecord
from conformance.partner import rules, statement
from conformance.partner.orders_example import KEY, POLLS, WEATHER, Partner, Traded
from conformance.partner.orders_files import Reading, read_orders
from conformance.partner.reconcile_job import Live, Period, Said, Settings, reconcile
from conformance.partner.reconcile_store import Store
from conformance.partner.reconcile_target import Filed, reads_only
from conformance.partner.rules_base import Ruling
from conformance.partner.traffic_reading import Origins
from conformance.partner.traffic_record import SCENARIO, Recorder, Survey
from conformance.requirements import Requirement, load
from conformance.target import embedded

PRODUCTS: Final = ("traffic", "orders")
"""What of the catalogue it stands for."""

ACCOUNT: Final = "approved"
SHOWN: Final = "example partner"
"""Whose orders they are, in the rows of its books."""
STATED: Final = "statement.toml"
"""What the example states of itself, beside its source."""

NAMED_CALLS: Final = 40
"""Calls a passed requirement names; the number of all is told."""


class Trial:
    """The example client under judgement. Begun with a run, and awaited at its end."""

    def __init__(
        self, program: Path, environ: Mapping[str, str], fault: str | None, journal: Journal, key: bytes, clock: Clock
    ) -> None:
        self._program, self._environ, self._fault = program, environ, fault
        self._journal, self._redaction_key, self._clock = journal, key, clock
        self._folder = tempfile.TemporaryDirectory(prefix="conformance-partner-")
        self._partner = Partner(program, environ, fault, Path(self._folder.name))
        self._known = [r for r in load() if r.product in PRODUCTS]
        self._thread = threading.Thread(target=self._work, name="the example partner", daemon=True)

    def begin(self) -> None:
        """Let it work beside whatever else is done."""
        self._thread.start()

    def end(self) -> None:
        """Wait until it is done and judged; its own bounds see to that."""
        self._finish()

    def stop(self) -> None:
        """End it without a word."""
        self._partner.stop()
        self._finish()

    def _finish(self) -> None:
        if self._thread.ident is not None:
            self._thread.join()
        self._journal.close()
        self._folder.cleanup()

    def _work(self) -> None:
        started, begun, sent = self._clock.now(), self._clock.monotonic(), 0
        try:
            # A twin is there to be caught; how patiently it polls, and so how long it takes, is another matter.
            polls = POLLS if self._fault is None else ()
            with embedded.start(self._environ, dialects=WEATHER, extra_args=polls) as sandbox:
                sensitive = frozenset().union(*(load_contract(None, name).sensitive for name in ("pools", "gate")))
                traded = self._partner.trade(sandbox, sensitive)
                sent = len(traded.entries)
                redactor = Redactor(self._redaction_key, list(_secrets(sandbox)), sensitive)
                judge_traffic(traded, self._known, self._stated(), self._journal, redactor, sensitive)
                judge_books(traded.book, sandbox, started, self._journal, redactor, self._clock)
        except Exception as problem:
            # Nothing is known of it then, and each of its requirements says so.
            for requirement in self._known:
                self._journal.append(_unknown(requirement, problem))
        result = "failed" if self._journal.failed else "passed" if sent else "not run"
        elapsed = round((self._clock.monotonic() - begun) * 1000)
        self._journal.append(ScenarioRecord(SCENARIO, Engine.TRAFFIC, result, elapsed, sent))

    def _stated(self) -> statement.Statement | None:
        path = self._program.with_name(STATED)
        return statement.load(path, self._known) if path.is_file() else None


def judge_traffic(
    traded: Traded,
    known: Sequence[Requirement],
    stated: statement.Statement | None,
    journal: Journal,
    redactor: Redactor,
    sensitive: frozenset[str],
) -> None:
    """File what the client sent, and what rules and statement say of it. It was recorded from its start."""
    survey = Survey(Origins(frozenset({traded.host})), sensitive)
    for entry in traded.entries:
        survey.note(entry)
    contracts = {name: load_contract(None, name) for name in ("pools", "gate")}
    recorder = Recorder(journal, redactor, contracts, survey, in_browser=False)
    for number, entry in enumerate(traded.entries, 1):
        recorder.take(number, entry)
    for ruling in (*rules.judge(recorder.traffic(from_start=True)), *statement.rulings(stated, known)):
        journal.append(judgement(ruling, redactor))
    for said in statement.records(stated, known):
        journal.append(said)


def judgement(ruling: Ruling, redactor: Redactor) -> Judgement:
    """A ruling as the journal has it."""
    return Judgement(
        requirement=ruling.requirement,
        outcome=ruling.outcome,
        engine=Engine.TRAFFIC,
        scenario=SCENARIO,
        expected=ruling.expected,
        observed=redactor.text(ruling.observed),
        exchanges=tuple(call.id for call in ruling.calls[:NAMED_CALLS]),
        missing=redactor.text(ruling.missing),
        provider="partner" if ruling.outcome is Outcome.NOT_EVIDENCED else "",
    )


def judge_books(
    book: Path, sandbox: embedded.Embedded, started: datetime, journal: Journal, redactor: Redactor, clock: Clock
) -> None:
    """Reconcile its records with its sandbox. They are complete from its start, and nothing moves any more."""
    ended = clock.now()

    def keep(said: Said) -> None:
        texts = {field.name: _clean(getattr(said, field.name), redactor) for field in dataclasses.fields(said)}
        journal.append(dataclasses.replace(said, **texts))

    with closing(Store(book.with_name("books.db"))) as store:
        columns = read_orders(Reading(book), store.add_orders)
        recorder = Filed(journal, {"pools": load_contract(None, "pools")}, redactor, Context(SCENARIO, Engine.TRAFFIC))
        wire = Wire({"pools": sandbox.url}, recorder, clock, rate=None, timeout=10, refuses=reads_only)
        with closing(wire):
            api = PoolsApi(wire, Credentials(ACCOUNT, sandbox.environ[KEY]))
            settings = Settings(SHOWN, ended, timedelta(0), Period(started, ended + timedelta(minutes=1)))
            reconcile(store, columns, Live(api, clock.now), settings, keep)


def _clean(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, str) and not isinstance(value, Outcome):
        return redactor.text(value)
    return tuple(_clean(each, redactor) for each in value) if isinstance(value, tuple) else value


def _unknown(requirement: Requirement, problem: Exception) -> Judgement:
    return Judgement(
        requirement=requirement.id,
        outcome=Outcome.ERROR,
        engine=Engine.TRAFFIC,
        scenario=SCENARIO,
        expected="the example partner to trade and to be judged",
        observed=f"{type(problem).__name__}: {problem}",
    )


def _secrets(sandbox: embedded.Embedded) -> list[str]:
    return [value for name, value in sandbox.environ.items() if name.endswith(("_KEY", "_SECRET"))]


__all__ = ["PRODUCTS", "Trial", "judge_books", "judge_traffic", "judgement"]

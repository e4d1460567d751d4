"""What ``conformance reconcile`` does between its options and its exit code: inputs, journal, reports.

Joining and judging are the business of ``partner/reconcile_job.py``.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import platform
import secrets
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import Console

from conformance import contract as contracts
from conformance import evidence, requirements
from conformance.client import Context, Credentials, NetworkTrouble, PoolsApi, Redactor, SystemClock, Wire, stamp
from conformance.evidence import reconciliation
from conformance.evidence.text import one_line, visible
from conformance.journal import Engine, Journal, Judgement, Observation, Outcome, ReconciliationRow, RunRecord, seal
from conformance.partner.orders import ALIASES, Columns, OrdersError, moment
from conformance.partner.orders_files import Reading, read_orders
from conformance.partner.reconcile_job import Live, Other, Period, Said, Saved, Settings, told
from conformance.partner.reconcile_job import reconcile as reconcile_store
from conformance.partner.reconcile_store import Store
from conformance.partner.reconcile_tally import SCENARIO
from conformance.partner.reconcile_target import Filed, reads_only
from conformance.requirements import REVISION, Scope
from conformance.run import REPORTS, SENSITIVE, UsageProblem
from conformance.target import ProfileError, Target
from conformance.target import load as load_target
from conformance.target.problems import instead

PRODUCT = "orders"

ROWS = 10_000
"""Rows that the journal takes. Of more it takes half matched and half not, and a file beside it holds them all."""

ALL_ROWS = "reconciliation-all.csv"


@dataclass(frozen=True, slots=True)
class Asked:
    """The options as they were given."""

    orders: Path
    target: str | None
    trades: tuple[Path, ...]
    ledger: tuple[Path, ...]
    account: str
    start: str | None
    end: str | None
    as_of: str | None
    grace: float
    table: str
    columns: tuple[str, ...]
    statuses: tuple[str, ...]
    only: tuple[str, ...]
    output: Path | None

    @property
    def command(self) -> str:
        """The command that does the same again."""
        words = ["conformance", "reconcile", str(self.orders)]
        words += ["--target", self.target] if self.target is not None else []
        words += [word for path in self.trades for word in ("--trades", str(path))]
        words += [word for path in self.ledger for word in ("--ledger", str(path))]
        given = (("--from", self.start), ("--to", self.end), ("--as-of", self.as_of))
        words += [word for name, value in given if value is not None for word in (name, value)]
        words += ["--account", self.account] * (self.account != "approved")
        words += ["--table", self.table] * (self.table != "orders")
        words += ["--grace", f"{self.grace:g}"] * (self.grace != 24)
        words += [word for value in self.columns for word in ("--column", value)]
        words += [word for value in self.statuses for word in ("--status", value)]
        return shlex.join(words)


def execute(asked: Asked, environ: Mapping[str, str]) -> int:
    """Reconcile, write the run folder, tell the outcome, and give the verdict's exit code.

    Raises ``UsageProblem`` for whatever has to be corrected first: then nothing was asked of any target.
    """
    target = _target(asked, environ)
    clock = SystemClock()
    settings = _settings(asked)
    read_at = None if target else min(map(_modified, (*asked.trades, *asked.ledger)))
    with ExitStack() as stack:
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="conformance-reconcile-")))
        store = Store(temporary / "books.db")
        stack.callback(store.close)
        columns = _orders(asked, store)
        started = clock.now()
        name = f"{started:%Y%m%d-%H%M%S}-orders-{target.name if target else 'saved'}-{secrets.token_hex(2)}"
        folder = asked.output or REPORTS / name
        journal = _journal(folder)
        stack.callback(journal.close)
        journal.append(_run_record(asked, target, name, stamp(started)))
        redactor = Redactor(secrets.token_bytes(32), _secrets(target), _sensitive(target))
        other: Other
        if target is not None:
            other = Live(_api(stack, target, asked.account, journal, redactor), clock.now)
        else:
            other = Saved(asked.trades, asked.ledger, read_at or clock.now())
        try:
            with _rows(folder, journal, redactor) as keep:
                _reconcile(store, columns, other, settings, keep, Console(highlight=False))
        except OrdersError as problem:
            # Pages that cannot be read are the user's to correct: nothing was found out.
            _give_up(folder, journal)
            raise UsageProblem(str(problem)) from problem
        journal.close()
        seal(folder / "journal", stamp(clock.now()))
    packet = evidence.assemble(folder, requirements.load())
    evidence.write_packet(packet, folder)
    _say(packet, folder, Console(highlight=False))
    return packet.verdict.exit_code


def _reconcile(
    store: Store, columns: Columns, other: Other, settings: Settings, keep: Keeper, console: Console
) -> None:
    """Reconcile and say what it adds up to; trouble on the way to a target is written down as the run's."""
    try:
        tally = reconcile_store(store, columns, other, settings, keep)
    except NetworkTrouble as trouble:
        observed = f"{one_line(str(trouble))}; the orders were not reconciled"
        keep(
            Judgement(
                requirement="",
                outcome=Outcome.ERROR,
                engine=Engine.SCENARIO,
                scenario=SCENARIO,
                expected="the target's side to be readable",
                observed=observed,
            )
        )
        return
    for subject, value in told(tally, 0):
        console.print(f"{visible(subject)}: {visible(value)}", markup=False, soft_wrap=True)


class Keeper:
    """Writes what a reconciliation says into the journal, redacted, and every row into a file of its own too."""

    def __init__(self, journal: Journal, redactor: Redactor, writer: Any) -> None:
        self._journal = journal
        self._redactor = redactor
        self._writer = writer
        self.kept = {True: 0, False: 0}
        self.rows = 0

    def __call__(self, said: Said) -> None:
        """Write one record down."""
        texts = {name.name: self._clean(getattr(said, name.name)) for name in dataclasses.fields(said)}
        record = dataclasses.replace(said, **texts)
        if isinstance(record, ReconciliationRow):
            self.rows += 1
            matched = record.result == "matched"
            self._writer.writerow([reconciliation.cell(getattr(record, name)) for name in reconciliation.COLUMNS])
            if self.kept[matched] >= ROWS // 2:
                return
            self.kept[matched] += 1
        self._journal.append(record)

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str) and not isinstance(value, Outcome):
            return self._redactor.text(value)
        return tuple(map(self._clean, value)) if isinstance(value, tuple) else value


@contextmanager
def _rows(folder: Path, journal: Journal, redactor: Redactor) -> Iterator[Keeper]:
    """A keeper of rows; the file of all of them stays where the journal could not take every one."""
    path = folder / ALL_ROWS
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(reconciliation.COLUMNS)
        keeper = Keeper(journal, redactor, writer)
        yield keeper
    if keeper.rows == sum(keeper.kept.values()):
        path.unlink()
        return
    digest = _digest(path)
    journal.append(
        Observation("rows", f"{keeper.rows}, of which {sum(keeper.kept.values())} here; {ALL_ROWS} has all: {digest}")
    )


def _say(packet: evidence.Packet, folder: Path, console: Console) -> None:
    for finding in packet.findings:
        words = f"{finding.status.upper()} {finding.id}: {finding.verdict.requirement.statement}"
        console.print(words, markup=False, soft_wrap=True)
        for case in finding.cases[:2]:
            console.print(f"  {one_line(case.judgement.observed)}", markup=False, soft_wrap=True)
    for gap in packet.gaps:
        words = f"not evidenced: {', '.join(gap.requirements)}: {one_line(gap.missing)}"
        console.print(words, markup=False, soft_wrap=True)
    verdict = packet.verdict
    console.print(f"{verdict.status} (exit code {verdict.exit_code})", markup=False, soft_wrap=True)
    for reason in verdict.reasons:
        console.print(f"  {reason.text}", markup=False, soft_wrap=True)
    console.print(f"Report: {folder / 'index.html'}", markup=False, soft_wrap=True)


def _target(asked: Asked, environ: Mapping[str, str]) -> Target | None:
    """The target to read; None where saved pages stand for it."""
    if (asked.target is None) == (not asked.trades):
        raise UsageProblem("say where the target's side comes from: --target NAME, or --trades FILE and --ledger FILE")
    if asked.target is None:
        return None
    if asked.ledger:
        raise UsageProblem("--ledger goes with --trades; with --target the ledger is read there")
    if asked.target == "embedded":
        raise UsageProblem("the embedded sandbox is started afresh and holds no orders; name another --target")
    try:
        target = load_target(asked.target, environ)
    except ProfileError as problem:
        raise UsageProblem(str(problem)) from problem
    account = target.accounts.get(asked.account)
    if account is None or account.secret_key is None:
        known = [name for name, found in target.accounts.items() if found.secret_key is not None]
        fix = instead(asked.account, known, f"the profile has {', '.join(known) or 'none'}")
        raise UsageProblem(f"--account {asked.account!r} has no secret key at {target.name}; {fix}")
    return target


def _settings(asked: Asked) -> Settings:
    catalogue = requirements.load().of([PRODUCT])
    for name in asked.only:
        if name not in catalogue.requirements:
            hint = instead(name, catalogue.requirements, f"choose of {', '.join(catalogue.requirements)}")
            raise UsageProblem(f"--only: reconcile judges no requirement {name!r}; {hint}")
    as_of = _time("--as-of", asked.as_of) or _modified(asked.orders)
    start, end = _time("--from", asked.start), _time("--to", asked.end)
    if end is not None and (start is None or end <= start):
        raise UsageProblem("--to ends a period that --from begins; give both, --to the later")
    return Settings(
        account=asked.account,
        as_of=as_of,
        grace=timedelta(hours=asked.grace),
        period=Period(start, end or (as_of if start else None)),
        only=asked.only,
    )


def _time(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    at = moment(text)
    if at is None:
        raise UsageProblem(f"{option} {text!r} is no time; write 2026-01-31T00:00:00Z or 2026-01-31")
    return at


def _modified(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError as trouble:
        raise UsageProblem(f"{path} cannot be read ({trouble.strerror}); check the path") from trouble


def _give_up(folder: Path, journal: Journal) -> None:
    """Leave no run folder behind."""
    journal.close()
    shutil.rmtree(folder / "journal", ignore_errors=True)
    (folder / ALL_ROWS).unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def _orders(asked: Asked, store: Store) -> Columns:
    reading = Reading(asked.orders, asked.table, _pairs("--column", asked.columns), _pairs("--status", asked.statuses))
    try:
        return read_orders(reading, store.add_orders)
    except OrdersError as problem:
        raise UsageProblem(str(problem)) from problem


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in given:
        left, equals, right = text.partition("=")
        if not (left and equals and right):
            shown = f"FIELD=COLUMN, with FIELD one of {', '.join(ALIASES)}" if option == "--column" else "WORD=STATUS"
            raise UsageProblem(f"{option} {text!r} is no pair; write {shown}")
        pairs[left] = right
    return pairs


def _journal(folder: Path) -> Journal:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageProblem(f"--output {folder} is not an empty folder; name one that does not exist yet")
    try:
        return Journal(folder / "journal", "main")
    except OSError as problem:
        raise UsageProblem(f"{folder} cannot be written to ({problem.strerror}); choose another --output") from problem


def _api(stack: ExitStack, target: Target, account: str, journal: Journal, redactor: Redactor) -> PoolsApi:
    clock = SystemClock()
    recorder = Filed(journal, {"pools": contracts.load(None, "pools")}, redactor, Context(SCENARIO, Engine.SCENARIO))
    limits = target.limits
    rate = limits.requests_per_second if limits else None
    wire = Wire(target.base_urls, recorder, clock, rate=rate, timeout=target.patience.request, refuses=reads_only)
    stack.callback(wire.close)
    key = target.accounts[account].secret_key
    assert key is not None
    return PoolsApi(wire, Credentials(account, key.reveal()))


def _secrets(target: Target | None) -> list[str]:
    if target is None:
        return []
    keys = [key for account in target.accounts.values() for key in (account.secret_key, account.publishable_key)]
    return [secret.reveal() for secret in (*keys, *target.other_secrets()) if secret is not None]


def _sensitive(target: Target | None) -> set[str]:
    return set(SENSITIVE) | (set() if target is None else {*contracts.load(None, "pools").sensitive})


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256 {hashlib.file_digest(file, 'sha256').hexdigest()}"


def _run_record(asked: Asked, target: Target | None, name: str, started: str) -> RunRecord:
    digests = {"order records": _digest(asked.orders)}
    with suppress(OSError):
        digests |= {f"pages {path.name}": _digest(path) for path in (*asked.trades, *asked.ledger)}
    accounts = {} if target is None else {asked.account: target.accounts[asked.account].secret_variable or ""}
    return RunRecord(
        run=name,
        started=started,
        target=target.name if target else "saved pages",
        environment=target.environment if target else "saved pages",
        embedded=target.is_embedded if target else False,
        base_urls=dict(target.base_urls) if target else {},
        scope=Scope.PARTNER,
        tier="certify",
        selection=asked.only,
        seed=0,
        accounts=tuple(accounts),
        features=(),
        versions={package: metadata.version(package) for package in ("obit-conformance", "httpx")}
        | {"python": platform.python_version()},
        digests=digests | (dict(target.digests) if target else {}),
        contract_revision=REVISION,
        command=asked.command,
        products=(PRODUCT,),
        variables=accounts,
    )

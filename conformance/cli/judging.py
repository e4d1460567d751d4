"""What ``conformance judge`` and ``observe`` do with a recording: journal, rules, statement, reports, exit code.

What calls mean is the business of ``partner/traffic`` and ``partner/rules``.
"""

from __future__ import annotations

import hashlib
import platform
import secrets
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from pathlib import Path

from conformance import contract as contracts
from conformance import evidence, requirements
from conformance.client import Clock, Redactor, SystemClock, stamp
from conformance.evidence.text import one_line
from conformance.journal import Journal, Judgement, Outcome, RunRecord, seal
from conformance.known_failures import KnownFailuresError
from conformance.known_failures import load as load_known_failures
from conformance.partner import har, rules, statement
from conformance.partner.orders_judged import judgement
from conformance.partner.rules import Ruling
from conformance.partner.traffic import PUBLISHED, Traffic
from conformance.partner.traffic_caller import recorded_by_browser
from conformance.partner.traffic_reading import Origins
from conformance.partner.traffic_record import VARIABLES, Recorder, Survey
from conformance.requirements import REVISION, Requirement, Scope
from conformance.run import REPORTS, SENSITIVE, UsageProblem
from conformance.target.problems import instead

PRODUCT = "traffic"

FROM_START = "recorded from the start"
"""What the comment of an archive says where nothing was sent before the recording began."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The options as they were given."""

    file: Path
    hosts: tuple[str, ...] = ()
    statement: Path | None = None
    from_start: bool = False
    scope: str = Scope.PARTNER
    only: tuple[str, ...] = ()
    strict: bool = False
    known_failures: Path | None = None
    output: Path | None = None
    name: str = ""
    """What the subject is called; the file's name where this is empty."""

    @property
    def command(self) -> str:
        """The command that judges the same again."""
        words = ["conformance", "judge", str(self.file)]
        words += [word for host in self.hosts for word in ("--host", host)]
        words += ["--statement", str(self.statement)] if self.statement else []
        words += ["--from-start"] * self.from_start + ["--strict"] * self.strict
        words += ["--scope", self.scope] if self.scope != Scope.PARTNER else []
        return shlex.join(words)


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything a recording is judged with, loaded."""

    known: tuple[Requirement, ...]
    contracts: Mapping[str, contracts.Contract]
    sensitive: frozenset[str]
    statement: statement.Statement | None
    failures: tuple[dict[str, str], ...]


def execute(asked: Asked, clock: Clock | None = None) -> evidence.Packet:
    """Judge a recording, write its run folder, and give the evidence.

    Raises ``UsageProblem`` for whatever has to be corrected first; then nothing is left behind.
    """
    clock = clock or SystemClock()
    inputs = prepare(asked)
    try:
        about, survey = look_through(asked, inputs)
    except har.HarError as problem:
        raise UsageProblem(f"{asked.file}: {problem}") from problem
    started = clock.now()
    name = f"{started:%Y%m%d-%H%M%S}-traffic-{secrets.token_hex(2)}"
    folder = asked.output or REPORTS / name
    journal = open_journal(folder)
    try:
        redactor = Redactor(secrets.token_bytes(32), survey.secrets, inputs.sensitive)
        in_browser = recorded_by_browser(about.creator, about.browser)
        recorder = Recorder(journal, redactor, inputs.contracts, survey, in_browser)
        for number, entry in har.entries(asked.file):
            recorder.take(number, entry)
        traffic = recorder.traffic(asked.from_start or FROM_START in about.comment)
        journal.append(_run_record(asked, inputs, traffic, name, stamp(started)))
        _judge(asked, inputs, traffic, journal, redactor, survey)
        for stated in statement.records(inputs.statement, inputs.known):
            journal.append(replace(stated, says=redactor.text(stated.says), by=redactor.text(stated.by)))
    except har.HarError as problem:
        journal.close()
        shutil.rmtree(folder / "journal", ignore_errors=True)
        raise UsageProblem(f"{asked.file}: {problem}") from problem
    journal.close()
    seal(folder / "journal", stamp(clock.now()))
    packet = evidence.assemble(folder, requirements.load())
    evidence.write_packet(packet, folder)
    return packet


def prepare(asked: Asked) -> Inputs:
    """Load everything but the recording. Raises ``UsageProblem``."""
    catalogue = requirements.load().of([PRODUCT])
    known = tuple(catalogue)
    for name in asked.only:
        if name not in catalogue.requirements:
            hint = instead(name, catalogue.requirements, "conformance requirements lists them")
            raise UsageProblem(f"--only: no rule over traffic judges {name!r}; {hint}")
    if asked.scope not in set(Scope):
        raise UsageProblem(f"--scope {asked.scope!r} is not known; choose {', '.join(Scope)}")
    try:
        stated = statement.load(asked.statement, known) if asked.statement is not None else None
        failures = load_known_failures(asked.known_failures, catalogue) if asked.known_failures else ()
    except (statement.StatementError, KnownFailuresError) as problem:
        raise UsageProblem(str(problem)) from problem
    loaded = _contracts()
    sensitive = SENSITIVE.union(*(document.sensitive for document in loaded.values()))
    return Inputs(known, loaded, sensitive, stated, failures)


@cache
def _contracts() -> Mapping[str, contracts.Contract]:
    """The project's own contract files: a recording is no place for another reading of them."""
    return {product: contracts.load(None, product) for product in ("pools", "gate")}


def look_through(asked: Asked, inputs: Inputs) -> tuple[har.About, Survey]:
    """The first of two readings: whose origins are whose, and what has to be redacted. Raises ``HarError``."""
    about = har.About()
    survey = Survey(Origins(frozenset(host.lower() for host in asked.hosts)), inputs.sensitive)
    for _, entry in har.entries(asked.file, about):
        survey.note(entry)
    return about, survey


def open_journal(folder: Path) -> Journal:
    """The journal of a folder that is free. Raises ``UsageProblem``."""
    if folder.exists() and (not folder.is_dir() or (folder / "journal").exists()):
        raise UsageProblem(f"--output {folder} is taken; name a folder that does not exist yet")
    try:
        return Journal(folder / "journal", "main")
    except OSError as problem:
        raise UsageProblem(f"{folder} cannot be written to ({problem.strerror}); choose another --output") from problem


def _judge(
    asked: Asked, inputs: Inputs, traffic: Traffic, journal: Journal, redactor: Redactor, survey: Survey
) -> None:
    """Write down what the rules and the statement say; of a recording without calls, only that it has none."""
    if not traffic.calls:
        seen = ", ".join(f"{host} ({count})" for host, count in survey.others.most_common(5)) or "no host at all"
        observed = f"the recording holds no call to 0Bit, only to {seen}; name a host of your own with --host"
        trouble = Ruling("", Outcome.ERROR, "calls to 0Bit in the recording", observed)
        journal.append(_judgement(trouble, redactor))
        return
    for ruling in (*rules.judge(traffic), *statement.rulings(inputs.statement, inputs.known)):
        if not asked.only or ruling.requirement in asked.only:
            journal.append(_judgement(ruling, redactor))


def _judgement(ruling: Ruling, redactor: Redactor) -> Judgement:
    return judgement(replace(ruling, missing=one_line(ruling.missing)), redactor)


def _run_record(asked: Asked, inputs: Inputs, traffic: Traffic, name: str, started: str) -> RunRecord:
    digests = {"recording": _digest(asked.file)}
    if asked.statement is not None:
        digests["statement"] = _digest(asked.statement)
    if asked.known_failures is not None:
        digests["known failures"] = _digest(asked.known_failures)
    packages = ("obit-conformance", "harfile")
    modes = sorted({call.mode or call.key.mode for call in traffic.calls} - {""})
    return RunRecord(
        run=name,
        started=started,
        target=asked.name or asked.file.name,
        environment=f"recording, {' and '.join(modes)} mode" if modes else "recording",
        embedded=False,
        base_urls=_base_urls(traffic),
        scope=asked.scope,
        tier="recording",
        selection=asked.only,
        seed=0,
        accounts=tuple(sorted({kind.key.kind for kind in traffic.calls})),
        features=(),
        versions={package: metadata.version(package) for package in packages} | {"python": platform.python_version()},
        digests=digests,
        contract_revision=REVISION,
        command=asked.command,
        known_failures=inputs.failures,
        strict=asked.strict,
        variables=VARIABLES,
        products=(PRODUCT,),
    )


def _base_urls(traffic: Traffic) -> dict[str, str]:
    """Where the calls went, by product; a second origin of one product is told by its host."""
    found: dict[str, str] = {}
    for call in traffic.calls:
        url = f"{call.origin}/v1"
        if url not in found.values():
            host = call.origin.partition("//")[2]
            known = call.product not in found
            found[call.product if known else f"{call.product} {PUBLISHED.get(host, ('', ''))[1] or host}".strip()] = url
    return found


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()

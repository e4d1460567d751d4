"""What ``conformance webhook`` does between its options and its verdict: the handler, the journal, the reports.

What is sent and what it shows is the business of ``webhooks``.
"""

from __future__ import annotations

import platform
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from conformance import evidence, requirements
from conformance.client import Context, Recorder, Redactor, SystemClock, stamp
from conformance.contract import load as load_contract
from conformance.journal import Engine, Journal, Judgement, Observation, Outcome, RunRecord, ScenarioRecord, seal
from conformance.requirements import REVISION, Scope
from conformance.run import REPORTS, SENSITIVE, UsageProblem
from conformance.target.problems import instead
from conformance.webhooks.commands import argv
from conformance.webhooks.effects import EffectsCommand, EffectsProbe, Probe
from conformance.webhooks.events import FEATURES
from conformance.webhooks.filing import PRODUCT, Filed
from conformance.webhooks.handler import Certificate, Finding, HandlerUnderTest, certify
from conformance.webhooks.signature import DEFAULT_TOLERANCE, SCHEMES, TIMED
from conformance.webhooks.vectors import Choice, types_of

SCENARIO = "webhook"

VARIABLE = "OBIT_WEBHOOK_SECRET"
SIGNATURE_HEADER = "Gate-Signature"

PRODUCTS = {"pools": ("pools",), "gate": ("gate",), "both": ("pools", "gate")}


@dataclass(frozen=True, slots=True)
class Asked:
    """The options as they were given."""

    url: str
    product: str
    secret_variable: str
    header: str
    scheme: str
    tolerance: int
    effects_url: str | None
    effects_path: str | None
    effects_command: str | None
    effects_on: tuple[str, ...]
    features: tuple[str, ...]
    restart_command: str | None
    confirmed: bool
    only: tuple[str, ...]
    output: Path | None

    @property
    def command(self) -> str:
        """The command that does the same again."""
        words = ["conformance", "webhook", self.url]
        given = (
            ("--product", self.product, "both"),
            ("--secret-variable", self.secret_variable, VARIABLE),
            ("--header", self.header, SIGNATURE_HEADER),
            ("--scheme", self.scheme, TIMED.name),
            ("--tolerance", str(self.tolerance), str(DEFAULT_TOLERANCE)),
            ("--effects-url", self.effects_url, None),
            ("--effects-path", self.effects_path, None),
            ("--effects-command", self.effects_command, None),
            ("--restart-command", self.restart_command, None),
        )
        words += [word for name, value, default in given if value not in (default, None) for word in (name, str(value))]
        words += [word for value in self.effects_on for word in ("--effects-on", value)]
        words += [word for value in self.features for word in ("--feature", value)]
        words += ["--confirm-test-handler"] * self.confirmed
        return shlex.join(words)


def execute(asked: Asked, environ: Mapping[str, str]) -> tuple[evidence.Packet, Path]:
    """Certify the handler, write the run folder and tell the outcome.

    Raises ``UsageProblem`` for whatever has to be corrected first: then nothing was sent.
    """
    clock = SystemClock()
    started = clock.now()
    handler = _handler(asked, environ, started)
    _check_only(asked)
    name = f"{started:%Y%m%d-%H%M%S}-handler-{secrets.token_hex(2)}"
    folder = asked.output or REPORTS / name
    journal = _journal(folder)
    try:
        redactor = Redactor(secrets.token_bytes(32), [handler.secret], _sensitive())
        journal.append(_run_record(asked, name, stamp(started), redactor))
        begun = clock.monotonic()
        certificate = certify(handler)
        _write(certificate, asked, journal, redactor, clock.monotonic() - begun)
    finally:
        journal.close()
    seal(folder / "journal", stamp(clock.now()))
    packet = evidence.assemble(folder, requirements.load())
    evidence.write_packet(packet, folder)
    evidence.render(packet, folder, Console(highlight=False))
    return packet, folder


def _handler(asked: Asked, environ: Mapping[str, str], started: datetime) -> HandlerUnderTest:
    secret = environ.get(asked.secret_variable, "")
    if not secret:
        raise UsageProblem(
            f"{asked.secret_variable} is not set; put the test secret there that the handler verifies with, "
            "or name another variable with --secret-variable"
        )
    if asked.product not in PRODUCTS:
        raise UsageProblem(f"--product {asked.product!r} is not known; choose {', '.join(PRODUCTS)}")
    if asked.scheme not in SCHEMES:
        raise UsageProblem(f"--scheme {asked.scheme!r} is not known; choose {', '.join(SCHEMES)}")
    if not SCHEMES[asked.scheme].timed and asked.product != "pools":
        raise UsageProblem(
            f"0Gate signs as {TIMED.name} and not otherwise; with --scheme {asked.scheme} add --product pools"
        )
    try:
        return HandlerUnderTest(
            url=asked.url,
            secret=secret,
            effects=_probe(asked),
            run=f"{started:%Y%m%d%H%M%S}-{secrets.token_hex(4)}",
            header=asked.header,
            scheme=SCHEMES[asked.scheme],
            tolerance=asked.tolerance,
            choice=_choice(asked),
            restart=argv(asked.restart_command, "--restart-command") if asked.restart_command is not None else (),
            confirmed=asked.confirmed,
        )
    except ValueError as problem:
        hint = "; add --confirm-test-handler" if "not on this machine" in str(problem) else ""
        raise UsageProblem(f"{problem}{hint}") from problem


def _probe(asked: Asked) -> Probe | None:
    """How effects are counted. Raises ``ValueError`` for what names no event, and for two probes at once."""
    if asked.effects_url is not None and asked.effects_command is not None:
        raise ValueError("--effects-url and --effects-command are two probes; give one")
    if asked.effects_path is not None and asked.effects_url is None:
        raise ValueError("--effects-path leads through the answer of --effects-url, and that is missing")
    if asked.effects_url is not None:
        return EffectsProbe(asked.effects_url, asked.effects_path or "count")
    if asked.effects_command is not None:
        return EffectsCommand(argv(asked.effects_command, "--effects-command"))
    return None


def _choice(asked: Asked) -> Choice:
    """What the handler is for. Raises ``ValueError`` for a type or a feature nobody knows."""
    choice = Choice(products=frozenset(PRODUCTS[asked.product]))
    known = types_of(choice)
    for option, given, possible in (
        ("--effects-on", asked.effects_on, known),
        ("--feature", asked.features, FEATURES),
    ):
        for name in given:
            if name not in possible:
                hint = instead(name, possible, f"choose of {', '.join(possible)}")
                raise ValueError(f"{option} {name!r} is not known for --product {asked.product}; {hint}")
    return Choice(
        products=choice.products,
        features=frozenset(asked.features),
        effects_on=choice.effects_on | frozenset(asked.effects_on),
    )


def _check_only(asked: Asked) -> None:
    known = requirements.load().of([PRODUCT]).requirements
    for name in asked.only:
        if name not in known:
            hint = instead(name, known, f"choose of {', '.join(known)}")
            raise UsageProblem(f"--only: webhook judges no requirement {name!r}; {hint}")


def _journal(folder: Path) -> Journal:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageProblem(f"--output {folder} is not an empty folder; name one that does not exist yet")
    try:
        return Journal(folder / "journal", "main")
    except OSError as problem:
        raise UsageProblem(f"{folder} cannot be written to ({problem.strerror}); choose another --output") from problem


def _sensitive() -> set[str]:
    """Members that are secret wherever a handler repeats them; our own events are invented, but look like real ones."""
    return set(SENSITIVE) | {name for product in ("pools", "gate") for name in load_contract(None, product).sensitive}


def _write(certificate: Certificate, asked: Asked, journal: Journal, redactor: Redactor, seconds: float) -> None:
    """What the handler showed in these seconds, as exchanges, judgements and observations."""
    filed = Filed(Recorder(journal, {}, redactor, Context(SCENARIO, Engine.WEBHOOK)))
    chosen = [found for found in certificate.findings if not asked.only or found.requirement in asked.only]
    for finding in chosen:
        journal.append(_judgement(finding, filed.exchanges(finding.attempts), redactor))
    for seen in certificate.observed:
        exchange = next(iter(filed.exchanges(seen.attempts)), "")
        journal.append(Observation(seen.subject, redactor.text(seen.value), exchange=exchange))
    result = "failed" if any(finding.outcome is Outcome.FAIL for finding in chosen) else "passed"
    journal.append(ScenarioRecord(SCENARIO, Engine.WEBHOOK, result, round(seconds * 1000), filed.count))


def _judgement(finding: Finding, exchanges: list[str], redactor: Redactor) -> Judgement:
    said = f"{finding.name}: {finding.observed}" if finding.observed else ""
    return Judgement(
        requirement=finding.requirement,
        outcome=finding.outcome,
        engine=Engine.WEBHOOK,
        scenario=f"{SCENARIO}: {finding.name}",
        expected=redactor.text(finding.expected),
        observed=redactor.text(said),
        exchanges=tuple(exchanges),
        missing=redactor.text(finding.missing) if finding.outcome is Outcome.NOT_EVIDENCED else "",
        provider="the partner" if finding.outcome is Outcome.NOT_EVIDENCED else "",
    )


def _run_record(asked: Asked, name: str, started: str, redactor: Redactor) -> RunRecord:
    versions = {package: metadata.version(package) for package in ("obit-conformance", "httpx")}
    return RunRecord(
        run=name,
        started=started,
        target=redactor.text(urlsplit(asked.url).netloc),
        environment="test",
        embedded=False,
        base_urls={PRODUCT: redactor.text(asked.url)},
        scope=Scope.OPERATOR,
        tier="certify",
        selection=asked.only,
        seed=0,
        accounts=(PRODUCT,),
        features=asked.features,
        versions=versions | {"python": platform.python_version()},
        digests={},
        contract_revision=REVISION,
        command=redactor.text(asked.command),
        products=(PRODUCT,),
        variables={PRODUCT: asked.secret_variable},
    )

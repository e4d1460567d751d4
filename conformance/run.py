"""One run from options to verdict: what is judged, the journal it is written in, the preflight, and the end of it.

The pytest side (``plugin``) drives scenarios between ``prepare`` and ``finish``; nothing here decides a verdict.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import platform
import random
import secrets
import shlex
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from importlib import metadata
from pathlib import Path

from conformance import contract as contracts
from conformance import evidence, requirements
from conformance.client import (
    Clock,
    Context,
    NetworkTrouble,
    Recorder,
    Redactor,
    Reply,
    SystemClock,
    Wire,
    stamp,
)
from conformance.evidence import access_page
from conformance.journal import Engine, Journal, Judgement, Outcome, Record, RunRecord, Statement, seal
from conformance.known_failures import KnownFailuresError
from conformance.known_failures import load as load_known_failures
from conformance.partner import cards_example, launch_statements, orders_example
from conformance.partner.orders_judged import PRODUCTS as TRADED
from conformance.partner.orders_judged import Trial
from conformance.requirements import REVISION, Scope, first_order
from conformance.scenarios.bench import Bench
from conformance.scenarios.controlled.permit import Permit
from conformance.scenarios.controlled.setting import fit
from conformance.target import Budget, ProfileError, Target, embedded, example_partner, refusal
from conformance.target import load as load_target
from conformance.target.facts import facts
from conformance.target.problems import instead
from conformance.target.process import ProcessError

TIERS = ("smoke", "certify", "regress")
REPORTS = Path("reports")

BUDGET = 60.0
"""Seconds of generated traffic in a regress run that does not say."""

SENSITIVE = frozenset(
    {"client_secret", "clientSecret", "embed_token", "embedToken", "access_token", "accessToken", "api_key", "apiKey"}
    | {"secret_key", "secretKey", "webhook_secret", "webhookSecret", "signing_secret", "signingSecret", "password"}
)
"""Members that are secret wherever a target shows them, whether or not the contract in use knows them."""


class UsageProblem(Exception):
    """Nothing was tried: a bad option, profile, contract, approval or known-failures file, or our own key refused."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for. ``target`` None means the embedded sandbox."""

    target: str | None = None
    tier: str = "certify"
    scope: str | None = None
    steps: tuple[int, ...] = ()
    only: tuple[str, ...] = ()
    seed: int | None = None
    budget: float | None = None
    """Seconds of generated traffic in the regress tier; None is ``BUDGET``."""
    output: Path | None = None
    known_failures: Path | None = None
    workers: int = 0
    machines: bool = True
    """Whether state machines are run too; without them a run is quicker and limited."""
    products: tuple[str, ...] = ()
    """Which of the target's products are judged; empty for all it has."""
    fail_fast: bool = False
    """Whether to end as soon as a requirement that was asked for has failed."""
    faults: tuple[str, ...] = ()
    dialects: tuple[str, ...] = ()
    partner_fault: str | None = None
    cards_fault: str | None = None
    orders_fault: str | None = None
    statements: tuple[Path, ...] = ()
    """What people state for the launch packet."""
    max_amount: Decimal | None = None
    """What the one controlled order in production may cost, fees included; None for an ordinary run."""


@dataclass
class Run:
    """A prepared run. The controller owns it; worker processes rebuild their part from ``Handover``."""

    options: Options
    target: Target
    scope: Scope
    seed: int
    folder: Path
    redaction_key: bytes
    contracts: dict[str, contracts.Contract]
    clock: Clock
    stack: ExitStack = field(default_factory=ExitStack)
    benches: list[Bench] = field(default_factory=list)
    trial: Trial | None = None
    """The example order client, where it is judged beside the target."""
    permit: Permit | None = None
    """What a controlled order may send; None for an ordinary run, which only reads in production."""

    @property
    def budget(self) -> float:
        """Seconds of generated traffic, where the tier has any such limit."""
        return BUDGET if self.options.budget is None else self.options.budget

    @property
    def journal_folder(self) -> Path:
        """Where the segments lie."""
        return self.folder / "journal"

    def bench(self, segment: str) -> Bench:
        """A bench of this process, writing its own journal segment."""
        journal = Journal(self.journal_folder, segment)
        keys = [key for account in self.target.accounts.values() for key in account.keys]
        values = [secret.reveal() for secret in (*keys, *self.target.other_secrets())]
        # The vendor's own file may mark nothing as sensitive; what our contract marks stays secret under it.
        documents = (*self.contracts.values(), *(contracts.load(None, name) for name in self.target.contracts))
        sensitive = {name for document in documents for name in document.sensitive} | SENSITIVE
        redactor = Redactor(self.redaction_key, values, sensitive)
        recorder = Recorder(journal, self.contracts, redactor, Context())
        limits = self.target.limits
        rate = limits.requests_per_second if limits else None
        wire = Wire(
            self.target.base_urls,
            recorder,
            self.clock,
            rate=rate,
            timeout=self.target.patience.request,
            refuses=lambda method: None if self.permit else refusal(self.target, method),
            guard=self.permit.objection if self.permit else lambda request: None,
        )
        bench = Bench(
            self.target,
            wire,
            journal,
            self.clock,
            random.Random(self.seed),  # noqa: S311 - reproducibility is the point
            Budget(self.target.limits),
            self.clock.now(),
        )
        self.benches.append(bench)
        return bench

    def finish(self, *, whole: bool) -> evidence.Packet:
        """Write every report from the journal, sealed if the run is ``whole``: one that was cut short never is."""
        if self.trial is not None:
            (self.trial.end if whole else self.trial.stop)()
        self._give_back()
        if whole:
            seal(self.journal_folder, stamp(self.clock.now()))
        packet = evidence.assemble(self.folder, requirements.load())
        evidence.write_packet(packet, self.folder)
        return packet

    def abandon(self) -> None:
        """Give everything back without a verdict: nothing was tried, so nothing is kept."""
        if self.trial is not None:
            self.trial.stop()
        self._give_back()
        shutil.rmtree(self.journal_folder, ignore_errors=True)
        with suppress(OSError):
            self.folder.rmdir()

    def _give_back(self) -> None:
        for bench in self.benches:
            bench.closing.close()
            bench.wire.close()
            bench.journal.close()
        self.stack.close()


def prepare(options: Options, environ: Mapping[str, str]) -> Run:
    """Load everything a run stands on, and start the embedded sandbox where no target is given.

    Raises ``UsageProblem`` for anything the user has to correct first.
    """
    if options.tier not in TIERS:
        raise UsageProblem(f"--tier {options.tier!r} is not known; choose {', '.join(TIERS)}")
    catalogue = requirements.load()
    for requirement in options.only:
        try:
            catalogue[requirement]
        except KeyError:
            hint = instead(requirement, catalogue.requirements, "conformance requirements lists them")
            raise UsageProblem(f"--only: no requirement is called {requirement!r}; {hint}") from None
    for step in options.steps:
        if step not in requirements.STEPS:
            raise UsageProblem(f"--step {step} does not exist; the smoke plan has steps 1 to 8")
    if options.scope is not None and options.scope not in set(Scope):
        raise UsageProblem(f"--scope {options.scope!r} is not known; choose {', '.join(Scope)}")
    _check_budget(options)
    if options.output is not None:
        _check_output(options.output)
    if options.orders_fault is not None:
        _check_orders_fault(options.orders_fault)
    try:
        known = load_known_failures(options.known_failures, catalogue) if options.known_failures else ()
    except KnownFailuresError as problem:
        raise UsageProblem(str(problem)) from problem
    clock = SystemClock()
    stack = ExitStack()
    try:
        target = _of_products(_target(options, environ, stack), options.products)
        loaded = {product: contracts.load(target.contracts.get(product), product) for product in target.base_urls}
        stated = _stated(options, target, catalogue)
    except UsageProblem:
        stack.close()
        raise
    except (ProfileError, contracts.ContractError, embedded.EmbeddedError, ProcessError) as problem:
        stack.close()
        raise UsageProblem(str(problem)) from problem
    seed = options.seed if options.seed is not None else secrets.randbelow(2**31)
    started = clock.now()
    name = f"{started:%Y%m%d-%H%M%S}-{target.name}-{secrets.token_hex(2)}"
    folder = options.output or REPORTS / name
    scope = Scope(options.scope) if options.scope else (Scope.OPERATOR if target.is_embedded else Scope.PARTNER)
    run = Run(options, target, scope, seed, folder, secrets.token_bytes(32), loaded, clock, stack)
    if options.max_amount is not None:
        run.permit = Permit(target.base_urls["pools"], options.max_amount)
    try:
        bench = run.bench("main")
        run.trial = _trial(run, environ)
    except OSError as problem:
        stack.close()
        raise UsageProblem(f"{folder} cannot be written to ({problem.strerror}); choose another --output") from problem
    bench.journal.append(_run_record(run, name, stamp(started), known))
    told: list[Record] = [*facts(target), *stated]
    for record in told:
        bench.journal.append(record)
    if run.trial is not None:
        run.trial.begin()
    return run


def _trial(run: Run, environ: Mapping[str, str]) -> Trial | None:
    """The example order client to be judged beside the embedded sandbox; None where nothing asks for it.

    It trades in a sandbox of its own, so what is seeded into that of the run says nothing about it.
    """
    options = run.options
    named = [requirements.load()[name].product in TRADED for name in options.only]
    whole = not (named or options.steps or options.products or options.faults or options.dialects)
    program = orders_example.source(options.orders_fault)
    asked = any(named) or options.orders_fault is not None or (whole and options.tier != "smoke")
    if not run.target.is_embedded or not asked or program is None:
        return None
    journal = Journal(run.journal_folder, "partner")
    return Trial(program, environ, options.orders_fault, journal, run.redaction_key, run.clock)


def _stated(options: Options, target: Target, catalogue: requirements.Catalogue) -> tuple[Statement, ...]:
    """What people state for the launch packet. Raises ``ProfileError``, also for one of the target's own secrets."""
    if not options.statements:
        return ()
    keys = (key for account in target.accounts.values() for key in account.keys)
    secret_values = [secret.reveal() for secret in (*keys, *target.other_secrets())]
    return launch_statements.load(options.statements, access_page.keys(), tuple(catalogue), secret_values)


def _check_budget(options: Options) -> None:
    """Raise ``UsageProblem`` for a budget that is no length of time, or that no generated traffic would use."""
    if options.budget is None:
        return
    if not (math.isfinite(options.budget) and options.budget > 0):
        raise UsageProblem(f"--budget {options.budget:g} is no length of time; give seconds above 0, such as 60")
    if options.tier != "regress":
        raise UsageProblem(
            f"--budget is spent by the regress tier only, and this is --tier {options.tier}; "
            "add --tier regress, or leave --budget out"
        )


def _check_orders_fault(fault: str) -> None:
    """Raise ``UsageProblem`` for a twin of the order client that does not exist."""
    try:
        known = orders_example.twins()
    except orders_example.PartnerError as problem:
        raise UsageProblem(f"--orders-fault: {problem}") from problem
    if fault not in known:
        hint = instead(fault, known, f"choose of {', '.join(known) or 'none: the examples are not installed'}")
        raise UsageProblem(f"--orders-fault: the example order client has no twin {fault!r}; {hint}")


def _check_output(folder: Path) -> None:
    """Raise ``UsageProblem`` unless ``folder`` is free: a run neither mixes with files of before nor removes them."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageProblem(f"--output {folder} is a file; name a folder that does not exist yet")
    if any(folder.iterdir()):
        raise UsageProblem(f"--output {folder} is not empty; name a folder that does not exist yet")


def _target(options: Options, environ: Mapping[str, str], stack: ExitStack) -> Target:
    if options.target is not None and options.target != "embedded":
        if options.faults or options.dialects or options.partner_fault or options.cards_fault or options.orders_fault:
            raise UsageProblem("faults and dialects are switches of the embedded sandbox; leave out --target")
        return _fitted(load_target(options.target, environ), options)
    if options.max_amount is not None:
        live = embedded.start(environ, faults=options.faults, dialects=options.dialects, mode="live")
        return _fitted(load_target("embedded", stack.enter_context(live).environ), options)
    sandbox = stack.enter_context(embedded.start(environ, faults=options.faults, dialects=options.dialects))
    target = load_target("embedded", sandbox.environ)
    partner = cards = None
    if _wants(options, "handler"):
        partner = stack.enter_context(example_partner.start(environ, options.partner_fault))
    if _wants(options, "cards") and options.tier != "smoke":
        key = target.accounts["approved"].secret_key
        start = cards_example.start(environ, sandbox.url, key.reveal() if key else "", options.cards_fault)
        cards = stack.enter_context(start)
    handler = partner.handler if partner else None
    return dataclasses.replace(target, handler=handler, cards=cards, **embedded.promised(options.dialects))


def _fitted(target: Target, options: Options) -> Target:
    """The part of the target a controlled order uses, where one is asked for. Raises ``UsageProblem`` with the fix."""
    if options.max_amount is None:
        return target
    try:
        return fit(target, options.max_amount)
    except ValueError as problem:
        raise UsageProblem(str(problem)) from problem


def _of_products(target: Target, products: tuple[str, ...]) -> Target:
    """The target with only these of its products. Raises ``UsageProblem`` for one it does not have."""
    absent = [product for product in products if product not in target.base_urls]
    if absent:
        known = ", ".join(target.base_urls)
        raise UsageProblem(f"--product {absent[0]!r}: {target.name} has no such product; it has {known}")
    kept = {name: url for name, url in target.base_urls.items() if name in products}
    return dataclasses.replace(target, base_urls=kept) if products else target


def _wants(options: Options, need: str) -> bool:
    """Whether anything selected needs this part of the example partner."""
    chosen = [requirements.load()[name] for name in options.only]
    chosen += [found for step in options.steps for found in requirements.load().of_step(step)]
    return not chosen or any(need in requirement.needs for requirement in chosen)


def _run_record(run: Run, name: str, started: str, known: tuple[dict[str, str], ...]) -> RunRecord:
    options, target = run.options, run.target
    selection = tuple(f"step {step}" for step in options.steps) + options.only
    selection += () if options.machines else ("without state machines",)
    selection += tuple(f"product {product}" for product in options.products)
    selection += ("until the first failure",) if options.fail_fast else ()
    versions = {
        package: metadata.version(package) for package in ("obit-conformance", "schemathesis", "hypothesis", "httpx")
    } | {"python": platform.python_version()}
    digests = dict(target.digests)
    for product, document in run.contracts.items():
        text = json.dumps(document.document, sort_keys=True, default=str)
        digests[f"contract {product}"] = hashlib.sha256(text.encode()).hexdigest()
    if options.known_failures:
        digests["known failures"] = hashlib.sha256(options.known_failures.read_bytes()).hexdigest()
    for path in options.statements:
        digests[f"statements {path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return RunRecord(
        run=name,
        started=started,
        target=target.name,
        environment=target.environment,
        embedded=target.is_embedded,
        base_urls=dict(target.base_urls),
        scope=run.scope,
        tier=options.tier if options.max_amount is None else first_order.TIER,
        selection=selection,
        seed=run.seed,
        accounts=tuple(target.accounts),
        features=tuple(target.approval.features) if target.approval else (),
        versions=versions,
        digests=digests,
        contract_revision=REVISION,
        command=rerun(options),
        known_failures=known,
        strict=target.strict,
        products=(*target.products, *(TRADED if run.trial is not None else ())),
        stated={o.key: list(o.stated) for contract in run.contracts.values() for o in contract.operations},
        variables={name: account.secret_variable or "" for name, account in target.accounts.items()},
    )


def rerun(options: Options) -> str:
    """The command that runs the same again, without seed and selection: evidence adds those."""
    words = ["conformance", "run"]
    if options.target is not None:
        words += ["--target", options.target]
    words += ["--tier", options.tier] if options.max_amount is None else []
    words += [] if options.max_amount is None else ["--controlled-order", "--max-amount", f"{options.max_amount:f}"]
    if options.budget is not None:
        words += ["--budget", f"{options.budget:g}"]
    if options.scope:
        words += ["--scope", options.scope]
    for name in options.faults:
        words += ["--sandbox-fault", name]
    for name in options.dialects:
        words += ["--sandbox-dialect", name]
    if not options.machines:
        words += ["--skip-machines"]
    for product in options.products:
        words += ["--product", product]
    if options.fail_fast:
        words += ["--fail-fast"]
    if options.partner_fault:
        words += ["--partner-fault", options.partner_fault]
    if options.cards_fault:
        words += ["--cards-fault", options.cards_fault]
    if options.orders_fault:
        words += ["--orders-fault", options.orders_fault]
    for path in options.statements:
        words += ["--statements", str(path)]
    return shlex.join(words)


@dataclass(frozen=True, slots=True)
class PlainRead:
    """What came of asking the target for something plain with the approved account's key."""

    reply: Reply | None
    """The first read that was answered with 2xx."""
    sent: datetime
    """When that read was sent; else the last one."""
    statuses: tuple[int, ...]
    """Those of the reads before it, which were answered otherwise."""
    problem: str

    @property
    def refused(self) -> bool:
        """Whether every answer turned the key away."""
        return self.reply is None and bool(self.statuses) and set(self.statuses) <= {401, 403}


def plain_read(bench: Bench, product: str) -> PlainRead:
    """Try three plain reads of a product until one is answered."""
    reads: list[Callable[[], Reply]]
    if product == "gate":
        gate = bench.gate()
        reads = [lambda: gate.list_sessions(limit="1"), gate.branding, gate.countries]
    else:
        pools = bench.pools()
        reads = [lambda: pools.trades(limit="1"), lambda: pools.ledger(limit="1"), pools.funding]
    statuses: list[int] = []
    for read in reads:
        sent = bench.clock.now()
        try:
            reply = read()
        except NetworkTrouble as trouble:
            return PlainRead(None, sent, tuple(statuses), trouble.problem)
        if reply.ok:
            return PlainRead(reply, sent, tuple(statuses), "")
        statuses.append(reply.status)
    problem = f"three plain reads were answered {', '.join(map(str, statuses))}"
    return PlainRead(None, sent, tuple(statuses), problem)


def key_refused(target: Target, product: str, status: int) -> str:
    """What to tell the user when a product turns the approved account's key away."""
    variable = target.accounts["approved"].secret_for(product)[1]
    return (
        f"{target.name} refuses the key in {variable} (status {status} to a plain read); "
        f"check that {variable} holds a secret key of this environment"
    )


def preflight(run: Run) -> bool:
    """Read something plain before anything else is tried. Returns whether the target can be judged at all.

    Raises ``UsageProblem`` when our own key is refused. A target that cannot answer is written into the journal as an
    error of the whole run.
    """
    bench = run.benches[0]
    bench.wire.recorder.context = Context("preflight", Engine.PREFLIGHT)
    for product in run.target.base_urls:
        found = plain_read(bench, product)
        if found.reply is not None:
            continue
        if found.refused:
            raise UsageProblem(key_refused(run.target, product, found.statuses[0]))
        bench.journal.append(
            Judgement(
                requirement="",
                outcome=Outcome.ERROR,
                engine=Engine.PREFLIGHT,
                scenario="preflight",
                expected=f"one plain read of {product} to be answered",
                observed=f"{found.problem}; nothing else was tried",
            )
        )
        return False
    return True

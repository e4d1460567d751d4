"""The pytest side of a run: options, fixtures, markers, selection, and settling what each scenario declared.

``pytest --pyargs conformance.scenarios --target …`` is the same run as the command line, which is a thin layer over
this. Preparing a run and ending it live in ``run``; what is tried lives in ``scenarios``.
"""

from __future__ import annotations

import os
import random
import shlex
import traceback
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import pytest
from rich.console import Console

from conformance import evidence
from conformance.client import NetworkTrouble, Refused
from conformance.journal import Engine, Leftover, ScenarioRecord
from conformance.requirements import load as load_catalogue
from conformance.run import Options, Run, UsageProblem, preflight, prepare
from conformance.scenarios.bench import Bench
from conformance.scenarios.judging import MARK, Declaration, Halt, Judge
from conformance.scenarios.needs import gap
from conformance.scenarios.selection import selected, turn

RUN = pytest.StashKey["Session"]()
RESULT = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a run; the command line has the same names."""
    group = parser.getgroup("conformance", "0Bit contract conformance")
    group.addoption("--target", default=None, help="profile name or file; without it the embedded sandbox")
    group.addoption("--tier", default="certify", help="smoke, certify (default) or regress")
    group.addoption("--scope", default=None, help="partner or operator")
    group.addoption("--step", action="append", type=int, default=[], help="only this step of the smoke plan")
    group.addoption("--only", action="append", default=[], help="only this requirement")
    group.addoption("--run-seed", type=int, default=None, help="decides everything random")
    group.addoption("--budget", type=float, default=None, help="seconds of generated traffic (regress; 60)")
    group.addoption("--output", type=Path, default=None, help="run folder")
    group.addoption("--known-failures", type=Path, default=None, help="TOML file of known failures")
    group.addoption("--product", action="append", default=[], help="only this product: pools or gate")
    group.addoption("--skip-machines", action="store_true", help="leave the state machines out")
    group.addoption("--fail-fast", action="store_true", help="end once a requirement asked for has failed")
    group.addoption("--sandbox-fault", action="append", default=[], help="seed a fault into the embedded sandbox")
    group.addoption("--sandbox-dialect", action="append", default=[], help="legal variation of the embedded sandbox")


def pytest_configure(config: pytest.Config) -> None:
    """Make the scenario mark known."""
    config.addinivalue_line("markers", f"{MARK}(declaration): a scenario that judges a target")


class Session:
    """What one process of a run holds; as a pytest plugin it hears when the user interrupts."""

    def __init__(self, run: Run, bench: Bench, *, controller: bool, reachable: bool = True) -> None:
        self.run = run
        self.bench = bench
        self.controller = controller
        self.reachable = reachable
        self.parked: dict[str, object] = {}
        self.reserve = 0
        self.packet: evidence.Packet | None = None
        self.interrupted = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Put the session where the plugin looks for it."""
        config.stash[RUN] = self

    @pytest.hookimpl
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Know that the run was cut short by the user; pytest stops itself in the same way for reasons of its own."""
        self.interrupted = excinfo.type is KeyboardInterrupt


def options_of(config: pytest.Config) -> Options:
    """The run the pytest command line asks for."""
    get = config.getoption
    return Options(
        target=get("--target"),
        tier=get("--tier"),
        scope=get("--scope"),
        steps=tuple(get("--step")),
        only=tuple(get("--only")),
        seed=get("--run-seed"),
        budget=get("--budget"),
        output=get("--output"),
        known_failures=get("--known-failures"),
        products=tuple(get("--product")),
        machines=not get("--skip-machines"),
        fail_fast=get("--fail-fast"),
        faults=tuple(get("--sandbox-fault")),
        dialects=tuple(get("--sandbox-dialect")),
    )


def _wanted(config: pytest.Config) -> bool:
    """Whether this pytest session is a conformance run, rather than somebody's own tests."""
    scenarios = str(Path(__file__).parent / "scenarios")
    return config.getoption("--target") is not None or any(
        str(arg).startswith(("conformance.scenarios", scenarios)) or "conformance/scenarios" in str(arg)
        for arg in config.args
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    """Prepare the run in the controlling process, or join it in a worker."""
    config = session.config
    if RUN in config.stash or not _wanted(config):
        return
    try:
        run = prepare(options_of(config), os.environ)
        reachable = tried(run)
    except UsageProblem as problem:
        pytest.exit(str(problem), returncode=2)
    config.pluginmanager.register(Session(run, run.benches[0], controller=True, reachable=reachable))


def tried(run: Run) -> bool:
    """``preflight``, giving everything back when it ends the run."""
    try:
        return preflight(run)
    except BaseException:
        run.abandon()
        raise


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what tier, steps and selection ask for; late scenarios go last."""
    held = config.stash.get(RUN, None)
    if held is None:
        return
    kept, dropped = [], []
    for item in items:
        declaration = declared(item)
        if declaration is None or (held.reachable and _selected(declaration, held.run)):
            kept.append(item)
        else:
            dropped.append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
    items[:] = sorted(kept, key=_turn)
    held.reserve = sum(found.trades for item in items if (found := declared(item)) and found.last)
    _park(held, items)


def _turn(item: pytest.Item) -> int:
    declaration = declared(item)
    return 0 if declaration is None else turn(declaration)


def declared(item: pytest.Item) -> Declaration | None:
    """What a scenario declares; None for a test that is none."""
    mark = item.get_closest_marker(MARK)
    return mark.args[0] if mark else None


def _selected(declaration: Declaration, run: Run) -> bool:
    catalogue, options = load_catalogue(), run.options
    spoken_of = {catalogue[requirement].product for requirement in declaration.judges}
    if not spoken_of <= set(run.target.products) or (declaration.engine is Engine.MACHINE and not options.machines):
        return False
    return selected(declaration, catalogue, tier=options.tier, steps=options.steps, only=options.only)


def _park(held: Session, items: list[pytest.Item]) -> None:
    """Let the selected scenarios leave behind what has to grow old while others work."""
    for item in items:
        declaration = declared(item)
        if declaration is None or declaration.parks is None or gap(declaration, held.run.target):
            continue
        _enter(held, item, declaration)
        # What is parked draws other keys than the scenario will: a target remembers them.
        held.bench.rng = random.Random(held.bench.rng.getrandbits(64))  # noqa: S311 - reproducibility is the point
        try:
            held.parked[item.nodeid] = declaration.parks(held.bench)
        except Exception as problem:
            held.parked[item.nodeid] = problem


def _enter(held: Session, item: pytest.Item, declaration: Declaration) -> None:
    context = held.bench.wire.recorder.context
    context.scenario, context.engine = item.name, declaration.engine
    held.bench.rng = random.Random(f"{held.run.seed}:{item.name}")  # noqa: S311 - reproducibility is the point
    # Engines that make up their own sequences take what the limits leave, not what the last scenarios need.
    held.bench.reserved = 0 if declaration.engine is Engine.SCENARIO else held.reserve


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Write down that a scenario ran, how long it took and how many requests it made."""
    held = item.config.stash.get(RUN, None)
    declaration = declared(item)
    if held is None or declaration is None:
        return (yield)
    _enter(held, item, declaration)
    started, sent = held.run.clock.monotonic(), held.bench.wire.sent
    result = yield
    held.bench.journal.append(
        ScenarioRecord(
            scenario=item.name,
            engine=declaration.engine,
            result=str(item.stash.get(RESULT, "not run")),
            elapsed_ms=round((held.run.clock.monotonic() - started) * 1000),
            exchanges=held.bench.wire.sent - sent,
        )
    )
    if held.run.options.fail_fast and _asked_for(held) & held.bench.journal.failed:
        item.session.shouldstop = "a requirement has failed"
    return result


def _asked_for(held: Session) -> set[str]:
    """The requirements whose failure a run was started for."""
    return set(held.run.options.only) or {r.id for r in load_catalogue() if r.may_fail}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Settle what a scenario declared when it could not even be set up."""
    try:
        return (yield)
    except pytest.skip.Exception:
        raise
    except Exception as raised:
        problem = raised
    judge: Judge | None = getattr(item, "funcargs", {}).get("judge")
    if judge is None:
        raise problem
    judge.close(problem)
    item.stash[RESULT] = type(problem).__name__
    _tell(problem, judge)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Run a scenario and settle what it declared, whatever ended it."""
    declaration = declared(item)
    if declaration is None:
        return (yield)
    judge: Judge = item.funcargs["judge"]  # type: ignore[attr-defined]
    problem: BaseException | None = None
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as raised:
        problem = raised
    judge.close(problem)
    item.stash[RESULT] = "failed" if judge.failures else type(problem).__name__ if problem else "passed"
    if judge.failures:
        pytest.fail("not conformant: " + ", ".join(dict.fromkeys(judge.failures)), pytrace=False)
    if problem is not None:
        _tell(problem, judge)
    return None


def _tell(problem: BaseException, judge: Judge) -> NoReturn:
    """End a scenario as failed without handing pytest an exception whose message or locals may hold a secret."""
    if isinstance(problem, pytest.skip.Exception | pytest.fail.Exception):
        raise problem
    expected = isinstance(problem, Halt | NetworkTrouble | Refused)
    text = str(problem) if expected else "".join(traceback.format_exception(problem))
    pytest.fail(judge.redactor.text(text), pytrace=False)


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Bench:
    """The bench of this process."""
    held: Session = request.config.stash[RUN]
    return held.bench


@pytest.fixture
def tier(request: pytest.FixtureRequest) -> str:
    """How much the run was asked to do."""
    held: Session = request.config.stash[RUN]
    return held.run.options.tier


@pytest.fixture
def budget(request: pytest.FixtureRequest) -> float:
    """Seconds the running scenario may spend on generated traffic in the regress tier: all that do get the same."""
    held: Session = request.config.stash[RUN]
    found = [declared(item) for item in request.session.items]
    sharing = sum(each is not None and each.engine is Engine.GENERATED for each in found)
    return held.run.budget / max(1, sharing)


@pytest.fixture
def judge(request: pytest.FixtureRequest, bench: Bench) -> Judge:
    """The voice of the running scenario."""
    declaration = declared(request.node)
    assert declaration is not None, f"{request.node.name} uses judge without declaring what it judges"
    held: Session = request.config.stash[RUN]
    recorder = bench.wire.recorder
    voice = Judge(bench.journal, load_catalogue(), recorder.redactor, recorder.context, declaration.judges)
    found = gap(declaration, held.run.target)
    if found:
        for requirement in declaration.judges:
            voice.cannot(requirement, *found)
        request.node.stash[RESULT] = "not evidenced"
        pytest.skip(f"needs {found[0]}")
    return voice


@pytest.fixture
def parked(request: pytest.FixtureRequest, judge: Judge) -> Any:
    """What this scenario left behind at the start of the run."""
    held: Session = request.config.stash[RUN]
    left = held.parked[request.node.nodeid]
    if isinstance(left, Exception):
        raise left
    return left


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tidy up at the target, seal the journal, write the evidence, and leave with the verdict's exit code."""
    held = session.config.stash.get(RUN, None)
    if held is None:
        return
    console = Console(stderr=False, highlight=False)
    if held.interrupted:
        console.print("interrupted; tidying up", markup=False)
        session.exitstatus = evidence.RunStatus.INTERRUPTED.exit_code
    tidy(held.bench)
    held.packet = held.run.finish(whole=not held.interrupted)
    if held.interrupted:
        again = shlex.join(["conformance", "report", str(held.run.folder)])
        console.print(f"what was judged until then: {again}", markup=False, soft_wrap=True)
        return
    session.exitstatus = held.packet.verdict.exit_code
    # rich ends the process with 1 when whoever reads a pipe has gone; the verdict keeps its own code.
    with suppress(SystemExit):
        evidence.render(held.packet, held.run.folder, console)


def tidy(bench: Bench) -> None:
    """Undo what this run left open at the target, and list what remains there."""
    context = bench.wire.recorder.context
    context.scenario, context.engine = "clean-up", Engine.CLEANUP
    _tidy_quotes(bench)
    _tidy_gate(bench)
    for order in bench.orders:
        bench.journal.append(Leftover("trade", order.transact, "trades cannot be deleted"))


def _tidy_quotes(bench: Bench) -> None:
    """Reject the firm quotes of this run that are still open."""
    silent = False
    for quote, (account, expires) in bench.open_quotes.items():
        if expires is not None and expires <= bench.clock.now():
            continue
        if silent:
            bench.journal.append(Leftover("quote", quote, "not rejected: the target no longer answers"))
            continue
        try:
            reply = bench.pools(account).reject(quote)
            gone = reply.ok or reply.status in (404, 409)
            reason = "" if gone else f"reject answered {reply.status}"
        except Exception as problem:
            silent = isinstance(problem, NetworkTrouble)
            reason = f"reject failed: {type(problem).__name__}"
        if reason:
            bench.journal.append(Leftover("quote", quote, reason))


def _tidy_gate(bench: Bench) -> None:
    """Cancel the sessions of this run that are still open, and delete its customers."""
    left = [("session", name, account) for name, account in bench.open_sessions.items()]
    left += [("customer", name, account) for name, account in bench.customers.items()]
    silent = False
    for kind, name, account in left:
        if silent:
            bench.journal.append(Leftover(kind, name, "not removed: the target no longer answers"))
            continue
        try:
            api = bench.gate(account)
            reply = api.cancel_session(name) if kind == "session" else api.delete_customer(name)
            gone = reply.ok or reply.status in (404, 409)
            reason = "" if gone else f"removing it answered {reply.status}"
        except Exception as problem:
            silent = isinstance(problem, NetworkTrouble)
            reason = f"removing it failed: {type(problem).__name__}"
        if reason:
            bench.journal.append(Leftover(kind, name, reason))

"""Running the real commands, the sandboxes they judge, and the profiles of those; no statement about behaviour."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from conformance.journal import Exchange, Judgement, Outcome, Reading, ScenarioRecord, read
from conformance.target.process import running

KEY = "sk_test_sandbox_approved"
"""The fixed key that opens nothing but a sandbox on this machine."""

PATIENCE = 150
"""Seconds after which a command counts as hanging. No test waits that long for anything that is meant to happen."""

_FOREIGN = ("OBIT_", "PYTEST_", "COLUMNS", "NO_COLOR", "FORCE_COLOR")


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its exit code and what it said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


def environment(**variables: str) -> dict[str, str]:
    """What a command inherits: this machine's environment without anything that would steer it, and ``variables``."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return inherited | variables


def started(words: list[str], cwd: Path, variables: Mapping[str, str]) -> subprocess.Popen[str]:
    """A Python process in a session of its own, so that nobody else hears its signals."""
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=cwd,
        env=environment(**{"OBIT_POOLS_SECRET_KEY": KEY, **variables}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str]) -> Ended:
    """Wait for a process; one that hangs is killed, and the test fails."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"the command did not end by itself\n{out}\n{err}") from None
    return Ended(process.returncode, out, err)


def conformance(*words: object, cwd: Path, **variables: str) -> Ended:
    """``conformance WORDS`` run to its end in ``cwd``."""
    return ended(started(["-m", "conformance", *map(str, words)], cwd, variables))


@dataclass(frozen=True)
class Served:
    """A running sandbox."""

    url: str
    control: str | None

    @property
    def origin(self) -> str:
        return self.url.removesuffix("/v1")


@contextlib.contextmanager
def sandbox(*options: str, **variables: str) -> Iterator[Served]:
    """A sandbox process that lives as long as the context."""
    command = [sys.executable, "-m", "conformance.sandbox", "--exit-with-stdin", *options]
    with running("the sandbox", command, environment(**variables), (), 30) as ready:
        yield Served(ready["url"], ready.get("control"))


BARE = """
[target]
name = "bare"
environment = "{environment}"

[target.pools]
base_url = "{url}"

[accounts.approved]
secret_key = "OBIT_POOLS_SECRET_KEY"

[limits]
trades = {trades}
notional = "100000.00"
requests_per_second = 1000

[patience]
settle = 10
request = {request}
poll_every = 0.02
"""
"""What one secret key can say: no other account, no control surface, no recipe, no webhook, no approval."""

TIME_PASSES = """
[outcomes.time_passes]
calls = [
  { url = "/_sandbox/clock", body = { account = "{account}", quoteId = "{quoteId}", advance_seconds = "{seconds}" } },
]
"""
"""For a sandbox with a control surface: nobody has to wait for an expiry."""


def bare(
    folder: Path,
    url: str,
    *,
    environment: str = "sandbox",
    trades: int = 2000,
    request: float = 5,
    contract: str = "",
    further: str = "",
) -> Path:
    """A bare profile of the target at ``url`` as a file; ``further`` is appended to it."""
    text = BARE.format(environment=environment, url=url, trades=trades, request=request)
    if contract:
        text = text.replace("[accounts.approved]", f'contract = "{contract}"\n\n[accounts.approved]')
    path = folder / "bare.toml"
    path.write_text(text + further, "utf-8")
    return path


def judgements(folder: Path, requirement: str, outcome: Outcome | None = None) -> list[Judgement]:
    """What the journal of a run folder says of one requirement."""
    found = journal(folder).of(Judgement)
    return [j for j in found if j.requirement == requirement and outcome in (None, j.outcome)]


def exchanges(folder: Path) -> list[Exchange]:
    """The exchanges of a run, in order."""
    return journal(folder).of(Exchange)


def journal(folder: Path) -> Reading:
    """The journal of a run folder."""
    return read(folder / "journal")


def await_scenarios(process: subprocess.Popen[str], folder: Path, count: int) -> None:
    """Return when the run has brought ``count`` scenarios to their end. Fails when it ends or stalls before."""

    def reached() -> bool:
        assert process.poll() is None, f"the run ended too early: {process.communicate()}"
        return (folder / "journal" / "main.jsonl").is_file() and len(journal(folder).of(ScenarioRecord)) >= count

    await_that(reached)


def await_that(reached: Callable[[], bool]) -> None:
    """Return when ``reached()`` holds; fails when it does not within the patience."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.02)


def interrupt(process: subprocess.Popen[str]) -> None:
    """What Ctrl-C does."""
    process.send_signal(signal.SIGINT)

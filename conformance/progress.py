"""The live progress line of a run in a terminal; a line now and then where there is none."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import pytest
from rich.console import Console
from rich.status import Status

from conformance.run import Run


class Progress:
    """Shows which scenario runs, how many are left and how many requests were made."""

    def __init__(self, console: Console, run: Run) -> None:
        self._console = console
        self._run = run
        self._status: Status | None = None
        self._done = 0
        self._all = 0

    def __enter__(self) -> Self:
        self._console.print(
            f"judging [bold]{self._run.target.name}[/] ({', '.join(self._run.target.base_urls.values())}), "
            f"tier {self._run.options.tier}, scope {self._run.scope}, seed {self._run.seed}",
            soft_wrap=True,
            highlight=False,
        )
        if self._console.is_terminal:
            self._status = self._console.status("starting")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know how many scenarios there are."""
        self._all = len(session.items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        """Show the scenario that starts."""
        self._done += 1
        name = nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ")
        sent = sum(bench.wire.sent for bench in self._run.benches)
        if self._status is not None:
            self._status.update(f"{self._done}/{self._all}  {sent} requests  {name}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Make room for the verdict."""
        if self._status is not None:
            self._status.update("writing the evidence")
            self._status.stop()

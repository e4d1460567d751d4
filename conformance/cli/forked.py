"""Running the command line many times over without importing everything anew: each run in a process of its own.

Each is forked from one server process that has imported what a run needs; nothing else is shared between them.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Sequence
from multiprocessing.context import BaseContext
from pathlib import Path

NEEDED = [
    "conformance.cli.warm",
    "conformance.cli.app",
    "conformance.plugin",
    "conformance.run",
    "hypothesis",
    "schemathesis",
]


def command(words: Sequence[str], seconds: float) -> bool:
    """Run ``conformance WORDS`` to its end, its output thrown away. False when it took longer and was ended."""
    process = _context().Process(target=_said_to_nobody, args=(list(words),), daemon=False)  # type: ignore[attr-defined]
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
        return False
    return True


def _context() -> BaseContext:
    """Where processes can be forked from a server, they are; elsewhere each starts from nothing."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(NEEDED)
    return context


def _said_to_nobody(words: list[str]) -> None:
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        for stream in (1, 2):
            os.dup2(nowhere.fileno(), stream)
    # Whoever starts tests in several processes says so in variables that a run must not take for its own.
    for name in [name for name in os.environ if name.startswith("PYTEST_")]:
        del os.environ[name]
    from conformance.cli.app import app

    with contextlib.suppress(SystemExit):
        app(words, prog_name="conformance")

"""A helper process of the harness: started, awaited until it says it is ready, and ended for certain.

What the processes are and what they are told is the business of ``embedded``.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

_STOP = 5.0
"""Seconds for each way of asking a process to end."""

_TAIL = 20
"""Lines of a failed process's error output that are worth showing."""

_LINE = 4096
"""Characters of one line that are kept."""


class ProcessError(Exception):
    """A process did not become ready; says how it ended and what it wrote last, without any secret."""


@contextlib.contextmanager
def running(
    name: str, command: Sequence[str], environ: Mapping[str, str], hidden: Sequence[str], timeout: float
) -> Iterator[dict[str, Any]]:
    """Run the command and give the JSON object it prints when ready; the process ends with the context.

    The process must end when its standard input closes, so that it cannot outlive the harness. ``hidden`` are
    values that must not appear in an error. Raises ``ProcessError`` if it is not ready within ``timeout``
    seconds.
    """
    # A session of its own: an interrupt from the terminal is for the harness, which tidies up there first.
    process = subprocess.Popen(  # noqa: S603 - the command is the harness's own
        command,
        env=dict(environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        tail: deque[str] = deque(maxlen=_TAIL)
        lines: queue.Queue[str] = queue.Queue(1)
        errors = threading.Thread(target=_keep_tail, args=(process.stderr, tail), daemon=True)
        errors.start()
        threading.Thread(target=_first_line, args=(process.stdout, lines), daemon=True).start()
        message = _ready_message(lines, timeout)
        if message is None:
            _stop(process)
            errors.join(_STOP)
            raise ProcessError(_obituary(name, process.returncode, tail, hidden, timeout))
        yield message
    finally:
        _stop(process)


def _ready_message(lines: queue.Queue[str], timeout: float) -> dict[str, Any] | None:
    try:
        message = json.loads(lines.get(timeout=timeout))
    except (queue.Empty, ValueError):
        return None
    return message if isinstance(message, dict) and message.get("ready") is True else None


def _first_line(stream: IO[str], lines: queue.Queue[str]) -> None:
    """Hand over the first line, then keep reading: a full pipe would stop the process."""
    with stream:
        lines.put(stream.readline(_LINE))
        while stream.read(_LINE):
            pass


def _keep_tail(stream: IO[str], tail: deque[str]) -> None:
    with stream:
        while line := stream.readline(_LINE):
            tail.append(line.rstrip())


def _stop(process: subprocess.Popen[str]) -> None:
    """End the process: by closing its input, then by asking, then by force."""
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    for insist in (process.terminate, process.kill):
        try:
            process.wait(_STOP)
        except subprocess.TimeoutExpired:
            insist()
    process.wait()


def _obituary(name: str, code: int, tail: deque[str], hidden: Sequence[str], timeout: float) -> str:
    wrote = "\n".join(tail)
    for value in hidden:
        wrote = wrote.replace(value, "(hidden)")
    head = f"{name} was not ready within {timeout:g} s (exit status {code})"
    return f"{head}; it wrote last:\n{wrote}" if wrote else f"{head} and wrote nothing"


__all__ = ["ProcessError", "running"]

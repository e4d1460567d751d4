"""Running a command the partner names: argv without a shell, next to no environment, bounded in time and output."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SYSTEMROOT", "TMPDIR")
"""What a command finds in its environment; no secret of ours is among it."""

MAX_OUTPUT: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended: its exit code (None: it was killed for taking too long) and what it printed."""

    code: int | None
    output: bytes


def argv(text: str, option: str) -> tuple[str, ...]:
    """The words of a command written as a JSON list. Raises ``ValueError`` naming ``option`` for anything else."""
    try:
        words = json.loads(text)
    except ValueError:
        words = None
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word for word in words):
        raise ValueError(
            f'{option} {text!r} is no command: write a JSON list of words, such as ["count", "{{eventId}}"]'
        )
    if any("\0" in word for word in words):
        raise ValueError(f"{option} holds a NUL character, which no command can")
    return tuple(words)


async def run(words: tuple[str, ...], timeout: float) -> Done:
    """Run a command to its end, or kill it and its children after ``timeout`` seconds.

    What it prints beyond ``MAX_OUTPUT`` bytes ends it too. Raises ``OSError`` when it cannot be started.
    """
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
    assert process.stdout is not None
    output, code = b"", None
    try:
        async with asyncio.timeout(timeout):
            while len(output) <= MAX_OUTPUT and (part := await process.stdout.read(MAX_OUTPUT)):
                output += part
            if len(output) <= MAX_OUTPUT:
                code = await process.wait()
    except TimeoutError:
        code = None
    finally:
        if code is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return Done(code, output)

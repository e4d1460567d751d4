"""The embedded sandbox as a target: a process with fresh keys, described by the profile ``embedded``."""

from __future__ import annotations

import contextlib
import json
import secrets
import string
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.target.process import ProcessError, running
from conformance.target.sections import STANDINGS

URL_VARIABLE = "OBIT_EMBEDDED_POOLS_URL"
"""Where the embedded profile looks for the base URL of 0Pools."""

GATE_VARIABLE = "OBIT_EMBEDDED_GATE_URL"
"""Where it looks for that of 0Gate."""

_ALPHABET = string.ascii_letters + string.digits


class EmbeddedError(Exception):
    """The embedded sandbox did not start."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """A running embedded sandbox."""

    url: str
    """The base URL of 0Pools."""
    gate: str
    """The base URL of 0Gate."""
    control: str | None
    """The base URL of the control surface, where one was asked for."""
    environ: Mapping[str, str] = field(repr=False)
    """The variables with which the profile ``embedded`` loads."""


@contextlib.contextmanager
def start(
    environ: Mapping[str, str],
    *,
    faults: Sequence[str] = (),
    dialects: Sequence[str] = (),
    control: bool = True,
    webhook_url: str | None = None,
    mode: str = "test",
    extra_args: Sequence[str] = (),
    timeout: float = 10,
) -> Iterator[Embedded]:
    """A sandbox that lives as long as the context, with keys nobody has seen before, of this ``mode`` (test or live).

    ``environ`` is what the process inherits, less everything of the user's that begins with ``OBIT_``. Raises
    ``EmbeddedError`` if the sandbox is not ready within ``timeout`` seconds.
    """
    keys = fresh_keys(mode)
    inherited = {name: value for name, value in environ.items() if not name.startswith("OBIT_")}
    command = [sys.executable, "-m", "conformance.sandbox", "--exit-with-stdin"]
    command += ["--control"] * control
    command += [] if mode == "test" else ["--mode", mode]
    command += [word for name in faults for word in ("--fault", name)]
    command += [word for name in dialects for word in ("--dialect", name)]
    command += [] if webhook_url is None else ["--webhook-url", webhook_url]
    command += extra_args
    process = running("the embedded sandbox", command, {**inherited, **keys}, tuple(keys.values()), timeout)
    with contextlib.ExitStack() as stack:
        try:
            ready = stack.enter_context(process)
        except ProcessError as problem:
            raise EmbeddedError(str(problem)) from problem
        url, gate = str(ready["url"]), str(ready["gate"])
        yield Embedded(url, gate, ready.get("control"), {**keys, URL_VARIABLE: url, GATE_VARIABLE: gate})


def promised(dialects: Sequence[str], timeout: float = 10) -> dict[str, Any]:
    """What a profile of the sandbox must say differently when it speaks these dialects: member of ``Target`` to value.

    A world that settles trades by itself, say, cannot promise that only polls do. Raises ``EmbeddedError`` when the
    sandbox does not tell.
    """
    if not dialects:
        return {}
    command = [sys.executable, "-m", "conformance.sandbox", "--list-dialects"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=True)  # noqa: S603 - ours
        listed = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as problem:
        raise EmbeddedError(f"the embedded sandbox did not list its dialects ({type(problem).__name__})") from problem
    needs = [entry.get("needs", {}) for entry in listed if entry["name"] in dialects]
    return {member: value for need in needs for member, value in need.items()}


def fresh_keys(mode: str = "test") -> dict[str, str]:
    """New keys and a signing secret for every standing, under the names the sandbox reads.

    They have the published shapes (facts, section 1); the key of ``wrong_mode`` names the other mode, which is what is
    wrong with it.
    """
    keys = {}
    other = "test" if mode == "live" else "live"
    for standing in STANDINGS:
        its = other if standing == "wrong_mode" else mode
        prefix = f"OBIT_SANDBOX_{standing.upper()}"
        keys[f"{prefix}_SECRET_KEY"] = f"sk_{its}_{_random()}"
        keys[f"{prefix}_PUBLISHABLE_KEY"] = f"pk_{its}_{_random()}"
        keys[f"{prefix}_WEBHOOK_SECRET"] = f"whsec_{_random()}"
    return keys


def _random() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(32))


__all__ = ["GATE_VARIABLE", "URL_VARIABLE", "Embedded", "EmbeddedError", "fresh_keys", "promised", "start"]

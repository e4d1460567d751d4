"""The example card program as a process: the subject of a run of the embedded sandbox, with its faults to be seeded."""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections.abc import Iterator, Mapping

from conformance.target import Cards, Secret
from conformance.target.example_partner import script
from conformance.target.process import running

SECRET_VARIABLE = "OBIT_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable
KEY_VARIABLE = "OBIT_POOLS_SECRET_KEY"


@contextlib.contextmanager
def start(
    environ: Mapping[str, str], pools_url: str, key: str, fault: str | None = None, timeout: float = 10
) -> Iterator[Cards | None]:
    """The example card program over 0Pools at ``pools_url``, alive as long as the context; None without its source.

    Raises ``ProcessError`` when it does not become ready within ``timeout`` seconds.
    """
    beside = script()
    source = beside.with_name("cards.py") if beside is not None else None
    if source is None or not source.is_file():
        yield None
        return
    secret = f"whsec_{secrets.token_hex(16)}"
    command = [sys.executable, str(source), "--pools", pools_url, "--exit-with-stdin"]
    command += ["--fault", fault] if fault else []
    inherited = {name: value for name, value in environ.items() if not name.startswith("OBIT_")}
    environment = {**inherited, SECRET_VARIABLE: secret, KEY_VARIABLE: key}
    with running("the example card program", command, environment, (secret, key), timeout) as ready:
        places = {name: str(ready[name]) for name in ("start", "probe", "events", "look", "callback")}
        yield Cards(**places, secret=Secret(secret), secret_variable=SECRET_VARIABLE, test_program=False)


__all__ = ["start"]

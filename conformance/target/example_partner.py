"""The example partner as a process: the webhook handler a run of the embedded sandbox judges.

It stands for a partner's own integration, so that step 7 can be shown on a machine with nothing else on it.
"""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conformance.target.process import running
from conformance.target.profile import Handler
from conformance.target.secret import Secret

VARIABLE = "OBIT_WEBHOOK_SECRET"
"""Where the example handler looks for its signing secret."""


@dataclass(frozen=True, slots=True)
class ExamplePartner:
    """A running example handler."""

    handler: Handler = field(repr=False)


def script() -> Path | None:
    """The example's source: packaged beside the harness, or in the checkout; None where neither is there."""
    package = Path(__file__).resolve().parents[1]
    for root in (package, package.parent):
        found = root / "examples" / "partner" / "handler.py"
        if found.is_file():
            return found
    return None


@contextlib.contextmanager
def start(environ: Mapping[str, str], fault: str | None = None, timeout: float = 10) -> Iterator[ExamplePartner | None]:
    """The example handler, alive as long as the context; None when its source is not installed.

    Raises ``ProcessError`` when it does not become ready within ``timeout`` seconds.
    """
    source = script()
    if source is None:
        yield None
        return
    secret = f"whsec_{secrets.token_hex(16)}"
    program = [str(source)] if fault is None else [str(source.with_name("faults.py")), "--fault", fault]
    command = [sys.executable, *program, "--port", "0", "--exit-with-stdin"]
    inherited = {name: value for name, value in environ.items() if not name.startswith("OBIT_")}
    process = running("the example partner", command, {**inherited, VARIABLE: secret}, (secret,), timeout)
    with process as ready:
        yield ExamplePartner(
            Handler(
                url=str(ready["url"]),
                secret=Secret(secret),
                secret_variable=VARIABLE,
                effects_url=str(ready["effects"]),
                effects_path="count",
            )
        )

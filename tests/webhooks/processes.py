"""Starting the example partner as a process of its own, and certifying it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance.webhooks.handler import EffectsProbe, HandlerUnderTest, Patience

PARTNER = Path(__file__).resolve().parents[2] / "examples" / "partner"
SECRET = "whsec_test_of_the_example_partner"
BRISK = Patience(answer=5, effects=1, quiet=0.1, body=0.2)


@contextmanager
def serving(program: str, *options: str) -> Iterator[HandlerUnderTest]:
    """The program under ``examples/partner`` on a free port, ready to be certified, until the block ends."""
    with running([sys.executable, str(PARTNER / program)], *options) as handler:
        yield handler


@contextmanager
def running(program: list[str], *options: str, secret: str = SECRET) -> Iterator[HandlerUnderTest]:
    """A program that prints where it listens as one JSON line, ready to be certified, until the block ends."""
    command = [*program, "--exit-with-stdin", *options]
    environment = {**os.environ, "OBIT_WEBHOOK_SECRET": secret}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        patience = threading.Timer(30, process.kill)
        patience.start()
        try:
            ready = json.loads(process.stdout.readline())
            yield under_test(ready["url"], ready["effects"], secret=secret)
            process.stdin.close()
            assert process.wait(10) == 0
        finally:
            patience.cancel()
            process.kill()


def under_test(url, effects_url, run="selftest", **options):
    effects = None if effects_url is None else EffectsProbe(effects_url)
    return HandlerUnderTest(
        **{"url": url, "secret": SECRET, "effects": effects, "run": run, "patience": BRISK, **options}
    )

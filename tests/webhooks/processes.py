"""Starting the example partner as a process of its own, and certifying it."""

import json
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
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
    with started(program, *options, secret=secret) as (process, handler):
        yield handler
        process.stdin.close()
        assert process.wait(10) == 0


@contextmanager
def started(program: list[str], *options: str, secret: str = SECRET):
    """The process of a program and the handler it serves; killed with the block if it still lives."""
    command = [*program, "--exit-with-stdin", *options]
    environment = {**os.environ, "OBIT_WEBHOOK_SECRET": secret}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        patience = threading.Timer(60, process.kill)
        patience.start()
        try:
            ready = json.loads(process.stdout.readline())
            yield process, under_test(ready["url"], ready["effects"], secret=secret)
        finally:
            patience.cancel()
            process.kill()


ASK = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1]))).recv(1)"
"""A restart command: it asks this process, and ends when the handler is back."""


@contextmanager
def restartable(program: list[str], *options: str) -> Iterator[HandlerUnderTest]:
    """The program as ``running`` gives it, with a command that kills it and starts it again on the same port."""
    with ExitStack() as stack:
        process, handler = stack.enter_context(started(program, *options))
        port = handler.url.split(":")[2].partition("/")[0]
        alive = [process]

        class Restart(socketserver.BaseRequestHandler):
            def handle(self):
                alive[-1].kill()
                alive[-1].wait()
                alive.append(stack.enter_context(started(program, *options, "--port", port))[0])

        server = stack.enter_context(socketserver.TCPServer(("127.0.0.1", 0), Restart))
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        stack.callback(server.shutdown)
        yield replace(handler, restart=(sys.executable, "-c", ASK, str(server.server_address[1])))


def under_test(url, effects_url, run="selftest", **options):
    effects = None if effects_url is None else EffectsProbe(effects_url)
    return HandlerUnderTest(
        **{"url": url, "secret": SECRET, "effects": effects, "run": run, "patience": BRISK, **options}
    )

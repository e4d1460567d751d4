"""Times requests to the embedded sandbox without and with the observing proxy in between, in one run and in turn.

Prints the median of each, their ratio and their difference: what ``conformance observe`` adds to a request. The rounds
alternate, so that whatever else the machine does hits both alike. It judges nothing and ends with 0. Everything stays
on this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

import httpx

from conformance.target.process import running

KEY = {"Authorization": "Bearer sk_test_sandbox_approved", "User-Agent": "benchmark"}
BOUND = 60
"""Seconds the proxy gets to write its evidence at the end."""

CASES = {"a small read": "/pools/EUR-USDT/capabilities", "a list": "/pools/trades"}
LARGE = 4 * 1024 * 1024
"""Bytes of the body that is sent once a round, to show the cost of bytes beside that of requests."""


@dataclass
class Timed:
    """Milliseconds of each request of one case, without the proxy and with it."""

    plain: list[float] = field(default_factory=list)
    observed: list[float] = field(default_factory=list)

    def row(self, name: str) -> str:
        """One row of the table."""
        plain, observed = median(self.plain), median(self.observed)
        late = quantiles(self.observed, n=20)[-1]
        figures = f"{plain:>11.2f}{observed:>11.2f}{late:>11.2f}{observed / plain:>8.2f}{observed - plain:>10.2f}"
        return f"{name:<16}{len(self.plain):>7}{figures}"


@contextlib.contextmanager
def observing(upstream: str, folder: Path) -> Iterator[str]:
    """The proxy as users start it; gives the base URL it listens at."""
    command = [sys.executable, "-m", "conformance", "observe", "--upstream", upstream, "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(
        [*command, "--output", str(folder / "run")], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        found = re.match(r"observing (http://\S+) ", process.stderr.readline())
        if found is None:
            raise SystemExit("the proxy did not start")
        yield found[1]
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(BOUND)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def once(client: httpx.Client, method: str, path: str, body: bytes | None) -> float:
    """Milliseconds of one request over a connection that is already there."""
    began = time.perf_counter()
    client.request(method, path, content=body).read()
    return (time.perf_counter() - began) * 1000


def measured(plain: httpx.Client, observed: httpx.Client, rounds: int) -> dict[str, Timed]:
    """Each case in turn, without and with the proxy, the order swapped every round; the first round does not count."""
    found = {name: Timed() for name in (*CASES, "4 MiB sent")}
    requests = [(name, "GET", path, None) for name, path in CASES.items()]
    for number in range(rounds + 1):
        large = [("4 MiB sent", "POST", "/pools/EUR-USDT/quote", b" " * LARGE)] if number % 10 == 0 else []
        for name, method, path, body in [*requests, *large]:
            clients = (plain, observed) if number % 2 else (observed, plain)
            times = {id(client): once(client, method, path, body) for client in clients}
            if number:
                found[name].plain.append(times[id(plain)])
                found[name].observed.append(times[id(observed)])
    return found


def main() -> None:
    """Measure and print the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("-n", "--rounds", type=int, default=300, help="requests of each case (default: %(default)s)")
    asked = options.parse_args()
    if not 20 <= asked.rounds <= 20_000:
        options.error("--rounds takes 20 to 20000")
    sandbox = [sys.executable, "-m", "conformance.sandbox", "--exit-with-stdin"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OBIT_")}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="conformance-bench-")))
        url = str(stack.enter_context(running("the sandbox", sandbox, environ, (), 30))["url"])
        through = stack.enter_context(observing(url, folder))
        plain = stack.enter_context(httpx.Client(base_url=url, headers=KEY, timeout=30))
        observed = stack.enter_context(httpx.Client(base_url=through, headers=KEY, timeout=30))
        found = measured(plain, observed, asked.rounds)
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPU(s), {platform.machine()}")
    head = ("requests", "plain ms", "proxy ms", "p95 ms", "ratio", "added ms")
    widths = (7, 11, 11, 11, 8, 10)
    print(f"{'case':<16}" + "".join(f"{word:>{width}}" for word, width in zip(head, widths, strict=True)))
    for name, timed in found.items():
        print(timed.row(name))


if __name__ == "__main__":
    main()

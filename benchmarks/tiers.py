"""Times whole runs of the embedded sandbox, process start to exit: smoke, and certify of 0Pools and of both products.

Prints the shortest, the median and the longest wall time, the processor time (which a busy machine leaves alone), the
requests made, and whether the medians keep to what is promised. It measures and judges nothing, so it always ends with
0. Everything stays on this machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from conformance.journal import Exchange, read

PROMISED = {"smoke": 5.0, "pools": 20.0, "certify": 40.0}
"""Seconds the median run of each kind is to stay below."""

OPTIONS = {
    "smoke": ["--tier", "smoke"],
    "pools": ["--tier", "certify", "--product", "pools"],
    "certify": ["--tier", "certify"],
}
"""What each kind of run is asked for."""

BOUND = 300
"""Seconds after which one run counts as hung."""


@dataclass(frozen=True)
class Timed:
    """One whole run: how long its process lived, how it ended and how many requests it made."""

    seconds: float
    processor: float
    """Processor seconds of the run and all its processes."""
    exit_code: int | None
    """None for a run that was stopped at the bound."""
    requests: int


def timed(kind: str, seed: int) -> Timed:
    """Run one kind once, with evidence and all, and throw the evidence away."""
    with tempfile.TemporaryDirectory(prefix="conformance-bench-") as folder:
        output = Path(folder) / "run"
        command = [sys.executable, "-m", "conformance", "run", *OPTIONS[kind], "--seed", str(seed)]
        command += ["--output", str(output)]
        started, worked = time.perf_counter(), os.times()
        try:
            ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=BOUND)
            code: int | None = ended.returncode
        except subprocess.TimeoutExpired:
            code = None
        seconds, then = time.perf_counter() - started, os.times()
        processor = then.children_user + then.children_system - worked.children_user - worked.children_system
        journal = output / "journal"
        return Timed(seconds, processor, code, len(read(journal).of(Exchange)) if journal.is_dir() else 0)


def line(kind: str, runs: list[Timed]) -> str:
    """One row of the table."""
    seconds = [run.seconds for run in runs]
    requests = sorted(run.requests for run in runs)
    spread = f"{requests[0]}" if requests[0] == requests[-1] else f"{requests[0]}–{requests[-1]}"
    kept = "yes" if median(seconds) < PROMISED[kind] else "NO"
    figures = "".join(f"{value:>9.2f}" for value in (min(seconds), median(seconds), max(seconds)))
    figures += f"{median(run.processor for run in runs):>9.2f}"
    return f"{kind:<9}{len(runs):>5}{figures}{spread:>12}   median below {PROMISED[kind]:g} s: {kept}"


def main() -> None:
    """Time each kind and print the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("-n", "--runs", type=int, default=5, help="runs of each kind (default: %(default)s)")
    options.add_argument("--kind", choices=PROMISED, action="append", help="only this kind; repeatable")
    asked = options.parse_args()
    if not 1 <= asked.runs <= 100:
        options.error("--runs takes 1 to 100")
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPU(s), {platform.machine()}")
    print(f"{'kind':<9}{'runs':>5}{'min s':>9}{'median':>9}{'max s':>9}{'cpu s':>9}{'requests':>12}")
    for kind in asked.kind or PROMISED:
        runs = [timed(kind, seed) for seed in range(1, asked.runs + 1)]
        print(line(kind, runs), flush=True)
        for odd in sorted({str(run.exit_code) for run in runs if run.exit_code != 0}):
            print(f"         a run ended with {odd} instead of 0: its time says nothing")


if __name__ == "__main__":
    main()

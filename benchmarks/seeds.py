"""Certify the embedded sandbox under many seeds, its dialects in turn: nothing may fail and nothing may err.

``make seeds``, or ``python benchmarks/seeds.py --runs 50 --first 1``. What a seed finds is the harness's own false
alarm, since every dialect is legal.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from conformance.cli.faults import Seeded, judged, line, listed

LONG = frozenset({"slow"})
"""Dialects that take minutes by their nature."""


def jobs(dialects: Sequence[Seeded], runs: int, first: int) -> Iterator[tuple[Seeded, int]]:
    """One dialect and one seed for each run, walking through the dialects in steps so that all themes come up."""
    for number in range(runs):
        yield dialects[(number * 7 + first) % len(dialects)], first + number


def main() -> int:
    """Run, print a line for each, and leave with 1 when one was not CONFORMANT."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=50)
    options.add_argument("--first", type=int, default=1, help="the first seed")
    options.add_argument("--workers", type=int, default=2)
    chosen = options.parse_args()
    dialects = [seeded for seeded in listed() if seeded.kind == "dialect" and seeded.name not in LONG]
    taken: list[float] = []

    def run(job: tuple[Seeded, int]) -> bool:
        started = time.monotonic()
        result = judged(*job, full=False)
        taken.append(time.monotonic() - started)
        print(f"seed {job[1]:<4} {taken[-1]:5.1f} s  {line(result)}", flush=True)
        return result.good

    with ThreadPoolExecutor(chosen.workers) as pool:
        good = sum(pool.map(run, jobs(dialects, chosen.runs, chosen.first)))
    print(f"{good} of {len(taken)} runs CONFORMANT, median {median(taken):.1f} s")
    return 0 if good == len(taken) else 1


if __name__ == "__main__":
    sys.exit(main())

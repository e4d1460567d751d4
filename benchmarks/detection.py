"""Who finds what: the seeded faults with the Schemathesis command line alone and with us, side by side.

``make detection``, or ``python -m benchmarks.detection --sample 12 --seed 1``. For each fault of a sample first our
certify run, everything selected, then ``schemathesis run`` over the same contract against a fresh sandbox with the same
fault, for as many seconds as we took (or ``--seconds``). Both know nothing of the fault.

Schemathesis runs as somebody who knows it well would run it: all phases, all checks, links and examples of the
contract, two partners whose objects must stay apart, a pool that exists, the settings that are safe at a shared target,
and its own false alarms at this API settled by configuration, each with its reason beside it. Before the faults it sees
the healthy sandbox with two seeds; what it still reports there becomes its baseline, and a third healthy run is shown
as the first row. Any failure beyond the baseline counts as found for it, errors included, related to the fault or not;
for us only a failure of a requirement that the fault names. It cannot see webhooks and nobody shifts a clock for it:
that is the comparison, and the table says which requirement was broken.

Our requests are those up to the first red; Schemathesis tells only how many test cases it made. Ends with 0, or with 2
when one side could not run. Everything stays on this machine.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from conformance.cli.faults import Result, Seeded, judged, listed
from conformance.target import embedded

ROOT = Path(__file__).resolve().parents[1]
CONTRACT = ROOT / "openapi" / "pools-v1.yaml"

LONGEST = 300
"""Seconds of one Schemathesis run at most."""

GRACE = 60
"""Seconds it gets beyond its budget to end by itself."""

PARTNERS = ("approved", "other_partner")

CONFIG = """
# More workers crash its coverage phase on Python 3.11 and gain nothing here.
workers = 1
max-redirects = 0
continue-on-failure = true

# Otherwise methods nobody documented are really sent.
[phases.coverage]
unexpected-methods = []

# Both change what is generated from one run to the next.
[phases.fuzzing.error-feedback]
enabled = false
[cache]
enabled = false

[auth]
auto-signup = false
[auth.wfc]
path = "partners.json"
user = "approved"
peers = ["approved", "other_partner"]

[generation]
# Refused by what stands before an API, in whatever form that likes.
allow-x00 = false
# Unknown members and parameters are tolerated by any API that wants to grow.
allow-extra-parameters = false

# Any refusal will do; which statuses are documented is a check of its own.
[checks.negative_data_rejection]
expected-statuses = ["4xx", "5xx"]
[checks.missing_required_header]
expected-statuses = ["4xx", "5xx"]
# Business rules refuse valid data: amounts outside the bounds of the pool, networks it lacks, quotes that are gone.
# 501 is the documented answer to executing an off-ramp quote that is not enabled.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "4xx", "501"]
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "501"]

[[operations]]
include-path-regex = "^/pools/\\\\{id\\\\}"
parameters = { "path.id" = "EUR-USDT" }
# Both partners may use the pool: what they see of it is alike.
[operations.checks.object_level_authorization]
enabled = false

[[operations]]
include-path = "/pools/ledger"
# A limit outside the range is clamped, as documented.
[operations.checks.negative_data_rejection]
expected-statuses = ["2xx", "4xx", "5xx"]
"""


class CannotRunError(Exception):
    """Schemathesis did not do its job; says what it wrote."""


@dataclass(frozen=True, slots=True)
class Alone:
    """What the Schemathesis command line said of one world."""

    codes: tuple[str, ...]
    """Codes of the failures beyond the baseline, with the operations."""
    cases: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """One fault with both sides."""

    fault: str
    breaks: tuple[str, ...]
    ours: str
    """The requirement it names that turned red, else nothing."""
    requests: int | None
    """Our requests to the first red."""
    seconds: float
    """Of our whole run."""
    alone: Alone


def told(report: str, seconds: float) -> Alone:
    """Read its JSON report. Errors count as found: the healthy sandbox causes none."""
    found = json.loads(report)
    codes = {f"{failure['code']} {operation}" for failure in found["failures"] for operation in failure["operations"]}
    codes |= {f"error {error['title']}" for error in found["errors"]}
    return Alone(tuple(sorted(codes)), found["test_cases"]["generated"], seconds)


def alone(faults: Sequence[str], seed: int, seconds: int, baseline: Path, *, learn: bool) -> Alone:
    """Run the Schemathesis command line against a fresh sandbox; ``learn`` adds what it reports to the baseline."""
    with (
        embedded.start(os.environ, faults=faults, control=False) as sandbox,
        tempfile.TemporaryDirectory(prefix="conformance-detection-") as name,
    ):
        folder = Path(name)
        # Keys of this sandbox only, which ends with the run; the folder is nobody else's to read.
        (folder / "partners.json").write_text(partners(sandbox.environ), encoding="utf-8")
        (folder / "schemathesis.toml").write_text(CONFIG, encoding="utf-8")
        command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", "schemathesis.toml", "run"]
        command += [str(CONTRACT), "--url", sandbox.url, "--seed", str(seed), "--max-time", str(seconds)]
        command += ["--report", "json", "--report-json-path", "report.json", "--baseline", str(baseline)]
        command += ["--baseline-update"] * learn
        started = time.perf_counter()
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds + GRACE)
        took = round(time.perf_counter() - started, 1)
        report = folder / "report.json"
        if done.returncode not in {0, 1} or not report.is_file():
            raise CannotRunError(f"schemathesis ended with {done.returncode}: {(done.stderr or done.stdout)[-1000:]}")
        return told(report.read_text(encoding="utf-8"), took)


def partners(environ: Mapping[str, str]) -> str:
    """The two partners in the form Schemathesis reads, with the keys of the running sandbox."""
    entries = []
    for name in PARTNERS:
        key = environ[f"OBIT_SANDBOX_{name.upper()}_SECRET_KEY"]
        entries.append({"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {key}"}]})
    return json.dumps({"auth": entries})


def drawn(known: Sequence[Seeded], sample: int, seed: int) -> list[Seeded]:
    """A sample of the sandbox's faults in an order that the seed decides; a larger one begins with a smaller one."""
    faults = [seeded for seeded in known if seeded.kind == "fault"]
    random.Random(seed).shuffle(faults)
    return faults[:sample]


def tried(seeded: Seeded, seed: int, seconds: int | None, baseline: Path) -> Row:
    """Both sides on one fault."""
    started = time.perf_counter()
    ours: Result = judged(seeded, seed, full=True)
    took = time.perf_counter() - started
    theirs = alone([seeded.name], seed, budget(took, seconds), baseline, learn=False)
    return Row(seeded.name, seeded.breaks, ours.by, ours.requests, round(took, 1), theirs)


def budget(ours: float, asked: int | None) -> int:
    """Whole seconds for Schemathesis: what was asked for, else what we took, never less."""
    return min(LONGEST, asked or max(1, math.ceil(ours)))


def line(row: Row) -> str:
    """One fault in one line of the table."""
    ours = f"{row.ours} ({row.requests} requests)" if row.ours else "MISSED"
    return f"{row.fault:<42}{row.seconds:>6.1f} s  {ours:<52}{_alone(row.alone)}"


def _alone(found: Alone) -> str:
    what = "; ".join(found.codes[:2]) + " …" * (len(found.codes) > 2) if found.codes else "nothing"
    return f"{found.seconds:>6.1f} s {found.cases:>6} cases  {what}"


def totals(rows: Sequence[Row]) -> str:
    """Who found how many."""
    us, them = {row.fault for row in rows if row.ours}, {row.fault for row in rows if row.alone.codes}
    lines = [f"{len(rows)} faults: we found {len(us)}, Schemathesis alone {len(them)}"]
    lines += [f"only we: {', '.join(sorted(us - them)) or 'none'}"]
    lines += [f"only Schemathesis: {', '.join(sorted(them - us)) or 'none'}"]
    lines += [f"nobody: {', '.join(row.fault for row in rows if row.fault not in us | them) or 'none'}"]
    return "\n".join(lines)


def main() -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--sample", type=int, default=12, help="faults in the sample (default: %(default)s)")
    add("--seed", type=int, default=1, help="decides the sample and every run (default: %(default)s)")
    add("--from", type=int, default=0, dest="skipped", metavar="N", help="leave out the first N of the sample")
    add("--seconds", type=int, help="budget of Schemathesis per fault (default: what our run took)")
    add("--total", type=float, default=1800, help="begin no fault after this many seconds (default: %(default)s)")
    add("--output", type=Path, default=Path("reports/detection.json"), help="the rows (default: %(default)s)")
    asked = parser.parse_args()
    rows: list[Row] = []
    started = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory(prefix="conformance-detection-") as name:
            baseline = Path(name) / "baseline.json"
            for offset in (1, 2):
                alone([], asked.seed + offset, asked.seconds or 15, baseline, learn=True)
            shown = alone([], asked.seed, asked.seconds or 15, baseline, learn=False)
            print(f"{'fault':<42}{'us':>8}  {'':<52}{'Schemathesis alone':>24}")
            print(f"{'(none: the healthy sandbox)':<42}{'':>8}  {'':<52}{_alone(shown)}", flush=True)
            for seeded in drawn(listed(), asked.sample, asked.seed)[asked.skipped :]:
                if time.perf_counter() - started > asked.total:
                    print(f"out of time: go on with --from {asked.skipped + len(rows)}")
                    break
                rows.append(tried(seeded, asked.seed, asked.seconds, baseline))
                print(line(rows[-1]), flush=True)
    except (CannotRunError, embedded.EmbeddedError, subprocess.TimeoutExpired) as problem:
        print(problem, file=sys.stderr)
        return 2
    print(totals(rows))
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    asked.output.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Judges the judge by mutants of the sandbox: ``make mutants``, or ``python -m benchmarks.mutants --sample 40``.

The seeded faults were written by people who know the requirements. Mutants are a second source that knows nothing: each
is the sandbox with one expression of its domain rules changed (``mutations``). It is served from a copy of the package
in a temporary folder, as a process of its own, and the harness judges it over HTTP as it judges any target: the smoke
tier first, because what falls there need not be asked more, else the whole certify tier. The checkout is only read.

Before anything else the unchanged copy must be CONFORMANT, or no score would mean anything. Then each mutant is
``caught`` (NONCONFORMANT), ``dead`` (the sandbox does not start with it), ``inconclusive`` (any other verdict, or hung)
or ``survived``. A survivor is either explained as legal in ``mutants-known.toml``, matched by content, or it is a check
that is missing. The score leaves out the dead and the explained and counts the inconclusive as not caught.

``--seconds`` bounds the whole; ``--from N`` goes on where an earlier piece of the same sample stopped; ``--again FILE``
tries only what had survived or was inconclusive according to an earlier result; ``--sql`` tries only the rules that
stand in SQL. Ends with 1 when a survivor is unexplained or an explanation has become wrong, with 2 when nothing could
be measured. Everything stays on this machine.
"""

from __future__ import annotations

import argparse
import compileall
import itertools
import json
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from benchmarks.mutations import Mutant, drawn, sites, type_errors

ROOT = Path(__file__).resolve().parents[1]
KNOWN = Path(__file__).with_name("mutants-known.toml")
COPIED = ("conformance", "openapi", "examples")

BOUND = 150
"""Seconds after which one run counts as hung."""

TICKS = itertools.count(1_000_000_000)
"""Times of modification, a second apart."""

NOT_READY = "the embedded sandbox was not ready"


class Standing(StrEnum):
    """What became of a mutant."""

    CAUGHT = "caught"
    SURVIVED = "survived"
    INCONCLUSIVE = "inconclusive"
    DEAD = "dead"


class NothingMeasured(Exception):
    """No mutant can be judged: says what has to be mended first."""


@dataclass(frozen=True, slots=True)
class Run:
    """How one run of the harness ended."""

    exit_code: int | None
    """None for a run that was stopped at the bound."""
    verdict: str
    red: tuple[str, ...]
    """Requirements that failed."""
    said: str
    """The end of what it wrote on standard error."""


@dataclass(frozen=True, slots=True)
class Result:
    """A mutant and what the harness said of it."""

    mutant: Mutant
    standing: Standing
    tier: str
    verdict: str
    red: tuple[str, ...]
    seconds: float
    legal: str = ""
    """Why it is legal, if ``mutants-known.toml`` explains it."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A survivor that breaks nothing documented, and why."""

    file: str
    function: str
    was: str
    becomes: str
    reason: str

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """The same as that of the mutant it explains."""
        return (self.file, self.function, self.was, self.becomes)


def explained(text: str) -> dict[tuple[str, str, str, str], Explained]:
    """The entries of a known file by the mutant they explain. Raises ``ValueError`` for one that does not explain."""
    entries = {}
    for number, raw in enumerate(tomllib.loads(text).get("legal", []), 1):
        names = set(Explained.__slots__)
        if set(raw) != names:
            raise ValueError(f"legal mutant {number} must have exactly {', '.join(sorted(names))}")
        entry = Explained(**raw)
        if not entry.reason.strip():
            raise ValueError(f"legal mutant {number} gives no reason")
        if entry.identity in entries:
            raise ValueError(f"legal mutant {number} is explained twice")
        entries[entry.identity] = entry
    return entries


def outdated(entries: Sequence[Explained], root: Path) -> list[Explained]:
    """Explanations of a line that no longer stands in its file."""
    texts = {entry.file: _flat(root / entry.file) for entry in entries}
    return [entry for entry in entries if entry.was not in texts[entry.file]]


def _flat(path: Path) -> str:
    """The lines of a file in one, without indentation, as mutants show them."""
    return " ".join(line.strip() for line in path.read_text(encoding="utf-8").splitlines()) if path.is_file() else ""


def standing(run: Run) -> Standing | None:
    """What one run says of a mutant; None for a part of the scenarios that found nothing."""
    match run.exit_code, run.verdict:
        case 1, "NONCONFORMANT":
            return Standing.CAUGHT
        case 0, "CONFORMANT":
            return Standing.SURVIVED
        case 0, "PARTIAL":
            return None
        case 2, _ if NOT_READY in run.said:
            return Standing.DEAD
        case _:
            return Standing.INCONCLUSIVE


def copied(folder: Path) -> None:
    """Put everything a run needs under ``folder``, compiled so that a changed source is always seen."""
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    mode = py_compile.PycInvalidationMode.CHECKED_HASH
    compileall.compile_dir(folder / "conformance", quiet=2, invalidation_mode=mode)


def environment(folder: Path) -> dict[str, str]:
    """The variables under which Python takes the package from the copy, in every process of a run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OBIT_", "PYTHON"))}
    return {**kept, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def judged(folder: Path, tier: str, seed: int) -> Run:
    """Run the harness on the embedded sandbox of the copy, and read the verdict it wrote."""
    with tempfile.TemporaryDirectory(prefix="conformance-mutant-run-") as evidence:
        output = Path(evidence) / "run"
        command = [sys.executable, "-m", "conformance", "run", "--tier", tier, "--seed", str(seed)]
        command += ["--output", str(output)]
        try:
            done = subprocess.run(
                command, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=BOUND
            )
        except subprocess.TimeoutExpired:
            return Run(None, "hung", (), "")
        try:
            verdict = json.loads((output / "verdict.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return Run(done.returncode, "none", (), done.stderr[-2000:])
        red = tuple(entry["id"] for entry in verdict["requirements"] if entry["status"] == "fail")
        return Run(done.returncode, verdict["verdict"], red, done.stderr[-2000:])


@contextmanager
def in_place(folder: Path, mutant: Mutant) -> Iterator[None]:
    """The mutant stands in the copy as long as the context."""
    path = folder / mutant.file
    healthy = path.read_text(encoding="utf-8")
    _write(path, mutant.source)
    try:
        yield
    finally:
        _write(path, healthy)


def _write(path: Path, text: str) -> None:
    """Write with a time no version of the file has had: the type checker tells them apart by size and second."""
    path.write_text(text, encoding="utf-8")
    tick = next(TICKS)
    os.utime(path, (tick, tick))


def tried(folder: Path, mutant: Mutant, seed: int, legal: str) -> Result:
    """Put the mutant in the place of its module and judge the copy by the smoke tier, then by everything."""
    started = time.perf_counter()
    with in_place(folder, mutant):
        tier, run = "smoke", judged(folder, "smoke", seed)
        found = standing(run)
        if found not in {Standing.CAUGHT, Standing.DEAD}:
            tier, run = "certify", judged(folder, "certify", seed)
            found = standing(run)
    seconds = round(time.perf_counter() - started, 2)
    return Result(mutant, found or Standing.INCONCLUSIVE, tier, run.verdict, run.red, seconds, legal)


def check_healthy(folder: Path, seed: int) -> None:
    """Raise ``NothingMeasured`` unless the copy is what runs, passes the type checker and is CONFORMANT."""
    where = subprocess.run(
        [sys.executable, "-c", "import conformance.sandbox as s; print(s.__file__)"],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=BOUND,
    )
    if not Path(where.stdout.strip()).is_relative_to(folder):
        raise NothingMeasured(
            f"Python takes the sandbox from {where.stdout.strip() or where.stderr}, not from the copy"
        )
    if complaint := type_errors(folder):
        raise NothingMeasured(f"the type checker refuses the unchanged rules: {complaint}")
    run = judged(folder, "certify", seed)
    if standing(run) is not Standing.SURVIVED:
        raise NothingMeasured(f"the unchanged sandbox is {run.verdict}: {', '.join(run.red) or run.said}")


def chosen(folder: Path, asked: argparse.Namespace) -> Iterator[Mutant]:
    """The mutants to judge, made one by one: a sample of those that pass the type checker, or those of a result."""
    found = [site for site in sites(folder) if site.is_sql or not asked.sql]
    wanted = None if asked.again is None else not_caught(asked.again)
    if wanted is not None:
        places = {(file, function) for file, function, _, _ in wanted}
        found = [site for site in found if (site.file, site.function) in places]
    passing = (
        mutant
        for mutant in drawn(found, asked.seed)
        if (wanted is None or mutant.identity in wanted) and _passes(folder, mutant)
    )
    return itertools.islice(passing, asked.skipped, asked.sample)


def _passes(folder: Path, mutant: Mutant) -> bool:
    with in_place(folder, mutant):
        return not type_errors(folder)


def not_caught(result: Path) -> set[tuple[str, str, str, str]]:
    rows = json.loads(result.read_text(encoding="utf-8"))["mutants"]
    missed = [row for row in rows if row["standing"] in {Standing.SURVIVED, Standing.INCONCLUSIVE}]
    return {(row["file"], row["function"], row["was"], row["becomes"]) for row in missed}


def line(result: Result) -> str:
    """One mutant in one line of the report, and for what was not caught what was changed."""
    mutant = result.mutant
    place = f"{mutant.file}:{mutant.line}"
    by = f"{', '.join(result.red[:3])}{' …' * (len(result.red) > 3)}" if result.red else result.verdict
    head = f"{result.standing:<13}{place}  {result.seconds:.1f} s  {result.tier}: {by}"
    return head if result.standing is Standing.CAUGHT else f"{head}\n{change(mutant)}"


def change(mutant: Mutant) -> str:
    """What was changed, as a small diff."""
    where = f"in {mutant.function}" if mutant.function else "at module level"
    return f"    {where}\n    - {mutant.was}\n    + {mutant.becomes}"


def score(results: Sequence[Result]) -> tuple[int, int]:
    """How many were caught, of how many that started and are not explained as legal."""
    counted = [result for result in results if result.standing is not Standing.DEAD and not result.legal]
    return sum(result.standing is Standing.CAUGHT for result in counted), len(counted)


def summary(results: Sequence[Result]) -> str:
    """Score, counts, and every mutant that somebody has to think about."""
    caught, counted = score(results)
    share = f" ({caught / counted:.0%})" if counted else ""
    of = {each: [result for result in results if result.standing is each and not result.legal] for each in Standing}
    lines = [f"caught {caught} of {counted}{share}; dead on arrival {len(of[Standing.DEAD])}"]
    for each in (Standing.SURVIVED, Standing.INCONCLUSIVE):
        lines += [f"{each}: {len(of[each])}", *(line(result) for result in of[each])]
    legal = [result for result in results if result.legal]
    lines += [f"explained as legal: {len(legal)}"]
    for result in legal:
        lines += [line(result), f"    {'WRONG, it is not legal to the judge: ' * _refuted(result)}{result.legal}"]
    return "\n".join(lines)


def _refuted(result: Result) -> bool:
    """Whether a mutant explained as legal was caught: the explanation is wrong, or the judge raises a false alarm."""
    return bool(result.legal) and result.standing is Standing.CAUGHT


def as_json(results: Sequence[Result], seed: int) -> str:
    """Everything of a piece, without the sources."""
    caught, counted = score(results)
    rows = []
    for result in results:
        row = {**asdict(result.mutant), **asdict(result)}
        rows.append({name: value for name, value in row.items() if name not in {"mutant", "source"}})
    return json.dumps({"seed": seed, "caught": caught, "counted": counted, "mutants": rows}, indent=1) + "\n"


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--sample", type=int, default=40, help="mutants in the sample (default: %(default)s)")
    add("--seed", type=int, default=1, help="decides the sample and the runs (default: %(default)s)")
    add("--from", type=int, default=0, dest="skipped", metavar="N", help="leave out the first N of the sample")
    add("--seconds", type=float, default=480, help="begin no mutant after this time (default: %(default)s)")
    add("--sql", action="store_true", help="only changes to conditions and orders of SQL")
    add("--again", type=Path, metavar="FILE", help="only what was not caught according to this result")
    add("--output", type=Path, default=Path("reports/mutants.json"), help="the result (default: %(default)s)")
    return parser


def main() -> int:
    """Judge a sample of mutants; returns the exit code."""
    asked = options().parse_args()
    known = explained(KNOWN.read_text(encoding="utf-8"))
    stale = outdated(list(known.values()), ROOT)
    started = time.perf_counter()
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="conformance-mutants-") as name:
        folder = Path(name).resolve()
        copied(folder)
        try:
            check_healthy(folder, asked.seed)
        except NothingMeasured as problem:
            print(problem, file=sys.stderr)
            return 2
        for mutant in chosen(folder, asked):
            if time.perf_counter() - started > asked.seconds:
                print(f"out of time: go on with --from {asked.skipped + len(results)}")
                break
            entry = known.get(mutant.identity)
            results.append(tried(folder, mutant, asked.seed, entry.reason if entry else ""))
            print(line(results[-1]), flush=True)
    print(summary(results))
    for entry in stale:
        print(f"{KNOWN.name} explains a line that no longer stands in {entry.file}: {entry.was}")
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    asked.output.write_text(as_json(results, asked.seed), encoding="utf-8")
    unexplained = any(result.standing is Standing.SURVIVED and not result.legal for result in results)
    return 1 if unexplained or stale or any(map(_refuted, results)) else 0


if __name__ == "__main__":
    sys.exit(main())

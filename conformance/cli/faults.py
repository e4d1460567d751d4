"""``conformance faults``: the judge judged. Every seeded fault must be caught, every dialect must stay green."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from conformance.cli import forked

TOGETHER = "+"
"""Stands between the names of dialects that are spoken at once."""

BOUND = 300
"""Seconds one judged run may take before it counts as hung."""


@dataclass(frozen=True, slots=True)
class Seeded:
    """A fault or a dialect as its owner describes it."""

    name: str
    kind: str
    """``fault``, ``dialect``, ``partner fault``, ``cards fault`` or ``orders fault``."""
    breaks: tuple[str, ...] = ()
    drags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What the harness said of one seeded world."""

    seeded: Seeded
    red: tuple[str, ...]
    by: str
    engine: str
    requests: int | None
    stray: tuple[str, ...]
    verdict: str

    @property
    def good(self) -> bool:
        """A fault caught by a requirement it names and by nothing it does not; a dialect with no objection."""
        if self.seeded.kind == "dialect":
            return self.verdict == "CONFORMANT"
        return bool(self.by) and not self.stray


def bundles(dialects: Sequence[Seeded], size: int = 5) -> list[Seeded]:
    """Dialects spoken several at a time, far apart in the alphabet, where those of one theme stand together."""
    count = max(1, -(-len(dialects) // size))
    together = [dialects[start::count] for start in range(count)]
    return [Seeded(TOGETHER.join(dialect.name for dialect in bundle), "dialect") for bundle in together if bundle]


def faults(
    names: Annotated[list[str] | None, typer.Argument(help="Faults and dialects to try; all without names.")] = None,
    seeds: Annotated[int, typer.Option(help="Seeds to try each with, counted from --seed.")] = 1,
    seed: Annotated[int, typer.Option(help="The first seed.")] = 1,
    workers: Annotated[int, typer.Option(help="Runs at a time.")] = 2,
    full: Annotated[bool, typer.Option("--full", help="Run everything, not only what a fault breaks.")] = False,
    skip_dialects: Annotated[bool, typer.Option("--skip-dialects", help="Only the faults.")] = False,
    output: Annotated[Path | None, typer.Option(help="Write the results as JSON here.")] = None,
) -> None:
    """Seed each fault in turn and see whether the requirements it breaks turn red; hold each dialect green."""
    chosen = _chosen(listed(), names or [])
    if skip_dialects:
        chosen = [seeded for seeded in chosen if seeded.kind != "dialect"]
    if not chosen:
        typer.echo("there is nothing to try", err=True)
        raise typer.Exit(2)
    jobs = [(seeded, seed + offset) for offset in range(seeds) for seeded in chosen]
    results = []
    with ThreadPoolExecutor(workers) as pool:
        for result in pool.map(lambda job: judged(job[0], job[1], full), jobs):
            results.append(result)
            typer.echo(line(result))
    raise typer.Exit(_conclude(results, output))


def _chosen(known: Sequence[Seeded], names: Sequence[str]) -> list[Seeded]:
    unknown = set(names) - {seeded.name for seeded in known}
    if unknown:
        typer.echo(f"no fault or dialect is called {sorted(unknown)[0]!r}", err=True)
        raise typer.Exit(2)
    return [seeded for seeded in known if not names or seeded.name in names]


def listed() -> list[Seeded]:
    """Every fault and dialect of the sandbox and every fault of the example partner, asked from their processes."""
    from conformance.target import example_partner

    sandbox = [sys.executable, "-m", "conformance.sandbox"]
    found = [_seeded("fault", raw) for raw in _json([*sandbox, "--list-faults"])]
    found += [_seeded("dialect", raw) for raw in _json([*sandbox, "--list-dialects"])]
    script = example_partner.script()
    if script is not None:
        partner = _json([sys.executable, str(script.with_name("faults.py")), "--list-faults"])
        found += [_seeded("partner fault", raw) for raw in partner]
        found += [
            _seeded("cards fault", raw) for raw in _json([sys.executable, str(script.with_name("cards_faults.py"))])
        ]
        orders = _json([sys.executable, str(script.with_name("orders_faults.py")), "--list-faults"])
        found += [_seeded("orders fault", raw) for raw in orders]
    return found


def _seeded(kind: str, raw: dict[str, Any]) -> Seeded:
    return Seeded(raw["name"], kind, tuple(raw.get("breaks", ())), tuple(raw.get("drags", ())))


def _json(command: Sequence[str]) -> list[dict[str, Any]]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)  # noqa: S603 - our own
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def judged(
    seeded: Seeded, seed: int, full: bool, tier: str = "certify", quick: bool = False, machines: bool = True
) -> Result:
    """Run the harness against one seeded world, as a user would, and read what it wrote.

    A ``quick`` run leaves out the state machines and the other product, and ends once something the fault breaks has
    failed.
    """
    switch = {"fault": "--sandbox-fault", "dialect": "--sandbox-dialect", "partner fault": "--partner-fault"}
    switch |= {"cards fault": "--cards-fault", "orders fault": "--orders-fault"}
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        run = Path(folder) / "run"
        command = ["run"]
        command += [word for name in seeded.name.split(TOGETHER) for word in (switch[seeded.kind], name)]
        command += ["--seed", str(seed), "--tier", tier, "--output", str(run)]
        command += [] if machines or quick else ["--skip-machines"]
        if quick:
            product = "gate" if seeded.name.startswith("gate-") else "pools"
            command += ["--skip-machines", "--fail-fast", "--product", product]
        if not full:
            command += [word for requirement in seeded.breaks for word in ("--only", requirement)]
        if not forked.command(command, BOUND):
            return Result(seeded, (), "", "", None, (), "hung")
        return _read(seeded, run)


def _read(seeded: Seeded, run: Path) -> Result:
    from conformance.journal import Exchange, Judgement, Outcome, read

    try:
        verdict = json.loads((run / "verdict.json").read_text(encoding="utf-8"))
        records = read(run / "journal").records
    except (OSError, ValueError):
        return Result(seeded, (), "", "", None, (), "no evidence was written")
    red = tuple(sorted(entry["id"] for entry in verdict["requirements"] if entry["status"] == "fail"))
    stray = tuple(requirement for requirement in red if requirement not in {*seeded.breaks, *seeded.drags})
    requests = 0
    for record in records:
        if isinstance(record, Exchange):
            requests += 1
        if isinstance(record, Judgement) and record.outcome is Outcome.FAIL and record.requirement in seeded.breaks:
            return Result(seeded, red, record.requirement, record.engine, requests, stray, verdict["verdict"])
    return Result(seeded, red, "", "", None, stray, verdict["verdict"])


def line(result: Result) -> str:
    """One line of the table."""
    seeded = result.seeded
    if seeded.kind == "dialect":
        state = "green " if result.good else "RED   "
        return f"{state} {seeded.name}" + ("" if result.good else f"  {result.verdict}: {', '.join(result.red)}")
    if not result.by:
        others = f"; red: {', '.join(result.red)}" if result.red else ""
        return f"MISSED {seeded.name}  {result.verdict}; wanted one of {', '.join(seeded.breaks)}{others}"
    stray = f"  STRAY {', '.join(result.stray)}" if result.stray else ""
    state = "STRAY " if stray else "caught"
    return f"{state} {seeded.name}  by {result.by} ({result.engine}, {result.requests} requests){stray}"


def _conclude(results: Sequence[Result], output: Path | None) -> int:
    broken = [result for result in results if result.seeded.kind != "dialect"]
    legal = [result for result in results if result.seeded.kind == "dialect"]
    counts = [result.requests for result in broken if result.requests is not None]
    if broken:
        middle = f", median {median(counts):g} requests to the first red" if counts else ""
        typer.echo(f"{_good(broken)} of {len(broken)} faults caught{middle}")
    if legal:
        typer.echo(f"{_good(legal)} of {len(legal)} dialects green")
    if output is not None:
        rows = [
            {
                "name": result.seeded.name,
                "kind": result.seeded.kind,
                "good": result.good,
                "by": result.by,
                "engine": result.engine,
                "requests": result.requests,
                "red": list(result.red),
                "stray": list(result.stray),
                "verdict": result.verdict,
            }
            for result in results
        ]
        output.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0 if all(result.good for result in results) else 1


def _good(results: Iterable[Result]) -> int:
    return sum(result.good for result in results)

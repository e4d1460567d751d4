"""One run of the generated scenario against a stub, and what the journal then says."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from conformance.client import Clock, Context, Recorder, Redactor, Refused, SystemClock, Wire
from conformance.contract import Contract
from conformance.contract import load as load_contract
from conformance.journal import Engine, Exchange, Journal, Judgement, Observation, Order, Outcome
from conformance.journal.reader import read
from conformance.requirements import load as load_catalogue
from conformance.scenarios.bench import Bench
from conformance.scenarios.generated import Generation, Plan, Seeds, fuzzed, generate
from conformance.scenarios.judging import MARK, Judge
from conformance.scenarios.pools import test_generated
from conformance.scenarios.pools.desk import Desk
from conformance.target import Budget
from conformance.target import load as load_target

from .stub import Stub, serving

ENVIRON = {"STUB_KEY": "sk_test_0123456789abcdef0123456789abcdef"}
PROFILE = """
[target]
name = "stub"
environment = "{environment}"

[target.pools]
base_url = "{url}"

[accounts.approved]
secret_key = "STUB_KEY"

[limits]
trades = {trades}
notional = "5000.00"
requests_per_second = 1000

[order]
pool = "EUR-USDT"
amount = "10.00"
"""
scenario = test_generated.test_generated_requests
DECLARED: tuple[str, ...] = next(mark.args[0].judges for mark in vars(scenario)["pytestmark"] if mark.name == MARK)


_generations: dict[tuple[str, str, int, int], Generation] = {}


def remembered(contract: Contract, seeds: Seeds, *, seed: int, bound: int) -> Generation:
    """What ``generate`` gives, generated once for all runs of a session: half a second each is what they would take."""
    asked = (contract.file, repr(seeds), seed, bound)
    if asked not in _generations:
        _generations[asked] = generate(contract, seeds, seed=seed, bound=bound)
    return _generations[asked]


_fuzzed: dict[tuple[object, ...], list[Plan | None]] = {}


def remembered_fuzz(contract: Contract, seeds: Seeds, **asked: Any) -> Iterator[Plan | None]:
    """The first plans ``fuzzed`` gives, generated once for all runs of a session."""
    known = (contract.file, repr(seeds), *sorted(asked.items()))
    if known not in _fuzzed:
        _fuzzed[known] = list(islice(fuzzed(contract, seeds, **asked), 200))
    return iter(_fuzzed[known])


@dataclass(frozen=True)
class Result:
    """What one run left in the journal."""

    judgements: tuple[Judgement, ...]
    exchanges: tuple[Exchange, ...]
    orders: tuple[Order, ...]
    observations: tuple[Observation, ...]
    bench: Bench

    def having(self, outcome: Outcome, engine: str = Engine.GENERATED) -> set[str]:
        """The requirements with a judgement of this outcome by this engine."""
        return {row.requirement for row in self.judgements if row.outcome == outcome and row.engine == engine}

    def of(self, requirement: str) -> list[Judgement]:
        """What the scenario itself said of one requirement."""
        return [row for row in self.judgements if row.requirement == requirement and row.engine == Engine.GENERATED]


def run(
    stub: Stub,
    folder: Path,
    *,
    tier: str = "certify",
    seed: int = 7,
    trades: int = 40,
    environment: str = "sandbox",
    contract: Path | None = None,
    fresh: bool = False,
    budget: float = 60.0,
    clock: Clock | None = None,
) -> Result:
    """Run the scenario as the plugin would, and read the journal back. ``fresh`` generates anew."""
    with serving(stub) as url, pytest.MonkeyPatch.context() as patch:
        if not fresh:
            patch.setattr(test_generated, "generate", remembered)
            patch.setattr(test_generated, "fuzzed", remembered_fuzz)
        profile = folder / "stub.toml"
        profile.write_text(PROFILE.format(url=url, trades=trades, environment=environment), "utf-8")
        return _run(profile, folder, tier, budget, seed, contract, clock or SystemClock())


def _run(
    profile: Path, folder: Path, tier: str, budget: float, seed: int, contract: Path | None, clock: Clock
) -> Result:
    target = load_target(str(profile), ENVIRON)
    journal = Journal(folder / "journal", "main")
    redactor = Redactor(b"key", ENVIRON.values())
    context = Context("test_generated_requests", Engine.GENERATED)
    recorder = Recorder(journal, {"pools": load_contract(contract)}, redactor, context)
    wire = Wire(target.base_urls, recorder, clock, rate=None, timeout=5)
    bench = Bench(target, wire, journal, clock, random.Random(seed), Budget(target.limits), clock.now())
    judge = Judge(journal, load_catalogue(), redactor, context, DECLARED)
    problem: BaseException | None = None
    try:
        scenario(bench, Desk(bench), judge, tier, budget)
    except Refused as refused:
        problem = refused
    judge.close(problem)
    wire.close()
    journal.close()
    reading = read(folder / "journal")
    return Result(
        tuple(reading.of(Judgement)),
        tuple(reading.of(Exchange)),
        tuple(reading.of(Order)),
        tuple(reading.of(Observation)),
        bench,
    )


def told(exchanges: Sequence[Exchange]) -> list[tuple[str, str, str | None]]:
    """What was sent, without what differs from one port to the next."""
    return [(row.method, row.url.partition("/v1")[2], row.request_body) for row in exchanges]

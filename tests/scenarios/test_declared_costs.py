"""What scenarios declare of themselves is true of a whole run: trades they may charge, and that readers only read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from conformance.journal import Engine, Exchange, read
from conformance.scenarios.coverage import declarations
from conformance.scenarios.judging import Declaration
from tests.scenarios import recorder

ROOT = Path(__file__).parents[2]

DECLARED = declarations()
CHARGING = {name: found for name, found in DECLARED.items() if found.engine is not Engine.MACHINE}
READING = [name for name, found in DECLARED.items() if found.reads_only]


@dataclass(frozen=True)
class Finished:
    """One certification of the embedded sandbox: what each scenario charged and which methods it used."""

    charges: dict[str, int]
    methods: dict[str, set[str]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("costs")
    charged = folder / "charges.json"
    command = [sys.executable, "-m", "pytest", "--pyargs", "conformance.scenarios", "-q", "-p", "no:cacheprovider"]
    command += ["-p", recorder.__name__, "--tier", "certify", "--output", str(folder / "run")]
    ended = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, recorder.VARIABLE: str(charged)},
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    methods: dict[str, set[str]] = {}
    for exchange in read(folder / "run" / "journal").of(Exchange):
        methods.setdefault(exchange.scenario, set()).add(exchange.method)
    return Finished(json.loads(charged.read_text()), methods)


@pytest.mark.parametrize(("name", "declaration"), CHARGING.items(), ids=CHARGING)
def test_no_scenario_charges_more_trades_than_it_declares(
    finished: Finished, name: str, declaration: Declaration
) -> None:
    assert finished.charges[name] <= declaration.trades


@pytest.mark.parametrize("name", [name for name, found in CHARGING.items() if found.trades])
def test_no_scenario_declares_trades_it_never_charges(finished: Finished, name: str) -> None:
    assert finished.charges[name] > 0


@pytest.mark.parametrize("name", READING)
def test_a_scenario_that_declares_to_read_only_reads(finished: Finished, name: str) -> None:
    assert finished.methods[name] == {"GET"}

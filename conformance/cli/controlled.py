"""What ``conformance run --controlled-order`` does between its options and its exit code: checks, one run, reports.

What is sent and what it shows is the business of ``scenarios/controlled``.
"""

from __future__ import annotations

import dataclasses
import os
import re
from decimal import Decimal
from pathlib import Path

import typer
from rich.console import Console

from conformance import evidence, plugin
from conformance.cli.run import sign_run
from conformance.cli.signing import Signing
from conformance.evidence import first_order as points
from conformance.requirements import first_order
from conformance.requirements import load as load_catalogue
from conformance.run import Options, Run, UsageProblem, prepare
from conformance.scenarios.controlled.carrying_out import carry_out
from conformance.scenarios.controlled.desk import ACCOUNT, Work
from conformance.scenarios.controlled.record import RecordProblem
from conformance.scenarios.judging import Judge
from conformance.scenarios.pools.desk import Desk

AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,8})?")

NEUTRAL = {
    "target": "--target",
    "seed": "--seed",
    "output": "--output",
    "faults": "--sandbox-fault",
    "dialects": "--sandbox-dialect",
    "statements": "--statements",
}
"""The options a controlled order may be given besides its own; any other selects, and there is nothing to select."""

SELECTING = {"machines": "--skip-machines", "steps": "--step", "products": "--product", "workers": "--workers"}
"""How the others are spelled where the name does not tell."""


def execute(options: Options, max_amount: str | None, signs: Signing | None, *, asked: bool) -> int:
    """Carry out the first production order checklist once, write the evidence, and return the verdict's exit code."""
    try:
        whole = _whole(options, max_amount, asked=asked)
        run = prepare(whole, os.environ)
        reachable = plugin.tried(run)
    except UsageProblem as problem:
        typer.echo(str(problem), err=True)
        return 2
    return _carried_out(run, signs, reachable=reachable)


def _carried_out(run: Run, signs: Signing | None, *, reachable: bool) -> int:
    bench = run.benches[0]
    console = Console(highlight=False)
    whole = True
    try:
        if reachable:
            carry_out(_work(run))
    except RecordProblem as problem:
        run.abandon()
        typer.echo(f"no order was placed: {problem}", err=True)
        return 2
    except KeyboardInterrupt:
        whole = False
    if reachable:
        plugin.tidy(bench)
    packet = run.finish(whole=whole)
    if not whole:
        console.print("interrupted; run the command again: it reads what became of the order", markup=False)
        return 130
    evidence.render(packet, run.folder, console)
    for line in points.lines(packet):
        console.print(line, markup=False, soft_wrap=True)
    if signs:
        sign_run(signs, packet, run.folder)
    return packet.verdict.exit_code


def _work(run: Run) -> Work:
    bench = run.benches[0]
    assert run.permit is not None
    recorder = bench.wire.recorder
    judge = Judge(bench.journal, load_catalogue(), recorder.redactor, recorder.context, first_order.REQUIRED)
    return Work(bench, judge, run.permit, Path(run.folder), run.folder.name, Desk(bench, ACCOUNT))


def _whole(options: Options, max_amount: str | None, *, asked: bool) -> Options:
    """The options of the run. Raises ``UsageProblem`` naming the option and the fix."""
    if not asked:
        raise UsageProblem(
            f"--max-amount {max_amount} bounds a controlled order, and none is asked for: add --controlled-order"
        )
    if max_amount is None:
        raise UsageProblem(
            "--controlled-order spends real money and needs its bound: add --max-amount with the EUR it may cost at "
            "the most, fees included, such as --max-amount 25.00"
        )
    if not AMOUNT.fullmatch(max_amount) or Decimal(max_amount) <= 0:
        raise UsageProblem(
            f"--max-amount {max_amount!r} is no amount above zero; write plain EUR without a sign, a currency or an "
            "exponent, such as --max-amount 25.00"
        )
    untouched = Options()
    for field in dataclasses.fields(Options):
        if field.name not in NEUTRAL and getattr(options, field.name) != getattr(untouched, field.name):
            spelled = SELECTING.get(field.name, "--" + field.name.replace("_", "-"))
            raise UsageProblem(
                f"{spelled} does not go with --controlled-order, which is one fixed checklist; leave it out"
            )
    return dataclasses.replace(options, only=first_order.REQUIRED, max_amount=Decimal(max_amount))

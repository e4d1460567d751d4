"""``conformance judge``: judge a partner's recorded traffic by the rules that bind the partner."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HostOption = Annotated[list[str] | None, typer.Option(help="Host (or host:port) that is 0Bit's, beside the published.")]
StatementOption = Annotated[Path | None, typer.Option(help="TOML file with what no traffic can show.")]
ScopeOption = Annotated[str, typer.Option(help="partner, or operator: with the rules that take refusals and failures.")]
OnlyOption = Annotated[list[str] | None, typer.Option(help="Only this requirement; repeatable.")]
StrictOption = Annotated[bool, typer.Option("--strict", help="Warn of departures from what no source states.")]
KnownOption = Annotated[Path | None, typer.Option(help="TOML file of known failures.")]
OutputOption = Annotated[Path | None, typer.Option(help="Run folder; by default a new one under reports/.")]
SeedOption = Annotated[int, typer.Option(hidden=True, help="Taken for the sake of repeated commands.")]


def judge(
    file: Annotated[Path, typer.Argument(help="The recording: an HTTP Archive (HAR 1.2) with bodies.")],
    host: HostOption = None,
    statement: StatementOption = None,
    from_start: Annotated[bool, typer.Option("--from-start", help="Nothing was sent before the recording.")] = False,
    scope: ScopeOption = "partner",
    only: OnlyOption = None,
    strict: StrictOption = False,
    known_failures: KnownOption = None,
    output: OutputOption = None,
    seed: SeedOption = 0,
) -> None:
    """Judge a recording of a partner's traffic: keys, quotes, executions, polling, retries."""
    del seed  # nothing here is random
    from rich.console import Console

    from conformance import evidence
    from conformance.cli import judging
    from conformance.run import REPORTS, UsageProblem

    asked = judging.Asked(
        file=file,
        hosts=tuple(host or ()),
        statement=statement,
        from_start=from_start,
        scope=scope,
        only=tuple(only or ()),
        strict=strict,
        known_failures=known_failures,
        output=output,
    )
    try:
        packet = judging.execute(asked)
    except UsageProblem as problem:
        typer.echo(str(problem), err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    evidence.render(packet, output or REPORTS / packet.run.run, Console(highlight=False))
    raise typer.Exit(packet.verdict.exit_code)

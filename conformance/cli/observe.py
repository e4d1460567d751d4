"""``conformance observe``: record a partner's traffic through a proxy in front of a sandbox, and judge it."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from conformance.cli.judge import KnownOption, OnlyOption, OutputOption, ScopeOption, StatementOption, StrictOption


def observe(
    upstream: Annotated[str, typer.Option(help="URL of a sandbox, a profile's name or file, or embedded.")],
    listen: Annotated[str, typer.Option(help="HOST:PORT to take the traffic at; port 0 is any free one.")] = "8400",
    seconds: Annotated[float | None, typer.Option("--for", help="Seconds to record; else until interrupted.")] = None,
    joined_late: Annotated[
        bool, typer.Option("--joined-late", help="The integration was running before; it may have read things.")
    ] = False,
    product: Annotated[str, typer.Option(help="Which base URL of a profile: pools or gate.")] = "pools",
    statement: StatementOption = None,
    scope: ScopeOption = "partner",
    only: OnlyOption = None,
    strict: StrictOption = False,
    known_failures: KnownOption = None,
    output: OutputOption = None,
) -> None:
    """Stand in front of a sandbox, pass everything on unchanged, record it redacted, and judge it at the end."""
    from rich.console import Console

    from conformance import evidence
    from conformance.cli import judging, observing
    from conformance.run import REPORTS, UsageProblem

    named = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-observed-{secrets.token_hex(2)}"
    folder = output or REPORTS / named
    asked = judging.Asked(
        file=Path(observing.ARCHIVE),
        statement=statement,
        scope=scope,
        only=tuple(only or ()),
        strict=strict,
        known_failures=known_failures,
        output=folder,
        name=f"traffic observed in front of {upstream.partition('?')[0]}",
    )
    try:
        observing.check(product, seconds)
        host, port = observing.listen_address(listen)
        if observing.is_open(host):
            typer.echo(f"listening on {host}: whoever reaches it reaches the sandbox behind it", err=True)
        inputs = judging.prepare(asked)
        with observing.base_url(upstream, product, os.environ) as url:
            watching = observing.Watching(url, host, port, seconds, not joined_late)
            asked = observing.observe(watching, asked, inputs, lambda words: typer.echo(words, err=True))
        packet = judging.execute(asked)
    except UsageProblem as problem:
        typer.echo(str(problem), err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        typer.echo(f"interrupted again; what was recorded is in {folder}", err=True)
        raise typer.Exit(130) from None
    evidence.render(packet, folder, Console(highlight=False))
    typer.echo(f"Recording: {asked.file}")
    raise typer.Exit(packet.verdict.exit_code)

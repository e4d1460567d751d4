"""``conformance reconcile``: join a partner's order records with a target's trades and ledger; reads only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # loaded when the command runs
    from conformance.cli.reconciling import Asked


def reconcile(
    orders: Annotated[Path, typer.Argument(help="Order records: CSV, JSON Lines or SQLite.")],
    target: Annotated[str | None, typer.Option(help="Profile name or file of the environment to read.")] = None,
    trades: Annotated[list[Path] | None, typer.Option(help="Saved pages of trades, in place of a target.")] = None,
    ledger: Annotated[list[Path] | None, typer.Option(help="Saved pages of the ledger; repeatable.")] = None,
    account: Annotated[str, typer.Option(help="The account of the profile whose orders these are.")] = "approved",
    start: Annotated[str | None, typer.Option("--from", help="From when on the records are complete.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Until when; by default when the records were taken.")] = None,
    as_of: Annotated[str | None, typer.Option(help="When the records were taken; by default the file's time.")] = None,
    grace: Annotated[float, typer.Option(help="Hours a record may lag behind its trade.", min=0, max=8760)] = 24,
    table: Annotated[str, typer.Option(help="Table or view of a SQLite file.")] = "orders",
    column: Annotated[list[str] | None, typer.Option(help="FIELD=COLUMN, where names alone do not say it.")] = None,
    status: Annotated[list[str] | None, typer.Option(help="WORD=STATUS, for words of your own.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only this requirement; repeatable.")] = None,
    output: Annotated[Path | None, typer.Option(help="Run folder; by default a new one under reports/.")] = None,
    seed: Annotated[int, typer.Option(hidden=True, help="Taken for the sake of repeated commands.")] = 0,
) -> None:
    """Join order records with trades and ledger: what matches, is missing, doubled, mismatched or not given back."""
    del seed  # nothing here is random
    from conformance.cli import reconciling
    from conformance.run import UsageProblem

    asked: Asked = reconciling.Asked(
        orders=orders,
        target=target,
        trades=tuple(trades or ()),
        ledger=tuple(ledger or ()),
        account=account,
        start=start,
        end=end,
        as_of=as_of,
        grace=grace,
        table=table,
        columns=tuple(column or ()),
        statuses=tuple(status or ()),
        only=tuple(only or ()),
        output=output,
    )
    try:
        code = reconciling.execute(asked, os.environ)
    except UsageProblem as problem:
        typer.echo(str(problem), err=True)
        code = 2
    except KeyboardInterrupt:
        code = 130
    raise typer.Exit(code)

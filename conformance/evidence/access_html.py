"""The launch packet as HTML: the tables a run's page shows, and the page of a packet of several runs.

The form is in ``templates/``; what the tables say is the business of ``access_fill`` and ``access_reports``.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from conformance.evidence import html
from conformance.evidence.access_fill import FilledRow, FilledTable, LaunchPacket, State
from conformance.evidence.access_reports import DRAFT, LEGEND, asks, decision_text, evidence, hosts, owner, stated, told


@dataclass(frozen=True, slots=True)
class RowView:
    """A row as a page tells it."""

    name: str
    environment: str
    asks: str
    evidence: tuple[str, ...]
    stated: tuple[str, ...]
    asked: str
    state: State
    owner: str


@dataclass(frozen=True, slots=True)
class TableView:
    """A table as a page tells it. ``draft`` is the decision record as text, empty for every other table."""

    id: str
    title: str
    columns: tuple[str, str]
    counted: str
    rows: tuple[RowView, ...]
    draft: str
    note: str


def views(launch: LaunchPacket) -> list[TableView]:
    """The tables in the page's order."""
    return [_table(table, launch) for table in launch.tables]


def render(launch: LaunchPacket) -> str:
    """The text of the packet's ``index.html``: complete in itself, and without any script."""
    style = html.asset("style.css")
    return (
        html.environment()
        .get_template("packet.html.j2")
        .render(
            launch=launch,
            tables=views(launch),
            counted=told(launch.counts),
            legend=LEGEND,
            hosts=hosts,
            style=Markup(style),  # noqa: S704 - our own file
            policy=f"default-src 'none'; style-src '{html.digest(style)}'; img-src data:; base-uri 'none'; "
            "form-action 'none'",
        )
    )


def _table(table: FilledTable, launch: LaunchPacket) -> TableView:
    draft = decision_text(launch) if table.table.id == "decision" else ""
    rows = tuple(_row(row, launch) for row in table.rows)
    return TableView(
        table.table.id, table.table.title, table.table.columns, told(table.counts), rows, draft, DRAFT if draft else ""
    )


def _row(filled: FilledRow, launch: LaunchPacket) -> RowView:
    return RowView(
        name=filled.row.name,
        environment=filled.row.environment,
        asks=asks(filled),
        evidence=tuple(evidence(filled, launch)),
        stated=tuple(stated(filled)),
        asked=filled.asked,
        state=filled.state,
        owner=owner(filled),
    )

"""``index.html``: one page for people, complete in itself. The page's form is in ``templates/``, its facts
come here.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from conformance.evidence.curl import reproduce
from conformance.evidence.findings import Case, Finding, Request
from conformance.evidence.packet import NO_ANSWER, Packet
from conformance.evidence.per_requirement import Status
from conformance.evidence.text import clip, count, one_line, url_path, visible
from conformance.journal import Exchange, ReconciliationRow
from conformance.requirements.catalogue import STEPS

EXCHANGES = 150
"""Exchanges on the page; the archive has all of them."""

EXCHANGES_PER_FINDING = 16
ROWS = 500
"""Rows of any one list on the page."""

BODY = 4_000
"""Characters of one body on the page."""

SAID = 1_500
"""Characters of one expectation or observation on the page."""

_SECTIONS = (
    ("Failures", "failures", (Status.FAIL,)),
    ("Errors of harness or network", "errors", (Status.ERROR,)),
    ("Excused failures", "excused", (Status.EXCUSED,)),
    ("Warnings", "warnings", (Status.WARN,)),
)


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case with as many of its requests as the page has room for."""

    case: Case
    requests: tuple[Request, ...]
    unshown: int


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding as the page tells it."""

    finding: Finding
    cases: tuple[CaseView, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """One status's part of the bar: position and width in per mille."""

    status: Status
    number: int
    start: int
    width: int


def render(packet: Packet, access: Sequence[object] = ()) -> str:
    """The text of ``index.html``. It asks the network for nothing and its policy forbids it to.

    ``access`` are the tables of the launch packet, as ``access_html`` views them.
    """
    style, script = asset("style.css"), asset("script.js")
    views = _views(packet.findings)
    sections = [
        (title, anchor, [view for view in views if view.finding.status in statuses])
        for title, anchor, statuses in _SECTIONS
    ]
    run = packet.run
    return template().render(
        packet=packet,
        verdict=packet.verdict,
        run=run,
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        policy=f"default-src 'none'; style-src '{digest(style)}'; script-src '{digest(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        sections=[section for section in sections if section[2]],
        shares=_shares([v.status for v in packet.verdict.requirements]),
        statuses=sorted({status for seen in packet.coverage.values() for status in seen}),
        duration=_duration(run.started, packet.verdict.finished),
        steps=STEPS,
        rows=_mismatches_first(packet.rows),
        matched=sum(row.result == "matched" for row in packet.rows),
        limit=ROWS,
        no_answer=NO_ANSWER,
        reproduce=reproduce(run),
        access=access,
    )


def _views(findings: Iterable[Finding]) -> list[FindingView]:
    room = EXCHANGES
    views = []
    for finding in findings:
        own = min(room, EXCHANGES_PER_FINDING)
        cases = []
        for case in finding.cases:
            shown = case.requests[-own:] if own else ()
            own -= len(shown)
            room -= len(shown)
            cases.append(CaseView(case, shown, case.unshown + len(case.requests) - len(shown)))
        views.append(FindingView(finding, tuple(cases)))
    return views


def _shares(statuses: Sequence[Status]) -> list[Share]:
    counted, shares, before = Counter(statuses), [], 0
    for status in Status:
        number = counted[status]
        if number:
            start, end = (round(1000 * edge / len(statuses)) for edge in (before, before + number))
            shares.append(Share(status, number, start, end - start))
        before += number
    return shares


def _mismatches_first(rows: Sequence[ReconciliationRow]) -> list[ReconciliationRow]:
    return sorted(rows, key=lambda row: row.result == "matched")


def _duration(started: str, finished: str) -> str:
    if not finished:
        return ""
    seconds = round((datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds())
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _moment(text: str) -> str:
    """A time as people read it, in UTC; what does not read as a time is shown as it stands."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment.tzinfo else text


def _endpoint(exchange: Exchange) -> str:
    return f"{exchange.method} {clip(one_line(url_path(exchange.url)), 160)}"


def _finalize(value: Any) -> Any:
    """Every string the template prints has its control characters spelled out; our own markup passes."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def template() -> Template:
    """The page, compiled once."""
    return environment().get_template("index.html.j2")


@cache
def environment() -> Environment:
    """What every page of ours is made with: markup is escaped, and what is missing is an error."""
    found = Environment(
        loader=PackageLoader("conformance.evidence"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    found.filters |= {
        "moment": _moment,
        "endpoint": _endpoint,
        "body": lambda text: clip(text, BODY),
        "said": lambda text: clip(text, SAID),
        "short": lambda text: clip(text, 300),
        "times": count,
    }
    return found


def asset(name: str) -> str:
    """The text of a file beside the templates."""
    return resources.files("conformance.evidence").joinpath("templates", name).read_text(encoding="utf-8")


def digest(text: str) -> str:
    """How a policy names a style or a script that it allows."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"

"""A failing trace as a Python file that stands alone: what flows between its requests, and what they answered.

The file is data followed by the text of ``replayer.py``, which sends and compares. Nothing here sends anything.
"""

from __future__ import annotations

import json
import pprint
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conformance.evidence.curl import FINGERPRINT, IMPLIED, rerun, variable_of
from conformance.evidence.findings import Case, Finding
from conformance.evidence.replayer import Answer, Facts, answered_then, asked, flows, walk
from conformance.evidence.text import one_line, visible
from conformance.evidence.trace import Trace, Traffic, in_a_url, parsed, said_by, texts
from conformance.journal import Engine, Exchange, Outcome, RunRecord
from conformance.requirements.first_order import TIER

FOLDER = "replay"

FILES = 20
"""Replay files a run folder gets at most; every failure has the command that runs it again."""

SURE = timedelta(milliseconds=2)
"""Times are written in milliseconds, so requests overlapping by less may have followed each other."""

NOBODY = "nobody"
"""The account under which requests without a key, or with one nobody issued, are recorded."""

DELIVERIES = 7
"""The step judged by what arrives at a receiver, which no request of a trace shows."""


def named(findings: Iterable[Finding], exchanges: Mapping[str, Exchange], run: RunRecord) -> tuple[Finding, ...]:
    """The findings with the name of a replay file in each case that gets one, the first cases of all before others."""
    found = list(findings)
    traffic = Traffic(list(exchanges.values()), run)
    # What a controlled order sent to production is not for a script to send again: that would be another order.
    room = 0 if run.tier == TIER else FILES
    for number in range(max((len(finding.cases) for finding in found), default=0)):
        for index, finding in enumerate(found):
            if room and number < len(finding.cases) and _replayable(finding, finding.cases[number], traffic):
                name = f"{FOLDER}/{_file_name(finding.id)}-{number + 1}.py"
                cases = list(finding.cases)
                cases[number] = replace(cases[number], replay=name)
                found[index] = replace(finding, cases=tuple(cases))
                room -= 1
    return tuple(found)


def write(findings: Iterable[Finding], exchanges: Mapping[str, Exchange], run: RunRecord, run_folder: Path) -> None:
    """Write the replay files that ``named`` gave names to, in the place of those of an earlier writing."""
    folder = run_folder / FOLDER
    if folder.is_dir():
        for old in folder.glob("*.py"):
            old.unlink()
    traffic = Traffic(list(exchanges.values()), run)
    for finding in findings:
        for case in finding.cases:
            if case.replay:
                folder.mkdir(exist_ok=True)
                (run_folder / case.replay).write_text(render(finding, case, traffic), encoding="utf-8")


def _file_name(requirement: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", requirement)


def _replayable(finding: Finding, case: Case, traffic: Traffic) -> bool:
    judgement, requirement = case.judgement, finding.verdict.requirement
    # What a partner sent is not for us to send again, least of all with the partner's keys.
    foreign = judgement.engine in (Engine.WEBHOOK, Engine.TRAFFIC) or requirement.step == DELIVERIES
    if judgement.outcome is not Outcome.FAIL or foreign:
        return False
    trace = traffic.trace(judgement.exchanges)
    if trace is None:
        return False
    lists = [_foreign(exchange, trace) for exchange in trace.exchanges if exchange.id in trace.shown]
    # Rows that others made are not there when the trace alone is sent again, and so is what they show.
    if judgement.engine == Engine.CONTRACT:
        return not any(lists)
    return not all(lists) or any(exchange.method != "GET" for exchange in trace.exchanges)


def _foreign(exchange: Exchange, trace: Trace) -> bool:
    """Whether an answer lists what others made; for the contract's word any such row may be the one it is about."""
    facts = Facts(trace.pools, frozenset())
    for made in trace.exchanges:
        leaves = walk(parsed(made.response_body)) if made.method != "GET" else []
        facts.known |= dict.fromkeys((value for _, name, value in leaves if name in ("quoteId", "transactId")), "ours")
    body = parsed(exchange.response_body)
    lists = [value for value in body.values() if isinstance(value, list)] if isinstance(body, dict) else []
    return any(facts.kept(rows) != rows for rows in lists)


def _keys(exchanges: Iterable[Exchange], run: RunRecord) -> dict[str, str]:
    """Fingerprint of each key to the environment variable that holds it; empty for one nobody issued."""
    used: dict[str, Counter[str]] = {}
    for exchange in exchanges:
        for value in _authorization(exchange):
            # Discovery is where publishable keys are used; a quote is made with a secret key, if with any.
            quoted = (exchange.operation or "").endswith("/quote") and exchange.status in (200, 201)
            weight = 0 if exchange.operation == "GET /pools" else 10_000 if quoted else 1
            used.setdefault(exchange.account, Counter())[value] += weight
    keys: dict[str, str] = {}
    for account, counted in used.items():
        if account == NOBODY:
            continue
        secret = variable_of(account, run.variables)
        for rank, (value, _) in enumerate(counted.most_common()):
            other = secret.replace("SECRET", "PUBLISHABLE") if "SECRET" in secret else f"PUBLISHABLE_{secret}"
            keys.setdefault(value, secret if rank == 0 else other if rank == 1 else f"{secret}_{rank + 1}")
    return keys


def _authorization(exchange: Exchange) -> list[str]:
    values = [value for name, value in exchange.request_headers if name.lower() == "authorization"]
    return [found for value in values for found in FINGERPRINT.findall(value)]


@dataclass
class _Writing:
    """What one replay file needs beside its steps, gathered while they are written."""

    keys: Mapping[str, str]
    values: dict[str, str] = field(default_factory=dict)
    """Recorded value to the name it goes by in the file."""
    variables: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    idempotency: dict[str, int] = field(default_factory=dict)

    def key(self, fingerprint: str) -> str:
        """The name under which a request finds its key."""
        if fingerprint not in self.values:
            variable = self.keys.get(fingerprint, "")
            name = f"key_{len(self.variables) + len(self.unknown) + 1}"
            self.values[fingerprint] = name
            if variable:
                self.variables[name] = variable
            else:
                self.unknown.append(name)
        return self.values[fingerprint]

    def redacted(self, text: str, member: str) -> None:
        """Give every fingerprint in ``text`` that nothing else explains a variable named after where it stands."""
        for fingerprint in FINGERPRINT.findall(text):
            if fingerprint not in self.values:
                word = re.sub(r"[^A-Za-z0-9]+", "_", member).strip("_").upper() or "VALUE"
                name = f"redacted_{len(self.variables) + 1}"
                self.values[fingerprint] = name
                self.variables[name] = f"REPLAY_{word}_{fingerprint[10:-1].upper()}"

    def fresh_key(self, value: str) -> None:
        """A recorded idempotency key becomes one of this replay's own, as long; a short or odd one is kept."""
        if re.fullmatch(r"[\x21-\x7e]{8,}", value) and value not in self.values and not FINGERPRINT.search(value):
            name = f"idempotency_key_{len(self.idempotency) + 1}"
            self.values[value] = name
            self.idempotency[name] = len(value)

    def template(self, text: str, escape: Callable[[str], str] = str) -> str:
        """``text`` as a template: what flows is a name, everything else stands for itself."""
        spellings = {escape(value): name for value, name in self.values.items()}
        pattern = "|".join(re.escape(spelling) for spelling in sorted(spellings, key=len, reverse=True))
        parts = re.split(f"({pattern})", text) if pattern else [text]
        return "".join(f"${{{spellings[part]}}}" if part in spellings else part.replace("$", "$$") for part in parts)


def render(finding: Finding, case: Case, traffic: Traffic) -> str:
    """The text of the replay file of one case. Raises ``ValueError`` for a case without a trace."""
    trace = traffic.trace(case.judgement.exchanges)
    if trace is None:
        raise ValueError(f"{finding.id} has no trace to replay")
    run, judgement = traffic.run, case.judgement
    writing = _Writing(_keys(traffic.exchanges, run))
    steps = _steps(trace, traffic, writing)
    stated = {value for e in trace.exchanges for value in said_by(e) if value not in writing.values} | trace.pools
    secret = _secret_members(trace.exchanges)
    _add_facts(steps, trace, stated, secret)
    data = {
        "requirement": finding.id,
        "statement": one_line(finding.verdict.requirement.statement),
        "expected": one_line(judgement.expected),
        "observed": one_line(judgement.observed),
        "base_url": next(iter(run.base_urls.values())),
        "variables": writing.variables,
        "unknown_keys": writing.unknown,
        "idempotency_keys": writing.idempotency,
        "stated": sorted(stated),
        "secret_members": sorted(secret),
        "steps": [step for step, _ in steps],
    }
    head, imports, code = _runtime()
    story = _story(finding, case, run, sorted(set(writing.variables.values())))
    written = pprint.pformat(data, width=116, sort_dicts=False)
    return (
        f'#!/usr/bin/env python3\n"""{_safe(story)}"""\n\n{imports}\n\nTRACE = {written}\n\n# {head}\n\n{code}\n\n'
        'if __name__ == "__main__":\n    sys.exit(main(TRACE))\n'
    )


def _safe(text: str) -> str:
    return visible(text).replace("\\", "\\\\").replace('"""', "'''").rstrip('"')


def _story(finding: Finding, case: Case, run: RunRecord, variables: Sequence[str]) -> str:
    judgement = case.judgement
    lines = [
        f"Sends again what broke {finding.id} in run {run.run}. Needs Python 3.11 and httpx, nothing else.",
        "",
        one_line(finding.verdict.requirement.statement),
        f"expected: {one_line(judgement.expected)}",
        f"observed: {one_line(judgement.observed)}",
        "",
    ]
    if judgement.steps:
        lines += ["The shortest way there:", *(f"  {i}. {one_line(s)}" for i, s in enumerate(judgement.steps, 1)), ""]
    lines += ["Environment variables it reads (nothing secret is in this file):"]
    lines += [f"  {name}" for name in variables] or ["  none"]
    lines += [
        "  REPLAY_BASE_URL, or --base-url: where to send to; default is the address of the run",
        "",
        "Exit code 1: the answers still are as recorded. 0: they are not. 2: it could not be tried.",
        "Simultaneous requests get several rounds, since what they show need not show each time (--rounds).",
        "The whole test again:",
        f"  {rerun(run, finding.id)}",
        "",
    ]
    return "\n".join(lines)


@cache
def _runtime() -> tuple[str, str, str]:
    """What ``replayer.py`` says first, its imports, and the rest of it."""
    text = resources.files("conformance.evidence").joinpath("replayer.py").read_text(encoding="utf-8")
    _, _, rest = text.split('"""', 2)
    imports, _, code = rest.partition("\n\nDECIMAL")
    return "What follows is the same in every replay file.", imports.strip(), f"DECIMAL{code}".strip()


def _steps(trace: Trace, traffic: Traffic, writing: _Writing) -> list[tuple[dict[str, Any], list[Exchange]]]:
    """The steps as the file holds them, each with its exchanges; facts come later."""
    moments = _moments(trace.exchanges)
    said_later = [{value for e in moment for value in said_by(e)} for moment in moments]
    for exchange in trace.exchanges:
        for fingerprint in _authorization(exchange):
            writing.key(fingerprint)
        for name, value in exchange.request_headers:
            if name.lower() == "idempotency-key":
                writing.fresh_key(value)
    steps: list[tuple[dict[str, Any], list[Exchange]]] = []
    said: set[str] = set()
    ended: datetime | None = None
    for number, moment in enumerate(moments, 1):
        for exchange in moment:
            for member, text in texts(exchange):
                writing.redacted(text, member)
        said |= said_later[number - 1]
        requests = [_request(exchange, traffic, writing) for exchange in moment]
        later = set().union(*said_later[number:])
        takes = _takes(moment, number, (later - said) - trace.pools, writing)
        pause = max(0.0, (_began(moment[0]) - ended).total_seconds()) if ended else 0.0
        ended = max(map(_over, moment))
        step = {
            "pause": round(pause, 1),
            "requests": requests,
            "takes": takes,
            "compared": any(exchange.id in trace.compared for exchange in moment),
        }
        steps.append((step, moment))
    return steps


def _takes(
    moment: Sequence[Exchange], number: int, later: set[str], writing: _Writing
) -> dict[str, tuple[int, list[Any]]]:
    """Where in these answers stands what later requests say: the name it goes by to answer and path."""
    takes: dict[str, tuple[int, list[Any]]] = {}
    for index, exchange in enumerate(moment):
        for path, member, value in walk(parsed(exchange.response_body)):
            if value in later and value not in writing.values and (flows(member, value) or FINGERPRINT.search(value)):
                word = re.sub(r"[^A-Za-z0-9]+", "_", member) or "value"
                name = f"{word}_{number}" if f"{word}_{number}" not in takes else f"{word}_{len(takes)}_{number}"
                writing.values[value] = name
                takes[name] = (index, list(path))
    return takes


def _request(exchange: Exchange, traffic: Traffic, writing: _Writing) -> dict[str, Any]:
    headers = [[n, writing.template(v)] for n, v in exchange.request_headers if n.lower() not in IMPLIED]
    body = exchange.request_body
    return {
        "account": exchange.account,
        "method": exchange.method,
        "url": _url(exchange.url, traffic, writing),
        "headers": headers,
        "body": None if body is None else writing.template(body, lambda value: json.dumps(value)[1:-1]),
        "status": exchange.status,
    }


def _url(url: str, traffic: Traffic, writing: _Writing) -> str:
    template = writing.template(url, in_a_url)
    for base in traffic.bases:
        split = urlsplit(base)
        for start, stand_in in ((base, "${base}"), (f"{split.scheme}://{split.netloc}", "${origin}")):
            if template.startswith(start.replace("$", "$$")):
                return stand_in + template[len(start.replace("$", "$$")) :]
    return template


def _add_facts(
    steps: Sequence[tuple[dict[str, Any], list[Exchange]]], trace: Trace, stated: set[str], secret: set[str]
) -> None:
    facts = Facts(frozenset(stated), frozenset(secret))
    for number, (step, moment) in enumerate(steps, 1):
        for name, (index, path) in step["takes"].items():
            value = parsed(moment[index].response_body)
            for part in path:
                value = value[part]
            facts.known[value] = f"{name.rpartition('_')[0]} of step {number}"
        answers = [
            _answer(exchange, asked(request)) for exchange, request in zip(moment, step["requests"], strict=True)
        ]
        told = facts.of(number, answered_then(step, answers))
        if step["compared"]:
            step["facts"] = told


def _moments(exchanges: Sequence[Exchange]) -> list[list[Exchange]]:
    """The exchanges in order, those that were under way at the same time together."""
    moments: list[list[Exchange]] = []
    for exchange in exchanges:
        if moments and moments[-1][0].scenario == exchange.scenario:
            latest_begin, over = max(map(_began, moments[-1])), min(map(_over, moments[-1]))
            if over - _began(exchange) >= SURE and _over(exchange) - latest_begin >= SURE:
                moments[-1].append(exchange)
                continue
        moments.append([exchange])
    return moments


def _began(exchange: Exchange) -> datetime:
    return datetime.fromisoformat(exchange.started)


def _over(exchange: Exchange) -> datetime:
    return _began(exchange) + timedelta(milliseconds=exchange.elapsed_ms)


def _secret_members(exchanges: Iterable[Exchange]) -> set[str]:
    """The members of answers whose values the journal holds as fingerprints only."""
    leaves = (leaf for exchange in exchanges for leaf in walk(parsed(exchange.response_body)))
    return {name for _, name, value in leaves if FINGERPRINT.search(value)}


def _answer(exchange: Exchange, words: str) -> Answer:
    return Answer(exchange.status, exchange.response_headers, exchange.response_body or "", words)

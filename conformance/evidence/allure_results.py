"""``allure-results/``: one Allure result for each requirement, with the cases as steps and their exchanges
attached.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from allure_commons import model2
from allure_commons.logger import AllureFileLogger
from allure_commons.types import LabelType, Severity

from conformance.evidence.findings import Case, Finding, Request
from conformance.evidence.packet import Packet
from conformance.evidence.per_requirement import RequirementVerdict, Status
from conformance.evidence.text import clip, one_line, visible
from conformance.journal import Exchange
from conformance.requirements import Level
from conformance.requirements.catalogue import STEPS

BODY = 50_000
"""Characters of one body in an attachment."""

# The library's classes carry no types; naming them once as Any keeps the rest checked.
_Model: Any = model2
_Logger: Any = AllureFileLogger

_STATUS = {
    Status.PASS: "passed",
    Status.WARN: "passed",
    Status.FAIL: "failed",
    Status.ERROR: "broken",
    Status.EXCUSED: "skipped",
    Status.NOT_APPLICABLE: "skipped",
    Status.NOT_EVIDENCED: "skipped",
}
_SEVERITY = {Level.MUST: Severity.CRITICAL, Level.SHOULD: Severity.NORMAL, Level.MAY: Severity.MINOR}


def write(packet: Packet, folder: Path) -> None:
    """Write the results into ``folder``; what an earlier writing left there is removed."""
    results = _Results(packet, folder)
    for verdict in packet.verdict.requirements:
        results.add(verdict)
    (folder / "environment.properties").write_text(_environment(packet), encoding="utf-8")


class _Results:
    """The results of one packet; an exchange that several of them show is attached from one file."""

    def __init__(self, packet: Packet, folder: Path) -> None:
        # The logger is called by hand: registered with the library it would get this process's other tests as well.
        self._logger = _Logger(str(folder), clean=True)
        self._packet = packet
        self._started = _milliseconds(packet.run.started)
        self._told = {finding.id: finding for finding in packet.findings}
        self._attached: dict[str, str] = {}

    def add(self, verdict: RequirementVerdict) -> None:
        """Write the result of one requirement."""
        requirement, run = verdict.requirement, self._packet.run
        finding = self._told.get(requirement.id)
        cited = {name for judgement in verdict.judgements for name in judgement.exchanges}
        known = self._packet.exchanges
        start, stop = self._span(known[name] for name in cited if name in known)
        about = (self._packet.watermark, requirement.statement, requirement.derivation)
        result = _Model.TestResult(
            uuid=_name(run.run, requirement.id),
            historyId=_name(run.target, requirement.id),
            testCaseId=_name("requirement", requirement.id),
            name=f"{requirement.id}: {requirement.statement}",
            fullName=f"{requirement.product}.{requirement.id}",
            description="\n\n".join(filter(None, about)),
            status=_STATUS[verdict.status],
            statusDetails=_details(verdict, finding),
            stage="finished",
            start=start,
            stop=stop,
            labels=_labels(self._packet, verdict),
            steps=[self._case(case, verdict.status) for case in finding.cases] if finding else [],
        )
        self._logger.report_result(result)

    def _case(self, case: Case, status: Status) -> Any:
        judgement = case.judgement
        start, stop = self._span(request.exchange for request in case.requests)
        shared = {"stage": "finished", "start": start, "stop": stop}
        return _Model.TestStepResult(
            name=clip(one_line(judgement.observed) or status.value, 300),
            status="broken" if status is Status.ERROR else "failed",
            parameters=[
                _Model.Parameter(name="expected", value=one_line(judgement.expected)),
                _Model.Parameter(name="observed", value=one_line(judgement.observed)),
                _Model.Parameter(name="judgements", value=str(case.count)),
            ],
            steps=[_Model.TestStepResult(name=one_line(told), status="passed", **shared) for told in judgement.steps],
            attachments=[self._attachment(request) for request in case.requests],
            **shared,
        )

    def _attachment(self, request: Request) -> Any:
        exchange = request.exchange
        file = self._attached.get(exchange.id)
        if file is None:
            name = _name(self._packet.run.run, exchange.id)
            file = self._attached[exchange.id] = model2.ATTACHMENT_PATTERN.format(prefix=name, ext="txt")
            self._logger.report_attached_data(body=visible(f"{request.curl}\n\n{http(exchange)}"), file_name=file)
        title = one_line(f"{exchange.method} {exchange.url}: {exchange.status or 'no answer'}")
        return _Model.Attachment(name=clip(title, 200), source=file, type="text/plain")

    def _span(self, exchanges: Iterable[Exchange]) -> tuple[int, int]:
        """From the first request to the last answer, in milliseconds since the epoch; else when the run started."""
        starts = [(_milliseconds(exchange.started), exchange.elapsed_ms) for exchange in exchanges]
        if not starts:
            return self._started, self._started
        return min(start for start, _ in starts), max(start + elapsed for start, elapsed in starts)


def _milliseconds(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def _details(verdict: RequirementVerdict, finding: Finding | None) -> Any:
    cases = finding.cases if finding else ()
    said = " ".join(filter(None, (verdict.note or verdict.missing, cases[0].judgement.observed if cases else "")))
    return _Model.StatusDetails(
        known=verdict.status is Status.EXCUSED,
        flaky=any(case.judgement.nondeterministic for case in cases),
        message=clip(one_line(f"{verdict.status}: {said}" if said else verdict.status.value), 1000),
        trace=visible(finding.rerun) if finding else None,
    )


def _labels(packet: Packet, verdict: RequirementVerdict) -> list[Any]:
    requirement = verdict.requirement
    step = f"{requirement.step}. {STEPS[requirement.step]}" if requirement.step else "Beside the eight steps"
    pairs = [
        (LabelType.EPIC, requirement.product),
        (LabelType.FEATURE, step),
        (LabelType.STORY, requirement.id),
        (LabelType.SUITE, requirement.product),
        (LabelType.SUB_SUITE, step),
        (LabelType.SEVERITY, _SEVERITY[requirement.level].value),
        (LabelType.HOST, packet.run.target),
        (LabelType.FRAMEWORK, "obit-conformance"),
        (LabelType.LANGUAGE, "python"),
        *((LabelType.TAG, tag) for tag in (verdict.status, requirement.basis, requirement.scope, requirement.side)),
        *((LabelType.TAG, f"engine {engine}") for engine in verdict.engines),
    ]
    if packet.run.embedded:
        pairs.append((LabelType.TAG, "embedded sandbox"))
    return [_Model.Label(name=name, value=visible(str(value))) for name, value in pairs]


def http(exchange: Exchange) -> str:
    """An exchange spelled the way HTTP/1.1 spells it."""
    lines = [f"{exchange.method} {exchange.url}"]
    lines += [f"{name}: {value}" for name, value in exchange.request_headers]
    if exchange.request_body is not None:
        lines += ["", clip(exchange.request_body, BODY)]
    lines += ["", f"--- {exchange.elapsed_ms} ms", ""]
    if exchange.status is None:
        return "\n".join([*lines, f"no answer: {exchange.error or 'not said why'}"])
    lines.append(str(exchange.status))
    lines += [f"{name}: {value}" for name, value in exchange.response_headers]
    if exchange.response_body is not None:
        lines += ["", clip(exchange.response_body, BODY)]
    return "\n".join(lines)


def _environment(packet: Packet) -> str:
    run = packet.run
    about = {
        "watermark": packet.watermark,
        "target": run.target,
        "environment": run.environment,
        "scope": run.scope,
        "tier": run.tier,
        "seed": str(run.seed),
        "verdict": packet.verdict.status,
        **{f"version.{name}": version for name, version in run.versions.items()},
    }
    lines = (f"{name.replace(' ', '.')}={one_line(value)}" for name, value in about.items() if value)
    return "\n".join(lines) + "\n"


def _name(space: str, requirement: str) -> str:
    """The same name for the same thing in every writing, so that Allure joins runs of one target."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, visible(f"obit-conformance:{space}:{requirement}")))

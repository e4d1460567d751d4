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

from conformance.evidence.findings import Case, Finding
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
    # The logger is called by hand: registered with the library it is fed this process's other tests too.
    logger = _Logger(str(folder), clean=True)
    told = {finding.id: finding for finding in packet.findings}
    times = _Times(packet)
    for verdict in packet.verdict.requirements:
        logger.report_result(_result(packet, verdict, told.get(verdict.requirement.id), times, logger))
    (folder / "environment.properties").write_text(_environment(packet), encoding="utf-8")


class _Times:
    """When something was tried, from the exchanges it cites; milliseconds since the epoch."""

    def __init__(self, packet: Packet) -> None:
        self._exchanges = packet.exchanges
        self._started = _milliseconds(packet.run.started)

    def of(self, verdict: RequirementVerdict) -> tuple[int, int]:
        cited = {name for judgement in verdict.judgements for name in judgement.exchanges}
        return self.span(self._exchanges[name] for name in cited if name in self._exchanges)

    def span(self, exchanges: Iterable[Exchange]) -> tuple[int, int]:
        starts = [(_milliseconds(exchange.started), exchange.elapsed_ms) for exchange in exchanges]
        if not starts:
            return self._started, self._started
        return min(start for start, _ in starts), max(start + elapsed for start, elapsed in starts)


def _milliseconds(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def _result(
    packet: Packet, verdict: RequirementVerdict, finding: Finding | None, times: _Times, logger: Any
) -> Any:
    requirement, run = verdict.requirement, packet.run
    start, stop = times.of(verdict)
    result = _Model.TestResult(
        uuid=_name(run.run, requirement.id),
        historyId=_name(run.target, requirement.id),
        testCaseId=_name("requirement", requirement.id),
        name=f"{requirement.id}: {requirement.statement}",
        fullName=f"{requirement.product}.{requirement.id}",
        description="\n\n".join(
            filter(None, (packet.watermark, requirement.statement, requirement.derivation))
        ),
        status=_STATUS[verdict.status],
        stage="finished",
        start=start,
        stop=stop,
        labels=_labels(packet, verdict),
    )
    message = one_line(verdict.note or verdict.missing)
    cases = finding.cases if finding else ()
    if cases:
        message = one_line(f"{message} {cases[0].judgement.observed}".strip())
    nondeterministic = any(case.judgement.nondeterministic for case in cases)
    result.statusDetails = _Model.StatusDetails(
        known=verdict.status is Status.EXCUSED,
        flaky=nondeterministic,
        message=f"{verdict.status}: {clip(message, 1000)}" if message else verdict.status.value,
        trace=visible(finding.rerun) if finding else None,
    )
    result.steps = [_case(case, verdict, times, logger) for case in cases]
    return result


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
        *(
            (LabelType.TAG, tag)
            for tag in (verdict.status, requirement.basis, requirement.scope, requirement.side)
        ),
        *((LabelType.TAG, f"engine {engine}") for engine in verdict.engines),
    ]
    if packet.run.embedded:
        pairs.append((LabelType.TAG, "embedded sandbox"))
    return [_Model.Label(name=name, value=visible(str(value))) for name, value in pairs]


def _case(case: Case, verdict: RequirementVerdict, times: _Times, logger: Any) -> Any:
    judgement = case.judgement
    start, stop = times.span(request.exchange for request in case.requests)
    step = _Model.TestStepResult(
        name=clip(one_line(judgement.observed) or verdict.status.value, 300),
        status="broken" if verdict.status is Status.ERROR else "failed",
        stage="finished",
        start=start,
        stop=stop,
        parameters=[
            _Model.Parameter(name="expected", value=one_line(judgement.expected)),
            _Model.Parameter(name="observed", value=one_line(judgement.observed)),
            _Model.Parameter(name="judgements", value=str(case.count)),
        ],
    )
    step.steps = [
        _Model.TestStepResult(name=one_line(told), status="passed", stage="finished", start=start, stop=stop)
        for told in judgement.steps
    ]
    for request in case.requests:
        file = model2.ATTACHMENT_PATTERN.format(prefix=uuid.uuid4(), ext="txt")
        logger.report_attached_data(
            body=visible(f"{request.curl}\n\n{http(request.exchange)}"), file_name=file
        )
        title = one_line(
            f"{request.exchange.method} {request.exchange.url}: {request.exchange.status or 'no answer'}"
        )
        step.attachments.append(_Model.Attachment(name=clip(title, 200), source=file, type="text/plain"))
    return step


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

"""``junit.xml``: one test case for each requirement, and one for the run's verdict, for CI systems."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from conformance.evidence.findings import Case, Finding
from conformance.evidence.packet import Packet
from conformance.evidence.per_requirement import RequirementVerdict, Status
from conformance.evidence.text import clip, count, one_line, visible

LONGEST = 20_000
"""Characters of one failure's text."""

_SKIPPED = (Status.NOT_APPLICABLE, Status.NOT_EVIDENCED, Status.EXCUSED)


def render(packet: Packet) -> str:
    """The text of ``junit.xml``.

    A skip is no pass, but CI systems show it green: so the verdict on the run is a test case of its own,
    which fails exactly when the run's exit code is not 0.
    """
    told = {finding.id: finding for finding in packet.findings}
    root = ET.Element("testsuites", name="conformance")
    suite = ET.SubElement(root, "testsuite", name="requirements", timestamp=packet.run.started)
    _properties(suite, packet)
    for verdict in packet.verdict.requirements:
        _requirement(suite, verdict, told.get(verdict.requirement.id))
    run = ET.SubElement(root, "testsuite", name="run", timestamp=packet.run.started)
    _run(run, packet)
    for element in (suite, run):
        _count(element)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _properties(suite: ET.Element, packet: Packet) -> None:
    run = packet.run
    about = {
        "watermark": packet.watermark,
        "target": run.target,
        "environment": run.environment,
        "scope": run.scope,
        "tier": run.tier,
        "seed": str(run.seed),
        "verdict": packet.verdict.status,
        "launch": packet.verdict.launch_line,
        "journal": "sealed" if packet.verdict.sealed else "not sealed",
        **{f"version {name}": version for name, version in run.versions.items()},
    }
    properties = ET.SubElement(suite, "properties")
    for name, value in about.items():
        if value:
            ET.SubElement(properties, "property", name=visible(name), value=visible(value))


def _requirement(suite: ET.Element, verdict: RequirementVerdict, finding: Finding | None) -> None:
    requirement = verdict.requirement
    group = f"step {requirement.step}" if requirement.step else "beside the steps"
    case = ET.SubElement(suite, "testcase", classname=f"{requirement.product}.{group}", name=requirement.id)
    said = _said(verdict, finding)
    if verdict.status is Status.FAIL:
        ET.SubElement(case, "failure", type=verdict.status, message=said).text = _story(finding)
    elif verdict.status is Status.ERROR:
        ET.SubElement(case, "error", type=verdict.status, message=said).text = _story(finding)
    elif verdict.status in _SKIPPED:
        ET.SubElement(case, "skipped", message=f"{verdict.status}: {said}")
    ET.SubElement(case, "system-out").text = visible(requirement.statement)


def _said(verdict: RequirementVerdict, finding: Finding | None) -> str:
    observed = finding.cases[0].judgement.observed if finding and finding.cases else ""
    parts = (verdict.note or observed or verdict.missing, f"({verdict.provider})" if verdict.provider else "")
    return clip(one_line(" ".join(filter(None, parts))), 500)


def _story(finding: Finding | None) -> str:
    if finding is None:
        return ""
    parts = [*(_case(case) for case in finding.cases), f"again: {finding.rerun}"]
    return clip(visible("\n\n".join(parts)), LONGEST)


def _case(case: Case) -> str:
    judgement = case.judgement
    lines = [f"expected: {judgement.expected}", f"observed: {judgement.observed}"]
    if case.count > 1:
        lines.append(f"said by {case.count} judgements")
    lines += [f"  {number}. {step}" for number, step in enumerate(judgement.steps, 1)]
    if case.request_ids:
        lines.append(f"request ids: {', '.join(case.request_ids)}")
    return "\n".join([*lines, *dict.fromkeys(request.curl for request in case.requests)])


def _run(suite: ET.Element, packet: Packet) -> None:
    verdict = packet.verdict
    case = ET.SubElement(suite, "testcase", classname="run", name="verdict")
    text = "\n".join(reason.text for reason in verdict.reasons)
    if verdict.exit_code:
        message = f"{verdict.status} (exit code {verdict.exit_code})"
        ET.SubElement(case, "failure", type=verdict.status, message=message).text = text
    exchanges = count(len(packet.exchanges), "exchange")
    ET.SubElement(case, "system-out").text = f"{verdict.status}\n{text}\n{exchanges}\n{verdict.launch_line}"


def _count(suite: ET.Element) -> None:
    for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{kind}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))

"""``summary.md`` for a pull request comment and ``support.md`` for a support request.

What came from the target stands in code spans or fences longer than any run of backticks in it, so it cannot
mention people, draw tables or link.
"""

from __future__ import annotations

import re

from conformance.evidence.findings import Case, Finding
from conformance.evidence.launch import StepState
from conformance.evidence.packet import NO_ANSWER, Packet
from conformance.evidence.per_requirement import Status
from conformance.evidence.text import clip, count, one_line, url_path, visible
from conformance.journal import Exchange
from conformance.requirements import Side

TOLD = 20
"""Findings told in a summary; a comment holds 65,536 characters."""

_MARK = {StepState.PROVED: "✅", StepState.FAILED: "❌", StepState.NOT_PROVED: "⬜"}


def summary(packet: Packet, access: str = "") -> str:
    """The text of ``summary.md``: verdict, the eight steps, failures first, then what is missing.

    ``access`` says how far the launch packet is filled in.
    """
    verdict, run = packet.verdict, packet.run
    lines = [f"## 0Bit conformance: {verdict.status}", ""]
    if packet.watermark:
        lines += [f"> **{packet.watermark}**", ""]
    lines += [f"- {plain(reason.text)}" for reason in verdict.reasons]
    lines += [
        "",
        f"Target {code(run.target)} ({plain(run.environment)}), scope {run.scope}, tier {run.tier}.",
        f"Seed {run.seed}, started {run.started}, valid until {packet.expires[:10]}.",
        *([f"Generated traffic: {plain(packet.traffic)}."] if packet.traffic else []),
        *([f"Exercised: {packet.exercised}."] if packet.exercised.of_pairs else []),
        "",
        f"**Launch:** {plain(verdict.launch_line)}",
        *(["", f"**Launch packet:** {access}; see `launch.md`."] if access else []),
        *(["", "| | Step | State | What is missing |", "|---|---|---|---|"] if verdict.steps else []),
    ]
    for step in verdict.steps:
        open_parts = [f"failed: {', '.join(step.failed)}"] if step.failed else []
        open_parts += [cell(gap.missing) for gap in step.gaps]
        lines.append(f"| {_MARK[step.state]} | {step.number}. {step.title} | {step.state} | {'; '.join(open_parts)} |")
    failed = [f for f in packet.findings if f.status is Status.FAIL]
    other = [f for f in packet.findings if f.status is not Status.FAIL]
    lines += _section("Failures", failed) + _section("Errors, excused failures and warnings", other)
    lines += _missing(packet) + _counts(packet)
    return "\n".join(lines) + "\n"


def support(packet: Packet) -> str:
    """The text of ``support.md``: for each failure what the vendor's access page asks to be sent, and no
    secret.
    """
    run = packet.run
    # The vendor can look up its own environment's requests, not what a partner's handler did.
    told = [f for f in packet.findings if f.verdict.requirement.side is Side.ENVIRONMENT and f.cases]
    lines = ["# For support", ""]
    if packet.watermark:
        lines += [f"> **{packet.watermark}** There is nothing to send.", ""]
    if not told:
        return "\n".join([*lines, "Nothing of this run needs the vendor's support.", ""])
    lines += [
        "Fill in the first line, remove what does not matter, send the rest. Keys, webhook secrets, bank",
        "details and personal data were replaced by fingerprints as the run wrote them; do not add them.",
        "",
        "- Partner id or organization: (fill in)",
        f"- Environment: {plain(run.environment)}, {', '.join(code(url) for url in run.base_urls.values())}",
        f"- Run: {code(run.run)}, started {run.started}, seed {run.seed}",
        "",
    ]
    for finding in told:
        lines += [f"## {finding.id}", "", f"{finding.verdict.requirement.statement}", ""]
        for case in finding.cases:
            lines += _support_case(case)
    return "\n".join(lines) + "\n"


def _support_case(case: Case) -> list[str]:
    lines = [f"- Expected: {code(case.judgement.expected)}"] if case.judgement.expected else []
    lines += [f"- Observed: {code(case.judgement.observed)}", ""]
    if not case.requests:
        return [*lines, "No request of this run can be named for it.", ""]
    lines += [
        "| Timestamp | Endpoint | Status | Request id | Pool | Quote | Trade |",
        "|---|---|---|---|---|---|---|",
    ]
    for request in case.requests:
        exchange = request.exchange
        named = identifiers(exchange)
        status = NO_ANSWER if exchange.status is None else str(exchange.status)
        values = [
            exchange.started,
            f"{exchange.method} {url_path(exchange.url).partition('?')[0]}",
            status,
            exchange.request_id or "",
            named.get("id", ""),
            named.get("quoteId", ""),
            named.get("transactId", ""),
        ]
        lines.append("| " + " | ".join(cell(value) for value in values) + " |")
    return [*lines, ""]


def identifiers(exchange: Exchange) -> dict[str, str]:
    """The path parameters of an exchange by the names its operation gives them (``id`` is the pool's)."""
    if not exchange.operation:
        return {}
    template = exchange.operation.partition(" ")[2].strip("/").split("/")
    path = url_path(exchange.url).partition("?")[0].strip("/").split("/")
    named = {}
    for part, value in zip(reversed(template), reversed(path), strict=False):
        if part.startswith("{") and part.endswith("}"):
            named[part[1:-1]] = value
    body = visible(exchange.response_body or "") + visible(exchange.request_body or "")
    for name in ("quoteId", "transactId"):
        found = re.search(rf'"{name}"\s*:\s*"([^"]{{1,80}})"', body)
        if found:
            named.setdefault(name, found[1])
    return named


def _section(title: str, findings: list[Finding]) -> list[str]:
    if not findings:
        return []
    lines = ["", f"### {title} ({len(findings)})", ""]
    for finding in findings[:TOLD]:
        lines += _told(finding)
    if len(findings) > TOLD:
        lines.append(f"… and {len(findings) - TOLD} more in `index.html`.")
    return lines


def _told(finding: Finding) -> list[str]:
    requirement = finding.verdict.requirement
    lines = [f"**{finding.id}** ({finding.status}, {requirement.level}): {requirement.statement}", ""]
    if finding.verdict.note:
        lines.append(f"- {plain(finding.verdict.note)}")
    for case in finding.cases[:1]:
        label = " (nondeterministic)" if case.judgement.nondeterministic else ""
        if case.judgement.expected:
            lines.append(f"- expected: {code(case.judgement.expected)}")
        lines.append(f"- observed{label}: {code(case.judgement.observed)}")
        if case.request_ids:
            lines.append(f"- request ids: {', '.join(code(name) for name in case.request_ids[:5])}")
        if case.replay:
            lines.append(f"- as a Python file that needs only httpx: {code(case.replay)}")
    if not finding.cases:
        lines.append(f"- {plain(finding.verdict.missing or 'see the observations')}")
    further = sum(case.count for case in finding.cases) - 1
    if further > 0:
        lines.append(f"- {count(further, 'further judgement')} in `index.html`")
    return [*lines, "", fence(finding.rerun), ""]


def _missing(packet: Packet) -> list[str]:
    if not packet.gaps:
        return []
    number = count(sum(len(gap.requirements) for gap in packet.gaps), "requirement")
    lines = ["", f"<details><summary>Not evidenced: {number}</summary>", ""]
    for gap in packet.gaps:
        provider = f" (could be provided by: {plain(gap.provider)})" if gap.provider else ""
        lines.append(f"- {plain(gap.missing)}{provider}: {', '.join(gap.requirements)}")
    return [*lines, "", "</details>"]


def _counts(packet: Packet) -> list[str]:
    counted = [(status, len(packet.verdict.of_status(status))) for status in Status]
    told = ", ".join(f"{number} {status}" for status, number in counted if number)
    whole = "sealed" if packet.verdict.sealed else "**not sealed**"
    return ["", f"Requirements: {told}. {count(len(packet.exchanges), 'exchange')}; journal {whole}."]


def plain(text: str) -> str:
    """One line of ordinary Markdown that shows exactly this text."""
    line = clip(one_line(text), 600)
    return re.sub(r"([\\`*_{}\[\]<>#|~&@])", r"\\\1", line).replace("\\@", "@\u200b").replace("\\&", "&amp;")


def code(text: str) -> str:
    """The text as a code span on one line."""
    line = clip(one_line(text), 600) or " "
    ticks = "`" * (1 + max((len(run) for run in re.findall(r"`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def cell(text: str) -> str:
    """The text as it may stand in a table cell."""
    return code(text).replace("|", "\\|") if text else ""


def fence(text: str) -> str:
    """The text as a fenced block."""
    shown = visible(text)
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", shown)), default=0))
    return f"{ticks}console\n{shown}\n{ticks}"

"""The last words of a run in the terminal: the eight steps, what failed and how to see it again, the verdict.

Foreign text is shown literally (never as markup or as control sequences); commands stay on one line so that
they can be copied; without a terminal the output is plain text of unlimited width.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from conformance.evidence.findings import Case, Finding
from conformance.evidence.launch import StepState
from conformance.evidence.packet import Packet
from conformance.evidence.per_requirement import Status
from conformance.evidence.text import clip, count, one_line, visible
from conformance.evidence.verdicts import RunStatus

TOLD = 12
"""Findings told in the terminal; the report has all."""

CASES = 2
COMMANDS = 4
SHOWN_PAIRS = 8

_STEP_STYLE = {StepState.PROVED: "green", StepState.FAILED: "bold red", StepState.NOT_PROVED: "yellow"}
_STATUS_STYLE = {
    Status.FAIL: "bold red",
    Status.ERROR: "bold magenta",
    Status.EXCUSED: "yellow",
    Status.WARN: "yellow",
}
_RUN_STYLE = {
    RunStatus.CONFORMANT: "bold green",
    RunStatus.PARTIAL: "bold cyan",
    RunStatus.NONCONFORMANT: "bold red",
    RunStatus.INCONCLUSIVE: "bold magenta",
}


def render(packet: Packet, run_folder: Path, console: Console) -> None:
    """Print the outcome of a run; ``run_folder`` is where its reports are."""
    out = _Out(console)
    out.line()
    if packet.verdict.steps:
        _steps(packet, out)
    for finding in packet.findings[:TOLD]:
        _finding(finding, out)
    if len(packet.findings) > TOLD:
        out.line(f"... and {count(len(packet.findings) - TOLD, 'further finding')} in the report", style="dim")
        out.line()
    _missing(packet, out)
    _verdict(packet, run_folder, out)


class _Out:
    """Printing with an indent, wrapped in a terminal and unwrapped elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._ascii = not console.encoding.lower().startswith("utf")

    def line(self, text: str = "", style: str = "", indent: int = 0, label: str = "") -> None:
        """One paragraph; ``label`` goes before it in the style, the text then stays unstyled."""
        shown = Text(self._safe(label), style=style) if label else Text()
        shown.append(self._safe(text), style="" if label else style)
        if self._console.is_terminal:
            self._console.print(Padding(shown, (0, 0, 0, indent)), overflow="fold")
        else:
            self._console.print(Text(" " * indent) + shown, soft_wrap=True)

    def command(self, text: str, indent: int) -> None:
        """A command, never broken into lines."""
        self._console.print(Text(" " * indent + self._safe(text), style="cyan"), soft_wrap=True)

    def _safe(self, text: str) -> str:
        shown = visible(text)
        return shown.encode("ascii", "backslashreplace").decode("ascii") if self._ascii else shown


def _steps(packet: Packet, out: _Out) -> None:
    out.line("The eight steps before launch", style="bold")
    for step in packet.verdict.steps:
        out.line(
            f" {step.number}. {step.title}",
            style=_STEP_STYLE[step.state],
            indent=2,
            label=f"{step.state:<10}",
        )
        if step.failed:
            out.line(", ".join(step.failed), indent=16, label="failed: ", style="red")
        for gap in step.gaps:
            out.line(clip(one_line(gap.missing), 200), indent=16, label="missing: ", style="yellow")
    out.line()


def _finding(finding: Finding, out: _Out) -> None:
    requirement = finding.verdict.requirement
    out.line(f"{finding.id}", style=_STATUS_STYLE[finding.status], label=f"{finding.status.upper()} ")
    out.line(requirement.statement, indent=2)
    if finding.verdict.note:
        out.line(one_line(finding.verdict.note), indent=2, style="yellow")
    for case in finding.cases[:CASES]:
        _case(case, out)
    if not finding.cases and finding.verdict.missing:
        out.line(one_line(finding.verdict.missing), indent=2)
    more = len(finding.cases) - CASES + finding.untold
    if more > 0:
        out.line(f"{count(more, 'other case')} in the report", indent=2, style="dim")
    out.line("again:", indent=2, style="dim")
    out.command(finding.rerun, indent=4)
    out.line()


def _case(case: Case, out: _Out) -> None:
    judgement = case.judgement
    if judgement.expected:
        out.line(clip(one_line(judgement.expected), 500), indent=2, label="expected ", style="green")
    label = "observed (nondeterministic) " if judgement.nondeterministic else "observed "
    out.line(clip(one_line(judgement.observed), 500), indent=2, label=label, style="red")
    if case.count > 1:
        out.line(f"{case.count} judgements say the same", indent=2, style="dim")
    for number, step in enumerate(judgement.steps, 1):
        out.line(clip(one_line(step), 300), indent=4, label=f"{number}. ", style="dim")
    if case.request_ids:
        out.line(", ".join(case.request_ids), indent=2, label="request ids ", style="dim")
    for command in list(dict.fromkeys(request.curl for request in case.requests))[-COMMANDS:]:
        out.command(clip(command, 2000), indent=4)


def _missing(packet: Packet, out: _Out) -> None:
    if not packet.gaps:
        return
    number = count(sum(len(gap.requirements) for gap in packet.gaps), "requirement")
    out.line(f"Not evidenced: {number}", style="bold")
    for gap in packet.gaps:
        shown = ", ".join(gap.requirements[:3])
        more = f" and {len(gap.requirements) - 3} more" if len(gap.requirements) > 3 else ""
        provider = f"; could be provided by: {one_line(gap.provider)}" if gap.provider else ""
        out.line(f"{clip(one_line(gap.missing), 200)}: {shown}{more}{provider}", indent=2)
    out.line()


def _verdict(packet: Packet, run_folder: Path, out: _Out) -> None:
    verdict = packet.verdict
    if packet.watermark:
        out.line(packet.watermark, style="bold yellow")
    if packet.traffic:
        out.line(packet.traffic, label="Generated traffic: ", style="bold")
    if packet.exercised.of_pairs:
        out.line(_exercised(packet), label="Exercised: ", style="bold")
    out.line(verdict.launch_line, label="Launch: ", style="bold")
    style = _RUN_STYLE.get(verdict.status, "bold yellow")
    out.line(f" (exit code {verdict.exit_code})", style=style, label=verdict.status)
    for reason in verdict.reasons:
        out.line(reason.text, indent=2)
    out.line(str(run_folder / "index.html"), label="Report: ", style="bold")


def _exercised(packet: Packet) -> str:
    """What of the contract was met, and what of it was not."""
    missing = packet.exercised.missing
    shown = ", ".join(missing[:SHOWN_PAIRS])
    more = f" and {len(missing) - SHOWN_PAIRS} more in the report" if len(missing) > SHOWN_PAIRS else ""
    return f"{packet.exercised}" + (f"; not met: {shown}{more}" if missing else "")

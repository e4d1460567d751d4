"""Writing every report of a run folder from its journal alone. Each text is its writer's business."""

from __future__ import annotations

from pathlib import Path

from conformance.evidence import (
    access_reports,
    allure_results,
    har,
    html,
    junit,
    markdown,
    reconciliation,
    replay,
    verdict_json,
)
from conformance.evidence.access_fill import fill
from conformance.evidence.packet import Packet, assemble
from conformance.evidence.verdicts import RunVerdict
from conformance.requirements import Catalogue, load


def write(run_folder: Path, catalogue: Catalogue) -> RunVerdict:
    """Rebuild every report in ``run_folder`` and return the verdict.

    Raises what ``assemble`` raises. Writing twice gives the same evidence: reports of before are replaced.
    """
    packet = assemble(run_folder, catalogue)
    write_packet(packet, run_folder)
    return packet.verdict


def write_packet(packet: Packet, run_folder: Path) -> None:
    """Write every report of a packet at hand."""
    # The verdict comes first: should a later report not be written, what was concluded is on disk.
    texts = {
        "verdict.json": verdict_json.render,
        "index.html": html.render,
        "summary.md": markdown.summary,
        "support.md": markdown.support,
        "junit.xml": junit.render,
        "reconciliation.csv": reconciliation.render,
    }
    for name, render in texts.items():
        (run_folder / name).write_text(render(packet), encoding="utf-8", newline="")
    launch = fill([packet], (), load())
    (run_folder / "launch.md").write_text(access_reports.markdown(launch), encoding="utf-8", newline="")
    (run_folder / "launch.json").write_text(access_reports.render_json(launch), encoding="utf-8", newline="")
    with (run_folder / "exchanges.har").open("w", encoding="utf-8") as archive:
        har.write(packet, archive)
    allure_results.write(packet, run_folder / "allure-results")
    replay.write(packet.findings, packet.exchanges, packet.run, run_folder)

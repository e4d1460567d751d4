"""Writing every report of a run folder from its journal alone. Each text is its writer's business."""

from __future__ import annotations

from pathlib import Path

from conformance.evidence import (
    access_html,
    access_reports,
    allure_results,
    first_order,
    har,
    html,
    junit,
    markdown,
    reconciliation,
    replay,
    verdict_json,
)
from conformance.evidence.access_fill import LaunchPacket, fill
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
    _write(run_folder, "verdict.json", verdict_json.render(packet))
    launch = fill([packet], (), load())
    texts = {
        "index.html": html.render(packet, access_html.views(launch)),
        "summary.md": markdown.summary(packet, access_reports.told(launch.counts)),
        "launch.md": access_reports.markdown(launch),
        "launch.json": access_reports.render_json(launch),
        "support.md": markdown.support(packet),
        "junit.xml": junit.render(packet),
        "reconciliation.csv": reconciliation.render(packet),
    }
    for name, text in texts.items():
        _write(run_folder, name, text)
    with (run_folder / "exchanges.har").open("w", encoding="utf-8") as archive:
        har.write(packet, archive)
    allure_results.write(packet, run_folder / "allure-results")
    if first_order.is_one(packet):
        _write(run_folder, first_order.FILE, first_order.render(packet))
    replay.write(packet.findings, packet.exchanges, packet.run, run_folder)


def write_launch(launch: LaunchPacket, folder: Path) -> None:
    """Write the reports of a packet of several runs into its folder."""
    texts = {
        "index.html": access_html.render(launch),
        "launch.md": access_reports.markdown(launch),
        "launch.json": access_reports.render_json(launch),
    }
    for name, text in texts.items():
        _write(folder, name, text)


def _write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8", newline="")

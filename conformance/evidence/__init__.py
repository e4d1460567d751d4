"""Verdicts and the evidence for them, derived from a run's journal and the catalogue alone."""

from conformance.evidence.console import render
from conformance.evidence.packet import Packet, assemble
from conformance.evidence.reports import write, write_packet
from conformance.evidence.verdicts import RunStatus, RunVerdict, judge

__all__ = ["Packet", "RunStatus", "RunVerdict", "assemble", "judge", "render", "write", "write_packet"]

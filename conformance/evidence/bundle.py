"""One folder made of several runs: copies of their journals, what people state, and the launch packet they add up to.

The folder is rebuilt from its journals alone. Of a run's folder only what its journal yields is taken over.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from conformance.evidence.access_facts import ENVIRONMENTS
from conformance.evidence.access_fill import LaunchPacket, fill
from conformance.evidence.access_reports import render_json
from conformance.evidence.attestation import FILE as ATTESTATION
from conformance.evidence.packet import Packet, assemble
from conformance.evidence.reports import write_launch, write_packet
from conformance.journal import Joined, Journal, Statement, read, seal
from conformance.journal.writer import SEAL
from conformance.requirements import Catalogue

RUNS: Final = "runs"
LAUNCH: Final = "launch.json"

MOST: Final = 50
"""Runs in one packet."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class BundleError(Exception):
    """The runs cannot be put together, or a packet's folder is not what it was made as: says which and why."""


@dataclass(frozen=True, slots=True)
class Source:
    """A run to be taken into a packet: its folder and what its journal says."""

    folder: Path
    packet: Packet


@dataclass(frozen=True, slots=True)
class Sources:
    """What the folders on the command line hold: runs, and the statements of packets made before."""

    runs: tuple[Source, ...]
    statements: tuple[Statement, ...]


def is_packet(folder: Path) -> bool:
    """Whether the folder is a packet of several runs, rather than one run's folder."""
    return (folder / RUNS).is_dir() and (folder / "journal").is_dir()


def sources(folders: Sequence[Path], catalogue: Catalogue) -> Sources:
    """What these run folders hold; a packet stands for the runs and statements in it. Raises ``BundleError``."""
    runs: list[Source] = []
    statements: list[Statement] = []
    for folder in folders:
        if is_packet(folder):
            joined, said = _record(folder)
            statements += said
            found = _runs_of(folder, joined)
        else:
            found = [folder]
        runs += [Source(path, _assembled(path, catalogue)) for path in found]
    if not runs or len(runs) > MOST:
        raise BundleError(f"found {len(runs)} runs; a packet is made of 1 to {MOST}")
    seen: dict[str, Path] = {}
    for source in runs:
        name = source.packet.run.run
        if name in seen:
            raise BundleError(f"{source.folder} and {seen[name]} hold the same run; name it once")
        seen[name] = source.folder
    _unmixed(runs)
    return Sources(tuple(runs), tuple(dict.fromkeys(statements)))


def _unmixed(runs: Sequence[Source]) -> None:
    """Raise ``BundleError`` where our own sandbox would fill what runs of a real environment leave open."""
    ours = [source for source in runs if source.packet.run.embedded]
    theirs = [s for s in runs if not s.packet.run.embedded and s.packet.run.environment in ENVIRONMENTS]
    if ours and theirs:
        raise BundleError(
            f"{ours[0].folder} judged the embedded sandbox and {theirs[0].folder} an environment; "
            "a packet is of the one or of the other"
        )


def join(
    taken: Sources,
    statements: Sequence[Statement],
    folder: Path,
    made: str,
    versions: Mapping[str, str],
    catalogue: Catalogue,
) -> LaunchPacket:
    """Make the packet's folder and write everything in it. ``made`` is the time (ISO 8601).

    ``folder`` holds nothing yet, and nothing again when this fails. Raises ``BundleError`` when a copy does not read
    as its run did, and ``OSError`` where it cannot be written.
    """
    try:
        _gather(taken, statements, folder, made, versions)
        return rebuild(folder, catalogue)
    except BaseException:
        for name in (RUNS, "journal"):
            shutil.rmtree(folder / name, ignore_errors=True)
        with suppress(OSError):
            folder.rmdir()
        raise


def _gather(
    taken: Sources, statements: Sequence[Statement], folder: Path, made: str, versions: Mapping[str, str]
) -> None:
    """Copy the runs' journals and write the packet's own."""
    digests: dict[str, str] = {}
    for number, source in enumerate(taken.runs, 1):
        name = source.packet.run.run if _NAME.fullmatch(source.packet.run.run) else f"run-{number}"
        while name in digests:
            name += "-"
        digests[name] = _copy(source.folder, folder / RUNS / name)
    journal = Journal(folder / "journal", "main")
    try:
        journal.append(Joined(folder.name, made, digests, dict(versions)))
        for statement in dict.fromkeys((*taken.statements, *statements)):
            journal.append(statement)
    finally:
        journal.close()
    seal(folder / "journal", made)


def launch_of(folder: Path, catalogue: Catalogue) -> LaunchPacket:
    """What a packet's journals say, writing nothing. Raises ``BundleError``."""
    joined, statements = _record(folder)
    packets = [_assembled(path, catalogue) for path in _runs_of(folder, joined)]
    return replace(fill(packets, statements, catalogue), folders=tuple(joined.runs))


def rebuild(folder: Path, catalogue: Catalogue) -> LaunchPacket:
    """Write every report of a packet's folder anew, those of its runs too. Raises ``BundleError``."""
    launch = launch_of(folder, catalogue)
    for name, packet in zip(launch.folders, launch.packets, strict=True):
        write_packet(packet, folder / RUNS / name)
    write_launch(launch, folder)
    return launch


def is_rebuilt(folder: Path, launch: LaunchPacket) -> bool:
    """Whether ``launch.json`` is what the journals yield."""
    try:
        return (folder / LAUNCH).read_bytes() == render_json(launch).encode("ascii")
    except OSError:
        return False


def _record(folder: Path) -> tuple[Joined, list[Statement]]:
    """What a packet was made of. Raises ``BundleError`` for a journal that is not whole."""
    try:
        reading = read(folder / "journal")
    except FileNotFoundError as problem:
        raise BundleError(str(problem)) from problem
    joined = reading.of(Joined)
    if not joined or not reading.sealed:
        why = "; ".join(reading.problems) or "it has no seal, or does not say which runs it is of"
        raise BundleError(f"{folder} is no whole launch packet: {why}")
    odd = [name for name in joined[0].runs if not _NAME.fullmatch(name)]
    if odd or len(joined[0].runs) > MOST:
        raise BundleError(f"{folder} is no launch packet of ours: its journal names runs as no packet does")
    return joined[0], reading.of(Statement)


def _runs_of(folder: Path, joined: Joined) -> list[Path]:
    """The folders of a packet's runs. Raises ``BundleError`` for one that was exchanged."""
    found = []
    for name, digest in joined.runs.items():
        path = folder / RUNS / name
        if _digest(path) != digest:
            raise BundleError(f"{path} is not the run this packet was made of: its seal is another")
        found.append(path)
    return found


def _assembled(folder: Path, catalogue: Catalogue) -> Packet:
    try:
        return assemble(folder, catalogue)
    # A journal made by hand may hold any JSON in any place.
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as problem:
        raise BundleError(f"{folder}: no run can be read there ({problem}); name a run folder") from problem


def _copy(source: Path, target: Path) -> str:
    """Copy a run's journal, and its signature, which nothing can rebuild. Returns the digest of its seal.

    Raises ``BundleError`` for a segment that is no file: a copy without it would look whole.
    """
    (target / "journal").mkdir(parents=True)
    for path in sorted((source / "journal").iterdir()):
        if path.suffix != ".jsonl" and path.name != SEAL:
            continue
        if path.is_symlink() or not path.is_file():
            raise BundleError(f"{path} is no file; a journal holds only files")
        shutil.copyfile(path, target / "journal" / path.name)
    signed = source / ATTESTATION
    if signed.is_file() and not signed.is_symlink():
        shutil.copyfile(signed, target / ATTESTATION)
    return _digest(target)


def _digest(run_folder: Path) -> str:
    path = run_folder / "journal" / SEAL
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""

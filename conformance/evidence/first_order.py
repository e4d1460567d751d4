"""The nine points of the first production order checklist as a run leaves them, from its journal alone.

What the points are is data (``requirements/first_order.py``); carrying them out is somebody else's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from conformance.evidence.markdown import cell, plain
from conformance.evidence.packet import Packet, Seen
from conformance.evidence.per_requirement import RequirementVerdict, Status
from conformance.evidence.text import clip, one_line
from conformance.requirements.first_order import POINTS, SUBJECT, TIER, Point

FILE = "first-production-order.md"

SHOWN = 4
"""Request ids named for one point; the report has all."""

_PASSED = (Status.PASS, Status.WARN)


class State(StrEnum):
    """What a run says of one point; only the first is a yes."""

    CONFIRMED = "confirmed"
    FAILED = "failed"
    ERROR = "error"
    NOT_EVIDENCED = "not evidenced"
    TO_BE_STATED = "to be stated"


@dataclass(frozen=True, slots=True)
class Standing:
    """One point, what is said of it, and on what evidence."""

    point: Point
    state: State
    evidence: str
    missing: str
    request_ids: tuple[str, ...]


def is_one(packet: Packet) -> bool:
    """Whether the run carried out the checklist."""
    return packet.run.tier == TIER


def standings(packet: Packet) -> tuple[Standing, ...]:
    """All nine points."""
    verdicts = {v.requirement.id: v for v in packet.verdict.requirements}
    seen = {s.subject.removeprefix(SUBJECT): s for s in packet.observations if s.subject.startswith(SUBJECT)}
    return tuple(_standing(point, verdicts, seen.get(point.subject), packet) for point in POINTS)


def _standing(point: Point, verdicts: dict[str, RequirementVerdict], seen: Seen | None, packet: Packet) -> Standing:
    judged = [verdicts[id_] for id_ in (*point.requirements, *point.either)]
    state = _state(point, judged, seen)
    words = [f"{v.requirement.id} {v.status}" for v in judged if not point.either or v.judgements]
    words += [seen.value] if seen is not None else []
    open_ = [v for v in judged if v.status in (Status.NOT_EVIDENCED, Status.ERROR) and v.judgements]
    missing = [v.missing or next((j.observed for j in v.decided), "") for v in open_]
    if state is State.TO_BE_STATED:
        missing = ["no request shows it: somebody has to look the order up and write down who found it, how and when"]
    if state is State.NOT_EVIDENCED and not any(missing):
        missing = ["the run ended before it"]
    ids = [] if seen is None else [seen.exchange]
    ids += [exchange for v in judged for j in v.judgements for exchange in j.exchanges]
    named = [found.request_id for id_ in ids if (found := packet.exchanges.get(id_)) and found.request_id]
    return Standing(
        point,
        state,
        "; ".join(words),
        "" if state is State.CONFIRMED else "; ".join(dict.fromkeys(filter(None, missing))),
        tuple(dict.fromkeys(named)),
    )


def _state(point: Point, judged: Sequence[RequirementVerdict], seen: Seen | None) -> State:
    if point.stated:
        return State.TO_BE_STATED if seen is not None else State.NOT_EVIDENCED
    statuses = {v.status for v in judged if v.judgements}
    if point.either and statuses & set(_PASSED):
        # One of the two is enough, but a delivery that does not verify is none.
        return State.FAILED if judged[0].status is Status.FAIL else State.CONFIRMED
    for status, state in (
        (Status.FAIL, State.FAILED),
        (Status.EXCUSED, State.FAILED),
        (Status.ERROR, State.ERROR),
        (Status.NOT_EVIDENCED, State.NOT_EVIDENCED),
    ):
        if status in statuses:
            return state
    passed = bool(statuses & set(_PASSED)) if judged else seen is not None
    complete = point.either or all(v.judgements for v in judged)
    return State.CONFIRMED if passed and complete else State.NOT_EVIDENCED


def as_data(packet: Packet) -> list[dict[str, Any]]:
    """The points as JSON values."""
    return [
        {
            "number": standing.point.number,
            "words": standing.point.words,
            "state": standing.state,
            "evidence": standing.evidence,
            "missing": standing.missing,
            "owner": standing.point.owner,
            "request_ids": list(standing.request_ids),
        }
        for standing in standings(packet)
    ]


def lines(packet: Packet) -> list[str]:
    """The points as plain text, one or two lines each."""
    found = ["", "The first production order checklist"]
    for standing in standings(packet):
        point = standing.point
        found.append(f"  {standing.state:<13} {point.number}. {point.words}")
        if standing.missing:
            found.append(f"                   {point.owner}: {clip(one_line(standing.missing), 300)}")
    return found


def render(packet: Packet) -> str:
    """The text of ``first-production-order.md``."""
    seen = {s.subject.removeprefix(SUBJECT): s.value for s in packet.observations if s.subject.startswith(SUBJECT)}
    text = ["# First production order", ""]
    text += [f"> **{packet.watermark}**", ""] if packet.watermark else []
    subject = f"Target {plain(packet.run.target)} ({plain(packet.run.environment)}), run {plain(packet.run.run)}"
    text += [
        f"{subject}: **{packet.verdict.status}** (exit code {packet.verdict.exit_code}).",
        "",
        *(f"- {plain(reason.text)}" for reason in packet.verdict.reasons),
        "",
        "| | Point | State | Evidence | Request ids | Open, and whose |",
        "|---|---|---|---|---|---|",
    ]
    for standing in standings(packet):
        point, ids = standing.point, standing.request_ids
        more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
        open_ = f"{cell(standing.missing)} ({plain(point.owner)})" if standing.missing else ""
        row = (str(point.number), plain(point.words), str(standing.state), cell(standing.evidence))
        text.append("| " + " | ".join((*row, cell(", ".join(ids[:SHOWN]) + more), open_)) + " |")
    text += ["", "## The order", ""]
    text += [f"- {plain(subject)}: {plain(value)}" for subject, value in seen.items()] or ["None was placed."]
    text += [
        "",
        "Keys of accounts and signing secrets were replaced by fingerprints as the run wrote them. What a person has",
        "to state is never shown as confirmed.",
    ]
    return "\n".join(text) + "\n"


__all__ = ["FILE", "Standing", "State", "as_data", "is_one", "lines", "render", "standings"]

"""Mistakes with what becomes of a pay-in or pay-out of 0Gate, and with reading somebody else's."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from conformance.sandbox.calls import Call, Reply, Sandbox
from conformance.sandbox.faults import gate_seams
from conformance.sandbox.gate import rails
from conformance.sandbox.gate.rails import Rail
from conformance.sandbox.variations import Patch, fault

READS = ("read_pay_in", "read_pay_out")
OF_WRONG_STATES = ("GATE-WEBHOOK-RAIL-EVENTS", "GATE-WEBHOOK-PAYLOAD")


@fault(
    "gate-rail-never-settles",
    summary="A rail that has settled is announced and goes on reading processing",
    fact="gate facts section 5.3: processing, then settled, failed or cancelled",
    klass="states",
    breaks=("GATE-RAIL-SETTLES",),
)
def gate_rail_never_settles(patch: Patch) -> None:
    read_as(patch, rails.SETTLED, rails.PROCESSING)


@fault(
    "gate-rail-settles-and-reopens",
    summary="A settled rail reads settled once and processing from then on",
    fact="gate facts section 5.3: settled is an end",
    klass="states",
    breaks=("GATE-RAIL-SETTLES",),
)
def gate_rail_settles_and_reopens(patch: Patch) -> None:
    seen: set[str] = set()
    healthy = rails.read

    def read(call: Call, kind: str) -> Reply:
        reply = healthy(call, kind)
        if reply.body["status"] != rails.SETTLED:
            return reply
        again = str(reply.body["id"]) in seen
        seen.add(str(reply.body["id"]))
        return replace(reply, body={**reply.body, "status": rails.PROCESSING}) if again else reply

    patch.replace(rails, "read", read)


@fault(
    "gate-settled-rail-later-fails",
    summary="A read of a settled rail finds the bank's answer missing and fails it",
    fact="gate facts section 5.3: settled is an end",
    klass="states",
    breaks=("GATE-RAIL-SETTLES",),
)
def gate_settled_rail_later_fails(patch: Patch) -> None:
    after_read(patch, "UPDATE gate_rails SET status = 'failed' WHERE rail_id = ? AND status = 'settled'")


@fault(
    "gate-failed-rail-reads-settled",
    summary="A rail that has failed reads settled",
    fact="gate facts section 5.3: failed and settled are two ends",
    klass="states",
    breaks=("GATE-RAIL-FAILS",),
)
def gate_failed_rail_reads_settled(patch: Patch) -> None:
    read_as(patch, rails.FAILED, rails.SETTLED)


@fault(
    "gate-cancelled-rail-reads-failed",
    summary="A rail that has been cancelled reads failed",
    fact="gate facts section 5.3: cancelled and failed are two ends",
    klass="states",
    breaks=("GATE-RAIL-FAILS",),
)
def gate_cancelled_rail_reads_failed(patch: Patch) -> None:
    read_as(patch, rails.CANCELLED, rails.FAILED)


@fault(
    "gate-failed-rail-tries-again",
    summary="A read of a failed rail starts it once more",
    fact="gate facts section 5.3: failed is an end",
    klass="states",
    breaks=("GATE-RAIL-FAILS",),
)
def gate_failed_rail_tries_again(patch: Patch) -> None:
    after_read(patch, "UPDATE gate_rails SET status = 'processing' WHERE rail_id = ? AND status = 'failed'")


@fault(
    "gate-rail-end-not-kept",
    summary="Whatever ends a rail is announced and not written down",
    fact="gate facts section 5.3: processing, then settled, failed or cancelled",
    klass="states",
    breaks=("GATE-RAIL-SETTLES", "GATE-RAIL-FAILS"),
    drags=("GATE-SESSION-COMPLETES", *OF_WRONG_STATES),
)
def gate_rail_end_not_kept(patch: Patch) -> None:
    def end(tx: sqlite3.Connection, sandbox: Sandbox, rail: Rail, status: str) -> Rail:
        ended = replace(rail, status=status)
        rails.announce(tx, sandbox, ended)
        return ended

    patch.replace(rails, "end", end)


@fault(
    "gate-foreign-rail-readable",
    summary="A rail is found by its id alone, whoever reads it",
    fact="gate facts section 4.I: a foreign rail is a 404",
    klass="isolation",
    breaks=("GATE-ISOLATION-OBJECTS",),
)
def gate_foreign_rail_readable(patch: Patch) -> None:
    for handler in READS:
        gate_seams.requery(patch, rails, handler, gate_seams.OF_ANYBODY)


@fault(
    "gate-foreign-rail-as-403",
    summary="A rail of another partner is refused with 403, which tells that it exists",
    fact="gate facts section 1.3: an object of another partner always reads as 404, never 403",
    klass="isolation",
    breaks=("GATE-ISOLATION-OBJECTS",),
)
def gate_foreign_rail_as_403(patch: Patch) -> None:
    for handler in READS:
        gate_seams.tell_foreign(patch, rails, handler, "gate_rails", "rail_id")


def read_as(patch: Patch, status: str, shown: str) -> None:
    """Read one state as another; the row is as it should be."""
    healthy = rails.read

    def read(call: Call, kind: str) -> Reply:
        reply = healthy(call, kind)
        return replace(reply, body={**reply.body, "status": shown}) if reply.body["status"] == status else reply

    patch.replace(rails, "read", read)


def after_read(patch: Patch, statement: str) -> None:
    """Change the row of a rail once it has been read."""
    healthy = rails.read

    def read(call: Call, kind: str) -> Reply:
        reply = healthy(call, kind)
        with call.sandbox.store.write() as tx:
            tx.execute(statement, (call.path["id"],))
        return reply

    patch.replace(rails, "read", read)

"""Keys: what none, one nobody issued, a publishable one and one of the other mode may open. Ids that nobody issued."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

from conformance.client import GateApi, Reply
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.bystanders import Bystanders, bystanders
from conformance.scenarios.gate.desk import Desk, the_rows
from conformance.scenarios.gate.doors import BOOTSTRAP, DOORS, NAMING, NOBODYS, Aims, Door, Opens, unissued
from conformance.scenarios.judging import Judge, scenario

NOBODYS_KEY = f"sk_test_{NOBODYS}"

MISSING = "GATE-AUTH-MISSING-KEY"
UNKNOWN = "GATE-AUTH-UNKNOWN-KEY"
PUBLISHABLE = "GATE-AUTH-PUBLISHABLE"
MODE = "GATE-AUTH-KEY-MODE"
NO_SUCH_ID = "GATE-UNKNOWN-ID"

SHUT = frozenset({401, 403})

Knocked = tuple[str, Reply]


def knock(api: GateApi, aims: Aims, doors: Sequence[Door] = DOORS) -> list[Knocked]:
    """Try each of ``doors`` with one key."""
    return [(door.name, door.knock(api, aims)) for door in doors]


def answered_otherwise(knocked: Sequence[Knocked], statuses: Collection[int]) -> list[Knocked]:
    """Those answered with none of ``statuses``. What comes first at the bootstrap, key or origin, is stated nowhere."""
    return [
        (name, reply)
        for name, reply in knocked
        if reply.status not in statuses and not (name == BOOTSTRAP and reply.status in SHUT)
    ]


def judge_shut(
    judge: Judge,
    requirement: str,
    others: Bystanders,
    aims: Aims,
    knocked: Sequence[Knocked],
    statuses: frozenset[int],
) -> None:
    """Judge that every door was refused with one of ``statuses``, and prove that nothing moved."""
    wrong = answered_otherwise(knocked, statuses)
    proof = others.proof(aims)
    judge.check(
        requirement,
        not wrong and proof.ok,
        f"{' or '.join(map(str, sorted(statuses)))} from all {len(knocked)} calls, and nothing moved",
        f"{', '.join(f'{name} {reply.status}' for name, reply in wrong) or 'refused by all'}; {proof.observed}",
        *(reply for _, reply in (wrong or knocked)),
        *proof.seen,
    )


@scenario(MISSING)
def test_without_a_key_every_0gate_operation_answers_401(bench: Bench, desk: Desk, judge: Judge) -> None:
    others = bystanders(desk)
    aims = others.aims()
    judge_shut(judge, MISSING, others, aims, knock(bench.gate_anonymous(), aims), frozenset({401}))


@scenario(UNKNOWN)
def test_with_a_key_nobody_issued_every_0gate_operation_answers_401(bench: Bench, desk: Desk, judge: Judge) -> None:
    others = bystanders(desk)
    aims = others.aims()
    knocked = knock(bench.gate_anonymous(NOBODYS_KEY), aims)
    own = str(desk.api.who.token)
    plain = [door for door in DOORS if door.name in ("createSession", "listSessions", "retrieveSession")]
    # Keys that begin like our own, or differ from it in its end alone, were issued to nobody either.
    for token in (own[:-1], f"{own}0", unissued(own)):
        knocked += knock(bench.gate_anonymous(token), aims, plain)
    judge_shut(judge, UNKNOWN, others, aims, knocked, frozenset({401}))


@scenario(PUBLISHABLE, needs=["publishable_key"])
def test_a_publishable_key_opens_nothing_but_the_bootstrap(bench: Bench, desk: Desk, judge: Judge) -> None:
    others = bystanders(desk)
    aims = others.aims()
    published = bench.gate_published()
    knocked = knock(published, aims, [door for door in DOORS if door.name != BOOTSTRAP])
    # The other published carrier of a publishable key opens nothing here either.
    carried = {"X-Publishable-Key": str(published.who.token)}
    knocked.append(("listSessions by header", bench.gate_anonymous().send("GET", "/gate_sessions", headers=carried)))
    judge_shut(judge, PUBLISHABLE, others, aims, knocked, SHUT)


@scenario(MODE, needs=["account:wrong_mode"])
def test_a_key_of_the_other_mode_opens_nothing_of_0gate(bench: Bench, desk: Desk, judge: Judge) -> None:
    others = bystanders(desk)
    aims = others.aims()
    knocked = knock(bench.gate("wrong_mode"), aims)
    if bench.target.accounts["wrong_mode"].publishable_key is not None:
        published = bench.gate_published("wrong_mode")
        knocked.append((f"{BOOTSTRAP} with its publishable key", published.bootstrap({}, aims.bootstrap_headers)))
    judge_shut(judge, MODE, others, aims, knocked, SHUT)


@scenario(NO_SUCH_ID)
def test_an_id_nobody_issued_is_not_found_by_any_operation_that_takes_one(
    bench: Bench, desk: Desk, judge: Judge
) -> None:
    del bench
    others = bystanders(desk)
    issued = others.aims(refid=_newest(desk.api.transactions(), "refid"), delivery=_newest(desk.api.deliveries(), "id"))
    missing = {Opens.RAILS: others.quote is None, Opens.CUSTOMERS: others.customer is None, Opens.PRODUCT: False}
    wrong: list[str] = []
    seen: list[Reply] = []
    for door in NAMING:
        if missing[door.opens]:
            continue
        real = getattr(issued, door.names)
        another: dict[str, Any] = {door.names: unissued(real) if real != NOBODYS else f"{NOBODYS}0"}
        aims = dataclasses.replace(issued, **another)
        reply = door.knock(desk.api, aims)
        seen.append(reply)
        # Where no id of the kind is at hand, a made-up one may be refused for its looks.
        allowed = (404,) if real != NOBODYS else (404, 400)
        wrong += [f"{door.name} {reply.status}"] if reply.status not in allowed else []
    proof = others.proof(issued)
    judge.check(
        NO_SUCH_ID,
        not wrong and proof.ok,
        f"404 from all {len(seen)} calls, and nothing moved",
        f"{', '.join(wrong) or 'not found by all'}; {proof.observed}",
        *seen,
        *proof.seen,
    )


def _newest(page: Reply, member: str) -> str:
    """The id of the first row of a list, for its shape; nobody's where there is none."""
    found = next((row.get(member) for row in the_rows(page)), None) if page.ok else None
    return found if isinstance(found, str) and found else NOBODYS

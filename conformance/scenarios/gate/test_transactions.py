"""Transactions: the list and its walk, the filters that join it to sessions, and the read by reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from conformance.client import Refused, Reply
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.desk import PAGES, Desk, Session, envelope_problem, same_money, the_rows
from conformance.scenarios.gate.redeeming import reads, sides, start_rail
from conformance.scenarios.judging import Judge, scenario

LIMIT = 2
SHORT = {"limit": str(LIMIT)}
APART = timedelta(seconds=2)
"""How far apart two things must lie for their order to be told: a Date is cut to whole seconds."""
DOCUMENTED = (
    "refid",
    "session_id",
    "action",
    "status",
    "token",
    "network",
    "currency",
    "payment_method",
    "fiat_amount",
    "token_amount",
    "exchange_rate",
    "total_fees",
    "local_rail_transaction_id",
)


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk of the list: its pages, and whether it ended because no cursor we know led on."""

    pages: tuple[Reply, ...]
    stuck: bool

    @property
    def refids(self) -> list[str]:
        """The reference of each row, in order."""
        return [str(row.get("refid")) for page in self.pages for row in the_rows(page)]


@dataclass(frozen=True, slots=True)
class Early:
    """A session completed at the start of the run, and the answer that showed it."""

    session: Session
    reply: Reply


@scenario("GATE-TX-LIST", reads_only=True)
def test_the_transactions_that_are_there_come_in_pages(desk: Desk, judge: Judge) -> None:
    page = desk.api.transactions()
    problem = envelope_problem(page)
    walked = walk(desk, set(), **SHORT) if not problem else Walk((page,), stuck=False)
    if not problem and (len(walked.pages) < 2 or walked.stuck):
        judge.cannot("GATE-TX-LIST", f"more than {LIMIT} transactions, and a cursor we know", "the target")
        return
    problems = [problem] if problem else walk_problems(walked, set())
    judge.check(
        "GATE-TX-LIST",
        not problems,
        "list envelopes, each transaction once, in pages no longer than their limit",
        "; ".join(problems) or "so it is",
        page,
        *walked.pages,
    )


def complete(desk: Desk) -> Early:
    """A session that somebody completed. Raises ``Refused`` where that does not show."""
    session = desk.open_session()
    desk.bench.perform("session_completed", sessionId=session.id)
    reply = desk.until(lambda: desk.api.session(session.id), reads("completed"))
    if not reads("completed")(reply):
        raise Refused("a session that reads completed after [outcomes.session_completed]", "the operator of the target")
    desk.ended(session.id)
    return Early(session, reply)


def complete_early(bench: Bench) -> Early:
    """One completed session, made before anything else happens."""
    return complete(Desk(bench))


def of_session(desk: Desk, session: str) -> tuple[list[dict[str, Any]], Reply]:
    """What the session filter shows, once there is something to show or it was waited for, and the page."""
    page = desk.api.transactions(session_id=session)

    def look() -> bool:
        nonlocal page
        page = desk.api.transactions(session_id=session)
        return bool(the_rows(page))

    if not the_rows(page):
        desk.awaited(look)
    return the_rows(page), page


def walk(desk: Desk, wanted: set[str], **size: str) -> Walk:
    """Walk the list until every wanted reference, and one page more, has been seen, or it ends.

    ``size`` is what says how long a page may be.
    """
    pages = [desk.api.transactions(**size)]
    missing = True
    for _ in range(PAGES):
        page = pages[-1]
        rows = the_rows(page)
        if not page.ok or page.object().get("has_more") is not True or not rows or not missing:
            return Walk(tuple(pages), stuck=False)
        missing = bool(wanted - set(Walk(tuple(pages), False).refids))
        following = next_page(desk, rows, size)
        if following is None:
            return Walk(tuple(pages), stuck=True)
        pages.append(following)
    return Walk(tuple(pages), stuck=False)


def next_page(desk: Desk, rows: list[dict[str, Any]], size: Mapping[str, str]) -> Reply | None:
    """The page after these rows. That ``starting_after`` leads there is assumed from the other lists: None if not."""
    for name in ("refid", "id"):
        cursor = rows[-1].get(name)
        if isinstance(cursor, str):
            found = desk.api.transactions(**size, starting_after=cursor)
            if found.ok and [row.get("refid") for row in the_rows(found)] != [row.get("refid") for row in rows]:
                return found
    return None


@scenario(
    "GATE-TX-LIST",
    "GATE-TX-JOINS",
    "GATE-TX-READ",
    needs=["outcome:session_completed"],
    last=True,
    parks=complete_early,
)
def test_what_happened_in_sessions_is_listed_filtered_and_read(desk: Desk, judge: Judge, parked: Early) -> None:
    # One more than a page holds: what comes first on the next page is ours too.
    made = [parked, *(complete(desk) for _ in range(LIMIT + 1))]
    idle = desk.open_session()
    found = {early.session.id: of_session(desk, early.session.id) for early in made}
    for session, (rows, page) in found.items():
        strangers = [row for row in rows if row.get("session_id") != session]
        judge.require(
            "GATE-TX-JOINS",
            bool(rows) and not strangers,
            "a transaction of the completed session, and none of another",
            f"{len(rows)} row(s), {len(strangers)} of another session",
            page,
        )
    nothing = desk.api.transactions(session_id=idle.id)
    strangers = [row for row in the_rows(nothing) if row.get("session_id") != idle.id]
    judge.check(
        "GATE-TX-JOINS",
        nothing.ok and not strangers,
        "nothing of another session where nothing happened",
        f"{nothing.status}, {len(strangers)} row(s) of another session",
        nothing,
    )
    refids = [[str(row.get("refid")) for row in found[early.session.id][0]] for early in made]
    own = {refid for listed in refids[1:] for refid in listed}
    _judge_reads(desk, judge, found)
    _judge_the_walk(desk, judge, own)
    if made[-1].reply.date - made[0].reply.date >= APART:
        judge_the_order(desk, judge, refids[0], refids[-1])


@scenario("GATE-TX-JOINS", needs=["rails", "outcome:rail_settled"], trades=2)
def test_a_rail_that_settled_is_a_transaction_of_its_session(bench: Bench, desk: Desk, judge: Judge) -> None:
    for side in sides(desk):
        rail = start_rail(desk, side)
        bench.perform("rail_settled", railId=rail.id)
        ended = desk.until(lambda rail=rail: desk.api.rail(rail.kind, rail.id), reads("settled"))  # type: ignore[misc]
        rows, page = of_session(desk, rail.session.id)
        strangers = [row for row in rows if row.get("session_id") != rail.session.id]
        judge.check(
            "GATE-TX-JOINS",
            bool(rows) and not strangers,
            f"a transaction of the session whose {rail.kind} settled, and none of another",
            f"{len(rows)} row(s), {len(strangers)} of another session",
            rail.reply,
            ended,
            page,
        )


def _judge_reads(desk: Desk, judge: Judge, found: Mapping[str, tuple[list[dict[str, Any]], Reply]]) -> None:
    for session, (rows, page) in found.items():
        row = rows[0]
        read = desk.api.transaction(str(row.get("refid")))
        differing = differences(row, read.object())
        if differing:
            # It may have moved between the two looks: only what still differs counts.
            again = of_session(desk, session)[0]
            row = next((other for other in again if other.get("refid") == row.get("refid")), row)
            read = desk.api.transaction(str(row.get("refid")))
            differing = differences(row, read.object())
        judge.check(
            "GATE-TX-READ",
            read.status == 200 and not differing,
            "200 with what the list shows",
            f"{read.status}; {', '.join(differing) or 'nothing'} differs",
            page,
            read,
        )


def differences(row: Mapping[str, Any], read: Mapping[str, Any]) -> list[str]:
    """The documented members in which a read differs from the row of the list."""
    return [
        name for name in DOCUMENTED if row.get(name) != read.get(name) and not same_money(row.get(name), read.get(name))
    ]


def walk_problems(walked: Walk, own: set[str]) -> list[str]:
    """What is wrong with a walk that ``own`` must be on: envelopes, lengths, rows shown twice or left out."""
    count = Counter(walked.refids)
    missing = [refid for refid in own if not count[refid]]
    repeated = [refid for refid, times in count.items() if times > 1]
    problems = [problem for page in walked.pages if (problem := envelope_problem(page))]
    problems += ["a page longer than its limit"] if any(len(the_rows(page)) > LIMIT for page in walked.pages) else []
    problems += [f"{len(repeated)} twice"] if repeated else []
    return [*problems, *([f"{len(missing)} of ours missing"] if missing else [])]


def _judge_the_walk(desk: Desk, judge: Judge, own: set[str]) -> None:
    walked = walk(desk, own, **SHORT)
    if walked.stuck:
        judge.cannot("GATE-TX-LIST", "the cursor of this list, which is not published", "0Bit")
        return
    problems = walk_problems(walked, own)
    judge.check(
        "GATE-TX-LIST",
        not problems,
        f"{len(own)} transactions of ours, each once, in pages no longer than {LIMIT}",
        "; ".join(problems) or f"so it is, in {len(walked.pages)} pages",
        *walked.pages,
    )


def judge_the_order(desk: Desk, judge: Judge, earlier: list[str], later: list[str]) -> None:
    """Judge that ``later`` stands before ``earlier``, where a walk comes to both: newest first."""
    walked = walk(desk, {*earlier, *later})
    places = {refid: place for place, refid in enumerate(walked.refids)}
    if walked.stuck or not {*earlier, *later} <= set(places):
        return
    in_order = max(places[refid] for refid in later) < min(places[refid] for refid in earlier)
    judge.check(
        "GATE-TX-LIST",
        in_order,
        "what happened last stands before what happened at the start of the run",
        "so it is" if in_order else "it stands after it",
        *walked.pages,
    )


@scenario("GATE-TX-LIST", "GATE-TX-READ", needs=["outcome:session_completed", "outcome:session_processing"])
def test_a_transaction_under_way_is_read_and_the_status_filter_holds(bench: Bench, desk: Desk, judge: Judge) -> None:
    done = complete(desk).session
    under_way = desk.open_session()
    bench.perform("session_processing", sessionId=under_way.id)
    found = {session.id: of_session(desk, session.id) for session in (done, under_way)}
    # What is under way may be no transaction yet; what was completed must be one.
    found = {session: looked for session, looked in found.items() if looked[0]}
    if done.id not in found:
        raise Refused("a transaction in a session that was completed", "the operator of the target")
    _judge_reads(desk, judge, found)
    rows = [(session, row) for session, (listed, _) in found.items() for row in listed]
    statuses = {str(row.get("status")) for _, row in rows}
    for status in sorted(statuses):
        for session in (done, under_way):
            page = desk.api.transactions(session_id=session.id, status=status)
            shown = {str(row.get("refid")): row.get("status") for row in the_rows(page)}
            wanted = {str(row["refid"]) for where, row in rows if where == session.id and row.get("status") == status}
            moved = [refid for refid in wanted - set(shown) if _moved(desk, refid, status)]
            wrong = {found for found in shown.values() if found != status}
            judge.check(
                "GATE-TX-LIST",
                page.ok and not wrong and wanted - set(moved) <= set(shown),
                f"the {status} transactions of a session and no others",
                f"{page.status}, {len(shown)} row(s), {len(wrong)} other status(es), "
                f"{len(wanted - set(shown) - set(moved))} missing",
                page,
            )


def _moved(desk: Desk, refid: str, status: str) -> bool:
    """Whether a transaction has left ``status`` meanwhile."""
    return desk.api.transaction(refid).object().get("status") != status

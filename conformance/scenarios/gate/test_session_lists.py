"""The list of sessions: what it holds, in which order, in which pages, and what its status filter leaves out."""

from __future__ import annotations

from functools import partial

from conformance.client import Reply
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate import lists
from conformance.scenarios.gate.desk import PAGES, Desk, envelope_problem, readable, the_rows
from conformance.scenarios.gate.lists import Page, Row
from conformance.scenarios.gate.test_sessions import changed
from conformance.scenarios.judging import Judge, scenario

LIST = "GATE-SESSION-LIST"
WALK = "GATE-SESSION-PAGES"
FILTER = "GATE-SESSION-STATUS-FILTER"

DEFAULT = 10
"""Rows of a page without a limit."""

LARGEST = 100


@scenario(LIST)
def test_the_newest_sessions_stand_first_in_the_list_as_they_read(bench: Bench, desk: Desk, judge: Judge) -> None:
    del bench
    sessions = [desk.open_session() for _ in range(3)]
    newest = [session.id for session in reversed(sessions)]
    seen: list[Reply] = []

    def listed() -> bool:
        seen.append(desk.api.list_sessions(limit=str(LARGEST)))
        return not lists.absent(lists.ids(the_rows(seen[-1])), newest)

    desk.awaited(listed)
    page = seen[-1]
    rows = {str(row.get("id")): row for row in the_rows(page)}
    wrong = [problem] if (problem := envelope_problem(page)) else []
    wrong += [f"{len(lost)} of 3 new sessions left out"] if (lost := lists.absent(rows, newest)) else []
    wrong += ["not newest first"] if lists.out_of_order(list(rows), newest) else []
    told = {name for one in sessions for name in changed(one.reply.object(), rows.get(one.id, {}))}
    wrong += [f"told differently: {', '.join(sorted(told))}"] if told else []
    wrong += (
        ["not all of them open"] if lists.strangers([rows[name] for name in newest if name in rows], "open") else []
    )
    judge.check(
        LIST,
        not wrong,
        "a list envelope with the new sessions, the newest first, as they were created",
        "; ".join(wrong) or "so it is",
        *(session.reply for session in sessions),
        page,
    )


@scenario(WALK)
def test_a_walk_shows_each_session_once_in_pages_of_the_limit(bench: Bench, desk: Desk, judge: Judge) -> None:
    del bench
    sessions = [desk.open_session() for _ in range(5)]
    wanted = [session.id for session in sessions]
    desk.awaited(lambda: not lists.absent(lists.ids(the_rows(desk.api.list_sessions(limit="100"))), wanted))
    for limit, arrives in ((2, True), (1, False), (LARGEST, False)):
        pages, seen = walk(desk, limit, wanted if limit < LARGEST else [], arrives=arrives)
        over = not pages[-1].has_more
        found = not lists.absent([name for page in pages for name in lists.ids(page.rows)], wanted)
        # Ours may lie deeper than anybody looks only where others were faster than we are.
        problems = lists.walk_problems(pages, wanted, limit, whole=over or found or limit == LARGEST)
        judge.check(
            WALK,
            not problems,
            f"each of our sessions once, in pages of at most {limit}{', while another arrives' if arrives else ''}",
            "; ".join(problems) or f"so it is, in {len(pages)} page(s)",
            *seen,
        )


def walk(desk: Desk, limit: int, until: list[str], *, arrives: bool) -> tuple[list[Page], list[Reply]]:
    """Walk by cursor until all of ``until`` were seen (where any are named), the list ends or is older than the run.

    With ``arrives`` another session is created after the first page.
    """
    pages: list[Page] = []
    seen: list[Reply] = []
    after: str | None = None
    for _ in range(PAGES):
        query = {"limit": str(limit)} | ({"starting_after": after} if after else {})
        reply = readable(desk.api.list_sessions(**query))
        rows = the_rows(reply)
        pages.append(Page(tuple(rows), reply.object().get("has_more") is True))
        seen.append(reply)
        shown = [name for page in pages for name in lists.ids(page.rows)]
        done = bool(until) and not lists.absent(shown, until)
        if not rows or not pages[-1].has_more or done or desk.is_older(rows[-1]):
            return pages, seen
        after = str(rows[-1].get("id"))
        if arrives and len(pages) == 1:
            desk.open_session()
    return pages, seen


@scenario(WALK)
def test_a_page_without_a_limit_has_ten_sessions_at_most(bench: Bench, desk: Desk, judge: Judge) -> None:
    del bench

    def more_than_ten() -> bool:
        return len(the_rows(desk.api.list_sessions(limit=str(LARGEST)))) > DEFAULT

    if not more_than_ten():
        for _ in range(DEFAULT + 1):
            desk.open_session()
    more = desk.awaited(more_than_ten)
    pages = [
        (DEFAULT, desk.api.list_sessions()),
        (LARGEST, desk.api.list_sessions(limit=str(LARGEST))),
        (3, desk.api.list_sessions(limit="3")),
    ]
    wrong = [f"{len(the_rows(page))} rows of at most {most}" for most, page in pages if len(the_rows(page)) > most]
    wrong += [f"{problem} under limit {most}" for most, page in pages if (problem := envelope_problem(page))]
    default = pages[0][1]
    wrong += ["the first page says that it is all there is"] if more and not default.object().get("has_more") else []
    judge.check(
        WALK,
        not wrong,
        "no more than ten without a limit, three under limit 3, a hundred under limit 100, and more to come",
        "; ".join(wrong) or ", ".join(str(len(the_rows(page))) for _, page in pages) + " rows",
        *(page for _, page in pages),
    )


@scenario(FILTER)
def test_the_status_filter_shows_all_sessions_of_that_status_and_no_other(
    bench: Bench, desk: Desk, judge: Judge
) -> None:
    by_status = _one_of_each(bench, desk)
    for status, mine in by_status.items():
        others = [name for other, names in by_status.items() if other != status for name in names]
        for limit in (2, LARGEST):
            judge_filter(desk, judge, status, limit, mine, others)


def judge_filter(desk: Desk, judge: Judge, status: str, limit: int, mine: list[str], others: list[str]) -> None:
    """Judge the pages under one status filter by where our sessions stand; a list may lag a moment behind."""
    problems: list[str] = []
    seen: list[Reply] = []

    def holds() -> bool:
        rows, seen[:] = _filtered(desk, status, str(limit), mine)
        problems[:] = _filter_problems(rows, status, mine, others)
        return not problems

    desk.awaited(holds)
    judge.check(
        FILTER,
        not problems,
        f"only sessions that are {status}, ours among them, in pages of {limit}",
        "; ".join(problems) or "so it is",
        *seen,
    )


def _one_of_each(bench: Bench, desk: Desk) -> dict[str, list[str]]:
    """Sessions of ours by status, made in turns so that pages of each status span those of the others."""
    found: dict[str, list[str]] = {"open": [], "cancelled": []}
    for _ in range(3):
        found["open"].append(desk.open_session().id)
        ended = desk.open_session()
        if desk.api.cancel_session(ended.id, bench.uuid()).ok:
            desk.ended(ended.id)
            found["cancelled"].append(ended.id)
    for outcome, status in (("session_completed", "completed"), ("session_expired", "expired")):
        if outcome in bench.target.outcomes:
            session = desk.open_session()
            bench.perform(outcome, sessionId=session.id)
            told = desk.until(partial(desk.api.session, session.id), lambda r: r.object().get("status") != "open")
            if told.object().get("status") == status:
                desk.ended(session.id)
                found[status] = [session.id]
    return found


def _filtered(desk: Desk, status: str, limit: str, mine: list[str]) -> tuple[list[Row], list[Reply]]:
    """The rows under a filter, page by page, until all of ``mine`` were seen or the list ends."""
    rows: list[Row] = []
    seen: list[Reply] = []
    for reply, row in desk.walk(desk.api.list_sessions, limit=limit, status=status):
        if not seen or seen[-1] is not reply:
            if not lists.absent(lists.ids(rows), mine):
                break
            seen.append(reply)
        rows.append(row)
    return rows, seen or [desk.api.list_sessions(limit=limit, status=status)]


def _filter_problems(rows: list[Row], status: str, mine: list[str], others: list[str]) -> list[str]:
    shown = lists.ids(rows)
    lost, strange = lists.absent(shown, mine), [name for name in others if name in shown]
    problems = [f"{len(lost)} of our {len(mine)} left out"] if lost else []
    problems += [f"{len(strange)} of ours that are not {status}"] if strange else []
    # Whether the filter finds what is over its time before a job has ended it is stated nowhere.
    looked = [row for row in rows if not (status == "expired" and row.get("status") == "open")]
    problems += [f"{len(found)} rows of another status"] if (found := lists.strangers(looked, status)) else []
    return problems

"""The log of what 0Gate delivers, and the test event."""

from __future__ import annotations

import json

from conformance.client import Reply
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.arrivals import Arrival
from conformance.scenarios.gate.deliveries import (
    CREATED,
    FORM,
    accepted,
    cannot_arrive,
    comes_true,
    judge_form,
    missing,
    open_session,
    row_of,
    send_test,
    status_of,
    told,
)
from conformance.scenarios.gate.desk import Desk, envelope_problem, readable, the_rows
from conformance.scenarios.gate.mailbox import REGISTER, REGISTRAR, Post
from conformance.scenarios.judging import Judge, scenario

STATES = frozenset({"pending", "in_flight", "succeeded", "dead_lettered"})
BODIES = frozenset({"payload_raw", "payload", "body", "request_body", "raw_body"})
SENT = 3
"""Test events sent for the list: with pages of two, the third shows whether ``skip`` counts rows."""


@scenario("GATE-TEST-EVENT", *FORM)
def test_each_test_event_is_a_new_one(desk: Desk, judge: Judge, possible_post: Post | None) -> None:
    post = possible_post
    sent = [send_test(desk) for _ in range(2)]
    events = [str(reply.object()["event_id"]) for reply in sent]
    problems = [] if len(set(events)) == len(events) else ["the same event id twice"]
    wrong = {reply.object().get("event_type") for reply in sent} - {"webhook.test"}
    problems += ["event_type is not webhook.test"] if wrong else []
    for status in {str(reply.object().get("status")) for reply in sent} - {"pending"}:
        problems += [] if status in STATES else ["a status nobody published"]
        judge.observe("POST /webhooks/test: status of the delivery", status, "GATE-TEST-EVENT")
    if post is None:
        problems += unlogged(desk, events)
        for requirement in FORM:
            judge.cannot(requirement, "a receiver 0Gate can reach", REGISTRAR)
    else:
        absent = [event for event in events if post.wait_for(lambda found, event=event: found.event == event) is None]  # type: ignore[misc]
        if absent and cannot_arrive(post, judge, *judge.declared):
            return
        mine = [arrival for arrival in post.about(*events) if arrival.event in events]
        problems += ["no delivery"] if absent else []
        problems += [problem for arrival in mine for problem in untested(arrival)]
        judge_form(post, judge, mine)
    judge.check(
        "GATE-TEST-EVENT",
        not problems,
        "a webhook.test with livemode false, under a new event id each time",
        told(problems),
        *sent,
    )


def untested(arrival: Arrival) -> list[str]:
    """What is wrong with a test event that arrived (gate facts 8.3)."""
    problems = [] if arrival.kind == "webhook.test" else ["an event of another type"]
    return problems + ([] if arrival.data.get("livemode") is False else ["livemode is not false"])


def unlogged(desk: Desk, events: list[str]) -> list[str]:
    """Whether one of these test events does not come to stand in the log."""
    return [] if desk.awaited(lambda: all(row_of(desk, event) for event in events)) else ["not in the log"]


@scenario("GATE-DELIVERY-LIST", "GATE-DELIVERY-NO-BODY")
def test_the_log_is_walked_by_limit_and_skip(desk: Desk, judge: Judge, possible_post: Post | None) -> None:
    post = possible_post
    session = open_session(desk, post)
    events = []
    for _ in range(SENT):
        event = str(send_test(desk).object()["event_id"])
        events.append(event)
        # One after the other, so that whatever the log sorts by, the last is the newest.
        if post is not None:
            post.wait_for(lambda found, event=event: found.event == event)  # type: ignore[misc]
            desk.awaited(lambda event=event: status_of(desk, event) == "succeeded")  # type: ignore[misc]
    problems: list[str] = []
    pages: list[Reply] = []
    desk.awaited(lambda: not misplaced(desk, events, pages))
    problems += misplaced(desk, events, pages)
    problems += unfiltered(desk, events, pages)
    whole = readable(desk.api.deliveries())
    pages.append(whole)
    problems += ["more than 50 rows without a limit"] if len(the_rows(whole)) > 50 else []
    judge.check(
        "GATE-DELIVERY-LIST",
        not problems,
        "a list envelope, most recent first, walked by limit and skip, its status filter kept",
        told(problems),
        *pages[-8:],
    )
    shows = [problem for page in pages for problem in shown_bodies(page, session.tag)]
    judge.check(
        "GATE-DELIVERY-NO-BODY",
        not shows,
        "event, address, status and attempts of each delivery, and nothing of what was sent",
        told(shows),
        *pages[-8:],
    )


def misplaced(desk: Desk, events: list[str], pages: list[Reply]) -> list[str]:
    """How a walk in pages of two fails to show these events once each, the last one first.

    Other deliveries may come between, and push rows onto the next page: a row seen again there says nothing.
    """
    pages.clear()
    seen: list[str] = []
    problems: list[str] = []
    for page, row in desk.walk_deliveries(limit="2"):
        if page not in pages:
            pages.append(page)
            problem = envelope_problem(page) or ("more rows than the limit" if len(the_rows(page)) > 2 else "")
            problems += [problem] if problem else []
        event = row.get("event_id")
        if event in events and event not in seen:
            seen.append(str(event))
        if len(seen) == len(events):
            break
    if set(seen) != set(events):
        problems.append("a delivery no page shows")
    elif seen != events[::-1]:
        problems.append("an older delivery before a newer one")
    return problems


def unfiltered(desk: Desk, events: list[str], pages: list[Reply]) -> list[str]:
    """How the status filter shows a row of another status, or leaves out one of these that has it."""
    problems = []
    for status in sorted(STATES):
        page = readable(desk.api.deliveries(status=status, limit="200"))
        pages.append(page)
        found = [row for row in the_rows(page) if row.get("status") != status]
        problems += [f"a row that is not {status} under status={status}"] if found else []
    end = status_of(desk, events[-1])
    if end in ("succeeded", "dead_lettered"):
        # These two stay unless somebody replays, so the filter has to show it.
        rows = desk.walk_deliveries(status=str(end), limit="200", pages=2)
        there = any(row.get("event_id") == events[-1] for _, row in rows)
        problems += [] if there else [f"status={end} leaves out a delivery that is"]
    return problems


def shown_bodies(page: Reply, tag: str) -> list[str]:
    """What rows of the log lack of a delivery, and whether they show what was sent."""
    problems = ["the metadata of a session"] if tag in page.body.decode("utf-8", "replace") else []
    for row in the_rows(page):
        texts = ("id", "event_id", "event_type", "target_url")
        lacking = [name for name in texts if not isinstance(row.get(name), str)]
        attempts = row.get("attempts")
        lacking += [] if isinstance(attempts, int) and not isinstance(attempts, bool) else ["attempts"]
        lacking += [] if row.get("status") in STATES else ["status"]
        problems += [f"no {name} that can be used" for name in lacking]
        problems += [f"member {name}" for name in sorted(BODIES & row.keys()) if row[name] is not None]
        problems += ["an event under another name" for value in row.values() if is_event(value)]
    return problems


def is_event(value: object) -> bool:
    """Whether a value of a row is the body of an event, as an object or as its text."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            return False
    return isinstance(value, dict) and {"type", "data"} <= value.keys()


@scenario("GATE-DELIVERY-LOGGED", needs=["gate_webhooks"])
def test_what_arrived_stands_in_the_log_as_succeeded(desk: Desk, judge: Judge, post: Post) -> None:
    session = open_session(desk, post)
    accepted(desk.api.cancel_session(session.id))
    desk.ended(session.id)
    wanted = [(CREATED, session.id), ("gate_session.cancelled", session.id)]
    test = str(send_test(desk).object()["event_id"])
    missing(post, wanted)
    arrived = [*post.about(session.id), *filter(None, [post.wait_for(lambda found: found.event == test)])]
    if not arrived:
        judge.cannot("GATE-DELIVERY-LOGGED", REGISTER if post.is_silent else "a delivery that arrived", REGISTRAR)
        return
    comes_true(desk, lambda: not unsettled(desk, post, arrived)[0])
    problems, page = unsettled(desk, post, arrived)
    judge.check(
        "GATE-DELIVERY-LOGGED",
        not problems,
        "each event that arrived in the log, as succeeded",
        told(problems),
        page,
        *post.file(arrived),
    )


def unsettled(desk: Desk, post: Post, arrived: list[Arrival]) -> tuple[list[str], Reply | str]:
    """How the log differs from what arrived and was taken, and the last page it was seen on."""
    lines = [(page, row) for page, row in desk.walk_deliveries(limit="200", pages=2)]
    rows = {str(row.get("event_id")): row for _, row in reversed(lines)}
    problems = []
    for arrival in arrived:
        row = rows.get(arrival.event)
        if row is None:
            problems.append(f"no row for a {arrival.kind} that arrived")
            continue
        problems += [] if row.get("event_type") == arrival.kind else [f"another event_type for a {arrival.kind}"]
        problems += [] if row.get("status") == "succeeded" else [f"{arrival.kind} as {row.get('status')}"]
        answered = row.get("last_response_status")
        problems += [] if answered == arrival.status else [f"{arrival.kind} answered with {answered}"]
        problems += [] if row.get("delivered_at") else [f"{arrival.kind} without delivered_at"]
        problems += ["attempts that are none"] if row.get("attempts") == 0 else []
    return problems, lines[-1][0] if lines else ""


@scenario(
    "GATE-TEST-EVENT-NO-URL",
    needs=["gate_webhooks", "outcome:gate_webhook_endpoint", "outcome:gate_webhook_endpoint_removed"],
)
def test_without_an_address_no_test_event_is_queued(bench: Bench, desk: Desk, judge: Judge, post: Post) -> None:
    bench.perform("gate_webhook_endpoint_removed", account=desk.account)
    try:
        reply = desk.api.send_test_webhook()
        queued = reply.object().get("event_id")
    finally:
        bench.perform("gate_webhook_endpoint", account=desk.account, url=post.mailbox.url)
    judge.check(
        "GATE-TEST-EVENT-NO-URL",
        reply.status == 400 and queued is None,
        "400, and no event",
        f"{reply.status}{', and an event' if queued is not None else ''}",
        reply,
    )

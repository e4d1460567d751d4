"""Each recording of a misbehaving integration is red on exactly the rule it breaks; the healthy one on none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.journal import Outcome
from conformance.partner.rules import RULES, judge

from .histories import (
    CHROME,
    GATE,
    PUBLISHABLE,
    SECRET,
    Entry,
    bootstrap,
    capabilities,
    discovery,
    entry,
    healthy,
    ledger,
    polled,
    quoted,
    refusal,
    session,
    traffic,
    transacted,
)

DENIED = refusal("pool_access_suspended", 403)
RAIL = {"gate_session_id": "gs_1", "quote_id": "q_1", "reference": "order-1"}


def flow(*more: Entry) -> list[Entry]:
    """A healthy beginning and something after it."""
    return [discovery(0), capabilities(1), *more, ledger(900)]


def indicative(seconds: float, **more: Any) -> Entry:
    return quoted(seconds, answer={"available": True, "executable": False, "type": "indicative", **more})


def rejected(seconds: float, quote: str = "pq_test_1") -> Entry:
    return entry(seconds, "POST", f"/pools/quotes/{quote}/reject", answer={"quoteId": quote, "status": "rejected"})


def read_quote(seconds: float, status: str) -> Entry:
    return entry(seconds, "GET", "/pools/quotes/pq_test_1", answer={"quoteId": "pq_test_1", "status": status})


def rail(seconds: float, key: str = "rail-1", **more: Any) -> Entry:
    return entry(seconds, "POST", "/rails/pay_ins", RAIL | more, 201, base=GATE, sent={"Idempotency-Key": key})


def countries(seconds: float) -> Entry:
    return entry(seconds, "GET", "/capabilities/countries", base=GATE)


ROWS: list[tuple[str, str, Callable[[], list[Entry]]]] = [
    (
        "a secret key in the browser",
        "SECRET-KEYS-SERVER-ONLY",
        lambda: flow(entry(2, "GET", "/pools/funding", sent=CHROME)),
    ),
    (
        "a secret key in an Android app",
        "SECRET-KEYS-SERVER-ONLY",
        lambda: flow(entry(2, "GET", "/pools/funding", sent={"User-Agent": "Dalvik/2.1.0 (Linux; U; Android 14)"})),
    ),
    (
        "a publishable key for a quote",
        "PUBLISHABLE-KEYS-PLACES",
        lambda: flow(quoted(2, key=PUBLISHABLE, status=401, answer=refusal("unauthorized", 401))),
    ),
    (
        "a live key at the sandbox",
        "KEY-MODE",
        lambda: flow(entry(2, "GET", "/pools/funding", status=403, key=SECRET.replace("test", "live"))),
    ),
    (
        "a secret key where the bootstrap failed",
        "BOOTSTRAP-NO-SECRET-KEY",
        lambda: flow(bootstrap(2, status=403), bootstrap(3, key=SECRET, status=403)),
    ),
    (
        "a secret key in the client after the bootstrap failed",
        "BOOTSTRAP-NO-SECRET-KEY",
        lambda: flow(bootstrap(2, status=401), entry(3, "GET", "/branding", base=GATE, sent=CHROME)),
    ),
    (
        "a secret key in the client, long after a bootstrap that was repeated with success",
        "SECRET-KEYS-SERVER-ONLY",
        lambda: flow(bootstrap(2, status=401), bootstrap(3), entry(9, "GET", "/branding", base=GATE, sent=CHROME)),
    ),
    ("a quote before capabilities", "CAPABILITIES-FIRST", lambda: [discovery(0), quoted(1), capabilities(2)]),
    ("a session before capabilities", "GATE-CAPABILITIES-FIRST", lambda: [session(1), countries(2)]),
    (
        "a side the capabilities leave out",
        "OFFERED-ONLY",
        lambda: flow(quoted(2, asked={"side": "off_ramp"}, status=403, answer=refusal("side", 403))),
    ),
    (
        "a network the capabilities leave out",
        "OFFERED-ONLY",
        lambda: flow(quoted(2, asked={"cryptoNetwork": "bsc"}, status=400, answer=refusal("invalid_request", 400))),
    ),
    ("an amount as a number", "AMOUNTS-STRINGS", lambda: flow(quoted(2, asked={"amount": 100.0}))),
    (
        "an amount of a session as a number",
        "AMOUNTS-STRINGS",
        lambda: [countries(0), session(1, body={"amount": 100})],
    ),
    (
        "a transact of an indicative quote",
        "EXECUTABLE-QUOTES-ONLY",
        lambda: flow(indicative(2), transacted(3, None, status=400)),
    ),
    (
        "a transact of what code makes of no id",
        "EXECUTABLE-QUOTES-ONLY",
        lambda: flow(indicative(2), transacted(3, "undefined", status=404)),
    ),
    (
        "a transact of an unavailable quote by another id of it",
        "EXECUTABLE-QUOTES-ONLY",
        lambda: flow(indicative(2, available=False, previewId="pv_1"), transacted(3, "pv_1", status=404)),
    ),
    ("a transact after expiry", "BEFORE-EXPIRY", lambda: flow(quoted(2), transacted(40, status=409))),
    (
        "a transact after a read said expired",
        "BEFORE-EXPIRY",
        lambda: flow(quoted(2), read_quote(20, "expired"), transacted(21, status=409, got={"Date": ""})),
    ),
    ("a transact after reject", "NOT-AFTER-REJECT", lambda: flow(quoted(2), rejected(3), transacted(4, status=409))),
    (
        "a transact after a read said rejected",
        "NOT-AFTER-REJECT",
        lambda: flow(quoted(2), read_quote(3, "rejected"), transacted(4, status=409)),
    ),
    (
        "a destination at transact",
        "NO-DESTINATION-AT-TRANSACT",
        lambda: flow(quoted(2), transacted(3, more={"destAddress": "0xabc"})),
    ),
    (
        "a transact without a key",
        "TRANSACT-KEYED",
        lambda: flow(quoted(2), transacted(3, sent={"Idempotency-Key": ""})),
    ),
    (
        "one key for two executions",
        "KEY-PER-EXECUTION",
        lambda: flow(quoted(2), transacted(3), quoted(5, "pq_test_2"), transacted(6, "pq_test_2", status=409)),
    ),
    (
        "one key for two executions, the first of them lost",
        "KEY-PER-EXECUTION",
        lambda: flow(quoted(2), transacted(3, status=0), quoted(5, "pq_test_2"), transacted(6, "pq_test_2")),
    ),
    (
        "another key on a retry after 503",
        "RETRY-KEEPS-KEY",
        lambda: flow(quoted(2), transacted(3, status=503), transacted(5, key="order-1-again")),
    ),
    (
        "another key before the first try was answered",
        "RETRY-KEEPS-KEY",
        lambda: flow(quoted(2), transacted(3, took=5), transacted(4, key="order-1-again")),
    ),
    (
        "another key on a retry of a pay-in after a lost answer",
        "RETRY-KEEPS-KEY",
        lambda: flow(rail(2) | {"response": {"status": 0, "headers": []}}, rail(5, "rail-1-again")),
    ),
    (
        "a session without a key",
        "GATE-WRITES-KEYED",
        lambda: [countries(0), session(1, key="")],
    ),
    (
        "one key for two sessions",
        "GATE-KEY-PER-WRITE",
        lambda: [countries(0), session(1), session(2, body={"amount": "200.00"}, status=409)],
    ),
    ("an IBAN in a pay-in", "RAILS-NO-BANK-DETAILS", lambda: flow(rail(2, iban="DE00"))),
    (
        "polls by the trade's id",
        "POLL-BY-QUOTE",
        lambda: flow(quoted(2), transacted(3), polled(4, "", "txn_pq_test_1", status=404)),
    ),
    (
        "polls on after release",
        "POLL-STOPS",
        lambda: flow(quoted(2), transacted(3), *(polled(4 + n, "released") for n in range(10))),
    ),
    (
        "a denied quote again and again",
        "DENIED-NOT-LOOPED",
        lambda: flow(*(quoted(2 + n, status=403, answer=DENIED) for n in range(8))),
    ),
    (
        "an execution that is not enabled, again and again",
        "DENIED-NOT-LOOPED",
        lambda: flow(quoted(2), *(transacted(3 + n, status=501) for n in range(8))),
    ),
    (
        "an invalid quote again and again",
        "INVALID-NOT-REPEATED",
        lambda: flow(*(quoted(2 + n, status=400, answer=refusal("invalid_request", 400)) for n in range(8))),
    ),
    (
        "a conflict answered by nothing but more tries",
        "CONFLICT-READ-FIRST",
        lambda: flow(quoted(2), *(transacted(3 + n, status=409) for n in range(4))),
    ),
    (
        "a throttled execution tried again at once",
        "THROTTLE-RESPECTED",
        lambda: flow(quoted(2), transacted(3, status=429, got={"Retry-After": "5"}), transacted(4)),
    ),
    (
        "throttled polls that go on as before",
        "THROTTLE-RESPECTED",
        lambda: flow(*(polled(3 + n, "", status=429, got={"Retry-After": "30"}) for n in range(5))),
    ),
    (
        "throttled reads without a pause",
        "THROTTLE-RESPECTED",
        lambda: flow(*(entry(3 + n * 0.1, "GET", "/pools/trades", status=429) for n in range(14))),
    ),
    (
        "a failing execution hammered",
        "WRITES-BOUNDED",
        lambda: flow(quoted(2), *(transacted(3 + n * 0.5, status=503) for n in range(20))),
    ),
]


def broken(folder: Path, entries: list[Entry], *, from_start: bool = True, **changes: str) -> set[str]:
    """The requirements that fail on a recording."""
    ruled = judge(traffic(folder, entries, from_start=from_start, **changes))
    return {ruling.requirement for ruling in ruled if ruling.outcome is Outcome.FAIL}


@pytest.mark.parametrize(("rule", "recording"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_misbehaving_recording_is_red_on_exactly_its_rule(
    tmp_path: Path, rule: str, recording: Callable[[], list[Entry]]
) -> None:
    assert broken(tmp_path, recording()) == {f"PARTNER-TRAFFIC-{rule}"}


def test_every_rule_that_may_fail_has_a_recording_that_breaks_it() -> None:
    never = {"POLL-BACKS-OFF", "LEDGER-RECONCILED"}
    assert {row[1] for row in ROWS} == {rule.requirement.removeprefix("PARTNER-TRAFFIC-") for rule in RULES} - never


def test_the_healthy_recording_breaks_nothing(tmp_path: Path) -> None:
    assert broken(tmp_path, healthy()) == set()


def test_polls_without_a_pause_are_noticed(tmp_path: Path) -> None:
    polls = [polled(4 + n * 0.1, "reserved") for n in range(12)]
    assert broken(tmp_path, flow(quoted(2), transacted(3), *polls)) == {"PARTNER-TRAFFIC-POLL-BACKS-OFF"}

"""What a healthy integration may do: recordings that look odd and break nothing, and those that show too little."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.journal import Outcome
from conformance.partner.rules import judge

from .histories import (
    CHROME,
    GATE,
    POOL,
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
from .test_misbehaving import flow

NODE = {"User-Agent": "node", "Sec-Fetch-Mode": "cors"}
LOCAL = "http://127.0.0.1:4010/v1"
OTHER = "sk_test_" + "c" * 32
AS_OTHER = {"Authorization": f"Bearer {OTHER}"}


def backwards(entries: list[Entry]) -> list[Entry]:
    return entries[::-1]


def shuffled(entries: list[Entry]) -> list[Entry]:
    random.Random(1).shuffle(entries)
    return entries


def in_base64(entries: list[Entry]) -> list[Entry]:
    for item in entries:
        content = item["response"]["content"]
        content |= {"text": base64.b64encode(content["text"].encode()).decode(), "encoding": "base64"}
    return entries


def without(entries: list[Entry], *names: str) -> list[Entry]:
    """The recording as an exporter writes it that leaves these out: ``bodies``, or headers by name."""
    for item in entries:
        for message in (item["request"], item["response"]):
            message["headers"] = [pair for pair in message["headers"] if pair["name"].lower() not in names]
            if "bodies" in names:
                message.pop("postData", None)
                message.get("content", {}).pop("text", None)
    return entries


def elsewhere(entries: list[Entry], base: str) -> list[Entry]:
    for item in entries:
        item["request"]["url"] = item["request"]["url"].replace("https://pools-api-sandbox.0bit.app/v1", base)
    return entries


def masked(entries: list[Entry]) -> list[Entry]:
    for item in entries:
        for pair in item["request"]["headers"]:
            if pair["name"] in ("Authorization", "Idempotency-Key"):
                pair["value"] = "[REDACTED]"
    return entries


def stranger(seconds: float, url: str, method: str = "POST", **more: Any) -> Entry:
    """A call to somebody else's API."""
    base, _, path = url.partition("/v1")
    return entry(seconds, method, path, {"amount": 100}, base=f"{base}/v1", **more)


def skewed(hours: float) -> list[Entry]:
    """A flow recorded on a machine whose clock is wrong by so much; expiries are the server's."""
    late = hours * 3600
    return [
        capabilities(1, skew=late),
        quoted(2, ttl=15 + late, skew=late),
        transacted(4, skew=late, status=402),
        ledger(9),
    ]


ROWS: list[tuple[str, Callable[[], list[Entry]]]] = [
    ("the healthy flow", healthy),
    ("entries in the wrong order", lambda: backwards(healthy())),
    ("entries in any order", lambda: shuffled(healthy())),
    ("bodies in base64", lambda: in_base64(healthy())),
    ("no bodies", lambda: without(healthy(), "bodies")),
    ("no credentials, as browsers export", lambda: without(healthy(), "authorization", "cookie")),
    ("no headers of the application", lambda: without(healthy(), "authorization", "content-type", "idempotency-key")),
    ("masked keys", lambda: masked(healthy())),
    ("a sandbox of one's own", lambda: elsewhere(healthy(), LOCAL)),
    ("the recorder's clock an hour behind", lambda: skewed(1)),
    ("the recorder's clock an hour ahead", lambda: skewed(-1)),
    ("discovery with a secret key", lambda: flow(discovery(2, key=SECRET))),
    ("discovery from the browser", lambda: flow(discovery(2, sent=CHROME))),
    ("a server on Node's fetch", lambda: flow(entry(2, "GET", "/pools/funding", sent=NODE))),
    (
        "a backend that forwards its browsers' headers",
        lambda: flow(entry(2, "GET", "/pools/funding", sent=CHROME | {"Sec-Fetch-Site": "same-origin"})),
    ),
    (
        "a backend elsewhere that forwards them and says so",
        lambda: flow(entry(2, "GET", "/pools/funding", sent=CHROME | {"X-Forwarded-For": "192.0.2.1"})),
    ),
    (
        "two partners of one platform with keys of their own",
        lambda: flow(quoted(2), transacted(3), quoted(4, "pq_2", key=OTHER), transacted(5, "pq_2", sent=AS_OTHER)),
    ),
    (
        "one key for an order whose first quote was refused",
        lambda: flow(quoted(2), transacted(3, status=402), quoted(4, "pq_2"), transacted(5, "pq_2", "order-1")),
    ),
    (
        "the same key on a retry, long after expiry",
        lambda: flow(quoted(2), transacted(3, status=0), transacted(90), polled(91, "reserved")),
    ),
    (
        "a replay of what was executed before the recording began",
        lambda: flow(transacted(60, "pq_old"), polled(61, "settled", "pq_old")),
    ),
    (
        "an execution answered only after the quote had expired",
        lambda: flow(quoted(2), transacted(10, status=503, took=30), polled(60, "settled")),
    ),
    ("an execution within seconds of the expiry", lambda: flow(quoted(2), transacted(18, status=409))),
    (
        "a reject that loses against the execution",
        lambda: flow(
            quoted(2),
            transacted(3),
            entry(3.01, "POST", "/pools/quotes/pq_test_1/reject", status=409),
        ),
    ),
    (
        "quotes at once for many users",
        lambda: flow(*(quoted(2 + n * 0.01, f"pq_{n}", took=1) for n in range(30))),
    ),
    (
        "many users denied once each, at once",
        lambda: flow(*(quoted(2 + n * 0.01, status=403, took=1) for n in range(30))),
    ),
    (
        "a denial tried again every few minutes",
        lambda: flow(*(entry(2 + 100 * n, "GET", f"/pools/{POOL}/balance", status=403) for n in range(8))),
    ),
    (
        "a denied quote, then others",
        lambda: flow(*(quoted(2 + n, asked={"amount": f"{n + 1}.00"}, status=403) for n in range(8))),
    ),
    (
        "polling a settled trade further for a return",
        lambda: flow(quoted(2), transacted(3), *(polled(4 + n, "settled") for n in range(20)), polled(30, "returned")),
    ),
    (
        "an hourly look at a failed trade",
        lambda: flow(quoted(2), transacted(3), *(polled(4 + n * 3600, "failed") for n in range(12))),
    ),
    (
        "several workers that hear of the end at once",
        lambda: flow(quoted(2), transacted(3), *(polled(4 + n * 0.01, "failed", took=1) for n in range(8))),
    ),
    (
        "a proxy that repeats a failed execution three times at once",
        lambda: flow(quoted(2), *(transacted(3 + n * 0.1, status=503) for n in range(3)), transacted(3.4)),
    ),
    (
        "a back-off that doubles from a tenth of a second",
        lambda: flow(quoted(2), *(transacted(3 + 0.1 * 2**n, status=503) for n in range(9))),
    ),
    (
        "a throttled execution that waits",
        lambda: flow(quoted(2), transacted(3, status=429, got={"Retry-After": "5"}), transacted(8.1)),
    ),
    (
        "a wait by a Retry-After that is a date",
        lambda: flow(
            quoted(2),
            transacted(3, status=429, got={"Retry-After": "Mon, 25 May 2026 12:00:08 GMT"}),
            transacted(8.1),
        ),
    ),
    (
        "other users while one is throttled",
        lambda: flow(
            *(quoted(2 + n, asked={"amount": f"{n + 1}"}, status=429, got={"Retry-After": "60"}) for n in range(9))
        ),
    ),
    (
        "visitors whose browsers are throttled",
        lambda: flow(*(discovery(2 + n, sent=CHROME, status=429, got={"Retry-After": "60"}) for n in range(20))),
    ),
    (
        "dashboards that ask for one list while it is throttled",
        lambda: flow(
            *(entry(2 + 2 * n, "GET", "/pools/trades", status=429, got={"Retry-After": "60"}) for n in range(20))
        ),
    ),
    (
        "one more try of what was executed, with another key",
        lambda: flow(quoted(2), transacted(3), transacted(5, key="order-1-test-of-duplicates")),
    ),
    (
        "a network written otherwise",
        lambda: flow(quoted(2, asked={"cryptoNetwork": "TRON"}, status=400, answer=refusal("invalid_request", 400))),
    ),
    (
        "an address in the metadata of a transact",
        lambda: flow(quoted(2), transacted(3, more={"metadata": {"address": "1 High Street"}})),
    ),
    (
        "a denial tried again twelve seconds later, and again",
        lambda: flow(*(quoted(2 + 12 * n, status=403, answer=refusal("kyc_not_approved", 403)) for n in range(9))),
    ),
    (
        "a conflict, a look, and another try",
        lambda: flow(
            quoted(2),
            *(item for n in range(4) for item in (transacted(3 + n, status=409), polled(3.5 + n, "reserved"))),
        ),
    ),
    (
        "somebody else's API with customers, quotes and keys of the same shape",
        lambda: flow(
            *(stranger(2 + n, "https://api.payments.example/v1/customers", status=403) for n in range(9)),
            stranger(20, "https://api.payments.example/v1/quotes", sent=CHROME),
        ),
    ),
    (
        "the partner's own API with the same paths",
        lambda: flow(stranger(2, f"https://partner.example/api/v1/pools/{POOL}/transact", key=None, sent=CHROME)),
    ),
    ("a page, an extension and a blob", lambda: flow(*odd_entries())),
    ("0Gate beside 0Pools", lambda: [*healthy(), countries(30), session(31), bootstrap(32)]),
    (
        "the same session asked for twice, its members in another order",
        lambda: [countries(0), session(1, status=503), session(2)],
    ),
    ("the bootstrap after it had failed, once more", lambda: flow(bootstrap(2, status=500), bootstrap(3))),
    (
        "the server's reads while a bootstrap fails",
        lambda: flow(bootstrap(2, status=403), entry(3, "GET", "/gate_sessions/gs_1", base=GATE)),
    ),
    (
        "a network the target refuses though it lists it",
        lambda: flow(quoted(2, status=400, answer=refusal("invalid_request", 400))),
    ),
    (
        "a network the target grants though it does not list it",
        lambda: flow(quoted(2, asked={"cryptoNetwork": "bsc"})),
    ),
]


def countries(seconds: float) -> Entry:
    return entry(seconds, "GET", "/capabilities/countries", base=GATE)


def odd_entries() -> list[Entry]:
    urls = [
        "chrome-extension://abc/x.js",
        "data:text/plain,x",
        "blob:https://partner.example/1",
        "https://[broken/v1/pools",
    ]
    found = []
    for number, url in enumerate(urls):
        item = entry(2 + number, "GET", "/x")
        item["request"]["url"] = url
        found.append(item)
    found.append({"startedDateTime": "?", "request": {"method": "GET", "url": "https://partner.example/"}})
    return found


def outcomes(folder: Path, entries: list[Entry], **changes: Any) -> dict[str, set[Outcome]]:
    found: dict[str, set[Outcome]] = {}
    for ruling in judge(traffic(folder, entries, **changes)):
        found.setdefault(ruling.requirement.removeprefix("PARTNER-TRAFFIC-"), set()).add(ruling.outcome)
    return found


@pytest.mark.parametrize("recording", [row[1] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_legal_recording_breaks_nothing(tmp_path: Path, recording: Callable[[], list[Entry]]) -> None:
    found = outcomes(tmp_path, recording())
    assert {name for name, of in found.items() if Outcome.FAIL in of} == set()


THIN: list[tuple[str, str, Callable[[], list[Entry]]]] = [
    ("quotes alone", "CAPABILITIES-FIRST", lambda: [quoted(1)]),
    ("no transact", "TRANSACT-KEYED", lambda: [quoted(1)]),
    ("transacts without their headers", "TRANSACT-KEYED", lambda: without([quoted(1), transacted(2)], *APPLICATION)),
    ("one execution", "KEY-PER-EXECUTION", lambda: [quoted(1), transacted(2)]),
    ("masked keys", "KEY-PER-EXECUTION", lambda: masked(healthy())),
    ("no retry", "RETRY-KEEPS-KEY", healthy),
    ("no denial", "DENIED-NOT-LOOPED", healthy),
    ("nothing after the denial", "DENIED-NOT-LOOPED", lambda: [quoted(1, status=403)]),
    ("nothing throttled", "THROTTLE-RESPECTED", healthy),
    ("no failure", "WRITES-BOUNDED", healthy),
    ("no conflict", "CONFLICT-READ-FIRST", healthy),
    ("nothing invalid", "INVALID-NOT-REPEATED", healthy),
    ("no bodies", "AMOUNTS-STRINGS", lambda: without(healthy(), "bodies")),
    ("no bodies", "NO-DESTINATION-AT-TRANSACT", lambda: without(healthy(), "bodies")),
    ("no quote answer", "EXECUTABLE-QUOTES-ONLY", lambda: [transacted(2)]),
    ("no quote answer", "BEFORE-EXPIRY", lambda: [transacted(2, status=409)]),
    ("no ledger", "LEDGER-RECONCILED", lambda: healthy()[:-1]),
    ("no end", "POLL-STOPS", lambda: [polled(1, "reserved")]),
    ("fast polls of a settled trade", "POLL-STOPS", lambda: [polled(n, "settled") for n in range(20)]),
    ("no keys", "PUBLISHABLE-KEYS-PLACES", lambda: without(healthy(), "authorization")),
    ("no user agents", "SECRET-KEYS-SERVER-ONLY", lambda: without(healthy(), "user-agent")),
    (
        "a library of apps and servers",
        "SECRET-KEYS-SERVER-ONLY",
        lambda: [entry(2, "GET", "/pools/funding", sent={"User-Agent": "okhttp/4.12.0"})],
    ),
    (
        "what may be a browser's or forwarded",
        "SECRET-KEYS-SERVER-ONLY",
        lambda: [entry(2, "GET", "/pools/funding", sent=CHROME | {"Sec-Fetch-Site": "same-site"})],
    ),
    ("no bootstrap that failed", "BOOTSTRAP-NO-SECRET-KEY", lambda: [bootstrap(1), session(2)]),
]
APPLICATION = ("authorization", "content-type", "idempotency-key")


@pytest.mark.parametrize(("rule", "recording"), [row[1:] for row in THIN], ids=[f"{row[1]}: {row[0]}" for row in THIN])
def test_too_little_evidence_is_no_pass(tmp_path: Path, rule: str, recording: Callable[[], list[Entry]]) -> None:
    assert outcomes(tmp_path, recording())[rule] == {Outcome.NOT_EVIDENCED}


UNUSED = (
    "GATE-CAPABILITIES-FIRST",
    "GATE-WRITES-KEYED",
    "GATE-KEY-PER-WRITE",
    "RAILS-NO-BANK-DETAILS",
    "BOOTSTRAP-NO-SECRET-KEY",
)


@pytest.mark.parametrize("rule", UNUSED)
def test_what_the_recording_does_not_use_does_not_apply(tmp_path: Path, rule: str) -> None:
    assert outcomes(tmp_path, healthy())[rule] == {Outcome.NOT_APPLICABLE}


def test_the_healthy_recording_shows_what_scope_partner_asks_for(tmp_path: Path) -> None:
    found = outcomes(tmp_path, healthy())
    passed = {name for name, of in found.items() if of == {Outcome.PASS}}
    assert passed >= {
        "SECRET-KEYS-SERVER-ONLY",
        "PUBLISHABLE-KEYS-PLACES",
        "KEY-MODE",
        "CAPABILITIES-FIRST",
        "OFFERED-ONLY",
        "AMOUNTS-STRINGS",
        "EXECUTABLE-QUOTES-ONLY",
        "BEFORE-EXPIRY",
        "NOT-AFTER-REJECT",
        "NO-DESTINATION-AT-TRANSACT",
        "TRANSACT-KEYED",
        "KEY-PER-EXECUTION",
        "POLL-BY-QUOTE",
        "POLL-STOPS",
        "LEDGER-RECONCILED",
    }


def test_a_browser_recording_with_a_secret_key_needs_no_further_sign(tmp_path: Path) -> None:
    sent = {"User-Agent": CHROME["User-Agent"]}
    found = outcomes(tmp_path, [entry(1, "GET", "/pools/funding", sent=sent)], creator="WebInspector")
    assert found["SECRET-KEYS-SERVER-ONLY"] == {Outcome.FAIL}


def test_a_preflight_that_asks_for_authorization_shows_the_browser(tmp_path: Path) -> None:
    asked = {"Access-Control-Request-Headers": "authorization", "Access-Control-Request-Method": "GET"}
    page = CHROME | {"Sec-Fetch-Site": "same-site"}
    preflight = entry(1, "OPTIONS", "/pools/funding", key=None, sent=page | asked, status=204)
    found = outcomes(tmp_path, [preflight, entry(2, "GET", "/pools/funding", sent=page)])
    assert found["SECRET-KEYS-SERVER-ONLY"] == {Outcome.FAIL}


def test_capabilities_read_late_are_held_against_nobody_unless_the_recording_is_whole(tmp_path: Path) -> None:
    late = [quoted(1), capabilities(2)]
    (tmp_path / "whole").mkdir()
    assert outcomes(tmp_path, late)["CAPABILITIES-FIRST"] == {Outcome.NOT_EVIDENCED}
    assert outcomes(tmp_path / "whole", late, from_start=True)["CAPABILITIES-FIRST"] == {Outcome.FAIL}


def test_publishable_keys_in_the_vendors_own_header_count(tmp_path: Path) -> None:
    item = entry(1, "GET", "/branding", base=GATE, key=None, sent={"X-Publishable-Key": PUBLISHABLE})
    assert outcomes(tmp_path, [item])["PUBLISHABLE-KEYS-PLACES"] == {Outcome.FAIL}

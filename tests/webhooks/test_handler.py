"""The driver blames the right party, also for handlers it cannot reach or see, or that misbehave."""

import json
import socket
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from conformance.journal.records import Outcome
from conformance.webhooks.effects import EffectsCommand, EffectsProbe, ProbeError
from conformance.webhooks.events import COMPLETED, POOLS_TYPES
from conformance.webhooks.handler import Patience, certify
from conformance.webhooks.receiver import Receiver, always
from conformance.webhooks.signature import PLAIN, verify
from conformance.webhooks.vectors import (
    ACCEPTS,
    DEDUPES,
    GATE_ONLY,
    GREETINGS,
    IN_TIME,
    ORDER,
    PARTNER,
    REFUSAL,
    REPEATS_TAKEN,
    TEST_EVENT,
    TYPES,
    UNREADABLE,
    VERIFIES,
    Choice,
)
from conformance.webhooks.wire import MAX_ANSWER, MAX_SILENCES

from .processes import SECRET, serving, under_test


class Scripted(BaseHTTPRequestHandler):
    """A handler and probe in one whose answers the test chooses."""

    def do_POST(self):
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts += 1
        self.server.paths.add(self.path)
        self.server.on_post(self)

    def do_GET(self):
        reply(self, 200, json.dumps(self.server.count).encode())

    def log_message(self, *_args):
        """Keep the test output readable."""


def reply(request, status, body=b""):
    request.send_response(status)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


class Server(ThreadingHTTPServer):
    request_queue_size = 64


BRIEF = Patience(answer=5, effects=0.1, quiet=0.01, body=0.05)


@contextmanager
def scripted(on_post, count):
    with Server(("127.0.0.1", 0), Scripted) as server:
        server.on_post, server.count, server.posts, server.paths = on_post, count, 0, set()
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield (
                server,
                under_test(f"{url}/hook", f"{url}/effects/{{eventId}}", patience=BRIEF),
            )
        finally:
            server.shutdown()


def outcomes(findings):
    """The outcomes seen for each requirement."""
    seen = {}
    for finding in findings:
        seen.setdefault(finding.requirement, set()).add(finding.outcome)
    return seen


def test_the_honest_handler_passes_everything():
    with serving("handler.py") as handler:
        findings = certify(handler).findings

    assert {finding.name: finding.outcome for finding in findings if finding.outcome is not Outcome.PASS} == {}
    assert set(outcomes(findings)) == set(PARTNER)


def test_what_no_source_binds_is_told_and_not_judged():
    with serving("handler.py") as handler:
        certificate = certify(handler)
    told = {observed.subject.removeprefix("handler: "): observed.value for observed in certificate.observed}

    assert told["upper-case-signature"] == "401, no effect"
    assert (told["several-v1-good-first"], told["several-v1-good-last"]) == ("401, no effect", "200, 1 effect")
    assert told["unknown-type"] == "200, no effect"
    assert told["slow-sender"] == "200, 1 effect"
    assert told["restart"].startswith("not tried")
    assert {finding.name for finding in certificate.findings}.isdisjoint(told)


@pytest.mark.parametrize(
    ("products", "not_applicable"),
    [({"pools"}, set(GATE_ONLY)), ({"gate"}, set()), ({"pools", "gate"}, set())],
)
def test_a_handler_is_judged_by_the_products_it_is_for(products, not_applicable):
    choice = Choice(products=frozenset(products), effects_on=frozenset({COMPLETED, *POOLS_TYPES}))
    with serving("handler.py") as handler:
        findings = certify(replace(handler, choice=choice)).findings

    assert set(outcomes(findings)) == set(PARTNER)
    assert {r for r, seen in outcomes(findings).items() if seen == {Outcome.NOT_APPLICABLE}} == not_applicable
    assert {seen for r in outcomes(findings).items() if r[0] not in not_applicable for seen in r[1]} == {Outcome.PASS}


def test_a_second_run_under_another_name_is_not_taken_for_a_repetition():
    with serving("handler.py") as handler:
        certify(handler)
        again = certify(under_test(handler.url, handler.effects.url, run="another")).findings

    assert {finding.outcome for finding in again} == {Outcome.PASS}


def test_events_seen_in_an_earlier_run_of_the_same_name_prove_nothing():
    with serving("handler.py") as handler:
        certify(handler)
        again = certify(handler).findings

    seen = outcomes(again)
    assert (seen[VERIFIES], seen[DEDUPES], seen[ACCEPTS]) == ({Outcome.NOT_EVIDENCED},) * 3
    assert all("never sent" in finding.missing for finding in again if finding.outcome is Outcome.NOT_EVIDENCED)


def test_of_gate_s_events_an_effect_is_asked_for_only_where_one_is_promised():
    gate = Choice(products=frozenset({"gate"}), thorough=False)
    with scripted(lambda request: reply(request, 200), {"count": 0}) as (_server, handler):
        unpromised = certify(replace(handler, choice=gate)).findings
        promised = certify(replace(handler, choice=replace(gate, effects_on=frozenset({COMPLETED})))).findings

    assert outcomes(unpromised)[ACCEPTS] == {Outcome.NOT_EVIDENCED}
    assert any("--effects-on" in finding.missing for finding in unpromised)
    assert outcomes(promised)[ACCEPTS] == {Outcome.FAIL}


def test_a_gate_event_with_an_effect_shows_what_it_shows_unpromised_too():
    gate = Choice(products=frozenset({"gate"}), thorough=False)
    with serving("handler.py") as handler:
        findings = certify(replace(handler, choice=gate)).findings

    assert {finding.outcome for finding in findings} == {Outcome.PASS}


def test_a_handler_nobody_can_reach_is_an_error_and_not_a_refusal():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}"

    findings = certify(under_test(f"{url}/hook", f"{url}/effects/{{eventId}}")).findings

    assert {finding.outcome for finding in findings} == {Outcome.ERROR}


def test_a_handler_that_answers_no_greeting_is_an_error_and_is_sent_nothing_else():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        patience = Patience(answer=0.05, effects=0.05, quiet=0.01, grace=0.05)
        findings = certify(under_test(f"{url}/hook", f"{url}/effects/{{eventId}}", patience=patience)).findings

    assert {finding.outcome for finding in findings} == {Outcome.ERROR}
    assert set(outcomes(findings)) == set(PARTNER)
    assert len({id(attempt) for finding in findings for attempt in finding.attempts}) == len(GREETINGS)


def test_a_handler_that_hangs_on_what_is_genuine_is_given_up_on():
    """It answers forgeries, so that it is there; what was never sent is not held against it."""

    def hang_on_the_genuine(request):
        if verify(request.headers.get_all("Gate-Signature", []), request.body, [SECRET], int(time.time())).ok:
            request.server.stop.wait(30)
        else:
            reply(request, 401)

    with scripted(hang_on_the_genuine, {"count": 0}) as (server, handler):
        server.stop = threading.Event()
        patience = Patience(answer=0.6, effects=0.05, quiet=0.01, grace=0.2, body=0.01)
        findings = certify(replace(handler, patience=patience)).findings
        server.stop.set()

    missed = [f for f in findings if f.outcome is Outcome.NOT_EVIDENCED and "never answered" in f.missing]
    assert Outcome.FAIL in outcomes(findings)[ACCEPTS]
    assert outcomes(findings)[IN_TIME] == {Outcome.FAIL}
    assert missed
    assert server.posts < MAX_SILENCES + 40


def test_without_a_readable_probe_only_what_the_status_shows_is_failed():
    with Receiver(answer=always(200)) as receiver:
        findings = certify(under_test(receiver.url, receiver.url + "/effects/{eventId}")).findings

    seen = outcomes(findings)
    assert (seen[ACCEPTS], seen[DEDUPES], seen[TEST_EVENT]) == ({Outcome.NOT_EVIDENCED},) * 3
    assert (seen[VERIFIES], seen[UNREADABLE]) == ({Outcome.FAIL},) * 2
    assert (seen[TYPES], seen[REPEATS_TAKEN], seen[IN_TIME], seen[ORDER]) == ({Outcome.PASS},) * 4
    assert seen[REFUSAL] == {Outcome.NOT_EVIDENCED}
    assert "405" in findings[0].missing


def test_without_any_probe_repetitions_and_refusals_are_never_passed():
    with serving("handler.py") as handler:
        findings = certify(replace(handler, effects=None)).findings

    seen = outcomes(findings)
    assert {r for r, found in seen.items() if found == {Outcome.NOT_EVIDENCED}} == {
        ACCEPTS,
        DEDUPES,
        VERIFIES,
        UNREADABLE,
        TEST_EVENT,
    }
    assert all("--effects-url" in f.missing for f in findings if f.outcome is Outcome.NOT_EVIDENCED)
    assert (seen[TYPES], seen[IN_TIME], seen[REFUSAL]) == ({Outcome.PASS},) * 3


def test_a_handler_that_refuses_everything_has_not_shown_that_it_verifies():
    with Receiver(answer=always(401)) as receiver:
        findings = certify(under_test(receiver.url, receiver.url + "/effects/{eventId}")).findings

    seen = outcomes(findings)
    assert (seen[ACCEPTS], seen[TYPES]) == ({Outcome.FAIL},) * 2
    assert (seen[DEDUPES], seen[VERIFIES], seen[ORDER], seen[REPEATS_TAKEN]) == ({Outcome.NOT_EVIDENCED},) * 4


def test_a_probe_that_always_says_none_proves_no_refusal():
    with scripted(lambda request: reply(request, 401), {"count": 0}) as (_server, handler):
        findings = certify(handler).findings

    assert outcomes(findings)[VERIFIES] == {Outcome.NOT_EVIDENCED}


def test_a_probe_that_counts_what_was_never_sent_is_not_believed():
    with scripted(lambda request: reply(request, 200), {"count": 1}) as (_server, handler):
        findings = certify(handler).findings

    assert outcomes(findings)[ACCEPTS] == {Outcome.NOT_EVIDENCED}
    assert "{eventId}" in findings[0].missing


def test_a_dropped_connection_is_tried_once_more():
    dropped = threading.Event()

    def drop_the_first(request):
        genuine = verify(request.headers.get_all("Gate-Signature", []), request.body, [SECRET], int(time.time())).ok
        if genuine and not dropped.is_set():
            dropped.set()
            request.close_connection = True
        else:
            reply(request, 401)

    with scripted(drop_the_first, {"count": 0}) as (_server, handler):
        first = certify(handler).findings[0]

    assert [attempt.status for attempt in first.attempts] == [None, 401]


def test_a_redirect_is_not_followed_and_not_an_acceptance():
    def redirect(request):
        request.send_response(307)
        request.send_header("Location", "/elsewhere")
        request.send_header("Content-Length", "0")
        request.end_headers()

    with scripted(redirect, {"count": 0}) as (server, handler):
        findings = certify(handler).findings

    assert outcomes(findings)[ACCEPTS] == {Outcome.FAIL}
    assert outcomes(findings)[REFUSAL] == {Outcome.FAIL}
    assert "/elsewhere" not in server.paths


def test_an_answer_of_100_mb_is_read_up_to_its_limit():
    def pour(request):
        request.send_response(200)
        request.send_header("Content-Length", str(100 * 1024 * 1024))
        request.end_headers()
        with suppress(ConnectionError):
            for _ in range(1600):
                request.wfile.write(b"x" * MAX_ANSWER)
        request.close_connection = True

    with scripted(pour, {"count": 0}) as (_server, handler):
        findings = certify(handler).findings

    attempts = [attempt for finding in findings for attempt in finding.attempts]
    assert {len(attempt.response_body) for attempt in attempts} == {MAX_ANSWER}
    assert all(attempt.truncated for attempt in attempts)
    assert outcomes(findings)[VERIFIES] == {Outcome.FAIL}


def test_an_answer_that_drips_is_none():
    def drip(request):
        request.send_response(200)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        with suppress(ConnectionError):
            while not request.server.stop.wait(0.02):
                request.wfile.write(b"x")
        request.close_connection = True

    with scripted(drip, {"count": 0}) as (server, handler):
        server.stop = threading.Event()
        findings = certify(replace(handler, patience=Patience(0.1, 0.1, 0.01, grace=0.1))).findings
        server.stop.set()

    assert {finding.outcome for finding in findings} == {Outcome.ERROR}
    assert "no whole answer within 0.2 s" in findings[0].observed


@pytest.mark.parametrize(
    "answer", [b"", b"not HTTP at all\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", b"HTTP/1.1 2"]
)
def test_a_connection_that_breaks_is_an_error_that_says_so(answer):
    def hang_up(request):
        request.wfile.write(answer)
        request.close_connection = True

    with scripted(hang_up, {"count": 0}) as (_server, handler):
        findings = certify(handler).findings

    assert {finding.outcome for finding in findings} == {Outcome.ERROR}
    assert "Error" in findings[0].observed


def test_a_server_that_hangs_up_on_a_header_that_is_no_ascii_refuses_well_enough():
    def parse(request):
        signatures = request.headers.get_all("Gate-Signature", [])
        if all(signature.isascii() for signature in signatures):
            reply(request, 401)
        else:
            request.close_connection = True

    with scripted(parse, {"count": 0}) as (_server, handler):
        findings = certify(handler).findings

    assert outcomes(findings)[REFUSAL] == {Outcome.PASS}


def test_late_answers_under_load_are_tried_again_alone():
    """What comes beside others waits; what is sent again by itself is answered at once."""

    def slow_in_company(request):
        if b"_valid" in request.body and b"-alone" not in request.body:
            request.server.stop.wait(1.3)
        reply(request, 200)

    with scripted(slow_in_company, {"count": 0}) as (server, handler):
        server.stop = threading.Event()
        choice = Choice(products=frozenset({"pools"}), thorough=False)
        certificate = certify(replace(handler, choice=choice, patience=Patience(1.0, 0.1, 0.01, grace=5)))

    assert outcomes(certificate.findings)[IN_TIME] == {Outcome.PASS}
    assert any("at once" in observed.subject and "late" in observed.subject for observed in certificate.observed)


def test_an_untimed_scheme_is_not_judged_by_time():
    with Receiver() as receiver:
        findings = certify(under_test(receiver.url, receiver.url + "/{eventId}", scheme=PLAIN)).findings

    assert {"stale", "future", "header-without-digest", "header-without-time"}.isdisjoint(
        finding.name for finding in findings
    )


def test_deliveries_are_sent_as_recorded():
    with Receiver(clock=lambda: 0.0) as receiver:
        findings = certify(under_test(receiver.url, receiver.url + "/{eventId}", header="X-Signature")).findings
        (attempt,) = findings[0].attempts
        delivered = next(found for found in receiver.deliveries() if found.body == attempt.request_body)

    assert delivered.header("x-signature") == tuple(v for k, v in attempt.request_headers if k == "x-signature")
    assert delivered.header("content-type") == ("application/json",)
    assert delivered.header("x-0bit-event-type") == ("pool.transaction.settled",)


PROBE = "http://127.0.0.1:1/{eventId}"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        pytest.param({"secret": "whsec_live_abc"}, "live", id="live secret"),
        pytest.param({"secret": "whsec_live_abc", "confirmed": True}, "live", id="live secret, confirmed"),
        pytest.param({"secret": ""}, "empty", id="no secret"),
        pytest.param({"url": "http://192.0.2.1/hook"}, "not on this machine", id="another machine"),
        pytest.param({"url": "http://127.0.0.1.example.org/"}, "not on this machine", id="a name that looks local"),
        pytest.param({"url": "ftp://127.0.0.1/"}, "no address", id="another protocol"),
        pytest.param({"url": "/hook"}, "no address", id="no host"),
        pytest.param({"url": "http://127.0.0.1:99999/"}, "no address", id="no such port"),
        pytest.param({"url": "http://user:word@127.0.0.1/"}, "credentials", id="credentials"),
        pytest.param({"effects": EffectsProbe("http://192.0.2.1/{eventId}")}, "effects_url", id="probe elsewhere"),
        pytest.param({"run": "a b"}, "run", id="run"),
        pytest.param({"header": "X:Y"}, "header", id="header"),
        pytest.param({"tolerance": 0}, "tolerance", id="no tolerance"),
        pytest.param({"tolerance": 10**9}, "tolerance", id="a tolerance without end"),
    ],
)
def test_what_must_not_be_tried_is_refused_by_name(options, names):
    handler = under_test("http://127.0.0.1:1/", PROBE)
    given = {"url": handler.url, "secret": handler.secret, "effects": handler.effects, "run": "r", **options}

    with pytest.raises(ValueError, match=names):
        type(handler)(**given)


def test_another_machine_is_allowed_once_confirmed():
    assert under_test("https://staging.example.org/hook", PROBE, confirmed=True).confirmed


def test_the_secret_is_not_shown():
    handler = under_test("http://127.0.0.1:1/", PROBE)

    assert handler.secret not in repr(handler)


@pytest.mark.parametrize(
    ("status", "body", "count"),
    [
        (200, b'{"data":{"count":2}}', 2),
        (404, b"not here", 0),
    ],
)
def test_a_probe_s_answer_is_a_count(status, body, count):
    assert EffectsProbe("/{eventId}", "data.count").count(status, body) == count


@pytest.mark.parametrize(
    ("status", "body", "names"),
    [
        (500, b"", "500"),
        (204, b"", "204"),
        (200, b"{", "JSON"),
        (200, b"[" * 50_000, "JSON"),
        (200, b"\xff", "JSON"),
        (200, b"[]", "'data'"),
        (200, b'{"data":{}}', "'count'"),
        (200, b'{"data":{"count":"1"}}', "str"),
        (200, b'{"data":{"count":true}}', "bool"),
        (200, b'{"data":{"count":1.0}}', "float"),
        (200, b'{"data":{"count":-1}}', "from 0 up"),
    ],
)
def test_anything_else_a_probe_answers_is_named(status, body, names):
    with pytest.raises(ProbeError, match=names):
        EffectsProbe("/{eventId}", "data.count").count(status, body)


def test_a_probe_must_say_where_the_event_id_belongs():
    with pytest.raises(ValueError, match=r"\{eventId\}"):
        EffectsProbe("http://127.0.0.1:1/effects")


COUNTS = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); q = 'SELECT count(*) FROM effects WHERE event_id = ?'"
PRINTS = COUNTS + "; print(db.execute(q, sys.argv[2:]).fetchone()[0])"


def test_a_command_may_count_the_effects(tmp_path):
    database = tmp_path / "partner.db"
    command = EffectsCommand((sys.executable, "-c", PRINTS, str(database), "{eventId}"))
    with serving("handler.py", "--db", str(database)) as handler:
        choice = Choice(products=frozenset({"pools"}), thorough=False)
        findings = certify(replace(handler, effects=command, choice=choice)).findings

    assert {f.outcome for f in findings if f.requirement not in GATE_ONLY} == {Outcome.PASS}


def probed_by(*words, timeout=10.0):
    """What a certification of the honest handler says was missing, its effects counted by this command."""
    choice = Choice(products=frozenset({"pools"}), thorough=False)
    with serving("handler.py") as handler:
        findings = certify(replace(handler, effects=EffectsCommand(words, timeout), choice=choice)).findings
    assert outcomes(findings)[DEDUPES] == {Outcome.NOT_EVIDENCED}
    return next(finding.missing for finding in findings if finding.requirement == DEDUPES)


@pytest.mark.parametrize(
    ("program", "names"),
    [
        pytest.param("print('one')", "one integer", id="words"),
        pytest.param("print(-1)", "one integer", id="negative"),
        pytest.param("print()", "one integer", id="nothing"),
        pytest.param("print('1' * 30)", "one integer", id="too long"),
        pytest.param("raise SystemExit(3)", "exit code 3", id="failure"),
        pytest.param("import time; time.sleep(60)", "did not end", id="hangs"),
        pytest.param("while True: print('x' * 1000)", "did not end", id="endless"),
    ],
)
def test_a_command_that_prints_no_count_shows_nothing(program, names):
    assert names in probed_by(sys.executable, "-c", program, "{eventId}", timeout=2)


def test_a_command_that_is_not_there_shows_nothing():
    assert "cannot be started" in probed_by("/nowhere/at/all", "{eventId}")


def test_a_command_inherits_next_to_nothing(monkeypatch):
    monkeypatch.setenv("OBIT_WEBHOOK_SECRET", SECRET)
    program = "import os; raise SystemExit(7 if any('OBIT' in name for name in os.environ) else 5)"

    assert "exit code 5" in probed_by(sys.executable, "-c", program, "{eventId}")


def test_a_command_must_name_the_event_in_an_argument():
    with pytest.raises(ValueError, match=r"\{eventId\}"):
        EffectsCommand(("{eventId}",))

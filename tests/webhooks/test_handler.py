"""The driver blames the right party, also for handlers it cannot reach or see, or that misbehave."""

import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from conformance.journal.records import Outcome
from conformance.webhooks.effects import EffectsProbe, ProbeError
from conformance.webhooks.handler import Patience, certify
from conformance.webhooks.receiver import Receiver, always
from conformance.webhooks.signature import PLAIN
from conformance.webhooks.wire import MAX_ANSWER

from .processes import serving, under_test

ACCEPTS, VERIFIES, DEDUPES = "PARTNER-WEBHOOK-ACCEPTS", "PARTNER-WEBHOOK-VERIFIES", "PARTNER-WEBHOOK-DEDUPES"


class Scripted(BaseHTTPRequestHandler):
    """A handler and probe in one whose answers the test chooses."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts += 1
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


@contextmanager
def scripted(on_post, count):
    with Server(("127.0.0.1", 0), Scripted) as server:
        server.on_post, server.count, server.posts = on_post, count, 0
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield (
                server,
                under_test(f"{url}/hook", f"{url}/effects/{{eventId}}", patience=Patience(5, 0.1, 0.01)),
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
        findings = certify(handler)

    assert {finding.name: finding.outcome for finding in findings if finding.outcome is not Outcome.PASS} == {}
    assert set(outcomes(findings)) == {ACCEPTS, VERIFIES, DEDUPES}


def test_a_second_run_under_another_name_is_not_taken_for_a_repetition():
    with serving("handler.py") as handler:
        certify(handler)
        again = certify(under_test(handler.url, handler.effects.url, run="another"))

    assert {finding.outcome for finding in again} == {Outcome.PASS}


def test_events_seen_in_an_earlier_run_of_the_same_name_prove_nothing():
    with serving("handler.py") as handler:
        certify(handler)
        again = certify(handler)

    assert Outcome.PASS not in {finding.outcome for finding in again}
    assert all("never sent" in finding.missing for finding in again if finding.outcome is Outcome.NOT_EVIDENCED)


def test_a_handler_nobody_can_reach_is_an_error_and_not_a_refusal():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}"

    findings = certify(under_test(f"{url}/hook", f"{url}/effects/{{eventId}}"))

    assert {finding.outcome for finding in findings} == {Outcome.ERROR}


def test_a_handler_that_never_answers_is_an_error_after_one_patience_each():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        handler = under_test(f"{url}/hook", f"{url}/effects/{{eventId}}", patience=Patience(0.05, 0.05, 0.01))
        findings = certify(handler)

    assert {finding.outcome for finding in findings} == {Outcome.ERROR}
    assert all(attempt.timed_out for finding in findings for attempt in finding.attempts)
    assert {len(finding.attempts) for finding in findings if finding.requirement != DEDUPES} == {1}


def test_without_a_readable_probe_only_what_the_status_shows_is_failed():
    with Receiver(answer=always(200)) as receiver:
        findings = certify(under_test(receiver.url, receiver.url + "/effects/{eventId}"))

    assert outcomes(findings) == {
        ACCEPTS: {Outcome.NOT_EVIDENCED},
        DEDUPES: {Outcome.NOT_EVIDENCED},
        VERIFIES: {Outcome.FAIL},
    }
    assert "405" in findings[0].missing


def test_a_handler_that_refuses_everything_has_not_shown_that_it_verifies():
    with Receiver(answer=always(401)) as receiver:
        findings = certify(under_test(receiver.url, receiver.url + "/effects/{eventId}"))

    assert outcomes(findings) == {
        ACCEPTS: {Outcome.FAIL},
        DEDUPES: {Outcome.NOT_EVIDENCED},
        VERIFIES: {Outcome.NOT_EVIDENCED},
    }


def test_a_probe_that_always_says_none_proves_no_refusal():
    with scripted(lambda request: reply(request, 401), {"count": 0}) as (_server, handler):
        findings = certify(handler)

    assert outcomes(findings)[VERIFIES] == {Outcome.NOT_EVIDENCED}


def test_a_probe_that_counts_what_was_never_sent_is_not_believed():
    with scripted(lambda request: reply(request, 200), {"count": 1}) as (_server, handler):
        findings = certify(handler)

    assert outcomes(findings)[ACCEPTS] == {Outcome.NOT_EVIDENCED}
    assert "{eventId}" in findings[0].missing


def test_a_dropped_connection_is_tried_once_more():
    def drop_the_first(request):
        if request.server.posts == 1:
            request.close_connection = True
        else:
            reply(request, 401)

    with scripted(drop_the_first, {"count": 0}) as (_server, handler):
        first = certify(handler)[0]

    assert [attempt.status for attempt in first.attempts] == [None, 401]


def test_a_redirect_is_not_followed_and_not_an_acceptance():
    def redirect(request):
        request.send_response(307)
        request.send_header("Location", "/elsewhere")
        request.send_header("Content-Length", "0")
        request.end_headers()

    with scripted(redirect, {"count": 0}) as (server, handler):
        findings = certify(handler)

    assert outcomes(findings)[ACCEPTS] == {Outcome.FAIL}
    assert server.posts == sum(len(finding.attempts) for finding in findings)


def test_an_endless_answer_is_read_up_to_its_limit():
    with scripted(lambda request: reply(request, 200, b"x" * (4 * MAX_ANSWER)), {"count": 0}) as (
        _server,
        handler,
    ):
        findings = certify(handler)

    assert {len(attempt.response_body) for finding in findings for attempt in finding.attempts} == {MAX_ANSWER}


def test_an_untimed_scheme_is_not_judged_by_time():
    with Receiver() as receiver:
        findings = certify(under_test(receiver.url, receiver.url + "/{eventId}", scheme=PLAIN))

    assert {"stale", "future", "header-without-digest"}.isdisjoint(finding.name for finding in findings)


def test_deliveries_are_sent_as_recorded():
    with Receiver(clock=lambda: 0.0) as receiver:
        findings = certify(under_test(receiver.url, receiver.url + "/{eventId}", header="X-Signature"))
        delivered = receiver.deliveries()[0]

    (attempt,) = findings[0].attempts
    assert delivered.body == attempt.request_body
    assert delivered.header("x-signature") == tuple(v for k, v in attempt.request_headers if k == "x-signature")
    assert delivered.header("content-type") == ("application/json",)


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

"""The example handler does its duties, and each broken twin is noticed by the vectors that should do so."""

import http.client
import importlib.util
import json
import sqlite3
import subprocess
import sys
from urllib.parse import urlsplit

import httpx
import pytest

from conformance.journal.records import Outcome
from conformance.requirements import load
from conformance.webhooks.handler import certify
from conformance.webhooks.signature import sign

from .processes import PARTNER, SECRET, serving

NOW = 1_800_000_000
BODY = b'{"eventId":"e1","type":"pool.transaction.settled","transactId":"txn_test_1"}'
SIGNED = sign(SECRET, BODY, NOW)

LISTED = json.loads(
    subprocess.run(
        [sys.executable, str(PARTNER / "faults.py"), "--list-faults"], capture_output=True, check=True
    ).stdout
)

EVERY_ACCEPTANCE = {"valid-settled", "valid-unusual-bytes", "valid-failed", "valid-released"}
EVERY_RACE = {"repeated-at-once-1", "repeated-at-once-2", "repeated-at-once-3"}
NOTICED_BY = {
    "no-verify": {
        "missing-signature",
        "malformed-header",
        "header-without-digest",
        "forged",
        "tampered-body",
        "re-serialised-body",
        "stale",
        "future",
    },
    "missing-signature": {"missing-signature"},
    "parsed-body": {"re-serialised-body", "valid-unusual-bytes"},
    "no-tolerance": {"stale", "future"},
    "future-time": {"future"},
    "digest-prefix": {"header-without-digest"},
    "stripped-prefix": EVERY_ACCEPTANCE,
    "no-dedupe": {"repeated-in-sequence", *EVERY_RACE},
    "dedupe-after-effect": EVERY_RACE,
    "dedupe-by-signature": {"repeated-in-sequence"},
    "ack-before-storing": EVERY_ACCEPTANCE,
    "settled-only": {"valid-failed", "valid-released"},
}


@pytest.fixture
def partner():
    specification = importlib.util.spec_from_file_location("example_handler", PARTNER / "handler.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.Partner(SECRET, sqlite3.connect(":memory:"), clock=lambda: float(NOW))


@pytest.mark.parametrize("fault", LISTED, ids=lambda fault: fault["name"])
def test_a_broken_twin_is_noticed_by_the_right_vectors_and_breaks_what_it_says(fault):
    with serving("faults.py", "--fault", fault["name"]) as handler:
        failed = [finding for finding in certify(handler) if finding.outcome is Outcome.FAIL]

    assert {finding.name for finding in failed} == NOTICED_BY[fault["name"]]
    assert {finding.requirement for finding in failed} == set(fault["breaks"])


def test_every_requirement_on_handlers_has_a_fault():
    about_handlers = {entry.id for entry in load() if entry.id.startswith("PARTNER-WEBHOOK-")}

    assert {broken for fault in LISTED for broken in fault["breaks"]} == about_handlers


@pytest.mark.parametrize(
    ("age", "status"),
    [(300, 200), (301, 401), (-300, 200), (-301, 401)],
)
def test_the_tolerance_holds_exactly_on_both_sides(partner, age, status):
    assert partner.receive([sign(SECRET, BODY, NOW - age)], BODY) == status


@pytest.mark.parametrize(
    ("signatures", "raw", "status", "effects"),
    [
        pytest.param([SIGNED], BODY, 200, 1, id="valid"),
        pytest.param([], BODY, 401, 0, id="no header"),
        pytest.param([SIGNED, SIGNED], BODY, 401, 0, id="two headers"),
        pytest.param(["t=é,v1=é"], BODY, 401, 0, id="not ASCII"),
        pytest.param([sign(SECRET, b"no json", NOW)], b"no json", 400, 0, id="not JSON"),
        pytest.param([sign(SECRET, b"[]", NOW)], b"[]", 400, 0, id="not an object"),
        pytest.param([sign(SECRET, b'{"eventId":1}', NOW)], b'{"eventId":1}', 400, 0, id="no event"),
    ],
)
def test_a_delivery_is_answered_and_stored_or_neither(partner, signatures, raw, status, effects):
    assert (partner.receive(signatures, raw), partner.effects("e1")) == (status, effects)


def test_an_event_of_another_type_is_taken_without_effect(partner):
    body = b'{"eventId":"e1","type":"pool.transaction.renamed"}'

    assert (partner.receive([sign(SECRET, body, NOW)], body), partner.effects("e1")) == (200, 0)


def test_what_cannot_be_stored_is_not_acknowledged(partner):
    partner.database.execute("DROP TABLE effects")

    assert partner.receive([SIGNED], BODY) == 503
    assert partner.database.execute("SELECT count(*) FROM events").fetchone() == (0,)


def test_a_repetition_after_a_restart_has_no_second_effect(tmp_path):
    counts = []
    for _start in range(2):
        with serving("handler.py", "--db", str(tmp_path / "partner.db")) as handler:
            signature = sign(SECRET, BODY, int(handler.clock()))
            assert httpx.post(handler.url, content=BODY, headers={handler.header: signature}).status_code == 200
            counts.append(httpx.get(handler.effects.url_of("e1")).json()["count"])

    assert counts == [1, 1]


def test_without_a_secret_the_handler_does_not_start():
    done = subprocess.run(
        [sys.executable, str(PARTNER / "handler.py")], env={}, capture_output=True, text=True, timeout=30
    )

    assert done.returncode == 2
    assert "OBIT_WEBHOOK_SECRET" in done.stderr


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/elsewhere", {}, 404),
        ("POST", "/webhooks", {"Content-Length": "9999999999"}, 413),
        ("POST", "/webhooks", {"Content-Length": "-1"}, 411),
        ("GET", "/elsewhere", {}, 404),
    ],
)
def test_the_door_refuses_what_it_does_not_serve(method, path, headers, status):
    with serving("handler.py") as handler:
        address = urlsplit(handler.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
        connection.request(method, path, headers=headers)
        answered = connection.getresponse().status
        connection.close()

    assert answered == status

"""The example handler does its duties, and each broken twin is noticed by the vectors that should do so."""

import http.client
import importlib.util
import json
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest

from conformance.journal.records import Outcome
from conformance.requirements import load
from conformance.webhooks.handler import Patience, certify
from conformance.webhooks.signature import TIMED, sign
from conformance.webhooks.vectors import PARTNER as PARTNER_REQUIREMENTS
from conformance.webhooks.vectors import Choice, Expect, cases

from .processes import PARTNER, SECRET, serving

BODY = b'{"eventId":"e1","type":"pool.transaction.settled","transactId":"txn_test_1"}'
COMPLETED = b'{"id":"e1","type":"gate_session.completed","created_at":1,"data":{"id":"gs_test_1"}}'

LISTED = json.loads(
    subprocess.run(
        [sys.executable, str(PARTNER / "faults.py"), "--list-faults"], capture_output=True, check=True
    ).stdout
)

ACCEPTANCES = {"valid", "valid-unusual-bytes", "valid-failed", "valid-released"}
RACES = {"repeated-at-once-1", "repeated-at-once-2", "repeated-at-once-3"}
SEQUENCES = {"repeated-in-sequence", "completed-repeated"}
SESSIONS = {
    f"valid-gate_session.{state}" for state in ("created", "processing", "completed", "failed", "cancelled", "expired")
}
UNLISTED = {"valid-gate_session.processing", "valid-gate_session.failed", "valid-kyc.required"}
FORGERIES = {
    vector.name
    for vector in cases(Choice(), TIMED)
    if getattr(vector, "expect", None) is Expect.REFUSED and vector.name != "broken-json"
}
NOTICED_BY = {
    "no-verify": FORGERIES,
    "missing-signature": {"missing-signature"},
    "parsed-body": {"re-serialised-body", "valid-unusual-bytes"},
    "no-tolerance": {"stale", "future"},
    "future-time": {"future"},
    "digest-prefix": {"header-without-digest", "cut-digest"},
    "stripped-prefix": ACCEPTANCES | SESSIONS | {"valid-kyc.required", "valid-webhook.test"},
    "no-dedupe": SEQUENCES | RACES,
    "dedupe-after-effect": RACES,
    "dedupe-by-signature": SEQUENCES,
    "ack-before-storing": ACCEPTANCES,
    "settled-only": {"valid-failed", "valid-released"},
    "listed-types-only": UNLISTED,
    "test-has-effect": {"valid-webhook.test"},
    "acks-unreadable": {"broken-json"},
    "conflict-on-repeat": SEQUENCES,
    "waits-for-the-bank": {"answers"},
    "fails-on-forgeries": {"refusals"},
    "demands-order": {"completed-before-processing"},
}
SOON = Patience(answer=1.5, effects=1, quiet=0.1, body=0.1)
"""What waits two seconds for its bank is late by this; nobody has to wait for longer."""


@pytest.fixture
def partner():
    specification = importlib.util.spec_from_file_location("example_handler", PARTNER / "handler.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.Partner(SECRET, sqlite3.connect(":memory:"))


@pytest.mark.parametrize("fault", LISTED, ids=lambda fault: fault["name"])
def test_a_broken_twin_is_noticed_by_the_right_vectors_and_breaks_what_it_says(fault):
    with serving("faults.py", "--fault", fault["name"], "--bank-seconds", "2") as handler:
        patience = SOON if fault["name"] == "waits-for-the-bank" else handler.patience
        findings = certify(replace(handler, patience=patience)).findings
    failed = [finding for finding in findings if finding.outcome is Outcome.FAIL]
    broken = {finding.requirement for finding in failed}

    assert {finding.name for finding in failed} == NOTICED_BY[fault["name"]]
    assert set(fault["breaks"]) <= broken <= {*fault["breaks"], *fault["drags"]}


def test_every_requirement_on_handlers_has_a_fault():
    about_handlers = {entry.id for entry in load() if entry.id.startswith("PARTNER-WEBHOOK-")}

    assert {broken for fault in LISTED for broken in fault["breaks"]} == about_handlers
    assert about_handlers == set(PARTNER_REQUIREMENTS)


@pytest.mark.parametrize(
    ("age", "status"),
    [(290, 200), (310, 401), (-290, 200), (-310, 401)],
)
def test_the_tolerance_holds_on_both_sides(partner, age, status):
    assert partner.receive([sign(SECRET, BODY, int(time.time()) - age)], BODY) == status


def signed(body):
    return [sign(SECRET, body, int(time.time()))]


@pytest.mark.parametrize(
    ("signatures", "raw", "status", "effects"),
    [
        pytest.param(signed, BODY, 200, 1, id="valid"),
        pytest.param(signed, COMPLETED, 200, 1, id="valid, of 0Gate"),
        pytest.param(lambda _body: [], BODY, 401, 0, id="no header"),
        pytest.param(lambda body: signed(body) * 2, BODY, 401, 0, id="two headers"),
        pytest.param(lambda _body: ["t=é,v1=é"], BODY, 401, 0, id="not ASCII"),
        pytest.param(signed, b"no json", 401, 0, id="not JSON"),
        pytest.param(signed, b"[]", 400, 0, id="not an object"),
        pytest.param(signed, b'{"eventId":1}', 400, 0, id="no event"),
        pytest.param(signed, b'{"id":"e1","type":"gate_session.completed","data":{}}', 400, 0, id="no session"),
        pytest.param(signed, b'{"eventId":"e1","type":"pool.transaction.renamed"}', 200, 0, id="of another type"),
    ],
)
def test_a_delivery_is_answered_and_stored_or_neither(partner, signatures, raw, status, effects):
    assert (partner.receive(signatures(raw), raw), partner.effects("e1")) == (status, effects)


def test_what_cannot_be_stored_is_not_acknowledged(partner):
    partner.database.execute("DROP TABLE effects")

    assert partner.receive(signed(BODY), BODY) == 503
    assert partner.database.execute("SELECT count(*) FROM events").fetchone() == (0,)


def test_a_repetition_after_a_restart_has_no_second_effect(tmp_path):
    counts = []
    for _start in range(2):
        with serving("handler.py", "--db", str(tmp_path / "partner.db")) as handler:
            signature = signed(BODY)[0]
            assert httpx.post(handler.url, content=BODY, headers={handler.header: signature}).status_code == 200
            counts.append(httpx.get(handler.effects.url_of("e1")).json()["count"])

    assert counts == [1, 1]


def test_without_the_vendor_s_library_the_handler_does_not_start():
    # -S leaves out site-packages, where the library lies.
    command = [sys.executable, "-S", str(PARTNER / "handler.py")]
    done = subprocess.run(command, env={"OBIT_WEBHOOK_SECRET": SECRET}, capture_output=True, text=True, timeout=30)

    assert done.returncode == 2
    assert "0bit-gate" in done.stderr


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

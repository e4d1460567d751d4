"""One delivery of 0Gate: what is wrong with it is found and named, and what is legal is let be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.contract import load
from conformance.scenarios.gate import arrivals
from conformance.scenarios.gate.arrivals import Arrival, in_turn
from conformance.target import Webhooks
from conformance.target.secret import Secret
from conformance.webhooks.receiver import Delivery
from conformance.webhooks.signature import sign

NOW = 1_767_225_600
SECRET = "whsec_0123456789abcdef"
GATE = load(None, "gate")
EVENT: dict[str, Any] = {
    "id": "evt_test_1",
    "type": "webhook.test",
    "created_at": NOW - 2,
    "data": {"livemode": False},
}
SETTINGS = Webhooks(
    listen_host="127.0.0.1",
    listen_port=0,
    public_url=None,
    secret=Secret(SECRET),
    secret_variable="OBIT_WEBHOOK_SECRET",
    header="Gate-Signature",
    scheme="t-v1-hmac-sha256",
    tolerance=300,
    event_id="id",
)


def arrival(body: object = EVENT, sequence: int = 1, at: int = NOW, **headers: str | None) -> Arrival:
    """A good delivery of ``body``, received now; a header of None is left out, ``_`` in a name is a hyphen."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    said = body if isinstance(body, dict) else EVENT
    sent: dict[str, str | None] = {
        "content-type": "application/json",
        "gate-signature": sign(SECRET, raw, at),
        "x-0bit-timestamp": str(at),
        "x-0bit-event-id": str(said.get("id")),
        "x-0bit-event-type": str(said.get("type")),
    }
    sent |= {name.lower().replace("_", "-"): value for name, value in headers.items()}
    kept = tuple((name, value) for name, value in sent.items() if value is not None)
    return Arrival(Delivery(sequence, NOW + 0.5, "/webhooks", kept, raw))


def changed(**members: Any) -> dict[str, Any]:
    return {**EVENT, **members}


def test_a_good_delivery_has_nothing_wrong() -> None:
    good = arrival()
    assert arrivals.signature(good, SETTINGS) == ""
    assert arrivals.headers(good) == ""
    assert arrivals.envelope(good, 300) == ""
    assert arrivals.payload(good, GATE, GATE) == ""
    assert arrivals.secrets(good, {"gsec_gs_1_abc"}) == ""


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (arrival(gate_signature=None), "missing"),
        (arrival(gate_signature=sign("whsec_other", json.dumps(EVENT).encode(), NOW)), "mismatch"),
        (arrival(gate_signature=sign(SECRET, b"{}", NOW)), "mismatch"),
        (arrival(gate_signature=f"t={NOW}"), "no digest"),
        (arrival(at=NOW - 400), "stale"),
        (arrival(at=NOW + 400), "future"),
        (arrival(at=NOW * 1000), "future"),
    ],
)
def test_a_bad_signature_is_told(found: Arrival, says: str) -> None:
    assert arrivals.signature(found, SETTINGS) == f"the Gate-Signature header is {says}"


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (arrival(x_0bit_event_id=None), "no X-0bit-Event-Id"),
        (arrival(x_0bit_event_id="evt_test_2"), "X-0bit-Event-Id differs from the body's id"),
        (arrival(x_0bit_event_type=""), "no X-0bit-Event-Type"),
        (arrival(x_0bit_event_type="kyc.required"), "X-0bit-Event-Type differs from the body's type"),
        (arrival(x_0bit_timestamp=None), "no X-0bit-Timestamp"),
        (arrival(x_0bit_timestamp=str(NOW - 60)), "X-0bit-Timestamp differs from the signature's t"),
        (arrival(content_type="text/plain"), "Content-Type is not JSON"),
        (arrival(content_type=None), "Content-Type is not JSON"),
    ],
)
def test_a_bad_header_is_told(found: Arrival, says: str) -> None:
    assert arrivals.headers(found) == says


@pytest.mark.parametrize(
    "found",
    [
        arrival(x_0bit_timestamp=str(NOW + 1)),
        arrival(x_0bit_timestamp=str(NOW * 1000)),
        arrival(x_0bit_timestamp="2026-01-01T00:00:00Z"),
        arrival(content_type="application/json; charset=utf-8"),
        arrival(content_type="application/cloudevents+json"),
        arrival(b"not json"),
    ],
)
def test_a_header_may_be_written_otherwise(found: Arrival) -> None:
    assert arrivals.headers(found) == ""


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"not json", "the body is no JSON object"),
        ([EVENT], "the body is no JSON object"),
        (changed(id=None), "no id"),
        (changed(id=""), "id is no text"),
        (changed(type=5), "type is no text"),
        (changed(data="x"), "data is no object"),
        (changed(created_at="2026-01-01T00:00:00Z"), "created_at is no integer"),
        (changed(created_at=True), "created_at is no integer"),
        (changed(created_at=NOW * 1000), "created_at is not the time of the event in Unix seconds"),
    ],
)
def test_a_bad_envelope_is_told(body: object, says: str) -> None:
    assert arrivals.envelope(arrival(body), 300) == says


def test_an_envelope_may_hold_more_and_clocks_may_differ() -> None:
    assert arrivals.envelope(arrival(changed(object="event", created_at=NOW + 250)), 300) == ""


@pytest.mark.parametrize(
    ("body", "ok"),
    [
        (EVENT, True),
        (changed(data={"livemode": True}), False),
        (changed(data={}), False),
        (changed(type="gate_session.renamed", data={}), True),
    ],
)
def test_data_is_held_against_what_is_documented_for_its_type(body: dict[str, Any], ok: bool) -> None:
    assert (arrivals.payload(arrival(body), GATE, GATE) == "") is ok


def test_a_file_without_events_leaves_them_to_the_published_one() -> None:
    wrong = arrival(changed(data={"livemode": True}))
    assert arrivals.payload(wrong, load(), GATE) == arrivals.payload(wrong, GATE, GATE) != ""


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"client_secret": "x"}, "member client_secret"),
        ({"session": {"clientSecret": "x"}}, "member clientSecret"),
        ({"note": "see gsec_gs_1_abc"}, "the client secret of a session"),
        ({"client_secret": None}, ""),
    ],
)
def test_a_client_secret_is_found_by_name_or_by_value(data: dict[str, Any], says: str) -> None:
    found = arrivals.secrets(arrival(changed(data=data)), {"gsec_gs_1_abc"})
    assert found == says
    assert "gsec_gs_1_abc" not in found


def test_an_event_is_named_by_its_headers_where_the_body_does_not() -> None:
    found = arrival(b"not json", x_0bit_event_id="evt_test_9", x_0bit_event_type="kyc.required")
    assert (found.event, found.kind, found.data) == ("evt_test_9", "kyc.required", {})


@pytest.mark.parametrize(
    ("header", "at"),
    [(f"t={NOW},v1=ab", NOW), (f"v0=1, t = {NOW} , v1=ab", NOW), ("v1=ab", None), ("t=soon,v1=ab", None), (None, None)],
)
def test_the_signed_time_is_read_from_the_header(header: str | None, at: int | None) -> None:
    assert arrival(gate_signature=header).signed_at == at


def test_each_event_counts_by_its_first_arrival() -> None:
    first, other, again = arrival(sequence=1), arrival(changed(id="evt_test_2"), 2), arrival(sequence=3)
    assert in_turn([again, other, first]) == [first, other]

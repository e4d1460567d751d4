"""Stories of what arrives at an endpoint of 0Gate, and of what its log says. Tests about faults tell them."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from queue import Empty

from conformance.sandbox.gate import outbox
from tests.sandbox.worlds import World

from .endpoint import SILENCE, Endpoint, listening
from .scenes import SESSION, Scene

Arrival = tuple[dict[str, str], bytes]

AGAIN = outbox.TIMEOUT_SECONDS + 1.5
"""Seconds in which an attempt that was not answered has come again: the first wait is a hundredth of one."""


@contextmanager
def subscribed(world: World) -> Iterator[tuple[Scene, Endpoint]]:
    """The approved account with an endpoint, as long as the context lasts."""
    with listening() as endpoint:
        world.operator.post("/gate/webhooks/endpoint", json={"account": "approved", "url": endpoint.url})
        yield Scene(world), endpoint


def arrived(endpoint: Endpoint) -> list[Arrival]:
    """What has come so far."""
    return [endpoint.received.get() for _ in range(endpoint.received.qsize())]


def document(body: bytes) -> dict[str, object]:
    read: dict[str, object] = json.loads(body)
    return read


def described(scene: Scene, arrival: Arrival) -> list[object]:
    """Whether a delivery verifies and is of now, whether its headers name what its body says, and what that is."""
    headers, body = arrival
    told = document(body)
    stamp, _, given = headers.get("gate-signature", "").partition(",")
    digest = hmac.new(b"whsec_sandbox_approved", stamp[2:].encode() + b"." + body, hashlib.sha256).hexdigest()
    fresh = stamp[2:].isdigit() and abs(int(stamp[2:]) - datetime.now(UTC).timestamp()) < 300
    named = [told.get("id") == headers.get("x-0bit-event-id"), told.get("type") == headers.get("x-0bit-event-type")]
    same_time = headers.get("x-0bit-timestamp") == stamp[2:]
    made = told.get("created_at")
    recent = isinstance(made, int) and abs(made - datetime.now(UTC).timestamp()) < 300
    members = {**told, "id": None, "created_at": recent}
    return [given == f"v1={digest}", fresh, *named, same_time, scene.plain(members)]


def of_each_object(scene: Scene, arrivals: list[Arrival]) -> list[object]:
    """The deliveries, those about one object in the order in which they came, the objects in that of their labels."""
    shown = [described(scene, arrival) for arrival in arrivals]
    return sorted(shown, key=lambda row: json.dumps(subject(row[-1]), default=str))


def subject(told: object) -> object:
    """What an event is about."""
    data = told.get("data", told) if isinstance(told, dict) else {}
    return data.get("gate_session_id", data.get("id")) if isinstance(data, dict) else None


def told_of(scene: Scene, arrivals: list[Arrival]) -> list[object]:
    """Types and data of what has come, in no order of time."""
    told = [document(body) for _, body in arrivals]
    return sorted(([str(event["type"]), scene.plain(event["data"])] for event in told), key=json.dumps)


def sessions_told(world: World) -> None:
    """Sessions that are made, repeated, cancelled and brought to each end."""
    with subscribed(world) as (scene, endpoint):
        body = {**SESSION, "metadata": {"order_id": "order_1"}, "user_reference": "user_1"}
        first = scene.post("/gate_sessions", body, key="K-one")["id"]
        scene.post("/gate_sessions", body, key="K-one")
        for _ in range(2):
            scene.post(f"/gate_sessions/{first}/cancel")
        for moves in (["complete"], ["process", "fail"], ["expire"]):
            session_id = scene.session()
            for move in moves:
                scene.control(f"/sessions/{session_id}/{move}")
        scene.settled()
        scene.note(of_each_object(scene, arrived(endpoint)))


def rails_told(world: World) -> None:
    """Rails of both kinds that are made and brought to each end."""
    with subscribed(world) as (scene, endpoint):
        for kind, side in (("pay_ins", "on_ramp"), ("pay_outs", "off_ramp")):
            for move in ("settle", "fail", "cancel"):
                made = scene.redeem(scene.session(), scene.quote(side=side), kind)["id"]
                scene.control(f"/rails/{made}/{move}")
        scene.settled()
        scene.note(told_of(scene, arrived(endpoint)))


def customers_told(world: World) -> None:
    """A customer who is made, changed and deleted twice."""
    with subscribed(world) as (scene, endpoint):
        path = f"/customers/{scene.customer()}"
        scene.patch(path, {"first_name": "New"})
        for _ in range(2):
            scene.delete(path)
        scene.settled()
        scene.note(told_of(scene, arrived(endpoint)))


def two_partners_told(world: World) -> None:
    """A session of a partner without an endpoint, while another one has one."""
    with subscribed(world) as (scene, endpoint):
        scene.of("other_partner").session()
        scene.session()
        scene.settled()
        scene.note(len(arrived(endpoint)))


def refused_deliveries(world: World) -> None:
    """Two events of a session of which the first is answered with 500 twice; who comes when, and as what."""
    with subscribed(world) as (scene, endpoint):
        for status in (500, 500):
            endpoint.answers.put(status)
        scene.post(f"/gate_sessions/{scene.session()}/cancel")
        scene.note([[row["event_type"], row["status"], row["attempts"]] for row in scene.settled()])
        came = arrived(endpoint)
    ids = [document(body).get("id") for _, body in came]
    scene.note([described(scene, arrival)[:4] for arrival in came])
    scene.note([[document(body).get("type"), ids.index(its_id)] for (_, body), its_id in zip(came, ids, strict=True)])


def unanswered_deliveries(world: World) -> None:
    """What becomes of an event whose first attempt the endpoint does not answer."""
    with subscribed(world) as (scene, endpoint):
        endpoint.answers.put(SILENCE)
        scene.session()
        first, _, _ = endpoint.next()
        again = next_within(endpoint, AGAIN)
        scene.note([again is not None, again == first["x-0bit-event-id"]])


def next_within(endpoint: Endpoint, seconds: float) -> str | None:
    """The event id of the next delivery, if there is one within so many seconds."""
    try:
        headers, _ = endpoint.received.get(timeout=seconds)
    except Empty:
        return None
    return headers["x-0bit-event-id"]


def refused_for_good(world: World) -> None:
    """How often an event is sent that the endpoint never takes."""
    with subscribed(world) as (scene, endpoint):
        for _ in range(6):
            endpoint.answers.put(500)
        scene.session()
        scene.note([[row["status"], row["attempts"]] for row in scene.settled()])
        scene.note(len(arrived(endpoint)))


def taken_deliveries(world: World) -> None:
    """Test events that are taken with each of the statuses of success, looked up, filtered and replayed."""
    with subscribed(world) as (scene, endpoint):
        for status in (200, 201, 202, 204):
            endpoint.answers.put(status)
            scene.post("/webhooks/test")
            scene.settled()
        rows = scene.settled()
        came = arrived(endpoint)
        known = [document(body).get("id") for _, body in came]
        scene.note([row["event_id"] in known for row in rows])
        scene.note([described(scene, arrival) for arrival in came])
        for query in ("?limit=2", "?limit=2&skip=1", "?limit=2&skip=2", "?status=succeeded", "?status=dead_lettered"):
            scene.get(f"/webhooks/deliveries{query}")
        scene.post(f"/webhooks/deliveries/{rows[0]['id']}/replay")
        scene.post("/webhooks/deliveries/wd_test_none/replay")
        scene.settled()
        scene.note(len(arrived(endpoint)))
        scene.of("other_partner").get("/webhooks/deliveries")


def dead_letters(world: World) -> None:
    """An event that is refused five times, tried by a stranger, replayed by its owner, and taken then."""
    with subscribed(world) as (scene, endpoint):
        for _ in range(5):
            endpoint.answers.put(500)
        queued = scene.post("/webhooks/test")
        scene.settled()
        first = [document(body).get("id") for _, body in arrived(endpoint)]
        scene.of("other_partner").post(f"/webhooks/deliveries/{queued['id']}/replay")
        scene.post(f"/webhooks/deliveries/{queued['id']}/replay")
        time.sleep(0.1)
        again = [document(body).get("id") for _, body in arrived(endpoint)]
        scene.note([len(first), [its_id in first for its_id in again]])


def nowhere(world: World) -> None:
    """A test event of an account that has no endpoint."""
    Scene(world).post("/webhooks/test")

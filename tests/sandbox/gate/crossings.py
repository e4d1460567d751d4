"""Stories of calls of 0Gate that meet each other, and of callers that hang up. Tests about faults tell them."""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx

from tests.sandbox.meetings import PATIENCE, at_once
from tests.sandbox.worlds import World

from .scenes import SESSION, Scene

TRIES = 8


def races(world: World) -> None:
    """What becomes of creates that meet, each kind tried until something is wrong, or often enough."""
    for race in (one_key, one_quote, one_key_one_quote, one_address):
        found = (race(Scene(world)) for _ in range(TRIES))
        world.note([race.__name__, next((seen for seen in found if seen != "one"), "one")])


def create(scene: Scene, path: str, body: object, key: str) -> httpx.Response:
    client = scene.client("sk_test_sandbox_approved")
    return client.post(path, json=body, headers={"Idempotency-Key": key})


def one_key(scene: Scene) -> str:
    """Two sessions at once under one key, and the key once more."""
    key = str(uuid.uuid4())
    before = count(scene, "/gate_sessions")
    statuses = at_once(*[lambda: create(scene, "/gate_sessions", SESSION, key)] * 2)
    late = create(scene, "/gate_sessions", SESSION, key).status_code
    made = count(scene, "/gate_sessions") - before
    return "one" if (statuses, late, made) == ([201, 201], 201, 1) else f"{statuses}, {late}, {made} made"


def one_quote(scene: Scene) -> str:
    """Two redemptions of one quote at once under two keys."""
    body = redemption(scene)
    statuses = at_once(*[lambda: create(scene, "/rails/pay_ins", body, str(uuid.uuid4()))] * 2)
    return "one" if statuses == [201, 409] else str(statuses)


def one_key_one_quote(scene: Scene) -> str:
    """Two redemptions of one quote at once under one key."""
    body, key = redemption(scene), str(uuid.uuid4())
    at_once(*[lambda: create(scene, "/rails/pay_ins", body, key)] * 2)
    made = count(scene, f"/transactions?session_id={body['gate_session_id']}")
    return "one" if made == 1 else f"{made} rails"


def one_address(scene: Scene) -> str:
    """Two customers at once with one address under two keys."""
    body = {"email": f"{uuid.uuid4().hex}@partner.example"}
    statuses = at_once(*[lambda: create(scene, "/customers", body, str(uuid.uuid4()))] * 2)
    return "one" if statuses == [201, 409] else str(statuses)


def redemption(scene: Scene) -> dict[str, str]:
    """A body that redeems a fresh quote in a fresh session, made without a note."""
    session = create(scene, "/gate_sessions", SESSION, str(uuid.uuid4())).json()
    order = {"currency": "EUR", "asset": "USDC", "amount": "10.00", "side": "on_ramp", "payment_method": "card"}
    quote = create(scene, "/quotes", order, str(uuid.uuid4())).json()
    return {"gate_session_id": session["id"], "quote_id": quote["id"]}


def count(scene: Scene, path: str) -> int:
    page = scene.client("sk_test_sandbox_approved").get(path, params={"limit": 100} if "?" not in path else None)
    return len(page.json()["data"])


def hang_ups(world: World) -> None:
    """Creates whose caller hangs up, repeated under their key until something is wrong, or often enough."""
    scene = Scene(world)
    redeemed = redemption(scene)
    filtered = f"/transactions?session_id={redeemed['gate_session_id']}"
    for path, body, listed in (("/gate_sessions", SESSION, "/gate_sessions"), ("/rails/pay_ins", redeemed, filtered)):
        before, key = count(scene, listed), str(uuid.uuid4())
        send_and_hang_up(world.url.removesuffix("/v1") + "/gate/v1" + path, body, key)
        until(lambda listed=listed, before=before: count(scene, listed) > before)
        seen = "the same one"
        for _ in range(TRIES):
            time.sleep(0.01)
            answer = create(scene, path, body, key)
            made = count(scene, listed) - before
            if answer.status_code != 201 or made != 1:
                seen = f"{answer.status_code}, {made} made"
                break
        world.note([path, seen])


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < end:
        time.sleep(0.005)


def send_and_hang_up(address: str, body: object, key: str) -> None:
    """Send a whole create over a connection of its own and close it without reading."""
    url, content = urlsplit(address), json.dumps(body)
    head = (
        f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer sk_test_sandbox_approved\r\n"
        f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    assert url.hostname is not None
    with socket.create_connection((url.hostname, url.port or 80), PATIENCE) as line:
        line.sendall((head + content).encode())

"""Stories about 0Gate's quotes, rails and transactions that tests about faults tell."""

from __future__ import annotations

from tests.sandbox.worlds import World

from .scenes import LOCK, SESSION, Scene

ORDER = {name: LOCK[name] for name in LOCK if name != "payment_method"}


def previews(world: World) -> None:
    """Previews, and what can be read or redeemed of them."""
    scene = Scene(world)
    for change in ({}, {"side": "off_ramp"}):
        for option in scene.post("/quotes/preview", {**ORDER, **change})["data"]:
            if "id" in option:
                scene.get(f"/quotes/{option['id']}")


def odd_orders(world: World) -> None:
    """Orders that should be neither previewed nor locked."""
    scene = Scene(world)
    for amount in ("0.00", "-1.00", "1.123456789", 100.5, "a lot"):
        scene.post("/quotes/preview", {**ORDER, "amount": amount})
        scene.post("/quotes", {**LOCK, "amount": amount})
    for left_out in LOCK:
        body = {name: LOCK[name] for name in LOCK if name != left_out}
        scene.post("/quotes/preview", body)
        scene.post("/quotes", body)


def quotes(world: World) -> None:
    """Locks of both sides, read twice, lapsed, and tried then."""
    scene = Scene(world)
    for change in ({}, {"side": "off_ramp"}):
        quote_id = scene.quote(**change)
        for _ in range(2):
            scene.get(f"/quotes/{quote_id}")
        scene.control("/clock", quote_id=quote_id, advance_seconds=60)
        for _ in range(2):
            scene.get(f"/quotes/{quote_id}")
        scene.redeem(scene.session(), quote_id, "pay_outs" if change else "pay_ins")
        scene.get(f"/quotes/{quote_id}")


def rails(world: World) -> None:
    """Pay-ins and pay-outs with their keys, the same quote under another, and all that can be read of them."""
    scene = Scene(world)
    for kind, side in (("pay_ins", "on_ramp"), ("pay_outs", "off_ramp")):
        session_id, quote_id = scene.session(), scene.quote(side=side)
        body = {"gate_session_id": session_id, "quote_id": quote_id, "reference": "order_1", "metadata": {"n": 1}}
        made = scene.post(f"/rails/{kind}", body, key=f"K-{kind}")
        for key in (f"K-{kind}", f"K-{kind}", f"another-{kind}", f"third-{kind}"):
            scene.post(f"/rails/{kind}", body, key=key)
        other = scene.quote(side=side)
        scene.redeem(session_id, other, kind, key=f"K-{kind}")
        scene.get(f"/quotes/{other}")
        scene.get(f"/quotes/{quote_id}")
        scene.get(f"/rails/{kind}/{made['id']}")
        scene.post("/gate_sessions", SESSION, key=f"in between {kind}".replace(" ", "-"))
        scene.redeem(scene.session(), scene.quote(side=side), kind)
        scene.post(f"/rails/{kind}", body, key=f"K-{kind}")


def rail_ends(world: World) -> None:
    """Rails brought to each end, read twice."""
    scene = Scene(world)
    for move in ("settle", "fail", "cancel"):
        session_id = scene.session()
        quote_id = scene.quote()
        made = scene.redeem(session_id, quote_id)["id"]
        scene.get(f"/rails/pay_ins/{made}")
        scene.control(f"/rails/{made}/{move}")
        for _ in range(2):
            scene.get(f"/rails/pay_ins/{made}")
        scene.get(f"/gate_sessions/{session_id}")
        scene.redeem(scene.session(), quote_id)


def refused_rails(world: World) -> None:
    """Rail creates with details, without a session, for one that has ended and for a user who is not verified."""
    scene = Scene(world)
    for detail in ("amount", "currency", "method", "iban", "email"):
        session_id, quote_id = scene.session(), scene.quote()
        body = {"gate_session_id": session_id, "quote_id": quote_id, detail: "1.00"}
        scene.post("/rails/pay_ins", body)
        scene.get(f"/quotes/{quote_id}")
    for move in ("expire", "complete", "require_kyc"):
        for kind, side in (("pay_ins", "on_ramp"), ("pay_outs", "off_ramp")):
            session_id, quote_id = scene.session(), scene.quote(side=side)
            scene.control(f"/sessions/{session_id}/{move}")
            scene.redeem(session_id, quote_id, kind)
            scene.get(f"/quotes/{quote_id}")
    quote_id = scene.quote()
    scene.redeem("gs_test_none", quote_id)
    scene.get(f"/quotes/{quote_id}")


def transactions(world: World) -> None:
    """Transactions of sessions and rails of two partners, listed, walked, filtered and read."""
    scene, other = Scene(world), Scene(world).of("other_partner")
    scene.session()
    theirs = other.session()
    other.control(f"/sessions/{theirs}/process")
    mine = [scene.session() for _ in range(3)]
    for session_id in mine:
        scene.control(f"/sessions/{session_id}/process")
    scene.control(f"/sessions/{mine[1]}/complete")
    scene.redeem(mine[2], scene.quote())
    listed = scene.get("/transactions")["data"]
    for row in listed:
        scene.get(f"/transactions/{row['refid']}")
    scene.walk("/transactions?")
    for session_id in (mine[2], theirs):
        scene.get(f"/transactions?session_id={session_id}")
    scene.get("/transactions?status=completed")

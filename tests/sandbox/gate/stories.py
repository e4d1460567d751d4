"""Stories that tests about 0Gate's faults tell to a sandbox: sessions, lists, capabilities, customers and the doors."""

from __future__ import annotations

from conformance.sandbox.gate import operations
from tests.sandbox.worlds import World

from .scenes import LOCK, SESSION, Scene

CUSTOMER = {
    "email": "first@partner.example",
    "external_id": "ext-1",
    "phone": "+4912345678",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "country_code": "DE",
    "metadata": {"tier": 1},
}


def a_session(world: World) -> None:
    """A session that is made, read, listed and cancelled twice."""
    scene = Scene(world)
    session_id = scene.session(metadata={"order_id": "order_test_1"}, user_reference="user_test_1", flow="on_ramp")
    first, second = (scene.get(f"/gate_sessions/{session_id}") for _ in range(2))
    world.note(first["expires_at"] == second["expires_at"])
    scene.get("/gate_sessions")
    scene.post(f"/gate_sessions/{session_id}/cancel")
    for _ in range(2):
        scene.get(f"/gate_sessions/{session_id}")
    scene.post(f"/gate_sessions/{session_id}/cancel")
    scene.get("/gate_sessions?status=cancelled")


def ends(world: World) -> None:
    """Sessions that are brought to each end from outside, read, and cancelled then."""
    scene = Scene(world)
    for move in ("complete", "expire", "process", "fail"):
        session_id = scene.session()
        scene.control(f"/sessions/{session_id}/{move}")
        for _ in range(2):
            scene.get(f"/gate_sessions/{session_id}")
        scene.post(f"/gate_sessions/{session_id}/cancel")
        scene.get(f"/gate_sessions/{session_id}")


def odd_sessions(world: World) -> None:
    """Bodies that no session should come of."""
    scene = Scene(world)
    for change in ({"amount": "-1.00"}, {"amount": "0"}, {"amount": 100.5}, {"amount": "a lot"}, {"kyc_package": {}}):
        scene.post("/gate_sessions", {**SESSION, **change})
    for left_out in SESSION:
        scene.post("/gate_sessions", {name: SESSION[name] for name in SESSION if name != left_out})
    scene.get("/gate_sessions")


def session_keys(world: World) -> None:
    """Creates under one key: repeated, with another body, after another key, in other letters, by another partner."""
    scene = Scene(world)
    first = scene.post("/gate_sessions", SESSION, key="K-one")["id"]
    for body in (SESSION, SESSION, {**SESSION, "amount": "70.00"}):
        scene.post("/gate_sessions", body, key="K-one")
    scene.post("/gate_sessions", SESSION, key="K-two")
    scene.post("/gate_sessions", SESSION, key="K-one")
    scene.post("/gate_sessions", {**SESSION, "amount": "70.00"}, key="k-ONE")
    scene.of("other_partner").post("/gate_sessions", SESSION, key="K-one")
    scene.post(f"/gate_sessions/{first}/cancel")
    scene.post("/gate_sessions", SESSION, key="K-one")
    for account in ("approved", "other_partner"):
        scene.of(account).get("/gate_sessions")


def session_lists(world: World) -> None:
    """Lists of sessions of two partners: whole, by page, by status, and after another partner's."""
    scene, other = Scene(world), Scene(world).of("other_partner")
    theirs = [other.session(), other.session()]
    mine = [scene.session() for _ in range(5)]
    scene.post(f"/gate_sessions/{mine[1]}/cancel")
    scene.get("/gate_sessions")
    scene.walk("/gate_sessions?", scene.session)
    scene.walk("/gate_sessions?status=open&")
    scene.get("/gate_sessions?status=cancelled&limit=3")
    scene.get(f"/gate_sessions?starting_after={theirs[1]}")
    for _ in range(6):
        scene.session()
    world.note(len(scene.get("/gate_sessions")["data"]))


def capabilities(world: World) -> None:
    """Every capability read, with what it may be asked for."""
    scene = Scene(world)
    for query in (
        "",
        "?country_code=DE",
        "?country_code=de",
        "?country_code=ZZ",
        "?supported=true",
        "?supported=false",
    ):
        scene.get(f"/capabilities/countries{query}")
    for path in ("currencies", "assets", "payment-methods", "payout-methods", "eligibility"):
        for query in ("", "?country_code=DE", "?country_code=ZZ", "?currency=EUR", "?country_code=BR&asset=ETH"):
            scene.get(f"/capabilities/{path}{query}")
    for symbol in ("USDC", "usdc", "NONE", "EURX"):
        scene.get(f"/capabilities/assets/{symbol}")


def customers(world: World) -> None:
    """A customer who is made, made again, changed, and changed in ways that are refused."""
    scene = Scene(world)
    made = scene.post("/customers", CUSTOMER, key="K-one")["id"]
    scene.post("/customers", CUSTOMER, key="K-one")
    for change in ({"external_id": "ext-2"}, {"email": "second@partner.example"}):
        scene.post("/customers", {**CUSTOMER, **change})
    path = f"/customers/{made}"
    scene.get(path)
    for body in ({"first_name": "Grace"}, {"last_name": None}, {"metadata": {"tier": 2}}):
        scene.patch(path, body)
        scene.get(path)
    for name in ("email", "phone", "external_id", "kyc_status", "mode", "nickname"):
        scene.patch(path, {"country_code": "FR", name: "other@partner.example"})
        scene.get(path)
    scene.get("/customers?email=first@partner.example")


def odd_customers(world: World) -> None:
    """Bodies that no customer should come of."""
    scene = Scene(world)
    scene.post("/customers", {"first_name": "Nobody"})
    for change in ({"email": "nobody"}, {"first_name": "x" * 129}, {"country_code": "Germany"}):
        scene.post("/customers", {"email": "odd@partner.example", **change})


def deletions(world: World) -> None:
    """A customer who is deleted, looked for, deleted again and made anew."""
    scene = Scene(world)
    kept = scene.customer(external_id="ext-kept")
    path = f"/customers/{scene.customer(email='gone@partner.example', external_id='ext-gone')}"
    first = scene.delete(path)
    scene.get(path)
    scene.patch(path, {"first_name": "New"})
    for query in ("", "?email=gone@partner.example", "?external_id=ext-gone"):
        scene.get(f"/customers{query}")
    world.note(scene.delete(path) == first)
    for change in ({"external_id": "ext-new"}, {"email": "new@partner.example"}):
        scene.post("/customers", {"email": "gone@partner.example", "external_id": "ext-gone", **change})
    scene.get(path)
    scene.get(f"/customers/{kept}")


def customer_lists(world: World) -> None:
    """Lists of customers of two partners: whole, by page, and by each filter."""
    scene, other = Scene(world), Scene(world).of("other_partner")
    other.customer(email="theirs@partner.example", external_id="ext-1")
    for number in range(5):
        scene.customer(email=f"{number}@partner.example", external_id=f"ext-{number}{'-long' * (number % 2)}")
    scene.walk("/customers?")
    for query in ("", "?email=3@partner.example", "?external_id=ext-2", "?external_id=ext-1", "?external_id=ext"):
        scene.get(f"/customers{query}")
    scene.get("/customers?email=theirs@partner.example")


def branding(world: World) -> None:
    """Updates of the look, fitting and not, each read back."""
    scene = Scene(world)
    changes: list[dict[str, object]] = [
        {"brand_name": "Shop", "primary_color": "#FF4B1F"},
        {"accent_color": "#000000"},
        {"brand_name": "Other", "favicon": "x"},
        {"brand_name": "Other", "primary_color": "red"},
        {"brand_name": "Other", "logo_url": "http://shop.example/logo.png"},
    ]
    for change in changes:
        scene.patch("/branding", change)
        scene.get("/branding")


def widget(world: World) -> None:
    """Bootstraps from many pages, with many keys and many secrets."""
    scene, other = Scene(world), Scene(world).of("other_partner")
    secret = scene.post("/gate_sessions", SESSION)["client_secret"]
    theirs = other.post("/gate_sessions", SESSION)["client_secret"]
    scene.session()
    page, key = "https://shop.example", "pk_test_sandbox_approved"
    for body in ({}, {"clientSecret": secret}, {"clientSecret": theirs}, {"clientSecret": secret[:-8] + "00000000"}):
        answer = scene.post("/embed/bootstrap", body, credential=key, Origin=page)
        world.note(algorithm(answer.get("embed_token")))
    scene.post("/embed/bootstrap", {"clientSecret": "gsec_none"}, credential=key, Origin=page)
    for credential in ("sk_test_sandbox_approved", "pk_test_nobody", None):
        scene.post("/embed/bootstrap", {}, credential=credential, Origin=page)
    scene.post("/embed/bootstrap", {}, credential=key)
    origins = ("https://evil.example", "https://a.shop.example", "https://shop.example.evil", "http://shop.example")
    for origin in (*origins, "https://evilshop.example"):
        scene.post("/embed/bootstrap", {}, credential=key, Origin=origin)
    scene.post("/embed/bootstrap", {}, credential=key, Referer=f"https://evil.example/?from={page}/")


def widget_afterwards(world: World) -> None:
    """Bootstraps for sessions that were cancelled and that have expired."""
    scene = Scene(world)
    for end in ("cancel", "expire"):
        made = scene.post("/gate_sessions", SESSION)
        if end == "cancel":
            scene.post(f"/gate_sessions/{made['id']}/cancel")
        else:
            scene.control(f"/sessions/{made['id']}/expire")
        body = {"clientSecret": made["client_secret"]}
        scene.post("/embed/bootstrap", body, credential="pk_test_sandbox_approved", Origin="https://shop.example")


def two_partners(world: World) -> None:
    """What two partners set and name alike: the look, and a customer's address and reference."""
    partners = (Scene(world), Scene(world).of("other_partner"))
    for colour in ("#111111", "#222222"):
        for partner in partners:
            partner.patch("/branding", {"accent_color": colour})
        for partner in partners:
            partner.get("/branding")
        partners[0].patch("/branding", {"brand_name": f"Ours {colour}"})
        partners[1].get("/branding")
    for partner in partners:
        partner.post("/customers", {"email": "same@partner.example"})
        partner.post("/customers", {"email": f"{partner.account}@partner.example", "external_id": "same"})


def algorithm(token: object) -> object:
    """The head of a token, which says how it is signed; nothing for what is no JWT."""
    head = str(token).partition(".")[0]
    return head if "." in str(token) else None


BODIES: dict[str, object] = {
    "/gate_sessions": SESSION,
    "/quotes/preview": {name: LOCK[name] for name in LOCK if name != "payment_method"},
    "/quotes": LOCK,
    "/rails/pay_ins": {"gate_session_id": "gs_test_none", "quote_id": "qt_test_none"},
    "/rails/pay_outs": {"gate_session_id": "gs_test_none", "quote_id": "qt_test_none"},
    "/customers": {"email": "door@partner.example"},
    "/branding": {"brand_name": "Door"},
    "/customers/{id}": {"first_name": "Door"},
}


def everything(scene: Scene, credential: str | None = "its own") -> None:
    """One call of each operation, naming nobody's objects."""
    for operation in operations.OPERATIONS:
        path = (
            operation.path.format(id="none", symbol="USDC", refid="none") if "{" in operation.path else operation.path
        )
        body = BODIES.get(operation.path) if operation.method != "GET" else None
        scene.send(operation.method, path, body, credential=credential)


def doors(world: World) -> None:
    """Every operation without a key and with keys that do not fit."""
    scene = Scene(world)
    for credential in (None, "sk_test_nobody", "pk_test_sandbox_approved", "sk_live_sandbox_wrong_mode"):
        everything(scene, credential)
    session_id = scene.session()
    scene.post(f"/gate_sessions/{session_id}/cancel", credential="pk_test_sandbox_approved")
    scene.get(f"/gate_sessions/{session_id}")


def entitlements(world: World) -> None:
    """Every operation with accounts that lack something, and a redemption after something was taken away."""
    scene = Scene(world)
    for account in ("no_gate", "no_rails", "no_customers", "throttled"):
        everything(scene.of(account))
    session_id, quote_id = scene.session(), scene.quote()
    scene.control("/accounts/approved", rails=False)
    scene.redeem(session_id, quote_id)
    scene.get(f"/quotes/{quote_id}")
    scene.control("/accounts/approved", rails=True)
    scene.get(f"/quotes/{quote_id}")


def nobodys(world: World) -> None:
    """Ids that nobody was given, bodies nobody can read, and a cursor to nowhere."""
    scene = Scene(world)
    everything(scene)
    for amount in ("a lot", "100.50"):
        scene.post("/quotes/preview", {**LOCK, "amount": amount})
    scene.get("/gate_sessions?starting_after=gs_none")
    scene.get("/gate_sessions")


def strangers(world: World) -> None:
    """What another partner makes of everything the approved account has, and what is left of it."""
    scene = Scene(world)
    stranger = scene.of("other_partner")
    session_id, quote_id, customer_id = scene.session(), scene.quote(), scene.customer()
    pay_in = scene.redeem(scene.session(), scene.quote())["id"]
    pay_out = scene.redeem(scene.session(), scene.quote(side="off_ramp"), "pay_outs")["id"]
    refid = scene.get("/transactions")["data"][0]["refid"]
    paths = [f"/gate_sessions/{session_id}", f"/quotes/{quote_id}", f"/rails/pay_ins/{pay_in}"]
    paths += [f"/rails/pay_outs/{pay_out}", f"/transactions/{refid}", f"/customers/{customer_id}"]
    for path in paths:
        stranger.get(path)
    stranger.post(f"/gate_sessions/{session_id}/cancel")
    stranger.patch(f"/customers/{customer_id}", {"first_name": "Mallory"})
    stranger.delete(f"/customers/{customer_id}")
    stranger.redeem(stranger.session(), quote_id)
    own_quote = stranger.quote()
    stranger.redeem(session_id, own_quote)
    stranger.get(f"/quotes/{own_quote}")
    stranger.get("/transactions")
    stranger.get(f"/transactions?session_id={session_id}")
    for path in paths:
        scene.get(path)

"""Embed: who may start the widget, from which page and for which session. No token is ever shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from conformance.client import Credentials, GateApi, Refused, Reply
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.desk import Desk, Session, same_money
from conformance.scenarios.gate.tokens import token_problem
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.desk import moment

NEEDS = ("publishable_key", "origin")
ODD_PORT = 48613
"""A port nobody serves a checkout on."""


def own_origin(bench: Bench) -> str:
    """The allowed domain the profile names."""
    origin = bench.target.session.origin
    assert origin is not None, "a scenario that needs an origin declares it"
    return origin


def start(bench: Bench, api: GateApi, secret: object, origin: str | None = None) -> Reply:
    """A bootstrap by ``api`` from ``origin``, by default the partner's own."""
    body = {} if secret is None else {"clientSecret": secret}
    return api.bootstrap(body, {"Origin": origin or own_origin(bench)})


def bound(desk: Desk) -> tuple[Session, str]:
    """A session and its client secret. Raises ``Refused`` when the target shows none."""
    session = desk.open_session(flow="on_ramp")
    if session.secret is None:
        raise Refused("a client secret with a new session", "the operator of the target")
    return session, session.secret


def gives_no_token(reply: Reply) -> bool:
    """Whether an answer holds nothing that could be an embed token."""
    return not _tokens_in(reply.json())


def _tokens_in(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value.get("embed_token")) or any(_tokens_in(member) for member in value.values())
    if isinstance(value, list):
        return any(_tokens_in(item) for item in value)
    return isinstance(value, str) and not token_problem(value)


def working(bench: Bench, secret: str) -> Reply:
    """A bootstrap as it should be. Raises ``Refused`` when it gives no token: then a refusal would prove nothing."""
    reply = start(bench, bench.gate_published(), secret)
    if not reply.ok or gives_no_token(reply):
        raise Refused(
            f"a publishable key and an allowed domain that get an embed token (they got {reply.status})",
            "the partner",
        )
    return reply


@scenario("GATE-EMBED-BOOTSTRAP", needs=NEEDS)
def test_a_publishable_key_starts_the_widget_for_a_session(bench: Bench, desk: Desk, judge: Judge) -> None:
    session, secret = bound(desk)
    # A younger one, which must not be taken for the one that is meant.
    bound(desk)
    key = bench.gate_published().who.token
    assert key is not None
    by_header = bench.gate_anonymous()
    carriers = {
        "bearer": start(bench, bench.gate_published(), secret),
        "X-Publishable-Key": by_header.bootstrap(
            {"clientSecret": secret}, {"Origin": own_origin(bench), "X-Publishable-Key": key}
        ),
    }
    for carrier, reply in carriers.items():
        wrong = started_wrong(reply, session.reply.object())
        judge.check(
            "GATE-EMBED-BOOTSTRAP",
            not wrong,
            f"2xx with an HS256 token bound to the session, for a key sent as {carrier}",
            f"{reply.status}; {'; '.join(wrong) or 'it is'}",
            reply,
        )
    free = start(bench, bench.gate_published(), None)
    told = free.object().get("session_id")
    problem = f"status {free.status}" if not free.ok else token_problem(free.object().get("embed_token"))
    judge.check(
        "GATE-EMBED-BOOTSTRAP",
        not problem and not told,
        "2xx with a token bound to no session, without a client secret",
        problem or ("bound to a session" if told else "bound to none"),
        free,
    )
    judge.observe("bootstrap status", str(carriers["bearer"].status), "GATE-EMBED-BOOTSTRAP", carriers["bearer"])


def started_wrong(reply: Reply, session: Mapping[str, Any]) -> list[str]:
    """What is wrong with the answer to a bootstrap for ``session``, in words without any of its values."""
    if not reply.ok:
        return [f"status {reply.status}"]
    body = reply.object()
    wrong = [problem] if (problem := token_problem(body.get("embed_token"))) else []
    if body.get("session_id", session.get("id")) != session.get("id"):
        wrong.append("session_id is not that of the session")
    until = moment(body.get("expires_at"))
    if until is None or until <= reply.date:
        wrong.append("expires_at is not later than now")
    for name in ("partner_id", "mode", "currency", "return_url", "flow"):
        # Whether a member that holds nothing here is null or absent is not published.
        if body.get(name) is not None and session.get(name) is not None and body[name] != session[name]:
            wrong.append(f"{name} is not that of the session")
    if body.get("amount") is not None and not same_money(body["amount"], session.get("amount")):
        wrong.append("amount is not that of the session")
    return wrong


def foreign_origins(origin: str, word: str) -> list[str]:
    """Origins that resemble an allowed one and are not it: the whole must be equal, and there are no wildcards."""
    parts = urlsplit(origin)
    scheme = "http" if parts.scheme == "https" else "https"
    return [
        f"{scheme}://{parts.netloc}",
        f"{parts.scheme}://{parts.hostname}:{ODD_PORT}",
        f"https://{word}.example",
        f"{origin}.{word}.example",
        f"{parts.scheme}://{word}.{parts.netloc}",
        f"{parts.scheme}://{word}{parts.netloc}",
        f"{parts.scheme}://{word}-{parts.netloc}",
        "null",
    ]


@scenario("GATE-EMBED-ORIGIN", needs=NEEDS)
def test_the_widget_starts_on_no_other_page(bench: Bench, desk: Desk, judge: Judge) -> None:
    _, secret = bound(desk)
    proof = working(bench, secret)
    word = f"conformance{bench.rng.getrandbits(32):08x}"
    published = bench.gate_published()
    tried = {origin: start(bench, published, secret, origin) for origin in foreign_origins(own_origin(bench), word)}
    tried["no origin"] = published.bootstrap({"clientSecret": secret})
    for page in (f"https://{word}.example/checkout", f"https://{word}.example/?from={own_origin(bench)}/"):
        tried[f"{page} as Referer"] = published.bootstrap({"clientSecret": secret}, {"Referer": page})
    for origin, reply in tried.items():
        judge.check(
            "GATE-EMBED-ORIGIN",
            reply.status in (401, 403) and gives_no_token(reply),
            f"401 or 403 and no token for {origin}",
            f"{reply.status} {'without' if gives_no_token(reply) else 'with'} a token",
            proof,
            reply,
        )
    by_referer = published.bootstrap({"clientSecret": secret}, {"Referer": f"{own_origin(bench)}/checkout"})
    judge.observe("bootstrap by Referer", str(by_referer.status), "GATE-EMBED-ORIGIN", by_referer)


@scenario("GATE-EMBED-CREDENTIAL", needs=NEEDS)
def test_the_widget_starts_with_no_other_credential(bench: Bench, desk: Desk, judge: Judge) -> None:
    _, secret = bound(desk)
    proof = working(bench, secret)
    for name, api in other_credentials(bench).items():
        reply = start(bench, api, secret)
        judge.check(
            "GATE-EMBED-CREDENTIAL",
            reply.status in (401, 403) and gives_no_token(reply),
            f"401 or 403 and no token for {name}",
            f"{reply.status} {'without' if gives_no_token(reply) else 'with'} a token",
            proof,
            reply,
        )


def other_credentials(bench: Bench) -> dict[str, GateApi]:
    """Whoever must not start the widget: another kind of key, one nobody issued, none, and one of the other mode."""
    key = bench.gate_published().who.token or ""
    prefix = "_".join(key.split("_")[:2]) if key.count("_") > 1 else "pk_test"
    unknown = f"{prefix}_conformance{bench.rng.getrandbits(96):024x}"
    found = {
        "a secret key": bench.gate(),
        "a key nobody issued": bench.gate_anonymous(unknown),
        "no key": bench.gate_anonymous(),
    }
    other_mode = bench.target.accounts.get("wrong_mode")
    if other_mode is not None and other_mode.publishable_key is not None:
        who = Credentials("wrong_mode", other_mode.publishable_key.reveal())
        found["a key of the other mode"] = GateApi(bench.wire, who)
    return found


@scenario("GATE-EMBED-CLIENT-SECRET", needs=(*NEEDS, "account:other_partner"))
def test_the_widget_starts_for_no_other_session(bench: Bench, desk: Desk, judge: Judge) -> None:
    session, secret = bound(desk)
    proof = working(bench, secret)
    _, foreign = bound(Desk(bench, "other_partner"))
    made_up = f"{bench.rng.getrandbits(128):032x}"
    secrets = {
        "a client secret nobody issued": f"gsec_conformance_{made_up}",
        "a session's id with another secret": f"gsec_{session.id}_{made_up}",
        "the beginning of a client secret": secret[: -len(secret) // 4],
        "a session id": session.id,
        "a number": 7,
        "that of another partner's session": foreign,
    }
    for name, sent in secrets.items():
        reply = start(bench, bench.gate_published(), sent)
        judge.check(
            "GATE-EMBED-CLIENT-SECRET",
            400 <= reply.status < 500 and gives_no_token(reply),
            f"a refusal and no token for {name}",
            f"{reply.status} {'without' if gives_no_token(reply) else 'with'} a token",
            proof,
            reply,
        )


@scenario("GATE-EMBED-ENDED-SESSION", needs=NEEDS)
def test_the_widget_starts_for_no_session_that_is_over(bench: Bench, desk: Desk, judge: Judge) -> None:
    ends = [end for end in ("expired", "completed") if f"session_{end}" in bench.target.outcomes]
    for end in ("cancelled", *ends):
        session, secret = bound(desk)
        proof = working(bench, secret)
        ended = ended_as(desk, session, end)
        answers: list[Reply] = []

        def refused(secret: str = secret, answers: list[Reply] = answers) -> bool:
            answers.append(start(bench, bench.gate_published(), secret))
            return 400 <= answers[-1].status < 500 and gives_no_token(answers[-1])

        # The end may reach the doors of the widget a moment later.
        held = desk.awaited(refused)
        said = f"{answers[-1].status} {'without' if gives_no_token(answers[-1]) else 'with'} a token"
        if end == "completed":
            # The widget may want to show how it ended: nothing says that its secret is unusable then.
            judge.observe("bootstrap for a completed session", said, "GATE-EMBED-ENDED-SESSION", answers[-1])
            continue
        expected = f"a refusal and no token for the client secret of a session that is {end}"
        judge.check("GATE-EMBED-ENDED-SESSION", held, expected, said, proof, ended, answers[-1])


def ended_as(desk: Desk, session: Session, end: str) -> Reply:
    """Bring a session to an end and read it. Raises ``Refused`` when it does not come to it."""
    if end == "cancelled":
        desk.api.cancel_session(session.id)
    else:
        desk.bench.perform(f"session_{end}", account=desk.account, sessionId=session.id)
    desk.ended(session.id)
    read = desk.until(lambda: desk.api.session(session.id), lambda reply: reply.object().get("status") == end)
    if read.object().get("status") != end:
        raise Refused(f"a session that reads {end}", "the operator of the target")
    return read

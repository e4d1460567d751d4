"""Starting the widget from a partner's page: a short-lived token, what a browser may know of a session, and the look.

Who may call, and with which key, is decided before; from which page is decided here.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping
from typing import Final

from conformance.sandbox import clock
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.gate import access, branding, client_secrets, members, origins, refusals, sessions
from conformance.sandbox.gate.sessions import Session
from conformance.sandbox.refusal import invalid

BOOTSTRAPPED_STATUS: Final = 201
LIFETIME_SECONDS: Final = 60 * 60
ALGORITHM: Final = "HS256"
# Only the widget's own calls would take a token back, and the sandbox has none of them.
TOKEN_KEY: Final = secrets.token_bytes(32)
# What a browser is told of the session it is bound to.
SHOWN: Final = ("amount", "currency", "target_token", "target_network", "return_url", "flow")


def bootstrap(call: Call) -> Reply:
    """``POST /embed/bootstrap``: bound to the session of ``clientSecret``, or to none where none is sent.

    A key is accepted and makes no difference: each call gives a token of its own.
    """
    with call.sandbox.store.read() as tx:
        origins.check(tx, call.account, call.headers)
    document = members.body_of(call) if call.body else {}
    check_scopes(document)
    secret = members.optional_words(document, "clientSecret", 1, members.LONGEST_ADDRESS)
    with call.sandbox.store.read() as tx:
        session = None if secret is None else bound_session(tx, call, secret)
        look = branding.load(tx, call.owner)
    return Reply(BOOTSTRAPPED_STATUS, render(call, session, look))


def check_scopes(document: Mapping[str, object]) -> None:
    """400 unless the scopes are a list of texts. Their names are not published, so none is refused and none granted."""
    scopes = document.get("requested_scopes", [])
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise invalid("requested_scopes must be a list of strings")


def bound_session(tx: sqlite3.Connection, call: Call, secret: str) -> Session:
    """The caller's open session of this secret: 401 for a secret that is not his, 409 once the session is over."""
    session_id = client_secrets.session_of(tx, call.owner, secret)
    if session_id is None:
        raise refusals.unusable_secret()
    session = sessions.find(tx, call.owner, session_id)
    sessions.check_open(session)
    check_not_due(session, clock.account_now(tx, call.sandbox.clock, call.account))
    return session


def check_not_due(session: Session, now: int) -> None:
    """409 for a session whose time is over, though the job has not come by yet."""
    if now >= session.expires_at:
        raise refusals.session_over()


def render(call: Call, session: Session | None, look: Mapping[str, object]) -> dict[str, object]:
    """The whole answer; what belongs to a session is ``null`` without one."""
    terms: Mapping[str, object] = {} if session is None else session.terms
    expires_at = int(call.sandbox.clock()) + LIFETIME_SECONDS
    session_id = None if session is None else session.session_id
    return {
        "embed_token": token(call.owner, session_id, expires_at),
        "expires_at": clock.iso(expires_at),
        "partner_id": access.partner_id(call.owner),
        "mode": access.mode_of(call.owner),
        "session_id": session_id,
        **{name: terms.get(name) for name in SHOWN},
        "branding": dict(look),
    }


def token(owner: str, session_id: str | None, expires_at: int) -> str:
    """A JWT for partner, mode and session. Its moments are wall time, as those of every signature are."""
    claims = {
        "sub": access.partner_id(owner),
        "mode": access.mode_of(owner),
        "session_id": session_id,
        "iat": expires_at - LIFETIME_SECONDS,
        "exp": expires_at,
        "jti": secrets.token_hex(16),
    }
    import jwt  # a third of what the sandbox takes to start, and few need a token

    return jwt.encode(claims, TOKEN_KEY, algorithm=ALGORITHM)

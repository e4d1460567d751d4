"""Mistakes with starting the widget of 0Gate: from which page, with which key and secret, and what it gets."""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import Callable, Mapping, Sequence

from starlette.requests import Request

from conformance.sandbox.calls import Call, Operation, Sandbox
from conformance.sandbox.faults import gate_seams, seams
from conformance.sandbox.gate import client_secrets, embed, origins, refusals, serving, sessions
from conformance.sandbox.gate.sessions import Session
from conformance.sandbox.keys import Credential, Kind
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch, fault

BOOTSTRAP = "/embed/bootstrap"


ANYBODYS = "Bearer of the page's origin"


@fault(
    "gate-embed-token-opaque",
    summary="The embed token is a random text",
    fact="gate facts section 1.2: the embed token is a JWT, HS256",
    klass="embed",
    breaks=("GATE-EMBED-BOOTSTRAP",),
    drags=("WIRE-BODY",),
)
def gate_embed_token_opaque(patch: Patch) -> None:
    patch.replace(embed, "token", lambda owner, session_id, expires_at: f"et_test_{secrets.token_hex(24)}")


@fault(
    "gate-embed-token-unsigned",
    summary="The embed token says that it has no signature, alg none",
    fact="gate facts section 1.2: the embed token is a JWT, HS256",
    klass="embed",
    breaks=("GATE-EMBED-BOOTSTRAP",),
    drags=("WIRE-BODY",),
)
def gate_embed_token_unsigned(patch: Patch) -> None:
    def token(owner: str, session_id: str | None, expires_at: int) -> str:
        import jwt  # only when a token is asked for

        return jwt.encode({"session_id": session_id, "exp": expires_at}, "", algorithm="none")

    patch.replace(embed, "token", token)


@fault(
    "gate-embed-token-of-other-algorithm",
    summary="The embed token is signed with HS512",
    fact="gate facts section 1.2: the embed token is a JWT, HS256",
    klass="embed",
    breaks=("GATE-EMBED-BOOTSTRAP",),
)
def gate_embed_token_of_other_algorithm(patch: Patch) -> None:
    patch.replace(embed, "TOKEN_KEY", secrets.token_bytes(64))
    patch.replace(embed, "ALGORITHM", "HS512")


@fault(
    "gate-embed-binds-nothing",
    summary="The client secret is checked, and the widget is bound to no session",
    fact="gate facts section 4.E: the client secret binds the widget to its session",
    klass="embed",
    breaks=("GATE-EMBED-BOOTSTRAP",),
)
def gate_embed_binds_nothing(patch: Patch) -> None:
    healthy = embed.render
    patch.replace(embed, "render", lambda call, session, look: healthy(call, None, look))


@fault(
    "gate-embed-binds-newest-session",
    summary="The widget is bound to the partner's newest session, whatever the secret is of",
    fact="gate facts section 1.2: a client secret binds one widget to one session",
    klass="embed",
    breaks=("GATE-EMBED-BOOTSTRAP",),
)
def gate_embed_binds_newest_session(patch: Patch) -> None:
    healthy = embed.bound_session

    def bound_session(tx: sqlite3.Connection, call: Call, secret: str) -> Session:
        healthy(tx, call, secret)
        row = tx.execute("SELECT * FROM gate_sessions WHERE owner = ? ORDER BY seq DESC", (call.owner,)).fetchone()
        return sessions.restore(row)

    patch.replace(embed, "bound_session", bound_session)


@fault(
    "gate-embed-any-origin",
    summary="A publishable key is enough: the calling page is not looked at",
    fact="gate facts section 4.E: Origin or Referer must exactly equal an allowed domain",
    klass="embed",
    breaks=("GATE-EMBED-ORIGIN",),
)
def gate_embed_any_origin(patch: Patch) -> None:
    patch.replace(origins, "check", lambda tx, account, headers: None)


@fault(
    "gate-embed-origin-optional",
    summary="A call that names no page is taken for one from a server, and let in",
    fact="gate facts section 4.E: a missing origin fails",
    klass="embed",
    breaks=("GATE-EMBED-ORIGIN",),
)
def gate_embed_origin_optional(patch: Patch) -> None:
    allow(patch, lambda origin, domains: origin is None or origin in domains)


@fault(
    "gate-embed-subdomains",
    summary="Every subdomain of an allowed domain is allowed too",
    fact="gate facts section 4.E: exact match, no wildcards",
    klass="embed",
    breaks=("GATE-EMBED-ORIGIN",),
)
def gate_embed_subdomains(patch: Patch) -> None:
    allow(patch, lambda origin, domains: origin is not None and any(is_below(origin, domain) for domain in domains))


@fault(
    "gate-embed-origin-by-beginning",
    summary="An origin that begins like an allowed domain is allowed, whatever follows",
    fact="gate facts section 4.E: exact match",
    klass="embed",
    breaks=("GATE-EMBED-ORIGIN",),
)
def gate_embed_origin_by_beginning(patch: Patch) -> None:
    allow(patch, lambda origin, domains: origin is not None and origin.startswith(tuple(domains)))


@fault(
    "gate-embed-origin-by-ending",
    summary="An origin that ends like an allowed domain is allowed, whatever stands before it",
    fact="gate facts section 4.E: exact match",
    klass="embed",
    breaks=("GATE-EMBED-ORIGIN",),
)
def gate_embed_origin_by_ending(patch: Patch) -> None:
    allow(patch, lambda origin, domains: origin is not None and origin.endswith(tuple(map(host_of, domains))))


@fault(
    "gate-embed-origin-anywhere",
    summary="An origin in which an allowed domain occurs anywhere is allowed",
    fact="gate facts section 4.E: exact match",
    klass="embed",
    breaks=("GATE-EMBED-ORIGIN",),
)
def gate_embed_origin_anywhere(patch: Patch) -> None:
    allow(patch, lambda origin, domains: origin is not None and any(host_of(domain) in origin for domain in domains))


@fault(
    "gate-embed-referer-anywhere",
    summary="Without an Origin it is enough that the Referer mentions an allowed domain",
    fact="gate facts section 4.E: Origin or Referer must exactly equal an allowed domain",
    klass="embed",
    breaks=("GATE-EMBED-ORIGIN",),
)
def gate_embed_referer_anywhere(patch: Patch) -> None:
    healthy = origins.check

    def check(tx: sqlite3.Connection, account: str, headers: Mapping[str, str]) -> None:
        mentioned = any(domain in headers.get("referer", "") for domain in origins.load(tx, account))
        if "origin" in headers or not mentioned:
            healthy(tx, account, headers)

    patch.replace(origins, "check", check)


@fault(
    "gate-embed-origin-without-scheme",
    summary="Origins are compared by host, so that a page without TLS passes",
    fact="gate facts section 4.E: exact match",
    klass="embed",
    breaks=("GATE-EMBED-ORIGIN",),
)
def gate_embed_origin_without_scheme(patch: Patch) -> None:
    allow(
        patch,
        lambda origin, domains: origin is not None and host_of(origin) in {host_of(domain) for domain in domains},
    )


@fault(
    "gate-embed-refusal-with-token",
    summary="A page that is not allowed is refused, and the refusal carries the token for debugging",
    fact="gate facts section 4.E: a wrong origin fails",
    klass="embed",
    breaks=("GATE-EMBED-ORIGIN",),
    drags=("WIRE-BODY", "WIRE-ERROR-ENVELOPE"),
)
def gate_embed_refusal_with_token(patch: Patch) -> None:
    healthy = refusals.envelope

    def envelope(refused: Refusal, request_id: str) -> dict[str, object]:
        body = healthy(refused, request_id)
        if "origin" not in refused.message:
            return body
        return {**body, "embed_token": embed.token("test:approved", None, 4_000_000_000)}

    patch.replace(refusals, "envelope", envelope)


@fault(
    "gate-embed-secret-key-accepted",
    summary="A secret key starts the widget too",
    fact="gate facts section 4.E: a publishable key, not a secret key",
    klass="embed",
    breaks=("GATE-EMBED-CREDENTIAL",),
)
def gate_embed_secret_key_accepted(patch: Patch) -> None:
    gate_seams.open_to(patch, (Kind.PUBLISHABLE, Kind.SECRET), BOOTSTRAP)


@fault(
    "gate-embed-without-key",
    summary="Without a key the account is found by the page's origin",
    fact="gate facts section 4.E: a publishable key is needed",
    klass="embed",
    breaks=("GATE-EMBED-CREDENTIAL",),
    drags=("GATE-AUTH-MISSING-KEY",),
)
def gate_embed_without_key(patch: Patch) -> None:
    healthy = serving.authorization_of

    def authorization_of(request: Request, operation: Operation) -> str | None:
        shown = healthy(request, operation)
        ours = Kind.PUBLISHABLE in operation.keys and shown is None
        return ANYBODYS if ours else shown

    healthy_authenticate = serving.authenticate

    def authenticate(sandbox: Sandbox, authorization: str | None) -> Credential:
        if authorization == ANYBODYS:
            return Credential("approved", Kind.PUBLISHABLE, sandbox.mode)
        return healthy_authenticate(sandbox, authorization)

    patch.replace(serving, "authorization_of", authorization_of)
    patch.replace(serving, "authenticate", authenticate)


@fault(
    "gate-embed-unknown-key",
    summary="Any text that begins like a publishable key is taken for the first partner's",
    fact="gate facts section 2.2: an invalid credential is a 401",
    klass="embed",
    breaks=("GATE-EMBED-CREDENTIAL",),
    drags=("GATE-AUTH-UNKNOWN-KEY",),
)
def gate_embed_unknown_key(patch: Patch) -> None:
    healthy = serving.authenticate

    def authenticate(sandbox: Sandbox, authorization: str | None) -> Credential:
        if (authorization or "").lower().startswith("bearer pk_"):
            known = {f"Bearer {key}": found for key, found in sandbox.keyring.credentials.items()}
            return known.get(str(authorization), Credential("approved", Kind.PUBLISHABLE, sandbox.mode))
        return healthy(sandbox, authorization)

    patch.replace(serving, "authenticate", authenticate)


@fault(
    "gate-embed-unknown-secret-ignored",
    summary="A client secret nobody knows is ignored, and the widget starts without a session",
    fact="gate facts section 4.E: an unusable client secret fails",
    klass="embed",
    breaks=("GATE-EMBED-CLIENT-SECRET",),
)
def gate_embed_unknown_secret_ignored(patch: Patch) -> None:
    healthy = embed.bound_session

    def bound_session(tx: sqlite3.Connection, call: Call, secret: str) -> Session | None:
        try:
            return healthy(tx, call, secret)
        except Refusal as refused:
            if refused.status == 401:
                return None
            raise

    patch.replace(embed, "bound_session", bound_session)


@fault(
    "gate-embed-secret-read-for-its-session",
    summary="Of a client secret only the session's id in it is read; the random part is not looked at",
    fact="gate facts sections 1.2 and 4.E: gsec_<sessionId>_<random>; an unusable client secret fails",
    klass="embed",
    breaks=("GATE-EMBED-CLIENT-SECRET",),
)
def gate_embed_secret_read_for_its_session(patch: Patch) -> None:
    def session_of(tx: sqlite3.Connection, owner: str, secret: str) -> str | None:
        named = re.fullmatch(r"gsec_(gs_[a-z]+_[0-9a-f]+).*", secret)
        row = tx.execute(
            "SELECT session_id FROM gate_sessions WHERE owner = ? AND session_id = ?",
            (owner, named[1] if named else ""),
        ).fetchone()
        return None if row is None else str(row["session_id"])

    patch.replace(client_secrets, "session_of", session_of)


@fault(
    "gate-embed-foreign-secret",
    summary="A client secret binds its session whosever key starts the widget",
    fact="gate facts section 1.3: a credential sees only objects of its own account",
    klass="isolation",
    breaks=("GATE-EMBED-CLIENT-SECRET",),
)
def gate_embed_foreign_secret(patch: Patch) -> None:
    def bound_session(tx: sqlite3.Connection, call: Call, secret: str) -> Session:
        row = tx.execute(
            "SELECT s.* FROM gate_client_secrets c JOIN gate_sessions s USING (session_id) WHERE c.digest = ?",
            (client_secrets.digest(secret),),
        ).fetchone()
        return healthy(tx, call, secret) if row is None else sessions.restore(row)

    healthy = embed.bound_session
    patch.replace(embed, "bound_session", bound_session)


@fault(
    "gate-embed-secret-outlives-session",
    summary="A client secret starts the widget for its session, however that has ended",
    fact="gate facts section 4.E: an expired or unusable client secret fails",
    klass="embed",
    breaks=("GATE-EMBED-ENDED-SESSION",),
)
def gate_embed_secret_outlives_session(patch: Patch) -> None:
    over(patch, lambda session: None)


@fault(
    "gate-embed-cancelled-session",
    summary="Whether a session is over is asked of its clock alone: a cancelled one is not",
    fact="gate facts section 4.A: the widget can no longer act on a cancelled session",
    klass="embed",
    breaks=("GATE-EMBED-ENDED-SESSION",),
)
def gate_embed_cancelled_session(patch: Patch) -> None:
    def check(session: Session) -> None:
        if session.status != "cancelled":
            sessions.check_open(session)

    over(patch, check)


@fault(
    "gate-embed-expired-session",
    summary="A session that has expired is opened again by its client secret",
    fact="gate facts section 4.E: an expired client secret fails",
    klass="embed",
    breaks=("GATE-EMBED-ENDED-SESSION",),
)
def gate_embed_expired_session(patch: Patch) -> None:
    def check(session: Session) -> None:
        if session.status != "expired":
            sessions.check_open(session)

    over(patch, check)


def over(patch: Patch, check: Callable[[Session], None]) -> None:
    """Ask in another way whether the session of a client secret is over."""
    patch.replace(embed, "sessions", seams.module_with(sessions, check_open=check))
    patch.replace(embed, "check_not_due", lambda session, now: None)


def allow(patch: Patch, rule: Callable[[str | None, Sequence[str]], bool]) -> None:
    """Allow origins by another rule."""
    patch.replace(origins, "is_allowed", rule)


def is_below(origin: str, domain: str) -> bool:
    """Whether the origin is the domain or a subdomain of it."""
    scheme, _, host = domain.partition("://")
    return origin == domain or (origin.startswith(f"{scheme}://") and origin.endswith(f".{host}"))


def host_of(origin: str) -> str:
    return origin.partition("://")[2]

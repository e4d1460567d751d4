"""Mistakes with keys: missing, unknown, of the wrong kind or of the other mode."""

from __future__ import annotations

from dataclasses import replace

from starlette.requests import Request

from conformance.sandbox import app, keys
from conformance.sandbox.calls import Operation, Reply, Sandbox
from conformance.sandbox.faults import seams
from conformance.sandbox.keys import Credential, Keyring, Kind
from conformance.sandbox.pools import catalogue, discovery
from conformance.sandbox.pools.access import Access
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch, fault

BOTH_KINDS = (Kind.PUBLISHABLE, Kind.SECRET)


@fault(
    "key-missing-refused-with-403",
    summary="Ledger calls without a key are a 403",
    fact="facts section 2.2: an absent key is a 401",
    klass="auth",
    breaks=("AUTH-MISSING-KEY",),
)
def key_missing_refused_with_403(patch: Patch) -> None:
    healthy = app.answer

    def answer(sandbox: Sandbox, operation: Operation, request: Request, body: bytes) -> Reply:
        if operation.path == "/pools/ledger" and "authorization" not in request.headers:
            raise Refusal(403, "forbidden", "a key is required")
        return healthy(sandbox, operation, request, body)

    patch.replace(app, "answer", answer)


@fault(
    "discovery-open",
    summary="Discovery needs no key and lists the catalogue to anybody",
    fact="facts section 2.2: an absent key is a 401",
    klass="auth",
    breaks=("AUTH-MISSING-KEY",),
)
def discovery_open(patch: Patch) -> None:
    healthy = app.answer

    def answer(sandbox: Sandbox, operation: Operation, request: Request, body: bytes) -> Reply:
        if operation.path != "/pools" or "authorization" in request.headers:
            return healthy(sandbox, operation, request, body)
        return Reply(200, {"pools": [discovery.render_pool(Access(), pool) for pool in catalogue.POOLS.values()]})

    patch.replace(app, "answer", answer)


@fault(
    "key-unknown-accepted",
    summary="A key is only looked at for its prefix; an unknown one is served as a new account's",
    fact="facts section 2.2: an unknown key is a 401",
    klass="auth",
    breaks=("AUTH-UNKNOWN-KEY",),
)
def key_unknown_accepted(patch: Patch) -> None:
    healthy = keys.authenticate

    def authenticate(keyring: Keyring, authorization: str | None) -> Credential:
        try:
            return healthy(keyring, authorization)
        except Refusal:
            if "sk_" not in (authorization or ""):
                raise
            return Credential("no_access", Kind.SECRET, "test")

    patch.replace(keys, "authenticate", authenticate)


@fault(
    "key-unknown-refused-with-403",
    summary="A key nobody issued is a 403",
    fact="facts section 2.2: an unknown key is a 401",
    klass="auth",
    breaks=("AUTH-UNKNOWN-KEY",),
)
def key_unknown_refused_with_403(patch: Patch) -> None:
    healthy = keys.authenticate

    def authenticate(keyring: Keyring, authorization: str | None) -> Credential:
        try:
            return healthy(keyring, authorization)
        except Refusal:
            if authorization is None:
                raise
            raise Refusal(403, "forbidden", "this key is not known") from None

    patch.replace(keys, "authenticate", authenticate)


@fault(
    "publishable-reads-balance",
    summary="The balance can be read with a publishable key",
    fact="facts section 1: publishable keys are for GET /pools only",
    klass="auth",
    breaks=("AUTH-PUBLISHABLE-DISCOVERY-ONLY",),
)
def publishable_reads_balance(patch: Patch) -> None:
    open_to_publishable(patch, "/pools/{id}/balance")


@fault(
    "publishable-reads-ledger",
    summary="The ledger can be read with a publishable key",
    fact="facts section 1: publishable keys are for GET /pools only",
    klass="auth",
    breaks=("AUTH-PUBLISHABLE-DISCOVERY-ONLY",),
)
def publishable_reads_ledger(patch: Patch) -> None:
    open_to_publishable(patch, "/pools/ledger")


@fault(
    "publishable-reads-trades",
    summary="Trades can be listed and read with a publishable key",
    fact="facts section 1: publishable keys are for GET /pools only",
    klass="auth",
    breaks=("AUTH-PUBLISHABLE-DISCOVERY-ONLY",),
)
def publishable_reads_trades(patch: Patch) -> None:
    open_to_publishable(patch, "/pools/trades", "/pools/trades/{transactId}")


@fault(
    "publishable-transacts",
    summary="Quotes can be executed with a publishable key",
    fact="facts section 1: publishable keys are for GET /pools only",
    klass="auth",
    breaks=("AUTH-PUBLISHABLE-DISCOVERY-ONLY",),
    drags=("POOLS-RECONCILES",),
)
def publishable_transacts(patch: Patch) -> None:
    open_to_publishable(patch, "/pools/{id}/transact")


@fault(
    "publishable-rejects",
    summary="A reject with a publishable key is refused with 403 after it has been done",
    fact="facts sections 1 and 8: a refusal moves nothing",
    klass="auth",
    breaks=("AUTH-PUBLISHABLE-DISCOVERY-ONLY",),
)
def publishable_rejects(patch: Patch) -> None:
    healthy = app.answer

    def answer(sandbox: Sandbox, operation: Operation, request: Request, body: bytes) -> Reply:
        reply = healthy(sandbox, operation, request, body)
        if operation.path.endswith("/reject"):
            credential = keys.authenticate(sandbox.keyring, request.headers.get("authorization"))
            keys.check_kind(credential, (Kind.SECRET,))
        return reply

    open_to_publishable(patch, "/pools/quotes/{quoteId}/reject")
    patch.replace(app, "answer", answer)


@fault(
    "publishable-refused-in-discovery",
    summary="Discovery takes secret keys only",
    fact="facts section 4.1: discovery is for publishable keys",
    klass="auth",
    breaks=("POOLS-DISCOVERY-PUBLISHABLE",),
    drags=("POOLS-DISCOVERY-EXACT", "POOLS-DISCOVERY-HIDES", "POOLS-CAPABILITIES-CONSISTENT"),
)
def publishable_refused_in_discovery(patch: Patch) -> None:
    seams.reroute(patch, ["/pools"], lambda operation: replace(operation, keys=(Kind.SECRET,)))


@fault(
    "mode-not-checked",
    summary="A key of the other mode is served like any other",
    fact="facts section 8, gate 3: 403 key_mode_mismatch, or 401",
    klass="auth",
    breaks=("AUTH-KEY-MODE",),
)
def mode_not_checked(patch: Patch) -> None:
    patch.replace(keys, "check_mode", lambda credential, mode: None)


@fault(
    "mode-checked-for-reads-only",
    summary="Quotes and executions are served to keys of the other mode",
    fact="facts section 8, gate 3: 403 key_mode_mismatch, or 401",
    klass="auth",
    breaks=("AUTH-KEY-MODE",),
)
def mode_checked_for_reads_only(patch: Patch) -> None:
    healthy = app.answer
    check_mode = keys.check_mode

    def answer(sandbox: Sandbox, operation: Operation, request: Request, body: bytes) -> Reply:
        if operation.method == "GET":
            credential = keys.authenticate(sandbox.keyring, request.headers.get("authorization"))
            check_mode(credential, sandbox.mode)
        return healthy(sandbox, operation, request, body)

    patch.replace(keys, "check_mode", lambda credential, mode: None)
    patch.replace(app, "answer", answer)


def open_to_publishable(patch: Patch, *paths: str) -> None:
    """Let operations take publishable keys too."""
    seams.reroute(patch, paths, lambda operation: replace(operation, keys=BOTH_KINDS))

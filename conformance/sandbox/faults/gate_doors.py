"""Mistakes at the doors of 0Gate: who is let in without a key or with the wrong one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from starlette.requests import Request

from conformance.sandbox.calls import Operation, Reply, Sandbox
from conformance.sandbox.faults import gate_seams, seams
from conformance.sandbox.gate import operations, refusals, serving
from conformance.sandbox.keys import Credential, Kind
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch, fault

EITHER = (Kind.SECRET, Kind.PUBLISHABLE)
CAPABILITIES = tuple(entry.path for entry in operations.OPERATIONS if entry.path.startswith("/capabilities/"))


@fault(
    "gate-capabilities-open",
    summary="Capabilities are read without any key",
    fact="gate facts section 4.B: capability reads take the secret key",
    klass="credentials",
    breaks=("GATE-AUTH-MISSING-KEY",),
)
def gate_capabilities_open(patch: Patch) -> None:
    let_in_without_key(patch, lambda operation: operation.path in CAPABILITIES)


@fault(
    "gate-branding-open",
    summary="The branding is read and changed without any key, as that of the first partner",
    fact="gate facts section 4.F: branding is server-side only, with the secret key",
    klass="credentials",
    breaks=("GATE-AUTH-MISSING-KEY",),
)
def gate_branding_open(patch: Patch) -> None:
    let_in_without_key(patch, lambda operation: operation.path == "/branding")


@fault(
    "gate-missing-key-as-403",
    summary="A call without a key is refused with 403",
    fact="gate facts section 2.2: a missing credential is a 401",
    klass="credentials",
    breaks=("GATE-AUTH-MISSING-KEY",),
)
def gate_missing_key_as_403(patch: Patch) -> None:
    healthy = serving.authenticate

    def authenticate(sandbox: Sandbox, authorization: str | None) -> Credential:
        if authorization is None:
            raise refusals.forbidden("a key is required")
        return healthy(sandbox, authorization)

    patch.replace(serving, "authenticate", authenticate)


@fault(
    "gate-missing-key-as-400",
    summary="A call without a key is refused as malformed",
    fact="gate facts section 2.2: a missing credential is a 401",
    klass="credentials",
    breaks=("GATE-AUTH-MISSING-KEY",),
)
def gate_missing_key_as_400(patch: Patch) -> None:
    healthy = serving.authenticate

    def authenticate(sandbox: Sandbox, authorization: str | None) -> Credential:
        if authorization is None:
            raise seams.refusing(400, "invalid_request")("the Authorization header is required")
        return healthy(sandbox, authorization)

    patch.replace(serving, "authenticate", authenticate)


@fault(
    "gate-unknown-key-accepted",
    summary="Any text that begins like a secret key is taken for the first partner's",
    fact="gate facts section 2.2: an invalid credential is a 401",
    klass="credentials",
    breaks=("GATE-AUTH-UNKNOWN-KEY",),
)
def gate_unknown_key_accepted(patch: Patch) -> None:
    healthy = serving.authenticate

    def authenticate(sandbox: Sandbox, authorization: str | None) -> Credential:
        try:
            return healthy(sandbox, authorization)
        except Refusal:
            if (authorization or "").startswith(f"Bearer sk_{sandbox.mode}_"):
                return Credential("approved", Kind.SECRET, sandbox.mode)
            raise

    patch.replace(serving, "authenticate", authenticate)


@fault(
    "gate-unknown-key-as-403",
    summary="A key nobody issued is refused with 403",
    fact="gate facts section 2.2: an invalid credential is a 401",
    klass="credentials",
    breaks=("GATE-AUTH-UNKNOWN-KEY",),
    drags=("GATE-AUTH-MISSING-KEY",),
)
def gate_unknown_key_as_403(patch: Patch) -> None:
    patch.replace(refusals, "unauthorized", lambda: refusals.forbidden("this key is not known"))


@fault(
    "gate-unknown-key-as-404",
    summary="To a key nobody issued nothing is there: every path is a 404",
    fact="gate facts section 2.2: an invalid credential is a 401",
    klass="credentials",
    breaks=("GATE-AUTH-UNKNOWN-KEY",),
    drags=("WIRE-STATUS",),
)
def gate_unknown_key_as_404(patch: Patch) -> None:
    healthy = serving.authenticate

    def authenticate(sandbox: Sandbox, authorization: str | None) -> Credential:
        try:
            return healthy(sandbox, authorization)
        except Refusal:
            if authorization is None:
                raise
            raise seams.refusing(404, "not_found")("no such path") from None

    patch.replace(serving, "authenticate", authenticate)


@fault(
    "gate-publishable-reads-capabilities",
    summary="A publishable key reads capabilities, so that browsers can",
    fact="gate facts section 4.B: publishable keys cannot call capability reads",
    klass="credentials",
    breaks=("GATE-AUTH-PUBLISHABLE",),
)
def gate_publishable_reads_capabilities(patch: Patch) -> None:
    gate_seams.open_to(patch, EITHER, *CAPABILITIES)


@fault(
    "gate-publishable-creates-sessions",
    summary="A publishable key creates and lists sessions",
    fact="gate facts section 1.2: a publishable key is for the bootstrap only",
    klass="credentials",
    breaks=("GATE-AUTH-PUBLISHABLE",),
)
def gate_publishable_creates_sessions(patch: Patch) -> None:
    gate_seams.open_to(patch, EITHER, "/gate_sessions")


@fault(
    "gate-publishable-redeems",
    summary="A publishable key redeems quotes",
    fact="gate facts section 1.2 and seed 002: never money movement with a publishable key",
    klass="credentials",
    breaks=("GATE-AUTH-PUBLISHABLE",),
)
def gate_publishable_redeems(patch: Patch) -> None:
    gate_seams.open_to(patch, EITHER, "/rails/pay_ins", "/rails/pay_outs")


@fault(
    "gate-publishable-reads-customers",
    summary="A publishable key reads customer records",
    fact="gate facts section 1.2 and seed 002: never customer data with a publishable key",
    klass="credentials",
    breaks=("GATE-AUTH-PUBLISHABLE",),
)
def gate_publishable_reads_customers(patch: Patch) -> None:
    gate_seams.open_to(patch, EITHER, "/customers", "/customers/{id}")


@fault(
    "gate-publishable-changes-branding",
    summary="A publishable key reads and changes the branding",
    fact="gate facts section 4.F: publishable keys are rejected",
    klass="credentials",
    breaks=("GATE-AUTH-PUBLISHABLE",),
)
def gate_publishable_changes_branding(patch: Patch) -> None:
    gate_seams.open_to(patch, EITHER, "/branding")


@fault(
    "gate-publishable-refused-too-late",
    summary="A publishable key is refused after its call has been carried out",
    fact="gate facts section 1.2: a publishable key is for the bootstrap only",
    klass="credentials",
    breaks=("GATE-AUTH-PUBLISHABLE",),
)
def gate_publishable_refused_too_late(patch: Patch) -> None:
    kind_after_all(patch)


@fault(
    "gate-mode-not-checked",
    summary="A key of the other mode is as good as one of this",
    fact="gate facts section 1.3: a live key on the sandbox host is rejected",
    klass="credentials",
    breaks=("GATE-AUTH-KEY-MODE",),
)
def gate_mode_not_checked(patch: Patch) -> None:
    patch.replace(serving, "check_mode", lambda credential, mode: None)


@fault(
    "gate-mode-checked-for-writes",
    summary="A key of the other mode is refused for writes and let in for reads",
    fact="gate facts section 1.3: a live key on the sandbox host is rejected; data are isolated per mode",
    klass="credentials",
    breaks=("GATE-AUTH-KEY-MODE",),
)
def gate_mode_checked_for_writes(patch: Patch) -> None:
    healthy = serving.answer

    def answer(sandbox: Sandbox, operation: Operation, request: Request, body: bytes) -> Reply:
        if operation.method != "GET":
            return healthy(sandbox, operation, request, body)
        credential = serving.authenticate(sandbox, request.headers.get("authorization"))
        return healthy(replace(sandbox, mode=credential.mode), operation, request, body)

    patch.replace(serving, "answer", answer)


def let_in_without_key(patch: Patch, where: Callable[[Operation], bool]) -> None:
    """Take a caller without a key for the first partner."""
    healthy_header, healthy_key = serving.authorization_of, serving.authenticate
    without_key = "nobody"

    def authorization_of(request: Request, operation: Operation) -> str | None:
        shown = healthy_header(request, operation)
        return without_key if shown is None and where(operation) else shown

    def authenticate(sandbox: Sandbox, authorization: str | None) -> Credential:
        if authorization == without_key:
            return Credential("approved", Kind.SECRET, sandbox.mode)
        return healthy_key(sandbox, authorization)

    patch.replace(serving, "authorization_of", authorization_of)
    patch.replace(serving, "authenticate", authenticate)


def kind_after_all(patch: Patch) -> None:
    """Look at the kind of a key after its call has been carried out."""
    healthy_answer, healthy_check = serving.answer, serving.check_kind
    put_off = threading.local()

    def check_kind(credential: Credential, operation: Operation) -> None:
        put_off.credential = credential

    def answer(sandbox: Sandbox, operation: Operation, request: Request, body: bytes) -> Reply:
        reply = healthy_answer(sandbox, operation, request, body)
        healthy_check(put_off.credential, operation)
        return reply

    patch.replace(serving, "check_kind", check_kind)
    patch.replace(serving, "answer", answer)

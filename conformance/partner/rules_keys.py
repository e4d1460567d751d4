"""Rules on credentials: which key is sent from where, to what, and in which mode."""

from __future__ import annotations

from conformance.partner.rules_base import Breach, Rule, Seen, followed
from conformance.partner.traffic import Call, Kind, Traffic
from conformance.partner.traffic_caller import Caller

BOOTSTRAP = "POST /embed/bootstrap"
PUBLISHABLE = ("GET /pools", BOOTSTRAP)
"""Where publishable keys belong: discovery of 0Pools, bootstrap of 0Gate."""


def _from_client(call: Call, traffic: Traffic) -> bool:
    """Whether a browser or an app sent the call itself."""
    if call.caller is Caller.UNCLEAR and call.page:
        # A browser asks before it sends Authorization elsewhere; a server that adds the key was never asked.
        return (call.page, call.target.partition(" ")[2].partition("?")[0]) in traffic.preflights
    return call.caller is Caller.CLIENT


def _fallbacks(traffic: Traffic) -> list[tuple[Call, Call]]:
    """Secret keys at the bootstrap, and in the client after a bootstrap that failed: that call and what preceded it."""
    found: list[tuple[Call, Call]] = []
    failed: Call | None = None
    for call in traffic.calls:
        secret = call.key.kind is Kind.SECRET
        if call.operation == BOOTSTRAP and secret:
            found.append((failed or call, call))
        elif secret and failed is not None and call.after(failed) and _from_client(call, traffic):
            found.append((failed, call))
        elif call.operation == BOOTSTRAP:
            failed = None if call.ok else call
    return found


def _server_only(traffic: Traffic) -> Seen:
    secret = [call for call in traffic.calls if call.key.kind is Kind.SECRET]
    fallback = {call.id for _, call in _fallbacks(traffic)}
    broken = [
        Breach(f"{call.operation} was sent with a secret key by a browser or app ({call.caller_shown})", (call,))
        for call in secret
        if _from_client(call, traffic) and call.id not in fallback
    ]
    unclear = [call for call in secret if call.caller is Caller.UNCLEAR]
    if unclear:
        words = f"{len(unclear)} calls with a secret key look like a browser's ({unclear[0].caller_shown}); a recording"
        return Seen(broken=broken, unclear=f"{words} made in the browser would tell")
    return Seen([call for call in secret if call.caller is Caller.SERVER], broken)


def _publishable_places(traffic: Traffic) -> Seen:
    known = [call for call in traffic.calls if call.key.kind in (Kind.SECRET, Kind.PUBLISHABLE)]
    broken = [
        Breach(f"{call.operation} was called with a publishable key (answered {call.status or 'not at all'})", (call,))
        for call in known
        if call.key.kind is Kind.PUBLISHABLE and call.operation not in PUBLISHABLE
    ]
    protected = [call for call in known if call.operation not in PUBLISHABLE]
    return Seen(protected, broken)


def _key_mode(traffic: Traffic) -> Seen:
    shown, broken = [], []
    for call in traffic.calls:
        if not call.key.mode:
            continue
        if call.mode and call.key.mode != call.mode:
            observed = f"a {call.key.mode} key was sent to {call.origin}, where {call.mode} keys belong"
            broken.append(Breach(observed, (call,)))
        elif call.says("code") == "key_mode_mismatch" and _right_kind(call):
            broken.append(Breach(f"{call.origin} answered key_mode_mismatch to a {call.key.mode} key", (call,)))
        elif call.mode or call.ok:
            shown.append(call)
    return Seen(shown, broken)


def _right_kind(call: Call) -> bool:
    """Whether the kind of key cannot be what was refused: the same code may say that (facts C3)."""
    return call.key.kind is Kind.SECRET and call.operation not in PUBLISHABLE


def _bootstrap_fallback(traffic: Traffic) -> Seen:
    tried = traffic.of(BOOTSTRAP)
    failed = [call for call in tried if not call.ok]
    broken = []
    for before, call in _fallbacks(traffic):
        what = "at the bootstrap itself" if call.operation == BOOTSTRAP else f"on {call.operation}, from the client"
        came = "" if before is call else f", after the bootstrap failed ({before.status or 'no answer'})"
        broken.append(Breach(f"a secret key was sent {what}{came}", (before, call) if before is not call else (call,)))
    return Seen(followed(failed, traffic), broken, applies=bool(tried))


RULES = (
    Rule(
        "PARTNER-TRAFFIC-SECRET-KEYS-SERVER-ONLY",
        "secret keys are sent by servers only",
        "a call with a secret key whose sender can be told from its headers",
        _server_only,
    ),
    Rule(
        "PARTNER-TRAFFIC-PUBLISHABLE-KEYS-PLACES",
        "publishable keys go to GET /pools and POST /embed/bootstrap only",
        "a call of any other operation whose key can be seen",
        _publishable_places,
    ),
    Rule(
        "PARTNER-TRAFFIC-KEY-MODE",
        "each key goes to the host of its mode",
        "a call with a key to a published host, or one that was answered with 2xx",
        _key_mode,
    ),
    Rule(
        "PARTNER-TRAFFIC-BOOTSTRAP-NO-SECRET-KEY",
        "a failed bootstrap goes back to the server; no secret key takes its place",
        "a bootstrap that failed, and what was sent after it",
        _bootstrap_fallback,
    ),
)

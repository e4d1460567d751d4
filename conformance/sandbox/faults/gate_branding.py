"""Mistakes with the look of 0Gate's widget: what an update changes, what it refuses, and what is kept of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import gate_seams, seams
from conformance.sandbox.gate import branding, members
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch, fault


@fault(
    "gate-branding-replaced",
    summary="A branding update clears the tokens it does not name",
    fact="gate facts section 4.F: a merge of the sent tokens only",
    klass="branding",
    breaks=("GATE-BRANDING-MERGE",),
    drags=("GATE-BRANDING-REJECTS",),
)
def gate_branding_replaced(patch: Patch) -> None:
    healthy = branding.read_changes
    patch.replace(branding, "read_changes", lambda document: {**dict.fromkeys(branding.TOKENS), **healthy(document)})


@fault(
    "gate-branding-not-kept",
    summary="A branding update answers the new tokens and keeps the old ones",
    fact="gate facts section 4.F: an update changes the tokens sent, and a read shows them",
    klass="branding",
    breaks=("GATE-BRANDING-MERGE",),
)
def gate_branding_not_kept(patch: Patch) -> None:
    gate_seams.requery(patch, branding, "update", ("tokens = excluded.tokens", "tokens = tokens"))


@fault(
    "gate-branding-answers-what-was-sent",
    summary="A branding update answers the tokens sent, with all others cleared",
    fact="gate facts section 4.F: an update gives the branding as it stands",
    klass="branding",
    breaks=("GATE-BRANDING-MERGE",),
)
def gate_branding_answers_what_was_sent(patch: Patch) -> None:
    healthy = branding.update

    def update(call: Call) -> Reply:
        reply = healthy(call)
        return seams.with_members(reply, **{**dict.fromkeys(branding.TOKENS), **members.body_of(call)})

    patch.replace(branding, "update", update)


@fault(
    "gate-branding-unknown-token-dropped",
    summary="Tokens nobody knows are dropped from a branding update without a word",
    fact="gate facts section 4.F: an unknown key is a 400",
    klass="branding",
    breaks=("GATE-BRANDING-REJECTS",),
)
def gate_branding_unknown_token_dropped(patch: Patch) -> None:
    healthy = branding.read_changes

    def read_changes(document: Mapping[str, object]) -> dict[str, str | None]:
        return healthy({name: document[name] for name in document if name in branding.TOKENS})

    patch.replace(branding, "read_changes", read_changes)


@fault(
    "gate-branding-colour-unchecked",
    summary="Any text is taken for a colour",
    fact="gate facts section 4.F: a bad colour is a 400",
    klass="branding",
    breaks=("GATE-BRANDING-REJECTS",),
    drags=("WIRE-BODY",),
)
def gate_branding_colour_unchecked(patch: Patch) -> None:
    patch.replace(branding, "COLOUR", re.compile(r".+"))


@fault(
    "gate-branding-logo-without-tls",
    summary="A logo may stand at an address without TLS",
    fact="gate facts section 4.F: logo_url is absolute https",
    klass="branding",
    breaks=("GATE-BRANDING-REJECTS",),
    drags=("WIRE-BODY",),
)
def gate_branding_logo_without_tls(patch: Patch) -> None:
    patch.replace(branding, "LOGO", re.compile(r"https?://[^\s]+"))


@fault(
    "gate-branding-refused-in-part",
    summary="A branding update with one bad token is refused, and its other tokens are changed",
    fact="gate facts section 4.F: an unknown key or bad value is a 400, which changes nothing",
    klass="branding",
    breaks=("GATE-BRANDING-REJECTS",),
)
def gate_branding_refused_in_part(patch: Patch) -> None:
    healthy = branding.update

    def update(call: Call) -> Reply:
        try:
            return healthy(call)
        except Refusal as refused:
            if refused.status == 400:
                keep_fitting(call, members.body_of(call))
            raise

    patch.replace(branding, "update", update)


def keep_fitting(call: Call, document: Mapping[str, object]) -> None:
    """Change the tokens that fit, one by one."""
    with call.sandbox.store.write() as tx:
        tokens = branding.load(tx, call.owner)
        for name in document:
            try:
                tokens |= branding.read_changes({name: document[name]})
            except Refusal:
                continue
        tx.execute(
            "INSERT INTO gate_branding (owner, tokens) VALUES (?, ?)"
            " ON CONFLICT (owner) DO UPDATE SET tokens = excluded.tokens",
            (call.owner, json.dumps(tokens)),
        )

"""Mistakes that mix up what two partners of 0Gate keep under no id: the look, and what a customer may be called."""

from __future__ import annotations

import json
import sqlite3

from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.gate import branding, customers, refusals
from conformance.sandbox.variations import Patch, fault

EVERYBODY = "everybody"
TAKEN = {
    "email": "SELECT 1 FROM gate_customers WHERE email = ?",
    "external_id": "SELECT 1 FROM gate_customers WHERE external_id = ?",
}


@fault(
    "gate-branding-of-everybody",
    summary="There is one look, whoever sets it and whoever reads it",
    fact="gate facts section 1.3: a credential sees only objects of its own account",
    klass="isolation",
    breaks=("GATE-ISOLATION-BRANDING",),
    drags=("GATE-BRANDING-MERGE", "GATE-BRANDING-REJECTS"),
)
def gate_branding_of_everybody(patch: Patch) -> None:
    healthy_load, healthy_update = branding.load, branding.update
    patch.replace(branding, "load", lambda tx, owner: healthy_load(tx, EVERYBODY))

    def update(call: Call) -> Reply:
        reply = healthy_update(call)
        with call.sandbox.store.write() as tx:
            tx.execute(
                "INSERT OR REPLACE INTO gate_branding (owner, tokens) VALUES (?, ?)",
                (EVERYBODY, json.dumps(reply.body)),
            )
        return reply

    patch.replace(branding, "update", update)


@fault(
    "gate-branding-overwrites-all",
    summary="An update of the look names no owner: whoever has set a look before gets this one",
    fact="gate facts section 1.3: a credential sees only objects of its own account",
    klass="isolation",
    breaks=("GATE-ISOLATION-BRANDING",),
    drags=("GATE-BRANDING-MERGE", "GATE-BRANDING-REJECTS"),
)
def gate_branding_overwrites_all(patch: Patch) -> None:
    healthy = branding.update

    def update(call: Call) -> Reply:
        reply = healthy(call)
        with call.sandbox.store.write() as tx:
            tx.execute("UPDATE gate_branding SET tokens = ?", (json.dumps(reply.body),))
        return reply

    patch.replace(branding, "update", update)


@fault(
    "gate-email-taken-by-anybody",
    summary="An e-mail address that a customer of another partner has is refused as taken",
    fact="gate facts section 4.H: email is unique per partner",
    klass="uniqueness",
    breaks=("GATE-CUSTOMER-UNIQUE-PER-PARTNER",),
)
def gate_email_taken_by_anybody(patch: Patch) -> None:
    taken_by_anybody(patch, "email")


@fault(
    "gate-reference-taken-by-anybody",
    summary="An external id that a customer of another partner has is refused as taken",
    fact="gate facts section 4.H: external_id is unique per partner when given",
    klass="uniqueness",
    breaks=("GATE-CUSTOMER-UNIQUE-PER-PARTNER",),
)
def gate_reference_taken_by_anybody(patch: Patch) -> None:
    taken_by_anybody(patch, "external_id")


def taken_by_anybody(patch: Patch, member: str) -> None:
    """Look for an address or reference among the records of all partners."""
    healthy = customers.check_free

    def check_free(tx: sqlite3.Connection, owner: str, email: str, external_id: str | None) -> None:
        healthy(tx, owner, email, external_id)
        value = {"email": email, "external_id": external_id}[member]
        if value is not None and tx.execute(TAKEN[member], (value,)).fetchone() is not None:
            raise refusals.customer_exists(member)

    patch.replace(customers, "check_free", check_free)

"""Mistakes with 0Gate's customer records: whom a create takes, who is unique, and what an update may change."""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from collections.abc import Mapping

from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import gate_seams, seams
from conformance.sandbox.gate import customers, members
from conformance.sandbox.gate.customers import Contact, Customer
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch, fault


@fault(
    "gate-email-twice",
    summary="An e-mail address may belong to two customers",
    fact="gate facts section 4.H: email is unique per partner, a duplicate is a 409",
    klass="uniqueness",
    breaks=("GATE-CUSTOMER-UNIQUE",),
    drags=("GATE-CUSTOMER-CONCURRENT-ONCE", "GATE-CUSTOMER-RESERVED", "GATE-CUSTOMER-FILTERS"),
)
def gate_email_twice(patch: Patch) -> None:
    gate_seams.drop(patch, gate_seams.ONE_CUSTOMER_PER_EMAIL)
    free = customers.check_free
    patch.replace(customers, "check_free", lambda tx, owner, email, reference: free(tx, owner, "", reference))


@fault(
    "gate-reference-twice",
    summary="An external id may belong to two customers",
    fact="gate facts section 4.H: external_id is unique per partner when given, a duplicate is a 409",
    klass="uniqueness",
    breaks=("GATE-CUSTOMER-UNIQUE",),
    drags=("GATE-CUSTOMER-RESERVED", "GATE-CUSTOMER-FILTERS"),
)
def gate_reference_twice(patch: Patch) -> None:
    gate_seams.drop(patch, gate_seams.ONE_CUSTOMER_PER_REFERENCE)
    free = customers.check_free
    patch.replace(customers, "check_free", lambda tx, owner, email, reference: free(tx, owner, email, None))


@fault(
    "gate-duplicate-updates",
    summary="Creating a customer whose address is taken updates that customer instead",
    fact="gate facts section 4.H: a duplicate email is a 409 customer_already_exists",
    klass="uniqueness",
    breaks=("GATE-CUSTOMER-UNIQUE",),
    drags=("GATE-CUSTOMER-RESERVED", "GATE-CUSTOMER-CONCURRENT-ONCE"),
)
def gate_duplicate_updates(patch: Patch) -> None:
    healthy = customers.insert

    def insert(tx: sqlite3.Connection, call: Call, email: str, reference: str | None, contact: Contact) -> Customer:
        taken = by_email(tx, call.owner, email)
        if taken is None:
            return healthy(tx, call, email, reference, contact)
        tx.execute("UPDATE gate_customers SET contact = ? WHERE customer_id = ?", (json.dumps(contact), taken))
        return customers.find(tx, call.owner, taken)

    patch.replace(customers, "check_free", lambda tx, owner, email, reference: None)
    patch.replace(customers, "insert", insert)


@fault(
    "gate-duplicate-refused-after-insert",
    summary="A duplicate address is refused with 409 after the second record has been made",
    fact="gate facts section 4.H: a duplicate is a 409, and none is made",
    klass="uniqueness",
    breaks=("GATE-CUSTOMER-UNIQUE",),
    drags=("GATE-CUSTOMER-FILTERS", "GATE-CUSTOMER-CONCURRENT-ONCE"),
)
def gate_duplicate_refused_after_insert(patch: Patch) -> None:
    healthy = customers.create
    gate_seams.drop(patch, gate_seams.ONE_CUSTOMER_PER_EMAIL)

    def create(call: Call) -> Reply:
        try:
            return healthy(call)
        except Refusal as refused:
            if refused.code == "customer_already_exists":
                contact: Contact = {
                    "phone": None,
                    "first_name": None,
                    "last_name": None,
                    "country_code": None,
                    "metadata": {},
                }
                with call.sandbox.store.write() as tx:
                    customers.insert(tx, call, str(members.body_of(call)["email"]), None, contact)
            raise

    patch.replace(customers, "create", create)


@fault(
    "gate-customer-kyc-taken-from-body",
    summary="A create may say that its customer is verified",
    fact="gate facts section 4.H: kyc_status is server-managed, unverified at launch",
    klass="customers",
    breaks=("GATE-CUSTOMER-CREATE",),
)
def gate_customer_kyc_taken_from_body(patch: Patch) -> None:
    healthy = customers.create

    def create(call: Call) -> Reply:
        reply = healthy(call)
        return seams.with_members(reply, kyc_status=members.body_of(call).get("kyc_status", "approved"))

    patch.replace(customers, "create", create)


@fault(
    "gate-customer-reads-less",
    summary="A customer reads without the phone number he was created with",
    fact="gate facts section 4.H: phone belongs to the customer object",
    klass="customers",
    breaks=("GATE-CUSTOMER-CREATE",),
)
def gate_customer_reads_less(patch: Patch) -> None:
    seams.amend(patch, customers, "read", lambda reply: seams.with_members(reply, phone=None))


@fault(
    "gate-customer-name-in-capitals",
    summary="First names are shown in capitals",
    fact="gate facts section 4.H: the record shows what was sent",
    klass="customers",
    breaks=("GATE-CUSTOMER-CREATE",),
    drags=("GATE-CUSTOMER-UPDATE",),
)
def gate_customer_name_in_capitals(patch: Patch) -> None:
    healthy = customers.render

    def render(customer: Customer) -> dict[str, object]:
        shown = healthy(customer)
        name = shown["first_name"]
        return {**shown, "first_name": name.upper() if isinstance(name, str) else name}

    patch.replace(customers, "render", render)


@fault(
    "gate-customer-without-email",
    summary="A customer is made without an e-mail address",
    fact="gate facts section 4.H: email is required",
    klass="validation",
    breaks=("GATE-CUSTOMER-VALIDATION",),
)
def gate_customer_without_email(patch: Patch) -> None:
    def words(document: Mapping[str, object], name: str, shortest: int, longest: int) -> str:
        if name == "email" and name not in document:
            return f"unknown-{secrets.token_hex(8)}@nowhere.example"
        return members.words(document, name, shortest, longest)

    patch.replace(customers, "members", seams.module_with(members, words=words))


@fault(
    "gate-customer-name-endless",
    summary="A name of any length is taken",
    fact="gate facts section 4.H: first_name and last_name have at most 128 characters",
    klass="validation",
    breaks=("GATE-CUSTOMER-VALIDATION",),
    drags=("WIRE-BODY",),
)
def gate_customer_name_endless(patch: Patch) -> None:
    patch.replace(customers, "LONGEST_NAME", 100_000)


@fault(
    "gate-customer-country-unchecked",
    summary="Any text is taken for a country code",
    fact="gate facts section 4.H: country_code has two letters, a bad one is a 400",
    klass="validation",
    breaks=("GATE-CUSTOMER-VALIDATION",),
    drags=("WIRE-BODY",),
)
def gate_customer_country_unchecked(patch: Patch) -> None:
    patch.replace(
        customers,
        "members",
        seams.module_with(members, country=lambda document: members.words(document, "country_code", 0, 100)),
    )


@fault(
    "gate-customer-email-unchecked",
    summary="Any text is taken for an e-mail address",
    fact="gate facts section 2.4: format faults of a customer are a 400",
    klass="validation",
    breaks=("GATE-CUSTOMER-VALIDATION",),
    drags=("WIRE-BODY",),
)
def gate_customer_email_unchecked(patch: Patch) -> None:
    patch.replace(customers, "EMAIL", re.compile(r"[^\x00]*"))
    patch.replace(customers, "members", seams.module_with(members, words=words_of_any_length))


@fault(
    "gate-update-changes-email",
    summary="An update may change the e-mail address",
    fact="gate facts section 4.H: email is immutable after create; any other key than the mutable ones is a 400",
    klass="customers",
    breaks=("GATE-CUSTOMER-IMMUTABLE",),
)
def gate_update_changes_email(patch: Patch) -> None:
    update_with(patch, "email")


@fault(
    "gate-update-changes-kyc-status",
    summary="An update may change the verification status",
    fact="gate facts section 4.H: kyc_status is server-managed; any other key than the mutable ones is a 400",
    klass="customers",
    breaks=("GATE-CUSTOMER-IMMUTABLE",),
)
def gate_update_changes_kyc_status(patch: Patch) -> None:
    healthy = customers.render
    update_with(patch, "kyc_status")
    patch.replace(customers, "render", lambda customer: {**healthy(customer), **said(customer, "kyc_status")})


@fault(
    "gate-update-drops-immutable",
    summary="Members that may not change are dropped from an update without a word",
    fact="gate facts section 2.4: an unlisted or immutable field in an update is a 400",
    klass="customers",
    breaks=("GATE-CUSTOMER-IMMUTABLE",),
)
def gate_update_drops_immutable(patch: Patch) -> None:
    healthy = customers.read_changes

    def read_changes(document: Mapping[str, object]) -> dict[str, object]:
        return healthy({name: document[name] for name in document if name in customers.MUTABLE})

    patch.replace(customers, "read_changes", read_changes)


@fault(
    "gate-update-keeps-unknown",
    summary="Members nobody knows are kept with the record",
    fact="gate facts section 2.4: an unlisted field in an update is a 400",
    klass="customers",
    breaks=("GATE-CUSTOMER-IMMUTABLE",),
    drags=("WIRE-BODY",),
)
def gate_update_keeps_unknown(patch: Patch) -> None:
    healthy = customers.read_changes
    immutable = ("email", "phone", "external_id", "kyc_status", "mode", "id")

    def read_changes(document: Mapping[str, object]) -> dict[str, object]:
        unknown = {name: document[name] for name in document if name not in (*customers.MUTABLE, *immutable)}
        return {**healthy({name: document[name] for name in document if name not in unknown}), **unknown}

    patch.replace(customers, "read_changes", read_changes)


@fault(
    "gate-update-refused-in-part",
    summary="An update with an immutable member is refused with 400, and its other members are changed",
    fact="gate facts section 2.4: an immutable field in an update is a 400, which changes nothing",
    klass="customers",
    breaks=("GATE-CUSTOMER-IMMUTABLE",),
)
def gate_update_refused_in_part(patch: Patch) -> None:
    healthy = customers.update

    def update(call: Call) -> Reply:
        try:
            return healthy(call)
        except Refusal as refused:
            if refused.status == 400:
                fitting = {name: value for name, value in members.body_of(call).items() if name in customers.MUTABLE}
                apply_changes(call, fitting)
            raise

    patch.replace(customers, "update", update)


@fault(
    "gate-null-clears-nothing",
    summary="A null in an update is taken for absence, so nothing can be cleared",
    fact="gate facts section 4.H: omitted stays, null clears",
    klass="customers",
    breaks=("GATE-CUSTOMER-UPDATE",),
)
def gate_null_clears_nothing(patch: Patch) -> None:
    healthy = customers.read_changes

    def read_changes(document: Mapping[str, object]) -> dict[str, object]:
        return {name: value for name, value in healthy(document).items() if value is not None}

    patch.replace(customers, "read_changes", read_changes)


@fault(
    "gate-omitted-is-cleared",
    summary="What an update does not name is cleared",
    fact="gate facts section 4.H: omitted stays, null clears",
    klass="customers",
    breaks=("GATE-CUSTOMER-UPDATE",),
)
def gate_omitted_is_cleared(patch: Patch) -> None:
    healthy = customers.read_changes

    def read_changes(document: Mapping[str, object]) -> dict[str, object]:
        return {**dict.fromkeys(("first_name", "last_name", "country_code")), **healthy(document)}

    patch.replace(customers, "read_changes", read_changes)


@fault(
    "gate-update-not-kept",
    summary="An update answers the changed record and keeps the old one",
    fact="gate facts section 4.H: an update changes the mutable members",
    klass="customers",
    breaks=("GATE-CUSTOMER-UPDATE",),
)
def gate_update_not_kept(patch: Patch) -> None:
    healthy = customers.update

    def update(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            before = customers.find_kept(tx, call.owner, call.path["id"])
        reply = healthy(call)
        with call.sandbox.store.write() as tx:
            tx.execute(
                "UPDATE gate_customers SET contact = ? WHERE customer_id = ?",
                (json.dumps(before.contact), before.customer_id),
            )
        return reply

    patch.replace(customers, "update", update)


def words_of_any_length(document: Mapping[str, object], name: str, shortest: int, longest: int) -> str:
    """A text, however short or long."""
    return members.words(document, name, 0, 1_000_000)


def by_email(tx: sqlite3.Connection, owner: str, email: str) -> str | None:
    """The id of the owner's customer with this address, deleted or not."""
    row = tx.execute("SELECT customer_id FROM gate_customers WHERE owner = ? AND email = ?", (owner, email)).fetchone()
    return None if row is None else str(row["customer_id"])


def apply_changes(call: Call, changes: Mapping[str, object]) -> None:
    """Change a customer's record without asking what may change."""
    with call.sandbox.store.write() as tx:
        customer = customers.find_kept(tx, call.owner, call.path["id"])
        contact = json.dumps({**customer.contact, **changes})
        tx.execute("UPDATE gate_customers SET contact = ? WHERE customer_id = ?", (contact, customer.customer_id))


def update_with(patch: Patch, member: str) -> None:
    """Let an update take one member more; what it says is shown instead of what was there."""
    healthy = customers.read_changes

    def read_changes(document: Mapping[str, object]) -> dict[str, object]:
        rest = {name: document[name] for name in document if name != member}
        return {**healthy(rest), **{name: document[name] for name in document if name == member}}

    patch.replace(customers, "read_changes", read_changes)


def said(customer: Customer, member: str) -> dict[str, object]:
    """What an update has said of a member, if one has."""
    return {member: customer.contact[member]} if member in customer.contact else {}

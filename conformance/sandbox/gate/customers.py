"""Customer records: unique address and reference, a few members that may change, and deletion that only hides."""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from conformance.sandbox import clock
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.gate import access, events, idempotency, members, paging, refusals
from conformance.sandbox.refusal import not_found

CREATED_STATUS: Final = 201
EMAIL: Final = re.compile(r"[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+")
LONGEST_EMAIL: Final = 254
EXTERNAL_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}", re.ASCII)
PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
LONGEST_NAME: Final = 128
KYC_STATUS: Final = "unverified"
MUTABLE: Final = ("first_name", "last_name", "country_code", "metadata")

Contact = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Customer:
    """A stored record. ``contact`` holds what its reads show besides ids; moments are whole seconds."""

    customer_id: str
    owner: str
    email: str
    external_id: str | None
    contact: Contact
    created_at: int
    updated_at: int
    deleted_at: int | None


def check_enabled(call: Call) -> None:
    """403 unless customer records are enabled for the caller."""
    with call.sandbox.store.read() as tx:
        access.check_customers(access.load(tx, call.account))


def create(call: Call) -> Reply:
    """``POST /customers``: a record whose address and reference nobody else of this partner has or had."""
    check_enabled(call)
    document = members.body_of(call)
    email = members.matching(members.words(document, "email", 3, LONGEST_EMAIL), "email", EMAIL)
    external_id = read_matching(document, "external_id", EXTERNAL_ID)
    contact = {
        "phone": read_matching(document, "phone", PHONE),
        "first_name": members.optional_words(document, "first_name", 0, LONGEST_NAME),
        "last_name": members.optional_words(document, "last_name", 0, LONGEST_NAME),
        "country_code": members.country(document) if "country_code" in document else None,
        "metadata": members.metadata(document),
    }

    def perform(tx: sqlite3.Connection) -> Reply:
        check_free(tx, call.owner, email, external_id)
        customer = insert(tx, call, email, external_id, contact)
        events.announce(tx, call.sandbox, call.owner, "customer.created", render(customer))
        return Reply(CREATED_STATUS, render(customer))

    return idempotency.once(call, "createCustomer", document, perform, required=True)


def read_matching(document: Mapping[str, object], name: str, pattern: re.Pattern[str]) -> str | None:
    """An optional member of this form."""
    value = members.optional_words(document, name, 1, members.LONGEST_ADDRESS)
    return None if value is None else members.matching(value, name, pattern)


def check_free(tx: sqlite3.Connection, owner: str, email: str, external_id: str | None) -> None:
    """409 for an address or reference that a record of this partner has, deleted ones included."""
    for member, sql, value in (
        ("email", "SELECT 1 FROM gate_customers WHERE owner = ? AND email = ?", email),
        ("external_id", "SELECT 1 FROM gate_customers WHERE owner = ? AND external_id = ?", external_id),
    ):
        if value is not None and tx.execute(sql, (owner, value)).fetchone() is not None:
            raise refusals.customer_exists(member)


def insert(tx: sqlite3.Connection, call: Call, email: str, external_id: str | None, contact: Contact) -> Customer:
    """A new record. ``sqlite3.IntegrityError`` if address or reference is taken."""
    now = clock.account_now(tx, call.sandbox.clock, call.account)
    customer_id = secrets.token_hex(12)
    tx.execute(
        "INSERT INTO gate_customers (customer_id, owner, email, external_id, contact, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (customer_id, call.owner, email, external_id, json.dumps(contact), now, now),
    )
    return find(tx, call.owner, customer_id)


def find(tx: sqlite3.Connection, owner: str, customer_id: str) -> Customer:
    """The owner's record, deleted or not; 404 for an unknown one and for anybody else's."""
    row = tx.execute(
        "SELECT * FROM gate_customers WHERE owner = ? AND customer_id = ?", (owner, customer_id)
    ).fetchone()
    if row is None:
        raise not_found("no such customer")
    return restore(row)


def find_kept(tx: sqlite3.Connection, owner: str, customer_id: str) -> Customer:
    """Like ``find``, and 404 for a deleted one too."""
    customer = find(tx, owner, customer_id)
    if customer.deleted_at is not None:
        raise not_found("no such customer")
    return customer


def restore(row: sqlite3.Row) -> Customer:
    return Customer(
        customer_id=row["customer_id"],
        owner=row["owner"],
        email=row["email"],
        external_id=row["external_id"],
        contact=json.loads(row["contact"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        deleted_at=row["deleted_at"],
    )


def render(customer: Customer) -> dict[str, object]:
    return {
        "id": customer.customer_id,
        "object": "customer",
        "partner_id": access.partner_id(customer.owner),
        "mode": access.mode_of(customer.owner),
        "email": customer.email,
        "external_id": customer.external_id,
        **customer.contact,
        "kyc_status": KYC_STATUS,
        "created_at": clock.iso(customer.created_at),
        "updated_at": clock.iso(customer.updated_at),
    }


def read(call: Call) -> Reply:
    """``GET /customers/{id}``."""
    check_enabled(call)
    with call.sandbox.store.read() as tx:
        return Reply(200, render(find_kept(tx, call.owner, call.path["id"])))


def list_page(call: Call) -> Reply:
    """``GET /customers``: newest first, by cursor, deleted ones left out."""
    check_enabled(call)
    limit = paging.read_limit(call.query)
    with call.sandbox.store.read() as tx:
        rows = tx.execute(
            "SELECT * FROM gate_customers WHERE owner = :owner AND seq < :before AND deleted_at IS NULL"
            " AND (:email IS NULL OR email = :email)"
            " AND (:external_id IS NULL OR external_id = :external_id) ORDER BY seq DESC LIMIT :rows",
            {
                "owner": call.owner,
                "before": paging.position(tx, "gate_customers", call.owner, call.query),
                "email": call.query.get("email"),
                "external_id": call.query.get("external_id"),
                "rows": limit + 1,
            },
        ).fetchall()
    return paging.render("/customers", [render(restore(row)) for row in rows[:limit]], len(rows) > limit)


def update(call: Call) -> Reply:
    """``PATCH /customers/{id}``: what is absent stays, ``null`` clears, anything that may not change is a 400."""
    check_enabled(call)
    document = members.body_of(call)
    changes = read_changes(document)
    customer_id = call.path["id"]

    def perform(tx: sqlite3.Connection) -> Reply:
        customer = find_kept(tx, call.owner, customer_id)
        now = clock.account_now(tx, call.sandbox.clock, call.account)
        tx.execute(
            "UPDATE gate_customers SET contact = ?, updated_at = ? WHERE customer_id = ? AND deleted_at IS NULL",
            (json.dumps({**customer.contact, **changes}), now, customer_id),
        )
        changed = find_kept(tx, call.owner, customer_id)
        events.announce(tx, call.sandbox, call.owner, "customer.updated", render(changed))
        return Reply(200, render(changed))

    return idempotency.once(call, f"updateCustomer {customer_id}", document, perform)


def read_changes(document: Mapping[str, object]) -> dict[str, object]:
    """The members to change; 400 for any that is not among the mutable ones."""
    members.check_known(document, MUTABLE)
    readers: dict[str, Callable[[], object]] = {
        "first_name": lambda: members.words(document, "first_name", 0, LONGEST_NAME),
        "last_name": lambda: members.words(document, "last_name", 0, LONGEST_NAME),
        "country_code": lambda: members.country(document),
        "metadata": lambda: members.metadata(document),
    }
    return {name: None if value is None else readers[name]() for name, value in document.items()}


def delete(call: Call) -> Reply:
    """``DELETE /customers/{id}``: hides the record for good; repeating it answers the same and tells nobody again."""
    check_enabled(call)
    customer_id = call.path["id"]

    def perform(tx: sqlite3.Connection) -> Reply:
        find(tx, call.owner, customer_id)
        now = clock.account_now(tx, call.sandbox.clock, call.account)
        hidden = tx.execute(
            "UPDATE gate_customers SET deleted_at = ? WHERE customer_id = ? AND deleted_at IS NULL", (now, customer_id)
        )
        marker = render_deleted(find(tx, call.owner, customer_id))
        if hidden.rowcount == 1:
            events.announce(tx, call.sandbox, call.owner, "customer.deleted", marker)
        return Reply(200, marker)

    return idempotency.once(call, f"deleteCustomer {customer_id}", None, perform)


def render_deleted(customer: Customer) -> dict[str, object]:
    deleted_at = None if customer.deleted_at is None else clock.iso(customer.deleted_at)
    return {"id": customer.customer_id, "object": "customer", "deleted": True, "deleted_at": deleted_at}

"""Mistakes with deleting a customer of 0Gate, which only hides, and with the customers of another partner."""

from __future__ import annotations

import sqlite3

from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import gate_seams
from conformance.sandbox.faults.gate_customers import by_email
from conformance.sandbox.gate import customers, refusals
from conformance.sandbox.gate.customers import Contact, Customer
from conformance.sandbox.refusal import not_found
from conformance.sandbox.variations import Patch, fault


@fault(
    "gate-deleted-readable",
    summary="A deleted customer can still be read",
    fact="gate facts section 4.H: a soft-deleted customer is a 404",
    klass="deletion",
    breaks=("GATE-CUSTOMER-DELETE",),
)
def gate_deleted_readable(patch: Patch) -> None:
    def read(call: Call) -> Reply:
        customers.check_enabled(call)
        with call.sandbox.store.read() as tx:
            return Reply(200, customers.render(customers.find(tx, call.owner, call.path["id"])))

    patch.replace(customers, "read", read)


@fault(
    "gate-deleted-listed",
    summary="Deleted customers stay in the list",
    fact="gate facts section 4.H: soft-deleted customers are left out",
    klass="deletion",
    breaks=("GATE-CUSTOMER-DELETE",),
    drags=("GATE-CUSTOMER-LIST", "GATE-CUSTOMER-FILTERS", "GATE-CUSTOMER-RESERVED"),
)
def gate_deleted_listed(patch: Patch) -> None:
    gate_seams.requery(patch, customers, "list_page", (" AND deleted_at IS NULL", ""))


@fault(
    "gate-deleted-found-by-filter",
    summary="A deleted customer is out of the list and still found by his address",
    fact="gate facts section 4.H: soft-deleted customers are left out",
    klass="deletion",
    breaks=("GATE-CUSTOMER-DELETE",),
    drags=("GATE-CUSTOMER-FILTERS", "GATE-CUSTOMER-RESERVED"),
)
def gate_deleted_found_by_filter(patch: Patch) -> None:
    gate_seams.requery_if(
        patch, customers, "list_page", lambda call: "email" in call.query, (" AND deleted_at IS NULL", "")
    )


@fault(
    "gate-delete-not-kept",
    summary="A deletion answers its marker and hides nothing",
    fact="gate facts section 4.H: afterwards a read is a 404 and lists skip the customer",
    klass="deletion",
    breaks=("GATE-CUSTOMER-DELETE",),
    drags=("GATE-CUSTOMER-RESERVED",),
)
def gate_delete_not_kept(patch: Patch) -> None:
    healthy = customers.delete

    def delete(call: Call) -> Reply:
        reply = healthy(call)
        with call.sandbox.store.write() as tx:
            tx.execute("UPDATE gate_customers SET deleted_at = NULL WHERE customer_id = ?", (call.path["id"],))
        return reply

    patch.replace(customers, "delete", delete)


@fault(
    "gate-delete-again-is-404",
    summary="Deleting a deleted customer is a 404",
    fact="gate facts section 4.H: repeating a deletion returns the same marker",
    klass="deletion",
    breaks=("GATE-CUSTOMER-DELETE",),
)
def gate_delete_again_is_404(patch: Patch) -> None:
    healthy = customers.delete

    def delete(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            if customers.find(tx, call.owner, call.path["id"]).deleted_at is not None:
                raise not_found("no such customer")
        return healthy(call)

    patch.replace(customers, "delete", delete)


@fault(
    "gate-delete-marker-moves",
    summary="Each repeat of a deletion gives it another time",
    fact="gate facts section 4.H: repeating a deletion returns the same marker",
    klass="deletion",
    breaks=("GATE-CUSTOMER-DELETE",),
)
def gate_delete_marker_moves(patch: Patch) -> None:
    healthy = customers.delete

    def delete(call: Call) -> Reply:
        with call.sandbox.store.write() as tx:
            tx.execute(
                "UPDATE gate_customers SET deleted_at = deleted_at + 60 WHERE owner = ? AND customer_id = ?",
                (call.owner, call.path["id"]),
            )
        return healthy(call)

    patch.replace(customers, "delete", delete)


@fault(
    "gate-delete-answers-record",
    summary="A deletion answers the customer as he was, without a marker",
    fact="gate facts section 4.H: the answer is id, object, deleted true and deleted_at",
    klass="deletion",
    breaks=("GATE-CUSTOMER-DELETE",),
    drags=("WIRE-BODY",),
)
def gate_delete_answers_record(patch: Patch) -> None:
    patch.replace(customers, "render_deleted", customers.render)


@fault(
    "gate-deleted-frees-email",
    summary="Deleting a customer gives his e-mail address free",
    fact="gate facts section 4.H: email and external_id stay reserved, so re-create gives 409",
    klass="deletion",
    breaks=("GATE-CUSTOMER-RESERVED",),
)
def gate_deleted_frees_email(patch: Patch) -> None:
    after_delete(patch, "UPDATE gate_customers SET email = 'deleted ' || customer_id WHERE customer_id = ?")


@fault(
    "gate-deleted-frees-reference",
    summary="Deleting a customer gives his external id free",
    fact="gate facts section 4.H: email and external_id stay reserved, so re-create gives 409",
    klass="deletion",
    breaks=("GATE-CUSTOMER-RESERVED",),
)
def gate_deleted_frees_reference(patch: Patch) -> None:
    after_delete(patch, "UPDATE gate_customers SET external_id = NULL WHERE customer_id = ?")


@fault(
    "gate-recreate-restores",
    summary="Creating with the address of a deleted customer brings that one back",
    fact="gate facts section 5.5: deleted is final; section 4.H: re-create gives 409",
    klass="deletion",
    breaks=("GATE-CUSTOMER-RESERVED",),
)
def gate_recreate_restores(patch: Patch) -> None:
    healthy = customers.insert

    def check_free(tx: sqlite3.Connection, owner: str, email: str, reference: str | None) -> None:
        taken = by_email(tx, owner, email)
        if taken is not None and customers.find(tx, owner, taken).deleted_at is None:
            raise refusals.customer_exists("email")

    def insert(tx: sqlite3.Connection, call: Call, email: str, reference: str | None, contact: Contact) -> Customer:
        taken = by_email(tx, call.owner, email)
        if taken is None:
            return healthy(tx, call, email, reference, contact)
        tx.execute("UPDATE gate_customers SET deleted_at = NULL WHERE customer_id = ?", (taken,))
        return customers.find(tx, call.owner, taken)

    patch.replace(customers, "check_free", check_free)
    patch.replace(customers, "insert", insert)


@fault(
    "gate-foreign-customer-readable",
    summary="A customer is found by his id alone, whoever reads him",
    fact="gate facts section 4.H: a foreign customer is a 404",
    klass="isolation",
    breaks=("GATE-ISOLATION-OBJECTS",),
)
def gate_foreign_customer_readable(patch: Patch) -> None:
    gate_seams.requery(patch, customers, "read", gate_seams.OF_ANYBODY)


@fault(
    "gate-foreign-customer-as-403",
    summary="A customer of another partner is refused with 403, which tells that he exists",
    fact="gate facts section 1.3: an object of another partner always reads as 404, never 403",
    klass="isolation",
    breaks=("GATE-ISOLATION-OBJECTS",),
)
def gate_foreign_customer_as_403(patch: Patch) -> None:
    for handler in ("read", "update", "delete"):
        gate_seams.tell_foreign(patch, customers, handler, "gate_customers", "customer_id")


@fault(
    "gate-foreign-customer-updated",
    summary="An update finds a customer of any partner",
    fact="gate facts section 4.H: a foreign customer is a 404",
    klass="isolation",
    breaks=("GATE-ISOLATION-OBJECTS",),
)
def gate_foreign_customer_updated(patch: Patch) -> None:
    change = ("FROM gate_customers WHERE owner = ?", "FROM gate_customers WHERE ? IS NOT NULL")
    gate_seams.requery(patch, customers, "update", change)


@fault(
    "gate-foreign-customer-deleted-behind-404",
    summary="Deleting a foreign customer answers 404, and his owner finds him deleted",
    fact="gate facts section 4.H: a foreign customer is a 404",
    klass="isolation",
    breaks=("GATE-ISOLATION-OBJECTS",),
)
def gate_foreign_customer_deleted_behind_404(patch: Patch) -> None:
    healthy = customers.delete

    def delete(call: Call) -> Reply:
        with call.sandbox.store.write() as tx:
            tx.execute(
                "UPDATE gate_customers SET deleted_at = created_at WHERE customer_id = ? AND owner != ?",
                (call.path["id"], call.owner),
            )
        return healthy(call)

    patch.replace(customers, "delete", delete)


def after_delete(patch: Patch, statement: str) -> None:
    """Change the row of a customer once he is deleted."""
    healthy = customers.delete

    def delete(call: Call) -> Reply:
        reply = healthy(call)
        with call.sandbox.store.write() as tx:
            tx.execute(statement, (call.path["id"],))
        return reply

    patch.replace(customers, "delete", delete)

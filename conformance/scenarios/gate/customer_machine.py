"""The machine that keeps customer records: by their owner, and by another partner who tries.

What the machines of 0Gate share stands in ``story``.
"""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis.stateful import Bundle, MultipleResults, initialize, multiple, precondition, rule

from conformance.client import Reply
from conformance.model.gate import Customer
from conformance.scenarios.gate.records import REFUSALS
from conformance.scenarios.gate.story import PartnerMachine


class CustomerMachine(PartnerMachine):
    """Creating, reading, changing and deleting customer records, by their owner and by another partner."""

    customers: Bundle[str] = Bundle("customers")

    @initialize(target=customers)
    def record_the_first_customer(self) -> MultipleResults[str]:
        return self._record()

    @rule(target=customers)
    def record_a_customer(self) -> MultipleResults[str]:
        return self._record()

    def _record(self) -> MultipleResults[str]:
        taken: list[str] = []

        def move() -> None:
            request = self.desk.customer_request()
            reply = self.desk.api.create_customer(request, self.hunt.bench.uuid())
            made = self.desk.noted_customer(request, reply)
            name = self._name("customer", made.id if made else "")
            self.tell(f"{name} = record_a_customer()", reply)
            fresh = made is not None and made.id not in self.book.customers
            self.hold("GATE-CUSTOMER-CREATE", fresh, "a new record", f"{reply.status}")
            if made is not None:
                known = Customer(
                    made.id, str(request["email"]), str(request["external_id"]), str(request["first_name"])
                )
                self.book.customers[made.id] = known
                taken.append(made.id)

        self.attempt(move)
        return multiple(*taken)

    @rule(customer=customers, by=st.sampled_from(["email", "external_id"]), deleted=st.booleans())
    def record_the_same_again(self, customer: str, by: str, deleted: bool) -> None:
        """What a deleted record was known by stays taken, so that one is looked for first every other time."""
        at_hand = [self.book.customers[customer], *self.book.customers.values()]
        known = next((known for known in at_hand if known.deleted or not deleted), at_hand[0])

        def move() -> None:
            request = self.desk.customer_request(**{by: getattr(known, by)})
            reply = self.desk.api.create_customer(request, self.hunt.bench.uuid())
            self.tell(f"record_the_same_again({self.names[known.id]}, {by})  # {_state(known)}", reply)
            if reply.object().get("id") != known.id:
                self.desk.noted_customer(request, reply)
            requirement = "GATE-CUSTOMER-RESERVED" if known.deleted else "GATE-CUSTOMER-UNIQUE"
            self.hold(requirement, reply.status == 409, "409", str(reply.status))

        self.attempt(move)

    @rule(customer=customers)
    def read_the_customer(self, customer: str) -> None:
        known = self.book.customers[customer]

        def move() -> None:
            reply = self.desk.api.customer(customer)
            self.tell(f"read_the_customer({self.names[customer]})  # {_state(known)}", reply)
            if known.deleted:
                self.hold("GATE-CUSTOMER-DELETE", reply.status == 404, "404", str(reply.status))
                return
            body = reply.object()
            told = (body.get("email"), body.get("external_id"), body.get("first_name"))
            right = reply.ok and told == (known.email, known.external_id, known.first_name)
            requirement = "GATE-ISOLATION-OBJECTS" if customer in self.touched else "GATE-CUSTOMER-UPDATE"
            self.hold(requirement, right, "the record as it was left", f"{reply.status}, another record")

        self.attempt(move)

    @rule(customer=customers, name=st.sampled_from(["Ada", "Grace", None]))
    def rename_the_customer(self, customer: str, name: str | None) -> None:
        known = self.book.customers[customer]

        def move() -> None:
            reply = self.desk.api.update_customer(customer, {"first_name": name})
            self.tell(f"rename_the_customer({self.names[customer]}, {name})  # {_state(known)}", reply)
            if known.deleted:
                self.hold("GATE-CUSTOMER-DELETE", reply.status == 404, "404", str(reply.status))
                return
            self.hold("GATE-CUSTOMER-UPDATE", reply.ok, "2xx", str(reply.status))
            known.first_name = name

        self.attempt(move)

    @rule(customer=customers, member=st.sampled_from(["email", "external_id"]))
    def change_what_stays(self, customer: str, member: str) -> None:
        known = self.book.customers[customer]
        if known.deleted:
            return

        def move() -> None:
            other = self.desk.customer_request()[member]
            reply = self.desk.api.update_customer(customer, {member: other})
            self.tell(f"change_what_stays({self.names[customer]}, {member})", reply)
            self.hold("GATE-CUSTOMER-IMMUTABLE", reply.status in REFUSALS, "400 or 422", str(reply.status))

        self.attempt(move)

    @rule(customer=customers)
    def delete_the_customer(self, customer: str) -> None:
        known = self.book.customers[customer]

        def move() -> None:
            reply = self.desk.api.delete_customer(customer)
            self.tell(f"delete_the_customer({self.names[customer]})  # {_state(known)}", reply)
            marked = reply.ok and reply.object().get("id") == customer and reply.object().get("deleted") is True
            self.hold("GATE-CUSTOMER-DELETE", marked, "2xx with the marker", f"{reply.status}")
            known.deleted = True

        self.attempt(move)

    @precondition(lambda self: "other_partner" in self.hunt.bench.target.accounts)
    @rule(customer=customers, how=st.sampled_from(["read", "rename", "delete"]))
    def another_partner_tries_a_customer(self, customer: str, how: str) -> None:
        """What it did to our record, later steps show."""

        def move() -> None:
            api = self.hunt.bench.gate("other_partner")
            moves = {
                "read": lambda: api.customer(customer),
                "rename": lambda: api.update_customer(customer, {"first_name": "Mallory"}),
                "delete": lambda: api.delete_customer(customer),
            }
            reply: Reply = moves[how]()
            self.tell(f"another_partner_tries_a_customer({self.names[customer]}, {how})", reply)
            self.touched.add(customer)
            # A partner without customer records is refused for that.
            closed = reply.status == 403 and not api.customers(limit="1").ok
            self.hold("GATE-ISOLATION-OBJECTS", closed or reply.status == 404, "404", str(reply.status))

        self.attempt(move)


def _state(known: Customer) -> str:
    return "deleted" if known.deleted else "kept"

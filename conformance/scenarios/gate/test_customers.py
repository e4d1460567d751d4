"""Customer records: what creating, changing and deleting one promises, and that no address is recorded twice."""

from __future__ import annotations

from conformance.client import Reply
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.desk import Customer, Desk
from conformance.scenarios.gate.records import REFUSALS, caught_up, differing, in_lists, not_as
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.desk import moment

NEEDS = ("customers",)
LONGEST_NAME = 128
PHONE = "+12025550123"


def named(text: str) -> str:
    """A name of the greatest published length."""
    return text.ljust(LONGEST_NAME, "x")


@scenario("GATE-CUSTOMER-CREATE", needs=NEEDS)
def test_a_customer_is_recorded_as_asked_for(bench: Bench, desk: Desk, judge: Judge) -> None:
    asked = {"first_name": "Zoë", "last_name": named("Conformance"), "country_code": desk.terms.country or "DE"}
    request = desk.customer_request(**asked)
    reply = desk.api.create_customer(request, bench.uuid())
    if not reply.ok:
        # If not even a plain one is made, records are not to be had here.
        desk.record_customer()
    customer = desk.noted_customer(request, reply)
    body = reply.object()
    wrong = not_as(body, {**request, "kyc_status": "unverified"})
    judge.require(
        "GATE-CUSTOMER-CREATE",
        customer is not None and not wrong,
        "an unverified record as asked for",
        f"{reply.status}; not as asked for: {', '.join(wrong) or 'nothing'}",
        reply,
    )
    assert customer is not None
    read = desk.api.customer(customer.id)
    again = desk.api.customer(customer.id)
    wrong = not_as(read.object(), {**request, "id": customer.id}) + differing(body, read.object())
    wrong += differing(read.object(), again.object())
    judge.check(
        "GATE-CUSTOMER-CREATE",
        read.status == 200 and again.status == 200 and not wrong,
        "200 with the same record",
        f"{read.status}, {again.status}; not the same: {', '.join(dict.fromkeys(wrong)) or 'nothing'}",
        reply,
        read,
        again,
    )
    _verified_by_nobody(bench, desk, judge)


def _verified_by_nobody(bench: Bench, desk: Desk, judge: Judge) -> None:
    """What the server keeps is not for the partner to say: refused or passed over, but not taken."""
    request = desk.customer_request(phone=PHONE, kyc_status="verified")
    reply = desk.api.create_customer(request, bench.uuid())
    customer = desk.noted_customer(request, reply)
    if customer is None:
        judge.observe("customer with a phone number and a kyc_status", str(reply.status), "GATE-CUSTOMER-CREATE", reply)
        return
    read = desk.api.customer(customer.id)
    wrong = not_as(read.object(), {**request, "kyc_status": "unverified"})
    judge.check(
        "GATE-CUSTOMER-CREATE",
        not wrong,
        "an unverified record, whatever kyc_status was sent",
        f"not as it should be: {', '.join(wrong) or 'nothing'}",
        reply,
        read,
    )


def malformed(desk: Desk) -> dict[str, dict[str, object]]:
    """Requests each of which breaks one published form."""
    plain = desk.customer_request
    return {
        "no email": plain(email=None),
        "an empty email": plain(email=""),
        "email null": {**plain(), "email": None},
        "a first name of 129 characters": plain(first_name=named("Conformance") + "x"),
        "a last name of 129 characters": plain(last_name=named("Conformance") + "x"),
        "country_code DEU": plain(country_code="DEU"),
        "country_code 7": plain(country_code="7"),
        "country_code D1": plain(country_code="D1"),
        "a phone number without digits": plain(phone="no phone number"),
    }


@scenario("GATE-CUSTOMER-VALIDATION", needs=NEEDS)
def test_a_malformed_customer_is_refused_and_not_made(bench: Bench, desk: Desk, judge: Judge) -> None:
    kept = desk.record_customer()
    refused = {}
    for what, request in malformed(desk).items():
        reply = desk.api.create_customer(request, bench.uuid())
        desk.noted_customer(request, reply)
        refused[what] = (request, reply)
    caught_up(desk)
    for what, (request, reply) in refused.items():
        made = in_lists(desk, request)
        judge.check(
            "GATE-CUSTOMER-VALIDATION",
            reply.status in REFUSALS and not made,
            f"400 or 422 for {what}, and no record",
            f"{reply.status} and {len(made)} record(s)",
            reply,
        )
    for change in ({"last_name": named("Conformance") + "x"}, {"country_code": "DEU"}):
        _refused_change(desk, judge, kept, {"first_name": "Changed", **change}, "GATE-CUSTOMER-VALIDATION")


def _refused_change(desk: Desk, judge: Judge, kept: Customer, change: dict[str, object], requirement: str) -> None:
    """Try a change that must be refused and leave the record as it was."""
    before = desk.api.customer(kept.id)
    reply = desk.api.update_customer(kept.id, change)
    after = desk.api.customer(kept.id)
    moved = differing(before.object(), after.object())
    judge.check(
        requirement,
        reply.status in REFUSALS and before.ok and after.ok and not moved,
        f"a refusal (400) of a change of {', '.join(change)}, and the record as it was",
        f"{reply.status}; changed: {', '.join(moved) or 'nothing'}",
        before,
        reply,
        after,
    )


@scenario("GATE-CUSTOMER-UNIQUE", needs=NEEDS)
def test_no_address_and_no_reference_is_recorded_twice(bench: Bench, desk: Desk, judge: Judge) -> None:
    first = desk.record_customer()
    before = desk.api.customer(first.id)
    second = {}
    for name in ("email", "external_id"):
        request = desk.customer_request(**{name: first.request[name]})
        reply = desk.api.create_customer(request, bench.uuid())
        desk.noted_customer(request, reply)
        second[name] = (request, reply)
        judge.observe(f"code for a taken {name}", str(reply.object().get("code")), "GATE-CUSTOMER-UNIQUE", reply)
    caught_up(desk)
    for name, (request, reply) in second.items():
        made = [found for found in in_lists(desk, request) if found != first.id]
        judge.check(
            "GATE-CUSTOMER-UNIQUE",
            reply.status == 409 and not made,
            f"409 for a taken {name}, and no second record",
            f"{reply.status} and {len(made)} further record(s)",
            first.reply,
            reply,
        )
    read = desk.api.customer(first.id)
    wrong = differing(before.object(), read.object())
    judge.check(
        "GATE-CUSTOMER-UNIQUE",
        read.ok and not wrong,
        "the first record as it was",
        f"{read.status}; changed: {', '.join(wrong) or 'nothing'}",
        before,
        read,
    )


@scenario("GATE-CUSTOMER-UPDATE", needs=NEEDS)
def test_an_update_changes_what_it_names(bench: Bench, desk: Desk, judge: Judge) -> None:
    customer, other = desk.record_customer(last_name="Before"), desk.record_customer(last_name="Before")
    wanted = {**customer.request, "id": customer.id}
    tag = customer.request["external_id"]
    updates: tuple[dict[str, object], ...] = (
        {"last_name": "After"},
        {"first_name": named("Changed"), "country_code": "FR"},
        {"metadata": {"conformance_tag": tag, "changed": "yes"}},
        {"last_name": None, "country_code": None},
    )
    for update in updates:
        wanted |= update
        changed = desk.api.update_customer(customer.id, update)
        read = _read_once(desk, customer.id, wanted if changed.ok else {})
        wrong = not_as(read.object(), wanted)
        judge.require(
            "GATE-CUSTOMER-UPDATE",
            changed.ok and read.ok and not wrong,
            f"2xx, and a record in which {', '.join(update)} changed and nothing else",
            f"{changed.status}; not as expected: {', '.join(wrong) or 'nothing'}",
            changed,
            read,
        )
    beside = desk.api.customer(other.id)
    wrong = not_as(beside.object(), other.request)
    judge.check(
        "GATE-CUSTOMER-UPDATE",
        beside.ok and not wrong,
        "the record of somebody else as it was",
        f"{beside.status}; changed: {', '.join(wrong) or 'nothing'}",
        beside,
    )
    cleared = desk.api.update_customer(other.id, {"metadata": None})
    kept = desk.api.customer(other.id).object().get("metadata")
    judge.observe("customer metadata set to null", f"{cleared.status}, then {'kept' if kept else 'nothing'}")


def _read_once(desk: Desk, customer: str, wanted: dict[str, object]) -> Reply:
    """The record as soon as it is as wanted, or as it is when the patience of the profile is over."""
    seen: list[Reply] = []

    def is_so() -> bool:
        seen.append(desk.api.customer(customer))
        return seen[-1].ok and not not_as(seen[-1].object(), wanted)

    desk.awaited(is_so)
    return seen[-1]


def immutable(desk: Desk) -> dict[str, object]:
    """The members a source says cannot be changed, and one that does not exist, each with a value that would fit."""
    tag = desk.tag()
    return {
        "email": f"{tag}@conformance.example",
        "external_id": tag,
        "phone": PHONE,
        "kyc_status": "verified",
        "mode": "live",
        "conformance_member": "x",
    }


@scenario("GATE-CUSTOMER-IMMUTABLE", needs=NEEDS)
def test_what_cannot_be_changed_is_refused_and_nothing_changes(desk: Desk, judge: Judge) -> None:
    kept = desk.record_customer()
    for name, value in immutable(desk).items():
        _refused_change(desk, judge, kept, {"first_name": "Changed", name: value}, "GATE-CUSTOMER-IMMUTABLE")
    _refused_change(desk, judge, kept, {"external_id": desk.tag()}, "GATE-CUSTOMER-IMMUTABLE")


@scenario("GATE-CUSTOMER-DELETE", "GATE-CUSTOMER-RESERVED", needs=NEEDS)
def test_a_deleted_customer_is_gone_and_stays_reserved(bench: Bench, desk: Desk, judge: Judge) -> None:
    beside, customer = desk.record_customer(), desk.record_customer()
    deleted = desk.api.delete_customer(customer.id)
    again = desk.api.delete_customer(customer.id)
    wrong = marker_wrong(deleted, customer.id) + marker_wrong(again, customer.id)
    if not wrong and moment(deleted.object().get("deleted_at")) != moment(again.object().get("deleted_at")):
        wrong = ["deleted_at moved"]
    judge.require(
        "GATE-CUSTOMER-DELETE",
        not wrong,
        "200 with the marker of the deleted record, twice the same",
        "; ".join(dict.fromkeys(wrong)) or "it is",
        deleted,
        again,
    )
    desk.bench.customers.pop(customer.id, None)
    read, changed = desk.api.customer(customer.id), desk.api.update_customer(customer.id, {"first_name": "Back"})
    desk.awaited(lambda: not in_lists(desk, customer.request))
    listed = in_lists(desk, customer.request)
    judge.check(
        "GATE-CUSTOMER-DELETE",
        read.status == 404 and changed.status == 404 and not listed,
        "404 for reading and changing it, and no row in a list",
        f"{read.status} and {changed.status}, and {len(listed)} row(s)",
        read,
        changed,
    )
    kept = desk.api.customer(beside.id)
    judge.check("GATE-CUSTOMER-DELETE", kept.ok, "any other record is kept", f"{kept.status} for another", kept)
    _stays_reserved(bench, desk, judge, customer)


def marker_wrong(reply: Reply, customer: str) -> list[str]:
    """What is wrong with the answer to a deletion (gate facts 4.H)."""
    body = reply.object()
    if reply.status != 200:
        return [f"status {reply.status}"]
    wanted = {"id": customer, "object": "customer", "deleted": True}
    return [f"{name} {body.get(name)!r}" for name, value in wanted.items() if body.get(name) != value]


def _stays_reserved(bench: Bench, desk: Desk, judge: Judge, gone: Customer) -> None:
    for name in ("email", "external_id"):
        request = desk.customer_request(**{name: gone.request[name]})
        reply = desk.api.create_customer(request, bench.uuid())
        desk.noted_customer(request, reply)
        caught_up(desk)
        made = in_lists(desk, request)
        judge.check(
            "GATE-CUSTOMER-RESERVED",
            reply.status == 409 and not made,
            f"409 for the {name} of a deleted record, and no new one",
            f"{reply.status} and {len(made)} record(s)",
            reply,
        )

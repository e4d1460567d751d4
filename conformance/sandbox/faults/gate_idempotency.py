"""Mistakes with the idempotency key of 0Gate's creates, one call after the other."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace

from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.gate import idempotency, sessions
from conformance.sandbox.gate.idempotency import Keyed, Perform
from conformance.sandbox.refusal import conflict
from conformance.sandbox.variations import Patch, fault

# What a create that is not held back shows beside the plain repeat of it.
OF_SESSION_REPEATS = ("GATE-SESSION-CONCURRENT-ONCE", "GATE-SESSION-LOST-ANSWER", "GATE-SESSION-KEY-OTHER-BODY")
OF_RAIL_REPEATS = ("GATE-RAIL-CONCURRENT-ONCE", "GATE-RAIL-LOST-ANSWER", "GATE-RAIL-KEY-OTHER-BODY")


@fault(
    "gate-session-key-ignored",
    summary="Each create makes a session, whatever its key has made before",
    fact="gate facts section 4.A: a repeat of a key gives the first response",
    klass="idempotency",
    breaks=("GATE-SESSION-IDEMPOTENT",),
    drags=(*OF_SESSION_REPEATS, "GATE-WEBHOOK-SESSION-EVENTS"),
)
def gate_session_key_ignored(patch: Patch) -> None:
    forget(patch, lambda keyed: keyed.operation == "createSession")


@fault(
    "gate-rail-key-ignored",
    summary="A rail create repeated under its key is told that the quote is consumed",
    fact="gate facts section 6: the same key and body give the first response",
    klass="idempotency",
    breaks=("GATE-RAIL-IDEMPOTENT",),
    drags=OF_RAIL_REPEATS,
)
def gate_rail_key_ignored(patch: Patch) -> None:
    forget(patch, lambda keyed: keyed.operation.startswith("create pay_"))


@fault(
    "gate-pay-out-key-ignored",
    summary="Keys are honoured for pay-ins and forgotten for pay-outs",
    fact="gate facts section 6: pay-ins and pay-outs are both created under a key",
    klass="idempotency",
    breaks=("GATE-RAIL-IDEMPOTENT",),
    drags=OF_RAIL_REPEATS,
)
def gate_pay_out_key_ignored(patch: Patch) -> None:
    forget(patch, lambda keyed: keyed.operation == "create pay_out")


@fault(
    "gate-customer-key-ignored",
    summary="A customer create repeated under its key is refused as a duplicate",
    fact="gate facts section 4.H: a repeat of the key gives the first response",
    klass="idempotency",
    breaks=("GATE-CUSTOMER-IDEMPOTENT",),
)
def gate_customer_key_ignored(patch: Patch) -> None:
    forget(patch, lambda keyed: keyed.operation == "createCustomer")


@fault(
    "gate-key-answers-other-body",
    summary="A used key answers its first response whatever the body says now",
    fact="gate facts section 6: the same key with a changed body is a 409",
    klass="idempotency",
    breaks=("GATE-SESSION-KEY-OTHER-BODY", "GATE-RAIL-KEY-OTHER-BODY"),
)
def gate_key_answers_other_body(patch: Patch) -> None:
    patch.replace(idempotency, "fingerprint", lambda document: "any")


@fault(
    "gate-key-runs-other-body",
    summary="Key and body together tell repeats apart, so a used key with another body is a new create",
    fact="gate facts section 6: the same key with a changed body is a 409",
    klass="idempotency",
    breaks=("GATE-SESSION-KEY-OTHER-BODY", "GATE-RAIL-KEY-OTHER-BODY"),
)
def gate_key_runs_other_body(patch: Patch) -> None:
    healthy_find, healthy_keep = idempotency.find, idempotency.keep
    patch.replace(idempotency, "find", lambda tx, keyed, now: healthy_find(tx, with_body(keyed), now))
    patch.replace(idempotency, "keep", lambda tx, keyed, reply, now: healthy_keep(tx, with_body(keyed), reply, now))


@fault(
    "gate-key-conflict-after-the-fact",
    summary="A used key with another body answers 409 after that body has been carried out",
    fact="gate facts section 6: the same key with a changed body is a 409; a refusal leaves nothing behind",
    klass="idempotency",
    breaks=("GATE-SESSION-KEY-OTHER-BODY", "GATE-RAIL-KEY-OTHER-BODY"),
    drags=("GATE-QUOTE-EXPIRES",),
)
def gate_key_conflict_after_the_fact(patch: Patch) -> None:
    healthy = idempotency.once

    def once(call: Call, operation: str, document: object, perform: Perform, *, required: bool = False) -> Reply:
        key = idempotency.read_key(call.headers, required)
        if key is not None:
            keyed = Keyed(call.owner, operation, key, idempotency.fingerprint(document))
            with call.sandbox.store.write() as tx:
                if other_body(tx, keyed):
                    perform(tx)
        return healthy(call, operation, document, perform, required=required)

    patch.replace(idempotency, "once", once)


@fault(
    "gate-body-compared-in-part",
    summary="Of a repeated body only the currency is compared, so another amount or quote passes for the same",
    fact="gate facts section 6: never change amount, currency or user reference under one key; that is a 409",
    klass="idempotency",
    breaks=("GATE-SESSION-KEY-OTHER-BODY", "GATE-RAIL-KEY-OTHER-BODY"),
)
def gate_body_compared_in_part(patch: Patch) -> None:
    healthy = idempotency.fingerprint

    def fingerprint(document: object) -> str:
        return healthy(document.get("currency") if isinstance(document, Mapping) else document)

    patch.replace(idempotency, "fingerprint", fingerprint)


@fault(
    "gate-keys-shared-answer",
    summary="A key another partner has used answers with that partner's object",
    fact="gate facts section 1.3: a credential sees only objects of its own account",
    klass="isolation",
    breaks=("GATE-ISOLATION-KEYS",),
    drags=("GATE-ISOLATION-OBJECTS",),
)
def gate_keys_shared_answer(patch: Patch) -> None:
    healthy = idempotency.find

    def find(tx: sqlite3.Connection, keyed: Keyed, now: int) -> Reply | None:
        row = tx.execute(
            "SELECT owner FROM gate_calls WHERE operation = ? AND idempotency_key = ? ORDER BY created_at, rowid",
            (keyed.operation, keyed.key),
        ).fetchone()
        return None if row is None else healthy(tx, replace(keyed, owner=row["owner"]), now)

    patch.replace(idempotency, "find", find)


@fault(
    "gate-keys-shared-block",
    summary="A key another partner has used is a conflict for everybody else",
    fact="gate facts section 1.3: a credential sees only objects of its own account",
    klass="isolation",
    breaks=("GATE-ISOLATION-KEYS",),
)
def gate_keys_shared_block(patch: Patch) -> None:
    healthy = idempotency.find

    def find(tx: sqlite3.Connection, keyed: Keyed, now: int) -> Reply | None:
        used = tx.execute(
            "SELECT 1 FROM gate_calls WHERE operation = ? AND idempotency_key = ? AND owner != ?",
            (keyed.operation, keyed.key, keyed.owner),
        ).fetchone()
        if used is not None:
            raise conflict("this key is in use")
        return healthy(tx, keyed, now)

    patch.replace(idempotency, "find", find)


@fault(
    "gate-key-good-for-one-repeat",
    summary="The stored answer is taken away with the first repeat, so the second one creates again",
    fact="gate facts section 6: one key for one logical operation, on every retry of it",
    klass="idempotency",
    breaks=("GATE-SESSION-IDEMPOTENT", "GATE-RAIL-IDEMPOTENT"),
    drags=("GATE-CUSTOMER-IDEMPOTENT", *OF_SESSION_REPEATS, *OF_RAIL_REPEATS),
)
def gate_key_good_for_one_repeat(patch: Patch) -> None:
    healthy = idempotency.find

    def find(tx: sqlite3.Connection, keyed: Keyed, now: int) -> Reply | None:
        earlier = healthy(tx, keyed, now)
        if earlier is not None:
            tx.execute("DELETE FROM gate_calls WHERE owner = ? AND idempotency_key = ?", (keyed.owner, keyed.key))
        return earlier

    patch.replace(idempotency, "find", find)


@fault(
    "gate-last-key-only",
    summary="Only the newest key of an operation is remembered",
    fact="gate facts section 6: the same key on every retry of an operation, whatever came in between",
    klass="idempotency",
    breaks=("GATE-SESSION-IDEMPOTENT", "GATE-RAIL-IDEMPOTENT"),
    drags=("GATE-CUSTOMER-IDEMPOTENT", *OF_SESSION_REPEATS, *OF_RAIL_REPEATS),
)
def gate_last_key_only(patch: Patch) -> None:
    healthy = idempotency.keep

    def keep(tx: sqlite3.Connection, keyed: Keyed, reply: Reply, now: int) -> None:
        tx.execute("DELETE FROM gate_calls WHERE owner = ? AND operation = ?", (keyed.owner, keyed.operation))
        healthy(tx, keyed, reply, now)

    patch.replace(idempotency, "keep", keep)


@fault(
    "gate-replay-new-id",
    summary="A repeated create answers the first object under an id of its own, which nobody can read",
    fact="gate facts section 6: a repeat returns the first response",
    klass="idempotency",
    breaks=("GATE-SESSION-IDEMPOTENT", "GATE-RAIL-IDEMPOTENT", "GATE-CUSTOMER-IDEMPOTENT"),
    drags=("GATE-SESSION-CONCURRENT-ONCE", "GATE-SESSION-LOST-ANSWER", *OF_RAIL_REPEATS[:2]),
)
def gate_replay_new_id(patch: Patch) -> None:
    healthy = idempotency.find

    def find(tx: sqlite3.Connection, keyed: Keyed, now: int) -> Reply | None:
        earlier = healthy(tx, keyed, now)
        if earlier is None:
            return None
        its_id = str(earlier.body["id"])
        return replace(earlier, body={**earlier.body, "id": its_id[:-4] + its_id[-4:][::-1] + "0"})

    patch.replace(idempotency, "find", find)


@fault(
    "gate-replay-refused",
    summary="A repeated key is refused with 409 instead of answered",
    fact="gate facts section 6: a repeat returns the first response",
    klass="idempotency",
    breaks=("GATE-SESSION-IDEMPOTENT", "GATE-RAIL-IDEMPOTENT", "GATE-CUSTOMER-IDEMPOTENT"),
    drags=("GATE-SESSION-LOST-ANSWER", "GATE-RAIL-LOST-ANSWER"),
)
def gate_replay_refused(patch: Patch) -> None:
    healthy = idempotency.find

    def find(tx: sqlite3.Connection, keyed: Keyed, now: int) -> Reply | None:
        if healthy(tx, keyed, now) is not None:
            raise conflict("this key has been used")
        return None

    patch.replace(idempotency, "find", find)


@fault(
    "gate-replay-tells-again",
    summary="A repeated create answers the first session and sends its event a second time",
    fact="gate facts section 6: a repeat gives the same object and no second event",
    klass="idempotency",
    breaks=("GATE-WEBHOOK-SESSION-EVENTS",),
    drags=("GATE-WEBHOOK-CUSTOMER-EVENTS", "GATE-WEBHOOK-ORDER"),
)
def gate_replay_tells_again(patch: Patch) -> None:
    healthy = sessions.create

    def create(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            before = newest(tx, call.owner)
        reply = healthy(call)
        with call.sandbox.store.write() as tx:
            if newest(tx, call.owner) == before:
                session = sessions.find(tx, call.owner, str(reply.body["id"]))
                sessions.announce(tx, call.sandbox, session, "gate_session.created")
        return reply

    patch.replace(sessions, "create", create)


@fault(
    "gate-key-compared-without-case",
    summary="Two keys that differ in upper and lower case only are taken for one",
    fact="gate facts section 6: one key per logical operation; any generated string may be one",
    klass="idempotency",
    breaks=("GATE-SESSION-IDEMPOTENT", "GATE-SESSION-KEY-OTHER-BODY"),
    drags=("GATE-RAIL-IDEMPOTENT", "GATE-CUSTOMER-IDEMPOTENT", *OF_RAIL_REPEATS),
)
def gate_key_compared_without_case(patch: Patch) -> None:
    healthy = idempotency.read_key

    def read_key(headers: Mapping[str, str], required: bool) -> str | None:
        key = healthy(headers, required)
        return None if key is None else key.lower()

    patch.replace(idempotency, "read_key", read_key)


def forget(patch: Patch, which: Callable[[Keyed], bool]) -> None:
    """Keep no answer for some keyed calls and find none."""
    healthy_find, healthy_keep = idempotency.find, idempotency.keep

    def find(tx: sqlite3.Connection, keyed: Keyed, now: int) -> Reply | None:
        return None if which(keyed) else healthy_find(tx, keyed, now)

    def keep(tx: sqlite3.Connection, keyed: Keyed, reply: Reply, now: int) -> None:
        if not which(keyed):
            healthy_keep(tx, keyed, reply, now)

    patch.replace(idempotency, "find", find)
    patch.replace(idempotency, "keep", keep)


def with_body(keyed: Keyed) -> Keyed:
    """A key that stands for one body only."""
    return replace(keyed, key=f"{keyed.key} {keyed.fingerprint}")


def other_body(tx: sqlite3.Connection, keyed: Keyed) -> bool:
    """Whether the key stands for another body."""
    row = tx.execute(
        "SELECT fingerprint FROM gate_calls WHERE owner = ? AND operation = ? AND idempotency_key = ?",
        (keyed.owner, keyed.operation, keyed.key),
    ).fetchone()
    return row is not None and row["fingerprint"] != keyed.fingerprint


def newest(tx: sqlite3.Connection, owner: str) -> int:
    """The place of the owner's newest session; 0 without one."""
    row = tx.execute("SELECT MAX(seq) AS seq FROM gate_sessions WHERE owner = ?", (owner,)).fetchone()
    return int(row["seq"] or 0)

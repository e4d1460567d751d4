"""Rules on idempotency keys: that there is one, that it belongs to one execution, and that a retry keeps it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from conformance.partner.rules_base import Breach, Rule, Seen, grouped
from conformance.partner.rules_quotes import SESSION, TRANSACT
from conformance.partner.traffic import Call, Traffic

RAILS = ("POST /rails/pay_ins", "POST /rails/pay_outs")
CUSTOMER = "POST /customers"
GATE_WRITES = (SESSION, CUSTOMER, *RAILS)
"""The writes of 0Gate that the vendor's map marks as idempotent."""

BANK = frozenset(
    {"iban", "bic", "swift", "bank", "bank_account", "bankAccount", "account_number", "accountNumber", "sort_code"}
    | {"sortCode", "routing_number", "routingNumber", "card_number", "cardNumber", "payout_details", "payout_method"}
)
"""Names under which a body could hold bank or payout details."""


def executed_quote(call: Call) -> str:
    """The quote a call executes; empty where its body was not recorded or it executes none."""
    if call.request is None:
        return ""
    return call.request.text("quoteId" if call.operation == TRANSACT else "quote_id")


def executions(traffic: Traffic) -> list[Call]:
    """Every call that executes a quote it names, on either product."""
    return [call for call in traffic.of(TRANSACT, *RAILS) if executed_quote(call)]


def _took_effect(call: Call) -> bool:
    """Whether an attempt executed something, or may have."""
    return call.ok or call.unknown


def _differing(calls: Sequence[Call], of: Callable[[Call], str]) -> tuple[Call, Call] | None:
    """The first call that differs from an earlier one which took effect, or may have; the earlier one first."""
    effective: dict[str, Call] = {}
    for call in calls:
        other = next((before for said, before in effective.items() if said != of(call)), None)
        if other is not None:
            return other, call
        if _took_effect(call):
            effective.setdefault(of(call), call)
    return None


def _keyed(calls: Sequence[Call], what: str) -> Seen:
    shown, broken = [], []
    for call in calls:
        if call.idempotency is not None:
            shown.append(call)
        elif call.has_headers:
            broken.append(Breach(f"{what} was sent without an Idempotency-Key", (call,)))
    return Seen(shown, broken)


def _transact_keyed(traffic: Traffic) -> Seen:
    return _keyed(traffic.of(TRANSACT), "a transact")


def _gate_keyed(traffic: Traffic) -> Seen:
    calls = traffic.of(*GATE_WRITES)
    seen = _keyed(calls, "a write")
    return Seen(seen.shown, seen.broken, applies=bool(calls))


def _one_key_each(traffic: Traffic) -> Seen:
    told = [call for call in executions(traffic) if call.idempotency is not None and not call.hidden_key]
    broken = []
    for calls in grouped(told, lambda call: (call.origin, call.key.identity, call.idempotency)):
        # After a plain refusal nothing was executed, and no source says that its key is spent.
        if pair := _differing(calls, executed_quote):
            quotes = " and with ".join(map(executed_quote, pair))
            broken.append(Breach(f"one Idempotency-Key was sent with {quotes}", pair))
    several = len({executed_quote(call) for call in told}) > 1
    return Seen(told if several else (), broken)


def _retry_keeps_key(traffic: Traffic) -> Seen:
    shown, broken = [], []
    told = [call for call in executions(traffic) if call.idempotency is not None and not call.hidden_key]
    for calls in grouped(told, lambda call: (call.origin, call.operation, executed_quote(call))):
        if pair := _other_key(calls):
            answer = "no answer" if pair[0].status is None else f"the answer {pair[0].status}"
            when = "after" if pair[1].after(pair[0]) else "before"
            observed = f"{executed_quote(pair[0])} was tried again with another Idempotency-Key {when} {answer}"
            broken.append(Breach(observed, pair))
        else:
            first = next((call for call in calls if call.unknown), None)
            shown += [call for call in calls if first is not None and call.after(first)]
    return Seen(shown, broken)


def _other_key(calls: Sequence[Call]) -> tuple[Call, Call] | None:
    """A try whose outcome its sender did not know, and a later one with another key.

    What was answered 2xx before is not one of these: the vendor gives the same trade for any key then.
    """
    open_tries: dict[str, Call] = {}
    settled: list[Call] = []
    for call in calls:
        key = call.idempotency or ""
        waiting = (before for before in settled if not call.after(before) and before.idempotency != key)
        other = next((before for said, before in open_tries.items() if said != key), None) or next(waiting, None)
        if other is not None:
            return other, call
        if call.unknown:
            open_tries.setdefault(key, call)
        elif call.ok:
            settled = [before for before in settled if not call.after(before)] + [call]
    return None


def _gate_key_per_write(traffic: Traffic) -> Seen:
    writes = traffic.of(SESSION, CUSTOMER)
    told = [c for c in writes if c.idempotency is not None and not c.hidden_key and c.request is not None]
    broken = []
    for calls in grouped(told, lambda call: (call.origin, call.operation, call.key.identity, call.idempotency)):
        if pair := _differing(calls, _digest):
            broken.append(Breach(f"one Idempotency-Key was sent with two bodies to {pair[0].operation}", pair))
    several = len({_digest(call) for call in told}) > 1
    return Seen(told if several else (), broken, applies=bool(writes))


def _digest(call: Call) -> str:
    return call.request.digest if call.request is not None else ""


def _no_bank_details(traffic: Traffic) -> Seen:
    shown, broken, calls = [], [], traffic.of(*RAILS)
    for call in calls:
        found = sorted(call.request.names & BANK) if call.request is not None else []
        if found:
            broken.append(Breach(f"{call.operation} was sent with {', '.join(found)}", (call,)))
        elif call.request is not None:
            shown.append(call)
    return Seen(shown, broken, applies=bool(calls))


RULES = (
    Rule(
        "PARTNER-TRAFFIC-TRANSACT-KEYED",
        "every transact carries an Idempotency-Key",
        "a transact with its headers",
        _transact_keyed,
    ),
    Rule(
        "PARTNER-TRAFFIC-KEY-PER-EXECUTION",
        "each execution has an Idempotency-Key of its own",
        "executions of two quotes, with their keys and bodies",
        _one_key_each,
    ),
    Rule(
        "PARTNER-TRAFFIC-RETRY-KEEPS-KEY",
        "a try after an execution whose outcome is unknown carries the same Idempotency-Key",
        "a second try of one quote after one that was answered 5xx or not at all",
        _retry_keeps_key,
    ),
    Rule(
        "PARTNER-TRAFFIC-GATE-WRITES-KEYED",
        "sessions, customers, pay-ins and pay-outs are created with an Idempotency-Key",
        "such a write with its headers",
        _gate_keyed,
    ),
    Rule(
        "PARTNER-TRAFFIC-GATE-KEY-PER-WRITE",
        "each session and customer is created with an Idempotency-Key of its own",
        "two different sessions or customers created, with their keys and bodies",
        _gate_key_per_write,
    ),
    Rule(
        "PARTNER-TRAFFIC-RAILS-NO-BANK-DETAILS",
        "pay-ins and pay-outs name no bank or payout details",
        "a pay-in or pay-out with its body",
        _no_bank_details,
    ),
)

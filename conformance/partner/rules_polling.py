"""Rules on what follows an execution: the status poll, when it stops, and reconciliation."""

from __future__ import annotations

from conformance.partner.rules_base import Breach, Rule, Seen, chains, gap, grouped
from conformance.partner.rules_quotes import QUOTE, TRANSACT, quotes
from conformance.partner.traffic import Call, Traffic

POLL = "GET /pools/transactions/{quoteId}"
LEDGER = "GET /pools/ledger"
ENDED = frozenset({"failed", "released", "returned"})
"""States nothing follows; ``settled`` may still become ``returned``, so polling it further is allowed."""

AGAIN = 5
"""Polls after the end that are no loop: parallel ones, a page reloaded, somebody looking."""

SOON = 60.0
"""Seconds between two polls of one loop; what comes back later is a schedule."""

QUICK = 0.25
"""Seconds between polls below which nothing backs off."""


def _polls(traffic: Traffic) -> list[list[Call]]:
    return grouped(traffic.of(POLL), lambda call: (call.origin, call.parameters.get("quoteId")))


def _by_quote(traffic: Traffic) -> Seen:
    trades = {call.says("transactId"): call for call in traffic.of(TRANSACT, POLL) if call.says("transactId")}
    known = quotes(traffic)
    shown, broken = [], []
    for call in traffic.of(POLL):
        named = call.parameters.get("quoteId", "")
        if call.ok:
            shown.append(call)
        elif named in trades and named not in known:
            observed = f"the status poll was sent with the trade's id {named}, and answered {call.status}"
            broken.append(Breach(observed, (trades[named], call)))
    return Seen(shown, broken)


def _stops(traffic: Traffic) -> Seen:
    shown, broken = [], []
    for calls in _polls(traffic):
        end = next((call for call in calls if call.ok and call.says("status") in ENDED), None)
        settled = next((call for call in calls if call.ok and call.says("status") == "settled"), None)
        last = end or settled
        if last is None:
            continue
        loop = [last]
        for call in calls:
            if call.after(last) and gap(loop[-1], call) <= SOON:
                loop.append(call)
        if end is not None and len(loop) > AGAIN + 1:
            observed = f"polled {len(loop) - 1} times more within seconds after the answer {end.says('status')!r}"
            broken.append(Breach(observed, (loop[0], *loop[-2:])))
        elif len(loop) <= AGAIN + 1:
            shown.append(last)
    return Seen(shown, broken)


def _backs_off(traffic: Traffic) -> Seen:
    shown, broken = [], []
    for calls in _polls(traffic):
        waiting = [call for call in calls if call.says("status") == "reserved"]
        for chain in chains(waiting, lambda before, call: gap(before, call) < QUICK):
            if len(chain) > AGAIN:
                broken.append(
                    Breach(f"{len(chain)} polls of one quote, each within {QUICK} s of the last", (*chain[:3],))
                )
        shown += waiting[1:]
    return Seen(shown, broken)


def _reconciles(traffic: Traffic) -> Seen:
    ended = [c for c in traffic.of(POLL) if c.ok and c.says("status") in ENDED | {"settled"}]
    read = [call for call in traffic.of(LEDGER) if call.ok and any(call.after(end) for end in ended[:1])]
    return Seen(read, applies=bool(traffic.of(QUOTE, TRANSACT, POLL)))


RULES = (
    Rule(
        "PARTNER-TRAFFIC-POLL-BY-QUOTE",
        "the status poll names the quote",
        "a status poll that was answered with 2xx",
        _by_quote,
    ),
    Rule(
        "PARTNER-TRAFFIC-POLL-STOPS",
        "polling stops when a trade has failed, was released or was returned",
        "a trade polled to its end, and no loop of polls after it",
        _stops,
    ),
    Rule(
        "PARTNER-TRAFFIC-POLL-BACKS-OFF",
        "polls of a reserved trade leave time between them",
        "two polls of one quote that were answered reserved",
        _backs_off,
    ),
    Rule(
        "PARTNER-TRAFFIC-LEDGER-RECONCILED",
        "the ledger is read after a trade has ended",
        "a read of the ledger after a poll that said how a trade ended",
        _reconciles,
    ),
)

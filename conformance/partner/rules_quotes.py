"""Rules on what leads to an execution: capabilities, quotes, what a transact may refer to, and what it may say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from conformance.partner.rules_base import Breach, Rule, Seen
from conformance.partner.traffic import Call, Traffic, moment

CAPABILITIES = "GET /pools/{id}/capabilities"
QUOTE = "POST /pools/{id}/quote"
READ_QUOTE = "GET /pools/quotes/{quoteId}"
REJECT = "POST /pools/quotes/{quoteId}/reject"
TRANSACT = "POST /pools/{id}/transact"
SESSION = "POST /gate_sessions"

MARGIN = 3.0
"""Seconds around an expiry within which nothing is judged: two clocks are involved."""

NO_ID = frozenset({"", "undefined", "null", "none", "nil", "nan"})
"""What code sends where it takes an id that is not there."""

DESTINATIONS = frozenset(
    {"destAddress", "destNetwork", "dest_address", "dest_network", "destination", "destinationAddress", "address"}
    | {"destination_address", "walletAddress", "wallet_address", "wallet", "toAddress", "to_address", "recipient"}
)
"""Names under which a body could hold a place to deliver to."""

AMOUNTS = (QUOTE, SESSION, "POST /quotes", "POST /quotes/preview")
"""Operations whose body has an ``amount``."""


def firsts(traffic: Traffic) -> list[Call]:
    """The first transact of each quote the recording knows: later ones may repeat what already happened."""
    found: dict[str, Call] = {}
    for call in traffic.of(TRANSACT):
        quote = quote_of(call)
        if quote:
            found.setdefault(quote, call)
    return list(found.values())


def quote_of(call: Call) -> str:
    """The quote a transact names; empty where its body was not recorded or names none."""
    return call.request.text("quoteId") if call.request is not None else ""


def quotes(traffic: Traffic) -> dict[str, Call]:
    """Quote id to the call whose answer gave it."""
    found: dict[str, Call] = {}
    for call in traffic.of(QUOTE):
        if call.response is not None and call.response.text("quoteId"):
            found.setdefault(call.response.text("quoteId"), call)
    return found


def _first_reads(calls: Iterable[Call]) -> dict[tuple[str, str], float]:
    """When each pool's capabilities (or, without a pool, any) had first been read, by origin and pool."""
    found: dict[tuple[str, str], float] = {}
    for call in calls:
        if call.ok or call.status == 304:
            place = (call.origin, call.parameters.get("id", ""))
            ended = call.ended if call.ended is not None else call.started
            found[place] = min(ended, found.get(place, ended))
    return found


def _capabilities_first(traffic: Traffic) -> Seen:
    read = _first_reads(traffic.of(CAPABILITIES))
    shown: list[Call] = []
    unread: dict[tuple[str, str], Call] = {}
    for call in traffic.of(QUOTE):
        place = (call.origin, call.parameters.get("id", ""))
        if read.get(place, call.started + 1) <= call.started:
            shown.append(call)
        else:
            unread.setdefault(place, call)
    return _first_or_not(shown, list(unread.values()), traffic, "the capabilities of that pool")


def _gate_capabilities_first(traffic: Traffic) -> Seen:
    sessions = traffic.of(SESSION)
    reads = _first_reads(call for call in traffic.calls if call.operation.startswith("GET /capabilities/"))
    shown = [call for call in sessions if reads.get((call.origin, ""), call.started + 1) <= call.started]
    unread = [call for call in sessions[:1] if call not in shown]
    seen = _first_or_not(shown, unread, traffic, "any capability")
    return Seen(seen.shown, seen.broken, applies=bool(sessions), unclear=seen.unclear)


def _first_or_not(shown: list[Call], unread: list[Call], traffic: Traffic, what: str) -> Seen:
    if not unread:
        return Seen(shown)
    if traffic.from_start:
        early = f"was sent before {what} had been read, in a recording said to hold everything from the start"
        return Seen(broken=[Breach(f"{call.operation} {early}", (call,)) for call in unread])
    words = f"{unread[0].target.partition('?')[0]} came before {what} had been read in the recording"
    return Seen(unclear=f"{words}; they may have been read before it began (--from-start says nothing was)")


def _offered_only(traffic: Traffic) -> Seen:
    shown, broken = [], []
    reads: dict[tuple[str, str, str], list[Call]] = {}
    for call in traffic.calls:
        place = (call.origin, call.key.identity, call.parameters.get("id", ""))
        if call.operation == CAPABILITIES and call.ok and call.response is not None:
            reads.setdefault(place, []).append(call)
        if call.operation != QUOTE or call.request is None:
            continue
        read = next((r for r in reversed(reads.get(place, ())) if call.after(r)), None)
        if read is None:
            continue
        outside = _outside(call, read)
        if not outside:
            shown.append(call)
        elif call.status in (400, 403, 501):
            # Where the target grants what its capabilities leave out, the contradiction is the target's.
            observed = f"{outside}, which the capabilities read before do not list; it was refused with {call.status}"
            broken.append(Breach(observed, (read, call)))
    return Seen(shown, broken)


def _outside(call: Call, read: Call) -> str:
    """What a quote asks for beyond the capabilities; empty if nothing."""
    assert call.request is not None
    for member, listed in (("side", "sides"), ("cryptoNetwork", "supportedNetworks")):
        asked, offered = call.request.text(member), read.says(listed)
        if asked and isinstance(offered, tuple) and offered and asked.lower() not in map(str.lower, offered):
            return f"a quote was asked for with {member} {asked!r}"
    return ""


def _amounts(traffic: Traffic) -> Seen:
    shown, broken = [], []
    for call in traffic.of(*AMOUNTS):
        amount: Any = call.request.members.get("amount") if call.request is not None else None
        if isinstance(amount, int | float) and not isinstance(amount, bool):
            broken.append(Breach(f"{call.operation} was sent with the amount as a JSON number", (call,)))
        elif isinstance(amount, str):
            shown.append(call)
    return Seen(shown, broken)


def _executable_only(traffic: Traffic) -> Seen:
    shown, broken, given = [], [], quotes(traffic)
    prices = _prices(traffic)
    for call in traffic.of(TRANSACT):
        if call.request is None:
            continue
        named = call.request.members.get("quoteId")
        if not isinstance(named, str) or named.strip().lower() in NO_ID:
            broken.append(Breach("a transact names no quote, as one does with a quote that has no id", (call,)))
            continue
        price = prices.get(named)
        if price is not None:
            kind = "unavailable" if price.says("available") is False else "indicative"
            broken.append(Breach(f"a transact names {named}, which came with an {kind} quote", (price, call)))
        elif named in given and given[named].says("executable") is True:
            shown.append(call)
    return Seen(shown, broken)


def _prices(traffic: Traffic) -> dict[str, Call]:
    """Every text in the answers of quotes that cannot be executed, and the call it came from."""
    found: dict[str, Call] = {}
    for call in traffic.of(QUOTE):
        if call.ok and call.response is not None and False in (call.says("executable"), call.says("available")):
            for value in call.response.members.values():
                if isinstance(value, str):
                    found.setdefault(value, call)
    return found


def _before_expiry(traffic: Traffic) -> Seen:
    shown, broken, given = [], [], quotes(traffic)
    reads = _reads(traffic, "expired")
    for call in firsts(traffic):
        quote = given.get(quote_of(call))
        expires = moment(quote.says("expiresAt")) if quote is not None else None
        told = next((read for read in reads.get(quote_of(call), ()) if call.after(read)), None)
        if call.ok:
            # Executed: in time, or the repetition of an execution the recording does not hold.
            shown += [call] if quote is not None else []
        elif told is not None:
            broken.append(Breach("a quote was transacted after a read had said that it is expired", (told, call)))
        elif quote is not None and expires is not None and call.served is not None and call.ended is not None:
            late = call.served - (call.ended - call.started) - expires
            if late > MARGIN:
                observed = f"a quote was transacted {late:.0f} s after its expiresAt, by the server's clock"
                broken.append(Breach(f"{observed}, and refused with {call.status}", (quote, call)))
            else:
                shown.append(call)
    return Seen(shown, broken)


def _not_after_reject(traffic: Traffic) -> Seen:
    shown, broken = [], []
    rejected = _reads(traffic, "rejected")
    for call in traffic.of(REJECT):
        if call.ok:
            rejected.setdefault(call.parameters.get("quoteId", ""), []).append(call)
    for call in firsts(traffic):
        told = next((before for before in rejected.get(quote_of(call), ()) if call.after(before)), None)
        if told is not None:
            broken.append(Breach("a quote was transacted after it had been rejected", (told, call)))
        else:
            shown.append(call)
    return Seen(shown, broken)


def _reads(traffic: Traffic, status: str) -> dict[str, list[Call]]:
    """The reads of each quote that said so."""
    found: dict[str, list[Call]] = {}
    for call in traffic.of(READ_QUOTE):
        if call.ok and call.says("status") == status:
            found.setdefault(call.parameters.get("quoteId", ""), []).append(call)
    return found


def _no_destination(traffic: Traffic) -> Seen:
    shown, broken = [], []
    for call in traffic.of(TRANSACT):
        if call.request is None:
            continue
        found = sorted(call.request.members.keys() & DESTINATIONS)
        if found:
            broken.append(Breach(f"a transact was sent with {', '.join(found)}", (call,)))
        elif call.request.names:
            shown.append(call)
    return Seen(shown, broken)


RULES = (
    Rule(
        "PARTNER-TRAFFIC-CAPABILITIES-FIRST",
        "the capabilities of a pool are read before it is quoted",
        "a quote, with the capabilities of its pool read earlier in the recording",
        _capabilities_first,
    ),
    Rule(
        "PARTNER-TRAFFIC-GATE-CAPABILITIES-FIRST",
        "0Gate's capabilities are read before a session is created",
        "a session, with a capability read earlier in the recording",
        _gate_capabilities_first,
    ),
    Rule(
        "PARTNER-TRAFFIC-OFFERED-ONLY",
        "quotes are asked for on sides and networks the capabilities list",
        "a quote with its body, sent after its pool's capabilities were read with the same key",
        _offered_only,
    ),
    Rule(
        "PARTNER-TRAFFIC-AMOUNTS-STRINGS",
        "amounts are sent as decimal strings",
        "a quote or session whose body was recorded",
        _amounts,
    ),
    Rule(
        "PARTNER-TRAFFIC-EXECUTABLE-QUOTES-ONLY",
        "only executable quotes are transacted",
        "a transact with its body, and the answer that gave its quote",
        _executable_only,
    ),
    Rule(
        "PARTNER-TRAFFIC-BEFORE-EXPIRY",
        "a firm quote is first transacted before it expires",
        "a transact with its body, and the answer that gave its quote",
        _before_expiry,
    ),
    Rule(
        "PARTNER-TRAFFIC-NOT-AFTER-REJECT",
        "a rejected quote is not transacted",
        "a transact with its body",
        _not_after_reject,
    ),
    Rule(
        "PARTNER-TRAFFIC-NO-DESTINATION-AT-TRANSACT",
        "a transact names its quote and no destination",
        "a transact with its body",
        _no_destination,
    ),
)

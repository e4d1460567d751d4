"""Rules on what a partner does when the answer is no: denials, throttling, conflicts, invalid requests, failures.

One repetition is never held against anybody: two users, two workers or a proxy can look like one that repeats.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Sequence
from itertools import pairwise

from conformance.partner.rules_base import Breach, Rule, Seen, chains, followed, gap, grouped, same_request
from conformance.partner.rules_executions import GATE_WRITES, executed_quote, executions
from conformance.partner.rules_quotes import REJECT, TRANSACT
from conformance.partner.traffic import Call, Traffic

LOOP = 5
"""Repetitions of one refused request, each after the answer to the last, that nobody takes for chance."""

PAUSE = 10.0
"""Seconds between two of them; what comes later is somebody trying anew."""

BLIND = 2
"""Repetitions of an execution after 409 with nothing read in between."""

EARLY = 3
"""Repetitions of a request about one object before Retry-After has passed: one may be another worker's. An execution
is one sender's, so there it is one."""

HAMMER = 10
"""Repetitions within a second of each other of a throttled request that many users may share."""

ROUNDING = 1.0
"""Seconds by which a wait may be shorter than Retry-After, which is whole seconds."""

OBJECTS = frozenset({"quoteId", "transactId", "refid"})
"""Path parameters that name one quote or trade."""

TRIES = 12
"""Tries of one write within ``MINUTE``: a back-off that starts at a tenth of a second and doubles makes nine."""

MINUTE = 60.0
MOST = 50
"""Tries of one write altogether."""


def _loops(traffic: Traffic, statuses: tuple[int, ...], words: str) -> Seen:
    refused = [call for call in traffic.calls if call.status in statuses]
    broken = []
    for calls in grouped(traffic.calls, same_request):
        for chain in chains(calls, lambda before, call: before.status == call.status and gap(before, call) <= PAUSE):
            if chain[0].status in statuses and len(chain) > LOOP:
                observed = f"{chain[0].operation} was repeated {len(chain) - 1} times unchanged after {words}"
                broken.append(Breach(f"{observed} ({_code(chain[0])})", (*chain[:2], chain[-1])))
    return Seen(followed(refused, traffic), broken)


def _code(call: Call) -> str:
    code = call.says("code")
    return f"{call.status} {code}" if isinstance(code, str) else f"{call.status}"


def _denied(traffic: Traffic) -> Seen:
    return _loops(traffic, (403, 501), "it had been denied")


def _invalid(traffic: Traffic) -> Seen:
    return _loops(traffic, (400,), "it had been found invalid")


def _conflicts(traffic: Traffic) -> Seen:
    conflicts = [call for call in executions(traffic) if call.status == 409]
    reads = [call.started for call in traffic.calls if call.operation.startswith("GET ") and _tells_state(call)]
    broken = []

    def blindly(before: Call, call: Call) -> bool:
        ended = before.ended if before.ended is not None else before.started
        return bisect_left(reads, ended) == bisect_right(reads, call.started)

    for calls in grouped(conflicts, lambda call: (call.origin, call.operation, executed_quote(call))):
        for chain in chains(calls, blindly):
            if len(chain) > BLIND:
                observed = f"{executed_quote(chain[0])} was executed {len(chain) - 1} times more after 409"
                broken.append(Breach(f"{observed}, and nothing was read in between", (*chain[:3],)))
    return Seen(followed(conflicts, traffic), broken)


def _tells_state(call: Call) -> bool:
    return any(part in call.operation for part in ("/quotes/", "/transactions", "/trades", "/rails/"))


def _throttled(traffic: Traffic) -> Seen:
    throttled = [call for call in traffic.calls if call.status == 429]
    broken = []
    for calls in grouped(traffic.calls, same_request):
        for chain in chains(calls, lambda before, call: before.status == 429 and _too_soon(before, call)):
            early, asked = len(chain) - 1, chain[0].retry_after
            if early >= _allowed(chain):
                waited = max(gap(before, call) for before, call in pairwise(chain))
                observed = f"{chain[0].operation} was repeated {early} times after 429, at most {waited:.1f} s later"
                wanted = "" if asked is None else f", where Retry-After asked for {asked:g} s"
                broken.append(Breach(f"{observed}{wanted}", (*chain[:3],)))
    return Seen(followed(throttled, traffic), broken)


def _allowed(chain: Sequence[Call]) -> int:
    """The number of early repetitions from which on a chain of them is a breach."""
    call = chain[0]
    if not _about_one(call):
        return HAMMER
    if call.retry_after is None:
        return LOOP
    one_sender = call.operation == TRANSACT and len({call.idempotency for call in chain}) == 1
    return 1 if one_sender else EARLY


def _too_soon(before: Call, call: Call) -> bool:
    if before.retry_after is None or not _about_one(before):
        return gap(before, call) < 1.0
    return gap(before, call) < before.retry_after - ROUNDING


def _about_one(call: Call) -> bool:
    """Whether a request concerns one quote or trade, and so one order of one user."""
    return call.operation == TRANSACT or bool(call.parameters.keys() & OBJECTS)


def _bounded(traffic: Traffic) -> Seen:
    broken, failed = [], []
    for calls in grouped(traffic.calls, _one_write):
        tries = [call for number, call in enumerate(calls) if number == 0 or calls[number - 1].unknown]
        failed += [call for call in calls if call.unknown]
        times = [call.started for call in tries]
        most = max((bisect_right(times, time + MINUTE) - number for number, time in enumerate(times)), default=0)
        if len(tries) > 1 and (most > TRIES or len(tries) > MOST):
            span = f"{most} times within a minute" if most > TRIES else f"{len(tries)} times"
            observed = f"{calls[0].operation} was tried {span} while it failed ({_code(tries[0])})"
            broken.append(Breach(observed, (tries[0], tries[-1])))
    return Seen(followed(failed, traffic), broken)


def _one_write(call: Call) -> Hashable | None:
    """What all tries of one write have in common."""
    if executed_quote(call) and call.operation in (TRANSACT, *GATE_WRITES):
        return call.origin, call.operation, executed_quote(call)
    if call.operation == REJECT:
        return call.target
    if call.operation in GATE_WRITES and call.idempotency is not None and not call.hidden_key:
        return call.origin, call.operation, call.key.identity, call.idempotency
    return None


RULES = (
    Rule(
        "PARTNER-TRAFFIC-DENIED-NOT-LOOPED",
        "a request that was denied is not repeated in a loop",
        "a call answered 403 or 501, and what was sent after it",
        _denied,
    ),
    Rule(
        "PARTNER-TRAFFIC-INVALID-NOT-REPEATED",
        "a request that was invalid is corrected before it is sent again",
        "a call answered 400, and what was sent after it",
        _invalid,
    ),
    Rule(
        "PARTNER-TRAFFIC-CONFLICT-READ-FIRST",
        "after a conflict the state is read before anything is tried again",
        "an execution answered 409, and what was sent after it",
        _conflicts,
    ),
    Rule(
        "PARTNER-TRAFFIC-THROTTLE-RESPECTED",
        "a throttled request waits for Retry-After, or backs off",
        "a call answered 429, and what was sent after it",
        _throttled,
    ),
    Rule(
        "PARTNER-TRAFFIC-WRITES-BOUNDED",
        "tries of one write are bounded and back off",
        "a write answered 5xx or not at all, and what was sent after it",
        _bounded,
    ),
)

"""Redeeming signed quotes: the sessions they are redeemed for, and the proof that one rail came of it, or none.

Nothing here judges.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from conformance.client import Credentials, GateApi, Refused, Reply, Wire
from conformance.client.chaos import Loss
from conformance.scenarios.gate.desk import OFF_RAMP, ON_RAMP, Desk, Quote, Session, the_rows
from conformance.scenarios.pools.desk import decimal

PAGES = 3
"""Bound in pages of what one session of ours can have brought about."""
DEAD = frozenset({"failed", "cancelled", "canceled", "expired", "rejected", "refused", "declined"})
"""Words for a transaction by which nothing moved. The words are unpublished; any other counts as a movement."""
COUNTED = ("action", "token", "currency", "payment_method")
LONGEST_LOCK = timedelta(days=1)
"""How long a quote that does not say when it ends is taken to last: locks are published as short."""
IN_FLIGHT = frozenset({409, 423, 425, 429})
"""What a duplicate may hear while the first request is under way: no source says more than that it is a conflict."""


class LosingGateApi(GateApi):
    """0Gate as seen by one account whose answers get lost."""

    def __init__(self, wire: Wire, who: Credentials, loss: Loss) -> None:
        super().__init__(wire, who)
        self.loss = loss

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        retry: bool | None = None,
        patient: bool = True,
    ) -> Reply:
        """Any request, below the 0Gate base URL; never comes back. Raises ``AnswerLost``."""
        del retry, patient
        sending = dict(headers or {}) | ({} if key is None else {"Idempotency-Key": key})
        return self.wire.send(
            self.who, method, path, product="gate", query=query, body=body, headers=sending, lose=self.loss
        )


@dataclass(frozen=True, slots=True)
class Rail:
    """A pay-in or pay-out of this run: the quote and session it came of, its key, body and answer."""

    id: str
    quote: Quote
    session: Session
    key: str
    request: dict[str, object]
    reply: Reply

    @property
    def kind(self) -> str:
        """``pay_in`` or ``pay_out``."""
        return self.quote.rail


def sides(desk: Desk) -> list[str]:
    """The sides on which this account gets signed quotes; the first is the one everything else needs."""
    kept = f"gate sides {desk.account}"
    if kept not in desk.bench.shared:
        found = [ON_RAMP]
        with suppress(Refused):
            desk.lock(OFF_RAMP)
            found.append(OFF_RAMP)
        desk.bench.shared[kept] = found
    known: list[str] = desk.bench.shared[kept]
    return known


def ready_session(desk: Desk) -> Session:
    """An open session whose user may use rails, verified by the profile's helper where there is one."""
    session = desk.open_session()
    if "kyc_approved" in desk.bench.target.outcomes:
        # Somebody verified already may not be verifiable again; whether it was needed the redemption tells.
        with suppress(Refused):
            desk.bench.perform("kyc_approved", sessionId=session.id)
    return session


def lock_left(quote: Quote) -> timedelta:
    """How long the lock of ``quote`` lasted when it was answered."""
    return quote.expires - quote.reply.date if quote.expires else LONGEST_LOCK


def redemption(session: str, quote: Quote, **extra: object) -> dict[str, object]:
    """The body that redeems ``quote`` for the user of ``session``."""
    return {"gate_session_id": session, "quote_id": quote.id, **extra}


def start_rail(desk: Desk, side: str = ON_RAMP) -> Rail:
    """A rail from a fresh quote in a fresh session. Raises ``Refused`` when the target does not make one."""
    quote, session, key = desk.lock(side), ready_session(desk), desk.bench.uuid()
    reply = desk.redeem(session.id, quote, key)
    found = rail_id(reply)
    if found is None:
        raise Refused(f"a rail to work with (the target answered {reply.status})", "the operator of the target")
    return Rail(found, quote, session, key, redemption(session.id, quote), reply)


def rail_id(reply: Reply) -> str | None:
    """The id of the rail in a successful answer; None if there is none."""
    found = reply.object().get("id") if reply.ok else None
    return found if isinstance(found, str) and found else None


def movements(desk: Desk, session: str) -> tuple[list[dict[str, Any]], list[Reply]]:
    """The transactions of a session by which something moved or may move, each once, with the pages they stand on.

    A list that cannot be read shows none: it has scenarios of its own.
    """
    rows: dict[str, dict[str, Any]] = {}
    seen: list[Reply] = []
    cursor: dict[str, str] = {}
    for _ in range(PAGES):
        reply = desk.api.transactions(session_id=session, **cursor)
        seen.append(reply)
        page = the_rows(reply) if reply.ok else []
        rows |= {str(row.get("refid")): row for row in page if row.get("session_id") == session}
        last = page[-1].get("refid") if page else None
        if reply.object().get("has_more") is not True or not isinstance(last, str):
            break
        cursor = {"starting_after": last}
    return [row for row in rows.values() if str(row.get("status")).lower() not in DEAD], seen


def doubled(rows: Sequence[Mapping[str, Any]]) -> int:
    """How many transactions are there twice: another reference, and the same movement in every other respect."""
    kinds = Counter(
        (*(str(row.get(name)) for name in COUNTED), decimal(row.get("fiat_amount")), decimal(row.get("token_amount")))
        for row in rows
    )
    return sum(count - 1 for count in kinds.values())


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether it is as it should be, in words, with the reads that show it."""

    ok: bool
    observed: str
    seen: tuple[Reply, ...]


class Watch:
    """How a quote and the sessions it may be redeemed for stood before an attempt.

    In a ``busy`` session something happened before, and the list may be late in saying so: a transaction that is new
    there proves nothing, one that is there twice does.
    """

    def __init__(self, desk: Desk, quote: Quote, *sessions: str, busy: Sequence[str] = ()) -> None:
        self.desk = desk
        self.quote = quote
        self.busy = frozenset(busy)
        self.before = {session: (desk.status_of(session), self._refids(session)) for session in (*sessions, *busy)}

    def nothing(self, status: str = "active") -> Proof:
        """That nothing came of it: the quote reads ``status``, the sessions as before, without a new transaction."""
        problems: list[str] = []
        read = self.desk.api.quote(self.quote.id)
        found = str(read.object().get("status")) if read.ok else f"HTTP {read.status}"
        if found != status and not (status == "active" and self.desk.untouched(self.quote, found)):
            problems.append(f"the quote reads {found} instead of {status}")
        seen = [read]
        for session, (stood, known) in self.before.items():
            stands = self.desk.status_of(session)
            # Where something is under way, it may end the session meanwhile.
            if stands != stood and not (session in self.busy and stood == "open"):
                problems.append(f"the session reads {stands} instead of {stood}")
            rows, pages = movements(self.desk, session)
            new = [row for row in rows if row.get("refid") not in known]
            if session in self.busy:
                problems += [f"{double} transaction(s) twice in the session"] if (double := doubled(rows)) else []
            elif new:
                problems.append(f"{len(new)} new transaction(s) in the session")
            seen += pages
        return Proof(not problems, "; ".join(problems) or "nothing moved", tuple(seen))

    def one(self, replies: Sequence[Reply]) -> Proof:
        """That one rail came of it: every success names it, it can be read, and nothing happened twice."""
        kept = {reply.exchange: rail_id(reply) for reply in replies if reply.ok}
        ids = {found for found in kept.values() if found}
        problems = list(self._wrongly_named(replies))
        problems += [] if len(ids) == 1 else [f"{len(ids)} rails answered"]
        problems += ["a success without an id"] if None in kept.values() else []
        seen: list[Reply] = []
        for found in sorted(ids):
            read = self.desk.until(lambda found=found: self.desk.api.rail(self.quote.rail, found), lambda r: r.ok)  # type: ignore[misc]
            seen.append(read)
            if read.object().get("id") != found:
                problems.append(f"the rail reads {read.status}, not under its id")
        read = self.desk.until(lambda: self.desk.api.quote(self.quote.id), reads("consumed"))
        seen.append(read)
        if not reads("consumed")(read):
            problems.append(f"the quote reads {read.object().get('status') if read.ok else read.status}")
        new: list[dict[str, Any]] = []
        for session, (_, known) in self.before.items():
            rows, pages = movements(self.desk, session)
            new += [row for row in rows if row.get("refid") not in known]
            seen += pages
        problems += [f"{double} transaction(s) twice"] if (double := doubled(new)) else []
        return Proof(not problems, "; ".join(problems) or "one rail, and the quote is consumed", tuple(seen))

    def _wrongly_named(self, replies: Sequence[Reply]) -> Iterator[str]:
        for reply in replies:
            body = reply.object() if reply.ok else {}
            if body.get("quote_id") not in (None, self.quote.id):
                yield "a success names another quote"
            if body.get("gate_session_id") not in (None, *self.before):
                yield "a success names another session"

    def _refids(self, session: str) -> frozenset[str]:
        rows, _ = movements(self.desk, session)
        return frozenset(str(row.get("refid")) for row in rows)


def reads(*statuses: str) -> Callable[[Reply], bool]:
    """Whether an answer is a 2xx whose object has one of these statuses."""
    return lambda reply: reply.ok and reply.object().get("status") in statuses


def leaves(document: object) -> Iterator[tuple[str, object]]:
    """Every value in a JSON document that holds no others, with the name it stands under."""
    waiting: deque[tuple[str, object]] = deque([("", document)])
    while waiting:
        name, value = waiting.popleft()
        if isinstance(value, Mapping):
            waiting += [(str(key), item) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [(name, item) for item in value]
        else:
            yield name, value


def figures(document: object) -> set[Decimal]:
    """Every decimal in a document: where figures stand is not always published."""
    found = (decimal(value) for _, value in leaves(document))
    return {figure for figure in found if figure is not None}

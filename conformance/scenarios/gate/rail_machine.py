"""The machine that redeems quotes for sessions: verbs over quotes, rails, time, helpers and a second partner.

What a correct answer is, ``model.gate`` says; how a machine is run and its story told lies in ``scenarios/machine.py``;
the verbs over one session stand in ``session_machine``.
"""

from __future__ import annotations

import math
from functools import partial

import hypothesis.strategies as st
from hypothesis.stateful import Bundle, MultipleResults, initialize, multiple, precondition, rule

from conformance.client import Reply
from conformance.model.gate import (
    Quote,
    QuoteStatus,
    Redemption,
    Session,
    SessionStatus,
    rail_may_follow,
    redemption_permits,
)
from conformance.scenarios.gate import desk as desks
from conformance.scenarios.gate.desk import OFF_RAMP, ON_RAMP, RAIL_ENDS, Desk
from conformance.scenarios.gate.redeeming import lock_left, redemption
from conformance.scenarios.gate.session_machine import SessionVerbs

UNLIMITED = 1_000
"""More rails than one example has steps."""

PAST = 4
"""Seconds beyond an expiry: nothing is promised within the margin of it."""

FRESH = frozenset({Redemption.NEW, Redemption.NEW_OR_REFUSED})
"""Redemptions of which a new rail may come."""

RAIL_OUTCOMES = {"rail_settled": "settled", "rail_failed": "failed", "rail_cancelled": "cancelled"}


class RailMachine(SessionVerbs):
    """One account at 0Gate redeeming quotes: every answer is compared with the model's."""

    sessions: Bundle[str] = Bundle("sessions")
    quotes: Bundle[str] = Bundle("quotes")

    def __init__(self) -> None:
        super().__init__()
        self.locked: dict[str, desks.Quote] = {}
        self.rails: int | None = None

    @initialize(target=sessions)
    def open_the_first_session(self) -> MultipleResults[str]:
        return multiple(*self._open())

    @rule(target=sessions)
    def open_a_session(self) -> MultipleResults[str]:
        return multiple(*self._open())

    @rule(session=sessions)
    def cancel(self, session: str) -> None:
        self._cancel(session, keyed=False)

    @initialize(target=quotes, side=st.sampled_from([ON_RAMP, OFF_RAMP]))
    def redeem_the_first_quote(self, side: str) -> MultipleResults[str]:
        """Most of what can be said of a quote is said of one that is redeemed, so each story has one."""
        locked = self._lock(side)
        for quote in locked:
            self.attempt(partial(self._read_quote, self.book.quotes[quote]))
        for session in self._open() if locked else []:
            self._redeem(session, locked[0], self.hunt.bench.uuid(), "a fresh key")
        return multiple(*locked)

    @rule(target=quotes, side=st.sampled_from([ON_RAMP, OFF_RAMP]))
    def lock_a_quote(self, side: str) -> MultipleResults[str]:
        return multiple(*self._lock(side))

    @rule(quote=quotes)
    def look_at_the_quote(self, quote: str) -> None:
        """Read a quote, and the rail that came of it."""
        known = self.book.quotes[quote]

        def move() -> None:
            if self._fading(quote):
                return
            self._read_quote(known)
            if known.rail is not None:
                self._read_rail(known)

        self.attempt(move)

    @rule(session=sessions, quote=quotes, fresh=st.booleans())
    def redeem(self, session: str, quote: str, fresh: bool) -> None:
        """Redeem a quote, however it stands, or one that is active for certain."""
        for chosen in self._active(quote) if fresh else [quote]:
            self._redeem(session, chosen, self.hunt.bench.uuid(), "a fresh key")

    @rule(session=sessions, quote=quotes)
    def redeem_with_the_key_of_another(self, session: str, quote: str) -> None:
        """Which operations share a scope of keys is stated nowhere, so both quotes are of one side."""
        other = next((known for known in self._from(quote) if known.key is not None), None)
        if other is None:
            return
        for chosen in self._active(other.id):
            self._redeem(session, chosen, str(other.key), f"the key that redeemed {self.names[other.id]}")

    @rule(quote=quotes)
    def redeem_again_with_the_same_key(self, quote: str) -> None:
        known = next((known for known in self._from(quote) if known.key is not None), None)
        if known is not None:
            self._redeem(str(known.session), known.id, str(known.key), "the key that redeemed it")

    @rule(quote=quotes, how=st.sampled_from(["rail_settled", *RAIL_OUTCOMES]))
    def let_the_rail_end(self, quote: str, how: str) -> None:
        under_way = [known for known in self._from(quote) if known.rail and known.rail_status not in RAIL_ENDS]
        # What becomes of the rails of a session that has ended is stated nowhere.
        fit = [known for known in under_way if self.book.sessions[str(known.session)].status is SessionStatus.OPEN]
        if not fit or how not in self.hunt.bench.target.outcomes:
            return
        known = fit[0]

        def move() -> None:
            rail, session = str(known.rail), self.book.sessions[str(known.session)]
            self._refresh(session)
            if session.status is not SessionStatus.OPEN:
                return
            self.hunt.bench.perform(how, railId=rail)
            reply = self._until(lambda: self.desk.api.rail(self.locked[known.id].rail, rail), RAIL_ENDS)
            self.tell(f"let_the_rail_end({self.names[known.id]}, {how})", reply)
            found = str(reply.object().get("status"))
            requirement = "GATE-RAIL-SETTLES" if how == "rail_settled" else "GATE-RAIL-FAILS"
            self.hold(requirement, found == RAIL_OUTCOMES[how], RAIL_OUTCOMES[how], found)
            known.rail_status = found

        self.attempt(move)

    def _active(self, quote: str) -> list[str]:
        """An active quote of the side of this one, locked now if there is none; nothing where that failed."""
        side = self.book.quotes[quote].side
        at_hand = [known.id for known in self._from(quote) if known.side == side and known.status is QuoteStatus.ACTIVE]
        return at_hand[:1] or self._lock(side)

    def _from(self, quote: str) -> list[Quote]:
        """The quotes of this story, this one first."""
        return [self.book.quotes[quote], *(known for name, known in self.book.quotes.items() if name != quote)]

    @precondition(lambda self: "gate_time_passes" in self.hunt.bench.target.outcomes)
    @rule(quote=quotes)
    def let_time_pass(self, quote: str) -> None:
        """Shift a quote past the expiry it states."""

        chosen = self._active(quote)
        if not chosen:
            return
        known = self.book.quotes[chosen[0]]

        def move() -> None:
            lock = lock_left(self.locked[known.id]).total_seconds()
            seconds = str(max(0, math.ceil(lock)) + PAST)
            self.hunt.bench.perform("gate_time_passes", account=self.desk.account, quoteId=known.id, seconds=seconds)
            self.tell(f"let_time_pass({self.names[known.id]}, {seconds})")
            known.past_expiry = True
            for other in self.book.quotes.values():
                # A helper may move the clock of the account: then other locks have ended as well.
                if other.status is QuoteStatus.ACTIVE:
                    other.past_expiry = self.desk.quote_status(self.locked[other.id]) == "expired"
            self._read_quote(known)

        self.attempt(move)

    @precondition(lambda self: self.world.stranger_redeems)
    @rule(quote=quotes, how=st.sampled_from(["read", "redeem"]))
    def another_partner_tries_a_quote(self, quote: str, how: str) -> None:
        def move() -> None:
            other = Desk(self.hunt.bench, "other_partner")
            if how == "read":
                reply = other.api.quote(quote)
            else:
                session = self.world.strangers_session(other)
                body = redemption(session, self.locked[quote])
                reply = other.api.create_rail(self.locked[quote].rail, body, self.hunt.bench.uuid())
            self.tell(f"another_partner_tries_a_quote({self.names[quote]}, {how})", reply)
            self.touched.add(quote)
            if how == "read":
                self.hold("GATE-ISOLATION-OBJECTS", reply.status == 404, "404", str(reply.status))
            else:
                self.hold("GATE-ISOLATION-REDEEM", 400 <= reply.status < 500, "a refusal", str(reply.status))

        self.attempt(move)

    def _lock(self, side: str) -> list[str]:
        taken: list[str] = []
        if side not in self.world.sides:
            return taken

        def move() -> None:
            quote = self.desk.lock(side)
            name = self._name("quote", quote.id)
            self.tell(f"{name} = lock({side})", quote.reply)
            found = str(quote.reply.object().get("status"))
            fresh = quote.id not in self.book.quotes
            self.hold("GATE-QUOTE-LOCK", fresh and found == "active", "a new active quote", found)
            self.locked[quote.id] = quote
            self.book.quotes[quote.id] = Quote(quote.id, side)
            taken.append(quote.id)

        self.attempt(move)
        return taken

    def _fading(self, quote: str) -> bool:
        """Whether real time has brought an open quote so near its expiry that its state cannot be predicted."""
        return self.book.quotes[quote].status is QuoteStatus.ACTIVE and self.desk.has_faded(self.locked[quote])

    def _may_redeem(self) -> bool:
        """Take one rail out of this story's share: half of what the limits leave when its first one is due."""
        if self.rails is None:
            left = self.hunt.bench.trades_left(self.desk.terms.amount)
            self.rails = UNLIMITED if left is None else left // 2
        self.rails -= 1
        return self.rails >= 0

    def _redeem(self, session: str, quote: str, key: str, which: str) -> None:
        known, its_quote, locked = self.book.sessions[session], self.book.quotes[quote], self.locked[quote]

        def move() -> None:
            self._refresh(known)
            if self._fading(quote):
                return
            expected = self.book.expects(known, its_quote, key)
            before = f"{known.status}, {its_quote.status}"
            if expected in FRESH:
                if not self._may_redeem():
                    return
                reply = self.desk.redeem(session, locked, key)
            else:
                reply = self.desk.api.create_rail(locked.rail, redemption(session, locked), key)
            self.tell(f"redeem({self.names[session]}, {self.names[quote]}, {which})  # {before}", reply)
            found = reply.object().get("id") if reply.ok else None
            rail = found if isinstance(found, str) else None
            if expected not in FRESH or self._holds_its_session(known, reply):
                another = " with another rail" if reply.ok and rail != its_quote.rail else ""
                self.hold(
                    self._of_redemption(expected, its_quote, key),
                    redemption_permits(expected, reply.status, rail, its_quote.rail),
                    f"{expected} for {before}, under {which}",
                    f"{reply.status}{another}",
                )
            if expected in FRESH and rail is not None:
                self.book.redeemed(known, its_quote, key, rail)
                its_quote.rail_status = str(reply.object().get("status"))
                self.linked.add(session)

        self.attempt(move)

    def _holds_its_session(self, known: Session, reply: Reply) -> bool:
        """Whether a refusal cannot be explained by an end that another rail brought the session to meanwhile."""
        if not reply.ok and known.id in self.linked:
            self._refresh(known)
        return known.status is SessionStatus.OPEN

    def _of_redemption(self, expected: Redemption, quote: Quote, key: str) -> str:
        if expected in FRESH:
            return "GATE-RAIL-PAY-IN" if quote.side == ON_RAMP else "GATE-RAIL-PAY-OUT"
        if expected is Redemption.SAME:
            return "GATE-RAIL-IDEMPOTENT"
        if key in self.book.keys:
            return "GATE-RAIL-KEY-OTHER-BODY"
        return {
            QuoteStatus.ACTIVE: "GATE-RAIL-REFUSES-ENDED-SESSION",
            QuoteStatus.CONSUMED: "GATE-QUOTE-REDEEMED-ONCE",
            QuoteStatus.EXPIRED: "GATE-QUOTE-EXPIRES",
        }[quote.status]

    def _read_quote(self, known: Quote) -> None:
        reply = self.desk.api.quote(known.id)
        self.tell(f"read({self.names[known.id]})  # {known.status}", reply)
        requirement = {
            QuoteStatus.ACTIVE: "GATE-ISOLATION-REDEEM" if known.id in self.touched else "GATE-QUOTE-READ",
            QuoteStatus.CONSUMED: "GATE-QUOTE-REDEEMED-ONCE",
            QuoteStatus.EXPIRED: "GATE-QUOTE-EXPIRES",
        }[known.status]
        found = str(reply.object().get("status")) if reply.ok else f"HTTP {reply.status}"
        self.hold(requirement, found == known.status, known.status, found)

    def _read_rail(self, known: Quote) -> None:
        reply = self.desk.api.rail(self.locked[known.id].rail, str(known.rail))
        self.tell(f"read_the_rail({self.names[known.id]})  # {known.rail_status}", reply)
        found = str(reply.object().get("status")) if reply.ok else f"HTTP {reply.status}"
        requirement = {"settled": "GATE-RAIL-SETTLES", "failed": "GATE-RAIL-FAILS", "cancelled": "GATE-RAIL-FAILS"}.get(
            known.rail_status, "GATE-RAIL-PAY-IN" if known.side == ON_RAMP else "GATE-RAIL-PAY-OUT"
        )
        ok = reply.ok and reply.object().get("id") == known.rail and rail_may_follow(known.rail_status, found)
        self.hold(requirement, ok, f"{known.rail_status} or what may follow it", found)
        known.rail_status = found

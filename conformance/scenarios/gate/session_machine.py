"""The machine that opens, repeats, reads, lists, cancels and ends sessions; another partner tries them as well.

What a correct answer is, ``model.gate`` says; what the machines of 0Gate share stands in ``story``.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import Bundle, MultipleResults, initialize, multiple, precondition, rule

from conformance.client import Reply
from conformance.model.gate import Session, SessionStatus, session_may_follow
from conformance.scenarios.gate import desk as desks
from conformance.scenarios.gate import lists
from conformance.scenarios.gate.bystanders import if_given
from conformance.scenarios.gate.desk import SESSION_ENDS, the_rows
from conformance.scenarios.gate.story import PartnerMachine

ENDS = {"session_completed": SessionStatus.COMPLETED, "session_expired": SessionStatus.EXPIRED}
OF_END = {
    SessionStatus.COMPLETED: "GATE-SESSION-COMPLETES",
    SessionStatus.EXPIRED: "GATE-SESSION-EXPIRES",
    SessionStatus.CANCELLED: "GATE-SESSION-CANCEL",
}


class SessionVerbs(PartnerMachine):
    """What can be done to one session, for the machines that do it."""

    def __init__(self) -> None:
        super().__init__()
        self.made: dict[str, desks.Session] = {}
        self.linked: set[str] = set()
        """Sessions with a rail of ours: its end may end them, whenever it comes."""

    def _cancel(self, session: str, keyed: bool) -> None:
        known = self.book.sessions[session]

        def move() -> None:
            self._refresh(known)
            before = known.status
            reply = self.desk.api.cancel_session(session, self.hunt.bench.uuid() if keyed else None)
            self.tell(f"cancel({self.names[session]})  # {before}", reply)
            if before is not SessionStatus.OPEN:
                self.hold("GATE-SESSION-CANCEL-CONFLICT", reply.status == 409, f"409 for {before}", str(reply.status))
                return
            if reply.status == 409 and session in self.linked:
                # Its rail may have ended it in between.
                self._refresh(known)
                if known.status is not SessionStatus.OPEN:
                    return
            self.hold("GATE-SESSION-CANCEL", reply.status == 201, "201", str(reply.status))
            known.status = SessionStatus.CANCELLED
            self.desk.ended(session)

        self.attempt(move)

    def _open(self) -> list[str]:
        taken: list[str] = []

        def move() -> None:
            key, request = self.hunt.bench.uuid(), self.desk.session_request()
            reply = self.desk.api.create_session(request, key)
            made = self.desk.noted(request, reply)
            found = reply.object().get("status")
            name = self._name("session", made.id if made else "")
            self.tell(f"{name} = open_a_session()", reply)
            self.hold("GATE-SESSION-CREATE", made is not None and found == "open" and made.id not in self.book.sessions,
                      "a new open session", f"{reply.status}, status {found}")  # fmt: skip
            if made is None:
                return
            if "kyc_approved" in self.hunt.bench.target.outcomes:
                if_given(lambda: self.hunt.bench.perform("kyc_approved", sessionId=made.id))
            self.made[made.id] = made
            self.book.sessions[made.id] = Session(made.id, made.tag, key)
            taken.append(made.id)

        self.attempt(move)
        return taken

    def _note_stray(self, request: dict[str, object], reply: Reply, known: str) -> None:
        """Remember a session that should not have been made, so that it is tidied away."""
        if reply.ok and reply.object().get("id") != known:
            self.desk.noted(request, reply)

    def _another_amount(self) -> str:
        return f"{Decimal(self.desk.terms.amount) + 7:.2f}"

    def _until(self, read: Callable[[], Reply], ends: frozenset[str]) -> Reply:
        return self.desk.until(read, lambda reply: reply.object().get("status") in ends)

    def _refresh(self, known: Session) -> None:
        """Read a session whose rail may have ended it meanwhile."""
        if known.id in self.linked and known.status is SessionStatus.OPEN:
            self._read_session(known.id)

    def _read_session(self, session: str) -> None:
        known = self.book.sessions[session]
        reply = self.desk.api.session(session)
        self.tell(f"read_the_session({self.names[session]})  # {known.status}", reply)
        found = str(reply.object().get("status")) if reply.ok else f"HTTP {reply.status}"
        if session in self.linked:
            self.hold("GATE-SESSION-READ", session_may_follow(known.status, found),
                      f"{known.status} or an end that its rail brought about", found)  # fmt: skip
            known.status = SessionStatus(found)
            return
        requirement = OF_END.get(known.status, "GATE-SESSION-READ")
        if known.status is SessionStatus.OPEN and session in self.touched:
            requirement = "GATE-ISOLATION-OBJECTS"
        self.hold(requirement, found == known.status, known.status, found)


class SessionMachine(SessionVerbs):
    """Sessions of one account: every answer is compared with the model's."""

    sessions: Bundle[str] = Bundle("sessions")

    @initialize(target=sessions)
    def open_the_first_session(self) -> MultipleResults[str]:
        return multiple(*self._open())

    @rule(target=sessions)
    def open_a_session(self) -> MultipleResults[str]:
        return multiple(*self._open())

    @rule(session=sessions, same=st.booleans())
    def create_under_a_used_key(self, session: str, same: bool) -> None:
        known, made = self.book.sessions[session], self.made[session]

        def move() -> None:
            request = made.request if same else self.desk.session_request(amount=self._another_amount())
            reply = self.desk.api.create_session(request, known.key)
            which = "the same" if same else "another amount"
            self.tell(f"create_under_a_used_key({self.names[session]}, {which})  # {known.status}", reply)
            found = reply.object().get("id")
            self._note_stray(request, reply, session)
            if not same:
                self.hold("GATE-SESSION-KEY-OTHER-BODY", reply.status == 409, "409", str(reply.status))
                return
            observed = f"{reply.status}" + ("" if found == session else " with another session" if reply.ok else "")
            self.hold("GATE-SESSION-IDEMPOTENT", reply.ok and found == session, "the same session", observed)

        self.attempt(move)

    @rule(session=sessions)
    def read_the_session(self, session: str) -> None:
        self.attempt(lambda: self._read_session(session))

    @rule(session=sessions, keyed=st.booleans())
    def cancel(self, session: str, keyed: bool) -> None:
        self._cancel(session, keyed)

    @rule(session=sessions, how=st.sampled_from([*sorted(ENDS), "fails"]))
    def let_the_hosted_flow(self, session: str, how: str) -> None:
        """What the user does: an action that succeeds, one that fails, or none until the time is over."""
        # A rail of ours may end a session at any time, so that only the others can be predicted.
        at_hand = [self.book.sessions[session], *self.book.sessions.values()]
        fit = [known for known in at_hand if known.status is SessionStatus.OPEN and known.id not in self.linked]
        if not fit or not {how} & set(ENDS) <= set(self.hunt.bench.target.outcomes):
            return
        self.attempt(lambda: self._end(fit[0], how) if how in ENDS else self._fail(fit[0]))

    def _end(self, known: Session, how: str) -> None:
        self.hunt.bench.perform(how, sessionId=known.id)
        reply = self._until(lambda: self.desk.api.session(known.id), SESSION_ENDS)
        self.tell(f"let_the_hosted_flow({self.names[known.id]}, {how})", reply)
        found = str(reply.object().get("status"))
        self.hold(OF_END[ENDS[how]], found == ENDS[how], ENDS[how], found)
        known.status = ENDS[how]
        self.desk.ended(known.id)

    def _fail(self, known: Session) -> None:
        if not {"session_processing", "session_failed"} <= set(self.hunt.bench.target.outcomes):
            return
        for outcome in ("session_processing", "session_failed"):
            self.hunt.bench.perform(outcome, sessionId=known.id)
            reply = self.desk.api.session(known.id)
            self.tell(f"{outcome}({self.names[known.id]})", reply)
            found = str(reply.object().get("status"))
            self.hold("GATE-SESSION-STAYS-OPEN", found == "open", "open", found)

    @rule(size=st.sampled_from(["1", "2", "3"]), status=st.sampled_from(["", "", *SessionStatus]))
    def walk_the_sessions(self, size: str, status: str) -> None:
        """Every session of this story stands once on a walk in pages, under its own status if one is asked for."""

        def move() -> None:
            for known in self.book.sessions.values():
                self._refresh(known)
            wanted = [name for name, known in self.book.sessions.items() if status in ("", known.status)]
            others = [name for name in self.book.sessions if name not in wanted]
            requirement = "GATE-SESSION-STATUS-FILTER" if status else "GATE-SESSION-PAGES"
            self.tell(f"walk_the_sessions({size}, {status or 'all'})")
            problems: list[str] = []

            def holds() -> bool:
                problems[:] = self._walk_problems(size, status, wanted, others)
                return not problems

            self.desk.awaited(holds)
            self.hold(requirement, not problems, "each session of ours once", "; ".join(problems))

        self.attempt(move)

    def _walk_problems(self, size: str, status: str, wanted: list[str], others: list[str]) -> list[str]:
        query: dict[str, Any] = {"limit": size} | ({"status": status} if status else {})
        shown: list[str] = []
        last: Reply | None = None
        for reply, row in self.desk.walk(self.desk.api.list_sessions, **query):
            if reply is not last and not lists.absent(shown, wanted):
                break
            if reply is not last:
                last = reply
                self.seen.append(reply.exchange)
            shown.append(str(row.get("id")))
        lost, strange = lists.absent(shown, wanted), [name for name in others if name in shown]
        problems = [f"{len(lost)} of {len(wanted)} left out"] if lost else []
        problems += [f"{len(strange)} of another status"] if strange else []
        problems += [f"{len(twice)} shown twice"] if (twice := lists.repeated(shown)) else []
        return problems

    @precondition(lambda self: "other_partner" in self.hunt.bench.target.accounts)
    @rule(session=sessions, how=st.sampled_from(["read", "cancel"]))
    def another_partner_tries_a_session(self, session: str, how: str) -> None:
        """What it did to our session, later steps show."""

        def move() -> None:
            api = self.hunt.bench.gate("other_partner")
            reply = api.session(session) if how == "read" else api.cancel_session(session)
            self.tell(f"another_partner_tries_a_session({self.names[session]}, {how})", reply)
            self.touched.add(session)
            self.hold("GATE-ISOLATION-OBJECTS", reply.status == 404, "404", str(reply.status))

        self.attempt(move)

    def teardown(self) -> None:
        """After the story: one session was made by each create, however often it was repeated."""

        def move() -> None:
            newest = self.desk.api.list_sessions(limit="100")
            self.seen.append(newest.exchange)
            for known in self.book.sessions.values():
                rows = [row for row in the_rows(newest) if lists.tag_of(row) == known.tag]
                self.hold("GATE-SESSION-IDEMPOTENT", len(rows) <= 1, "one session of one create",
                          f"{len(rows)} sessions made by the create of {self.names[known.id]}")  # fmt: skip

        self.attempt(move)
        super().teardown()

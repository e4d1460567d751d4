"""Sessions: what creating, reading, listing and cancelling one promises."""

from __future__ import annotations

from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.desk import Desk, same_money
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.desk import moment


@scenario("GATE-SESSION-CREATE")
def test_a_session_is_created_as_asked_for(bench: Bench, desk: Desk, judge: Judge) -> None:
    session = desk.open_session(user_reference=desk.tag())
    body, asked = session.reply.object(), session.request
    expires = moment(body.get("expires_at"))
    wrong: list[str] = [
        name
        for name in ("currency", "return_url", "metadata", "user_reference")
        if name in body and body[name] != asked[name]
    ]
    wrong += [] if same_money(body.get("amount"), asked["amount"]) else ["amount"]
    wrong += [] if body.get("status") == "open" else ["status"]
    wrong += [] if session.secret else ["client_secret"]
    wrong += [] if expires is not None and expires > session.reply.date else ["expires_at"]
    judge.check(
        "GATE-SESSION-CREATE",
        not wrong,
        "an open session as asked for, with a client secret and a later expiry",
        f"status {body.get('status')}; not as asked for: {', '.join(wrong) or 'nothing'}",
        session.reply,
    )

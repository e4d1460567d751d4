"""Carrying out the first production order checklist: the order of its steps, and when to stop before money moves.

A point that fails before the order ends the run without one. What the order showed is judged next door.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from conformance.client import NetworkTrouble, Refused, Reply
from conformance.journal import Engine, Order, ScenarioRecord
from conformance.requirements import first_order
from conformance.scenarios.controlled import record as records
from conformance.scenarios.controlled import showing
from conformance.scenarios.controlled.desk import (
    ACCOUNT,
    PARTNER,
    VENDOR,
    Execution,
    Work,
    admitted,
    begun,
    check_delivery,
    conclude,
    covered,
    execute,
    said,
    take_quote,
    waiting,
    wallet,
    written_at,
)
from conformance.scenarios.controlled.record import NONE, OVER, OrderRecord, RecordProblem
from conformance.scenarios.judging import Halt
from conformance.scenarios.mailbox import Mailbox
from conformance.scenarios.needs import unmet
from conformance.scenarios.pools import test_discovery as discovery
from conformance.scenarios.pools.desk import FirmQuote, firm_quote
from conformance.scenarios.pools.proof import nothing_moved

SCENARIO = "controlled production order"


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that has a trade, and what is known of how it came to be."""

    quote: str
    transact: str
    trade: Reply
    """The first answer that named the trade."""
    firm: FirmQuote | None
    """The quote as it was given; None where an earlier run took it."""
    execution: Execution | None


def carry_out(work: Work) -> None:
    """Place the order, or follow the one of an earlier run, and judge all there is; whatever ends it is written down.

    Raises ``RecordProblem`` before a quote is asked for: an order may stand behind a record nobody can read.
    """
    bench, judge = work.bench, work.judge
    context = bench.wire.recorder.context
    context.scenario, context.engine = SCENARIO, Engine.SCENARIO
    started, sent = bench.clock.monotonic(), bench.wire.sent
    ending: Exception | None = None
    try:
        _steps(work)
    except RecordProblem:
        raise
    except (Halt, Refused, NetworkTrouble) as problem:
        ending = problem
        work.say("stopped", str(problem))
    except Exception as problem:
        # A defect of ours must not hide an order that was placed.
        ending = problem
        work.say("stopped", f"{type(problem).__name__}: {problem}")
    judge.close(ending)
    showing.conclude_in_words(work)
    result = "failed" if judge.failures else type(ending).__name__ if ending else "passed"
    elapsed = round((bench.clock.monotonic() - started) * 1000)
    bench.journal.append(ScenarioRecord(SCENARIO, Engine.SCENARIO, result, elapsed, bench.wire.sent - sent))


def _steps(work: Work) -> None:
    identity = _identity(work)
    known = records.last(records.earlier(work.folder, identity))
    follows = known is not None and not (known.closed and known.status in OVER)
    _confirm_access(work)
    with waiting(work) as mailbox:
        if known is not None and follows:
            placed = _followed(work, known)
        else:
            placed = _placed(work, identity, 1 if known is None else known.number + 1)
        _shown(work, placed, mailbox)


def _identity(work: Work) -> str:
    target, terms = work.bench.target, work.desk.terms
    partner = target.approval.partner_id if target.approval else ""
    return records.identity_of(target.base_urls["pools"], partner, terms.pool, wallet(work))


def _confirm_access(work: Work) -> None:
    """Points 1 to 3. Raises ``Refused`` for an account that may not trade, ``Halt`` where a point does not hold."""
    bench, judge = work.bench, work.judge
    read = work.desk.api.trades(limit="1")
    account = bench.target.accounts[ACCOUNT]
    if read.ok:
        words = (
            f"{account.secret_variable} holds a live key, and the target takes it (GET /pools/trades: {read.status})"
        )
        work.say("live key mode", words, read)
    admitted(work)
    missing = unmet("approval", bench.target)
    if missing is None:
        discovery.test_discovery_returns_exactly_the_approved_pools(bench, judge)
        discovery.test_capabilities_equal_the_approval_record(bench, work.desk, judge)
    else:
        for requirement in ("POOLS-DISCOVERY-EXACT", "POOLS-CAPABILITIES-APPROVED"):
            judge.cannot(requirement, *missing)
    discovery.test_capabilities_speak_of_the_pool_that_discovery_shows(bench, work.desk, judge)
    _stop_if_failed(work)


def _stop_if_failed(work: Work) -> None:
    if work.judge.failures:
        raise Halt(f"{', '.join(dict.fromkeys(work.judge.failures))} did not hold, so no order was placed")


def _placed(work: Work, identity: str, number: int) -> Placed:
    """The one order: quote, bound, record, transact. Raises ``Refused`` or ``Halt`` where it is not placed."""
    reply, request = take_quote(work)
    quote = firm_quote(work.desk.terms.pool, request, reply)
    showing.judge_quote(work, quote, reply)
    _stop_if_failed(work)
    assert quote is not None, "a firm quote that was judged executable"
    check_delivery(quote)
    cost = covered(work, quote)
    if work.desk.has_faded(quote):
        raise Refused("a quote that is not about to expire; no transact was sent", "another run")
    record = begun(work, quote, cost, number, identity, work.bench.clock.now())
    intent = f"{cost} {record.currency} of at most {work.most}, quote {quote.id}, key {record.idempotency_key}"
    work.say("about to execute", intent, reply)
    execution = execute(work, quote, record.idempotency_key)
    first = execution.first
    if first is not None and first.ok and isinstance(first.object().get("transactId"), str):
        return _noted(work, quote, first, execution)
    if first is not None and not execution.lost and 400 <= first.status < 500:
        _refused(work, quote, first)
    poll = conclude(work, quote.id)
    if poll is None:
        work.keep(status=NONE, closed=True)
        raise Refused(f"an execution: {_unexecuted(execution)}, and reading shows that there is none", PARTNER)
    return _noted(work, quote, poll, execution)


def _unexecuted(execution: Execution) -> str:
    if execution.first is None:
        return f"no answer came to {len(execution.lost)} transact(s)"
    return f"transact answered {said(execution.first)}"


def _refused(work: Work, quote: FirmQuote, reply: Reply) -> None:
    """Judge an execution that was refused: it must not have moved anything. Raises ``Refused``, or ``Halt``."""
    proof = nothing_moved(work.desk, quote.id, None)
    words = f"transact answered {said(reply)}; {proof.observed}"
    if not proof.ok:
        expected = "a refused transact to move nothing"
        work.judge.check("POOLS-TRANSACT-RESERVES", False, expected, words, reply, *proof.seen)
        raise Halt(words)
    # A key the target knows from an order whose record is lost is answered 409, and executes nothing.
    conclude(work, quote.id)
    work.keep(status=NONE, closed=True)
    hint = "; 409: perhaps an earlier order, whose record is not here, has this key" if reply.status == 409 else ""
    raise Refused(f"an execution that is not refused ({words}{hint})", PARTNER if hint else VENDOR)


def _noted(work: Work, quote: FirmQuote, trade: Reply, execution: Execution) -> Placed:
    assert work.record is not None
    transact = str(trade.object()["transactId"])
    work.desk.note_order(quote, work.record.idempotency_key, trade)
    work.keep(transact=transact, status=str(trade.object().get("status")))
    return Placed(quote.id, transact, trade, quote, execution)


def _followed(work: Work, known: OrderRecord) -> Placed:
    """The order of an earlier run, found by reading; nothing is quoted and nothing executed.

    Raises ``Refused`` where it turns out never to have been executed.
    """
    work.record = known
    work.say("follows", f"order {known.number} of run {known.run}, quote {known.quote}, written {known.written}")
    since = written_at(known)
    if since is not None:
        # What is looked up is as old as the order, not as young as this run.
        work.bench.started = min(work.bench.started, since - timedelta(minutes=1))
    poll = conclude(work, known.quote)
    if poll is None:
        work.keep(status=NONE, closed=True)
        raise Refused(
            f"an order: the one of run {known.run} was never executed and no longer can be; "
            "the command run again places one",
            "another run",
        )
    trade = poll.object()
    order = Order(
        order=f"order-{known.number}",
        scenario=SCENARIO,
        account=known.account,
        pool=known.pool,
        side="on_ramp",
        currency=known.currency,
        amount=known.amount,
        quote=known.quote,
        transact=str(trade["transactId"]),
        idempotency_key=known.idempotency_key,
        status=str(trade.get("status")),
        request_id=poll.header("x-request-id") or "",
    )
    work.bench.orders.append(order)
    work.bench.journal.append(order)
    work.keep(transact=order.transact, status=order.status)
    return Placed(known.quote, order.transact, poll, None, None)


def _shown(work: Work, placed: Placed, mailbox: Mailbox | None) -> None:
    """Points 4 to 9, as far as the order shows them. One that cannot be read keeps no other from being judged."""
    troubles: list[NetworkTrouble | Refused] = []
    shows: tuple[Callable[[], None], ...] = (
        lambda: _execution_shown(work, placed),
        lambda: showing.judge_status(work, placed.quote, placed.transact, placed.firm, placed.trade),
        lambda: showing.judge_delivery(work, mailbox, placed.quote, placed.transact),
        lambda: showing.judge_books(work),
    )
    for show in shows:
        try:
            show()
        except (NetworkTrouble, Refused) as problem:
            troubles.append(problem)
    with suppress(NetworkTrouble):
        showing.last_look(work, placed.quote)
    if troubles:
        raise troubles[0]


def _execution_shown(work: Work, placed: Placed) -> None:
    if placed.firm is not None and placed.execution is not None:
        showing.judge_execution(work, placed.firm, placed.execution, placed.trade)
        return
    assert work.record is not None
    missing = f"the run that placed the order: {work.record.run} has the evidence; this one only reads"
    for requirement in ("POOLS-TRANSACT-RESERVES", "POOLS-TRANSACT-ONCE", *first_order.POINTS[3].requirements):
        work.judge.cannot(requirement, missing, PARTNER)


__all__ = ["SCENARIO", "Placed", "carry_out"]

"""What a controlled order shows, judged: its quote, its execution, its status, its delivery and its books.

The judgements are those of the ordinary scenarios; nothing here moves money, but for sending the one order again.
"""

from __future__ import annotations

from decimal import Decimal

from conformance.client import NetworkTrouble, Reply
from conformance.journal import Judgement, Outcome
from conformance.requirements.first_order import WEBHOOK
from conformance.scenarios.controlled.desk import PARTNER, Execution, Work, cost_of, send
from conformance.scenarios.controlled.record import NONE
from conformance.scenarios.mailbox import Mailbox, body_of, record_delivery, signature_problem
from conformance.scenarios.pools.desk import FINAL, REFUNDED, FirmQuote, decimal, moment
from conformance.scenarios.pools.proof import one_trade_one_debit
from conformance.scenarios.pools.test_execution import COPIED, departures, trade_id
from conformance.scenarios.pools.test_ledger import reconciled
from conformance.scenarios.pools.test_quotes import NEAR, SOONEST, changed, described, differing_terms
from conformance.scenarios.pools.test_status import backwards, status_of


def judge_quote(work: Work, quote: FirmQuote | None, reply: Reply) -> None:
    """Point 4, before anything is executed: what the quote is, when it ends, what it costs and where it goes."""
    judge, answer = work.judge, reply.object()
    rate, expires = decimal(answer.get("rate")), moment(answer.get("expiresAt"))
    judge.require(
        "POOLS-FIRM-EXECUTABLE",
        quote is not None and rate is not None and rate > 0 and expires is not None,
        "available, executable, with quoteId, rate and expiresAt",
        f"status {reply.status}, {described(answer)}",
        reply,
    )
    assert quote is not None
    assert expires is not None
    ahead = expires - reply.date
    judge.check(
        "POOLS-FIRM-NEAR-EXPIRY",
        SOONEST < ahead <= NEAR,
        "an expiry within the next 60 s of the answer's Date",
        f"an expiry {ahead.total_seconds():+.0f} s from it",
        reply,
    )
    problems = differing_terms(answer, work.desk.capabilities())
    expected = "feeBps = drawFeeBps, spreadBps within spreadCapBps, totalBps their sum"
    judge.check("POOLS-FIRM-TERMS", not problems, expected, "; ".join(problems) or "they are", reply)
    read = work.desk.api.read_quote(quote.id)
    # Where the destination is shown it is the one that was asked for: money follows it.
    elsewhere = [
        f"{name} differs from what was asked for"
        for shown in (answer, read.object())
        for name in COPIED
        if shown.get(name) is not None and name in quote.request and shown[name] != quote.request[name]
    ]
    problems = [*changed(quote, read), *dict.fromkeys(elsewhere)]
    judge.check(
        "POOLS-QUOTE-READ-PURE",
        not problems,
        "active, with the terms it was given with and the destination that was asked for",
        "; ".join(problems) or "it is",
        reply,
        read,
    )


def judge_execution(work: Work, quote: FirmQuote, execution: Execution, trade: Reply) -> None:
    """Point 5: the order is reserved, and sent again it is the same trade."""
    read = work.desk.api.read_quote(quote.id)
    consumed = read.object().get("status")
    first = execution.first
    if first is None:
        missing = f"an answer to the order: {len(execution.lost)} got lost; the trade was found by reading"
        work.judge.cannot("POOLS-TRANSACT-RESERVES", missing, "another network")
    else:
        found = first.object()
        # An answer that comes after a lost one is a replay: the trade may have moved on meanwhile.
        reserved = found.get("status") == "reserved" or (execution.lost and found.get("status") in FINAL)
        work.judge.check(
            "POOLS-TRANSACT-RESERVES",
            first.ok
            and trade_id(first) is not None
            and bool(reserved)
            and found.get("quoteId") == quote.id
            and consumed == "consumed",
            "a reserved trade with transactId and quoteId; the quote reads consumed",
            f"status {first.status}, trade {found.get('status')}; the quote reads {consumed}",
            first,
            read,
        )
    _judge_once(work, quote, execution, trade)


def _judge_once(work: Work, quote: FirmQuote, execution: Execution, trade: Reply) -> None:
    assert work.record is not None
    again: Reply | None = None
    if work.permit.transacts_left:
        try:
            again = send(work, quote, work.record.idempotency_key)
        except NetworkTrouble as trouble:
            work.judge.trouble("POOLS-TRANSACT-ONCE", f"the repeated transact: {trouble.problem}", trouble.exchange)
            return
        if again.status == 429:
            work.judge.trouble("POOLS-TRANSACT-ONCE", "the repeated transact was throttled (429)", again)
            return
    proof = one_trade_one_debit(work.desk, quote.id, trade_id(trade))
    if again is not None or not proof.ok:
        same = again is None or trade_id(again) == trade_id(trade)
        answer = (
            "not sent again"
            if again is None
            else f"sent again: {again.status}, {'the same' if same else 'not that'} trade"
        )
        work.judge.check(
            "POOLS-TRANSACT-ONCE",
            same and proof.ok,
            "the same trade under the same key, one trade and one debit",
            f"{len(execution.lost)} answer(s) lost; {answer}; {proof.observed}",
            trade,
            *([] if again is None else [again]),
            *execution.lost,
            *proof.seen,
        )
        return
    sent = len(execution.lost) + (execution.first is not None)
    need = cost_of(quote) * (sent + 1)
    work.judge.cannot(
        "POOLS-TRANSACT-ONCE",
        f"room to send the order again: had a target without idempotency executed each of {sent + 1}, "
        f"{need} would be spent, and --max-amount is {work.most}",
        f"{PARTNER}, with --max-amount {need}",
    )


def judge_status(work: Work, quote: str, transact: str, firm: FirmQuote | None, trade: Reply) -> None:
    """Points 6 and, where the quote is at hand, 4: the status by quote id, the trade by its own, and its terms."""
    desk, judge = work.desk, work.judge
    polls = desk.poll_to_end(quote)
    end = status_of(polls[-1])
    work.keep(status=end)
    patience = desk.bench.target.patience.settle
    expected, observed = f"settled, failed or released within {patience:g} s", f"{end} after {len(polls)} poll(s)"
    judge.check("POOLS-POLL-TERMINAL", end in FINAL, expected, observed, trade, *polls[-3:])
    before = desk.moved_late(quote, transact, refunded=end in REFUNDED)
    again, read = desk.api.poll(quote), desk.api.trade(transact)
    listed = next((row for _, row in desk.list_trades() if row.get("transactId") == transact), {})
    after = desk.moved(quote, transact)
    statuses = [status_of(reply) for reply in (trade, *polls, again, read)]
    moves = backwards([*statuses, str(listed.get("status", "not listed"))], desk.bench.target.settles_only_by_poll)
    told = "; ".join(moves) or " → ".join(dict.fromkeys(statuses))
    judge.check(
        "POOLS-POLL-FORWARD",
        not moves,
        "only forward moves, and every read agrees",
        told,
        trade,
        *polls[-3:],
        again,
        read,
    )
    now = status_of(again)
    returned = now == "returned" != end
    still = now == end and (before.debits, before.refunds) == (after.debits, after.refunds)
    if end in FINAL:
        observed = f"{now}; {after}"
        expected = f"still {end}, or returned, and no other ledger entry"
        judge.check("POOLS-POLL-IDEMPOTENT", still or returned, expected, observed, *polls[-1:], again, *after.seen)
    else:
        judge.cannot("POOLS-POLL-IDEMPOTENT", "a trade that is finished", "the operator of the target")
    if firm is not None:
        problems = [problem for answer in (trade, read) for problem in departures(firm, answer)]
        judge.check(
            "POOLS-TRADE-COPIES-QUOTE",
            read.ok and not problems,
            "the terms and the destination the quote was asked for and given with",
            "; ".join(dict.fromkeys(problems)) or f"{read.status}, the quote's terms",
            firm.reply,
            trade,
            read,
        )


def judge_delivery(work: Work, mailbox: Mailbox | None, quote: str, transact: str) -> None:
    """Point 7: a delivery is judged where one arrives; without one, polling was the fallback."""
    if mailbox is None:
        return
    patience = work.bench.target.patience.delivery
    delivery = mailbox.await_trade({quote, transact}, patience)
    if delivery is None:
        work.say(
            "webhook", f"no delivery named the trade at {mailbox.url} within {patience:g} s; polling is the fallback"
        )
        return
    exchange = record_delivery(work.bench, delivery)
    problem = signature_problem(mailbox.settings, delivery)
    body = body_of(delivery)
    work.judge.declared += (WEBHOOK,)
    expected = "a signature that verifies over the raw bytes"
    work.judge.check(WEBHOOK, not problem, expected, problem or "it verifies", exchange)
    work.say("webhook", f"{body.get('type')} with event id {body.get(mailbox.settings.event_id)} arrived", exchange)


def judge_books(work: Work) -> None:
    """Point 8: the order joins one trade and its ledger entries, by quote and trade id."""
    desk, judge, order = work.desk, work.judge, work.bench.orders[-1]
    trades = {str(row.get("transactId")): row for _, row in desk.list_trades()}
    copies = sum(row.get("quoteId") == order.quote for row in trades.values())
    polled = desk.api.poll(order.quote)
    entries = [row for _, row in desk.list_entries()]
    row = reconciled(desk, order, trades, polled.object(), entries, copies)
    work.bench.journal.append(row)
    expected = "one trade and its ledger entries, joined by quote and trade id"
    judge.check("POOLS-RECONCILES", row.result == "matched", expected, f"{row.order}: {row.result}", polled)
    record = (
        f"order {order.order}, pool {order.pool}, quote {order.quote}, trade {order.transact}, "
        f"key {order.idempotency_key}, request {order.request_id}, trade {row.trade_status}, "
        f"debits {', '.join(row.debits) or 'none'}, refunds {', '.join(row.refunds) or 'none'}, "
        f"net {row.net} {row.currency}"
    )
    work.say("order record", record, polled)
    if not desk.gated:
        for requirement in ("POOLS-LEDGER-ONE-DEBIT", "POOLS-LEDGER-REFUNDS"):
            judge.not_applicable(requirement, "the balance gate of this account is off")
        return
    debits, refunds = list(map(Decimal, row.debits)), list(map(Decimal, row.refunds))
    ones = debits == [-Decimal(order.amount)] and -sum(debits) <= work.most
    expected = f"one buy_debit of -{order.amount}, and not above {work.most}"
    judge.check("POOLS-LEDGER-ONE-DEBIT", ones, expected, ", ".join(row.debits) or "none", polled)
    due = [-debit for debit in debits] if row.trade_status in REFUNDED else []
    expected = "one full refund for a failed, released or returned trade, none for any other"
    judge.check("POOLS-LEDGER-REFUNDS", refunds == due, expected, ", ".join(row.refunds) or "none", polled)


def last_look(work: Work, quote: str) -> None:
    """Read the status once more, last of all, and close the record where it is final."""
    status = status_of(work.desk.api.poll(quote))
    work.keep(status=status, closed=status in FINAL)


def conclude_in_words(work: Work) -> None:
    """Say how the order ended, for support and for the verdict: an order that did not settle is no confirmed one."""
    record = work.record
    if record is None or record.status == NONE:
        work.say("order", "none was placed" if record is None else f"none: quote {record.quote} was not executed")
        return
    status = record.status or "of unknown outcome"
    work.say("order", f"trade {record.transact or 'unknown'} of {record.amount} {record.currency} is {status}")
    words = f"ask support for trade {record.transact or 'unknown'}, quote {record.quote}, key {record.idempotency_key}"
    work.say("for support", f"{words}; the key is the only reference of the partner's that the API takes")
    if status == "settled":
        return
    work.judge.journal.append(
        Judgement(
            requirement="",
            outcome=Outcome.ERROR,
            engine=work.judge.context.engine,
            scenario=work.judge.context.scenario,
            expected="an order that settles",
            observed=f"the controlled order is {status}: trade {record.transact or 'unknown'}; a first order that "
            "delivers was not shown",
        )
    )


__all__ = [
    "conclude_in_words",
    "judge_books",
    "judge_delivery",
    "judge_execution",
    "judge_quote",
    "judge_status",
    "last_look",
]

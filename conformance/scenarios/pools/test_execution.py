"""Step 5: a firm quote is executed exactly once, whatever is repeated, raced or mixed up."""

from __future__ import annotations

from collections.abc import Callable

from conformance.client import Refused, Reply
from conformance.scenarios.bench import Bench, settled_replies
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.desk import Desk, FirmQuote, decimal, nobodys
from conformance.scenarios.pools.proof import nothing_moved, one_trade_one_debit

AT_ONCE = 6


def trade_id(reply: Reply) -> str | None:
    """The trade a transact answered with, if it did."""
    found = reply.object().get("transactId") if reply.ok else None
    return found if isinstance(found, str) else None


@scenario("POOLS-TRANSACT-RESERVES", "POOLS-TRANSACT-ONCE", smoke=True, trades=1)
def test_a_duplicate_transact_makes_no_second_trade_and_no_second_debit(bench: Bench, desk: Desk, judge: Judge) -> None:
    quote, key = desk.firm(), bench.key()
    first = desk.execute(quote, key)
    trade = first.object()
    read = desk.api.read_quote(quote.id)
    consumed = read.object().get("status")
    judge.require(
        "POOLS-TRANSACT-RESERVES",
        trade_id(first) is not None
        and trade.get("status") == "reserved"
        and trade.get("quoteId") == quote.id
        and consumed == "consumed",
        "a reserved trade with transactId and quoteId; the quote reads consumed",
        f"status {first.status}, trade {trade.get('status')}; the quote reads {consumed}",
        first,
        read,
    )
    again = [desk.api.transact(quote.pool, quote.id, key) for _ in range(2)]
    others = {found for reply in again if (found := trade_id(reply)) != trade_id(first)}
    proof = one_trade_one_debit(desk, quote.id, trade_id(first))
    judge.check(
        "POOLS-TRANSACT-ONCE",
        not others and proof.ok,
        "the same trade each time, one trade and one debit",
        f"{', '.join(str(reply.status) for reply in again)}"
        f"{' with another trade or none' if others else ', the same trade'}; {proof.observed}",
        first,
        *again,
        *proof.seen,
    )


@scenario("POOLS-TRANSACT-CONCURRENT-ONCE", smoke=True, trades=2)
def test_simultaneous_duplicates_make_one_trade(bench: Bench, desk: Desk, judge: Judge) -> None:
    for same_key in (True, False):
        quote, key = desk.firm(), bench.key()
        bench.afford(quote.amount)
        keys = [key if same_key else bench.key() for _ in range(AT_ONCE)]
        results = bench.together(
            [lambda k=k, q=quote: desk.api.transact(q.pool, q.id, k) for k in keys]  # type: ignore[misc]
        )
        replies = settled_replies(results)
        for reply in replies:
            desk.note_order(quote, keys[0], reply)
        trades = {found for reply in replies if (found := trade_id(reply))}
        refused = sorted({reply.status for reply in replies if not reply.ok})
        # A duplicate that meets the first one in flight may be refused as a conflict: no source promises more.
        proof = one_trade_one_debit(desk, quote.id)
        judge.check(
            "POOLS-TRANSACT-CONCURRENT-ONCE",
            len(trades) == 1 and set(refused) <= {409, 429} and proof.ok,
            f"{AT_ONCE} at once under {'one key' if same_key else 'different keys'}: one trade, one debit",
            f"{len(trades)} trade id(s) answered, refusals {refused or 'none'}; {proof.observed}",
            *replies,
            *proof.seen,
        )


HEADSTARTS = ((0.0, 0.0), (0.0, 0.002), (0.0, 0.004), (0.0, 0.008), (0.003, 0.0), (0.006, 0.0))
"""Seconds by which transact and reject start late, so that one arrives while the other is half done."""


@scenario("POOLS-REJECT-BLOCKS", "POOLS-REJECT-CONSUMED", trades=len(HEADSTARTS))
def test_transact_and_reject_at_once_have_one_winner(bench: Bench, desk: Desk, judge: Judge) -> None:
    for transact_late, reject_late in HEADSTARTS:
        quote, key = desk.firm(), bench.key()
        bench.afford(quote.amount)

        def transact(quote: FirmQuote = quote, key: str = key, late: float = transact_late) -> Reply:
            bench.clock.sleep(late)
            return desk.api.transact(quote.pool, quote.id, key)

        def reject(quote: FirmQuote = quote, late: float = reject_late) -> Reply:
            bench.clock.sleep(late)
            return desk.api.reject(quote.id)

        calls: list[Callable[[], Reply]] = [transact, transact, transact, reject, reject, reject]
        results = bench.together(calls)
        executed = [reply for reply in results[:3] if isinstance(reply, Reply)]
        rejected = [reply for reply in results[3:] if isinstance(reply, Reply)]
        for reply in executed:
            desk.note_order(quote, key, reply)
        trades, rejections = sum(r.ok for r in executed), sum(r.ok for r in rejected)
        known = next((found for r in executed if (found := trade_id(r))), None)
        read = desk.api.read_quote(quote.id)
        status = read.object().get("status")
        moved = desk.moved(quote.id, known) if status == "rejected" else desk.moved_late(quote.id, known)
        observed = f"{trades} transact(s) and {rejections} reject(s) succeeded; the quote reads {status}; {moved}"
        seen: list[Reply] = [*executed, *rejected, read, *moved.seen]
        if status == "rejected":
            judge.check(
                "POOLS-REJECT-BLOCKS",
                not trades and moved.nothing,
                "where the reject won, no transact succeeded and nothing moved",
                observed,
                *seen,
            )
        else:
            judge.check(
                "POOLS-REJECT-CONSUMED",
                not rejections and bool(moved.trades) and status == "consumed",
                "where the transact won, no reject succeeded, its trade stands and the quote reads consumed",
                observed,
                *seen,
            )
    # Which of the two wins is the target's affair; the other requirement has its own scenario.
    for requirement in judge.unjudged():
        judge.cannot(requirement, "a race that this side wins", "the harness (another try)")


@scenario("POOLS-TRANSACT-ONCE-PER-QUOTE", trades=1)
def test_another_key_for_a_consumed_quote_makes_no_second_trade(bench: Bench, desk: Desk, judge: Judge) -> None:
    quote = desk.firm()
    first = desk.execute(quote)
    other = desk.api.transact(quote.pool, quote.id, bench.key())
    proof = one_trade_one_debit(desk, quote.id, trade_id(first))
    allowed = other.status == 409 or (other.ok and trade_id(other) == trade_id(first))
    judge.observe("transact of a consumed quote under another key", str(other.status), "", other)
    judge.check(
        "POOLS-TRANSACT-ONCE-PER-QUOTE",
        first.ok and allowed and proof.ok,
        "the same trade or 409; one trade, one debit",
        f"{other.status}{' with another trade' if other.ok and not allowed else ''}; {proof.observed}",
        first,
        other,
        *proof.seen,
    )


@scenario("POOLS-TRANSACT-KEY-CONFLICT", trades=2)
def test_a_key_used_for_one_quote_does_not_execute_another(bench: Bench, desk: Desk, judge: Judge) -> None:
    quote, other, key = desk.firm(), desk.firm(), bench.key()
    first = desk.execute(quote, key)
    bench.afford(other.amount)
    clash = desk.api.transact(other.pool, other.id, key)
    desk.note_order(other, key, clash)
    proof = nothing_moved(desk, other.id, "active")
    judge.check(
        "POOLS-TRANSACT-KEY-CONFLICT",
        first.ok and clash.status == 409 and proof.ok,
        "409, and the other quote active and unmoved",
        f"{clash.status}; {proof.observed}",
        first,
        clash,
        *proof.seen,
    )


@scenario("POOLS-TRANSACT-RESERVES", trades=4)
def test_keys_that_look_alike_are_different_keys(bench: Bench, desk: Desk, judge: Judge) -> None:
    # A free-form key of the length of the published UUID samples; what differs comes last, or only in case.
    stem = f"pool-tx:{bench.rng.getrandbits(108):027x}"
    for one, other in ((f"{stem}a", f"{stem}b"), (f"{stem}c", f"{stem}C")):
        replies = []
        for key in (one, other):
            quote = desk.firm()
            replies.append((quote, desk.execute(quote, key)))
        (first_quote, first), (second_quote, second) = replies
        if first_quote.id == second_quote.id:
            judge.cannot("POOLS-TRANSACT-RESERVES", "two quotes of their own", "the target")
            return
        named = [reply.object().get("quoteId") for reply in (first, second)]
        judge.check(
            "POOLS-TRANSACT-RESERVES",
            first.ok and second.ok and named == [first_quote.id, second_quote.id],
            "two trades for two quotes under two keys that differ in their last character",
            f"{first.status} and {second.status}, "
            + (
                "each for its own quote" if named == [first_quote.id, second_quote.id] else "not each for its own quote"
            ),
            first,
            second,
        )


@scenario("POOLS-TRANSACT-KEY-REQUIRED", trades=1)
def test_a_transact_without_a_key_is_refused(bench: Bench, desk: Desk, judge: Judge) -> None:
    quote = desk.firm()
    bench.afford(quote.amount)
    reply = desk.api.transact(quote.pool, quote.id, None)
    desk.note_order(quote, "", reply)
    proof = nothing_moved(desk, quote.id, "active")
    judge.observe("transact without Idempotency-Key", str(reply.status), "", reply)
    judge.check(
        "POOLS-TRANSACT-KEY-REQUIRED",
        400 <= reply.status < 500 and proof.ok,
        "a 4xx refusal, and nothing moved",
        f"{reply.status}; {proof.observed}",
        reply,
        *proof.seen,
    )


@scenario("POOLS-TRANSACT-UNKNOWN-QUOTE")
def test_a_quote_nobody_was_given_cannot_be_executed(bench: Bench, desk: Desk, judge: Judge) -> None:
    reply = desk.api.transact(desk.terms.pool, nobodys(bench, desk.firm().id), bench.key())
    judge.check("POOLS-TRANSACT-UNKNOWN-QUOTE", reply.status == 404, "404", str(reply.status), reply)


ELSEWHERE = "0x000000000000000000000000000000000000dEaD"
"""A burn address, so that even a target that honours it harms nobody."""


@scenario("POOLS-TRANSACT-DESTINATION-LOCKED", trades=1)
def test_a_destination_sent_with_transact_is_not_honoured(bench: Bench, desk: Desk, judge: Judge) -> None:
    quote, key = desk.firm(), bench.key()
    bench.afford(quote.amount)
    reply = desk.api.transact(
        quote.pool, quote.id, key, {"destAddress": ELSEWHERE, "destNetwork": "ethereum", "amount": "1.00"}
    )
    desk.note_order(quote, key, reply)
    if reply.status == 400:
        proof = nothing_moved(desk, quote.id, "active")
        judge.observe("transact with members of the quote", "refused with 400", "", reply)
        judge.check("POOLS-TRANSACT-DESTINATION-LOCKED", proof.ok, "nothing moved", proof.observed, reply, *proof.seen)
        return
    trade = desk.api.trade(str(trade_id(reply)))
    # Wherever in the trade it stands: some keep the destination in a member of its own.
    honoured = [answer for answer in (reply, trade) if answer.ok and ELSEWHERE.lower().encode() in answer.body.lower()]
    judge.check(
        "POOLS-TRANSACT-DESTINATION-LOCKED",
        reply.ok and trade.ok and not honoured,
        "a trade to the quote's destination",
        f"{reply.status}, " + ("a trade to the one sent with transact" if honoured else "the quote's destination"),
        reply,
        trade,
    )


@scenario("POOLS-TRADE-COPIES-QUOTE", trades=1)
def test_the_path_of_a_transact_does_not_move_a_quote_to_another_pool(bench: Bench, desk: Desk, judge: Judge) -> None:
    allowed = desk.api.balance(desk.terms.pool).object().get("allowedPools")
    others = [pool for pool in allowed if isinstance(pool, str)] if isinstance(allowed, list) else []
    elsewhere = next((pool for pool in others if pool != desk.terms.pool), None)
    if elsewhere is None:
        judge.not_applicable("POOLS-TRADE-COPIES-QUOTE", "the account has one pool only")
        return
    quote, key = desk.firm(), bench.key()
    bench.afford(quote.amount)
    reply = desk.api.transact(elsewhere, quote.id, key)
    desk.note_order(quote, key, reply)
    judge.observe("transact through another pool's path", str(reply.status), "POOLS-TRADE-COPIES-QUOTE", reply)
    if reply.ok:
        # Whether the pool in the path is looked at is unstated; that the quote's terms stand is not.
        problems = departures(quote, reply) + departures(quote, desk.api.trade(str(trade_id(reply))))
        observed = "; ".join(dict.fromkeys(problems)) or f"{reply.status}, the quote's terms"
        judge.check("POOLS-TRADE-COPIES-QUOTE", not problems, "the terms of the quote", observed, quote.reply, reply)
        return
    proof = nothing_moved(desk, quote.id, "active")
    judge.check("POOLS-TRADE-COPIES-QUOTE", proof.ok, "nothing moved", proof.observed, quote.reply, reply, *proof.seen)


COPIED = ("side", "fiatCurrency", "cryptoCurrency", "cryptoNetwork", "destAddress", "destNetwork")


@scenario("POOLS-TRADE-COPIES-QUOTE", trades=1)
def test_a_trade_carries_the_terms_of_its_quote(desk: Desk, judge: Judge) -> None:
    quote = _quote_off_the_defaults(desk)
    reply = desk.execute(quote)
    read = desk.api.trade(str(trade_id(reply)))
    problems = [problem for answer in (reply, read) for problem in departures(quote, answer)]
    judge.check(
        "POOLS-TRADE-COPIES-QUOTE",
        reply.ok and read.ok and not problems,
        "the terms the quote was asked for and given with",
        "; ".join(dict.fromkeys(problems)) or f"{reply.status} and {read.status}, the quote's terms",
        quote.reply,
        reply,
        read,
    )


EVM = frozenset({"ethereum", "bsc", "polygon"})


def _quote_off_the_defaults(desk: Desk) -> FirmQuote:
    """A quote on another network than the default, so that a trade that falls back to defaults shows.

    Only for a destination that is good on any EVM network; where the target does not take it, the usual terms.
    """
    terms = desk.terms
    networks = desk.capabilities().get("supportedNetworks")
    others = [name for name in networks if name in EVM and name != "tron"] if isinstance(networks, list) else []
    if others and terms.dest_address.startswith("0x"):
        try:
            return desk.firm(cryptoNetwork=others[0], destNetwork=others[0])
        except Refused:
            return desk.firm()
    return desk.firm()


def departures(quote: FirmQuote, reply: Reply) -> list[str]:
    """Where a trade differs from what its quote was asked for and answered, in the members it shows."""
    trade = reply.object()
    problems = []
    for name in COPIED:
        if trade.get(name) is not None and name in quote.request and trade[name] != quote.request[name]:
            problems.append(f"{name} differs from the quote's")
    figures = {"fiatAmount": quote.amount, "rate": quote.terms.get("rate")}
    figures |= {"cryptoAmount": quote.terms.get("cryptoAmount")}
    for name, wanted in figures.items():
        found, expected = decimal(trade.get(name)), decimal(wanted)
        if found is not None and expected is not None and found != expected:
            problems.append(f"{name} {found} instead of {expected}")
    for name in ("spreadBps", "feeBps"):
        if trade.get(name) is not None and quote.terms.get(name) is not None and trade[name] != quote.terms[name]:
            problems.append(f"{name} differs from the quote's")
    if trade.get("poolId") not in (None, quote.pool):
        problems.append("poolId differs from the quote's")
    return problems

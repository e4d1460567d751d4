"""Steps 3 and 4, and what else a quote promises: prices, firm locks, pure reads, validation, rejection."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from conformance.client import NetworkTrouble, Reply
from conformance.scenarios.bench import Bench
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.desk import (
    FINAL,
    Desk,
    FirmQuote,
    decimal,
    firm_quote,
    moment,
    odd_amount,
    readable,
    the_list,
)
from conformance.scenarios.pools.proof import as_it_was, nothing_moved

REASONS = frozenset({"pool_dry", "engine_unavailable", "rate_unavailable"})
NEAR = timedelta(seconds=60)
SOONEST = timedelta(seconds=1)
"""A ``Date`` is cut to whole seconds, so a lock that has ended already may look a second ahead."""
TERMS = ("rate", "spreadBps", "feeBps", "totalBps", "expiresAt")


def safe_indicative(answer: dict[str, Any], status: int) -> str:
    """What is wrong with the answer to an indicative request; empty when it is priced or safely unavailable."""
    if status != 200:
        return f"status {status}"
    if answer.get("quoteId") is not None:
        return "it carries a quote id"
    if answer.get("available") is False:
        return "" if str(answer.get("unavailableReason")) in REASONS else "unavailable without a published reason"
    if answer.get("available") is not True:
        return "available is neither true nor false"
    if answer.get("executable") is not False:
        return "it does not say executable: false"
    rate = decimal(answer.get("rate"))
    return "" if rate is not None and rate > 0 else "it has no positive rate"


def rows_of(desk: Desk, amount: str) -> tuple[set[str], list[Reply]]:
    """The newest trades and ledger entries that move exactly ``amount``, each as a comparable text; and their pages.

    Raises ``Refused`` for a page that cannot be read.
    """
    wanted = Decimal(amount)
    listed, entered = (
        readable(desk.newest_trades([]), "trades"),
        readable(desk.newest_entries([]), "ledger entries"),
    )
    trades = {
        f"trade {row.get('transactId')}"
        for row in the_list(listed.object(), "trades")
        if decimal(row.get("fiatAmount")) == wanted
    }
    entries = {
        f"entry {sorted((key, str(value)) for key, value in row.items())}"
        for row in the_list(entered.object(), "entries")
        if abs(decimal(row.get("delta")) or 0) == wanted
    }
    return trades | entries, [listed, entered]


@scenario("POOLS-INDICATIVE-SAFE", "POOLS-INDICATIVE-MOVES-NOTHING", smoke=True)
def test_an_indicative_quote_prices_or_is_safely_unavailable(bench: Bench, desk: Desk, judge: Judge) -> None:
    amount = odd_amount(bench, desk)
    before, pages = rows_of(desk, amount)
    reply = desk.ask(type="indicative", amount=amount, destAddress=None, destNetwork=None)
    problem = safe_indicative(reply.object(), reply.status)
    judge.check(
        "POOLS-INDICATIVE-SAFE",
        not problem,
        "a price that cannot be executed, or available: false with a published reason",
        problem or "it does",
        reply,
    )
    after, later = rows_of(desk, amount)
    fresh = after - before
    judge.check(
        "POOLS-INDICATIVE-MOVES-NOTHING",
        not fresh,
        f"no trade and no ledger entry over {amount}",
        f"{len(fresh)} new row(s) over {amount}" if fresh else "none",
        *pages,
        reply,
        *later,
    )


@scenario("POOLS-FIRM-EXECUTABLE", "POOLS-FIRM-NEAR-EXPIRY", "POOLS-FIRM-TERMS", smoke=True)
def test_a_firm_quote_has_an_id_a_near_expiry_and_consistent_terms(desk: Desk, judge: Judge) -> None:
    reply = desk.ask()
    answer = reply.object() if reply.ok else {}
    quote = firm_quote(desk.terms.pool, desk.terms.request(), reply)
    rate = decimal(answer.get("rate"))
    judge.require(
        "POOLS-FIRM-EXECUTABLE",
        quote is not None and rate is not None and rate > 0 and moment(answer.get("expiresAt")) is not None,
        "available, executable, with quoteId, rate and expiresAt",
        f"status {reply.status}, " + described(answer),
        reply,
    )
    assert quote is not None
    assert quote.expires is not None
    ahead = quote.expires - reply.date
    # Where a helper has moved the clock of the account or of the whole target, its Date may still tell wall time.
    moved = [timedelta(seconds=seconds) for seconds in (0, *desk.bench.time_passed(desk.account))]
    judge.check(
        "POOLS-FIRM-NEAR-EXPIRY",
        any(SOONEST < ahead - shift <= NEAR for shift in moved),
        "an expiry within the next 60 s of the answer's Date",
        f"an expiry {ahead.total_seconds():+.0f} s from it",
        reply,
    )
    problems = differing_terms(answer, desk.capabilities())
    judge.check(
        "POOLS-FIRM-TERMS",
        not problems,
        "feeBps = drawFeeBps, spreadBps within spreadCapBps, totalBps their sum",
        "; ".join(problems) or "they are",
        reply,
    )


def described(answer: dict[str, Any]) -> str:
    """Which of the members of a firm quote are there."""
    names = ("available", "executable", "quoteId", "rate", "expiresAt")
    present = [name for name in names if answer.get(name) not in (None, False)]
    return "with " + (", ".join(present) or "none of the members of a firm quote")


def differing_terms(quote: dict[str, Any], capabilities: dict[str, Any]) -> list[str]:
    """How the economics of a quote contradict the capabilities of its pool, or themselves."""
    spread, fee, total = quote.get("spreadBps"), quote.get("feeBps"), quote.get("totalBps")
    cap, draw = capabilities.get("spreadCapBps"), capabilities.get("drawFeeBps")
    problems = []
    if isinstance(spread, int) and isinstance(cap, int) and spread > cap:
        problems.append(f"spreadBps {spread} above the cap {cap}")
    if isinstance(fee, int) and isinstance(draw, int) and fee != draw:
        problems.append(f"feeBps {fee}, the tier's draw fee is {draw}")
    if isinstance(total, int) and isinstance(spread, int) and isinstance(fee, int) and total != spread + fee:
        problems.append(f"totalBps {total} is not {spread} + {fee}")
    return problems


@scenario("POOLS-FIRM-OUTPUT")
def test_the_output_of_a_quote_is_its_input_times_its_rate(desk: Desk, judge: Judge) -> None:
    quote = desk.firm()
    paid, out = decimal(quote.terms.get("fiatAmount")), decimal(quote.terms.get("cryptoAmount"))
    rate = decimal(quote.terms.get("rate"))
    if paid is None or out is None or rate is None:
        judge.not_applicable("POOLS-FIRM-OUTPUT", "the quote does not state both amounts under the names we know")
        return
    # Rounding digits are unpublished: a hundredth of a unit covers every plausible one.
    off = abs(out - paid * rate)
    judge.check(
        "POOLS-FIRM-OUTPUT",
        off <= Decimal("0.01") and paid == Decimal(quote.amount),
        f"{quote.amount} paid in, times the rate, within 0.01",
        f"{paid} in, {out} out, {off:f} off",
        quote.reply,
    )


@scenario("POOLS-QUOTE-READ-PURE", "POOLS-QUOTE-DISTINCT", "POOLS-QUOTE-MOVES-NOTHING")
def test_reading_a_quote_changes_nothing(desk: Desk, judge: Judge) -> None:
    before = desk.api.ledger(limit="1")
    quote, other = desk.firm(), desk.firm()
    after = desk.api.ledger(limit="1")
    judge.check(
        "POOLS-QUOTE-DISTINCT",
        quote.id != other.id,
        "two ids for two quotes",
        "one id for both" if quote.id == other.id else "two ids",
        quote.reply,
        other.reply,
    )
    reads = [desk.api.read_quote(quote.id) for _ in range(3)]
    problems = [problem for reply in reads for problem in changed(quote, reply)]
    judge.check(
        "POOLS-QUOTE-READ-PURE",
        not problems,
        "active with the terms and the expiry it was given with, three times",
        "; ".join(dict.fromkeys(problems)) or "it is",
        quote.reply,
        *reads,
    )
    proof = nothing_moved(desk, quote.id)
    figures = [decimal(reply.object().get("available")) for reply in (before, after)]
    # Only where no entry of anybody's lies between the two reads can a changed balance be the quotes' doing.
    held = before.object().get("entries") == after.object().get("entries") and figures[0] != figures[1]
    judge.check(
        "POOLS-QUOTE-MOVES-NOTHING",
        proof.ok and not held,
        "no trade, no ledger entry, the same balance",
        proof.observed + (f"; the balance went from {figures[0]} to {figures[1]}" if held else ""),
        quote.reply,
        before,
        after,
        *proof.seen,
    )


def changed(quote: FirmQuote, reply: Reply) -> list[str]:
    """What a read of a quote says differently from the quote as it was given."""
    if reply.status != 200:
        return [f"the read answered {reply.status}"]
    found = reply.object()
    problems = [] if found.get("status") == "active" else [f"it reads {found.get('status')}"]
    for name in TERMS:
        if name in found and name in quote.terms and not same(found[name], quote.terms[name]):
            problems.append(f"{name} changed")
    return problems


def same(one: object, other: object) -> bool:
    """Whether two spellings are the same value: decimals by value, times by instant."""
    numbers = decimal(one), decimal(other)
    if None not in numbers:
        return numbers[0] == numbers[1]
    times = moment(one), moment(other)
    return times[0] == times[1] if None not in times else one == other


INVALID: list[tuple[str, dict[str, object], bool]] = [
    ("a side nobody knows", {"side": "sideways"}, False),
    ("no side", {"side": None}, False),
    ("a network nobody knows", {"cryptoNetwork": "conformance-no-such-network"}, False),
    ("a fiat currency that is not the pool's", {"fiatCurrency": "XTS"}, False),
    ("a crypto currency that is not the pool's", {"cryptoCurrency": "XTSC"}, False),
    ("an amount that is no number", {"amount": "ten"}, False),
    ("a negative amount", {"amount": "-10.00"}, True),
    ("an amount of zero", {"amount": "0.00"}, True),
]
"""What is wrong, how, and whether a fail-soft 200 is tolerated: the sources do not say what an amount out of range
gets, so only a quote for it is wrong."""


@scenario("POOLS-QUOTE-VALIDATION")
def test_an_invalid_quote_request_is_refused(desk: Desk, judge: Judge) -> None:
    for what, wrong, soft in INVALID:
        reply = desk.ask(**wrong)
        unquoted = soft and reply.status == 200 and reply.object().get("available") is False
        judge.check(
            "POOLS-QUOTE-VALIDATION",
            reply.status == 400 or unquoted,
            f"400 for {what}",
            f"{reply.status} for {what}",
            reply,
        )
    # What an address must look like is published for no network, so this is only told.
    reply = desk.ask(destAddress="no address on any network")
    judge.observe("a quote for an address that is none", str(reply.status), "POOLS-QUOTE-VALIDATION", reply)


@scenario("POOLS-QUOTE-LIMITS")
def test_an_amount_outside_the_order_bounds_is_never_executable(desk: Desk, judge: Judge) -> None:
    known = desk.capabilities()
    least, most = decimal(known.get("minOrderUsdt")), decimal(known.get("maxOrderUsdt"))
    rate = decimal(desk.ask(type="indicative", destAddress=None, destNetwork=None).object().get("rate"))
    tried = outside_bounds(least, most, rate if desk.terms.crypto == "USDT" else None)
    if not tried:
        judge.not_applicable("POOLS-QUOTE-LIMITS", "the pool publishes no order bounds under the names we know")
    for amount, what in tried:
        reply = desk.ask(amount=amount)
        executable = reply.ok and reply.object().get("executable") is True
        judge.check(
            "POOLS-QUOTE-LIMITS",
            not executable,
            f"no executable quote for an amount {what}",
            f"status {reply.status}, {'executable' if executable else 'not executable'}",
            reply,
        )


def outside_bounds(least: Decimal | None, most: Decimal | None, rate: Decimal | None) -> list[tuple[str, str]]:
    """Amounts that lie outside order bounds in USDT, and how.

    A factor of ten away whatever the rate; and, where the rate into USDT is known, three per cent away: more than the
    costs inside a rate, so that fiat compared with a bound in USDT shows.
    """
    cent = Decimal("0.01")
    found = []
    if least is not None and least / 10 >= cent:
        found.append((least / 10, "far below the minimum"))
    if most is not None:
        found.append((most * 10, "far above the maximum"))
    if rate is not None and rate > 0:
        if least is not None and least / rate * Decimal("0.97") >= cent:
            found.append((least / rate * Decimal("0.97"), "just below the minimum"))
        if most is not None:
            found.append((most / rate * Decimal("1.03"), "just above the maximum"))
    return [(f"{amount:.2f}", how) for amount, how in found]


@scenario("POOLS-REJECT-ONCE", "POOLS-REJECT-BLOCKS", trades=1)
def test_a_rejected_quote_is_rejected_once_and_for_all(bench: Bench, desk: Desk, judge: Judge) -> None:
    quote = desk.firm()
    first = desk.api.reject(quote.id)
    read = desk.api.read_quote(quote.id)
    again = desk.api.reject(quote.id)
    statuses = (first.status, read.object().get("status"), again.status)
    judge.check(
        "POOLS-REJECT-ONCE",
        first.ok and statuses[1] == "rejected" and again.status == 409,
        "2xx, then reads rejected, then 409",
        f"{statuses[0]}, then reads {statuses[1]}, then {statuses[2]}",
        first,
        read,
        again,
    )
    bench.afford(quote.amount)
    key = bench.key()
    refused = desk.api.transact(quote.pool, quote.id, key)
    desk.note_order(quote, key, refused)
    proof = nothing_moved(desk, quote.id, "rejected")
    judge.check(
        "POOLS-REJECT-BLOCKS",
        refused.status == 409 and proof.ok,
        "409, and nothing moved",
        f"{refused.status}; {proof.observed}",
        refused,
        *proof.seen,
    )


@scenario("POOLS-REJECT-CONSUMED", trades=1)
def test_a_consumed_quote_cannot_be_rejected(desk: Desk, judge: Judge) -> None:
    quote = desk.firm()
    trade = desk.execute(quote)
    transact = str(trade.object().get("transactId"))
    polls = desk.poll_to_end(quote.id)
    moved = desk.moved_late(quote.id, transact)
    reply = desk.api.reject(quote.id)
    read = desk.api.read_quote(quote.id)
    status = read.object().get("status")
    proof = as_it_was(desk, quote.id, transact, moved)
    before, after = (str(reply.object().get("status")) for reply in (polls[-1], desk.api.trade(transact)))
    # A trade at its end moves no more, but for settled to returned: what it reads now is the reject's doing.
    stands = after == before or before not in FINAL or (before, after) == ("settled", "returned")
    judge.check(
        "POOLS-REJECT-CONSUMED",
        trade.ok and reply.status == 409 and status == "consumed" and proof.ok and stands,
        "409, the quote still reads consumed and its trade and debit stand",
        f"{reply.status}, the quote reads {status}, the trade {before} and then {after}; {proof.observed}",
        trade,
        polls[-1],
        reply,
        read,
        *proof.seen,
    )


@scenario("POOLS-UNAVAILABLE-FAIL-SOFT", needs=["outcome:unavailable"])
def test_an_unavailable_pool_is_a_safe_answer(bench: Bench, desk: Desk, judge: Judge) -> None:
    recipe = bench.recipe("unavailable")
    bench.perform("unavailable", account=desk.account, poolId=desk.terms.pool)
    for kind in ("firm", "indicative"):
        try:
            reply = desk.ask(type=kind, **recipe.request)
        except NetworkTrouble as trouble:
            # 502 to 504 are the network's, unless they come for this request alone while another is answered.
            plain = desk.ask(type=kind)
            judge.check(
                "POOLS-UNAVAILABLE-FAIL-SOFT",
                False,
                f"200 and available: false ({kind})",
                f"{trouble.problem} each time, while a quote for an available pool answered {plain.status}",
                trouble.exchange,
                plain,
            )
            continue
        answer = reply.object()
        problem = (
            f"status {reply.status}"
            if reply.status != 200
            else "it is available"
            if answer.get("available") is not False
            else "it carries a quote id"
            if answer.get("quoteId") is not None
            else ""
            if str(answer.get("unavailableReason")) in REASONS
            else "its reason is not one of the published three"
        )
        judge.check(
            "POOLS-UNAVAILABLE-FAIL-SOFT",
            not problem,
            f"200, available: false, a published reason, no quote id ({kind})",
            problem or "it is",
            reply,
        )

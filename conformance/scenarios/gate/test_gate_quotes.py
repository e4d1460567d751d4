"""Previews and signed quotes before anybody redeems them: prices, terms, validation, pure reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from conformance.client import Refused, Reply
from conformance.scenarios.bench import Bench, merged
from conformance.scenarios.gate.desk import MARGIN, ON_RAMP, Desk, Quote
from conformance.scenarios.gate.redeeming import Watch, figures, leaves, ready_session, redemption, sides
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.desk import decimal, moment

OF_A_LOCK = ("side", "currency", "asset", "payment_method")
OF_A_READ = (*OF_A_LOCK, "id", "fiat_amount", "crypto_amount", "exchange_rate", "signature")
"""What a signed quote is documented to show, in the lock and in every read."""
WHERE_SHOWN = ("fees", "expires_at", "created_at")
"""What it may show besides, under these names or others."""
MOST_TRIED = 5
"""Ids of one preview that are tried as if they were quotes."""
READS = 3


@scenario("GATE-PREVIEW", needs=["rails"], trades=1)
def test_a_preview_shows_prices_and_nothing_to_redeem(bench: Bench, desk: Desk, judge: Judge) -> None:
    lock = desk.lock()
    bench.afford(str(lock.request["amount"]))
    session = ready_session(desk)
    watch = Watch(desk, lock, session.id)
    for side in sides(desk):
        asked = preview_request(desk, side)
        reply = desk.api.preview(asked)
        prices = {figure for figure in figures(reply.json()) if figure > 0} - {Decimal(str(asked["amount"]))}
        judge.require(
            "GATE-PREVIEW",
            reply.ok and bool(prices),
            "an answer with prices, since a quote can be locked on these terms",
            f"status {reply.status}, {len(prices)} figure(s)",
            lock.reply,
            reply,
        )
        for name in likely_ids(reply.json(), lock.id)[:MOST_TRIED]:
            read = desk.api.quote(name)
            refused = desk.api.create_rail(lock.rail, {**redemption(session.id, lock), "quote_id": name}, bench.uuid())
            judge.require(
                "GATE-PREVIEW",
                not is_signed(read) and 400 <= refused.status < 500,
                "an id of a preview cannot be read or redeemed as a signed quote",
                f"the read answered {read.status}, the redemption {refused.status}",
                reply,
                read,
                refused,
            )
    proof = watch.nothing()
    judge.check("GATE-PREVIEW", proof.ok, "nothing moved", proof.observed, *proof.seen)


def preview_request(desk: Desk, side: str = ON_RAMP) -> dict[str, object]:
    """A plain request for a preview."""
    terms = desk.terms
    return {"currency": terms.currency, "asset": terms.asset, "amount": terms.amount, "side": side}


def likely_ids(document: object, real: str) -> list[str]:
    """What may be the id of something in a document, by its name or by its likeness to a real quote's; each once."""
    stem = real[: real.rfind("_") + 1]
    found = [
        value
        for name, value in leaves(document)
        if isinstance(value, str)
        and value
        and (
            name == "id"
            or name.endswith(("_id", "Id"))
            or "quote" in name.lower()
            or (stem and value[:20][: len(stem)] == stem)
        )
    ]
    return list(dict.fromkeys(found))


def is_signed(reply: Reply) -> bool:
    """Whether an answer shows a signed quote."""
    body = reply.object() if reply.ok else {}
    return body.get("object") == "signed_quote" or bool(body.get("signature")) or body.get("status") == "active"


INVALID: list[tuple[str, dict[str, object]]] = [
    ("without an amount", {"amount": None}),
    ("with an amount of zero", {"amount": "0.00"}),
    ("with a negative amount", {"amount": "-25.00"}),
    ("with an amount of nine decimals", {"amount": "25.123456789"}),
    ("with an amount that is no number", {"amount": "ten"}),
    ("with an empty amount", {"amount": ""}),
    ("with an amount beyond all numbers", {"amount": "Infinity"}),
    ("with an amount that is a JSON number", {"amount": 25}),
    ("without a side", {"side": None}),
    ("with a side nobody knows", {"side": "sideways"}),
    ("without a currency", {"currency": None}),
    ("with a currency of four letters", {"currency": "EURO"}),
    ("with a currency with a digit", {"currency": "E1R"}),
    ("without an asset", {"asset": None}),
]
INVALID_LOCK: list[tuple[str, dict[str, object]]] = [
    *INVALID,
    ("without a payment method", {"payment_method": None}),
    ("with a symbol of one letter", {"asset": "U"}),
    ("with a symbol of thirteen letters", {"asset": "ABCDEFGHIJKLM"}),
    ("with a symbol that has a hyphen", {"asset": "US-DC"}),
]


@scenario("GATE-PREVIEW-VALIDATION")
def test_an_invalid_preview_request_is_refused(desk: Desk, judge: Judge) -> None:
    good = preview_request(desk)
    refuses_what_is_wrong(judge, "GATE-PREVIEW-VALIDATION", INVALID, good, desk.api.preview)


@scenario("GATE-QUOTE-VALIDATION", needs=["rails"])
def test_an_invalid_lock_is_refused(bench: Bench, desk: Desk, judge: Judge) -> None:
    def lock(request: Mapping[str, object]) -> Reply:
        return desk.api.lock_quote(request, bench.uuid())

    refuses_what_is_wrong(judge, "GATE-QUOTE-VALIDATION", INVALID_LOCK, desk.quote_request(), lock)


def refuses_what_is_wrong(
    judge: Judge,
    requirement: str,
    rows: list[tuple[str, dict[str, object]]],
    good: Mapping[str, object],
    ask: Callable[[Mapping[str, object]], Reply],
) -> None:
    """Judge that each of ``rows`` is refused, where ``good`` is answered. Raises ``Refused`` where it is not."""
    plain = ask(good)
    if not plain.ok:
        raise Refused(f"a plain request that is answered (it got {plain.status})", "the operator of the target")
    for what, wrong in rows:
        reply = ask(merged(good, wrong))
        judge.check(
            requirement,
            reply.status in (400, 422),
            f"400 or 422 for a request {what}",
            f"{reply.status} for a request {what}",
            plain,
            reply,
        )


@scenario("GATE-QUOTE-LOCK", needs=["rails"])
def test_a_locked_quote_is_active_on_the_terms_asked_for(desk: Desk, judge: Judge) -> None:
    quotes = [desk.lock(side) for side in (*sides(desk), ON_RAMP)]
    for quote in quotes:
        body = quote.reply.object()
        problems = departures(quote.request, body, quote.reply.date)
        judge.check(
            "GATE-QUOTE-LOCK",
            not problems,
            "an active quote on the terms asked for, with amounts, rate, signature and a later expiry",
            "; ".join(problems) or f"a quote for a {quote.side}",
            quote.reply,
        )
        if quote.expires is None:
            judge.observe("when a quote ends", "not under expires_at", "GATE-QUOTE-LOCK", quote.reply)
    distinct = len({quote.id for quote in quotes}) == len(quotes)
    judge.check(
        "GATE-QUOTE-LOCK",
        distinct,
        f"{len(quotes)} ids for {len(quotes)} quotes",
        "so it is" if distinct else "an id for two quotes",
        *(quote.reply for quote in quotes),
    )
    other = desk.lock(amount=f"{Decimal(desk.terms.amount) + Decimal('0.01'):f}")
    signatures = [quote.reply.object().get("signature") for quote in (quotes[0], other)]
    judge.check(
        "GATE-QUOTE-LOCK",
        signatures[0] != signatures[1],
        "two signatures for two amounts",
        "one signature for both" if signatures[0] == signatures[1] else "two signatures",
        quotes[0].reply,
        other.reply,
    )
    lower = desk.api.lock_quote(desk.quote_request(currency=desk.terms.currency.lower()), desk.bench.uuid())
    judge.observe("a lock with its currency in lower case", str(lower.status), "GATE-QUOTE-LOCK", lower)


def departures(asked: Mapping[str, object], body: Mapping[str, Any], now: datetime) -> list[str]:
    """How a signed quote that was just locked differs from what was asked for, or is none."""
    problems = [f"{name} differs" for name in OF_A_LOCK if not same_word(body.get(name), asked[name])]
    if body.get("status") != "active":
        problems.append(f"it is {body.get('status')}")
    figures = {name: decimal(body.get(name)) for name in ("fiat_amount", "crypto_amount", "exchange_rate")}
    problems += [f"no positive {name}" for name, figure in figures.items() if figure is None or figure <= 0]
    # Which of the two the amount is about is unpublished.
    if decimal(asked["amount"]) not in (figures["fiat_amount"], figures["crypto_amount"]):
        problems.append("neither amount is the one asked for")
    if not isinstance(body.get("signature"), str) or not body["signature"]:
        problems.append("no signature")
    expires = moment(body.get("expires_at"))
    if expires is not None and expires <= now:
        problems.append("it has expired")
    return problems


def same_word(left: object, right: object) -> bool:
    """Whether two codes are the same, whatever their case."""
    return isinstance(left, str) and isinstance(right, str) and left.lower() == right.lower()


@scenario("GATE-QUOTE-READ", needs=["rails"])
def test_reading_a_quote_shows_its_terms_and_redeems_nothing(desk: Desk, judge: Judge) -> None:
    for side in sides(desk):
        quote = desk.lock(side)
        reads = [desk.api.quote(quote.id) for _ in range(READS)]
        problems = [problem for reply in reads for problem in changes(desk, quote, reply)]
        judge.check(
            "GATE-QUOTE-READ",
            not problems,
            f"active on the terms of the lock, {READS} times",
            "; ".join(dict.fromkeys(problems)) or "so it is",
            quote.reply,
            *reads,
        )


def changes(desk: Desk, quote: Quote, reply: Reply) -> list[str]:
    """What a read says differently from the lock."""
    if reply.status != 200:
        return [f"the read answered {reply.status}"]
    body, locked = reply.object(), quote.reply.object()
    problems = [f"{name} differs" for name in OF_A_READ if not same_value(body.get(name), locked.get(name))]
    problems += [
        f"{name} differs"
        for name in WHERE_SHOWN
        if None not in (body.get(name), locked.get(name)) and not same_value(body[name], locked[name])
    ]
    status = str(body.get("status"))
    return problems if desk.untouched(quote, status) else [*problems, f"it reads {status}"]


def same_value(left: object, right: object) -> bool:
    """Whether two values say the same: figures by value, times by instant, members one by one."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same_value(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_value, left, right))
    figures, moments = (decimal(left), decimal(right)), (moment(left), moment(right))
    if None not in figures:
        return figures[0] == figures[1]
    return moments[0] == moments[1] if None not in moments else left == right


@scenario("GATE-QUOTE-READ", needs=["rails", "outcome:gate_time_passes"])
def test_a_quote_that_has_not_lapsed_yet_reads_active(bench: Bench, desk: Desk, judge: Judge) -> None:
    quote = desk.lock()
    ahead = quote.expires - quote.reply.date if quote.expires else timedelta(0)
    shift = int(ahead.total_seconds() - 2 * MARGIN)
    if shift <= 0:
        judge.cannot("GATE-QUOTE-READ", "a quote that says it lasts longer than a few seconds", "the target")
        return
    bench.perform("gate_time_passes", account=desk.account, quoteId=quote.id, seconds=str(shift))
    read = desk.api.quote(quote.id)
    if (read.received - quote.reply.received).total_seconds() > MARGIN:
        judge.cannot("GATE-QUOTE-READ", "a read before the quote lapses in real time", "the harness (another try)")
        return
    status = read.object().get("status")
    judge.check(
        "GATE-QUOTE-READ",
        status == "active",
        f"active {2 * MARGIN:g} s before it ends",
        f"it reads {status}",
        quote.reply,
        read,
    )

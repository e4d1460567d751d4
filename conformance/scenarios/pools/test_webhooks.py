"""Step 7: the target's deliveries at our receiver, and the partner's handler under our deliveries."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from conformance.client import Refused
from conformance.contract.body import members
from conformance.contract.words import BOUNDARY, safe_name, words
from conformance.journal import Engine, Outcome
from conformance.scenarios.bench import Bench
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.mailbox import Mailbox, body_of, record_delivery, signature_problem, speaks_of
from conformance.scenarios.pools.desk import Desk
from conformance.scenarios.pools.mailbox import listening
from conformance.webhooks.effects import EffectsProbe
from conformance.webhooks.events import event_id
from conformance.webhooks.filing import Filed
from conformance.webhooks.handler import HandlerUnderTest, certify
from conformance.webhooks.receiver import Delivery
from conformance.webhooks.signature import SCHEMES, TIMED
from conformance.webhooks.vectors import PARTNER, Choice

TYPES = {f"pool.transaction.{state}": state for state in ("settled", "failed", "released")}


@pytest.fixture
def mailbox(bench: Bench, judge: Judge) -> Iterator[Mailbox]:
    """A listening receiver that the target has been told of."""
    del judge
    with listening(bench) as found:
        yield found


def await_end(mailbox: Mailbox, ids: set[str], status: str, seconds: float) -> Delivery | None:
    """The delivery that announces this end of a trade; failing that, any that speaks of the trade."""
    announced = mailbox.receiver.wait_for(
        lambda delivery: speaks_of(delivery, ids) and body_of(delivery).get("type") == f"pool.transaction.{status}",
        seconds,
    )
    return announced or mailbox.await_trade(ids, 0)


@scenario(
    "POOLS-WEBHOOK-SIGNED", "POOLS-WEBHOOK-EVENT", "POOLS-WEBHOOK-STABLE-ID", smoke=True, needs=["webhooks"], trades=1
)
def test_a_final_trade_is_announced_by_a_signed_delivery_with_a_stable_id(
    bench: Bench, desk: Desk, judge: Judge, mailbox: Mailbox
) -> None:
    quote = desk.firm()
    trade = str(desk.execute(quote).object().get("transactId"))
    polls = desk.poll_to_end(quote.id)
    status = str(polls[-1].object().get("status"))
    patience = bench.target.patience.delivery
    delivery = await_end(mailbox, {trade, quote.id}, status, patience)
    if delivery is None and "webhook_endpoint" not in bench.target.outcomes:
        # Nobody told the target through us where to deliver: silence may be a missing registration.
        missing = "a delivery at the receiver: register its URL, or declare [outcomes.webhook_endpoint]"
        for requirement in judge.declared:
            judge.cannot(requirement, missing, "the partner and the operator of the target")
        return
    judge.require(
        "POOLS-WEBHOOK-SIGNED",
        delivery is not None,
        f"a delivery within {patience:g} s of a {status} trade",
        "no delivery arrived at the receiver",
        polls[-1],
    )
    assert delivery is not None
    exchange = record_delivery(bench, delivery)
    problem = signature_problem(mailbox.settings, delivery)
    judge.check(
        "POOLS-WEBHOOK-SIGNED",
        not problem,
        "a signature that verifies over the raw bytes",
        problem or "it verifies",
        exchange,
    )
    _judge_events(bench, judge, mailbox, trade, quote.id, status)
    _judge_redelivery(bench, judge, mailbox, delivery, {"quoteId": quote.id, "transactId": trade})


@scenario("POOLS-WEBHOOK-EVENT", needs=["webhooks", "outcome:failed"], trades=1)
def test_a_failed_trade_is_announced_as_failed(bench: Bench, desk: Desk, judge: Judge, mailbox: Mailbox) -> None:
    recipe = bench.recipe("failed")
    quote = desk.firm(**recipe.request)
    trade = str(desk.execute(quote).object().get("transactId"))
    bench.perform("failed", account=desk.account, poolId=quote.pool, quoteId=quote.id, transactId=trade)
    status = str(desk.poll_to_end(quote.id)[-1].object().get("status"))
    if await_end(mailbox, {trade, quote.id}, status, bench.target.patience.delivery) is None:
        if "webhook_endpoint" not in bench.target.outcomes:
            judge.cannot("POOLS-WEBHOOK-EVENT", "a delivery at the receiver: register its URL", "the partner")
            return
        judge.check("POOLS-WEBHOOK-EVENT", False, f"a delivery for a {status} trade", "none arrived at the receiver")
        return
    _judge_events(bench, judge, mailbox, trade, quote.id, status)


def _judge_events(bench: Bench, judge: Judge, mailbox: Mailbox, trade: str, quote: str, status: str) -> None:
    """Every delivery so far that speaks of the trade announces its end, under the published id."""
    mine = [delivery for delivery in mailbox.receiver.deliveries() if speaks_of(delivery, {trade, quote})]
    problems = [problem for delivery in mine for problem in _event_problems(mailbox, delivery, trade, status)]
    judge.check(
        "POOLS-WEBHOOK-EVENT",
        not problems,
        f"pool.transaction.{status} with the SHA-256 of trade id and type, and nothing of what lies behind the API",
        "; ".join(dict.fromkeys(problems)) or "so it is",
        *(record_delivery(bench, delivery) for delivery in mine[:4]),
    )


def _event_problems(mailbox: Mailbox, delivery: Delivery, trade: str, status: str) -> list[str]:
    body = body_of(delivery)
    kind, identity = str(body.get("type")), str(body.get(mailbox.settings.event_id))
    problems = [] if kind in TYPES else [f"type {kind}"]
    if kind in TYPES and TYPES[kind] != status:
        problems.append(f"type {kind} for a {status} trade")
    digest = event_id(trade, kind)
    # The digest is published, its spelling is not: hexadecimal of either case or base64 of the same bytes.
    spelled = {digest, digest.upper(), base64.b64encode(bytes.fromhex(digest)).decode()}
    spelled |= {base64.urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip("=")}
    if identity.removeprefix("evt_") not in spelled:
        problems.append("the event id is not the digest of trade id and type")
    beyond = [name for _, name, _ in members(body) if not BOUNDARY.isdisjoint(words(name))]
    return problems + [f"member {safe_name(name)}" for name in beyond[:3]]


def _judge_redelivery(bench: Bench, judge: Judge, mailbox: Mailbox, first: Delivery, facts: dict[str, str]) -> None:
    if "redelivery" not in bench.target.outcomes:
        judge.cannot("POOLS-WEBHOOK-STABLE-ID", "a recipe [outcomes.redelivery]", "the operator of the target")
        return
    name = mailbox.settings.event_id
    identity = str(body_of(first).get(name))
    bench.perform("redelivery", account="approved", eventId=identity, **facts)
    again = mailbox.await_trade({facts["transactId"], facts["quoteId"]}, bench.target.patience.delivery, first.sequence)
    found = None if again is None else str(body_of(again).get(name))
    judge.check(
        "POOLS-WEBHOOK-STABLE-ID",
        found == identity and again is not None and not signature_problem(mailbox.settings, again),
        "the event delivered again under its id, signed",
        "no redelivery arrived"
        if again is None
        else "another event id"
        if found != identity
        else signature_problem(mailbox.settings, again) or "the same id",
        *([] if again is None else [record_delivery(bench, again)]),
    )


@scenario("POOLS-WEBHOOK-NONE-FOR-REJECTED", needs=["webhooks"], trades=1)
def test_a_rejected_quote_is_not_announced(desk: Desk, judge: Judge, mailbox: Mailbox) -> None:
    rejected = desk.firm()
    answer = desk.api.reject(rejected.id)
    # A later trade's delivery bounds the wait: whatever the reject would have sent is due before it.
    quote = desk.firm()
    trade = str(desk.execute(quote).object().get("transactId"))
    desk.poll_to_end(quote.id)
    patience = desk.bench.target.patience
    later = mailbox.await_trade({trade, quote.id}, patience.delivery)
    # Deliveries may overtake each other by a little.
    mailbox.await_trade({rejected.id}, 4 * patience.poll_every)
    about = [delivery for delivery in mailbox.receiver.deliveries() if speaks_of(delivery, {rejected.id})]
    if later is None and not about:
        judge.cannot("POOLS-WEBHOOK-NONE-FOR-REJECTED", "a delivery of a later trade", "the operator of the target")
        return
    judge.check(
        "POOLS-WEBHOOK-NONE-FOR-REJECTED",
        not about,
        "no delivery that names the rejected quote",
        f"{len(about)} such deliveries" if about else "none before that of a later trade",
        answer,
        *(record_delivery(desk.bench, delivery) for delivery in about[:4]),
    )


@scenario("POOLS-WEBHOOK-NONE-FOR-RETURNED", needs=["webhooks", "outcome:returned"], trades=2)
def test_a_return_is_not_announced(bench: Bench, desk: Desk, judge: Judge, mailbox: Mailbox) -> None:
    recipe = bench.recipe("returned")
    quote = desk.firm(**recipe.request)
    trade = str(desk.execute(quote).object().get("transactId"))
    desk.poll_to_end(quote.id)
    facts = {"account": desk.account, "poolId": quote.pool, "quoteId": quote.id, "transactId": trade}
    bench.perform("returned", **facts)
    polls = desk.poll_to_end(quote.id, until=frozenset({"returned", "failed", "released"}))
    if polls[-1].object().get("status") != "returned":
        raise Refused("a trade that is returned (the recipe did not bring one about)", "the operator of the target")
    # A later trade's delivery bounds the wait: whatever the return would have sent is due before it.
    later = desk.firm()
    later_trade = str(desk.execute(later).object().get("transactId"))
    desk.poll_to_end(later.id)
    mailbox.await_trade({later_trade, later.id}, bench.target.patience.delivery)
    mine = [d for d in mailbox.receiver.deliveries() if speaks_of(d, {trade, quote.id})]
    kinds = sorted({str(body_of(delivery).get("type")) for delivery in mine})
    wrong = [kind for kind in kinds if "return" in kind or kind not in TYPES]
    judge.check(
        "POOLS-WEBHOOK-NONE-FOR-RETURNED",
        not wrong,
        "no delivery for the return",
        ", ".join(wrong) or f"only {', '.join(kinds) or 'nothing'}",
        polls[-1],
        *(record_delivery(bench, delivery) for delivery in mine),
    )


@scenario(*PARTNER, smoke=True, needs=["handler"], engine=Engine.WEBHOOK)
def test_the_handler_does_what_the_published_checklists_ask(bench: Bench, judge: Judge) -> None:
    subject = _under_test(bench)
    certificate = certify(subject)
    filed = Filed(bench.wire.recorder)
    for finding in certificate.findings:
        exchanges = filed.exchanges(finding.attempts)
        expected, observed = f"{finding.name}: {finding.expected}", f"{finding.name}: {finding.observed}"
        match finding.outcome:
            case Outcome.PASS | Outcome.FAIL:
                judge.check(finding.requirement, finding.outcome is Outcome.PASS, expected, observed, *exchanges)
            case Outcome.ERROR:
                judge.trouble(finding.requirement, observed, *exchanges)
            case Outcome.NOT_APPLICABLE:
                judge.not_applicable(finding.requirement, finding.observed)
            case _:
                judge.cannot(finding.requirement, finding.missing or observed, "the partner")
    for seen in certificate.observed:
        judge.observe(seen.subject, seen.value, "", *filed.exchanges(seen.attempts))


def _under_test(bench: Bench) -> HandlerUnderTest:
    """The profile's handler; raises ``Refused`` where it must not be tested."""
    handler, settings = bench.target.handler, bench.target.webhooks.get("pools")
    assert handler is not None
    assert handler.effects_url is not None
    # A partner of 0Pools alone owes 0Gate's events nothing, and where those are signed otherwise one secret and header
    # cannot serve for both. The example partner is one of both.
    published = settings is None or (settings.header, settings.scheme) == ("Gate-Signature", TIMED.name)
    both = published and (bench.target.is_embedded or "gate" in bench.target.base_urls)
    choice = Choice(products=frozenset({"pools", "gate"} if both else {"pools"}), thorough=False)
    try:
        return HandlerUnderTest(
            url=handler.url,
            secret=handler.secret.reveal(),
            effects=EffectsProbe(handler.effects_url, handler.effects_path or "count"),
            run=f"{bench.rng.getrandbits(64):x}-{bench.clock.now():%H%M%S%f}",
            header=settings.header if settings else "Gate-Signature",
            scheme=SCHEMES[settings.scheme if settings else "t-v1-hmac-sha256"],
            tolerance=settings.tolerance if settings else 300,
            choice=choice,
            clock=lambda: bench.clock.now().timestamp(),
        )
    except ValueError as problem:
        raise Refused(f"a handler that may be tested: {problem}", "the author of the profile") from problem

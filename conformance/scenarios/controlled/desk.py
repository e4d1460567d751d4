"""The moves of a controlled order: who may trade, one quote and what it costs, one execution, and what became of it.

Nothing here judges; what is refused is told with who could change it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote as escape

from conformance.client import NetworkTrouble, Refused, Reply
from conformance.requirements import first_order
from conformance.scenarios.bench import Bench
from conformance.scenarios.controlled import record as records
from conformance.scenarios.controlled.permit import Permit
from conformance.scenarios.controlled.record import OrderRecord
from conformance.scenarios.controlled.setting import CURRENCY
from conformance.scenarios.judging import Judge
from conformance.scenarios.mailbox import Mailbox
from conformance.scenarios.pools.desk import Desk, FirmQuote, decimal, moment
from conformance.scenarios.pools.mailbox import listening

ACCOUNT = "approved"
PARTNER = "the partner"
VENDOR = "0Bit, who approves accounts"

COSTS = ("amount", "fiatAmount", "sourceAmount", "payAmount", "totalAmount", "totalFiatAmount", "total")
FEES = ("fee", "fees", "feeAmount", "fiatFee")
"""Names under which a quote may state what is paid in, and a fee on top of it; only the first two are known ones."""

ROUNDS = 3
"""How often the end of an order nobody answered for is looked for."""


@dataclass
class Work:
    """What one run of the checklist works with."""

    bench: Bench
    judge: Judge
    permit: Permit
    folder: Path
    run: str
    desk: Desk
    record: OrderRecord | None = None
    """The order of this run, or the one of an earlier run that it follows."""
    shown: dict[str, str] = field(default_factory=dict)
    """What was observed by subject, to be said once."""

    @property
    def most(self) -> Decimal:
        """What may be spent at the most."""
        return self.permit.most

    def say(self, subject: str, value: str, *seen: Reply | str) -> None:
        """Write down what is evidence for a point or for the order itself."""
        self.shown[subject] = value
        self.judge.observe(first_order.SUBJECT + subject, value, "", *seen)

    def keep(self, **changes: Any) -> None:
        """Write the order record anew with these changes. One that stays as it was is read as an open one."""
        assert self.record is not None
        self.record = dataclasses.replace(self.record, **changes)
        try:
            records.keep(self.record, self.folder)
        except OSError as problem:
            self.say("record", f"{records.FILE} could not be written again ({problem.strerror})")


@dataclass(frozen=True, slots=True)
class Execution:
    """What became of sending the order: the answer, or the reading that stood in for one that was lost."""

    first: Reply | None
    """The first answer, whatever it says; None where none came."""
    lost: tuple[str, ...]
    """The exchanges whose answers were lost."""


def admitted(work: Work) -> None:
    """Raise ``Refused`` for an account that may not trade: a denial is its state, not a fault of the target."""
    reply = work.desk.api.balance(work.desk.terms.pool)
    if reply.status in (401, 403, 404):
        raise Refused(
            f"an account that may trade on {work.desk.terms.pool}: a read of its balance answered {said(reply)}; "
            "no quote was asked for",
            VENDOR,
        )


def take_quote(work: Work) -> tuple[Reply, dict[str, object]]:
    """Ask for the one firm quote, where what it will cost may be within the bound. Raises ``Refused`` before asking."""
    terms = work.desk.terms
    if terms.fiat != CURRENCY:
        raise Refused(
            f"a pool that is paid for in {CURRENCY}, as --max-amount is; {terms.pool} is in {terms.fiat}", PARTNER
        )
    if Decimal(terms.amount) > work.most:
        raise Refused(
            f"--max-amount of at least {terms.amount}, the smallest order this run would place; no quote was asked for",
            PARTNER,
        )
    reply = work.desk.ask()
    quote = reply.object().get("quoteId") if reply.ok else None
    if isinstance(quote, str):
        work.permit.own(quote)
    if reply.object().get("available") is False:
        raise Refused(f"a pool that can be quoted now: {reply.object().get('unavailableReason')}", "another run, later")
    if 400 <= reply.status < 500:
        raise Refused(f"a firm quote: the request was answered {said(reply)}; no transact was sent", VENDOR)
    return reply, terms.request()


def cost_of(quote: FirmQuote) -> Decimal:
    """What executing ``quote`` costs at the most, as it states it: the largest amount paid in, and any fee on top.

    The published rate has all costs inside, so that a stated fee is counted twice rather than never.
    """
    paid = [amount for name in COSTS if (amount := decimal(quote.terms.get(name))) is not None]
    fees = [amount for name in FEES if (amount := decimal(quote.terms.get(name))) is not None]
    return max([Decimal(quote.amount), *paid]) + sum((abs(fee) for fee in fees), Decimal(0))


def covered(work: Work, quote: FirmQuote) -> Decimal:
    """The cost of ``quote``. Raises ``Refused`` where it is above the bound, or what the profile lets a run spend."""
    cost = cost_of(quote)
    if cost > work.most:
        raise Refused(
            f"a firm quote within --max-amount {work.most} {CURRENCY}: this one states {cost} {CURRENCY}, "
            "fees included; no transact was sent",
            "the partner, with a larger --max-amount or a smaller [order] amount",
        )
    why = work.bench.budget.take(cost)
    if why:
        raise Refused(f"{why}; no transact was sent", "the author of the profile")
    return cost


def check_delivery(quote: FirmQuote) -> None:
    """Raise ``Refused`` for a quote that delivers on a network nobody asked for: the wallet may not be there.

    A target may fill in what was left out, so this fails nobody.
    """
    stated = quote.terms.get("destNetwork")
    if stated is not None and stated not in (quote.request.get("destNetwork"), quote.request.get("cryptoNetwork")):
        raise Refused(
            f"a delivery network that the profile names: the quote states {stated}; no transact was sent",
            "the author of the profile, with dest_network under [order]",
        )


def execute(work: Work, quote: FirmQuote, key: str) -> Execution:
    """Send the one order; once more under the same key where no answer came and the bound covers it."""
    lost: list[str] = []
    while work.permit.transacts_left and len(lost) < 2:
        try:
            reply = send(work, quote, key)
        except NetworkTrouble as trouble:
            lost.append(trouble.exchange)
            continue
        if reply.status < 500:
            return Execution(reply, tuple(lost))
        lost.append(reply.exchange)
    return Execution(None, tuple(lost))


def send(work: Work, quote: FirmQuote, key: str) -> Reply:
    """One attempt at the order, never repeated by itself. Raises ``NetworkTrouble`` when no answer came."""
    path = f"/pools/{escape(quote.pool, safe='')}/transact"
    headers = {"Idempotency-Key": key}
    return work.desk.api.send("POST", path, body={"quoteId": quote.id}, headers=headers, retry=False, patient=False)


def conclude(work: Work, quote: str) -> Reply | None:
    """The poll that shows the trade of ``quote``; None once it has none and can never have one.

    A quote that is still active is rejected, so that nobody executes it later. Raises ``Refused`` when reading does not
    tell.
    """
    work.permit.own(quote)
    clock, patience = work.bench.clock, work.bench.target.patience
    status = "nothing"
    for _ in range(ROUNDS):
        poll = work.desk.api.poll(quote)
        if poll.ok and isinstance(poll.object().get("transactId"), str):
            return poll
        read = work.desk.api.read_quote(quote)
        status = str(read.object().get("status") if read.ok else f"HTTP {read.status}")
        if status in ("expired", "rejected"):
            return None
        if status == "active":
            work.desk.api.reject(quote)
            work.bench.open_quotes.pop(quote, None)
        clock.sleep(4 * patience.poll_every)
    raise Refused(
        f"a reading that tells whether the order was executed (the quote reads {status}, no trade is shown); "
        "run the command again: it reads and places no order",
        "the operator of the target",
    )


def begun(work: Work, quote: FirmQuote, cost: Decimal, number: int, identity: str, now: datetime) -> OrderRecord:
    """Write the order record, and let the order be sent: in this sequence. Raises ``Refused`` without a record."""
    target = work.bench.target
    work.record = OrderRecord(
        identity=identity,
        number=number,
        idempotency_key=records.key_of(identity, number),
        run=work.run,
        target=target.name,
        base_url=target.base_urls["pools"],
        account=ACCOUNT,
        pool=quote.pool,
        currency=work.desk.terms.fiat,
        amount=quote.amount,
        max_amount=f"{work.most:f}",
        quote=quote.id,
        written=now.isoformat(),
    )
    try:
        records.keep(work.record, work.folder)
    except OSError as problem:
        work.record = None
        missing = f"an order record: {records.FILE} cannot be written ({problem.strerror}); no transact was sent"
        raise Refused(missing, PARTNER) from problem
    work.permit.bind(quote.pool, quote.id, work.record.idempotency_key, cost)
    return work.record


@contextmanager
def waiting(work: Work) -> Iterator[Mailbox | None]:
    """The receiver of deliveries as long as the context; None, and why, where this run has none."""
    missing = work.bench.target.lacking("webhooks")
    if missing is not None:
        work.say("webhook", f"no receiver: {missing}; polling is the fallback")
        yield None
        return
    with ExitStack() as stack:
        mailbox = None
        try:
            mailbox = stack.enter_context(listening(work.bench))
        except (Refused, OSError) as problem:
            work.say("webhook", f"no receiver: {problem}; polling is the fallback")
        yield mailbox


def wallet(work: Work) -> str:
    """Where the crypto goes, as the profile names it."""
    address = work.bench.target.order.dest_address
    assert address is not None, "fit() admits no target without one"
    return address


def said(reply: Reply) -> str:
    """A status and, where there is one, the machine-readable code beside it."""
    code = reply.object().get("code") if isinstance(reply.json(), Mapping) else None
    return f"{reply.status} {code}" if isinstance(code, str) and code.isidentifier() else str(reply.status)


def written_at(record: OrderRecord) -> datetime | None:
    """When an order record was written first."""
    return moment(record.written)

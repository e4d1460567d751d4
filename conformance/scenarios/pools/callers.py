"""Callers who do things to quotes, at once or one after the other, and the history of what they did.

Nothing here judges: what a history shows is for ``model.history`` to find.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from conformance.client import Credentials, NetworkTrouble, PoolsApi, Reply, Wire
from conformance.client.chaos import AnswerLost, Loss
from conformance.model.history import Account, Ceiling, History, Operation, Outcome, Quiet, What, between
from conformance.scenarios.bench import Bench
from conformance.scenarios.pools.desk import LATE, PAGE, Desk, FirmQuote, decimal, joins, the_list

MARGIN = timedelta(seconds=3)
"""Nothing is promised within this of an expiry: clocks differ, and the instant itself is unspecified."""


LONGEST_UNDER_WAY = 5.0
"""Seconds after which no request counts as under way, however patient the profile is: locks last about 15 s."""


def under_way(bench: Bench) -> float:
    """Seconds during which a request without an answer may still be at work, and a duplicate of it be refused."""
    return min(bench.target.patience.request, LONGEST_UNDER_WAY)


class LosingApi(PoolsApi):
    """0Pools as seen by one account whose answers get lost."""

    def __init__(self, wire: Wire, who: Credentials, loss: Loss) -> None:
        super().__init__(wire, who)
        self.loss = loss

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        retry: bool | None = None,
        patient: bool = True,
    ) -> Reply:
        """Any request, below the 0Pools base URL; never comes back. Raises ``AnswerLost``."""
        del retry, patient
        return self.wire.send(self.who, method, path, query=query, body=body, headers=headers, lose=self.loss)


@dataclass
class Callers:
    """Whoever calls, and what they have done so far. Threads may share it."""

    bench: Bench
    quotes: dict[str, tuple[Desk, FirmQuote]] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    aged: set[str] = field(default_factory=set)
    """Quotes whose clock was moved: their expiry can no longer be told from the answers."""
    orders: list[tuple[Desk, FirmQuote, str, Reply]] = field(default_factory=list)
    _before: list[tuple[Desk, Reply]] = field(default_factory=list)
    _trouble: NetworkTrouble | None = None

    def quote(self, desk: Desk, **overrides: object) -> FirmQuote:
        """A quote to call about. Charges one trade to the limits, since one may come of it. Raises ``Refused``."""
        taken = desk.firm(**overrides)
        self.bench.afford(taken.amount)
        self.quotes[taken.id] = (desk, taken)
        return taken

    def watch_the_money(self, desk: Desk) -> None:
        """Note what the ledger says before anything is done."""
        self._before.append((desk, self._ledger(desk)))

    def transact(
        self,
        process: int,
        quote: FirmQuote,
        key: str,
        *,
        desk: Desk | None = None,
        lose: Loss | None = None,
        patient: bool = True,
    ) -> Operation:
        """Execute ``quote``, as its owner or with another ``desk``; the answer may be lost.

        Where a 429 may be the velocity cap, do not be ``patient``.
        """
        desk = desk or self.quotes[quote.id][0]
        api = LosingApi(desk.api.wire, desk.api.who, lose) if lose else desk.api

        def call() -> Reply:
            reply = api.transact(quote.pool, quote.id, key, patient=patient)
            self.orders.append((desk, quote, key, reply))
            return reply

        return self._do(process, What.TRANSACT, desk, quote, call, key)

    def reject(self, process: int, quote: FirmQuote, *, lose: Loss | None = None) -> Operation:
        """Reject ``quote``; the answer may be lost."""
        desk = self.quotes[quote.id][0]
        api = LosingApi(desk.api.wire, desk.api.who, lose) if lose else desk.api
        return self._do(process, What.REJECT, desk, quote, lambda: api.reject(quote.id))

    def read(self, process: int, quote: FirmQuote) -> Operation:
        """Read ``quote``."""
        desk = self.quotes[quote.id][0]
        return self._do(process, What.READ, desk, quote, lambda: desk.api.read_quote(quote.id))

    def poll(self, process: int, quote: FirmQuote) -> Operation:
        """Poll the trade of ``quote``."""
        desk = self.quotes[quote.id][0]
        return self._do(process, What.POLL, desk, quote, lambda: desk.api.poll(quote.id))

    def together(self, *callers: Callable[[], object]) -> None:
        """Let ``callers`` begin at the same moment and wait for all. Raises what ended one of them."""
        for result in self.bench.together(callers):
            if isinstance(result, BaseException):
                raise result

    def _do(
        self, process: int, what: What, desk: Desk, quote: FirmQuote, call: Callable[[], Reply], key: str = ""
    ) -> Operation:
        began = self.bench.clock.monotonic()
        answer: dict[str, Any] = {}
        try:
            reply = call()
            answer = self._answer(quote, reply)
        except AnswerLost as lost:
            answer = {"outcome": Outcome.UNKNOWN, "exchange": lost.exchange}
        except NetworkTrouble as trouble:
            self._trouble = trouble
            answer = {"outcome": Outcome.UNKNOWN, "exchange": trouble.exchange}
        ended = self.bench.clock.monotonic()
        done = Operation(process, what, desk.account, quote.id, began, ended, key=key, **answer)
        self.operations.append(done)
        return done

    def _answer(self, quote: FirmQuote, reply: Reply) -> dict[str, Any]:
        """What an answer says, the way a history keeps it. A 5xx does not say what was done."""
        body = reply.object() if reply.ok else {}
        unsaid = reply.status >= 500 and reply.status != 501
        outcome = Outcome.OK if reply.ok else Outcome.UNKNOWN if unsaid else Outcome.FAIL
        named = {"trade": body.get("transactId"), "about": body.get("quoteId"), "word": body.get("status")}
        late = quote.id in self.aged or quote.expires is None or reply.date > quote.expires - MARGIN
        texts = {name: value for name, value in named.items() if isinstance(value, str)}
        return {"outcome": outcome, "status": reply.status, "late": late, "exchange": reply.exchange, **texts}

    def history(self, *ceilings: Ceiling) -> History:
        """What was done and how it stands, read when everybody has finished, and what must not have been exceeded.

        Raises ``NetworkTrouble`` when no execution was answered: then nothing was found out.
        """
        sent = [o for o in self.operations if o.what is What.TRANSACT]
        if self._trouble and all(operation.outcome is Outcome.UNKNOWN for operation in sent):
            raise self._trouble
        for order in self.orders:
            order[0].note_order(*order[1:])
        seen: dict[str, tuple[str, ...]] = {}
        quiet = {}
        for desk, quote in self.quotes.values():
            quiet[quote.id], seen[quote.id] = self._stands(desk, quote)
        return History(
            tuple(self.operations),
            quiet,
            tuple(self._accounts()),
            under_way(self.bench),
            seen,
            ceilings,
        )

    def _stands(self, desk: Desk, quote: FirmQuote) -> tuple[Quiet, tuple[str, ...]]:
        """How a quote stands, found by id. What is missing is given a moment, what is double is not."""
        answered = [
            o for o in self.operations if o.quote == quote.id and o.outcome is Outcome.OK and o.about == quote.id
        ]
        known = next((o.trade for o in answered if o.what is What.TRANSACT and o.trade), None)
        moved = desk.moved_late(quote.id, known) if known else desk.moved(quote.id)
        read = desk.api.read_quote(quote.id)
        quiet = Quiet(
            owner=desk.account,
            word=str(read.object().get("status")) if read.ok else "",
            trades=tuple(str(trade.get("transactId")) for trade in moved.trades),
            deltas=(*moved.debits, *moved.refunds),
            gated=desk.gated,
            states=tuple(str(trade.get("status")) for trade in moved.trades),
        )
        return quiet, (*(reply.exchange for reply in moved.seen), read.exchange)

    def _accounts(self) -> Iterator[Account]:
        """How the watched ledgers changed; one that disagrees is read again, since lists may lag."""
        for desk, before in self._before:
            for _ in range(LATE):
                account = self._account(before, self._ledger(desk))
                if account is None or account.foreign or account.after - account.before == sum(account.between):
                    break
                self.bench.clock.sleep(4 * self.bench.target.patience.poll_every)
            if account is not None:
                yield account

    def _account(self, before: Reply, after: Reply) -> Account | None:
        figures = [decimal(reply.object().get("available")) for reply in (before, after)]
        rows = [[json.dumps(row, default=str) for row in the_list(r.object(), "entries")] for r in (before, after)]
        new = between(*rows)
        if new is None or figures[0] is None or figures[1] is None:
            return None
        ids = {*self.quotes, *(o.trade for o in self.operations if o.trade)}
        entries = the_list(after.object(), "entries")[: len(new)]
        moved = tuple(decimal(entry.get("delta")) or Decimal(0) for entry in entries)
        return Account(figures[0], figures[1], moved, foreign=not all(joins(entry, ids) for entry in entries))

    def _ledger(self, desk: Desk) -> Reply:
        return desk.api.ledger(limit=str(PAGE), currency=desk.terms.fiat)

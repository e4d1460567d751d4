"""The moves scenarios make on 0Pools: choose terms, take a quote, execute it, poll it, find what moved.

Nothing here judges.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_UP, Decimal, InvalidOperation
from typing import Any

from conformance.client import PoolsApi, Refused, Reply
from conformance.journal import Order
from conformance.scenarios.bench import Bench, merged

FINAL = frozenset({"settled", "failed", "released", "returned"})
REFUNDED = FINAL - {"settled"}
PAGE = 200
PAGES = 40
"""Bound of a walk in pages. A longer history is judged on its newest part."""
WHOLE = 500
"""Bound of the one walk that has to see all of a ledger: 100,000 entries."""
RECENT = timedelta(minutes=15)
"""How long before the run started a row may have been made and still be looked at: clocks differ."""
POLLS = 400
LATE = 3
"""How often rows that are not there yet are looked for again."""
LARGEST_EXPONENT = 40
"""Of amounts anybody could mean; a larger one written out would fill the memory."""

SAMPLE_DESTINATION = "0x52908400098527886E0F7030069857D2E4169EE7"
"""The wallet of the vendor's own sample request."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What this run trades at this target, the same wherever a scenario has no reason to differ."""

    pool: str
    side: str
    fiat: str
    crypto: str
    amount: str
    network: str
    dest_address: str
    dest_network: str | None

    def request(self, **overrides: object) -> dict[str, object]:
        """A firm quote request for these terms; an override of None leaves the member out."""
        return merged(
            {
                "side": self.side,
                "fiatCurrency": self.fiat,
                "cryptoCurrency": self.crypto,
                "amount": self.amount,
                "cryptoNetwork": self.network,
                "type": "firm",
                "destAddress": self.dest_address,
                "destNetwork": self.dest_network,
            },
            overrides,
        )


@dataclass(frozen=True, slots=True)
class FirmQuote:
    """An executable quote of this run and the request it answers."""

    id: str
    pool: str
    request: dict[str, object]
    terms: dict[str, Any]
    reply: Reply

    @property
    def amount(self) -> str:
        """The amount asked for: fiat paid in on-ramp."""
        return str(self.request["amount"])

    @property
    def expires(self) -> datetime | None:
        """When the lock ends, as the quote says."""
        return moment(self.terms.get("expiresAt"))


@dataclass(frozen=True, slots=True)
class Moved:
    """Everything that joins to one quote: its trades, debits and refunds, found by id."""

    trades: tuple[dict[str, Any], ...]
    debits: tuple[Decimal, ...]
    refunds: tuple[Decimal, ...]
    others: tuple[dict[str, Any], ...]
    seen: tuple[Reply, ...]

    @property
    def nothing(self) -> bool:
        """Whether no trade and no ledger entry joins."""
        return not (self.trades or self.debits or self.refunds or self.others)

    def __str__(self) -> str:
        debits, refunds = (", ".join(map(str, values)) or "none" for values in (self.debits, self.refunds))
        return f"{len(self.trades)} trade(s), debits {debits}, refunds {refunds}"


class Desk:
    """0Pools worked by one account."""

    def __init__(self, bench: Bench, account: str = "approved", pool: str | None = None) -> None:
        self.bench = bench
        self.account = account
        self.api: PoolsApi = bench.pools(account)
        self._pool = pool

    @property
    def terms(self) -> Terms:
        """What to trade: the profile's [order] where it says, else what discovery and capabilities offer."""
        kept = f"terms {self.account} {self._pool}"
        if kept not in self.bench.shared:
            self.bench.shared[kept] = choose_terms(self.bench, self.api, self._pool)
        found: Terms = self.bench.shared[kept]
        return found

    def capabilities(self, pool: str | None = None) -> dict[str, Any]:
        """The capabilities of a pool, read once per process."""
        return capabilities_of(self.bench, self.api, pool or self.terms.pool)

    def ask(self, **overrides: object) -> Reply:
        """Ask for a quote with the run's terms; remembers a firm one so that it can be tidied away."""
        request = self.terms.request(**overrides)
        reply = self.api.quote(self.terms.pool, request)
        self.remember(reply)
        return reply

    def remember(self, reply: Reply) -> None:
        """Note the firm quote in ``reply``, if there is one, as ours to clean up."""
        quote = reply.object().get("quoteId") if reply.ok else None
        if isinstance(quote, str):
            self.bench.open_quotes[quote] = (self.account, moment(reply.object().get("expiresAt")))
            orders = [order for order in self.bench.orders if order.account == self.account]
            self.bench.shared[f"before {quote}"] = {
                known for order in orders for known in (order.transact, order.quote)
            }

    def firm(self, **overrides: object) -> FirmQuote:
        """An executable quote. Raises ``Refused`` when the target does not give one to a plain request."""
        return self.quoted(self.ask(**overrides), **overrides)

    def quoted(self, reply: Reply, **overrides: object) -> FirmQuote:
        """The executable quote in ``reply``; a pool that is dry for a moment is asked again.

        Raises ``Refused`` when there is none.
        """
        request = self.terms.request(**overrides)
        for attempt in range(2):
            if reply.object().get("available") is not False:
                break
            self.bench.clock.sleep(0.2 * (attempt + 1))
            reply = self.ask(**overrides)
        found = firm_quote(self.terms.pool, request, reply)
        if found is not None:
            return found
        raise Refused(
            f"an executable quote for {self.terms.amount} {self.terms.fiat} on {self.terms.pool} "
            f"(the target answered {reply.status})",
            "the operator of the target",
        )

    def has_faded(self, quote: FirmQuote) -> bool:
        """Whether real time has brought a quote so near its expiry that its state cannot be predicted."""
        return quote.expires is not None and (quote.expires - self.bench.clock.now()).total_seconds() < 3

    def execute(self, quote: FirmQuote, key: str | None = None, *, patient: bool = True) -> Reply:
        """Execute ``quote`` once and write the order record a partner would keep. Spends the profile's limits."""
        self.bench.afford(quote.amount)
        key = key or self.bench.key()
        reply = self.api.transact(quote.pool, quote.id, key, patient=patient)
        self.note_order(quote, key, reply)
        return reply

    def note_order(self, quote: FirmQuote, key: str, reply: Reply) -> None:
        """Write down what an execution answered; a reply without a trade is no order."""
        trade = reply.object() if reply.ok else {}
        if not isinstance(trade.get("transactId"), str):
            return
        self.bench.open_quotes.pop(quote.id, None)
        order = Order(
            order=f"order-{len(self.bench.orders) + 1}",
            scenario=self.bench.wire.recorder.context.scenario,
            account=self.account,
            pool=quote.pool,
            side=str(quote.request["side"]),
            currency=self.terms.fiat,
            amount=quote.amount,
            quote=quote.id,
            transact=trade["transactId"],
            idempotency_key=key,
            status=str(trade.get("status")),
            request_id=reply.header("x-request-id") or "",
        )
        if not any(known.transact == order.transact for known in self.bench.orders):
            self.bench.orders.append(order)
            self.bench.journal.append(order)

    def poll_to_end(self, quote: str, until: frozenset[str] = FINAL) -> list[Reply]:
        """Poll until the trade's status is in ``until`` or the profile's patience is over. Returns every answer."""
        clock, patience = self.bench.clock, self.bench.target.patience
        # A target whose trades come to no end is not waited for as long each time.
        kept = f"endless {self.account}"
        deadline = clock.monotonic() + patience.settle / 2 ** self.bench.shared.get(kept, 0)
        replies = []
        for _ in range(POLLS):
            replies.append(self.api.poll(quote))
            last = replies[-1]
            if not last.ok or str(last.object().get("status")) in until or clock.monotonic() >= deadline:
                break
            clock.sleep(patience.poll_every)
        if replies[-1].ok and clock.monotonic() >= deadline:
            self.bench.shared[kept] = min(self.bench.shared.get(kept, 0) + 1, 3)
        self.bench.shared[f"status {quote}"] = str(replies[-1].object().get("status"))
        return replies

    def list_trades(self, **filters: str) -> Iterator[tuple[Reply, dict[str, Any]]]:
        """Walk the trades newest first, with the page each stands on; stops where they are older than this run.

        Raises ``Refused`` for a page that is not answered with 2xx.
        """
        cursor: str | None = None
        for _ in range(PAGES):
            query = {"limit": "100", **filters} | ({"cursor": cursor} if cursor else {})
            reply = readable(self.api.trades(**query), "trades")
            page = reply.object()
            rows = the_list(page)
            for row in rows:
                yield reply, row
            cursor = next_cursor(page)
            if not cursor or not rows or self._older(rows[-1]):
                return

    def list_entries(self, *, whole: bool = False) -> Iterator[tuple[Reply, dict[str, Any]]]:
        """Walk the ledger newest first, with the page each entry stands on.

        Stops where the entries are older than this run, unless the ``whole`` ledger is asked for. Raises ``Refused``
        for a page that is not answered with 2xx.
        """
        cursor: str | None = None
        for _ in range(WHOLE if whole else PAGES):
            query = {"limit": str(PAGE), "currency": self.terms.fiat} | ({"cursor": cursor} if cursor else {})
            reply = readable(self.api.ledger(**query), "ledger entries")
            page = reply.object()
            rows = the_list(page, "entries")
            for row in rows:
                yield reply, row
            cursor = next_cursor(page)
            if not cursor or not rows or (self._older(rows[-1]) and not whole):
                return

    def _older(self, row: Mapping[str, Any]) -> bool:
        """Whether a row says that it was made before this run; one without a time we know says nothing."""
        made = moment(row.get("createdAt"))
        return made is not None and made < self.bench.started - RECENT

    def newest_trades(self, due: Collection[set[str]]) -> Reply:
        """The newest page of trades, read again while a trade that is due is not on it, within a bound.

        Each member of ``due`` holds the ids one row may be known by. Lists may lag behind the answer that made a trade
        (no source says they do not); what is still missing then is for the caller to judge.
        """
        return self._awaited(lambda: self.api.trades(limit="100"), "trades", due)

    def newest_entries(self, due: Collection[set[str]]) -> Reply:
        """The newest page of the ledger, read again while an entry that is due is not on it, within a bound."""
        return self._awaited(lambda: self.api.ledger(limit=str(PAGE), currency=self.terms.fiat), "entries", due)

    def _awaited(self, read: Callable[[], Reply], name: str, due: Collection[set[str]]) -> Reply:
        for _ in range(LATE):
            reply = read()
            rows = the_list(reply.object(), name)
            if all(any(joins(row, ids) for row in rows) for ids in due):
                return reply
            self.bench.clock.sleep(4 * self.bench.target.patience.poll_every)
        return read()

    def moved_late(self, quote: str, transact: str | None = None, *, refunded: bool = False) -> Moved:
        """As ``moved``, with a bounded wait for a trade, a debit and, if ``refunded``, a refund that are due.

        What is not there yet is given a moment, since lists may lag; what is there once too often is not.
        """
        for _ in range(LATE):
            found = self.moved(quote, transact)
            # Whether the balance gate is on is only asked where a movement is missing.
            if found.trades and ((found.debits and (found.refunds or not refunded)) or not self.gated):
                return found
            self.bench.clock.sleep(4 * self.bench.target.patience.poll_every)
        return self.moved(quote, transact)

    def moved(self, quote: str, transact: str | None = None) -> Moved:
        """Everything at the target that joins to ``quote``.

        Walks back from the newest row to one of ours that was there before the quote was: what it moved is newer.
        """
        older: set[str] = self.bench.shared.get(f"before {quote}", set())
        trades, ids, seen = [], {quote} | ({transact} if transact else set()), {}
        for reply, row in self.list_trades():
            seen[reply.exchange] = reply
            if row.get("transactId") in older:
                break
            if row.get("quoteId") == quote or (transact is not None and row.get("transactId") == transact):
                trades.append(row)
                ids.add(str(row.get("transactId")))
        debits: list[Decimal] = []
        refunds: list[Decimal] = []
        others = []
        for reply, entry in self.list_entries():
            seen[reply.exchange] = reply
            if not joins(entry, ids):
                delta = decimal(entry.get("delta"))
                # A refund of an older order may well be newer than the quote; its debit cannot be.
                if delta is not None and delta < 0 and older and joins(entry, older):
                    break
                continue
            delta = decimal(entry.get("delta"))
            if delta is None or contradicts(delta, entry.get("reason")):
                others.append(entry)
            else:
                (debits if delta < 0 else refunds).append(delta)
        return Moved(tuple(trades), tuple(debits), tuple(refunds), tuple(others), tuple(seen.values()))

    @property
    def gated(self) -> bool:
        """Whether the pre-funded balance gate is on: then the balance is a figure, else null."""
        kept = f"gated {self.account}"
        if kept not in self.bench.shared:
            reply = self.api.balance(self.terms.pool)
            self.bench.shared[kept] = reply.ok and decimal(reply.object().get("balance")) is not None
        return bool(self.bench.shared[kept])


def odd_amount(bench: Bench, desk: Desk) -> str:
    """An amount with cents that hardly anybody else is trading right now: recognised as ours, and not round."""
    return f"{Decimal(desk.terms.amount) + Decimal(bench.rng.randrange(1, 100)) / 100:.2f}"


def nobodys(bench: Bench, real: str) -> str:
    """An id of the shape of ``real`` that nobody was given: its last digits and hex letters drawn anew.

    The shape is kept because a target may refuse, with 400, what can be no id of its own.
    """
    drawn = list(real)
    changed = 0
    for place in range(len(drawn) - 1, -1, -1):
        pool = next((chars for chars in ("0123456789", "abcdef", "ABCDEF") if drawn[place] in chars), "")
        if pool and changed < 10:
            drawn[place] = bench.rng.choice([char for char in pool if char != drawn[place]])
            changed += 1
    return "".join(drawn) if changed > 3 else f"{real}0"


def firm_quote(pool: str, request: Mapping[str, object], reply: Reply) -> FirmQuote | None:
    """The firm quote in ``reply``, or None when it holds none."""
    terms = reply.object() if reply.ok else {}
    quote = terms.get("quoteId")
    if terms.get("available") is True and terms.get("executable") is True and isinstance(quote, str):
        return FirmQuote(quote, pool, dict(request), terms, reply)
    return None


def choose_terms(bench: Bench, api: PoolsApi, pool: str | None = None) -> Terms:
    """Terms the target should accept. Raises ``Refused`` when nothing can be traded there."""
    order = bench.target.order
    pool = pool or order.pool or _first_pool(bench, api)
    known = capabilities_of(bench, api, pool)
    fiat, _, crypto = pool.partition("-")
    networks = [n for n in known.get("supportedNetworks") or [] if isinstance(n, str)]
    network = order.network or ("tron" if "tron" in networks or not networks else networks[0])
    sample = order.dest_address is None
    return Terms(
        pool=pool,
        side="on_ramp",
        fiat=str(known.get("fiatCurrency") or fiat),
        crypto=str(known.get("cryptoCurrency") or crypto),
        amount=f"{order.amount:f}" if order.amount is not None else smallest_amount(known),
        network=network,
        dest_address=order.dest_address or SAMPLE_DESTINATION,
        dest_network=order.dest_network or ("arbitrum" if sample and network == "tron" else None),
    )


def smallest_amount(capabilities: Mapping[str, Any]) -> str:
    """A round amount a quarter above the pool's minimum and within its maximum, never under 10.00."""
    least = decimal(capabilities.get("minOrderUsdt")) or Decimal(0)
    most = decimal(capabilities.get("maxOrderUsdt"))
    amount = max(Decimal("10.00"), (least * Decimal("1.25")).quantize(Decimal("1"), ROUND_UP))
    if most is not None:
        amount = min(amount, most)
    return f"{amount:.2f}"


def capabilities_of(bench: Bench, api: PoolsApi, pool: str) -> dict[str, Any]:
    """The capabilities of ``pool`` as ``api``'s account reads them, once per process; empty where refused."""
    kept = f"capabilities {api.who.account} {pool}"
    if kept not in bench.shared:
        reply = api.capabilities(pool)
        bench.shared[kept] = reply.object() if reply.ok else {}
    found: dict[str, Any] = bench.shared[kept]
    return found


def _first_pool(bench: Bench, api: PoolsApi) -> str:
    approval = bench.target.approval
    if approval and approval.pools:
        return next(iter(approval.pools))
    reply = api.pools()
    pools = [p for p in the_list(reply.object(), "pools") if isinstance(p.get("id"), str)] if reply.ok else []
    usable = [p for p in pools if p.get("available") is True] or pools
    if not usable:
        raise Refused("a pool to trade on (pool = … under [order] in the profile)", "the author of the profile")
    return str(usable[0]["id"])


def readable(reply: Reply, what: str) -> Reply:
    """The page, if it is one. Raises ``Refused`` otherwise: a list nobody can read proves the absence of nothing."""
    if not reply.ok:
        raise Refused(f"a list of {what} that can be read (it answered {reply.status})", "the operator of the target")
    return reply


def the_list(page: Mapping[str, Any], name: str | None = None) -> list[dict[str, Any]]:
    """The rows of a page: the member ``name``, else the only array there is (its key is not published)."""
    arrays = [page[name]] if name and isinstance(page.get(name), list) else []
    arrays = arrays or [value for value in page.values() if isinstance(value, list)]
    return [row for row in arrays[0] if isinstance(row, dict)] if arrays else []


def next_cursor(page: Mapping[str, Any]) -> str | None:
    """The cursor of the next page; None at the end."""
    cursor = page.get("nextCursor")
    return cursor if isinstance(cursor, str) and cursor and page.get("hasMore") is not False else None


def contradicts(delta: Decimal, reason: object) -> bool:
    """Whether a movement that joins to a quote bears a published reason of another kind (facts 10).

    An unknown reason is tolerated: one page hints at a return-related kind it does not name (contradiction C10).
    """
    if reason == "payin_credit" or delta == 0:
        return True
    return reason == ("buy_refund" if delta < 0 else "buy_debit")


def joins(entry: Mapping[str, Any], ids: set[str]) -> bool:
    """Whether a ledger entry speaks of one of ``ids``: its ref contains one, or a member of it is one."""
    texts = [value for value in entry.values() if isinstance(value, str)]
    return any(mentions(text, known) for text in texts for known in ids)


def mentions(text: str, known: str) -> bool:
    """Whether an id stands in a text by itself: ``txn_1`` does not stand in ``txn_12``."""
    return known in text and re.search(rf"(?<![A-Za-z0-9]){re.escape(known)}(?![A-Za-z0-9])", text) is not None


def decimal(value: object) -> Decimal | None:
    """An exact decimal from a money string, None for anything else.

    A JSON number counts too: that it is no string is one finding of its own, and must not hide what it says.
    """
    if isinstance(value, bool) or not isinstance(value, (int, Decimal, str)):
        return None
    try:
        found = Decimal(value)
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found.adjusted()) <= LARGEST_EXPONENT else None


def moment(value: object) -> datetime | None:
    """A time from its ISO 8601 string; None for anything else, and for one without a zone."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def iso(at: datetime) -> str:
    """A time as filters take it: whole seconds, as in every published sample."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def replaced(quote: FirmQuote, **fields: Any) -> FirmQuote:
    """``quote`` with fields changed."""
    return dataclasses.replace(quote, **fields)

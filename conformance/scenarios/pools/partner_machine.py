"""The machine that trades: business verbs over quote, transact, poll, reject, pages, time and a second partner.

What a correct answer is, the model says; how a machine is run and its story told lies in ``scenarios/machine.py``.
"""

from __future__ import annotations

import math

import hypothesis.strategies as st
from hypothesis.stateful import Bundle, MultipleResults, initialize, multiple, precondition, rule

from conformance.client import Reply
from conformance.model.pools import Answer, Book, Quote, QuoteStatus, may_follow, permits
from conformance.scenarios.machine import StoryMachine
from conformance.scenarios.pools.desk import Desk, FirmQuote, decimal, joins, next_cursor, the_list
from conformance.scenarios.pools.test_discovery import discover

UNLIMITED = 1_000
"""More trades than one example has steps."""

WALK = 30
"""Pages of a walk; on an account that others trade on as well, ours may lie deeper than anybody looks."""


class PoolsMachine(StoryMachine):
    """One account trading: every answer is compared with the model's."""

    quotes: Bundle[str] = Bundle("quotes")

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(self.hunt.bench)
        self.book = Book()
        self.firm: dict[str, FirmQuote] = {}
        self.names: dict[str, str] = {}
        self.touched: set[str] = set()
        self.trades: int | None = None

    @initialize(target=quotes)
    def take_the_first_quote(self) -> MultipleResults[str]:
        return self._take()

    @rule(target=quotes)
    def take_a_firm_quote(self) -> MultipleResults[str]:
        return self._take()

    @rule()
    def look_at_an_indicative_price(self) -> None:
        def move() -> None:
            reply = self.desk.ask(type="indicative", destAddress=None, destNetwork=None)
            self.tell("look_at_an_indicative_price()", reply)
            self.hold(
                "POOLS-INDICATIVE-SAFE",
                reply.object().get("quoteId") is None,
                "no quote id",
                "it carries one",
            )

        self.attempt(move)

    @rule(quote=quotes)
    def execute(self, quote: str) -> None:
        self._transact(quote, self.hunt.bench.key(), "a fresh key")

    @rule(quote=quotes)
    def execute_again_with_the_same_key(self, quote: str) -> None:
        known = self.book.quotes[quote]
        if known.key is not None:
            self._transact(quote, known.key, "the key that executed it")

    @rule(quote=quotes, other=quotes)
    def execute_with_the_key_of_another(self, quote: str, other: str) -> None:
        key = self.book.quotes[other].key
        if key is not None and other != quote:
            self._transact(quote, key, f"the key that executed {self.names[other]}")

    @rule(quote=quotes)
    def poll(self, quote: str) -> None:
        known = self.book.quotes[quote]
        if known.trade is None:
            return

        def move() -> None:
            reply = self.desk.api.poll(quote)
            self.tell(f"poll({self.names[quote]})", reply)
            self._follow(known, reply)

        self.attempt(move)

    @rule(quote=quotes)
    def read_the_trade(self, quote: str) -> None:
        known = self.book.quotes[quote]
        if known.trade is None:
            return
        trade = known.trade

        def move() -> None:
            reply = self.desk.api.trade(trade)
            self.tell(f"read_the_trade({self.names[quote]})", reply)
            if self.hunt.bench.target.settles_only_by_poll:
                found = reply.object().get("status")
                self.hold("POOLS-READS-PURE", found == known.trade_status, known.trade_status, str(found))
            self._follow(known, reply)

        self.attempt(move)

    @rule(quote=quotes)
    def reject(self, quote: str) -> None:
        known = self.book.quotes[quote]

        if self._fading(quote):
            return

        def move() -> None:
            before = known.status
            reply = self.desk.api.reject(quote)
            self.tell(f"reject({self.names[quote]})  # {before}", reply)
            if before is QuoteStatus.ACTIVE:
                self.hold("POOLS-REJECT-ONCE", reply.ok, "2xx", str(reply.status))
                known.rejected = True
                return
            requirement = {
                QuoteStatus.CONSUMED: "POOLS-REJECT-CONSUMED",
                QuoteStatus.REJECTED: "POOLS-REJECT-ONCE",
                QuoteStatus.EXPIRED: "POOLS-REJECT-EXPIRED",
            }[before]
            self.hold(requirement, reply.status == 409, f"409 for a quote that is {before}", str(reply.status))

        self.attempt(move)

    @rule(quote=quotes)
    def read_the_quote(self, quote: str) -> None:
        if not self._fading(quote):
            self.attempt(lambda: self._read_quote(quote))

    @precondition(lambda self: self.hunt.bench.target.approval is not None)
    @rule()
    def look_which_pools_there_are(self) -> None:
        def move() -> None:
            approval, found = self.hunt.bench.target.approval, discover(self.hunt.bench)
            if approval is None or found is None:
                return
            self.tell("look_which_pools_there_are()", found[0])
            expected, listed = sorted(approval.pools), sorted(found[1])
            self.hold("POOLS-DISCOVERY-EXACT", listed == expected, ", ".join(expected), ", ".join(listed[:8]))

        self.attempt(move)

    @precondition(lambda self: "other_partner" in self.hunt.bench.target.accounts)
    @rule(quote=quotes, how=st.sampled_from(["read", "poll", "reject", "execute"]))
    def another_partner_tries(self, quote: str, how: str) -> None:
        """Every one of our ids is nobody's to another partner; what it did to our objects, later steps show."""

        def move() -> None:
            api = self.hunt.bench.pools("other_partner")
            reply = {
                "read": lambda: api.read_quote(quote),
                "poll": lambda: api.poll(quote),
                "reject": lambda: api.reject(quote),
                "execute": lambda: api.transact(self.firm[quote].pool, quote, self.hunt.bench.key()),
            }[how]()
            self.tell(f"another_partner_tries({self.names[quote]}, {how})", reply)
            self.touched.add(quote)
            self.hold("POOLS-ISOLATION-OBJECTS", reply.status == 404, "404", str(reply.status))

        self.attempt(move)

    @precondition(lambda self: "other_partner" in self.hunt.bench.target.accounts)
    @rule(quote=quotes)
    def another_partner_uses_our_key(self, quote: str) -> None:
        """A key of ours, sent by another partner with one of our quotes: neither gives it anything."""
        key = self.book.quotes[quote].key
        if key is None:
            return

        def move() -> None:
            reply = self.hunt.bench.pools("other_partner").transact(self.firm[quote].pool, quote, key)
            self.tell(f"another_partner_uses_our_key({self.names[quote]})", reply)
            self.hold("POOLS-ISOLATION-OBJECTS", reply.status == 404, "404", str(reply.status))

        self.attempt(move)

    @rule(size=st.sampled_from(["1", "2", "3"]), arrives=st.booleans())
    def walk_the_trades(self, size: str, arrives: bool) -> None:
        """Every trade of this story stands once on a walk in pages, also when one arrives while it goes on."""

        def move() -> None:
            due = [str(quote.trade) for quote in self.book.quotes.values() if quote.trade]
            if not due:
                return
            newest = self.desk.newest_trades([{trade} for trade in due])
            self.tell(f"walk_the_trades({size}, arrives={arrives})", newest)
            shown = self._walk(size, set(due), arrives)
            if shown is not None:
                times = [shown.count(trade) for trade in due]
                self.hold(
                    "POOLS-TRADES-PAGES", set(times) == {1}, "each trade of ours once", f"they stand {times} times"
                )

        self.attempt(move)

    def _walk(self, size: str, due: set[str], arrives: bool) -> list[str] | None:
        """The ids on a walk until all of ``due`` were seen or the list ended; None when neither came to pass."""
        shown: list[str] = []
        cursor: str | None = None
        for page in range(WALK):
            reply = self.desk.api.trades(limit=size, **({"cursor": cursor} if cursor else {}))
            self.seen.append(reply.exchange)
            shown += [str(row.get("transactId")) for row in the_list(reply.object(), "trades")]
            cursor = next_cursor(reply.object())
            if cursor is None or due <= set(shown):
                return shown
            if page == 0 and arrives and self._may_trade():
                quote = self.desk.firm()
                self.tell("a trade arrives", self.desk.execute(quote))
        return None

    @precondition(lambda self: "time_passes" in self.hunt.bench.target.outcomes)
    @rule(quote=quotes, extra=st.sampled_from([4, 75]))
    def let_time_pass(self, quote: str, extra: int) -> None:
        """Shift past the expiry the quote states, by a little or by much."""

        def move() -> None:
            bench, firm = self.hunt.bench, self.firm[quote]
            lock = (firm.expires - firm.reply.date).total_seconds() if firm.expires else 0.0
            seconds = max(0, math.ceil(lock)) + extra
            bench.perform("time_passes", account=self.desk.account, quoteId=quote, seconds=str(seconds))
            self.tell(f"let_time_pass({self.names[quote]}, {seconds})")
            self.book.quotes[quote].past_expiry = True
            self._see_who_else_aged(quote)

        self.attempt(move)

    def _see_who_else_aged(self, moved: str) -> None:
        """A helper may move the clock of the account or of the whole target: then other locks have ended as well."""
        for quote in self.book.quotes.values():
            if quote.id != moved and quote.status is QuoteStatus.ACTIVE:
                reply = self.desk.api.read_quote(quote.id)
                self.seen.append(reply.exchange)
                quote.past_expiry = reply.object().get("status") == "expired"

    def teardown(self) -> None:
        def move() -> None:
            self._reconcile()

        self.attempt(move)

    def _take(self) -> MultipleResults[str]:
        taken: list[str] = []

        def move() -> None:
            quote = self.desk.firm()
            name = f"quote_{len(self.names) + 1}"
            self.tell(f"{name} = take_a_firm_quote()", quote.reply)
            self.hold("POOLS-QUOTE-DISTINCT", quote.id not in self.book.quotes, "a new id", "an id given before")
            self.names[quote.id] = name
            self.firm[quote.id] = quote
            self.book.add(Quote(quote.id, quote.amount))
            taken.append(quote.id)

        self.attempt(move)
        return multiple(*taken)

    def _transact(self, quote: str, key: str, which: str) -> None:
        known, firm = self.book.quotes[quote], self.firm[quote]
        if self._fading(quote):
            return

        def move() -> None:
            expected = self.book.expects(known, key)
            before = known.status
            if expected is Answer.NEW_TRADE and not self._may_trade():
                return
            if expected is Answer.NEW_TRADE:
                reply = self.desk.execute(firm, key)
            else:
                reply = self.desk.api.transact(firm.pool, quote, key)
                self.desk.note_order(firm, key, reply)
            self.tell(f"execute({self.names[quote]}, {which})  # {before}", reply)
            found = reply.object().get("transactId") if reply.ok else None
            trade = found if isinstance(found, str) else None
            observed = f"{reply.status}" + (" with another trade" if reply.ok and trade != known.trade else "")
            self.hold(_requirement(expected, before, which), permits(expected, reply.status, trade, known.trade),
                      f"{expected} for a quote that is {before}, under {which}", observed)  # fmt: skip
            if expected is Answer.NEW_TRADE and trade is not None:
                self.book.executed(known, key, trade)

        self.attempt(move)

    def _may_trade(self) -> bool:
        """Take one trade out of this story's share: half of what the limits leave when its first one is due."""
        if self.trades is None:
            left = self.hunt.bench.trades_left(self.desk.terms.amount)
            self.trades = UNLIMITED if left is None else left // 2
        self.trades -= 1
        return self.trades >= 0

    def _fading(self, quote: str) -> bool:
        """Whether real time has brought an open quote so near its expiry that its state cannot be predicted."""
        return self.book.quotes[quote].status is QuoteStatus.ACTIVE and self.desk.has_faded(self.firm[quote])

    def _follow(self, known: Quote, reply: Reply) -> None:
        found = str(reply.object().get("status")) if reply.ok else f"HTTP {reply.status}"
        self.hold(
            "POOLS-POLL-FORWARD",
            may_follow(known.trade_status, found),
            f"{known.trade_status} or what may follow it",
            found,
        )
        known.trade_status = found

    def _read_quote(self, quote: str) -> None:
        known = self.book.quotes[quote]
        reply = self.desk.api.read_quote(quote)
        self.tell(f"read_the_quote({self.names[quote]})", reply)
        requirement = {
            QuoteStatus.ACTIVE: "POOLS-QUOTE-READ-PURE",
            QuoteStatus.CONSUMED: "POOLS-QUOTE-PRECEDENCE",
            QuoteStatus.REJECTED: "POOLS-QUOTE-PRECEDENCE",
            QuoteStatus.EXPIRED: "POOLS-QUOTE-EXPIRES",
        }[known.status]
        if known.status is QuoteStatus.ACTIVE and quote in self.touched:
            # Reads were pure in every step before another partner had its hands on it.
            requirement = "POOLS-ISOLATION-OBJECTS"
        found = str(reply.object().get("status")) if reply.ok else f"HTTP {reply.status}"
        self.hold(requirement, found == known.status, known.status, found)

    def _reconcile(self) -> None:
        """After the story: every executed quote has one trade and one debit, every other none."""
        due = [{quote.id, quote.trade} for quote in self.book.quotes.values() if quote.trade]
        trades = [row for _, row in self._newest(self.desk.newest_trades(due), "trades")]
        entries = [row for _, row in self._newest(self.desk.newest_entries(due if self.desk.gated else []), "entries")]
        for quote in self.book.quotes.values():
            mine = [row for row in trades if row.get("quoteId") == quote.id]
            ids = {quote.id} | ({quote.trade} if quote.trade else set())
            deltas = [decimal(row.get("delta")) for row in entries if joins(row, ids)]
            debits = [delta for delta in deltas if delta is not None and delta < 0]
            wanted = 1 if quote.trade else 0
            requirement = "POOLS-TRANSACT-ONCE" if quote.trade else "POOLS-QUOTE-MOVES-NOTHING"
            ok = len(mine) == wanted and (len(debits) == wanted or not self.desk.gated)
            self.hold(
                requirement,
                ok,
                f"{wanted} trade(s) and debit(s) for {self.names[quote.id]}",
                f"{len(mine)} trade(s), {len(debits)} debit(s)",
            )

    def _newest(self, reply: Reply, name: str) -> list[tuple[Reply, dict[str, object]]]:
        self.seen.append(reply.exchange)
        return [(reply, row) for row in the_list(reply.object(), name)]


def _requirement(expected: Answer, before: QuoteStatus, which: str) -> str:
    if expected is Answer.NEW_TRADE:
        return "POOLS-TRANSACT-RESERVES"
    if expected is Answer.SAME_TRADE:
        return "POOLS-TRANSACT-ONCE"
    if expected is Answer.SAME_TRADE_OR_CONFLICT:
        return "POOLS-TRANSACT-ONCE-PER-QUOTE" if which == "a fresh key" else "POOLS-TRANSACT-LATE-REPLAY"
    if before is QuoteStatus.REJECTED:
        return "POOLS-REJECT-BLOCKS"
    return "POOLS-QUOTE-EXPIRES" if before is QuoteStatus.EXPIRED else "POOLS-TRANSACT-KEY-CONFLICT"

"""Variations in how a trade comes to its end: how many polls it takes, and whether anything else moves it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Final

from conformance.sandbox import assembly, clock
from conformance.sandbox.assembly import Assembled, Options
from conformance.sandbox.calls import Call, Reply, Sandbox
from conformance.sandbox.pools import quotes, settlement, trades
from conformance.sandbox.pools.quotes import Quote, QuoteState
from conformance.sandbox.pools.settlement import RETURNED, SETTLED
from conformance.sandbox.pools.trades import RESERVED, Trade
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.storage import Transaction
from conformance.sandbox.variations import Patch, dialect

POLLS: Final = "facts section 14: the number of polls needed to settle is stated nowhere"
BY_ITSELF: Final = (
    "facts C5: one page lets only the poll advance a trade, others name settlement workers and timed jobs"
)
UNEXECUTED: Final = "facts section 14: a poll before execution answers 404 or 200 quoted"
NOT_ONLY_BY_POLL: Final[Mapping[str, object]] = {"settles_only_by_poll": False}

# Whether a trade in this status, with this outcome, seen so long ago (in seconds), is due; and where it goes.
Due = Callable[[str, str, float], str | None]
LOOK_EVERY_SECONDS: Final = 0.05


def settle_at_poll(patch: Patch, number: int) -> None:
    inner = settlement.next_status

    def next_status(status: str, polls: int, outcome: str, polls_to_settle: int) -> str:
        return inner(status, polls, outcome, number)

    patch.replace(settlement, "next_status", next_status)


@dialect("settles-at-first-poll", summary="The first poll ends a trade", fact=POLLS)
def settles_at_first_poll(patch: Patch) -> None:
    settle_at_poll(patch, 1)


@dialect("settles-at-sixth-poll", summary="A trade stays reserved for five polls", fact=POLLS)
def settles_at_sixth_poll(patch: Patch) -> None:
    settle_at_poll(patch, 6)


@dialect(
    "settles-after-a-while",
    summary="Polls find a trade reserved for a second after the first of them, and end it then",
    fact=f"{POLLS}; section 5.2: the poll advances towards an end, when it is reached is not said",
)
def settles_after_a_while(patch: Patch) -> None:
    inner = settlement.advance
    first_polls: dict[str, float] = {}

    def advance(tx: Transaction, call: Call, trade: Trade, outcome: str, now: int) -> Trade:
        since = time.monotonic() - first_polls.setdefault(trade.quote_id, time.monotonic())
        return trade if trade.status == RESERVED and since < 1.0 else inner(tx, call, trade, outcome, now)

    patch.replace(settlement, "advance", advance)


@dialect(
    "returns-late",
    summary="A settled trade is returned by the fourth poll after it settled, not by the next",
    fact="facts section 14: how long settled can turn into returned is stated nowhere",
)
def returns_late(patch: Patch) -> None:
    inner = settlement.next_status

    def next_status(status: str, polls: int, outcome: str, polls_to_settle: int) -> str:
        early = status == SETTLED and polls < polls_to_settle + 4
        return status if early else inner(status, polls, outcome, polls_to_settle)

    patch.replace(settlement, "next_status", next_status)


@dialect("poll-shows-quoted", summary="A poll of an active quote without a trade answers 200 quoted", fact=UNEXECUTED)
def poll_shows_quoted(patch: Patch) -> None:
    inner = settlement.poll

    def poll(call: Call) -> Reply:
        try:
            return inner(call)
        except Refusal:
            with call.sandbox.store.read() as tx:
                quote = quotes.find(tx, call.owner, call.path["quoteId"])
                now = clock.account_now(tx, call.sandbox.clock, call.account)
            if quotes.state(quote, now) is not QuoteState.ACTIVE:
                raise
            return Reply(200, {"quoteId": quote.quote_id, "status": "quoted"})

    patch.replace(settlement, "poll", poll)


@dialect(
    "poll-always-shows-quoted",
    summary="A poll of any quote without a trade, open or not, answers 200 quoted",
    fact=f"{UNEXECUTED}; what a rejected or expired quote answers is stated nowhere",
)
def poll_always_shows_quoted(patch: Patch) -> None:
    def unexecuted(quote: Quote) -> Reply:
        return Reply(200, {"quoteId": quote.quote_id, "status": "quoted"})

    patch.replace(settlement, "unexecuted", unexecuted)


class TimedJob:
    """A thread that moves the trades that are due, whether anybody polls or not."""

    def __init__(self, sandbox: Sandbox, due: Due) -> None:
        self._sandbox = sandbox
        self._due = due
        self._seen: dict[tuple[str, str], float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="timed-job", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_SECONDS):
            with self._sandbox.store.write() as tx:
                moved = [self._move(tx, *found) for found in self._waiting(tx)]
            if any(moved):
                self._sandbox.wake_deliveries()

    def _waiting(self, tx: Transaction) -> list[tuple[Trade, str]]:
        rows = tx.execute(
            "SELECT t.*, q.outcome FROM trades t JOIN quotes q ON q.quote_id = t.quote_id"
            " WHERE t.status = ? OR (t.status = ? AND q.outcome = ?)",
            (RESERVED, SETTLED, RETURNED),
        ).fetchall()
        return [(trades.restore(row), row["outcome"]) for row in rows]

    def _move(self, tx: Transaction, trade: Trade, outcome: str) -> bool:
        now = time.monotonic()
        since = now - self._seen.setdefault((trade.transact_id, trade.status), now)
        following = self._due(trade.status, outcome, since)
        if following is None:
            return False
        account = trade.owner.partition(":")[2]
        moment = clock.account_now(tx, self._sandbox.clock, account)
        settlement.record_poll(tx, trade, following, moment)
        settlement.apply_move(tx, self._call(account, trade.owner), trade, following, moment)
        return True

    def _call(self, account: str, owner: str) -> Call:
        return Call(sandbox=self._sandbox, account=account, owner=owner, path={}, query={}, headers={}, body=b"")


@dataclass(frozen=True, slots=True)
class AssembledWithJob(Assembled):
    """A sandbox beside which a timed job runs."""

    job: TimedJob

    def start(self) -> None:
        Assembled.start(self)
        self.job.start()

    def stop(self) -> None:
        self.job.stop()
        Assembled.stop(self)


def run_job(patch: Patch, due: Due) -> None:
    inner = assembly.assemble

    def assemble(options: Options, environment: Mapping[str, str]) -> Assembled:
        plain = inner(options, environment)
        parts = {part.name: getattr(plain, part.name) for part in fields(plain)}
        return AssembledWithJob(**parts, job=TimedJob(plain.sandbox, due))

    patch.replace(assembly, "assemble", assemble)


@dialect(
    "worker-settles",
    summary="A trade also reaches its end by itself within half a second, and may be returned so",
    fact=BY_ITSELF,
    needs=NOT_ONLY_BY_POLL,
)
def worker_settles(patch: Patch) -> None:
    def due(status: str, outcome: str, since: float) -> str | None:
        if since < 0.5:
            return None
        return settlement.FIRST_ENDS[outcome] if status == RESERVED else RETURNED

    run_job(patch, due)


@dialect(
    "worker-alone-settles",
    summary="Polls only look: a trade reaches its end by itself after a second and a half",
    fact=f"{BY_ITSELF}; seed 001: polling can advance settlement",
    needs=NOT_ONLY_BY_POLL,
)
def worker_alone_settles(patch: Patch) -> None:
    inner = settlement.next_status

    def due(status: str, outcome: str, since: float) -> str | None:
        return settlement.FIRST_ENDS[outcome] if status == RESERVED and since >= 1.5 else None

    def next_status(status: str, polls: int, outcome: str, polls_to_settle: int) -> str:
        return status if status == RESERVED else inner(status, polls, outcome, polls_to_settle)

    patch.replace(settlement, "next_status", next_status)
    run_job(patch, due)


@dialect(
    "returns-by-itself",
    summary="A settled trade is returned half a second later without a poll, and the pure reads show it first",
    fact="facts section 14: whether the pure read shows a return first is stated nowhere; C5: timed jobs exist",
    needs=NOT_ONLY_BY_POLL,
)
def returns_by_itself(patch: Patch) -> None:
    def due(status: str, outcome: str, since: float) -> str | None:
        return RETURNED if status == SETTLED and since >= 0.5 else None

    run_job(patch, due)

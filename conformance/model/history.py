"""What several callers did to some quotes, at once or one after the other, and what must be true of it afterwards.

Pure: operations with begin, end and outcome go in, together with what was read when all was quiet; findings come out.
Who runs the threads and reads the lists lives with the scenarios. Facts 4.4, 4.9, 6 and 10 are the source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from conformance.model.pools import FINAL, may_follow

T = TypeVar("T")

UNDONE = FINAL - {"settled"}
"""Status words of trades whose money has gone back."""


class What(StrEnum):
    """The operations a history is made of."""

    TRANSACT = "transact"
    REJECT = "reject"
    READ = "read of the quote"
    POLL = "status poll"


class Outcome(StrEnum):
    """How an operation ended for its caller."""

    OK = "ok"
    FAIL = "fail"
    """Refused: nothing of it may have happened."""
    UNKNOWN = "unknown"
    """No answer, or none that says: it may have happened, at most once, at any time after it began."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of one caller, timed in seconds on one monotonic clock; it ended when the caller stopped waiting."""

    process: int
    what: What
    partner: str
    quote: str
    began: float
    ended: float
    outcome: Outcome
    key: str = ""
    status: int = 0
    """The HTTP status; 0 where nothing came."""
    trade: str = ""
    """The trade id the answer names."""
    about: str = ""
    """The quote id the answer names."""
    word: str = ""
    """The status word in the answer."""
    late: bool = False
    """Whether it was answered at the quote's expiry, within the margin of it, or after: less is promised then."""
    exchange: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """What a partner's ledger said before and after, and what moved in between; ``foreign`` if some is not ours."""

    before: Decimal
    after: Decimal
    between: tuple[Decimal, ...]
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Quiet:
    """One quote as it reads when everybody has finished: its owner, its trades and movements found by id."""

    owner: str
    word: str = ""
    """Its status word; empty where it was not read."""
    trades: tuple[str, ...] = ()
    """Ids of the trades that name it."""
    deltas: tuple[Decimal, ...] = ()
    """Ledger movements that join to it or to one of its trades."""
    gated: bool = True
    """Whether its owner's balance gate is on; else nothing is known of debits."""
    states: tuple[str, ...] = ()
    """The status words of its trades."""

    @property
    def counts(self) -> bool:
        """Whether it was executed and none of it has come to nothing since."""
        undone = any(state in UNDONE for state in self.states) or any(delta > 0 for delta in self.deltas)
        return bool(self.trades) and not undone

    @property
    def debits(self) -> int:
        """How many movements took money; none is looked for where the gate is off."""
        return sum(delta < 0 for delta in self.deltas) if self.gated else 0


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What several quotes together may not exceed: amounts by quote, in each unit the ceiling may be counted in."""

    requirement: str
    amounts: Mapping[str, tuple[Decimal, ...]]
    bound: tuple[Decimal, ...]
    reachable: bool
    """Whether just the bound is allowed: a balance may be used up, a sum that was refused may not be made of parts."""


@dataclass(frozen=True, slots=True)
class History:
    """What happened, and how it stands now."""

    operations: tuple[Operation, ...]
    quotes: Mapping[str, Quiet]
    accounts: tuple[Account, ...] = ()
    patience: float = 0.0
    """Seconds a request may be under way: as long a duplicate of it may be refused."""
    seen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The exchanges of the final reads of each quote."""
    ceilings: tuple[Ceiling, ...] = ()

    def of(self, quote: str, what: What) -> list[Operation]:
        """What the owner of ``quote`` did to it, in the order of beginning."""
        mine = [o for o in self.operations if o.quote == quote and o.what is what and o.partner == self.owner(quote)]
        return sorted(mine, key=lambda operation: operation.began)

    def owner(self, quote: str) -> str:
        """Whose quote it is."""
        return self.quotes[quote].owner

    def evidence(self, quote: str) -> tuple[str, ...]:
        """Every exchange that has to do with ``quote``."""
        made = tuple(operation.exchange for operation in self.operations if operation.quote == quote)
        return made + self.seen.get(quote, ())


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement of the catalogue that a history contradicts."""

    requirement: str
    expected: str
    observed: str
    exchanges: tuple[str, ...] = ()


Findings = Iterator[Finding]


def one_trade_per_quote(history: History) -> Findings:
    """A quote has at most one trade, and exactly one once an execution of it was answered with success."""
    for quote, quiet in history.quotes.items():
        made = len(set(quiet.trades))
        told = any(_success(history, operation) for operation in history.of(quote, What.TRANSACT))
        if made > 1 or (told and not made):
            yield _found(history, quote, duplicated(history, quote), "one trade", f"{made} trades")


def one_debit_per_trade(history: History) -> Findings:
    """A quote is debited once at most."""
    for quote, quiet in history.quotes.items():
        if quiet.debits > 1:
            yield _found(history, quote, duplicated(history, quote), "one debit", f"{quiet.debits} debits")


def no_debit_without_trade(history: History) -> Findings:
    """A quote that has no trade is not debited."""
    for quote, quiet in history.quotes.items():
        if quiet.debits and not quiet.trades:
            requirement = refused(history, quote) if _all_refused(history, quote) else duplicated(history, quote)
            yield _found(history, quote, requirement, "no debit without a trade", "a debit, and no trade")


def answers_agree(history: History) -> Findings:
    """Every success names the same trade, the one the lists know, and speaks of the quote that was sent."""
    for quote, quiet in history.quotes.items():
        answered = [o for o in history.of(quote, What.TRANSACT) if o.outcome is Outcome.OK]
        named = {o.trade for o in answered if _success(history, o)}
        named |= {o.trade for o in history.of(quote, What.POLL) if o.outcome is Outcome.OK and o.trade}
        if len(named) > 1 or (quiet.trades and named - set(quiet.trades)):
            requirement = duplicated(history, quote)
            yield _found(history, quote, requirement, "every answer names the one trade", _names(named, quiet.trades))
        for operation in answered:
            if not _success(history, operation):
                requirement = _misdirected(history, operation)
                yield _found(history, quote, requirement, "an answer about the quote sent", "one about another quote")


def replays_are_answered(history: History) -> Findings:
    """Once an execution has succeeded, the same key again is answered with its trade.

    Nothing is asked of a quote that several keys were sent for (which of them executed it may be unknown), and of a
    replay that was throttled, that came at or after the expiry, or that may have met another one under way.
    """
    for quote in history.quotes:
        sent = history.of(quote, What.TRANSACT)
        if len({o.key for o in sent}) != 1 or _quotes_of_key(history, sent[0]) != {quote}:
            continue
        for operation in sent:
            excused = operation.late or operation.status == 429 or _meets_another(history, operation, sent)
            if operation.outcome is Outcome.FAIL and not excused and _made_before(history, operation, sent):
                expected, observed = "the same key again gives the trade", f"{operation.status}"
                yield _found(history, quote, "POOLS-TRANSACT-ONCE", expected, observed)


def one_quote_per_key(history: History) -> Findings:
    """A key executes one quote of its partner."""
    keys = {(o.partner, o.key) for o in history.operations if o.what is What.TRANSACT}
    for partner, key in sorted(keys):
        executed = [q for q in history.quotes if history.owner(q) == partner and _executed_by(history, q, key)]
        if len(executed) > 1:
            yield Finding(
                "POOLS-TRANSACT-KEY-CONFLICT",
                "one key executes one quote",
                f"it executed {len(executed)}",
                tuple(exchange for quote in executed for exchange in history.evidence(quote)),
            )


def refused_did_nothing(history: History) -> Findings:
    """A quote whose executions were all refused has no trade and does not read consumed."""
    for quote, quiet in history.quotes.items():
        if _all_refused(history, quote) and (quiet.trades or quiet.word == "consumed"):
            observed = f"{len(set(quiet.trades))} trade(s), and the quote reads {quiet.word or 'nothing'}"
            yield _found(history, quote, refused(history, quote), "no effect of a refused execution", observed)


def one_ending(history: History) -> Findings:
    """Of reject and transact one wins, and a reject wins once."""
    for quote, quiet in history.quotes.items():
        rejections = sum(o.outcome is Outcome.OK for o in history.of(quote, What.REJECT))
        executed = bool(quiet.trades) or any(o.outcome is Outcome.OK for o in history.of(quote, What.TRANSACT))
        if rejections > 1:
            yield _found(history, quote, "POOLS-REJECT-ONCE", "one reject succeeds", f"{rejections} succeeded")
        if quiet.word == "rejected" and executed:
            yield _found(history, quote, "POOLS-REJECT-BLOCKS", "a rejected quote stays unexecuted", "it has a trade")
        elif rejections and executed:
            yield _found(history, quote, "POOLS-REJECT-CONSUMED", "no reject of an executed quote", "it succeeded")


def rejection_stands(history: History) -> Findings:
    """What has read rejected is over: no later execution or rejection of it succeeds, and it reads so in the end."""
    for quote, quiet in history.quotes.items():
        looks = [o.ended for o in history.of(quote, What.READ) if o.word == "rejected"]
        if not looks:
            continue
        later = [o for o in history.operations if o.quote == quote and o.began > min(looks) and o.outcome is Outcome.OK]
        if any(o.what is What.TRANSACT for o in later):
            expected = "no execution of a quote that read rejected"
            yield _found(history, quote, "POOLS-REJECT-BLOCKS", expected, "it succeeded")
        if any(o.what is What.REJECT for o in later):
            expected = "no reject of a quote that read rejected"
            yield _found(history, quote, "POOLS-REJECT-ONCE", expected, "it succeeded")
        if quiet.word in ("active", "consumed"):
            expected = "a quote that read rejected to stay so"
            yield _found(history, quote, "POOLS-REJECT-BLOCKS", expected, f"it reads {quiet.word}")


def known_afterwards(history: History) -> Findings:
    """What begins after a success was answered sees it: the quote reads consumed, and a poll shows the trade."""
    for quote in history.quotes:
        done = [o.ended for o in history.of(quote, What.TRANSACT) if o.outcome is Outcome.OK]
        if not done:
            continue
        for look in (*history.of(quote, What.READ), *history.of(quote, What.POLL)):
            if look.began < min(done) or look.outcome is Outcome.UNKNOWN or look.status == 429:
                continue
            # A quote that reads rejected has found its own checker.
            if look.what is What.READ and look.word not in ("consumed", "rejected"):
                observed = look.word or str(look.status)
                yield _found(history, quote, "POOLS-TRANSACT-RESERVES", "an executed quote reads consumed", observed)
            if look.what is What.POLL and (look.outcome is Outcome.FAIL or look.word == "quoted"):
                observed = look.word or str(look.status)
                yield _found(history, quote, "POOLS-POLL-FORWARD", "a poll of an executed quote shows it", observed)


def polls_go_forward(history: History) -> Findings:
    """Of two polls, the one that began after the other had ended shows the same or something later."""
    for quote in history.quotes:
        polls = [o for o in history.of(quote, What.POLL) if o.outcome is Outcome.OK and o.trade and o.word]
        for later in polls:
            for earlier in polls:
                if earlier.ended <= later.began and not may_follow(earlier.word, later.word):
                    observed = f"{earlier.word}, then {later.word}"
                    yield _found(history, quote, "POOLS-POLL-FORWARD", "a trade only moves forward", observed)


def partners_do_not_meet(history: History) -> Findings:
    """A stranger's key opens nothing, and a key that another partner uses refuses nothing."""
    for operation in history.operations:
        quote, owner = operation.quote, history.owner(operation.quote)
        mine = {q for q, quiet in history.quotes.items() if quiet.owner == operation.partner}
        # A stranger who is shown what is his own has met a mistake with keys, and nobody else.
        if operation.partner != owner and operation.outcome is Outcome.OK and operation.about not in mine:
            shared = any(o.key == operation.key for o in history.of(quote, What.TRANSACT))
            executing = operation.what is What.TRANSACT and shared
            requirement = "POOLS-ISOLATION-KEYS" if executing else "POOLS-ISOLATION-OBJECTS"
            yield _found(history, quote, requirement, "another partner's quote is not found", f"{operation.status}")
        if operation.partner == owner and _refused_for_a_stranger(history, operation):
            yield _found(
                history, quote, "POOLS-ISOLATION-KEYS", "another partner's key blocks nothing", f"{operation.status}"
            )


def money_is_conserved(history: History) -> Findings:
    """The movements between two reads of a ledger explain how its available balance changed."""
    for account in history.accounts:
        change, moved = account.after - account.before, sum(account.between, Decimal(0))
        if change != moved and not account.foreign:
            expected = f"the available balance changed by the {moved} that was moved"
            yield Finding("POOLS-LEDGER-SUM", expected, f"it changed by {change}")


def ceilings_hold(history: History) -> Findings:
    """What was executed of several quotes stays within what they may use up together, in one unit at least."""
    for ceiling in history.ceilings:
        executed = [quote for quote in ceiling.amounts if history.quotes[quote].counts]
        sums = [sum(amounts, Decimal(0)) for amounts in zip(*(ceiling.amounts[q] for q in executed), strict=False)]
        beyond = [
            total > bound or (total == bound and not ceiling.reachable)
            for total, bound in zip(sums, ceiling.bound, strict=False)
        ]
        if beyond and all(beyond):
            yield Finding(
                ceiling.requirement,
                f"{'at most' if ceiling.reachable else 'less than'} {ceiling.bound[0]} executed together",
                f"{sums[0]} in {len(executed)} trades",
                tuple(exchange for quote in executed for exchange in history.evidence(quote)),
            )


Checkers = tuple[Callable[[History], Findings], ...]

CHECKERS: Checkers = (
    one_trade_per_quote,
    one_debit_per_trade,
    no_debit_without_trade,
    answers_agree,
    replays_are_answered,
    one_quote_per_key,
    refused_did_nothing,
    one_ending,
    rejection_stands,
    known_afterwards,
    polls_go_forward,
    partners_do_not_meet,
    money_is_conserved,
    ceilings_hold,
)


SPENDING: Checkers = (no_debit_without_trade, refused_did_nothing, money_is_conserved, ceilings_hold)
"""What a history of different quotes is asked for that were executed out of one purse."""


def findings(history: History, checkers: Checkers = CHECKERS) -> list[Finding]:
    """Everything any of these checkers has to say of ``history``."""
    return [found for checker in checkers for found in checker(history)]


def duplicated(history: History, quote: str) -> str:
    """Which requirement a doubled execution of ``quote`` breaks: it depends on how it was asked for."""
    sent = history.of(quote, What.TRANSACT)
    at_once = any(a.began < b.ended and b.began < a.ended for a in sent for b in sent if a is not b)
    if at_once:
        return "POOLS-TRANSACT-CONCURRENT-ONCE"
    return "POOLS-TRANSACT-ONCE-PER-QUOTE" if len({o.key for o in sent}) > 1 else "POOLS-TRANSACT-ONCE"


def refused(history: History, quote: str) -> str:
    """Which requirement an effect of refused executions breaks: it depends on why they were refused."""
    quiet = history.quotes[quote]
    if quiet.word == "rejected" or any(o.outcome is Outcome.OK for o in history.of(quote, What.REJECT)):
        return "POOLS-REJECT-BLOCKS"
    if quiet.word == "expired":
        return "POOLS-QUOTE-EXPIRES"
    if any(_quotes_of_key(history, operation) - {quote} for operation in history.of(quote, What.TRANSACT)):
        return "POOLS-TRANSACT-KEY-CONFLICT"
    return duplicated(history, quote)


def between(before: Sequence[T], after: Sequence[T]) -> tuple[T, ...] | None:
    """The rows of a list, newest first, that came since it was read ``before``; None where the two do not meet."""
    for count in range(len(after) + 1):
        kept = after[count:]
        if list(kept) == list(before[: len(kept)]) and (kept or not before):
            return tuple(after[:count])
    return None


def _meets_another(history: History, operation: Operation, sent: Sequence[Operation]) -> bool:
    """Whether another request for the same quote may still be under way when ``operation`` begins."""
    for other in sent:
        end = other.began + history.patience if other.outcome is Outcome.UNKNOWN else other.ended
        if other is not operation and other.began < operation.ended and end > operation.began:
            return True
    return False


def _made_before(history: History, operation: Operation, sent: Sequence[Operation]) -> bool:
    """Whether the trade was made before ``operation`` began: an answer said so, or only lost ones can have made it."""
    if any(o.outcome is Outcome.OK and o.ended <= operation.began for o in sent):
        return True
    lost = [o for o in sent if o.outcome is not Outcome.FAIL]
    unheard = bool(lost) and all(o.outcome is Outcome.UNKNOWN and o.began < operation.began for o in lost)
    return unheard and bool(history.quotes[operation.quote].trades)


def _success(history: History, operation: Operation) -> bool:
    """Whether a transact was answered with success, and with nothing that belongs to another quote."""
    others = {trade for quote, quiet in history.quotes.items() if quote != operation.quote for trade in quiet.trades}
    about_it = operation.about in ("", operation.quote) and operation.trade not in others
    return operation.outcome is Outcome.OK and about_it


def _misdirected(history: History, operation: Operation) -> str:
    """Which requirement a success breaks that belongs to another quote: it depends on how it got there."""
    about = [q for q, quiet in history.quotes.items() if q == operation.about or operation.trade in quiet.trades]
    if any(history.owner(quote) != operation.partner for quote in about):
        return "POOLS-ISOLATION-KEYS"
    if _quotes_of_key(history, operation) - {operation.quote}:
        return "POOLS-TRANSACT-KEY-CONFLICT"
    return duplicated(history, operation.quote)


def _executed_by(history: History, quote: str, key: str) -> bool:
    """Whether ``key`` executed ``quote``: an answer says so, or there is a trade and nobody else can have made it."""
    sent = history.of(quote, What.TRANSACT)
    if any(o.key == key and o.outcome is Outcome.OK for o in sent):
        return True
    able = {o.key for o in sent if o.outcome is not Outcome.FAIL}
    return bool(history.quotes[quote].trades) and able == {key}


def _refused_for_a_stranger(history: History, operation: Operation) -> bool:
    """Whether an execution met a conflict that nothing of its own partner explains, and another has used its key."""
    if operation.what is not What.TRANSACT or operation.status != 409 or operation.late:
        return False
    writes = [o for o in history.operations if o is not operation and o.what in (What.TRANSACT, What.REJECT)]
    others = [o for o in writes if o.began < operation.ended]
    own = [o for o in others if o.partner == operation.partner]
    explained = any(o.quote == operation.quote or o.key == operation.key for o in own)
    return not explained and any(o.key == operation.key for o in others if o.partner != operation.partner)


def _quotes_of_key(history: History, operation: Operation) -> set[str]:
    """The quotes for which the same partner sent the same key."""
    same = (operation.partner, operation.key)
    return {o.quote for o in history.operations if o.what is What.TRANSACT and (o.partner, o.key) == same}


def _all_refused(history: History, quote: str) -> bool:
    sent = history.of(quote, What.TRANSACT)
    return bool(sent) and all(operation.outcome is Outcome.FAIL for operation in sent)


def _names(named: set[str], listed: Sequence[str]) -> str:
    if "" in named:
        return "a success that names no trade"
    return f"{len(named)} trade id(s) answered, {len(named - set(listed))} of them in no list"


def _found(history: History, quote: str, requirement: str, expected: str, observed: str) -> Finding:
    return Finding(requirement, expected, observed, history.evidence(quote))

"""Judging a card program over 0Pools: which orders of events it is put through, and what its top-ups may show in each.

Pure: no HTTP, no clock. Driving a running program is the business of ``cards_driver``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from conformance.journal import Outcome

SPENDABLE, CREDITS, ONCE, REVERSES, LINKED, STATES, TRACED = REQUIREMENTS = tuple(
    f"PARTNER-CARDS-{word}" for word in ("SPENDABLE", "CREDITS", "ONCE", "REVERSES", "LINKED", "STATES", "TRACED")
)


class Verb(StrEnum):
    """What can be done to a card program, to its top-up, or to the trade behind it."""

    RECORD = "the top-up is requested with its quote"
    EXECUTE = "the quote is executed"
    START = "the top-up is told its trade"
    AGAIN = "the same top-up is requested again"
    MOVE = "the trade comes to"
    EVENT = "a signed event says"
    STORM = "four copies of a signed event at once say"
    FORGED = "a wrongly signed event says"
    CALLBACK = "the browser comes back claiming"
    LOOK = "the program looks at the trade"
    LATER = "some time later"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens, with the status it speaks of where it speaks of one."""

    verb: Verb
    status: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.status}".rstrip()


@dataclass(frozen=True, slots=True)
class Script:
    """An order of events around one top-up, and the end its trade is brought to."""

    name: str
    end: str
    steps: tuple[Step, ...]


def _script(name: str, end: str, *steps: Step | Verb) -> Script:
    return Script(name, end, tuple(step if isinstance(step, Step) else Step(step) for step in steps))


def _to(status: str) -> Step:
    return Step(Verb.MOVE, status)


def _told(status: str) -> Step:
    return Step(Verb.EVENT, status)


_BEGIN = (Verb.RECORD, Verb.EXECUTE, Verb.START)

SCRIPTS: tuple[Script, ...] = (
    _script("event-then-look", "settled", *_BEGIN, _to("settled"), _told("settled"), Verb.LOOK),
    _script("look-then-event", "settled", *_BEGIN, _to("settled"), Verb.LOOK, _told("settled"), _told("settled")),
    _script("looked-at-only", "settled", *_BEGIN, Verb.LOOK, _to("settled"), Verb.LOOK, Verb.LOOK),
    _script(
        "event-before-record",
        "settled",
        Verb.EXECUTE,
        _to("settled"),
        _told("settled"),
        Verb.RECORD,
        Verb.START,
        Verb.LOOK,
    ),
    _script("events-at-once", "settled", *_BEGIN, _to("settled"), Step(Verb.STORM, "settled"), Verb.LOOK),
    _script("requested-again", "settled", *_BEGIN, Verb.AGAIN, _to("settled"), _told("settled"), Verb.AGAIN, Verb.LOOK),
    _script(
        "claims-before-settlement",
        "settled",
        *_BEGIN,
        Step(Verb.CALLBACK, "settled"),
        Step(Verb.FORGED, "settled"),
        _told("reserved"),
        _to("settled"),
        Verb.LOOK,
    ),
    _script("failed", "failed", *_BEGIN, _to("failed"), _told("failed"), Step(Verb.CALLBACK, "settled"), Verb.LOOK),
    _script("failed-looked-at", "failed", *_BEGIN, Step(Verb.FORGED, "settled"), _to("failed"), Verb.LOOK),
    _script("released", "released", *_BEGIN, _to("released"), _told("released"), Verb.LOOK),
    _script("released-looked-at", "released", *_BEGIN, _to("released"), Verb.LOOK, _told("released")),
    _script(
        "returned-after-credit",
        "returned",
        *_BEGIN,
        _to("settled"),
        _told("settled"),
        _to("returned"),
        Verb.LOOK,
        _told("settled"),
    ),
    _script(
        "returned-before-told",
        "returned",
        *_BEGIN,
        _to("settled"),
        _to("returned"),
        Verb.LOOK,
        _told("settled"),
        Verb.LOOK,
    ),
)
"""Every end of a trade, reached with record, event and read in different orders, repeated, forged and late."""

SHOWN = {
    "quoted": re.compile("review", re.IGNORECASE),
    "reserved": re.compile("pending", re.IGNORECASE),
    "settled": re.compile("complete", re.IGNORECASE),
    "failed": re.compile("fail|cancel", re.IGNORECASE),
    "released": re.compile("fail|cancel", re.IGNORECASE),
    "returned": re.compile("review", re.IGNORECASE),
}
"""The word of the published table that has to stand in what the app shows; the rest is the partner's to phrase."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A movement of the card ledger."""

    amount: Decimal
    transact: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A top-up as the probe shows it; None is what the probe does not show."""

    available: Decimal | None
    pending: Decimal | None
    state: str
    quote: str
    transact: str
    entries: tuple[Entry, ...] | None


@dataclass(frozen=True, slots=True)
class Moment:
    """What the probe showed after one step, and how the trade really stood."""

    step: Step
    truth: str
    """The trade's status by a pure read; ``quoted`` before it exists."""
    told: frozenset[str]
    """The statuses the program had by then been told in a way it may believe."""
    reading: Reading | None
    """None where the program knows no such top-up."""

    @property
    def informed(self) -> bool:
        """Whether the program had been told how the trade stands."""
        return self.truth in self.told


@dataclass(frozen=True, slots=True)
class History:
    """One script as it went."""

    script: str
    ref: str
    amount: Decimal
    quote: str
    transact: str
    moments: tuple[Moment, ...]
    trouble: str = ""
    """What ended it early, if anything did; not the program's fault."""


@dataclass(frozen=True, slots=True)
class Word:
    """What one history says of one requirement at one moment."""

    requirement: str
    ok: bool
    expected: str
    observed: str
    position: int


@dataclass(frozen=True, slots=True)
class Finding:
    """The word on one requirement from one history, or from none."""

    requirement: str
    outcome: Outcome
    expected: str = ""
    observed: str = ""
    steps: tuple[str, ...] = ()
    missing: str = ""


def judge(histories: Sequence[History]) -> tuple[Finding, ...]:
    """Every requirement: its failures, one for each history, else that it held, else what was missing."""
    words = [(history, word) for history in histories for word in said_of(history)]
    findings: list[Finding] = []
    for requirement in REQUIREMENTS:
        about = [(history, word) for history, word in words if word.requirement == requirement]
        broken = {history.script: (history, word) for history, word in reversed(about) if not word.ok}
        if broken:
            findings += [_failure(history, word) for history, word in reversed(broken.values())]
        elif about:
            scripts = len({history.script for history, _ in about})
            observed = f"so {len(about)} times in {scripts} orders of events"
            findings.append(Finding(requirement, Outcome.PASS, about[0][1].expected, observed))
        else:
            findings.append(Finding(requirement, Outcome.NOT_EVIDENCED, missing=_MISSING[requirement]))
    findings += _troubles(histories)
    return tuple(findings)


_MISSING = {
    SPENDABLE: "a probe that shows what of a top-up is available, and a top-up whose trade has not settled",
    CREDITS: "a top-up whose trade settled",
    ONCE: "a probe that shows what of a top-up is available",
    REVERSES: "a top-up whose trade was returned (a recipe for it in the profile)",
    LINKED: "a probe that shows the entries of the card ledger, and a credited top-up whose trade was returned",
    STATES: "a probe that shows the state of a top-up",
    TRACED: "a probe that shows a top-up",
}


def _failure(history: History, word: Word) -> Finding:
    steps = tuple(str(moment.step) for moment in history.moments[: word.position + 1])
    observed = f"{history.script}: {word.observed}"
    return Finding(word.requirement, Outcome.FAIL, word.expected, observed, steps)


def _troubles(histories: Iterable[History]) -> list[Finding]:
    """A history that could not be played to its end leaves every requirement open to doubt."""
    told = [f"{history.script}: {history.trouble}" for history in histories if history.trouble]
    return [Finding(requirement, Outcome.ERROR, observed=told[0]) for requirement in REQUIREMENTS] if told else []


def said_of(history: History) -> list[Word]:
    """All that one history says, moment by moment."""
    return [word for rule in RULES for word in rule(history)]


def unsatisfied(history: History) -> bool:
    """Whether the last moment leaves something to wait for: what a program may still be about to do."""
    last = len(history.moments) - 1
    waited = (CREDITS, REVERSES, STATES, TRACED, LINKED)
    return any(not word.ok and word.position == last and word.requirement in waited for word in said_of(history))


Rule = Callable[[History], list[Word]]


def _spendable(history: History) -> list[Word]:
    expected = "nothing available before the trade has settled, and nothing after it failed or was released"
    return [
        Word(
            SPENDABLE,
            reading.available <= 0,
            expected,
            f"{reading.available} available, the trade being {moment.truth}",
            position,
        )
        for position, moment, reading in _readings(history)
        if moment.truth not in ("settled", "returned") and reading.available is not None
    ]


def _credits(history: History) -> list[Word]:
    """The end of a history whose trade settled, once the program was told."""
    position = len(history.moments) - 1
    if position < 0 or history.moments[position].truth != "settled" or not history.moments[position].informed:
        return []
    reading = history.moments[position].reading
    available = reading.available if reading else Decimal(0)
    if available is None:
        return []
    expected = f"{history.amount} available, as the trade has settled and the program knows"
    observed = f"{available} available" if reading else "no such top-up"
    return [Word(CREDITS, available >= history.amount, expected, observed, position)]


def _once(history: History) -> list[Word]:
    words = []
    for position, _, reading in _readings(history):
        for name, value in (("available", reading.available), ("pending", reading.pending)):
            if value is not None:
                expected = f"at most {history.amount} {name}"
                words.append(Word(ONCE, value <= history.amount, expected, f"{value} {name}", position))
    return words


def _reverses(history: History) -> list[Word]:
    expected = "nothing available once the trade is returned"
    return [
        Word(REVERSES, reading.available <= 0, expected, f"{reading.available} available", position)
        for position, moment, reading in _readings(history)
        if moment.truth == "returned" and moment.informed and reading.available is not None
    ]


def _linked(history: History) -> list[Word]:
    """A reversal is only looked for where something had been credited and is gone."""
    words = []
    credited = False
    for position, moment, reading in _readings(history):
        available = reading.available or Decimal(0)
        if moment.informed and moment.truth == "returned" and credited and available <= 0:
            reversals = [entry for entry in reading.entries or () if entry.amount < 0]
            ok = any(entry.transact == history.transact for entry in reversals)
            observed = f"{len(reversals)} reversing entries, none of which names it"
            if reading.entries is not None:
                words.append(Word(LINKED, ok, f"a reversal that names trade {history.transact}", observed, position))
        credited = credited or (moment.truth == "settled" and moment.informed and available > 0)
    return words


def _states(history: History) -> list[Word]:
    words = []
    for position, moment, reading in _readings(history):
        pattern = SHOWN.get(moment.truth)
        if pattern is not None and moment.informed and reading.state:
            expected = f"a state that says {pattern.pattern.replace('|', ' or ')} for a {moment.truth} trade"
            ok = pattern.search(reading.state) is not None
            words.append(Word(STATES, ok, expected, f"the app shows {reading.state[:80]!r}", position))
    return words


def _traced(history: History) -> list[Word]:
    expected = f"quote {history.quote} and trade {history.transact} in the record of the top-up"
    return [
        Word(
            TRACED,
            reading.quote == history.quote and reading.transact == history.transact,
            expected,
            f"quote {reading.quote or 'none'} and trade {reading.transact or 'none'}",
            position,
        )
        for position, moment, reading in _readings(history)
        if moment.truth != "quoted" and "reserved" in moment.told
    ]


def _readings(history: History) -> list[tuple[int, Moment, Reading]]:
    return [
        (position, moment, moment.reading)
        for position, moment in enumerate(history.moments)
        if moment.reading is not None
    ]


RULES: tuple[Rule, ...] = (_spendable, _credits, _once, _reverses, _linked, _states, _traced)

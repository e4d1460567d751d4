"""Putting a running card program through the orders of events of ``cards``: requests, deliveries, and the probe.

What the program shows is judged in ``cards``. How trades are made and brought to their ends is up to the ``World``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol
from urllib.parse import quote as escape

import httpx

from conformance.client import Clock
from conformance.partner.cards import SCRIPTS, Entry, History, Moment, Reading, Script, Step, Verb, unsatisfied
from conformance.target import urls

SECONDS = 10.0
LARGEST = 1 << 20
COPIES = 4
PAUSE = 0.05


class CardsTrouble(Exception):
    """The program or the world could not be brought to a step: says what, and judges nobody."""


@dataclass(frozen=True, slots=True)
class Trade:
    """A quote of the world and, once executed, its trade."""

    quote: str
    amount: str
    currency: str
    transact: str = ""


class World(Protocol):
    """Where trades come from."""

    def quote(self, end: str) -> Trade:
        """A firm quote whose trade can be brought to ``end``."""
        ...

    def execute(self, trade: Trade) -> Trade:
        """The same with its trade made."""
        ...

    def move(self, trade: Trade, status: str) -> None:
        """Bring the trade to ``status``. Raises ``CardsTrouble`` where it does not come there."""
        ...

    def truth(self, trade: Trade) -> str:
        """How the trade stands, by a read that leaves it there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CardsUnderTest:
    """Where a card program is and how it is spoken to; ``{ref}`` and ``{status}`` in a URL are filled in.

    ``sign`` and ``forge`` give the headers of a delivery, rightly and wrongly signed. ``run`` goes into every
    reference. Raises ``ValueError`` for an address off this machine unless ``confirmed``: top-ups have effects there.
    """

    start: str
    probe: str
    events: str | None
    look: str | None
    callback: str | None
    sign: Callable[[bytes], Mapping[str, str]] = field(repr=False)
    forge: Callable[[bytes], Mapping[str, str]] = field(repr=False)
    run: str
    patience: float = 5.0
    """Seconds the program has to do what it was told of."""
    confirmed: bool = False

    def __post_init__(self) -> None:
        for name in ("start", "probe", "events", "look", "callback"):
            url = getattr(self, name)
            if url is None:
                continue
            if not url.startswith(("http://", "https://")):
                raise ValueError(f"cards {name} is no address: write http://host:port/path")
            if not self.confirmed and not urls.is_loopback(urls.host_of(url)):
                raise ValueError(f"cards {name} is not on this machine: confirm that test top-ups may go there")


def play(cards: CardsUnderTest, world: World, clock: Clock, scripts: tuple[Script, ...] = SCRIPTS) -> list[History]:
    """Put the program through every script, and look at every top-up once more when all are done."""
    with httpx.Client(timeout=SECONDS, follow_redirects=False, trust_env=False) as http:
        driver = _Driver(cards, world, clock, http)
        played = [driver.play(script) for script in scripts]
        return [driver.look_later(*each) for each in played]


@dataclass
class _Play:
    """One script while it is played."""

    script: Script
    ref: str
    trade: Trade
    told: frozenset[str] = frozenset()
    executed: bool = False
    bound: bool = False
    """Whether the program was given the trade's id. What it is told before, it may leave to its next look."""


@dataclass
class _Driver:
    cards: CardsUnderTest
    world: World
    clock: Clock
    http: httpx.Client

    def play(self, script: Script) -> tuple[History, _Play | None]:
        history = History(script.name, f"{self.cards.run}-{script.name}", Decimal(0), "", "", ())
        try:
            trade = self.world.quote(script.end)
        except CardsTrouble as trouble:
            return replace(history, trouble=str(trouble)), None
        play = _Play(script, history.ref, trade)
        history = replace(history, amount=Decimal(trade.amount), quote=trade.quote)
        for step in script.steps:
            try:
                self._do(play, step)
                history = self._seen(replace(history, transact=play.trade.transact), play, step)
            except (CardsTrouble, httpx.HTTPError) as trouble:
                said = str(trouble) or type(trouble).__name__
                return replace(history, trouble=f"{step}: {said}"), None
        return history, play

    def look_later(self, history: History, play: _Play | None) -> History:
        """A program may be slow in doing what it should not."""
        if play is None:
            return history
        try:
            return self._seen(history, play, Step(Verb.LATER))
        except (CardsTrouble, httpx.HTTPError) as trouble:
            return replace(history, trouble=f"{Verb.LATER}: {trouble or type(trouble).__name__}")

    def _do(self, play: _Play, step: Step) -> None:
        match step.verb:
            case Verb.RECORD:
                self._request(play)
                play.told |= {"quoted"}
            case Verb.EXECUTE:
                play.trade = self.world.execute(play.trade)
                play.executed = True
            case Verb.START | Verb.AGAIN:
                self._request(play)
                play.told |= {"reserved"}
            case Verb.MOVE:
                self.world.move(play.trade, step.status)
            case Verb.EVENT:
                self._deliver(play, step.status, self.cards.sign)
                self._heard(play, step.status)
            case Verb.STORM:
                with ThreadPoolExecutor(COPIES) as copies:
                    list(copies.map(lambda _: self._deliver(play, step.status, self.cards.sign), range(COPIES)))
                self._heard(play, step.status)
            case Verb.FORGED:
                self._deliver(play, step.status, self.cards.forge)
            case Verb.CALLBACK:
                if self.cards.callback is not None:
                    self.http.get(_filled(self.cards.callback, play.ref, step.status))
            case Verb.LOOK:
                if self.cards.look is not None:
                    self.http.post(_filled(self.cards.look, play.ref))
                play.told |= {self.world.truth(play.trade)}
            case Verb.LATER:
                pass

    def _heard(self, play: _Play, status: str) -> None:
        if self.cards.events is not None and play.bound:
            play.told |= {status}

    def _request(self, play: _Play) -> None:
        trade = play.trade
        body = {"ref": play.ref, "amount": trade.amount, "currency": trade.currency, "quoteId": trade.quote}
        self.http.post(self.cards.start, json=body | ({"transactId": trade.transact} if trade.transact else {}))
        play.bound = play.bound or bool(trade.transact)

    def _deliver(self, play: _Play, status: str, sign: Callable[[bytes], Mapping[str, str]]) -> None:
        if self.cards.events is None:
            return
        trade, event = play.trade, f"pool.transaction.{status}"
        document = {"eventId": f"{play.ref}-{status}", "type": event, "transactId": trade.transact}
        raw = json.dumps(document | {"quoteId": trade.quote, "status": status}).encode()
        self.http.post(self.cards.events, content=raw, headers={"Content-Type": "application/json", **sign(raw)})

    def _seen(self, history: History, play: _Play, step: Step) -> History:
        """The history with what the probe shows now, waited for while something is still to be done."""
        for seen in self._waited():
            truth = self.world.truth(play.trade) if play.executed else "quoted"
            moment = Moment(step, truth, play.told, self._probe(play.ref))
            grown = replace(history, moments=(*history.moments, moment))
            if not seen or not unsatisfied(grown):
                return grown
        raise AssertionError("waiting ends with a last look")

    def _waited(self) -> Iterator[bool]:
        """True while there is time to look again, then False once."""
        deadline = self.clock.monotonic() + self.cards.patience
        while self.clock.monotonic() < deadline:
            yield True
            self.clock.sleep(PAUSE)
        yield False

    def _probe(self, ref: str) -> Reading | None:
        answer = self.http.get(_filled(self.cards.probe, ref))
        if answer.status_code == 404:
            return None
        if answer.status_code != 200 or len(answer.content) > LARGEST:
            raise CardsTrouble(f"the probe answered {answer.status_code}, {len(answer.content)} bytes")
        try:
            document = json.loads(answer.content, parse_float=str)
        except (ValueError, RecursionError):
            raise CardsTrouble("the probe did not answer JSON") from None
        if not isinstance(document, dict):
            raise CardsTrouble("the probe did not answer a JSON object")
        return reading_of(document)


def reading_of(document: Mapping[str, Any]) -> Reading:
    """A top-up in the probe's answer."""
    entries = document.get("entries")
    return Reading(
        available=_amount(document.get("available")),
        pending=_amount(document.get("pending")),
        state=_text(document.get("state")),
        quote=_text(document.get("quoteId")),
        transact=_text(document.get("transactId")),
        entries=tuple(_entries(entries)) if isinstance(entries, list) else None,
    )


def _entries(entries: list[Any]) -> Iterator[Entry]:
    for entry in entries:
        amount = _amount(entry.get("amount")) if isinstance(entry, dict) else None
        if amount is not None:
            yield Entry(amount, _text(entry.get("transactId")))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _amount(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    try:
        found = Decimal(value)
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found.adjusted()) <= 40 else None


def _filled(url: str, ref: str, status: str = "") -> str:
    return url.replace("{ref}", escape(ref, safe="")).replace("{status}", escape(status, safe=""))

"""Which exchanges led to a failure: those that show it, what gave them their ids, and what was done to these since.

Of the journal alone. What becomes of a trace (a file that sends it again) is ``replay.py``.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from conformance.evidence.replayer import flows, walk
from conformance.journal import Engine, Exchange, RunRecord

LONGEST = 120
"""Requests of one trace; a longer one explains nothing and gets no file."""


MOST_WITH_READS = 40
"""Beyond so many requests, reads that show nothing are left out."""


POLLS = 24
"""Polls of one trade that are kept, where none of the later ones shows the failure itself."""


@dataclass
class Trace:
    """The exchanges of one failure in order."""

    exchanges: list[Exchange]
    shown: frozenset[str]
    """Those whose answers the judgement rests on."""
    compared: frozenset[str]
    """Those and what happened between them."""
    pools: frozenset[str]
    """Pool ids, which are the same in every run."""


class Traffic:
    """The exchanges of a run in order, with what finding a trace among them needs."""

    def __init__(self, exchanges: Sequence[Exchange], run: RunRecord) -> None:
        self.run = run
        self.exchanges = exchanges
        self.bases = tuple(base.rstrip("/") for base in run.base_urls.values())
        self._position = {exchange.id: index for index, exchange in enumerate(exchanges)}
        self._keyed: dict[str, list[int]] = {}
        for index in range(len(exchanges)):
            if key := self._key(index):
                self._keyed.setdefault(key, []).append(index)
        self._origins: dict[str, int | None] = {}
        self._said: dict[int, frozenset[str]] = {}

    def trace(self, shown: Sequence[str]) -> Trace | None:
        """The exchanges that led to ``shown``: those, what gave them their ids, and what else was done to these.

        None when there is nothing to send: not in the journal, not the target's, not kept whole, or too long.
        """
        chosen = {self._position[name] for name in shown if name in self._position}
        if not chosen or not all(self.ours(self.exchanges[i]) and whole(self.exchanges[i]) for i in chosen):
            return None
        scenario = self.exchanges[max(chosen)].scenario
        beside = [i for i, e in enumerate(self.exchanges) if e.scenario == scenario and scenario]
        pools = frozenset(pool for i in {*beside, *chosen} for pool in pool_of(self.exchanges[i]))
        found = self._closure(chosen, beside, pools)
        # Generated traffic says one id thousands of times; then only where the ids came from is told.
        found = found or self._closure(chosen, (), pools)
        if found is None:
            return None
        compared = (self.exchanges[i] for i in found if min(chosen) <= i <= max(chosen))
        names = frozenset(e.id for e in compared if self.ours(e) and whole(e) and e.scenario == scenario)
        return Trace([self.exchanges[i] for i in sorted(found)], frozenset(shown), names | frozenset(shown), pools)

    def ours(self, exchange: Exchange) -> bool:
        """Whether an exchange went to the target's API."""
        return any(exchange.url.startswith((f"{base}/", f"{base}?")) or exchange.url == base for base in self.bases)

    def _closure(self, shown: set[int], beside: Sequence[int], pools: frozenset[str]) -> set[int] | None:
        chosen, last, ids = set(shown), max(shown), set[str]()
        acts = self._few(i for i in beside if i < last and self._acts(self.exchanges[i]))
        before = -1
        while len(chosen) + len(ids) != before:
            before = len(chosen) + len(ids)
            for index in sorted(chosen):
                ids |= self._ids(index, pools)
            chosen |= {origin for value in ids if (origin := self._origin(value)) is not None and origin < last}
            chosen |= {i for i in acts if ids & self._says(i)}
            chosen |= {i for key in map(self._key, chosen) for i in self._keyed.get(key, ()) if beside and i < last}
            if len(chosen) > LONGEST:
                return None
        chosen |= {i for i in beside if not self.ours(self.exchanges[i]) and self._concerns(i, ids)}
        return chosen | self._reads(beside, ids, chosen)

    def _key(self, index: int) -> str:
        headers = self.exchanges[index].request_headers
        return next((value for name, value in headers if name.lower() == "idempotency-key"), "")

    def _few(self, acts: Iterable[int]) -> list[int]:
        """Without the many polls of a trade that does not end."""
        polled: Counter[str] = Counter()
        kept = []
        for index in acts:
            exchange = self.exchanges[index]
            polled[exchange.url] += exchange.method == "GET"
            if polled[exchange.url] <= POLLS:
                kept.append(index)
        return kept

    def _acts(self, exchange: Exchange) -> bool:
        """Whether an exchange may have changed anything: of the reads, only the status poll does."""
        return exchange.method != "GET" or "/pools/transactions/" in exchange.url

    def _says(self, index: int) -> frozenset[str]:
        if index not in self._said:
            self._said[index] = frozenset(said_by(self.exchanges[index]))
        return self._said[index]

    def _ids(self, index: int, pools: frozenset[str]) -> set[str]:
        """What a request was told by an earlier answer, and what its own answer made."""
        exchange = self.exchanges[index]
        said = {value for value in self._says(index) - pools if may_be_an_id(value)}
        ids = {value for value in said if (origin := self._origin(value)) is not None and origin < index}
        made = parsed(exchange.response_body) if exchange.method != "GET" and self.ours(exchange) else None
        if isinstance(made, dict):
            ids |= {v for k, v in made.items() if k in ("quoteId", "transactId") and isinstance(v, str) and v}
        return ids

    def _origin(self, value: str) -> int | None:
        """The first exchange whose answer says ``value``; None where a request said it before."""
        if value not in self._origins:
            self._origins[value] = self._first(value)
        return self._origins[value]

    def _first(self, value: str) -> int | None:
        spelled, in_url = json.dumps(value), in_a_url(value)
        for index, exchange in enumerate(self.exchanges):
            if in_url in exchange.url or value in (exchange.request_body or ""):
                return None
            if exchange.response_body and spelled in exchange.response_body:
                return index
        return None

    def _reads(self, beside: Sequence[int], ids: set[str], chosen: set[int]) -> set[int]:
        """What a scenario read in between, lest a read did what no read may do; a machine's story names all it did."""
        between = [i for i in beside if min(chosen) < i < max(chosen) and self.exchanges[i].engine == Engine.SCENARIO]
        found = {i for i in between if not self._acts(self.exchanges[i]) and self._concerns(i, ids)}
        return found if len(found | chosen) <= MOST_WITH_READS else set()

    def _concerns(self, index: int, ids: set[str]) -> bool:
        """Whether a request names no id but those of the trace."""
        said = {value for value in self._says(index) - ids if may_be_an_id(value)}
        return all(self._origin(value) is None for value in said)


def parsed(text: str | None) -> Any:
    try:
        return json.loads(text or "")
    except (ValueError, RecursionError):
        return None


def whole(exchange: Exchange) -> bool:
    """Whether the journal holds the whole answer: it cuts long ones and says how long they were."""
    return not re.search(r"… \([0-9]+ bytes\)$", (exchange.response_body or "") + (exchange.request_body or ""))


def said_by(exchange: Exchange) -> set[str]:
    """Every text of a request that could be an id: parts of the path, values of the query, texts in the body."""
    return {text for _, text in texts(exchange, headers=False)}


def texts(exchange: Exchange, headers: bool = True) -> Iterator[tuple[str, str]]:
    """The texts of a request, each with the member, header or place it stands in."""
    split = urlsplit(exchange.url)
    yield from (("path", unquote(part)) for part in split.path.split("/") if part)
    yield from parse_qsl(split.query, keep_blank_values=True)
    if headers:
        sent = exchange.request_headers
        yield from ((name, value) for name, value in sent if name.lower() not in ("authorization", "idempotency-key"))
    body = parsed(exchange.request_body)
    if body is not None:
        yield from ((name, text) for _, name, text in walk(body))
    elif exchange.request_body:
        yield "body", exchange.request_body


def pool_of(exchange: Exchange) -> list[str]:
    """The pool a request names in its path, as its operation says."""
    template = (exchange.operation or "").partition(" ")[2].strip("/").split("/")
    parts = urlsplit(exchange.url).path.strip("/").split("/")[-len(template) :]
    return [unquote(part) for place, part in zip(template, parts, strict=False) if place == "{id}"]


def in_a_url(value: str) -> str:
    """``value`` as it stands in a recorded URL, where fingerprints keep their brackets."""
    return quote(value.encode("utf-8", "surrogatepass"), safe="[]:")


def may_be_an_id(value: str) -> bool:
    return len(value) >= 6 and flows("id", value) and not re.fullmatch(r"-?[0-9]*\.[0-9]*|[0-9-]+T[0-9:.]+Z?", value)

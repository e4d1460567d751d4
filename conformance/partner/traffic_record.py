"""From an archive's entries to the journal: finding 0Bit's among them, filing them redacted, and typing them for rules.

Secrets are replaced as entries are filed; what rules say later is redacted by whoever writes it down.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from conformance.client import Redactor, stamp
from conformance.contract import Contract
from conformance.journal import Engine, Exchange, Journal
from conformance.partner import traffic_reading as reading
from conformance.partner.har import HarError
from conformance.partner.traffic import KEY, MASKED, Call, Kind, Traffic
from conformance.partner.traffic_reading import Located, Origins

SCENARIO: Final = "recording"

MOST_CALLS: Final = 50_000
"""Calls of one recording that are judged together."""

MOST_SECRETS: Final = 20_000
KEPT_BODY: Final = 16_384
"""Characters of a body that are filed."""

KEPT: Final = 128 << 20
"""Characters of all bodies together that are filed; the rules have seen the others too."""

ACCOUNTS: Final = {
    Kind.SECRET: "secret key",
    Kind.PUBLISHABLE: "publishable key",
    Kind.OTHER: "another credential",
    Kind.NONE: "no key",
}
VARIABLES: Final = {"secret key": "OBIT_POOLS_SECRET_KEY", "publishable key": "OBIT_PUBLISHABLE_KEY"}


@dataclass(slots=True)
class Survey:
    """What a first look through a recording finds: whose origins are whose, and every secret in what is 0Bit's."""

    origins: Origins
    sensitive: frozenset[str]
    secrets: set[str] = field(default_factory=set)
    others: Counter[str] = field(default_factory=Counter)
    """Hosts whose requests are nobody's business here, and how many."""

    def note(self, entry: Mapping[str, Any]) -> None:
        """Learn from one entry. Nothing is refused here: what is malformed is told when it is filed."""
        self.origins.note(entry)
        request = entry.get("request")
        url = request.get("url") if isinstance(request, dict) else None
        host = _host(url) if isinstance(url, str) else ""
        if len(self.others) < 1000 or host in self.others:
            self.others[host or "no host"] += 1
        if "/v1/" not in str(url) or len(self.secrets) >= MOST_SECRETS:
            return
        for message, read in ((request, reading.request_text), (entry.get("response"), reading.response_text)):
            if isinstance(message, dict):
                self.secrets |= set(_credentials(message))
                with suppress(HarError):
                    self.secrets |= set(_leaves(read(message), self.sensitive))


class Recorder:
    """Files the entries of a recording that went to 0Bit, and gives them back as calls."""

    def __init__(
        self,
        journal: Journal,
        redactor: Redactor,
        contracts: Mapping[str, Contract],
        survey: Survey,
        in_browser: bool,
    ) -> None:
        self._journal = journal
        self._redact = redactor
        self._contracts = contracts
        self._survey = survey
        self._in_browser = in_browser
        self._left = KEPT
        self._calls: list[Call] = []
        self._preflights: set[tuple[str, str]] = set()

    def take(self, number: int, entry: Mapping[str, Any]) -> Call | None:
        """File one entry; None for one that is not 0Bit's. Raises ``HarError`` naming entry and field."""
        try:
            where = reading.locate(entry, self._survey.origins, self._contracts)
            if where is None:
                return None
            if where.operation == "OPTIONS":
                self._preflight(entry, where)
                return None
            call = reading.call(entry, number, where, self._in_browser)
        except HarError as problem:
            raise HarError(f"entry {number}: {problem}") from None
        if len(self._calls) >= MOST_CALLS:
            raise HarError(f"entry {number}: more than {MOST_CALLS:,} calls to 0Bit; judge the recording in parts")
        self._calls.append(call)
        self._journal.append(self._exchange(entry, call))
        return call

    def traffic(self, from_start: bool) -> Traffic:
        """Everything taken so far, in the order it was sent."""
        ordered = sorted(self._calls, key=lambda call: (call.started, call.number))
        return Traffic(tuple(ordered), frozenset(self._preflights), from_start)

    def _preflight(self, entry: Mapping[str, Any], where: Located) -> None:
        sent = reading.headers(entry["request"], "request")
        asked = sent.get("access-control-request-headers", "").lower()
        if "authorization" in asked and sent.get("origin"):
            self._preflights.add((sent["origin"], entry["request"]["url"].partition("?")[0]))

    def _exchange(self, entry: Mapping[str, Any], call: Call) -> Exchange:
        request, response = entry["request"], entry["response"]
        answered = call.status is not None
        got = reading.headers(response, "response")
        body = reading.response_text(response) if answered else None
        started = datetime.fromtimestamp(call.started, UTC)
        return Exchange(
            id=call.id,
            scenario=SCENARIO,
            engine=Engine.TRAFFIC,
            account=ACCOUNTS[call.key.kind],
            product=call.product,
            operation=call.operation,
            method=request["method"].upper(),
            url=redacted_url(request["url"], self._survey.sensitive, self._redact),
            request_headers=redacted_headers(request["headers"], self._redact),
            request_body=self._kept(reading.request_text(request)),
            status=call.status,
            response_headers=redacted_headers(response.get("headers", []), self._redact),
            response_body=self._kept(body),
            response_size=len((body or "").encode("utf-8", "surrogatepass")),
            error=None if answered else "no answer is in the recording",
            started=stamp(started),
            elapsed_ms=round(((call.ended or call.started) - call.started) * 1000),
            request_id=self._redact.text(got["x-request-id"]) if got.get("x-request-id") else None,
        )

    def _kept(self, body: str | None) -> str | None:
        if not body:
            return None
        text = self._redact.text(body)
        keep = min(KEPT_BODY, max(0, self._left))
        self._left -= min(len(text), keep)
        return text if len(text) <= keep else f"{text[:keep]}… ({len(body)} bytes)"


def redacted_headers(listed: list[dict[str, str]], redactor: Redactor) -> tuple[tuple[str, str], ...]:
    """Headers with every secret replaced; of a key its kind and mode stay, which is what rules are about."""
    return tuple((item["name"], redacted_header(item["name"], item["value"], redactor)) for item in listed)


def redacted_header(name: str, value: str, redactor: Redactor) -> str:
    """One header's value without its secret."""
    if name.lower() in ("authorization", "x-publishable-key"):
        scheme, blank, token = value.rpartition(" ")
        found = KEY.fullmatch(token)
        if found is not None:
            return f"{scheme}{blank}{found[1]}_{found[2]}_{redactor.fingerprint(token)}"
    return redactor.header(name, value)


def redacted_url(url: str, sensitive: frozenset[str], redactor: Redactor) -> str:
    """A URL whose query names no sensitive value, and which holds no credential."""
    split = urlsplit(url.partition("#")[0])
    pairs = parse_qsl(split.query, keep_blank_values=True)
    if any(name in sensitive for name, _ in pairs):
        told = [(name, redactor.fingerprint(value) if name in sensitive else value) for name, value in pairs]
        split = split._replace(query=urlencode(told, safe="[]:"))
    return redactor.text(urlunsplit(split._replace(netloc=split.netloc.rpartition("@")[2])))


def _credentials(message: Mapping[str, Any]) -> Iterator[str]:
    listed = message.get("headers")
    for item in listed if isinstance(listed, list) else ():
        name, value = (item.get("name"), item.get("value")) if isinstance(item, dict) else (None, None)
        if isinstance(name, str) and isinstance(value, str) and name.lower() in ("authorization", "x-publishable-key"):
            token = value.rpartition(" ")[2]
            # A mask, or a word that means something elsewhere too, must not be blanked all over a report.
            if KEY.fullmatch(token) or (len(token) >= 12 and not MASKED.fullmatch(token)):
                yield token


def _leaves(text: str | None, names: frozenset[str]) -> Iterator[str]:
    """The values at or under a sensitive member."""
    if text is None or not any(name in text for name in names):
        return
    try:
        pending = [(json.loads(text), False)]
    except (ValueError, RecursionError):
        return
    while pending:
        value, inside = pending.pop()
        if isinstance(value, dict):
            pending.extend((item, inside or name in names) for name, item in value.items())
        elif isinstance(value, list):
            pending.extend((item, inside) for item in value)
        elif inside and isinstance(value, str):
            yield value


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


__all__ = ["SCENARIO", "VARIABLES", "Recorder", "Survey", "redacted_header", "redacted_headers", "redacted_url"]

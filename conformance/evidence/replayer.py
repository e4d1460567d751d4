"""Sending a recorded trace again and comparing what comes back. This module's text ends every replay file.

It stands alone: nothing of the harness, only the standard library and httpx. How a trace is made is ``replay.py``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import secrets
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from string import Template
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)?")
NAMES_AN_ID = re.compile(r"(^|_|[a-z])(id|Id|ID|[cC]ursor|[rR]ef)$")

SAME, OTHER, UNTRIED = 1, 0, 2
"""Exit codes: the fault still shows, it does not, nothing can be said."""


ROUNDS = 5
"""Rounds of a trace with simultaneous requests: what takes a meeting of them need not show each time."""


@dataclass(frozen=True)
class Answer:
    """What came back; ``status`` is None when nothing did."""

    status: int | None
    headers: Sequence[tuple[str, str]] = ()
    body: str = ""
    asked: str = ""
    """The request as the trace writes it, which tells whether the same has been asked before."""


@dataclass
class Facts:
    """Turns answers into what two runs of one trace can be compared by.

    An id is told as the step it first appeared in, so that "the same id again" and "another id" differ. Times, amounts
    nobody sent and secrets are told as what they are; of amounts also what is the product of what, and which changed.
    Of a list only the rows that carry an id of the trace count, since others' rows come and go, and of a list that is
    read again those that have come since and move an amount the trace states; a list of rows without ids counts whole.
    """

    stated: frozenset[str]
    """What the trace's own requests say: repeated word for word."""
    secret: frozenset[str]
    """Members whose values the recording does not hold."""
    known: dict[str, str] = field(default_factory=dict)
    _new: dict[str, str] = field(default_factory=dict)
    _amounts: dict[tuple[str, str], str] = field(default_factory=dict)
    _step: int = 0
    _asked: str = ""
    _rows: dict[str, set[str]] = field(default_factory=dict)
    """What the rows of each list that was read are known by."""

    def of(self, step: int, answers: Sequence[Answer]) -> list[str]:
        """The facts of the answers of one step, in an order of their own: simultaneous answers have none."""
        self._step, self._new = step, {}
        told = sorted({self._answer(answer) for answer in answers})
        if len(answers) > 1:
            names = list(self._new.values())
            told += [f"{'one' if names.count(name) == 1 else 'several'}: {name}" for name in sorted(set(names))]
        self.known.update(self._new)
        return told

    def _answer(self, answer: Answer) -> str:
        if answer.status is None:
            return "no answer"
        headers = {name.lower(): value for name, value in answer.headers}
        told: dict[str, Any] = {"status": answer.status}
        self._asked = answer.asked
        told["content-type"] = headers.get("content-type", "none").partition(";")[0].strip().lower()
        found = headers.get("x-request-id")
        told["X-Request-Id"] = "none" if found is None else self._text("X-Request-Id", found)
        try:
            told["body"] = self._value("", json.loads(answer.body)) if answer.body else "empty"
        except (ValueError, RecursionError):
            told["body"] = "not JSON"
        return json.dumps(told, sort_keys=True)

    def _value(self, name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return self._object(value)
        if isinstance(value, list):
            rows: list[Any] = []
            for item in self.kept(value):
                row = self._value(name, item)
                if rows and rows[-1] in (row, ["several", row]):
                    rows[-1] = ["several", row]
                else:
                    rows.append(row)
            return rows
        if isinstance(value, str):
            return self._text(name, value)
        if isinstance(value, float) or (type(value) is int and abs(value) >= 10_000):
            return f"a JSON number ({type(value).__name__})"
        return value

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        # Whether a page is the last one depends on what others did.
        paged = any(not item or any(map(self._moves, item)) for item in value.values() if isinstance(item, list))
        told = {
            member: self._value(member, item)
            for member, item in sorted(value.items())
            if not (paged and member.lower().endswith(("cursor", "hasmore")))
        }
        texts = {member: item for member, item in value.items() if isinstance(item, str)}
        ids = [self.known.get(text) or self._new.get(text) for text in texts.values()]
        for identity in filter(None, ids):
            for member, text in texts.items():
                if told.get(member, "").endswith("decimal text"):
                    before = self._amounts.setdefault((identity, member), text)
                    told[member] += "" if before == text else ", another than before"
        sums = [(a, b, c) for a in texts for b in texts for c in texts if a < b and c not in (a, b)]
        products = [f"{c} = {a} x {b}" for a, b, c in sums if is_product(texts[a], texts[b], texts[c])]
        return told | ({"(products)": products} if products else {})

    def _moves(self, row: Any) -> bool:
        return any(self._changes(name, value) for _, name, value in walk(row))

    def kept(self, rows: list[Any]) -> list[Any]:
        """The rows of a list that carry an id of the trace, or nothing that changes from run to run."""
        kept, before = [], self._rows.get(self._asked)
        for row in rows:
            leaves = walk(row)
            ours = any(value in self.known for _, _, value in leaves) or not self._moves(row)
            if ours or (before is not None and self._came_of_it(leaves, before)):
                kept.append(row)
        if self._asked:
            self._rows[self._asked] = (before or set()) | {value for row in rows for _, _, value in walk(row)}
        return kept

    def _came_of_it(self, leaves: Sequence[tuple[Any, str, str]], before: set[str]) -> bool:
        """Whether a row was not there when its list was read before, and moves an amount the trace states."""
        handed = [value for _, name, value in leaves if self._changes(name, value)]
        amounts = {value.removeprefix("-") for _, _, value in leaves if DECIMAL.fullmatch(value)}
        return bool(handed) and not before & set(handed) and bool(amounts & self.stated)

    def _changes(self, name: str, value: str) -> bool:
        return value not in self.stated and flows(name, value)

    def _text(self, name: str, value: str) -> str:
        if name in self.secret:
            return "a secret"
        named = self.known.get(value) or self._new.get(value)
        if named or value in self.stated:
            return named or value
        if DECIMAL.fullmatch(value) and not NAMES_AN_ID.search(name):
            sign = "zero" if not value.strip("-0.") else "negative" if value.startswith("-") else "positive"
            unsigned = value.removeprefix("-")
            return f"-{unsigned}" if sign == "negative" and unsigned in self.stated else f"a {sign} decimal text"
        if MOMENT.fullmatch(value):
            return "a time"
        if flows(name, value):
            return self._new.setdefault(value, f"{name} of step {self._step}")
        if any(character.isspace() for character in value):
            return "a sentence"
        return re.sub(r"[0-9a-f]{8,}|[0-9]{4,}", "…", value)


def flows(name: str, value: str) -> bool:
    """Whether a member of an answer is something handed out, such as an id, which differs from run to run."""
    if NAMES_AN_ID.search(name):
        return any(character.isdigit() for character in value)
    if len(value) < 8 or any(character.isspace() for character in value):
        return False
    handed = any(character.isdigit() for character in value) and "/" not in value
    return handed and not DECIMAL.fullmatch(value) and not MOMENT.fullmatch(value)


def is_product(first: str, second: str, third: str) -> bool:
    """Whether the third amount is the product of the others, but for rounding."""
    if not all(DECIMAL.fullmatch(text) and len(text) < 40 for text in (first, second, third)):
        return False
    product, amount = Decimal(first) * Decimal(second), Decimal(third)
    return amount != 0 and abs(product - amount) <= abs(amount) / 100_000


def walk(value: Any, path: tuple[Any, ...] = (), name: str = "") -> list[tuple[tuple[Any, ...], str, str]]:
    """Every text in a JSON value: its path, the member it belongs to, and the text."""
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in walk(item, (*path, key), key)]
    if isinstance(value, list):
        return [leaf for index, item in enumerate(value) for leaf in walk(item, (*path, index), name)]
    return [(path, name, value)] if isinstance(value, str) else []


def at(body: str, path: Sequence[Any]) -> str | None:
    """The text at ``path`` of a JSON body, or None."""
    try:
        value = json.loads(body)
        for part in path:
            value = value[part]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return None
    return value if isinstance(value, str) else None


def spelled(
    request: Mapping[str, Any], values: Mapping[str, str], base: str
) -> tuple[str, list[tuple[bytes, bytes]], bytes | None]:
    """The URL, headers and body of a request with this run's values in the place of the recorded ones."""
    split = urlsplit(base)
    places = {"base": base, "origin": f"{split.scheme}://{split.netloc}"}
    in_url = {name: quote(value.encode("utf-8", "replace"), safe="") for name, value in values.items()} | places
    in_body = {name: json.dumps(value)[1:-1] for name, value in values.items()}
    headers = [
        (name.encode("utf-8", "replace"), Template(text).substitute(values).encode("utf-8", "replace"))
        for name, text in request["headers"]
    ]
    body = request["body"]
    content = None if body is None else Template(body).substitute(in_body).encode("utf-8", "replace")
    return Template(request["url"]).substitute(in_url), headers, content


def send(client: httpx.Client, request: Mapping[str, Any], values: Mapping[str, str], base: str) -> Answer:
    """Send one request. What the network did to it is an answer without a status."""
    url, headers, content = spelled(request, values, base)
    try:
        reply = client.request(request["method"], url, headers=headers, content=content)
    except httpx.HTTPError as trouble:
        return Answer(None, body=f"{type(trouble).__name__}: {trouble}")
    return Answer(reply.status_code, list(reply.headers.items()), reply.text, asked(request))


def asked(request: Mapping[str, Any]) -> str:
    """A request for a list in the words of the trace; empty for one that changes something."""
    return f"{request['account']} {request['url']}" if request["method"] == "GET" else ""


def warm(client: httpx.Client, base: str, count: int) -> None:
    """Open ``count`` connections, so that simultaneous requests arrive together. Nothing of the trace is sent."""

    def knock(at_once: threading.Barrier) -> None:
        at_once.wait(30)
        with contextlib.suppress(httpx.HTTPError):
            client.head(base)

    ready = threading.Barrier(count)
    threads = [threading.Thread(target=knock, args=(ready,), daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def send_together(client: httpx.Client, requests: Sequence[Any], values: Mapping[str, str], base: str) -> list[Answer]:
    """Send requests at the same moment, one thread each, over connections opened before."""
    answers = [Answer(None)] * len(requests)
    ready = threading.Barrier(len(requests))

    def run(index: int) -> None:
        ready.wait(30)
        answers[index] = send(client, requests[index], values, base)

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(len(requests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return answers


def taken(step: Mapping[str, Any], answers: Sequence[Answer]) -> dict[str, str]:
    """What later requests need of these answers: from the answer that gave it then, else from one beside it."""
    found = {}
    for name, (index, path) in step["takes"].items():
        for answer in (answers[index], *answers):
            value = at(answer.body, path)
            if value is not None:
                found[name] = value
                break
    return found


def starting_values(trace: Mapping[str, Any]) -> dict[str, str]:
    """Keys and other values from the environment, and fresh ones for this run. Exits 2 and names what is missing."""
    missing = sorted({variable for variable in trace["variables"].values() if not os.environ.get(variable)})
    if missing:
        print(f"set these environment variables first: {', '.join(missing)}", file=sys.stderr)
        sys.exit(UNTRIED)
    values = {name: os.environ[variable] for name, variable in trace["variables"].items()}
    values |= {name: f"sk_test_{secrets.token_hex(16)}" for name in trace["unknown_keys"]}
    for name, length in trace["idempotency_keys"].items():
        values[name] = secrets.token_hex(length)[:length]
    return values


def replay(trace: Mapping[str, Any], base: str, as_recorded: bool) -> int:
    """Send every step, print what came back beside what was recorded, and say whether the fault still shows."""
    values = starting_values(trace)
    facts = Facts(frozenset(trace["stated"]), frozenset(trace["secret_members"]))
    different: list[int] = []
    print(f"{trace['requirement']}: {trace['statement']}\nagainst {base}\n")
    with httpx.Client(timeout=30, follow_redirects=False, trust_env=False) as client:
        if most_at_once(trace) > 1:
            warm(client, base, most_at_once(trace))
        for number, step in enumerate(trace["steps"], 1):
            time.sleep(step["pause"] if as_recorded else min(step["pause"], 1))
            try:
                several = len(step["requests"]) > 1
                answers = (send_together if several else _alone)(client, step["requests"], values, base)
            except KeyError as absent:
                print(f"step {number} needs {absent}, which no answer of this run gave: the trace took another way")
                return OTHER
            found = taken(step, answers)
            values |= found
            facts.known |= {value: f"{name.rpartition('_')[0]} of step {number}" for name, value in found.items()}
            told = facts.of(number, answered_then(step, answers))
            same = told == step.get("facts")
            _show(number, step, answers, same)
            if _unanswered(step, answers):
                print("\nA request got no answer: nothing can be said of the fault.")
                return UNTRIED
            if step["compared"] and not same:
                different.append(number)
                _differ(step["facts"], told)
    return _conclude(trace, different)


def _alone(client: httpx.Client, requests: Sequence[Any], values: Mapping[str, str], base: str) -> list[Answer]:
    return [send(client, request, values, base) for request in requests]


def answered_then(step: Mapping[str, Any], answers: Sequence[Answer]) -> list[Answer]:
    """The answers to requests that had one in the recording; what got lost then cannot be compared."""
    pairs = zip(answers, step["requests"], strict=True)
    return [answer for answer, request in pairs if request["status"] is not None]


def _unanswered(step: Mapping[str, Any], answers: Sequence[Answer]) -> bool:
    pairs = zip(answers, step["requests"], strict=True)
    return any(answer.status is None and request["status"] is not None for answer, request in pairs)


def _show(number: int, step: Mapping[str, Any], answers: Sequence[Answer], same: bool) -> None:
    for request, answer in zip(step["requests"], answers, strict=True):
        url = request["url"].removeprefix("${base}").removeprefix("${origin}")
        observed = answer.status if answer.status is not None else f"no answer ({answer.body})"
        recorded = request["status"] if request["status"] is not None else "no answer"
        beside = "" if len(answers) == 1 else ", at the same moment"
        print(f"{number:3}. {request['account']}: {request['method']} {url}{beside}")
        print(f"     recorded {recorded}, observed {observed}")
    if step["compared"]:
        print(f"     compared: {'the same' if same else 'different'}")


def _differ(recorded: Sequence[str], observed: Sequence[str]) -> None:
    for word, ours, theirs in (("recorded", recorded, observed), ("observed", observed, recorded)):
        for fact in ours:
            if fact not in theirs:
                print(f"     {word}: {fact}")


def _conclude(trace: Mapping[str, Any], different: Sequence[int]) -> int:
    compared = [str(number) for number, step in enumerate(trace["steps"], 1) if step["compared"]]
    print(f"\nrecorded then: {trace['observed']}\nit should be:  {trace['expected']}")
    print(f"Compared were the answers of step {', '.join(compared)}: status, content type, and of the body members,")
    print("words, kinds of values, which ids and amounts are the same as before and which amount is a product.")
    if different:
        steps = ", ".join(map(str, different))
        print(f"Step {steps} answered otherwise: the fault does not show as recorded (exit 0).")
        return OTHER
    print("All of them are as recorded: the fault still shows (exit 1).")
    return SAME


def most_at_once(trace: Mapping[str, Any]) -> int:
    """The most requests of one moment."""
    return max(len(step["requests"]) for step in trace["steps"])


def main(trace: Mapping[str, Any]) -> int:
    """The command line of a replay file. A trace with simultaneous requests gets several rounds to show its fault."""
    options = argparse.ArgumentParser(description=f"Send again what broke {trace['requirement']}.")
    base = os.environ.get("REPLAY_BASE_URL") or trace["base_url"]
    options.add_argument("--base-url", default=base, help="default: $REPLAY_BASE_URL, else as recorded (%(default)s)")
    options.add_argument(
        "--pauses", action="store_true", help="wait between steps as long as then (default: at most a second)"
    )
    rounds = ROUNDS if most_at_once(trace) > 1 else 1
    options.add_argument(
        "--rounds", type=int, default=rounds, help="how often to try until the fault shows (default: %(default)s)"
    )
    chosen = options.parse_args()
    code = UNTRIED
    for number in range(1, chosen.rounds + 1):
        if chosen.rounds > 1:
            print(f"--- round {number} of at most {chosen.rounds}")
        code = replay(trace, chosen.base_url.rstrip("/"), chosen.pauses)
        if code != OTHER:
            break
    return code

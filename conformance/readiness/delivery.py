"""One trade, and the first delivery that announces it: shown so that a profile's ``[webhooks.pools]`` can be written.

Nothing of it is judged, and no signature is shown whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conformance.client import NetworkTrouble, Redactor, Refused
from conformance.plugin import tidy
from conformance.run import Run
from conformance.scenarios.bench import Bench
from conformance.scenarios.pools.desk import Desk
from conformance.scenarios.pools.mailbox import Mailbox, listening
from conformance.target import Webhooks
from conformance.webhooks.receiver import Delivery
from conformance.webhooks.signature import SCHEMES, verify

LONG = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
"""A run of characters that may be a digest or a token."""

WIDEST = 200
MEMBERS = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """What came of it: lines for a reader, and whether a delivery arrived."""

    lines: tuple[str, ...]
    arrived: bool


def show_delivery(run: Run) -> Shown:
    """Execute one trade within the limits and wait for the delivery that announces it."""
    target, bench = run.target, run.benches[0]
    bench.wire.recorder.context.scenario = "doctor"
    missing = target.lacking("webhooks")
    if missing:
        return Shown((f"no delivery can be shown: {missing}",), False)
    try:
        with listening(bench) as mailbox:
            return Shown(*_wait(bench, mailbox))
    except Refused as problem:
        return Shown((f"no delivery can be shown: it takes {problem.missing} ({problem.provider})",), False)
    except NetworkTrouble as problem:
        return Shown((f"no delivery can be shown: {problem.problem}",), False)
    except OSError as problem:
        return Shown((f"the receiver cannot listen: {problem.strerror or problem}",), False)
    finally:
        tidy(bench)


def _wait(bench: Bench, mailbox: Mailbox) -> tuple[tuple[str, ...], bool]:
    desk = Desk(bench)
    recipe = bench.target.outcomes.get("settled")
    quote = desk.firm(**(recipe.request if recipe else {}))
    executed = desk.execute(quote)
    trade = executed.object().get("transactId")
    if not executed.ok or not isinstance(trade, str):
        return (f"the trade was not executed (status {executed.status})",), False
    status = desk.poll_to_end(quote.id)[-1].object().get("status")
    lines = [f"executed one trade of {quote.amount} {desk.terms.fiat}: {plain(trade)}, now {plain(str(status))}"]
    patience = bench.target.patience.delivery
    delivery = mailbox.await_trade({trade, quote.id}, patience)
    if delivery is None:
        others = mailbox.receiver.deliveries()
        lines.append(f"no delivery named the trade at {mailbox.url} within {patience:g} s; {len(others)} other(s) came")
        delivery = next(iter(others), None)
    if delivery is None:
        return tuple(lines), False
    redactor = bench.wire.recorder.redactor
    lines += [f"POST {plain(delivery.path)}, {len(delivery.body)} bytes, headers:"]
    lines += [f"  {plain(name)}: {shortened(name, value, redactor)}" for name, value in delivery.headers]
    lines.append(f"body: {members(delivery.body)}")
    return (*lines, *advice(delivery, mailbox.settings)), True


def shortened(name: str, value: str, redactor: Redactor) -> str:
    """A header's value with its form and without its secrets: of each long run, the beginning and the length."""

    def cut(found: re.Match[str]) -> str:
        kind = "hex digits" if re.fullmatch("[0-9A-Fa-f]+", found[0]) else "characters"
        return f"{found[0][:4]}…({len(found[0])} {kind})"

    return plain(redactor.header(name, LONG.sub(cut, value)))


def members(body: bytes) -> str:
    """The names in a JSON body, without their values; the names of one level below, dotted."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return "not JSON"
    if not isinstance(document, dict):
        return "JSON, and no object"
    names = list(_names(document))
    further = f" and {len(names) - MEMBERS} more" if len(names) > MEMBERS else ""
    return f"a JSON object with {', '.join(names[:MEMBERS]) or 'no members'}{further}"


def _names(document: dict[str, Any]) -> Iterator[str]:
    for name, value in document.items():
        yield plain(name)
        if isinstance(value, dict):
            yield from (f"{plain(name)}.{plain(inner)}" for inner in value)


def advice(delivery: Delivery, settings: Webhooks) -> list[str]:
    """What to write under ``[webhooks.pools]``, found by trying every header under every scheme we know."""
    secret = settings.secret.reveal()
    found = [
        (name, scheme.name)
        for name, value in delivery.headers
        for scheme in SCHEMES.values()
        if verify([value], delivery.body, [secret], int(delivery.received), settings.tolerance, scheme).ok
    ]
    variable = settings.secret_variable
    if (settings.header.lower(), settings.scheme) in found:
        return [f"it verifies as the profile says: {settings.header}, {settings.scheme}, the secret in {variable}"]
    if found:
        lines = [f'  header = "{plain(found[0][0])}"', f'  scheme = "{found[0][1]}"']
        return [f"it verifies with the secret in {variable}; under [webhooks.pools] write", *lines]
    known = ", ".join(SCHEMES)
    advice = "check the secret, then compare the values above with what the vendor says of the scheme"
    return [f"no header verifies with the secret in {variable} under {known}: {advice}"]


def plain(text: str) -> str:
    """Text of somebody else's, fit for a terminal."""
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= WIDEST else f"{text[:WIDEST]}…"

"""What only the target itself can tell: that it answers, how fast, that it takes our key, and what time it has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from conformance.client import Reply
from conformance.readiness.report import Check, State
from conformance.run import PlainRead, key_refused
from conformance.target import Target

SKEW = 2.0
"""Seconds two clocks may differ before signatures and expiries may be judged wrongly."""


def address(target: Target, product: str, found: PlainRead) -> Check:
    """Whether the base URL answers, and how fast the first answer came."""
    url = target.base_urls[product]
    if found.reply is not None:
        took = (found.reply.received - found.sent) / timedelta(milliseconds=1)
        return Check("address", State.OK, f"{url} answered in {took:.0f} ms, connection and all")
    if found.refused:
        return Check("address", State.OK, f"{url} answers")
    return Check("address", State.UNREACHABLE, f"{url}: {found.problem}")


def key(target: Target, product: str, found: PlainRead) -> Check:
    """Whether the approved account's key is taken. Names its variable, never the key."""
    variable = target.accounts["approved"].secret_for(product)[1]
    if found.reply is not None:
        return Check("key", State.OK, f"{variable} is accepted")
    if found.refused:
        return Check("key", State.WRONG, key_refused(target, product, found.statuses[0]))
    return Check("key", State.NOTE, f"{variable} could not be tried")


def clock(sent: datetime, reply: Reply) -> Check:
    """How far the target's clock is from ours, told by the Date of one answer."""
    ahead = skew(reply.header("date"), sent, reply.received)
    if ahead is None:
        return Check("clock", State.WARNING, "the answer has no Date: expiries are judged by our clock alone")
    if abs(ahead) <= SKEW:
        return Check("clock", State.OK, f"within {SKEW:g} s of the target's")
    side = "behind" if ahead > 0 else "ahead of"
    return Check(
        "clock",
        State.WARNING,
        f"ours is at least {abs(ahead):.0f} s {side} the target's: signatures and expiries depend on it, set it right",
    )


def skew(date: str | None, sent: datetime, received: datetime) -> float | None:
    """Seconds the target's clock is at least ahead of ours, negative for behind; None for no time that can be read.

    A Date has whole seconds and was written at some moment between sending and receiving, so only what both cannot
    explain counts.
    """
    try:
        early = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    if early.tzinfo is None:
        early = early.replace(tzinfo=UTC)
    late = early + timedelta(seconds=1)
    if early > received:
        return (early - received).total_seconds()
    return min(0.0, (late - sent).total_seconds())

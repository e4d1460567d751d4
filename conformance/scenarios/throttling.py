"""Asking for everything with an account that has used up its rate: what any operation must answer then."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from conformance.client import Reply
from conformance.scenarios.judging import Judge

Send = Callable[..., Reply]


def judge_throttled(judge: Judge, requirement: str, send: Send, calls: Iterable[tuple[str, str]]) -> None:
    """Send each call (method and path) once, without waiting a 429 out, and judge that 429 is the answer."""
    replies = [(f"{method} {path}", send(method, path, patient=False)) for method, path in calls]
    wrong = [f"{name} {reply.status}" for name, reply in replies if reply.status != 429]
    judge.check(
        requirement,
        not wrong,
        f"429 from all {len(replies)} operations",
        ", ".join(wrong) or "429 from all",
        *(reply for _, reply in replies if reply.status != 429),
    )
    told = sum(reply.header("retry-after") is not None for _, reply in replies)
    judge.observe("Retry-After on 429", f"{'always' if told == len(replies) else 'at times' if told else 'never'}")

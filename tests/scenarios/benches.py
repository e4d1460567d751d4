"""A bench without a network: a made-up target, a clock that stands still, a wire that counts, and a journal to read."""

from __future__ import annotations

import dataclasses
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.client import Context, Redactor, Reply
from conformance.journal import Engine, Journal, Judgement, read
from conformance.requirements import load
from conformance.scenarios.bench import Bench
from conformance.scenarios.judging import Judge
from conformance.target import Budget, Target
from tests.client.clocks import NOON, FakeClock
from tests.doctor.targets import BARE


def reply(status: int = 200, body: object = None, exchange: str = "main-1", **headers: str) -> Reply:
    """An answer with a JSON body."""
    content = b"" if body is None else json.dumps(body).encode()
    return Reply(exchange, status, tuple(headers.items()), content, False, NOON)


@dataclass
class Recorder:
    """What a bench looks at of a recorder: who is sending."""

    context: Context = field(default_factory=lambda: Context("a scenario", Engine.SCENARIO))


@dataclass
class FakeWire:
    """Gives scripted answers to whatever is sent, and keeps what was."""

    answers: list[Reply | Exception] = field(default_factory=list)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    recorder: Recorder = field(default_factory=Recorder)
    sent: int = 0
    together: int = 0

    def burst(self, count: int) -> None:
        """As many as are meant to leave at once; there is nothing to pace."""
        self.together = count

    def send(self, who: Any, method: str, path: str, *, body: object = None, **more: Any) -> Reply:
        self.sent += 1
        self.asked.append((method, path, body))
        found = self.answers[min(self.sent, len(self.answers)) - 1]
        if isinstance(found, Exception):
            raise found
        return found


def bench(folder: Path, *answers: Reply | Exception, target: Target = BARE, **changes: Any) -> Bench:
    """A bench whose wire answers in this order; the last answer is repeated. ``changes`` go to the target."""
    target = dataclasses.replace(target, **changes)
    wire: Any = FakeWire(list(answers))
    journal = Journal(folder / "journal", "main")
    return Bench(target, wire, journal, FakeClock(), random.Random(1), Budget(target.limits), NOON)


def judge(bench_: Bench, *declared: str) -> Judge:
    """The voice of a scenario that declared these requirements; it knows one secret."""
    redactor = Redactor(b"key", ["sk_test_0123456789abcdef"])
    return Judge(bench_.journal, load(), redactor, bench_.wire.recorder.context, declared)


def judgements(folder: Path) -> list[Judgement]:
    """What the journal of ``bench(folder)`` says by now."""
    return read(folder / "journal").of(Judgement)

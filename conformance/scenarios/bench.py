"""What every scenario works with: the target, its accounts, the wire, the recipes, and a memory of what was made.

Nothing here judges. Product-specific moves are next door (``pools/desk.py``).
"""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from conformance.client import Clock, Credentials, GateApi, PoolsApi, Refused, Reply, Wire
from conformance.journal import Journal, Order
from conformance.target import GATE_RECIPES, Budget, Recipe, Target, refusal

T = TypeVar("T")

TOGETHER = 30.0
"""Seconds simultaneous requests may take beyond their own timeouts before the harness gives up on its threads."""


@dataclass
class Bench:
    """One process's view of the run."""

    target: Target
    wire: Wire
    journal: Journal
    clock: Clock
    rng: random.Random
    budget: Budget
    started: datetime
    orders: list[Order] = field(default_factory=list)
    open_quotes: dict[str, tuple[str, datetime | None]] = field(default_factory=dict)
    """Firm quotes of this run that nobody consumed or rejected yet: the account that made each, and its expiry."""
    open_sessions: dict[str, str] = field(default_factory=dict)
    """0Gate sessions of this run that nobody ended yet, and the account that made each."""
    customers: dict[str, str] = field(default_factory=dict)
    """Customer records of this run that nobody deleted yet, and the account that made each."""
    shared: dict[str, Any] = field(default_factory=dict)
    """What scenarios of one process read once and use often (discovery, capabilities)."""
    closing: ExitStack = field(default_factory=ExitStack)
    """What has to be closed when the run ends, while the target can still be asked."""
    reserved: int = 0
    """Trades the running scenario must leave for those that come after all others."""

    def credentials(self, account: str, product: str = "pools") -> Credentials:
        """The secret key of ``account``. Raises ``Refused`` when the profile does not provide it."""
        found = self.target.accounts.get(account)
        key = None if found is None else found.secret_for(product)[0]
        if key is None:
            raise Refused(f"account {account!r} with a secret key", "the operator of the target")
        return Credentials(account, key.reveal())

    def pools(self, account: str = "approved") -> PoolsApi:
        """0Pools as seen by ``account``."""
        return PoolsApi(self.wire, self.credentials(account))

    def published(self, account: str = "approved") -> PoolsApi:
        """0Pools with the publishable key of ``account``. Raises ``Refused`` without one."""
        found = self.target.accounts.get(account)
        if found is None or found.publishable_key is None:
            raise Refused(f"a publishable key of account {account!r}", "the partner")
        return PoolsApi(self.wire, Credentials(account, found.publishable_key.reveal()))

    def anonymous(self, token: str | None = None) -> PoolsApi:
        """0Pools without a key, or with one nobody issued."""
        return PoolsApi(self.wire, Credentials("nobody", token))

    def gate(self, account: str = "approved") -> GateApi:
        """0Gate as seen by the server of ``account``."""
        return GateApi(self.wire, self.credentials(account, "gate"))

    def gate_published(self, account: str = "approved") -> GateApi:
        """0Gate with the publishable key of ``account``. Raises ``Refused`` without one."""
        return GateApi(self.wire, self.published(account).who)

    def gate_anonymous(self, token: str | None = None) -> GateApi:
        """0Gate without a key, or with one nobody issued."""
        return GateApi(self.wire, Credentials("nobody", token))

    def recipe(self, outcome: str) -> Recipe:
        """How this target is made to show ``outcome``. Raises ``Refused`` when the profile does not say."""
        found = self.target.outcomes.get(outcome)
        if found is None:
            raise Refused(f"a recipe [outcomes.{outcome}] in the profile", "the operator of the target")
        return found

    def perform(self, outcome: str, **facts: str) -> list[Reply]:
        """Make the helper calls of a recipe, its templates filled from ``facts``.

        Raises ``Refused`` when a helper does not answer 2xx: then the outcome was not brought about by us.
        """
        replies = []
        product = "gate" if outcome in GATE_RECIPES else "pools"
        for call in self.recipe(outcome).calls:
            who = self.credentials(call.account, product) if call.account else Credentials("helper", None)
            url = call.url_for(self.target.base_urls[product], facts)
            reply = self.wire.send(who, call.method, url, product=product, body=call.body_for(facts), retry=True)
            if not reply.ok:
                raise Refused(
                    f"helper {call.method} of [outcomes.{outcome}] to succeed (it answered {reply.status})",
                    "the operator of the target",
                )
            replies.append(reply)
        if outcome == "time_passes":
            self.shared.setdefault("time passed", []).append((facts.get("account", ""), int(facts["seconds"])))
        return replies

    def time_passed(self, account: str) -> tuple[int, int]:
        """Seconds by which helpers have moved clocks so far: that of ``account``, and all together."""
        moves: list[tuple[str, int]] = self.shared.get("time passed", [])
        return sum(seconds for who, seconds in moves if who == account), sum(seconds for _, seconds in moves)

    def afford(self, amount: str) -> None:
        """Count one trade of ``amount`` against the profile's limits. Raises ``Refused`` beyond them."""
        why = refusal(self.target, "POST")
        if not why and self.reserved and self.trades_left(amount) == 0:
            why = f"the limits leave no more than the {self.reserved} trades kept for the scenarios that come last"
        why = why or self.budget.take(amount)
        if why:
            raise Refused(why, "the author of the profile")

    def trades_left(self, amount: str) -> int | None:
        """How many trades of ``amount`` the running scenario may still plan; None without limits."""
        limits = self.target.limits
        if limits is None:
            return None
        trades, notional = self.budget.planned
        left, each = limits.trades - trades, Decimal(amount)
        if each:
            left = min(left, int((limits.notional - notional) / each))
        return max(0, left - self.reserved)

    def together(self, calls: Sequence[Callable[[], T]]) -> list[T | BaseException]:
        """Run ``calls`` at the same moment, one thread each, and return what each gave or raised, in order."""
        self.wire.burst(len(calls))
        barrier = threading.Barrier(len(calls))
        results: list[T | BaseException] = [TimeoutError("the call did not end")] * len(calls)

        def run(index: int) -> None:
            try:
                barrier.wait(TOGETHER)
                results[index] = calls[index]()
            except BaseException as problem:
                results[index] = problem

        threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(len(calls))]
        for thread in threads:
            thread.start()
        deadline = self.clock.monotonic() + TOGETHER + 3 * self.target.patience.request
        for thread in threads:
            thread.join(max(0.0, deadline - self.clock.monotonic()))
        return list(results)

    def key(self) -> str:
        """A fresh idempotency key: another one in every run, since a target remembers those of an earlier one.

        Which key stands where in a run is decided by the seed.
        """
        return f"conformance-{self.started:%y%m%d%H%M%S%f}-{self.rng.getrandbits(64):016x}"

    def uuid(self) -> str:
        """A fresh idempotency key in the form 0Gate's samples have: one page says UUID, others any string."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, self.key()))


def settled_replies(results: Sequence[Reply | BaseException]) -> list[Reply]:
    """The replies among simultaneous results. Raises the first problem when there is no reply at all."""
    replies = [result for result in results if isinstance(result, Reply)]
    if not replies:
        raise next(result for result in results if isinstance(result, BaseException))
    return replies


def merged(base: Mapping[str, object], *overrides: Mapping[str, object]) -> dict[str, object]:
    """``base`` with overrides applied; None removes a member."""
    result = dict(base)
    for override in overrides:
        result.update(override)
    return {name: value for name, value in result.items() if value is not None}

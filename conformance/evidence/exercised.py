"""How much of what the sources state about operations a run met: the (operation, status) pairs it exercised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from conformance.journal import Engine, Exchange


@dataclass(frozen=True, slots=True)
class Exercised:
    """What was stated and what was met of it."""

    operations: int
    """Operations that were called and answered."""
    of_operations: int
    pairs: int
    of_pairs: int
    missing: tuple[str, ...]
    """The pairs nobody met, as ``GET /pools 429``."""

    def __str__(self) -> str:
        """One line, without what is missing; empty where nothing is stated."""
        if not self.of_pairs:
            return ""
        share = 100 * self.pairs // self.of_pairs
        return (
            f"{self.operations} of {self.of_operations} operations, {self.pairs} of {self.of_pairs} stated "
            f"(operation, status) pairs ({share} %)"
        )


def exercised(stated: Mapping[str, Sequence[str]], exchanges: Iterable[Exchange]) -> Exercised:
    """What of ``stated`` (operation to statuses, ``2XX`` for any success) the exchanges met.

    A partner's own traffic is none of the run's: it went elsewhere.
    """
    met: dict[str, set[str]] = {}
    for exchange in exchanges:
        if exchange.engine == Engine.TRAFFIC:
            continue
        if exchange.operation is not None and exchange.operation in stated and exchange.status is not None:
            seen = met.setdefault(exchange.operation, set())
            seen.add(str(exchange.status))
            if 200 <= exchange.status < 300:
                seen.add("2XX")
    wanted = [(operation, status) for operation, statuses in stated.items() for status in statuses]
    missing = tuple(f"{operation} {status}" for operation, status in wanted if status not in met.get(operation, ()))
    return Exercised(len(met), len(stated), len(wanted) - len(missing), len(wanted), missing)

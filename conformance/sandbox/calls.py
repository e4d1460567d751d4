"""One call of one operation: what a handler is given and what it answers, without any HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType

from conformance.sandbox.clock import Clock
from conformance.sandbox.keys import Keyring, Kind
from conformance.sandbox.storage import Store


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Everything a handler may reach: the stored world, the clock and how this process was started."""

    mode: str
    store: Store
    clock: Clock
    keyring: Keyring
    polls_to_settle: int
    iban: str
    wake_deliveries: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose caller is known. ``owner`` is partner and mode together: the scope of every object."""

    sandbox: Sandbox
    account: str
    owner: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: a status and a JSON body."""

    status: int
    body: Mapping[str, object]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One documented operation. Its handler is looked up by name at each call, so that it can be replaced."""

    method: str
    path: str
    module: ModuleType
    handler: str
    keys: tuple[Kind, ...] = (Kind.SECRET,)

    def handle(self, call: Call) -> Reply:
        handler: Callable[[Call], Reply] = getattr(self.module, self.handler)
        return handler(call)


def owner_of(account: str, mode: str) -> str:
    """The scope under which objects are stored and found: one partner in one mode."""
    return f"{mode}:{account}"

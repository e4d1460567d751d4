"""Which handler is judged: address, secret, probe and patience, and what is refused outright."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import httpx

from conformance.webhooks.effects import EffectsProbe, Probe
from conformance.webhooks.signature import DEFAULT_TOLERANCE, TIMED, Scheme
from conformance.webhooks.vectors import Choice

MAX_TOLERANCE: Final = 86_400
"""Seconds; beyond it a signed time says nothing."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds. The answer has the ten that 0Gate publishes for a sender."""

    answer: float = 10.0
    effects: float = 10.0
    quiet: float = 0.5
    """How long the effect counts must stay as they are before they are taken as final."""
    grace: float = 2.0
    """How much longer to listen for an answer, to tell a late one from none."""
    body: float = 2.0
    """How long the slow sender takes to send its body."""
    restart: float = 60.0
    """How long a restart of the handler may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerUnderTest:
    """Where a handler is, the secret it verifies with, and how its effects are seen.

    ``run`` goes into every id, so that no two runs share an event: 1 to 40 letters, digits, ``_`` or ``-``.
    ``tolerance`` is in seconds; a handler may be stricter. ``effects`` None means that nobody can see them; ``restart``
    is a command that restarts the handler, if the partner has one. Raises ``ValueError`` for a live secret, always,
    and for an address off this machine unless ``confirmed``: valid deliveries have effects where they arrive.
    """

    url: str
    secret: str = field(repr=False)
    effects: Probe | None
    run: str
    header: str = "Gate-Signature"
    scheme: Scheme = TIMED
    tolerance: int = DEFAULT_TOLERANCE
    choice: Choice = field(default_factory=Choice)
    restart: tuple[str, ...] = ()
    patience: Patience = Patience()
    confirmed: bool = False
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        if not self.secret:
            raise ValueError("the handler's secret is empty: set the environment variable the profile names")
        if "_live_" in self.secret:
            raise ValueError("the handler's secret is a live one: test deliveries are never signed with it")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", self.run):
            raise ValueError(f"run {self.run!r} cannot be part of an id: use 1 to 40 letters, digits, _ or -")
        if not re.fullmatch(r"[A-Za-z0-9_-]+", self.header):
            raise ValueError(f"handler header {self.header!r} is no header name: use letters, digits, _ or -")
        if not 1 <= self.tolerance <= MAX_TOLERANCE:
            raise ValueError(f"a tolerance of {self.tolerance} s is none: give 1 to {MAX_TOLERANCE} seconds")
        _check_address("url", self.url, confirmed=self.confirmed)
        if isinstance(self.effects, EffectsProbe):
            _check_address("effects_url", self.effects.url, confirmed=self.confirmed)


def _check_address(name: str, url: str, *, confirmed: bool) -> None:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as problem:
        raise ValueError(f"handler {name} is no address ({problem}): write http://host:port/path") from problem
    if address.scheme not in {"http", "https"} or not address.host or not 0 < (address.port or 80) < 65536:
        raise ValueError(f"handler {name} is no address: write http://host:port/path")
    if address.userinfo:
        raise ValueError(f"handler {name} carries credentials: leave them out, they would end up in the record")
    if not confirmed and not _is_loopback(address.host):
        raise ValueError(
            f"handler {name} is at {address.host}, not on this machine: confirm that test deliveries may go"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

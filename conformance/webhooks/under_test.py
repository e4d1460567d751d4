"""Which handler is judged: address, secret, probe and patience, and what is refused outright."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from conformance.webhooks.effects import EffectsProbe
from conformance.webhooks.signature import DEFAULT_TOLERANCE, TIMED, Scheme


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds. The answer has the ten that 0Gate publishes for a sender."""

    answer: float = 10.0
    effects: float = 10.0
    quiet: float = 0.5
    """How long the effect counts must stay as they are before they are taken as final."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerUnderTest:
    """Where a handler is, the secret it verifies with, and how its effects are seen.

    ``run`` goes into every id, so that no two runs share an event: 1 to 40 letters, digits, ``_`` or ``-``.
    ``tolerance`` is in seconds; a handler may be stricter. Raises ``ValueError`` for a live secret, always,
    and for an address off this machine unless ``confirmed``: valid deliveries have effects where they arrive.
    """

    url: str
    secret: str = field(repr=False)
    effects: EffectsProbe
    run: str
    header: str = "Gate-Signature"
    scheme: Scheme = TIMED
    tolerance: int = DEFAULT_TOLERANCE
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
        for name, url in (("url", self.url), ("effects_url", self.effects.url)):
            _check_address(name, url, confirmed=self.confirmed)


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

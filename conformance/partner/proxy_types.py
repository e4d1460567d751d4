"""What the proxy and its recorder speak of: where requests go, within which limits, and one exchange as it was seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

KEPT_BODY: Final = 1 << 20
"""Bytes of a body that are handed to the recorder; all of it is passed on."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where requests go: an origin. Paths are passed on as they are."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Upstream:
        """The upstream of a checked URL; its path is not part of it."""
        parts = urlsplit(url)
        return cls(parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme and authority."""
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and numbers within which the proxy stays."""

    connect: float = 10.0
    idle: float = 300.0
    """Without a byte in either direction, or between two requests."""
    connections: int = 256


@dataclass(slots=True)
class Message:
    """One half of an exchange as far as it was seen."""

    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    size: int = 0
    done: bool = False

    def add(self, data: bytes | bytearray) -> None:
        """Take a piece of the body, within ``KEPT_BODY``."""
        self.size += len(data)
        if len(self.body) < KEPT_BODY:
            self.body += data[: KEPT_BODY - len(self.body)]


@dataclass(slots=True)
class Exchanged:
    """One exchange as it went through the proxy, unredacted: it goes to the recorder and nowhere else."""

    started: datetime
    method: str
    url: str
    request: Message
    response: Message
    status: int | None = None
    elapsed: float = 0.0
    """Seconds from the head of the request to the end of the answer."""
    error: str = ""


class Hung(Exception):
    """One side hung up, broke the protocol or stayed silent: the connection ends here."""


__all__ = ["KEPT_BODY", "Exchanged", "Hung", "Limits", "Message", "Upstream"]

"""Which URLs a profile may hold, and which hosts are whose. Nothing here connects to anything."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

PRODUCTION_HOSTS = frozenset({"pools-api.0bit.app", "gate-api.0bit.app"})
"""Published hosts where money is real (seed 001, base URLs; seed 002, main production host)."""


def objection(url: str) -> str | None:
    """Why the URL cannot be used, in words that do not repeat it; None if it can.

    Plain http is for loopback. Credentials, queries and fragments have no place in the URL of a service.
    """
    if any(c.isspace() or not c.isprintable() or c == "\\" for c in url):
        return "it has white space, control characters or a backslash in it"
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return "its host or port is malformed"
    if parts.scheme not in ("http", "https") or not host:
        return "it is not an absolute http or https URL"
    if "@" in parts.netloc:
        return "it carries credentials"
    if "{" in parts.netloc or "}" in parts.netloc:
        return "it has a placeholder in its host"
    if "?" in url or "#" in url:
        return "it has a query or a fragment"
    if parts.scheme == "http" and not is_loopback(host):
        return "it is plain http to a host that is not loopback"
    return None


def is_loopback(host: str) -> bool:
    """Whether the host name or address can only be this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def host_of(url: str) -> str:
    """The host name of a checked URL, in lower case."""
    return (urlsplit(url).hostname or "").lower().rstrip(".")


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a checked URL."""
    parts: SplitResult = urlsplit(url)
    return parts.scheme, host_of(url), parts.port or (443 if parts.scheme == "https" else 80)


__all__ = ["PRODUCTION_HOSTS", "host_of", "is_loopback", "objection", "origin_of"]

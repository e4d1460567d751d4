"""One HTTP POST to a partner's endpoint: bounded in time, without redirects and without a proxy."""

from __future__ import annotations

import http.client
import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

TIMEOUT_SECONDS: Final = 10.0
MAX_ANSWER: Final = 64 * 1024


class EndpointError(ValueError):
    """A URL that events are not sent to."""


def check_url(url: str, allow_remote: bool) -> None:
    """Raise ``EndpointError`` unless this is an http(s) URL, on this machine if nothing else is allowed."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise EndpointError(f"the webhook URL is malformed: {error}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise EndpointError("the webhook URL must be http:// or https:// with a host")
    if parts.username is not None or any(character <= " " or character >= "\x7f" for character in url):
        raise EndpointError("the webhook URL must be plain ASCII without credentials")
    if not allow_remote and not is_local(parts.hostname):
        raise EndpointError("the webhook URL must be on this machine unless --allow-remote-webhooks is given")


def is_local(host: str) -> bool:
    """Whether a host is a loopback address or ``localhost``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def post(url: str, headers: Mapping[str, str], body: bytes, seconds: float = TIMEOUT_SECONDS) -> int:
    """The status of the answer. ``OSError`` or ``http.client.HTTPException`` when there is none in so many seconds."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=seconds)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, dict(headers))
        answer = connection.getresponse()
        answer.read(MAX_ANSWER)
        return answer.status
    finally:
        connection.close()
